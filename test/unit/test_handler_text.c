/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "handler/text.h"
#include "lib/core/cleanup.h"

static void a_time_is_utc(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	time_text(1709208000, text);
	assert_string_equal(text, "2024-02-29T12:00:00Z");
	time_text(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
}

static void a_time_out_of_range_is_empty(void **state)
{
	char text[TIME_TEXT_SIZE] = "x";

	(void)state;
	time_text(INT64_MAX, text);
	assert_string_equal(text, "");
}

static void only_ascii_and_newlines_stay(void **state)
{
	char text[32];

	(void)state;
	ascii_text("a\nb\tc\x1b\xc3\xa4~\x7f", text, sizeof(text));
	assert_string_equal(text, "a\nb?c???~?");
}

static void a_long_text_is_cut_to_fit(void **state)
{
	char text[4];

	(void)state;
	ascii_text("abcdef", text, sizeof(text));
	assert_string_equal(text, "abc");
}

static void words_are_quoted_for_a_shell(void **state)
{
	static const struct {
		const char *word, *quoted;
	} words[] = {
		{"vm-1.a_b/c:%+,=@", "vm-1.a_b/c:%+,=@"},
		{"", "''"},
		{"a b", "'a b'"},
		{"rg(1)", "'rg(1)'"},
		{"$(reboot)", "'$(reboot)'"},
		{"a'; reboot", "'a'\\''; reboot'"},
		{"~root", "'~root'"},
		{"a\n", "'a\n'"},
		{"\xc3\xa4", "'\xc3\xa4'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		AUTO_BUF text = {0};

		shell_text(span_of(words[i].word), &text);
		assert_string_equal(buf_text(&text), words[i].quoted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_utc),
		cmocka_unit_test(a_time_out_of_range_is_empty),
		cmocka_unit_test(only_ascii_and_newlines_stay),
		cmocka_unit_test(words_are_quoted_for_a_shell),
		cmocka_unit_test(a_long_text_is_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
