/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/osrelease.h"

/* clang-format off */
static const struct good {
	const char *name, *text, *id, *like, *version;
} good[] = {
	{"an_empty_file", "", "linux", "", ""},
	{"plain_values", "ID=debian\nVERSION_ID=12\n", "debian", "", "12"},
	{"no_final_newline", "ID=debian\nVERSION_ID=12", "debian", "", "12"},
	{"double_quotes", "ID=\"rhel\"\nID_LIKE=\"centos fedora\"\n", "rhel", "centos fedora", ""},
	{"single_quotes", "ID='sles'\nVERSION_ID='15.7'\n", "sles", "", "15.7"},
	{"comments_and_blank_lines", "# a\n\n  # b\nID=a\n", "a", "", ""},
	{"carriage_returns", "ID=debian\r\nVERSION_ID=\"12\"\r\n", "debian", "", "12"},
	{"capitals", "ID=\"openEuler\"\n", "openEuler", "", ""},
	{"empty_values", "BUILD_ID=\nVERSION_ID=\"\"\nID=x\n", "x", "", ""},
	{"the_last_line_of_a_name_counts", "ID=a\nID=b\n", "b", "", ""},
	{"escapes_elsewhere", "NAME=\"a \\\"b\\\" \\$c \\\\ \\`\"\nID=x\n", "x", "", ""},
	{"dollars_in_single_quotes", "NAME='a $b `c` \\ \"'\nID=x\n", "x", "", ""},
	{"other_names", "ID_LIKE2=\"(x)\"\n_A9=z\nID=x\n", "x", "", ""},
};

static const struct bad {
	const char *name, *text, *message;
} bad[] = {
	{"a_line_without_equals", "ID=x\nnonsense\n", "os-release, line 2: not NAME=VALUE"},
	{"no_name", "=x\n", "line 1: not NAME=VALUE"},
	{"a_name_that_begins_with_a_digit", "9A=x\n", "line 1: not"},
	{"a_blank_before_equals", "ID =x\n", "line 1: not"},
	{"an_unquoted_blank", "ID=a b\n", "line 1: not"},
	{"an_unquoted_substitution", "ID=$(x)\n", "line 1: not"},
	{"a_quoted_substitution", "NAME=\"$(x)\"\n", "line 1: not"},
	{"a_quoted_backquote", "NAME=\"`x`\"\n", "line 1: not"},
	{"an_open_quote", "ID=\"a\n", "line 1: not"},
	{"a_single_quote_mark", "ID=\"\n", "line 1: not"},
	{"text_after_the_quote", "ID=\"a\"b\n", "line 1: not"},
	{"two_quoted_parts", "ID=\"a\"\"b\"\n", "line 1: not"},
	{"an_escaped_end", "ID=\"a\\\"\n", "line 1: not"},
	{"an_escape_of_nothing_special", "NAME=\"\\n\"\n", "line 1: not"},
	{"an_id_with_a_slash", "ID=\"../x\"\n", "line 1: ID cannot be \"../x\""},
	{"an_id_of_two_words", "ID=\"a b\"\n", "line 1: ID cannot be"},
	{"a_version_with_a_quote", "VERSION_ID='9\"'\n", "line 1: VERSION_ID cannot be"},
	{"an_id_too_long",
	 "ID=a123456789a123456789a123456789a123456789a123456789a123456789a123\n", "ID cannot be"},
};
/* clang-format on */

static void is_understood(void **state)
{
	const struct good *row = *state;
	struct osrelease os = {.id = ""};
	struct err err = {0};

	assert_int_equal(osrelease_parse(span_of(row->text), &os, &err), 0);
	assert_string_equal(os.id, row->id);
	assert_string_equal(os.id_like, row->like);
	assert_string_equal(os.version_id, row->version);
}

static void is_refused_with_its_line(void **state)
{
	const struct bad *row = *state;
	struct osrelease os = {.id = "untouched"};
	struct err err = {0};

	assert_int_equal(osrelease_parse(span_of(row->text), &os, &err), -EBADMSG);
	assert_string_equal(os.id, "untouched");
	if (!strstr(err.msg, row->message))
		fail_msg("\"%s\" lacks \"%s\"", err.msg, row->message);
}

static void a_NUL_is_refused_wherever_it_is(void **state)
{
	static const struct span texts[] = {
		SPAN_LIT("ID=a\0b\n"),
		SPAN_LIT("ID=\"a\0\"\n"),
		SPAN_LIT("ID='\0'\n"),
		SPAN_LIT("I\0D=x\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct osrelease os;
		struct err err = {0};

		assert_int_equal(osrelease_parse(texts[i], &os, &err), -EBADMSG);
	}
}

static void too_long_a_value_or_file_is_refused(void **state)
{
	AUTO_FREE char *text = malloc(OSRELEASE_MAX + 2);
	struct osrelease os;
	struct err err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, 'x', OSRELEASE_MAX + 1);
	memcpy(text, "NAME=", 5);
	text[OSRELEASE_MAX + 1] = '\0';
	assert_int_equal(osrelease_parse(span_of(text), &os, &err), -EMSGSIZE);
	text[5 + 1024] = '\0';
	assert_int_equal(osrelease_parse(span_of(text), &os, &err), -EBADMSG);
	text[5 + 1023] = '\0';
	assert_int_equal(osrelease_parse(span_of(text), &os, &err), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_NUL_is_refused_wherever_it_is),
		cmocka_unit_test(too_long_a_value_or_file_is_refused),
	};
	struct CMUnitTest rows[ARRAY_LEN(good) + ARRAY_LEN(bad)] = {{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		rows[n++] = (struct CMUnitTest){.name = good[i].name,
						.test_func = is_understood,
						.initial_state = (void *)(uintptr_t)&good[i]};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		rows[n++] = (struct CMUnitTest){.name = bad[i].name,
						.test_func = is_refused_with_its_line,
						.initial_state = (void *)(uintptr_t)&bad[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("texts", rows, NULL, NULL);
}
