/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "payload/module/lines.h"

int lines_judge(const struct stat *st, enum lines_kind kind)
{
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (kind == LINES_OURS &&
	    (st->st_uid != MODULE_OWNER || (st->st_mode & (S_IWGRP | S_IWOTH))))
		return -EPERM;
	return 0;
}

int lines_open(struct lines *ret, const char *path, enum lines_kind kind, size_t max)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct stat st;
	int r;

	ret->error = 0;
	ret->overlong = ret->skipping = false;
	ret->start = ret->end = 0;
	ret->offset = 0;
	ret->left = max;
	ret->fd = open(path, kind == LINES_OURS ? flags | O_NOFOLLOW : flags);
	if (ret->fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	r = fstat(ret->fd, &st) < 0 ? -errno : lines_judge(&st, kind);
	if (r < 0)
		lines_close(ret);
	return r;
}

void lines_seek(struct lines *lines, uint64_t offset)
{
	if (offset == 0)
		return;
	lines->offset = offset - 1; /* a newline, or else the line there is not a whole one */
	lines->skipping = true;
}

/* Read more behind what is there.  False at the end of the file or with an error. */
static bool fill(struct lines *lines)
{
	size_t held = lines->end - lines->start, want;
	ssize_t n;

	memmove(lines->buffer, lines->buffer + lines->start, held);
	lines->start = 0;
	lines->end = held;
	want = sizeof(lines->buffer) - held;
	do
		n = pread(lines->fd, lines->buffer + held, want, (off_t)(lines->offset + held));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		lines->error = errno;
	else if ((size_t)n > lines->left)
		lines->error = EFBIG;
	if (n <= 0 || lines->error)
		return false;
	lines->left -= (size_t)n;
	lines->end += (size_t)n;
	return true;
}

/* Take len bytes from the buffer; true when they are a line, false when part of one passed over. */
static bool take(struct lines *lines, size_t len, bool whole, struct span *ret)
{
	bool wanted = !lines->skipping;

	*ret = (struct span){.p = (unsigned char *)lines->buffer + lines->start, .len = len};
	lines->start += len;
	lines->offset += len;
	lines->skipping = !whole;
	return wanted && whole;
}

bool lines_next(struct lines *lines, struct span *ret)
{
	struct span line;

	for (;;) {
		size_t held = lines->end - lines->start;
		const char *begin = lines->buffer + lines->start;
		const char *newline = memchr(begin, '\n', held);

		if (newline) {
			if (take(lines, (size_t)(newline - begin) + 1, true, &line))
				break;
		} else if (held == sizeof(lines->buffer)) {
			lines->overlong = true;
			(void)take(lines, held, false, &line);
		} else if (!fill(lines)) {
			if (lines->error || held == 0 || !take(lines, held, true, &line))
				return false;
			break;
		}
	}
	*ret = line;
	return true;
}

void lines_close(struct lines *lines)
{
	int saved = errno;

	if (lines->fd >= 0)
		(void)close(lines->fd);
	lines->fd = -1;
	errno = saved;
}
