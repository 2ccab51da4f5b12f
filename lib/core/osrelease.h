/* SPDX-License-Identifier: MIT */
/*
 * os-release: who a Linux system says that it is.  Source: os-release(5).
 */
#ifndef CORE_OSRELEASE_H
#define CORE_OSRELEASE_H

#include "lib/core/err.h"
#include "lib/core/span.h"

#define OSRELEASE_MAX ((size_t)64 << 10) /* bytes that are still read */
#define OSRELEASE_WORD_MAX 64
#define OSRELEASE_LIKE_MAX 256

struct osrelease {
	char id[OSRELEASE_WORD_MAX]; /* small letters; "linux" when the file gives none */
	char id_like[OSRELEASE_LIKE_MAX]; /* small letters, separated by blanks, may be "" */
	char version_id[OSRELEASE_WORD_MAX]; /* "" for rolling distributions */
	char codename[OSRELEASE_WORD_MAX]; /* VERSION_CODENAME, "" when there is none that can be */
};

/*
 * Parse the file.  Only the lines ID=, ID_LIKE=, VERSION_ID= and VERSION_CODENAME= are looked at:
 * values plain or quoted as a shell does, of which the last of a name counts; every other line is
 * skipped, whatever it holds.  *ret is written only on success.  -EMSGSIZE over OSRELEASE_MAX;
 * -EBADMSG for a NUL, or, with the line number, for one of the first three values that is not
 * quoted well, is too long or has other characters than letters, digits and ._-
 */
int osrelease_parse(struct span text, struct osrelease *ret, struct err *err);

#endif
