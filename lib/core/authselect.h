/* SPDX-License-Identifier: MIT */
/*
 * Text of authselect's files.  Source: authselect(8), authselect-profiles(5); releases 1.0 to 1.5.
 */
#ifndef CORE_AUTHSELECT_H
#define CORE_AUTHSELECT_H

#include "lib/core/buf.h"

#define AUTHSELECT_TEXT_MAX 4096 /* bytes of an authselect.conf that is still understood */
#define AUTHSELECT_WORDS_MAX 64 /* a profile and its features */

/* authselect.conf: the profile that is selected, a line, and its features, a line each. */
struct authselect_choice {
	char text[AUTHSELECT_TEXT_MAX]; /* what the words point into */
	const char *words[AUTHSELECT_WORDS_MAX + 1]; /* [0] the profile; NULL-terminated */
	size_t count; /* of the words, 0: none was read */
};

/*
 * Words become arguments and parts of paths: letters, digits and `._+/-`, the first no `-` nor `/`,
 * without `..`.  -EBADMSG for others, for too many, and when there is no profile; *ret is written
 * only on success.
 */
int authselect_parse(struct span text, struct authselect_choice *ret, struct err *err);

/* The same text with another profile.  -EBADMSG when there is none; -ENOMEM. */
int authselect_rename(struct span text, const char *profile, struct buf *ret, struct err *err);

/*
 * Split a generated nsswitch.conf in what the profile says and what follows from the owner's
 * user-nsswitch.conf, which is empty when nothing does.
 */
void authselect_split(struct span text, struct span *ret_profile, struct span *ret_user);

/* Are two generated files the same but for the time that releases before 1.3 write on top? */
bool authselect_same(struct span a, struct span b);

#endif
