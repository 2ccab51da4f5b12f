/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/redactscan.h"

#define ESCAPE_MAX 8 /* bytes of an escape */
#define SLASHES_MAX 64 /* backslashes before a quote, or the rest of an escape */
#define BRACKETS_MAX 65536 /* bytes of an array or an object */

bool scan_hit(struct hit *ret, size_t from, size_t to, enum redact_kind kind)
{
	*ret = (struct hit){.from = from, .to = to, .kind = kind};
	return from < to;
}

unsigned char scan_byte(const struct scan *scan, size_t at)
{
	return at < scan->text.len ? scan->text.p[at] : '\0';
}

bool scan_starts(const struct scan *scan, size_t at, const char *word)
{
	size_t len = strlen(word);

	return at <= scan->text.len && len <= scan->text.len - at &&
	       strncasecmp((const char *)scan->text.p + at, word, len) == 0;
}

bool scan_is_in(unsigned char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static bool is_between(unsigned char c, unsigned char first, unsigned char last)
{
	return (unsigned)c - first <= (unsigned)last - first;
}

enum letter_class scan_class(unsigned char c)
{
	return is_between(c, 'a', 'z')   ? LETTER_LOWER
	       : is_between(c, 'A', 'Z') ? LETTER_UPPER
	       : is_between(c, '0', '9') ? LETTER_DIGIT
					 : LETTER_SIGN;
}

char scan_lower(unsigned char c)
{
	return (char)(scan_class(c) == LETTER_UPPER ? c | 0x20 : c);
}

bool scan_is_letter(unsigned char c, const char *signs)
{
	return scan_class(c) != LETTER_SIGN || scan_is_in(c, signs);
}

size_t scan_skip(const struct scan *scan, size_t at, const char *set)
{
	while (scan_is_in(scan_byte(scan, at), set))
		at++;
	return at;
}

size_t scan_skip_letters(const struct scan *scan, size_t at, const char *signs)
{
	while (at < scan->text.len && scan_is_letter(scan->text.p[at], signs))
		at++;
	return at;
}

size_t scan_until(const struct scan *scan, size_t at, const char *set, size_t max)
{
	size_t left = at < scan->text.len ? scan->text.len - at : 0;
	size_t end = at + (max < left ? max : left);

	while (at < end && !scan_is_in(scan->text.p[at], set))
		at++;
	return at;
}

size_t scan_back(const struct scan *scan, size_t end, const char *signs, size_t max)
{
	size_t from = end;

	while (from > scan->done && end - from < max &&
	       scan_is_letter(scan->text.p[from - 1], signs))
		from--;
	return from;
}

/* ---- escapes */

static size_t slashes_at(const struct scan *scan, size_t at)
{
	size_t end = at;

	while (end - at < SLASHES_MAX && scan_byte(scan, end) == '\\')
		end++;
	return end - at;
}

/* Those with an end may have fewer digits; the longer beginnings first. */
static const struct escape {
	const char *begin, *end;
	unsigned base, digits;
} escapes[] = {
	{"%25", "", 16, 2}, {"%", "", 16, 2},    {"\\u", "", 16, 4}, {"\\x", "", 16, 2},
	{"\\", "", 8, 3},   {"&#x", ";", 16, 4}, {"&#", ";", 10, 4}, {"#0", "", 8, 2},
};

static unsigned digit(unsigned char c)
{
	return scan_class(c) == LETTER_DIGIT    ? (unsigned)c - '0'
	       : is_between(c | 0x20, 'a', 'f') ? (unsigned)(c | 0x20) - 'a' + 10
						: 16;
}

static size_t read_escape(const struct scan *scan, size_t at, const struct escape *escape,
			  unsigned char *ret)
{
	size_t digits = at + strlen(escape->begin), end = digits;
	unsigned value = 0, one;

	if (!scan_starts(scan, at, escape->begin))
		return 0;
	for (; end - digits < escape->digits; end++) {
		one = digit(scan_byte(scan, end));
		if (one >= escape->base)
			break;
		value = value * escape->base + one;
	}
	if (end == digits || !scan_starts(scan, end, escape->end) ||
	    (!escape->end[0] && end - digits < escape->digits))
		return 0;
	*ret = (unsigned char)(value < 0xff ? value : 0xff);
	return end + strlen(escape->end) - at;
}

static size_t escape_at(const struct scan *scan, size_t at, unsigned char *ret)
{
	unsigned char c = scan_byte(scan, at);
	size_t len = 0;

	if (!scan_is_in(c, "%\\&#"))
		return 0;
	if (c == '\\' && scan_is_in(scan_byte(scan, at + 1), "bfnrt")) {
		*ret = '\n';
		return 2;
	}
	for (size_t i = 0; len == 0 && i < ARRAY_LEN(escapes); i++)
		len = read_escape(scan, at, &escapes[i], ret);
	return len;
}

size_t scan_letter(const struct scan *scan, size_t at, unsigned char *ret)
{
	size_t slashes = slashes_at(scan, at), more = slashes > 1 ? slashes - 1 : 0;
	size_t len = escape_at(scan, at + more, ret);

	if (len)
		return more + len;
	*ret = scan_byte(scan, at);
	return at < scan->text.len;
}

unsigned char scan_letter_before(const struct scan *scan, size_t at)
{
	unsigned char c;

	for (size_t back = 1; back <= ESCAPE_MAX && back <= at - scan->done; back++) {
		size_t len = escape_at(scan, at - back, &c);

		if (len >= back)
			return len == back ? c : 'a';
	}
	return at > scan->done ? scan->text.p[at - 1] : ' ';
}

/* ---- quotes and brackets */

size_t scan_quote(const struct scan *scan, size_t at)
{
	static const char *const others[] = {"u0022", "u0027", "&quot;", "&#34;",
					     "&#39;", "%22",   "%27"};
	size_t slashes = slashes_at(scan, at);
	unsigned char c = scan_byte(scan, at + slashes);

	if (scan_is_in(c, "\"'"))
		return slashes + 1;
	if (!scan_is_in(c, slashes ? "u" : "&%"))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (scan_starts(scan, at + slashes, others[i]))
			return slashes + strlen(others[i]);
	return 0;
}

size_t scan_quoted(const struct scan *scan, size_t at, size_t quote, size_t len)
{
	while (at < scan->text.len && scan->text.p[at] != '\n') {
		if (scan_quote(scan, at) == len &&
		    memcmp(scan->text.p + at, scan->text.p + quote, len) == 0)
			return at;
		at = scan_skip(scan, at, "\\");
		at += at < scan->text.len && scan->text.p[at] != '\n';
	}
	return at;
}

/* May a line that begins there be one of an array or an object? */
static bool is_of_brackets(const struct scan *scan, size_t at)
{
	size_t end;

	at = scan_skip(scan, at, SCAN_BLANKS);
	if (scan_quote(scan, at) || scan_is_in(scan_byte(scan, at), "[]{},\r\n"))
		return true;
	end = scan_skip_letters(scan, at, "+-.");
	return end > at &&
	       scan_is_in(scan_byte(scan, scan_skip(scan, end, SCAN_BLANKS)), ",]}\r\n");
}

size_t scan_brackets(const struct scan *scan, size_t at, size_t key)
{
	size_t end = scan->text.len - at > BRACKETS_MAX ? at + BRACKETS_MAX : scan->text.len;
	size_t depth = 0;

	while (at < end) {
		size_t len = scan_quote(scan, at);
		unsigned char c = scan->text.p[at];

		if (len && len < key)
			return at;
		if (len) {
			at = scan_quoted(scan, at + len, at, len);
			if (at == scan->text.len || scan->text.p[at] == '\n')
				return at;
			at += len;
			continue;
		}
		at++;
		depth += scan_is_in(c, "[{");
		if (scan_is_in(c, "]}") && --depth == 0)
			return at;
		if (c == '\n' && (key == 0 || !is_of_brackets(scan, at)))
			return at - 1;
	}
	return end;
}
