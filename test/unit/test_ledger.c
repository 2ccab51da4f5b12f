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

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"
#include "payload/login/adminlist.h"
#include "payload/login/ledger.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"

#define OID_B "11111111-93c4-4be1-8f07-2f6c1b7a9e30"
#define ALICE FAKELOGIN_NAME ":" CERTMAKE_OID ":10000100:10000100::/home/a:/bin/bash\n"
#define BOB "bob@contoso.com:" OID_B ":10000200:10000200:Bob:/home/b:/bin/sh\n"

static const char name[] = FAKELOGIN_NAME;

static struct aad_user parse(const char *line)
{
	struct aad_user user;

	assert_true(aadpasswd_parse(span_of(line), &user));
	return user;
}

static void open_ledger(struct fakelogin *fake, struct ledger *ret)
{
	struct err err = {0};

	assert_int_equal(ledger_open(fakelogin_sys(fake), ret, &err), 0);
}

static void expect_file(struct fakelogin *fake, const char *path, const char *text)
{
	AUTO_FREE char *got = fakelogin_text(fake, path);

	assert_string_equal(got, text);
}

static void nobody_is_known_at_first(void **state)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user;
	struct err err = {0};

	assert_int_equal(ledger_read(fakelogin_sys(*state), &ledger, &err), 0);
	assert_int_equal(ledger_find(&ledger, name, &user), LEDGER_UNKNOWN);
}

static void who_is_remembered_is_not_set_up(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE), got;
	struct err err = {0};

	open_ledger(fake, &ledger);
	assert_int_equal(ledger_remember(fakelogin_sys(fake), &ledger, &user, &err), 0);
	assert_int_equal(ledger_find(&ledger, name, &got), LEDGER_REMEMBERED);
	assert_int_equal(ledger_set_up(fakelogin_sys(fake), &ledger, &user, &err), 0);
	assert_int_equal(ledger_find(&ledger, name, &got), LEDGER_PRESENT);
	assert_int_equal(got.id, 10000100);
	expect_file(fake, AADPASSWD_PATH, ALICE);
	expect_file(fake, LEDGER_PATH, ALICE);
}

static void the_index_follows_the_users(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	unsigned char buffer[AADINDEX_FETCH_MAX];
	struct sys *sys = fakelogin_sys(fake);
	struct err err = {0};

	open_ledger(fake, &ledger);
	assert_int_equal(ledger_remember(sys, &ledger, &user, &err), 0);
	assert_false(fs_exists(sys, AADINDEX_PATH));
	assert_int_equal(ledger_set_up(sys, &ledger, &user, &err), 0);
	assert_true(userindex_is_current(sys));
	assert_int_equal(userindex_find(sys, name, buffer, &user), 0);
	assert_int_equal(ledger_take_away(sys, &ledger, name, &err), 0);
	assert_true(userindex_is_current(sys));
	assert_int_equal(userindex_find(sys, name, buffer, &user), -ENOENT);
}

static void an_index_that_cannot_be_written_is_no_failure(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	struct sys *sys = fakelogin_sys(fake);
	struct err err = {0};

	scratch_mkdir(&fake->scratch, AADINDEX_PATH, 0755); /* in its way */
	open_ledger(fake, &ledger);
	assert_int_equal(ledger_set_up(sys, &ledger, &user, &err), 0);
	assert_int_equal(err.code, 0);
	expect_file(fake, AADPASSWD_PATH, ALICE);
	assert_false(userindex_is_current(sys));
}

static void one_who_is_set_up_is_found_by_the_index_alone(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT, looked = LEDGER_INIT, again = LEDGER_INIT;
	struct aad_user user = parse(ALICE), other = parse(BOB), got;
	struct sys *sys = fakelogin_sys(fake);
	struct err err = {0};

	open_ledger(fake, &ledger);
	assert_int_equal(ledger_remember(sys, &ledger, &other, &err), 0);
	assert_int_equal(ledger_set_up(sys, &ledger, &user, &err), 0);
	assert_int_equal(ledger_look(sys, name, &looked, &err), 0);
	assert_int_equal(looked.remembered.len, 0);
	assert_int_equal(ledger_find(&looked, name, &got), LEDGER_PRESENT);
	assert_int_equal(got.id, 10000100);
	assert_true(span_eq(got.oid, user.oid));
	assert_int_equal(ledger_look(sys, "bob@contoso.com", &again, &err), 0);
	assert_int_equal(ledger_find(&again, "bob@contoso.com", &got), LEDGER_REMEMBERED);
}

static void without_an_index_the_texts_are_read(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER looked = LEDGER_INIT;
	struct err err = {0};
	struct aad_user got;

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE, 0644);
	assert_int_equal(ledger_look(fakelogin_sys(fake), name, &looked, &err), 0);
	assert_int_equal(ledger_find(&looked, name, &got), LEDGER_PRESENT);
}

static void everybody_reads_the_users_and_root_the_ledger(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	struct err err = {0};
	struct stat st;

	open_ledger(fake, &ledger);
	assert_int_equal(ledger_remember(fakelogin_sys(fake), &ledger, &user, &err), 0);
	assert_int_equal(ledger_set_up(fakelogin_sys(fake), &ledger, &user, &err), 0);
	assert_int_equal(fs_lstat(fakelogin_sys(fake), AADPASSWD_PATH, &st, &err), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(fs_lstat(fakelogin_sys(fake), LEDGER_PATH, &st, &err), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_line_replaces_that_of_the_same_name_alone(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	struct err err = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH,
		      "# kept\n" FAKELOGIN_NAME ":damaged\n" BOB FAKELOGIN_NAME "x:kept", 0644);
	open_ledger(fake, &ledger);
	assert_int_equal(ledger_set_up(fakelogin_sys(fake), &ledger, &user, &err), 0);
	expect_file(fake, AADPASSWD_PATH, "# kept\n" BOB FAKELOGIN_NAME "x:kept\n" ALICE);
}

static void the_same_line_again_writes_nothing(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user;
	struct err err = {0};
	struct stat before, after;

	scratch_write(&fake->scratch, AADPASSWD_PATH, BOB ALICE, 0644);
	open_ledger(fake, &ledger);
	assert_int_equal(ledger_find(&ledger, name, &user), LEDGER_PRESENT);
	assert_int_equal(fs_lstat(fakelogin_sys(fake), AADPASSWD_PATH, &before, &err), 0);
	assert_int_equal(ledger_set_up(fakelogin_sys(fake), &ledger, &user, &err), 0);
	assert_int_equal(fs_lstat(fakelogin_sys(fake), AADPASSWD_PATH, &after, &err), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void taking_away_and_forgetting_are_two_things(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user;
	struct err err = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE BOB, 0644);
	scratch_write(&fake->scratch, LEDGER_PATH, ALICE BOB, 0600);
	open_ledger(fake, &ledger);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ledger_take_away(fakelogin_sys(fake), &ledger, name, &err), 0);
		assert_int_equal(ledger_find(&ledger, name, &user), LEDGER_REMEMBERED);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ledger_forget(fakelogin_sys(fake), &ledger, name, &err), 0);
		assert_int_equal(ledger_find(&ledger, name, &user), LEDGER_UNKNOWN);
	}
	expect_file(fake, AADPASSWD_PATH, BOB);
	expect_file(fake, LEDGER_PATH, BOB);
}

static void a_user_who_makes_no_line_is_refused(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	struct err err = {0};

	user.oid = (struct span){0};
	open_ledger(fake, &ledger);
	assert_int_equal(ledger_remember(fakelogin_sys(fake), &ledger, &user, &err), -EINVAL);
	assert_int_equal(ledger_set_up(fakelogin_sys(fake), &ledger, &user, &err), -EINVAL);
	assert_false(fs_exists(fakelogin_sys(fake), AADPASSWD_PATH));
}

static void files_that_others_can_write_are_not_read(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct err err = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE, 0666);
	assert_int_equal(ledger_read(fakelogin_sys(fake), &ledger, &err), -EPERM);
	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE, 0644);
	scratch_write(&fake->scratch, LEDGER_PATH, ALICE, 0620);
	assert_int_equal(ledger_read(fakelogin_sys(fake), &ledger, &err), -EPERM);
}

static void one_writes_at_a_time(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	AUTO_LEDGER second = LEDGER_INIT;
	struct err err = {0};

	open_ledger(fake, &ledger);
	assert_int_equal(ledger_open(fakelogin_sys(fake), &second, &err), -EBUSY);
	ledger_done(&ledger);
	open_ledger(fake, &second);
}

static void the_lock_needs_no_boot_time_directory(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct err err = {0};

	assert_int_equal(fs_remove_tree(fakelogin_sys(fake), RUN_DIR, &err), 0);
	scratch_mkdir(&fake->scratch, "/run", 0755);
	open_ledger(fake, &ledger);
}

/* ---- another name */

#define CAROL "carol@contoso.com"

static void a_rename_concerns_one_line_of_each_file(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE), former;
	struct err err = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE BOB, 0644);
	scratch_write(&fake->scratch, LEDGER_PATH, BOB ALICE, 0600);
	open_ledger(fake, &ledger);
	assert_true(ledger_find_former(&ledger, CAROL, CERTMAKE_OID, &former));
	assert_true(span_is(former.name, name));
	user.name = span_of(CAROL);
	assert_int_equal(ledger_rename(fakelogin_sys(fake), &ledger, name, &user, &err), 0);
	expect_file(fake, AADPASSWD_PATH,
		    BOB CAROL ":" CERTMAKE_OID ":10000100:10000100::/home/a:/bin/bash\n");
	expect_file(fake, LEDGER_PATH,
		    BOB CAROL ":" CERTMAKE_OID ":10000100:10000100::/home/a:/bin/bash\n");
	assert_false(ledger_find_former(&ledger, CAROL, CERTMAKE_OID, &former));
	assert_false(
		ledger_find_former(&ledger, name, "22222222-93c4-4be1-8f07-2f6c1b7a9e30", &former));
}

static void a_name_that_is_nobodys_any_more_leaves_the_time(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	struct sys *sys = fakelogin_sys(fake);
	struct err err = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE BOB, 0644);
	open_ledger(fake, &ledger);
	assert_int_equal(ledger_set_up(sys, &ledger, &user, &err), 0);
	assert_int_equal(ledger_forget(sys, &ledger, name, &err), 0);
	assert_false(fs_exists(sys, NAMES_FREED_PATH));
	user.name = span_of(CAROL);
	assert_int_equal(ledger_rename(sys, &ledger, name, &user, &err), 0);
	assert_true(fs_exists(sys, NAMES_FREED_PATH));
	assert_int_equal(fs_remove(sys, NAMES_FREED_PATH, &err), 0);
	assert_int_equal(ledger_take_away(sys, &ledger, CAROL, &err), 0);
	assert_true(fs_exists(sys, NAMES_FREED_PATH));
}

static void a_time_that_cannot_be_left_is_a_failure(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	struct sys *sys = fakelogin_sys(fake);
	struct err err = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE BOB, 0644);
	scratch_mkdir(&fake->scratch, NAMES_FREED_PATH, 0755); /* in its way */
	open_ledger(fake, &ledger);
	user.name = span_of(CAROL);
	assert_int_equal(ledger_rename(sys, &ledger, name, &user, &err), -EINVAL);
	assert_int_equal(ledger_take_away(sys, &ledger, "bob@contoso.com", &err), -EINVAL);
}

static void a_rename_that_makes_no_line_changes_nothing(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = parse(ALICE);
	struct err err = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE, 0644);
	open_ledger(fake, &ledger);
	user.name = SPAN_LIT("carol");
	assert_int_equal(ledger_rename(fakelogin_sys(fake), &ledger, name, &user, &err), -EINVAL);
	expect_file(fake, AADPASSWD_PATH, ALICE);
	expect_file(fake, LEDGER_PATH, "");
}

/* ---- administrators */

static void set_admin(struct fakelogin *fake, const char *who, bool admin)
{
	struct err err = {0};

	assert_int_equal(adminlist_set(fakelogin_sys(fake), who, admin, &err), 0);
}

static void an_allow_sets_and_a_deny_clears(void **state)
{
	struct fakelogin *fake = *state;

	set_admin(fake, name, false);
	assert_false(fs_exists(fakelogin_sys(fake), AADADMINS_PATH));
	set_admin(fake, name, true);
	set_admin(fake, "bob@contoso.com", true);
	set_admin(fake, name, true);
	expect_file(fake, AADADMINS_PATH, FAKELOGIN_NAME "\nbob@contoso.com\n");
	set_admin(fake, name, false);
	expect_file(fake, AADADMINS_PATH, "bob@contoso.com\n");
}

static void nscd_forgets_what_changed(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, "/run/nscd/socket", "", 0666);
	set_admin(fake, name, true);
	assert_int_equal(fake->shared->run_count, 2);
	assert_string_equal(fake->shared->ran[0], "/usr/sbin/nscd -i passwd");
	assert_string_equal(fake->shared->ran[1], "/usr/sbin/nscd -i group");
	set_admin(fake, name, true);
	assert_int_equal(fake->shared->run_count, 2);
}

static void a_list_that_others_can_write_is_left_alone(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	scratch_write(&fake->scratch, AADADMINS_PATH, "mallory@contoso.com\n", 0666);
	assert_int_equal(adminlist_set(fakelogin_sys(fake), name, true, &err), -EPERM);
	assert_int_equal(adminlist_rename(fakelogin_sys(fake), "mallory@contoso.com", name, &err),
			 -EPERM);
}

static void a_list_that_somebody_holds_is_not_written(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct err err = {0};

	open_ledger(fake, &ledger);
	assert_int_equal(adminlist_set(fakelogin_sys(fake), name, true, &err), -EBUSY);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(nobody_is_known_at_first),
		T(who_is_remembered_is_not_set_up),
		T(the_index_follows_the_users),
		T(an_index_that_cannot_be_written_is_no_failure),
		T(one_who_is_set_up_is_found_by_the_index_alone),
		T(without_an_index_the_texts_are_read),
		T(everybody_reads_the_users_and_root_the_ledger),
		T(a_line_replaces_that_of_the_same_name_alone),
		T(the_same_line_again_writes_nothing),
		T(taking_away_and_forgetting_are_two_things),
		T(a_user_who_makes_no_line_is_refused),
		T(files_that_others_can_write_are_not_read),
		T(one_writes_at_a_time),
		T(the_lock_needs_no_boot_time_directory),
		T(a_rename_concerns_one_line_of_each_file),
		T(a_rename_that_makes_no_line_changes_nothing),
		T(a_name_that_is_nobodys_any_more_leaves_the_time),
		T(a_time_that_cannot_be_left_is_a_failure),
		T(an_allow_sets_and_a_deny_clears),
		T(nscd_forgets_what_changed),
		T(a_list_that_others_can_write_is_left_alone),
		T(a_list_that_somebody_holds_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
