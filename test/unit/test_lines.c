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
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "payload/module/lines.h"
#include "test/unit/scratch.h"

#define MAX ((size_t)1 << 20)

static struct scratch scratch;
static char path[128];

static int open_scratch(void **state)
{
	(void)state;
	scratch_open(&scratch);
	(void)snprintf(path, sizeof(path), "%s/file", scratch.dir);
	return 0;
}

static int done_scratch(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void file(const char *text)
{
	scratch_write(&scratch, "/file", text, 0644);
}

/* What lines_open says; the file is closed again. */
static int judged(enum lines_kind kind)
{
	struct lines lines;
	int r = lines_open(&lines, path, kind, MAX);

	lines_close(&lines);
	return r;
}

static void assert_lines(struct lines *lines, ...)
{
	const char *expected;
	struct span line;
	va_list ap;

	va_start(ap, lines);
	while ((expected = va_arg(ap, const char *))) {
		assert_true(lines_next(lines, &line));
		assert_int_equal(line.len, strlen(expected));
		assert_memory_equal(line.p, expected, line.len);
	}
	va_end(ap);
	assert_false(lines_next(lines, &line));
	assert_false(lines_next(lines, &line));
	assert_int_equal(lines->error, 0);
}

static void lines_keep_their_newline_but_for_the_last(void **state)
{
	struct lines lines;

	(void)state;
	file("one\n\nthree\nfour");
	assert_int_equal(lines_open(&lines, path, LINES_OURS, MAX), 0);
	assert_lines(&lines, "one\n", "\n", "three\n", "four", NULL);
	assert_false(lines.overlong);
	lines_close(&lines);
}

static void an_empty_file_has_no_line(void **state)
{
	struct lines lines;

	(void)state;
	file("");
	assert_int_equal(lines_open(&lines, path, LINES_OURS, 0), 0);
	assert_lines(&lines, NULL);
	lines_close(&lines);
}

static void a_missing_file_is_told(void **state)
{
	(void)state;
	assert_int_equal(judged(LINES_OURS), -ENOENT);
	assert_int_equal(judged(LINES_SYSTEM), -ENOENT);
}

static void a_file_that_others_can_write_is_not_ours(void **state)
{
	static const mode_t modes[] = {0664, 0646};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		scratch_write(&scratch, "/file", "x\n", modes[i]);
		assert_int_equal(judged(LINES_OURS), -EPERM);
		assert_int_equal(judged(LINES_SYSTEM), 0);
	}
}

static void a_file_of_another_owner_is_not_ours(void **state)
{
	(void)state;
	file("x\n");
	if (chown(path, 1, 1) < 0) /* without root, one of root's does */
		(void)snprintf(path, sizeof(path), "/etc/passwd");
	assert_int_equal(judged(LINES_OURS), -EPERM);
	assert_int_equal(judged(LINES_SYSTEM), 0);
}

static void a_link_is_not_ours(void **state)
{
	char target[128];

	(void)state;
	scratch_write(&scratch, "/target", "x\n", 0644);
	(void)snprintf(target, sizeof(target), "%s/target", scratch.dir);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(judged(LINES_OURS), -EPERM);
	assert_int_equal(judged(LINES_SYSTEM), 0);
}

static void only_regular_files_are_read_and_nothing_hangs(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_int_equal(judged(LINES_OURS), -EINVAL);
	assert_int_equal(judged(LINES_SYSTEM), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(judged(LINES_OURS), -EINVAL);
}

static void a_file_of_the_maximum_is_read_and_a_longer_one_is_not(void **state)
{
	struct lines lines;
	struct span line;

	(void)state;
	file("12\n45\n");
	assert_int_equal(lines_open(&lines, path, LINES_OURS, 6), 0);
	assert_lines(&lines, "12\n", "45\n", NULL);
	lines_close(&lines);
	assert_int_equal(lines_open(&lines, path, LINES_OURS, 5), 0);
	while (lines_next(&lines, &line))
		continue;
	assert_int_equal(lines.error, EFBIG);
	lines_close(&lines);
}

/* The address space of the process begins with a page that is not there. */
static void a_failed_read_is_told(void **state)
{
	struct lines lines;
	struct span line;

	(void)state;
	assert_int_equal(lines_open(&lines, "/proc/self/mem", LINES_SYSTEM, MAX), 0);
	assert_false(lines_next(&lines, &line));
	assert_int_equal(lines.error, EIO);
	lines_close(&lines);
}

/* A file of one line of len bytes, newline included, between two short ones. */
static void write_long(size_t len)
{
	char *text = malloc(len + 32);

	assert_non_null(text);
	(void)snprintf(text, 32, "a\n");
	memset(text + 2, 'x', len - 1);
	(void)snprintf(text + 1 + len, 32, "\nb\n");
	file(text);
	free(text);
}

static void a_line_that_fills_the_buffer_is_read(void **state)
{
	struct lines lines;
	struct span line;

	(void)state;
	write_long(LINES_BUFFER);
	assert_int_equal(lines_open(&lines, path, LINES_OURS, MAX), 0);
	assert_true(lines_next(&lines, &line));
	assert_true(lines_next(&lines, &line));
	assert_int_equal(line.len, LINES_BUFFER);
	assert_lines(&lines, "b\n", NULL);
	assert_false(lines.overlong);
	lines_close(&lines);
}

static void longer_lines_are_passed_over_whole(void **state)
{
	static const size_t lens[] = {LINES_BUFFER + 1, LINES_BUFFER + 2, 2 * LINES_BUFFER,
				      2 * LINES_BUFFER + 1, 5 * LINES_BUFFER + 77};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct lines lines;

		write_long(lens[i]);
		assert_int_equal(lines_open(&lines, path, LINES_OURS, MAX), 0);
		assert_lines(&lines, "a\n", "b\n", NULL);
		assert_true(lines.overlong);
		lines_close(&lines);
	}
}

static void an_endless_last_line_is_passed_over(void **state)
{
	char text[2 * LINES_BUFFER];
	struct lines lines;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "a\n", 2);
	text[sizeof(text) - 1] = '\0';
	file(text);
	assert_int_equal(lines_open(&lines, path, LINES_OURS, MAX), 0);
	assert_lines(&lines, "a\n", NULL);
	assert_true(lines.overlong);
	lines_close(&lines);
}

static void lines_across_the_buffer_s_end_are_whole(void **state)
{
	char *text = NULL;
	size_t size = 0, total = 0;
	FILE *out = open_memstream(&text, &size);
	struct lines lines;
	struct span line;

	(void)state;
	assert_non_null(out);
	for (unsigned i = 0; i < 3000; i++)
		assert_true(fprintf(out, "%u:%.*s\n", i, (int)(i % 50),
				    "xxxxxxxxxxxxxxxxxxxxxxxxx"
				    "xxxxxxxxxxxxxxxxxxxxxxxxx") > 0);
	assert_int_equal(fclose(out), 0);
	file(text);
	assert_int_equal(lines_open(&lines, path, LINES_OURS, MAX), 0);
	for (unsigned i = 0; lines_next(&lines, &line); i++) {
		assert_int_equal(strtoul(text + total, NULL, 10), i);
		assert_memory_equal(line.p, text + total, line.len);
		total += line.len;
		assert_int_equal(lines.offset, total);
	}
	assert_int_equal(total, size);
	lines_close(&lines);
	free(text);
}

static void reading_goes_on_at_the_next_whole_line(void **state)
{
	struct lines lines;

	(void)state;
	file("one\ntwo\nthree\n");
	for (uint64_t at = 0; at < 16; at++) {
		assert_int_equal(lines_open(&lines, path, LINES_OURS, MAX), 0);
		lines_seek(&lines, at);
		if (at == 0)
			assert_lines(&lines, "one\n", "two\n", "three\n", NULL);
		else if (at <= 4)
			assert_lines(&lines, "two\n", "three\n", NULL);
		else if (at <= 8)
			assert_lines(&lines, "three\n", NULL);
		else
			assert_lines(&lines, NULL);
		lines_close(&lines);
	}
}

static void closing_keeps_errno(void **state)
{
	struct lines lines;

	(void)state;
	assert_int_equal(lines_open(&lines, path, LINES_OURS, MAX), -ENOENT);
	errno = 4711;
	lines_close(&lines);
	lines.fd = 1 << 20; /* not open */
	lines_close(&lines);
	assert_int_equal(errno, 4711);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, done_scratch)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(lines_keep_their_newline_but_for_the_last),
		TEST(an_empty_file_has_no_line),
		TEST(a_missing_file_is_told),
		TEST(a_file_that_others_can_write_is_not_ours),
		TEST(a_file_of_another_owner_is_not_ours),
		TEST(a_link_is_not_ours),
		TEST(only_regular_files_are_read_and_nothing_hangs),
		TEST(a_file_of_the_maximum_is_read_and_a_longer_one_is_not),
		TEST(a_failed_read_is_told),
		TEST(a_line_that_fills_the_buffer_is_read),
		TEST(longer_lines_are_passed_over_whole),
		TEST(an_endless_last_line_is_passed_over),
		TEST(lines_across_the_buffer_s_end_are_whole),
		TEST(reading_goes_on_at_the_next_whole_line),
		TEST(closing_keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
