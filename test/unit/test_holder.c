/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/holder.h"
#include "test/unit/lockholder.h"
#include "test/unit/scratch.h"

#define SECOND INT64_C(1000000000)

static struct scratch machine;
static struct buf told;
static int64_t now_ns;
static pid_t holder;
static int sleeps;

static const struct holder_lock locks[] = {
	{"/run/lock", HOLDER_RECORD}, {"/run/pid", HOLDER_PIDFILE}, {NULL, HOLDER_RECORD}};

static int64_t fake_boottime(struct sys *sys)
{
	(void)sys;
	return now_ns;
}

static void remove_pidfile(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/run/pid", machine.dir);
	(void)unlink(path);
}

/* The clock moves by sleeping only; who holds a lock goes at the 50th sleep, after 25 seconds. */
static void fake_sleep(struct sys *sys, int64_t ms)
{
	(void)sys;
	now_ns += ms * 1000000;
	if (++sleeps == 50) {
		lockholder_end(&holder);
		remove_pidfile();
	}
}

static void keep(void *arg, const char *what)
{
	buf_printf(arg, "%ld %s\n", (long)(now_ns / SECOND), what);
}

static int setup(void **state)
{
	(void)state;
	scratch_open(&machine);
	machine.ops.boottime_ns = fake_boottime;
	machine.ops.sleep_ms = fake_sleep;
	machine.sys.waiting = keep;
	machine.sys.waiting_arg = &told;
	now_ns = 0;
	sleeps = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lockholder_end(&holder);
	buf_done(&told);
	scratch_done(&machine);
	return 0;
}

static void what_nobody_holds_is_no_lock(void **state)
{
	/* Nobody wrote a number there, or whoever did is gone. */
	static const char *const pidfiles[] = {"",    "4194303\n",     "0\n",    "-1\n",
					       "x\n", "99999999999\n", "12 34\n"};
	struct err err = {0};

	(void)state;
	assert_int_equal(holder_find(&machine.sys, locks, &err), 0);
	scratch_write(&machine, "/run/lock", "", 0644);
	for (size_t i = 0; i < sizeof(pidfiles) / sizeof(pidfiles[0]); i++) {
		scratch_write(&machine, "/run/pid", pidfiles[i], 0644);
		assert_int_equal(holder_find(&machine.sys, locks, &err), 0);
	}
	assert_int_equal(holder_wait(&machine.sys, locks, 0, &err), 0);
	assert_int_equal(sleeps, 0);
}

static void the_holder_of_a_record_lock_is_named(void **state)
{
	char expected[128];
	struct err err = {0};

	(void)state;
	holder = lockholder_start(&machine, "/run/lock");
	assert_int_equal(holder_find(&machine.sys, locks, &err), -EBUSY);
	(void)snprintf(expected, sizeof(expected), "process %ld () holds /run/lock", (long)holder);
	assert_string_equal(err.msg, expected);
}

static void a_living_process_in_a_pidfile_is_named_and_quoted(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&machine, "/run/pid", " 77 \n", 0644);
	scratch_write(&machine, "/proc/77/cmdline", "yum\n-y", 0644);
	assert_int_equal(holder_find(&machine.sys, locks, &err), -EBUSY);
	assert_string_equal(err.msg, "process 77 (yum?-y) holds /run/pid");
}

/* As useradd writes its lock. */
static void a_pidfile_may_end_with_a_nul(void **state)
{
	AUTO_CLOSE int fd = -1;
	struct err err = {0};

	(void)state;
	scratch_write(&machine, "/run/pid", "", 0600);
	scratch_mkdir(&machine, "/proc/77", 0755);
	fd = fs_open(&machine.sys, "/run/pid", O_WRONLY, 0, &err);
	assert_int_equal(write(fd, "77", 3), 3);
	assert_int_equal(holder_find(&machine.sys, locks, &err), -EBUSY);
}

/* scratch_write takes text, in which no word ends. */
static void write_command(const char *words, size_t len)
{
	char path[256];
	FILE *file;

	scratch_write(&machine, "/proc/77/cmdline", "", 0644);
	(void)snprintf(path, sizeof(path), "%s/proc/77/cmdline", machine.dir);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(words, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void a_password_in_a_command_line_is_not_told(void **state)
{
#define COMMAND(words)                                                                             \
	{                                                                                          \
		words, sizeof(words)                                                               \
	}
	static const struct {
		const char *words;
		size_t len;
	} rows[] = {
		COMMAND("yum\0-y\0--setopt=proxy_password=s3cret\0update"),
		COMMAND("yum\0-y\0u:s3cret@proxy"),
		COMMAND("yum\0-y\0http://u:s3cret"),
		COMMAND("yum\0-y"),
	};

	(void)state;
	scratch_write(&machine, "/run/pid", "77\n", 0644);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = {0};

		write_command(rows[i].words, rows[i].len);
		assert_int_equal(holder_find(&machine.sys, locks, &err), -EBUSY);
		assert_string_equal(err.msg, "process 77 (yum -y) holds /run/pid");
	}
}

static void a_long_wait_is_told_now_and_then(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&machine, "/run/pid", "77\n", 0644);
	scratch_write(&machine, "/proc/77/cmdline", "yum", 0644);
	assert_int_equal(holder_wait(&machine.sys, locks, 60 * SECOND, &err), 0);
	assert_int_equal(now_ns, 25 * SECOND);
	assert_string_equal(buf_text(&told), "0 process 77 (yum) holds /run/pid\n"
					     "10 process 77 (yum) holds /run/pid\n"
					     "20 process 77 (yum) holds /run/pid\n");
}

static void a_wait_that_is_too_long_ends_with_the_holder(void **state)
{
	struct err err = {0};

	(void)state;
	machine.sys.waiting = NULL;
	holder = lockholder_start(&machine, "/run/lock");
	assert_int_equal(holder_wait(&machine.sys, locks, 3 * SECOND, &err), -EBUSY);
	assert_int_equal(err.outcome, EXIT_LOCK);
	assert_non_null(strstr(err.msg, "holds /run/lock"));
	assert_int_equal(now_ns, 3 * SECOND);
	assert_string_equal(buf_text(&told), "");
}

/* Whoever is in an outer PID namespace has no number here. */
static void a_holder_in_another_namespace_is_no_process_of_ours(void **state)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char whole[256];
	struct err err = {0};
	int fd;

	(void)state;
	scratch_write(&machine, "/run/lock", "", 0644);
	(void)snprintf(whole, sizeof(whole), "%s/run/lock", machine.dir);
	fd = open(whole, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	/* A lock of an open file has no process either. */
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_int_equal(holder_find(&machine.sys, locks, &err), -EBUSY);
	assert_string_equal(err.msg, "another process holds /run/lock");
	(void)close(fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(what_nobody_holds_is_no_lock),
		CASE(the_holder_of_a_record_lock_is_named),
		CASE(a_living_process_in_a_pidfile_is_named_and_quoted),
		CASE(a_pidfile_may_end_with_a_nul),
		CASE(a_password_in_a_command_line_is_not_told),
		CASE(a_long_wait_is_told_now_and_then),
		CASE(a_wait_that_is_too_long_ends_with_the_holder),
		CASE(a_holder_in_another_namespace_is_no_process_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
