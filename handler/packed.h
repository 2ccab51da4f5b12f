/* SPDX-License-Identifier: MIT */
/*
 * What a package file holds, deb or rpm, without the package manager: each file with its mode and
 * hash.  The bytes are outside bytes: bounded, and whatever is strange ends it.
 */
#ifndef HANDLER_PACKED_H
#define HANDLER_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/core/err.h"

#define PACKED_FILES_MAX 1024
#define PACKED_BYTES_MAX ((uint64_t)64 << 20) /* of all files, unpacked */
#define PACKED_HEAD 20 /* bytes: enough to tell the machine of an ELF file */

#define SHA256_HEX_SIZE 65
#define SHA1_HEX_SIZE 41

/* Borrowed by whoever is called. */
struct packed_file {
	const char *path; /* absolute, without "." and ".." */
	mode_t mode; /* a regular file, a directory or a symbolic link, and the permissions */
	const char *target; /* of a symbolic link, "" otherwise */
	uint64_t size; /* bytes */
	unsigned char head[PACKED_HEAD]; /* the first bytes, zeros behind them */
	/* Of a regular file, "" otherwise. */
	char sha256[SHA256_HEX_SIZE];
	char sha1[SHA1_HEX_SIZE]; /* SPDX demands it; nothing is proved by it */
};

/* Returns 0, or a negative errno value that ends the reading. */
typedef int packed_fn(const struct packed_file *file, void *arg, struct err *err);

/*
 * Read a package from a descriptor, and call visit for each file in it.  name is for messages.
 * -EBADMSG: neither deb nor rpm, damaged, or with a path, a kind of file or a link that no package
 * of ours has; -EMSGSIZE: more than the maximum of files or bytes; -ENOMEM; what visit returns.
 */
int packed_read(int fd, const char *name, packed_fn *visit, void *arg, struct err *err);

#endif
