/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/files.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "test/unit/scratch.h"

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void append(const char *text)
{
	struct err err = {0};
	AUTO_CLOSE int fd = files_open_log(&scratch.sys, "/log", "handler.log", &err);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, span_of(text)), 0);
}

static void a_log_grows_from_run_to_run(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	append("one\n");
	append("two\n");
	text = scratch_text(&scratch, "/log/handler.log");
	assert_string_equal(text, "one\ntwo\n");
	assert_false(fs_exists(&scratch.sys, "/log/handler.log.1"));
}

static void a_long_log_is_put_aside(void **state)
{
	AUTO_FREE char *text = NULL;
	char path[128];

	(void)state;
	append("old\n");
	(void)snprintf(path, sizeof(path), "%s/log/handler.log", scratch.dir);
	assert_int_equal(truncate(path, LOG_FILE_MAX + 1), 0);
	scratch_write(&scratch, "/log/handler.log.1", "older\n", 0600);
	append("new\n");
	text = scratch_text(&scratch, "/log/handler.log");
	assert_string_equal(text, "new\n");
	(void)strcat(path, ".1");
	assert_int_equal(truncate(path, 4), 0);
	free(text);
	text = scratch_text(&scratch, "/log/handler.log.1");
	assert_string_equal(text, "old\n");
}

static void a_link_is_no_log(void **state)
{
	struct err err = {0};
	char path[128];

	(void)state;
	scratch_write(&scratch, "/etc/passwd", "root\n", 0644);
	scratch_mkdir(&scratch, "/log", 0755);
	(void)snprintf(path, sizeof(path), "%s/log/handler.log", scratch.dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(files_open_log(&scratch.sys, "/log", "handler.log", &err), -ELOOP);
}

static const struct event event = {
	.version = "1.0.0.0",
	.task = "enable",
	.operation = "3",
	.message = "error 22: caf\xc3\xa9",
	.failed = true,
};

static void an_event_has_every_key_of_the_agents_schema(void **state)
{
	/* clang-format off */
	static const char *const rows[][2] = {
		{"Version", "1.0.0.0"}, {"TaskName", "enable"}, {"EventLevel", "Error"},
		{"Message", "error 22: caf??"}, {"OperationId", "3"}, {"Timestamp", NULL},
		{"EventPid", NULL}, {"EventTid", NULL},
	};
	/* clang-format on */
	AUTO_FREE char *text = NULL;
	AUTO_JSON *json = NULL;
	AUTO_NAMES names = NULL;
	struct err err = {0};
	char path[300];

	(void)state;
	scratch_mkdir(&scratch, "/log/events", 0700);
	assert_int_equal(files_put_event(&scratch.sys, "/log", "/log/events", &event, &err), 0);
	assert_int_equal(fs_list(&scratch.sys, "/log/events", &names, &err), 0);
	assert_non_null(names[0]);
	assert_null(names[1]);
	assert_int_equal(strspn(names[0], "0123456789"), strlen(names[0]) - strlen(".json"));
	assert_non_null(strstr(names[0], ".json"));
	(void)snprintf(path, sizeof(path), "/log/events/%s", names[0]);
	text = scratch_text(&scratch, path);
	assert_int_equal(json_parse(span_of(text), "the event", &json, &err), 0);
	assert_int_equal(json_object_size(json), ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *value = json_string_value(json_object_get(json, rows[i][0]));

		assert_non_null(value);
		if (rows[i][1])
			assert_string_equal(value, rows[i][1]);
	}
}

static void an_event_without_a_folder_leaves_nothing_behind(void **state)
{
	AUTO_NAMES names = NULL;
	struct err err = {0};

	(void)state;
	scratch_mkdir(&scratch, "/log", 0700);
	assert_int_equal(files_put_event(&scratch.sys, "/log", "/log/events", &event, &err),
			 -ENOENT);
	assert_int_equal(fs_list(&scratch.sys, "/log", &names, &err), 0);
	assert_null(names[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_grows_from_run_to_run),
		TEST(a_long_log_is_put_aside),
		TEST(a_link_is_no_log),
		TEST(an_event_has_every_key_of_the_agents_schema),
		TEST(an_event_without_a_folder_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
