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
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/metricsfile.h"
#include "test/unit/scratch.h"

#define USER "service"
#define WRITERS 20
#define EACH 25

static struct scratch scratch;
static uid_t service;

static int set_up(void **state)
{
	AUTO_BUF passwd = {0};

	(void)state;
	scratch_open(&scratch);
	scratch.ops.confine = NULL;
	service = getuid() ? getuid() : 1001;
	buf_printf(&passwd, "root:x:0:0::/:/bin/sh\n" USER ":x:%u:%u::/:/bin/sh\n", service,
		   service);
	scratch_write(&scratch, "/etc/passwd", buf_text(&passwd), 0644);
	scratch_mkdir(&scratch, METRICS_DIR, 0755);
	if (getuid() == 0)
		assert_int_equal(fchownat(scratch.sys.rootfd, METRICS_DIR + 1, service, service, 0),
				 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static int note(const struct metrics_event *event)
{
	struct err err = {0};

	return metrics_note(&scratch.sys, USER, event, &err);
}

static void look(struct metrics *ret)
{
	AUTO_FREE char *text = scratch_text(&scratch, METRICS_PATH);

	assert_non_null(text);
	metrics_parse(span_of(text), ret);
}

static void what_happened_is_added_to_what_is_there(void **state)
{
	const struct metrics_event login = {
		.decided = true,
		.action = METRICS_LOGIN,
		.reason = REASON_BACKEND_UNREACHABLE,
		.ns = 1000,
		.backend_error = REASON_BACKEND_UNREACHABLE,
		.keys_fetched_s = 17,
		.keys_expire_s = 18,
	};
	const struct metrics_event repair = {.drift_repairs = 3};
	struct metrics metrics;
	struct err err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(note(&login), 0);
	assert_int_equal(note(&repair), 0);
	assert_int_equal(note(&login), 0);
	look(&metrics);
	assert_int_equal(metrics.decisions[METRICS_LOGIN][REASON_BACKEND_UNREACHABLE], 2);
	assert_int_equal(metrics.backend_errors[REASON_BACKEND_UNREACHABLE], 2);
	assert_int_equal(metrics.sum_us[METRICS_LOGIN], 2);
	assert_int_equal(metrics.drift_repairs, 3);
	assert_int_equal(metrics.keys_fetched_s, 17);
	assert_int_equal(metrics.keys_expire_s, 18);
	assert_int_equal(fs_lstat(&scratch.sys, METRICS_PATH, &st, &err), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_uid, service);
}

static void nobody_is_forgotten_when_many_write(void **state)
{
	const struct metrics_event event = {.decided = true, .action = METRICS_KEY};
	struct metrics metrics;
	int status;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			int failed = 0;

			/* One that gave up because others took too long says so. */
			for (int j = 0; j < EACH; j++)
				while (note(&event) < 0 && ++failed < 1000)
					;
			_exit(failed >= 1000);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	look(&metrics);
	assert_int_equal(metrics.decisions[METRICS_KEY][REASON_NONE], WRITERS * EACH);
	assert_int_equal(metrics.count[METRICS_KEY], WRITERS * EACH);
}

static void who_holds_it_for_long_is_not_waited_for(void **state)
{
	const struct metrics_event event = {.drift_repairs = 1};
	int64_t start_ns = scratch.ops.boottime_ns(&scratch.sys), took_ms;
	AUTO_CLOSE int fd =
		openat(scratch.sys.rootfd, METRICS_DIR "/lock" + 1, O_RDWR | O_CREAT, 0666);

	(void)state;
	assert_true(fd >= 0);
	if (getuid() == 0)
		assert_int_equal(fchown(fd, service, service), 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(note(&event), -EBUSY);
	took_ms = (scratch.ops.boottime_ns(&scratch.sys) - start_ns) / 1000000;
	assert_true(took_ms >= METRICS_WAIT_MS && took_ms < METRICS_WAIT_MS + 5000);
	assert_false(fs_exists(&scratch.sys, METRICS_PATH));
}

static void what_is_no_text_of_ours_begins_anew(void **state)
{
	const struct metrics_event event = {.drift_repairs = 1};
	struct metrics metrics;

	(void)state;
	scratch_write(&scratch, METRICS_PATH, "\001\002\377 nonsense", 0666);
	assert_int_equal(note(&event), 0);
	look(&metrics);
	assert_int_equal(metrics.drift_repairs, 1);
}

/* Whoever could put a link there would have us read and write elsewhere. */
static void a_link_is_not_followed(void **state)
{
	const struct metrics_event event = {.drift_repairs = 1};
	AUTO_FREE char *text = NULL;

	(void)state;
	scratch_write(&scratch, "/etc/other", "aadsshlogin_drift_repairs_total 5\n", 0666);
	assert_int_equal(symlinkat("/etc/other", scratch.sys.rootfd, METRICS_PATH + 1), 0);
	assert_true(note(&event) < 0);
	text = scratch_text(&scratch, "/etc/other");
	assert_string_equal(text, "aadsshlogin_drift_repairs_total 5\n");
	assert_int_equal(unlinkat(scratch.sys.rootfd, METRICS_PATH + 1, 0), 0);
	(void)unlinkat(scratch.sys.rootfd, METRICS_DIR "/lock" + 1, 0);
	assert_int_equal(symlinkat("/etc/other", scratch.sys.rootfd, METRICS_DIR "/lock" + 1), 0);
	assert_true(note(&event) < 0);
}

static void without_a_directory_nothing_is_counted(void **state)
{
	const struct metrics_event event = {.drift_repairs = 1};

	(void)state;
	(void)unlinkat(scratch.sys.rootfd, METRICS_DIR + 1, AT_REMOVEDIR);
	assert_int_equal(note(&event), -ENOENT);
}

static void it_goes_when_nobody_counts_any_more(void **state)
{
	const struct metrics_event event = {.drift_repairs = 1};
	struct err err = {0};

	(void)state;
	assert_int_equal(metrics_forget(&scratch.sys, USER, &err), 0);
	assert_int_equal(note(&event), 0);
	assert_int_equal(metrics_forget(&scratch.sys, USER, &err), 0);
	assert_false(fs_exists(&scratch.sys, METRICS_PATH));
}

/* Of root's alone: anybody else writes itself. */
static void root_needs_a_user_that_is_not_root(void **state)
{
	const struct metrics_event event = {.drift_repairs = 1};
	struct err err = {0};

	(void)state;
	if (getuid())
		skip();
	assert_int_equal(metrics_note(&scratch.sys, "nobody-of-here", &event, &err), -ENOENT);
	err = (struct err){0};
	assert_int_equal(metrics_note(&scratch.sys, "root", &event, &err), -EPERM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_happened_is_added_to_what_is_there),
		TEST(nobody_is_forgotten_when_many_write),
		TEST(who_holds_it_for_long_is_not_waited_for),
		TEST(what_is_no_text_of_ours_begins_anew),
		TEST(a_link_is_not_followed),
		TEST(without_a_directory_nothing_is_counted),
		TEST(it_goes_when_nobody_counts_any_more),
		TEST(root_needs_a_user_that_is_not_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
