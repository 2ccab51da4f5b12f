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
#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/certhandler.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"

#define PLAIN_KEY "AAAAB3NzaC1yc2EAAAADAQABAAABAQC7"
#define RECORD HANDOFF_DIR "/4711"
#define OTHER_GUID "11111111-93c4-4be1-8f07-2f6c1b7a9e30"

/* Ask as sshd does; what is printed goes to *ret. */
static enum reason ask_as(struct fakelogin *fake, const char *user, const char *key,
			  struct buf *ret)
{
	struct log log = LOG_INIT;
	struct err err = {0};
	int r = certhandler_answer(fakelogin_sys(fake), user, key, FAKELOGIN_PARENT, &log, ret,
				   &err);

	return r == 0 ? REASON_NONE : reason_of(&err);
}

/* With alice's good certificate, and nothing printed. */
static enum reason refused(struct fakelogin *fake)
{
	AUTO_BUF key = {0};
	AUTO_BUF line = {0};
	enum reason reason;

	fakelogin_certificate(fake, NULL, &key);
	reason = ask_as(fake, FAKELOGIN_NAME, buf_text(&key), &line);
	assert_int_equal(line.len, 0);
	assert_false(fs_exists(fakelogin_sys(fake), RECORD));
	return reason;
}

static void leave_record(struct fakelogin *fake)
{
	scratch_write(&fake->scratch, RECORD, "of an earlier key", 0600);
}

static void a_good_certificate_gets_its_line_and_a_record(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF key = {0};
	AUTO_BUF line = {0};
	AUTO_BUF expected = {0};

	fakelogin_entra(fake);
	fakelogin_certificate(fake, NULL, &key);
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, buf_text(&key), &line), REASON_NONE);
	buf_str(&expected, "cert-authority,principals=\"Alice@contoso.com\" ssh-rsa ");
	base64_encode(buf_bytes(&fake->ca_blob), &expected);
	buf_str(&expected, "\n");
	assert_string_equal(buf_text(&line), buf_text(&expected));
	assert_true(fs_exists(fakelogin_sys(fake), RECORD));
}

static void a_name_without_our_shape_causes_no_access_at_all(void **state)
{
	static const char *const names[] = {
		"root", "", "a@b", "../x@y.z", "alice@contoso.com/", "-x@contoso.com"};
	struct fakelogin *fake = *state;
	int rootfd = fakelogin_sys(fake)->rootfd;
	AUTO_BUF key = {0};
	AUTO_BUF line = {0};

	fakelogin_certificate(fake, NULL, &key);
	fakelogin_sys(fake)->rootfd = -1; /* every access would fail, and be told */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(ask_as(fake, names[i], buf_text(&key), &line), REASON_NONE);
	fakelogin_sys(fake)->rootfd = rootfd;
	assert_int_equal(line.len, 0);
}

static void a_plain_key_removes_the_record_and_reads_nothing(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF line = {0};

	leave_record(fake);
	scratch_write(&fake->scratch, CONF_PATH, "nonsense\n", 0644);
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, PLAIN_KEY, &line), REASON_NONE);
	assert_int_equal(line.len, 0);
	assert_false(fs_exists(fakelogin_sys(fake), RECORD));
}

static void another_domain_is_not_ours(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_conf(fake, "user_domains fabrikam.com\n");
	leave_record(fake);
	assert_int_equal(refused(fake), REASON_NONE);
}

static void the_name_may_come_in_capitals(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF key = {0};
	AUTO_BUF line = {0};

	fakelogin_entra(fake);
	fakelogin_certificate(fake, NULL, &key);
	assert_int_equal(ask_as(fake, "ALICE@Contoso.com", buf_text(&key), &line), REASON_NONE);
	assert_true(line.len > 0);
}

static void a_refusal_leaves_no_record(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	leave_record(fake);
	fake->shared->realtime_s += 7200;
	assert_int_equal(refused(fake), REASON_CERT_EXPIRED);
}

static void without_a_configuration_nobody_is_accepted(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	assert_int_equal(fs_remove(fakelogin_sys(fake), CONF_PATH, &err), 0);
	leave_record(fake);
	assert_int_equal(refused(fake), REASON_NOT_CONFIGURED);
}

static void without_the_pam_module_nobody_is_accepted(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	fakelogin_entra(fake);
	assert_int_equal(fs_remove(fakelogin_sys(fake), "/usr/lib64/security/pam_aad.so", &err), 0);
	assert_int_equal(refused(fake), REASON_NOT_CONFIGURED);
}

/* As a package leaves it that puts its own file back. */
static void without_our_line_in_the_pam_files_nobody_is_accepted(void **state)
{
	static const char *const paths[] = {"/etc/pam.d/sshd", "/etc/pam.d/sudo",
					    "/etc/pam.d/sudo-i"};
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	scratch_write(&fake->scratch, "/etc/pam.d/sudo-i",
		      "account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore "
		      "default=die] pam_aad.so admin\n",
		      0644);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO_FREE char *ours = fakelogin_text(fake, paths[i]);

		leave_record(fake);
		scratch_write(&fake->scratch, paths[i], "@include common-account\n", 0644);
		assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
		scratch_write(&fake->scratch, paths[i], ours, 0644);
	}
}

/* Who could take the line out decides for whom the role is asked. */
static void pam_files_that_others_can_write_let_nobody_in(void **state)
{
	static const char *const paths[] = {"/etc/pam.d/sshd", "/etc/pam.d/sudo", "/etc/pam.d"};
	static const mode_t modes[] = {0666, 0664, 0777};
	struct fakelogin *fake = *state;
	int root = fakelogin_sys(fake)->rootfd;

	fakelogin_entra(fake);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		assert_int_equal(fchmodat(root, paths[i] + 1, modes[i], 0), 0);
		assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
		assert_int_equal(fchmodat(root, paths[i] + 1, modes[i] & 0755, 0), 0);
	}
}

static void without_a_pam_file_of_sshd_nobody_is_accepted(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	fakelogin_entra(fake);
	assert_int_equal(fs_remove(fakelogin_sys(fake), "/etc/pam.d/sshd", &err), 0);
	assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
}

/* PAM would take the vendor's file, or the service `other`, and ask nobody for the role. */
static void without_a_pam_file_of_sudo_nobody_is_accepted(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	fakelogin_entra(fake);
	assert_int_equal(fs_remove(fakelogin_sys(fake), "/etc/pam.d/sudo", &err), 0);
	assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
	scratch_write(&fake->scratch, "/usr/lib/pam.d/sudo", "@include common-account\n", 0644);
	assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
}

static void a_vendors_file_of_sudos_login_without_our_line_counts(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	scratch_write(&fake->scratch, "/usr/lib/pam.d/sudo-i", "@include common-account\n", 0644);
	assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
}

static void a_sudo_of_another_name_counts_too(void **state)
{
	static const char *const programs[] = {"/usr/bin/sudo-rs", "/usr/bin/sudo.ws"};
	struct fakelogin *fake = *state;
	struct err err = {0};

	fakelogin_entra(fake);
	scratch_write(&fake->scratch, "/etc/pam.d/sudo", "@include common-account\n", 0644);
	scratch_write(&fake->scratch, "/etc/sudoers", "", 0440);
	assert_int_equal(fs_remove(fakelogin_sys(fake), "/usr/bin/sudo", &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		scratch_write(&fake->scratch, programs[i], "", 0755);
		assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
		assert_int_equal(fs_remove(fakelogin_sys(fake), programs[i], &err), 0);
	}
}

static void a_sudo_rs_without_rules_does_not_count(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};
	AUTO_BUF key = {0};
	AUTO_BUF line = {0};

	fakelogin_entra(fake);
	fakelogin_certificate(fake, NULL, &key);
	scratch_write(&fake->scratch, "/etc/pam.d/sudo", "@include common-account\n", 0644);
	assert_int_equal(fs_remove(fakelogin_sys(fake), "/usr/bin/sudo", &err), 0);
	scratch_write(&fake->scratch, "/usr/bin/sudo-rs", "", 0755);
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, buf_text(&key), &line), REASON_NONE);
	assert_true(line.len > 0);
	scratch_write(&fake->scratch, "/etc/sudoers-rs", "", 0440);
	assert_int_equal(refused(fake), REASON_PAM_LINE_MISSING);
}

/* Its PAM file stays when a package is removed but not purged. */
static void where_there_is_no_sudo_its_pam_file_does_not_count(void **state)
{
	static const char *const paths[] = {"/usr/bin/sudo", "/etc/pam.d/sudo"};
	struct fakelogin *fake = *state;
	struct err err = {0};
	AUTO_BUF key = {0};

	fakelogin_entra(fake);
	fakelogin_certificate(fake, NULL, &key);
	scratch_write(&fake->scratch, "/etc/pam.d/sudo", "@include common-account\n", 0644);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO_BUF line = {0};

		assert_int_equal(fs_remove(fakelogin_sys(fake), paths[i], &err), 0);
		assert_int_equal(ask_as(fake, FAKELOGIN_NAME, buf_text(&key), &line), REASON_NONE);
		assert_true(line.len > 0);
	}
}

/* What sshd passes is the entry's name, which a local account can have in capitals. */
static void a_certificate_opens_no_local_account(void **state)
{
	static const char *const names[] = {FAKELOGIN_NAME, "Alice@contoso.com"};
	struct fakelogin *fake = *state;
	AUTO_FREE char *before = fakelogin_text(fake, "/etc/passwd");
	AUTO_BUF key = {0};
	AUTO_BUF ours = {0};

	fakelogin_entra(fake);
	fakelogin_certificate(fake, NULL, &key);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF passwd = {0};
		AUTO_BUF line = {0};

		buf_printf(&passwd, "%s%s:x:1000:1000::/home/a:/bin/sh\n", before, names[i]);
		scratch_write(&fake->scratch, "/etc/passwd", buf_text(&passwd), 0644);
		leave_record(fake);
		assert_int_equal(ask_as(fake, names[i], buf_text(&key), &line),
				 REASON_LOCAL_ACCOUNT);
		assert_int_equal(line.len, 0);
		assert_false(fs_exists(fakelogin_sys(fake), RECORD));
	}
	/* The last one is another account than this, which is ours. */
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, buf_text(&key), &ours), REASON_NONE);
	assert_true(ours.len > 0);
}

static void without_a_place_for_the_record_nobody_is_accepted(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	fakelogin_entra(fake);
	assert_int_equal(fs_rmdir(fakelogin_sys(fake), HANDOFF_DIR, &err), 0);
	assert_int_equal(refused(fake), REASON_INTERNAL);
}

static void write_user(struct fakelogin *fake, const char *oid, mode_t mode)
{
	AUTO_BUF line = {0};

	buf_printf(&line, FAKELOGIN_NAME ":%s:10000100:10000100::/home/a:/bin/bash\n", oid);
	scratch_write(&fake->scratch, AADPASSWD_PATH, buf_text(&line), mode);
}

static void a_name_of_another_account_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	write_user(fake, OTHER_GUID, 0644);
	assert_int_equal(refused(fake), REASON_OID_MISMATCH);
}

static void a_list_of_users_that_others_can_write_refuses_all(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	write_user(fake, CERTMAKE_OID, 0666);
	assert_int_equal(refused(fake), REASON_INTERNAL);
}

static void what_is_no_base64_is_malformed(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF key = {0};
	AUTO_BUF line = {0};

	fakelogin_certificate(fake, NULL, &key);
	buf_str(&key, "!");
	assert_int_equal(ask_as(fake, FAKELOGIN_NAME, buf_text(&key), &line),
			 REASON_CERT_MALFORMED);
	assert_int_equal(line.len, 0);
}

static void the_program_does_nothing_as_root_or_without_arguments(void **state)
{
	struct fakelogin *fake = *state;
	char program[] = "aad_certhandler", name[] = FAKELOGIN_NAME, key[] = PLAIN_KEY;
	char *argv[] = {program, name, key, NULL};

	leave_record(fake);
	assert_int_equal(certhandler_main(fakelogin_sys(fake), 2, argv), 0);
	if (geteuid() == 0)
		assert_int_equal(certhandler_main(fakelogin_sys(fake), 3, argv), 0);
	assert_true(fs_exists(fakelogin_sys(fake), RECORD));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_good_certificate_gets_its_line_and_a_record),
		T(a_name_without_our_shape_causes_no_access_at_all),
		T(a_plain_key_removes_the_record_and_reads_nothing),
		T(another_domain_is_not_ours),
		T(the_name_may_come_in_capitals),
		T(a_refusal_leaves_no_record),
		T(without_a_configuration_nobody_is_accepted),
		T(without_the_pam_module_nobody_is_accepted),
		T(without_our_line_in_the_pam_files_nobody_is_accepted),
		T(pam_files_that_others_can_write_let_nobody_in),
		T(without_a_pam_file_of_sshd_nobody_is_accepted),
		T(without_a_pam_file_of_sudo_nobody_is_accepted),
		T(a_vendors_file_of_sudos_login_without_our_line_counts),
		T(a_sudo_of_another_name_counts_too),
		T(a_sudo_rs_without_rules_does_not_count),
		T(where_there_is_no_sudo_its_pam_file_does_not_count),
		T(a_certificate_opens_no_local_account),
		T(without_a_place_for_the_record_nobody_is_accepted),
		T(a_name_of_another_account_is_refused),
		T(a_list_of_users_that_others_can_write_refuses_all),
		T(what_is_no_base64_is_malformed),
		T(the_program_does_nothing_as_root_or_without_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
