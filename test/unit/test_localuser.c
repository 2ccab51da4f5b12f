/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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
	 "\n  \n# no\n#b:x:1:1::/:/s\nd:x:1:\nd:x:1\nd\nd::\na:x:1:2::/:/bin/sh\n",
	 "a x 1 2 / /bin/sh\n"},
	{"those of a name service are passed over",
	 "+\n+::::::\n+b:x:1:1::/:/s\n-b:x:1:1::/:/s\n", ""},
	{"nobody becomes the last uid", "b:x:-1:1::/:/s\nc:x:1:4294967295::/:/s\nd:x:99999999999999999999:1::/:/s\n", ""},
	{"leading zeros", "a:x:00000000000000000000000001:02::/:/s\n", "a x 1 2 / /s\n"},
	{"a sign", "a:x:+1:+2::/:/s\n", "a x 1 2 / /s\n"},
	{"a number from the other end", "a:x:-18446744073709551615:2::/:/s\n", "a x 1 2 / /s\n"},
	{"blanks before a number", "a:x: \t1:\v\f\r2::/:/s\n", "a x 1 2 / /s\n"},
	{"blanks before the name", " \ta:x:1:2::/:/s\n", "a x 1 2 / /s\n"},
	{"blanks in the name", "a b :x:1:2::/:/s\n", "a b  x 1 2 / /s\n"},
	{"what is no number",
	 "a:x:1 :2::/:/s\na:x:+ 1:2::/:/s\na:x:++1:2::/:/s\na:x:0x1:2::/:/s\na:x::2::/:/s\na:x: :2::/:/s\na:x:1:2x::/:/s\n", ""},
	{"no home and no shell", "a:x:1:2\nb:x:1:2:\nc:x:1:2:g\nd:x:1:2:g:/\n",
	 "a x 1 2  \nb x 1 2  \nc x 1 2  \nd x 1 2 / \n"},
	{"a colon in the shell", "a:x:1:2::/:/s:b\n", "a x 1 2 / /s:b\n"},
	{"a name of nothing", ":x:0:0::/root:/s\n", " x 0 0 /root /s\n"},
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

#define HASH_D "$6$salt$0123456789d"
#define HASH_F "$6$salt$0123456789f"
#define SHADOW                                                                                     \
	"a:$6$x:1:2:3:4:5:20000:\nb:*:1::::::\nc:*\nb:y:1::::::\nd:z:::::::\nd:" HASH_D            \
	":1:2:3:\n \te:!:::::: +07:\n#g:y:::::::\nf:" HASH_F ":::::: 1:\nf:" HASH_F ":x:::::9:\n"    \
	"h:z::::::-1:\n"

static struct shadow_row {
	const char *name;
	const char *user;
	bool found;
	const char *password;
	int64_t expires; /* -1: does not */
} shadow_rows[] = {
	{"a line with a day", "a", true, "$6$x", 20000},
	{"the first of two lines that let nobody in", "b", true, "*", -1},
	{"of two lines the one that lets somebody in", "d", true, HASH_D, -1},
	{"of two lines the one that lets somebody in for longer", "f", true, HASH_F, 9},
	{"blanks before the name and a day", "e", true, "!", 7},
	{"a day before all", "h", true, "z", -1},
	{"a comment", "#g", false, "", -1},
	{"a comment's name", "g", false, "", -1},
	{"a line with few fields", "c", true, "*", -1},
	{"no line", "i", false, "", -1},
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

/* Machines have glibc, and tests of static programs have another. */
static void need_glibc(void)
{
#ifndef __GLIBC__
	skip();
#endif
}

/* Who is in none of its sources, and who nobody can become: see localuser.h. */
static bool is_account(const struct passwd *user)
{
	return user->pw_name[0] != '+' && user->pw_name[0] != '-' && user->pw_uid != (uid_t)-1 &&
	       user->pw_gid != (gid_t)-1;
}

static void read_users_as_glibc_does(void **state)
{
	const struct user_row *row = *state;
	AUTO_FREE char *text = strdup(row->text);
	FILE *file = fmemopen(text, strlen(text), "r");
	const struct passwd *user;
	AUTO_BUF users = {0};

	need_glibc();
	while (file && (user = fgetpwent(file)))
		if (is_account(user))
			buf_printf(&users, "%s %s %u %u %s %s\n", user->pw_name, user->pw_passwd,
				   user->pw_uid, user->pw_gid, user->pw_dir, user->pw_shell);
	assert_string_equal(buf_text(&users), row->users);
	if (file)
		(void)fclose(file);
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

/* With bob in it, as glibc reads it. */
static struct group_row {
	const char *name;
	const char *text;
	bool in;
} group_rows[] = {
	{"an id with leading zeros", "g:x:01002:\n", true},
	{"an id after blanks and a sign", "g:x: +1002:\n", true},
	{"no list", "g:x:1002\n", true},
	{"blanks before the name", "\t g:x:1002:\n", true},
	{"blanks before a member", "g:x:1:al, \tbob\n", true},
	{"empty members", "g:x:1:,,bob,,\n", true},
	{"blanks behind a member", "g:x:1:bob ,al\n", false},
	{"a colon in a member", "g:x:1:al:bob,bob:\n", false},
	{"a comment", "#g:x:1002:bob\n", false},
	{"no id", "g:x::bob\ng:x:1x:bob\ng:x\n", false},
};

static void read_groups(void **state)
{
	const struct group_row *row = *state;
	AUTO_BUF groups = {0};

	localuser_groups(span_of(row->text), &bob, &groups);
	assert_string_equal(buf_text(&groups), row->in ? "g\n" : "");
}

static void read_groups_as_glibc_does(void **state)
{
	const struct group_row *row = *state;
	AUTO_FREE char *text = strdup(row->text);
	FILE *file = fmemopen(text, strlen(text), "r");
	const struct group *group;
	bool in = false;

	need_glibc();
	while (file && (group = fgetgrent(file))) {
		in = in || group->gr_gid == bob.gid;
		for (char **member = group->gr_mem; *member; member++)
			in = in || strcmp(*member, "bob") == 0;
	}
	assert_int_equal(in, row->in);
	if (file)
		(void)fclose(file);
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
	struct CMUnitTest tests[3 + 2 * ARRAY_LEN(user_rows) + ARRAY_LEN(password_rows) +
				ARRAY_LEN(shadow_rows) + 2 * ARRAY_LEN(group_rows) +
				ARRAY_LEN(file_rows)] = {
		cmocka_unit_test(groups_are_those_by_id_and_by_name),
		cmocka_unit_test(a_group_of_others_is_one_more),
		cmocka_unit_test(without_a_home_nothing_is_below_it),
	};
	size_t count = 3;

	ADD_ROWS(user_rows, read_users);
	ADD_ROWS(group_rows, read_groups);
	ADD_ROWS(user_rows, read_users_as_glibc_does);
	ADD_ROWS(group_rows, read_groups_as_glibc_does);
	ADD_ROWS(password_rows, judge_password);
	ADD_ROWS(shadow_rows, find_shadow);
	ADD_ROWS(file_rows, name_files);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
