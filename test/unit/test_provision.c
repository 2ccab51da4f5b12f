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

static enum reason ask(struct fakelogin *fake, const char *oid, uint32_t *ret_id)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	fakelogin_load(fake, &conf);
	return provision(fakelogin_sys(fake), &conf, FAKELOGIN_NAME, oid, ret_id, &err) == 0
		       ? REASON_NONE
		       : reason_of(&err);
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
		T(when_every_probe_is_taken_nothing_is_made),
		T(a_local_account_of_the_name_is_in_the_way),
		T(a_remembered_uid_that_is_taken_now_is_in_the_way),
		T(who_cannot_be_asked_about_is_not_thought_free),
		T(a_foreign_home_leaves_no_trace_of_the_account),
		T(the_home_of_somebody_set_up_is_looked_at_every_time),
	};
	struct CMUnitTest list[ARRAY_LEN(owners)] = {{.name = NULL}};

	if (geteuid() != 0)
		return SKIPPED;
	for (size_t i = 0; i < ARRAY_LEN(owners); i++)
		list[i] = (struct CMUnitTest){.name = owners[i].name,
					      .test_func = collision,
					      .initial_state = &owners[i].own};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("collisions", list, NULL, NULL);
}
