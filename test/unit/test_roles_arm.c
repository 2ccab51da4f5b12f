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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/http.h"
#include "lib/sys/lock.h"
#include "payload/login/backend.h"
#include "payload/login/places.h"
#include "test/unit/fakearm.h"

/* As in a process of its own, where cmocka's assertions have no place. */
static int ask_both(struct fakelogin *fake)
{
	struct decision decision;
	struct err err = {0};
	int r = fakearm_ask(fake, &decision, &err);

	return r < 0 || decision.login.kind != VERDICT_GRANTED ||
			       decision.admin.kind != VERDICT_GRANTED
		       ? -1
		       : 0;
}

static void nobody_is_granted_anything_without_a_role(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
}

static void the_users_role_grants_the_login_alone(void **state)
{
	struct fakelogin *fake = *state;
	struct decision decision;
	struct err err = {0};

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_USER);
	assert_int_equal(fakearm_ask(fake, &decision, &err), 0);
	assert_int_equal(decision.login.kind, VERDICT_GRANTED);
	assert_int_equal(decision.admin.kind, VERDICT_MISSING);
	assert_string_equal(decision.login.scope, FAKELOGIN_RESOURCE);
	assert_non_null(strstr(decision.login.id, "/roleAssignments/"));
}

static void the_administrators_role_grants_both(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
}

static void a_deny_assignment_wins(void **state)
{
	struct fakelogin *fake = *state;
	struct decision decision;
	struct err err = {0};

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakearm_reply(fake, "denyAssignments", FAKEARM_DENY_ADMIN);
	assert_int_equal(fakearm_ask(fake, &decision, &err), 0);
	assert_int_equal(decision.login.kind, VERDICT_GRANTED);
	assert_int_equal(decision.admin.kind, VERDICT_DENIED);
	assert_string_equal(decision.admin.id, "/d/1");
}

static void with_a_token_two_round_trips_do(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	(void)fs_remove(fakelogin_sys(fake), CACHE_DIR "/role-" FAKEARM_ADMIN, &(struct err){0});
	fake->shared->batches = 0;
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	assert_int_equal(fake->shared->batches, 2);
}

static void known_definitions_are_not_asked_for_again(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	fake->shared->batches = 0;
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	assert_int_equal(fake->shared->batches, 1);
	fake->shared->realtime_s += 3600;
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	assert_int_equal(fake->shared->batches, 3);
}

/* ---- one process asks for a definition, the others find it */

#define LOCK CACHE_DIR "/role.lock"

static int other_lock = -1;
static char *other_definition;

static void take_lock(struct fakelogin *fake)
{
	struct err err = {0};

	other_lock = lock_take(fakelogin_sys(fake), LOCK, "a test", 0, &err);
	assert_true(other_lock >= 0);
}

static void the_other_is_done(struct fakelogin *fake)
{
	scratch_write(&fake->scratch, CACHE_DIR "/role-" FAKEARM_ADMIN, other_definition, 0600);
	assert_int_equal(close(other_lock), 0);
	fake->on_sleep = NULL;
}

static void a_definition_that_another_asks_for_is_waited_for(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	other_definition = fakelogin_text(fake, CACHE_DIR "/role-" FAKEARM_ADMIN);
	(void)fs_remove(fakelogin_sys(fake), CACHE_DIR "/role-" FAKEARM_ADMIN, &(struct err){0});
	take_lock(fake);
	fake->on_sleep = the_other_is_done;
	assert_int_equal(ask_both(fake), 0);
	assert_int_equal(fakelogin_hits(fake, "/roleDefinitions/" FAKEARM_ADMIN), 1);
	free(other_definition);
}

static void who_waits_too_long_for_another_asks_himself(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	take_lock(fake);
	assert_int_equal(ask_both(fake), 0);
	assert_int_equal(fake->shared->slept_ms, 6000);
	assert_int_equal(fakelogin_hits(fake, "/roleDefinitions/" FAKEARM_ADMIN), 1);
	assert_int_equal(close(other_lock), 0);
}

static void waiting_for_another_leaves_time_for_a_request(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	take_lock(fake);
	fakelogin_sys(fake)->deadline_ns = FAKELOGIN_BOOT_NS + 3000 * 1000000ll;
	assert_int_equal(ask_both(fake), 0);
	assert_int_equal(fake->shared->slept_ms, 1500);
	assert_int_equal(close(other_lock), 0);
}

static void a_lock_that_cannot_be_had_keeps_nobody_out(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	scratch_mkdir(&fake->scratch, LOCK, 0700);
	assert_int_equal(ask_both(fake), 0);
	assert_int_equal(fake->shared->slept_ms, 0);
}

static int (*quick_http)(struct sys *sys, const struct http_request *requests, size_t count,
			 struct http_response *ret, struct err *err);

static int slow_http(struct sys *sys, const struct http_request *requests, size_t count,
		     struct http_response *ret, struct err *err)
{
	(void)usleep(20000);
	return quick_http(sys, requests, count, ret, err);
}

/* As long as the clock says: a busy machine must not look like one whose patience ended. */
static void pause_really(struct fakelogin *fake)
{
	(void)fake;
	(void)usleep(100000);
}

/* With clock and counters of its own.  Returns how often it asked for a definition, 99 on failure.
 */
static int ask_in_child(struct fakelogin *fake, int gate)
{
	struct fake_shared own = *fake->shared;
	char byte;

	fake->shared = &own;
	fake->on_sleep = pause_really;
	quick_http = fake->scratch.ops.http;
	fake->scratch.ops.http = slow_http;
	if (read(gate, &byte, 1) != 0 || ask_both(fake) < 0)
		return 99;
	return fakelogin_hits(fake, "/roleDefinitions/" FAKEARM_ADMIN);
}

static void many_processes_ask_for_a_definition_once(void **state)
{
	struct fakelogin *fake = *state;
	pid_t pids[16];
	int gate[2], status, asked = 0;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	assert_int_equal(pipe(gate), 0);
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			(void)close(gate[1]);
			_exit(ask_in_child(fake, gate[0]));
		}
	}
	assert_int_equal(close(gate[1]), 0); /* opens it */
	for (size_t i = 0; i < ARRAY_LEN(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		asked += WEXITSTATUS(status);
	}
	assert_int_equal(close(gate[0]), 0);
	assert_int_equal(asked, 1);
}

static void a_kept_definition_of_another_role_is_not_used(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_USER);
	/* The service answers with another role than the one that was asked for. */
	fakearm_reply(fake, "roleDefinitions/" FAKEARM_USER, fakearm_admin_definition);
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	assert_false(fs_exists(fakelogin_sys(fake), CACHE_DIR "/role-" FAKEARM_USER));
}

static void a_role_that_is_gone_grants_nothing(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_USER);
	fakelogin_rule(fake, (struct fake_rule){"roleDefinitions/", 404, 0, "", -1, -1, 0});
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
}

static void every_page_is_read(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_reply(fake, "roleAssignments",
		      "{\"value\":[],\"nextLink\":\"" FAKELOGIN_ARM "/page2\"}");
	fakearm_reply(fake, "/page2", "{\"value\":[],\"nextLink\":\"" FAKELOGIN_ARM "/page3\"}");
	fakearm_assign_at(fake, "/page3", FAKEARM_USER);
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_MISSING);
}

static void a_deny_on_a_later_page_wins(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakearm_reply(fake, "denyAssignments",
		      "{\"value\":[],\"nextLink\":\"" FAKELOGIN_ARM "/page2\"}");
	fakearm_reply(fake, "/page2", FAKEARM_DENY_ADMIN);
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_DENIED);
}

static void pages_without_end_are_refused(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_reply(fake, "roleAssignments",
		      "{\"value\":[],\"nextLink\":\"" FAKELOGIN_ARM "/roleAssignments\"}");
	assert_int_equal(fakearm_refused(fake), REASON_BACKEND_MALFORMED);
	assert_true(fake->shared->requests < 600);
}

static void a_page_elsewhere_is_not_asked_for(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_reply(fake, "roleAssignments",
		      "{\"value\":[],\"nextLink\":\"https://evil.example/page2\"}");
	assert_int_equal(fakearm_refused(fake), REASON_BACKEND_MALFORMED);
	assert_null(strstr(fake->shared->last_url, "evil"));
}

static void the_account_is_asked_about_at_our_resource(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	assert_string_equal(fake->shared->last_url, FAKELOGIN_ARM FAKELOGIN_RESOURCE
			    "/providers/Microsoft.Authorization/denyAssignments"
			    "?api-version=2022-04-01&$filter=assignedTo('" CERTMAKE_OID "')");
	assert_memory_equal(fake->shared->last_header, "Authorization: Bearer ", 22);
}

/* ---- a machine of Arc */

#define ARC "/subscriptions/s/resourceGroups/web/providers/Microsoft.HybridCompute/machines/m-1"
#define ARC_DEFINITION                                                                             \
	"{\"name\":\"" FAKEARM_USER "\",\"properties\":{\"permissions\":[{\"dataActions\":["       \
	"\"Microsoft.HybridCompute/machines/login/action\"]}]}}"

static void make_arc(struct fakelogin *fake)
{
	scratch_write(&fake->scratch, CONF_PATH,
		      "tenant " CERTMAKE_TID "\nresource_manager " FAKELOGIN_ARM
		      "\nresource_id " ARC "\n",
		      0644);
	fakearm_usual(fake);
	fakearm_reply(fake, "/roleAssignments",
		      "{\"value\":[{\"id\":\"/a/1\",\"properties\":{\"scope\":\"" ARC "\","
		      "\"roleDefinitionId\":\"/roleDefinitions/" FAKEARM_USER "\","
		      "\"principalId\":\"" CERTMAKE_OID "\",\"principalType\":\"User\"}}]}");
}

static void a_machine_of_arc_has_its_own_actions(void **state)
{
	struct fakelogin *fake = *state;

	make_arc(fake);
	fakearm_reply(fake, "roleDefinitions/" FAKEARM_USER, ARC_DEFINITION);
	fakearm_expect(fake, VERDICT_GRANTED, VERDICT_MISSING);
}

static void an_action_on_virtual_machines_is_none_on_arc(void **state)
{
	struct fakelogin *fake = *state;

	make_arc(fake);
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
}

static void letters_that_a_url_has_not_are_escaped(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, CONF_PATH,
		      "tenant " CERTMAKE_TID "\nresource_manager " FAKELOGIN_ARM
		      "\nresource_id /subscriptions/s/resourceGroups/m\xc3\xbcll(1)\n",
		      0644);
	fakearm_usual(fake);
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	assert_non_null(strstr(fake->shared->last_url, "/resourceGroups/m%C3%BCll(1)/providers"));
}

/* ---- how long it may be kept */

struct age {
	const char *name;
	int64_t assignments_s, denies_s; /* max-age of the lists, -1: not said */
	int64_t life_ms;
};

static struct age ages[] = {
	{"nothing said: a minute", -1, -1, 60000},   {"more said than a minute", 3600, 3600, 60000},
	{"less for the assignments", 20, -1, 20000}, {"less for the denials", 30, 10, 10000},
	{"nothing may be kept", 0, 60, 0},
};

static void is_kept(void **state)
{
	const struct age *row = *state;
	struct fakelogin *fake = fakelogin_new();
	struct decision decision;
	struct err err = {0};

	fakearm_usual(fake);
	fakelogin_rule(fake, (struct fake_rule){"roleAssignments", 200, 0, "{\"value\":[]}",
						row->assignments_s, -1, 0});
	fakelogin_rule(fake, (struct fake_rule){"denyAssignments", 200, 0, "{\"value\":[]}",
						row->denies_s, -1, 0});
	assert_int_equal(fakearm_ask(fake, &decision, &err), 0);
	assert_int_equal(decision.life_ms, row->life_ms);
	fakelogin_free(fake);
}

/* ---- what else the service can say */

struct reply {
	const char *name;
	struct fake_rule rule;
	enum reason reason;
	int requests; /* that match the rule */
};

static struct reply replies[] = {
	{"403: the identity may not read",
	 {"roleAssignments", 403, 0, "", -1, -1, 0},
	 REASON_BACKEND_REFUSED,
	 1},
	{"403 for deny assignments",
	 {"denyAssignments", 403, 0, "", -1, -1, 0},
	 REASON_BACKEND_REFUSED,
	 1},
	{"403 for a definition",
	 {"roleDefinitions", 403, 0, "", -1, -1, 0},
	 REASON_BACKEND_REFUSED,
	 1},
	{"404: no such resource",
	 {"roleAssignments", 404, 0, "", -1, -1, 0},
	 REASON_BACKEND_MALFORMED,
	 1},
	{"302: somebody in between",
	 {"roleAssignments", 302, 0, "", -1, -1, 0},
	 REASON_BACKEND_MALFORMED,
	 1},
	{"500 three times",
	 {"roleAssignments", 500, 0, "", -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE,
	 3},
	{"500 once", {"roleAssignments", 500, 0, "", -1, -1, 1}, REASON_NONE, 1},
	{"429 twice", {"denyAssignments", 429, 0, "", -1, 1, 2}, REASON_NONE, 2},
	{"429 that asks for more patience than there is",
	 {"denyAssignments", 429, 0, "", -1, 60, 0},
	 REASON_BACKEND_UNREACHABLE,
	 1},
	{"no connection",
	 {"denyAssignments", 0, ECONNREFUSED, NULL, -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE,
	 3},
	{"a timeout once", {"roleDefinitions", 0, ETIMEDOUT, NULL, -1, -1, 1}, REASON_NONE, 1},
	{"429 twice that does not say when",
	 {"roleAssignments", 429, 0, "", -1, -1, 2},
	 REASON_NONE,
	 2},
	{"429 for ever for a definition",
	 {"roleDefinitions", 429, 0, "", -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE,
	 3},
	{"502 for ever for a definition",
	 {"roleDefinitions", 502, 0, "", -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE,
	 3},
	{"timeouts without end",
	 {"denyAssignments", 0, ETIMEDOUT, NULL, -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE,
	 3},
	{"cut off in the middle",
	 {"roleAssignments", 0, EIO, NULL, -1, -1, 0},
	 REASON_BACKEND_UNREACHABLE,
	 3},
	{"half of the JSON",
	 {"denyAssignments", 200, 0, "{\"value\":[", -1, -1, 0},
	 REASON_BACKEND_MALFORMED,
	 1},
	{"too many bytes",
	 {"roleAssignments", 0, EMSGSIZE, NULL, -1, -1, 0},
	 REASON_BACKEND_MALFORMED,
	 1},
	{"no JSON", {"roleAssignments", 200, 0, "<html>", -1, -1, 0}, REASON_BACKEND_MALFORMED, 1},
	{"no list", {"denyAssignments", 200, 0, "{}", -1, -1, 0}, REASON_BACKEND_MALFORMED, 1},
	{"no definition",
	 {"roleDefinitions", 200, 0, "{}", -1, -1, 0},
	 REASON_BACKEND_MALFORMED,
	 1},
};

static void reply(void **state)
{
	const struct reply *row = *state;
	struct fakelogin *fake = fakelogin_new();

	fakearm_usual(fake);
	fakearm_assign(fake, FAKEARM_ADMIN);
	fakelogin_rule(fake, row->rule);
	fakelogin_sys(fake)->deadline_ns = FAKELOGIN_BOOT_NS + 14 * 1000000000ll;
	if (row->reason)
		assert_int_equal(fakearm_refused(fake), row->reason);
	else
		fakearm_expect(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	assert_int_equal(fakelogin_hits(fake, row->rule.url), row->requests);
	fakelogin_free(fake);
}

static void a_retry_waits_as_long_as_it_is_asked_to(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakelogin_rule(fake, (struct fake_rule){"denyAssignments", 429, 0, "", -1, 3, 1});
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	assert_int_equal(fake->shared->slept_ms, 3000);
}

/* ---- the token */

static void a_token_that_was_withdrawn_is_replaced_once(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	fakelogin_rule(fake, (struct fake_rule){"roleAssignments", 401, 0, "", -1, -1, 1});
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 2);
	fakelogin_rule(fake, (struct fake_rule){"roleAssignments", 401, 0, "", -1, -1, 0});
	assert_int_equal(fakearm_refused(fake), REASON_BACKEND_REFUSED);
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 3);
}

/* What a token of an identity that is gone gets. */
static void a_kept_token_that_may_not_read_is_replaced_too(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	fakelogin_rule(fake, (struct fake_rule){"roleAssignments", 403, 0, "", -1, -1, 1});
	fakearm_expect(fake, VERDICT_MISSING, VERDICT_MISSING);
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 2);
}

static void a_new_token_that_is_refused_is_not_replaced(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	fakelogin_rule(fake, (struct fake_rule){"roleAssignments", 401, 0, "", -1, -1, 0});
	assert_int_equal(fakearm_refused(fake), REASON_BACKEND_REFUSED);
	assert_int_equal(fakelogin_hits(fake, "/oauth2/token"), 1);
}

static void without_a_resource_nobody_is_asked(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, CONF_PATH,
		      "tenant " CERTMAKE_TID "\nresource_manager " FAKELOGIN_ARM "\n", 0644);
	assert_int_equal(fakearm_refused(fake), REASON_NOT_CONFIGURED);
	scratch_write(&fake->scratch, CONF_PATH, "resource_id " FAKELOGIN_RESOURCE "\n", 0644);
	assert_int_equal(fakearm_refused(fake), REASON_NOT_CONFIGURED);
	assert_int_equal(fake->shared->requests, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(nobody_is_granted_anything_without_a_role),
		T(the_users_role_grants_the_login_alone),
		T(the_administrators_role_grants_both),
		T(a_deny_assignment_wins),
		T(with_a_token_two_round_trips_do),
		T(known_definitions_are_not_asked_for_again),
		T(a_definition_that_another_asks_for_is_waited_for),
		T(who_waits_too_long_for_another_asks_himself),
		T(waiting_for_another_leaves_time_for_a_request),
		T(a_lock_that_cannot_be_had_keeps_nobody_out),
		T(many_processes_ask_for_a_definition_once),
		T(a_kept_definition_of_another_role_is_not_used),
		T(a_role_that_is_gone_grants_nothing),
		T(every_page_is_read),
		T(a_deny_on_a_later_page_wins),
		T(pages_without_end_are_refused),
		T(a_page_elsewhere_is_not_asked_for),
		T(the_account_is_asked_about_at_our_resource),
		T(a_machine_of_arc_has_its_own_actions),
		T(an_action_on_virtual_machines_is_none_on_arc),
		T(letters_that_a_url_has_not_are_escaped),
		T(a_retry_waits_as_long_as_it_is_asked_to),
		T(a_token_that_was_withdrawn_is_replaced_once),
		T(a_kept_token_that_may_not_read_is_replaced_too),
		T(a_new_token_that_is_refused_is_not_replaced),
		T(without_a_resource_nobody_is_asked),
	};
	struct CMUnitTest kept[ARRAY_LEN(ages)] = {{.name = NULL}};
	struct CMUnitTest list[ARRAY_LEN(replies)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(replies); i++)
		list[i] = (struct CMUnitTest){
			.name = replies[i].name, .test_func = reply, .initial_state = &replies[i]};
	for (size_t i = 0; i < ARRAY_LEN(ages); i++)
		kept[i] = (struct CMUnitTest){
			.name = ages[i].name, .test_func = is_kept, .initial_state = &ages[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("lives", kept, NULL, NULL) ||
	       cmocka_run_group_tests_name("replies", list, NULL, NULL);
}
