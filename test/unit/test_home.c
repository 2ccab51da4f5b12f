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
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/home.h"
#include "test/unit/fakelogin.h"

#define HOME "/home/alice@contoso.com"

/* Whoever runs the test owns the home: only root can give files away. */
static uint32_t id(void)
{
	return geteuid() == 0 ? 10000100 : geteuid();
}

static enum reason make(struct fakelogin *fake)
{
	struct err err = {0};

	return home_make(fakelogin_sys(fake), HOME, id(), &err) == 0 ? REASON_NONE
								     : reason_of(&err);
}

static struct stat look(struct fakelogin *fake, const char *path)
{
	struct err err = {0};
	struct stat st;

	assert_int_equal(fs_lstat(fakelogin_sys(fake), path, &st, &err), 0);
	return st;
}

static char *whole(struct fakelogin *fake, const char *path, char ret[512])
{
	(void)snprintf(ret, 512, "%s%s", fake->scratch.dir, path);
	return ret;
}

static void skeleton(struct fakelogin *fake)
{
	char path[512];

	scratch_write(&fake->scratch, "/etc/skel/.bashrc", "hello", 0644);
	scratch_write(&fake->scratch, "/etc/skel/bin/tool", "#!/bin/sh\n", 06755);
	scratch_write(&fake->scratch, "/etc/shadow", "secret", 0600);
	assert_int_equal(symlink("/etc/shadow", whole(fake, "/etc/skel/link", path)), 0);
	assert_int_equal(mkfifo(whole(fake, "/etc/skel/fifo", path), 0600), 0);
}

static void a_home_is_a_copy_of_the_skeleton(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_FREE char *text = NULL;
	struct stat st;

	skeleton(fake);
	assert_int_equal(make(fake), REASON_NONE);
	st = look(fake, HOME);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(st.st_uid, id());
	text = fakelogin_text(fake, HOME "/.bashrc");
	assert_string_equal(text, "hello");
	st = look(fake, HOME "/.bashrc");
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_uid, id());
	st = look(fake, HOME "/bin");
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(st.st_uid, id());
}

static void no_special_bit_is_copied(void **state)
{
	struct fakelogin *fake = *state;

	skeleton(fake);
	assert_int_equal(make(fake), REASON_NONE);
	assert_int_equal(look(fake, HOME "/bin/tool").st_mode, S_IFREG | 0755);
	assert_false(fs_exists(fakelogin_sys(fake), HOME "/fifo"));
}

static void a_link_is_copied_not_followed(void **state)
{
	struct fakelogin *fake = *state;
	struct stat st, target;

	skeleton(fake);
	assert_int_equal(make(fake), REASON_NONE);
	st = look(fake, HOME "/link");
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(st.st_uid, id());
	target = look(fake, "/etc/shadow");
	assert_int_equal(target.st_uid, geteuid());
	assert_int_equal(target.st_mode, S_IFREG | 0600);
}

static void without_a_skeleton_it_is_empty(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_NAMES names = NULL;
	struct err err = {0};

	assert_int_equal(make(fake), REASON_NONE);
	assert_int_equal(fs_list(fakelogin_sys(fake), HOME, &names, &err), 0);
	assert_null(names[0]);
}

static void one_that_is_there_stays_as_it_is(void **state)
{
	struct fakelogin *fake = *state;

	skeleton(fake);
	scratch_write(&fake->scratch, HOME "/mine", "x", 0600);
	scratch_mkdir(&fake->scratch, HOME, 0750);
	fakelogin_own(fake, HOME, id(), id());
	assert_int_equal(make(fake), REASON_NONE);
	assert_int_equal(look(fake, HOME).st_mode, S_IFDIR | 0750);
	assert_false(fs_exists(fakelogin_sys(fake), HOME "/.bashrc"));
}

static void somebody_elses_is_refused_and_untouched(void **state)
{
	struct fakelogin *fake = *state;

	if (geteuid() != 0)
		skip();
	scratch_mkdir(&fake->scratch, HOME, 0700);
	fakelogin_own(fake, HOME, 1000, 1000);
	assert_int_equal(make(fake), REASON_HOME_OWNED);
	assert_int_equal(look(fake, HOME).st_uid, 1000);
	fakelogin_own(fake, HOME, 0, 0);
	assert_int_equal(make(fake), REASON_HOME_OWNED);
}

static void what_is_no_directory_is_refused(void **state)
{
	struct fakelogin *fake = *state;
	char path[512];

	scratch_mkdir(&fake->scratch, "/home/other", 0700);
	fakelogin_own(fake, "/home/other", id(), id());
	assert_int_equal(symlink("other", whole(fake, HOME, path)), 0);
	fakelogin_own(fake, HOME, id(), id());
	assert_int_equal(make(fake), REASON_HOME_OWNED);
	assert_int_equal(unlink(path), 0);
	scratch_write(&fake->scratch, HOME, "", 0600);
	fakelogin_own(fake, HOME, id(), id());
	assert_int_equal(make(fake), REASON_HOME_OWNED);
}

static void a_place_that_others_can_write_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	scratch_mkdir(&fake->scratch, "/home", 01777);
	assert_int_equal(make(fake), REASON_PROVISION_FAILED);
	assert_false(fs_exists(fakelogin_sys(fake), HOME));
	scratch_mkdir(&fake->scratch, "/home", 0755);
	fakelogin_own(fake, "/home", 1000, 1000);
	if (geteuid() == 0)
		assert_int_equal(make(fake), REASON_PROVISION_FAILED);
}

static void a_place_that_is_missing_is_refused(void **state)
{
	struct err err = {0};

	assert_int_equal(home_make(fakelogin_sys(*state), "/data/homes/a", id(), &err), -ENOENT);
	assert_int_equal(reason_of(&err), REASON_PROVISION_FAILED);
}

static void what_a_killed_run_left_is_made_anew(void **state)
{
	struct fakelogin *fake = *state;
	char left[64];

	skeleton(fake);
	(void)snprintf(left, sizeof(left), "/home/.aadsshlogin-%u/half", id());
	scratch_write(&fake->scratch, left, "x", 0600);
	assert_int_equal(make(fake), REASON_NONE);
	assert_false(fs_exists(fakelogin_sys(fake), HOME "/half"));
	assert_true(fs_exists(fakelogin_sys(fake), HOME "/.bashrc"));
	*strrchr(left, '/') = '\0';
	assert_false(fs_exists(fakelogin_sys(fake), left));
}

static void a_skeleton_without_end_is_refused_without_a_trace(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_NAMES names = NULL;
	struct err err = {0};
	AUTO_BUF path = {0};

	buf_str(&path, "/etc/skel");
	for (int i = 0; i < 40; i++)
		buf_str(&path, "/d");
	scratch_mkdir(&fake->scratch, buf_text(&path), 0755);
	assert_int_equal(make(fake), REASON_PROVISION_FAILED);
	assert_int_equal(fs_list(fakelogin_sys(fake), "/home", &names, &err), 0);
	assert_null(names[0]);
}

static void contexts_are_set_where_selinux_is_on(void **state)
{
	struct fakelogin *fake = *state;

	assert_int_equal(make(fake), REASON_NONE);
	assert_int_equal(fake->shared->run_count, 0);
	assert_int_equal(home_remove(fakelogin_sys(fake), HOME, id(), &(struct err){0}), 0);
	scratch_write(&fake->scratch, "/sys/fs/selinux/enforce", "1", 0644);
	assert_int_equal(make(fake), REASON_NONE);
	assert_string_equal(fake->shared->ran[0], "/sbin/restorecon -R -- " HOME);
	assert_int_equal(home_remove(fakelogin_sys(fake), HOME, id(), &(struct err){0}), 0);
	scratch_write(&fake->scratch, "/usr/sbin/restorecon", "", 0755);
	assert_int_equal(make(fake), REASON_NONE);
	assert_string_equal(fake->shared->ran[1], "/usr/sbin/restorecon -R -- " HOME);
}

static void only_the_accounts_own_home_is_removed(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	skeleton(fake);
	assert_int_equal(make(fake), REASON_NONE);
	assert_int_equal(home_remove(fakelogin_sys(fake), HOME, id() + 1, &err), -EACCES);
	assert_true(fs_exists(fakelogin_sys(fake), HOME "/.bashrc"));
	assert_int_equal(home_remove(fakelogin_sys(fake), HOME, id(), &err), 0);
	assert_false(fs_exists(fakelogin_sys(fake), HOME));
	assert_true(fs_exists(fakelogin_sys(fake), "/etc/shadow"));
	assert_int_equal(home_remove(fakelogin_sys(fake), HOME, id(), &err), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_home_is_a_copy_of_the_skeleton),
		T(no_special_bit_is_copied),
		T(a_link_is_copied_not_followed),
		T(without_a_skeleton_it_is_empty),
		T(one_that_is_there_stays_as_it_is),
		T(somebody_elses_is_refused_and_untouched),
		T(what_is_no_directory_is_refused),
		T(a_place_that_others_can_write_is_refused),
		T(a_place_that_is_missing_is_refused),
		T(what_a_killed_run_left_is_made_anew),
		T(a_skeleton_without_end_is_refused_without_a_trace),
		T(contexts_are_set_where_selinux_is_on),
		T(only_the_accounts_own_home_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
