/* SPDX-License-Identifier: MIT */
/*
 * Reading root's files inside a foreign process: libc alone, no allocation, nothing left open, a
 * buffer that fits the stack of any thread, and a limit on what is read.
 */
#ifndef PAYLOAD_LINES_H
#define PAYLOAD_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/core/span.h"

/*
 * Tests build the modules' sources with other values of these two; the modules themselves read
 * below "/" what root owns, and nothing moves that at run time.
 */
#ifndef MODULE_ROOT
#define MODULE_ROOT ""
#endif
#ifndef MODULE_OWNER
#define MODULE_OWNER 0
#endif

#define LINES_BUFFER 4096 /* a line that does not fit is passed over */

struct lines {
	int fd;
	int error; /* errno of a failed read, EFBIG when the limit was met, 0: none */
	bool overlong; /* a line was passed over */
	bool skipping; /* the rest of that line is still to come */
	size_t left; /* bytes that may still be read from the file */
	size_t start, end; /* what is in buffer and not yet handed out */
	uint64_t offset; /* in the file, of buffer[start] */
	char buffer[LINES_BUFFER];
};

enum lines_kind {
	LINES_SYSTEM, /* /etc/passwd, /etc/group: the whole system trusts them as they are */
	LINES_OURS, /* no link, owned by root and by nobody else writable, or it is not used */
};

/* 0, -EINVAL (not regular) or -EPERM (not as kind demands). */
int lines_judge(const struct stat *st, enum lines_kind kind);

/*
 * Open a regular file.  At most max bytes are read.  Returns 0, -ENOENT, -EPERM (not as kind
 * demands), -EINVAL (not regular), or another -errno.  Close even after a failure is fine.
 */
int lines_open(struct lines *ret, const char *path, enum lines_kind kind, size_t max);

/*
 * Go on at an offset that an earlier reader had reached.  If the file was replaced meanwhile that
 * may be inside a line: reading begins with the next one that begins there or later.
 */
void lines_seek(struct lines *lines, uint64_t offset);

/*
 * The next line with its newline, which only the last may lack.  Borrowed until the next call.
 * False at the end, and when lines->error is set.
 */
bool lines_next(struct lines *lines, struct span *ret);

/* Keeps errno. */
void lines_close(struct lines *lines);

#endif
