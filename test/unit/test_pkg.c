/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/pkg.h"
#include "lib/sys/proc.h"
#include "test/unit/answers.h"
#include "test/unit/lockholder.h"
#include "test/unit/scratch.h"

static struct scratch machine;
static int64_t now_ns;
static pid_t holder;
static int sleeps;

static int64_t fake_boottime(struct sys *sys)
{
	(void)sys;
	return now_ns;
}

/* The clock moves by sleeping only; the holder of the lock goes at the third sleep. */
static void fake_sleep(struct sys *sys, int64_t ms)
{
	(void)sys;
	now_ns += ms * 1000000;
	if (++sleeps == 3)
		lockholder_end(&holder);
}

static int setup(void **state)
{
	(void)state;
	scratch_open(&machine);
	answers_start(&machine, false);
	machine.ops.boottime_ns = fake_boottime;
	machine.ops.sleep_ms = fake_sleep;
	now_ns = 1000000000;
	sleeps = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lockholder_end(&holder);
	answers_done();
	scratch_done(&machine);
	return 0;
}

static const struct pkg_manager *debian(void)
{
	scratch_write(&machine, "/usr/bin/dpkg", "", 0755);
	scratch_write(&machine, "/var/lib/dpkg/status", "Package: x\n", 0644);
	return pkg_detect(&machine.sys);
}

static const struct pkg_manager *redhat(void)
{
	scratch_write(&machine, "/usr/bin/rpm", "", 0755);
	scratch_write(&machine, "/var/lib/rpm/rpmdb.sqlite", "x", 0644);
	return pkg_detect(&machine.sys);
}

static void the_database_tells_the_package_manager_not_the_program(void **state)
{
	(void)state;
	assert_null(pkg_detect(&machine.sys));
	scratch_write(&machine, "/usr/bin/rpm", "", 0755);
	assert_null(pkg_detect(&machine.sys));
	assert_string_equal(pkg_type(redhat()), "rpm");
	scratch_write(&machine, "/usr/bin/dpkg", "", 0755);
	scratch_write(&machine, "/var/lib/dpkg/status", "", 0644);
	assert_string_equal(pkg_type(pkg_detect(&machine.sys)), "rpm");
	assert_string_equal(pkg_type(debian()), "deb");
}

/* clang-format off */
static const struct query {
	const char *name;
	bool rpm;
	struct answer answer;
	int r;
	enum pkg_state state;
	const char *version;
} queries[] = {
	{"deb_installed", false, {0, "ii 1:1.0.0.0\n", NULL}, 0, PKG_INSTALLED, "1:1.0.0.0"},
	{"deb_on_hold", false, {0, "hi 1:1.0.0.0\n", NULL}, 0, PKG_INSTALLED, "1:1.0.0.0"},
	{"deb_with_pending_triggers", false, {0, "it 1:1.0.0.0\n", NULL}, 0, PKG_INSTALLED, "1:1.0.0.0"},
	{"deb_half_configured", false, {0, "iF 1:1.0.0.0\n", NULL}, 0, PKG_BROKEN, "1:1.0.0.0"},
	{"deb_unpacked", false, {0, "iU 1:1.0.0.0\n", NULL}, 0, PKG_BROKEN, "1:1.0.0.0"},
	{"deb_half_installed", false, {0, "iHR1:1.0.0.0\n", NULL}, 0, PKG_BROKEN, "1:1.0.0.0"},
	{"deb_to_be_reinstalled", false, {0, "iiR1:1.0.0.0\n", NULL}, 0, PKG_BROKEN, "1:1.0.0.0"},
	{"deb_configuration_left", false, {0, "rc 1.0\n", NULL}, 0, PKG_LEFT_OVER, "1.0"},
	{"deb_known_but_absent", false, {0, "un \n", NULL}, 0, PKG_ABSENT, ""},
	{"deb_unknown", false, {1, "", NULL}, 0, PKG_ABSENT, ""},
	{"deb_database_broken", false, {2, "", NULL}, -EIO, PKG_BROKEN, "untouched"},
	{"deb_answer_too_short", false, {0, "ii", NULL}, -EIO, PKG_BROKEN, "untouched"},
	{"deb_state_unknown", false, {0, "ix 1\n", NULL}, -EIO, PKG_BROKEN, "untouched"},
	{"rpm_installed", true, {0, "1:1.0.0.0\n", NULL}, 0, PKG_INSTALLED, "1:1.0.0.0"},
	{"rpm_two_versions", true, {0, "1:1.0.0.0\n1:1.0.0.1\n", NULL}, 0, PKG_BROKEN, "1:1.0.0.0"},
	{"rpm_unknown", true, {1, "package x is not installed\n", NULL}, 0, PKG_ABSENT, ""},
	{"rpm_silent", true, {0, "", NULL}, -EIO, PKG_BROKEN, "untouched"},
};
/* clang-format on */

static void is_understood(void **state)
{
	const struct query *row = *state;
	struct pkg_status status = {.state = PKG_BROKEN, .version = "untouched"};
	const struct pkg_manager *manager;
	struct err err = {0};

	setup(NULL);
	manager = row->rpm ? redhat() : debian();
	answers_give(&row->answer, 1);
	assert_int_equal(pkg_query(&machine.sys, manager, "aadsshlogin", &status, &err), row->r);
	assert_int_equal(err.outcome, row->r < 0 ? EXIT_PACKAGE : 0);
	assert_int_equal(status.state, row->state);
	assert_int_equal(status.is_halfway, strcmp(row->name, "deb_half_installed") == 0);
	assert_string_equal(status.version, row->version);
	assert_non_null(strstr(buf_text(&answers_commands),
			       row->rpm ? "/usr/bin/rpm --query " : "/usr/bin/dpkg-query --show "));
	assert_non_null(strstr(buf_text(&answers_commands), " aadsshlogin\n"));
	teardown(NULL);
}

static void a_modified_file_is_named_but_documentation_does_not_count(void **state)
{
	/* clang-format off */
	static const struct {
		struct answer answer;
		int r;
		const char *modified;
	} rows[] = {
		{{0, "", NULL}, 0, ""},
		{{1, "missing     /usr/share/doc/aadsshlogin/copyright\n", NULL}, 0, ""},
		{{1, "missing     /usr/share/man/man5/aadsshlogin.conf.5.gz\n"
		     "??5??????   /usr/sbin/aadsshlogin\n"
		     "missing     /lib/libnss_aad.so.2\n", NULL}, 0, "/usr/sbin/aadsshlogin"},
		{{2, "", NULL}, -EIO, ""},
	};
	/* clang-format on */
	const struct pkg_manager *manager = debian();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct answer list[] = {rows[i].answer, {0, "/.\n", NULL}};
		AUTO_BUF modified = {0};
		struct err err = {0};

		answers_give(list, ARRAY_LEN(list));
		assert_int_equal(pkg_verify(&machine.sys, manager, "aadsshlogin", &modified, &err),
				 rows[i].r);
		assert_string_equal(buf_text(&modified), rows[i].modified);
		assert_string_equal(buf_text(&answers_commands),
				    rows[i].r ? "/usr/bin/dpkg --verify aadsshlogin\n"
					      : "/usr/bin/dpkg --verify aadsshlogin\n"
						"/usr/bin/dpkg-query --listfiles aadsshlogin\n");
	}
}

static void files_that_cannot_be_listed_are_an_error(void **state)
{
	static const struct answer list[] = {{0, "", NULL}, {1, "", NULL}};
	const struct pkg_manager *manager = debian();
	AUTO_BUF modified = {0};
	struct err err = {0};

	(void)state;
	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(pkg_verify(&machine.sys, manager, "aadsshlogin", &modified, &err), -EIO);
	assert_string_equal(err.msg, "cannot verify the package aadsshlogin: "
				     "/usr/bin/dpkg-query cannot list it (status 1)");
}

#define LIBRARY "/lib/libnss_aad.so.2"
#define PROGRAM "/usr/sbin/aadsshlogin"
#define HELPER "/usr/libexec/aad_authorize"
#define PAGE "/usr/share/man/man8/aadsshlogin.8.gz"
#define ABSENT "/usr/lib/absent"

/* clang-format off */
static const struct mode {
	const char *name;
	const char *path;
	mode_t mode;
	bool wrong;
} modes[] = {
	{"library_as_packed", LIBRARY, 0644, false},
	{"library_that_may_be_run", LIBRARY, 0755, false},
	{"library_for_nobody", LIBRARY, 0, true},
	{"library_for_root_alone", LIBRARY, 0600, true},
	{"library_that_others_cannot_read", LIBRARY, 0640, true},
	{"library_that_its_group_writes", LIBRARY, 0664, true},
	{"library_that_others_write", LIBRARY, 0646, true},
	{"program_as_packed", PROGRAM, 0755, false},
	{"program_not_executable", PROGRAM, 0644, true},
	{"program_for_root_and_group", PROGRAM, 0754, true},
	{"helper_not_executable", HELPER, 0644, true},
	{"documentation_does_not_count", PAGE, 0600, false},
};
/* clang-format on */

/* Ask for the modes of the files above; what `dpkg --verify` says of them is nothing. */
static void find_modified(struct buf *ret)
{
	static const struct answer list[] = {
		{0, "", NULL},
		{0,
		 "/.\n/lib\n" LIBRARY "\n/usr\n/usr/sbin\n" PROGRAM "\n" HELPER "\n" PAGE
		 "\n" ABSENT "\n",
		 NULL},
	};
	struct err err = {0};

	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(pkg_verify(&machine.sys, debian(), "aadsshlogin", ret, &err), 0);
}

static void write_files(void)
{
	scratch_write(&machine, LIBRARY, "", 0644);
	scratch_write(&machine, PROGRAM, "", 0755);
	scratch_write(&machine, HELPER, "", 0755);
	scratch_write(&machine, PAGE, "", 0644);
}

static void is_judged(void **state)
{
	const struct mode *row = *state;
	AUTO_BUF modified = {0};

	setup(NULL);
	write_files();
	scratch_write(&machine, row->path, "", row->mode);
	find_modified(&modified);
	assert_string_equal(buf_text(&modified), row->wrong ? row->path : "");
	teardown(NULL);
}

static void a_file_of_somebody_else_is_modified_a_link_is_not(void **state)
{
	AUTO_BUF modified = {0};
	char whole[256];

	(void)state;
	write_files();
	machine.sys.owner = getuid() + 1;
	find_modified(&modified);
	assert_string_equal(buf_text(&modified), LIBRARY);
	buf_done(&modified);
	(void)snprintf(whole, sizeof(whole), "%s" LIBRARY, machine.dir);
	assert_int_equal(unlink(whole), 0);
	assert_int_equal(symlink("libnss_aad.so", whole), 0);
	find_modified(&modified);
	assert_string_equal(buf_text(&modified), PROGRAM);
}

static void the_files_of_a_package_are_witnessed_without_its_directories(void **state)
{
	static const struct answer list[] = {
		{0, "", NULL},
		{0,
		 "/.\n/usr\n/usr/sbin\n/usr/sbin/aadsshlogin\n/usr/share\n/usr/share/doc\n"
		 "/usr/share/doc/aadsshlogin\n/usr/share/doc/aadsshlogin/copyright\n"
		 "/usr/sbin/aad_certhandler\n",
		 NULL},
	};
	const struct pkg_manager *manager = debian();
	CLEANUP(witness_done) struct witness witness = {0};
	AUTO_BUF modified = {0};
	struct err err = {0};

	(void)state;
	machine.sys.witness = &witness;
	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(pkg_verify(&machine.sys, manager, "aadsshlogin", &modified, &err), 0);
	machine.sys.witness = NULL;
	assert_int_equal(witness.count, 2);
	assert_string_equal(witness.seen[0].path, "/usr/sbin/aadsshlogin");
	assert_string_equal(witness.seen[1].path, "/usr/sbin/aad_certhandler");
}

static void a_query_is_stale_when_the_database_changes(void **state)
{
	static const struct answer list[] = {{1, "", NULL}};
	const struct pkg_manager *manager = debian();
	CLEANUP(witness_done) struct witness witness = {0};
	struct pkg_status status;
	struct err err = {0};

	(void)state;
	machine.sys.witness = &witness;
	answers_give(list, 1);
	assert_int_equal(pkg_query(&machine.sys, manager, "aadsshlogin", &status, &err), 0);
	machine.sys.witness = NULL;
	assert_int_equal(witness.count, 1);
	assert_true(witness_same(&machine.sys, &witness.seen[0]));
	scratch_write(&machine, "/var/lib/dpkg/status", "Package: another\n", 0644);
	assert_false(witness_same(&machine.sys, &witness.seen[0]));
}

static const char *const files[] = {"/e/a.deb", "/e/b.deb", NULL};
static const char *const names[] = {"a", "b", NULL};

#define DEB_QUERY "/usr/bin/dpkg-query --show --showformat=${db:Status-Abbrev}${Version}\n "
#define RPM_QUERY "/usr/bin/rpm --query --queryformat=%{EPOCHNUM}:%{VERSION}\n "

static void commands_name_exactly_what_they_change(void **state)
{
	static const struct answer deb[] = {
		{0, "", NULL}, {0, "ii 1:1\n", NULL}, {0, "rc 1:1\n", NULL}, {0, "", NULL}};
	static const struct answer rpm[] = {
		{0, "", NULL}, {0, "1:1\n", NULL}, {0, "1:1\n1:2\n", NULL}, {0, "", NULL}};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	answers_give(deb, ARRAY_LEN(deb));
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), 0);
	assert_int_equal(pkg_remove(&machine.sys, manager, names, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands),
			    "/usr/bin/dpkg --install /e/a.deb /e/b.deb\n" DEB_QUERY "a\n" DEB_QUERY
			    "b\n"
			    "/usr/bin/dpkg --force-remove-reinstreq --purge a b\n");
	scratch_write(&machine, "/var/lib/dpkg/status", "", 0644);
	manager = redhat();
	answers_give(rpm, ARRAY_LEN(rpm));
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), 0);
	assert_int_equal(pkg_remove(&machine.sys, manager, names, -1, &err), 0);
	assert_string_equal(
		buf_text(&answers_commands),
		"/usr/bin/rpm --upgrade --replacepkgs --oldpackage /e/a.deb /e/b.deb\n" RPM_QUERY
		"a\n" RPM_QUERY "b\n"
		"/usr/bin/rpm --erase --allmatches a b\n");
}

/* As one line, "" for none. */
static const char *joined(const char *const *argv)
{
	static char line[512];
	size_t used = 0;

	line[0] = '\0';
	for (; *argv && used < sizeof(line); argv++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", used ? " " : "",
					 *argv);
	return line;
}

static void commands_are_told_without_being_run(void **state)
{
	static const struct answer asked[] = {{0, "ii 1:1\n", NULL}, {1, "", NULL}};
	static const struct answer none[] = {{1, "", NULL}, {1, "", NULL}};
	static const struct answer broken[] = {{2, "", NULL}};
	static const char *many[PKG_ARGV_MAX + 1];
	const struct pkg_manager *manager = debian();
	const char *argv[PKG_ARGV_MAX];
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < PKG_ARGV_MAX; i++)
		many[i] = "/e/a.deb";
	assert_int_equal(pkg_install_command(manager, files, argv, &err), 0);
	assert_string_equal(joined(argv), "/usr/bin/dpkg --install /e/a.deb /e/b.deb");
	assert_int_equal(pkg_install_command(manager, many, argv, &err), -E2BIG);
	assert_int_equal(pkg_remove_bare_command(manager, names, argv, &err), 0);
	assert_string_equal(joined(argv), "/usr/bin/dpkg --force-remove-reinstreq --purge a b");
	answers_give(asked, ARRAY_LEN(asked));
	assert_int_equal(pkg_remove_command(&machine.sys, manager, names, argv, &err), 0);
	assert_string_equal(joined(argv), "/usr/bin/dpkg --force-remove-reinstreq --purge a");
	assert_string_equal(buf_text(&answers_commands), DEB_QUERY "a\n" DEB_QUERY "b\n");
	answers_give(none, ARRAY_LEN(none));
	assert_int_equal(pkg_remove_command(&machine.sys, manager, names, argv, &err), 0);
	assert_string_equal(joined(argv), "");
	answers_give(broken, ARRAY_LEN(broken));
	assert_int_equal(pkg_remove_command(&machine.sys, manager, names, argv, &err), -EIO);
}

static void what_is_not_there_is_removed_already(void **state)
{
	static const struct answer none[] = {{1, "", NULL}, {0, "un \n", NULL}};
	static const struct answer one[] = {{1, "", NULL}, {0, "ii 1\n", NULL}, {0, "", NULL}};
	static const struct answer broken[] = {{2, "", NULL}};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	answers_give(none, ARRAY_LEN(none));
	assert_int_equal(pkg_remove(&machine.sys, manager, names, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands), DEB_QUERY "a\n" DEB_QUERY "b\n");
	answers_give(one, ARRAY_LEN(one));
	assert_int_equal(pkg_remove(&machine.sys, manager, names, -1, &err), 0);
	assert_non_null(strstr(buf_text(&answers_commands), "--purge b\n"));
	answers_give(broken, ARRAY_LEN(broken));
	assert_int_equal(pkg_remove(&machine.sys, manager, names, -1, &err), -EIO);
}

static void a_failure_is_told_in_the_package_managers_words(void **state)
{
	/* clang-format off */
	static const struct {
		struct answer answer;
		const char *cause;
	} rows[] = {
		{{1, "Unpacking...\ndpkg: error processing package a (--install):\n"
		     " installed a package post-installation script subprocess returned error exit status 1\n"
		     "Errors were encountered while processing:\n a\n", NULL},
		 "/usr/bin/dpkg failed (status 1): dpkg: error processing package a (--install): "
		 "installed a package post-installation script subprocess returned error exit status 1"},
		{{1, "error: unpacking failed:\n\tno space\n", NULL},
		 "/usr/bin/dpkg failed (status 1): error: unpacking failed: no space"},
		{{2, "first\nlast words\n\n", NULL}, "/usr/bin/dpkg failed (status 2): last words"},
		{{2, "an error:", NULL}, "/usr/bin/dpkg failed (status 2): an error:"},
		{{-9, "", NULL}, "/usr/bin/dpkg was ended by signal 9: "},
	};
	/* clang-format on */
	const struct pkg_manager *manager = debian();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		answers_give(&rows[i].answer, 1);
		assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), -EIO);
		assert_string_equal(err.msg, rows[i].cause);
	}
}

static void a_script_that_failed_is_seen_though_rpm_ends_well(void **state)
{
	/* clang-format off */
	static const struct {
		const char *output;
		int r;
	} rows[] = {
		{"warning: %post(a-1:1-1.noarch) scriptlet failed, exit status 3\n", -EIO},
		{"warning: %posttrans(a-1:1-1.noarch) scriptlet failed, exit status 3\n", -EIO},
		{"warning: %preun(a-1:1-1.noarch) scriptlet failed, exit status 3\n", -EIO},
		/* The version before, and somebody else's. */
		{"warning: %postun(a-1:1-1.noarch) scriptlet failed, exit status 3\n", 0},
		{"warning: %triggerin(other-1-1.noarch) scriptlet failed, exit status 3\n", 0},
		{"warning: /etc/a.conf created as /etc/a.conf.rpmnew\n", 0},
	};
	/* clang-format on */
	const struct pkg_manager *manager = redhat();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct answer said = {0, rows[i].output, NULL};
		struct err err = {0};

		answers_give(&said, 1);
		assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), rows[i].r);
		if (rows[i].r < 0)
			assert_non_null(strstr(err.msg, "(status 0): warning: %p"));
	}
}

static void who_did_not_finish_what_ours_needs_is_named(void **state)
{
	static const struct answer list[] = {
		{1,
		 "dpkg: dependency problems prevent configuration of a:\n"
		 " a depends on b; however:\n  Package b is not configured yet.\n\n"
		 "dpkg: error processing package a (--install):\n"
		 " dependency problems - leaving unconfigured\n",
		 NULL},
		{0, "ii libc6\niU b\niF c\niHRd\niiRe\nit f\niU a\nrc g\nun h\n", NULL},
	};
	static const char *const file[] = {"/e/a_1_all.deb", NULL};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(pkg_install(&machine.sys, manager, file, -1, &err), -EIO);
	assert_string_equal(err.remedy,
			    "b, c, d, e was not finished: run /usr/bin/dpkg --configure -a");
}

static void unfinished_packages_are_listed_and_finished(void **state)
{
	static const struct answer said[] = {{0, "ii libc6\niU b\niHRd\nit f\niW g\nrc h\n", NULL},
					     {0, "", NULL}};
	static const char *const finished[] = {"b", "f", NULL}, *const none[] = {NULL};
	struct err err = {0};
	AUTO_BUF list = {0};

	(void)state;
	answers_give(said, ARRAY_LEN(said));
	assert_int_equal(pkg_unfinished(&machine.sys, debian(), &list, &err), 0);
	assert_string_equal(buf_text(&list), "b\nd\nf\n");
	buf_done(&answers_commands);
	assert_int_equal(pkg_finish(&machine.sys, debian(), finished, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands), "/usr/bin/dpkg --configure b f\n");
	assert_int_equal(pkg_finish(&machine.sys, debian(), none, -1, &err), 0);
}

static void of_rpm_nothing_is_unfinished(void **state)
{
	static const char *const finished[] = {"b", NULL};
	struct err err = {0};
	AUTO_BUF list = {0};

	(void)state;
	assert_int_equal(pkg_unfinished(&machine.sys, redhat(), &list, &err), 0);
	assert_int_equal(list.len, 0);
	assert_int_equal(pkg_finish(&machine.sys, redhat(), finished, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands), "");
}

#define KILLED_AT "/usr/sbin/aadsshlogin;6740abcd"

static void what_a_killed_rpm_left_beside_files_of_the_package_goes(void **state)
{
	static const char *const stay[] = {
		"/usr/sbin/aadsshlogin",          "/usr/sbin/aadsshlogin;6740abcde",
		"/usr/sbin/aadsshlogin;6740abcX", "/usr/sbin/aadsshlogin;",
		"/usr/sbin/other;6740abcd",       "/lib64/libnss_aad.so.2;6740abcd.bak"};
	static const struct answer list[] = {{0,
					      "/usr/sbin/aadsshlogin\n/lib64/libnss_aad.so.2\n/usr/"
					      "share/doc/absent/README\n(none)\n",
					      NULL}};
	static const char *const one[] = {"aadsshlogin", NULL};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		scratch_write(&machine, stay[i], "", 0755);
	scratch_write(&machine, KILLED_AT, "", 0700);
	scratch_write(&machine, "/lib64/libnss_aad.so.2;00000001", "", 0700);
	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(pkg_sweep(&machine.sys, redhat(), one, &err), 0);
	assert_string_equal(buf_text(&answers_commands),
			    "/usr/bin/rpm --query --list aadsshlogin\n");
	assert_false(fs_exists(&machine.sys, KILLED_AT));
	assert_false(fs_exists(&machine.sys, "/lib64/libnss_aad.so.2;00000001"));
	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		assert_true(fs_exists(&machine.sys, stay[i]));
}

static void files_that_rpm_cannot_list_are_not_swept(void **state)
{
	static const struct answer list[] = {{1, "", NULL}};
	static const char *const one[] = {"aadsshlogin", NULL};
	struct err err = {0};

	(void)state;
	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(pkg_sweep(&machine.sys, redhat(), one, &err), -EIO);
	assert_int_equal(pkg_sweep(&machine.sys, redhat(), one, &err), -ENOENT);
}

static void dpkg_takes_its_own_away(void **state)
{
	static const char *const one[] = {"aadsshlogin", NULL};
	struct err err = {0};

	(void)state;
	scratch_write(&machine, KILLED_AT, "", 0700);
	assert_int_equal(pkg_sweep(&machine.sys, debian(), one, &err), 0);
	assert_string_equal(buf_text(&answers_commands), "");
	assert_true(fs_exists(&machine.sys, KILLED_AT));
}

static void a_list_or_a_finish_that_fails_is_told(void **state)
{
	static const struct answer said[] = {{2, "", NULL}, {1, "dpkg: error: no\n", NULL}};
	static const char *const finished[] = {"b", NULL};
	struct err err = {0};
	AUTO_BUF list = {0};

	(void)state;
	answers_give(said, ARRAY_LEN(said));
	assert_int_equal(pkg_unfinished(&machine.sys, debian(), &list, &err), -EIO);
	assert_int_equal(pkg_finish(&machine.sys, debian(), finished, -1, &err), -EIO);
	assert_int_equal(pkg_unfinished(&machine.sys, debian(), &list, &err), -ENOENT);
}

static void a_damaged_database_has_a_remedy_of_its_own(void **state)
{
	/* clang-format off */
	static const struct {
		bool rpm;
		const char *output, *remedy;
	} rows[] = {
		{false, "dpkg: error: parsing file '/var/lib/dpkg/updates/0001' near line 1:\n value is missing\n",
		 "remove the file that is named"},
		{false, "dpkg: error: parsing file '/var/lib/dpkg/status' near line 1:\n value is missing\n",
		 "the database of dpkg is damaged"},
		{true, "error: rpmdb: BDB0113 Thread/process 1/2 failed\n", "the database of rpm is damaged"},
		{true, "error: cannot open Packages index using db5\n", "the database of rpm is damaged"},
		{true, "error: no space\n", ""},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct answer failed = {1, rows[i].output, NULL};
		const struct pkg_manager *manager;
		struct err err = {0};

		scratch_write(&machine, "/var/lib/dpkg/status", "", 0644);
		manager = rows[i].rpm ? redhat() : debian();
		answers_give(&failed, 1);
		assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), -EIO);
		assert_non_null(strstr(err.remedy, rows[i].remedy));
		assert_int_equal(err.remedy[0] == '\0', rows[i].remedy[0] == '\0');
	}
}

static void packages_that_must_be_there_first_are_named(void **state)
{
	/* clang-format off */
	static const struct {
		bool rpm;
		const char *output;
		int r;
		const char *msg;
	} rows[] = {
		{false, "dpkg: dependency problems prevent configuration of a:\n"
			" a depends on libjansson4 (>= 2.14); however:\n"
			"  Package libjansson4 is not installed.\n"
			" a depends on libssl3 (>= 3.0.5); however:\n"
			"  Version of libssl3 on system is 3.0.1.\n\n"
			"dpkg: error processing package a (--install):\n"
			" dependency problems - leaving unconfigured\n",
		 -ENOPKG, "packages that are needed are missing: a depends on libjansson4 (>= 2.14), "
			  "a depends on libssl3 (>= 3.0.5)"},
		/* One of ours, whose script failed, is missing to the other. */
		{false, "dpkg: error processing package a (--install):\n the script failed\n"
			"dpkg: dependency problems prevent configuration of b:\n"
			" b depends on a (= 1); however:\n  Package a is not configured yet.\n",
		 -EIO, "/usr/bin/dpkg failed (status 1): dpkg: error processing package a (--install): "
		       "the script failed"},
		{true, "error: Failed dependencies:\n"
		       "\tlibjansson.so.4()(64bit) is needed by a-1:1.0.0.0-1.x86_64\n"
		       "\tlibyaml-0.so.2()(64bit) is needed by a-1:1.0.0.0-1.x86_64\n",
		 -ENOPKG, "packages that are needed are missing: libjansson.so.4()(64bit), "
			  "libyaml-0.so.2()(64bit)"},
		{true, "error: Failed dependencies:\n\ta is needed by (installed) c-1-1.noarch\n",
		 -EIO, "/usr/bin/rpm failed (status 1): error: Failed dependencies: "
		       "a is needed by (installed) c-1-1.noarch"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct answer failed = {1, rows[i].output, NULL};
		const struct pkg_manager *manager;
		struct err err = {0};

		scratch_write(&machine, "/var/lib/dpkg/status", "", 0644);
		manager = rows[i].rpm ? redhat() : debian();
		answers_give(&failed, 1);
		assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), rows[i].r);
		assert_string_equal(err.msg, rows[i].msg);
		assert_int_equal(err.outcome, rows[i].r == -ENOPKG ? EXIT_DEPENDENCY : 0);
	}
}

/* In a mount namespace of its own, where that is allowed. */
static void scripts_that_may_not_run_are_no_packages_trouble(void **state)
{
	const struct pkg_manager *manager = debian();
	struct err err = {0};
	char path[300];

	(void)state;
	scratch_mkdir(&machine, "/var/lib/dpkg/info", 0755);
	(void)snprintf(path, sizeof(path), "%s/var/lib/dpkg/info", machine.dir);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	assert_int_equal(mount("tmpfs", path, "tmpfs", MS_NOEXEC, NULL), 0);
	assert_int_equal(close(machine.sys.rootfd), 0);
	machine.sys.rootfd = open(machine.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), -EACCES);
	assert_int_equal(umount(path), 0);
	assert_int_equal(err.outcome, EXIT_DEPENDENCY);
	assert_non_null(strstr(err.msg, "/var/lib/dpkg/info is mounted noexec"));
}

static void a_program_that_cannot_be_run_is_an_error(void **state)
{
	const struct pkg_manager *manager = debian();
	struct pkg_status status;
	AUTO_BUF modified = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(pkg_query(&machine.sys, manager, "a", &status, &err), -ENOENT);
	assert_int_equal(err.outcome, EXIT_PACKAGE);
	assert_non_null(strstr(err.remedy, "dpkg-query"));
	assert_int_equal(pkg_verify(&machine.sys, manager, "a", &modified, &err), -ENOENT);
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), -ENOENT);
	assert_int_equal(pkg_remove(&machine.sys, manager, names, -1, &err), -ENOENT);
}

static void too_many_packages_are_refused(void **state)
{
	static const char *const many[] = {"1", "2",  "3",  "4",  "5",  "6",  "7", "8",
					   "9", "10", "11", "12", "13", "14", NULL};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	assert_int_equal(pkg_install(&machine.sys, manager, many, -1, &err), -E2BIG);
	assert_string_equal(buf_text(&answers_commands), "");
}

static void write_command_line(const char *words, size_t len)
{
	char path[64], whole[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%ld/cmdline", (long)holder);
	scratch_write(&machine, path, "", 0644);
	(void)snprintf(whole, sizeof(whole), "%s%s", machine.dir, path);
	file = fopen(whole, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(words, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void a_lock_is_waited_for(void **state)
{
	static const struct answer good[] = {{0, "", NULL}};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	holder = lockholder_start(&machine, "/var/lib/dpkg/lock");
	answers_give(good, 1);
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), 0);
	assert_int_equal(sleeps, 3);
	assert_string_equal(buf_text(&answers_commands),
			    "/usr/bin/dpkg --install /e/a.deb /e/b.deb\n");
}

static void a_lock_held_too_long_names_its_holder(void **state)
{
	static const char words[] = "/usr/bin/apt-get\0-y\0upgrade";
	const struct pkg_manager *manager = debian();
	char expected[128];
	struct err err = {0};

	(void)state;
	holder = lockholder_start(&machine, "/var/lib/dpkg/lock-frontend");
	write_command_line(words, sizeof(words));
	sleeps = 3; /* nobody ends the holder */
	machine.sys.deadline_ns = now_ns + 61000 * INT64_C(1000000);
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), -EBUSY);
	assert_int_equal(err.outcome, EXIT_LOCK);
	(void)snprintf(
		expected, sizeof(expected),
		"process %ld (/usr/bin/apt-get -y upgrade) holds /var/lib/dpkg/lock-frontend",
		(long)holder);
	assert_string_equal(err.msg, expected);
	assert_int_equal(sleeps, 5); /* one second: the rest was kept for the work */
	assert_string_equal(buf_text(&answers_commands), "");
}

static int take_lock_then_fail(struct sys *sys, const struct proc_spec *spec,
			       struct proc_result *ret, struct err *err)
{
	holder = lockholder_start(&machine, "/var/lib/dpkg/lock");
	machine.ops.run = answers_run;
	return answers_run(sys, spec, ret, err);
}

static void a_lock_taken_before_the_package_manager_did_is_waited_for(void **state)
{
	static const struct answer list[] = {{2, "dpkg: error: no\n", NULL}, {0, "", NULL}};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	answers_give(list, ARRAY_LEN(list));
	machine.ops.run = take_lock_then_fail;
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), 0);
	assert_int_equal(sleeps, 3);
	assert_int_equal(answers_left(), 0);
}

static void a_lock_that_is_free_again_is_no_failure(void **state)
{
	static const struct answer list[] = {
		{2, "dpkg: error: dpkg frontend lock was locked by another process with pid 7\n",
		 NULL},
		{0, "", NULL}};
	static const struct answer busy = {1, "error: can't create transaction lock on /x\n", NULL};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), 0);
	assert_int_equal(answers_left(), 0);
	/* Without time it is one. */
	scratch_write(&machine, "/var/lib/dpkg/status", "", 0644);
	manager = redhat();
	machine.sys.deadline_ns = now_ns + 1000 * INT64_C(1000000);
	answers_give(&busy, 1);
	assert_int_equal(pkg_install(&machine.sys, manager, files, -1, &err), -EBUSY);
	assert_int_equal(err.outcome, EXIT_LOCK);
}

#define SCRIPT "/var/lib/dpkg/info/aadlogin.prerm"
#define PURGE "/usr/bin/dpkg --force-remove-reinstreq --purge aadlogin\n"

static const char *const foreign[] = {"aadlogin", NULL};

static void expect_script(bool there)
{
	assert_int_equal(fs_exists(&machine.sys, SCRIPT), there);
	assert_false(fs_exists(&machine.sys, SCRIPT ".set-aside"));
}

/* A package whose own scripts keep it there goes without them. */
static void scripts_that_fail_are_left_out(void **state)
{
	static const struct answer fails_once[] = {{1, "dpkg: error: prerm\n", NULL},
						   {0, "", NULL}};
	static const struct answer works[] = {{0, "", NULL}};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	scratch_write(&machine, SCRIPT, "exit 1\n", 0755);
	answers_give(works, 1);
	assert_int_equal(pkg_remove_anyway(&machine.sys, manager, foreign, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands), PURGE);
	expect_script(true);
	answers_give(fails_once, 2);
	assert_int_equal(pkg_remove_anyway(&machine.sys, manager, foreign, -1, &err), 0);
	assert_int_equal(err.code, 0);
	assert_string_equal(buf_text(&answers_commands), PURGE PURGE);
	expect_script(false);
}

static void scripts_come_back_when_it_does_not_go_without_them(void **state)
{
	static const struct answer fails[] = {{1, "dpkg: error: prerm\n", NULL},
					      {1, "dpkg: error: no\n", NULL}};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	scratch_write(&machine, SCRIPT, "exit 1\n", 0755);
	answers_give(fails, 2);
	assert_int_equal(pkg_remove_anyway(&machine.sys, manager, foreign, -1, &err), -EIO);
	assert_non_null(strstr(err.msg, "dpkg: error: no"));
	expect_script(true);
	answers_give(fails + 1, 1);
	assert_int_equal(pkg_remove_bare(&machine.sys, manager, foreign, -1, &err), -EIO);
	expect_script(true);
}

/* What has nothing to do with scripts is not tried once more. */
static void other_failures_are_final(void **state)
{
	static const struct answer needs[] = {
		{1, " aadsshlogin depends on x; however:\n  Package x is not installed.\n", NULL}};
	static const char *const ours[] = {"/p/a.deb", NULL};
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	answers_give(needs, 1);
	assert_int_equal(pkg_install_over(&machine.sys, manager, ours, foreign, -1, &err), -ENOPKG);
	assert_string_equal(buf_text(&answers_commands), "/usr/bin/dpkg --install /p/a.deb\n");
	answers_give(NULL, 0);
	assert_int_equal(pkg_remove_anyway(&machine.sys, manager, foreign, -1, &err), -ENOENT);
	assert_string_equal(buf_text(&answers_commands), PURGE);
}

static void rpm_leaves_the_scripts_of_the_package_before_out(void **state)
{
	static const struct answer fails_once[] = {{1, "error: %preun failed\n", NULL},
						   {0, "", NULL}};
	static const char *const ours[] = {"/p/a.rpm", NULL};
	const struct pkg_manager *manager = redhat();
	struct err err = {0};

	(void)state;
	answers_give(fails_once, 2);
	assert_int_equal(pkg_install_over(&machine.sys, manager, ours, foreign, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands),
			    "/usr/bin/rpm --upgrade --replacepkgs --oldpackage /p/a.rpm\n"
			    "/usr/bin/rpm --upgrade --replacepkgs --oldpackage --nopreun "
			    "--nopostun /p/a.rpm\n");
	answers_give(fails_once + 1, 1);
	assert_int_equal(pkg_remove_bare(&machine.sys, manager, foreign, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands),
			    "/usr/bin/rpm --erase --allmatches --noscripts aadlogin\n");
}

static void what_a_killed_run_set_aside_is_recalled_or_forgotten(void **state)
{
	const struct pkg_manager *manager = debian();
	struct err err = {0};

	(void)state;
	scratch_write(&machine, SCRIPT ".set-aside", "exit 1\n", 0755);
	assert_int_equal(pkg_recall(&machine.sys, manager, foreign, &err), 0);
	assert_int_equal(pkg_recall(&machine.sys, manager, foreign, &err), 0);
	expect_script(true);
	scratch_write(&machine, SCRIPT ".set-aside", "exit 1\n", 0755);
	assert_int_equal(pkg_forget(&machine.sys, manager, foreign, &err), 0);
	assert_int_equal(pkg_forget(&machine.sys, manager, foreign, &err), 0);
	assert_false(fs_exists(&machine.sys, SCRIPT ".set-aside"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(the_database_tells_the_package_manager_not_the_program),
		CASE(a_modified_file_is_named_but_documentation_does_not_count),
		CASE(files_that_cannot_be_listed_are_an_error),
		CASE(a_file_of_somebody_else_is_modified_a_link_is_not),
		CASE(the_files_of_a_package_are_witnessed_without_its_directories),
		CASE(a_query_is_stale_when_the_database_changes),
		CASE(commands_name_exactly_what_they_change),
		CASE(commands_are_told_without_being_run),
		CASE(what_is_not_there_is_removed_already),
		CASE(a_failure_is_told_in_the_package_managers_words),
		CASE(a_script_that_failed_is_seen_though_rpm_ends_well),
		CASE(who_did_not_finish_what_ours_needs_is_named),
		CASE(unfinished_packages_are_listed_and_finished),
		CASE(of_rpm_nothing_is_unfinished),
		CASE(what_a_killed_rpm_left_beside_files_of_the_package_goes),
		CASE(files_that_rpm_cannot_list_are_not_swept),
		CASE(dpkg_takes_its_own_away),
		CASE(a_list_or_a_finish_that_fails_is_told),
		CASE(a_damaged_database_has_a_remedy_of_its_own),
		CASE(packages_that_must_be_there_first_are_named),
		CASE(scripts_that_may_not_run_are_no_packages_trouble),
		CASE(a_program_that_cannot_be_run_is_an_error),
		CASE(too_many_packages_are_refused),
		CASE(scripts_that_fail_are_left_out),
		CASE(scripts_come_back_when_it_does_not_go_without_them),
		CASE(other_failures_are_final),
		CASE(rpm_leaves_the_scripts_of_the_package_before_out),
		CASE(what_a_killed_run_set_aside_is_recalled_or_forgotten),
		CASE(a_lock_is_waited_for),
		CASE(a_lock_held_too_long_names_its_holder),
		CASE(a_lock_taken_before_the_package_manager_did_is_waited_for),
		CASE(a_lock_that_is_free_again_is_no_failure),
	};
	struct CMUnitTest rows[ARRAY_LEN(queries)] = {{.name = NULL}};
	struct CMUnitTest mode_rows[ARRAY_LEN(modes)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(queries); i++)
		rows[i] = (struct CMUnitTest){.name = queries[i].name,
					      .test_func = is_understood,
					      .initial_state = (void *)(uintptr_t)&queries[i]};
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		mode_rows[i] = (struct CMUnitTest){.name = modes[i].name,
						   .test_func = is_judged,
						   .initial_state = (void *)(uintptr_t)&modes[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("queries", rows, NULL, NULL) ||
	       cmocka_run_group_tests_name("modes", mode_rows, NULL, NULL);
}
