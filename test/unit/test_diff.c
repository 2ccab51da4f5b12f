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
#include "test/unit/scratch.h"
#include "test/unit/shell.h"

#define HEAD "--- a/f\n+++ b/f\n"

/* clang-format off */
static const struct row {
	const char *name, *before, *after, *shown;
} rows[] = {
	{"equal_texts", "a\nb\n", "a\nb\n", ""},
	{"empty_texts", "", "", ""},
	{"a_new_file", NULL, "a\nb\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
	{"a_file_that_goes", "a\n", NULL, "--- a/f\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n"},
	{"an_empty_file_that_comes", NULL, "", ""},
	{"a_file_that_is_emptied", "a\nb\n", "", HEAD "@@ -1,2 +0,0 @@\n-a\n-b\n"},
	{"a_line_added", "a\nc\n", "a\nb\nc\n", HEAD "@@ -1,2 +1,3 @@\n a\n+b\n c\n"},
	{"a_line_taken_out", "a\nb\nc\n", "a\nc\n", HEAD "@@ -1,3 +1,2 @@\n a\n-b\n c\n"},
	{"a_line_changed", "a\nb\nc\n", "a\nx\nc\n", HEAD "@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n"},
	{"three_lines_around", "1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nx\n5\n6\n7\n8\n",
	 HEAD "@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+x\n 5\n 6\n 7\n"},
	{"changes_that_are_near", "a\n1\n2\n3\n4\n5\n6\nb\n", "A\n1\n2\n3\n4\n5\n6\nB\n",
	 HEAD "@@ -1,8 +1,8 @@\n-a\n+A\n 1\n 2\n 3\n 4\n 5\n 6\n-b\n+B\n"},
	{"changes_apart", "a\n1\n2\n3\n4\n5\n6\n7\nb\n", "1\n2\n3\n4\n5\n6\n7\nB\n",
	 HEAD "@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -6,4 +5,4 @@\n 5\n 6\n 7\n-b\n+B\n"},
	{"a_line_moved", "a\nb\nc\n", "b\nc\na\n", HEAD "@@ -1,3 +1,3 @@\n-a\n b\n c\n+a\n"},
	{"the_same_line_again", "a\na\n", "a\na\na\n", HEAD "@@ -1,2 +1,3 @@\n a\n a\n+a\n"},
	{"an_end_that_comes", "a\nb", "a\nb\n", HEAD "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"},
	{"an_end_that_goes", "b\n", "b", HEAD "@@ -1,1 +1,1 @@\n-b\n+b\n\\ No newline at end of file\n"},
	{"no_end_in_what_stays", "a\nb", "b", HEAD "@@ -1,2 +1,1 @@\n-a\n b\n\\ No newline at end of file\n"},
	{"bytes_as_they_are", "", "a\33[2Jb\tc\r\n", HEAD "@@ -0,0 +1,1 @@\n+a\33[2Jb\tc\r\n"},
};
/* clang-format on */

static void the_lines_that_differ_are_shown(void **state)
{
	const struct row *row = *state;
	AUTO_BUF out = {0};

	diff_unified("/f", span_of(row->before ?: ""), row->before, span_of(row->after ?: ""),
		     row->after, &out);
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
	diff_unified("/f", buf_bytes(&before), true, buf_bytes(&after), true, &out);
	assert_non_null(strstr(buf_text(&out), "@@ -1,502 +1,503 @@\n-0\n-1\n"));
	assert_non_null(strstr(buf_text(&out), "-y\n+x\n+0\n"));
}

static void a_name_can_hold_anything(void **state)
{
	AUTO_BUF out = {0};

	(void)state;
	diff_unified("/a b\n\"\\\xc3", span_of("a\n"), true, span_of(""), false, &out);
	assert_non_null(strstr(buf_text(&out), "--- \"a/a\\040b\\012\\042\\134\\303\"\n"));
}

/* Few different lines, so that many are alike. */
static void add_random_text(struct buf *ret)
{
	for (int lines = rand() % 24; lines > 0; lines--)
		buf_printf(ret, "%c\n", 'a' + rand() % 4);
	if (ret->len && rand() % 4 == 0)
		ret->data[--ret->len] = '\0';
}

/* The real patch makes the new files of the old ones, whatever they are. */
static void patch_takes_it(void **state)
{
	AUTO_BUF diff = {0};
	struct scratch scratch;

	(void)state;
	scratch_open(&scratch);
	scratch_mkdir(&scratch, "/is", 0755);
	scratch_mkdir(&scratch, "/wanted", 0755);
	srand(1);
	for (int i = 0; i < 400; i++) {
		AUTO_BUF before = {0}, after = {0};
		bool had = i % 5, has = i % 7 || !had;
		char path[64];

		if (had)
			add_random_text(&before);
		if (has)
			add_random_text(&after);
		if ((!had && !after.len) || (!has && !before.len))
			continue;
		(void)snprintf(path, sizeof(path), "/is/%d %s", i, i % 11 ? "" : "\"\\\xc3\n");
		if (had)
			scratch_write(&scratch, path, buf_text(&before), 0644);
		diff_unified(path + strlen("/is"), buf_bytes(&before), had, buf_bytes(&after), has,
			     &diff);
		(void)snprintf(path, sizeof(path), "/wanted/%d %s", i, i % 11 ? "" : "\"\\\xc3\n");
		if (has)
			scratch_write(&scratch, path, buf_text(&after), 0644);
	}
	scratch_write(&scratch, "/diff", buf_text(&diff), 0644);
	shell_run(&scratch, "cd is; patch -s -F0 -p1 <../diff; cd ..; diff -r is wanted");
	scratch_done(&scratch);
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
	const struct CMUnitTest others[] = {
		cmocka_unit_test(large_regions_are_shown_whole),
		cmocka_unit_test(a_name_can_hold_anything),
		cmocka_unit_test(patch_takes_it),
	};
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
