/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/steps/step.h"
#include "lib/sys/proc.h"
#include "lib/sys/userindex.h"

#define ENFORCE_PATH "/sys/fs/selinux/enforce" /* is there where SELinux is on */
#define MODULE "aadsshlogin"
#define MODULE_PATH "/usr/share/selinux/packages/aadsshlogin.cil"
#define SEMODULE "/usr/sbin/semodule"
#define RESTORECON "/usr/sbin/restorecon"
#define TIMEOUT_MS 120000 /* a policy is rebuilt in seconds, on small machines in many */
#define OUTPUT_MAX ((size_t)1 << 20)

/* What the policy gives types of their own. */
#define OUR_FILES                                                                                  \
	"/etc/aadsshlogin.conf", "/etc/aadpasswd", "/etc/aadpasswd.db", "/etc/aadadmins",          \
		"/run/aadsshlogin", "/var/cache/aadsshlogin", "/var/lib/aadsshlogin"

static int run(struct machine *m, const char *const *argv, struct proc_result *ret, struct err *err)
{
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = TIMEOUT_MS,
		.output_max = OUTPUT_MAX,
		.merge_stderr = true,
		.log_fd = m->log_fd,
	};
	int r = proc_must(m->sys, &spec, ret, err);

	if (r == -ENOENT)
		return err_remedy(err, EXIT_DEPENDENCY, "install the package policycoreutils");
	return r;
}

static int quietly(struct machine *m, const char *const *argv, struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;

	return run(m, argv, &res, err);
}

static int install_module(struct machine *m, struct err *err)
{
	const char *const argv[] = {SEMODULE, "-i", MODULE_PATH, NULL};

	return quietly(m, argv, err);
}

static int remove_module(struct machine *m, struct err *err)
{
	const char *const argv[] = {SEMODULE, "-r", MODULE, NULL};

	return quietly(m, argv, err);
}

static int restore_contexts(struct machine *m, struct err *err)
{
	const char *const argv[] = {RESTORECON, "-i", "-R", OUR_FILES, NULL};
	struct err ignored = {0};
	int r = quietly(m, argv, err);

	/* A new context changes the time that the index knows the text by. */
	if (r == 0)
		(void)userindex_publish(m->sys, &ignored);
	return r;
}

/* `semodule -l` prints a name a line; old releases a version behind it. */
static int is_loaded(struct machine *m, bool *ret, struct err *err)
{
	const char *const argv[] = {SEMODULE, "-l", NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct span text, line, word;

	if (run(m, argv, &res, err) < 0)
		return -err->code;
	*ret = false;
	text = buf_bytes(&res.output);
	while (span_line(&text, &line))
		if (span_word(&line, &word) && span_is(word, MODULE))
			*ret = true;
	return 0;
}

/* `restorecon -n -v` prints what it would change. */
static int contexts_are_right(struct machine *m, bool *ret, struct err *err)
{
	const char *const argv[] = {RESTORECON, "-i", "-n", "-v", "-R", OUR_FILES, NULL};
	AUTO_PROC res = PROC_RESULT_INIT;

	if (run(m, argv, &res, err) < 0)
		return -err->code;
	*ret = res.output.len == 0;
	return 0;
}

static int plan_present(struct machine *m, bool loaded, struct changes *ret, struct err *err)
{
	bool right = false;
	int r = 0;

	if (!loaded && !fs_exists(m->sys, MODULE_PATH)) {
		(void)err_set(err, ENOENT, MODULE_PATH " is missing, and SELinux is on");
		return err_remedy(err, EXIT_PACKAGE, "install the package aadsshlogin-selinux");
	}
	if (!loaded)
		r = changes_call(ret, "load the SELinux module " MODULE, install_module,
				 remove_module, err);
	else
		r = contexts_are_right(m, &right, err);
	if (r == 0 && !right)
		r = changes_call(ret, "restorecon", restore_contexts, NULL, err);
	return r;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	bool loaded = false;
	int r;

	if (!fs_exists(m->sys, ENFORCE_PATH))
		return 0;
	r = is_loaded(m, &loaded, err);
	if (r < 0)
		return r;
	if (want == WANT_PRESENT)
		return plan_present(m, loaded, ret, err);
	return loaded ? changes_call(ret, "remove the SELinux module " MODULE, remove_module, NULL,
				     err)
		      : 0;
}

const struct step step_selinux = {
	.name = "selinux",
	.purpose = "where SELinux is on, the policy of the login runtime",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
};
