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
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/sshdconf.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "test/unit/fakeprograms.h"

struct fakeprograms fake;

static bool has_arg(const struct proc_spec *spec, const char *arg)
{
	for (size_t i = 1; spec->argv[i]; i++)
		if (strcmp(spec->argv[i], arg) == 0)
			return true;
	return false;
}

static void add_file(struct sys *sys, const char *path, struct buf *text)
{
	AUTO_BUF one = {0};
	struct err err = {0};

	if (fs_read(sys, path, FS_FOLLOW, FS_CONFIG_MAX, &one, NULL, &err) == 0)
		buf_span(text, buf_bytes(&one));
	buf_str(text, "\n");
}

/* The whole configuration, where an Include reads our drop-in. */
static void sshd_text(struct sys *sys, const struct proc_spec *spec, struct buf *text)
{
	if (has_arg(spec, "-f")) {
		assert_true(has_arg(spec, "/dev/stdin"));
		buf_span(text, spec->input);
	} else {
		add_file(sys, SSHD_MAIN_PATH, text);
		if (!fs_exists(sys, SSHD_MAIN_PATH))
			add_file(sys, "/usr/etc/ssh/sshd_config", text);
	}
	if (sshdconf_includes_dropin(buf_bytes(text)))
		add_file(sys, SSHD_DROPIN_PATH, text);
}

static void show_settings(const struct proc_spec *spec, const char *text, struct buf *out)
{
	bool ours = strstr(spec->argv[3], "user=aadsshlogin-probe@") && strstr(text, KEY_COMMAND);

	assert_string_equal(spec->argv[2], "-C");
	buf_str(out, "port 22\npidfile /run/sshd.pid\n");
	buf_printf(out, "usepam %s\n", strstr(text, "UsePAM no") ? "no" : "yes");
	buf_str(out, fake.sshd_algorithms);
	if (fake.sshd_penalties)
		buf_printf(out, "persourcepenalties %s\n", fake.sshd_penalties);
	if (fake.pam_service)
		buf_printf(out, "pamservicename %s\n", fake.pam_service);
	if (fake.sshd_changes_root && has_arg(spec, "-f"))
		buf_str(out, "permitrootlogin no\n");
	if (!ours) {
		buf_str(out,
			"authorizedkeyscommand none\nauthorizedkeysfile .ssh/authorized_keys\n");
		return;
	}
	buf_printf(out, "authorizedKeysCommand %s\n",
		   fake.sshd_overruled ? "/usr/bin/other" : KEY_COMMAND " %u %k");
	buf_str(out, "pubkeyAuthentication yes\nauthenticationmethods publickey\n"
		     "authorizedkeyscommanduser aadsshlogin\nauthorizedkeysfile none\n");
}

static int run_sshd(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		    struct err *err)
{
	AUTO_BUF text = {0};

	if (fake.sshd_missing)
		return err_set(err, ENOENT, "cannot run %s", spec->argv[0]);
	ret->status = 255;
	if (has_arg(spec, "-V")) {
		buf_str(&ret->output, fake.sshd_version);
		return 0;
	}
	if (fake.sshd_wants_directory && !fs_exists(sys, "/run/sshd")) {
		if (spec->merge_stderr)
			buf_str(&ret->output,
				"Missing privilege separation directory: /run/sshd\n");
		return 0;
	}
	sshd_text(sys, spec, &text);
	if (strstr(buf_text(&text), "Foo")) {
		if (spec->merge_stderr)
			buf_str(&ret->output,
				"/etc/ssh/sshd_config: line 3: Bad configuration option: Foo\r\n"
				"/etc/ssh/sshd_config: terminating, 1 bad configuration "
				"options\r\n");
		return 0;
	}
	ret->status = 0;
	if (has_arg(spec, "-T"))
		show_settings(spec, buf_text(&text), &ret->output);
	return 0;
}

static int run_other(const char *name, const struct proc_spec *spec, struct proc_result *ret)
{
	const char *says = "";

	ret->status = 0;
	if (strcmp(name, "sudo") == 0) {
		says = fake.sudo;
	} else if (strcmp(name, "sudo-rs") == 0) {
		says = fake.sudo_rs;
	} else if (strcmp(name, "visudo") == 0 || strcmp(name, "visudo-rs") == 0) {
		assert_true(spec->input.len > 0);
		ret->status = fake.visudo ? 1 : 0;
		says = fake.visudo ? fake.visudo : "parsed OK\n";
	} else if (strcmp(name, "getent") == 0) {
		ret->status = fake.getent ? 0 : 2;
		says = fake.getent ? fake.getent : "";
	} else if (strcmp(spec->argv[0], KEY_COMMAND) == 0) {
		says = fake.key_command;
	} else if (strcmp(name, "semodule") == 0) {
		ret->status = has_arg(spec, "-l") ? 0 : fake.semodule_status;
		says = has_arg(spec, "-l") ? fake.modules : "";
	} else if (strcmp(name, "restorecon") == 0) {
		says = has_arg(spec, "-n") ? fake.wrong_contexts : "";
	} else if (strcmp(name, "nscd") == 0) {
		ret->status = 0;
	} else {
		fail_msg("%s is not to be run", spec->argv[0]);
	}
	buf_str(&ret->output, says);
	return 0;
}

static int run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	       struct err *err)
{
	const char *name = strrchr(spec->argv[0], '/') + 1;

	assert_true(spec->timeout_ms > 0);
	buf_str(&fake.commands, name);
	for (size_t i = 1; spec->argv[i]; i++)
		buf_printf(&fake.commands, " %s", spec->argv[i]);
	buf_str(&fake.commands, "\n");
	if (strcmp(name, "sshd") == 0)
		return run_sshd(sys, spec, ret, err);
	return run_other(name, spec, ret);
}

void fakeprograms_start(struct scratch *scratch)
{
	fake = (struct fakeprograms){
		.sshd_algorithms =
			"requiredrsasize 1024\ncasignaturealgorithms ssh-ed25519,rsa-sha2-256\n"
			"pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-256-cert-v01@openssh.com\n",
		.sshd_version = "OpenSSH_9.2p1 Debian-2, OpenSSL 3.0\n",
		.sudo = "Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3\n"
			"Sudoers path: /etc/sudoers\nPAM service name to use: sudo\n"
			"PAM service name to use for login shells: sudo-i\n"
			"Perform PAM account validation management\n"
			"Set the pam remote user to the user running sudo\n",
		.sudo_rs = "sudo-rs 0.2.15\n",
		.getent = "aadsshlogin-probe@aadsshlogin.invalid:*:12345678:12345678::"
			  "/home/aadsshlogin-probe@aadsshlogin.invalid:/bin/bash\n",
		.key_command = "",
		.modules = "abrt\n",
		.wrong_contexts = "",
	};
	scratch->ops.run = run;
}

void fakeprograms_done(void)
{
	buf_done(&fake.commands);
}

unsigned fakeprograms_count(const char *command)
{
	struct span text = buf_bytes(&fake.commands), line;
	size_t len = strlen(command);
	unsigned count = 0;

	while (span_line(&text, &line))
		count += line.len >= len && memcmp(line.p, command, len) == 0;
	return count;
}
