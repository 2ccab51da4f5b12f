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
#include "lib/core/sha256.h"
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
	bool probe = strstr(spec->argv[3], "user=aadsshlogin-probe@");
	bool ours = probe && strstr(text, KEY_COMMAND);

	assert_string_equal(spec->argv[2], "-C");
	buf_str(out, "port 22\npidfile /run/sshd.pid\n");
	buf_printf(out, "usepam %s\n",
		   strstr(text, "UsePAM no") || strstr(text, "#UsePAM") ? "no" : "yes");
	buf_str(out, fake.sshd_algorithms);
	if (fake.sshd_penalties)
		buf_printf(out, "persourcepenalties %s\n", fake.sshd_penalties);
	if (fake.pam_service)
		buf_printf(out, "pamservicename %s\n", fake.pam_service);
	if (fake.sshd_changes_root && has_arg(spec, "-f"))
		buf_str(out, "permitrootlogin no\n");
	/* The door of a takeover: see lib/core/foreign.h. */
	if (probe && !fake.sshd_overruled && strstr(text, "    AuthorizedKeysFile none\n") &&
	    !ours) {
		buf_str(out, "authorizedkeyscommand none\nauthorizedkeysfile none\n");
		return;
	}
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

/* The list without a module. */
static void forget_module(const char *name)
{
	struct span rest = buf_bytes(&fake.modules), line;
	struct buf left = {0};

	while (span_line(&rest, &line)) {
		struct span words = line, word;

		if (!span_word(&words, &word) || !span_word(&words, &word) || span_is(word, name))
			continue;
		buf_span(&left, line);
		buf_str(&left, "\n");
	}
	buf_done(&fake.modules);
	fake.modules = left;
}

static int load_module(struct sys *sys, const char *path, struct err *err)
{
	unsigned char hash[SHA256_LEN];
	AUTO_BUF text = {0};
	char name[64];

	if (fs_read(sys, path, 0, 65536, &text, NULL, err) < 0)
		return -err->code;
	(void)snprintf(name, sizeof(name), "%s", strrchr(path, '/') + 1);
	*strchr(name, '.') = '\0';
	forget_module(name);
	sha256(buf_bytes(&text), hash);
	buf_printf(&fake.modules, "400 %s cil sha256:", name);
	for (size_t i = 0; i < sizeof(hash); i++)
		buf_printf(&fake.modules, "%02x", hash[i]);
	buf_str(&fake.modules, "\n");
	return 0;
}

static void list_store(struct buf *ret)
{
	struct span rest = buf_bytes(&fake.modules), line, word;

	while (span_line(&rest, &line)) {
		for (int i = 0; span_word(&line, &word) && (i < 3 || !fake.semodule_old); i++) {
			buf_span(ret, word);
			buf_str(ret, " ");
		}
		buf_str(ret, "\n");
	}
}

static int run_semodule(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
			struct err *err)
{
	int r = 0;

	if (has_arg(spec, "-lfull")) {
		ret->status = fake.semodule_old && has_arg(spec, "-m") ? 1 : 0;
		if (ret->status == 0)
			list_store(&ret->output);
		return 0;
	}
	ret->status = fake.semodule_status;
	if (ret->status != 0 || fake.semodule_forgets)
		return 0;
	for (size_t i = 1; r == 0 && spec->argv[i] && spec->argv[i + 1]; i++) {
		if (strcmp(spec->argv[i], "-i") == 0)
			r = load_module(sys, spec->argv[i + 1], err);
		else if (strcmp(spec->argv[i], "-r") == 0)
			forget_module(spec->argv[i + 1]);
	}
	return r;
}

static int run_restorecon(const struct proc_spec *spec, struct proc_result *ret)
{
	ret->status = fake.restorecon_fails ? 1 : 0;
	if (fake.restorecon_fails)
		buf_str(&ret->output, "restorecon: no such luck\n");
	else if (has_arg(spec, "-n"))
		buf_str(&ret->output, fake.wrong_contexts);
	else if (!fake.restorecon_forgets)
		fake.wrong_contexts = "";
	return 0;
}

static int run_other(struct sys *sys, const char *name, const struct proc_spec *spec,
		     struct proc_result *ret, struct err *err)
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
	} else if (strcmp(name, "getent") == 0 && strcmp(spec->argv[1], "group") == 0) {
		ret->status = fake.getent_group ? 0 : 2;
		says = fake.getent_group ? fake.getent_group : "";
	} else if (strcmp(name, "getent") == 0) {
		ret->status = fake.getent ? 0 : 2;
		says = fake.getent ? fake.getent : "";
	} else if (strcmp(spec->argv[0], KEY_COMMAND) == 0) {
		says = fake.key_command;
	} else if (strcmp(name, "semodule") == 0) {
		return run_semodule(sys, spec, ret, err);
	} else if (strcmp(name, "restorecon") == 0) {
		return run_restorecon(spec, ret);
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
	return run_other(sys, name, spec, ret, err);
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
		.getent_group = "aad_users:*:10000000:\n",
		.getent = "aadsshlogin-probe@aadsshlogin.invalid:*:12345678:12345678::"
			  "/home/aadsshlogin-probe@aadsshlogin.invalid:/bin/bash\n",
		.key_command = "",
		.wrong_contexts = "",
	};
	buf_str(&fake.modules, "100 abrt pp sha256:00\n");
	scratch->ops.run = run;
}

void fakeprograms_done(void)
{
	buf_done(&fake.commands);
	buf_done(&fake.modules);
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
