/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/lock.h"
#include "lib/sys/proc.h"
#include "test/unit/oldkernel.h"
#include "test/unit/scratch.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static struct sys machine = SYS_INIT;

static int interruptions; /* of openat that are yet to come */

int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);

/* No file is made here. */
int __wrap_openat(int fd, const char *path, int flags, ...)
{
	if (interruptions > 0 && interruptions-- > 0) {
		errno = EINTR;
		return -1;
	}
	return __real_openat(fd, path, flags);
}

static int interrupted_copies; /* calls of dup2 that are yet to come, in each process anew */

int __real_dup2(int fd, int to);
int __wrap_dup2(int fd, int to);

int __wrap_dup2(int fd, int to)
{
	if (interrupted_copies > 0 && interrupted_copies-- > 0) {
		errno = EINTR;
		return -1;
	}
	return __real_dup2(fd, to);
}

static int reads_until_failure; /* 0: none fails */

ssize_t __real_read(int fd, void *buf, size_t len);
ssize_t __wrap_read(int fd, void *buf, size_t len);

ssize_t __wrap_read(int fd, void *buf, size_t len)
{
	if (reads_until_failure > 0 && --reads_until_failure == 0) {
		errno = EIO;
		return -1;
	}
	return __real_read(fd, buf, len);
}

static bool endless; /* every poll lasts until something comes */

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	return __real_poll(fds, count, endless ? -1 : timeout_ms);
}

static int take_pidfd(void **state)
{
	(void)state;
	oldkernel_lacks = SYS_pidfd_open;
	return 0;
}

static int give_pidfd(void **state)
{
	(void)state;
	oldkernel_lacks = 0;
	return 0;
}

static int run_for(int timeout_ms, const char *script, struct proc_result *ret, struct err *err)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = timeout_ms,
		.output_max = 16,
		.input = span_of("in\n"),
		.merge_stderr = true,
	};

	return proc_run(&machine, &spec, ret, err);
}

/* A busy machine may take its time. */
static int run(const char *script, struct proc_result *ret, struct err *err)
{
	return run_for(5000, script, ret, err);
}

static void status_and_output_come_back(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(run("read x; echo $x; echo oops >&2; exit 3", &res, &err), 0);
	assert_int_equal(res.status, 3);
	assert_string_equal(buf_text(&res.output), "in\noops\n");
}

static void a_signal_while_a_program_is_started_does_not_matter(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	interruptions = 3;
	assert_int_equal(run("echo $$", &res, &err), 0);
	assert_int_equal(interruptions, 0);
	assert_int_equal(res.status, 0);
}

static void a_signal_does_not_keep_a_program_from_its_descriptors(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	interrupted_copies = 3;
	assert_int_equal(run("echo here", &res, &err), 0);
	interrupted_copies = 0;
	assert_int_equal(res.status, 0);
	assert_string_equal(buf_text(&res.output), "here\n");
}

static void output_that_cannot_be_read_is_no_output(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	reads_until_failure = 2; /* the first one reads whether it could be started */
	assert_int_equal(run("echo here", &res, &err), -EIO);
	assert_int_equal(reads_until_failure, 0);
	assert_non_null(strstr(err.msg, "/bin/sh"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it was waited for */
}

static void a_descriptor_that_is_none_is_not_copied(void **state)
{
	(void)state;
	assert_int_equal(fs_dup2(-1, 0), -EBADF);
}

static void a_program_works_in_the_directory_that_is_given(void **state)
{
	static const char *const argv[] = {"/bin/sh", "-c", "pwd", NULL};
	static const char *const directories[] = {NULL, "/usr", "/nonexistent"};
	static const char *const said[] = {"/\n", "/usr\n", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
		const struct proc_spec spec = {.argv = argv,
					       .directory = directories[i],
					       .timeout_ms = 10000,
					       .output_max = 16};
		AUTO_PROC res = PROC_RESULT_INIT;
		struct err err = {0};

		assert_int_equal(proc_run(&machine, &spec, &res, &err), i < 2 ? 0 : -ENOENT);
		assert_string_equal(buf_text(&res.output), said[i]);
	}
}

/* Where SELinux is on, `make check-selinux` proves the context. */
static void a_program_of_our_own_context_runs_without_selinux_too(void **state)
{
	static const char *const argv[] = {"/bin/cat", "-", NULL};
	const struct proc_spec spec = {.argv = argv,
				       .input = SPAN_LIT("in"),
				       .own_context = true,
				       .timeout_ms = 10000,
				       .output_max = 16};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(proc_run(&machine, &spec, &res, &err), 0);
	assert_int_equal(res.status, 0);
	assert_string_equal(buf_text(&res.output), "in");
}

/* A process that starts a program that sleeps, and is killed; does the program's mark of being
 * alive go? */
static void a_program_can_be_made_to_end_with_its_caller(void **state)
{
	static const bool ends[] = {true, false};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		static const char *const argv[] = {"/bin/sh", "-c", "echo up >&3; exec sleep 2",
						   NULL};
		const struct proc_spec spec = {
			.argv = argv, .timeout_ms = 10000, .ends_with_us = ends[i]};
		int pipes[2];
		char byte;
		pid_t caller;
		struct pollfd closed;

		assert_int_equal(pipe(pipes), 0);
		caller = fork();
		assert_true(caller >= 0);
		if (caller == 0) {
			AUTO_PROC res = PROC_RESULT_INIT;
			struct err err = {0};

			if (dup2(pipes[1], 3) < 0 || (pipes[1] != 3 && close(pipes[1]) < 0))
				_exit(1);
			(void)proc_run(&machine, &spec, &res, &err);
			_exit(0);
		}
		(void)close(pipes[1]);
		assert_int_equal(read(pipes[0], &byte, 1), 1);
		assert_int_equal(read(pipes[0], (char[3]){0}, 3), 2);
		assert_int_equal(kill(caller, SIGKILL), 0);
		assert_int_equal(waitpid(caller, NULL, 0), caller);
		closed = (struct pollfd){.fd = pipes[0], .events = POLLIN};
		assert_int_equal(poll(&closed, 1, ends[i] ? 1000 : 100), ends[i] ? 1 : 0);
		(void)close(pipes[0]);
	}
}

static void a_signal_is_told_from_an_exit_code(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(run("kill -9 $$", &res, &err), 0);
	assert_int_equal(res.status, -SIGKILL);
}

static void long_output_is_cut_but_read_to_its_end(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(run("head -c 300000 /dev/zero | tr '\\0' x", &res, &err), 0);
	assert_int_equal(res.status, 0);
	assert_string_equal(buf_text(&res.output), "xxxxxxxxxxxxxxxx");
}

static void of_long_output_the_end_can_be_kept_too(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c",
				    "echo begin; head -c 300000 /dev/zero | tr '\\0' x; echo end",
				    NULL};
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = 5000, .output_max = 64, .keep_end = true};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(proc_run(&machine, &spec, &res, &err), 0);
	assert_in_range(res.output.len, 48, 64);
	assert_memory_equal(res.output.data, "begin\nxxx", 9);
	assert_string_equal(res.output.data + res.output.len - 5, "xend\n");
}

static void a_flood_does_not_fill_the_log(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x",
				    NULL};
	AUTO_CLOSE int log = memfd_create("log", MFD_CLOEXEC);
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = 5000, .output_max = 16, .log_fd = log};
	static const char left_out[] = "x\n[more was said: it is left out]\n";
	AUTO_PROC res = PROC_RESULT_INIT;
	char end[sizeof(left_out)] = "";
	struct err err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(proc_run(&machine, &spec, &res, &err), 0);
	assert_int_equal(fstat(log, &st), 0);
	assert_int_equal(st.st_size, PROC_LOG_MAX + strlen(left_out) - 1);
	assert_true(pread(log, end, strlen(left_out), st.st_size - (off_t)strlen(left_out)) > 0);
	assert_string_equal(end, left_out);
}

static void of_what_is_stopped_nothing_stays(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c",
				    "(trap '' TERM; exec sleep 61) & echo $!; wait", NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = 300, .output_max = 16};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};
	int tries = 200;
	pid_t pid;

	(void)state;
	assert_int_equal(proc_run(&machine, &spec, &res, &err), -ETIMEDOUT);
	pid = (pid_t)strtol(buf_text(&res.output), NULL, 10);
	assert_true(pid > 1);
	/* It is another's child by now, and gone when that one has collected it. */
	while (kill(pid, 0) == 0 && tries-- > 0)
		(void)poll(NULL, 0, 10);
	assert_true(kill(pid, 0) < 0 && errno == ESRCH);
}

static void an_end_that_cannot_be_seen_is_no_success(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};
	int r;

	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	r = run("exit 0", &res, &err);
	assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	assert_int_equal(r, -ECHILD);
	assert_non_null(strstr(err.msg, "/bin/sh"));
	assert_int_not_equal(res.status, 0);
}

static void what_does_not_end_is_stopped_and_reaped(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(run_for(300, "trap '' TERM; sleep 60 & wait; wait", &res, &err),
			 -ETIMEDOUT);
	assert_true(res.timed_out);
	assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void a_daemon_left_behind_does_not_hold_us(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(run("sleep 20 & echo done", &res, &err), 0);
	assert_string_equal(buf_text(&res.output), "done\n");
}

/* No pause ends here: what waits for anything but the child itself waits for ever. */
static void the_end_of_a_child_wakes_us(void **state)
{
	AUTO_CLOSE int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	if (process < 0)
		skip(); /* a kernel without it, or an emulator */
	endless = true;
	(void)alarm(60);
	assert_int_equal(run("exec >&- 2>&-; sleep 0.04", &res, &err), 0);
	(void)alarm(0);
	endless = false;
}

static void a_daemon_that_goes_on_talking_does_not_hold_us(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c", "timeout 20 yes & echo $!", NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = 10000, .output_max = 16};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(proc_run(&machine, &spec, &res, &err), 0);
	assert_int_equal(res.status, 0);
}

static void note_spent(void *arg, const char *on, int64_t ns)
{
	assert_true(ns >= 0);
	(void)snprintf(arg, 32, "%s", on);
}

static void who_wants_to_know_is_told_what_ran(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct sys curious = machine;
	const char *const argv[] = {"/bin/sh", "-c", "exit 3", NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = 5000};
	struct err err = {0};
	char on[32] = "";

	(void)state;
	curious.spent = note_spent;
	curious.waiting_arg = on;
	assert_int_equal(proc_run(&curious, &spec, &res, &err), 0);
	assert_string_equal(on, "/bin/sh");
}

static void nothing_of_the_environment_reaches_the_child(void **state)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(setenv("LEAK", "leaked", 1), 0);
	assert_int_equal(run("echo $LEAK; pwd", &res, &err), 0);
	assert_string_equal(buf_text(&res.output), "\n/\n");
}

static void a_missing_program_is_named(void **state)
{
	const char *const argv[] = {"/nonexistent/program", NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = 100};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(proc_run(&machine, &spec, &res, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/program"));
}

static void must_quotes_the_last_line(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c", "echo first; echo the cause; echo; exit 4",
				    NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = 1000, .output_max = 100};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(proc_must(&machine, &spec, &res, &err), -EIO);
	assert_string_equal(err.msg, "/bin/sh failed with 4: the cause");
}

static int told; /* what is waited for, how often */

static void count_told(void *arg, const char *what)
{
	(void)arg;
	assert_string_equal(what, "/lock is held by enable, pid 17");
	told++;
}

static void a_lock_that_is_held_names_its_holder(void **state)
{
	struct scratch s;
	struct err err = {0};
	int first;
	AUTO_CLOSE int third = -1;

	(void)state;
	scratch_open(&s);
	s.sys.waiting = count_told;
	first = lock_take(&s.sys, "/lock", "enable, pid 17", 0, &err);
	assert_true(first >= 0);
	assert_int_equal(told, 0);
	assert_int_equal(lock_take(&s.sys, "/lock", "install, pid 18", 350, &err), -EBUSY);
	assert_string_equal(err.msg, "/lock is held by enable, pid 17");
	assert_int_equal(told, 1);
	(void)close(first);
	third = lock_take(&s.sys, "/lock", "install, pid 18", 0, &err);
	assert_true(third >= 0);
	scratch_done(&s);
}

/* Its holder ends, and takes the file with it, while somebody waits. */
static int held_fd;

static void remove_while_waiting(struct sys *sys, int64_t ms)
{
	struct err err = {0};

	(void)ms;
	assert_true(held_fd >= 0); /* one pause is enough */
	assert_int_equal(fs_remove(sys, "/lock", &err), 0);
	(void)close(held_fd);
	held_fd = -1;
}

static void a_lock_whose_file_was_removed_is_taken_on_the_new_file(void **state)
{
	struct scratch s;
	struct err err = {0};
	struct stat mine, now;
	AUTO_CLOSE int fd = -1;

	(void)state;
	scratch_open(&s);
	held_fd = lock_take(&s.sys, "/lock", "uninstall, pid 17", 0, &err);
	assert_true(held_fd >= 0);
	s.ops.sleep_ms = remove_while_waiting;
	fd = lock_take(&s.sys, "/lock", "install, pid 18", 1000, &err);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &mine), 0);
	assert_int_equal(fs_lstat(&s.sys, "/lock", &now, &err), 0);
	assert_true(mine.st_ino == now.st_ino);
	scratch_done(&s);
}

/* Nothing is left to do from this many questions on. */
static bool done_after(void *arg)
{
	int *questions = arg;

	return --*questions <= 0;
}

static void who_waits_for_anothers_work_goes_on_when_it_is_done(void **state)
{
	struct scratch s;
	struct err err = {0};
	int questions = 3;
	AUTO_CLOSE int other = -1;

	(void)state;
	scratch_open(&s);
	other = lock_take(&s.sys, "/lock", "a test", 0, &err);
	assert_true(other >= 0);
	assert_int_equal(
		lock_take_unless(&s.sys, "/lock", "x", 60000, done_after, &questions, &err),
		-EALREADY);
	assert_int_equal(questions, 0);
	scratch_done(&s);
}

static void work_that_was_done_before_the_lock_was_had_is_not_done_again(void **state)
{
	struct scratch s;
	struct err err = {0};
	int questions = 1;
	AUTO_CLOSE int fd = -1;

	(void)state;
	scratch_open(&s);
	assert_int_equal(lock_take_unless(&s.sys, "/lock", "x", 0, done_after, &questions, &err),
			 -EALREADY);
	questions = 2;
	fd = lock_take_unless(&s.sys, "/lock", "x", 0, done_after, &questions, &err);
	assert_true(fd >= 0);
	assert_int_equal(questions, 1);
	scratch_done(&s);
}

static void work_that_is_not_done_in_time_is_told_with_its_holder(void **state)
{
	struct scratch s;
	struct err err = {0};
	int questions = 1000;
	AUTO_CLOSE int other = -1;

	(void)state;
	scratch_open(&s);
	other = lock_take(&s.sys, "/lock", "a test", 0, &err);
	assert_true(other >= 0);
	assert_int_equal(lock_take_unless(&s.sys, "/lock", "x", 150, done_after, &questions, &err),
			 -EBUSY);
	assert_string_equal(err.msg, "/lock is held by a test");
	scratch_done(&s);
}

#define OLD_KERNEL(test)                                                                           \
	{                                                                                          \
#test " before Linux 5.3", test, take_pidfd, give_pidfd, NULL                      \
	}

/* As root, what a program could do with files of others'. */
static void a_program_that_looks_has_no_other_privilege(void **state)
{
	static const char *const argv[] = {
		"/bin/sh", "-c", "grep -E '^(NoNewPrivs|CapEff|CapBnd)' /proc/self/status", NULL};
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = 5000, .output_max = 4096, .looks_only = true};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(proc_run(&machine, &spec, &res, &err), 0);
	assert_non_null(strstr(buf_text(&res.output), "NoNewPrivs:\t1"));
	if (geteuid() != 0)
		return;
	assert_non_null(strstr(buf_text(&res.output), "CapEff:\t0000000000000004"));
	assert_non_null(strstr(buf_text(&res.output), "CapBnd:\t0000000000000004"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_waits_for_anothers_work_goes_on_when_it_is_done),
		cmocka_unit_test(work_that_was_done_before_the_lock_was_had_is_not_done_again),
		cmocka_unit_test(work_that_is_not_done_in_time_is_told_with_its_holder),
		cmocka_unit_test(status_and_output_come_back),
		OLD_KERNEL(status_and_output_come_back),
		cmocka_unit_test(a_signal_while_a_program_is_started_does_not_matter),
		cmocka_unit_test(a_signal_does_not_keep_a_program_from_its_descriptors),
		cmocka_unit_test(a_descriptor_that_is_none_is_not_copied),
		cmocka_unit_test(output_that_cannot_be_read_is_no_output),
		cmocka_unit_test(a_program_works_in_the_directory_that_is_given),
		cmocka_unit_test(a_program_of_our_own_context_runs_without_selinux_too),
		cmocka_unit_test(a_program_that_looks_has_no_other_privilege),
		cmocka_unit_test(a_program_can_be_made_to_end_with_its_caller),
		cmocka_unit_test(a_signal_is_told_from_an_exit_code),
		cmocka_unit_test(long_output_is_cut_but_read_to_its_end),
		OLD_KERNEL(long_output_is_cut_but_read_to_its_end),
		cmocka_unit_test(of_long_output_the_end_can_be_kept_too),
		cmocka_unit_test(a_flood_does_not_fill_the_log),
		cmocka_unit_test(of_what_is_stopped_nothing_stays),
		OLD_KERNEL(of_what_is_stopped_nothing_stays),
		cmocka_unit_test(an_end_that_cannot_be_seen_is_no_success),
		cmocka_unit_test(what_does_not_end_is_stopped_and_reaped),
		OLD_KERNEL(what_does_not_end_is_stopped_and_reaped),
		cmocka_unit_test(a_daemon_left_behind_does_not_hold_us),
		OLD_KERNEL(a_daemon_left_behind_does_not_hold_us),
		cmocka_unit_test(the_end_of_a_child_wakes_us),
		cmocka_unit_test(a_daemon_that_goes_on_talking_does_not_hold_us),
		cmocka_unit_test(who_wants_to_know_is_told_what_ran),
		cmocka_unit_test(nothing_of_the_environment_reaches_the_child),
		cmocka_unit_test(a_missing_program_is_named),
		cmocka_unit_test(must_quotes_the_last_line),
		cmocka_unit_test(a_lock_that_is_held_names_its_holder),
		cmocka_unit_test(a_lock_whose_file_was_removed_is_taken_on_the_new_file),
	};
	struct err err = {0};
	int failed;

	if (sys_open(&machine, &err) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sys_done(&machine);
	return failed;
}
