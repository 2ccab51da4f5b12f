/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/conf.h"
#include "payload/module/settings.h"

static const struct settings defaults = {
	.range = {.first = UID_FIRST_DEFAULT, .last = UID_LAST_DEFAULT},
	.home_template = HOME_TEMPLATE_DEFAULT,
	.shell = SHELL_DEFAULT,
	.admin_group = ADMIN_GROUP_DEFAULT,
};

static bool take_user_domains(struct span value, const char *lower, struct settings *s)
{
	s->name_ours = name_ours(lower, value);
	return name_domains_valid(value);
}

static bool take_uid_range(struct span value, const char *lower, struct settings *s)
{
	(void)lower;
	return conf_uid_range(value, &s->range.first, &s->range.last);
}

static bool take_home_template(struct span value, const char *lower, struct settings *s)
{
	(void)lower;
	return span_copy(value, s->home_template, sizeof(s->home_template));
}

static bool take_shell(struct span value, const char *lower, struct settings *s)
{
	(void)lower;
	return path_valid(value) && span_copy(value, s->shell, sizeof(s->shell));
}

static bool take_admin_group(struct span value, const char *lower, struct settings *s)
{
	(void)lower;
	return name_admin_group_valid(value) &&
	       span_copy(value, s->admin_group, sizeof(s->admin_group));
}

static const struct {
	const char *keyword;
	bool (*take)(struct span value, const char *lower, struct settings *s);
} rows[] = {
	{"user_domains", take_user_domains},   {"uid_range", take_uid_range},
	{"home_template", take_home_template}, {"shell", take_shell},
	{"admin_group", take_admin_group},
};

/* The other keywords are the programs'.  False when a value is wrong, or its keyword repeated. */
static bool take_line(struct span line, const char *lower, unsigned *seen, struct settings *s)
{
	struct span keyword, value;

	if (!conf_next(&line, &keyword, &value))
		return true;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		if (!span_is(keyword, rows[i].keyword))
			continue;
		if (*seen & 1u << i)
			return false;
		*seen |= 1u << i;
		return rows[i].take(value, lower, s);
	}
	return true;
}

static bool read_all(const char *lower, struct lines *lines, struct settings *s)
{
	struct span line;
	unsigned seen = 0;
	bool ok = lines_open(lines, MODULE_ROOT CONF_PATH, LINES_OURS, CONF_MAX) == 0;

	s->name_ours = name_ours(lower, SPAN_LIT(USER_DOMAINS_DEFAULT));
	while (ok && lines_next(lines, &line))
		ok = take_line(line, lower, &seen, s);
	/* A line too long to be read may have been one of ours. */
	ok = ok && !lines->error && !lines->overlong;
	lines_close(lines);
	return ok;
}

void settings_read(const char *lower, struct lines *storage, struct settings *ret)
{
	*ret = defaults;
	ret->configured = read_all(lower, storage, ret);
	if (!ret->configured)
		*ret = defaults;
}
