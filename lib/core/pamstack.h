/* SPDX-License-Identifier: MIT */
/*
 * Text of a file of /etc/pam.d: our line, first of the account stack.
 *
 *     account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die]
 * pam_aad.so
 *
 * First, so that no earlier line can let a denial pass (`sufficient`, a jump); `default=die`,
 * so that no later one can; `module_unknown=ignore`, so that a missing module locks nobody out.
 * A line is ours when it is of the account type and its module is pam_aad.so, whatever else it
 * says.  All other bytes stay: pamstack_remove gives back what pamstack_insert was given.
 * Source: pam.d(5); Debian's `@include`.
 */
#ifndef CORE_PAMSTACK_H
#define CORE_PAMSTACK_H

#include "lib/core/buf.h"

/* The line before a vendor's file that we copied to /etc/pam.d, to write ours into it. */
#define PAMSTACK_COPIED "# Copied by aadsshlogin, for its line; it goes with it.\n"

enum pam_question {
	PAM_LOGIN, /* may this person sign in? */
	PAM_ADMIN, /* ... and act as an administrator?  For the services of sudo */
};

/*
 * Whether the first line that can contribute to the account stack is ours, as it must be, and
 * no other line is ours.
 */
bool pamstack_holds(struct span text, enum pam_question question);

/*
 * Insert our line, and drop those of ours that are elsewhere or read otherwise.  Text of which
 * pamstack_holds comes back as it is.  -ENOENT when nothing contributes to the account stack: PAM
 * would have used the service `other`, and our line alone would lock everybody out.  -ENOMEM.
 */
int pamstack_insert(struct span text, enum pam_question question, struct buf *ret, struct err *err);

/* Take our lines out, and PAMSTACK_COPIED.  -ENOMEM. */
int pamstack_remove(struct span text, struct buf *ret, struct err *err);

#endif
