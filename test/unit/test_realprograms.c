/* SPDX-License-Identifier: MIT */
/*
 * Our texts before the real sshd and visudo, where this machine has them.  Nothing of the machine
 * is touched: both read from their standard input.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/matchuser.h"
#include "lib/core/sshdtree.h"
#include "lib/steps/programs.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

static struct scratch scratch;
static struct machine machine;
static char host_key[128];

static int close_machine(void **state)
{
	(void)state;
	conf_done(&machine.conf);
	scratch_done(&scratch);
	return 0;
}

static int open_machine(void **state)
{
	const char *const argv[] = {
		"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host_key, NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = 10000, .output_max = 4096};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	scratch_open(&scratch);
	machine = (struct machine){.sys = &scratch.sys, .log_fd = -1};
	assert_int_equal(conf_defaults(&machine.conf, &err), 0);
	(void)snprintf(host_key, sizeof(host_key), "%s/key", scratch.dir);
	(void)proc_run(&scratch.sys, &spec, &res, &err); /* without it have_sshd is false */
	return 0;
}

static void use_domains(const char *domains)
{
	free(machine.conf.user_domains);
	machine.conf.user_domains = strdup(domains);
	assert_non_null(machine.conf.user_domains);
}

/* A text that sshd can test here: with a key that it may read. */
static void add_host_key(struct buf *text)
{
	buf_printf(text, "HostKey %s\n", host_key);
}

static bool have_sshd(void)
{
	AUTO_BUF text = {0};
	struct span candidate;
	struct err err = {0};

	add_host_key(&text);
	candidate = buf_bytes(&text);
	return access(SSHD_PROGRAM, X_OK) == 0 && sshd_test(&machine, &candidate, &err) == 0;
}

static void show(const struct buf *text, const char *user, struct buf *ret)
{
	const struct span candidate = buf_bytes(text);
	struct err err = {0};

	if (sshd_show(&machine, &candidate, user, ret, &err) < 0)
		fail_msg("%s", err.msg);
}

static void assert_ours(const struct buf *shown)
{
	const struct sshd_setting *setting;
	size_t count = sshdconf_settings(&machine.conf, &setting);
	struct span value;

	for (; count; count--, setting++) {
		assert_true(sshdconf_shown(buf_bytes(shown), setting->keyword, &value));
		if (!span_is(value, setting->value))
			fail_msg("%s is %.*s", setting->keyword, (int)value.len,
				 (const char *)value.p);
	}
}

static void sshd_takes_the_block_at_the_end_of_real_files(void **state)
{
	static const char *const files[] = {"debian12", "debian13", "rhel8", "cis"};
	static const char *const ours[] = {"u@contoso.com", "U@CONTOSO.COM",
					   "00000000-0000-4000-8000-000000000000"};

	(void)state;
	if (!have_sshd())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_BUF before = {0}, after = {0}, root_before = {0}, root_after = {0};
		struct err err = {0};
		char path[128];

		add_host_key(&before);
		(void)snprintf(path, sizeof(path), "test/data/sshdconf/%s", files[i]);
		source_read(path, &before);
		assert_int_equal(sshdconf_insert(buf_bytes(&before), &machine.conf, span_of(""),
						 &after, &err),
				 0);
		for (size_t j = 0; j < ARRAY_LEN(ours); j++) {
			AUTO_BUF shown = {0};

			show(&after, ours[j], &shown);
			assert_ours(&shown);
		}
		show(&before, "root", &root_before);
		show(&after, "root", &root_after);
		assert_string_equal(buf_text(&root_before), buf_text(&root_after));
	}
}

static void sshd_reads_the_dropin_wherever_it_is_included(void **state)
{
	AUTO_BUF dropin = {0}, main_text = {0}, shown = {0}, root = {0};
	struct err err = {0};
	struct span value;

	(void)state;
	if (!have_sshd())
		skip();
	use_domains("contoso.com *.fabrikam.com");
	assert_int_equal(sshdconf_dropin(&machine.conf, span_of(""), &dropin, &err), 0);
	scratch_write(&scratch, "/sshd_config.d/20-aadsshlogin.conf", buf_text(&dropin), 0644);
	buf_printf(&main_text, "Include %s/sshd_config.d/*.conf\nX11Forwarding yes\n", scratch.dir);
	add_host_key(&main_text);
	show(&main_text, "u@eu.fabrikam.com", &shown);
	assert_ours(&shown);
	show(&main_text, "root", &root);
	assert_true(sshdconf_shown(buf_bytes(&root), "AuthorizedKeysCommand", &value));
	assert_true(span_is(value, "none"));
	/* What follows the Include is not swallowed by our Match. */
	assert_true(sshdconf_shown(buf_bytes(&root), "X11Forwarding", &value));
	assert_true(span_is(value, "yes"));
}

/* Its own accounts can have names as ours. */
static void sshd_leaves_the_machines_accounts_as_they_are(void **state)
{
	static const char *const names[] = {"admin@corp.example", "a#b@corp.example"};
	AUTO_BUF before = {0}, after = {0}, spared = {0}, ours = {0};
	struct err err = {0};

	(void)state;
	if (!have_sshd())
		skip();
	use_domains("*");
	add_host_key(&before);
	buf_str(&before, "UsePAM yes\n");
	matchuser_spare(SPAN_LIT("*"),
			SPAN_LIT("admin@corp.example:x:1001:1001:::\na#b@corp.example:x:2:2:::\n"),
			&spared);
	assert_int_equal(sshdconf_insert(buf_bytes(&before), &machine.conf, buf_bytes(&spared),
					 &after, &err),
			 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF was = {0}, is = {0};

		show(&before, names[i], &was);
		show(&after, names[i], &is);
		assert_string_equal(buf_text(&was), buf_text(&is));
	}
	show(&after, "alice@corp.example", &ours);
	assert_ours(&ours);
}

/* The rival that we name is one for sshd too, and our advice against it works. */
static void sshd_agrees_about_rivals(void **state)
{
	static const struct {
		const char *match;
		bool wins;
	} rows[] = {
		{"Match User *@*", true},
		{"Match all", true},
		{"Match User=*", true},
		{"Match User \"alice,*@contoso.com\"", true},
		{"Match User alice", false},
		{"Match User !*@*,!????????"
		 "-*,*",
		 false},
		{"Match Group sftponly", false},
	};

	(void)state;
	if (!have_sshd())
		skip();
	use_domains("contoso.com");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF text = {0}, after = {0}, shown = {0}, copy = {0};
		AUTO_SSHDTREE tree = {0};
		struct sshd_place rival;
		struct err err = {0};
		struct span value;

		add_host_key(&text);
		buf_printf(
			&text,
			"%s\nAuthorizedKeysCommand /bin/false\nAuthorizedKeysCommandUser nobody\n",
			rows[i].match);
		assert_int_equal(
			sshdconf_insert(buf_bytes(&text), &machine.conf, span_of(""), &after, &err),
			0);
		buf_span(&copy, buf_bytes(&after));
		assert_int_equal(sshdtree_add(&tree, SSHD_MAIN_PATH, &copy, &err), 0);
		show(&after, "aadsshlogin-probe@contoso.com", &shown);
		assert_true(sshdconf_shown(buf_bytes(&shown), "AuthorizedKeysCommand", &value));
		assert_int_equal(span_is(value, "/bin/false"), rows[i].wins);
		assert_int_equal(sshdtree_rival(&tree, &machine.conf, &rival), rows[i].wins);
	}
}

static void sshd_takes_our_advice_for_AllowUsers(void **state)
{
	AUTO_BUF text = {0}, shown = {0};
	struct span value;

	(void)state;
	if (!have_sshd())
		skip();
	add_host_key(&text);
	buf_str(&text, "AllowUsers alice\nMatch User *@*\nAllowUsers *\n");
	show(&text, "u@contoso.com", &shown);
	assert_true(sshdconf_shown(buf_bytes(&shown), "AllowUsers", &value) && span_is(value, "*"));
	show(&text, "bob", &shown);
	assert_true(sshdconf_shown(buf_bytes(&shown), "AllowUsers", &value) &&
		    span_is(value, "alice"));
}

static void visudo_takes_the_rule(void **state)
{
	static const char *const groups[] = {"aad_admins", "aad_a-b_9"};

	(void)state;
	if (access(VISUDO_PROGRAM, X_OK) < 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		const char *const argv[] = {VISUDO_PROGRAM, "-c", "-f", "/dev/stdin", NULL};
		struct proc_spec spec = {.argv = argv, .timeout_ms = 10000, .output_max = 4096};
		AUTO_PROC res = PROC_RESULT_INIT, bad = PROC_RESULT_INIT;
		AUTO_BUF rule = {0};
		struct err err = {0};

		assert_int_equal(sudoers_format(groups[i], i == 0, &rule, &err), 0);
		spec.input = buf_bytes(&rule);
		assert_int_equal(proc_must(&scratch.sys, &spec, &res, &err), 0);
		spec.input = SPAN_LIT("%aad_admins ALL=(ALL NOPASSWD:ALL\n");
		assert_int_equal(proc_must(&scratch.sys, &spec, &bad, &err), -EIO);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sshd_takes_the_block_at_the_end_of_real_files),
		TEST(sshd_reads_the_dropin_wherever_it_is_included),
		TEST(sshd_leaves_the_machines_accounts_as_they_are),
		TEST(sshd_agrees_about_rivals),
		TEST(sshd_takes_our_advice_for_AllowUsers),
		TEST(visudo_takes_the_rule),
	};

	if (access(SSHD_PROGRAM, X_OK) < 0 && access(VISUDO_PROGRAM, X_OK) < 0)
		return 77; /* automake's word for skipped */
	return cmocka_run_group_tests_name("real programs", tests, NULL, NULL);
}
