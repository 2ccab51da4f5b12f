/* SPDX-License-Identifier: MIT */
/*
 * Jansson with this project's manners: a maximum, no duplicate keys, no NUL, bounded
 * nesting, and failures that name the document, the key, what was found and what was expected.
 * A document is outside bytes unless a comment says otherwise.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <jansson.h>

#include "lib/core/err.h"
#include "lib/core/span.h"

#define JSON_DEPTH_MAX 64

#define AUTO_JSON __attribute__((cleanup(json_done))) json_t

void json_done(json_t **json);

/*
 * Parse one document.  what names it in messages ("the settings").  A byte-order mark is
 * accepted.  The caller owns *ret.  -EBADMSG malformed (with line and column), too deep or with a
 * duplicate key; -ENOMEM.
 */
int json_parse(struct span text, const char *what, json_t **ret, struct err *err);

/* "an object", "a string", "null" ... for messages. */
const char *json_kind(const json_t *json);

/*
 * Members of an object.  All borrow from json.  A member that is missing or null leaves *ret
 * alone and returns 0; one of another kind is -EINVAL and the message reads
 * "KEY is FOUND, expected EXPECTED".
 */
int json_get_string(const json_t *json, const char *key, const char **ret, struct err *err);
int json_get_bool(const json_t *json, const char *key, bool *ret, struct err *err);
int json_get_int(const json_t *json, const char *key, json_int_t *ret, struct err *err);
int json_get_object(const json_t *json, const char *key, json_t **ret, struct err *err);
int json_get_array(const json_t *json, const char *key, json_t **ret, struct err *err);

/*
 * A string for a document of ours: text as it is when it is UTF-8, otherwise with `?` for each byte
 * that is not ASCII.  Messages quote what others wrote, and are cut anywhere.  NULL: no memory.
 */
json_t *json_quote(struct span text);

/* Compact text of a document of ours, with a final newline.  The caller frees it; NULL: no memory.
 */
char *json_text(const json_t *json, size_t flags);

#endif
