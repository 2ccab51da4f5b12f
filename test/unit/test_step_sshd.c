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
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/sshd.h"
#include "test/unit/stepmachine.h"

#define WITH_INCLUDE "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"
#define BLOCK_BEGIN "# BEGIN aadsshlogin"

static void remove_file(const char *path)
{
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, path + 1, 0), 0);
}

static bool text_has(const char *path, const char *word)
{
	AUTO_FREE char *text = scratch_text(&sm.scratch, path);

	return text && strstr(text, word);
}

static void the_dropin_is_published_and_proved(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(text_has(SSHD_DROPIN_PATH, "AuthorizedKeysCommand " KEY_COMMAND " %u %k\n"));
	stepmachine_expect_meta(SSHD_DROPIN_PATH, 0644, geteuid(), geteuid() ? getegid() : 0);
	stepmachine_expect(SSHD_MAIN_PATH, WITH_INCLUDE);
	assert_string_equal(sm.result.message, "write " SSHD_DROPIN_PATH
					       ", ask sshd what it makes of it, reload sshd");
	stepmachine_must_apply(&step_sshd, STEP_OK);
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
	stepmachine_expect(SSHD_MAIN_PATH, WITH_INCLUDE);
	stepmachine_must_revert(&step_sshd, STEP_OK);
}

static void the_block_stands_where_nothing_is_included(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, "UsePAM yes");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
	assert_true(text_has(SSHD_MAIN_PATH, "UsePAM yes\n" BLOCK_BEGIN));
	stepmachine_must_apply(&step_sshd, STEP_OK);
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, "UsePAM yes");
}

static void an_included_directory_that_is_missing_gets_the_block(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(sm.scratch.sys.rootfd, "etc/ssh/sshd_config.d", AT_REMOVEDIR), 0);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(text_has(SSHD_MAIN_PATH, BLOCK_BEGIN));
}

#define THEIRS_MATCH                                                                               \
	"Match User *@*,????????"                                                                  \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????????????"
#define THEIRS                                                                                     \
	THEIRS_MATCH "    # Added by aadsshlogin installer\n"                                      \
		     "    AuthenticationMethods publickey\n    PubkeyAuthentication yes\n"         \
		     "    AuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k\n"                 \
		     "    AuthorizedKeysCommandUser root\n"

static void ours_takes_the_place_of_another_products_block(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE THEIRS);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, WITH_INCLUDE);
	assert_true(stepmachine_exists(SSHD_DROPIN_PATH));
	stepmachine_write(SSHD_MAIN_PATH, "UsePAM yes\n" THEIRS);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(text_has(SSHD_MAIN_PATH, "UsePAM yes\n" BLOCK_BEGIN));
	assert_int_equal(sm.result.note_count, 0);
	stepmachine_must_apply(&step_sshd, STEP_OK);
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, "UsePAM yes\n");
}

static void a_line_that_another_products_block_swallowed_is_told_and_stays(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE THEIRS "X11Forwarding no\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, WITH_INCLUDE THEIRS_MATCH "\nX11Forwarding no\n");
	assert_non_null(strstr(sm.result.notes[0], SSHD_MAIN_PATH ":"));
	stepmachine_must_apply(&step_sshd, STEP_OK);
	assert_int_equal(sm.result.note_count, 0);
}

static void the_form_follows_the_main_file(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, "UsePAM yes\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE BLOCK_BEGIN
			  ": this block is managed, other lines are not touched\n"
			  "# END aadsshlogin\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, WITH_INCLUDE);
	assert_true(stepmachine_exists(SSHD_DROPIN_PATH));
	stepmachine_write(SSHD_MAIN_PATH, "UsePAM yes\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(text_has(SSHD_MAIN_PATH, BLOCK_BEGIN));
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
}

static void what_the_owner_adds_meanwhile_stays(void **state)
{
	AUTO_FREE char *text = NULL;
	AUTO_BUF more = {0};

	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, "UsePAM yes\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	text = scratch_text(&sm.scratch, SSHD_MAIN_PATH);
	buf_printf(&more, "# mine\n%sX11Forwarding no\n", text);
	stepmachine_write(SSHD_MAIN_PATH, buf_text(&more));
	stepmachine_must_apply(&step_sshd, STEP_OK);
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, "# mine\nUsePAM yes\nX11Forwarding no\n");
}

static void a_block_without_its_beginning_is_written_anew(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, "UsePAM yes\nMatch User git\nPermitTTY no\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	text = scratch_text(&sm.scratch, SSHD_MAIN_PATH);
	memmove(strstr(text, BLOCK_BEGIN), strstr(text, "Match User *@*"),
		strlen(strstr(text, "Match User *@*")) + 1);
	stepmachine_write(SSHD_MAIN_PATH, text);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 0);
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, "UsePAM yes\nMatch User git\nPermitTTY no\n");
}

static void a_removed_dropin_is_drift(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	remove_file(SSHD_DROPIN_PATH);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(stepmachine_exists(SSHD_DROPIN_PATH));
}

/* Whether anything may be concluded from what the step looked at, with nothing to do. */
static bool can_be_sealed(void)
{
	CLEANUP(witness_done) struct witness witness = {0};

	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	sm.scratch.sys.witness = &witness;
	stepmachine_must_apply(&step_sshd, STEP_OK);
	sm.scratch.sys.witness = NULL;
	return !witness.failed;
}

static void files_that_cannot_be_listed_are_asked_about_each_time(void **state)
{
	(void)state;
	assert_true(can_be_sealed());
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE "Include /etc/ssh/*.more/*.conf\n");
	assert_false(can_be_sealed());
}

/* Of a number that no process has. */
static void an_sshd_with_another_configuration_is_named(void **state)
{
	(void)state;
	scratch_mkdir(&sm.scratch, "/proc", 0755);
	scratch_mkdir(&sm.scratch, "/proc/999999999", 0755);
	assert_int_equal(symlinkat("/usr/sbin/sshd", sm.scratch.sys.rootfd, "proc/999999999/exe"),
			 0);
	assert_int_equal(symlinkat(sm.scratch.dir, sm.scratch.sys.rootfd, "proc/999999999/root"),
			 0);
	stepmachine_write("/proc/999999999/status", "SigCgt:\t0000000000000001\n");
	stepmachine_write("/proc/999999999/cmdline",
			  "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 0);
	stepmachine_write("/proc/999999999/cmdline",
			  "sshd: /usr/sbin/sshd -f /etc/ssh/other [listener] 0 of 10 startups");
	stepmachine_must_apply(&step_sshd, STEP_OK);
	assert_int_equal(sm.result.note_count, 1);
	assert_non_null(strstr(sm.result.notes[0], "999999999 (/usr/sbin/sshd -f /etc/ssh/other)"));
}

static void the_owners_own_error_is_quoted(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE "Foo bar\n");
	stepmachine_must_refuse(
		&step_sshd, EINVAL, EXIT_SSHD,
		"sshd refuses its configuration as it is: /etc/ssh/sshd_config: line 3: "
		"Bad configuration option: Foo");
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
}

static void without_PAM_nobody_would_ask_for_roles(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, "\n\tUsePAM no\n");
	stepmachine_must_refuse(&step_sshd, EPERM, EXIT_SSHD,
				SSHD_MAIN_PATH ":2: sshd is told not to use PAM");
	assert_string_equal(sm.err.remedy, "change " SSHD_MAIN_PATH ":2 to: UsePAM yes");
	stepmachine_expect(SSHD_MAIN_PATH, "\n\tUsePAM no\n");
	stepmachine_write(SSHD_MAIN_PATH, "#UsePAM yes\n");
	stepmachine_must_refuse(&step_sshd, EPERM, EXIT_SSHD, "sshd does not use PAM");
	assert_string_equal(sm.err.remedy, "write at the top of " SSHD_MAIN_PATH ": UsePAM yes");
}

static void PAM_switched_off_later_is_seen(void **state)
{
	struct err err = {0};

	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_write(SSHD_MAIN_PATH, "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM no\n");
	stepmachine_must_refuse(&step_sshd, EPERM, EXIT_SSHD, "PAM");
	assert_int_equal(step_sshd.prove(&sm.machine, &err), -EPERM);
}

static void penalties_are_noted_once_unless_the_owner_switched_them_off(void **state)
{
	struct err err = {0};

	(void)state;
	fake.sshd_penalties = "no";
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_int_equal(step_sshd.prove(&sm.machine, &err), 0);
	assert_int_equal(sm.machine.note_count, 0);
	fake.sshd_penalties = "crash:90 authfail:5";
	assert_int_equal(step_sshd.prove(&sm.machine, &err), 0);
	assert_int_equal(sm.machine.note_count, 1);
	assert_non_null(strstr(sm.machine.notes[0], "PerSourcePenalties"));
}

#define TODAY "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com"

static void an_sshd_that_refuses_our_certificates_gets_the_line_to_write(void **state)
{
	(void)state;
	fake.sshd_algorithms = "pubkeyacceptedkeytypes ssh-ed25519\n";
	stepmachine_must_refuse(&step_sshd, EBADMSG, EXIT_SSHD, "accepts no RSA certificates");
	assert_string_equal(sm.err.remedy,
			    "write at the top of " SSHD_MAIN_PATH
			    ": PubkeyAcceptedKeyTypes +ssh-rsa-cert-v01@openssh.com");
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
}

static void the_line_that_decides_is_named(void **state)
{
	(void)state;
	fake.sshd_algorithms = "casignaturealgorithms rsa-sha2-256\n"
			       "pubkeyacceptedalgorithms ssh-ed25519\n";
	stepmachine_write("/etc/ssh/sshd_config.d/50-policy.conf",
			  "# x\nPubkeyAcceptedKeyTypes ssh-ed25519\n");
	stepmachine_must_refuse(&step_sshd, EBADMSG, EXIT_SSHD, "PubkeyAcceptedAlgorithms");
	assert_string_equal(sm.err.remedy,
			    "write at the top of " SSHD_MAIN_PATH
			    ", as /etc/ssh/sshd_config.d/50-policy.conf:2 decides now: "
			    "PubkeyAcceptedAlgorithms +" TODAY);
	stepmachine_write("/etc/ssh/sshd_config.d/90-match.conf",
			  "Match User alice\nPubkeyAcceptedAlgorithms rsa-sha2-256\n"
			  "Match User *@*\nPubkeyAcceptedAlgorithms ssh-ed25519\n");
	stepmachine_must_refuse(&step_sshd, EBADMSG, EXIT_SSHD, "PubkeyAcceptedAlgorithms");
	assert_string_equal(sm.err.remedy, "change /etc/ssh/sshd_config.d/90-match.conf:4 to: "
					   "PubkeyAcceptedAlgorithms +" TODAY);
}

static void certificates_that_are_refused_later_are_seen(void **state)
{
	struct err err = {0};

	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	fake.sshd_algorithms = "casignaturealgorithms ssh-ed25519\n";
	assert_int_equal(step_sshd.prove(&sm.machine, &err), -EBADMSG);
	assert_int_equal(err.outcome, EXIT_SSHD);
	assert_non_null(strstr(err.remedy, "CASignatureAlgorithms +rsa-sha2-256"));
}

static void what_not_every_client_can_do_is_noted(void **state)
{
	struct err err = {0};

	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	fake.sshd_algorithms = "pubkeyacceptedkeytypes ssh-rsa-cert-v01@openssh.com\n";
	assert_int_equal(step_sshd.prove(&sm.machine, &err), 0);
	assert_int_equal(sm.machine.note_count, 1);
	assert_non_null(strstr(sm.machine.notes[0],
			       "PubkeyAcceptedKeyTypes=+ssh-rsa-cert-v01@openssh.com"));
	fake.sshd_algorithms = "casignaturealgorithms rsa-sha2-256\nrequiredrsasize 3072\n";
	assert_int_equal(step_sshd.prove(&sm.machine, &err), 0);
	assert_int_equal(sm.machine.note_count, 2);
	assert_non_null(strstr(sm.machine.notes[1], "below 3072 bits"));
}

static void an_earlier_Match_is_named(void **state)
{
	(void)state;
	stepmachine_write("/etc/ssh/sshd_config.d/10-other.conf",
			  "# x\nMatch User *\n  AuthorizedKeysCommand /usr/bin/other\n");
	stepmachine_must_refuse(&step_sshd, EEXIST, EXIT_SSHD,
				"/etc/ssh/sshd_config.d/10-other.conf:3: AuthorizedKeysCommand");
	assert_true(strstr(sm.err.remedy, "Match User !*@*") != NULL);
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
}

static void a_later_file_is_no_rival(void **state)
{
	(void)state;
	stepmachine_write("/etc/ssh/sshd_config.d/50-other.conf",
			  "Match User *\n  AuthorizedKeysCommand /usr/bin/other\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
}

static void a_proof_that_fails_puts_the_old_bytes_back(void **state)
{
	(void)state;
	fake.sshd_overruled = true;
	stepmachine_must_refuse(&step_sshd, EBADMSG, EXIT_SSHD,
				"AuthorizedKeysCommand /usr/bin/other instead of " KEY_COMMAND);
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
	stepmachine_expect(SSHD_MAIN_PATH, WITH_INCLUDE);
}

static void what_holds_for_root_must_not_change(void **state)
{
	(void)state;
	fake.sshd_changes_root = true;
	stepmachine_must_refuse(&step_sshd, EBADMSG, EXIT_SSHD, "root");
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
}

static void local_people_are_asked_about_too(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_int_equal(fakeprograms_count("sshd -T -C user=alice,host=localhost,addr=127.0.0.1,"
					    "laddr=127.0.0.1,lport=22"),
			 2);
}

static void local_accounts_with_names_as_ours_are_left_as_they_are(void **state)
{
	AUTO_FREE char *passwd = scratch_text(&sm.scratch, "/etc/passwd");
	AUTO_BUF more = {0};

	(void)state;
	buf_printf(&more, "%sadmin@corp.example:x:1001:1001::/home/a:/bin/sh\n", passwd);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(text_has(SSHD_DROPIN_PATH, "Match User *@*,"));
	stepmachine_write("/etc/passwd", buf_text(&more));
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(text_has(SSHD_DROPIN_PATH, "Match User !admin@corp.example,*@*,"));
	stepmachine_must_apply(&step_sshd, STEP_OK);
	stepmachine_write(SSHD_MAIN_PATH, "UsePAM yes\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_true(text_has(SSHD_MAIN_PATH, "Match User !admin@corp.example,*@*,"));
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, "UsePAM yes\n");
}

static void the_directory_that_debians_sshd_wants_is_made(void **state)
{
	(void)state;
	fake.sshd_wants_directory = true;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_expect_meta("/run/sshd", 0755, geteuid(), geteuid() ? getegid() : 0);
}

static void use_release(const char *says)
{
	fake.sshd_version = says;
	sm.machine.sshd_release = 0;
}

static void releases_are_told_apart(void **state)
{
	(void)state;
	use_release("unknown option -- V\nOpenSSH_7.1p1, OpenSSL 1.0\n");
	stepmachine_must_refuse(&step_sshd, ENOTSUP, EXIT_UNSUPPORTED, "7.1");
	use_release("Dropbear v2020.81\n");
	stepmachine_must_refuse(&step_sshd, EBADMSG, EXIT_SSHD, "OpenSSH");
	use_release("unknown option -- V\nOpenSSH_7.2p2, OpenSSL 1.0\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
}

/* Each costs some milliseconds: five before the change, one that proves it. */
static void sshd_is_asked_no_more_than_needed(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_int_equal(fakeprograms_count("sshd -T -C user=root,"), 2);
	assert_int_equal(fakeprograms_count("sshd -T -C user=alice,"), 2);
	assert_int_equal(
		fakeprograms_count("sshd -T -C user=aadsshlogin-probe@aadsshlogin.invalid,"), 2);
	assert_int_equal(fakeprograms_count("sshd -V"), 1);
	assert_int_equal(fakeprograms_count("sshd "), 7);
	stepmachine_must_apply(&step_sshd, STEP_OK);
	assert_int_equal(fakeprograms_count("sshd "), 8);
}

static void a_reload_that_is_undone_asks_sshd_again(void **state)
{
	struct err err = {0};

	(void)state;
	buf_str(&sm.machine.sshd_proof, "pidfile /run/other.pid\n");
	stepmachine_must_revert(&step_sshd, STEP_OK);
	assert_int_equal(sshd_reload(&sm.machine, &err), 0);
	assert_int_equal(sm.machine.sshd_proof.len, 0);
	assert_int_equal(fakeprograms_count("sshd -T -C user=root,"), 1);
}

static void a_missing_sshd_is_a_missing_dependency(void **state)
{
	(void)state;
	fake.sshd_missing = true;
	stepmachine_must_refuse(&step_sshd, ENOENT, EXIT_DEPENDENCY, "/usr/sbin/sshd");
}

static void it_comes_off_without_sshd_too(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	fake.sshd_missing = true;
	remove_file("/usr/sbin/sshd");
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
}

static void a_broken_configuration_is_not_reloaded(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE "Foo\n");
	assert_int_equal(stepmachine_revert(&step_sshd), -EINVAL);
	assert_int_equal(sm.err.outcome, EXIT_SSHD);
	stepmachine_expect(SSHD_DROPIN_PATH, NULL); /* what could come off did */
}

static void a_main_file_that_is_a_link_is_not_edited(void **state)
{
	(void)state;
	remove_file(SSHD_MAIN_PATH);
	stepmachine_write("/etc/ssh/real", "UsePAM yes\n");
	assert_int_equal(symlinkat("real", sm.scratch.sys.rootfd, "etc/ssh/sshd_config"), 0);
	stepmachine_must_refuse(&step_sshd, EPERM, EXIT_SSHD, SSHD_MAIN_PATH);
	stepmachine_expect("/etc/ssh/real", "UsePAM yes\n");
	/* With a drop-in nothing of it need be edited. */
	stepmachine_write("/etc/ssh/real", WITH_INCLUDE);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
}

static void a_main_file_that_others_can_write_is_not_edited(void **state)
{
	(void)state;
	scratch_write(&sm.scratch, SSHD_MAIN_PATH, "UsePAM yes\n", 0664);
	stepmachine_must_refuse(&step_sshd, EPERM, EXIT_SSHD, SSHD_MAIN_PATH);
}

static void the_vendors_main_file_counts_where_there_is_no_other(void **state)
{
	(void)state;
	remove_file(SSHD_MAIN_PATH);
	stepmachine_must_refuse(&step_sshd, ENOENT, EXIT_SSHD, SSHD_MAIN_PATH);
	stepmachine_write("/usr/etc/ssh/sshd_config", "UsePAM yes\n");
	stepmachine_must_refuse(&step_sshd, ENOENT, EXIT_SSHD, "/usr/etc/ssh/sshd_config");
	assert_non_null(strstr(sm.err.remedy, "copy it to " SSHD_MAIN_PATH));
	stepmachine_write("/usr/etc/ssh/sshd_config", WITH_INCLUDE);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_expect(SSHD_MAIN_PATH, NULL);
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
}

#define CIS_PATH "/etc/ssh/sshd_config.d/90-cis.conf"
#define CIS "Match Address 10.0.0.0/8\nAllowGroups wheel\nDenyGroups *\n"

static void lists_that_keep_some_of_our_users_out_are_noted(void **state)
{
	(void)state;
	stepmachine_write(CIS_PATH, CIS);
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 2);
	assert_string_equal(sm.result.notes[0],
			    CIS_PATH ":2: AllowGroups keeps Entra users out; write below it: "
				     "AllowGroups aad_users");
	assert_int_equal(sm.result.gravity, GRAVITY_RISK);
	stepmachine_expect(CIS_PATH, CIS);
	stepmachine_must_apply(&step_sshd, STEP_OK);
	assert_int_equal(sm.result.note_count, 2);
}

static void a_list_that_keeps_all_of_our_users_out_is_refused(void **state)
{
	(void)state;
	stepmachine_write("/etc/group", "root:x:0:\nwheel:x:10:alice\n");
	stepmachine_write(CIS_PATH, "Match User bob\nAllowGroups x\nMatch all\nPermitTTY no\n");
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE "AllowGroups wheel\n");
	stepmachine_must_refuse(&step_sshd, EACCES, EXIT_SSHD,
				SSHD_MAIN_PATH ":3: AllowGroups keeps all Entra users out");
	assert_string_equal(sm.err.remedy, "write below it: AllowGroups aad_users");
	stepmachine_expect(SSHD_DROPIN_PATH, NULL);
	stepmachine_write("/etc/group", "root:x:0:\nwheel:x:10:alice,bob@contoso.com\n");
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	assert_int_equal(sm.result.note_count, 1);
}

static void the_edit_that_helps_is_a_command_where_a_shell_takes_the_name(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE "DenyUsers *\n");
	stepmachine_must_refuse(&step_sshd, EACCES, EXIT_SSHD, SSHD_MAIN_PATH ":3: DenyUsers");
	assert_string_equal(sm.machine.command, "sed -i '3d' " SSHD_MAIN_PATH);
	sm.machine.command[0] = '\0';
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE "Include /etc/ssh/more/*.conf\n");
	stepmachine_write("/etc/ssh/more/a;b.conf", "DenyUsers *\n");
	stepmachine_must_refuse(&step_sshd, EACCES, EXIT_SSHD,
				"/etc/ssh/more/a;b.conf:1: DenyUsers");
	assert_string_equal(sm.machine.command, "");
}

static void what_is_added_later_is_seen(void **state)
{
	(void)state;
	stepmachine_must_apply(&step_sshd, STEP_CHANGED);
	stepmachine_write(SSHD_MAIN_PATH, WITH_INCLUDE "DenyUsers *\n");
	stepmachine_must_refuse(&step_sshd, EACCES, EXIT_SSHD, SSHD_MAIN_PATH ":3: DenyUsers");
	stepmachine_write(SSHD_MAIN_PATH, "Match LocalPort 2222\nAuthorizedKeysFile none\n"
					  "AuthorizedKeysCommand /x\nMatch all\n" WITH_INCLUDE);
	stepmachine_must_refuse(&step_sshd, EEXIST, EXIT_SSHD,
				SSHD_MAIN_PATH ":3: AuthorizedKeysCommand in an earlier Match");
	stepmachine_must_revert(&step_sshd, STEP_CHANGED);
}

static void a_block_without_end_is_left_for_its_owner(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH,
			  BLOCK_BEGIN ": this block is managed, other lines are not touched\nx\n");
	stepmachine_must_refuse(&step_sshd, EINVAL, EXIT_SSHD, SSHD_MAIN_PATH ":1");
	assert_int_equal(stepmachine_revert(&step_sshd), -EINVAL);
}

static void nested_and_strange_includes_are_read_or_passed_over(void **state)
{
	(void)state;
	stepmachine_write(SSHD_MAIN_PATH,
			  "Include /none/*.conf */x.conf\nInclude more.conf\n" WITH_INCLUDE);
	stepmachine_write("/etc/ssh/more.conf", "Include more.conf /etc/ssh/deep.conf\n");
	stepmachine_write("/etc/ssh/deep.conf",
			  "Match all\nAuthorizedKeysFile .ssh/authorized_keys\n");
	stepmachine_must_refuse(&step_sshd, EEXIST, EXIT_SSHD, "/etc/ssh/deep.conf:2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STEP_TEST(the_dropin_is_published_and_proved),
		STEP_TEST(penalties_are_noted_once_unless_the_owner_switched_them_off),
		STEP_TEST(the_block_stands_where_nothing_is_included),
		STEP_TEST(an_included_directory_that_is_missing_gets_the_block),
		STEP_TEST(ours_takes_the_place_of_another_products_block),
		STEP_TEST(a_line_that_another_products_block_swallowed_is_told_and_stays),
		STEP_TEST(the_form_follows_the_main_file),
		STEP_TEST(what_the_owner_adds_meanwhile_stays),
		STEP_TEST(a_block_without_its_beginning_is_written_anew),
		STEP_TEST(a_removed_dropin_is_drift),
		STEP_TEST(files_that_cannot_be_listed_are_asked_about_each_time),
		STEP_TEST(an_sshd_with_another_configuration_is_named),
		STEP_TEST(the_owners_own_error_is_quoted),
		STEP_TEST(without_PAM_nobody_would_ask_for_roles),
		STEP_TEST(PAM_switched_off_later_is_seen),
		STEP_TEST(an_sshd_that_refuses_our_certificates_gets_the_line_to_write),
		STEP_TEST(the_line_that_decides_is_named),
		STEP_TEST(certificates_that_are_refused_later_are_seen),
		STEP_TEST(what_not_every_client_can_do_is_noted),
		STEP_TEST(an_earlier_Match_is_named),
		STEP_TEST(a_later_file_is_no_rival),
		STEP_TEST(a_proof_that_fails_puts_the_old_bytes_back),
		STEP_TEST(what_holds_for_root_must_not_change),
		STEP_TEST(local_people_are_asked_about_too),
		STEP_TEST(local_accounts_with_names_as_ours_are_left_as_they_are),
		STEP_TEST(the_directory_that_debians_sshd_wants_is_made),
		STEP_TEST(releases_are_told_apart),
		STEP_TEST(sshd_is_asked_no_more_than_needed),
		STEP_TEST(a_reload_that_is_undone_asks_sshd_again),
		STEP_TEST(a_missing_sshd_is_a_missing_dependency),
		STEP_TEST(it_comes_off_without_sshd_too),
		STEP_TEST(a_broken_configuration_is_not_reloaded),
		STEP_TEST(a_main_file_that_is_a_link_is_not_edited),
		STEP_TEST(a_main_file_that_others_can_write_is_not_edited),
		STEP_TEST(the_vendors_main_file_counts_where_there_is_no_other),
		STEP_TEST(lists_that_keep_some_of_our_users_out_are_noted),
		STEP_TEST(a_list_that_keeps_all_of_our_users_out_is_refused),
		STEP_TEST(the_edit_that_helps_is_a_command_where_a_shell_takes_the_name),
		STEP_TEST(what_is_added_later_is_seen),
		STEP_TEST(a_block_without_end_is_left_for_its_owner),
		STEP_TEST(nested_and_strange_includes_are_read_or_passed_over),
	};

	return cmocka_run_group_tests_name("sshd", tests, NULL, NULL);
}
