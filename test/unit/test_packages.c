/* SPDX-License-Identifier: MIT */
/* The steps legacy and packages, in the real runner, against a dpkg that is only pretended. */
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
#include <unistd.h>
#include <cmocka.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "handler/steps/takeover.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/steps/run.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"

/* Linked with --wrap: the first look at a path that ends so fails.  NULL: none does. */
static const char *failing_look;

int __real_fstatat(int dir, const char *path, struct stat *st, int flags);
int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags);

int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags)
{
	size_t len = strlen(path), end = failing_look ? strlen(failing_look) : 0;

	if (!failing_look || len < end || strcmp(path + len - end, failing_look) != 0)
		return __real_fstatat(dir, path, st, flags);
	failing_look = NULL;
	errno = EIO;
	return -1;
}

#if defined(__x86_64__)
#define ARCH "amd64"
#else
#define ARCH "arm64"
#endif

#define MAIN_DEB "packages/aadsshlogin_1.0.0.0_" ARCH ".deb"
#define SELINUX_DEB "packages/aadsshlogin-selinux_1.0.0.0_all.deb"
#define PROGRAM "/usr/sbin/aadsshlogin"
#define PACKAGES_PATH STATE_DIR "/packages"
#define UNFINISHED_PATH STATE_DIR "/unfinished"

/* The pretended dpkg. */
enum { MAIN, SELINUX, OLD, OLD_SELINUX, KNOWN };
static const char *const names[KNOWN] = {"aadsshlogin", "aadsshlogin-selinux", "aadlogin",
					 "aadlogin-selinux"};

static struct {
	char state[KNOWN][4]; /* "ii ", "" for absent */
	char version[KNOWN][32];
	const char *modified; /* what --verify prints of the main package */
	const char *result; /* state after --install, when it is not "ii " */
	const char *complaint; /* what a failed --install prints */
	int status; /* of --install */
	int times; /* it has this status and result so often only; 0: always */
	bool keeps; /* it removes nothing, but reports success */
	bool refuses; /* it installs nothing */
	int remove_status; /* of --purge */
	bool goes; /* nevertheless */
	const char *others; /* lines "iF man-db" of packages that are not ours */
	const char *left; /* others after --install, "" for all as before */
	int configure_status; /* of --configure */
	int configure_times; /* it has this status so often only; 0: always */
	const char *configure_says; /* then */
	const char *needs[2]; /* the first cannot be configured while the second is unfinished */
	char unfinished[128]; /* what is left of others after --configure */
	int64_t install_left_ms; /* when --install was run last */
	char noted[64]; /* in UNFINISHED_PATH then */
	bool keeps_user; /* --purge does not remove it */
	bool user_stays; /* nor do userdel and groupdel */
	struct buf changes; /* commands that change something */
} dpkg;

static struct scratch scratch;
static struct settings settings;
static struct extension extension;
static struct machine machine;

static size_t known(const char *name)
{
	size_t i = 0;

	while (i < KNOWN && strcmp(names[i], name) != 0)
		i++;
	return i;
}

/* As useradd and userdel do: the old bytes into the backup, then the file without or with our line.
 */
static void edit_accounts(bool add)
{
	static const char *const files[] = {"/etc/passwd", "/etc/group", "/etc/shadow",
					    "/etc/gshadow"};
	static const char line[] = "aadsshlogin:x:990:990::/nonexistent:/usr/sbin/nologin\n";

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_FREE char *text = scratch_text(&scratch, files[i]);
		char *ours = strstr(text, line);
		char backup[32], now[512];

		if (add == !!ours)
			continue;
		(void)snprintf(backup, sizeof(backup), "%s-", files[i]);
		scratch_write(&scratch, backup, text, 0600);
		if (ours)
			*ours = '\0';
		(void)snprintf(now, sizeof(now), "%s%s", text,
			       ours ? ours + sizeof(line) - 1 : line);
		scratch_write(&scratch, files[i], now, i < 2 ? 0644 : 0640);
	}
}

static void do_install(const char *file)
{
	const char *base = strrchr(file, '/') + 1;
	char name[64];
	size_t at;

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "_"), base);
	at = known(name);
	assert_true(at < KNOWN);
	(void)snprintf(dpkg.state[at], sizeof(dpkg.state[at]), "%s", dpkg.result ?: "ii ");
	(void)snprintf(dpkg.version[at], sizeof(dpkg.version[at]), "1:%.*s",
		       (int)strcspn(base + strlen(name) + 1, "_"), base + strlen(name) + 1);
	if (at == MAIN) {
		dpkg.modified = "";
		scratch_write(&scratch, PROGRAM, "", 0755);
		edit_accounts(true);
	}
}

static void do_remove(const char *name)
{
	size_t at = known(name);

	if (at == KNOWN || dpkg.state[at][0] == '\0')
		fail_msg("%s is not installed", name);
	else
		dpkg.state[at][0] = '\0';
	if (at == MAIN && !dpkg.keeps_user)
		edit_accounts(false);
}

/* The line of others that names it; NULL: it is finished. */
static char *find_other(const char *name)
{
	char line[64];

	if (dpkg.others != dpkg.unfinished)
		(void)snprintf(dpkg.unfinished, sizeof(dpkg.unfinished), "%s", dpkg.others);
	dpkg.others = dpkg.unfinished;
	(void)snprintf(line, sizeof(line), "%s\n", name);
	return strstr(dpkg.unfinished, line);
}

static void do_configure(const char *name, struct proc_result *ret)
{
	char *found = find_other(name), *rest = found ? strchr(found, '\n') + 1 : NULL;

	ret->status = dpkg.configure_status;
	if (ret->status)
		buf_str(&ret->output, dpkg.configure_says);
	if (ret->status && dpkg.configure_times && --dpkg.configure_times == 0)
		dpkg.configure_status = 0;
	if (ret->status)
		return;
	if (!found ||
	    (dpkg.needs[0] && strcmp(name, dpkg.needs[0]) == 0 && find_other(dpkg.needs[1])))
		ret->status = 1;
	else
		memmove(found - 3, rest, strlen(rest) + 1);
}

static int fake_dpkg(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		     struct err *err)
{
	const char *const *argv = spec->argv;
	AUTO_FREE char *note = NULL;
	size_t last = 0;

	(void)err;
	while (argv[last + 1])
		last++;
	ret->status = 0;
	if (strcmp(argv[0], "/usr/sbin/userdel") == 0) {
		assert_string_equal(argv[1], "aadsshlogin");
		ret->status = dpkg.user_stays ? 10 : 0;
		buf_str(&ret->output, dpkg.user_stays ? "userdel: cannot open /etc/passwd\n" : "");
		if (!dpkg.user_stays)
			edit_accounts(false);
		return 0;
	}
	if (strcmp(argv[1], "--show") == 0 && last == 2) { /* all */
		/* Of several architectures, dpkg does not take a name alone. */
		assert_non_null(strstr(argv[2], "${binary:Package}"));
		buf_str(&ret->output, dpkg.others);
		return 0;
	}
	if (strcmp(argv[1], "--show") == 0) {
		size_t at = known(argv[last]);

		if (at == KNOWN || !dpkg.state[at][0])
			ret->status = 1;
		else
			buf_printf(&ret->output, "%s%s\n", dpkg.state[at], dpkg.version[at]);
		return 0;
	}
	if (strcmp(argv[1], "--verify") == 0) {
		if (known(argv[last]) == MAIN)
			buf_str(&ret->output, dpkg.modified);
		return 0;
	}
	if (strcmp(argv[1], "--listfiles") == 0) {
		buf_str(&ret->output,
			known(argv[last]) == MAIN ? "/.\n/usr\n" PROGRAM "\n" : "/.\n");
		return 0;
	}
	for (size_t i = 0; i <= last; i++)
		buf_printf(&dpkg.changes, "%s%s", argv[i], i < last ? " " : "\n");
	if (strcmp(argv[1], "--install") == 0) {
		assert_int_equal(spec->log_fd, 77);
		note = scratch_text(&scratch, UNFINISHED_PATH);
		(void)snprintf(dpkg.noted, sizeof(dpkg.noted), "%s", note ?: "");
		dpkg.install_left_ms = sys_left_ms(sys, INT64_MAX / 1000000);
		for (size_t i = 2; i <= last && !dpkg.refuses; i++)
			do_install(argv[i]);
		if (dpkg.left)
			dpkg.others = dpkg.left;
		ret->status = dpkg.status;
		if (dpkg.status)
			buf_str(&ret->output, dpkg.complaint);
		if (dpkg.times && --dpkg.times == 0) {
			dpkg.status = 0;
			dpkg.result = NULL;
		}
		return 0;
	}
	if (strcmp(argv[1], "--configure") == 0) {
		do_configure(argv[last], ret);
		return 0;
	}
	assert_string_equal(argv[2], "--purge");
	ret->status = dpkg.remove_status;
	if (dpkg.remove_status)
		buf_str(&ret->output, "dpkg: error: it stays\n");
	for (size_t i = 3; i <= last && !dpkg.keeps && (dpkg.goes || !dpkg.remove_status); i++)
		do_remove(argv[i]);
	return 0;
}

static void write_sums(const char *main_text, const char *selinux_text)
{
	AUTO_BUF sums = {0};

	scratch_add_sum(&sums, MAIN_DEB, main_text);
	scratch_add_sum(&sums, SELINUX_DEB, selinux_text);
	scratch_write(&scratch, "/ext/SHA256SUMS", buf_text(&sums), 0644);
}

static int setup(void **state)
{
	(void)state;
	memset(&dpkg, 0, sizeof(dpkg));
	dpkg.modified = dpkg.others = dpkg.configure_says = "";
	dpkg.complaint = "dpkg: error: no\n";
	scratch_open(&scratch);
	scratch.ops.run = fake_dpkg;
	settings = (struct settings)SETTINGS_INIT;
	extension =
		(struct extension){.folder = "/ext", .version = "1.0.0.0", .settings = &settings};
	machine = (struct machine){.sys = &scratch.sys, .extension = &extension, .log_fd = 77};
	scratch_write(&scratch, "/usr/bin/dpkg", "", 0755);
	scratch_write(&scratch, "/var/lib/dpkg/status", "x", 0644);
	scratch_write(&scratch, "/ext/" MAIN_DEB, "main", 0644);
	scratch_write(&scratch, "/ext/" SELINUX_DEB, "selinux", 0644);
	write_sums("main", "selinux");
	scratch_write(&scratch, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1::/:/bin/sh\n",
		      0644);
	scratch_write(&scratch, "/etc/passwd-", "root:x:0:0::/root:/bin/sh\n", 0604);
	scratch_write(&scratch, "/etc/group", "root:x:0:\n", 0644);
	scratch_write(&scratch, "/etc/shadow", "root:*:::::::\n", 0640);
	scratch_write(&scratch, "/etc/shadow-", "root:old:::::::\n", 0600);
	scratch_write(&scratch, "/etc/gshadow", "root:*::\n", 0640);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&dpkg.changes);
	scratch_done(&scratch);
	return 0;
}

static int plan_failure(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)m;
	(void)ret;
	return want == WANT_PRESENT ? err_set(err, EIO, "a later step failed") : 0;
}

static const struct step failing = {
	.name = "failing", .exit_code = EXIT_VERIFY, .plan = plan_failure};
static const struct step *const only_packages[] = {&step_packages};
static const struct step *const then_failing[] = {&step_packages, &failing};
static const struct step *const only_legacy[] = {&step_legacy};

static int apply(const struct step *const *steps, size_t count, struct err *err)
{
	struct step_result results[2];
	struct run run = {.machine = &machine, .steps = steps, .count = count, .results = results};

	*err = (struct err){0};
	return run_apply(&run, err);
}

static int install(struct err *err)
{
	return apply(only_packages, 1, err);
}

static int uninstall(struct err *err)
{
	struct step_result results[1];
	struct run run = {
		.machine = &machine, .steps = only_packages, .count = 1, .results = results};

	*err = (struct err){0};
	return run_revert(&run, err);
}

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static void assert_text(const char *path, const char *expected)
{
	AUTO_FREE char *text = scratch_text(&scratch, path);

	if (!expected)
		assert_null(text);
	else if (!text)
		fail_msg("%s is missing", path);
	else
		assert_string_equal(text, expected);
}

static mode_t mode_of(const char *path)
{
	char whole[256];
	struct stat st;

	(void)snprintf(whole, sizeof(whole), "%s%s", scratch.dir, path);
	assert_int_equal(stat(whole, &st), 0);
	return st.st_mode & 07777;
}

static void assert_changes(const char *expected)
{
	assert_string_equal(buf_text(&dpkg.changes), expected);
}

static void assert_accounts_as_before(void)
{
	assert_text("/etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1::/:/bin/sh\n");
	assert_text("/etc/passwd-", "root:x:0:0::/root:/bin/sh\n");
	assert_int_equal(mode_of("/etc/passwd-"), 0604);
	assert_text("/etc/group-", NULL);
	assert_text("/etc/shadow-", "root:old:::::::\n");
	assert_text("/etc/gshadow-", NULL);
}

#define INSTALL_MAIN "/usr/bin/dpkg --install /ext/" MAIN_DEB "\n"
#define PURGE "/usr/bin/dpkg --force-remove-reinstreq --purge "

static void the_first_run_installs_and_the_second_changes_nothing(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN);
	assert_text(PACKAGES_PATH, "aadsshlogin\n");
	assert_int_equal(mode_of(STATE_DIR), 0700);
	buf_done(&dpkg.changes);
	must(install(&err), &err);
	assert_changes("");
}

#define CONFIGURE "/usr/bin/dpkg --configure "
#define OWNERS "iF owners\niU other\n" /* unfinished before */

static void what_others_left_unfinished_is_theirs(void **state)
{
	struct err err;

	(void)state;
	dpkg.others = OWNERS "ii good\n";
	must(install(&err), &err);
	must(uninstall(&err), &err);
	assert_changes(INSTALL_MAIN PURGE "aadsshlogin\n");
	assert_text(UNFINISHED_PATH, NULL);
}

/* As when a run was killed while dpkg told man-db of our pages. */
static void what_a_killed_run_left_unfinished_is_finished(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	dpkg.others = OWNERS "iF man-db\nit triggered\nii good\niHRaadsshlogin-selinux\n";
	scratch_write(&scratch, UNFINISHED_PATH, "> installing\nowners\nother\n", 0600);
	must(install(&err), &err);
	assert_changes(CONFIGURE "man-db\n" CONFIGURE "triggered\n");
	assert_text(UNFINISHED_PATH, NULL);
	buf_done(&dpkg.changes);
	must(install(&err), &err);
	assert_changes("");
}

static void what_cannot_be_finished_stops_nothing_and_is_told(void **state)
{
	struct err err;

	(void)state;
	dpkg.left = "iF man-db\n";
	dpkg.configure_status = 1;
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN CONFIGURE "man-db\n" CONFIGURE "man-db\n");
	assert_int_equal(machine.note_count, 1);
	assert_non_null(strstr(machine.notes[0], "man-db"));
	assert_text(UNFINISHED_PATH, NULL);
}

/* As when man-db's own script fails when it is told that our pages are gone. */
static void a_removal_is_none_the_worse_for_what_fails_after_it(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	dpkg.remove_status = 1;
	dpkg.goes = true;
	must(uninstall(&err), &err);
	assert_changes(PURGE "aadsshlogin\n");
	assert_int_equal(machine.note_count, 1);
	assert_non_null(strstr(machine.notes[0], "dpkg: error: it stays"));
	assert_text(PACKAGES_PATH, NULL);
	assert_text(UNFINISHED_PATH, NULL);
}

static void what_needs_another_that_was_left_unfinished_is_finished_after_it(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	scratch_write(&scratch, UNFINISHED_PATH, "", 0600);
	dpkg.others = "iU first\niF second\n";
	dpkg.needs[0] = "first";
	dpkg.needs[1] = "second";
	must(uninstall(&err), &err);
	assert_changes(PURGE "aadsshlogin\n" CONFIGURE "first\n" CONFIGURE "second\n" CONFIGURE
			     "first\n");
	assert_int_equal(machine.note_count, 0);
	assert_string_equal(dpkg.others, "");
}

/* dpkg was ended, but not we; nobody would look for man-db after this run. */
static void what_was_killed_while_it_finished_others_is_run_again(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	scratch_write(&scratch, UNFINISHED_PATH, "", 0600);
	dpkg.others = "it man-db\n";
	dpkg.configure_status = -9;
	dpkg.configure_times = 1;
	must(uninstall(&err), &err);
	assert_changes(PURGE "aadsshlogin\n" CONFIGURE "man-db\n" CONFIGURE "man-db\n");
	assert_int_equal(machine.note_count, 0);
	assert_string_equal(dpkg.others, "");
}

static void what_could_not_be_tried_is_finished_by_the_next_run(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	scratch_write(&scratch, UNFINISHED_PATH, "", 0600);
	dpkg.others = "iF man-db\n";
	dpkg.configure_status = 2;
	dpkg.configure_says = "dpkg: error: dpkg frontend lock was locked by another process\n";
	scratch.sys.deadline_ns = scratch.ops.boottime_ns(&scratch.sys) + 1000000000;
	assert_int_equal(uninstall(&err), -EBUSY);
	assert_int_equal(err.outcome, EXIT_LOCK);
	assert_text(UNFINISHED_PATH, "");
	scratch.sys.deadline_ns = 0;
	dpkg.configure_status = 0;
	buf_done(&dpkg.changes);
	must(uninstall(&err), &err);
	assert_changes(CONFIGURE "man-db\n");
	assert_text(UNFINISHED_PATH, NULL);
	assert_text(PACKAGES_PATH, NULL);
}

/* dpkg knows the files of a package when they are all there; it could not take away some of them.
 */
static void an_installation_that_was_killed_is_finished_before_it_is_removed(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	(void)strcpy(dpkg.state[MAIN], "iHR");
	scratch_write(&scratch, UNFINISHED_PATH, "> installing\n", 0600);
	buf_done(&dpkg.changes);
	must(uninstall(&err), &err);
	assert_changes(INSTALL_MAIN PURGE "aadsshlogin\n");
	assert_text(UNFINISHED_PATH, NULL);
	assert_accounts_as_before();
}

/* As by the kernel, when memory is short; what failed of itself is not tried again. */
static void an_installation_whose_dpkg_was_ended_is_finished_before_it_is_taken_back(void **state)
{
	static const struct {
		int status;
		const char *result, *changes;
	} rows[] = {
		{-9, "iHR", INSTALL_MAIN INSTALL_MAIN PURGE "aadsshlogin\n"},
		{-9, "iF ", INSTALL_MAIN PURGE "aadsshlogin\n"},
		{1, "iF ", INSTALL_MAIN PURGE "aadsshlogin\n"},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dpkg.status = rows[i].status;
		dpkg.result = rows[i].result;
		dpkg.times = 1;
		assert_int_equal(install(&err), -EIO);
		assert_changes(rows[i].changes);
		buf_done(&dpkg.changes);
		assert_text(UNFINISHED_PATH, NULL);
		assert_text(PACKAGES_PATH, NULL);
		assert_accounts_as_before();
	}
}

static void an_installation_that_hangs_again_leaves_time_to_remove_it(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	(void)strcpy(dpkg.state[MAIN], "iHR");
	scratch_write(&scratch, UNFINISHED_PATH, "> installing\n", 0600);
	scratch.sys.deadline_ns = scratch.ops.boottime_ns(&scratch.sys) + 1000000000000;
	must(uninstall(&err), &err);
	assert_in_range(dpkg.install_left_ms, 400000, 500000);
	assert_true(sys_left_ms(&scratch.sys, 1000000) > 900000);
}

static void a_removal_that_was_killed_goes_on(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	(void)strcpy(dpkg.state[MAIN], "pH ");
	scratch_write(&scratch, UNFINISHED_PATH, "owners\n", 0600);
	dpkg.others = OWNERS;
	buf_done(&dpkg.changes);
	must(uninstall(&err), &err);
	assert_changes(PURGE "aadsshlogin\n" CONFIGURE "other\n");
}

/* What the removal noted says nothing of an installation, which may be killed too. */
static void an_installation_is_noted_after_a_removal_that_was_killed(void **state)
{
	struct err err;

	(void)state;
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	scratch_write(&scratch, UNFINISHED_PATH, "owners\n", 0600);
	dpkg.others = OWNERS;
	must(install(&err), &err);
	assert_string_equal(dpkg.noted, "> installing\nowners\n");
	assert_text(UNFINISHED_PATH, NULL);
}

static void what_a_killed_useradd_left_beside_the_accounts_goes(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	scratch_mkdir(&scratch, "/proc/4711", 0755);
	scratch_write(&scratch, "/etc/gshadow+", "", 0);
	scratch_write(&scratch, "/etc/subgid.lock", "999999999", 0600);
	scratch_write(&scratch, "/etc/shadow.lock", "4711", 0600);
	scratch_write(&scratch, "/etc/shadow+", "", 0600);
	must(uninstall(&err), &err);
	assert_true(fs_exists(&scratch.sys, "/etc/gshadow+")); /* no run was killed */
	must(install(&err), &err);
	scratch_write(&scratch, UNFINISHED_PATH, "", 0600);
	must(uninstall(&err), &err);
	assert_false(fs_exists(&scratch.sys, "/etc/gshadow+"));
	assert_false(fs_exists(&scratch.sys, "/etc/subgid.lock"));
	assert_true(fs_exists(&scratch.sys, "/etc/shadow.lock"));
	assert_true(fs_exists(&scratch.sys, "/etc/shadow+"));
}

static void a_backup_that_a_killed_useradd_was_writing_is_as_before_in_the_end(void **state)
{
	static const char *const kept[] = {"passwd-", "passwd"};
	struct err err;

	(void)state;
	scratch_mkdir(&scratch, STATE_DIR "/accounts", 0700);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		AUTO_FREE char *text = NULL;
		char path[64];

		(void)snprintf(path, sizeof(path), "/etc/%s", kept[i]);
		text = scratch_text(&scratch, path);
		(void)snprintf(path, sizeof(path), STATE_DIR "/accounts/%s", kept[i]);
		scratch_write(&scratch, path, text, i ? 0644 : 0604);
	}
	scratch_write(&scratch, UNFINISHED_PATH, "", 0600);
	scratch_write(&scratch, "/etc/passwd-", "", 0604);
	must(install(&err), &err);
	must(uninstall(&err), &err);
	assert_accounts_as_before();
}

static void removing_leaves_the_accounts_and_their_backups_as_before(void **state)
{
	AUTO_FREE char *passwd = NULL;
	struct err err;

	(void)state;
	must(install(&err), &err);
	passwd = scratch_text(&scratch, "/etc/passwd");
	assert_non_null(strstr(passwd, "aadsshlogin:"));
	buf_done(&dpkg.changes);
	must(uninstall(&err), &err);
	assert_changes(PURGE "aadsshlogin\n");
	assert_accounts_as_before();
	assert_text(PACKAGES_PATH, NULL);
	assert_text(STATE_DIR "/accounts/shadow", NULL);
	buf_done(&dpkg.changes);
	must(uninstall(&err), &err);
	assert_changes("");
}

static void a_user_that_the_package_left_is_removed_by_the_next_run_too(void **state)
{
	AUTO_FREE char *before = scratch_text(&scratch, "/etc/passwd");
	AUTO_FREE char *after = NULL;
	struct err err = {0};

	(void)state;
	must(install(&err), &err);
	dpkg.keeps_user = dpkg.user_stays = true;
	assert_int_equal(uninstall(&err), -EIO);
	assert_int_equal(err.outcome, EXIT_PACKAGE);
	assert_non_null(strstr(err.msg, "userdel: cannot open /etc/passwd"));
	assert_non_null(strstr(err.remedy, "userdel aadsshlogin"));
	assert_int_equal(uninstall(&err), -EIO);
	dpkg.user_stays = false;
	must(uninstall(&err), &err);
	after = scratch_text(&scratch, "/etc/passwd");
	assert_string_equal(after, before);
	assert_false(fs_exists(&scratch.sys, STATE_DIR "/accounts"));
}

/* What cannot be looked at counts as absent; what a later run goes by stays then. */
static void nothing_is_forgotten_of_which_nobody_could_tell_whether_it_is_there(void **state)
{
	static const char *const looks[] = {"/aadsshlogin/accounts", "/aadsshlogin/unfinished"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		must(install(&err), &err);
		scratch_write(&scratch, UNFINISHED_PATH, "", 0600);
		failing_look = looks[i];
		err = (struct err){0};
		assert_int_equal(uninstall(&err), -EIO);
		assert_null(failing_look);
		must(uninstall(&err), &err);
		assert_accounts_as_before();
		assert_false(fs_exists(&scratch.sys, STATE_DIR "/accounts"));
		assert_false(fs_exists(&scratch.sys, UNFINISHED_PATH));
	}
}

static void a_group_that_was_there_before_the_package_stays(void **state)
{
	static const char owners[] = "root:x:0:\naadsshlogin:x:500:\n";
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/group", owners, 0644);
	must(install(&err), &err);
	dpkg.keeps_user = true;
	must(uninstall(&err), &err);
	assert_text("/etc/group", owners);
}

static void backups_of_other_peoples_changes_are_left_alone(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	/* Somebody adds eve while the package is there. */
	scratch_write(&scratch, "/etc/group", "root:x:0:\neve:x:5:\n", 0644);
	must(uninstall(&err), &err);
	assert_text("/etc/group-", "root:x:0:\n");
	/* What nobody else touched is put back nevertheless. */
	assert_text("/etc/passwd-", "root:x:0:0::/root:/bin/sh\n");
}

static void backups_are_kept_from_before_the_first_of_several_installations(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	dpkg.modified = "??5??????   /usr/sbin/aadsshlogin\n";
	must(install(&err), &err);
	must(uninstall(&err), &err);
	assert_accounts_as_before();
}

static void a_modified_package_is_installed_again(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	dpkg.modified = "??5??????   /usr/sbin/aadsshlogin\n";
	assert_int_equal(step_packages.plan(&machine, WANT_PRESENT, &changes, &err), 0);
	assert_int_equal(changes.count, 1);
	assert_string_equal(changes.list[0].what, "install aadsshlogin 1:1.0.0.0 again, as "
						  "/usr/sbin/aadsshlogin was modified");
	assert_changes("");
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN);
}

static void a_program_that_lost_its_mode_is_installed_again(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	scratch_write(&scratch, PROGRAM, "", 0644);
	assert_int_equal(step_packages.plan(&machine, WANT_PRESENT, &changes, &err), 0);
	assert_int_equal(changes.count, 1);
	assert_string_equal(changes.list[0].what,
			    "install aadsshlogin 1:1.0.0.0 again, as " PROGRAM " was modified");
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN);
	assert_int_equal(mode_of(PROGRAM), 0755);
}

static void a_package_whose_user_is_gone_is_installed_again(void **state)
{
	AUTO_CHANGES changes = {0};
	AUTO_FREE char *passwd = NULL;
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	edit_accounts(false);
	assert_int_equal(step_packages.plan(&machine, WANT_PRESENT, &changes, &err), 0);
	assert_int_equal(err.code, 0);
	assert_int_equal(changes.count, 1);
	assert_string_equal(
		changes.list[0].what,
		"install aadsshlogin 1:1.0.0.0 again, as its user aadsshlogin is missing");
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN);
	passwd = scratch_text(&scratch, "/etc/passwd");
	assert_non_null(strstr(passwd, "\naadsshlogin:"));
}

static void a_package_whose_users_group_is_gone_is_installed_again(void **state)
{
	AUTO_CHANGES changes = {0};
	AUTO_FREE char *group = NULL;
	struct err err;

	(void)state;
	must(install(&err), &err);
	scratch_write(&scratch, "/etc/group", "root:x:0:\n", 0644);
	assert_int_equal(step_packages.plan(&machine, WANT_PRESENT, &changes, &err), 0);
	assert_int_equal(changes.count, 1);
	assert_string_equal(
		changes.list[0].what,
		"install aadsshlogin 1:1.0.0.0 again, as its group aadsshlogin is missing");
	must(install(&err), &err);
	group = scratch_text(&scratch, "/etc/group");
	assert_non_null(strstr(group, "\naadsshlogin:"));
}

static void an_unreadable_passwd_is_no_missing_user(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	scratch_write(&scratch, "/etc/passwd", "", 0666);
	assert_int_equal(install(&err), -EPERM);
	assert_changes("");
}

static void a_half_installed_package_is_installed_again(void **state)
{
	struct err err;

	(void)state;
	(void)strcpy(dpkg.state[MAIN], "iF ");
	(void)strcpy(dpkg.version[MAIN], "1:1.0.0.0");
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN);
}

static void a_failure_after_the_first_installation_takes_it_back(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(apply(then_failing, 2, &err), -EIO);
	assert_string_equal(err.msg, "a later step failed");
	assert_changes(INSTALL_MAIN PURGE "aadsshlogin\n");
	assert_accounts_as_before();
	assert_text(PACKAGES_PATH, NULL);
}

static void a_failure_after_an_update_leaves_the_packages(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	(void)strcpy(dpkg.version[MAIN], "1:0.9.0.0");
	assert_int_equal(apply(then_failing, 2, &err), -EIO);
	assert_changes(INSTALL_MAIN);
	assert_text(PACKAGES_PATH, "aadsshlogin\n");
}

static void packages_that_were_there_before_are_not_removed(void **state)
{
	struct err err;

	(void)state;
	(void)strcpy(dpkg.state[MAIN], "ii ");
	(void)strcpy(dpkg.version[MAIN], "1:0.9.0.0");
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN);
	buf_done(&dpkg.changes);
	must(uninstall(&err), &err);
	assert_changes("");
	assert_string_equal(dpkg.state[MAIN], "ii ");
}

static void packages_removed_by_hand_are_no_trouble(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&dpkg.changes);
	do_remove("aadsshlogin");
	must(uninstall(&err), &err);
	assert_changes("");
	assert_accounts_as_before();
	assert_text(PACKAGES_PATH, NULL);
}

static void the_selinux_package_goes_where_there_is_a_policy(void **state)
{
	struct err err;

	(void)state;
	scratch_write(&scratch, "/etc/selinux/config",
		      "# x\nSELINUX=permissive\nSELINUXTYPE=default\n", 0644);
	must(install(&err), &err);
	assert_changes(INSTALL_MAIN);
	buf_done(&dpkg.changes);
	scratch_mkdir(&scratch, "/etc/selinux/default/policy", 0755);
	must(install(&err), &err);
	assert_changes("");
	scratch_write(&scratch, "/etc/selinux/default/policy/policy.33", "", 0644);
	must(install(&err), &err);
	assert_changes("/usr/bin/dpkg --install /ext/" SELINUX_DEB "\n");
	assert_text(PACKAGES_PATH, "aadsshlogin\naadsshlogin-selinux\n");
	buf_done(&dpkg.changes);
	must(uninstall(&err), &err);
	assert_changes(PURGE "aadsshlogin aadsshlogin-selinux\n");
}

static void a_damaged_package_never_reaches_the_package_manager(void **state)
{
	static const char *const main_texts[] = {"main", "other"};
	struct err err;

	(void)state;
	scratch_write(&scratch, "/ext/" SELINUX_DEB, "damaged", 0644);
	for (size_t i = 0; i < ARRAY_LEN(main_texts); i++) {
		write_sums(main_texts[i], "selinux");
		assert_int_equal(install(&err), -EBADMSG);
		assert_int_equal(err.outcome, EXIT_PACKAGE);
		assert_non_null(strstr(err.msg, "is not as it was packed"));
		assert_non_null(strstr(err.remedy, "install it again"));
	}
	assert_changes("");
	assert_text(PACKAGES_PATH, NULL);
}

static void an_extension_without_the_package_says_so(void **state)
{
	struct err err;

	(void)state;
	extension.version = "1.0.0.7";
	assert_int_equal(install(&err), -ENODATA);
	assert_int_equal(err.outcome, EXIT_UNSUPPORTED);
	assert_non_null(strstr(err.msg, "does not list packages/aadsshlogin_1.0.0.7_"));
	assert_changes("");
}

static void a_failing_package_manager_is_cleaned_up_after(void **state)
{
	struct err err;

	(void)state;
	dpkg.status = 1;
	dpkg.result = "iF ";
	assert_int_equal(install(&err), -EIO);
	assert_int_equal(err.outcome, EXIT_PACKAGE);
	assert_string_equal(err.msg, "/usr/bin/dpkg failed (status 1): dpkg: error: no");
	assert_changes(INSTALL_MAIN PURGE "aadsshlogin\n");
	assert_accounts_as_before();
}

static void a_package_that_needs_others_is_taken_off_again_and_they_are_named(void **state)
{
	struct err err;

	(void)state;
	dpkg.status = 1;
	dpkg.result = "iU ";
	dpkg.complaint = "dpkg: dependency problems prevent configuration of aadsshlogin:\n"
			 " aadsshlogin depends on libjansson4 (>= 2.14); however:\n"
			 "  Package libjansson4 is not installed.\n\n"
			 "dpkg: error processing package aadsshlogin (--install):\n"
			 " dependency problems - leaving unconfigured\n";
	assert_int_equal(install(&err), -ENOPKG);
	assert_int_equal(err.outcome, EXIT_DEPENDENCY);
	assert_string_equal(err.msg, "packages that are needed are missing: "
				     "aadsshlogin depends on libjansson4 (>= 2.14)");
	assert_changes(INSTALL_MAIN PURGE "aadsshlogin\n");
	assert_string_equal(dpkg.state[MAIN], "");
	assert_accounts_as_before();
	assert_text(PACKAGES_PATH, NULL);
}

static void a_success_that_is_none_is_not_believed(void **state)
{
	struct err err;

	(void)state;
	dpkg.result = "iF ";
	assert_int_equal(install(&err), -EIO);
	assert_non_null(strstr(err.msg, "reports success, but one would still have to install"));
}

static void a_machine_without_a_package_manager_is_refused(void **state)
{
	struct err err;

	(void)state;
	scratch_write(&scratch, "/var/lib/dpkg/status", "", 0644);
	assert_int_equal(install(&err), -EOPNOTSUPP);
	assert_int_equal(err.outcome, EXIT_UNSUPPORTED);
}

static void the_old_product_is_refused_while_it_is_installed(void **state)
{
	/* clang-format off */
	static const struct {
		const char *state;
		int r;
	} rows[] = {
		{"", 0}, {"rc ", 0}, {"un ", 0}, {"ii ", -EEXIST}, {"iF ", -EEXIST},
	};
	/* clang-format on */
	struct err err;

	(void)state;
	(void)strcpy(dpkg.version[OLD], "1.0.14");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)strcpy(dpkg.state[OLD], rows[i].state);
		assert_int_equal(apply(only_legacy, 1, &err), rows[i].r);
		assert_int_equal(err.outcome, rows[i].r ? EXIT_LEGACY : 0);
	}
	assert_string_equal(err.msg, "the old product is installed: aadlogin 1.0.14");
	assert_non_null(strstr(err.remedy, "AADLoginForLinux"));
	assert_non_null(strstr(err.remedy, "migrateLegacy"));
	assert_changes("");
}

static void install_old(void)
{
	(void)strcpy(dpkg.state[OLD], "ii ");
	(void)strcpy(dpkg.version[OLD], "1.0.14");
	settings.migrate_legacy = true;
}

static void the_old_product_is_removed_when_that_is_asked_for(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	install_old();
	(void)strcpy(dpkg.state[OLD_SELINUX], "iF ");
	(void)strcpy(dpkg.version[OLD_SELINUX], "1.0.3");
	assert_int_equal(step_legacy.plan(&machine, WANT_PRESENT, &changes, &err), 0);
	assert_int_equal(changes.count, 2);
	assert_string_equal(changes.list[0].what,
			    "close the door of aadlogin 1.0.14, aadlogin-selinux 1.0.3: its lines "
			    "in sshd, sudo and PAM");
	assert_string_equal(changes.list[1].what, "remove aadlogin 1.0.14, aadlogin-selinux 1.0.3");
	assert_changes("");
	must(apply(only_legacy, 1, &err), &err);
	assert_changes(PURGE "aadlogin\n" PURGE "aadlogin-selinux\n");
	buf_done(&dpkg.changes);
	must(apply(only_legacy, 1, &err), &err);
	assert_changes("");
}

static void an_old_product_that_does_not_go_ends_the_migration(void **state)
{
	struct err err;

	(void)state;
	install_old();
	dpkg.remove_status = 1;
	assert_int_equal(apply(only_legacy, 1, &err), -EIO);
	assert_int_equal(err.outcome, EXIT_LEGACY);
	assert_string_equal(err.msg, "cannot remove the old product (aadlogin 1.0.14): "
				     "/usr/bin/dpkg failed (status 1): dpkg: error: it stays");
	assert_string_equal(err.remedy, "remove its packages by hand");
	dpkg.remove_status = 0;
	dpkg.keeps = true;
	assert_int_equal(apply(only_legacy, 1, &err), -EEXIST);
	assert_int_equal(err.outcome, EXIT_LEGACY);
	assert_string_equal(
		err.msg, "cannot remove the old product (aadlogin 1.0.14): it is still installed");
}

/* Its own script would delete them. */
static void an_old_product_with_users_goes_without_its_scripts(void **state)
{
	struct err err;

	(void)state;
	install_old();
	scratch_write(&scratch, "/etc/aadpasswd", "# none\n\n", 0644);
	dpkg.remove_status = 1;
	assert_int_equal(apply(only_legacy, 1, &err), -EIO);
	assert_changes(PURGE "aadlogin\n" PURGE "aadlogin\n");
	buf_done(&dpkg.changes);
	scratch_write(&scratch, "/etc/aadpasswd", "a@b.c:oid:1:1:::\n", 0644);
	assert_int_equal(apply(only_legacy, 1, &err), -EIO);
	assert_changes(PURGE "aadlogin\n");
}

static void install_closed(void)
{
	(void)strcpy(dpkg.state[MAIN], "ii ");
	(void)strcpy(dpkg.version[MAIN], "1.0.030480001");
	scratch_write(&scratch, "/etc/pam.d/common-auth", "auth required pam_aad.so\n", 0644);
}

static const struct step *const legacy_and_packages[] = {&step_legacy, &step_packages};

static void the_closed_product_is_replaced_and_nothing_of_either_stays(void **state)
{
	struct err err;

	(void)state;
	install_closed();
	must(apply(legacy_and_packages, 2, &err), &err);
	assert_changes(INSTALL_MAIN);
	assert_false(fs_exists(&scratch.sys, TAKEOVER_DIR));
	assert_text("/etc/pam.d/common-auth", "");
	buf_done(&dpkg.changes);
	must(apply(legacy_and_packages, 2, &err), &err);
	assert_changes("");
	must(uninstall(&err), &err);
	assert_changes(PURGE "aadsshlogin\n");
}

static void a_closed_product_that_stays_is_as_it_was(void **state)
{
	struct err err;

	(void)state;
	install_closed();
	dpkg.refuses = true;
	dpkg.status = 1;
	assert_int_equal(apply(legacy_and_packages, 2, &err), -EIO);
	assert_changes(INSTALL_MAIN INSTALL_MAIN);
	assert_false(fs_exists(&scratch.sys, TAKEOVER_DIR));
	assert_false(fs_exists(&scratch.sys, PACKAGES_PATH));
	assert_false(fs_exists(&scratch.sys, STATE_DIR "/accounts"));
	assert_text("/etc/pam.d/common-auth", "auth required pam_aad.so\n");
}

/* What was written before a run was killed names a package that did not come. */
static void a_closed_product_on_the_list_is_not_removed(void **state)
{
	struct err err;

	(void)state;
	install_closed();
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	scratch_write(&scratch, PACKAGES_PATH, "aadsshlogin\n", 0600);
	must(uninstall(&err), &err);
	assert_changes("");
	assert_false(fs_exists(&scratch.sys, PACKAGES_PATH));
}

static void who_wants_the_closed_product_keeps_it(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	install_closed();
	settings.package_source = PACKAGES_MICROSOFT;
	assert_int_equal(step_legacy.plan(&machine, WANT_PRESENT, &changes, &err), 0);
	assert_int_equal(changes.count, 0);
}

static void what_the_extension_put_there_itself_is_the_next_steps(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	install_closed();
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	scratch_write(&scratch, PACKAGES_PATH, "of microsoft\naadsshlogin\n", 0600);
	assert_int_equal(step_legacy.plan(&machine, WANT_PRESENT, &changes, &err), 0);
	assert_int_equal(changes.count, 0);
}

static void what_a_killed_run_began_is_finished_or_undone(void **state)
{
	AUTO_CHANGES finishing = {0}, undoing = {0};
	struct err err = {0};

	(void)state;
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	scratch_mkdir(&scratch, TAKEOVER_DIR, 0700);
	assert_int_equal(step_legacy.plan(&machine, WANT_PRESENT, &finishing, &err), 0);
	assert_int_equal(finishing.count, 1);
	assert_non_null(strstr(finishing.list[0].what, "finish"));
	assert_int_equal(step_legacy.plan(&machine, WANT_ABSENT, &undoing, &err), 0);
	assert_int_equal(undoing.count, 1);
	assert_non_null(strstr(undoing.list[0].what, "undo"));
	must(apply(only_legacy, 1, &err), &err);
	assert_false(fs_exists(&scratch.sys, TAKEOVER_DIR));
}

static void uninstalling_leaves_the_old_product_alone(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	install_old();
	assert_int_equal(step_legacy.plan(&machine, WANT_ABSENT, &changes, &err), 0);
	assert_int_equal(changes.count, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(the_first_run_installs_and_the_second_changes_nothing),
		CASE(what_others_left_unfinished_is_theirs),
		CASE(what_a_killed_run_left_unfinished_is_finished),
		CASE(what_cannot_be_finished_stops_nothing_and_is_told),
		CASE(a_removal_is_none_the_worse_for_what_fails_after_it),
		CASE(what_needs_another_that_was_left_unfinished_is_finished_after_it),
		CASE(what_was_killed_while_it_finished_others_is_run_again),
		CASE(what_could_not_be_tried_is_finished_by_the_next_run),
		CASE(an_installation_that_was_killed_is_finished_before_it_is_removed),
		CASE(an_installation_whose_dpkg_was_ended_is_finished_before_it_is_taken_back),
		CASE(an_installation_that_hangs_again_leaves_time_to_remove_it),
		CASE(a_removal_that_was_killed_goes_on),
		CASE(an_installation_is_noted_after_a_removal_that_was_killed),
		CASE(what_a_killed_useradd_left_beside_the_accounts_goes),
		CASE(a_backup_that_a_killed_useradd_was_writing_is_as_before_in_the_end),
		CASE(removing_leaves_the_accounts_and_their_backups_as_before),
		CASE(a_user_that_the_package_left_is_removed_by_the_next_run_too),
		CASE(nothing_is_forgotten_of_which_nobody_could_tell_whether_it_is_there),
		CASE(a_group_that_was_there_before_the_package_stays),
		CASE(backups_of_other_peoples_changes_are_left_alone),
		CASE(backups_are_kept_from_before_the_first_of_several_installations),
		CASE(a_modified_package_is_installed_again),
		CASE(a_program_that_lost_its_mode_is_installed_again),
		CASE(a_package_whose_user_is_gone_is_installed_again),
		CASE(a_package_whose_users_group_is_gone_is_installed_again),
		CASE(an_unreadable_passwd_is_no_missing_user),
		CASE(a_half_installed_package_is_installed_again),
		CASE(a_failure_after_the_first_installation_takes_it_back),
		CASE(a_failure_after_an_update_leaves_the_packages),
		CASE(packages_that_were_there_before_are_not_removed),
		CASE(packages_removed_by_hand_are_no_trouble),
		CASE(the_selinux_package_goes_where_there_is_a_policy),
		CASE(a_damaged_package_never_reaches_the_package_manager),
		CASE(an_extension_without_the_package_says_so),
		CASE(a_failing_package_manager_is_cleaned_up_after),
		CASE(a_package_that_needs_others_is_taken_off_again_and_they_are_named),
		CASE(a_success_that_is_none_is_not_believed),
		CASE(a_machine_without_a_package_manager_is_refused),
		CASE(the_old_product_is_refused_while_it_is_installed),
		CASE(the_old_product_is_removed_when_that_is_asked_for),
		CASE(an_old_product_with_users_goes_without_its_scripts),
		CASE(the_closed_product_is_replaced_and_nothing_of_either_stays),
		CASE(a_closed_product_that_stays_is_as_it_was),
		CASE(a_closed_product_on_the_list_is_not_removed),
		CASE(who_wants_the_closed_product_keeps_it),
		CASE(what_the_extension_put_there_itself_is_the_next_steps),
		CASE(what_a_killed_run_began_is_finished_or_undone),
		CASE(an_old_product_that_does_not_go_ends_the_migration),
		CASE(uninstalling_leaves_the_old_product_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
