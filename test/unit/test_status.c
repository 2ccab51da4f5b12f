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

#include "handler/status.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

#define MANY 11

static const struct step platform = {.name = "platform", .exit_code = EXIT_UNSUPPORTED};
static const struct step identity = {.name = "identity", .exit_code = EXIT_IDENTITY};
static const struct step config = {.name = "config", .exit_code = EXIT_SETTINGS};

static void is_golden(const struct status *status, const char *path)
{
	AUTO_BUF golden = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(status_build(status, &text, &err), 0);
	source_read(path, &golden);
	assert_string_equal(buf_text(&text), buf_text(&golden));
}

static void success_tells_each_step(void **state)
{
	const struct step_result results[] = {
		{.step = &platform,
		 .state = STEP_OK,
		 .ms = 3,
		 .note_count = 1,
		 .notes = {"memory is below 1 GB"}},
		{.step = &identity, .state = STEP_OK, .ms = 41},
		{.step = &config,
		 .state = STEP_CHANGED,
		 .ms = 2,
		 .message = "write /etc/aadsshlogin.conf"},
	};
	const struct status status = {
		.operation = "Enable",
		.value = STATUS_SUCCESS,
		.cause = "Sign-in is in force",
		.remedy = "",
		.time_s = 1709208000,
		.results = results,
		.count = ARRAY_LEN(results),
	};

	(void)state;
	is_golden(&status, "test/data/status/success.status");
}

static void error_tells_cause_and_remedy(void **state)
{
	const struct step_result results[] = {
		{.step = &platform, .state = STEP_UNDONE, .ms = 3},
		{.step = &identity,
		 .state = STEP_FAILED,
		 .ms = 120000,
		 .message = "the VM has no system-assigned managed identity"},
		{.step = &config, .state = STEP_SKIPPED},
	};
	const struct status status = {
		.operation = "Install",
		.value = STATUS_ERROR,
		.code = EXIT_IDENTITY,
		.cause = "the VM has no system-assigned managed identity",
		.remedy = "az vm identity assign --resource-group rg --name vm",
		.time_s = 1709208000,
		.results = results,
		.count = ARRAY_LEN(results),
	};

	(void)state;
	is_golden(&status, "test/data/status/error.status");
}

static void transitioning_needs_no_steps(void **state)
{
	const struct status status = {.operation = "Install",
				      .value = STATUS_TRANSITIONING,
				      .cause = "The work has begun",
				      .time_s = 1709208000};

	(void)state;
	is_golden(&status, "test/data/status/transitioning.status");
}

/* Everything at its longest, and of bytes that are neither ASCII nor valid UTF-8. */
static void the_longest_messages_stay_below_the_agents_limits(void **state)
{
	static struct step_result results[MANY];
	char cause[ERR_MSG_MAX], remedy[ERR_REMEDY_MAX];
	const struct status status = {.operation = "Install",
				      .value = STATUS_ERROR,
				      .cause = cause,
				      .remedy = remedy,
				      .results = results,
				      .count = MANY};
	const char *message = NULL;
	AUTO_JSON *json = NULL;
	json_t *substatus;
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	memset(cause, 0xff, sizeof(cause) - 1);
	cause[sizeof(cause) - 1] = '\0';
	memset(remedy, '\x80', sizeof(remedy) - 1);
	remedy[sizeof(remedy) - 1] = '\0';
	for (size_t i = 0; i < MANY; i++) {
		results[i] = (struct step_result){
			.step = &platform, .state = STEP_OK, .note_count = NOTES_MAX};
		memset(results[i].message, '"', ERR_MSG_MAX - 1);
		for (size_t j = 0; j < NOTES_MAX; j++)
			memset(results[i].notes[j], '\\', NOTE_MAX - 1);
	}
	assert_int_equal(status_build(&status, &text, &err), 0);
	assert_true(text.len < STATUS_FILE_MAX);
	for (size_t i = 0; i < text.len; i++)
		assert_true((unsigned char)text.data[i] < 0x80);
	assert_int_equal(json_parse(buf_bytes(&text), "the status", &json, &err), 0);
	substatus =
		json_object_get(json_object_get(json_array_get(json, 0), "status"), "substatus");
	assert_int_equal(json_array_size(substatus), MANY);
	message = json_string_value(json_object_get(
		json_object_get(json_array_get(substatus, 0), "formattedMessage"), "message"));
	assert_int_equal(strlen(message), STATUS_MESSAGE_MAX);
}

struct warned {
	const char *title;
	const struct step_result results[3];
	const char *message;
};

#define BEGIN "Sign-in is in force"

/* clang-format off */
static const struct warned warned[] = {
	{"no warning", {{.step = &platform}, {.step = &identity}, {.step = &config}}, BEGIN},
	{"what is only worth knowing",
	 {{.step = &platform, .note_count = 1, .notes = {"memory is below 1 GB"}}, {.step = &identity}, {.step = &config}}, BEGIN},
	{"one warning, which is its step's first",
	 {{.step = &platform, .note_count = 1, .notes = {"memory is below 1 GB"}},
	  {.step = &identity, .gravity = GRAVITY_SHUT, .note_count = 2, .notes = {"nobody", "more"}}, {.step = &config}},
	 BEGIN ". Warning (identity): nobody"},
	{"the gravest of three",
	 {{.step = &platform, .gravity = GRAVITY_RISK, .note_count = 1, .notes = {"some"}},
	  {.step = &identity, .gravity = GRAVITY_SHUT, .note_count = 1, .notes = {"nobody"}},
	  {.step = &config, .gravity = GRAVITY_RISK, .note_count = 1, .notes = {"others"}}},
	 BEGIN ". Warning (identity, platform, config): nobody"},
	{"the first of two as grave",
	 {{.step = &platform, .gravity = GRAVITY_RISK, .note_count = 1, .notes = {"some"}}, {.step = &identity},
	  {.step = &config, .gravity = GRAVITY_RISK, .note_count = 1, .notes = {"others"}}},
	 BEGIN ". Warning (platform, config): some"},
	{"one of two lines", {{.step = &platform, .gravity = GRAVITY_RISK, .note_count = 1, .notes = {"two\nlines\n"}},
	  {.step = &identity}, {.step = &config}},
	 BEGIN ". Warning (platform): two lines "},
};
/* clang-format on */

static void warns_of(void **state)
{
	const struct warned *row = *state;
	char message[STATUS_MESSAGE_MAX] = BEGIN;

	status_warn(row->results, ARRAY_LEN(row->results), message);
	assert_string_equal(message, row->message);
}

static void a_message_with_a_warning_is_bounded(void **state)
{
	struct step_result result = {
		.step = &platform, .gravity = GRAVITY_SHUT, .note_count = NOTES_MAX};
	char message[STATUS_MESSAGE_MAX];

	(void)state;
	memset(result.notes[0], 'x', NOTE_MAX - 1);
	memset(message, 'y', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	message[900] = '\0';
	status_warn(&result, 1, message);
	assert_int_equal(strlen(message), STATUS_MESSAGE_MAX - 1);
	status_warn(&result, 1, message);
	assert_int_equal(strlen(message), STATUS_MESSAGE_MAX - 1);
}

static void what_is_published_stands(void **state)
{
	static const enum status_value values[] = {STATUS_TRANSITIONING, STATUS_SUCCESS,
						   STATUS_ERROR};
	struct scratch scratch;

	(void)state;
	scratch_open(&scratch);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		const struct status status = {
			.operation = "Enable", .value = values[i], .cause = ""};
		struct err err = {0};

		assert_int_equal(status_standing(&scratch.sys, "/status", (int64_t)i), STATUS_NONE);
		assert_int_equal(status_publish(&scratch.sys, "/status", (int64_t)i, &status, &err),
				 0);
		assert_int_equal(status_standing(&scratch.sys, "/status", (int64_t)i), values[i]);
	}
	scratch_done(&scratch);
}

static void garbage_is_no_status(void **state)
{
	static const char *const rows[] = {"",
					   "[]",
					   "{}",
					   "[{\"status\":{\"status\":\"Success\"}}]",
					   "[{\"status\":{\"status\":\"\"}}]",
					   "[{\"status\":[]}]"};
	struct scratch scratch;

	(void)state;
	scratch_open(&scratch);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scratch_write(&scratch, "/status/0.status", rows[i], 0600);
		assert_int_equal(status_standing(&scratch.sys, "/status", 0), STATUS_NONE);
	}
	scratch_done(&scratch);
}

/* A directory where the new file is to be made stands for a disk without room for one. */
static void without_room_for_another_file_the_status_is_written_over(void **state)
{
	const struct step step = {.name = "sshd"};
	const struct step_result result = {.step = &step, .state = STEP_FAILED};
	const struct status status = {.operation = "Enable",
				      .value = STATUS_ERROR,
				      .code = 25,
				      .cause = "no",
				      .results = &result,
				      .count = 1};
	struct scratch scratch;
	AUTO_FREE char *text = NULL;
	struct err err = {0};
	char old[5000];

	(void)state;
	scratch_open(&scratch);
	memset(old, 'x', sizeof(old));
	old[sizeof(old) - 1] = '\0';
	scratch_mkdir(&scratch, "/status/.7.status.aadssh-new", 0755);
	assert_int_equal(status_publish(&scratch.sys, "/status", 7, &status, &err), -EISDIR);
	scratch_write(&scratch, "/status/7.status", old, 0600);
	assert_int_equal(status_publish(&scratch.sys, "/status", 7, &status, &err), 0);
	assert_int_equal(err.code, 0);
	assert_int_equal(status_standing(&scratch.sys, "/status", 7), STATUS_ERROR);
	text = scratch_text(&scratch, "/status/7.status");
	assert_non_null(strstr(text, "\"code\": 25"));
	assert_null(strstr(text, "sshd"));
	scratch_done(&scratch);
}

static void a_missing_folder_is_made(void **state)
{
	const struct status status = {.operation = "", .value = STATUS_SUCCESS, .cause = ""};
	struct scratch scratch;
	struct err err = {0};
	struct stat st;

	(void)state;
	scratch_open(&scratch);
	assert_int_equal(status_publish(&scratch.sys, "/status", 7, &status, &err), 0);
	assert_int_equal(fs_lstat(&scratch.sys, "/status", &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(fs_exists(&scratch.sys, "/status/7.status"));
	assert_int_equal(status_publish(&scratch.sys, "/none/status", 7, &status, &err), -ENOENT);
	scratch_done(&scratch);
}

int main(void)
{
	struct CMUnitTest rows[ARRAY_LEN(warned)];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(success_tells_each_step),
		cmocka_unit_test(error_tells_cause_and_remedy),
		cmocka_unit_test(transitioning_needs_no_steps),
		cmocka_unit_test(the_longest_messages_stay_below_the_agents_limits),
		cmocka_unit_test(a_message_with_a_warning_is_bounded),
		cmocka_unit_test(what_is_published_stands),
		cmocka_unit_test(garbage_is_no_status),
		cmocka_unit_test(without_room_for_another_file_the_status_is_written_over),
		cmocka_unit_test(a_missing_folder_is_made),
	};

	for (size_t i = 0; i < ARRAY_LEN(warned); i++)
		rows[i] = (struct CMUnitTest){.name = warned[i].title,
					      .test_func = warns_of,
					      .initial_state = (void *)(uintptr_t)&warned[i]};
	return cmocka_run_group_tests(rows, NULL, NULL) + cmocka_run_group_tests(tests, NULL, NULL);
}
