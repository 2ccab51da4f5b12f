/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/core/num.h"

struct number {
	const char *text;
	uint64_t max;
	bool ok;
	uint64_t value;
};

/* clang-format off */
static struct number numbers[] = {
	{"0", 0, true, 0},
	{"7", 7, true, 7},
	{"8", 7, false, 0},
	{"10", 9, false, 0},
	{"007", 7, true, 7},
	{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
	{"18446744073709551616", UINT64_MAX, false, 0},
	{"", 9, false, 0},
	{"-1", 9, false, 0},
	{"+1", 9, false, 0},
	{" 1", 9, false, 0},
	{"1 ", 9, false, 0},
	{"1x", 99, false, 0},
	{"000000000000000000001", 9, false, 0},
};
/* clang-format on */

static void numbers_are_digits_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t value = 0;

		assert_int_equal(num_parse(span_of(numbers[i].text), numbers[i].max, &value),
				 numbers[i].ok);
		assert_int_equal(value, numbers[i].value);
	}
}

static void wire_readers_stop_at_the_end(void **state)
{
	static const unsigned char wire[] = {0, 0, 0, 2, 'a', 'b', 0, 0, 0, 9, 'c'};
	struct span in = {wire, sizeof(wire)}, text, before;
	uint64_t wide = 1;

	(void)state;
	assert_true(span_string(&in, &text));
	assert_true(span_is(text, "ab"));
	before = in;
	assert_false(span_string(&in, &text));
	assert_true(span_eq(before, in) && before.p == in.p);
	assert_false(span_u64(&in, &wide));
	assert_int_equal(wide, 1);
}

/* clang-format off */
static const struct match {
	const char *text, *words;
	bool is_nocase, has, ends;
} matches[] = {
	{"Match", "match", true, false, false},
	{"match", "match", true, true, true},
	{"match all", "match", false, true, false},
	{"no match", "match", false, true, true},
	{"matc", "match", false, false, false},
	{"matchmatc", "match", false, true, false},
	{"", "match", false, false, false},
};
/* clang-format on */

static void text_is_searched_as_a_whole_anywhere_and_at_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
		struct span text = span_of(matches[i].text);

		assert_int_equal(span_is_nocase(text, matches[i].words), matches[i].is_nocase);
		assert_int_equal(span_has(text, matches[i].words), matches[i].has);
		assert_int_equal(span_ends(text, matches[i].words), matches[i].ends);
	}
}

static void bytes_behind_the_text_do_not_match(void **state)
{
	struct span text = {(const unsigned char *)"a match", 6};

	(void)state;
	assert_false(span_has(text, "match"));
	assert_false(span_ends(text, "match"));
	assert_false(span_has((struct span){0}, "x"));
	assert_false(span_ends((struct span){0}, "x"));
	assert_true(span_is_nocase((struct span){0}, ""));
}

static void the_last_line_is_the_last_that_says_something(void **state)
{
	(void)state;
	assert_true(span_is(span_last_line(span_of("one\n two \n\n \t\n")), "two"));
	assert_true(span_is(span_last_line(span_of("one")), "one"));
	assert_int_equal(span_last_line(span_of(" \n\n")).len, 0);
	assert_int_equal(span_last_line(span_of("")).len, 0);
}

static void lines_and_words_are_taken_apart(void **state)
{
	struct span text = span_of(" a\tb \n\nlast"), line, word;

	(void)state;
	assert_true(span_line(&text, &line));
	assert_true(span_word(&line, &word) && span_is(word, "a"));
	assert_true(span_word(&line, &word) && span_is(word, "b"));
	assert_false(span_word(&line, &word));
	assert_true(span_line(&text, &line) && line.len == 0);
	assert_true(span_line(&text, &line) && span_is(line, "last"));
	assert_false(span_line(&text, &line));
}

static void copies_that_do_not_fit_are_refused(void **state)
{
	char to[3] = "x";

	(void)state;
	assert_false(span_copy(span_of("abc"), to, sizeof(to)));
	assert_false(span_copy(SPAN_LIT("a\0b"), to, sizeof(to)));
	assert_string_equal(to, "x");
	assert_true(span_copy(span_of("ab"), to, sizeof(to)));
	assert_string_equal(to, "ab");
}

static void buffers_grow_and_hand_over(void **state)
{
	AUTO_BUF buf = {0};
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_string_equal(buf_text(&buf), "");
	for (int i = 0; i < 1000; i++)
		buf_printf(&buf, "%03d,", i);
	assert_int_equal(buf.len, 4000);
	buf_span(&buf, span_of("end"));
	text = buf_steal(&buf);
	assert_non_null(text);
	assert_string_equal(text + 3996, "999,end");
	assert_null(buf.data);
}

static void a_buffer_that_ran_out_of_memory_says_so(void **state)
{
	AUTO_BUF buf = {0};
	struct err err = {0};

	(void)state;
	assert_null(buf_room(&buf, SIZE_MAX / 2));
	buf_str(&buf, "lost");
	assert_int_equal(buf_ok(&buf, &err), -ENOMEM);
	assert_null(buf_steal(&buf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_digits_alone),
		cmocka_unit_test(wire_readers_stop_at_the_end),
		cmocka_unit_test(text_is_searched_as_a_whole_anywhere_and_at_its_end),
		cmocka_unit_test(bytes_behind_the_text_do_not_match),
		cmocka_unit_test(the_last_line_is_the_last_that_says_something),
		cmocka_unit_test(lines_and_words_are_taken_apart),
		cmocka_unit_test(copies_that_do_not_fit_are_refused),
		cmocka_unit_test(buffers_grow_and_hand_over),
		cmocka_unit_test(a_buffer_that_ran_out_of_memory_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
