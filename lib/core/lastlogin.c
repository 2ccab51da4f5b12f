/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/lastlogin.h"
#include "lib/core/num.h"

#define HEADING "aadsshlogin-last-login 1"

static const char *const outcomes[] = {"refused", "accepted"};

static const struct {
	const char *key;
	size_t offset;
} values[] = {
	{"user", offsetof(struct lastlogin, user)},
	{"rhost", offsetof(struct lastlogin, rhost)},
	{"assignment", offsetof(struct lastlogin, assignment)},
	{"scope", offsetof(struct lastlogin, scope)},
	{"reason", offsetof(struct lastlogin, reason)},
	{"message", offsetof(struct lastlogin, message)},
};

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c <= 0x7e;
}

static bool plain(const char *text)
{
	while (*text && is_plain((unsigned char)*text))
		text++;
	return !*text;
}

void lastlogin_set(char ret[LASTLOGIN_SIZE], const char *text)
{
	size_t len = 0;

	for (; text && *text && len + 1 < LASTLOGIN_SIZE; text++)
		ret[len++] = is_plain((unsigned char)*text) ? *text : '?';
	ret[len] = '\0';
}

int lastlogin_format(const struct lastlogin *last, struct buf *ret, struct err *err)
{
	if (last->time_s < 0)
		return err_set(err, EINVAL, "a sign-in before 1970");
	buf_printf(ret, HEADING "\ntime %lld\noutcome %s\n", (long long)last->time_s,
		   outcomes[last->accepted]);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		const char *value = (const char *)last + values[i].offset;

		if (!plain(value))
			return err_set(err, EINVAL, "%s holds control characters", values[i].key);
		buf_printf(ret, "%s %s\n", values[i].key, value);
	}
	buf_str(ret, "end\n");
	return buf_ok(ret, err);
}

/* What follows the key and its blank in the next line. */
static bool take_value(struct span *text, const char *key, struct span *ret)
{
	const size_t len = strlen(key);
	struct span line, front;

	if (!span_line(text, &line) || !span_take(&line, len, &front) || !span_is(front, key) ||
	    !span_take(&line, 1, &front) || !span_is(front, " "))
		return false;
	*ret = line;
	return true;
}

static bool take_values(struct span *text, struct lastlogin *last)
{
	struct span value;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		char *to = (char *)last + values[i].offset;

		if (!take_value(text, values[i].key, &value) ||
		    !span_copy(value, to, LASTLOGIN_SIZE) || !plain(to))
			return false;
	}
	return true;
}

static bool parse(struct span text, struct lastlogin *ret)
{
	struct span line, value;
	uint64_t time_s;

	if (!span_line(&text, &line) || !span_is(line, HEADING) ||
	    !take_value(&text, "time", &value) || !num_parse(value, INT64_MAX, &time_s) ||
	    !take_value(&text, "outcome", &value))
		return false;
	ret->time_s = (int64_t)time_s;
	ret->accepted = span_is(value, outcomes[true]);
	return (ret->accepted || span_is(value, outcomes[false])) && take_values(&text, ret) &&
	       span_is(text, "end\n");
}

int lastlogin_parse(struct span text, struct lastlogin *ret, struct err *err)
{
	struct lastlogin last = {0};

	if (!parse(text, &last))
		return err_set(err, EBADMSG, "the record of the last sign-in is not in its form");
	*ret = last;
	return 0;
}
