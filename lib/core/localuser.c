/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/localuser.h"
#include "lib/core/num.h"

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

static size_t take_fields(struct span line, struct span *ret, size_t max)
{
	size_t count = 0;

	while (count < max && line.len)
		ret[count++] = take_field(&line, ':');
	return count;
}

/* name:password:uid:gid:gecos:home:shell */
static bool parse_user(struct span line, struct localuser *ret)
{
	struct span fields[7] = {{0}};
	uint64_t uid, gid;

	if (take_fields(line, fields, 7) < 6 || fields[0].len == 0 ||
	    !num_parse(fields[2], UINT32_MAX - 1, &uid) ||
	    !num_parse(fields[3], UINT32_MAX - 1, &gid))
		return false;
	*ret = (struct localuser){
		.name = fields[0],
		.password = fields[1],
		.uid = (uint32_t)uid,
		.gid = (uint32_t)gid,
		.home = fields[5],
		.shell = fields[6],
	};
	return true;
}

bool localuser_next(struct span *text, struct localuser *ret)
{
	struct span line;

	while (span_line(text, &line))
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

/* name:password:changed:least:most:warn:inactive:expires: */
bool localuser_shadow(struct span text, struct span name, struct localuser_shadow *ret)
{
	struct span line;

	while (span_line(&text, &line)) {
		struct span fields[8] = {{0}};
		struct localuser_shadow found = {.expires = false};

		if (take_fields(line, fields, 8) < 2 || !span_eq(fields[0], name))
			continue;
		found.password = fields[1];
		found.expires = num_parse(fields[7], UINT32_MAX, &found.expires_day);
		*ret = found;
		return true;
	}
	return false;
}

static bool has_member(struct span list, struct span name)
{
	while (list.len)
		if (span_eq(take_field(&list, ','), name))
			return true;
	return false;
}

/* name:password:gid:members; the next group that has the account. */
static bool next_group(struct span *text, const struct localuser *user, struct span *ret_name,
		       bool *ret_own)
{
	struct span line;

	while (span_line(text, &line)) {
		struct span fields[4] = {{0}};
		uint64_t gid;

		if (take_fields(line, fields, 4) < 3 || !num_parse(fields[2], UINT32_MAX, &gid) ||
		    (gid != user->gid && !has_member(fields[3], user->name)))
			continue;
		*ret_name = fields[0];
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
