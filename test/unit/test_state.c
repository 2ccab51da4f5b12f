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
#include <sys/stat.h>
#include <cmocka.h>

#include "handler/state.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "test/unit/scratch.h"

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

/* A state as it is after an enable. */
static void fill(struct state *state)
{
	*state = (struct state){
		.owner = "1.0.0.0",
		.source = "repository",
		.since_s = 1709208000,
		.sequence = 3,
		.verb = "enable",
		.code = EXIT_OK,
		.time_s = 1709208060,
		.message = "Sign-in is in force",
		.steps = {{"platform", "ok"}, {"identity", "changed"}},
		.step_count = 2,
	};
}

static void what_is_written_is_read(void **test)
{
	struct state a = {0}, b = {0};
	struct err err = {0};
	struct stat st;

	(void)test;
	fill(&a);
	assert_int_equal(state_write(&scratch.sys, &a, &err), 0);
	assert_int_equal(fs_lstat(&scratch.sys, STATE_PATH, &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(state_read(&scratch.sys, &b, &err), 0);
	assert_string_equal(b.owner, a.owner);
	assert_string_equal(b.source, "repository");
	assert_int_equal(b.since_s, a.since_s);
	assert_int_equal(b.sequence, a.sequence);
	assert_string_equal(b.verb, a.verb);
	assert_int_equal(b.code, a.code);
	assert_int_equal(b.time_s, a.time_s);
	assert_string_equal(b.message, a.message);
	assert_int_equal(b.step_count, 2);
	assert_memory_equal(b.steps, a.steps, 2 * sizeof(a.steps[0]));
}

static void the_empty_state_is_written_and_read(void **test)
{
	struct state a = {0}, b = {0};
	struct err err = {0};

	(void)test;
	fill(&b);
	assert_int_equal(state_write(&scratch.sys, &a, &err), 0);
	assert_int_equal(state_read(&scratch.sys, &b, &err), 0);
	assert_string_equal(b.owner, "");
	assert_string_equal(b.verb, "");
}

static void a_corrupt_state_is_refused(void **test)
{
	static const char head[] =
		"{\"schema\":1,\"owner\":\"1.0\",\"since\":1,\"sequenceNumber\":1";
	/* clang-format off */
	static const char *const rows[] = {
		"", "null", "[]", "{}",
		"{\"schema\":2,\"owner\":\"\",\"since\":0,\"sequenceNumber\":0}",
		"{\"schema\":1,\"owner\":\"../x\",\"since\":0,\"sequenceNumber\":0}",
		"{\"schema\":1,\"owner\":\"111111111111111111111111111111111\",\"since\":0,\"sequenceNumber\":0}",
		"{\"schema\":1,\"owner\":\"\",\"since\":-1,\"sequenceNumber\":0}",
		"{\"schema\":1,\"owner\":\"\",\"since\":0,\"sequenceNumber\":\"3\"}",
		"{\"schema\":1,\"owner\":\"\",\"since\":0}",
	};
	static const char *const tails[] = {
		",\"last\":7", ",\"last\":{}",
		",\"last\":{\"verb\":\"enable\",\"code\":256,\"time\":0,\"message\":\"\"}",
		",\"last\":{\"verb\":\"abcdefghijklmnopqrstuvwxyz\",\"code\":0,\"time\":0,\"message\":\"\"}",
		",\"steps\":{}", ",\"steps\":[7]", ",\"steps\":[{\"name\":\"a\"}]",
		",\"steps\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]",
	};
	/* clang-format on */
	struct state state = {.owner = "untouched"};

	(void)test;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		assert_int_equal(state_parse(span_of(rows[i]), &state, &err), -EBADMSG);
	}
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		AUTO_BUF text = {0};
		struct err err = {0};

		buf_printf(&text, "%s%s}", head, tails[i]);
		assert_int_equal(state_parse(buf_bytes(&text), &state, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, "is not as it was written"));
	}
	assert_string_equal(state.owner, "untouched");
}

static void a_missing_state_says_so(void **test)
{
	struct state state = {0};
	struct err err = {0};

	(void)test;
	assert_int_equal(state_read(&scratch.sys, &state, &err), -ENOENT);
	scratch_write(&scratch, STATE_PATH, "{}", 0666);
	assert_int_equal(state_read(&scratch.sys, &state, &err), -EPERM);
}

static void versions_are_digits_and_dots(void **test)
{
	(void)test;
	assert_true(version_valid("1.0.0.0"));
	assert_false(version_valid(""));
	assert_false(version_valid("1.0.0-rc1"));
	assert_false(version_valid("1111111111.1111111111.1111111111"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),      TEST(the_empty_state_is_written_and_read),
		TEST(a_corrupt_state_is_refused),   TEST(a_missing_state_says_so),
		TEST(versions_are_digits_and_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
