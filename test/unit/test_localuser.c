/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/localuser.h"

/* clang-format off */
static struct user_row {
	const char *name;
	const char *text;
	const char *users; /* NAME PASSWORD UID GID HOME SHELL, each line */
} user_rows[] = {
	{"an account", "root:x:0:0:root:/root:/bin/bash\n", "root x 0 0 /root /bin/bash\n"},
	{"a last line without newline", "a:x:1:2::/:/bin/sh", "a x 1 2 / /bin/sh\n"},
	{"an account without shell", "a:x:1:2::/:\n", "a x 1 2 / \n"},
	{"an account without password field", "a::1:2::/:/bin/sh\n", "a  1 2 / /bin/sh\n"},
	{"lines of other shapes are passed over",
	 "\n# no\n+::::::\n:x:1:1::/:/bin/sh\nb:x:-1:1::/:/bin/sh\nc:x:4294967295:1::/:/s\nd:x:1:\na:x:1:2::/:/bin/sh\n",
	 "a x 1 2 / /bin/sh\n"},
	{"two of one uid are two accounts", "root:x:0:0::/root:/s\ntoor:x:0:0::/root:/s\n",
	 "root x 0 0 /root /s\ntoor x 0 0 /root /s\n"},
	{"nothing", "", ""},
};

static struct password_row {
	const char *name;
	const char *field;
	enum localuser_password password;
} password_rows[] = {
	{"an empty field is an empty password", "", PASSWORD_EMPTY},
	{"a star is none", "*", PASSWORD_NONE},
	{"a mark is none", "!", PASSWORD_NONE},
	{"two marks are none", "!!", PASSWORD_NONE},
	{"a hash behind a mark is locked", "!$6$salt$01234567890123456789", PASSWORD_NONE},
	{"a long word behind a star is locked", "*LOCKED-BY-SOMEBODY*", PASSWORD_NONE},
	{"a word that no password becomes", "x", PASSWORD_NONE},
	{"SHA-512", "$6$salt$0123456789012345678901234567890123456789012345678901234567890123456789", PASSWORD_SET},
	{"yescrypt", "$y$j9T$abcdefgh$0123456789", PASSWORD_SET},
	{"DES", "ab01234567890", PASSWORD_SET},
	{"a form that is not known counts", "{SSHA}aaaaaaaaaaaaa", PASSWORD_SET},
};

#define SHADOW "a:$6$x:1:2:3:4:5:20000:\nb:!:1::::::\nc:*\nb:y:1::::::\nd:z:::::::\n"

static struct shadow_row {
	const char *name;
	const char *user;
	bool found;
	const char *password;
	int64_t expires; /* -1: does not */
} shadow_rows[] = {
	{"a line with a day", "a", true, "$6$x", 20000},
	{"the first of two lines counts", "b", true, "!", -1},
	{"a line with few fields", "c", true, "*", -1},
	{"a line without a day", "d", true, "z", -1},
	{"no line", "e", false, "", -1},
	{"the beginning of a name is none", "", false, "", -1},
};

static struct file_row {
	const char *name;
	const char *setting;
	const char *files;
} file_rows[] = {
	{"the default", ".ssh/authorized_keys .ssh/authorized_keys2",
	 "/home/bob/.ssh/authorized_keys\n/home/bob/.ssh/authorized_keys2\n"},
	{"every token", "/k/%u/%U/%%h %h/k", "/k/bob/1001/%h\n/home/bob/k\n"},
	{"none", "none", ""},
	{"a token that it does not have", "/k/%k", ""},
	{"a percent sign at the end", "/k/%", ""},
	{"nothing", "", ""},
};
/* clang-format on */

static void read_users(void **state)
{
	const struct user_row *row = *state;
	struct span text = span_of(row->text);
	struct localuser user;
	AUTO_BUF users = {0};

	while (localuser_next(&text, &user))
		buf_printf(&users, "%.*s %.*s %u %u %.*s %.*s\n", (int)user.name.len,
			   (const char *)user.name.p, (int)user.password.len,
			   (const char *)user.password.p, user.uid, user.gid, (int)user.home.len,
			   (const char *)user.home.p, (int)user.shell.len,
			   (const char *)user.shell.p);
	assert_string_equal(buf_text(&users), row->users);
}

static void judge_password(void **state)
{
	const struct password_row *row = *state;

	assert_int_equal(localuser_password(span_of(row->field)), row->password);
}

static void find_shadow(void **state)
{
	const struct shadow_row *row = *state;
	struct localuser_shadow shadow = {.expires = false};

	assert_int_equal(localuser_shadow(SPAN_LIT(SHADOW), span_of(row->user), &shadow),
			 row->found);
	assert_true(span_is(shadow.password, row->password));
	assert_int_equal(shadow.expires, row->expires >= 0);
	if (shadow.expires)
		assert_int_equal(shadow.expires_day, row->expires);
}

static const struct localuser bob = {
	.name = {(const unsigned char *)"bob", 3},
	.uid = 1001,
	.gid = 1002,
	.home = {(const unsigned char *)"/home/bob", 9},
};

static void groups_are_those_by_id_and_by_name(void **state)
{
	AUTO_BUF groups = {0};

	(void)state;
	localuser_groups(SPAN_LIT("root:x:0:\nown:x:1002:\nwheel:x:10:al,bob\nno:x:11:bobby,xbob\n"
				  "bob:x:12:\nlast:x:13:bob"),
			 &bob, &groups);
	assert_string_equal(buf_text(&groups), "own\nwheel\nlast\n");
}

static void a_group_of_others_is_one_more(void **state)
{
	(void)state;
	assert_false(localuser_has_more_groups(SPAN_LIT("own:x:1002:bob\nno:x:11:bobby\n"), &bob));
	assert_true(localuser_has_more_groups(SPAN_LIT("own:x:1002:\nwheel:x:10:al,bob\n"), &bob));
}

static void name_files(void **state)
{
	const struct file_row *row = *state;
	AUTO_BUF files = {0};

	localuser_key_files(span_of(row->setting), &bob, &files);
	assert_string_equal(buf_text(&files), row->files);
}

static void without_a_home_nothing_is_below_it(void **state)
{
	struct localuser user = bob;
	AUTO_BUF files = {0};

	(void)state;
	user.home = SPAN_LIT("");
	localuser_key_files(SPAN_LIT(".ssh/authorized_keys /k/%u"), &user, &files);
	assert_string_equal(buf_text(&files), "/k/bob\n");
}

#define ADD_ROWS(rows, function)                                                                   \
	do {                                                                                       \
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                       \
			tests[count++] = (struct CMUnitTest){.name = (rows)[i].name,               \
							     .test_func = (function),              \
							     .initial_state = &(rows)[i]};         \
	} while (0)

int main(void)
{
	struct CMUnitTest tests[2 + ARRAY_LEN(user_rows) + ARRAY_LEN(password_rows) +
				ARRAY_LEN(shadow_rows) + ARRAY_LEN(file_rows)] = {
		cmocka_unit_test(groups_are_those_by_id_and_by_name),
		cmocka_unit_test(a_group_of_others_is_one_more),
		cmocka_unit_test(without_a_home_nothing_is_below_it),
	};
	size_t count = 2;

	ADD_ROWS(user_rows, read_users);
	ADD_ROWS(password_rows, judge_password);
	ADD_ROWS(shadow_rows, find_shadow);
	ADD_ROWS(file_rows, name_files);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
