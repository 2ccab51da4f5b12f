/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/guid.h"
#include "lib/core/num.h"
#include "lib/core/uid.h"

enum field { NAME, OID, UID, GID, GECOS, HOME, SHELL, FIELDS };

/* Fields end at a colon, the last at the end.  False unless there are exactly FIELDS. */
static bool split(struct span line, struct span ret[FIELDS])
{
	struct span colon;

	for (size_t n = 0; n < FIELDS; n++) {
		const unsigned char *end = line.len ? memchr(line.p, ':', line.len) : NULL;

		if (!end != (n == FIELDS - 1))
			return false;
		(void)span_take(&line, end ? (size_t)(end - line.p) : line.len, &ret[n]);
		(void)span_take(&line, end ? 1 : 0, &colon);
	}
	return true;
}

static bool gecos_valid(struct span gecos)
{
	for (size_t i = 0; i < gecos.len; i++)
		if (gecos.p[i] < 0x20 || gecos.p[i] == 0x7f || gecos.p[i] == ':')
			return false;
	return gecos.len <= AADPASSWD_GECOS_MAX;
}

/* Each of these forbids colons and control characters, so that a valid user makes a valid line. */
static bool user_valid(const struct aad_user *user)
{
	char name[NAME_SIZE];

	return span_copy(user->name, name, sizeof(name)) && name_shaped(name) &&
	       guid_valid(user->oid) && uid_possible(user->id) && gecos_valid(user->gecos) &&
	       path_valid(user->home) && path_valid(user->shell);
}

bool aadpasswd_parse(struct span line, struct aad_user *ret)
{
	struct span field[FIELDS];
	struct aad_user user;
	uint64_t uid, gid;

	if (line.len == 0 || line.p[line.len - 1] != '\n')
		return false;
	line.len--;
	if (!split(line, field) || !num_parse(field[UID], UID_HIGHEST, &uid) ||
	    !num_parse(field[GID], UID_HIGHEST, &gid) || uid != gid)
		return false;
	user = (struct aad_user){.name = field[NAME],
				 .oid = field[OID],
				 .id = (uint32_t)uid,
				 .gecos = field[GECOS],
				 .home = field[HOME],
				 .shell = field[SHELL]};
	if (!user_valid(&user))
		return false;
	*ret = user;
	return true;
}

/* The next line with its newline, if it has one. */
static bool next_line(struct span *text, struct span *ret)
{
	const unsigned char *end = text->len ? memchr(text->p, '\n', text->len) : NULL;

	return text->len && span_take(text, end ? (size_t)(end - text->p) + 1 : text->len, ret);
}

bool aadpasswd_next(struct span *text, struct aad_user *ret)
{
	struct span line;

	while (next_line(text, &line))
		if (aadpasswd_parse(line, ret))
			return true;
	return false;
}

bool aadpasswd_line_has(struct span line, struct span name)
{
	return line.len > name.len && line.p[name.len] == ':' &&
	       memcmp(line.p, name.p, name.len) == 0;
}

bool aadpasswd_find_name(struct span text, struct span name, struct aad_user *ret)
{
	struct span line;

	while (next_line(&text, &line))
		if (aadpasswd_line_has(line, name) && aadpasswd_parse(line, ret))
			return true;
	return false;
}

bool aadpasswd_find_oid(struct span text, struct span oid, struct aad_user *ret)
{
	struct aad_user user;

	while (aadpasswd_next(&text, &user)) {
		if (!span_eq(user.oid, oid))
			continue;
		*ret = user;
		return true;
	}
	return false;
}

bool aadpasswd_format(const struct aad_user *user, char *ret, size_t size)
{
	char line[AADPASSWD_LINE_MAX + 1];
	int len;

	if (!user_valid(user))
		return false;
	len = snprintf(line, sizeof(line), "%.*s:%.*s:%u:%u:%.*s:%.*s:%.*s\n", (int)user->name.len,
		       (const char *)user->name.p, (int)user->oid.len, (const char *)user->oid.p,
		       user->id, user->id, (int)user->gecos.len, (const char *)user->gecos.p,
		       (int)user->home.len, (const char *)user->home.p, (int)user->shell.len,
		       (const char *)user->shell.p);
	if (len < 0 || (size_t)len >= sizeof(line) || (size_t)len >= size)
		return false;
	memcpy(ret, line, (size_t)len + 1);
	return true;
}

bool aadpasswd_new(const char *lower, uint32_t id, struct span home_template, struct span shell,
		   char *home, struct aad_user *ret)
{
	if (!name_home(home_template, lower, home, HOME_SIZE))
		return false;
	*ret = (struct aad_user){.name = span_of(lower),
				 .oid = SPAN_LIT(""),
				 .id = id,
				 .gecos = SPAN_LIT(""),
				 .home = span_of(home),
				 .shell = shell};
	return true;
}

bool aadadmins_has(struct span text, struct span name)
{
	struct span line;

	while (next_line(&text, &line)) {
		if (line.p[line.len - 1] != '\n')
			return false;
		line.len--;
		if (span_eq(line, name))
			return true;
	}
	return false;
}
