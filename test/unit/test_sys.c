/* SPDX-License-Identifier: MIT */
/* Linked with --wrap: open fails as often as a test says, and nanosleep takes no time. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lib/core/outcome.h"
#include "lib/sys/sys.h"

static int failures; /* of open, before it succeeds */
static int failure; /* errno of each */
static int64_t slept_ms;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (failures == 0)
		return __real_open(path, flags);
	failures--;
	errno = failure;
	return -1;
}

int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)left;
	slept_ms += (int64_t)wanted->tv_sec * 1000 + wanted->tv_nsec / 1000000;
	return 0;
}

static const struct row {
	const char *name;
	int failures, failure;
	int r;
	int pauses;
} rows[] = {
	{"a root that can be opened is opened without a pause", 0, 0, 0, 0},
	{"an interrupted call is made again", 1, EINTR, 0, 1},
	{"one descriptor too many is waited for", 1, EMFILE, 0, 1},
	{"a failing read is tried to the last", SYS_OPEN_TRIES - 1, EIO, 0, SYS_OPEN_TRIES - 1},
	{"what never passes is told", SYS_OPEN_TRIES, ENFILE, -ENFILE, SYS_OPEN_TRIES - 1},
};

static void open_row(void **state)
{
	const struct row *row = *state;
	struct sys sys = SYS_INIT;
	struct err err = {0};

	failures = row->failures;
	failure = row->failure;
	slept_ms = 0;
	assert_int_equal(sys_open(&sys, &err), row->r);
	assert_int_equal(failures, 0);
	assert_int_equal(slept_ms, row->pauses * SYS_OPEN_PAUSE_MS);
	assert_int_equal(sys.rootfd >= 0, row->r == 0);
	assert_int_equal(err.outcome, row->r == 0 ? 0 : EXIT_DEPENDENCY);
	assert_int_equal(err.remedy[0] != '\0', row->r < 0);
	sys_done(&sys);
	assert_int_equal(sys.rootfd, -1);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(rows[0])];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = open_row,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
