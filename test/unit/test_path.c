/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/path.h"

/* clang-format off */
static const struct row {
	const char *name, *text;
	bool valid;
} rows[] = {
	{"one_component", "/a", true},
	{"several", "/usr/bin/bash", true},
	{"dots_inside_a_component", "/home/..a..b@c.d..", true},
	{"three_dots", "/...", true},
	{"a_blank", "/srv/our homes/x", true},
	{"nothing", "", false},
	{"the_root", "/", false},
	{"relative", "home/x", false},
	{"a_slash_at_the_end", "/home/", false},
	{"two_slashes", "/home//x", false},
	{"two_slashes_in_front", "//home", false},
	{"a_dot", "/home/./x", false},
	{"dots_first", "/../x", false},
	{"dots_inside", "/home/../x", false},
	{"dots_last", "/home/..", false},
	{"a_colon", "/home/a:b", false},
	{"a_newline", "/home/a\n", false},
	{"an_escape", "/home/\x1b[0m", false},
	{"a_delete", "/home/\x7f", false},
};
/* clang-format on */

static void is_judged(void **state)
{
	const struct row *row = *state;

	assert_int_equal(path_valid(span_of(row->text)), row->valid);
}

static void the_longest_is_taken_and_one_more_is_not(void **state)
{
	char path[PATH_BYTES_MAX + 1];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = path[PATH_COMPONENT_MAX + 1] = '/';
	assert_true(path_valid((struct span){(unsigned char *)path, PATH_BYTES_MAX}));
	assert_false(path_valid((struct span){(unsigned char *)path, PATH_BYTES_MAX + 1}));
}

static void the_longest_component_is_taken_and_one_more_is_not(void **state)
{
	char path[PATH_COMPONENT_MAX + 5];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = path[2] = '/';
	assert_true(path_valid((struct span){(unsigned char *)path, 3 + PATH_COMPONENT_MAX}));
	assert_false(path_valid((struct span){(unsigned char *)path, 4 + PATH_COMPONENT_MAX}));
}

static void a_NUL_is_refused(void **state)
{
	(void)state;
	assert_false(path_valid(SPAN_LIT("/home/a\0b")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_is_taken_and_one_more_is_not),
		cmocka_unit_test(the_longest_component_is_taken_and_one_more_is_not),
		cmocka_unit_test(a_NUL_is_refused),
	};
	struct CMUnitTest paths[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		paths[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = is_judged,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("paths", paths, NULL, NULL);
}
