/* SPDX-License-Identifier: MIT */
/*
 * The index beside /etc/aadpasswd (lib/core/aadindex.h), as programs keep and use it.  It is noted
 * by no witness: the runtime rewrites it, and nothing depends on it.
 */
#ifndef SYS_USERINDEX_H
#define SYS_USERINDEX_H

#include "lib/core/aadindex.h"
#include "lib/sys/sys.h"

/* Is there an index, root's alone to write, of the text in force? */
bool userindex_is_current(struct sys *sys);

/*
 * Make the index of the text in force, unless there is one; without a text remove it.  Whoever
 * publishes the text calls this right after, under the lock of the accounts.  What goes wrong (the
 * text is not trusted, there is no room) costs time alone: old indexes are of no other text.
 */
int userindex_publish(struct sys *sys, struct err *err);

/* Absent already is success. */
int userindex_remove(struct sys *sys, struct err *err);

/*
 * The first user with that name (lower-case), by the index.  *ret borrows from buffer.  0; -ENOENT:
 * nobody has it; -ESTALE: the index cannot tell, the text has to be read.
 */
int userindex_find(struct sys *sys, const char *lower, unsigned char buffer[AADINDEX_FETCH_MAX],
		   struct aad_user *ret);

#endif
