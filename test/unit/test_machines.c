/* SPDX-License-Identifier: MIT */
/*
 * PAM's files and nsswitch.conf as distributions have them (test/data/machines), through the plan,
 * apply and revert of the steps that edit them.  Where our line belongs is told here by a rule of
 * the test's own.
 */
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
#include "lib/core/pamstack.h"
#include "test/unit/shell.h"
#include "test/unit/stepmachine.h"

#define OURS                                                                                       \
	"account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore "             \
	"default=die] pam_aad.so"

/* clang-format off */
static const struct row {
	const char *name, *passwd, *group;
	size_t services; /* 2: its sudo has no other for login shells */
} rows[] = {
	{"amzn-2", "sss files aad", "sss files aad", 3},
	{"azurelinux-3.0", "files systemd aad", "files [SUCCESS=merge] systemd aad", 2},
	{"debian-13", "files systemd aad", "files systemd aad", 3},
	{"fedora-42", "files systemd aad", "files [SUCCESS=merge] systemd aad", 3},
	{"mariner-2.0", "files aad", "files aad", 2},
	{"ol-8.10", "sss files systemd aad", "sss files systemd aad", 3},
	{"opensuse-leap-15.6", "compat systemd aad", "compat [SUCCESS=merge] systemd aad", 3},
	{"opensuse-tumbleweed", "files systemd aad", "files [SUCCESS=merge] systemd aad", 3},
	{"rhel-10.0", "files systemd aad", "files [SUCCESS=merge] systemd aad", 3},
	{"rhel-7.9", "files sss aad", "files sss aad", 3},
	{"rhel-8-stig", "files sss aad [NOTFOUND=return] systemd", "files sss aad [!SUCCESS=return] systemd", 3},
	{"rhel-9.6", "sss files systemd aad", "sss files systemd aad", 3},
	{"sles-12.5", "compat aad", "compat aad", 3},
	{"sles-15.7", "compat aad", "compat aad", 3},
	{"sles-16.0", "files usrfiles systemd aad", "files usrfiles [SUCCESS=merge] systemd aad", 3},
	{"ubuntu-16.04", "compat aad", "compat aad", 2},
	{"ubuntu-24.04", "files systemd aad", "files systemd aad", 3},
};
/* clang-format on */

static int open_machine(void **state)
{
	const struct row *row = *state;
	AUTO_BUF copy = {0};

	(void)stepmachine_open(state);
	buf_printf(&copy, "rm -r etc/pam.d etc/nsswitch.conf; cp -R '%s/test/data/machines/%s/.' .",
		   shell_source(), row->name);
	shell_run(&sm.scratch, buf_text(&copy));
	if (row->services == 2)
		fake.sudo = "Sudo version 1.8.31\nSudoers policy plugin version 1.8.31\n"
			    "Sudoers path: /etc/sudoers\nPAM service name to use: sudo\n"
			    "PAM service name to use for login shells: sudo\n"
			    "Perform PAM account validation management\n"
			    "Set the pam remote user to the user running sudo\n";
	return 0;
}

static char *picture(void)
{
	return shell_output(&sm.scratch,
			    "list() { find etc usr -name 'aad*' -prune -o \"$@\"; }; "
			    "list -printf '%p %y %m %l\\n' | LC_ALL=C sort; "
			    "list -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum");
}

/* The text of a service with the line before the first that can be of the account stack. */
static char *expected_stack(const char *service, const char *argument)
{
	AUTO_BUF script = {0};

	buf_printf(&script,
		   "f=etc/pam.d/%s; [ -e $f ] || { f=usr/lib/pam.d/%s; printf %%s '%s'; }; "
		   "awk '!d && /^(-?account|@include)/ { print \"%s%s\"; d = 1 } { print }' $f",
		   service, service, PAMSTACK_COPIED, OURS, argument);
	return shell_output(&sm.scratch, buf_text(&script));
}

static void assert_database(const char *name, const char *sources)
{
	AUTO_FREE char *text = scratch_text(&sm.scratch, "/etc/nsswitch.conf");
	AUTO_BUF wanted = {0};

	buf_printf(&wanted, "\n%s: %*s%s\n", name, (int)(11 - strlen(name) - 1), "", sources);
	if (!strstr(text, buf_text(&wanted)) &&
	    strncmp(text, buf_text(&wanted) + 1, wanted.len - 1) != 0)
		fail_msg("%s is not in\n%s", buf_text(&wanted), text);
}

static int name_changes(const struct planned *planned, void *arg, struct err *err)
{
	for (size_t i = 0; i < planned->changes->count; i++)
		buf_str(arg, planned->changes->list[i].what);
	return buf_ok(arg, err);
}

static void gets_our_lines_and_loses_them(void **state)
{
	static const struct step *const steps[] = {&step_accounts, &step_pam};
	static const char *const services[][2] = {
		{"sshd", ""}, {"sudo", " admin"}, {"sudo-i", " admin"}};
	const struct row *row = *state;
	size_t count = row->services;
	struct step_result results[2];
	struct run both = {.machine = &sm.machine, .steps = steps, .count = 2, .results = results};
	AUTO_FREE char *before = picture(), *after = NULL;
	struct err refusal = {0};
	AUTO_BUF plan = {0};
	char *wanted[3];

	assert_int_equal(run_plan(&both, WANT_PRESENT, name_changes, &plan, &refusal, &sm.err), 0);
	assert_int_equal(refusal.code, 0);
	for (size_t i = 0; i < count; i++) {
		wanted[i] = expected_stack(services[i][0], services[i][1]);
		assert_non_null(strstr(buf_text(&plan), services[i][0]));
	}
	if (run_apply(&both, &sm.err) < 0)
		fail_msg("%s. %s", sm.err.msg, sm.err.remedy);
	for (size_t i = 0; i < count; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/etc/pam.d/%s", services[i][0]);
		stepmachine_expect(path, wanted[i]);
		free(wanted[i]);
	}
	assert_database("passwd", row->passwd);
	assert_database("group", row->group);
	/* Nothing that is included was edited, and no link. */
	shell_run(&sm.scratch, "! grep -l pam_aad etc/pam.d/common-* etc/pam.d/system-* "
			       "etc/pam.d/password-auth* etc/pam.d/postlogin usr/lib/pam.d/* "
			       "2>/dev/null");
	assert_int_equal(run_apply(&both, &sm.err), 0);
	assert_int_equal(results[0].state, STEP_OK);
	assert_int_equal(results[1].state, STEP_OK);
	assert_int_equal(run_revert(&both, &sm.err), 0);
	after = picture();
	assert_string_equal(before, after);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, gets_our_lines_and_loses_them,
					       open_machine, stepmachine_close,
					       (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests_name("machines", tests, NULL, NULL);
}
