/* SPDX-License-Identifier: MIT */
/* What status says, of a machine without a package manager. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "handler/standing.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "test/unit/scratch.h"

#define ACCEPTED                                                                                   \
	"aadsshlogin-last-login 1\ntime 1709208000\noutcome accepted\nuser dev@contoso.com\n"      \
	"rhost 10.0.0.4\nassignment 1f\nscope /subscriptions/x\nreason \nmessage \nend\n"
#define REFUSED                                                                                    \
	"aadsshlogin-last-login 1\ntime 1709208060\noutcome refused\nuser a@b\nrhost \n"           \
	"assignment \nscope \nreason role-missing\nmessage no role\nend\n"

static struct scratch scratch;
static struct standing standing;

static int set_up(void **state)
{
	(void)state;
	standing = (struct standing){.known = false};
	scratch_open(&scratch);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void learn(void)
{
	struct err err = {0};

	assert_int_equal(standing_learn(&scratch.sys, &standing, &err), 0);
	assert_int_equal(err.code, 0);
}

static void assert_text(const char *expected)
{
	AUTO_BUF text = {0};

	standing_text(&standing, &text);
	assert_string_equal(buf_text(&text), expected);
}

static void assert_json(const char *expected)
{
	AUTO_JSON *json = standing_json(&standing);
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void nothing_installed_is_told(void **state)
{
	(void)state;
	learn();
	assert_text("not installed\n");
	assert_json(
		"{\"installed\":false,\"packages\":[],\"logins\":{\"accepted\":null,\"refused\":"
		"null},\"unknown\":[]}");
	standing.known = true;
	assert_text("in force  nothing\n");
}

static void who_signed_in_last_is_told_with_what_decided_it(void **state)
{
	(void)state;
	scratch_write(&scratch, LASTLOGIN_ACCEPTED, ACCEPTED, 0600);
	scratch_write(&scratch, LASTLOGIN_REFUSED, REFUSED, 0600);
	learn();
	assert_text("not installed\n"
		    "sign-in   dev@contoso.com from 10.0.0.4 at 2024-02-29T12:00:00Z\n"
		    "          by the role assignment 1f\n"
		    "          at /subscriptions/x\n"
		    "refused   a@b at 2024-02-29T12:01:00Z\n"
		    "          role-missing: no role\n");
	assert_json("{\"installed\":false,\"packages\":[],\"logins\":{\"accepted\":{\"user\":"
		    "\"dev@contoso.com\",\"from\":\"10.0.0.4\",\"time\":\"2024-02-29T12:00:00Z\","
		    "\"assignment\":\"1f\",\"scope\":\"/subscriptions/x\",\"reason\":\"\","
		    "\"message\":\"\"},\"refused\":{\"user\":\"a@b\",\"from\":\"\",\"time\":"
		    "\"2024-02-29T12:01:00Z\",\"assignment\":\"\",\"scope\":\"\",\"reason\":"
		    "\"role-missing\",\"message\":\"no role\"}},\"unknown\":[]}");
}

/* clang-format off */
static const struct row {
	const char *name, *path, *text;
	mode_t mode;
	const char *words;
} rows[] = {
	{"what_others_can_write", LASTLOGIN_ACCEPTED, ACCEPTED, 0666, LASTLOGIN_ACCEPTED},
	{"another_form", LASTLOGIN_ACCEPTED, "x\n", 0600, "not in its form"},
	{"the_other_outcome", LASTLOGIN_ACCEPTED, REFUSED, 0600, "other outcome"},
	{"too_long_a_refusal", LASTLOGIN_REFUSED, NULL, 0600, LASTLOGIN_REFUSED},
};
/* clang-format on */

static void is_not_believed_and_named(void **state)
{
	const struct row *row = *state;
	void *none = NULL;
	AUTO_FREE char *longest = calloc(1, LASTLOGIN_MAX + 2);

	memset(longest, 'x', LASTLOGIN_MAX + 1);
	(void)set_up(&none);
	scratch_write(&scratch, row->path, row->text ?: longest, row->mode);
	learn();
	assert_false(standing.was_accepted);
	assert_false(standing.was_refused);
	assert_int_equal(standing.note_count, 1);
	if (!strstr(standing.notes[0], row->words))
		fail_msg("%s", standing.notes[0]);
	(void)tear_down(&none);
}

static void the_state_and_packages_are_told(void **state)
{
	(void)state;
	standing = (struct standing){
		.known = true,
		.state = {.owner = "1.0.0.0",
			  .source = "repository",
			  .since_s = 1709208000,
			  .sequence = 3,
			  .verb = "enable",
			  .code = EXIT_SSHD,
			  .time_s = 1709208060,
			  .message = "sshd says no\xff",
			  .steps = {{"pam", "ok"}},
			  .step_count = 1},
		.packages = {{"aadsshlogin", {.state = PKG_BROKEN, .version = "1:1.0.0.0"}}},
		.package_count = 1,
		.notes = {"not told"},
		.note_count = 1,
	};
	assert_text("in force  version 1.0.0.0 since 2024-02-29T12:00:00Z\n"
		    "packages  repository\n"
		    "last      enable at 2024-02-29T12:01:00Z, sequence number 3: 25 sshd-refused\n"
		    "          sshd says no?\n"
		    "package   aadsshlogin 1:1.0.0.0, half installed\n"
		    "step      pam       ok\n"
		    "unknown   not told\n");
	assert_json(
		"{\"installed\":true,\"packages\":[{\"name\":\"aadsshlogin\",\"version\":"
		"\"1:1.0.0.0\",\"state\":\"half installed\"}],\"logins\":{\"accepted\":null,"
		"\"refused\":null},\"unknown\":[\"not told\"],\"partlyRemoved\":false,"
		"\"owner\":\"1.0.0.0\",\"packageSource\":\"repository\",\"since\":"
		"\"2024-02-29T12:00:00Z\",\"last\":{\"verb\":\"enable\",\"code\":25,\"name\":"
		"\"sshd-refused\",\"time\":\"2024-02-29T12:01:00Z\",\"sequenceNumber\":3,"
		"\"message\":\"sshd says no?\"},\"steps\":[{\"name\":\"pam\",\"state\":\"ok\"}]}");
	standing.state.partly_removed = true;
	standing.package_count = standing.note_count = standing.state.step_count = 0;
	standing.state.verb[0] = standing.state.source[0] = '\0';
	assert_text("partly removed  version 1.0.0.0\n");
}

static void a_state_that_cannot_be_read_ends_it(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, STATE_PATH, "x", 0600);
	assert_int_equal(standing_learn(&scratch.sys, &standing, &err), -EBADMSG);
	assert_int_equal(err.outcome, EXIT_DEPENDENCY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest others[] = {
		TEST(nothing_installed_is_told),
		TEST(who_signed_in_last_is_told_with_what_decided_it),
		TEST(the_state_and_packages_are_told),
		TEST(a_state_that_cannot_be_read_ends_it),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, is_not_believed_and_named, NULL, NULL,
					       (void *)(uintptr_t)&rows[i]};
	failed = cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("standing", others, NULL, NULL);
}
