/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/core/cleanup.h"
#include "lib/core/conf.h"
#include "payload/module/settings.h"

static const struct settings defaults = {
	.range = {.first = UID_FIRST_DEFAULT, .last = UID_LAST_DEFAULT},
	.home_template = HOME_TEMPLATE_DEFAULT,
	.shell = SHELL_DEFAULT,
	.admin_group = ADMIN_GROUP_DEFAULT,
};

/* What a line changes, and for whom. */
struct reading {
	const char *lower;
	struct settings *settings;
	char *domains; /* LINES_BUFFER bytes to keep user_domains, or NULL */
};

static bool take_user_domains(struct span value, struct reading *reading)
{
	reading->settings->name_ours = name_ours(reading->lower, value);
	return name_domains_valid(value) &&
	       (!reading->domains || span_copy(value, reading->domains, LINES_BUFFER));
}

static bool take_uid_range(struct span value, struct reading *reading)
{
	struct uid_range *range = &reading->settings->range;

	return conf_uid_range(value, &range->first, &range->last);
}

static bool take_home_template(struct span value, struct reading *reading)
{
	struct settings *s = reading->settings;

	return span_copy(value, s->home_template, sizeof(s->home_template));
}

static bool take_shell(struct span value, struct reading *reading)
{
	struct settings *s = reading->settings;

	return path_valid(value) && span_copy(value, s->shell, sizeof(s->shell));
}

static bool take_admin_group(struct span value, struct reading *reading)
{
	struct settings *s = reading->settings;

	return name_admin_group_valid(value) &&
	       span_copy(value, s->admin_group, sizeof(s->admin_group));
}

static const struct {
	const char *keyword;
	bool (*take)(struct span value, struct reading *reading);
} rows[] = {
	{"user_domains", take_user_domains},   {"uid_range", take_uid_range},
	{"home_template", take_home_template}, {"shell", take_shell},
	{"admin_group", take_admin_group},
};

/* The other keywords are the programs'.  False when a value is wrong, or its keyword repeated. */
static bool take_line(struct span line, unsigned *seen, struct reading *reading)
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
		return rows[i].take(value, reading);
	}
	return true;
}

static bool read_all(struct lines *lines, struct reading *reading)
{
	struct span line;
	unsigned seen = 0;
	bool ok = lines_open(lines, MODULE_ROOT CONF_PATH, LINES_OURS, CONF_MAX) == 0;

	reading->settings->name_ours = name_ours(reading->lower, SPAN_LIT(USER_DOMAINS_DEFAULT));
	while (ok && lines_next(lines, &line))
		ok = take_line(line, &seen, reading);
	/* A line too long to be read may have been one of ours. */
	ok = ok && !lines->error && !lines->overlong;
	lines_close(lines);
	return ok;
}

static void read_settings(struct lines *storage, struct reading *reading)
{
	*reading->settings = defaults;
	reading->settings->configured = read_all(storage, reading);
	if (!reading->settings->configured)
		*reading->settings = defaults;
}

void settings_read(const char *lower, struct lines *storage, struct settings *ret)
{
	read_settings(storage, &(struct reading){.lower = lower, .settings = ret});
}

/* False when nobody knows whether there is a file. */
static bool look(bool *ret_exists, struct aadindex_mark *ret)
{
	struct stat st;

	*ret_exists = lstat(MODULE_ROOT CONF_PATH, &st) == 0;
	if (*ret_exists)
		*ret = aadindex_mark_of(&st);
	return *ret_exists || errno == ENOENT;
}

bool settings_keep(struct lines *storage, struct settings_kept *ret)
{
	/* A file that changes in between will not look the same. */
	bool ok = look(&ret->exists, &ret->mark);

	(void)span_copy(SPAN_LIT(USER_DOMAINS_DEFAULT), ret->domains, sizeof(ret->domains));
	read_settings(storage, &(struct reading){.lower = "",
						 .settings = &ret->settings,
						 .domains = ret->domains});
	return ok;
}

bool settings_same(const struct settings_kept *kept)
{
	struct aadindex_mark mark;
	bool exists;

	return look(&exists, &mark) && exists == kept->exists &&
	       (!exists || aadindex_mark_same(&mark, &kept->mark));
}

void settings_judge(const struct settings_kept *kept, const char *lower, struct settings *ret)
{
	*ret = kept->settings;
	ret->name_ours = ret->configured && name_ours(lower, span_of(kept->domains));
}
