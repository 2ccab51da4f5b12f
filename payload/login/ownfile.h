/* SPDX-License-Identifier: MIT */
/* Small text files that the running user keeps for itself in a private directory. */
#ifndef LOGIN_OWNFILE_H
#define LOGIN_OWNFILE_H

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

/* fs_read, and -EPERM for a file that is not the running user's or root's alone. */
int ownfile_read(struct sys *sys, const char *path, size_t max, struct buf *ret, struct err *err);

/* Publish with mode 0600; see fs_replace. */
int ownfile_write(struct sys *sys, const char *path, struct span data, struct err *err);

#endif
