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
#include "lib/core/sshdaccess.h"

#define ALICE "alice@contoso.com"
#define GROUPS ALICE "\naad_users\n"

/* clang-format off */
static struct row {
	const char *name;
	const char *settings;
	enum sshd_access access;
	const char *why;
} rows[] = {
	{"without lists everybody gets in", "port 22\nusepam yes\n", SSHD_ACCESS_YES, ""},
	{"a list of others keeps out", "allowusers root\nallowusers bob\n", SSHD_ACCESS_NO, "AllowUsers, which does not name it"},
	{"one of its lines suffices", "allowusers root\nallowusers *\n", SSHD_ACCESS_YES, ""},
	{"keywords come in any case", "AllowUsers root\n", SSHD_ACCESS_NO, "AllowUsers, which does not name it"},
	{"a pattern with a question mark names the whole name", "allowusers *?contoso.com\n", SSHD_ACCESS_YES, ""},
	{"what looks like the name is a user of a host", "allowusers " ALICE "\n", SSHD_ACCESS_NO, "AllowUsers, which does not name it"},
	{"a pattern for a host depends on it", "allowusers *@10.0.0.0/8\n", SSHD_ACCESS_DEPENDS, "AllowUsers *@10.0.0.0/8"},
	{"one without host beside it does not", "allowusers *@10.0.0.0/8\nallowusers alice*\n", SSHD_ACCESS_YES, ""},
	{"a denied user", "denyusers bob\ndenyusers alice*\n", SSHD_ACCESS_NO, "DenyUsers alice*"},
	{"others who are denied", "denyusers bob\n", SSHD_ACCESS_YES, ""},
	{"a denied host", "denyusers *@192.0.2.1\n", SSHD_ACCESS_DEPENDS, "DenyUsers *@192.0.2.1"},
	{"a group that is allowed", "allowgroups wheel\nallowgroups aad_users\n", SSHD_ACCESS_YES, ""},
	{"groups that are allowed without ours", "allowgroups wheel\n", SSHD_ACCESS_NO, "AllowGroups, which does not name it"},
	{"a group that is denied", "denygroups aad_*\n", SSHD_ACCESS_NO, "DenyGroups aad_*"},
	{"a denial outweighs a host", "denyusers *@192.0.2.1\nallowgroups wheel\n", SSHD_ACCESS_NO, "AllowGroups, which does not name it"},
	{"a keyword that only begins so", "allowusersx bob\n", SSHD_ACCESS_YES, ""},
};
/* clang-format on */

static void judge(void **state)
{
	const struct row *row = *state;
	AUTO_BUF why = {0};

	assert_int_equal(sshdaccess_judge(span_of(row->settings), ALICE, span_of(GROUPS), &why),
			 row->access);
	assert_string_equal(buf_text(&why), row->why);
}

static void groups_are_asked_for_when_a_list_names_them(void **state)
{
	(void)state;
	assert_false(sshdaccess_asks_groups(SPAN_LIT("allowusers x\n")));
	assert_true(sshdaccess_asks_groups(SPAN_LIT("port 22\ndenygroups x\n")));
	assert_true(sshdaccess_asks_groups(SPAN_LIT("AllowGroups x\n")));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_asked_for_when_a_list_names_them),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = judge, .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
