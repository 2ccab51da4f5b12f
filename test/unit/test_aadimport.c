/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/aadimport.h"
#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"

#define OID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define OID_CAPITALS "1C0163C0-47E6-4577-8991-EA5C82E286E4"
#define ALICE "alice@contoso.com:" OID ":1234567:1234567:Alice A:/home/Alice:/bin/zsh\n"
#define BOB "bob@contoso.com:" OID ":50320355:50320355::/home/bob@contoso.com:/bin/sh\n"

/* clang-format off */
static struct row {
	const char *name;
	const char *before, *after;
	size_t users, odd;
	unsigned first;
} rows[] = {
	{"nothing stays nothing", "", "", 0, 0, 0},
	{"our own form stays as it is", "# ours\n\n" ALICE BOB, "# ours\n\n" ALICE BOB, 2, 0, 0},
	{"a seven-digit uid stays", ALICE, ALICE, 1, 0, 0},
	{"capitals in the name are folded, those of gecos and home stay",
	 "Alice@Contoso.COM:" OID ":1234567:1234567:Alice A:/home/Alice:/bin/zsh\n", ALICE, 1, 0, 0},
	{"capitals in the object id are folded",
	 "alice@contoso.com:" OID_CAPITALS ":1234567:1234567:Alice A:/home/Alice:/bin/zsh\n", ALICE, 1, 0, 0},
	{"a last line without its newline is completed",
	 "bob@contoso.com:" OID ":50320355:50320355::/home/bob@contoso.com:/bin/sh", BOB, 1, 0, 0},
	{"an unequal gid is no user's", BOB "a@b.c:" OID ":7000000:7000001::/home/a:/bin/sh\n",
	 BOB "a@b.c:" OID ":7000000:7000001::/home/a:/bin/sh\n", 1, 1, 2},
	{"a uid of the system is no user's", "A@b.c:" OID ":1000:1000::/home/a:/bin/sh\n",
	 "A@b.c:" OID ":1000:1000::/home/a:/bin/sh\n", 0, 1, 1},
	{"a local name is no user's", "# x\nRoot:" OID ":7000000:7000000::/root:/bin/sh\nnonsense",
	 "# x\nRoot:" OID ":7000000:7000000::/root:/bin/sh\nnonsense\n", 0, 2, 2},
};
/* clang-format on */

static void import(void **state)
{
	const struct row *row = *state;
	struct aadimport_odd odd = {.count = 99};
	struct aad_user user;
	struct err err = {0};
	AUTO_BUF got = {0};
	struct span rest;
	size_t users = 0;

	assert_int_equal(aadimport(span_of(row->before), &got, &odd, &err), 0);
	assert_string_equal(buf_text(&got), row->after);
	assert_int_equal(odd.count, row->odd);
	assert_int_equal(odd.first, row->first);
	for (rest = buf_bytes(&got); aadpasswd_next(&rest, &user);)
		users++;
	assert_int_equal(users, row->users);
}

static void a_line_that_is_too_long_is_no_users(void **state)
{
	struct aadimport_odd odd = {0};
	AUTO_BUF text = {0}, got = {0};
	struct err err = {0};

	(void)state;
	buf_str(&text, "a@b.c:");
	for (size_t i = 0; i < AADPASSWD_LINE_MAX; i++)
		buf_str(&text, "A");
	assert_int_equal(aadimport(buf_bytes(&text), &got, &odd, &err), 0);
	assert_int_equal(odd.count, 1);
	assert_int_equal(got.len, text.len + 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_that_is_too_long_is_no_users),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = import, .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("import", list, NULL, NULL);
}
