/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/osrelease.h"

static bool is_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._-", c));
}

/* Split NAME=VALUE. */
static bool take_name(struct span *line, struct span *ret)
{
	const unsigned char *equals = line->len ? memchr(line->p, '=', line->len) : NULL;

	if (!equals)
		return false;
	(void)span_take(line, (size_t)(equals - line->p), ret);
	(void)span_take(line, 1, &(struct span){0});
	return true;
}

/*
 * The one word that a shell would make of the text, less its quotes; a comment may follow.  What
 * else is special to a shell is not in the alphabet of the values that count.
 */
static bool take_value(struct span text, struct span *ret)
{
	bool quoted = text.len && (text.p[0] == '"' || text.p[0] == '\'');
	struct span value = {text.p + quoted, 0}, rest;
	size_t used;

	while (quoted + value.len < text.len &&
	       (quoted ? value.p[value.len] != text.p[0]
		       : value.p[value.len] != ' ' && value.p[value.len] != '\t'))
		value.len++;
	used = value.len + 2 * quoted;
	if (used > text.len)
		return false;
	rest = (struct span){text.p + used, text.len - used};
	if (rest.len && rest.p[0] != ' ' && rest.p[0] != '\t')
		return false;
	rest = span_trim(rest);
	*ret = value;
	return rest.len == 0 || rest.p[0] == '#';
}

/* The identifiers go into messages and comparisons: nothing but their own alphabet. */
static bool copy_words(struct span value, bool blanks, char *to, size_t size)
{
	for (size_t i = 0; i < value.len; i++)
		if (!is_word(value.p[i]) && !(blanks && value.p[i] == ' '))
			return false;
	return span_copy(value, to, size);
}

/* Systems that give themselves capitals against the standard are known by small letters too. */
static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* False when the line is of a name that counts, and its value is none for it. */
static bool set_field(struct osrelease *os, struct span name, struct span text)
{
	const struct {
		const char *name;
		char *to;
		size_t size;
		bool blanks;
		bool needed; /* otherwise a strange value is none */
	} fields[] = {
		{"ID", os->id, sizeof(os->id), false, true},
		{"ID_LIKE", os->id_like, sizeof(os->id_like), true, true},
		{"VERSION_ID", os->version_id, sizeof(os->version_id), false, true},
		{"VERSION_CODENAME", os->codename, sizeof(os->codename), false, false},
	};
	struct span value;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!span_is(name, fields[i].name))
			continue;
		if (take_value(text, &value) &&
		    copy_words(value, fields[i].blanks, fields[i].to, fields[i].size))
			return true;
		fields[i].to[0] = '\0';
		return !fields[i].needed;
	}
	return true;
}

static void skip_byte_order_mark(struct span *text)
{
	static const struct span mark = SPAN_LIT("\xef\xbb\xbf");

	if (text->len >= mark.len && memcmp(text->p, mark.p, mark.len) == 0)
		(void)span_take(text, mark.len, &(struct span){0});
}

int osrelease_parse(struct span text, struct osrelease *ret, struct err *err)
{
	struct osrelease os = {.id = ""};
	struct span line, name;

	if (text.len > OSRELEASE_MAX)
		return err_set(err, EMSGSIZE, "os-release is longer than %zu bytes", OSRELEASE_MAX);
	if (span_has_nul(text))
		return err_set(err, EBADMSG, "os-release is not text: it holds a NUL");
	skip_byte_order_mark(&text);
	for (size_t number = 1; span_line(&text, &line); number++) {
		line = span_trim(line);
		if (take_name(&line, &name) && !set_field(&os, name, line))
			return err_set(err, EBADMSG, "os-release, line %zu: %.*s cannot be %.*s",
				       number, (int)name.len, (const char *)name.p,
				       (int)(line.len < 80 ? line.len : 80), (const char *)line.p);
	}
	lower(os.id);
	lower(os.id_like);
	if (!os.id[0])
		(void)span_copy(SPAN_LIT("linux"), os.id, sizeof(os.id));
	*ret = os;
	return 0;
}
