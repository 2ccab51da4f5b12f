/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/aadpasswd.h"
#include "lib/sys/userindex.h"
#include "lib/core/cleanup.h"
#include "lib/core/conf.h"
#include "lib/core/nsswitch.h"
#include "lib/core/outcome.h"
#include "lib/core/pamstack.h"
#include "lib/core/sudoers.h"
#include "lib/steps/accounts.h"
#include "lib/steps/changes.h"
#include "lib/sys/fs.h"
#include "lib/sys/http.h"
#include "test/unit/fakeimds.h"
#include "test/unit/stepmachine.h"

#define LEDGER STATE_DIR "/users"
#define ORIGINAL_ACCOUNTS STATE_DIR "/original/%2Fetc%2Faadpasswd"
#define PAM_LINE                                                                                   \
	"account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore "             \
	"default=die] "                                                                            \
	"pam_aad.so"

#define OID "11111111-1111-4111-8111-11111111111"
#define ANN "ann@x.y:" OID "1:10000101:10000101:Ann:/home/ann@x.y:/bin/bash\n"
#define BEN "ben@x.y:" OID "2:10000102:10000102:Ben:/home/ben@x.y:/bin/bash\n"
#define CID "cid@x.y:" OID "3:10000103:10000103:Cid:/home/cid@x.y:/bin/bash\n"

static uid_t service_uid(void)
{
	return geteuid() ? geteuid() : 998;
}

static gid_t service_gid(void)
{
	return geteuid() ? getegid() : 997;
}

/* ---- config */

static void config_makes_files_and_directories(void **state)
{
	static const struct {
		const char *path;
		mode_t mode;
		bool service;
	} dirs[] = {
		{"/run/aadsshlogin", 0755, false},
		{"/run/aadsshlogin/decisions", 0700, false},
		{"/run/aadsshlogin/handoff", 0700, true},
		{"/run/aadsshlogin/metrics", 0755, true},
		{"/run/aadsshlogin/private", 0700, true},
		{"/var/cache/aadsshlogin", 0700, true},
	};
	AUTO_FREE char *text = NULL;

	(void)state;
	stepmachine_must_apply(&step_config, STEP_CHANGED);
	text = scratch_text(&sm.scratch, CONF_PATH);
	assert_non_null(strstr(text, "\nhome_template /home/%u\n"));
	stepmachine_expect_meta(CONF_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect(CONF_SECRET_PATH, NULL);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		stepmachine_expect_meta(dirs[i].path, dirs[i].mode,
					dirs[i].service ? service_uid() : geteuid(),
					dirs[i].service ? service_gid()
					: geteuid()     ? getegid()
							: 0);
	stepmachine_must_apply(&step_config, STEP_OK);
}

static void the_user_that_a_package_would_bring_is_foretold(void **state)
{
	AUTO_CHANGES without = {0}, with = {0};
	struct err err = {0};
	bool found = false;

	(void)state;
	stepmachine_write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
	assert_int_equal(step_config.plan(&sm.machine, WANT_PRESENT, &without, &err), -ENOENT);
	err = (struct err){0};
	sm.machine.packages_come = true;
	assert_int_equal(step_config.plan(&sm.machine, WANT_PRESENT, &with, &err), 0);
	for (size_t i = 0; i < with.count; i++)
		found = found || (strcmp(with.list[i].path, "/run/aadsshlogin/handoff") == 0 &&
				  with.list[i].meta.uid == UID_TO_COME);
	assert_true(found);
}

static void config_keeps_the_proxys_password_apart(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	sm.machine.proxy_secret = "http://user:password@proxy:3128";
	stepmachine_must_apply(&step_config, STEP_CHANGED);
	stepmachine_expect(CONF_SECRET_PATH, "proxy http://user:password@proxy:3128\n");
	stepmachine_expect_meta(CONF_SECRET_PATH, 0640, geteuid(), service_gid());
	text = scratch_text(&sm.scratch, CONF_PATH);
	assert_null(strstr(text, "password"));
	assert_null(strstr(sm.result.message, "password"));
	sm.machine.proxy_secret = NULL;
	stepmachine_must_apply(&step_config, STEP_CHANGED);
	stepmachine_expect(CONF_SECRET_PATH, NULL);
}

static void config_goes_without_a_trace(void **state)
{
	(void)state;
	sm.machine.proxy_secret = "http://user:password@proxy:3128";
	stepmachine_must_apply(&step_config, STEP_CHANGED);
	stepmachine_write("/run/aadsshlogin/handoff/17", "record");
	stepmachine_must_revert(&step_config, STEP_CHANGED);
	stepmachine_expect(CONF_PATH, NULL);
	stepmachine_expect(CONF_SECRET_PATH, NULL);
	assert_false(stepmachine_exists("/run/aadsshlogin"));
	assert_false(stepmachine_exists("/var/cache/aadsshlogin"));
	stepmachine_must_revert(&step_config, STEP_OK);
}

static void config_needs_the_packages_user(void **state)
{
	(void)state;
	stepmachine_write("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
	stepmachine_must_refuse(&step_config, ENOENT, EXIT_DEPENDENCY, "aadsshlogin");
	stepmachine_write("/etc/passwd", "aadsshlogin:x:0:0::/:/bin/sh\n");
	stepmachine_must_refuse(&step_config, EPERM, EXIT_SETTINGS, "must not be root");
	stepmachine_expect(CONF_PATH, NULL);
}

/* ---- accounts */

static void accounts_starts_with_nobody(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, "");
	stepmachine_expect(AADADMINS_PATH, "");
	assert_true(userindex_is_current(&sm.scratch.sys));
	stepmachine_expect_meta(AADPASSWD_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect("/etc/nsswitch.conf",
			   "passwd: files aad\ngroup: files aad\nshadow: files\n");
	stepmachine_expect(STATE_DIR "/original/%2Fetc%2Fnsswitch.conf",
			   "passwd: files\ngroup: files\nshadow: files\n");
	assert_int_equal(fakeprograms_count("nscd"), 0);
	stepmachine_must_apply(&step_accounts, STEP_OK);
}

static void accounts_goes_without_a_trace(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, NULL);
	stepmachine_expect(AADINDEX_PATH, NULL);
	stepmachine_expect(AADADMINS_PATH, NULL);
	stepmachine_expect(LEDGER, NULL);
	stepmachine_expect("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
	stepmachine_must_revert(&step_accounts, STEP_OK);
}

static void the_accounts_are_indexed_with_them_and_by_the_next_login(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, ANN); /* of the other product */
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_true(userindex_is_current(&sm.scratch.sys));
	stepmachine_write(AADPASSWD_PATH, ANN BEN); /* by hand */
	assert_false(userindex_is_current(&sm.scratch.sys));
	stepmachine_must_apply(&step_accounts, STEP_OK);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, ANN);
	stepmachine_expect(AADINDEX_PATH, NULL);
}

static void people_with_a_home_survive_in_the_ledger(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write(AADPASSWD_PATH, ANN BEN);
	stepmachine_write(AADADMINS_PATH, "ann@x.y\n");
	scratch_mkdir(&sm.scratch, "/home/ann@x.y", 0700);
	stepmachine_must_apply(&step_accounts, STEP_OK);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, NULL);
	stepmachine_expect(AADADMINS_PATH, NULL);
	stepmachine_expect(LEDGER, ANN);
	stepmachine_expect_meta(LEDGER, 0600, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, ANN);
	stepmachine_expect(AADADMINS_PATH, "");
	stepmachine_must_apply(&step_accounts, STEP_OK);
}

static void a_ledger_is_merged_and_never_lost(void **state)
{
	(void)state;
	scratch_mkdir(&sm.scratch, "/home/ann@x.y", 0700);
	scratch_mkdir(&sm.scratch, "/home/ben@x.y", 0700);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write(AADPASSWD_PATH, BEN);
	stepmachine_write(LEDGER, ANN BEN CID);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(LEDGER, BEN ANN); /* cid's home is gone */
}

static void somebody_elses_accounts_come_back(void **state)
{
	(void)state;
	scratch_write(&sm.scratch, AADPASSWD_PATH, ANN "unknown form", 0640);
	stepmachine_write(LEDGER, ANN BEN);
	scratch_mkdir(&sm.scratch, "/home/ann@x.y", 0700);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, ANN "unknown form\n" BEN);
	stepmachine_expect_meta(AADPASSWD_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect(ORIGINAL_ACCOUNTS, ANN "unknown form");
	stepmachine_must_apply(&step_accounts, STEP_OK);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, ANN "unknown form");
	stepmachine_expect_meta(AADPASSWD_PATH, 0640, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect(ORIGINAL_ACCOUNTS, NULL);
	stepmachine_expect(LEDGER, ANN);
	stepmachine_must_revert(&step_accounts, STEP_OK);
}

/* Written by the product that this takes the place of: ids of seven digits, names as typed. */
static void users_of_another_product_stay_with_ids_and_homes(void **state)
{
#define TAIL ":1234567:1234567:Ann:/home/Ann:/bin/zsh"
	(void)state;
	stepmachine_write(AADPASSWD_PATH, "Ann@X.y:" OID "1" TAIL);
	stepmachine_write(LEDGER, ANN BEN);
	scratch_mkdir(&sm.scratch, "/home/Ann", 0700);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 0);
	stepmachine_expect(AADPASSWD_PATH, "ann@x.y:" OID "1" TAIL "\n" BEN);
	stepmachine_must_apply(&step_accounts, STEP_OK);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, "Ann@X.y:" OID "1" TAIL);
	stepmachine_expect(LEDGER, "ann@x.y:" OID "1" TAIL "\n");
	/* And once more, as after an update of the product. */
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, "ann@x.y:" OID "1" TAIL "\n");
#undef TAIL
}

static void keep_and_make(struct err *err)
{
	AUTO_CHANGES changes = {0};

	assert_int_equal(accounts_keep_foreign(&sm.machine, &changes, err), 0);
	for (size_t i = 0; i < changes.count; i++)
		assert_int_equal(change_make(&sm.machine, &changes.list[i], true, err), 0);
}

/* Its packages' scripts delete them, ours go where they were. */
static void users_whom_another_product_deleted_meanwhile_stay(void **state)
{
	struct err err = {0};

	(void)state;
	stepmachine_write(AADPASSWD_PATH, ANN BEN);
	keep_and_make(&err);
	keep_and_make(&err);
	stepmachine_write(AADPASSWD_PATH, BEN);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, BEN ANN);
	keep_and_make(&err); /* ours by now: not kept */
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, ANN BEN);
}

/* Make the first so many changes of the step, as a run does that is killed then.  How many it has.
 */
static size_t make_some(const struct step *step, size_t count)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	assert_int_equal(step->plan(&sm.machine, WANT_PRESENT, &changes, &err), 0);
	for (size_t i = 0; i < changes.count && i < count; i++)
		assert_int_equal(change_make(&sm.machine, &changes.list[i], true, &err), 0);
	return changes.count;
}

static void users_of_another_product_stay_wherever_a_run_was_killed(void **state)
{
	size_t all = 1;

	(void)state;
	for (size_t killed = 0; killed < all; killed++) {
		stepmachine_write(AADPASSWD_PATH, "Ann@X.y:" OID "1:1234567:1234567::/h/a:/bin/sh");
		all = make_some(&step_accounts, killed);
		(void)stepmachine_apply(&step_accounts);
		stepmachine_expect(AADPASSWD_PATH,
				   "ann@x.y:" OID "1:1234567:1234567::/h/a:/bin/sh\n");
		stepmachine_must_apply(&step_accounts, STEP_OK);
		stepmachine_must_revert(&step_accounts, STEP_CHANGED);
		stepmachine_expect(AADPASSWD_PATH,
				   "Ann@X.y:" OID "1:1234567:1234567::/h/a:/bin/sh");
	}
	assert_true(all > 4);
}

static void what_of_another_products_file_is_nobodys_is_told(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, "# theirs\n" ANN "odd\nodder\nben@x.y:" OID
					  "2:10000001:10000001::/home/ben:/bin/sh\n");
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 2);
	assert_non_null(strstr(sm.result.notes[0], "2 lines of /etc/aadpasswd"));
	assert_non_null(strstr(sm.result.notes[0], "the first is line 3"));
	assert_non_null(strstr(sm.result.notes[1], "ben@x.y has the uid 10000001"));
}

static void deleted_users_do_not_come_back(void **state)
{
	(void)state;
	stepmachine_write(LEDGER, ANN);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write(AADPASSWD_PATH, "");
	stepmachine_must_apply(&step_accounts, STEP_OK);
	stepmachine_expect(AADPASSWD_PATH, "");
}

static size_t count_changed(const struct witness *witness)
{
	size_t n = 0;

	for (size_t i = 0; i < witness->count; i++)
		n += !witness_same(&sm.scratch.sys, &witness->seen[i]);
	return n;
}

/* The login runtime writes these files at any time: enable must not take that for drift. */
static void what_the_runtime_writes_is_no_drift(void **state)
{
	CLEANUP(witness_done) struct witness witness = {0};
	const struct fs_meta meta = machine_meta(&sm.machine, 0644);

	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	sm.scratch.sys.witness = &witness;
	stepmachine_must_apply(&step_accounts, STEP_OK);
	sm.scratch.sys.witness = NULL;
	assert_int_equal(count_changed(&witness), 0);
	assert_int_equal(fs_replace(&sm.scratch.sys, AADPASSWD_PATH, SPAN_LIT(ANN), &meta, &sm.err),
			 0);
	assert_int_equal(
		fs_replace(&sm.scratch.sys, AADADMINS_PATH, SPAN_LIT("ann@x.y\n"), &meta, &sm.err),
		0);
	assert_int_equal(count_changed(&witness), 0);
	stepmachine_write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n");
	assert_true(count_changed(&witness) > 0);
}

static void modes_of_the_accounts_are_put_right(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	scratch_write(&sm.scratch, AADPASSWD_PATH, ANN, 0600);
	scratch_write(&sm.scratch, AADADMINS_PATH, "ann@x.y\n", 0600);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect_meta(AADPASSWD_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect_meta(AADADMINS_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect(AADPASSWD_PATH, ANN);
	stepmachine_expect(AADADMINS_PATH, "ann@x.y\n");
}

/* What others could write is not believed: the ledger says who stays, and how. */
static void accounts_that_others_could_write_are_put_right(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write(LEDGER, ANN BEN CID);
	scratch_write(&sm.scratch, AADPASSWD_PATH,
		      "ann@x.y:" OID "1:10000101:10000101:Ann:/root:/bin/bash\n"
		      "ben@x.y:" OID "9:10000102:10000102:Ben:/home/ben@x.y:/bin/bash\n"
		      "cid@x.y:" OID "3:10000109:10000109:Cid:/home/cid@x.y:/bin/bash\n"
		      "eve@x.y:" OID "4:10000104:10000104:Eve:/home/eve@x.y:/bin/bash\n",
		      0666);
	scratch_write(&sm.scratch, AADADMINS_PATH, "alice\n", 0664);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 2);
	stepmachine_expect(AADPASSWD_PATH, ANN);
	stepmachine_expect_meta(AADPASSWD_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect(AADADMINS_PATH, "");
	stepmachine_expect_meta(AADADMINS_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_must_apply(&step_accounts, STEP_OK);
}

static void accounts_of_others_are_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_int_equal(fchownat(sm.scratch.sys.rootfd, AADPASSWD_PATH + 1, 1000, 0, 0), 0);
	stepmachine_must_refuse(&step_accounts, EPERM, EXIT_VERIFY, AADPASSWD_PATH);
}

static void somebody_elses_accounts_must_be_safe(void **state)
{
	(void)state;
	scratch_write(&sm.scratch, AADPASSWD_PATH, ANN, 0666);
	stepmachine_must_refuse(&step_accounts, EPERM, EXIT_VERIFY, "not ours");
	stepmachine_expect(AADADMINS_PATH, NULL);
	stepmachine_expect(AADPASSWD_PATH, ANN);
}

static void untrusted_accounts_go_all_the_same(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write(LEDGER, ANN);
	scratch_mkdir(&sm.scratch, "/home/ann@x.y", 0700);
	scratch_mkdir(&sm.scratch, "/home/ben@x.y", 0700);
	scratch_write(&sm.scratch, AADPASSWD_PATH, ANN BEN, 0666);
	scratch_write(&sm.scratch, AADADMINS_PATH, "", 0666);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, NULL);
	stepmachine_expect(AADADMINS_PATH, NULL);
	stepmachine_expect(LEDGER, ANN);
	stepmachine_expect("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
}

static void our_word_goes_even_if_the_accounts_cannot(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, AADPASSWD_PATH + 1, 0), 0);
	scratch_mkdir(&sm.scratch, AADPASSWD_PATH, 0755);
	assert_int_equal(stepmachine_revert(&step_accounts), -EISDIR);
	stepmachine_expect("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
}

static void accounts_without_our_mark_are_known_by_the_ledger(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write(LEDGER, ANN BEN);
	stepmachine_write(AADPASSWD_PATH, ANN);
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, AADADMINS_PATH + 1, 0), 0);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, ANN);
	stepmachine_expect(ORIGINAL_ACCOUNTS, NULL);
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, AADADMINS_PATH + 1, 0), 0);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(AADPASSWD_PATH, NULL);
}

static void somebody_elses_accounts_stay_although_the_ledger_knows_them(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, ANN);
	scratch_mkdir(&sm.scratch, "/home/ann@x.y", 0700);
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect(LEDGER, ANN);
	stepmachine_must_revert(&step_accounts, STEP_OK);
	stepmachine_expect(AADPASSWD_PATH, ANN);
}

/* Stop a run of the step after so many of its changes, as a kill would. */
static bool kill_after(size_t count, enum want want)
{
	AUTO_CHANGES changes = {0};

	assert_int_equal(step_accounts.plan(&sm.machine, want, &changes, &sm.err), 0);
	for (size_t i = 0; i < count && i < changes.count; i++)
		assert_int_equal(
			change_make(&sm.machine, &changes.list[i], want == WANT_PRESENT, &sm.err),
			0);
	return count < changes.count;
}

static void a_killed_run_is_completed_by_the_next(void **state)
{
	bool killed = true;

	for (size_t n = 0; killed; n++) {
		if (n) {
			(void)stepmachine_close(state);
			(void)stepmachine_open(state);
		}
		stepmachine_write(AADPASSWD_PATH, ANN);
		stepmachine_write(LEDGER, BEN);
		killed = kill_after(n, WANT_PRESENT);
		assert_int_equal(stepmachine_apply(&step_accounts), 0);
		stepmachine_must_apply(&step_accounts, STEP_OK);
		stepmachine_expect(ORIGINAL_ACCOUNTS, ANN);
		stepmachine_expect(AADADMINS_PATH, "");
		stepmachine_expect("/etc/nsswitch.conf",
				   "passwd: files aad\ngroup: files aad\nshadow: files\n");
	}
}

static void a_killed_revert_is_completed_by_the_next(void **state)
{
	bool killed = true;

	for (size_t n = 0; killed; n++) {
		if (n) {
			(void)stepmachine_close(state);
			(void)stepmachine_open(state);
		}
		stepmachine_must_apply(&step_accounts, STEP_CHANGED);
		stepmachine_write(AADPASSWD_PATH, ANN BEN);
		scratch_mkdir(&sm.scratch, "/home/ann@x.y", 0700);
		killed = kill_after(n, WANT_ABSENT);
		assert_int_equal(stepmachine_revert(&step_accounts), 0);
		stepmachine_expect(AADPASSWD_PATH, NULL);
		stepmachine_expect(AADADMINS_PATH, NULL);
		stepmachine_expect(LEDGER, ANN);
		stepmachine_expect("/etc/nsswitch.conf",
				   "passwd: files\ngroup: files\nshadow: files\n");
	}
}

/* What is half-written, as an index, need be no text. */
static void put_nul(const char *path)
{
	AUTO_CLOSE int fd = fs_open(&sm.scratch.sys, path, O_WRONLY, 0, &sm.err);

	assert_int_equal(write(fd, "", 1), 1);
}

/* A file that fs_replace was about to publish when it was killed, beside each that a step writes.
 */
static void what_killed_writes_left_goes_with_the_rest(void **state)
{
	static const struct {
		const struct step *step;
		const char *left;
	} rows[] = {
		{&step_config, "/etc/.aadsshlogin.conf.aadssh-new"},
		{&step_accounts, "/etc/.aadadmins.aadssh-new"},
		{&step_accounts, "/etc/.aadpasswd.aadssh-new"},
		{&step_accounts, "/etc/.aadpasswd.db.aadssh-new"},
		{&step_accounts, "/etc/.nsswitch.conf.aadssh-new"},
		{&step_accounts, STATE_DIR "/.users.aadssh-new"},
		{&step_pam, "/etc/pam.d/.sshd.aadssh-new"},
		{&step_pam, "/etc/pam.d/.sudo-i.aadssh-new"},
		{&step_sudo, "/etc/sudoers.d/.aad_admins.aadssh-new"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		stepmachine_write(rows[i].left, "account half a li");
		put_nul(rows[i].left);
		stepmachine_must_revert(rows[i].step, STEP_CHANGED);
		stepmachine_expect(rows[i].left, NULL);
		stepmachine_must_revert(rows[i].step, STEP_OK);
		stepmachine_must_apply(rows[i].step, STEP_CHANGED);
		stepmachine_write(rows[i].left, "account half a li");
		stepmachine_must_revert(rows[i].step, STEP_CHANGED);
		stepmachine_expect(rows[i].left, NULL);
		(void)state;
	}
}

/* The runtime may be writing the accounts just now; it is no drift of theirs. */
static void what_is_being_written_is_left_alone(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write("/etc/.aadpasswd.aadssh-new", "half a li");
	stepmachine_must_apply(&step_accounts, STEP_OK);
	stepmachine_expect("/etc/.aadpasswd.aadssh-new", "half a li");
	stepmachine_write("/etc/.nsswitch.conf.aadssh-new", "half a li");
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect("/etc/.nsswitch.conf.aadssh-new", NULL);
}

static void an_index_that_a_killed_run_did_not_make_is_made(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_int_equal(fs_remove(&sm.scratch.sys, AADINDEX_PATH, &sm.err), 0);
	stepmachine_write("/etc/.aadpasswd.db.aadssh-new", "half an in");
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_true(userindex_is_current(&sm.scratch.sys));
	stepmachine_expect("/etc/.aadpasswd.db.aadssh-new", NULL);
	stepmachine_must_apply(&step_accounts, STEP_OK);
}

static void a_running_nscd_is_told(void **state)
{
	(void)state;
	stepmachine_write("/run/nscd/socket", "");
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	assert_string_equal(buf_text(&fake.commands), "nscd -i passwd\nnscd -i group\n");
	stepmachine_must_apply(&step_accounts, STEP_OK);
	assert_int_equal(fakeprograms_count("nscd"), 2);
}

static void a_missing_line_of_nsswitch_is_named(void **state)
{
	(void)state;
	stepmachine_write("/etc/nsswitch.conf", "passwd: files\n");
	stepmachine_must_refuse(&step_accounts, EINVAL, EXIT_VERIFY, "group:");
	stepmachine_expect(AADADMINS_PATH, NULL);
}

/* As on SUSE since 16: glibc takes the vendor's file while there is no other. */
static void nsswitch_of_the_vendors_is_copied_and_goes_again(void **state)
{
	static const char with_us[] =
		NSSWITCH_COPIED "# theirs\npasswd: files aad\ngroup: files aad\n";

	(void)state;
	assert_int_equal(fs_remove(&sm.scratch.sys, "/etc/nsswitch.conf", &sm.err), 0);
	stepmachine_must_refuse(&step_accounts, ENOENT, EXIT_VERIFY, "/etc/nsswitch.conf");
	stepmachine_write("/usr/etc/nsswitch.conf", "# theirs\npasswd: files\ngroup: files\n");
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect("/etc/nsswitch.conf", with_us);
	stepmachine_expect_meta("/etc/nsswitch.conf", 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_must_apply(&step_accounts, STEP_OK);
	assert_int_equal(sm.result.note_count, 0);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect("/etc/nsswitch.conf", NULL);
	stepmachine_must_revert(&step_accounts, STEP_OK);
	/* What a killed run left goes too. */
	stepmachine_write("/etc/.nsswitch.conf.aadssh-new", "pass");
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect("/etc/.nsswitch.conf.aadssh-new", NULL);
	/* A copy that the owner changed, or that is all there is, stays. */
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_write("/usr/etc/nsswitch.conf", "passwd: files systemd\ngroup: files\n");
	stepmachine_must_apply(&step_accounts, STEP_OK);
	assert_non_null(strstr(sm.result.notes[0], "/etc/nsswitch.conf is a copy"));
	stepmachine_expect("/etc/nsswitch.conf", with_us);
	stepmachine_must_revert(&step_accounts, STEP_CHANGED);
	stepmachine_expect("/etc/nsswitch.conf", "# theirs\npasswd: files\ngroup: files\n");
}

static void a_directory_in_the_vendors_nsswitch_counts(void **state)
{
	(void)state;
	assert_int_equal(fs_remove(&sm.scratch.sys, "/etc/nsswitch.conf", &sm.err), 0);
	stepmachine_write("/usr/etc/nsswitch.conf", "passwd: files winbind\ngroup: files\n");
	stepmachine_must_refuse(&step_accounts, EINVAL, EXIT_SETTINGS,
				"/usr/etc/nsswitch.conf names winbind");
}

static void a_directory_needs_the_users_domains(void **state)
{
	(void)state;
	stepmachine_write("/etc/nsswitch.conf", "passwd: files sss\ngroup: files sss\n");
	stepmachine_write("/etc/sssd/sssd.conf", "[sssd]\n");
	stepmachine_must_refuse(&step_accounts, EINVAL, EXIT_SETTINGS, "sss");
	assert_non_null(strstr(sm.err.remedy, "userDomains"));
	stepmachine_expect(AADADMINS_PATH, NULL);
	stepmachine_must_revert(&step_accounts, STEP_OK);
	free(sm.machine.conf.user_domains);
	sm.machine.conf.user_domains = strdup("contoso.com");
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_expect("/etc/nsswitch.conf", "passwd: files sss aad\ngroup: files sss aad\n");
}

static void a_directory_without_a_configuration_is_none(void **state)
{
	(void)state;
	stepmachine_write("/etc/nsswitch.conf", "passwd: files sss\ngroup: files sss\n");
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
}

/* ---- pam */

static void pam_puts_our_line_first(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sshd", PAM_LINE "\n@include common-auth\n"
						       "account required pam_nologin.so\n");
	stepmachine_expect("/etc/pam.d/sudo", PAM_LINE " admin\n@include common-account\n");
	stepmachine_expect("/etc/pam.d/sudo-i", PAM_LINE " admin\n@include common-account\n");
	stepmachine_must_apply(&step_pam, STEP_OK);
}

/* It is in force only for as long as they like. */
static void what_others_can_write_is_not_in_force(void **state)
{
	static const struct {
		const struct step *step;
		const char *path;
		mode_t mode;
	} rows[] = {
		{&step_pam, "/etc/pam.d/sshd", 0666},
		{&step_pam, "/etc/pam.d/sudo", 0664},
		{&step_pam, "/etc/pam.d", 0777},
		{&step_accounts, "/etc/nsswitch.conf", 0666},
	};

	(void)state;
	stepmachine_must_apply(&step_accounts, STEP_CHANGED);
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int root = sm.scratch.sys.rootfd;

		assert_int_equal(fchmodat(root, rows[i].path + 1, rows[i].mode, 0), 0);
		stepmachine_must_refuse(rows[i].step, EPERM, EXIT_VERIFY, rows[i].path);
		assert_int_equal(fchmodat(root, rows[i].path + 1, rows[i].mode & 0755, 0), 0);
		stepmachine_must_apply(rows[i].step, STEP_OK);
	}
}

/* Another product's lines would call our module with its words, before and behind ours. */
static void pam_takes_another_products_lines_out(void **state)
{
	(void)state;
	stepmachine_write("/etc/pam.d/sshd",
			  "auth required pam_aad.so\naccount required pam_aad.so\n"
			  "account required pam_nologin.so\n");
	stepmachine_write(
		"/etc/pam.d/common-auth",
		"auth [success=2 user_unknown=ignore default=die] pam_aad.so\n"
		"auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n");
	stepmachine_write("/etc/pam.d/common-account",
			  "account [success=2 default=ignore] pam_unix.so\n"
			  "account [success=1 default=ignore] pam_aad.so\n"
			  "account requisite pam_deny.so\n");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sshd", PAM_LINE "\naccount required pam_nologin.so\n");
	stepmachine_expect(
		"/etc/pam.d/common-auth",
		"auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n");
	stepmachine_expect("/etc/pam.d/common-account",
			   "account [success=1 default=ignore] pam_unix.so\n"
			   "account requisite pam_deny.so\n");
	stepmachine_must_apply(&step_pam, STEP_OK);
	stepmachine_must_revert(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sshd", "account required pam_nologin.so\n");
}

static void pam_follows_authselects_link_alone(void **state)
{
	const char *target = "/etc/authselect/password-auth", *link = "/etc/pam.d/password-auth";
	struct err err = {0};

	(void)state;
	stepmachine_write(target, "auth required pam_env.so\nauth required pam_aad.so\n");
	assert_int_equal(fs_symlink(&sm.scratch.sys, target, link, &err), 0);
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect(target, "auth required pam_env.so\n");
	stepmachine_must_apply(&step_pam, STEP_OK);
	stepmachine_write("/etc/mine", "auth required pam_aad.so\n");
	assert_int_equal(fs_remove(&sm.scratch.sys, link, &err), 0);
	assert_int_equal(fs_symlink(&sm.scratch.sys, "/etc/mine", link, &err), 0);
	stepmachine_must_refuse(&step_pam, EPERM, EXIT_VERIFY, link);
}

static void pam_names_the_file_that_it_cannot_take_them_out_of(void **state)
{
	(void)state;
	stepmachine_write("/etc/pam.d/common-auth", "auth [success=2 default=ignore] pam_x.so\n"
						    "@include y\nauth required pam_aad.so\n");
	stepmachine_must_refuse(&step_pam, ENOTSUP, EXIT_VERIFY, "/etc/pam.d/common-auth");
	stepmachine_write("/etc/pam.d/common-auth", "auth required pam_unix.so\n");
	stepmachine_write("/etc/pam.d/sshd", "account [success=2 default=ignore] pam_x.so\n"
					     "@include y\naccount required pam_aad.so\n");
	stepmachine_must_refuse(&step_pam, ENOTSUP, EXIT_VERIFY, "/etc/pam.d/sshd");
}

static void pam_comes_out_wherever_it_is(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_write("/etc/pam.d/old", PAM_LINE "\nauth required x.so\n");
	fake.sshd_missing = true;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "usr/bin/sudo", 0), 0);
	stepmachine_must_revert(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sshd",
			   "@include common-auth\naccount required pam_nologin.so\n");
	stepmachine_expect("/etc/pam.d/sudo", "@include common-account\n");
	stepmachine_expect("/etc/pam.d/sudo-i", "@include common-account\n");
	stepmachine_expect("/etc/pam.d/old", "auth required x.so\n");
	stepmachine_must_revert(&step_pam, STEP_OK);
}

static void one_pam_file_that_cannot_be_edited_keeps_no_other(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	scratch_write(&sm.scratch, "/etc/pam.d/aaa", PAM_LINE "\n", 0666);
	assert_int_equal(stepmachine_revert(&step_pam), -EPERM);
	assert_non_null(strstr(sm.err.msg, "/etc/pam.d/aaa"));
	assert_int_equal(sm.result.state, STEP_FAILED);
	stepmachine_expect("/etc/pam.d/sshd",
			   "@include common-auth\naccount required pam_nologin.so\n");
	stepmachine_expect("/etc/pam.d/sudo", "@include common-account\n");
	stepmachine_expect("/etc/pam.d/sudo-i", "@include common-account\n");
}

static void pam_follows_the_services_names(void **state)
{
	(void)state;
	fake.pam_service = "ssh-entra";
	fake.sudo = "Sudo version 1.9.13\nPAM service name to use: admin\n"
		    "PAM service name to use for login shells: admin\n"
		    "Perform PAM account validation management\n";
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/pam.d/sudo-i", 0), 0);
	stepmachine_write("/usr/lib/pam.d/sudo-i", "@include common-account\n");
	stepmachine_write("/etc/pam.d/ssh-entra", "account required pam_unix.so\n");
	stepmachine_write("/etc/pam.d/admin", "account required pam_unix.so\n");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/ssh-entra", PAM_LINE "\naccount required pam_unix.so\n");
	stepmachine_expect("/etc/pam.d/admin", PAM_LINE " admin\naccount required pam_unix.so\n");
	/* The key command looks at the files of the usual names. */
	stepmachine_expect("/etc/pam.d/sshd", PAM_LINE "\n@include common-auth\n"
						       "account required pam_nologin.so\n");
	stepmachine_expect("/etc/pam.d/sudo", PAM_LINE " admin\n@include common-account\n");
	/* What sudo told may have been set for root alone. */
	stepmachine_expect("/etc/pam.d/sudo-i",
			   PAMSTACK_COPIED PAM_LINE " admin\n@include common-account\n");
}

static void a_service_is_a_file_of_pam_d(void **state)
{
	(void)state;
	fake.pam_service = "../shadow";
	stepmachine_must_refuse(&step_pam, EINVAL, EXIT_VERIFY, "../shadow");
	fake.pam_service = ".";
	stepmachine_must_refuse(&step_pam, EINVAL, EXIT_VERIFY, "\".\"");
}

static void a_missing_service_is_a_hole(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/pam.d/sudo-i", 0), 0);
	stepmachine_must_refuse(&step_pam, ENOENT, EXIT_VERIFY, "/etc/pam.d/sudo-i");
	stepmachine_expect("/etc/pam.d/sshd",
			   "@include common-auth\naccount required pam_nologin.so\n");
}

static void a_service_of_the_vendors_is_copied_and_goes_again(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/pam.d/sudo-i", 0), 0);
	stepmachine_write("/usr/lib/pam.d/sudo-i", "# its vendor's\n@include common-account\n");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sudo-i", PAMSTACK_COPIED
			   "# its vendor's\n" PAM_LINE " admin\n@include common-account\n");
	stepmachine_expect_meta("/etc/pam.d/sudo-i", 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_must_apply(&step_pam, STEP_OK);
	stepmachine_must_revert(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sudo-i", NULL);
	/* A copy that the owner changed, or that is all there is, stays. */
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_write("/usr/lib/pam.d/sudo-i", "@include other\n");
	stepmachine_must_revert(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sudo-i", "# its vendor's\n@include common-account\n");
	stepmachine_write("/etc/pam.d/sudo-i", PAMSTACK_COPIED PAM_LINE " admin\n@include a\n");
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "usr/lib/pam.d/sudo-i", 0), 0);
	stepmachine_must_revert(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sudo-i", "@include a\n");
	/* The owner's own copy was not made by us. */
	stepmachine_write("/usr/lib/pam.d/sudo-i", "@include a\n");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_must_revert(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sudo-i", "@include a\n");
}

static void a_copy_that_the_vendor_has_gone_beyond_is_told(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/pam.d/sudo-i", 0), 0);
	stepmachine_write("/usr/lib/pam.d/sudo-i", "@include common-account\n");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_must_apply(&step_pam, STEP_OK);
	assert_int_equal(sm.result.note_count, 0);
	stepmachine_write("/usr/lib/pam.d/sudo-i", "@include mended\n");
	stepmachine_must_apply(&step_pam, STEP_OK);
	assert_int_equal(sm.result.note_count, 1);
	assert_non_null(strstr(sm.result.notes[0], "/etc/pam.d/sudo-i is a copy"));
	stepmachine_expect("/etc/pam.d/sudo-i",
			   PAMSTACK_COPIED PAM_LINE " admin\n@include common-account\n");
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "usr/lib/pam.d/sudo-i", 0), 0);
	stepmachine_must_apply(&step_pam, STEP_OK);
	assert_int_equal(sm.result.note_count, 0);
}

static void a_service_without_account_stack_is_named(void **state)
{
	(void)state;
	stepmachine_write("/etc/pam.d/sudo", "auth required pam_unix.so\n");
	stepmachine_must_refuse(&step_pam, ENOENT, EXIT_VERIFY, "/etc/pam.d/sudo");
	assert_non_null(strstr(sm.err.remedy, "account required pam_unix.so"));
}

static void a_sudo_that_does_not_ask_is_refused(void **state)
{
	(void)state;
	fake.sudo = "Sudoers policy plugin version 1.9.13p3\nPAM service name to use: sudo\n";
	stepmachine_must_refuse(&step_pam, EPERM, EXIT_VERIFY, "pam_acct_mgmt");
	stepmachine_expect("/etc/pam.d/sudo", "@include common-account\n");
}

static void a_sudo_that_does_not_name_its_user_is_refused(void **state)
{
	(void)state;
	fake.sudo = "Sudoers policy plugin version 1.9.13p3\nPAM service name to use: sudo\n"
		    "Perform PAM account validation management\n";
	stepmachine_must_refuse(&step_pam, EPERM, EXIT_VERIFY, "!pam_ruser");
	assert_non_null(strstr(sm.err.remedy, "!pam_ruser"));
	stepmachine_expect("/etc/pam.d/sudo", "@include common-account\n");
}

static void the_service_of_sudo_with_askpass_asks_too(void **state)
{
	(void)state;
	fake.sudo = "PAM service name to use: sudo\n"
		    "PAM service name to use when sudo is run with the -A option: askpass\n";
	stepmachine_must_refuse(&step_pam, ENOENT, EXIT_VERIFY, "/etc/pam.d/askpass");
	stepmachine_write("/etc/pam.d/askpass", "account required pam_permit.so\n");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/askpass",
			   PAM_LINE " admin\naccount required pam_permit.so\n");
	stepmachine_must_revert(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/askpass", "account required pam_permit.so\n");
}

/* Files of sudoers, one read by the other, and the place that sudo -V cannot tell of. */
static const struct sudoers_place {
	const char *main, *path, *text, *place;
} sudoers_places[] = {
	{"Defaults:%aad_admins !pam_acct_mgmt\n", "/etc/x", "", "/etc/sudoers, line 1:"},
	{"@include x\n", "/etc/x", "\nDefaults>root !pam_ruser\n", "/etc/x, line 2:"},
	{"#include /opt/a b\n", "/opt/a", "@include b\n", NULL},
	{"@include \"/opt/a b\"\n", "/opt/a b", "Defaults@h pam_service=x\n", "/opt/a b, line 1:"},
	{"@includedir d\n", "/etc/d/a", "Defaults!/x pam_service=x\n", "/etc/d/a, line 1:"},
	{"@includedir d\n", "/etc/d/a.b", "Defaults !pam_ruser\n", NULL},
	{"@includedir d\n", "/etc/d/a~", "Defaults !pam_ruser\n", NULL},
	{"@includedir d\n", "/etc/d/a/b", "Defaults !pam_ruser\n", NULL},
	{"@include x-%h\n", "/etc/x-web", "Defaults !pam_ruser\n", "/etc/x-web, line 1:"},
	{"@include /missing\n@includedir /nowhere\n@include /etc\n", "/etc/x", "", NULL},
	{"Defaults:bob pam_service=sudo-i\n", "/etc/x", "", NULL},
	{"@include x\n", "/etc/x", "@include x\n", "too many files"},
	{"@include a\\ b\n", "/etc/a b", "", "/etc/sudoers, line 1:"},
	{"@include /x:/y\n", "/y", "", "/etc/sudoers, line 1:"},
};

static void every_file_of_sudoers_is_searched(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(sudoers_places); i++) {
		const struct sudoers_place *row = &sudoers_places[i];
		char main[256];

		(void)stepmachine_close(state);
		(void)stepmachine_open(state);
		(void)snprintf(main, sizeof(main), "%s@includedir /etc/sudoers.d\n", row->main);
		stepmachine_write("/proc/sys/kernel/hostname", "web.contoso.com\n");
		stepmachine_write("/etc/sudoers", main);
		stepmachine_write(row->path, row->text);
		if (row->place) {
			assert_true(stepmachine_apply(&step_pam) < 0);
			assert_non_null(strstr(sm.err.msg, row->place));
			stepmachine_expect("/etc/pam.d/sudo", "@include common-account\n");
			assert_true(stepmachine_apply(&step_sudo) < 0);
			stepmachine_expect(SUDOERS_RULE_PATH, NULL);
		} else {
			stepmachine_must_apply(&step_pam, STEP_CHANGED);
			stepmachine_must_apply(&step_sudo, STEP_CHANGED);
		}
	}
}

static void a_setting_for_some_is_told_with_its_remedy(void **state)
{
	(void)state;
	stepmachine_write("/etc/sudoers.d/bob", "\nDefaults:bob env_reset,!pam_acct_mgmt\n");
	stepmachine_must_refuse(&step_pam, EPERM, EXIT_VERIFY, "/etc/sudoers.d/bob, line 2:");
	assert_string_equal(sm.err.remedy,
			    "take !pam_acct_mgmt out of line 2 of /etc/sudoers.d/bob");
}

static void pam_goes_on_without_sudo(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "usr/bin/sudo", 0), 0);
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 1);
	assert_non_null(strstr(sm.result.notes[0], "sudo"));
	stepmachine_expect("/etc/pam.d/sudo", "@include common-account\n");
}

/* Beside sudo, as Debian has it; it knows no setting of PAM's, and takes the usual services. */
static void sudo_rs_asks_by_its_own_services(void **state)
{
	(void)state;
	fake.sudo = "Sudoers policy plugin version 1.9.16p2\nPAM service name to use: admin\n"
		    "PAM service name to use for login shells: admin\n"
		    "Perform PAM account validation management\n"
		    "Set the pam remote user to the user running sudo\n";
	stepmachine_write("/etc/sudoers", "Defaults pam_service=admin\n");
	stepmachine_write("/etc/pam.d/admin", "account required pam_unix.so\n");
	stepmachine_write("/usr/bin/sudo-rs", "");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/admin", PAM_LINE " admin\naccount required pam_unix.so\n");
	stepmachine_expect("/etc/pam.d/sudo", PAM_LINE " admin\n@include common-account\n");
	stepmachine_expect("/etc/pam.d/sudo-i", PAM_LINE " admin\n@include common-account\n");
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/pam.d/sudo-i", 0), 0);
	stepmachine_must_refuse(&step_pam, ENOENT, EXIT_VERIFY, "/etc/pam.d/sudo-i");
	/* Without a file of sudoers it lets nobody do anything. */
	fake.sudo = "Sudoers path: /usr/etc/sudoers\n";
	stepmachine_write("/usr/etc/sudoers", "");
	stepmachine_write("/etc/pam.d/sudo-i", "account required pam_unix.so\n");
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/sudoers", 0), 0);
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "usr/bin/sudo", 0), 0);
	stepmachine_must_apply(&step_pam, STEP_OK);
	assert_non_null(strstr(sm.result.notes[0], "sudo is not installed"));
}

static void sudo_rs_alone_asks_too(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "usr/bin/sudo", 0), 0);
	stepmachine_write("/usr/bin/sudo-rs", "");
	stepmachine_write("/etc/sudoers-rs", "@includedir /etc/sudoers.d\n");
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_expect("/etc/pam.d/sudo", PAM_LINE " admin\n@include common-account\n");
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	assert_int_equal(fakeprograms_count("visudo-rs -c -f /dev/stdin"), 1);
	stepmachine_write("/etc/sudoers-rs", "");
	stepmachine_must_refuse(&step_sudo, EINVAL, EXIT_VERIFY, "/etc/sudoers-rs");
}

static void pam_needs_sshd(void **state)
{
	(void)state;
	fake.sshd_missing = true;
	stepmachine_must_refuse(&step_pam, ENOENT, EXIT_DEPENDENCY, "/usr/sbin/sshd");
}

static void a_machine_without_pam_d_has_nothing_to_take_out(void **state)
{
	(void)state;
	assert_int_equal(fs_remove_tree(&sm.scratch.sys, "/etc/pam.d", &sm.err), 0);
	stepmachine_must_revert(&step_pam, STEP_OK);
	assert_int_equal(fs_remove(&sm.scratch.sys, "/etc/nsswitch.conf", &sm.err), 0);
	stepmachine_must_revert(&step_accounts, STEP_OK);
}

/* ---- sudo */

static void sudo_gets_the_rule(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	text = scratch_text(&sm.scratch, SUDOERS_RULE_PATH);
	assert_non_null(strstr(text, "%aad_admins ALL=(ALL) NOPASSWD:ALL\n"));
	stepmachine_expect_meta(SUDOERS_RULE_PATH, 0440, geteuid(), geteuid() ? getegid() : 0);
	assert_int_equal(fakeprograms_count("visudo -c -f /dev/stdin"), 1);
	stepmachine_must_apply(&step_sudo, STEP_OK);
	assert_int_equal(fakeprograms_count("visudo"), 1);
	stepmachine_must_revert(&step_sudo, STEP_CHANGED);
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
	stepmachine_must_revert(&step_sudo, STEP_OK);
}

static void a_local_group_of_the_administrators_name_is_refused(void **state)
{
	CLEANUP(witness_done) struct witness witness = {0};

	(void)state;
	stepmachine_write("/etc/group", "root:x:0:\naad_admins2:x:1:a\nxaad_admins:x:2:a\n");
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	sm.scratch.sys.witness = &witness;
	stepmachine_must_apply(&step_sudo, STEP_OK);
	sm.scratch.sys.witness = NULL;
	assert_int_equal(count_changed(&witness), 0);
	stepmachine_write("/etc/group", "root:x:0:\naad_admins:x:1001:alice,bob\n");
	assert_true(count_changed(&witness) > 0);
	stepmachine_must_refuse(&step_sudo, EEXIST, EXIT_VERIFY, "aad_admins:x:1001:alice,bob");
	assert_non_null(strstr(sm.err.remedy, "groupdel aad_admins"));
	stepmachine_must_revert(&step_sudo, STEP_CHANGED);
	stepmachine_must_refuse(&step_sudo, EEXIST, EXIT_VERIFY, "/etc/group");
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
}

static void a_rule_that_others_could_write_is_put_right_and_goes(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	scratch_write(&sm.scratch, SUDOERS_RULE_PATH, "alice ALL=(ALL) NOPASSWD:ALL\n", 0666);
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	stepmachine_expect_meta(SUDOERS_RULE_PATH, 0440, geteuid(), geteuid() ? getegid() : 0);
	scratch_write(&sm.scratch, SUDOERS_RULE_PATH, "", 0666);
	stepmachine_must_revert(&step_sudo, STEP_CHANGED);
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
}

static void a_rule_that_visudo_refuses_is_not_published(void **state)
{
	(void)state;
	fake.visudo = "stdin:2:1: syntax error\n";
	stepmachine_must_refuse(&step_sudo, EIO, EXIT_VERIFY, "syntax error");
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
}

static void a_directory_that_sudo_does_not_read_is_refused(void **state)
{
	(void)state;
	stepmachine_write("/etc/sudoers", "root ALL=(ALL:ALL) ALL\n");
	stepmachine_must_refuse(&step_sudo, EINVAL, EXIT_VERIFY, "/etc/sudoers");
	assert_non_null(strstr(sm.err.remedy, "#includedir /etc/sudoers.d"));
}

static void sudos_main_file_can_be_elsewhere(void **state)
{
	(void)state;
	fake.sudo = "Sudoers path: /usr/etc/sudoers\n";
	stepmachine_must_refuse(&step_sudo, ENOENT, EXIT_VERIFY, "/usr/etc/sudoers");
	stepmachine_write("/usr/etc/sudoers", "@includedir /etc/sudoers.d\n");
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
}

/* As SUSE builds it since 16: the first that is there counts. */
static void sudo_can_look_for_its_main_file_in_several_places(void **state)
{
	(void)state;
	fake.sudo = "Sudoers path: /etc/sudoers:/usr/etc/sudoers\n";
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/sudoers", 0), 0);
	stepmachine_must_refuse(&step_sudo, ENOENT, EXIT_VERIFY, "/etc/sudoers");
	stepmachine_write("/usr/etc/sudoers", "@includedir /etc/sudoers.d\n");
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	stepmachine_must_apply(&step_pam, STEP_CHANGED);
	stepmachine_write("/usr/etc/sudoers", "@includedir /etc/sudoers.d\n"
					      "Defaults:bob !pam_acct_mgmt\n");
	stepmachine_must_refuse(&step_pam, EPERM, EXIT_VERIFY, "/usr/etc/sudoers, line 2");
	stepmachine_write("/etc/sudoers", "root ALL=(ALL:ALL) ALL\n");
	stepmachine_must_refuse(&step_sudo, EINVAL, EXIT_VERIFY, "/etc/sudoers does not read");
}

/* Its releases from 0.2.8 to 0.2.13 do not ask PAM who may edit. */
static void an_old_sudo_rs_edits_for_nobody(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	stepmachine_write("/usr/bin/sudo-rs", "");
	fake.sudo_rs = "sudo-rs 0.2.13\n";
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	text = scratch_text(&sm.scratch, SUDOERS_RULE_PATH);
	assert_non_null(strstr(text, "%aad_admins ALL=(ALL) NOPASSWD:ALL, !sudoedit\n"));
	assert_int_equal(sm.result.note_count, 1);
	assert_non_null(strstr(sm.result.notes[0], "/usr/bin/sudo-rs"));
	fake.sudo_rs = "sudo-rs 0.2.14\n";
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 0);
}

static void without_sudo_there_is_nothing_to_do(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "usr/bin/sudo", 0), 0);
	stepmachine_must_apply(&step_sudo, STEP_OK);
	assert_int_equal(sm.result.note_count, 1);
	stepmachine_expect(SUDOERS_RULE_PATH, NULL);
}

/* ---- selinux */

#define MODULE_FILE "/usr/share/selinux/packages/aadsshlogin.cil"
#define PORT_MODULE_FILE "/usr/share/selinux/packages/aadsshlogin_any_port.cil"
#define LOAD "semodule -X 400 -i " MODULE_FILE
#define RESTORE "restorecon -i -R /usr/sbin/aadsshlogin /etc/aadsshlogin.conf"
#define REMOVE "semodule -X 400 -r aadsshlogin"

static void selinux_has_a_policy(void)
{
	stepmachine_write("/usr/sbin/semodule", "");
	stepmachine_write("/etc/selinux/config", "# x\nSELINUX=disabled\nSELINUXTYPE=targeted\n");
	stepmachine_write("/etc/selinux/targeted/policy/policy.33", "");
	stepmachine_write(MODULE_FILE, "(type aadsshlogin_t)");
	stepmachine_write(PORT_MODULE_FILE, "(type any)");
}

static void selinux_on(void)
{
	selinux_has_a_policy();
	stepmachine_write("/sys/fs/selinux/enforce", "1");
}

static void without_selinux_nothing_is_run(void **state)
{
	(void)state;
	stepmachine_write("/usr/sbin/semodule", "");
	stepmachine_must_apply(&step_selinux, STEP_OK);
	stepmachine_must_revert(&step_selinux, STEP_OK);
	assert_int_equal(fake.commands.len, 0);
}

static void the_module_is_loaded_and_contexts_set(void **state)
{
	(void)state;
	selinux_on();
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(LOAD "\n"), 0);
	assert_int_equal(fakeprograms_count(LOAD), 1);
	assert_int_equal(fakeprograms_count("semodule -X"), 1);
	assert_int_equal(fakeprograms_count(RESTORE), 1);
}

static void sudo_of_a_confined_user_may_read_the_rule(void **state)
{
	(void)state;
	selinux_on();
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(
				 RESTORE " /etc/aadsshlogin.secret /etc/aadpasswd "
					 "/etc/aadpasswd.db /etc/aadadmins " SUDOERS_RULE_PATH " "),
			 1);
}

static void a_loaded_module_is_left_alone(void **state)
{
	(void)state;
	selinux_on();
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	fake.commands.len = 0;
	stepmachine_must_apply(&step_selinux, STEP_OK);
	assert_int_equal(fakeprograms_count("semodule -X"), 0);
	assert_int_equal(fakeprograms_count("restorecon -i -R"), 0);
}

static void an_old_semodule_tells_no_hash(void **state)
{
	(void)state;
	selinux_on();
	fake.semodule_old = true;
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	stepmachine_must_apply(&step_selinux, STEP_OK);
	assert_int_equal(fakeprograms_count(LOAD), 1);
}

static void another_version_of_the_module_is_replaced(void **state)
{
	(void)state;
	selinux_on();
	buf_str(&fake.modules, "400 aadsshlogin cil sha256:01\n");
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(LOAD), 1);
}

/* What it took the place of is not there any more to be put back. */
static void a_version_that_cannot_be_loaded_leaves_the_one_before(void **state)
{
	(void)state;
	selinux_on();
	buf_str(&fake.modules, "400 aadsshlogin cil sha256:01\n");
	fake.semodule_status = 1;
	stepmachine_must_refuse(&step_selinux, EIO, EXIT_VERIFY, "semodule");
	assert_int_equal(fakeprograms_count("semodule -X 400 -r"), 0);
}

static void somebody_elses_priority_is_another_module(void **state)
{
	(void)state;
	selinux_on();
	buf_str(&fake.modules, "500 aadsshlogin cil sha256:01\n");
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(LOAD), 1);
}

static void wrong_contexts_are_put_right(void **state)
{
	(void)state;
	selinux_on();
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	fake.commands.len = 0;
	fake.wrong_contexts = "Would relabel /etc/aadpasswd from a to b\n";
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count("semodule -X"), 0);
	assert_int_equal(fakeprograms_count(RESTORE), 1);
}

static void contexts_that_stay_wrong_are_refused(void **state)
{
	(void)state;
	selinux_on();
	fake.wrong_contexts = "Would relabel /etc/aadpasswd from a to b\n";
	fake.restorecon_forgets = true;
	stepmachine_must_refuse(&step_selinux, EIO, EXIT_VERIFY, "contexts");
}

static void the_module_is_removed(void **state)
{
	(void)state;
	selinux_on();
	stepmachine_must_revert(&step_selinux, STEP_OK);
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	fake.commands.len = 0;
	stepmachine_must_revert(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(REMOVE), 1);
	assert_int_equal(fakeprograms_count(RESTORE), 1);
	assert_string_equal(buf_text(&fake.modules), "100 abrt pp sha256:00\n");
}

static void a_module_that_cannot_be_loaded_is_refused(void **state)
{
	(void)state;
	selinux_on();
	fake.semodule_status = 1;
	stepmachine_must_refuse(&step_selinux, EIO, EXIT_VERIFY, "semodule");
}

static void a_module_that_is_not_listed_is_refused(void **state)
{
	(void)state;
	selinux_on();
	fake.semodule_forgets = true;
	stepmachine_must_refuse(&step_selinux, EIO, EXIT_VERIFY, "does not list");
}

static void a_missing_package_is_named(void **state)
{
	(void)state;
	stepmachine_write("/sys/fs/selinux/enforce", "1");
	stepmachine_write("/usr/sbin/semodule", "");
	stepmachine_must_refuse(&step_selinux, ENOENT, EXIT_PACKAGE, MODULE_FILE);
}

static void a_missing_semodule_is_named(void **state)
{
	(void)state;
	stepmachine_write("/sys/fs/selinux/enforce", "1");
	stepmachine_must_refuse(&step_selinux, ENOENT, EXIT_DEPENDENCY, "semodule");
	stepmachine_must_revert(&step_selinux, STEP_OK);
	assert_int_equal(fake.commands.len, 0);
}

static void while_selinux_is_off_its_policy_gets_the_module_too(void **state)
{
	(void)state;
	selinux_has_a_policy();
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(LOAD), 1);
	stepmachine_must_revert(&step_selinux, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(REMOVE), 1);
	assert_int_equal(fakeprograms_count("restorecon"), 0);
}

#define LABEL_RULE "restorecon -i " SUDOERS_RULE_PATH

static void a_file_that_is_new_gets_the_context_that_the_policy_has_for_it(void **state)
{
	(void)state;
	selinux_on();
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	assert_int_equal(fakeprograms_count(LABEL_RULE), 1);
	/* In the place of another it has that one's. */
	stepmachine_write(SUDOERS_RULE_PATH, "damaged\n");
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	stepmachine_must_revert(&step_sudo, STEP_CHANGED);
	assert_int_equal(fakeprograms_count("restorecon"), 1);
}

static void a_context_that_cannot_be_set_is_noted(void **state)
{
	(void)state;
	selinux_on();
	fake.restorecon_fails = true;
	stepmachine_must_apply(&step_sudo, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 1);
	assert_non_null(strstr(sm.result.notes[0], "no such luck; restorecon " SUDOERS_RULE_PATH));
}

static void while_selinux_is_off_nothing_is_missed(void **state)
{
	(void)state;
	stepmachine_write("/etc/selinux/config", "SELINUXTYPE=targeted\n");
	stepmachine_write("/etc/selinux/targeted/policy/policy.33", "");
	stepmachine_must_apply(&step_selinux, STEP_OK);
	assert_non_null(strstr(sm.result.notes[0], "policycoreutils"));
	stepmachine_write("/usr/sbin/semodule", "");
	stepmachine_must_apply(&step_selinux, STEP_OK);
	assert_non_null(strstr(sm.result.notes[0], "aadsshlogin-selinux"));
}

static void microsofts_module_is_named(void **state)
{
	(void)state;
	selinux_on();
	buf_str(&fake.modules, "400 aad_permissions pp sha256:00\n");
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_non_null(strstr(sm.result.notes[0], "semodule -r aad_permissions"));
}

/* ---- which ports */

/* clang-format off */
static const struct port_row {
	const char *name, *proxy, *secret, *himds;
	bool any;
} port_rows[] = {
	{"nothing_is_asked_for_without_a_proxy", NULL, NULL, NULL, false},
	{"a_proxy_at_squids_port_is_allowed_for", "http://proxy.corp:3128", NULL, NULL, false},
	{"a_proxy_at_8080_is_allowed_for", "https://10.0.0.1:8080/", NULL, NULL, false},
	{"a_proxy_at_another_port_asks_for_any", "http://proxy.corp:8888", NULL, NULL, true},
	{"a_proxy_without_a_port_asks_for_any", "http://proxy.corp", NULL, NULL, true},
	{"a_proxy_at_no_number_asks_for_any", "http://proxy.corp:80x", NULL, NULL, true},
	{"a_secret_proxys_password_is_no_port", NULL, "http://u:80@proxy.corp:9999", NULL, true},
	{"a_secret_proxys_port_is_its_last", NULL, "http://u:9@proxy.corp:3128", NULL, false},
	{"an_address_in_brackets_has_a_port", "http://[fe80::1]:80", NULL, NULL, false},
	{"arcs_metadata_service_asks_for_any", NULL, NULL, "http://127.0.0.1:40342", true},
};
/* clang-format on */

static void ports_are_asked_for(void **state)
{
	const struct port_row *row = *state;
	struct conf before = sm.machine.conf;

	selinux_on();
	sm.machine.conf.proxy = (char *)(uintptr_t)row->proxy;
	sm.machine.conf.himds = (char *)(uintptr_t)row->himds;
	sm.machine.proxy_secret = row->secret;
	stepmachine_must_apply(&step_selinux, STEP_CHANGED);
	assert_int_equal(!!strstr(buf_text(&fake.modules), "aadsshlogin_any_port"), row->any);
	/* Where it is not wanted any more it goes. */
	sm.machine.conf.proxy = sm.machine.conf.himds = NULL;
	sm.machine.proxy_secret = NULL;
	stepmachine_must_apply(&step_selinux, row->any ? STEP_CHANGED : STEP_OK);
	assert_null(strstr(buf_text(&fake.modules), "aadsshlogin_any_port"));
	sm.machine.conf = before;
}

/* ---- verify */

#define PROBE "aadsshlogin-probe@aadsshlogin.invalid"

static void verify_asks_for_a_name_and_a_key(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, ANN);
	stepmachine_must_apply(&step_verify, STEP_OK);
	assert_int_equal(fakeprograms_count("getent passwd " PROBE), 1);
	assert_int_equal(fakeprograms_count("aad_certhandler " PROBE " AAAAC3NzaC1lZDI1NTE5"), 1);
	stepmachine_must_revert(&step_verify, STEP_OK);
}

/* What Resource Manager answers; 0: nothing. */
static int roles_status;
static const char *roles_url;
static bool roles_posted;

static int answer_roles(struct sys *sys, const struct http_request *requests, size_t count,
			struct http_response *ret, struct err *err)
{
	(void)sys;
	assert_int_equal(count, 1);
	*ret = (struct http_response)HTTP_RESPONSE_INIT;
	ret->status = strstr(requests->url, "/oauth2/token") ? 200 : roles_status;
	if (ret->status == 0)
		return err_set(err, ECONNREFUSED, "%s: refused", requests->url);
	if (strstr(requests->url, "/oauth2/token")) {
		fake_imds_token_body(&ret->body);
		return 0;
	}
	assert_string_equal(requests->url, roles_url);
	assert_int_equal(requests->body != NULL, roles_posted);
	return 0;
}

static void verify_says_when_the_identity_cannot_read_roles(void **state)
{
#define READER FAKE_OID " may read role assignments: give it the role Reader on " FAKE_RESOURCE
#define ONBOARDING                                                                                 \
	"https://west.pdp.invalid lets the identity " FAKE_OID " ask: it may need onboarding"
	/* clang-format off */
	static const struct {
		enum role_backend backend;
		int status;
		const char *note; /* NULL: none */
	} rows[] = {
		{BACKEND_ARM, 200, NULL},
		{BACKEND_ARM, 403, READER},
		{BACKEND_ARM, 401, "Reader"},
		{BACKEND_ARM, 503, "answered 503"},
		{BACKEND_ARM, 0, "could not be asked"},
		{BACKEND_CHECKACCESS, 200, NULL},
		{BACKEND_CHECKACCESS, 403, READER},
		{BACKEND_CHECKACCESS, 404, "answered 404"},
		{BACKEND_PDP, 200, NULL},
		{BACKEND_PDP, 403, ONBOARDING},
		{BACKEND_PDP, 0, "could not be asked"},
		{BACKEND_STATIC, 0, NULL},
		{BACKEND_NONE, 0, NULL},
	};
	/* clang-format on */
	static const char *const urls[] = {
		[BACKEND_ARM] = "https://arm.invalid" FAKE_RESOURCE
				"/providers/Microsoft.Authorization/roleAssignments"
				"?api-version=2022-04-01&$filter=assignedTo('" FAKE_OID "')",
		[BACKEND_CHECKACCESS] = "https://arm.invalid" FAKE_RESOURCE
					"/providers/Microsoft.Authorization/checkaccess"
					"?api-version=2018-09-01-preview",
		[BACKEND_PDP] = "https://west.pdp.invalid/providers/Microsoft.Authorization"
				"/checkAccess?api-version=2021-06-01-preview",
	};

	(void)state;
	sm.machine.conf.resource_manager = strdup("https://arm.invalid");
	sm.machine.conf.resource_id = strdup(FAKE_RESOURCE);
	sm.machine.conf.pdp = strdup("https://west.pdp.invalid");
	sm.scratch.ops.http = answer_roles;
	stepmachine_write(AADPASSWD_PATH, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(witness_done) struct witness witness = {0};

		sm.machine.conf.role_backend = rows[i].backend;
		roles_status = rows[i].status;
		roles_url = rows[i].backend == BACKEND_STATIC ? NULL : urls[rows[i].backend];
		roles_posted = rows[i].backend != BACKEND_ARM;
		sm.scratch.sys.witness = &witness;
		stepmachine_must_apply(&step_verify, STEP_OK);
		sm.scratch.sys.witness = NULL;
		assert_int_equal(witness.failed,
				 rows[i].note != NULL); /* it is to be asked again */
		assert_int_equal(sm.result.note_count, rows[i].note ? 1 : 0);
		assert_int_equal(sm.result.gravity, rows[i].note ? GRAVITY_SHUT : GRAVITY_NOTE);
		if (rows[i].note)
			assert_non_null(strstr(sm.result.notes[0], rows[i].note));
	}
}

static int nobody_is_asked(struct sys *sys, const struct http_request *requests, size_t count,
			   struct http_response *ret, struct err *err)
{
	(void)sys;
	(void)count;
	(void)ret;
	(void)err;
	fail_msg("%s was asked", requests->url);
	return -EIO;
}

static void verify_leaves_the_roles_to_a_later_run(void **state)
{
	(void)state;
	sm.machine.conf.role_backend = BACKEND_ARM;
	sm.machine.conf.resource_manager = strdup("https://arm.invalid");
	sm.machine.conf.resource_id = strdup(FAKE_RESOURCE);
	sm.machine.backend_later = true;
	sm.scratch.ops.http = nobody_is_asked;
	stepmachine_write(AADPASSWD_PATH, "");
	stepmachine_must_apply(&step_verify, STEP_OK);
	assert_int_equal(sm.result.note_count, 0);
}

static void verify_asks_in_the_first_domain(void **state)
{
	(void)state;
	free(sm.machine.conf.user_domains);
	sm.machine.conf.user_domains = strdup("contoso.com fabrikam.com");
	stepmachine_write(AADPASSWD_PATH, "");
	fake.getent = "aadsshlogin-probe@contoso.com:*:12345678:12345678:::\n";
	stepmachine_must_apply(&step_verify, STEP_OK);
}

static void a_name_that_does_not_resolve_is_refused(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, "");
	fake.getent = NULL;
	stepmachine_must_refuse(&step_verify, ENOENT, EXIT_VERIFY, PROBE);
}

static void a_group_that_is_not_known_is_refused(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, "");
	fake.getent_group = NULL;
	stepmachine_must_refuse(&step_verify, ENOENT, EXIT_VERIFY, "aad_users");
}

static void a_wrong_answer_is_refused(void **state)
{
	static const char *const answers[] = {
		"",
		"\n",
		PROBE "\n",
		PROBE ":*:12345678:1:::\n",
		PROBE ":*:1000:1000:::\n",
		PROBE ":*:10000001:10000001:::\n",
		"other:*:12345678:12345678:::\n",
		PROBE ":*:x:x:::\n",
	};

	(void)state;
	stepmachine_write(AADPASSWD_PATH, "");
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		fake.getent = answers[i];
		stepmachine_must_refuse(&step_verify, EBADMSG, EXIT_VERIFY, PROBE);
	}
}

static void asking_must_not_make_an_account(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, PROBE ":" OID "1:12345678:12345678::/home/p:/bin/bash\n");
	stepmachine_must_refuse(&step_verify, EEXIST, EXIT_VERIFY, PROBE);
}

static void a_key_that_nobody_signed_must_not_pass(void **state)
{
	(void)state;
	stepmachine_write(AADPASSWD_PATH, "");
	fake.key_command = "ssh-ed25519 AAAA\n";
	stepmachine_must_refuse(&step_verify, EBADMSG, EXIT_VERIFY, "aad_certhandler");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEP_TEST(config_makes_files_and_directories),
		STEP_TEST(the_user_that_a_package_would_bring_is_foretold),
		STEP_TEST(config_keeps_the_proxys_password_apart),
		STEP_TEST(config_goes_without_a_trace),
		STEP_TEST(config_needs_the_packages_user),
		STEP_TEST(accounts_starts_with_nobody),
		STEP_TEST(accounts_goes_without_a_trace),
		STEP_TEST(the_accounts_are_indexed_with_them_and_by_the_next_login),
		STEP_TEST(people_with_a_home_survive_in_the_ledger),
		STEP_TEST(a_ledger_is_merged_and_never_lost),
		STEP_TEST(somebody_elses_accounts_come_back),
		STEP_TEST(users_of_another_product_stay_with_ids_and_homes),
		STEP_TEST(users_whom_another_product_deleted_meanwhile_stay),
		STEP_TEST(users_of_another_product_stay_wherever_a_run_was_killed),
		STEP_TEST(what_of_another_products_file_is_nobodys_is_told),
		STEP_TEST(deleted_users_do_not_come_back),
		STEP_TEST(what_the_runtime_writes_is_no_drift),
		STEP_TEST(modes_of_the_accounts_are_put_right),
		STEP_TEST(accounts_that_others_could_write_are_put_right),
		STEP_TEST(accounts_of_others_are_refused),
		STEP_TEST(somebody_elses_accounts_must_be_safe),
		STEP_TEST(untrusted_accounts_go_all_the_same),
		STEP_TEST(our_word_goes_even_if_the_accounts_cannot),
		STEP_TEST(accounts_without_our_mark_are_known_by_the_ledger),
		STEP_TEST(somebody_elses_accounts_stay_although_the_ledger_knows_them),
		STEP_TEST(a_killed_run_is_completed_by_the_next),
		STEP_TEST(a_killed_revert_is_completed_by_the_next),
		STEP_TEST(what_killed_writes_left_goes_with_the_rest),
		STEP_TEST(what_is_being_written_is_left_alone),
		STEP_TEST(an_index_that_a_killed_run_did_not_make_is_made),
		STEP_TEST(a_running_nscd_is_told),
		STEP_TEST(a_missing_line_of_nsswitch_is_named),
		STEP_TEST(nsswitch_of_the_vendors_is_copied_and_goes_again),
		STEP_TEST(a_directory_in_the_vendors_nsswitch_counts),
		STEP_TEST(a_directory_needs_the_users_domains),
		STEP_TEST(a_directory_without_a_configuration_is_none),
		STEP_TEST(pam_puts_our_line_first),
		STEP_TEST(what_others_can_write_is_not_in_force),
		STEP_TEST(pam_takes_another_products_lines_out),
		STEP_TEST(pam_follows_authselects_link_alone),
		STEP_TEST(pam_names_the_file_that_it_cannot_take_them_out_of),
		STEP_TEST(pam_comes_out_wherever_it_is),
		STEP_TEST(one_pam_file_that_cannot_be_edited_keeps_no_other),
		STEP_TEST(pam_follows_the_services_names),
		STEP_TEST(a_service_is_a_file_of_pam_d),
		STEP_TEST(a_missing_service_is_a_hole),
		STEP_TEST(a_service_of_the_vendors_is_copied_and_goes_again),
		STEP_TEST(a_copy_that_the_vendor_has_gone_beyond_is_told),
		STEP_TEST(a_service_without_account_stack_is_named),
		STEP_TEST(a_sudo_that_does_not_ask_is_refused),
		STEP_TEST(a_sudo_that_does_not_name_its_user_is_refused),
		STEP_TEST(the_service_of_sudo_with_askpass_asks_too),
		STEP_TEST(every_file_of_sudoers_is_searched),
		STEP_TEST(a_setting_for_some_is_told_with_its_remedy),
		STEP_TEST(pam_goes_on_without_sudo),
		STEP_TEST(sudo_rs_asks_by_its_own_services),
		STEP_TEST(sudo_rs_alone_asks_too),
		STEP_TEST(pam_needs_sshd),
		STEP_TEST(a_machine_without_pam_d_has_nothing_to_take_out),
		STEP_TEST(sudo_gets_the_rule),
		STEP_TEST(a_local_group_of_the_administrators_name_is_refused),
		STEP_TEST(a_rule_that_others_could_write_is_put_right_and_goes),
		STEP_TEST(a_rule_that_visudo_refuses_is_not_published),
		STEP_TEST(a_directory_that_sudo_does_not_read_is_refused),
		STEP_TEST(sudos_main_file_can_be_elsewhere),
		STEP_TEST(sudo_can_look_for_its_main_file_in_several_places),
		STEP_TEST(an_old_sudo_rs_edits_for_nobody),
		STEP_TEST(without_sudo_there_is_nothing_to_do),
		STEP_TEST(without_selinux_nothing_is_run),
		STEP_TEST(the_module_is_loaded_and_contexts_set),
		STEP_TEST(sudo_of_a_confined_user_may_read_the_rule),
		STEP_TEST(a_loaded_module_is_left_alone),
		STEP_TEST(wrong_contexts_are_put_right),
		STEP_TEST(the_module_is_removed),
		STEP_TEST(an_old_semodule_tells_no_hash),
		STEP_TEST(another_version_of_the_module_is_replaced),
		STEP_TEST(a_version_that_cannot_be_loaded_leaves_the_one_before),
		STEP_TEST(somebody_elses_priority_is_another_module),
		STEP_TEST(contexts_that_stay_wrong_are_refused),
		STEP_TEST(a_module_that_cannot_be_loaded_is_refused),
		STEP_TEST(a_module_that_is_not_listed_is_refused),
		STEP_TEST(a_missing_package_is_named),
		STEP_TEST(a_missing_semodule_is_named),
		STEP_TEST(while_selinux_is_off_its_policy_gets_the_module_too),
		STEP_TEST(while_selinux_is_off_nothing_is_missed),
		STEP_TEST(a_file_that_is_new_gets_the_context_that_the_policy_has_for_it),
		STEP_TEST(a_context_that_cannot_be_set_is_noted),
		STEP_TEST(microsofts_module_is_named),
		STEP_TEST(verify_asks_for_a_name_and_a_key),
		STEP_TEST(verify_says_when_the_identity_cannot_read_roles),
		STEP_TEST(verify_leaves_the_roles_to_a_later_run),
		STEP_TEST(verify_asks_in_the_first_domain),
		STEP_TEST(a_name_that_does_not_resolve_is_refused),
		STEP_TEST(a_group_that_is_not_known_is_refused),
		STEP_TEST(a_wrong_answer_is_refused),
		STEP_TEST(asking_must_not_make_an_account),
		STEP_TEST(a_key_that_nobody_signed_must_not_pass),
	};

	struct CMUnitTest port_tests[ARRAY_LEN(port_rows)];
	int failed = cmocka_run_group_tests_name("steps", tests, NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(port_rows); i++)
		port_tests[i] = (struct CMUnitTest){
			.name = port_rows[i].name,
			.test_func = ports_are_asked_for,
			.setup_func = stepmachine_open,
			.teardown_func = stepmachine_close,
			.initial_state = (void *)(uintptr_t)&port_rows[i],
		};
	return failed +
	       cmocka_run_group_tests_name("ports that SELinux must allow", port_tests, NULL, NULL);
}
