/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer, always followed by a NUL.  A failed allocation is remembered: the
 * later calls do nothing and buf_ok tells, so that text can be built without a test a line.
 * The zero value is an empty buffer.
 */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/core/err.h"
#include "lib/core/span.h"

struct buf {
	char *data; /* NULL while empty */
	size_t len; /* bytes, without the NUL */
	size_t cap;
	bool failed;
};

#define AUTO_BUF __attribute__((cleanup(buf_done))) struct buf

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_span(struct buf *buf, struct span bytes);
void buf_str(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for extra more bytes at data + len; NULL when there is no memory. */
char *buf_room(struct buf *buf, size_t extra);

/* 0, or -ENOMEM when an earlier call ran out of memory. */
int buf_ok(const struct buf *buf, struct err *err);

/* The text, "" while empty.  Borrowed until the next call. */
const char *buf_text(const struct buf *buf);
struct span buf_bytes(const struct buf *buf);

/* Hand the bytes over: the caller frees them, the buffer is empty.  NULL after a failure. */
char *buf_steal(struct buf *buf);

/* Hand the bytes of from over to to, whose own are freed; from is empty then. */
void buf_move(struct buf *to, struct buf *from);

void buf_done(struct buf *buf);

#endif
