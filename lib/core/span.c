/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "lib/core/span.h"

struct span span_of(const char *text)
{
	return (struct span){.p = (const unsigned char *)text, .len = strlen(text)};
}

bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool span_is(struct span a, const char *text)
{
	return span_eq(a, span_of(text));
}

bool span_is_nocase(struct span a, const char *text)
{
	return a.len == strlen(text) &&
	       (a.len == 0 || strncasecmp((const char *)a.p, text, a.len) == 0);
}

bool span_has(struct span a, const char *words)
{
	return a.len && memmem(a.p, a.len, words, strlen(words));
}

bool span_ends(struct span a, const char *tail)
{
	size_t len = strlen(tail);

	return a.len >= len && (len == 0 || memcmp(a.p + a.len - len, tail, len) == 0);
}

bool span_has_nul(struct span a)
{
	return a.len && memchr(a.p, 0, a.len);
}

bool span_take(struct span *in, size_t len, struct span *ret)
{
	if (in->len < len)
		return false;
	*ret = (struct span){.p = in->p, .len = len};
	in->p += len;
	in->len -= len;
	return true;
}

static bool big_endian(struct span *in, size_t len, uint64_t *ret)
{
	struct span bytes;
	uint64_t n = 0;

	if (!span_take(in, len, &bytes))
		return false;
	for (size_t i = 0; i < len; i++)
		n = n << 8 | bytes.p[i];
	*ret = n;
	return true;
}

bool span_u32(struct span *in, uint32_t *ret)
{
	uint64_t n;

	if (!big_endian(in, 4, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

bool span_u64(struct span *in, uint64_t *ret)
{
	return big_endian(in, 8, ret);
}

bool span_string(struct span *in, struct span *ret)
{
	struct span rest = *in;
	uint32_t len;

	if (!span_u32(&rest, &len) || !span_take(&rest, len, ret))
		return false;
	*in = rest;
	return true;
}

bool span_line(struct span *in, struct span *ret)
{
	const unsigned char *end;
	size_t len;

	if (in->len == 0)
		return false;
	end = memchr(in->p, '\n', in->len);
	len = end ? (size_t)(end - in->p) : in->len;
	*ret = (struct span){.p = in->p, .len = len};
	len += end ? 1 : 0;
	in->p += len;
	in->len -= len;
	return true;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct span span_trim(struct span a)
{
	while (a.len && is_blank(a.p[0])) {
		a.p++;
		a.len--;
	}
	while (a.len && is_blank(a.p[a.len - 1]))
		a.len--;
	return a;
}

struct span span_last_line(struct span text)
{
	struct span line, last = {0};

	while (span_line(&text, &line))
		if (span_trim(line).len)
			last = span_trim(line);
	return last;
}

bool span_word(struct span *in, struct span *ret)
{
	struct span rest = span_trim(*in);
	size_t len = 0;

	if (rest.len == 0)
		return false;
	while (len < rest.len && !is_blank(rest.p[len]))
		len++;
	(void)span_take(&rest, len, ret);
	*in = rest;
	return true;
}

bool span_copy(struct span a, char *to, size_t size)
{
	if (a.len >= size || span_has_nul(a))
		return false;
	if (a.len)
		memcpy(to, a.p, a.len);
	to[a.len] = '\0';
	return true;
}

bool span_has_line(struct span text, struct span wanted)
{
	struct span line;

	while (span_line(&text, &line))
		if (span_eq(line, wanted))
			return true;
	return false;
}
