/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "handler/environment.h"
#include "lib/core/cleanup.h"
#include "test/unit/scratch.h"

#define FOLDERS                                                                                    \
	"\"logFolder\":\"/log\",\"configFolder\":\"/e/config\",\"statusFolder\":\"/e/status\""
#define WHOLE                                                                                      \
	"[{\"name\":\"P.T\",\"version\":1.0,\"handlerEnvironment\":{" FOLDERS                      \
	",\"heartbeatFile\":\"/e/heartbeat.log\",\"eventsFolder\":\"/log/events\","                \
	"\"eventsFolder_preview\":\"/log/events\"}}]"

static struct scratch scratch;
static int pauses;
static const char *late_text; /* what the agent has written after a pause */

static void sleep_and_let_the_agent_write(struct sys *sys, int64_t ms)
{
	(void)sys;
	assert_true(ms > 0);
	if (++pauses == 2 && late_text)
		scratch_write(&scratch, "/e/HandlerEnvironment.json", late_text, 0600);
}

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch.ops.sleep_ms = sleep_and_let_the_agent_write;
	pauses = 0;
	late_text = NULL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void the_folders_are_read(void **state)
{
	CLEANUP(environment_done) struct environment env = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(environment_parse(span_of(WHOLE), &env, &err), 0);
	assert_string_equal(env.log_folder, "/log");
	assert_string_equal(env.config_folder, "/e/config");
	assert_string_equal(env.status_folder, "/e/status");
	assert_string_equal(env.events_folder, "/log/events");
}

static void an_agent_without_events_is_fine(void **state)
{
	CLEANUP(environment_done) struct environment env = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		environment_parse(span_of("[{\"handlerEnvironment\":{" FOLDERS "}}]"), &env, &err),
		0);
	assert_null(env.events_folder);
}

static void bad_texts_are_refused(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		int r;
		const char *message;
	} rows[] = {
		{"", -EBADMSG, "HandlerEnvironment.json is not valid JSON"},
		{"[{\"handlerEnvironment\":{\"logF", -EBADMSG, "is not valid JSON"},
		{"{}", -EINVAL, "has no logFolder"},
		{"[]", -EINVAL, "has no logFolder"},
		{"[{\"handlerEnvironment\":[]}]", -EINVAL, "handlerEnvironment is an array"},
		{"[{\"handlerEnvironment\":{\"logFolder\":\"/l\",\"configFolder\":\"/c\"}}]", -EINVAL,
		 "has no statusFolder"},
		{"[{\"handlerEnvironment\":{\"logFolder\":\"/l\",\"statusFolder\":\"/c\"}}]", -EINVAL,
		 "has no configFolder"},
		{"[{\"handlerEnvironment\":{\"logFolder\":\"log\"}}]", -EINVAL,
		 "logFolder is not an absolute path"},
		{"[{\"handlerEnvironment\":{\"logFolder\":7}}]", -EINVAL, "logFolder is an integer"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(environment_done) struct environment env = {0};
		struct err err = {0};

		assert_int_equal(environment_parse(span_of(rows[i].text), &env, &err), rows[i].r);
		if (!strstr(err.msg, rows[i].message))
			fail_msg("%s", err.msg);
		assert_null(env.log_folder);
	}
}

static void a_half_written_file_is_read_again(void **state)
{
	CLEANUP(environment_done) struct environment env = {0};
	struct err err = {0};

	(void)state;
	late_text = WHOLE;
	scratch_write(&scratch, "/e/HandlerEnvironment.json", "[{\"name\":", 0600);
	assert_int_equal(environment_read(&scratch.sys, "/e", &env, &err), 0);
	assert_int_equal(pauses, 2);
	assert_string_equal(env.status_folder, "/e/status");
}

static void a_file_that_stays_broken_is_given_up(void **state)
{
	CLEANUP(environment_done) struct environment env = {0};
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/e/HandlerEnvironment.json", "", 0600);
	assert_int_equal(environment_read(&scratch.sys, "/e", &env, &err), -EBADMSG);
	assert_true(pauses >= 2 && pauses <= 20);
}

static void a_missing_file_is_not_waited_for(void **state)
{
	CLEANUP(environment_done) struct environment env = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(environment_read(&scratch.sys, "/e", &env, &err), -ENOENT);
	assert_int_equal(pauses, 0);
	assert_non_null(strstr(err.msg, "/e/HandlerEnvironment.json"));
}

static void a_file_that_others_can_write_is_refused(void **state)
{
	CLEANUP(environment_done) struct environment env = {0};
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/e/HandlerEnvironment.json", WHOLE, 0666);
	assert_int_equal(environment_read(&scratch.sys, "/e", &env, &err), -EPERM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_folders_are_read),
		TEST(an_agent_without_events_is_fine),
		TEST(bad_texts_are_refused),
		TEST(a_half_written_file_is_read_again),
		TEST(a_file_that_stays_broken_is_given_up),
		TEST(a_missing_file_is_not_waited_for),
		TEST(a_file_that_others_can_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
