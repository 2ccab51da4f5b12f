/* SPDX-License-Identifier: MIT */
/*
 * What a test leaves that did not come to its end.  No folder is made in this process before the
 * children are, since one that has not made any looks for what others left.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "test/unit/scratch.h"

static void be_killed(void)
{
	(void)kill(getpid(), SIGKILL);
}

static void end_well(void)
{
	exit(0);
}

static void live_on(void)
{
	(void)pause();
}

/* A child that makes a folder with a file in it and never undoes it; ret_dir is as in scratch.h. */
static pid_t start_child(void (*end)(void), char ret_dir[64])
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct scratch scratch;

		scratch_open(&scratch);
		scratch_write(&scratch, "/a/file", "text", 0600);
		if (write(ends[1], scratch.dir, 64) == 64)
			end();
		_exit(1);
	}
	assert_int_equal(read(ends[0], ret_dir, 64), 64);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return pid;
}

static void wait_for(pid_t pid)
{
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void what_a_test_left_goes_with_its_process(void **state)
{
	char dir[64];

	(void)state;
	wait_for(start_child(end_well, dir));
	assert_int_equal(access(dir, F_OK), -1);
}

static void what_a_killed_process_left_goes_with_the_next_and_what_is_in_use_stays(void **state)
{
	char left[64], used[64], next[64];
	pid_t living;

	(void)state;
	wait_for(start_child(be_killed, left));
	living = start_child(live_on, used);
	wait_for(start_child(end_well, next));
	assert_int_equal(access(left, F_OK), -1);
	assert_int_equal(access(used, F_OK), 0);
	assert_int_equal(kill(living, SIGKILL), 0);
	wait_for(living);
	wait_for(start_child(end_well, next));
	assert_int_equal(access(used, F_OK), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_test_left_goes_with_its_process),
		cmocka_unit_test(
			what_a_killed_process_left_goes_with_the_next_and_what_is_in_use_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
