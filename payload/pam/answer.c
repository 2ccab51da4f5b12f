/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "payload/pam/answer.h"

/* The first line of each answer; the zero row is what everything else counts as. */
static const char *const heads[ANSWER_CODES] = {
	[ANSWER_INTERNAL] = "deny internal",
	[ANSWER_GRANT] = "grant",
	[ANSWER_ROLE] = "deny role",
	[ANSWER_IDENTITY] = "deny identity",
	[ANSWER_UNAVAILABLE] = "deny unavailable",
	[ANSWER_RETRY] = "deny retry",
	[ANSWER_ACCOUNT] = "deny account",
	[ANSWER_CONFIG] = "deny config",
};

static bool text_valid(enum answer_code code, struct span text)
{
	if (code == ANSWER_GRANT || text.len == 0)
		return text.len == 0;
	return text.len <= ANSWER_TEXT_MAX && text.p[text.len - 1] == '\n' && !span_has_nul(text);
}

struct answer answer_parse(struct span bytes)
{
	struct answer answer = {.code = ANSWER_INTERNAL};
	struct span head;

	if (bytes.len == 0 || !memchr(bytes.p, '\n', bytes.len) || !span_line(&bytes, &head))
		return answer;
	for (size_t code = 0; code < ANSWER_CODES; code++)
		if (span_is(head, heads[code]) && text_valid(code, bytes))
			answer = (struct answer){.code = code, .text = bytes};
	return answer;
}

size_t answer_format(enum answer_code code, const char *text, char ret[ANSWER_MAX])
{
	size_t len = strlen(heads[code]), text_len = 0;

	memcpy(ret, heads[code], len);
	ret[len++] = '\n';
	if (code != ANSWER_GRANT)
		text_len = strnlen(text, ANSWER_TEXT_MAX);
	memcpy(ret + len, text, text_len);
	if (text_len && text[text_len - 1] != '\n') {
		if (text_len < ANSWER_TEXT_MAX)
			text_len++;
		ret[len + text_len - 1] = '\n';
	}
	return len + text_len;
}
