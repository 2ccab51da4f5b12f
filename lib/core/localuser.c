/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/localuser.h"

#define HASH_LEN_MIN 13 /* of crypt's oldest kind, the shortest there is */

/* The bytes up to a separator, which is taken too; all where there is none. */
static struct span take_field(struct span *in, char separator)
{
	const unsigned char *end = in->len ? memchr(in->p, separator, in->len) : NULL;
	struct span field = {0};

	(void)span_take(in, end ? (size_t)(end - in->p) : in->len, &field);
	if (end)
		(void)span_take(in, 1, &(struct span){0});
	return field;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span skip_blanks(struct span in)
{
	while (in.len && is_blank(in.p[0]))
		(void)span_take(&in, 1, &(struct span){0});
	return in;
}

/* The next line that is no comment, without the blanks before its name. */
static bool next_line(struct span *text, struct span *ret)
{
	while (span_line(text, ret)) {
		*ret = skip_blanks(*ret);
		if (ret->len && ret->p[0] != '#')
			return true;
	}
	return false;
}

/* A field that is a number as strtoul takes it, which wraps below zero. */
static bool take_number(struct span *in, uint64_t *ret)
{
	struct span field = skip_blanks(take_field(in, ':')), sign = {0};
	uint64_t value = 0;
	bool over = false;

	if (field.len && (field.p[0] == '+' || field.p[0] == '-'))
		(void)span_take(&field, 1, &sign);
	for (size_t i = 0; i < field.len; i++) {
		const unsigned digit = (unsigned)(field.p[i] - '0');

		if (digit > 9)
			return false;
		over = over || value > (UINT64_MAX - digit) / 10;
		value = value * 10 + digit;
	}
	*ret = over ? UINT64_MAX : span_is(sign, "-") ? -value : value;
	return field.len > 0;
}

/* Larger ones are the last, by which every program refuses to go. */
static bool take_id(struct span *in, uint32_t *ret)
{
	uint64_t number;

	if (!take_number(in, &number) || number >= UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

/* name:password:uid:gid:gecos:home:shell */
static bool parse_user(struct span line, struct localuser *ret)
{
	struct localuser user = {.name = take_field(&line, ':')};

	if (user.name.len && (user.name.p[0] == '+' || user.name.p[0] == '-'))
		return false;
	user.password = take_field(&line, ':');
	if (!take_id(&line, &user.uid) || !take_id(&line, &user.gid))
		return false;
	(void)take_field(&line, ':');
	user.home = take_field(&line, ':');
	user.shell = line;
	*ret = user;
	return true;
}

bool localuser_next(struct span *text, struct localuser *ret)
{
	struct span line;

	while (next_line(text, &line))
		if (parse_user(line, ret))
			return true;
	return false;
}

enum localuser_password localuser_password(struct span field)
{
	if (field.len == 0)
		return PASSWORD_EMPTY;
	if (field.len < HASH_LEN_MIN || field.p[0] == '!' || field.p[0] == '*')
		return PASSWORD_NONE;
	return PASSWORD_SET;
}

/* How much it lets in. */
static uint64_t weigh(const struct localuser_shadow *shadow)
{
	if (localuser_password(shadow->password) == PASSWORD_NONE)
		return 0;
	return shadow->expires ? 1 + shadow->expires_day : UINT64_MAX;
}

/* name:password:changed:least:most:warn:inactive:expires: */
bool localuser_shadow(struct span text, struct span name, struct localuser_shadow *ret)
{
	struct localuser_shadow best = {.expires = false};
	bool any = false;
	struct span line;

	while (next_line(&text, &line)) {
		struct localuser_shadow found = {.expires = false};

		if (!span_eq(take_field(&line, ':'), name))
			continue;
		found.password = take_field(&line, ':');
		for (int i = 0; i < 5; i++)
			(void)take_field(&line, ':');
		found.expires =
			take_number(&line, &found.expires_day) && found.expires_day < UINT32_MAX;
		if (!any || weigh(&found) > weigh(&best))
			best = found;
		any = true;
	}
	if (any)
		*ret = best;
	return any;
}

static bool has_member(struct span list, struct span name)
{
	while (list.len)
		if (span_eq(skip_blanks(take_field(&list, ',')), name))
			return true;
	return false;
}

/* name:password:gid:members; the next group that has the account. */
static bool next_group(struct span *text, const struct localuser *user, struct span *ret_name,
		       bool *ret_own)
{
	struct span line;

	while (next_line(text, &line)) {
		struct span name = take_field(&line, ':');
		uint32_t gid;

		(void)take_field(&line, ':');
		if (!take_id(&line, &gid) || (gid != user->gid && !has_member(line, user->name)))
			continue;
		*ret_name = name;
		*ret_own = gid == user->gid;
		return true;
	}
	return false;
}

void localuser_groups(struct span text, const struct localuser *user, struct buf *ret)
{
	struct span name;
	bool own;

	while (next_group(&text, user, &name, &own)) {
		buf_span(ret, name);
		buf_str(ret, "\n");
	}
}

bool localuser_has_more_groups(struct span text, const struct localuser *user)
{
	struct span name;
	bool own;

	while (next_group(&text, user, &name, &own))
		if (!own)
			return true;
	return false;
}

/* False for a token that this setting does not have. */
static bool fill_in(struct span pattern, const struct localuser *user, struct buf *ret)
{
	for (size_t i = 0; i < pattern.len; i++) {
		if (pattern.p[i] != '%') {
			buf_add(ret, &pattern.p[i], 1);
			continue;
		}
		if (++i == pattern.len)
			return false;
		switch (pattern.p[i]) {
		case '%':
			buf_str(ret, "%");
			break;
		case 'h':
			buf_span(ret, user->home);
			break;
		case 'u':
			buf_span(ret, user->name);
			break;
		case 'U':
			buf_printf(ret, "%u", user->uid);
			break;
		default:
			return false;
		}
	}
	return true;
}

void localuser_key_files(struct span setting, const struct localuser *user, struct buf *ret)
{
	struct span word;

	while (span_word(&setting, &word)) {
		AUTO_BUF path = {0};

		if (span_is_nocase(word, "none") || !fill_in(word, user, &path) || path.len == 0)
			continue;
		if (buf_text(&path)[0] != '/') {
			if (user->home.len == 0 || user->home.p[0] != '/')
				continue;
			buf_span(ret, user->home);
			buf_str(ret, "/");
		}
		buf_span(ret, buf_bytes(&path));
		buf_str(ret, "\n");
		ret->failed = ret->failed || path.failed;
	}
}
