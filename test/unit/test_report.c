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

static void assert_json(json_t *json, const char *expected)
{
	AUTO_JSON *own = json;
	AUTO_FREE char *text = json_dumps(own, JSON_COMPACT);

	assert_non_null(text);
	assert_string_equal(text, expected);
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
		cmocka_unit_test(the_state_is_told),
		cmocka_unit_test(nothing_installed_is_told),
		cmocka_unit_test(a_platform_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
