/* SPDX-License-Identifier: MIT */
/* Files of PAM's services, in which another product may have lines. */
#ifndef STEPS_PAMFILE_H
#define STEPS_PAMFILE_H

#include <limits.h>

#include "lib/steps/step.h"

#define PAM_DIR "/etc/pam.d"

/* Does fs_read say by this that there is no file of PAM's, but nothing, a link, a directory, a
 * flood? */
bool pamfile_is_none(int r);

/*
 * Look for lines of pam_aad.so that are not ours where a name in PAM_DIR leads.  Links between
 * names in it are not followed: each file is looked at by its own.  Of the others the one kind is
 * followed that authselect makes, see authselect.h.
 * ret_path  the file that has them, and is edited
 * ret       its text; ret_meta may be NULL
 * Returns 1; 0 when there are none, or no file; -EPERM with the remedy when they are behind another
 * link, since with `default=die` they lock local users out once the module is gone; and what keeps
 * a file from being read, such as -EIO.  Outputs are written for 1 alone.
 */
int pamfile_foreign(struct machine *m, const char *path, char ret_path[PATH_MAX], struct buf *ret,
		    struct fs_meta *ret_meta, struct err *err);

#endif
