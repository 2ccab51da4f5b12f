/* SPDX-License-Identifier: MIT */
/* SHA256SUMS of the unpacked zip: is what will be installed what was packed? */
#ifndef HANDLER_SUMS_H
#define HANDLER_SUMS_H

#include <limits.h>

#include "lib/core/span.h"
#include "lib/sys/sys.h"

#define SUMS_NAME "SHA256SUMS"
#define SUMS_MAX ((size_t)64 << 10) /* bytes of SHA256SUMS that are still read */
#define SUM_HEX_SIZE 65

/* One line. */
struct sum {
	char sha256[SUM_HEX_SIZE]; /* lower-case */
	char name[NAME_MAX + 1]; /* below the folder */
};

/*
 * Take the next line of SHA256SUMS.  1; 0 at the end; -EBADMSG for a line that sha256sum would not
 * write, or a name that leads out of the folder: *ret is not written.
 */
int sums_next(struct span *rest, struct sum *ret);

/* Hash what is left to read in a descriptor.  path is for messages.  The errors of read; -ENOMEM.
 */
int sums_hash(int fd, const char *path, char ret[SUM_HEX_SIZE], struct err *err);

/*
 * Check every file that <folder>/SHA256SUMS lists.  -EBADMSG a line that sha256sum would not write,
 * or a file that is not as it was packed; -ENODATA when one that is needed (names below folder,
 * ends with NULL) is not listed; the errors of opening and reading.
 */
int sums_check(struct sys *sys, const char *folder, const char *const *needed, struct err *err);

#endif
