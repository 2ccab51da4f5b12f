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
#include "lib/core/reason.h"
#include "lib/core/uid.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "payload/login/places.h"
#include "payload/login/provision.h"
#include "test/unit/fakelogin.h"

#define OTHER_GUID "11111111-93c4-4be1-8f07-2f6c1b7a9e30"
#define HOME "/home/" FAKELOGIN_NAME

static const struct uid_range range = {10000000, 10001039};

#define SKIPPED 77 /* automake's: only root can give homes away */

static uint32_t wanted(void)
{
	return uid_of_name(FAKELOGIN_NAME, range);
}

/* The id after it, as it is probed. */
static uint32_t next_wanted(uint32_t steps)
{
	uint32_t id = wanted() + steps;

	return id > range.last ? range.first + UID_RESERVED + (id - range.last - 1) : id;
}

static enum reason ask_as(struct fakelogin *fake, const char *name, const char *oid,
			  struct provisioned *ret)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	fakelogin_load(fake, &conf);
	return provision(fakelogin_sys(fake), &conf, name, oid, ret, &err) == 0 ? REASON_NONE
										: reason_of(&err);
}

static enum reason ask(struct fakelogin *fake, const char *oid, uint32_t *ret_id)
{
	struct provisioned now = {.id = *ret_id};
	enum reason reason = ask_as(fake, FAKELOGIN_NAME, oid, &now);

	*ret_id = now.id;
	assert_string_equal(now.former, "");
	return reason;
}

/* Set alice up and see which uid it became. */
static void expect(struct fakelogin *fake, uint32_t id)
{
	uint32_t got = 0;

	assert_int_equal(ask(fake, CERTMAKE_OID, &got), REASON_NONE);
	assert_int_equal(got, id);
}

static void refuse(struct fakelogin *fake, const char *oid, enum reason reason)
{
	uint32_t id = 7;

	assert_int_equal(ask(fake, oid, &id), reason);
	assert_int_equal(id, 7);
}

static void expect_line(struct fakelogin *fake, const char *path, uint32_t id)
{
	AUTO_FREE char *text = fakelogin_text(fake, path);
	char line[512];

	(void)snprintf(line, sizeof(line),
		       FAKELOGIN_NAME ":" CERTMAKE_OID ":%u:%u::" HOME ":/bin/bash\n", id, id);
	assert_non_null(strstr(text, line));
}

static void write_line(struct fakelogin *fake, const char *path, const char *name, const char *oid,
		       uint32_t id, const char *home)
{
	AUTO_FREE char *before = fakelogin_text(fake, path);
	AUTO_BUF text = {0};

	buf_printf(&text, "%s%s:%s:%u:%u::%s:/bin/bash\n", before, name, oid, id, id, home);
	scratch_write(&fake->scratch, path, buf_text(&text), 0600);
}

static void the_first_login_makes_line_ledger_and_home(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};
	struct stat st;

	scratch_write(&fake->scratch, "/etc/skel/.profile", "x", 0644);
	expect(fake, wanted());
	expect_line(fake, AADPASSWD_PATH, wanted());
	expect_line(fake, LEDGER_PATH, wanted());
	assert_int_equal(fs_lstat(fakelogin_sys(fake), HOME "/.profile", &st, &err), 0);
	assert_int_equal(st.st_uid, wanted());
	assert_int_equal(st.st_gid, wanted());
}

static void a_later_login_changes_nothing_and_asks_nobody(void **state)
{
	struct fakelogin *fake = *state;
	int programs;

	expect(fake, wanted());
	programs = fake->shared->run_count;
	assert_int_equal(programs, 2); /* getent passwd and group */
	expect(fake, wanted());
	assert_int_equal(fake->shared->run_count, programs);
}

static void a_home_that_was_removed_is_made_again(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	expect(fake, wanted());
	assert_int_equal(fs_remove_tree(fakelogin_sys(fake), HOME, &err), 0);
	expect(fake, wanted());
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
}

static void a_line_that_exists_wins(void **state)
{
	struct fakelogin *fake = *state;

	write_line(fake, AADPASSWD_PATH, FAKELOGIN_NAME, CERTMAKE_OID, 70001, "/home/old");
	expect(fake, 70001);
	assert_true(fs_exists(fakelogin_sys(fake), "/home/old"));
	assert_false(fs_exists(fakelogin_sys(fake), HOME));
}

static void after_a_new_install_uid_and_home_are_the_old_ones(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	write_line(fake, LEDGER_PATH, FAKELOGIN_NAME, CERTMAKE_OID, 10000777, HOME);
	scratch_write(&fake->scratch, HOME "/kept", "x", 0600);
	fakelogin_own(fake, HOME, 10000777, 10000777);
	assert_int_equal(fs_remove(fakelogin_sys(fake), AADPASSWD_PATH, &err), 0);
	expect(fake, 10000777);
	expect_line(fake, AADPASSWD_PATH, 10000777);
	assert_true(fs_exists(fakelogin_sys(fake), HOME "/kept"));
}

static void a_namesake_is_refused_whether_set_up_or_remembered(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	expect(fake, wanted());
	refuse(fake, OTHER_GUID, REASON_OID_MISMATCH);
	assert_int_equal(fs_remove(fakelogin_sys(fake), AADPASSWD_PATH, &err), 0);
	refuse(fake, OTHER_GUID, REASON_OID_MISMATCH);
	assert_false(fs_exists(fakelogin_sys(fake), AADPASSWD_PATH));
}

/* ---- collisions: each kind of owner has the wanted uid */

static void owned_by_local_user(struct fakelogin *fake)
{
	AUTO_FREE char *before = fakelogin_text(fake, "/etc/passwd");
	AUTO_BUF text = {0};

	buf_printf(&text, "%slocal:x:%u:100::/:/bin/sh\n", before, wanted());
	scratch_write(&fake->scratch, "/etc/passwd", buf_text(&text), 0644);
}

static void owned_by_primary_group(struct fakelogin *fake)
{
	AUTO_FREE char *before = fakelogin_text(fake, "/etc/passwd");
	AUTO_BUF text = {0};

	buf_printf(&text, "%slocal:x:1000:%u::/:/bin/sh\n", before, wanted());
	scratch_write(&fake->scratch, "/etc/passwd", buf_text(&text), 0644);
}

static void owned_by_local_group(struct fakelogin *fake)
{
	AUTO_BUF text = {0};

	buf_printf(&text, "local:x:%u:\n", wanted());
	scratch_write(&fake->scratch, "/etc/group", buf_text(&text), 0644);
}

static void owned_by_other_entra_user(struct fakelogin *fake)
{
	write_line(fake, AADPASSWD_PATH, "bob@contoso.com", OTHER_GUID, wanted(), "/home/b");
}

static void owned_by_remembered_user(struct fakelogin *fake)
{
	write_line(fake, LEDGER_PATH, "bob@contoso.com", OTHER_GUID, wanted(), "/home/b");
}

static char foreign[32];

static void owned_by_foreign_user(struct fakelogin *fake)
{
	(void)snprintf(foreign, sizeof(foreign), "passwd %u", wanted());
	fake->foreign = foreign;
}

/* Another person than the one who is set up, whose name only begins like that. */
static void owned_by_a_foreign_user_with_a_longer_name(struct fakelogin *fake)
{
	owned_by_foreign_user(fake);
	fake->foreign_line = FAKELOGIN_NAME ".example:*:1:1::/:/bin/sh\n";
}

static void owned_by_foreign_group(struct fakelogin *fake)
{
	(void)snprintf(foreign, sizeof(foreign), "group %u", wanted());
	fake->foreign = foreign;
}

static struct {
	const char *name;
	void (*own)(struct fakelogin *fake);
} owners[] = {
	{"a local user's uid is passed over", owned_by_local_user},
	{"a local user's primary gid is passed over", owned_by_primary_group},
	{"a local group's gid is passed over", owned_by_local_group},
	{"another Entra user's uid is passed over", owned_by_other_entra_user},
	{"a remembered user's uid is passed over", owned_by_remembered_user},
	{"a uid of another source is passed over", owned_by_foreign_user},
	{"a uid of a longer name is passed over", owned_by_a_foreign_user_with_a_longer_name},
	{"a gid of another source is passed over", owned_by_foreign_group},
};

static void collision(void **state)
{
	void (*const *own)(struct fakelogin * fake) = *state;
	struct fakelogin *fake = fakelogin_new();

	(*own)(fake);
	expect(fake, next_wanted(1));
	expect_line(fake, AADPASSWD_PATH, next_wanted(1));
	expect(fake, next_wanted(1));
	fakelogin_free(fake);
}

/* Its entry before the first login, which nscd remembers by uid too. */
static void what_nscd_remembers_of_the_name_itself_is_no_collision(void **state)
{
	struct fakelogin *fake = *state;

	fake->foreign = "getent passwd";
	fake->foreign_line = FAKELOGIN_NAME ":*:1:1::/home/a:/bin/bash\n";
	expect(fake, wanted());
	expect_line(fake, AADPASSWD_PATH, wanted());
}

static void when_every_probe_is_taken_nothing_is_made(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};

	for (uint32_t i = 0; i < UID_PROBES; i++)
		buf_printf(&text, "g%u:x:%u:\n", i, next_wanted(i));
	scratch_write(&fake->scratch, "/etc/group", buf_text(&text), 0644);
	refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
	assert_false(fs_exists(fakelogin_sys(fake), LEDGER_PATH));
}

static void a_local_account_of_the_name_is_in_the_way(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, "/etc/passwd", FAKELOGIN_NAME ":x:1000:1000::/:/bin/sh\n",
		      0644);
	refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
}

static void a_remembered_uid_that_is_taken_now_is_in_the_way(void **state)
{
	struct fakelogin *fake = *state;

	write_line(fake, LEDGER_PATH, FAKELOGIN_NAME, CERTMAKE_OID, 10000777, HOME);
	scratch_write(&fake->scratch, "/etc/group", "g:x:10000777:\n", 0644);
	refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
	scratch_write(&fake->scratch, "/etc/group", "", 0644);
	fake->foreign = "passwd 10000777";
	refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
	fake->foreign = NULL;
	expect(fake, 10000777);
}

static int no_getent(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		     struct err *err)
{
	(void)sys, (void)spec, (void)ret;
	return err_set(err, ETIMEDOUT, "getent hangs");
}

static void who_cannot_be_asked_about_is_not_thought_free(void **state)
{
	struct fakelogin *fake = *state;

	fake->scratch.ops.run = no_getent;
	refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
	assert_false(fs_exists(fakelogin_sys(fake), AADPASSWD_PATH));
}

static void a_foreign_home_leaves_no_trace_of_the_account(void **state)
{
	struct fakelogin *fake = *state;

	scratch_mkdir(&fake->scratch, HOME, 0700);
	fakelogin_own(fake, HOME, 1000, 1000);
	refuse(fake, CERTMAKE_OID, REASON_HOME_OWNED);
	assert_false(fs_exists(fakelogin_sys(fake), LEDGER_PATH));
	assert_false(fs_exists(fakelogin_sys(fake), AADPASSWD_PATH));
}

static void the_home_of_somebody_set_up_is_looked_at_every_time(void **state)
{
	struct fakelogin *fake = *state;

	expect(fake, wanted());
	fakelogin_own(fake, HOME, 1000, 1000);
	refuse(fake, CERTMAKE_OID, REASON_HOME_OWNED);
}

/* ---- one local part, two domains */

static void two_users_with_one_local_part_are_two_users(void **state)
{
	struct provisioned first, second;
	struct fakelogin *fake = *state;

	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, CERTMAKE_OID, &first), REASON_NONE);
	assert_int_equal(ask_as(fake, "alice@fabrikam.com", OTHER_GUID, &second), REASON_NONE);
	assert_int_not_equal(first.id, second.id);
	assert_string_equal(second.former, "");
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
	assert_true(fs_exists(fakelogin_sys(fake), "/home/alice@fabrikam.com"));
}

/* ---- another name for the same oid */

#define FORMER "bob@contoso.com"
#define FORMER_HOME "/home/" FORMER
#define FORMER_ID 10000777

/* Bob, who is alice from now on, in the files named, with a home. */
static void make_former(struct fakelogin *fake, bool present, bool remembered)
{
	if (present)
		write_line(fake, AADPASSWD_PATH, FORMER, CERTMAKE_OID, FORMER_ID, FORMER_HOME);
	if (remembered)
		write_line(fake, LEDGER_PATH, FORMER, CERTMAKE_OID, FORMER_ID, FORMER_HOME);
	scratch_write(&fake->scratch, FORMER_HOME "/kept", "x", 0600);
	fakelogin_own(fake, FORMER_HOME, FORMER_ID, FORMER_ID);
}

static bool names(struct fakelogin *fake, const char *path, const char *text)
{
	AUTO_FREE char *bytes = fakelogin_text(fake, path);

	return strstr(bytes, text);
}

/* Exactly one line in each file: the new name with what was bob's. */
static void expect_renamed(struct fakelogin *fake)
{
	static const char *const paths[] = {AADPASSWD_PATH, LEDGER_PATH};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO_FREE char *text = fakelogin_text(fake, paths[i]);

		assert_string_equal(text, FAKELOGIN_NAME ":" CERTMAKE_OID
							 ":10000777:10000777::" FORMER_HOME
							 ":/bin/bash\n");
	}
	assert_true(fs_exists(fakelogin_sys(fake), FORMER_HOME "/kept"));
	assert_false(fs_exists(fakelogin_sys(fake), HOME));
}

struct former_row {
	const char *name;
	bool present, remembered;
};

static struct former_row former_rows[] = {
	{"who is set up gets the new name", true, true},
	{"who is remembered gets the new name and is set up", false, true},
	{"who was imported gets the new name and is remembered", true, false},
};

static void renamed(void **state)
{
	const struct former_row *row = *state;
	struct fakelogin *fake = fakelogin_new();
	struct provisioned now = {.id = 0};

	make_former(fake, row->present, row->remembered);
	scratch_write(&fake->scratch, AADADMINS_PATH, "carol@contoso.com\n" FORMER "\n", 0644);
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, CERTMAKE_OID, &now), REASON_NONE);
	assert_int_equal(now.id, FORMER_ID);
	assert_string_equal(now.former, FORMER);
	expect_renamed(fake);
	assert_true(names(fake, AADADMINS_PATH, "carol@contoso.com\n" FAKELOGIN_NAME "\n"));
	assert_false(names(fake, AADADMINS_PATH, FORMER));
	/* The next login is one like every other. */
	expect(fake, FORMER_ID);
	fakelogin_free(fake);
}

static void a_rename_that_was_cut_off_is_completed(void **state)
{
	struct fakelogin *fake = *state;
	struct provisioned now = {.id = 0};

	make_former(fake, true, false);
	write_line(fake, LEDGER_PATH, FAKELOGIN_NAME, CERTMAKE_OID, FORMER_ID, FORMER_HOME);
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, CERTMAKE_OID, &now), REASON_NONE);
	assert_string_equal(now.former, FORMER);
	expect_renamed(fake);
}

static void a_rename_makes_nobody_an_administrator(void **state)
{
	struct fakelogin *fake = *state;
	struct provisioned now;

	make_former(fake, true, true);
	scratch_write(&fake->scratch, AADADMINS_PATH, "carol@contoso.com\n", 0644);
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, CERTMAKE_OID, &now), REASON_NONE);
	assert_false(names(fake, AADADMINS_PATH, FAKELOGIN_NAME));
}

static void two_names_with_lines_of_their_own_stay(void **state)
{
	struct fakelogin *fake = *state;

	make_former(fake, true, true);
	write_line(fake, AADPASSWD_PATH, FAKELOGIN_NAME, CERTMAKE_OID, 10000888, HOME);
	expect(fake, 10000888);
	assert_true(names(fake, AADPASSWD_PATH, FORMER));
	assert_true(names(fake, LEDGER_PATH, FORMER));
}

static void a_remembered_name_with_a_line_of_its_own_stays(void **state)
{
	struct fakelogin *fake = *state;

	make_former(fake, true, true);
	write_line(fake, LEDGER_PATH, FAKELOGIN_NAME, CERTMAKE_OID, 10000888, HOME);
	expect(fake, 10000888);
	assert_true(names(fake, AADPASSWD_PATH, FORMER));
}

static void a_name_of_another_account_is_not_taken(void **state)
{
	struct fakelogin *fake = *state;

	make_former(fake, true, true);
	write_line(fake, LEDGER_PATH, FAKELOGIN_NAME, OTHER_GUID, 10000888, HOME);
	refuse(fake, CERTMAKE_OID, REASON_OID_MISMATCH);
	assert_true(names(fake, AADPASSWD_PATH, FORMER));
}

static void a_former_home_of_somebody_else_stops_the_rename(void **state)
{
	struct provisioned now = {.id = 7};
	struct fakelogin *fake = *state;

	make_former(fake, true, true);
	fakelogin_own(fake, FORMER_HOME, 1000, 1000);
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, CERTMAKE_OID, &now), REASON_HOME_OWNED);
	assert_int_equal(now.id, 7);
	assert_true(names(fake, AADPASSWD_PATH, FORMER));
}

static void a_local_account_or_group_of_the_new_name_stops_the_rename(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_FREE char *passwd = fakelogin_text(fake, "/etc/passwd");

	for (int present = 0; present < 2; present++) {
		make_former(fake, present, true);
		scratch_write(&fake->scratch, "/etc/group", FAKELOGIN_NAME ":x:1000:\n", 0644);
		refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
		scratch_write(&fake->scratch, "/etc/group", "", 0644);
		scratch_write(&fake->scratch, "/etc/passwd",
			      FAKELOGIN_NAME ":x:1000:1000::/:/bin/sh\n", 0644);
		refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
		scratch_write(&fake->scratch, "/etc/passwd", passwd, 0644);
		assert_true(names(fake, LEDGER_PATH, FORMER));
	}
}

static void a_remembered_uid_that_is_taken_stops_the_rename(void **state)
{
	struct fakelogin *fake = *state;

	make_former(fake, false, true);
	scratch_write(&fake->scratch, "/etc/group", "g:x:10000777:\n", 0644);
	refuse(fake, CERTMAKE_OID, REASON_PROVISION_FAILED);
	assert_true(names(fake, LEDGER_PATH, FORMER));
}

/* The uid of the former name is still the renamed account's, and so is the home. */
static void who_is_given_the_former_name_gets_neither_uid_nor_home(void **state)
{
	struct provisioned first, second, third = {.id = 7};
	struct fakelogin *fake = *state;
	struct err err = {0};

	assert_int_equal(ask_as(fake, FORMER, CERTMAKE_OID, &first), REASON_NONE);
	assert_int_equal(first.id, uid_of_name(FORMER, range));
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, CERTMAKE_OID, &second), REASON_NONE);
	assert_int_equal(second.id, first.id);
	assert_int_equal(ask_as(fake, FORMER, OTHER_GUID, &third), REASON_HOME_OWNED);
	assert_int_equal(third.id, 7);
	assert_int_equal(fs_rename(fakelogin_sys(fake), FORMER_HOME, "/home/moved", &err), 0);
	assert_int_equal(ask_as(fake, FORMER, OTHER_GUID, &third), REASON_NONE);
	assert_string_equal(third.former, "");
	assert_int_not_equal(third.id, first.id);
	assert_true(names(fake, AADPASSWD_PATH, FORMER ":" OTHER_GUID));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(the_first_login_makes_line_ledger_and_home),
		T(a_later_login_changes_nothing_and_asks_nobody),
		T(a_home_that_was_removed_is_made_again),
		T(a_line_that_exists_wins),
		T(after_a_new_install_uid_and_home_are_the_old_ones),
		T(a_namesake_is_refused_whether_set_up_or_remembered),
		T(what_nscd_remembers_of_the_name_itself_is_no_collision),
		T(when_every_probe_is_taken_nothing_is_made),
		T(a_local_account_of_the_name_is_in_the_way),
		T(a_remembered_uid_that_is_taken_now_is_in_the_way),
		T(who_cannot_be_asked_about_is_not_thought_free),
		T(a_foreign_home_leaves_no_trace_of_the_account),
		T(the_home_of_somebody_set_up_is_looked_at_every_time),
		T(two_users_with_one_local_part_are_two_users),
		T(a_rename_that_was_cut_off_is_completed),
		T(a_rename_makes_nobody_an_administrator),
		T(two_names_with_lines_of_their_own_stay),
		T(a_remembered_name_with_a_line_of_its_own_stays),
		T(a_name_of_another_account_is_not_taken),
		T(a_former_home_of_somebody_else_stops_the_rename),
		T(a_local_account_or_group_of_the_new_name_stops_the_rename),
		T(a_remembered_uid_that_is_taken_stops_the_rename),
		T(who_is_given_the_former_name_gets_neither_uid_nor_home),
	};
	struct CMUnitTest list[ARRAY_LEN(owners)] = {{.name = NULL}};
	struct CMUnitTest renames[ARRAY_LEN(former_rows)] = {{.name = NULL}};

	if (geteuid() != 0)
		return SKIPPED;
	for (size_t i = 0; i < ARRAY_LEN(owners); i++)
		list[i] = (struct CMUnitTest){.name = owners[i].name,
					      .test_func = collision,
					      .initial_state = &owners[i].own};
	for (size_t i = 0; i < ARRAY_LEN(former_rows); i++)
		renames[i] = (struct CMUnitTest){.name = former_rows[i].name,
						 .test_func = renamed,
						 .initial_state = &former_rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("collisions", list, NULL, NULL) ||
	       cmocka_run_group_tests_name("renames", renames, NULL, NULL);
}
