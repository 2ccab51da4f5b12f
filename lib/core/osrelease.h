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
	char id[OSRELEASE_WORD_MAX]; /* "linux" when the file gives none */
	char id_like[OSRELEASE_LIKE_MAX]; /* words separated by blanks, may be "" */
	char version_id[OSRELEASE_WORD_MAX]; /* "" for rolling distributions */
};

/*
 * Parse the file.  Lines are blank, comments or NAME=VALUE, where the value is plain, or
 * quoted as a shell does; the last line of a name counts.  *ret is written only on success.
 * -EMSGSIZE over OSRELEASE_MAX; -EBADMSG with the line number when a line is nothing of that, or
 * when ID, ID_LIKE or VERSION_ID is too long or has other characters than letters, digits and ._-
 */
int osrelease_parse(struct span text, struct osrelease *ret, struct err *err);

#endif
