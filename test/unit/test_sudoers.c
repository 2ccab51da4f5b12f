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
#define ASKPASS(s) "PAM service name to use when sudo is run with the -A option: " s "\n"
#define ACCOUNT "Perform PAM account validation management\n"
#define USER "Set the pam remote user to the user running sudo\n"

static const struct said {
	const char *name, *output;
	const char *main_path, *service, *login_service, *askpass_service;
	bool asks_account, names_user;
	bool is_rs, edits_unasked;
} said[] = {
	{"of_today", SAYS("1.9.13p3") "Sudoers path: /etc/sudoers\n" NAMES ACCOUNT USER,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, false, false},
	{"told_not_to_ask", SAYS("1.9.13p3") NAMES USER,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", false, true, false, false},
	{"the_first_that_can_be_told", SAYS("1.8.28") NAMES,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", false, true, false, false},
	{"the_last_that_cannot", SAYS("1.8.27") NAMES,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, false, false},
	{"told_not_to_name_the_user", SAYS("1.9.13p3") NAMES ACCOUNT,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, false, false, false},
	{"the_first_that_can_hide_the_user", SAYS("1.9.0") NAMES ACCOUNT,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, false, false, false},
	{"the_last_that_cannot_hide_the_user", SAYS("1.8.32") NAMES ACCOUNT,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, false, false},
	{"a_release_to_come", SAYS("2.0") NAMES,
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", false, false, false, false},
	{"one_service_for_both", SAYS("1.9.5p2")
	 "PAM service name to use: sudo\nPAM service name to use for login shells: sudo\n" ACCOUNT USER,
	 "/etc/sudoers", "sudo", "sudo", "sudo", true, true, false, false},
	{"older_without_login_shells", SAYS("1.8.6p3") "PAM service name to use: sudo\n",
	 "/etc/sudoers", "sudo", "sudo", "sudo", true, true, false, false},
	{"another_main_file", SAYS("1.9.15") "Sudoers path: /usr/etc/sudoers\n" NAMES ACCOUNT USER,
	 "/usr/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, false, false},
	{"services_of_the_owner", SAYS("1.9.15")
	 "PAM service name to use: a\nPAM service name to use for login shells: b\n" ACCOUNT USER,
	 "/etc/sudoers", "a", "b", "a", true, true, false, false},
	{"a_third_service", SAYS("1.9.15") NAMES ASKPASS("askpass") ACCOUNT USER,
	 "/etc/sudoers", "sudo", "sudo-i", "askpass", true, true, false, false},
	{"sudo_rs", "sudo-rs 0.2.15\n", "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, true, false},
	{"sudo_rs_before_it_could_edit", "sudo-rs 0.2.7\n",
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, true, false},
	{"the_first_sudo_rs_that_edits", "sudo-rs 0.2.8\n",
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, true, true},
	{"the_last_sudo_rs_that_edits_unasked", "sudo-rs 0.2.13-0ubuntu1\n",
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, true, true},
	{"the_first_sudo_rs_that_asks", "sudo-rs 0.2.14\n",
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, true, false},
	{"a_sudo_rs_to_come", "sudo-rs 1.0\n",
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, true, false},
	{"a_sudo_rs_that_says_no_number", "sudo-rs x\n",
	 "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, true, true},
	{"nothing_said", "", "/etc/sudoers", "sudo", "sudo-i", "sudo", true, true, false, false},
};

/* What is found, a line each: "LINE kind name value". */
static const struct scanned {
	const char *name, *text, *found;
} scanned[] = {
	{"for_everybody", "Defaults !pam_acct_mgmt\n", "1 off pam_acct_mgmt \n"},
	{"for_a_group", "Defaults:%aad_admins !pam_acct_mgmt\n", "1 off pam_acct_mgmt \n"},
	{"for_a_host", "Defaults@web !pam_ruser", "1 off pam_ruser \n"},
	{"for_a_target", "Defaults>root pam_service=other\n", "1 service pam_service other\n"},
	{"for_a_command", "Defaults!/bin/ls,/bin/cat pam_login_service=x\n", "1 service pam_login_service x\n"},
	{"for_a_uid", "Defaults:#1000 !pam_ruser\n", "1 off pam_ruser \n"},
	{"for_a_uid_after_a_blank", "Defaults: #-1 !pam_ruser\n", "1 off pam_ruser \n"},
	{"for_several", "Defaults:bob, !al, \"x y # z\" !pam_ruser\n", "1 off pam_ruser \n"},
	{"for_a_quoted_name", "Defaults:\"%a # b\" !pam_acct_mgmt\n", "1 off pam_acct_mgmt \n"},
	{"for_an_escaped_name", "Defaults:DOM\\\\al\\,\\# !pam_acct_mgmt\n", "1 off pam_acct_mgmt \n"},
	{"indented", " \tDefaults\t!pam_acct_mgmt\r\n", "1 off pam_acct_mgmt \n"},
	{"several_settings", "\nDefaults env_reset,!pam_acct_mgmt , ! pam_ruser,pam_askpass_service = a\n",
	 "2 off pam_acct_mgmt \n2 off pam_ruser \n2 service pam_askpass_service a\n"},
	{"a_quoted_service", "Defaults pam_service=\"a b\", !pam_ruser\n",
	 "1 service pam_service a b\n1 off pam_ruser \n"},
	{"an_odd_operator", "Defaults pam_service+=x\n", "1 service pam_service x\n"},
	{"a_service_with_odd_bytes", "Defaults pam_service=sudo!x,pam_service=sudo\\ \n",
	 "1 service pam_service sudo!x\n1 service pam_service sudo\\ \n"},
	{"switched_on", "Defaults pam_acct_mgmt, pam_ruser\nDefaults:bob pam_ruser\n", ""},
	{"other_settings", "Defaults !pam_session, !pam_rhost, !pam_setcred, env_keep += \"A B\"\n", ""},
	{"names_that_only_contain_ours", "Defaults !pam_acct_mgmt_x, xpam_service=a\n", ""},
	{"settings_after_a_string", "Defaults passprompt=\"a \\\" # b\", !pam_ruser\n", "1 off pam_ruser \n"},
	{"a_string_that_ends_with_a_backslash", "Defaults passprompt=\"a\\\\\" !pam_ruser, x=\"b\"\n", ""},
	{"a_string_without_an_end", "Defaults passprompt=\"a !pam_ruser\n", "1 off pam_ruser \n"},
	{"within_a_string", "Defaults passprompt=\"x, !pam_ruser\", env_reset\n", ""},
	{"in_a_comment", "# Defaults !pam_ruser\n#Defaults !pam_ruser\nDefaults env_reset # !pam_ruser\n", ""},
	{"no_setting", "bob ALL=(ALL) NOPASSWD: /bin/x !pam_ruser\nUser_Alias X = pam_service\n", ""},
	{"continued", "Defaults env_reset, \\\n  !pam_acct_mgmt, \\  \r\n!pam_ruser\n",
	 "2 off pam_acct_mgmt \n3 off pam_ruser \n"},
	{"continued_at_once", "Defaults\\\n !pam_ruser", "2 off pam_ruser \n"},
	{"continued_after_the_scope", "Defaults:bob\\\n!pam_ruser", "2 off pam_ruser \n"},
	{"continued_between_name_and_value", "Defaults pam_service\\\n=\\\nx\n", "1 service pam_service x\n"},
	{"continued_in_a_string", "Defaults x=\"a\\\n b\", !pam_ruser\n", "2 off pam_ruser \n"},
	{"a_comment_is_not_continued", "Defaults a # \\\n@include /x\n# \\\nDefaults !pam_ruser\n",
	 "2 file /x \n4 off pam_ruser \n"},
	{"an_escaped_backslash_continues_nothing", "Defaults:bob\\\\\n@include /x\n", "2 file /x \n"},
	{"in_the_middle_of_a_rule", "bob ALL = ALL, \\\nDefaults !pam_ruser\n", "2 off pam_ruser \n"},
	{"files", "#include /a\n@include b # c\n  @include\t\"/c d\"\n@include\"/e\"\n",
	 "1 file /a \n2 file b \n3 file /c d \n4 file /e \n"},
	{"directories", "#includedir /a\n@includedir \\\n /b", "1 directory /a \n3 directory /b \n"},
	{"a_name_with_an_escape", "@include /a\\ b\n", "1 file /a\\ b \n"},
	{"no_files", " #include /a\n# include /a\n#included /a\n#include\n@include \n@includes /a\n", ""},
	{"a_lone_backslash", "Defaults \\", ""},
	{"nothing_to_scan", "", ""},
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
	assert_true(span_is(facts.askpass_service, row->askpass_service));
	assert_int_equal(facts.asks_account, row->asks_account);
	assert_int_equal(facts.names_user, row->names_user);
	assert_int_equal(facts.is_rs, row->is_rs);
	assert_int_equal(facts.edits_unasked, row->edits_unasked);
}

static void is_scanned(void **state)
{
	static const char *const kinds[] = {[SUDOERS_OFF] = "off",
					    [SUDOERS_SERVICE] = "service",
					    [SUDOERS_FILE] = "file",
					    [SUDOERS_DIRECTORY] = "directory"};
	const struct scanned *row = *state;
	struct sudoers_reader in = {.rest = span_of(row->text)};
	struct sudoers_item item;
	AUTO_BUF found = {0};

	while (sudoers_next(&in, &item)) {
		buf_printf(&found, "%u %s ", item.line, kinds[item.kind]);
		buf_span(&found, item.name);
		buf_str(&found, " ");
		buf_span(&found, item.value);
		buf_str(&found, "\n");
	}
	assert_string_equal(buf_text(&found), row->found);
}

static void a_service_is_covered_when_sudo_told_of_it(void **state)
{
	const struct sudo_facts facts = {.service = SPAN_LIT("a"),
					 .login_service = SPAN_LIT("b"),
					 .askpass_service = SPAN_LIT("c")};

	(void)state;
	assert_true(sudoers_covers(&facts, SPAN_LIT("a")));
	assert_true(sudoers_covers(&facts, SPAN_LIT("b")));
	assert_true(sudoers_covers(&facts, SPAN_LIT("c")));
	assert_false(sudoers_covers(&facts, SPAN_LIT("sudo")));
	assert_false(sudoers_covers(&facts, SPAN_LIT("")));
}

static void names_that_sudo_passes_over(void **state)
{
	(void)state;
	assert_true(sudoers_skips("a.bak"));
	assert_true(sudoers_skips(".a"));
	assert_true(sudoers_skips("a~"));
	assert_false(sudoers_skips("a~b"));
	assert_false(sudoers_skips("README"));
}

static void the_rule_names_the_group(void **state)
{
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(sudoers_format("aad_admins", true, &out, &err), 0);
	assert_non_null(strstr(buf_text(&out), "\n%aad_admins ALL=(ALL) NOPASSWD:ALL\n"));
	assert_int_equal(out.data[out.len - 1], '\n');
	assert_int_equal(sudoers_format("aad_admins", false, &out, &err), 0);
	assert_non_null(
		strstr(buf_text(&out), "\n%aad_admins ALL=(ALL) NOPASSWD:ALL, !sudoedit\n"));
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
		assert_int_equal(sudoers_format(groups[i], true, &out, &err), -EINVAL);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(the_rule_names_the_group),
		cmocka_unit_test(a_group_that_would_need_escaping_is_refused),
		cmocka_unit_test(a_service_is_covered_when_sudo_told_of_it),
		cmocka_unit_test(names_that_sudo_passes_over),
	};
	struct CMUnitTest tests[ARRAY_LEN(includes) + ARRAY_LEN(said) + ARRAY_LEN(scanned)];
	size_t n = 0;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(includes); i++)
		tests[n++] = (struct CMUnitTest){includes[i].name,
						 is_seen_as_reading_the_directory_or_not, NULL,
						 NULL, (void *)(uintptr_t)&includes[i]};
	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		tests[n++] = (struct CMUnitTest){said[i].name, is_understood, NULL, NULL,
						 (void *)(uintptr_t)&said[i]};
	for (size_t i = 0; i < ARRAY_LEN(scanned); i++)
		tests[n++] = (struct CMUnitTest){scanned[i].name, is_scanned, NULL, NULL,
						 (void *)(uintptr_t)&scanned[i]};
	failed = cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("sudoers", others, NULL, NULL);
}
