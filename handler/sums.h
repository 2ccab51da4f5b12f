/* SPDX-License-Identifier: MIT */
/* SHA256SUMS of the unpacked zip: is what will be installed what was packed? */
#ifndef HANDLER_SUMS_H
#define HANDLER_SUMS_H

#include "lib/sys/sys.h"

#define SUMS_MAX ((size_t)64 << 10) /* bytes of SHA256SUMS that are still read */

/*
 * Check every file that <folder>/SHA256SUMS lists.  -EBADMSG a line that sha256sum would not write,
 * or a file that is not as it was packed; -ENODATA when one that is needed (names below folder,
 * ends with NULL) is not listed; the errors of opening and reading.
 */
int sums_check(struct sys *sys, const char *folder, const char *const *needed, struct err *err);

#endif
