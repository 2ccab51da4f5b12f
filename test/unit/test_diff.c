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

/* clang-format off */
static const struct apply_row {
	const char *name, *before, *after, *text;
	const char *result; /* NULL: -ESTALE */
} apply_rows[] = {
	{"nothing_changed_since", "a\nc\n", "a\nb\nc\n", "a\nc\n", "a\nb\nc\n"},
	{"nothing_to_change", "a\n", "a\n", "x\n", "x\n"},
	{"a_line_before_and_one_behind", "a\nc\n", "a\nb\nc\n", "x\na\nc\ny\n", "x\na\nb\nc\ny\n"},
	{"several_changes_and_what_is_between", "a\nb\nc\nd\n", "a\nB\nc\nD\n", "x\na\nb\nc\nd\n", "x\na\nB\nc\nD\n"},
	{"at_the_start", "b\nc\n", "a\nb\nc\n", "b\nc\nx\n", "a\nb\nc\nx\n"},
	{"at_the_end", "a\nb\n", "a\nb\nc\n", "x\nb\ny\n", "x\nb\nc\ny\n"},
	{"the_last_line_has_no_end", "a\nb", "a\nc", "x\na\nb", "x\na\nc"},
	{"lines_that_begin_alike", "a\nbb\nz\n", "a\nbc\nz\n", "1\na\nbb\nz\n", "1\na\nbc\nz\n"},
	{"the_same_line_again", "a\na\n", "a\na\na\n", "x\na\na\n", NULL},
	{"the_place_is_there_twice", "a\nc\n", "a\nb\nc\n", "a\nc\na\nc\n", NULL},
	{"overlapping_places", "a\na\n", "a\nb\na\n", "a\na\na\n", NULL},
	{"a_line_next_to_it_changed", "a\nc\n", "a\nb\nc\n", "a\nx\nc\n", NULL},
	{"part_of_a_line", "a\nc\n", "a\nb\nc\n", "xa\nc\n", NULL},
	{"the_start_of_a_longer_line", "a\nc", "a\nb", "x\na\ncc", NULL},
	{"an_empty_text_that_is_not_any_more", "", "a\n", "x\n", NULL},
	{"nothing_is_left_of_it", "a\nc\n", "a\nb\nc\n", "", NULL},
};
/* clang-format on */

static void the_change_is_made_where_its_lines_are(void **state)
{
	const struct apply_row *row = *state;
	struct err err = {0};
	AUTO_BUF out = {0};
	int r = diff_apply(span_of(row->before), span_of(row->after), span_of(row->text), &out,
			   &err);

	assert_int_equal(r, row->result ? 0 : -ESTALE);
	assert_string_equal(buf_text(&out), row->result ?: "");
}

int main(void)
{
	const struct CMUnitTest others[] = {cmocka_unit_test(large_regions_are_shown_whole)};
	struct CMUnitTest tests[ARRAY_LEN(rows)], applying[ARRAY_LEN(apply_rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(apply_rows); i++)
		applying[i] = (struct CMUnitTest){apply_rows[i].name,
						  the_change_is_made_where_its_lines_are, NULL,
						  NULL, (void *)(uintptr_t)&apply_rows[i]};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, the_lines_that_differ_are_shown, NULL,
					       NULL, (void *)(uintptr_t)&rows[i]};
	failed = cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	failed += cmocka_run_group_tests_name("apply", applying, NULL, NULL);
	return failed + cmocka_run_group_tests_name("diff", others, NULL, NULL);
}
