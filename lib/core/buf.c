/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/buf.h"

char *buf_room(struct buf *buf, size_t extra)
{
	size_t need, cap;
	char *data;

	if (buf->failed || extra > SIZE_MAX / 4 || buf->len > SIZE_MAX / 4) {
		buf->failed = true;
		return NULL;
	}
	need = buf->len + extra + 1;
	if (need > buf->cap) {
		cap = buf->cap ? buf->cap : 64;
		while (cap < need)
			cap *= 2;
		data = realloc(buf->data, cap);
		if (!data) {
			buf->failed = true;
			return NULL;
		}
		buf->data = data;
		buf->cap = cap;
	}
	return buf->data + buf->len;
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	char *to = buf_room(buf, len);

	if (!to)
		return;
	if (len)
		memcpy(to, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void buf_span(struct buf *buf, struct span bytes)
{
	buf_add(buf, bytes.p, bytes.len);
}

void buf_str(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap, again;
	char *to;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	to = len < 0 ? NULL : buf_room(buf, (size_t)len);
	if (!to) {
		buf->failed = true;
	} else {
		(void)vsnprintf(to, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	}
	va_end(again);
}

int buf_ok(const struct buf *buf, struct err *err)
{
	return buf->failed ? err_oom(err) : 0;
}

const char *buf_text(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

struct span buf_bytes(const struct buf *buf)
{
	return (struct span){.p = (const unsigned char *)buf_text(buf), .len = buf->len};
}

char *buf_steal(struct buf *buf)
{
	char *data = NULL;

	if (!buf->failed) {
		buf_add(buf, "", 0); /* an empty buffer still hands over a string */
		data = buf->data;
		buf->data = NULL;
	}
	buf_done(buf);
	return data;
}

void buf_move(struct buf *to, struct buf *from)
{
	buf_done(to);
	*to = *from;
	*from = (struct buf){0};
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){0};
}
