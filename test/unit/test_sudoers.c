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
#include "lib/core/sudoers.h"

/* clang-format off */
static const struct include {
	const char *name, *text;
	bool reads;
} includes[] = {
	{"the_new_form", "Defaults env_reset\n@includedir /etc/sudoers.d\n", true},
	{"the_old_form", "#includedir /etc/sudoers.d\n", true},
	{"a_slash_at_the_end", "#includedir /etc/sudoers.d/\n", true},
	{"quoted", "@includedir \"/etc/sudoers.d\"\n", true},
	{"blanks_and_no_newline", "  @includedir\t/etc/sudoers.d  ", true},
	{"a_comment", "# includedir /etc/sudoers.d\n", false},
	{"another_directory", "@includedir /etc/sudoers.d2\n", false},
	{"a_file", "@include /etc/sudoers.d\n", false},
	{"nothing", "", false},
};

#define SAYS(v) "Sudo version " v "\nConfigure options: --with-pam\nSudoers policy plugin version " v "\n"
#define NAMES "PAM service name to use: sudo\nPAM service name to use for login shells: sudo-i\n"
#define ACCOUNT "Perform PAM account validation management\n"

static const struct said {
	const char *name, *output;
	const char *main_path, *service, *login_service;
	bool asks_account;
} said[] = {
	{"of_today", SAYS("1.9.13p3") "Sudoers path: /etc/sudoers\n" NAMES ACCOUNT,
	 "/etc/sudoers", "sudo", "sudo-i", true},
	{"told_not_to_ask", SAYS("1.9.13p3") NAMES, "/etc/sudoers", "sudo", "sudo-i", false},
	{"the_first_that_can_be_told", SAYS("1.8.28") NAMES, "/etc/sudoers", "sudo", "sudo-i", false},
	{"the_last_that_cannot", SAYS("1.8.27") NAMES, "/etc/sudoers", "sudo", "sudo-i", true},
	{"one_service_for_both", SAYS("1.9.5p2")
	 "PAM service name to use: sudo\nPAM service name to use for login shells: sudo\n" ACCOUNT,
	 "/etc/sudoers", "sudo", "sudo", true},
	{"older_without_login_shells", SAYS("1.8.6p3") "PAM service name to use: sudo\n",
	 "/etc/sudoers", "sudo", "sudo", true},
	{"another_main_file", SAYS("1.9.15") "Sudoers path: /usr/etc/sudoers\n" NAMES ACCOUNT,
	 "/usr/etc/sudoers", "sudo", "sudo-i", true},
	{"services_of_the_owner", SAYS("1.9.15")
	 "PAM service name to use: a\nPAM service name to use for login shells: b\n" ACCOUNT,
	 "/etc/sudoers", "a", "b", true},
	{"sudo_rs", "sudo-rs 0.2.8\n", "/etc/sudoers", "sudo", "sudo-i", true},
	{"nothing_said", "", "/etc/sudoers", "sudo", "sudo-i", true},
};
/* clang-format on */

static void is_seen_as_reading_the_directory_or_not(void **state)
{
	const struct include *row = *state;

	assert_int_equal(sudoers_includes_dir(span_of(row->text)), row->reads);
}

static void is_understood(void **state)
{
	const struct said *row = *state;
	const struct sudo_facts facts = sudoers_facts(span_of(row->output));

	assert_true(span_is(facts.main_path, row->main_path));
	assert_true(span_is(facts.service, row->service));
	assert_true(span_is(facts.login_service, row->login_service));
	assert_int_equal(facts.asks_account, row->asks_account);
}

static void the_rule_names_the_group(void **state)
{
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(sudoers_format("aad_admins", &out, &err), 0);
	assert_non_null(strstr(buf_text(&out), "\n%aad_admins ALL=(ALL) NOPASSWD:ALL\n"));
	assert_int_equal(out.data[out.len - 1], '\n');
}

static void a_group_that_would_need_escaping_is_refused(void **state)
{
	static const char *const groups[] = {
		"", "wheel", "aad_users", "aad_a b", "aad_a,ALL", "aad_a\nALL ALL=ALL", "aad_a:b",
	};
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		assert_int_equal(sudoers_format(groups[i], &out, &err), -EINVAL);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(the_rule_names_the_group),
		cmocka_unit_test(a_group_that_would_need_escaping_is_refused),
	};
	struct CMUnitTest tests[ARRAY_LEN(includes) + ARRAY_LEN(said)];
	size_t n = 0;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(includes); i++)
		tests[n++] = (struct CMUnitTest){includes[i].name,
						 is_seen_as_reading_the_directory_or_not, NULL,
						 NULL, (void *)(uintptr_t)&includes[i]};
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		tests[n++] = (struct CMUnitTest){said[i].name, is_understood, NULL, NULL,
						 (void *)(uintptr_t)&said[i]};
	failed = cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("sudoers", others, NULL, NULL);
}
