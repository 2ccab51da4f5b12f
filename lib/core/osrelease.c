/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/osrelease.h"

#define VALUE_MAX 1024 /* bytes of one value; the longest real ones are URLs */

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool take_name(struct span *line, struct span *ret)
{
	size_t len = 0;

	while (len < line->len &&
	       (is_letter(line->p[len]) || line->p[len] == '_' || (len && is_digit(line->p[len]))))
		len++;
	if (len == 0 || len == line->len || line->p[len] != '=')
		return false;
	(void)span_take(line, len, ret);
	(void)span_take(line, 1, &(struct span){0});
	return true;
}

/* What would mean something else to a shell than itself, were it not quoted. */
static bool is_special(unsigned char c)
{
	return c <= ' ' || strchr("\"'$`\\;&|<>()", c);
}

/*
 * One value as a shell would read it, to its end: quotes go round the whole of it, and between
 * double quotes a backslash stands before what would otherwise be special.
 */
static bool take_value(struct span text, char ret[VALUE_MAX])
{
	unsigned char quote = text.len && (text.p[0] == '"' || text.p[0] == '\'') ? text.p[0] : 0;
	size_t end = text.len;
	size_t len = 0;

	if (quote && (text.len < 2 || text.p[--end] != quote))
		return false;
	for (size_t i = quote ? 1 : 0; i < end; i++) {
		unsigned char c = text.p[i];

		if (quote == '"' && c == '\\') {
			if (++i == end || !strchr("\"$`\\", text.p[i]))
				return false;
			c = text.p[i];
		} else if (quote ? c == quote || (quote == '"' && strchr("$`", c))
				 : is_special(c)) {
			return false;
		}
		if (c == '\0' || len + 1 == VALUE_MAX)
			return false;
		ret[len++] = (char)c;
	}
	ret[len] = '\0';
	return true;
}

/* The identifiers go into messages and comparisons: nothing but their own alphabet. */
static bool copy_words(const char *value, bool blanks, char *to, size_t size)
{
	for (const char *p = value; *p; p++)
		if (!is_letter((unsigned char)*p) && !is_digit((unsigned char)*p) &&
		    !strchr("._-", *p) && !(blanks && *p == ' '))
			return false;
	return span_copy(span_of(value), to, size);
}

static bool set_field(struct osrelease *os, struct span name, const char *value)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
		bool blanks;
	} fields[] = {
		{"ID", os->id, sizeof(os->id), false},
		{"ID_LIKE", os->id_like, sizeof(os->id_like), true},
		{"VERSION_ID", os->version_id, sizeof(os->version_id), false},
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (span_is(name, fields[i].name))
			return copy_words(value, fields[i].blanks, fields[i].to, fields[i].size);
	return true;
}

int osrelease_parse(struct span text, struct osrelease *ret, struct err *err)
{
	struct osrelease os = {.id = "linux"};
	struct span line;

	if (text.len > OSRELEASE_MAX)
		return err_set(err, EMSGSIZE, "os-release is longer than %zu bytes", OSRELEASE_MAX);
	for (size_t number = 1; span_line(&text, &line); number++) {
		char value[VALUE_MAX];
		struct span name;

		line = span_trim(line);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		if (!take_name(&line, &name) || !take_value(line, value))
			return err_set(err, EBADMSG, "os-release, line %zu: not NAME=VALUE",
				       number);
		if (!set_field(&os, name, value))
			return err_set(err, EBADMSG,
				       "os-release, line %zu: %.*s cannot be \"%.80s\"", number,
				       (int)name.len, (const char *)name.p, value);
	}
	*ret = os;
	return 0;
}
