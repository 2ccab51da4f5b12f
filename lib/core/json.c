/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/json.h"

void json_done(json_t **json)
{
	int saved = errno;

	json_decref(*json);
	errno = saved;
}

/*
 * Jansson recurses once a level when it parses; its own limit of 2048 is far more than any document
 * here needs.  Brackets are counted before it sees them.
 */
static bool too_deep(struct span text)
{
	bool quoted = false;
	size_t depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = text.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']') && depth)
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

int json_parse(struct span text, const char *what, json_t **ret, struct err *err)
{
	static const struct span bom = {(const unsigned char *)"\xef\xbb\xbf", 3};
	struct span head = text;
	json_error_t error;
	struct span mark;
	json_t *json;

	if (span_take(&head, bom.len, &mark) && span_eq(mark, bom))
		text = head;
	if (too_deep(text))
		return err_set(err, EBADMSG, "%s: nested deeper than %d levels", what,
			       JSON_DEPTH_MAX);
	json = json_loadb((const char *)text.p, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return err_set(err, EBADMSG, "%s is not valid JSON: line %d, column %d: %s", what,
			       error.line, error.column, error.text);
	*ret = json;
	return 0;
}

const char *json_kind(const json_t *json)
{
	if (!json)
		return "missing";
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}

static int mismatch(const char *key, const json_t *value, const char *expected, struct err *err)
{
	return err_set(err, EINVAL, "%s is %s, expected %s", key, json_kind(value), expected);
}

/* The member, or NULL when it is missing or null. */
static json_t *member(const json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);

	return json_is_null(value) ? NULL : value;
}

int json_get_string(const json_t *json, const char *key, const char **ret, struct err *err)
{
	const json_t *value = member(json, key);

	if (!value)
		return 0;
	if (!json_is_string(value))
		return mismatch(key, value, "a string", err);
	*ret = json_string_value(value);
	return 0;
}

int json_get_bool(const json_t *json, const char *key, bool *ret, struct err *err)
{
	const json_t *value = member(json, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return mismatch(key, value, "a boolean", err);
	*ret = json_is_true(value);
	return 0;
}

int json_get_int(const json_t *json, const char *key, json_int_t *ret, struct err *err)
{
	const json_t *value = member(json, key);

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return mismatch(key, value, "an integer", err);
	*ret = json_integer_value(value);
	return 0;
}

int json_get_object(const json_t *json, const char *key, json_t **ret, struct err *err)
{
	json_t *value = member(json, key);

	if (!value)
		return 0;
	if (!json_is_object(value))
		return mismatch(key, value, "an object", err);
	*ret = value;
	return 0;
}

int json_get_array(const json_t *json, const char *key, json_t **ret, struct err *err)
{
	json_t *value = member(json, key);

	if (!value)
		return 0;
	if (!json_is_array(value))
		return mismatch(key, value, "an array", err);
	*ret = value;
	return 0;
}

json_t *json_quote(struct span text)
{
	json_t *whole = json_stringn((const char *)text.p, text.len);
	AUTO_FREE char *ascii = whole ? NULL : malloc(text.len + 1);

	if (whole || !ascii)
		return whole;
	for (size_t i = 0; i < text.len; i++)
		ascii[i] = text.p[i] < 0x80 ? (char)text.p[i] : '?';
	return json_stringn(ascii, text.len);
}

char *json_text(const json_t *json, size_t flags)
{
	AUTO_FREE char *text = json_dumps(json, flags);
	size_t len = text ? strlen(text) : 0;
	char *line = text ? realloc(text, len + 2) : NULL;

	if (!line)
		return NULL;
	text = NULL;
	line[len] = '\n';
	line[len + 1] = '\0';
	return line;
}
