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

/* The stack that a line belongs to. */
enum pam_type {
	PAM_TYPE_NONE, /* a comment, an empty line, a word that PAM does not know */
	PAM_TYPE_AUTH,
	PAM_TYPE_ACCOUNT,
	PAM_TYPE_PASSWORD,
	PAM_TYPE_SESSION,
	PAM_TYPE_ANY, /* @include; what releases of libpam read differently counts as one too */
};

/* What PAM takes for one line: a backslash at the end joins the next.  Borrows from the text. */
struct pam_entry {
	struct span bytes; /* with newlines */
	enum pam_type type;
	struct span control; /* a word, or words in brackets; empty in a line that was joined */
	bool includes; /* the lines of another file stand in its place */
	bool aad; /* its module is pam_aad.so */
	bool ours; /* it is, byte for byte, a line that pamstack_insert writes */
};

bool pamstack_next(struct span *text, struct pam_entry *ret);

#endif
