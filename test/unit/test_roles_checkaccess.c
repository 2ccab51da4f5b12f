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

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/backend.h"
#include "payload/login/places.h"
#include "test/unit/fakearm.h"

#define PDP "https://westeurope.authorization.example"
#define LOGIN "Microsoft.Compute/virtualMachines/login/action"
#define LOGIN_AS_ADMIN "Microsoft.Compute/virtualMachines/loginAsAdmin/action"
#define ABOUT(action, decision, more)                                                              \
	"{\"actionId\":\"" action "\",\"isDataAction\":true,\"accessDecision\":\"" decision        \
	"\"" more "}"
#define MINE                                                                                       \
	",\"roleAssignment\":{\"id\":\"/a/1\",\"scope\":\"/subscriptions/s\"},"                    \
	"\"timeToLiveInMs\":300000"
#define VALUE(elements) "{\"value\":[" elements "]}"
#define NEXT(elements, url) "{\"value\":[" elements "],\"nextLink\":\"" url "\"}"
#define USER ABOUT(LOGIN, "Allowed", MINE) "," ABOUT(LOGIN_AS_ADMIN, "NotAllowed", "")
#define ADMIN ABOUT(LOGIN, "Allowed", MINE) "," ABOUT(LOGIN_AS_ADMIN, "Allowed", MINE)

/* Each test is played with both backends. */
static struct kind {
	const char *name, *conf, *path, *url, *resource; /* resource: of the token, escaped */
} kinds[] = {
	{"checkaccess", "role_backend checkaccess\n", "/checkaccess?",
	 FAKELOGIN_ARM FAKELOGIN_RESOURCE
	 "/providers/Microsoft.Authorization/checkaccess?api-version=2018-09-01-preview",
	 "resource=https%3A%2F%2Farm.example%2F"},
	{"pdp", "role_backend pdp\npdp " PDP "\n", "/checkAccess?",
	 PDP "/providers/Microsoft.Authorization/checkAccess?api-version=2021-06-01-preview",
	 "resource=https%3A%2F%2Fauthorization.example%2F"},
};

static const struct kind *kind;

static int set_up(void **state)
{
	struct fakelogin *fake = fakelogin_new();

	kind = *state;
	fakelogin_conf(fake, kind->conf);
	fakearm_usual(fake);
	*state = fake;
	return 0;
}

static void one_request_asks_about_both_actions_at_our_resource(void **state)
{
	struct fakelogin *fake = *state;
	const struct fake_shared *shared = fake->shared;

	fakearm_reply(fake, kind->path, "[" USER "]");
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_MISSING);
	assert_string_equal(shared->last_url, kind->url);
	assert_memory_equal(shared->last_header, "Authorization: Bearer ", 22);
	assert_non_null(strstr(shared->last_body, "\"ObjectId\":\"" CERTMAKE_OID "\""));
	assert_non_null(strstr(shared->last_body, "\"Id\":\"" FAKELOGIN_RESOURCE "\""));
	assert_non_null(strstr(shared->last_body, LOGIN));
	assert_non_null(strstr(shared->last_body, LOGIN_AS_ADMIN));
	assert_int_equal(shared->requests, 2); /* the token too */
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_MISSING);
	assert_int_equal(shared->requests, 3);
}

static void the_token_is_for_the_service_that_is_asked(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_rule(fake, (struct fake_rule){kind->resource, 500, 0, "", -1, -1, 0});
	assert_int_equal(fakearm_refused(fake), REASON_TOKEN_UNAVAILABLE);
	assert_true(fakelogin_hits(fake, kind->resource) > 0);
}

static void either_shape_is_understood(void **state)
{
	struct fakelogin *fake = *state;
	struct decision decision;
	struct err err = {0};

	fakearm_reply(fake, kind->path, VALUE(ADMIN));
	assert_int_equal(fakearm_ask(fake, &decision, &err), 0);
	assert_int_equal(decision.admin.kind, VERDICT_GRANTED);
	assert_string_equal(decision.admin.id, "/a/1");
	assert_string_equal(decision.admin.scope, "/subscriptions/s");
	assert_int_equal(decision.life_ms, DECISION_LIFE_MS);
}

static void a_denial_is_told_with_its_assignment(void **state)
{
	struct fakelogin *fake = *state;
	struct decision decision;
	struct err err = {0};

	fakearm_reply(fake, kind->path,
		      "[" ABOUT(LOGIN, "Allowed", "") "," ABOUT(
			      LOGIN_AS_ADMIN, "Denied",
			      ",\"denyAssignment\":{\"id\":\"/d/1\",\"scope\":\"/\"}") "]");
	assert_int_equal(fakearm_ask(fake, &decision, &err), 0);
	assert_int_equal(decision.login.kind, VERDICT_GRANTED);
	assert_int_equal(decision.admin.kind, VERDICT_DENIED);
	assert_string_equal(decision.admin.id, "/d/1");
}

static void a_decision_lives_as_long_as_the_service_says(void **state)
{
	struct fakelogin *fake = *state;
	struct decision decision;
	struct err err = {0};

	fakearm_reply(fake, kind->path,
		      "[" ABOUT(LOGIN, "Allowed", ",\"timeToLiveInMs\":5000") "," ABOUT(
			      LOGIN_AS_ADMIN, "Allowed", ",\"timeToLiveInMs\":300000") "]");
	assert_int_equal(fakearm_ask(fake, &decision, &err), 0);
	assert_int_equal(decision.life_ms, 5000);
}

/* ---- pages */

static char next_page[256];

static void reply_in_pages(struct fakelogin *fake, const char *where)
{
	static char body[1024];

	(void)snprintf(next_page, sizeof(next_page), "%s", where);
	(void)snprintf(body, sizeof(body), NEXT(ABOUT(LOGIN, "Allowed", ""), "%s"), where);
	fakearm_reply(fake, kind->path, body);
}

static const char *here(const char *path)
{
	static char url[256];
	int len = (int)strcspn(kind->url + strlen("https://"), "/") + (int)strlen("https://");

	(void)snprintf(url, sizeof(url), "%.*s%s", len, kind->url, path);
	return url;
}

static void every_page_is_read(void **state)
{
	struct fakelogin *fake = *state;

	reply_in_pages(fake, here("/page2"));
	fakearm_reply(fake, "/page2", VALUE(ABOUT(LOGIN_AS_ADMIN, "Allowed", "")));
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	assert_string_equal(fake->shared->last_url, next_page);
	assert_string_equal(fake->shared->last_body, "");
}

static void a_page_that_is_missing_is_no_answer(void **state)
{
	struct fakelogin *fake = *state;

	reply_in_pages(fake, here("/page2"));
	fakelogin_rule(fake, (struct fake_rule){"/page2", 404, 0, "", -1, -1, 0});
	assert_int_equal(fakearm_refused(fake), REASON_BACKEND_MALFORMED);
}

static void pages_without_end_are_refused(void **state)
{
	struct fakelogin *fake = *state;
	static char body[512];

	reply_in_pages(fake, here("/page2"));
	(void)snprintf(body, sizeof(body), NEXT("", "%s"), next_page);
	fakearm_reply(fake, "/page2", body);
	assert_int_equal(fakearm_refused(fake), REASON_BACKEND_MALFORMED);
	assert_true(fakelogin_hits(fake, "/page2") < 8);
}

static void a_page_elsewhere_is_not_asked_for(void **state)
{
	struct fakelogin *fake = *state;

	reply_in_pages(fake, "https://evil.example/page2");
	assert_int_equal(fakearm_refused(fake), REASON_BACKEND_MALFORMED);
	assert_null(strstr(fake->shared->last_url, "evil"));
}

/* ---- what else the service can say */

struct reply {
	const char *name;
	int status, error;
	const char *body;
	int64_t retry_after_s;
	int times;
	enum reason reason;
	int requests;
};

static struct reply replies[] = {
	{"403: the identity may not ask", 403, 0, "", -1, 0, REASON_BACKEND_REFUSED, 1},
	{"401 with a new token", 401, 0, "", -1, 0, REASON_BACKEND_REFUSED, 1},
	{"404: no such service", 404, 0, "", -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"400: no such question", 400, 0, "", -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"302: somebody in between", 302, 0, "", -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"204: nothing", 204, 0, "", -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"500 three times", 500, 0, "", -1, 0, REASON_BACKEND_UNREACHABLE, 3},
	{"503 once", 503, 0, "", -1, 1, REASON_NONE, 1},
	{"429 twice", 429, 0, "", -1, 2, REASON_NONE, 2},
	{"429 twice that says when", 429, 0, "", 1, 2, REASON_NONE, 2},
	{"429 that asks for more patience than there is", 429, 0, "", 60, 0,
	 REASON_BACKEND_UNREACHABLE, 1},
	{"no connection", 0, ECONNREFUSED, NULL, -1, 0, REASON_BACKEND_UNREACHABLE, 3},
	{"a timeout once", 0, ETIMEDOUT, NULL, -1, 1, REASON_NONE, 1},
	{"cut off in the middle", 0, EIO, NULL, -1, 0, REASON_BACKEND_UNREACHABLE, 3},
	{"another's certificate", 0, EPROTO, NULL, -1, 0, REASON_BACKEND_UNREACHABLE, 3},
	{"too many bytes", 0, EMSGSIZE, NULL, -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"no JSON", 200, 0, "<html>", -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"nothing at all", 200, 0, "", -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"half of the answer", 200, 0, "[" ABOUT(LOGIN, "Allowed", "") "]", -1, 0,
	 REASON_BACKEND_MALFORMED, 1},
	{"half of the JSON", 200, 0, "[" USER, -1, 0, REASON_BACKEND_MALFORMED, 1},
	{"an answer twice", 200, 0, "[" USER "," USER "]", -1, 0, REASON_BACKEND_MALFORMED, 1},
};

static void reply(void **state)
{
	const struct reply *row = *state;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct fakelogin *fake;
		void *scene = &kinds[i];

		assert_int_equal(set_up(&scene), 0);
		fake = scene;
		fakearm_reply(fake, kind->path, "[" ADMIN "]");
		fakelogin_rule(fake,
			       (struct fake_rule){kind->path, row->status, row->error, row->body,
						  -1, row->retry_after_s, row->times});
		fakelogin_sys(fake)->deadline_ns = FAKELOGIN_BOOT_NS + 14 * 1000000000ll;
		if (row->reason)
			assert_int_equal(fakearm_refused(fake), row->reason);
		else
			fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
		assert_int_equal(fake->shared->hits[0], row->requests);
		fakelogin_free(fake);
	}
}

static void a_kept_token_that_is_refused_is_replaced_once(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_reply(fake, kind->path, "[" USER "]");
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_MISSING);
	fakelogin_rule(fake, (struct fake_rule){kind->path, 401, 0, "", -1, -1, 1});
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_MISSING);
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 2);
}

static void without_a_resource_nobody_is_asked(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};

	buf_printf(&text, "tenant " CERTMAKE_TID "\nresource_manager " FAKELOGIN_ARM "\n%s",
		   kind->conf);
	scratch_write(&fake->scratch, CONF_PATH, buf_text(&text), 0644);
	assert_int_equal(fakearm_refused(fake), REASON_NOT_CONFIGURED);
	assert_int_equal(fake->shared->requests, 0);
}

#define T(name)                                                                                    \
	{                                                                                          \
#name, name                                                                        \
	}

static const struct {
	const char *name;
	CMUnitTestFunction test;
} scenes[] = {
	T(one_request_asks_about_both_actions_at_our_resource),
	T(the_token_is_for_the_service_that_is_asked),
	T(either_shape_is_understood),
	T(a_denial_is_told_with_its_assignment),
	T(a_decision_lives_as_long_as_the_service_says),
	T(every_page_is_read),
	T(a_page_that_is_missing_is_no_answer),
	T(pages_without_end_are_refused),
	T(a_page_elsewhere_is_not_asked_for),
	T(a_kept_token_that_is_refused_is_replaced_once),
	T(without_a_resource_nobody_is_asked),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(scenes)] = {{.name = NULL}};
	struct CMUnitTest list[ARRAY_LEN(replies)] = {{.name = NULL}};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		for (size_t j = 0; j < ARRAY_LEN(scenes); j++)
			tests[j] = (struct CMUnitTest){scenes[j].name, scenes[j].test, set_up,
						       fakelogin_teardown, &kinds[i]};
		failed += cmocka_run_group_tests_name(kinds[i].name, tests, NULL, NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(replies); i++)
		list[i] = (struct CMUnitTest){
			.name = replies[i].name, .test_func = reply, .initial_state = &replies[i]};
	return cmocka_run_group_tests_name("replies", list, NULL, NULL) || failed;
}
