/* SPDX-License-Identifier: MIT */
#ifndef HANDLER_TARBALL_H
#define HANDLER_TARBALL_H

#include <stdint.h>

#include "lib/core/buf.h"

#define TARBALL_NAME_MAX 100 /* bytes of a file's name in the archive, with its NUL */

struct tarball_file {
	char name[TARBALL_NAME_MAX]; /* relative, ASCII */
	struct buf text;
};

/*
 * Pack files into a tar.gz that every tar reads, in their order, owned by root and readable by
 * their owner alone.  time_s is the time of each.  The same files give the same bytes.  -ENOMEM.
 */
int tarball_pack(const struct tarball_file *files, size_t count, int64_t time_s, struct buf *ret,
		 struct err *err);

#endif
