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
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/refusal.h"
#include "test/unit/fakelogin.h"

static const struct authorize_request login = {.name = FAKELOGIN_NAME};
static const struct authorize_request sudo = {.admin = true, .name = FAKELOGIN_NAME};

static void tell(enum reason reason, const struct authorize_request *request,
		 const struct authorize_result *result, struct buf *ret)
{
	static char resource[] = FAKELOGIN_RESOURCE;
	const struct conf conf = {.resource_id = resource};
	struct err err = {0};

	(void)reason_refuse(&err, reason, "the facts");
	refusal_text(&err, &conf, request, result, ret);
}

static void every_reason_has_its_code_and_none_grants(void **state)
{
	(void)state;
	for (int reason = REASON_INTERNAL; reason < REASON_COUNT; reason++) {
		struct err err = {0};

		(void)reason_refuse(&err, (enum reason)reason, "no");
		assert_int_not_equal(refusal_code(&err), ANSWER_GRANT);
		assert_int_equal(refusal_code(&err) == ANSWER_INTERNAL, reason == REASON_INTERNAL);
	}
}

static void a_failure_without_a_reason_is_our_own(void **state)
{
	struct err err = {0};

	(void)state;
	(void)err_set(&err, ENOSPC, "disk full");
	assert_int_equal(refusal_code(&err), ANSWER_INTERNAL);
}

static void a_missing_role_names_action_scope_and_account(void **state)
{
	const struct authorize_result result = {.oid = CERTMAKE_OID};
	AUTO_BUF text = {0};

	(void)state;
	tell(REASON_ROLE_MISSING, &login, &result, &text);
	assert_non_null(strstr(buf_text(&text),
			       "Action: Microsoft.Compute/virtualMachines/login/action\n"));
	assert_non_null(strstr(buf_text(&text), "Scope: " FAKELOGIN_RESOURCE "\n"));
	assert_non_null(strstr(buf_text(&text), "Object id: " CERTMAKE_OID "\n"));
	assert_non_null(strstr(buf_text(&text), "Virtual Machine User Login"));
	buf_done(&text);
	tell(REASON_ADMIN_ROLE_MISSING, &sudo, &result, &text);
	assert_non_null(strstr(buf_text(&text),
			       "Action: Microsoft.Compute/virtualMachines/loginAsAdmin/action\n"));
}

static void on_arc_the_action_is_that_of_its_machines(void **state)
{
	static char resource[] = "/subscriptions/s/resourceGroups/r/providers/"
				 "Microsoft.HybridCompute/machines/m";
	const struct authorize_result result = {.oid = CERTMAKE_OID};
	const struct conf conf = {.resource_id = resource};
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)state;
	(void)reason_refuse(&err, REASON_ADMIN_ROLE_MISSING, "the facts");
	refusal_text(&err, &conf, &sudo, &result, &text);
	assert_non_null(strstr(buf_text(&text),
			       "Action: Microsoft.HybridCompute/machines/loginAsAdmin/action\n"));
	assert_non_null(strstr(buf_text(&text), "Microsoft.HybridCompute/machines/m\n"));
}

static void a_deny_assignment_is_named(void **state)
{
	const struct authorize_result result = {
		.decision = {.admin = {.kind = VERDICT_DENIED, .id = "/deny/1"}}};
	AUTO_BUF text = {0};

	(void)state;
	tell(REASON_ROLE_DENIED, &sudo, &result, &text);
	assert_non_null(strstr(buf_text(&text), "Deny assignment: /deny/1\n"));
}

static void an_assignment_that_does_not_count_is_named(void **state)
{
	const struct authorize_result result = {
		.decision = {.login = {.kind = VERDICT_MISSING, .id = "/assignment/1"}}};
	AUTO_BUF text = {0};

	(void)state;
	tell(REASON_ROLE_MISSING, &login, &result, &text);
	assert_non_null(strstr(buf_text(&text), "Has a condition, and does not count: "
						"/assignment/1\n"));
	assert_null(strstr(buf_text(&text), "Deny"));
}

static void facts_of_the_login_are_told_those_of_the_machine_are_not(void **state)
{
	const struct authorize_result result = {.oid = ""};
	AUTO_BUF text = {0};

	(void)state;
	tell(REASON_PRINCIPAL_MISMATCH, &login, &result, &text);
	assert_non_null(strstr(buf_text(&text), "the facts\n"));
	buf_done(&text);
	tell(REASON_INTERNAL, &login, &result, &text);
	assert_null(strstr(buf_text(&text), "the facts"));
	buf_done(&text);
	tell(REASON_NOT_CONFIGURED, &login, &result, &text);
	assert_null(strstr(buf_text(&text), "the facts"));
}

static void every_text_says_what_helps(void **state)
{
	const struct authorize_result result = {.oid = CERTMAKE_OID};

	(void)state;
	for (int reason = REASON_INTERNAL; reason < REASON_COUNT; reason++) {
		const struct reason_text *row = reason_text((enum reason)reason);
		AUTO_BUF text = {0};

		tell((enum reason)reason, &login, &result, &text);
		assert_non_null(strstr(buf_text(&text), row->id));
		assert_non_null(strstr(buf_text(&text), row->cause));
		assert_non_null(strstr(buf_text(&text), row->remedy));
		assert_true(text.len < ANSWER_TEXT_MAX);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_its_code_and_none_grants),
		cmocka_unit_test(a_failure_without_a_reason_is_our_own),
		cmocka_unit_test(a_missing_role_names_action_scope_and_account),
		cmocka_unit_test(on_arc_the_action_is_that_of_its_machines),
		cmocka_unit_test(a_deny_assignment_is_named),
		cmocka_unit_test(an_assignment_that_does_not_count_is_named),
		cmocka_unit_test(facts_of_the_login_are_told_those_of_the_machine_are_not),
		cmocka_unit_test(every_text_says_what_helps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
