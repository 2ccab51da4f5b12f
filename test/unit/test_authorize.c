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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/aadpasswd.h"
#include "lib/sys/userindex.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/core/uid.h"
#include "lib/sys/fs.h"
#include "payload/login/authorize.h"
#include "payload/login/places.h"
#include "payload/login/record.h"
#include "payload/login/uidpick.h"
#include "payload/pam/answer.h"
#include "test/unit/fakearm.h"
#include "test/unit/fakeimds.h"

#define OTHER_GUID "11111111-93c4-4be1-8f07-2f6c1b7a9e30"
#define HOME "/home/" FAKELOGIN_NAME
#define MINUTE_NS (60ll * 1000000000)

static const struct uid_range range = {10000000, 10001039};

/* A login sets up a home, which only root can give away. */
static int setup(void **state)
{
	struct fakelogin *fake = fakelogin_new();

	fakelogin_entra(fake);
	fakearm_usual(fake);
	*state = fake;
	return 0;
}

static bool is_root(void)
{
	return geteuid() == 0;
}

static uint32_t wanted(void)
{
	return uid_of_name(FAKELOGIN_NAME, range);
}

/* ---- a login: the key command left its record, now PAM asks */

struct question {
	const char *record_name; /* NULL: alice */
	const struct certmake *shape;
};

static int write_record(struct fakelogin *fake, void *arg)
{
	const struct question *question = arg;
	struct certmake usual = fakelogin_shape(fake);
	struct err err = {0};
	AUTO_BUF cert = {0};

	certmake_build(question->shape ? question->shape : &usual, &cert);
	return record_write(fakelogin_sys(fake), FAKELOGIN_PARENT,
			    question->record_name ? question->record_name : FAKELOGIN_NAME,
			    buf_bytes(&cert), &err);
}

static void leave_record(struct fakelogin *fake)
{
	struct question question = {.shape = NULL};

	assert_int_equal(fakelogin_as_service(fake, write_record, &question), 0);
}

static enum reason ask_as(struct fakelogin *fake, bool admin, const char *name, uint32_t uid,
			  struct authorize_result *ret)
{
	const struct authorize_request request = {.admin = admin,
						  .name = name,
						  .uid = uid,
						  .service = "sshd",
						  .rhost = "-",
						  .parent = FAKELOGIN_PARENT};
	struct err err = {0};
	AUTO_CONF conf = {0};

	fakelogin_load(fake, &conf);
	return authorize(fakelogin_sys(fake), &conf, &request, ret, &err) == 0 ? REASON_NONE
									       : reason_of(&err);
}

static enum reason login(struct fakelogin *fake)
{
	struct authorize_result result;

	leave_record(fake);
	return ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result);
}

static enum reason login_without_record(struct fakelogin *fake)
{
	struct authorize_result result;

	return ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result);
}

static enum reason sudo(struct fakelogin *fake)
{
	struct authorize_result result;

	return ask_as(fake, true, FAKELOGIN_NAME, wanted(), &result);
}

static bool set_up(struct fakelogin *fake)
{
	return fs_exists(fakelogin_sys(fake), HOME) ||
	       fs_exists(fakelogin_sys(fake), AADPASSWD_PATH) ||
	       fs_exists(fakelogin_sys(fake), LEDGER_PATH);
}

static bool is_listed(struct fakelogin *fake)
{
	AUTO_FREE char *text = fakelogin_text(fake, AADADMINS_PATH);

	return aadadmins_has(span_of(text), span_of(FAKELOGIN_NAME));
}

static void write_user(struct fakelogin *fake, const char *oid, uint32_t id)
{
	AUTO_BUF line = {0};

	buf_printf(&line, FAKELOGIN_NAME ":%s:%u:%u::" HOME ":/bin/bash\n", oid, id, id);
	scratch_write(&fake->scratch, AADPASSWD_PATH, buf_text(&line), 0644);
}

/* A file was written so long ago. */
static void write_time(struct fakelogin *fake, const char *path, int64_t seconds)
{
	time_t when = (time_t)(fake->shared->realtime_s - seconds);
	const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};

	if (fs_exists(fakelogin_sys(fake), path))
		assert_int_equal(utimensat(fakelogin_sys(fake)->rootfd, path + 1, times, 0), 0);
}

static void written_s_ago(struct fakelogin *fake, int64_t seconds)
{
	write_time(fake, "/etc/passwd", seconds);
	write_time(fake, "/etc/group", seconds);
	write_time(fake, AADPASSWD_PATH, seconds);
}

/* ---- logging in */

static void a_user_gets_in_and_is_set_up(void **state)
{
	struct fakelogin *fake = *state;
	struct authorize_result result;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_USER);
	leave_record(fake);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result), REASON_NONE);
	assert_string_equal(result.oid, CERTMAKE_OID);
	assert_string_equal(result.tenant, CERTMAKE_TID);
	assert_true(fs_exists(fakelogin_sys(fake), HOME));
	assert_false(is_listed(fake));
}

/* After a crash, an edit by hand, or an update of a version that had none. */
static void the_login_of_one_who_is_set_up_mends_the_index(void **state)
{
	struct fakelogin *fake = *state;
	struct sys *sys = fakelogin_sys(fake);
	AUTO_FREE char *text = NULL;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_USER);
	assert_int_equal(login(fake), REASON_NONE);
	assert_true(userindex_is_current(sys));
	text = fakelogin_text(fake, AADPASSWD_PATH);
	scratch_write(&fake->scratch, AADPASSWD_PATH, text, 0644);
	assert_false(userindex_is_current(sys));
	assert_int_equal(login(fake), REASON_NONE);
	assert_true(userindex_is_current(sys));
}

static void an_administrator_gets_in_and_is_listed(void **state)
{
	struct fakelogin *fake = *state;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(login(fake), REASON_NONE);
	assert_true(is_listed(fake));
}

static void without_a_role_nothing_is_set_up(void **state)
{
	struct fakelogin *fake = *state;

	assert_int_equal(login(fake), REASON_ROLE_MISSING);
	assert_false(set_up(fake));
	assert_int_equal(login_without_record(fake), REASON_RECORD_MISSING);
}

static void a_deny_assignment_keeps_out(void **state)
{
	struct fakelogin *fake = *state;
	struct authorize_result result;

	fakearm_assign(fake, FAKEARM_ADMIN);
	fakearm_reply(fake, "/denyAssignments",
		      "{\"value\":[{\"id\":\"/d/2\",\"properties\":{\"scope\":\"/\","
		      "\"permissions\":[{\"dataActions\":[\"*\"]}],\"principals\":[{\"id\":"
		      "\"" CERTMAKE_OID "\",\"type\":\"User\"}]}}]}");
	leave_record(fake);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result),
			 REASON_ROLE_DENIED);
	assert_string_equal(result.decision.login.id, "/d/2");
	assert_false(set_up(fake));
}

static void without_a_certificate_nobody_is_asked_about(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(login_without_record(fake), REASON_RECORD_MISSING);
	write_user(fake, CERTMAKE_OID, wanted());
	assert_int_equal(login_without_record(fake), REASON_RECORD_MISSING);
	assert_int_equal(fake->shared->requests, 0);
}

static void kept_authorized_keys_let_in_who_is_set_up(void **state)
{
	struct fakelogin *fake = *state;

	if (!is_root())
		skip();
	fakelogin_conf(fake, "authorized_keys keep\n");
	fakearm_assign(fake, FAKEARM_USER);
	assert_int_equal(login_without_record(fake), REASON_RECORD_MISSING);
	assert_false(set_up(fake));
	write_user(fake, CERTMAKE_OID, wanted());
	assert_int_equal(login_without_record(fake), REASON_NONE);
}

static void kept_authorized_keys_need_the_role_too(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_conf(fake, "authorized_keys keep\n");
	write_user(fake, CERTMAKE_OID, wanted());
	assert_int_equal(login_without_record(fake), REASON_ROLE_MISSING);
}

static void a_record_of_another_name_is_refused(void **state)
{
	struct fakelogin *fake = *state;
	struct question question = {.record_name = "bob@contoso.com"};
	struct authorize_result result;

	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(fakelogin_as_service(fake, write_record, &question), 0);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result),
			 REASON_RECORD_MALFORMED);
	assert_int_equal(fake->shared->requests, 0);
}

static void a_record_that_names_another_than_its_certificate_is_refused(void **state)
{
	struct fakelogin *fake = *state;
	struct question question = {.record_name = "bob@contoso.com"};
	struct authorize_result result;

	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(fakelogin_as_service(fake, write_record, &question), 0);
	assert_int_equal(ask_as(fake, false, "bob@contoso.com", 10000500, &result),
			 REASON_PRINCIPAL_MISMATCH);
}

static void every_check_of_the_certificate_is_repeated(void **state)
{
	struct fakelogin *fake = *state;
	struct certmake shape = fakelogin_shape(fake);
	struct question question = {.shape = &shape};
	struct authorize_result result;
	AUTO_BUF blob = {0};
	EVP_PKEY *other = certmake_key(2048, &blob);

	fakearm_assign(fake, FAKEARM_ADMIN);
	shape.signer = other;
	assert_int_equal(fakelogin_as_service(fake, write_record, &question), 0);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result),
			 REASON_SIGNATURE_INVALID);
	shape.ca = buf_bytes(&blob);
	assert_int_equal(fakelogin_as_service(fake, write_record, &question), 0);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result),
			 REASON_CA_NOT_TRUSTED);
	fake->shared->realtime_s += 7200;
	assert_int_equal(login(fake), REASON_CERT_EXPIRED);
	EVP_PKEY_free(other);
}

static void a_namesake_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	write_user(fake, OTHER_GUID, wanted());
	assert_int_equal(login(fake), REASON_OID_MISMATCH);
}

static void a_namesake_of_somebody_remembered_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	scratch_write(&fake->scratch, LEDGER_PATH,
		      FAKELOGIN_NAME ":" OTHER_GUID ":10000500:10000500::/home/a:/bin/sh\n", 0600);
	assert_int_equal(login(fake), REASON_OID_MISMATCH);
}

static void a_name_outside_our_domains_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_conf(fake, "user_domains fabrikam.com\n");
	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(login(fake), REASON_NOT_CONFIGURED);
	assert_int_equal(fake->shared->requests, 0);
}

static void a_uid_that_is_not_the_recorded_one_is_refused_at_once(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	write_user(fake, CERTMAKE_OID, wanted() == 10000500 ? 10000501 : 10000500);
	assert_int_equal(login(fake), REASON_UID_MISMATCH);
	assert_int_equal(fakelogin_hits(fake, "/roleAssignments"), 0);
}

static void a_uid_of_another_product_counts_outside_the_range(void **state)
{
	struct fakelogin *fake = *state;
	struct authorize_result result;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_USER);
	write_user(fake, CERTMAKE_OID, 1234567);
	scratch_mkdir(&fake->scratch, HOME, 0700);
	fakelogin_own(fake, HOME, 1234567, 1234567);
	written_s_ago(fake, 1003);
	leave_record(fake);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, 1234567, &result), REASON_NONE);
}

static void a_uid_that_somebody_local_has_too_is_refused(void **state)
{
	static const char *const files[] = {"/etc/passwd", "/etc/group"};
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	write_user(fake, CERTMAKE_OID, wanted());
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *before = fakelogin_text(fake, files[i]);
		AUTO_BUF shared = {0};

		buf_printf(&shared, "%stwin:x:%u:%u::/:/bin/sh\n", before, wanted(), wanted());
		scratch_write(&fake->scratch, files[i], buf_text(&shared), 0644);
		assert_int_equal(login(fake), REASON_UID_SHARED);
		assert_int_equal(sudo(fake), REASON_UID_SHARED);
		scratch_write(&fake->scratch, files[i], before, 0644);
	}
	assert_int_equal(sudo(fake), REASON_NONE);
}

static void a_uid_that_was_probed_away_needs_a_second_try(void **state)
{
	struct fakelogin *fake = *state;
	struct authorize_result result;
	AUTO_BUF group = {0};
	uint32_t probed = wanted() == range.last ? range.first + UID_RESERVED : wanted() + 1;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_USER);
	buf_printf(&group, "g:x:%u:\n", wanted());
	scratch_write(&fake->scratch, "/etc/group", buf_text(&group), 0644);
	written_s_ago(fake, 1003);
	assert_int_equal(login(fake), REASON_UID_MISMATCH);
	written_s_ago(fake, 1003);
	leave_record(fake);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, probed, &result), REASON_NONE);
}

/* Alice was bob when she came last. */
static void write_former(struct fakelogin *fake)
{
	static const char line[] =
		"bob@contoso.com:" CERTMAKE_OID ":10000500:10000500::/home/bob:/bin/sh\n";

	scratch_write(&fake->scratch, AADPASSWD_PATH, line, 0644);
	scratch_write(&fake->scratch, LEDGER_PATH, line, 0600);
}

static void a_renamed_account_has_its_uid_again_at_the_next_login(void **state)
{
	struct fakelogin *fake = *state;
	struct authorize_result result;
	AUTO_FREE char *users = NULL;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_USER);
	write_former(fake);
	assert_int_equal(login(fake), REASON_ACCOUNT_RENAMED);
	users = fakelogin_text(fake, AADPASSWD_PATH);
	assert_string_equal(users, FAKELOGIN_NAME ":" CERTMAKE_OID
						  ":10000500:10000500::/home/bob:/bin/sh\n");
	written_s_ago(fake, 1003);
	leave_record(fake);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, 10000500, &result), REASON_NONE);
}

static void a_login_that_is_not_granted_renames_nobody(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_FREE char *users = NULL;

	write_former(fake);
	assert_int_equal(login(fake), REASON_ROLE_MISSING);
	users = fakelogin_text(fake, AADPASSWD_PATH);
	assert_memory_equal(users, "bob@contoso.com:", 16);
}

/* sshd started 1000 s ago, and was told the uid before the group took it. */
static void a_uid_that_was_taken_since_sshd_asked_is_refused(void **state)
{
	static const char *const files[] = {"/etc/passwd", "/etc/group", AADPASSWD_PATH};
	struct fakelogin *fake = *state;
	struct authorize_result result;
	uint32_t probed = wanted() == range.last ? range.first + UID_RESERVED : wanted() + 1;
	AUTO_BUF group = {0};

	fakearm_assign(fake, FAKEARM_USER);
	buf_printf(&group, "g:x:%u:\n", wanted());
	scratch_write(&fake->scratch, "/etc/group", buf_text(&group), 0644);
	scratch_write(&fake->scratch, AADPASSWD_PATH, "", 0644);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		written_s_ago(fake, 1003);
		write_time(fake, files[i], 999);
		leave_record(fake);
		assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, probed, &result),
				 REASON_UID_MISMATCH);
		assert_false(fs_exists(fakelogin_sys(fake), HOME));
	}
}

/*
 * Alice was bob, with another uid than the name gives, when sshd began a login as bob.  She is
 * renamed, bob is free, and its own uid is what PAM is told of it; the session would run with hers.
 */
static void a_login_that_began_before_a_name_was_freed_is_refused(void **state)
{
	struct fakelogin *fake = *state;
	struct authorize_result result;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_USER);
	scratch_write(&fake->scratch, NAMES_FREED_PATH, "", 0600);
	write_time(fake, NAMES_FREED_PATH, 999);
	assert_int_equal(login(fake), REASON_UID_MISMATCH);
	write_time(fake, NAMES_FREED_PATH, 1003);
	leave_record(fake);
	assert_int_equal(ask_as(fake, false, FAKELOGIN_NAME, wanted(), &result), REASON_NONE);
}

static int check_held(struct fakelogin *fake, uint32_t id, pid_t process, struct err *err)
{
	return uidpick_check_held(fakelogin_sys(fake), FAKELOGIN_NAME, range, id, process, err);
}

static void the_names_own_uid_is_never_another(void **state)
{
	struct err err = {0};

	written_s_ago(*state, 0);
	assert_int_equal(check_held(*state, wanted(), FAKELOGIN_PARENT, &err), 0);
}

static struct fakelogin *paused;
static struct sys_ops unpaused;

static int64_t then_pause(int64_t now_ns)
{
	paused->shared->realtime_s += 100;
	paused->shared->boottime_ns += 100 * INT64_C(1000000000);
	return now_ns;
}

static int64_t boottime_then_pause(struct sys *sys)
{
	return then_pause(unpaused.boottime_ns(sys));
}

static int64_t realtime_then_pause(struct sys *sys)
{
	return then_pause(unpaused.realtime_ns(sys));
}

/* It makes the login seem to begin earlier, and never later. */
static void a_pause_between_two_clocks_lets_nobody_in(void **state)
{
	struct err err = {0};

	paused = *state;
	written_s_ago(paused, 999);
	unpaused = paused->scratch.ops;
	paused->scratch.ops.boottime_ns = boottime_then_pause;
	paused->scratch.ops.realtime_ns = realtime_then_pause;
	assert_int_not_equal(check_held(paused, wanted() + 1, FAKELOGIN_PARENT, &err), 0);
	assert_int_equal(reason_of(&err), REASON_UID_MISMATCH);
}

static void a_process_that_cannot_be_looked_at_is_our_failure(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};
	int64_t start_ns = 1;

	written_s_ago(fake, 1003);
	assert_int_equal(record_process_start(fakelogin_sys(fake), 1, &start_ns, &err), -ENOENT);
	assert_int_equal(start_ns, 1);
	assert_int_not_equal(check_held(fake, wanted() + 1, 1, &err), 0);
	assert_int_equal(reason_of(&err), REASON_INTERNAL);
	err = (struct err){0};
	assert_int_not_equal(uidpick_check_freed(fakelogin_sys(fake), 1, &err), 0);
	assert_int_equal(reason_of(&err), REASON_INTERNAL);
	scratch_mkdir(&fake->scratch, "/proc/1", 0755);
	scratch_write(&fake->scratch, "/proc/1/stat", "1 (init) S 0\n", 0444);
	assert_int_equal(record_process_start(fakelogin_sys(fake), 1, &start_ns, &err), -EBADMSG);
	assert_int_equal(start_ns, 1);
}

static void a_home_in_the_way_is_told(void **state)
{
	struct fakelogin *fake = *state;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_USER);
	scratch_mkdir(&fake->scratch, HOME, 0700);
	assert_int_equal(login(fake), REASON_HOME_OWNED);
}

static void who_cannot_be_set_up_does_not_get_on_the_list(void **state)
{
	struct fakelogin *fake = *state;

	if (!is_root())
		skip();
	fakearm_assign(fake, FAKEARM_ADMIN);
	scratch_mkdir(&fake->scratch, HOME, 0700);
	assert_int_equal(login(fake), REASON_HOME_OWNED);
	assert_false(is_listed(fake));
}

static void without_the_service_user_nobody_gets_in(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	leave_record(fake);
	scratch_write(&fake->scratch, "/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644);
	assert_int_equal(login_without_record(fake), REASON_NOT_CONFIGURED);
}

static void without_a_backend_nobody_gets_in(void **state)
{
	struct fakelogin *fake = *state;
	const struct authorize_request request = {
		.name = FAKELOGIN_NAME, .uid = wanted(), .parent = FAKELOGIN_PARENT};
	struct authorize_result result;
	struct err err = {0};
	AUTO_CONF conf = {0};

	fakelogin_load(fake, &conf);
	conf.role_backend = BACKEND_NONE;
	leave_record(fake);
	assert_int_equal(authorize(fakelogin_sys(fake), &conf, &request, &result, &err), -EACCES);
	assert_int_equal(reason_of(&err), REASON_NOT_CONFIGURED);
}

static void a_file_of_roles_needs_no_service(void **state)
{
	struct fakelogin *fake = *state;

	if (!is_root())
		skip();
	fakelogin_conf(fake, "role_backend static\nroles_file /etc/aadsshlogin.roles\n");
	scratch_write(&fake->scratch, "/etc/aadsshlogin.roles", CERTMAKE_OID " admin\n", 0644);
	assert_int_equal(login(fake), REASON_NONE);
	assert_true(is_listed(fake));
	scratch_write(&fake->scratch, "/etc/aadsshlogin.roles", "", 0644);
	assert_int_equal(login(fake), REASON_ROLE_MISSING);
	assert_false(is_listed(fake));
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 0);
}

/* ---- administering */

static void the_administrators_role_is_asked_for_afresh(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	write_user(fake, CERTMAKE_OID, wanted());
	assert_int_equal(sudo(fake), REASON_NONE);
	assert_true(is_listed(fake));
	fake->shared->boottime_ns += MINUTE_NS;
	fakearm_assign(fake, FAKEARM_USER);
	assert_int_equal(sudo(fake), REASON_ADMIN_ROLE_MISSING);
	assert_false(is_listed(fake));
}

static void being_listed_does_not_suffice(void **state)
{
	struct fakelogin *fake = *state;

	write_user(fake, CERTMAKE_OID, wanted());
	scratch_write(&fake->scratch, AADADMINS_PATH, FAKELOGIN_NAME "\n", 0644);
	assert_int_equal(sudo(fake), REASON_ADMIN_ROLE_MISSING);
	assert_false(is_listed(fake));
}

static void who_may_not_log_in_is_not_listed(void **state)
{
	struct fakelogin *fake = *state;

	write_user(fake, CERTMAKE_OID, wanted());
	fakearm_assign(fake, FAKEARM_USER);
	fakearm_reply(fake, "/roleDefinitions/" FAKEARM_USER,
		      "{\"name\":\"" FAKEARM_USER "\",\"properties\":{\"permissions\":[{"
		      "\"actions\":[],\"notActions\":[],\"notDataActions\":[],\"dataActions\":["
		      "\"Microsoft.Compute/virtualMachines/loginAsAdmin/action\"]}]}}");
	assert_int_equal(sudo(fake), REASON_NONE);
	assert_false(is_listed(fake));
}

static void only_who_is_set_up_administers(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	leave_record(fake);
	assert_int_equal(sudo(fake), REASON_RECORD_MISSING);
	scratch_write(&fake->scratch, LEDGER_PATH,
		      FAKELOGIN_NAME ":" CERTMAKE_OID ":10000500:10000500::/home/a:/bin/sh\n",
		      0600);
	assert_int_equal(sudo(fake), REASON_RECORD_MISSING);
	write_user(fake, CERTMAKE_OID, wanted() == 10000500 ? 10000501 : 10000500);
	assert_int_equal(sudo(fake), REASON_UID_MISMATCH);
}

static void administering_leaves_the_record_of_a_login_alone(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_assign(fake, FAKEARM_ADMIN);
	write_user(fake, CERTMAKE_OID, wanted());
	leave_record(fake);
	assert_int_equal(sudo(fake), REASON_NONE);
	assert_true(fs_exists(fakelogin_sys(fake), HANDOFF_DIR "/4711"));
}

/* ---- decisions that are kept */

static void a_decision_serves_a_minute(void **state)
{
	struct fakelogin *fake = *state;

	write_user(fake, CERTMAKE_OID, wanted());
	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(sudo(fake), REASON_NONE);
	fakelogin_rule(fake, (struct fake_rule){"Microsoft.Authorization", 500, 0, "", -1, -1, 0});
	fake->shared->boottime_ns += MINUTE_NS - 1;
	assert_int_equal(sudo(fake), REASON_NONE);
	assert_int_equal(fakelogin_hits(fake, "Microsoft.Authorization"), 0);
	fake->shared->boottime_ns++;
	assert_int_equal(sudo(fake), REASON_BACKEND_UNREACHABLE);
}

static void a_decision_serves_no_longer_than_the_service_says(void **state)
{
	struct fakelogin *fake = *state;

	write_user(fake, CERTMAKE_OID, wanted());
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakelogin_rule(fake,
		       (struct fake_rule){"/denyAssignments", 200, 0, "{\"value\":[]}", 20, -1, 0});
	assert_int_equal(sudo(fake), REASON_NONE);
	fakearm_assign(fake, FAKEARM_USER);
	fake->shared->boottime_ns += 20 * 1000000000ll - 1;
	assert_int_equal(sudo(fake), REASON_NONE);
	fake->shared->boottime_ns++;
	assert_int_equal(sudo(fake), REASON_ADMIN_ROLE_MISSING);
}

/* The grace counts from the decision, however short its life was. */
static void a_short_life_takes_nothing_from_the_grace(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_conf(fake, "offline_grace 100\n");
	write_user(fake, CERTMAKE_OID, wanted());
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakelogin_rule(fake,
		       (struct fake_rule){"/denyAssignments", 200, 0, "{\"value\":[]}", 0, -1, 0});
	assert_int_equal(sudo(fake), REASON_NONE);
	fakelogin_rule(fake, (struct fake_rule){"Microsoft.Authorization", 500, 0, "", -1, -1, 0});
	fake->shared->boottime_ns += 90 * 1000000000ll;
	assert_int_equal(sudo(fake), REASON_NONE);
	fake->shared->boottime_ns += 10 * 1000000000ll;
	assert_int_equal(sudo(fake), REASON_BACKEND_UNREACHABLE);
}

static void a_refusal_serves_a_minute_too(void **state)
{
	struct fakelogin *fake = *state;

	assert_int_equal(login(fake), REASON_ROLE_MISSING);
	fakearm_assign(fake, FAKEARM_USER);
	assert_int_equal(login(fake), REASON_ROLE_MISSING);
	assert_int_equal(fakelogin_hits(fake, "/denyAssignments"), 1);
}

static void an_outage_changes_nothing_about_administrators(void **state)
{
	struct fakelogin *fake = *state;

	write_user(fake, CERTMAKE_OID, wanted());
	scratch_write(&fake->scratch, AADADMINS_PATH, FAKELOGIN_NAME "\n", 0644);
	fakelogin_rule(fake, (struct fake_rule){"Microsoft.Authorization", 500, 0, "", -1, -1, 0});
	assert_int_equal(sudo(fake), REASON_BACKEND_UNREACHABLE);
	assert_true(is_listed(fake));
}

struct outage {
	const char *name;
	const char *conf;
	int64_t later_s;
	const char *role; /* before the outage */
	struct fake_rule rule;
	enum reason reason;
};

static struct outage outages[] = {
	{"an earlier grant does not outlive an outage by itself",
	 NULL,
	 60,
	 FAKEARM_ADMIN,
	 {"Microsoft.Authorization", 500, 0, "", -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE},
	{"but as long as it is configured to",
	 "offline_grace 3600\n",
	 3599,
	 FAKEARM_ADMIN,
	 {"Microsoft.Authorization", 500, 0, "", -1, -1, 0},
	 REASON_NONE},
	{"and no longer",
	 "offline_grace 3600\n",
	 3600,
	 FAKEARM_ADMIN,
	 {"Microsoft.Authorization", 500, 0, "", -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE},
	{"a role that was not there stays missing",
	 "offline_grace 3600\n",
	 60,
	 FAKEARM_USER,
	 {"Microsoft.Authorization", 500, 0, "", -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE},
	{"a service that says no is not out",
	 "offline_grace 3600\n",
	 60,
	 FAKEARM_ADMIN,
	 {"Microsoft.Authorization", 403, 0, "", -1, -1, 0},
	 REASON_BACKEND_REFUSED},
	{"nor one that says nonsense",
	 "offline_grace 3600\n",
	 60,
	 FAKEARM_ADMIN,
	 {"Microsoft.Authorization", 200, 0, "[]", -1, -1, 0},
	 REASON_BACKEND_MALFORMED},
};

static void outage(void **state)
{
	const struct outage *row = *state;
	struct fakelogin *fake = fakelogin_new();

	fakelogin_conf(fake, row->conf);
	fakearm_usual(fake);
	fakearm_assign(fake, row->role);
	write_user(fake, CERTMAKE_OID, wanted());
	assert_int_equal(sudo(fake), strcmp(row->role, FAKEARM_ADMIN) == 0
					     ? REASON_NONE
					     : REASON_ADMIN_ROLE_MISSING);
	fake->shared->boottime_ns += row->later_s * 1000000000;
	fakelogin_rule(fake, row->rule);
	assert_int_equal(sudo(fake), row->reason);
	fakelogin_free(fake);
}

static int lock_for_others(struct fakelogin *fake)
{
	struct err err = {0};

	return decision_lock(fakelogin_sys(fake), CERTMAKE_OID, &err);
}

static void an_earlier_grant_serves_who_waits_for_another_question_too(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_CLOSE int lock = -1;

	fakelogin_conf(fake, "offline_grace 3600\n");
	write_user(fake, CERTMAKE_OID, wanted());
	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(sudo(fake), REASON_NONE);
	fake->shared->boottime_ns += MINUTE_NS;
	lock = lock_for_others(fake);
	assert_true(lock >= 0);
	assert_int_equal(sudo(fake), REASON_NONE);
	fakelogin_conf(fake, NULL);
	assert_int_equal(sudo(fake), REASON_DEADLINE);
}

/* Otherwise an outage would bring back the grant that it replaces. */
static void a_decision_that_the_earlier_one_would_outlive_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	write_user(fake, CERTMAKE_OID, wanted());
	fakearm_assign(fake, FAKEARM_ADMIN);
	scratch_mkdir(&fake->scratch, DECISIONS_DIR "/" CERTMAKE_OID, 0700);
	assert_int_equal(sudo(fake), REASON_INTERNAL);
}

static void a_machine_without_identity_is_told_so(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_rule(fake,
		       (struct fake_rule){"/oauth2/token", 400, 0, FAKE_NO_IDENTITY, -1, -1, 0});
	assert_int_equal(login(fake), REASON_IDENTITY_MISSING);
}

/* ---- the program */

/* Run it with these arguments in a process of its own. */
/* Of Arc, who asks for roles is in the group that may read what HIMDS asks back. */
static void on_arc_the_group_of_its_agent_is_needed(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_conf(fake, "himds http://127.0.0.1:40342\n");
	scratch_write(&fake->scratch, "/proc/self/net/tcp",
		      "heading\n   0: 0100007F:9D96 00000000:0000 0A 0:0 00:0 0 0 0 1\n", 0444);
	fakearm_assign(fake, FAKEARM_USER);
	assert_int_equal(login(fake), REASON_NOT_CONFIGURED);
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 0);
	scratch_write(&fake->scratch, "/etc/group", "root:x:0:\nhimds:x:987:\n", 0644);
	assert_int_equal(login(fake), REASON_NONE);
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 1);
}

static int run_child(struct fakelogin *fake, const char *arguments)
{
	char words[8][64] = {"aad_authorize"}, *argv[9] = {words[0]};
	struct span rest = span_of(arguments), word;
	int argc = 1;

	for (; argc < 8 && span_word(&rest, &word); argc++) {
		if (!span_copy(word, words[argc], sizeof(words[argc])))
			return EXIT_FAILURE;
		argv[argc] = words[argc];
	}
	return authorize_main(fakelogin_sys(fake), argc, argv);
}

/* What it prints. */
static void run_program(struct fakelogin *fake, const char *arguments, struct buf *ret)
{
	char bytes[ANSWER_MAX + 1];
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		_exit(run_child(fake, arguments));
	}
	assert_int_equal(close(ends[1]), 0);
	while ((n = read(ends[0], bytes, sizeof(bytes))) > 0)
		buf_add(ret, bytes, (size_t)n);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void the_program_answers_the_module(void **state)
{
	struct fakelogin *fake = *state;
	char arguments[128];
	AUTO_BUF text = {0};

	if (!is_root())
		skip();
	(void)snprintf(arguments, sizeof(arguments), "admin " FAKELOGIN_NAME " %u sudo -",
		       wanted());
	write_user(fake, CERTMAKE_OID, wanted());
	run_program(fake, arguments, &text);
	assert_int_equal(answer_parse(buf_bytes(&text)).code, ANSWER_ROLE);
	assert_non_null(strstr(buf_text(&text), "loginAsAdmin/action"));
	buf_done(&text);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fake->shared->boottime_ns += MINUTE_NS;
	run_program(fake, arguments, &text);
	assert_string_equal(buf_text(&text), "grant\n");
}

static void without_a_configuration_the_program_refuses(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};

	if (!is_root())
		skip();
	scratch_write(&fake->scratch, CONF_PATH, "nonsense\n", 0644);
	run_program(fake, "login " FAKELOGIN_NAME " 10000500 sshd -", &text);
	assert_int_equal(answer_parse(buf_bytes(&text)).code, ANSWER_CONFIG);
}

static void wrong_arguments_get_no_answer(void **state)
{
	static const char *const wrong[] = {
		"",
		"login " FAKELOGIN_NAME " 10000500 sshd",
		"login " FAKELOGIN_NAME " 10000500 sshd - -",
		"root " FAKELOGIN_NAME " 10000500 sshd -",
		"login root 10000500 sshd -",
		"login Alice@contoso.com 10000500 sshd -",
		"login " FAKELOGIN_NAME " -1 sshd -",
		"login " FAKELOGIN_NAME " 4294967295 sshd -",
	};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO_BUF text = {0};

		run_program(*state, wrong[i], &text);
		assert_int_equal(text.len, 0);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_user_gets_in_and_is_set_up),
		T(the_login_of_one_who_is_set_up_mends_the_index),
		T(an_administrator_gets_in_and_is_listed),
		T(without_a_role_nothing_is_set_up),
		T(a_deny_assignment_keeps_out),
		T(without_a_certificate_nobody_is_asked_about),
		T(kept_authorized_keys_let_in_who_is_set_up),
		T(kept_authorized_keys_need_the_role_too),
		T(a_record_of_another_name_is_refused),
		T(a_record_that_names_another_than_its_certificate_is_refused),
		T(every_check_of_the_certificate_is_repeated),
		T(a_namesake_is_refused),
		T(a_namesake_of_somebody_remembered_is_refused),
		T(a_name_outside_our_domains_is_refused),
		T(a_uid_that_is_not_the_recorded_one_is_refused_at_once),
		T(a_uid_of_another_product_counts_outside_the_range),
		T(a_uid_that_somebody_local_has_too_is_refused),
		T(a_uid_that_was_probed_away_needs_a_second_try),
		T(a_renamed_account_has_its_uid_again_at_the_next_login),
		T(a_login_that_is_not_granted_renames_nobody),
		T(a_uid_that_was_taken_since_sshd_asked_is_refused),
		T(a_login_that_began_before_a_name_was_freed_is_refused),
		T(the_names_own_uid_is_never_another),
		T(a_pause_between_two_clocks_lets_nobody_in),
		T(a_process_that_cannot_be_looked_at_is_our_failure),
		T(a_home_in_the_way_is_told),
		T(who_cannot_be_set_up_does_not_get_on_the_list),
		T(without_the_service_user_nobody_gets_in),
		T(without_a_backend_nobody_gets_in),
		T(a_file_of_roles_needs_no_service),
		T(the_administrators_role_is_asked_for_afresh),
		T(being_listed_does_not_suffice),
		T(who_may_not_log_in_is_not_listed),
		T(only_who_is_set_up_administers),
		T(administering_leaves_the_record_of_a_login_alone),
		T(a_decision_serves_a_minute),
		T(a_decision_serves_no_longer_than_the_service_says),
		T(a_short_life_takes_nothing_from_the_grace),
		T(a_refusal_serves_a_minute_too),
		T(an_outage_changes_nothing_about_administrators),
		T(an_earlier_grant_serves_who_waits_for_another_question_too),
		T(a_decision_that_the_earlier_one_would_outlive_is_refused),
		T(a_machine_without_identity_is_told_so),
		T(on_arc_the_group_of_its_agent_is_needed),
		T(the_program_answers_the_module),
		T(without_a_configuration_the_program_refuses),
		T(wrong_arguments_get_no_answer),
	};
	struct CMUnitTest list[ARRAY_LEN(outages)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(outages); i++)
		list[i] = (struct CMUnitTest){
			.name = outages[i].name, .test_func = outage, .initial_state = &outages[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("outages", list, NULL, NULL);
}
