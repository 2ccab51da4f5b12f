/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/diff.h"

/* clang-format off */
static const struct row {
	const char *name, *before, *after, *shown;
} rows[] = {
	{"equal_texts", "a\nb\n", "a\nb\n", ""},
	{"empty_texts", "", "", ""},
	{"a_new_file", "", "a\nb\n", " +a\n +b\n"},
	{"a_file_that_is_emptied", "a\nb\n", "", " -a\n -b\n"},
	{"a_line_added", "a\nc\n", "a\nb\nc\n", " +b\n"},
	{"a_line_taken_out", "a\nb\nc\n", "a\nc\n", " -b\n"},
	{"a_line_changed", "a\nb\nc\n", "a\nx\nc\n", " -b\n +x\n"},
	{"changes_apart", "a\nb\nc\nd\n", "A\nb\nc\nD\n", " -a\n +A\n -d\n +D\n"},
	{"a_line_moved", "a\nb\nc\n", "b\nc\na\n", " -a\n +a\n"},
	{"the_same_line_again", "a\na\n", "a\na\na\n", " +a\n"},
	{"control_characters", "", "a\33[2Jb\tc\r\n", " +a?[2Jb\tc?\n"},
};
/* clang-format on */

static void the_lines_that_differ_are_shown(void **state)
{
	const struct row *row = *state;
	AUTO_BUF out = {0};

	diff_lines(span_of(row->before), span_of(row->after), " ", &out);
	assert_false(out.failed);
	assert_string_equal(buf_text(&out), row->shown);
}

static void large_regions_are_shown_whole(void **state)
{
	AUTO_BUF before = {0}, after = {0}, out = {0};

	(void)state;
	for (int i = 0; i <= DIFF_LINES_MAX; i++)
		buf_printf(&before, "%d\n", i);
	buf_str(&after, "x\n");
	buf_span(&after, buf_bytes(&before));
	buf_str(&after, "x\n");
	buf_str(&before, "y\n");
	diff_lines(buf_bytes(&before), buf_bytes(&after), "", &out);
	assert_non_null(strstr(buf_text(&out), "-0\n-1\n"));
	assert_non_null(strstr(buf_text(&out), "-y\n+x\n+0\n"));
}

int main(void)
{
	const struct CMUnitTest others[] = {cmocka_unit_test(large_regions_are_shown_whole)};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, the_lines_that_differ_are_shown, NULL,
					       NULL, (void *)(uintptr_t)&rows[i]};
	failed = cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("diff", others, NULL, NULL);
}
