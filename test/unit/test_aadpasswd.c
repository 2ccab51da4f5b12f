/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"

#define OID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define OID2 "fb879df8-f326-4884-b1cf-06f3ad86be52"
#define ALICE                                                                                      \
	"alice@contoso.com:" OID ":96865231:96865231:Alice:/home/alice@contoso.com:/bin/bash\n"
#define BOB "bob@contoso.com:" OID2 ":50320355:50320355::/home/bob@contoso.com:/bin/sh\n"

/* clang-format off */
static const struct row {
	const char *name, *line;
} bad[] = {
	{"nothing", ""},
	{"an_empty_line", "\n"},
	{"no_newline", "a@b.c:" OID ":70000:70000::/home/a:/bin/sh"},
	{"six_fields", "a@b.c:" OID ":70000:70000:/home/a:/bin/sh\n"},
	{"eight_fields", "a@b.c:" OID ":70000:70000:::/home/a:/bin/sh\n"},
	{"an_empty_name", ":" OID ":70000:70000::/home/a:/bin/sh\n"},
	{"a_local_name", "root:" OID ":70000:70000::/home/a:/bin/sh\n"},
	{"a_capital", "A@b.c:" OID ":70000:70000::/home/a:/bin/sh\n"},
	{"no_oid", "a@b.c::70000:70000::/home/a:/bin/sh\n"},
	{"an_oid_in_capitals", "a@b.c:1C0163C0-47E6-4577-8991-EA5C82E286E4:70000:70000::/home/a:/bin/sh\n"},
	{"uid_0", "a@b.c:" OID ":0:0::/home/a:/bin/sh\n"},
	{"a_uid_of_the_system", "a@b.c:" OID ":65535:65535::/home/a:/bin/sh\n"},
	{"a_uid_too_high", "a@b.c:" OID ":2147483648:2147483648::/home/a:/bin/sh\n"},
	{"a_uid_that_wraps_to_0", "a@b.c:" OID ":4294967296:4294967296::/home/a:/bin/sh\n"},
	{"a_negative_uid", "a@b.c:" OID ":-1:-1::/home/a:/bin/sh\n"},
	{"a_uid_with_a_blank", "a@b.c:" OID ": 70000: 70000::/home/a:/bin/sh\n"},
	{"an_empty_uid", "a@b.c:" OID ":::::/home/a:/bin/sh\n"},
	{"another_gid", "a@b.c:" OID ":70000:70001::/home/a:/bin/sh\n"},
	{"gid_0", "a@b.c:" OID ":70000:0::/home/a:/bin/sh\n"},
	{"a_control_character_in_the_gecos", "a@b.c:" OID ":70000:70000:x\x1by:/home/a:/bin/sh\n"},
	{"a_relative_home", "a@b.c:" OID ":70000:70000::home/a:/bin/sh\n"},
	{"a_home_with_dots", "a@b.c:" OID ":70000:70000::/home/../root:/bin/sh\n"},
	{"an_empty_home", "a@b.c:" OID ":70000:70000:::/bin/sh\n"},
	{"an_empty_shell", "a@b.c:" OID ":70000:70000::/home/a:\n"},
	{"a_carriage_return", "a@b.c:" OID ":70000:70000::/home/a:/bin/sh\r\n"},
};
/* clang-format on */

static void is_refused(void **state)
{
	const struct row *row = *state;
	struct aad_user user = {.id = 7};

	assert_false(aadpasswd_parse(span_of(row->line), &user));
	assert_int_equal(user.id, 7);
}

static void each_field_of_a_good_line_is_found(void **state)
{
	struct aad_user user;

	(void)state;
	assert_true(aadpasswd_parse(span_of(ALICE), &user));
	assert_true(span_is(user.name, "alice@contoso.com"));
	assert_true(span_is(user.oid, OID));
	assert_int_equal(user.id, 96865231);
	assert_true(span_is(user.gecos, "Alice"));
	assert_true(span_is(user.home, "/home/alice@contoso.com"));
	assert_true(span_is(user.shell, "/bin/bash"));
}

static void a_NUL_is_refused_in_every_field(void **state)
{
	char line[] = ALICE;

	(void)state;
	for (size_t i = 0; i < sizeof(line) - 1; i++) {
		struct aad_user user;
		char was = line[i];

		line[i] = '\0';
		assert_false(aadpasswd_parse((struct span){(unsigned char *)line, sizeof(line) - 1},
					     &user));
		line[i] = was;
	}
}

static void a_line_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(ALICE) - 1; len++) {
		struct aad_user user;

		assert_false(
			aadpasswd_parse((struct span){(const unsigned char *)ALICE, len}, &user));
	}
}

static void wrong_lines_are_passed_over(void **state)
{
	struct span text =
		SPAN_LIT("garbage\n" ALICE "root:x:0:0::/root:/bin/sh\n\n" BOB ALICE "cut");
	struct aad_user user;

	(void)state;
	assert_true(aadpasswd_next(&text, &user));
	assert_true(span_is(user.name, "alice@contoso.com"));
	assert_true(aadpasswd_next(&text, &user));
	assert_true(span_is(user.name, "bob@contoso.com"));
	assert_true(aadpasswd_next(&text, &user));
	assert_false(aadpasswd_next(&text, &user));
	assert_false(aadpasswd_next(&text, &user));
}

static void users_are_found_by_name_and_oid(void **state)
{
	const struct span text = SPAN_LIT(ALICE BOB);
	struct aad_user user = {.id = 7};

	(void)state;
	assert_false(aadpasswd_find_name(text, SPAN_LIT("alice@contoso.co"), &user));
	assert_false(aadpasswd_find_oid(text, SPAN_LIT(""), &user));
	assert_int_equal(user.id, 7);
	assert_true(aadpasswd_find_name(text, SPAN_LIT("bob@contoso.com"), &user));
	assert_int_equal(user.id, 50320355);
	assert_true(aadpasswd_find_oid(text, SPAN_LIT(OID2), &user));
	assert_true(span_is(user.name, "bob@contoso.com"));
}

static void the_first_of_two_lines_counts(void **state)
{
	const struct span text =
		SPAN_LIT(BOB "alice@contoso.com:" OID2 ":50320355:50320355::/home/x:/bin/sh\n");
	struct aad_user user;

	(void)state;
	assert_true(aadpasswd_find_oid(text, SPAN_LIT(OID2), &user));
	assert_true(span_is(user.name, "bob@contoso.com"));
}

static void what_is_formatted_is_what_was_parsed(void **state)
{
	static const char *const lines[] = {ALICE, BOB};
	char line[AADPASSWD_LINE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct aad_user user;

		assert_true(aadpasswd_parse(span_of(lines[i]), &user));
		assert_true(aadpasswd_format(&user, line, sizeof(line)));
		assert_string_equal(line, lines[i]);
	}
}

static void a_line_that_would_be_refused_is_not_formatted(void **state)
{
	static const struct span wrong[] = {SPAN_LIT("a:b"), SPAN_LIT("a\nb"), SPAN_LIT("a\0b")};
	char line[AADPASSWD_LINE_MAX + 1] = "untouched";
	struct aad_user good, user;

	(void)state;
	assert_true(aadpasswd_parse(span_of(ALICE), &good));
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		user = good;
		user.gecos = wrong[i];
		assert_false(aadpasswd_format(&user, line, sizeof(line)));
	}
	user = good;
	user.oid.len = 0;
	assert_false(aadpasswd_format(&user, line, sizeof(line)));
	user = good;
	user.id = 0;
	assert_false(aadpasswd_format(&user, line, sizeof(line)));
	assert_string_equal(line, "untouched");
}

static void a_line_needs_its_NUL_too(void **state)
{
	char line[sizeof(BOB)] = "untouched";
	struct aad_user user;

	(void)state;
	assert_true(aadpasswd_parse(span_of(BOB), &user));
	assert_false(aadpasswd_format(&user, line, sizeof(BOB) - 1));
	assert_string_equal(line, "untouched");
	assert_true(aadpasswd_format(&user, line, sizeof(BOB)));
	assert_string_equal(line, BOB);
}

static void the_longest_line_fits_and_is_read_back(void **state)
{
	char name[NAME_SIZE], gecos[AADPASSWD_GECOS_MAX + 2], path[PATH_BYTES_MAX + 1];
	char line[AADPASSWD_LINE_MAX + 1];
	struct aad_user user, again;

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "x@y.", 4);
	memset(gecos, 'x', sizeof(gecos));
	memset(path, 'x', sizeof(path));
	path[0] = path[PATH_COMPONENT_MAX + 1] = '/';
	user = (struct aad_user){.name = {(unsigned char *)name, NAME_MAX_BYTES},
				 .oid = SPAN_LIT(OID),
				 .id = 2147483647,
				 .gecos = {(unsigned char *)gecos, AADPASSWD_GECOS_MAX},
				 .home = {(unsigned char *)path, PATH_BYTES_MAX},
				 .shell = {(unsigned char *)path, PATH_BYTES_MAX}};
	assert_true(aadpasswd_format(&user, line, sizeof(line)));
	assert_true(aadpasswd_parse(span_of(line), &again));
	assert_true(span_eq(again.shell, user.shell));
	user.gecos.len++;
	assert_false(aadpasswd_format(&user, line, sizeof(line)));
}

static void an_overlong_line_is_refused(void **state)
{
	char line[AADPASSWD_LINE_MAX + 1];
	struct aad_user user;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "a@b.c:" OID ":70000:70000:", 56);
	memcpy(line + sizeof(line) - 8, ":/h:/s\n", 7);
	assert_false(aadpasswd_parse((struct span){(unsigned char *)line, sizeof(line)}, &user));
}

static void a_new_user_is_known_from_the_name(void **state)
{
	char home[HOME_SIZE], line[AADPASSWD_LINE_MAX + 1];
	struct aad_user user;

	(void)state;
	assert_true(aadpasswd_new("bob@contoso.com", 50320355, SPAN_LIT("/home/%u"),
				  SPAN_LIT("/bin/sh"), home, &user));
	assert_int_equal(user.oid.len, 0);
	user.oid = SPAN_LIT(OID2);
	assert_true(aadpasswd_format(&user, line, sizeof(line)));
	assert_string_equal(line, BOB);
}

static void a_new_user_without_a_home_is_none(void **state)
{
	struct aad_user user = {.id = 7};
	char home[HOME_SIZE];

	(void)state;
	assert_false(aadpasswd_new("bob@contoso.com", 50320355, SPAN_LIT("/home"),
				   SPAN_LIT("/bin/sh"), home, &user));
	assert_int_equal(user.id, 7);
}

static void administrators_are_whole_lines(void **state)
{
	const struct span text = SPAN_LIT("alice@contoso.com\n\nbob@contoso.com\neve@contoso.com");

	(void)state;
	assert_true(aadadmins_has(text, SPAN_LIT("alice@contoso.com")));
	assert_true(aadadmins_has(text, SPAN_LIT("bob@contoso.com")));
	assert_false(aadadmins_has(text, SPAN_LIT("ob@contoso.com")));
	assert_false(aadadmins_has(text, SPAN_LIT("bob@contoso.co")));
	assert_false(aadadmins_has(text, SPAN_LIT("eve@contoso.com")));
	assert_false(aadadmins_has(SPAN_LIT(""), SPAN_LIT("alice@contoso.com")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_of_a_good_line_is_found),
		cmocka_unit_test(a_NUL_is_refused_in_every_field),
		cmocka_unit_test(a_line_cut_anywhere_is_refused),
		cmocka_unit_test(wrong_lines_are_passed_over),
		cmocka_unit_test(users_are_found_by_name_and_oid),
		cmocka_unit_test(the_first_of_two_lines_counts),
		cmocka_unit_test(what_is_formatted_is_what_was_parsed),
		cmocka_unit_test(a_line_that_would_be_refused_is_not_formatted),
		cmocka_unit_test(a_line_needs_its_NUL_too),
		cmocka_unit_test(the_longest_line_fits_and_is_read_back),
		cmocka_unit_test(an_overlong_line_is_refused),
		cmocka_unit_test(a_new_user_is_known_from_the_name),
		cmocka_unit_test(a_new_user_without_a_home_is_none),
		cmocka_unit_test(administrators_are_whole_lines),
	};
	struct CMUnitTest lines[ARRAY_LEN(bad)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		lines[i] = (struct CMUnitTest){.name = bad[i].name,
					       .test_func = is_refused,
					       .initial_state = (void *)(uintptr_t)&bad[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("wrong lines", lines, NULL, NULL);
}
