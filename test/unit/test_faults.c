/* SPDX-License-Identifier: MIT */
/*
 * Every system call that a verb makes by libc fails once, with each error that is plausible for it:
 * the real steps, but for the packages, over a scratch machine.  After each there is an exit code
 * of the table; a status that says what is, with cause and remedy; the machine is as before, or the
 * next run brings it where it was to go; and uninstall gives it back byte by byte.  EINTR is no
 * failure at all.  Linked with --wrap.
 *
 * Every FAULTS_STEP-th case of the environment is tried, by default one in STEP.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/seal.h"
#include "handler/state.h"
#include "handler/status.h"
#include "handler/verbs.h"
#include "lib/core/aadindex.h"
#include "lib/core/cleanup.h"
#include "lib/core/diff.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/changes.h"
#include "lib/steps/run.h"
#include "test/unit/stepmachine.h"

#define FOLDER "/lib/waagent/P.T-1.0.0.0"
#define LOG "/log/P.T"
#define STEP 11
#define SEQUENCE 3

/* ---- calls that fail */

#define CALLS_MAX 20000

static bool armed;
static bool recording;
static size_t calls; /* made so far */
static size_t target; /* the call that fails */
static size_t variant; /* with which of its errors */
static const char *hit; /* the call that failed, NULL: none */
static int hit_errno;

/* clang-format off */
static const struct kind {
	const char *call;
	int errors[7];
} kinds[] = {
	{"open", {EIO, ENOMEM, EMFILE, EINTR}},
	{"create", {ENOSPC, EIO, ENOMEM, EROFS, EMFILE, EINTR}},
	{"read", {EIO, EINTR}},
	{"write", {ENOSPC, EIO, EINTR}},
	{"fsync", {ENOSPC, EIO, EINTR}},
	{"ftruncate", {EIO, EINTR}},
	{"fchown", {EIO, EROFS}},
	{"fchmod", {EIO, EROFS}},
	{"renameat", {ENOSPC, EIO, ENOMEM, EROFS}},
	{"unlinkat", {EIO, ENOMEM, EROFS}},
	{"mkdirat", {ENOSPC, EIO, ENOMEM, EROFS}},
	{"symlinkat", {ENOSPC, EIO, ENOMEM, EROFS}},
	{"fstat", {EIO, ENOMEM}},
	{"fstatat", {EIO, ENOMEM}},
	{"readlinkat", {EIO, ENOMEM}},
	{"readdir", {EIO}},
	{"fdopendir", {ENOMEM}},
	{"flock", {ENOMEM, EINTR}},
};
/* clang-format on */

static const struct kind *made[CALLS_MAX]; /* by the run that is recorded */

static const struct kind *kind_of(const char *call)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].call, call) == 0)
			return &kinds[i];
	return NULL;
}

static size_t count_errors(const struct kind *kind)
{
	size_t n = 0;

	while (kind->errors[n])
		n++;
	return n;
}

static bool fails(const char *call)
{
	const struct kind *kind = kind_of(call);

	if (!armed)
		return false;
	if (recording && calls < CALLS_MAX)
		made[calls] = kind;
	if (calls++ != target)
		return false;
	hit = call;
	if (variant >= count_errors(kind))
		return false;
	hit_errno = errno = kind->errors[variant];
	return true;
}

static const char *opening(int flags)
{
	return flags & (O_CREAT | O_WRONLY | O_RDWR) ? "create" : "open";
}

int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return fails(opening(flags)) ? -1 : __real_openat(fd, path, flags, mode);
}

/* Only openat2 goes by it. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	const uint64_t *how;
	const char *path;
	size_t size;
	va_list ap;
	int fd;

	va_start(ap, number);
	fd = va_arg(ap, int);
	path = va_arg(ap, const char *);
	how = va_arg(ap, const uint64_t *);
	size = va_arg(ap, size_t);
	va_end(ap);
	/* The first member of struct open_how is its flags. */
	return fails(opening((int)how[0])) ? -1 : __real_syscall(number, fd, path, how, size);
}

#define WRAP(type, failure, name, parameters, arguments)                                           \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fails(#name) ? (failure) : __real_##name arguments;                         \
	}

WRAP(ssize_t, -1, read, (int fd, void *to, size_t size), (fd, to, size))
WRAP(ssize_t, -1, write, (int fd, const void *from, size_t size), (fd, from, size))
WRAP(int, -1, ftruncate, (int fd, off_t size), (fd, size))
WRAP(int, -1, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
WRAP(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, -1, renameat, (int from_fd, const char *from, int to_fd, const char *to),
     (from_fd, from, to_fd, to))
WRAP(int, -1, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, -1, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP(int, -1, symlinkat, (const char *to, int fd, const char *path), (to, fd, path))
WRAP(int, -1, fstat, (int fd, struct stat *ret), (fd, ret))
WRAP(int, -1, fstatat, (int fd, const char *path, struct stat *ret, int flags),
     (fd, path, ret, flags))
WRAP(ssize_t, -1, readlinkat, (int fd, const char *path, char *to, size_t size),
     (fd, path, to, size))
WRAP(struct dirent *, NULL, readdir, (DIR * dir), (dir))
WRAP(DIR *, NULL, fdopendir, (int fd), (fd))
WRAP(int, -1, flock, (int fd, int how), (fd, how))

/* Of a disk nothing is asked here. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	(void)fd;
	return fails("fsync") ? -1 : 0;
}

/* ---- the machine */

static const struct step *const steps[] = {&step_config,  &step_accounts, &step_pam,  &step_sudo,
					   &step_selinux, &step_sshd,     &step_names};
static const struct step_table tables[PACKAGE_SOURCES] = {
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
};

static int (*run_program)(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
			  struct err *err);

/* What the pretended programs call is theirs. */
static int run_spared(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		      struct err *err)
{
	bool was = armed;
	int r;

	armed = false;
	r = run_program(sys, spec, ret, err);
	armed = was;
	return r;
}

static char said[4096];

static int run(const char *verb)
{
	int out = memfd_create("out", MFD_CLOEXEC);
	const struct command command = {.verb = verb,
					.folder = FOLDER,
					.version = "1.0.0.0",
					.sequence = "3",
					.tables = tables,
					.out = out,
					.err = -1};
	ssize_t n;
	int code;

	assert_true(out >= 0);
	calls = 0;
	hit = NULL;
	code = verb_run(&sm.scratch.sys, &command);
	armed = false;
	n = pread(out, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	(void)close(out);
	return code;
}

static void set_up(void)
{
	assert_int_equal(stepmachine_open(NULL), 0);
	run_program = sm.scratch.ops.run;
	sm.scratch.ops.run = run_spared;
	stepmachine_write("/usr/sbin/semodule", "");
	stepmachine_write("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n");
	stepmachine_write("/etc/selinux/targeted/policy/policy.33", "");
	stepmachine_write("/usr/share/selinux/packages/aadsshlogin.cil", "(type aadsshlogin_t)");
	stepmachine_write("/usr/share/selinux/packages/aadsshlogin_any_port.cil", "(type any)");
	stepmachine_write("/sys/fs/selinux/enforce", "1");
	stepmachine_write(FOLDER "/HandlerEnvironment.json",
			  "[{\"handlerEnvironment\":{\"logFolder\":\"" LOG
			  "\",\"configFolder\":\"" FOLDER "/config\",\"statusFolder\":\"" FOLDER
			  "/status\",\"eventsFolder\":\"" LOG "/events\"}}]");
	stepmachine_write(FOLDER "/config/3.settings",
			  "{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":{}}}]}");
	stepmachine_write("/proc/sys/kernel/random/boot_id",
			  "0b8b1c1e-9d3c-4f3b-8f8e-0123456789ab\n");
	scratch_mkdir(&sm.scratch, LOG "/events", 0700);
	scratch_mkdir(&sm.scratch, FOLDER "/status", 0700);
}

static void tear_down(void)
{
	assert_int_equal(stepmachine_close(NULL), 0);
}

/* ---- what a machine looks like */

static bool without_originals; /* what drifted back to them needs none */

/* What the handler remembers of a run that failed. */
static bool is_memory(const char *path)
{
	return strcmp(path, STATE_DIR) == 0 || strcmp(path, STATE_PATH) == 0 ||
	       strcmp(path, SEAL_PATH) == 0 || strcmp(path, STATE_DIR "/lock") == 0 ||
	       (without_originals && strncmp(path, ORIGINAL_DIR, strlen(ORIGINAL_DIR)) == 0);
}

/* The agent's folders are told apart, see find_litter. */
static bool is_agents(const char *path)
{
	return strcmp(path, "/lib") == 0 || strcmp(path, "/log") == 0;
}

static void add_bytes(const char *path, struct buf *ret)
{
	struct err err = {0};
	AUTO_CLOSE int fd = fs_open(&sm.scratch.sys, path, O_RDONLY | O_NOFOLLOW, 0, &err);
	unsigned char chunk[4096];
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i < n; i++)
			buf_printf(ret, chunk[i] < ' ' && chunk[i] != '\n' ? "\\%o" : "%c",
				   chunk[i]);
}

static void look(const char *path, struct buf *ret)
{
	AUTO_NAMES names = NULL;
	struct err err = {0};
	char child[512];
	struct stat st;

	assert_int_equal(fs_lstat(&sm.scratch.sys, path, &st, &err), 0);
	if (!is_memory(path))
		buf_printf(ret, "%s %o %u:%u ", path, st.st_mode, st.st_uid, st.st_gid);
	/* The index is of other bytes each time that it is made. */
	if (S_ISREG(st.st_mode) && !is_memory(path) && strcmp(path, AADINDEX_PATH) != 0)
		add_bytes(path, ret);
	if (!is_memory(path))
		buf_str(ret, "\n");
	if (!S_ISDIR(st.st_mode))
		return;
	assert_int_equal(fs_list(&sm.scratch.sys, path, &names, &err), 0);
	for (char **name = names; *name; name++) {
		(void)snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") ? path : "", *name);
		if (!is_agents(child))
			look(child, ret);
	}
}

static void look_at_all(struct buf *ret)
{
	buf_done(ret);
	look("/", ret);
	/* What SELinux has is a part of the machine. */
	buf_span(ret, buf_bytes(&fake.modules));
}

/* ---- verbs and how a machine comes before them */

static void already_installed(void)
{
	assert_int_equal(run("install"), EXIT_OK);
}

static void looked_at(void)
{
	already_installed();
	assert_int_equal(run("enable"), EXIT_OK);
	assert_int_equal(run("enable"), EXIT_OK);
	if (!strstr(said, "nothing to do"))
		fail_msg("%s", said);
}

static void drifted(void)
{
	struct err err = {0};

	looked_at();
	stepmachine_write("/etc/nsswitch.conf", "passwd: files\ngroup: files aad\nshadow: files\n");
	stepmachine_write("/etc/pam.d/sshd",
			  "@include common-auth\naccount required pam_nologin.so\n");
	assert_int_equal(fs_remove(&sm.scratch.sys, SSHD_DROPIN_PATH, &err), 0);
}

static const struct scene {
	const char *title, *verb;
	void (*prepare)(void);
	bool drift;
	bool strict; /* a failed run leaves the machine as it was */
} scenes[] = {
	{"install", "install", NULL, false, true},
	{"enable with nothing to do", "enable", looked_at, false, true},
	{"enable of what drifted", "enable", drifted, true, true},
	{"update", "update", already_installed, false, true},
	{"disable", "disable", already_installed, false, true},
	{"uninstall", "uninstall", already_installed, false, false},
};

static void prepare(const struct scene *scene)
{
	set_up();
	if (scene->prepare)
		scene->prepare();
}

/* ---- judging */

static size_t tried, harmless, lost;

static void lose(const struct scene *scene, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lost++;
	print_message("lost: %s, call %zu, %s, %s: %s\n", scene->title, target, hit,
		      strerror(hit_errno), text);
}

static void find_litter(const struct scene *scene, const char *path)
{
	AUTO_NAMES names = NULL;
	struct err err = {0};
	char child[512];

	if (fs_list(&sm.scratch.sys, path, &names, &err) < 0)
		return;
	for (char **name = names; *name; name++) {
		(void)snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") ? path : "", *name);
		if (strstr(*name, ".aadssh-new") || strcmp(*name, "event.tmp") == 0)
			lose(scene, "%s is left", child);
		find_litter(scene, child);
	}
}

static void judge_status(const struct scene *scene, int code)
{
	AUTO_FREE char *text = scratch_text(&sm.scratch, FOLDER "/status/3.status");
	enum status_value value = status_standing(&sm.scratch.sys, FOLDER "/status", SEQUENCE);
	const struct outcome *outcome = outcome_find(code);
	char words[32];

	(void)snprintf(words, sizeof(words), "\"code\": %d", code);
	if (outcome->code != code)
		lose(scene, "exit code %d is not of the table", code);
	if (!text || value != (code ? STATUS_ERROR : STATUS_SUCCESS) || !strstr(text, words))
		lose(scene, "exit %d, %s, with the status %s", code, said, text ? text : "missing");
	else if (code && !strstr(strstr(text, "formattedMessage"), "\\n"))
		lose(scene, "no remedy in %s", text);
}

/* The end that the run was to have. */
static void judge_end(const struct scene *scene, const char *what, struct span wanted)
{
	AUTO_BUF now = {0}, changes = {0};

	look_at_all(&now);
	if (span_eq(buf_bytes(&now), wanted))
		return;
	diff_unified("/machine", wanted, true, buf_bytes(&now), true, &changes);
	lose(scene, "%s the machine is not as it should be:\n%s", what, buf_text(&changes));
}

static void play(const struct scene *scene, const struct buf *clean, const struct buf *end)
{
	const char *before_hit;
	AUTO_BUF before = {0};
	int code;

	prepare(scene);
	look_at_all(&before);
	armed = true;
	code = run(scene->verb);
	tried++;
	harmless += code == EXIT_OK;
	if (!hit) {
		hit = "none";
		lose(scene, "the call was not made");
	}
	if (code && (hit_errno == EINTR || strcmp(scene->verb, "disable") == 0))
		lose(scene, "it failed: %s", said);
	judge_status(scene, code);
	if (code == EXIT_OK)
		judge_end(scene, "after the success", buf_bytes(end));
	else if (scene->strict)
		judge_end(scene, "after the failure", buf_bytes(&before));
	before_hit = hit;
	if (run(scene->verb) != EXIT_OK)
		lose(scene, "the next run: %s", said);
	hit = before_hit;
	judge_end(scene, "after the next run", buf_bytes(end));
	find_litter(scene, "/");
	if (run("uninstall") != EXIT_OK)
		lose(scene, "uninstall: %s", said);
	hit = before_hit;
	judge_end(scene, "after uninstall", buf_bytes(clean));
	tear_down();
}

static void each_failing_call_is_survived(void **state)
{
	const char *chosen = getenv("FAULTS_STEP");
	const size_t step = chosen ? strtoul(chosen, NULL, 10) : STEP;
	const struct scene *scene = *state;
	AUTO_BUF clean = {0}, end = {0};
	size_t count, number = 0;

	without_originals = scene->drift;
	set_up();
	look_at_all(&clean);
	tear_down();
	prepare(scene);
	armed = recording = true;
	target = SIZE_MAX;
	assert_int_equal(run(scene->verb), EXIT_OK);
	recording = false;
	count = calls;
	look_at_all(&end);
	tear_down();
	assert_in_range(count, 1, CALLS_MAX);
	tried = harmless = lost = 0;
	for (size_t i = 0; i < count; i++) {
		for (variant = 0; variant < count_errors(made[i]); variant++) {
			target = i;
			if (number++ % step == 0)
				play(scene, &clean, &end);
		}
	}
	print_message("%s: %zu calls, %zu of %zu failures tried, %zu did not matter, %zu lost\n",
		      scene->title, count, tried, number, harmless, lost);
	assert_int_equal(lost, 0);
}

/* The next call fails in its first way. */
static void fail_next(void)
{
	armed = true;
	calls = target = variant = 0;
	hit = NULL;
}

/* Before glibc 2.33 the calls of stat(2) have other names in programs. */
static bool can_fail_to_look(struct sys *sys)
{
	struct err ignored = {0};
	struct stat st;

	fail_next();
	(void)fs_lstat(sys, "/etc", &st, &ignored);
	armed = false;
	return hit;
}

static void what_cannot_be_looked_at_is_not_taken_for_absent(void **state)
{
	CLEANUP(witness_done) struct witness witness = {0};
	struct sys *sys;

	(void)state;
	set_up();
	sys = &sm.scratch.sys;
	if (!can_fail_to_look(sys)) {
		tear_down();
		skip();
	}
	sys->witness = &witness;
	assert_false(fs_exists(sys, "/etc/nothing"));
	assert_true(witness_same(sys, &witness.seen[0]));
	fail_next();
	assert_false(witness_same(sys, &witness.seen[0]));
	assert_false(witness.failed);
	fail_next();
	witness_add(sys, "/etc/other", false);
	assert_true(witness.failed);
	armed = false;
	sys->witness = NULL;
	tear_down();
}

/* Where that is allowed, thousands of machines need no disk. */
static int use_memory(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		(void)mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	return 0;
}

int main(void)
{
	struct CMUnitTest list[ARRAY_LEN(scenes) + 1] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
		list[i] = (struct CMUnitTest){.name = scenes[i].title,
					      .test_func = each_failing_call_is_survived,
					      .initial_state = (void *)(uintptr_t)&scenes[i]};
	list[ARRAY_LEN(scenes)] = (struct CMUnitTest)cmocka_unit_test(
		what_cannot_be_looked_at_is_not_taken_for_absent);
	return cmocka_run_group_tests(list, use_memory, NULL);
}
