/* SPDX-License-Identifier: MIT */
/* Text for people, and the names of resources in the commands that they are told. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/resource.h"
#include "lib/core/cleanup.h"
#include "lib/core/screen.h"
#include "lib/sys/terminal.h"

typedef void add(const struct screen *screen, const char *text, unsigned used, unsigned indent,
		 struct buf *ret);

static void lines_are_no_longer_than_the_terminal(void **state)
{
	static const struct {
		add *add;
		unsigned columns, used, indent;
		const char *text, *expected;
	} rows[] = {
		{screen_wrap, 20, 4, 4, "one two three", "one two three\n"},
		{screen_wrap, 16, 4, 2, "one two three", "one two\n  three\n"},
		{screen_wrap, 10, 0, 2, "a-word-that-is-too-long b",
		 "a-word-that-is-too-long\n  b\n"},
		{screen_wrap, 10, 9, 2, "first", "first\n"},
		{screen_wrap, 10, 0, 2, "", "\n"},
		{screen_wrap, 0, 0, 2, "no columns: 80", "no columns: 80\n"},
		{screen_command, 20, 0, 2, "az vm -g a -n b", "az vm -g a -n b\n"},
		{screen_command, 14, 0, 2, "az vm -g a -n b", "az vm -g a \\\n  -n b\n"},
		{screen_command, 8, 0, 2, "az vm 'a b c' -n b", "az vm 'a b c' \\\n  -n b\n"},
		{screen_command, 12, 0, 2, "sed -i 1d /etc/x && sync",
		 "sed -i 1d /etc/x \\\n  && sync\n"},
		{screen_command, 12, 0, 2, "rm -f /etc/x && dpkg -P x",
		 "rm -f /etc/x \\\n  && dpkg -P x\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct screen screen = {.columns = rows[i].columns};
		AUTO_BUF text = {0};

		rows[i].add(&screen, rows[i].text, rows[i].used, rows[i].indent, &text);
		assert_string_equal(buf_text(&text), rows[i].expected);
	}
}

static void a_word_is_coloured_where_that_is_wanted(void **state)
{
	const struct screen plain = {.columns = 80}, coloured = {.columns = 80, .colours = true};
	AUTO_BUF text = {0};

	(void)state;
	screen_word(&plain, SCREEN_RED, "no", 4, &text);
	screen_word(&coloured, SCREEN_RED, "no", 4, &text);
	screen_word(&coloured, SCREEN_PLAIN, "no", 2, &text);
	assert_string_equal(buf_text(&text), "no  \x1b[31mno  \x1b[0mno");
}

static void a_row_is_followed_by_what_there_is_to_say_of_it(void **state)
{
	const struct screen screen = {.columns = 30, .colours = true};
	AUTO_BUF text = {0};
	const struct screen_list list = {.screen = &screen, .name_width = 5, .ret = &text};

	(void)state;
	screen_row(&list, SCREEN_GREEN, "ok", "name", "seen");
	screen_row(&list, SCREEN_RED, "refused", "longer", "one two three four");
	screen_more(&list, "do:", "what somebody can do");
	screen_more(&list, "note:", "");
	screen_help(&list, "az vm -g a -n b");
	screen_help(&list, "");
	assert_string_equal(buf_text(&text), "\x1b[32mok      \x1b[0mname seen\n"
					     "\x1b[31mrefused \x1b[0mlonger\n"
					     "             one two three\n"
					     "             four\n"
					     "             do: what somebody\n"
					     "               can do\n"
					     "             $ az vm -g a \\\n"
					     "                 -n b\n");
}

static void what_is_no_terminal_gets_80_columns_and_no_colours(void **state)
{
	int ends[2];
	struct screen screen;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	screen = terminal_screen(ends[1]);
	assert_int_equal(screen.columns, SCREEN_COLUMNS);
	assert_false(screen.colours);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void a_terminal_has_colours_unless_somebody_does_not_want_them(void **state)
{
	static const struct {
		const char *term, *no_color;
		bool colours;
	} rows[] = {
		{"xterm", NULL, true}, {"xterm", "", true}, {"xterm", "1", false},
		{"dumb", NULL, false}, {NULL, NULL, false},
	};
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	(void)state;
	if (fd < 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)unsetenv("TERM");
		(void)unsetenv("NO_COLOR");
		if (rows[i].term)
			(void)setenv("TERM", rows[i].term, 1);
		if (rows[i].no_color)
			(void)setenv("NO_COLOR", rows[i].no_color, 1);
		assert_int_equal(terminal_screen(fd).colours, rows[i].colours);
	}
	(void)close(fd);
}

static void a_resource_has_a_name_for_commands(void **state)
{
#define AT "/subscriptions/s/resourceGroups/rg/providers/"
	static const struct {
		const char *id, *group, *resource_group, *name;
	} rows[] = {
		{AT "Microsoft.Compute/virtualMachines/vm1", "vm", "rg", "vm1"},
		{AT "microsoft.compute/VIRTUALMACHINES/vm1", "vm", "rg", "vm1"},
		{AT "Microsoft.Compute/virtualMachineScaleSets/set1/virtualMachines/3", "vmss",
		 "rg", "set1"},
		{AT "Microsoft.HybridCompute/machines/m1", "connectedmachine", "rg", "m1"},
		{"", "vm", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct resource it = resource_parse(rows[i].id);

		assert_string_equal(it.group, rows[i].group);
		assert_true(span_is(it.resource_group, rows[i].resource_group));
		assert_true(span_is(it.name, rows[i].name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_no_longer_than_the_terminal),
		cmocka_unit_test(a_word_is_coloured_where_that_is_wanted),
		cmocka_unit_test(a_row_is_followed_by_what_there_is_to_say_of_it),
		cmocka_unit_test(what_is_no_terminal_gets_80_columns_and_no_colours),
		cmocka_unit_test(a_terminal_has_colours_unless_somebody_does_not_want_them),
		cmocka_unit_test(a_resource_has_a_name_for_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
