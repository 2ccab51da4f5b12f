/* SPDX-License-Identifier: MIT */
/*
 * A borrowed run of bytes, read by functions that check and then advance.  Every reader
 * returns false and leaves both *in and *ret alone when the bytes do not suffice.
 */
#ifndef CORE_SPAN_H
#define CORE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const unsigned char *p;
	size_t len; /* bytes */
};

#define SPAN_LIT(text) ((struct span){.p = (const unsigned char *)(text), .len = sizeof(text) - 1})

struct span span_of(const char *text);
bool span_eq(struct span a, struct span b);
bool span_is(struct span a, const char *text);
bool span_is_nocase(struct span a, const char *text);
bool span_has(struct span a, const char *words); /* anywhere */
bool span_ends(struct span a, const char *tail);
bool span_has_nul(struct span a);

/* Wire readers.  Numbers are big-endian; a string is a uint32 length and that many bytes. */
bool span_u32(struct span *in, uint32_t *ret);
bool span_u64(struct span *in, uint64_t *ret);
bool span_take(struct span *in, size_t len, struct span *ret);
bool span_string(struct span *in, struct span *ret);

/* Text readers.  A line ends before its newline; the last may lack one.  False at the end. */
bool span_line(struct span *in, struct span *ret);
bool span_has_line(struct span text, struct span wanted);

/* The last line that says something, for a message; trimmed.  Empty when none does. */
struct span span_last_line(struct span text);

/* Words are separated by blanks and tabs.  False when none is left. */
bool span_word(struct span *in, struct span *ret);
struct span span_trim(struct span a);

/* Copy as a string.  False when it does not fit with its NUL, or holds a NUL. */
bool span_copy(struct span a, char *to, size_t size);

#endif
