/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "handler/report.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "lib/sys/confine.h"

static const struct step pam = {.name = "pam", .purpose = "who may pass"};
static const struct step sshd = {.name = "sshd", .purpose = "the keys"};

static void assert_json(json_t *json, const char *expected)
{
	AUTO_JSON *own = json;
	AUTO_FREE char *text = json_dumps(own, JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void the_verdict_is_the_worst_step(void **state)
{
	static const struct {
		enum step_state first, second;
		size_t notes;
		int verdict;
	} rows[] = {
		{STEP_OK, STEP_OK, 0, 0},     {STEP_OK, STEP_SKIPPED, 0, 0},
		{STEP_OK, STEP_OK, 1, 1},     {STEP_OK, STEP_DRIFTED, 0, 2},
		{STEP_FAILED, STEP_OK, 1, 2}, {STEP_OK, STEP_FAILED, 1, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct step_result results[] = {
			{.step = &pam, .state = rows[i].first, .note_count = rows[i].notes},
			{.step = &sshd, .state = rows[i].second},
		};

		assert_int_equal(report_verdict(results, 2), rows[i].verdict);
	}
}

static const struct step_result results[] = {
	{.step = &pam, .state = STEP_OK, .ms = 2, .note_count = 1, .notes = {"look at /etc/pam.d"}},
	{.step = &sshd,
	 .state = STEP_FAILED,
	 .ms = 9,
	 .message = "sshd says \xff",
	 .remedy = "mend it"},
	{.step = &pam, .state = STEP_SKIPPED},
};

static void people_read_a_line_a_step(void **state)
{
	AUTO_BUF text = {0};

	(void)state;
	report_check_text(results, ARRAY_LEN(results), CONFINE_CALLS | CONFINE_FILES, &text);
	assert_string_equal(buf_text(&text),
			    "ok       pam       who may pass\n"
			    "                   note: look at /etc/pam.d\n"
			    "failed   sshd      sshd says \xff\n"
			    "                   remedy: mend it\n"
			    "who talks to the network is kept to its user, system "
			    "calls, files; not in force on this kernel: TCP ports, "
			    "signals\n"
			    "failed\n");
}

static void scripts_read_stable_keys(void **state)
{
	(void)state;
	assert_json(
		report_check_json(results, ARRAY_LEN(results), CONFINE_ALL, "1.0.0.0"),
		"{\"result\":\"failed\",\"version\":\"1.0.0.0\",\"steps\":["
		"{\"name\":\"pam\",\"purpose\":\"who may pass\",\"state\":\"ok\",\"message\":\"\","
		"\"remedy\":\"\",\"notes\":[\"look at /etc/pam.d\"],\"ms\":2},"
		"{\"name\":\"sshd\",\"purpose\":\"the keys\",\"state\":\"failed\","
		"\"message\":\"sshd says ?\",\"remedy\":\"mend it\",\"notes\":[],\"ms\":9}],"
		"\"confined\":\"system calls, files, TCP ports, signals\",\"notConfined\":\"\"}");
}

static void a_plan_lists_its_changes(void **state)
{
	struct change list[] = {
		{.kind = CHANGE_WRITE,
		 .what = (char[]){"write /etc/pam.d/sshd"},
		 .path = (char[]){"/etc/pam.d/sshd"}},
		{.kind = CHANGE_CALL, .what = (char[]){"reload ssh.service"}},
	};
	const struct changes changes = {.list = list, .count = 2};
	const struct machine machine = {.notes = {"mind the gap"}, .note_count = 1};

	(void)state;
	assert_json(report_changes_json(&pam, &changes, &machine, NULL),
		    "{\"name\":\"pam\",\"changes\":[{\"kind\":\"write\",\"what\":\"write "
		    "/etc/pam.d/sshd\",\"path\":\"/etc/pam.d/sshd\"},{\"kind\":\"call\",\"what\":"
		    "\"reload ssh.service\"}],\"notes\":[\"mind the gap\"]}");
	assert_json(
		report_changes_json(&pam, &(struct changes){0}, &(struct machine){0}, "no sshd"),
		"{\"name\":\"pam\",\"changes\":[],\"notes\":[],\"error\":\"no sshd\"}");
}

static const struct state in_force = {
	.owner = "1.0.0.0",
	.source = "repository",
	.since_s = 1709208000,
	.sequence = 3,
	.verb = "enable",
	.code = EXIT_SSHD,
	.time_s = 1709208060,
	.message = "sshd says no",
	.steps = {{"pam", "ok"}},
	.step_count = 1,
};

static void the_state_is_told(void **state)
{
	AUTO_BUF text = {0};

	(void)state;
	report_state_text(&in_force, &text);
	assert_string_equal(buf_text(&text),
			    "in force  version 1.0.0.0 since 2024-02-29T12:00:00Z\n"
			    "packages  repository\n"
			    "last      enable at 2024-02-29T12:01:00Z, sequence number 3: 25 "
			    "sshd-refused\n"
			    "          sshd says no\n"
			    "step      pam       ok\n");
	assert_json(report_state_json(&in_force),
		    "{\"installed\":true,\"partlyRemoved\":false,\"owner\":\"1.0.0.0\","
		    "\"packageSource\":\"repository\",\"since\":"
		    "\"2024-02-29T12:00:00Z\","
		    "\"last\":{\"verb\":\"enable\",\"code\":25,\"name\":\"sshd-refused\",\"time\":"
		    "\"2024-02-29T12:01:00Z\",\"sequenceNumber\":3,\"message\":\"sshd says no\"},"
		    "\"steps\":[{\"name\":\"pam\",\"state\":\"ok\"}]}");
}

static void nothing_installed_is_told(void **state)
{
	const struct state empty = {0};
	AUTO_BUF none = {0};
	AUTO_BUF failed = {0};

	(void)state;
	report_state_text(NULL, &none);
	assert_string_equal(buf_text(&none), "not installed\n");
	assert_json(report_state_json(NULL), "{\"installed\":false}");
	report_state_text(&empty, &failed);
	assert_string_equal(buf_text(&failed), "in force  nothing\n");
	assert_json(report_state_json(&empty),
		    "{\"installed\":false,\"partlyRemoved\":false,\"owner\":\"\",\"packageSource\":"
		    "\"\",\"since\":\"\","
		    "\"last\":null,\"steps\":[]}");
}

static void a_platform_is_told(void **state)
{
	static const struct platform platform = {
		.id = "debian",
		.version = "12",
		.package_manager = "apt",
		.package_type = "deb",
		.ssh_service = "ssh",
		.supported = SUPPORT_YES,
		.reason = "it is in the table",
	};
	AUTO_BUF text = {0};

	(void)state;
	assert_json(report_platform_json(&platform),
		    "{\"id\":\"debian\",\"version\":\"12\",\"packageManager\":\"apt\","
		    "\"packageType\":\"deb\",\"sshService\":\"ssh\",\"supported\":\"yes\","
		    "\"reason\":\"it is in the table\"}");
	report_platform_text(&platform, &text);
	assert_non_null(strstr(buf_text(&text), "supported       yes: it is in the table\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_verdict_is_the_worst_step),
		cmocka_unit_test(people_read_a_line_a_step),
		cmocka_unit_test(scripts_read_stable_keys),
		cmocka_unit_test(a_plan_lists_its_changes),
		cmocka_unit_test(the_state_is_told),
		cmocka_unit_test(nothing_installed_is_told),
		cmocka_unit_test(a_platform_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
