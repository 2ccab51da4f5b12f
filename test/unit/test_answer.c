/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "payload/pam/answer.h"

/* clang-format off */
static const struct row {
	const char *name, *bytes;
	enum answer_code code;
	const char *text;
} rows[] = {
	{"a_grant", "grant\n", ANSWER_GRANT, ""},
	{"no_role", "deny role\n", ANSWER_ROLE, ""},
	{"no_proof", "deny identity\n", ANSWER_IDENTITY, ""},
	{"no_backend", "deny unavailable\n", ANSWER_UNAVAILABLE, ""},
	{"once_more", "deny retry\n", ANSWER_RETRY, ""},
	{"an_account_in_the_way", "deny account\n", ANSWER_ACCOUNT, ""},
	{"not_configured", "deny config\n", ANSWER_CONFIG, ""},
	{"a_mistake", "deny internal\nsorry\n", ANSWER_INTERNAL, "sorry\n"},
	{"a_reason_with_text", "deny role\nno\nnot you\n", ANSWER_ROLE, "no\nnot you\n"},
	{"nothing", "", ANSWER_INTERNAL, ""},
	{"half_a_grant", "gran", ANSWER_INTERNAL, ""},
	{"a_grant_without_newline", "grant", ANSWER_INTERNAL, ""},
	{"a_grant_with_text", "grant\nwelcome\n", ANSWER_INTERNAL, ""},
	{"two_grants", "grant\ngrant\n", ANSWER_INTERNAL, ""},
	{"a_grant_with_an_empty_line", "grant\n\n", ANSWER_INTERNAL, ""},
	{"a_grant_in_capitals", "GRANT\n", ANSWER_INTERNAL, ""},
	{"a_blank_after_grant", "grant \n", ANSWER_INTERNAL, ""},
	{"a_carriage_return_after_grant", "grant\r\n", ANSWER_INTERNAL, ""},
	{"a_blank_before_grant", " grant\n", ANSWER_INTERNAL, ""},
	{"an_empty_line_before_grant", "\ngrant\n", ANSWER_INTERNAL, ""},
	{"an_unknown_reason", "deny moon\n", ANSWER_INTERNAL, ""},
	{"no_reason", "deny\n", ANSWER_INTERNAL, ""},
	{"a_denied_grant", "deny grant\n", ANSWER_INTERNAL, ""},
	{"text_that_was_cut_off", "deny role\nnot y", ANSWER_INTERNAL, ""},
	{"a_shell's_message", "sh: 1: not found\n", ANSWER_INTERNAL, ""},
};
/* clang-format on */

static void is_understood(void **state)
{
	const struct row *row = *state;
	struct answer answer = answer_parse(span_of(row->bytes));

	assert_int_equal(answer.code, row->code);
	assert_true(span_is(answer.text, row->text));
}

static void a_NUL_makes_no_answer(void **state)
{
	(void)state;
	assert_int_equal(answer_parse(SPAN_LIT("grant\0\n")).code, ANSWER_INTERNAL);
	assert_int_equal(answer_parse(SPAN_LIT("deny role\na\0b\n")).code, ANSWER_INTERNAL);
	assert_int_equal(answer_parse((struct span){0}).code, ANSWER_INTERNAL);
}

static void every_code_is_read_as_it_was_written(void **state)
{
	(void)state;
	for (int code = 0; code < ANSWER_CODES; code++) {
		char bytes[ANSWER_MAX];
		struct span text = {.p = (unsigned char *)bytes};
		struct answer answer;

		text.len = answer_format(code, "one\ntwo", bytes);
		answer = answer_parse(text);
		assert_int_equal(answer.code, code);
		assert_true(span_is(answer.text, code == ANSWER_GRANT ? "" : "one\ntwo\n"));
		text.len = answer_format(code, "", bytes);
		assert_int_equal(answer_parse(text).code, code);
	}
}

static void long_text_is_cut_and_still_a_line(void **state)
{
	char text[ANSWER_TEXT_MAX + 100], bytes[ANSWER_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (size_t len = ANSWER_TEXT_MAX - 2; len < ANSWER_TEXT_MAX + 3; len++) {
		struct answer answer;
		size_t n;

		text[len] = '\0';
		n = answer_format(ANSWER_CONFIG, text, bytes);
		answer = answer_parse((struct span){(unsigned char *)bytes, n});
		assert_int_equal(answer.code, ANSWER_CONFIG);
		assert_int_equal(answer.text.len,
				 len < ANSWER_TEXT_MAX ? len + 1 : ANSWER_TEXT_MAX);
		text[len] = 'x';
	}
}

static void too_much_text_makes_no_answer(void **state)
{
	char bytes[ANSWER_TEXT_MAX + 11];
	struct span text = {(unsigned char *)bytes, sizeof(bytes)};

	(void)state;
	memset(bytes, '\n', sizeof(bytes));
	memcpy(bytes, "deny role\n", 10);
	assert_int_equal(answer_parse(text).code, ANSWER_INTERNAL);
	text.len--;
	assert_int_equal(answer_parse(text).code, ANSWER_ROLE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_NUL_makes_no_answer),
		cmocka_unit_test(every_code_is_read_as_it_was_written),
		cmocka_unit_test(long_text_is_cut_and_still_a_line),
		cmocka_unit_test(too_much_text_makes_no_answer),
	};
	struct CMUnitTest answers[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		answers[i] = (struct CMUnitTest){.name = rows[i].name,
						 .test_func = is_understood,
						 .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("answers", answers, NULL, NULL);
}
