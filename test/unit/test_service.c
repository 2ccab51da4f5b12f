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
#include <unistd.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "lib/sys/service.h"
#include "test/unit/scratch.h"

static struct scratch scratch;
static struct buf commands;
static const char *units; /* what `systemctl show` says */
static int reload_status;
static pid_t daemon_pid; /* stands for an sshd: ends with 0 by SIGHUP */

static int fake_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		    struct err *err)
{
	(void)sys;
	(void)err;
	for (size_t i = 0; spec->argv[i]; i++)
		buf_printf(&commands, "%s%s", i ? " " : "", spec->argv[i]);
	buf_str(&commands, "\n");
	if (strcmp(spec->argv[1], "show") == 0)
		buf_str(&ret->output, units);
	else
		buf_str(&ret->output, "Job failed.\n");
	ret->status = strcmp(spec->argv[1], "show") == 0 ? 0 : reload_status;
	return 0;
}

static int open_machine(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch.ops.run = fake_run;
	reload_status = 0;
	units = "";
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	buf_done(&commands);
	scratch_done(&scratch);
	return 0;
}

static void with_systemd(void)
{
	scratch_mkdir(&scratch, "/run/systemd/system", 0755);
	scratch_write(&scratch, "/usr/bin/systemctl", "", 0755);
}

#define SHOW "/usr/bin/systemctl show --property=Id,ActiveState,MainPID ssh.service sshd.service\n"
#define UNIT(id, active) "Id=" id "\nActiveState=" active "\n\n"

/* clang-format off */
static const struct row {
	const char *name, *units;
	int reloaded;
	const char *commands;
} rows[] = {
	{"the_unit_of_debian_by_both_names", UNIT("ssh.service", "active") UNIT("ssh.service", "active"),
	 1, SHOW "/usr/bin/systemctl reload ssh.service\n"},
	{"the_unit_of_others", UNIT("ssh.service", "inactive") UNIT("sshd.service", "active"),
	 1, SHOW "/usr/bin/systemctl reload sshd.service\n"},
	{"properties_in_another_order", "ActiveState=active\nId=sshd.service\n",
	 1, SHOW "/usr/bin/systemctl reload sshd.service\n"},
	{"two_units", UNIT("ssh.service", "active") UNIT("sshd.service", "reloading"),
	 2, SHOW "/usr/bin/systemctl reload ssh.service\n/usr/bin/systemctl reload sshd.service\n"},
	{"no_active_unit", UNIT("ssh.service", "inactive") UNIT("sshd.service", "failed"), 0, SHOW},
	{"nothing_said", "", 0, SHOW},
};
/* clang-format on */

static void only_active_units_are_reloaded(void **state)
{
	const struct row *row = *state;
	struct err err = {0};

	with_systemd();
	units = row->units;
	assert_int_equal(service_reload_sshd(&scratch.sys, NULL, &err), row->reloaded);
	assert_string_equal(buf_text(&commands), row->commands);
}

static int keep(const char *const *argv, void *arg, struct err *err)
{
	for (size_t i = 0; argv[i]; i++)
		buf_printf(arg, "%s%s", i ? " " : "", argv[i]);
	buf_str(arg, "\n");
	return buf_ok(arg, err);
}

static int hear_nothing(const char *const *argv, void *arg, struct err *err)
{
	(void)argv;
	(void)arg;
	return err_oom(err);
}

static void what_would_be_reloaded_is_told_and_not_done(void **state)
{
	struct err err = {0};
	AUTO_BUF told = {0};

	(void)state;
	with_systemd();
	units = UNIT("ssh.service", "active");
	assert_int_equal(service_tell_sshd(&scratch.sys, NULL, keep, &told, &err), 1);
	assert_string_equal(buf_text(&told), "/usr/bin/systemctl reload ssh.service\n");
	assert_string_equal(buf_text(&commands), SHOW);
	assert_int_equal(service_tell_sshd(&scratch.sys, NULL, hear_nothing, NULL, &err), -ENOMEM);
}

static void a_failed_reload_is_told_with_its_unit(void **state)
{
	struct err err = {0};

	(void)state;
	with_systemd();
	units = UNIT("ssh.service", "active");
	reload_status = 1;
	assert_int_equal(service_reload_sshd(&scratch.sys, NULL, &err), -EIO);
	assert_non_null(strstr(err.msg, "ssh.service"));
	assert_non_null(strstr(err.msg, "Job failed."));
}

static void old_systems_have_systemctl_elsewhere(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_mkdir(&scratch, "/run/systemd/system", 0755);
	assert_int_equal(service_reload_sshd(&scratch.sys, NULL, &err), 0);
	assert_int_equal(strncmp(buf_text(&commands), "/bin/systemctl show", 19), 0);
}

/* ---- without systemd */

static void hang_up(int sig)
{
	_exit(sig == SIGHUP ? 0 : 1);
}

static void start_daemon(const char *exe)
{
	char path[64];
	sigset_t hup, old;

	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	assert_int_equal(sigprocmask(SIG_BLOCK, &hup, &old), 0);
	daemon_pid = fork();
	assert_true(daemon_pid >= 0);
	if (daemon_pid == 0) {
		(void)signal(SIGHUP, hang_up);
		(void)sigprocmask(SIG_SETMASK, &old, NULL);
		(void)alarm(20);
		for (;;)
			(void)pause();
	}
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)daemon_pid);
	scratch_mkdir(&scratch, path, 0755);
	(void)snprintf(path, sizeof(path), "proc/%d/exe", (int)daemon_pid);
	assert_int_equal(symlinkat(exe, scratch.sys.rootfd, path), 0);
	(void)snprintf(path, sizeof(path), "%d\n", (int)daemon_pid);
	scratch_write(&scratch, "/run/sshd.pid", path, 0644);
}

/* The exit status, 0 after SIGHUP. */
static int end_daemon(bool hung_up)
{
	int status;

	if (!hung_up)
		assert_int_equal(kill(daemon_pid, SIGKILL), 0);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	return status;
}

static void a_listener_gets_SIGHUP(void **state)
{
	struct err err = {0};

	(void)state;
	start_daemon("/usr/sbin/sshd");
	assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err), 1);
	assert_int_equal(end_daemon(true), 0);
	assert_string_equal(buf_text(&commands), "");
}

static void a_listener_that_would_get_SIGHUP_is_told_and_gets_none(void **state)
{
	struct err err = {0};
	AUTO_BUF told = {0};
	char wanted[32];

	(void)state;
	start_daemon("/usr/sbin/sshd");
	assert_int_equal(service_tell_sshd(&scratch.sys, "/run/sshd.pid", keep, &told, &err), 1);
	(void)snprintf(wanted, sizeof(wanted), "kill -HUP %d\n", (int)daemon_pid);
	assert_string_equal(buf_text(&told), wanted);
	assert_int_equal(kill(daemon_pid, 0), 0);
	assert_int_equal(WTERMSIG(end_daemon(false)), SIGKILL);
}

static void so_does_one_whose_package_was_upgraded(void **state)
{
	struct err err = {0};

	(void)state;
	start_daemon("/usr/sbin/sshd (deleted)");
	assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err), 1);
	assert_int_equal(end_daemon(true), 0);
}

static void a_listener_beside_inactive_units_gets_SIGHUP(void **state)
{
	struct err err = {0};

	(void)state;
	with_systemd();
	units = UNIT("ssh.service", "inactive");
	start_daemon("/usr/sbin/sshd");
	assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err), 1);
	assert_int_equal(end_daemon(true), 0);
}

static void write_of_daemon(const char *name, const char *text, size_t len)
{
	const struct fs_meta meta = {.mode = 0644, .uid = geteuid(), .gid = getegid()};
	struct err err = {0};
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)daemon_pid, name);
	assert_int_equal(fs_replace(&scratch.sys, path,
				    (struct span){(const unsigned char *)text, len}, &meta, &err),
			 0);
}

/* What sshd -t says of the usual file says nothing of that one: with an error in it, it would end.
 */
static void a_listener_that_reads_another_file_is_left_alone(void **state)
{
	static const char arguments[] = "/usr/sbin/sshd\0-D\0-f\0/etc/ssh/other";
	struct err err = {0};

	(void)state;
	start_daemon("/usr/sbin/sshd");
	write_of_daemon("cmdline", arguments, sizeof(arguments));
	assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err), 0);
	assert_true(WIFSIGNALED(end_daemon(false)));
}

static void another_process_of_that_number_is_left_alone(void **state)
{
	struct err err = {0};

	(void)state;
	start_daemon("/usr/bin/notsshd");
	assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err), 0);
	assert_true(WIFSIGNALED(end_daemon(false)));
}

/* ---- by neither a unit nor a pid file */

#define HANGUP_CAUGHT "0000000000014005"
#define HANGUP_NOT_CAUGHT "0000000180014006"

static void give_daemon_root(const char *dir)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%d/root", (int)daemon_pid);
	assert_int_equal(symlinkat(dir, scratch.sys.rootfd, path), 0);
}

/* clang-format off */
static const struct process {
	const char *name, *exe, *cmdline, *caught, *root; /* root NULL: the machine's */
	bool listens;
} processes[] = {
	{"a_listener_by_its_title", "/usr/sbin/sshd",
	 "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", HANGUP_CAUGHT, NULL, true},
	{"a_listener_by_its_arguments", "/usr/sbin/sshd", "/usr/sbin/sshd", HANGUP_CAUGHT, NULL, true},
	{"a_listener_whose_package_was_upgraded", "/usr/sbin/sshd (deleted)",
	 "sshd: /usr/sbin/sshd [listener] 0 of 10-100 startups", HANGUP_CAUGHT, NULL, true},
	{"one_that_is_told_of_the_usual_file", "/usr/bin/sshd",
	 "sshd: /usr/bin/sshd -D -p -f -f /etc/ssh/sshd_config [listener] 0 of 10-100 startups", HANGUP_CAUGHT, NULL, true},
	{"one_that_reads_another_file", "/usr/sbin/sshd",
	 "sshd: /usr/sbin/sshd -D -oPort=22 -f /etc/ssh/other [listener] 0 of 10-100 startups", HANGUP_CAUGHT, NULL, false},
	{"one_that_reads_another_file_by_one_word", "/usr/sbin/sshd",
	 "sshd: /usr/sbin/sshd -4Df/srv/sshd_config [listener] 0 of 10-100 startups", HANGUP_CAUGHT, NULL, false},
	{"another_build", "/usr/local/sbin/sshd", "/usr/local/sbin/sshd", HANGUP_CAUGHT, NULL, false},
	{"another_program", "/usr/sbin/nginx", "sshd: x [listener]", HANGUP_CAUGHT, NULL, false},
	{"the_monitor_of_a_session", "/usr/sbin/sshd", "sshd: alice [priv]", HANGUP_CAUGHT, NULL, false},
	{"a_configuration_test", "/usr/sbin/sshd", "/usr/sbin/sshd", HANGUP_NOT_CAUGHT, NULL, false},
	{"a_process_that_ends", "/usr/sbin/sshd", "", HANGUP_CAUGHT, NULL, false},
	{"the_listener_of_a_container", "/usr/sbin/sshd", "/usr/sbin/sshd", HANGUP_CAUGHT,
	 "/", false},
};
/* clang-format on */

static void is_looked_for_among_all_processes(void **state)
{
	const struct process *process = *state;
	char text[128];
	struct err err = {0};

	start_daemon(process->exe);
	assert_int_equal(fs_remove(&scratch.sys, "/run/sshd.pid", &err), 0);
	(void)snprintf(text, sizeof(text), "Name:\tsshd\nSigIgn:\t1\nSigCgt:\t%s\n",
		       process->caught);
	write_of_daemon("status", text, strlen(text));
	write_of_daemon("cmdline", process->cmdline, strlen(process->cmdline));
	give_daemon_root(process->root ? process->root : scratch.dir);
	with_systemd();
	units = UNIT("ssh.service", "inactive");
	assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err),
			 process->listens);
	if (process->listens)
		assert_int_equal(end_daemon(true), 0);
	else
		assert_true(WIFSIGNALED(end_daemon(false)));
}

static void somebodys_own_sshd_is_left_alone(void **state)
{
	struct err err = {0};
	char path[64];

	(void)state;
	if (geteuid() != 0)
		skip();
	start_daemon("/usr/sbin/sshd");
	assert_int_equal(fs_remove(&scratch.sys, "/run/sshd.pid", &err), 0);
	write_of_daemon("status", "SigCgt:\t" HANGUP_CAUGHT "\n",
			strlen("SigCgt:\t" HANGUP_CAUGHT "\n"));
	write_of_daemon("cmdline", "/usr/sbin/sshd", strlen("/usr/sbin/sshd"));
	give_daemon_root(scratch.dir);
	(void)snprintf(path, sizeof(path), "proc/%d", (int)daemon_pid);
	assert_int_equal(fchownat(scratch.sys.rootfd, path, 1000, 1000, 0), 0);
	assert_int_equal(service_reload_sshd(&scratch.sys, NULL, &err), 0);
	assert_true(WIFSIGNALED(end_daemon(false)));
}

static void a_unit_whose_sshd_reads_another_file_is_left_alone(void **state)
{
	static const struct {
		const char *cmdline;
		int reloaded;
	} mains[] = {
		{"sshd: /usr/sbin/sshd -D -f /etc/ssh/other [listener] 0 of 10-100 startups", 0},
		{"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", 1},
	};
	struct err err = {0};
	char text[128];

	(void)state;
	with_systemd();
	start_daemon("/usr/sbin/sshd");
	assert_int_equal(fs_remove(&scratch.sys, "/run/sshd.pid", &err), 0);
	write_of_daemon("status", "SigCgt:\t" HANGUP_CAUGHT "\n",
			strlen("SigCgt:\t" HANGUP_CAUGHT "\n"));
	give_daemon_root(scratch.dir);
	(void)snprintf(text, sizeof(text), "MainPID=%d\n" UNIT("sshd.service", "active"),
		       (int)daemon_pid);
	units = text;
	for (size_t i = 0; i < ARRAY_LEN(mains); i++) {
		buf_done(&commands);
		write_of_daemon("cmdline", mains[i].cmdline, strlen(mains[i].cmdline));
		assert_int_equal(service_reload_sshd(&scratch.sys, NULL, &err), mains[i].reloaded);
		assert_string_equal(
			buf_text(&commands),
			mains[i].reloaded ? SHOW "/usr/bin/systemctl reload sshd.service\n" : SHOW);
	}
	assert_true(WIFSIGNALED(end_daemon(false)));
}

static void no_listener_is_no_failure(void **state)
{
	static const char *const texts[] = {"", "0\n", "1\n", "x\n", "99999999999\n", "-5\n"};
	struct err err = {0};

	(void)state;
	scratch_mkdir(&scratch, "/proc/sys", 0755);
	assert_int_equal(service_reload_sshd(&scratch.sys, NULL, &err), 0);
	assert_int_equal(service_reload_sshd(&scratch.sys, "none", &err), 0);
	assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		scratch_write(&scratch, "/run/sshd.pid", texts[i], 0644);
		assert_int_equal(service_reload_sshd(&scratch.sys, "/run/sshd.pid", &err), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest others[] = {
		TEST(a_failed_reload_is_told_with_its_unit),
		TEST(old_systems_have_systemctl_elsewhere),
		TEST(what_would_be_reloaded_is_told_and_not_done),
		TEST(a_listener_that_would_get_SIGHUP_is_told_and_gets_none),
		TEST(a_listener_gets_SIGHUP),
		TEST(so_does_one_whose_package_was_upgraded),
		TEST(a_listener_beside_inactive_units_gets_SIGHUP),
		TEST(a_listener_that_reads_another_file_is_left_alone),
		TEST(another_process_of_that_number_is_left_alone),
		TEST(somebodys_own_sshd_is_left_alone),
		TEST(a_unit_whose_sshd_reads_another_file_is_left_alone),
		TEST(no_listener_is_no_failure),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)], scans[ARRAY_LEN(processes)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, only_active_units_are_reloaded,
					       open_machine, close_machine,
					       (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(processes); i++)
		scans[i] = (struct CMUnitTest){processes[i].name, is_looked_for_among_all_processes,
					       open_machine, close_machine,
					       (void *)(uintptr_t)&processes[i]};
	failed = cmocka_run_group_tests_name("units", tests, NULL, NULL);
	failed += cmocka_run_group_tests_name("processes", scans, NULL, NULL);
	return failed + cmocka_run_group_tests_name("service", others, NULL, NULL);
}
