/* SPDX-License-Identifier: MIT */
/* Shutting another product's door, and opening it again or clearing up behind it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/steps/takeover.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/core/sudoers.h"
#include "lib/sys/proc.h"
#include "test/unit/stepmachine.h"

#define MATCH                                                                                      \
	"Match User *@*,????????"                                                                  \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????????????    # Added by aadsshlogin installer\n"
#define CONFIG "UsePAM yes\n"
#define THEIR_CONFIG                                                                               \
	CONFIG MATCH "    AuthenticationMethods publickey\n    PubkeyAuthentication yes\n"         \
		     "    AuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k\n"                 \
		     "    AuthorizedKeysCommandUser root\n"
#define SHUT_CONFIG                                                                                \
	CONFIG MATCH "    AuthenticationMethods publickey\n    AuthorizedKeysCommand none\n"       \
		     "    AuthorizedKeysFile none\n"
#define RULE "%aad_admins ALL=(ALL) NOPASSWD:ALL\n"
#define AUTH "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n"
#define THEIR_AUTH "auth [success=2 user_unknown=ignore default=die] pam_aad.so\n" AUTH
#define PORT "Port 2222\n"
#define FAIL "auth required pam_faillock.so\n"
#define GROUPS "root:x:0:\naad_admins:x:990:alice@contoso.com\n"

/* What dpkg knows: a name and a state and version, the last is NULL. */
static const char *packages[5][2];
static bool group_stays;

static int run_all(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		   struct err *err);

static int (*run_rest)(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		       struct err *err);

static int run_query(const char *name, struct proc_result *ret)
{
	ret->status = 1;
	for (size_t i = 0; packages[i][0]; i++) {
		if (strcmp(packages[i][0], name) != 0)
			continue;
		ret->status = packages[i][1] ? 0 : 2;
		buf_printf(&ret->output, "%s\n", packages[i][1] ? packages[i][1] : "");
	}
	return 0;
}

static int run_all(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		   struct err *err)
{
	const char *name = strrchr(spec->argv[0], '/') + 1;

	if (strcmp(name, "dpkg-query") == 0)
		return run_query(spec->argv[3], ret);
	if (strcmp(name, "groupdel") == 0) {
		assert_string_equal(spec->argv[1], "aad_admins");
		ret->status = group_stays ? 8 : 0;
		buf_str(&ret->output, group_stays ? "groupdel: no\n" : "");
		if (!group_stays)
			stepmachine_write("/etc/group", "root:x:0:\n");
		return 0;
	}
	if (strcmp(name, "pam-auth-update") == 0) {
		ret->status = 1; /* of no consequence */
		return 0;
	}
	return run_rest(sys, spec, ret, err);
}

static void set_package(const char *name, const char *state)
{
	memset(packages, 0, sizeof(packages));
	packages[0][0] = name;
	packages[0][1] = state;
}

static int setup(void **state)
{
	int r = stepmachine_open(state);

	run_rest = sm.scratch.ops.run;
	sm.scratch.ops.run = run_all;
	group_stays = false;
	set_package("aadsshlogin", "ii 1.0.030480001");
	stepmachine_write("/usr/bin/dpkg", "");
	stepmachine_write("/var/lib/dpkg/status", "x");
	stepmachine_write(SSHD_MAIN_PATH, THEIR_CONFIG);
	stepmachine_write(SUDOERS_RULE_PATH, RULE);
	stepmachine_write("/etc/pam.d/common-auth", THEIR_AUTH);
	stepmachine_write("/etc/pam.d/sudo", "@include common-account\n");
	stepmachine_write("/etc/group", GROUPS);
	return r;
}

static int teardown(void **state)
{
	return stepmachine_close(state);
}

static void must(int r)
{
	if (r < 0)
		fail_msg("%s", sm.err.msg);
}

static void expect_shut(void)
{
	stepmachine_expect(SSHD_MAIN_PATH, SHUT_CONFIG);
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
	stepmachine_expect("/etc/pam.d/common-auth", AUTH);
	assert_true(takeover_begun(&sm.machine));
}

static void expect_open(void)
{
	stepmachine_expect(SSHD_MAIN_PATH, THEIR_CONFIG);
	stepmachine_expect(SUDOERS_RULE_PATH, RULE);
	stepmachine_expect("/etc/pam.d/common-auth", THEIR_AUTH);
	assert_false(takeover_begun(&sm.machine));
}

static void the_door_is_shut_and_opened_again_byte_for_byte(void **state)
{
	(void)state;
	assert_false(takeover_begun(&sm.machine));
	must(takeover_check(&sm.machine, &sm.err));
	must(takeover_shut(&sm.machine, &sm.err));
	expect_shut();
	/* As after a run that was killed. */
	must(takeover_shut(&sm.machine, &sm.err));
	expect_shut();
	must(takeover_reopen(&sm.machine, &sm.err));
	expect_open();
	must(takeover_reopen(&sm.machine, &sm.err));
}

static void it_stays_shut_when_its_packages_are_gone_or_half_gone(void **state)
{
	static const char *const states[][2] = {
		{"aadsshlogin", "ii 1:1.0.0.0"},
		{"aadsshlogin", "iF 1.0.030480001"},
		{"aadsshlogin-selinux", "ii 1.0.030480001"},
		{NULL, NULL},
	};

	(void)state;
	must(takeover_shut(&sm.machine, &sm.err));
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		set_package(states[i][0], states[i][1]);
		must(takeover_reopen(&sm.machine, &sm.err));
		expect_shut();
	}
	set_package("aadsshlogin", NULL);
	assert_int_equal(takeover_reopen(&sm.machine, &sm.err), -EIO);
	expect_shut();
}

static void a_machine_without_its_lines_is_shut_too(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, CONFIG);
	stepmachine_expect(SUDOERS_RULE_PATH, RULE);
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, &SUDOERS_RULE_PATH[1], 0), 0);
	stepmachine_write("/etc/pam.d/common-auth", AUTH);
	must(takeover_shut(&sm.machine, &sm.err));
	expect_shut();
	must(takeover_reopen(&sm.machine, &sm.err));
	stepmachine_expect(SSHD_MAIN_PATH, CONFIG);
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
}

static void nothing_leaves_PAM_while_sshd_would_take_a_key(void **state)
{
	(void)state;
	fake.sshd_overruled = true;
	assert_int_equal(takeover_shut(&sm.machine, &sm.err), -EBADMSG);
	assert_int_equal(sm.err.outcome, EXIT_SSHD);
	stepmachine_expect("/etc/pam.d/common-auth", THEIR_AUTH);
	must(takeover_reopen(&sm.machine, &sm.err));
	expect_open();
}

static void what_sshd_refuses_is_not_published(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, THEIR_CONFIG "Foo\n");
	assert_true(takeover_shut(&sm.machine, &sm.err) < 0);
	stepmachine_expect(SSHD_MAIN_PATH, THEIR_CONFIG "Foo\n");
	stepmachine_expect("/etc/pam.d/common-auth", THEIR_AUTH);
}

static void a_file_that_cannot_be_cleaned_is_named(void **state)
{
	(void)state;
	stepmachine_write("/etc/pam.d/common-auth", "auth [success=2 default=ignore] pam_x.so\n"
						    "@include y\nauth required pam_aad.so\n");
	assert_int_equal(takeover_shut(&sm.machine, &sm.err), -ENOTSUP);
	assert_non_null(strstr(sm.err.msg, "/etc/pam.d/common-auth"));
	assert_non_null(strstr(sm.err.remedy, "by hand"));
	must(takeover_reopen(&sm.machine, &sm.err));
	stepmachine_expect(SSHD_MAIN_PATH, THEIR_CONFIG);
}

static void its_group_and_what_was_kept_go_at_the_end(void **state)
{
	(void)state;
	stepmachine_write("/usr/sbin/pam-auth-update", "");
	stepmachine_write("/var/lib/dpkg/info/aadlogin.prerm.set-aside", "");
	must(takeover_shut(&sm.machine, &sm.err));
	set_package("aadsshlogin", "ii 1:1.0.0.0");
	/* Its script wrote them anew. */
	stepmachine_write("/etc/pam.d/common-auth", THEIR_AUTH);
	must(takeover_finish(&sm.machine, &sm.err));
	stepmachine_expect("/etc/pam.d/common-auth", AUTH);
	stepmachine_expect("/etc/group", "root:x:0:\n");
	assert_false(takeover_begun(&sm.machine));
	assert_false(stepmachine_exists("/var/lib/dpkg/info/aadlogin.prerm.set-aside"));
	must(takeover_finish(&sm.machine, &sm.err));
}

static void a_group_that_stays_is_told(void **state)
{
	(void)state;
	group_stays = true;
	must(takeover_shut(&sm.machine, &sm.err));
	assert_int_equal(takeover_finish(&sm.machine, &sm.err), -EIO);
	assert_string_equal(sm.err.remedy, "groupdel aad_admins");
}

/* As system-auth is a link to a file that goes with its package. */
static void a_link_to_what_went_with_it_is_mended(void **state)
{
	(void)state;
	stepmachine_write("/etc/pam.d/system-auth-aad", THEIR_AUTH);
	assert_int_equal(
		symlinkat("system-auth-aad", sm.scratch.sys.rootfd, "etc/pam.d/system-auth"), 0);
	must(takeover_shut(&sm.machine, &sm.err));
	stepmachine_expect("/etc/pam.d/system-auth-aad", AUTH);
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/pam.d/system-auth-aad", 0), 0);
	stepmachine_write("/etc/pam.d/common-auth", FAIL AUTH);
	must(takeover_finish(&sm.machine, &sm.err));
	stepmachine_expect("/etc/pam.d/system-auth-aad", AUTH);
	stepmachine_expect("/etc/pam.d/common-auth", FAIL AUTH);
}

/* clang-format off */
static const struct changed_row {
	const char *name, *path;
	const char *shut; /* the owner's work on a file that is shut */
	const char *opened; /* what becomes of it, NULL: it stays, and sshd stays shut */
} changed_rows[] = {
	{"sshds_lines_above_stay", SSHD_MAIN_PATH, PORT SHUT_CONFIG, PORT THEIR_CONFIG},
	{"sshds_lines_below_stay", SSHD_MAIN_PATH, SHUT_CONFIG "Match all\nX11Forwarding no\n", THEIR_CONFIG "Match all\nX11Forwarding no\n"},
	{"a_block_that_the_owner_opened_stays", SSHD_MAIN_PATH, PORT THEIR_CONFIG, PORT THEIR_CONFIG},
	{"a_block_that_the_owner_changed_stays", SSHD_MAIN_PATH, SHUT_CONFIG SHUT_CONFIG, NULL},
	{"PAMs_lines_above_stay", "/etc/pam.d/common-auth", "# mine\n" FAIL AUTH, "# mine\n" FAIL THEIR_AUTH},
	{"PAMs_lines_next_to_its_own_stay", "/etc/pam.d/common-auth", "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n", NULL},
	{"PAMs_lines_below_stay", "/etc/pam.d/common-auth", AUTH FAIL, THEIR_AUTH FAIL},
	{"PAMs_lines_that_the_owner_put_back_stay", "/etc/pam.d/common-auth", FAIL THEIR_AUTH, FAIL THEIR_AUTH},
	{"PAMs_lines_that_cannot_be_counted_stay", "/etc/pam.d/common-auth", "auth [success=2 default=ignore] pam_x.so\n@include y\n" THEIR_AUTH,
		"auth [success=2 default=ignore] pam_x.so\n@include y\n" THEIR_AUTH},
	{"a_file_of_PAMs_that_is_gone_stays_so", "/etc/pam.d/common-auth", NULL, NULL},
	{"a_new_rule_stays", SUDOERS_RULE_PATH, "# mine\n" RULE, "# mine\n" RULE},
};
/* clang-format on */

static void put(const char *path, const char *text)
{
	struct err err = {0};

	if (text)
		stepmachine_write(path, text);
	else
		assert_int_equal(fs_remove(&sm.scratch.sys, path, &err), 0);
}

static void what_the_owner_changed_since_stays(void **state)
{
	const struct changed_row *row = *state;

	assert_int_equal(setup(NULL), 0);
	must(takeover_shut(&sm.machine, &sm.err));
	put(row->path, row->shut);
	if (row->opened) {
		must(takeover_reopen(&sm.machine, &sm.err));
		assert_false(takeover_begun(&sm.machine));
		stepmachine_expect(row->path, row->opened);
	} else {
		assert_int_equal(takeover_reopen(&sm.machine, &sm.err), -ESTALE);
		assert_non_null(strstr(sm.err.msg, row->path));
		assert_non_null(strstr(sm.err.remedy, TAKEOVER_DIR "/%2Fetc%2F"));
		assert_true(takeover_begun(&sm.machine));
		stepmachine_expect(row->path, row->shut);
		if (strcmp(row->path, SSHD_MAIN_PATH) != 0)
			stepmachine_expect(SSHD_MAIN_PATH, SHUT_CONFIG);
	}
	(void)teardown(NULL);
}

/* The next run shuts the door that is shut, and is the one that opens it. */
static void a_run_after_a_killed_one_keeps_what_the_owner_changed_in_between(void **state)
{
	(void)state;
	must(takeover_shut(&sm.machine, &sm.err));
	stepmachine_write(SSHD_MAIN_PATH, PORT SHUT_CONFIG);
	stepmachine_write("/etc/pam.d/common-auth", FAIL THEIR_AUTH);
	assert_int_equal(fchmodat(sm.scratch.sys.rootfd, "etc/pam.d/common-auth", 0600, 0), 0);
	must(takeover_shut(&sm.machine, &sm.err));
	stepmachine_expect("/etc/pam.d/common-auth", FAIL AUTH);
	must(takeover_reopen(&sm.machine, &sm.err));
	stepmachine_expect(SSHD_MAIN_PATH, PORT THEIR_CONFIG);
	stepmachine_expect(SUDOERS_RULE_PATH, RULE);
	stepmachine_expect("/etc/pam.d/common-auth", FAIL THEIR_AUTH);
	stepmachine_expect_meta("/etc/pam.d/common-auth", 0600, getuid(), getgid());
}

/* There was no block to shut, and what follows ours must not count for everybody. */
static void a_block_written_for_shutting_goes_from_a_file_that_changed(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, CONFIG);
	must(takeover_shut(&sm.machine, &sm.err));
	stepmachine_write(SSHD_MAIN_PATH, PORT SHUT_CONFIG);
	must(takeover_reopen(&sm.machine, &sm.err));
	stepmachine_expect(SSHD_MAIN_PATH, PORT CONFIG);
}

static void link_to(const char *to, const char *path)
{
	struct err err = {0};

	assert_int_equal(fs_remove(&sm.scratch.sys, path, &err), 0);
	assert_int_equal(fs_symlink(&sm.scratch.sys, to, path, &err), 0);
}

/* With `default=die` they would lock everybody out when the module is gone. */
static void its_lines_behind_authselects_link_go_and_come_back(void **state)
{
	const char *target = "/etc/authselect/system-auth";
	struct err err = {0};

	(void)state;
	stepmachine_write(target, THEIR_AUTH);
	link_to(target, "/etc/pam.d/system-auth");
	must(takeover_check(&sm.machine, &sm.err));
	must(takeover_shut(&sm.machine, &sm.err));
	stepmachine_expect(target, AUTH);
	expect_shut();
	must(takeover_reopen(&sm.machine, &sm.err));
	stepmachine_expect(target, THEIR_AUTH);
	expect_open();
	assert_int_equal(
		fs_readlink(&sm.scratch.sys, "/etc/pam.d/system-auth", (char[64]){""}, 64, &err),
		0);
}

static void its_lines_behind_another_link_are_refused_before_anything_is_touched(void **state)
{
	(void)state;
	stepmachine_write("/etc/authselect/mine", THEIR_AUTH);
	link_to("/etc/authselect/mine", "/etc/pam.d/system-auth");
	assert_int_equal(takeover_check(&sm.machine, &sm.err), -EPERM);
	assert_non_null(strstr(sm.err.msg, "/etc/pam.d/system-auth"));
	assert_non_null(strstr(sm.err.remedy, "regular file"));
	link_to("common-auth", "/etc/pam.d/system-auth"); /* has a name of its own */
	must(takeover_check(&sm.machine, &sm.err));
	link_to("/etc/pam.d/common-auth", "/etc/pam.d/system-auth");
	must(takeover_check(&sm.machine, &sm.err));
	link_to("/etc/nothing", "/etc/pam.d/system-auth");
	must(takeover_check(&sm.machine, &sm.err));
	stepmachine_write("/etc/authselect/mine", AUTH);
	link_to("/etc/authselect/mine", "/etc/pam.d/system-auth");
	must(takeover_check(&sm.machine, &sm.err));
}

static void giving_up_opens_it_or_leaves_neither(void **state)
{
	(void)state;
	must(takeover_shut(&sm.machine, &sm.err));
	stepmachine_write("/var/lib/dpkg/info/aadsshlogin.prerm.set-aside", "exit 1\n");
	must(takeover_give_up(&sm.machine, &sm.err));
	expect_open();
	stepmachine_expect("/var/lib/dpkg/info/aadsshlogin.prerm", "exit 1\n");
	stepmachine_expect("/var/lib/dpkg/info/aadsshlogin.prerm.set-aside", NULL);
	must(takeover_shut(&sm.machine, &sm.err));
	set_package(NULL, NULL);
	must(takeover_give_up(&sm.machine, &sm.err));
	stepmachine_expect(SSHD_MAIN_PATH, CONFIG);
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
	stepmachine_expect("/etc/pam.d/common-auth", AUTH);
	assert_false(takeover_begun(&sm.machine));
}

static void giving_up_stays_shut_while_a_half_of_it_is_there(void **state)
{
	static const char *const states[][2] = {
		{"aadsshlogin", "iF 1.0.030480001"},
		{"aadlogin", "iF 1.0.1"},
	};

	(void)state;
	must(takeover_shut(&sm.machine, &sm.err));
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		set_package(states[i][0], states[i][1]);
		assert_int_equal(takeover_give_up(&sm.machine, &sm.err), -EBUSY);
		assert_non_null(strstr(sm.err.msg, states[i][0]));
		assert_non_null(strstr(sm.err.remedy, states[i][0]));
		expect_shut();
	}
	set_package("aadlogin", NULL);
	assert_int_equal(takeover_give_up(&sm.machine, &sm.err), -EIO);
	expect_shut();
	set_package("aadlogin-selinux", "ii 1.0.1");
	must(takeover_give_up(&sm.machine, &sm.err));
	stepmachine_expect(SSHD_MAIN_PATH, CONFIG);
	assert_false(takeover_begun(&sm.machine));
}

static void what_is_local_peoples_is_not_taken_away(void **state)
{
	static const struct {
		const char *path, *text, *word;
	} rows[] = {
		{SUDOERS_RULE_PATH, RULE "bob ALL=(ALL) ALL\n", ":2"},
		{"/etc/group", "aad_admins:x:990:a@b.c,alice\n", "alice"},
		{"/etc/group", "aad_admins:x:1000:\n", "alice"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		stepmachine_write(rows[i].path, rows[i].text);
		assert_int_equal(takeover_check(&sm.machine, &sm.err), -EEXIST);
		assert_non_null(strstr(sm.err.msg, rows[i].word));
		assert_true(sm.err.remedy[0] != '\0');
		stepmachine_write(SUDOERS_RULE_PATH, RULE);
	}
	stepmachine_write("/etc/group", "aad_admins:x:990:\n");
	must(takeover_check(&sm.machine, &sm.err));
}

static void its_packages_are_found_and_named(void **state)
{
	const struct pkg_manager *manager = pkg_detect(&sm.scratch.sys);
	struct foreign_packages found;
	AUTO_BUF old = {0}, closed = {0};

	(void)state;
	packages[1][0] = "aadlogin";
	packages[1][1] = "iF 1.0.1";
	packages[2][0] = "aadlogin-selinux";
	packages[2][1] = "rc 1.0.1";
	packages[3][0] = "aadsshlogin-selinux";
	packages[3][1] = "ii 1:1.0.0.0";
	must(takeover_find(&sm.scratch.sys, manager, true, &found, &sm.err));
	assert_int_equal(found.count, 2);
	must(takeover_name(&found, false, &old, &sm.err));
	must(takeover_name(&found, true, &closed, &sm.err));
	assert_string_equal(buf_text(&old), "aadlogin 1.0.1");
	assert_string_equal(buf_text(&closed), "aadsshlogin 1.0.030480001");
	must(takeover_find(&sm.scratch.sys, manager, false, &found, &sm.err));
	assert_int_equal(found.count, 1);
	packages[3][1] = "ii 1.0.030480001";
	must(takeover_find(&sm.scratch.sys, manager, true, &found, &sm.err));
	assert_int_equal(found.count, 2); /* there is no policy for it */
	stepmachine_write("/etc/selinux/config", "SELINUXTYPE=targeted\n");
	stepmachine_write("/etc/selinux/targeted/policy/policy.33", "");
	must(takeover_find(&sm.scratch.sys, manager, true, &found, &sm.err));
	assert_int_equal(found.count, 3);
	packages[1][1] = NULL;
	assert_int_equal(takeover_find(&sm.scratch.sys, manager, true, &found, &sm.err), -EIO);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(the_door_is_shut_and_opened_again_byte_for_byte),
		CASE(it_stays_shut_when_its_packages_are_gone_or_half_gone),
		CASE(a_machine_without_its_lines_is_shut_too),
		CASE(nothing_leaves_PAM_while_sshd_would_take_a_key),
		CASE(what_sshd_refuses_is_not_published),
		CASE(a_file_that_cannot_be_cleaned_is_named),
		CASE(its_group_and_what_was_kept_go_at_the_end),
		CASE(a_group_that_stays_is_told),
		CASE(a_link_to_what_went_with_it_is_mended),
		CASE(a_run_after_a_killed_one_keeps_what_the_owner_changed_in_between),
		CASE(a_block_written_for_shutting_goes_from_a_file_that_changed),
		CASE(its_lines_behind_authselects_link_go_and_come_back),
		CASE(its_lines_behind_another_link_are_refused_before_anything_is_touched),
		CASE(giving_up_opens_it_or_leaves_neither),
		CASE(giving_up_stays_shut_while_a_half_of_it_is_there),
		CASE(what_is_local_peoples_is_not_taken_away),
		CASE(its_packages_are_found_and_named),
	};

	struct CMUnitTest rows[ARRAY_LEN(changed_rows)];

	for (size_t i = 0; i < ARRAY_LEN(changed_rows); i++)
		rows[i] = (struct CMUnitTest){.name = changed_rows[i].name,
					      .test_func = what_the_owner_changed_since_stays,
					      .initial_state = (void *)(uintptr_t)&changed_rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("changed", rows, NULL, NULL);
}
