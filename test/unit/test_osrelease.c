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
	{"capitals", "ID=\"openEuler\"\nID_LIKE='RHEL Fedora'\n", "openeuler", "rhel fedora", ""},
	{"an_empty_id", "ID=\nVERSION_ID=\"\"\n", "linux", "", ""},
	{"the_last_line_of_a_name_counts", "ID=a\nID=b\n", "b", "", ""},
	{"a_byte_order_mark", "\xef\xbb\xbfID=debian\n", "debian", "", ""},
	{"a_comment_after_a_value", "ID=debian # stable\nVERSION_ID=\"12\"\t#x\n", "debian", "", "12"},
	{"a_stray_line", "ID=x\nnonsense\n=x\n9A=x\n", "x", "", ""},
	{"an_exported_name", "export ID=y\nID=x\n", "x", "", ""},
	{"an_unquoted_blank_elsewhere", "NAME=a b\nID=x\n", "x", "", ""},
	{"substitutions_elsewhere", "NAME=\"$(x) `y` $z\"\nID=x\n", "x", "", ""},
	{"an_open_quote_elsewhere", "NAME=\"a\nID=x\n", "x", "", ""},
	{"names_like_those_that_count", "ID_LIKE2=\"(x)\"\nVARIANT_ID=(\nID=x\n", "x", "", ""},
};

static const struct bad {
	const char *name, *text, *message;
} bad[] = {
	{"an_unquoted_blank", "\nID=a b\n", "os-release, line 2: ID cannot be a b"},
	{"an_unquoted_substitution", "ID=$(x)\n", "line 1: ID cannot be $(x)"},
	{"a_quoted_substitution", "ID=\"$(x)\"\n", "line 1: ID"},
	{"an_open_quote", "ID=\"a\n", "line 1: ID"},
	{"a_single_quote_mark", "ID=\"\n", "line 1: ID"},
	{"another_quote_at_the_end", "ID=\"a'\n", "line 1: ID"},
	{"text_after_the_quote", "ID=\"a\"b\n", "line 1: ID"},
	{"two_quoted_parts", "ID=\"a\"\"b\"\n", "line 1: ID"},
	{"an_escape", "ID=\"a\\\"\n", "line 1: ID"},
	{"a_comment_without_a_blank", "ID=a#b\n", "line 1: ID"},
	{"an_id_with_a_slash", "ID=\"../x\"\n", "line 1: ID cannot be \"../x\""},
	{"an_id_of_two_words", "ID=\"a b\"\n", "line 1: ID cannot be"},
	{"a_like_with_a_colon", "ID_LIKE=a:b\n", "line 1: ID_LIKE cannot be"},
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

static void a_codename_is_known_or_it_is_none(void **state)
{
	static const struct {
		const char *text, *codename;
	} cases[] = {
		{"ID=debian\nVERSION_CODENAME=bookworm\n", "bookworm"},
		{"VERSION_CODENAME=\"noble\"\n", "noble"},
		{"ID=debian\n", ""},
		{"VERSION_CODENAME=\n", ""},
		{"VERSION_CODENAME=a\nVERSION_CODENAME=\"Some Thing\"\n", ""},
		{"VERSION_CODENAME=../x\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct osrelease os = {.id = ""};
		struct err err = {0};

		assert_int_equal(osrelease_parse(span_of(cases[i].text), &os, &err), 0);
		assert_string_equal(os.codename, cases[i].codename);
	}
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

static void too_long_a_file_is_refused(void **state)
{
	AUTO_FREE char *text = malloc(OSRELEASE_MAX + 2);
	struct osrelease os;
	struct err err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, 'x', OSRELEASE_MAX + 1);
	text[OSRELEASE_MAX + 1] = '\0';
	assert_int_equal(osrelease_parse(span_of(text), &os, &err), -EMSGSIZE);
	text[OSRELEASE_MAX] = '\0';
	assert_int_equal(osrelease_parse(span_of(text), &os, &err), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_codename_is_known_or_it_is_none),
		cmocka_unit_test(a_NUL_is_refused_wherever_it_is),
		cmocka_unit_test(too_long_a_file_is_refused),
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
