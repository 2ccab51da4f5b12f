/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/foreign.h"
#include "lib/core/pamstack.h"
#include "lib/core/sshdconf.h"

#define PATTERNS                                                                                   \
	"Match User *@*,????????"                                                                  \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????????????"
#define MARKED PATTERNS "    # Added by aadsshlogin installer\n"
#define FOUR                                                                                       \
	"    AuthenticationMethods publickey\n"                                                    \
	"    PubkeyAuthentication yes\n"                                                           \
	"    AuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k\n"                              \
	"    AuthorizedKeysCommandUser root\n"
#define THEIRS MARKED FOUR
#define CLOSE "# Closed by aadsshlogin, so that lines below count for everybody.\nMatch all\n"
#define OURS SSHDCONF_BEGIN "\n" MARKED FOUR "Match all\n" SSHDCONF_END "\n"
#define OUR_LINE                                                                                   \
	"account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore "             \
	"default=die] pam_aad.so\n"
#define OTHER "Match User bob\n  X11Forwarding no\n"

/* clang-format off */
static struct match_row {
	const char *name, *before, *removed, *closed; /* closed NULL: nothing to close */
	unsigned line, swallowed;
} match_rows[] = {
	{"no_block", "Port 22\n" OTHER, "Port 22\n" OTHER, NULL, 0, 0},
	{"an_empty_file", "", "", NULL, 0, 0},
	{"their_block_at_the_end", "Port 22\n" THEIRS, "Port 22\n", "Port 22\n" THEIRS CLOSE, 2, 0},
	{"without_the_last_newline", "Port 22\n" MARKED "  PubkeyAuthentication yes", "Port 22\n",
	 "Port 22\n" MARKED "  PubkeyAuthentication yes\n" CLOSE, 2, 0},
	{"behind_the_owners_match", OTHER THEIRS, OTHER, OTHER THEIRS CLOSE, 3, 0},
	{"before_the_owners_match", THEIRS OTHER, OTHER, NULL, 1, 0},
	{"twice", THEIRS "\n" THEIRS, "\n", THEIRS "\n" THEIRS CLOSE, 1, 0},
	{"closed_by_us", "Port 22\n" THEIRS CLOSE, "Port 22\n", NULL, 2, 0},
	{"closed_by_us_and_gone_on_after", OTHER THEIRS CLOSE "PermitRootLogin no\n",
	 OTHER CLOSE "PermitRootLogin no\n", NULL, 3, 0},
	{"closed_by_the_owner", "Port 22\n" THEIRS "Match all\nUseDNS no\n", "Port 22\nMatch all\nUseDNS no\n", NULL, 2, 0},
	{"comments_and_empty_lines_stay", THEIRS "\n# mine\n", "\n# mine\n", THEIRS "\n# mine\n" CLOSE, 1, 0},
	{"the_owners_lines_in_it_stay_in_one", "Port 22\n" THEIRS "PermitRootLogin no\n",
	 "Port 22\n" PATTERNS "\nPermitRootLogin no\n", "Port 22\n" THEIRS "PermitRootLogin no\n" CLOSE, 2, 7},
	{"the_owners_value_of_theirs_stays", MARKED "AuthenticationMethods publickey,password\n" FOUR,
	 PATTERNS "\nAuthenticationMethods publickey,password\n", MARKED "AuthenticationMethods publickey,password\n" FOUR CLOSE, 1, 2},
	{"the_mark_alone", MARKED, "", MARKED CLOSE, 1, 0},
	{"the_key_command_alone", PATTERNS "\n" FOUR, "", PATTERNS "\n" FOUR CLOSE, 1, 0},
	{"capitals_and_equals_signs", "match USER=*@*\nauthorizedkeyscommand=\"/usr/sbin/aad_certhandler\" %u\n", "",
	 "match USER=*@*\nauthorizedkeyscommand=\"/usr/sbin/aad_certhandler\" %u\n" CLOSE, 1, 0},
	{"their_program_for_somebody_else", "Match User bob\n" FOUR, "Match User bob\n" FOUR, NULL, 0, 0},
	{"another_program_for_the_same_names", PATTERNS "\nAuthorizedKeysCommand /opt/keys\n",
	 PATTERNS "\nAuthorizedKeysCommand /opt/keys\n", NULL, 0, 0},
	{"a_comment_with_the_mark", "# Added by aadsshlogin installer\n", "# Added by aadsshlogin installer\n", NULL, 0, 0},
	{"our_block_is_not_theirs", OTHER OURS, OTHER OURS, NULL, 0, 0},
	{"theirs_before_ours", THEIRS OURS, OURS, NULL, 1, 0},
	{"theirs_behind_ours", OURS THEIRS, OURS, OURS THEIRS CLOSE, 9, 0},
};

#define SHUT "    AuthenticationMethods publickey\n    AuthorizedKeysCommand none\n    AuthorizedKeysFile none\n"
static struct shut_row {
	const char *name, *before, *shut, *removed;
	unsigned swallowed;
} shut_rows[] = {
	{"their_block_is_shut", "Port 22\n" THEIRS, "Port 22\n" MARKED SHUT, "Port 22\n", 0},
	{"one_without_the_mark_gets_it", PATTERNS "\n" FOUR, MARKED SHUT, "", 0},
	{"the_owners_lines_stay_in_a_shut_one", THEIRS "UseDNS no", MARKED SHUT "UseDNS no", PATTERNS "\nUseDNS no", 5},
	{"a_shut_block_is_written_where_there_is_none", OTHER, OTHER MARKED SHUT, OTHER, 0},
	{"behind_a_last_line_without_newline", "Port 22", "Port 22\n" MARKED SHUT, "Port 22\n", 0},
	{"into_an_empty_file", "", MARKED SHUT, "", 0},
	{"behind_ours", OURS, OURS MARKED SHUT, OURS, 0},
	{"what_is_shut_stays_as_it_is", MARKED SHUT OTHER, MARKED SHUT OTHER, OTHER, 0},
};

#define DENY "auth requisite pam_deny.so\n"
static struct pam_row {
	const char *name, *before, *after;
	int r;
} pam_rows[] = {
	{"no_line", "auth required pam_unix.so\n", "auth required pam_unix.so\n", 0},
	{"an_empty_file", "", "", 0},
	{"our_line_stays", OUR_LINE "account required pam_unix.so\n", OUR_LINE "account required pam_unix.so\n", 0},
	{"every_type_goes",
	 "auth required pam_aad.so\n-account optional pam_aad.so debug\npassword required /lib/security/pam_aad.so\n"
	 "session optional pam_aad.so\nsession required pam_unix.so\n", "session required pam_unix.so\n", 0},
	{"an_account_line_of_another_form", "account required pam_aad.so\n" OUR_LINE, OUR_LINE, 0},
	{"the_first_of_a_block_moves_no_jump",
	 "auth\t[success=2 user_unknown=ignore default=die]\tpam_aad.so\nauth\t[success=1 default=ignore]\tpam_unix.so\n" DENY,
	 "auth\t[success=1 default=ignore]\tpam_unix.so\n" DENY, 0},
	{"a_jump_over_it_is_shorter",
	 "auth [success=2 default=ignore] pam_unix.so\nauth [success=1 default=ignore] pam_aad.so\n" DENY,
	 "auth [success=1 default=ignore] pam_unix.so\n" DENY, 0},
	{"a_jump_over_two_of_them",
	 "auth [success=4 new_authtok_reqd = 3 default=ignore] a.so\nauth required pam_aad.so\nauth required b.so\n"
	 "auth required pam_aad.so x\n" DENY,
	 "auth [success=2 new_authtok_reqd = 1 default=ignore] a.so\nauth required b.so\n" DENY, 0},
	{"a_jump_over_nothing_else_goes_on", "auth [success=1 default=bad] a.so\nauth required pam_aad.so\n" DENY,
	 "auth [success=ignore default=bad] a.so\n" DENY, 0},
	{"a_jump_that_ends_before_it", "auth [success=1 default=ignore] a.so\nauth required b.so\nauth required pam_aad.so\n",
	 "auth [success=1 default=ignore] a.so\nauth required b.so\n", 0},
	{"lines_of_another_type_do_not_count",
	 "auth [success=1 default=ignore] a.so\naccount required pam_aad.so\nauth required b.so\nauth required pam_aad.so\n",
	 "auth [success=1 default=ignore] a.so\nauth required b.so\n", 0},
	{"a_jump_over_another_file", "auth [success=2 default=ignore] a.so\n@include x\nauth required pam_aad.so\n", NULL, -ENOTSUP},
	{"a_jump_over_a_substack", "auth [success=2 default=ignore] a.so\nauth substack x\nauth required pam_aad.so\n", NULL, -ENOTSUP},
	{"another_file_behind_it", "auth [success=2 default=ignore] a.so\nauth required pam_aad.so\n@include x\n",
	 "auth [success=1 default=ignore] a.so\n@include x\n", 0},
	{"a_jump_in_a_joined_line", "auth [success=2 \\\n default=ignore] a.so\nauth required pam_aad.so\n", NULL, -ENOTSUP},
	{"a_joined_line_of_theirs", "auth required \\\n pam_aad.so\n" DENY, DENY, 0},
	{"a_number_in_an_argument", "auth [default=ignore] a.so n=2\nauth required pam_aad.so\n", "auth [default=ignore] a.so n=2\n", 0},
	{"a_comment", "# auth required pam_aad.so\n", "# auth required pam_aad.so\n", 0},
	{"a_module_with_a_similar_name", "auth required pam_aad.so.2\n", "auth required pam_aad.so.2\n", 0},
	{"an_endless_jump", "auth [success=99999999999 default=ignore] a.so\nauth required pam_aad.so\n" DENY,
	 "auth [success=99998999999 default=ignore] a.so\n" DENY, 0},
};

static const struct {
	const char *text, *line;
} group_rows[] = {
	{"root:x:0:\naad_admins:x:990:a@b.c\n", "aad_admins:x:990:a@b.c"},
	{"aad_admins2:x:990:\nxaad_admins:x:1:\n", NULL},
	{"aad_admins", NULL},
	{"", NULL},
	{" aad_admins:x:1:", "aad_admins:x:1:"},
};

static const struct {
	const char *text;
	unsigned line;
} sudoers_rows[] = {
	{"%aad_admins ALL=(ALL) NOPASSWD:ALL\n", 0},
	{"# rule\n\n  %aad_admins\tALL=(ALL) ALL", 0},
	{"%aad_admins ALL=(ALL) ALL\nbob ALL=(ALL) ALL\n", 2},
	{"%aad_admins2 ALL=(ALL) ALL\n", 1},
	{"%aad_admins", 1},
	{"#includedir /x\n@include /y\n", 2},
	{"", 0},
};

static const struct {
	const char *version;
	bool foreign;
} versions[] = {
	{"1.0.030480001", true}, {"0:1.0.030480001", true}, {"2:1.0.0.0", true}, {"1:1.0.0.0", false}, {"", false},
};
/* clang-format on */

static void matches(void **state)
{
	const struct match_row *row = *state;
	AUTO_BUF removed = {0}, closed = {0}, opened = {0};
	struct err err = {0};
	unsigned swallowed = 99;

	assert_int_equal(foreign_sshd_line(span_of(row->before)), row->line);
	assert_int_equal(foreign_sshd_remove(span_of(row->before), &removed, &swallowed, &err), 0);
	assert_string_equal(buf_text(&removed), row->removed);
	assert_int_equal(swallowed, row->swallowed);
	assert_int_equal(foreign_sshd_close(span_of(row->before), &closed, &err), 0);
	assert_string_equal(buf_text(&closed), row->closed ? row->closed : row->before);
	if (!row->closed)
		return;
	assert_int_equal(foreign_sshd_unclose(buf_bytes(&closed), &opened, &err), 0);
	assert_memory_equal(buf_text(&opened), row->before, strlen(row->before));
	assert_string_equal(buf_text(&opened) + strlen(row->before),
			    span_ends(span_of(row->before), "\n") ? "" : "\n");
}

static void an_end_that_is_not_ours_or_has_lines_behind_it_stays(void **state)
{
	static const struct {
		const char *before, *after;
	} ends[] = {
		{THEIRS CLOSE OTHER, THEIRS OTHER},
		{THEIRS CLOSE "\n# a comment\n", THEIRS "\n# a comment\n"},
		{THEIRS CLOSE "PermitRootLogin no\n", THEIRS CLOSE "PermitRootLogin no\n"},
		{THEIRS "Match all\n", THEIRS "Match all\n"},
		{OTHER CLOSE, OTHER CLOSE},
		{OURS, OURS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		AUTO_BUF opened = {0};
		struct err err = {0};

		assert_int_equal(foreign_sshd_unclose(span_of(ends[i].before), &opened, &err), 0);
		assert_string_equal(buf_text(&opened), ends[i].after);
	}
}

static void shut(void **state)
{
	const struct shut_row *row = *state;
	AUTO_BUF shut = {0}, removed = {0};
	struct err err = {0};
	unsigned swallowed;

	assert_int_equal(foreign_sshd_shut(span_of(row->before), &shut, &err), 0);
	assert_string_equal(buf_text(&shut), row->shut);
	assert_int_equal(foreign_sshd_remove(buf_bytes(&shut), &removed, &swallowed, &err), 0);
	assert_string_equal(buf_text(&removed), row->removed);
	assert_int_equal(swallowed, row->swallowed);
}

static void pam(void **state)
{
	const struct pam_row *row = *state;
	const bool has = !row->after || strcmp(row->before, row->after) != 0;
	AUTO_BUF removed = {0};
	struct err err = {0};

	assert_int_equal(foreign_pam_has(span_of(row->before)), has);
	assert_int_equal(foreign_pam_remove(span_of(row->before), &removed, &err), row->r);
	if (row->after)
		assert_string_equal(buf_text(&removed), row->after);
	else
		assert_null(removed.data);
}

static void the_line_of_a_local_group(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(group_rows); i++) {
		struct span line;
		bool found = foreign_group_line(span_of(group_rows[i].text), "aad_admins", &line);

		assert_int_equal(found, group_rows[i].line != NULL);
		if (found)
			assert_true(span_is(line, group_rows[i].line));
	}
}

static void the_owners_line_in_the_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sudoers_rows); i++)
		assert_int_equal(
			foreign_sudoers_owners(span_of(sudoers_rows[i].text), "aad_admins"),
			sudoers_rows[i].line);
}

static void versions_without_our_epoch_are_theirs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		assert_int_equal(foreign_version(versions[i].version), versions[i].foreign);
}

#define ROWS (ARRAY_LEN(match_rows) + ARRAY_LEN(shut_rows) + ARRAY_LEN(pam_rows))

int main(void)
{
	struct CMUnitTest tests[ROWS + 4] = {
		cmocka_unit_test(an_end_that_is_not_ours_or_has_lines_behind_it_stays),
		cmocka_unit_test(the_line_of_a_local_group),
		cmocka_unit_test(the_owners_line_in_the_rule),
		cmocka_unit_test(versions_without_our_epoch_are_theirs),
	};
	size_t n = 4;

	for (size_t i = 0; i < ARRAY_LEN(match_rows); i++)
		tests[n++] = (struct CMUnitTest){.name = match_rows[i].name,
						 .test_func = matches,
						 .initial_state = &match_rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(shut_rows); i++)
		tests[n++] = (struct CMUnitTest){.name = shut_rows[i].name,
						 .test_func = shut,
						 .initial_state = &shut_rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(pam_rows); i++)
		tests[n++] = (struct CMUnitTest){
			.name = pam_rows[i].name, .test_func = pam, .initial_state = &pam_rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
