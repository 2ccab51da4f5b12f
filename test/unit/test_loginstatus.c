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
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/sudoers.h"
#include "lib/steps/run.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"
#include "payload/login/command.h"
#include "payload/login/decision.h"
#include "payload/login/keys.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"
#include "test/unit/fakeprograms.h"

#define ALICE FAKELOGIN_NAME ":" CERTMAKE_OID ":10000100:10000100::/home/a:/bin/bash\n"
#define BOB "bob@contoso.com:" CERTMAKE_TID ":10000200:10000200::/home/b:/bin/bash\n"
#define PROBE "aadsshlogin-probe@aadsshlogin.invalid"
#define SKIPPED 77 /* automake's: the status is for root */

static struct fakelogin *machine;

static void configure(void)
{
	static const struct step *const steps[] = {&step_accounts, &step_pam, &step_sudo,
						   &step_selinux, &step_sshd};
	struct step_result results[ARRAY_LEN(steps)];
	struct machine m = {.sys = fakelogin_sys(machine), .log_fd = -1};
	struct run run = {
		.machine = &m, .steps = steps, .count = ARRAY_LEN(steps), .results = results};
	struct err err = {0};

	fakelogin_load(machine, &m.conf);
	if (run_apply(&run, &err) < 0)
		fail_msg("%s", err.msg);
	conf_done(&m.conf);
}

static int open_machine(void **state)
{
	struct scratch *scratch;

	(void)state;
	machine = fakelogin_new();
	scratch = &machine->scratch;
	fakeprograms_start(scratch);
	fake.getent = PROBE ":*:10000321:10000321::/home/" PROBE ":/bin/bash\n";
	scratch_write(scratch, "/etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0644);
	scratch_write(scratch, "/etc/sudoers", "@includedir /etc/sudoers.d\n", 0440);
	scratch_mkdir(scratch, "/etc/sudoers.d", 0755);
	scratch_write(scratch, "/etc/pam.d/sudo-i", "@include common-account\n", 0644);
	scratch_mkdir(scratch, "/etc/ssh/sshd_config.d", 0755);
	scratch_write(scratch, "/etc/ssh/sshd_config",
		      "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n", 0644);
	configure();
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	fakeprograms_done();
	fakelogin_free(machine);
	return 0;
}

/* The exit status; what is printed is added to *ret. */
static int status(const char *option, struct buf *ret)
{
	char verb[] = "status", word[16] = "", *argv[] = {verb, word, NULL};
	int ends[2], saved = dup(STDOUT_FILENO), r;
	struct err err = {0};

	(void)snprintf(word, sizeof(word), "%s", option);
	assert_int_equal(pipe(ends), 0);
	(void)fflush(stdout);
	assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
	r = status_command(fakelogin_sys(machine), word[0] ? 2 : 1, argv);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	(void)close(ends[1]);
	assert_int_equal(fs_read_fd(ends[0], "the pipe", 60000, ret, &err), 0);
	(void)close(ends[0]);
	return r;
}

static json_t *status_json(int expected)
{
	AUTO_BUF text = {0};
	struct err err = {0};
	json_t *document = NULL;

	if (status("--json", &text) != expected)
		fail_msg("%s", buf_text(&text));
	assert_int_equal(json_parse(buf_bytes(&text), "the status", &document, &err), 0);
	return document;
}

static const char *text_of(const json_t *document, const char *key)
{
	const char *text = json_string_value(json_object_get(document, key));

	return text ? text : "";
}

static int fill_cache(struct fakelogin *where, void *arg)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)arg;
	fakelogin_load(where, &conf);
	return keys_check(fakelogin_sys(where), &conf, CERTMAKE_TID, buf_bytes(&where->ca_blob),
			  &err);
}

static void a_machine_in_order_is_ok_and_nobody_is_asked(void **state)
{
	AUTO_JSON *document = status_json(COMMAND_OK);
	AUTO_BUF text = {0};
	const json_t *row;
	size_t i;

	(void)state;
	assert_true(json_is_true(json_object_get(document, "ok")));
	assert_string_equal(text_of(document, "confined"), ""); /* by none, in a test */
	assert_non_null(strstr(text_of(document, "notConfined"), "system calls, files"));
	assert_string_equal(text_of(document, "tenant"), CERTMAKE_TID);
	assert_string_equal(text_of(document, "roleBackend"), "arm");
	assert_string_equal(text_of(document, "keys"), "none");
	assert_string_equal(text_of(document, "index"), "current");
	assert_int_equal(json_array_size(json_object_get(document, "checks")), 7);
	json_array_foreach(json_object_get(document, "checks"), i, row)
		assert_string_equal(text_of(row, "state"), "ok");
	assert_int_equal(machine->shared->requests, 0);
	assert_int_equal(status("", &text), COMMAND_OK);
	assert_non_null(strstr(buf_text(&text), "checks: check sshd, state ok\n"));
	assert_non_null(strstr(buf_text(&text), "ok: yes\n"));
}

static void the_keys_age_and_end_are_told(void **state)
{
	AUTO_JSON *document = NULL;

	(void)state;
	fakelogin_entra(machine);
	assert_int_equal(fakelogin_as_service(machine, fill_cache, NULL), 0);
	machine->shared->realtime_s += 80000;
	document = status_json(COMMAND_OK);
	assert_string_equal(text_of(document, "keys"), "ageing");
	assert_int_equal(json_integer_value(json_object_get(document, "keyCount")), 1);
	assert_string_equal(text_of(document, "keysFetched"), "2026-01-02T00:10:00Z");
	assert_string_equal(text_of(document, "keysExpire"), "2026-01-03T00:10:00Z");
}

static void the_last_decisions_are_told(void **state)
{
	struct decision decision = {
		.boottime_ns = FAKELOGIN_BOOT_NS - 60ll * 1000000000,
		.login = {VERDICT_GRANTED, "/assignment/1", "/subscriptions/s"}};
	AUTO_JSON *document = NULL;
	AUTO_CONF conf = {0};
	struct err err = {0};
	const json_t *rows, *row;

	(void)state;
	fakelogin_load(machine, &conf);
	scratch_write(&machine->scratch, AADPASSWD_PATH, ALICE BOB, 0644);
	assert_int_equal(
		decision_store(fakelogin_sys(machine), &conf, CERTMAKE_OID, &decision, &err), 0);
	document = status_json(COMMAND_OK);
	rows = json_object_get(document, "decisions");
	row = json_array_get(rows, 0);
	assert_int_equal(json_integer_value(json_object_get(document, "users")), 2);
	assert_int_equal(json_array_size(rows), 1);
	assert_string_equal(text_of(row, "name"), FAKELOGIN_NAME);
	assert_string_equal(text_of(row, "decided"), "2026-01-02T00:09:00Z");
	assert_string_equal(text_of(row, "login"), "granted");
	assert_string_equal(text_of(row, "administer"), "missing");
	assert_string_equal(text_of(row, "assignment"), "/assignment/1");
}

static void an_index_of_other_users_is_told(void **state)
{
	AUTO_JSON *before = NULL, *after = NULL;
	struct err err = {0};

	(void)state;
	scratch_write(&machine->scratch, AADINDEX_PATH, "x", 0644);
	before = status_json(COMMAND_OK);
	assert_string_equal(text_of(before, "index"), "of other users");
	assert_int_equal(userindex_publish(fakelogin_sys(machine), &err), 0);
	after = status_json(COMMAND_OK);
	assert_string_equal(text_of(after, "index"), "current");
}

/* ---- what is broken, a row each */

static void break_conf(void)
{
	scratch_write(&machine->scratch, CONF_PATH, "nonsense\n", 0644);
}

static void break_conf_with_other_bytes(void)
{
	scratch_write(&machine->scratch, CONF_PATH, "n\xe9\n", 0644);
}

static void break_tenant(void)
{
	scratch_write(&machine->scratch, CONF_PATH, "shell /bin/sh\n", 0644);
}

static void break_nsswitch(void)
{
	scratch_write(&machine->scratch, "/etc/nsswitch.conf", "passwd: files\ngroup: files\n",
		      0644);
}

static void break_pam_sshd(void)
{
	scratch_write(&machine->scratch, "/etc/pam.d/sshd", "@include common-account\n", 0644);
}

static void break_pam_sudo(void)
{
	scratch_write(&machine->scratch, "/etc/pam.d/sudo-i", "@include common-account\n", 0644);
}

static void break_sudo_rule(void)
{
	scratch_write(&machine->scratch, SUDOERS_RULE_PATH, "# nothing\n", 0440);
}

static void break_sshd(void)
{
	fake.sshd_overruled = true;
}

static void break_names(void)
{
	fake.getent = NULL;
}

static void break_module(void)
{
	struct err err = {0};

	assert_int_equal(fs_remove(fakelogin_sys(machine), "/usr/lib64/security/pam_aad.so", &err),
			 0);
}

static struct row {
	const char *name;
	void (*spoil)(void);
	const char *check, *words;
} rows[] = {
	{"a configuration that cannot be read", break_conf, NULL, CONF_PATH},
	{"a configuration that is no UTF-8", break_conf_with_other_bytes, NULL, "n?"},
	{"a configuration without a tenant", break_tenant, NULL, "names no tenant"},
	{"a name service that is not asked", break_nsswitch, "accounts", "/etc/nsswitch.conf"},
	{"a line that sshd's PAM file lost", break_pam_sshd, "pam", "/etc/pam.d/sshd"},
	{"a line that sudo's PAM file lost", break_pam_sudo, "pam", "/etc/pam.d/sudo-i"},
	{"a rule for administrators that is gone", break_sudo_rule, "sudo", SUDOERS_RULE_PATH},
	{"another key command in force", break_sshd, "sshd", "/usr/bin/other"},
	{"a name that does not resolve", break_names, "names", PROBE},
	{"a module that is missing", break_module, "pam-module", "PAM module"},
};

static void is_told(void **state)
{
	const struct row *row = *state;
	AUTO_JSON *document = NULL;
	const json_t *check;
	size_t i;

	(void)open_machine(NULL);
	row->spoil();
	document = status_json(COMMAND_FAILED);
	assert_true(json_is_false(json_object_get(document, "ok")));
	if (!strstr(text_of(document, "problem"), row->words))
		fail_msg("%s", text_of(document, "problem"));
	assert_true(text_of(document, "remedy")[0] != '\0');
	json_array_foreach(json_object_get(document, "checks"), i,
			   check) if (row->check &&
				      (strcmp(text_of(check, "check"), row->check) == 0) ==
					      (strcmp(text_of(check, "state"), "ok") == 0))
		fail_msg("%s is %s", text_of(check, "check"), text_of(check, "state"));
	(void)close_machine(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)
	static const struct CMUnitTest tests[] = {
		T(a_machine_in_order_is_ok_and_nobody_is_asked),
		T(the_keys_age_and_end_are_told),
		T(the_last_decisions_are_told),
		T(an_index_of_other_users_is_told),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	if (geteuid() != 0)
		return SKIPPED;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = is_told, .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("broken", list, NULL, NULL);
}
