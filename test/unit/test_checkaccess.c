/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/checkaccess.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"

#define BASE "https://westeurope.authorization.azure.net"
#define OID "6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30"
#define VM "/subscriptions/s/resourceGroups/web/providers/Microsoft.Compute/virtualMachines/web-1"
#define ARC "/subscriptions/s/resourceGroups/web/providers/Microsoft.HybridCompute/machines/web-1"
#define LOGIN "Microsoft.Compute/virtualMachines/login/action"
#define LOGIN_AS_ADMIN "Microsoft.Compute/virtualMachines/loginAsAdmin/action"

#define ABOUT(action, decision, more)                                                              \
	"{\"actionId\":\"" action "\",\"isDataAction\":true,\"accessDecision\":\"" decision        \
	"\"" more "}"
#define NO_ADMIN "," ABOUT(LOGIN_AS_ADMIN, "NotAllowed", "")
#define MINE ",\"roleAssignment\":{\"id\":\"/a/1\",\"scope\":\"/subscriptions/s\"}"
#define DENIAL ",\"denyAssignment\":{\"id\":\"/d/1\",\"scope\":\"/\"}"
#define BOTH ABOUT(LOGIN, "Allowed", MINE) "," ABOUT(LOGIN_AS_ADMIN, "Denied", DENIAL)
#define VALUE(elements, more) "{\"value\":[" elements "]" more "}"

/* ---- the service */

#define USUAL "resource_id " VM "\nresource_manager https://management.azure.com\npdp " BASE "\n"

static int find_service(const char *text, struct checkaccess_service *ret, struct err *err)
{
	AUTO_CONF conf = {0};
	int r;

	assert_int_equal(conf_parse(span_of(text), "conf", &conf, err), 0);
	r = checkaccess_service(&conf, ret, err);
	if (r == 0) /* borrowed from what is gone in a moment */
		ret->base = strcmp(ret->base, BASE) == 0 ? BASE : "https://management.azure.com";
	return r;
}

static void resource_manager_is_asked_at_the_machine(void **state)
{
	AUTO_CHECKACCESS_SERVICE service = {.base = NULL};
	struct err err = {0};

	(void)state;
	assert_int_equal(find_service("role_backend checkaccess\n" USUAL, &service, &err), 0);
	assert_string_equal(service.base, "https://management.azure.com");
	assert_string_equal(buf_text(&service.url), "https://management.azure.com" VM
						    "/providers/Microsoft.Authorization/checkaccess"
						    "?api-version=2018-09-01-preview");
	assert_string_equal(buf_text(&service.audience), "https://management.azure.com/");
}

static void the_region_is_asked_with_a_token_for_all_regions(void **state)
{
	AUTO_CHECKACCESS_SERVICE service = {.base = NULL};
	struct err err = {0};

	(void)state;
	assert_int_equal(find_service("role_backend pdp\n" USUAL, &service, &err), 0);
	assert_string_equal(service.base, BASE);
	assert_string_equal(buf_text(&service.url),
			    BASE "/providers/Microsoft.Authorization/checkAccess"
				 "?api-version=2021-06-01-preview");
	assert_string_equal(buf_text(&service.audience), "https://authorization.azure.net/");
}

static void a_service_that_is_not_configured_is_not_asked(void **state)
{
	static const char *const texts[] = {
		USUAL,
		"role_backend arm\n" USUAL,
		"role_backend static\n" USUAL,
		"role_backend checkaccess\nresource_id " VM "\npdp " BASE "\n",
		"role_backend checkaccess\nresource_manager https://x\n",
		"role_backend pdp\nresource_id " VM "\nresource_manager https://x\n",
		"role_backend pdp\npdp " BASE "\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_CHECKACCESS_SERVICE service = {.base = NULL};
		struct err err = {0};

		assert_int_equal(find_service(texts[i], &service, &err), -ENODATA);
		assert_int_equal(reason_of(&err), REASON_NOT_CONFIGURED);
		assert_int_equal(service.url.len, 0);
	}
}

/* ---- the question */

static const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	assert_non_null(text);
	return text;
}

static void check_question(const char *resource_id, const char *login, const char *admin)
{
	const json_t *attributes, *actions;
	AUTO_JSON *json = NULL;
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(checkaccess_question(resource_id, OID, &text, &err), 0);
	assert_int_equal(json_parse(buf_bytes(&text), "it", &json, &err), 0);
	attributes = json_object_get(json_object_get(json, "Subject"), "Attributes");
	assert_string_equal(text_at(attributes, "ObjectId"), OID);
	assert_true(
		json_is_true(json_object_get(attributes, "xms-pasrp-retrievegroupmemberships")));
	assert_string_equal(text_at(json_object_get(json, "Resource"), "Id"), resource_id);
	actions = json_object_get(json, "Actions");
	assert_int_equal(json_array_size(actions), 2);
	assert_string_equal(text_at(json_array_get(actions, 0), "Id"), login);
	assert_string_equal(text_at(json_array_get(actions, 1), "Id"), admin);
	for (size_t i = 0; i < 2; i++)
		assert_true(
			json_is_true(json_object_get(json_array_get(actions, i), "IsDataAction")));
}

static void both_data_actions_are_asked_about_at_once(void **state)
{
	(void)state;
	check_question(VM, LOGIN, LOGIN_AS_ADMIN);
	check_question(ARC, "Microsoft.HybridCompute/machines/login/action",
		       "Microsoft.HybridCompute/machines/loginAsAdmin/action");
}

static void a_resource_cannot_forge_the_question(void **state)
{
	(void)state;
	check_question("/subscriptions/\"},{\"Id\":\"x", LOGIN, LOGIN_AS_ADMIN);
}

static void a_resource_that_is_no_text_is_not_asked_about(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(checkaccess_question("/subscriptions/\xff", OID, &text, &err), -EINVAL);
	assert_int_equal(reason_of(&err), REASON_NOT_CONFIGURED);
	assert_int_equal(text.len, 0);
}

/* ---- answers */

static int add(struct checkaccess *answer, const char *text, struct err *err)
{
	return checkaccess_add(answer, span_of(text), VM, BASE, err);
}

static void an_answer_tells_decision_assignment_and_scope(void **state)
{
	static const char *const shapes[] = {"[" BOTH "]", VALUE(BOTH, ""),
					     VALUE(BOTH, ",\"nextLink\":null"),
					     VALUE(BOTH, ",\"nextLink\":\"\"")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		struct checkaccess answer = {.page_count = 0};
		struct err err = {0};

		assert_int_equal(add(&answer, shapes[i], &err), 0);
		assert_int_equal(checkaccess_whole(&answer, &err), 0);
		assert_int_equal(answer.login.access, ACCESS_GRANTED);
		assert_string_equal(answer.login.id, "/a/1");
		assert_string_equal(answer.login.scope, "/subscriptions/s");
		assert_int_equal(answer.admin.access, ACCESS_DENIED);
		assert_string_equal(answer.admin.id, "/d/1");
		assert_string_equal(answer.admin.scope, "/");
		assert_string_equal(answer.next, "");
		assert_false(answer.life_said);
	}
}

/* clang-format off */
static struct row {
	const char *name, *element;
	enum access access;
} rows[] = {
	{"allowed", ABOUT(LOGIN, "Allowed", ""), ACCESS_GRANTED},
	{"allowed in other case of the action", ABOUT("microsoft.compute/VIRTUALMACHINES/login/Action", "Allowed", ""), ACCESS_GRANTED},
	{"allowed beside a deny assignment that is null", ABOUT(LOGIN, "Allowed", ",\"denyAssignment\":null"), ACCESS_GRANTED},
	{"allowed beside a deny assignment without a name", ABOUT(LOGIN, "Allowed", ",\"denyAssignment\":{}"), ACCESS_GRANTED},
	{"allowed with members that nobody knows", ABOUT(LOGIN, "Allowed", ",\"auditAssignments\":[],\"x\":{\"y\":7}"), ACCESS_GRANTED},
	{"not allowed", ABOUT(LOGIN, "NotAllowed", ""), ACCESS_MISSING},
	{"not allowed beside a role assignment", ABOUT(LOGIN, "NotAllowed", MINE), ACCESS_MISSING},
	{"denied", ABOUT(LOGIN, "Denied", ""), ACCESS_DENIED},
	{"denied beside a role assignment", ABOUT(LOGIN, "Denied", MINE), ACCESS_DENIED},
	{"unknown word", ABOUT(LOGIN, "Perhaps", ""), ACCESS_MISSING},
	{"allowed in other case", ABOUT(LOGIN, "ALLOWED", ""), ACCESS_MISSING},
	{"allowed with a blank", ABOUT(LOGIN, "Allowed ", ""), ACCESS_MISSING},
	{"empty word", ABOUT(LOGIN, "", ""), ACCESS_MISSING},
};
/* clang-format on */

static void is_read(void **state)
{
	const struct row *row = *state;
	struct checkaccess answer = {.page_count = 0};
	AUTO_BUF text = {0};
	struct err err = {0};

	buf_printf(&text, "[%s" NO_ADMIN "]", row->element);
	if (add(&answer, buf_text(&text), &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(answer.login.access, row->access);
	assert_int_equal(answer.admin.access, ACCESS_MISSING);
	if (row->access == ACCESS_MISSING)
		assert_string_equal(answer.login.id, "");
}

/* clang-format off */
static struct life {
	const char *name, *login, *admin;
	bool said;
	int64_t life_ms;
} lives[] = {
	{"life: of none", "", "", false, 0},
	{"life: null", ",\"timeToLiveInMs\":null", "", false, 0},
	{"life: of both", ",\"timeToLiveInMs\":300000", ",\"timeToLiveInMs\":20000", true, 20000},
	{"life: of both the other way", ",\"timeToLiveInMs\":20000", ",\"timeToLiveInMs\":300000", true, 20000},
	{"life: of one", "", ",\"timeToLiveInMs\":1", true, 1},
	{"life: nothing", ",\"timeToLiveInMs\":300000", ",\"timeToLiveInMs\":0", true, 0},
};
/* clang-format on */

static void lives_so_long(void **state)
{
	const struct life *row = *state;
	struct checkaccess answer = {.page_count = 0};
	AUTO_BUF text = {0};
	struct err err = {0};

	buf_printf(&text,
		   "[" ABOUT(LOGIN, "Allowed", "%s") "," ABOUT(LOGIN_AS_ADMIN, "Allowed", "%s") "]",
		   row->login, row->admin);
	assert_int_equal(add(&answer, buf_text(&text), &err), 0);
	assert_int_equal(answer.life_said, row->said);
	if (row->said)
		assert_int_equal(answer.life_ms, row->life_ms);
}

/* ---- pages */

static void an_answer_can_come_in_pages(void **state)
{
	struct checkaccess answer = {.page_count = 0};
	struct err err = {0};

	(void)state;
	assert_int_equal(add(&answer,
			     VALUE(ABOUT(LOGIN, "Allowed", ",\"timeToLiveInMs\":5"),
				   ",\"nextLink\":\"" BASE "/page2\""),
			     &err),
			 0);
	assert_string_equal(answer.next, BASE "/page2");
	assert_int_equal(checkaccess_whole(&answer, &err), -EBADMSG);
	assert_int_equal(reason_of(&err), REASON_BACKEND_MALFORMED);
	assert_int_equal(add(&answer, VALUE(ABOUT(LOGIN_AS_ADMIN, "Allowed", ""), ""), &err), 0);
	assert_string_equal(answer.next, "");
	assert_int_equal(checkaccess_whole(&answer, &err), 0);
	assert_int_equal(answer.life_ms, 5);
}

static void a_second_answer_on_another_page_is_a_contradiction(void **state)
{
	struct checkaccess answer = {.page_count = 0};
	struct err err = {0};

	(void)state;
	assert_int_equal(add(&answer, VALUE(ABOUT(LOGIN, "NotAllowed", ""), ""), &err), 0);
	assert_int_equal(add(&answer, VALUE(ABOUT(LOGIN, "Allowed", ""), ""), &err), -EBADMSG);
	assert_int_equal(answer.login.access, ACCESS_MISSING);
	assert_int_equal(answer.page_count, 1);
}

static void only_so_many_pages_are_read(void **state)
{
	struct checkaccess answer = {.page_count = 0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < CHECKACCESS_PAGES_MAX; i++)
		assert_int_equal(add(&answer, VALUE("", ",\"nextLink\":\"" BASE "/x\""), &err), 0);
	assert_int_equal(add(&answer, VALUE("", ""), &err), -EMSGSIZE);
	assert_int_equal(reason_of(&err), REASON_BACKEND_MALFORMED);
}

static void an_answer_must_be_whole(void **state)
{
	static const char *const parts[] = {"[]", VALUE("", ""),
					    "[" ABOUT(LOGIN, "Allowed", "") "]",
					    "[" ABOUT(LOGIN_AS_ADMIN, "Allowed", "") "]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct checkaccess answer = {.page_count = 0};
		struct err err = {0};

		assert_int_equal(add(&answer, parts[i], &err), 0);
		assert_int_equal(checkaccess_whole(&answer, &err), -EBADMSG);
	}
}

/* ---- other forms */

#define NEXT(url) VALUE(BOTH, ",\"nextLink\":" url)
#define TEN "[[[[[[[[[["
#define MANY TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

/* clang-format off */
static struct wrong {
	const char *name, *text;
} wrong[] = {
	{"empty", ""},
	{"no JSON", "<html>"},
	{"truncated", "[" BOTH},
	{"two documents", "[" BOTH "][]"},
	{"a text", "\"Allowed\""},
	{"null", "null"},
	{"no value", "{}"},
	{"value null", "{\"value\":null}"},
	{"value an object", "{\"value\":{}}"},
	{"value twice", "{\"value\":[],\"value\":[]}"},
	{"an error document", "{\"error\":{\"code\":\"x\"}}"},
	{"deep nesting", MANY},
	{"deep nesting in an element", "[{\"x\":" MANY},
	{"element null", "[null]"},
	{"element an array", "[[]]"},
	{"element a text", "[\"Allowed\"]"},
	{"no action", "[{\"isDataAction\":true,\"accessDecision\":\"Allowed\"}]"},
	{"action a number", "[{\"actionId\":7,\"isDataAction\":true,\"accessDecision\":\"Allowed\"}]"},
	{"an action that was not asked about", "[" ABOUT("Microsoft.Compute/virtualMachines/read", "Allowed", "") "]"},
	{"an action with a wildcard", "[" ABOUT("Microsoft.Compute/virtualMachines/*", "Allowed", "") "]"},
	{"an action of another kind of machine", "[" ABOUT("Microsoft.HybridCompute/machines/login/action", "Allowed", "") "]"},
	{"a third action", "[" BOTH "," ABOUT("x", "Allowed", "") "]"},
	{"an action of the control plane", "[{\"actionId\":\"" LOGIN "\",\"isDataAction\":false,\"accessDecision\":\"Allowed\"}]"},
	{"an action of no plane", "[{\"actionId\":\"" LOGIN "\",\"accessDecision\":\"Allowed\"}]"},
	{"a plane that is text", "[{\"actionId\":\"" LOGIN "\",\"isDataAction\":\"true\",\"accessDecision\":\"Allowed\"}]"},
	{"answered twice, alike", "[" ABOUT(LOGIN, "Allowed", "") "," ABOUT(LOGIN, "Allowed", "") "]"},
	{"answered twice, in other case", "[" ABOUT(LOGIN, "Allowed", "") "," ABOUT("MICROSOFT.Compute/virtualMachines/login/action", "Allowed", "") "]"},
	{"answered twice, in contradiction", "[" ABOUT(LOGIN, "NotAllowed", "") "," ABOUT(LOGIN, "Allowed", "") "]"},
	{"a decision twice in one element", "[{\"actionId\":\"" LOGIN "\",\"isDataAction\":true,\"accessDecision\":\"NotAllowed\",\"accessDecision\":\"Allowed\"}]"},
	{"no decision", "[{\"actionId\":\"" LOGIN "\",\"isDataAction\":true}]"},
	{"decision true", "[{\"actionId\":\"" LOGIN "\",\"isDataAction\":true,\"accessDecision\":true}]"},
	{"allowed beside a deny assignment", "[" ABOUT(LOGIN, "Allowed", DENIAL) "]"},
	{"a role assignment that is text", "[" ABOUT(LOGIN, "Allowed", ",\"roleAssignment\":\"x\"") "]"},
	{"a deny assignment that is an array", "[" ABOUT(LOGIN, "Denied", ",\"denyAssignment\":[]") "]"},
	{"an assignment of a number", "[" ABOUT(LOGIN, "Allowed", ",\"roleAssignment\":{\"id\":7}") "]"},
	{"an assignment that forges lines", "[" ABOUT(LOGIN, "Allowed", ",\"roleAssignment\":{\"id\":\"a\\nb\"}") "]"},
	{"a scope that forges columns", "[" ABOUT(LOGIN, "Allowed", ",\"roleAssignment\":{\"scope\":\"a\\tb\"}") "]"},
	{"a life that is negative", "[" ABOUT(LOGIN, "Allowed", ",\"timeToLiveInMs\":-1") "]"},
	{"a life that is text", "[" ABOUT(LOGIN, "Allowed", ",\"timeToLiveInMs\":\"60000\"") "]"},
	{"a life with a fraction", "[" ABOUT(LOGIN, "Allowed", ",\"timeToLiveInMs\":0.5") "]"},
	{"a life beyond all numbers", "[" ABOUT(LOGIN, "Allowed", ",\"timeToLiveInMs\":99999999999999999999") "]"},
	{"good before bad", "[" BOTH ",7]"},
	{"nextLink to another host", NEXT("\"https://evil.example/x\"")},
	{"nextLink to another region", NEXT("\"https://northeurope.authorization.azure.net/x\"")},
	{"nextLink to a longer host", NEXT("\"" BASE ".evil.example/x\"")},
	{"nextLink without TLS", NEXT("\"http://westeurope.authorization.azure.net/x\"")},
	{"nextLink with a user", NEXT("\"https://westeurope.authorization.azure.net@evil.example/x\"")},
	{"nextLink with a user before the host", NEXT("\"https://u@westeurope.authorization.azure.net/x\"")},
	{"nextLink to another port", NEXT("\"" BASE ":8443/x\"")},
	{"nextLink without a host", NEXT("\"/x\"")},
	{"nextLink a number", NEXT("7")},
};
/* clang-format on */

static void is_refused_whole(void **state)
{
	const struct wrong *row = *state;
	struct checkaccess answer = {.page_count = 0};
	struct err err = {0};

	assert_int_equal(add(&answer, row->text, &err), -EBADMSG);
	assert_int_equal(err.reason, REASON_BACKEND_MALFORMED);
	assert_int_equal(answer.login.access, ACCESS_UNANSWERED);
	assert_int_equal(answer.admin.access, ACCESS_UNANSWERED);
	assert_int_equal(answer.page_count, 0);
}

static void a_long_reply_is_refused(void **state)
{
	AUTO_FREE char *text = malloc(CHECKACCESS_REPLY_MAX + 1);
	struct span whole = {(unsigned char *)text, CHECKACCESS_REPLY_MAX + 1};
	struct checkaccess answer = {.page_count = 0};
	struct err err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, ' ', CHECKACCESS_REPLY_MAX + 1);
	memcpy(text, "[]", strlen("[]"));
	assert_int_equal(checkaccess_add(&answer, whole, VM, BASE, &err), -EMSGSIZE);
	whole.len--;
	assert_int_equal(checkaccess_add(&answer, whole, VM, BASE, &err), 0);
}

static void a_long_name_is_refused(void **state)
{
	char name[ROLES_TEXT_MAX + 2] = "";

	(void)state;
	memset(name, 'a', ROLES_TEXT_MAX + 1);
	for (int extra = 1; extra >= 0; extra--) {
		struct checkaccess answer = {.page_count = 0};
		AUTO_BUF text = {0};
		struct err err = {0};

		name[ROLES_TEXT_MAX + extra] = '\0';
		buf_printf(&text,
			   "[" ABOUT(LOGIN, "Allowed", ",\"roleAssignment\":{\"id\":\"%s\"}") "]",
			   name);
		assert_int_equal(add(&answer, buf_text(&text), &err), extra ? -EBADMSG : 0);
	}
}

static struct CMUnitTest row_test(const char *name, CMUnitTestFunction test, void *row)
{
	return (struct CMUnitTest){.name = name, .test_func = test, .initial_state = row};
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(resource_manager_is_asked_at_the_machine),
		cmocka_unit_test(the_region_is_asked_with_a_token_for_all_regions),
		cmocka_unit_test(a_service_that_is_not_configured_is_not_asked),
		cmocka_unit_test(both_data_actions_are_asked_about_at_once),
		cmocka_unit_test(a_resource_cannot_forge_the_question),
		cmocka_unit_test(a_resource_that_is_no_text_is_not_asked_about),
		cmocka_unit_test(an_answer_tells_decision_assignment_and_scope),
		cmocka_unit_test(an_answer_can_come_in_pages),
		cmocka_unit_test(a_second_answer_on_another_page_is_a_contradiction),
		cmocka_unit_test(only_so_many_pages_are_read),
		cmocka_unit_test(an_answer_must_be_whole),
		cmocka_unit_test(a_long_reply_is_refused),
		cmocka_unit_test(a_long_name_is_refused),
	};
	struct CMUnitTest list[ARRAY_LEN(rows) + ARRAY_LEN(lives) + ARRAY_LEN(wrong)] = {
		{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[n++] = row_test(rows[i].name, is_read, &rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(lives); i++)
		list[n++] = row_test(lives[i].name, lives_so_long, &lives[i]);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		list[n++] = row_test(wrong[i].name, is_refused_whole, &wrong[i]);
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
