/* SPDX-License-Identifier: MIT */
/* The line about what takes long, on a real terminal and without one, by a clock of the test's. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/progress.h"
#include "lib/core/cleanup.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"

#define S INT64_C(1000000000)
#define GONE "\r\x1b[K"

static struct scratch scratch;
static struct progress progress;
static int ours, theirs; /* ends of the terminal */
static int64_t now_ns;

static int64_t clock_of_the_test(struct sys *sys)
{
	(void)sys;
	return now_ns;
}

static void sleep_of_the_test(struct sys *sys, int64_t ms)
{
	(void)sys;
	now_ns += ms * 1000000;
}

static int set_up(void **state)
{
	const struct winsize size = {.ws_col = 60, .ws_row = 24};

	(void)state;
	scratch_open(&scratch);
	now_ns = 100 * S;
	scratch.ops.boottime_ns = clock_of_the_test;
	scratch.ops.sleep_ms = sleep_of_the_test;
	ours = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(ours >= 0 && grantpt(ours) == 0 && unlockpt(ours) == 0);
	theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
	assert_true(theirs >= 0);
	assert_int_equal(ioctl(theirs, TIOCSWINSZ, &size), 0);
	assert_int_equal(setenv("TERM", "xterm", 1), 0);
	progress_watch(&progress, &scratch.sys, theirs);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(ours);
	(void)close(theirs);
	scratch_done(&scratch);
	return 0;
}

/* What came to the terminal since it was asked last.  The kernel takes its time to bring it. */
static const char *shown(void)
{
	struct pollfd wait = {.fd = ours, .events = POLLIN};
	static char text[4096];
	size_t len = 0;

	while (len + 1 < sizeof(text) && poll(&wait, 1, 100) > 0) {
		ssize_t n = read(ours, text + len, sizeof(text) - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	return text;
}

static void what_takes_long_is_told_and_goes_again(void **state)
{
	(void)state;
	sys_progress(&scratch.sys, "waiting", 100 * S, 130 * S);
	assert_string_equal(shown(), "");
	now_ns = 102 * S;
	sys_progress(&scratch.sys, "waiting", 100 * S, 130 * S);
	assert_string_equal(shown(), GONE "waiting (2 s, at most 30 s)");
	now_ns += S / 10; /* too soon for another */
	sys_progress(&scratch.sys, "waiting", 100 * S, 130 * S);
	assert_string_equal(shown(), "");
	now_ns += S;
	sys_progress(&scratch.sys, "waiting", 100 * S, 130 * S);
	assert_string_equal(shown(), GONE "waiting (3 s, at most 30 s)");
	sys_progress(&scratch.sys, NULL, 0, 0);
	assert_string_equal(shown(), GONE);
	sys_progress(&scratch.sys, NULL, 0, 0);
	assert_string_equal(shown(), "");
}

static void what_was_short_leaves_nothing(void **state)
{
	(void)state;
	sys_progress(&scratch.sys, "waiting", 100 * S, 130 * S);
	sys_progress(&scratch.sys, NULL, 0, 0);
	assert_string_equal(shown(), "");
}

static void the_line_stays_one_and_commands_no_terminal(void **state)
{
	const char *text;
	char what[200];

	(void)state;
	memset(what, 'x', sizeof(what));
	what[sizeof(what) - 1] = '\0';
	what[0] = '\x1b';
	what[1] = '\n';
	now_ns = 110 * S;
	sys_progress(&scratch.sys, what, 100 * S, 130 * S);
	text = shown();
	assert_int_equal(strlen(text), strlen(GONE) + 59); /* of 60 columns */
	assert_ptr_equal(strstr(text, GONE "??xx"), text);
	assert_non_null(strstr(text, "xx (10 s, at most 30 s)"));
}

static void a_sleep_is_told_while_it_lasts(void **state)
{
	(void)state;
	now_ns = 102 * S;
	sys_sleep_ms(&scratch.sys, 2000, "the service", 100 * S, 110 * S);
	assert_int_equal(now_ns, 104 * S);
	assert_string_equal(shown(), GONE "the service (2 s, at most 10 s)" GONE
					  "the service (2 s, at most 10 s)" GONE
					  "the service (3 s, at most 10 s)" GONE
					  "the service (3 s, at most 10 s)" GONE);
}

static void a_program_that_runs_long_is_told_without_its_operands(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c", "exec sleep 1.6", NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = 60000};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};
	struct sys sys = SYS_INIT;

	(void)state;
	assert_int_equal(sys_open(&sys, &err), 0);
	progress_watch(&progress, &sys, theirs);
	assert_int_equal(proc_run(&sys, &spec, &res, &err), 0);
	sys_done(&sys);
	{
		const char *text = shown();

		assert_ptr_equal(strstr(text, GONE "/bin/sh -c (1 s, at most 60 s)"), text);
		assert_null(strstr(text, "sleep"));
		assert_string_equal(text + strlen(text) - strlen(GONE), GONE);
	}
}

static void nobody_is_told_where_there_is_no_terminal(void **state)
{
	AUTO_CLOSE int file = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct sys sys = {.ops = &scratch.ops};

	(void)state;
	progress_watch(&progress, &sys, file);
	assert_null(sys.progress);
	assert_int_equal(setenv("TERM", "dumb", 1), 0);
	progress_watch(&progress, &sys, theirs);
	assert_null(sys.progress);
	assert_int_equal(unsetenv("TERM"), 0);
	progress_watch(&progress, &sys, theirs);
	assert_null(sys.progress);
	sys_progress(&sys, "waiting", 0, 0);
	sys_sleep_ms(&sys, 10, "waiting", 0, 0);
	assert_string_equal(shown(), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_takes_long_is_told_and_goes_again),
		TEST(what_was_short_leaves_nothing),
		TEST(the_line_stays_one_and_commands_no_terminal),
		TEST(a_sleep_is_told_while_it_lasts),
		TEST(a_program_that_runs_long_is_told_without_its_operands),
		TEST(nobody_is_told_where_there_is_no_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
