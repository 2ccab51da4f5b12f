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
		cmocka_unit_test(a_platform_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
