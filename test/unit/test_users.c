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
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/command.h"
#include "payload/login/loginconf.h"
#include "payload/login/places.h"
#include "payload/login/processes.h"
#include "payload/login/users.h"
#include "test/unit/fakelogin.h"

#define OTHER_GUID "11111111-93c4-4be1-8f07-2f6c1b7a9e30"
#define HOME "/home/" FAKELOGIN_NAME

static int add(struct fakelogin *fake, const char *name, const char *oid, uint32_t *ret_id)
{
	struct provisioned now = {.id = 0};
	AUTO_CONF conf = {0};
	struct err err = {0};
	int r;

	fakelogin_load(fake, &conf);
	r = users_add(fakelogin_sys(fake), &conf, name, oid, &now, &err);
	if (r == 0)
		*ret_id = now.id;
	return r;
}

static int delete (struct fakelogin *fake, bool remove_home, bool *ret_kept)
{
	struct err err = {0};

	return users_delete(fakelogin_sys(fake), "Alice@Contoso.com", remove_home, ret_kept, &err);
}

/* Alice, with a home. */
static uint32_t add_alice(struct fakelogin *fake)
{
	uint32_t id = 0;

	assert_int_equal(add(fake, FAKELOGIN_NAME, CERTMAKE_OID, &id), 0);
	return id;
}

static bool has(struct fakelogin *fake, const char *path)
{
	AUTO_FREE char *text = fakelogin_text(fake, path);

	return strstr(text, FAKELOGIN_NAME);
}

static void an_account_is_set_up_before_its_first_login(void **state)
{
	struct fakelogin *fake = *state;
	uint32_t id = 0;

	assert_int_equal(
		add(fake, "ALICE@contoso.com", "6D1F0A52-93C4-4BE1-8F07-2F6C1B7A9E30", &id), 0);
	assert_true(has(fake, AADPASSWD_PATH));
	assert_true(has(fake, LEDGER_PATH));
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
}

static void an_account_that_is_known_under_another_name_is_renamed(void **state)
{
	struct fakelogin *fake = *state;
	uint32_t id = add_alice(fake), now = 0;

	assert_int_equal(add(fake, "bob@contoso.com", CERTMAKE_OID, &now), 0);
	assert_int_equal(now, id);
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
	assert_false(fs_exists(fakelogin_sys(fake), "/home/bob@contoso.com"));
}

static void only_names_of_ours_and_object_ids_are_taken(void **state)
{
	struct fakelogin *fake = *state;
	uint32_t id;

	assert_int_equal(add(fake, "alice", CERTMAKE_OID, &id), -EINVAL);
	assert_int_equal(add(fake, FAKELOGIN_NAME, "alice", &id), -EINVAL);
	assert_int_equal(add(fake, FAKELOGIN_NAME, CERTMAKE_OID "0", &id), -EINVAL);
	fakelogin_conf(fake, "user_domains fabrikam.com\n");
	assert_int_equal(add(fake, FAKELOGIN_NAME, CERTMAKE_OID, &id), -EINVAL);
	assert_false(fs_exists(fakelogin_sys(fake), AADPASSWD_PATH));
}

/* As long as a name can be, and one byte too long for a directory. */
static void a_name_that_no_home_can_have_is_refused_with_the_reason(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_CONF conf = {0};
	char name[NAME_SIZE];
	struct err err = {0};
	struct provisioned now;

	memset(name, 'x', sizeof(name));
	memcpy(name + NAME_MAX_BYTES - strlen("@contoso.com"), "@contoso.com", 13);
	assert_int_equal(loginconf_load(fakelogin_sys(fake), &conf, &err), 0);
	assert_int_equal(users_add(fakelogin_sys(fake), &conf, name, CERTMAKE_OID, &now, &err),
			 -EINVAL);
	assert_non_null(strstr(err.msg, "256 bytes"));
	assert_false(fs_exists(fakelogin_sys(fake), AADPASSWD_PATH));
	assert_int_equal(users_add(fakelogin_sys(fake), &conf, name + 1, CERTMAKE_OID, &now, &err),
			 0);
}

static void while_the_home_stays_so_does_the_claim_to_the_name(void **state)
{
	struct fakelogin *fake = *state;
	uint32_t id = add_alice(fake);
	bool kept = false;

	assert_int_equal(delete (fake, false, &kept), 0);
	assert_true(kept);
	assert_false(has(fake, AADPASSWD_PATH));
	assert_true(has(fake, LEDGER_PATH));
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
	assert_int_equal(add(fake, FAKELOGIN_NAME, OTHER_GUID, &id), -EACCES);
	assert_int_equal(add_alice(fake), id);
}

/* The file of another product knows nothing of our ledger. */
static void who_was_imported_keeps_the_claim_to_the_name_too(void **state)
{
	struct fakelogin *fake = *state;
	bool kept = false;
	uint32_t id = 0;

	scratch_write(&fake->scratch, AADPASSWD_PATH,
		      FAKELOGIN_NAME ":" CERTMAKE_OID ":1234567:1234567::" HOME ":/bin/bash\n",
		      0644);
	scratch_mkdir(&fake->scratch, HOME, 0700);
	fakelogin_own(fake, HOME, 1234567, 1234567);
	assert_int_equal(delete (fake, false, &kept), 0);
	assert_true(kept);
	assert_false(has(fake, AADPASSWD_PATH));
	assert_int_equal(add(fake, FAKELOGIN_NAME, OTHER_GUID, &id), -EACCES);
	assert_int_equal(add_alice(fake), 1234567);
}

static void without_the_home_the_name_is_free(void **state)
{
	struct fakelogin *fake = *state;
	bool kept = true;
	uint32_t id = add_alice(fake);

	assert_int_equal(delete (fake, true, &kept), 0);
	assert_false(kept);
	assert_false(has(fake, LEDGER_PATH));
	assert_false(fs_exists(fakelogin_sys(fake), HOME));
	assert_int_equal(add(fake, FAKELOGIN_NAME, OTHER_GUID, &id), 0);
}

static void a_home_that_was_given_away_frees_the_name(void **state)
{
	struct fakelogin *fake = *state;
	bool kept = true;

	(void)add_alice(fake);
	fakelogin_own(fake, HOME, 1000, 1000);
	assert_int_equal(delete (fake, true, &kept), -EACCES);
	assert_true(has(fake, AADPASSWD_PATH));
	assert_int_equal(delete (fake, false, &kept), 0);
	assert_false(kept);
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
	assert_false(has(fake, LEDGER_PATH));
}

static void an_administrator_is_one_no_longer(void **state)
{
	struct fakelogin *fake = *state;
	bool kept;

	(void)add_alice(fake);
	scratch_write(&fake->scratch, AADADMINS_PATH, FAKELOGIN_NAME "\n", 0644);
	assert_int_equal(delete (fake, true, &kept), 0);
	assert_false(has(fake, AADADMINS_PATH));
}

static void who_is_not_there_cannot_be_deleted(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};
	bool kept;

	assert_int_equal(delete (fake, false, &kept), -ENOENT);
	assert_int_equal(users_delete(fakelogin_sys(fake), "root", false, &kept, &err), -ENOENT);
}

static void write_process(struct fakelogin *fake, int pid, const char *name, uint32_t real,
			  uint32_t effective)
{
	char path[64], text[256];

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	(void)snprintf(text, sizeof(text),
		       "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t%u\t%u\t%u\t%u\n"
		       "Gid:\t0\t0\t0\t0\n",
		       name, real, effective, effective, effective);
	scratch_write(&fake->scratch, path, text, 0444);
}

static void an_account_whose_processes_run_is_not_deleted(void **state)
{
	struct fakelogin *fake = *state;
	uint32_t id = add_alice(fake);
	struct err err = {0};
	bool kept;

	write_process(fake, 1, "init", 0, 0);
	write_process(fake, 20, "bash", id, id);
	write_process(fake, 21, "sudo", id, 0);
	assert_int_equal(users_delete(fakelogin_sys(fake), FAKELOGIN_NAME, true, &kept, &err),
			 -EBUSY);
	assert_non_null(strstr(err.msg, "2 processes: 20 (bash), 21 (sudo)"));
	assert_true(has(fake, AADPASSWD_PATH));
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
}

static void many_processes_are_counted_and_a_few_named(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF named = {0};
	struct err err = {0};
	size_t count;

	for (int pid = 100; pid < 120; pid++)
		write_process(fake, pid, "cat", 4000, 4000);
	write_process(fake, 121, "cat", 40000, 40000);
	assert_int_equal(processes_of(fakelogin_sys(fake), 4000, &count, &named, &err), 0);
	assert_int_equal(count, 20);
	assert_string_equal(buf_text(&named),
			    "100 (cat), 101 (cat), 102 (cat), 103 (cat), 104 (cat), 105 (cat), "
			    "106 (cat), 107 (cat)");
}

/* ---- the programs */

/* Run a program whose standard output is one JSON document. */
static int run(struct fakelogin *fake, int (*program)(struct sys *, int, char **),
	       const char *arguments, json_t **ret)
{
	char words[6][96] = {"program"}, *argv[7] = {words[0]};
	struct span rest = span_of(arguments), word;
	AUTO_BUF text = {0};
	struct err err = {0};
	int argc = 1, ends[2], saved = dup(STDOUT_FILENO), status;

	for (; argc < 6 && span_word(&rest, &word); argc++) {
		assert_true(span_copy(word, words[argc], sizeof(words[argc])));
		argv[argc] = words[argc];
	}
	assert_int_equal(pipe(ends), 0);
	(void)fflush(stdout);
	assert_true(dup2(ends[1], STDOUT_FILENO) >= 0);
	status = program(fakelogin_sys(fake), argc, argv);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	(void)close(ends[1]);
	assert_int_equal(fs_read_fd(ends[0], "the pipe", 4096, &text, &err), 0);
	(void)close(ends[0]);
	*ret = NULL;
	if (text.len)
		assert_int_equal(json_parse(buf_bytes(&text), "the output", ret, &err), 0);
	return status;
}

static const char *text_of(const json_t *document, const char *key)
{
	const char *text = json_string_value(json_object_get(document, key));

	return text ? text : "";
}

static bool is_true(const json_t *document, const char *key)
{
	return json_is_true(json_object_get(document, key));
}

static void the_programs_tell_json(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_JSON *added = NULL, *renamed = NULL, *kept = NULL, *removed = NULL;

	assert_int_equal(run(fake, useradd_main, "--json ALICE@contoso.com " CERTMAKE_OID, &added),
			 COMMAND_OK);
	assert_true(is_true(added, "ok"));
	assert_string_equal(text_of(added, "name"), FAKELOGIN_NAME);
	assert_true(json_integer_value(json_object_get(added, "uid")) > 10000000);
	assert_null(json_object_get(added, "renamedFrom"));
	assert_int_equal(run(fake, useradd_main, "--json bob@contoso.com " CERTMAKE_OID, &renamed),
			 COMMAND_OK);
	assert_string_equal(text_of(renamed, "renamedFrom"), FAKELOGIN_NAME);
	assert_int_equal(run(fake, userdel_main, "--json bob@contoso.com", &kept), COMMAND_OK);
	assert_true(is_true(kept, "homeKept"));
	assert_int_equal(run(fake, userdel_main, "--remove --json bob@contoso.com", &removed),
			 COMMAND_OK);
	assert_true(is_true(removed, "ok"));
	assert_false(is_true(removed, "homeKept"));
}

static void a_failure_is_told_with_its_remedy(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_JSON *busy = NULL, *unknown = NULL, *other = NULL, *taken = NULL;

	write_process(fake, 20, "bash", add_alice(fake), 0);
	assert_int_equal(run(fake, userdel_main, "--json " FAKELOGIN_NAME, &busy), COMMAND_FAILED);
	assert_true(json_is_false(json_object_get(busy, "ok")));
	assert_non_null(strstr(text_of(busy, "problem"), "20 (bash)"));
	assert_non_null(strstr(text_of(busy, "remedy"), "loginctl"));
	assert_int_equal(run(fake, userdel_main, "--json bob@contoso.com", &unknown),
			 COMMAND_FAILED);
	assert_non_null(strstr(text_of(unknown, "problem"), "bob@contoso.com"));
	assert_int_equal(run(fake, useradd_main, "--json b\xe9 " OTHER_GUID, &other),
			 COMMAND_FAILED);
	assert_non_null(strstr(text_of(other, "problem"), "b? is no name"));
	assert_int_equal(run(fake, useradd_main, "--json " FAKELOGIN_NAME " " OTHER_GUID, &taken),
			 COMMAND_FAILED);
	assert_non_null(strstr(text_of(taken, "remedy"), "aaduserdel"));
}

static void wrong_usage_changes_nothing(void **state)
{
	static const struct {
		int (*program)(struct sys *, int, char **);
		const char *arguments;
	} wrong[] = {
		{useradd_main, ""},
		{useradd_main, "--json " FAKELOGIN_NAME},
		{useradd_main, "--remove " FAKELOGIN_NAME " " CERTMAKE_OID},
		{useradd_main, FAKELOGIN_NAME " " CERTMAKE_OID " --json"},
		{userdel_main, "--json"},
		{userdel_main, "--force " FAKELOGIN_NAME},
		{userdel_main, FAKELOGIN_NAME " bob@contoso.com"},
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO_JSON *none = NULL;

		assert_int_equal(run(*state, wrong[i].program, wrong[i].arguments, &none),
				 COMMAND_USAGE);
		assert_null(none);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_name_that_no_home_can_have_is_refused_with_the_reason),
		T(only_names_of_ours_and_object_ids_are_taken),
		T(who_is_not_there_cannot_be_deleted),
		T(many_processes_are_counted_and_a_few_named),
		T(wrong_usage_changes_nothing),
	};
	/* Only root can give homes away. */
	static const struct CMUnitTest as_root[] = {
		T(an_account_is_set_up_before_its_first_login),
		T(an_account_that_is_known_under_another_name_is_renamed),
		T(while_the_home_stays_so_does_the_claim_to_the_name),
		T(who_was_imported_keeps_the_claim_to_the_name_too),
		T(without_the_home_the_name_is_free),
		T(a_home_that_was_given_away_frees_the_name),
		T(an_administrator_is_one_no_longer),
		T(an_account_whose_processes_run_is_not_deleted),
		T(the_programs_tell_json),
		T(a_failure_is_told_with_its_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       (geteuid() == 0 && cmocka_run_group_tests(as_root, NULL, NULL));
}
