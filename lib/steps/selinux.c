/* SPDX-License-Identifier: MIT */
/*
 * The policy of the login runtime.  The module is in the policy's store wherever there is a policy,
 * so that it is in force too when SELinux is turned on; files have contexts where it is on.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/sha256.h"
#include "lib/core/sudoers.h"
#include "lib/core/url.h"
#include "lib/steps/selinux.h"
#include "lib/steps/step.h"
#include "lib/sys/proc.h"
#include "lib/sys/userindex.h"

#define ENFORCE_PATH "/sys/fs/selinux/enforce" /* is there where SELinux is on */
#define CONFIG_PATH "/etc/selinux/config"
#define SEMODULE "/usr/sbin/semodule"
#define PRIORITY "400" /* of modules that are no distribution's own */
#define TIMEOUT_MS 600000 /* a policy is rebuilt in seconds, on small machines in many */
#define OUTPUT_MAX ((size_t)1 << 20)
#define SOURCE_MAX ((size_t)1 << 18) /* bytes of a module */
#define MODULES 2

/*
 * What the policy gives types of their own, and what confined users' programs read: a file that the
 * handler's domain makes in /etc can have a type that these may not, etc_runtime_t.
 */
#define OUR_FILES                                                                                  \
	"/usr/sbin/aadsshlogin", "/etc/aadsshlogin.conf", "/etc/aadsshlogin.secret",               \
		"/etc/aadpasswd", "/etc/aadpasswd.db", "/etc/aadadmins", SUDOERS_RULE_PATH,        \
		"/run/aadsshlogin", "/var/cache/aadsshlogin", "/var/lib/aadsshlogin"

/* ---- what is wanted */

static bool always(const struct machine *m)
{
	(void)m;
	return true;
}

/* Ports that the policies of all releases count to HTTP. */
static bool has_usual_port(const char *url)
{
	static const uint16_t usual[] = {80, 443, 3128, 8080};
	uint16_t port;

	if (!url_port(url, 1080, &port)) /* what libcurl takes for a proxy */
		return false;
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (port == usual[i])
			return true;
	return false;
}

/* Arc's metadata service is at 40342, and a proxy is where its owner wants it. */
static bool needs_any_port(const struct machine *m)
{
	return m->conf.himds || (m->conf.proxy && !has_usual_port(m->conf.proxy)) ||
	       (m->proxy_secret && !has_usual_port(m->proxy_secret));
}

static const struct module {
	const char *name;
	const char *path;
	bool (*is_wanted)(const struct machine *m);
} modules[MODULES] = {
	{"aadsshlogin", "/usr/share/selinux/packages/aadsshlogin.cil", always},
	{"aadsshlogin_any_port", "/usr/share/selinux/packages/aadsshlogin_any_port.cil",
	 needs_any_port},
};

/* ---- what is there */

bool selinux_is_on(struct sys *sys)
{
	return fs_exists(sys, ENFORCE_PATH);
}

/* Listed, not looked for: so it is noticed when somebody rebuilds the policy. */
static bool has_files(struct sys *sys, const char *path)
{
	struct err ignored = {0};
	AUTO_NAMES names = NULL;

	return fs_list(sys, path, &names, &ignored) == 0 && names[0];
}

bool selinux_has_policy(struct sys *sys)
{
	static const struct span key = SPAN_LIT("SELINUXTYPE=");
	struct err ignored = {0};
	struct span rest, line, head;
	AUTO_BUF text = {0};
	char path[PATH_MAX];

	if (fs_read(sys, CONFIG_PATH, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, &ignored) < 0)
		return false;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line)) {
		line = span_trim(line);
		if (!span_take(&line, key.len, &head) || !span_eq(head, key))
			continue;
		(void)snprintf(path, sizeof(path), "/etc/selinux/%.*s/policy",
			       (int)(line.len < NAME_MAX ? line.len : NAME_MAX),
			       (const char *)line.p);
		return has_files(sys, path);
	}
	return false;
}

static const char *restorecon(struct sys *sys)
{
	static const char merged[] = "/usr/sbin/restorecon"; /* older Debian: not in /usr */

	return fs_exists(sys, merged) ? merged : "/sbin/restorecon";
}

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

/*
 * Lines "400 aadsshlogin cil sha256:..."; semodule before 3.4 knows no hashes.  The failures of
 * proc_must.
 */
static int list_modules(struct machine *m, struct proc_result *ret, struct err *err)
{
	const char *const argv[] = {SEMODULE, "-lfull", "-m", NULL};
	const char *const before[] = {SEMODULE, "-lfull", NULL};
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = TIMEOUT_MS, .output_max = OUTPUT_MAX};
	struct err unknown = {0};

	if (proc_run(m->sys, &spec, ret, &unknown) == 0 && ret->status == 0)
		return 0;
	proc_result_done(ret);
	*ret = (struct proc_result)PROC_RESULT_INIT;
	return run(m, before, ret, err);
}

/* How a module stands: none of ours, one of ours, the one that is installed. */
enum standing {
	STANDS_ABSENT,
	STANDS_OTHERWISE,
	STANDS_CURRENT,
};

struct store {
	enum standing list[MODULES];
	bool vendors; /* SELINUX_VENDOR_MODULE is there */
};

static int hash_source(struct machine *m, const char *path, char ret[2 * SHA256_LEN + 1],
		       struct err *err)
{
	unsigned char hash[SHA256_LEN];
	AUTO_BUF text = {0};
	int r = fs_read(m->sys, path, FS_TRUSTED, SOURCE_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	sha256(buf_bytes(&text), hash);
	for (size_t i = 0; i < SHA256_LEN; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

/* hash: what the list says behind the language; empty where it does not, which is trusted. */
static int judge(struct machine *m, const struct module *module, struct span hash,
		 enum standing *ret, struct err *err)
{
	char wanted[sizeof("sha256:") + 2 * SHA256_LEN] = "sha256:";
	int r = 0;

	*ret = STANDS_CURRENT;
	if (hash.len && fs_exists(m->sys, module->path)) {
		r = hash_source(m, module->path, wanted + strlen(wanted), err);
		if (r == 0 && !span_is(hash, wanted))
			*ret = STANDS_OTHERWISE;
	}
	return r;
}

static int judge_line(struct machine *m, struct span line, struct store *ret, struct err *err)
{
	struct span priority, name, language, hash = {0};
	int r = 0;

	if (!span_word(&line, &priority) || !span_word(&line, &name) ||
	    !span_word(&line, &language))
		return 0;
	(void)span_word(&line, &hash);
	if (span_is(hash, "disabled"))
		hash = (struct span){0};
	ret->vendors = ret->vendors || span_is(name, SELINUX_VENDOR_MODULE);
	for (size_t i = 0; r == 0 && i < MODULES; i++)
		if (span_is(priority, PRIORITY) && span_is(name, modules[i].name))
			r = judge(m, &modules[i], hash, &ret->list[i], err);
	return r;
}

static int look(struct machine *m, struct store *ret, struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct store store = {.vendors = false};
	struct span text, line;
	int r = list_modules(m, &res, err);

	text = buf_bytes(&res.output);
	while (r == 0 && span_line(&text, &line))
		r = judge_line(m, line, &store, err);
	if (r == 0)
		*ret = store;
	return r;
}

int selinux_has_vendors(struct machine *m, bool *ret, struct err *err)
{
	struct store store;
	int r = look(m, &store, err);

	if (r == 0)
		*ret = store.vendors;
	return r;
}

/* `restorecon -n -v` prints what it would change. */
static int contexts_are_right(struct machine *m, bool *ret, struct err *err)
{
	const char *const argv[] = {restorecon(m->sys), "-i", "-n", "-v", "-R", OUR_FILES, NULL};
	AUTO_PROC res = PROC_RESULT_INIT;

	if (run(m, argv, &res, err) < 0)
		return -err->code;
	*ret = res.output.len == 0;
	return 0;
}

/* ---- changes */

#define RESTORE(sys)                                                                               \
	{                                                                                          \
		restorecon(sys), "-i", "-R", OUR_FILES, NULL                                       \
	}

static int restore_contexts(struct machine *m, struct err *err)
{
	const char *const argv[] = RESTORE(m->sys);
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err ignored = {0};
	int r = run(m, argv, &res, err);

	/* A new context changes the time that the index knows the text by. */
	if (r == 0)
		(void)userindex_publish(m->sys, &ignored);
	return r;
}

static int restore_and_check(struct machine *m, struct err *err)
{
	bool right = false;
	int r = restore_contexts(m, err);

	if (r == 0)
		r = contexts_are_right(m, &right, err);
	if (r == 0 && !right) {
		(void)err_set(err, EIO, "restorecon reports success, but contexts are not right");
		return err_remedy(err, 0, "see what restorecon -n -v -R /etc/aadpasswd says");
	}
	return r;
}

void selinux_label(struct machine *m, const char *path)
{
	const char *const argv[] = {restorecon(m->sys), "-i", path, NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	if (selinux_is_on(m->sys) && run(m, argv, &res, &err) < 0)
		machine_note(m,
			     "the SELinux context of %s is not set: %.120s; restorecon %s sets it",
			     path, err.msg, path);
}

/* One call, one rebuilding of the policy.  argv has room for two words a module. */
static size_t add_changes(const struct machine *m, const struct store *store, const char **argv)
{
	size_t n = 0;

	for (size_t i = 0; i < MODULES; i++) {
		bool wanted = modules[i].is_wanted(m);

		if (wanted ? store->list[i] == STANDS_CURRENT : store->list[i] == STANDS_ABSENT)
			continue;
		argv[n++] = wanted ? "-i" : "-r";
		argv[n++] = wanted ? modules[i].path : modules[i].name;
	}
	return n;
}

#define COMMAND_MAX (3 + 2 * MODULES + 1)

/* False when there is nothing to load. */
static bool load_command(const struct machine *m, const struct store *store,
			 const char *ret[COMMAND_MAX])
{
	size_t n = 3;

	memcpy(ret, (const char *const[]){SEMODULE, "-X", PRIORITY}, n * sizeof(*ret));
	n += add_changes(m, store, ret + n);
	ret[n] = NULL;
	return n > 3;
}

static bool unload_command(const struct store *store, const char *ret[COMMAND_MAX])
{
	size_t n = 3;

	memcpy(ret, (const char *const[]){SEMODULE, "-X", PRIORITY}, n * sizeof(*ret));
	for (size_t i = 0; i < MODULES; i++) {
		if (store->list[i] == STANDS_ABSENT)
			continue;
		ret[n++] = "-r";
		ret[n++] = modules[i].name;
	}
	ret[n] = NULL;
	return n > 3;
}

static int load(struct machine *m, struct err *err)
{
	const char *argv[COMMAND_MAX];
	AUTO_PROC res = PROC_RESULT_INIT;
	struct store store;
	int r = look(m, &store, err);

	if (r == 0 && load_command(m, &store, argv))
		r = run(m, argv, &res, err);
	if (r == 0)
		r = look(m, &store, err);
	if (r == 0 && load_command(m, &store, argv))
		r = err_set(err, EIO, "semodule reports success, but does not list what it loaded");
	return r;
}

/* Types that are gone leave files that nobody may touch, so these get what the policy has for them.
 */
static int unload(struct machine *m, struct err *err)
{
	const char *argv[COMMAND_MAX];
	AUTO_PROC res = PROC_RESULT_INIT;
	struct store store;
	int r = look(m, &store, err);

	if (r == 0 && unload_command(&store, argv))
		r = run(m, argv, &res, err);
	return r == 0 && selinux_is_on(m->sys) ? restore_contexts(m, err) : r;
}

/* ---- plans */

/* The source of a module that is wanted and missing, or NULL. */
static const char *missing_source(struct machine *m)
{
	for (size_t i = 0; i < MODULES; i++)
		if (modules[i].is_wanted(m) && !fs_exists(m->sys, modules[i].path))
			return modules[i].path;
	return NULL;
}

static int refuse_missing(struct machine *m, const char *path, struct err *err)
{
	static const char remedy[] = "install the package aadsshlogin-selinux";

	if (selinux_is_on(m->sys)) {
		(void)err_set(err, ENOENT, "%s is missing, and SELinux is on", path);
		return err_remedy(err, EXIT_PACKAGE, remedy);
	}
	machine_note(m,
		     "SELinux is off and %s is missing: before it is turned on, %s and run this "
		     "again",
		     path, remedy);
	return 0;
}

static int plan_load(struct machine *m, const struct store *store, bool *ret_load,
		     struct changes *ret, struct err *err)
{
	const char *argv[COMMAND_MAX], *missing;
	bool first = true;

	*ret_load = load_command(m, store, argv);
	missing = *ret_load && !m->packages_come ? missing_source(m) : NULL;
	if (missing)
		return refuse_missing(m, missing, err);
	for (size_t i = 0; i < MODULES; i++)
		first = first && store->list[i] == STANDS_ABSENT;
	/* What a newer one took the place of is nowhere any more. */
	return *ret_load && changes_call(ret, "load the SELinux module aadsshlogin", load,
					 first ? unload : NULL, err) == 0
		       ? changes_runs(ret, argv, err)
		       : -err->code;
}

static int plan_present(struct machine *m, struct changes *ret, struct err *err)
{
	struct store store;
	bool loads = false, right = false;
	int r = look(m, &store, err);

	if (r == 0)
		r = plan_load(m, &store, &loads, ret, err);
	if (r < 0)
		return r;
	if (store.vendors)
		machine_note(
			m,
			"the SELinux module " SELINUX_VENDOR_MODULE
			" of Microsoft's packages is loaded too: semodule -r " SELINUX_VENDOR_MODULE
			" removes it");
	if (!selinux_is_on(m->sys))
		return 0;
	if (!loads && contexts_are_right(m, &right, err) < 0)
		return -err->code;
	if (right)
		return 0;
	r = changes_call(ret, "restorecon", restore_and_check, NULL, err);
	return r < 0 ? r : changes_runs(ret, (const char *const[])RESTORE(m->sys), err);
}

static int plan_absent(struct machine *m, struct changes *ret, struct err *err)
{
	const char *argv[COMMAND_MAX];
	struct store store;
	int r = look(m, &store, err);

	if (r < 0 || !unload_command(&store, argv))
		return r;
	r = changes_call(ret, "remove the SELinux module aadsshlogin", unload, NULL, err);
	return r < 0 ? r : changes_runs(ret, argv, err);
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	/* Looked at in any case, so that a policy that somebody rebuilt is checked again. */
	bool has_policy = selinux_has_policy(m->sys), on = selinux_is_on(m->sys);

	if (!on && !has_policy)
		return 0;
	if (fs_exists(m->sys, SEMODULE))
		return want == WANT_PRESENT ? plan_present(m, ret, err) : plan_absent(m, ret, err);
	if (want == WANT_ABSENT)
		return 0;
	if (on) {
		(void)err_set(err, ENOENT, "SELinux is on, and " SEMODULE " is missing");
		return err_remedy(err, EXIT_DEPENDENCY, "install the package policycoreutils");
	}
	machine_note(m,
		     "SELinux is off and " SEMODULE " is missing: before it is turned on, install "
		     "policycoreutils and run this again");
	return 0;
}

const struct step step_selinux = {
	.name = "selinux",
	.purpose = "where SELinux has a policy, that of the login runtime in it",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
};
