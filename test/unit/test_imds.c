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
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/imds.h"
#include "test/unit/fakeimds.h"

#define APPLICATION "ce6ff14a-7fdc-4685-bbe0-f6afdfcfa8e0"

static struct sys_ops ops;
static struct sys machine = {.rootfd = -1, .ops = &ops};
static const struct imds imds = {
	.base_url = "http://imds", .patience_ms = 10000, .identity_wait_ms = 60000};

static const struct fake_answer good_instance[] = {{200, FAKE_INSTANCE, 0, 0}};
static const struct fake_answer good_token[] = {{200, NULL, 0, 0}};

static int set_up(void **state)
{
	(void)state;
	fake_imds_install(&ops);
	fake_imds.instance = good_instance;
	fake_imds.token = good_token;
	machine.deadline_ns = 0;
	return 0;
}

static int ask_token(struct err *err)
{
	CLEANUP(imds_token_done) struct imds_token token = {0};
	int r = imds_token(&machine, &imds, APPLICATION, &token, err);

	assert_true((r == 0) == (token.text != NULL));
	return r;
}

static void the_instance_says_who_it_is(void **state)
{
	struct imds_instance instance;
	struct err err = {0};

	(void)state;
	assert_int_equal(imds_instance(&machine, &imds, &instance, &err), 0);
	assert_string_equal(instance.environment, "AzurePublicCloud");
	assert_string_equal(instance.resource_id, FAKE_RESOURCE);
	assert_string_equal(instance.vm_id, "bbbbbbbb-2222-3333-4444-555555555555");
	assert_string_equal(fake_imds.last_url,
			    "http://imds/metadata/instance?api-version=2021-02-01");
}

static void the_token_comes_with_its_claims(void **state)
{
	CLEANUP(imds_token_done) struct imds_token token = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(imds_token(&machine, &imds, "https://a b/", &token, &err), 0);
	assert_string_equal(token.claims.tid, FAKE_TENANT);
	assert_string_equal(token.claims.oid, FAKE_OID);
	assert_int_equal(token.claims.exp_s, 1900000000);
	assert_string_equal(fake_imds.last_url,
			    "http://imds/metadata/identity/oauth2/token?api-version=2018-02-01&"
			    "resource=https%3A%2F%2Fa%20b%2F");
}

static void what_passes_is_asked_again(void **state)
{
	static const int statuses[] = {0, 404, 410, 429, 500, 503};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		const struct fake_answer answers[] = {{statuses[i], "", 3, 0}, {200, NULL, 0, 0}};
		struct err err = {0};

		(void)set_up(NULL);
		fake_imds.token = answers;
		assert_int_equal(ask_token(&err), 0);
		assert_int_equal(fake_imds.token_requests, 4);
	}
}

static void patience_ends(void **state)
{
	static const int statuses[] = {0, 404, 429, 500};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		const struct fake_answer answers[] = {{statuses[i], "", 0, 0}};
		struct err err = {0};

		(void)set_up(NULL);
		fake_imds.token = answers;
		assert_int_equal(ask_token(&err), -EHOSTUNREACH);
		assert_true(fake_imds.now_ms >= 1000 + 3000 &&
			    fake_imds.now_ms <= 1000 + imds.patience_ms);
		assert_true(fake_imds.token_requests >= 3 && fake_imds.token_requests <= 12);
	}
}

static int short_of_descriptors(struct sys *sys, const struct http_request *requests, size_t count,
				struct http_response *ret, struct err *err)
{
	(void)sys;
	(void)requests;
	(void)count;
	(void)ret;
	fake_imds.token_requests++;
	return err_set(err, EMFILE, "pipe: none left");
}

static void what_this_process_is_short_of_is_not_waited_for(void **state)
{
	struct err err = {0};

	(void)state;
	ops.http = short_of_descriptors;
	assert_int_equal(ask_token(&err), -EMFILE);
	assert_int_equal(fake_imds.token_requests, 1);
	assert_string_equal(err.msg, "the instance metadata service: pipe: none left");
}

static void silence_and_a_status_are_told_apart(void **state)
{
	static const struct fake_answer silence[] = {{0, "", 0, 0}}, broken[] = {{503, "", 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = silence;
	(void)ask_token(&err);
	assert_string_equal(err.msg, "the instance metadata service does not answer: Couldn't "
				     "connect to server");
	fake_imds.token = broken;
	(void)ask_token(&err);
	assert_string_equal(err.msg, "the instance metadata service answers 503 to "
				     "http://imds/metadata/identity/oauth2/token");
}

static void what_does_not_pass_is_told_at_once(void **state)
{
	static const int statuses[] = {400, 401, 403, 302};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		const struct fake_answer answers[] = {{statuses[i], "{}", 0, 0}};
		struct err err = {0};

		(void)set_up(NULL);
		fake_imds.token = answers;
		assert_int_equal(ask_token(&err), -EREMOTEIO);
		assert_int_equal(fake_imds.token_requests, 1);
	}
}

static void a_new_identity_is_waited_for(void **state)
{
	static const struct fake_answer answers[] = {{400, FAKE_NO_IDENTITY, 9, 0},
						     {200, NULL, 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_token(&err), 0);
	assert_true(fake_imds.now_ms > 1000 + imds.patience_ms);
}

static void a_missing_identity_is_told_after_the_wait(void **state)
{
	static const struct fake_answer answers[] = {{400, FAKE_NO_IDENTITY, 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_token(&err), -ENOENT);
	assert_true(fake_imds.now_ms >= 1000 + 50000 &&
		    fake_imds.now_ms <= 1000 + imds.identity_wait_ms);
	assert_string_equal(err.msg, "the VM has no system-assigned managed identity");
}

static void several_identities_of_users_are_none_of_the_vm(void **state)
{
	static const struct fake_answer answers[] = {
		{400,
		 "{\"error\":\"invalid_request\",\"error_description\":\"Multiple user assigned "
		 "identities exist, please specify the clientId / resourceId of the identity\"}",
		 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_token(&err), -ENOENT);
}

static void retry_after_is_respected(void **state)
{
	static const struct fake_answer answers[] = {{429, "", 1, 7}, {200, NULL, 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_token(&err), 0);
	assert_true(fake_imds.now_ms >= 1000 + 7000);
}

static void who_is_told_to_wait_longer_than_it_can_does_not_ask_again(void **state)
{
	static const struct fake_answer answers[] = {{429, "", 0, 90}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_token(&err), -EHOSTUNREACH);
	assert_int_equal(fake_imds.token_requests, 1);
	assert_non_null(strstr(err.msg, "429"));
}

static int64_t pauses[16];
static size_t pause_count;

static void note_pause(struct sys *sys, int64_t ms)
{
	(void)sys;
	assert_in_range(pause_count, 0, ARRAY_LEN(pauses) - 1);
	pauses[pause_count++] = ms;
	fake_imds.now_ms += ms;
}

/* Each is at most twice the one before by its nature, and at least half of what it may be. */
static void pauses_grow_and_are_left_to_chance(void **state)
{
	static const struct fake_answer answers[] = {{400, FAKE_NO_IDENTITY, 0, 0}};
	static const int64_t most[] = {500, 1000, 2000, 4000, 8000, 8000, 8000};
	int64_t first[ARRAY_LEN(most)];
	struct err err = {0};

	(void)state;
	ops.sleep_ms = note_pause;
	for (int machines = 0; machines < 2; machines++) {
		pause_count = 0;
		fake_imds.token = answers;
		fake_imds.now_ms = 1000 + 17 * machines;
		assert_int_equal(ask_token(&err), -ENOENT);
		assert_true(pause_count >= ARRAY_LEN(most));
		for (size_t i = 0; i < ARRAY_LEN(most); i++)
			assert_in_range(pauses[i], most[i] / 2, most[i]);
		if (machines == 0)
			memcpy(first, pauses, sizeof(first));
	}
	assert_memory_not_equal(first, pauses, sizeof(first));
}

static void the_deadline_ends_the_patience(void **state)
{
	static const struct fake_answer answers[] = {{400, FAKE_NO_IDENTITY, 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	machine.deadline_ns = 4000000000;
	assert_int_equal(ask_token(&err), -ENOENT);
	assert_true(fake_imds.now_ms <= 4000);
}

static void a_bad_instance_is_refused(void **state)
{
	/* clang-format off */
	static const char *const bodies[] = {
		"", "<html>", "[]", "{}", "{\"compute\":[]}",
		"{\"compute\":{\"resourceId\":\"/subscriptions/x\",\"vmId\":\"v\"}}",
		"{\"compute\":{\"azEnvironment\":7,\"resourceId\":\"/subscriptions/x\",\"vmId\":\"v\"}}",
		"{\"compute\":{\"azEnvironment\":\"A\",\"resourceId\":\"/etc/passwd\",\"vmId\":\"v\"}}",
		"{\"compute\":{\"azEnvironment\":\"A\",\"resourceId\":\"/subscriptions/x?y\",\"vmId\":\"v\"}}",
		"{\"compute\":{\"azEnvironment\":\"A\",\"resourceId\":\"/subscriptions/../x\",\"vmId\":\"v\"}}",
		"{\"compute\":{\"azEnvironment\":\"A B\",\"resourceId\":\"/subscriptions/x\",\"vmId\":\"v\"}}",
		"{\"compute\":{\"azEnvironment\":\"A\",\"resourceId\":\"/subscriptions/x\\ny\",\"vmId\":\"v\"}}",
		"{\"compute\":{\"azEnvironment\":\"A\",\"resourceId\":\"/subscriptions/x\",\"vmId\":\"\"}}",
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		const struct fake_answer answers[] = {{200, bodies[i], 0, 0}};
		struct imds_instance instance = {.vm_id = "untouched"};
		struct err err = {0};

		fake_imds.instance = answers;
		assert_int_equal(imds_instance(&machine, &imds, &instance, &err), -EBADMSG);
		assert_string_equal(instance.vm_id, "untouched");
	}
}

static void the_region_is_told_if_it_is_a_plain_name(void **state)
{
	static const struct {
		const char *location, *region;
	} rows[] = {
		{",\"location\":\"westeurope\"", "westeurope"},
		{",\"location\":\"WestUS2\"", "westus2"},
		{"", ""},
		{",\"location\":null", ""},
		{",\"location\":7", ""},
		{",\"location\":\"\"", ""},
		{",\"location\":\"West Europe\"", ""},
		{",\"location\":\"evil.example/\"", ""},
		{",\"location\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake_answer answers[] = {{200, NULL, 0, 0}};
		struct imds_instance instance;
		AUTO_BUF body = {0};
		struct err err = {0};

		buf_printf(&body,
			   "{\"compute\":{\"azEnvironment\":\"A\",\"vmId\":\"v\",\"resourceId\":"
			   "\"/subscriptions/x\"%s}}",
			   rows[i].location);
		answers[0].body = buf_text(&body);
		fake_imds.instance = answers;
		assert_int_equal(imds_instance(&machine, &imds, &instance, &err), 0);
		assert_string_equal(instance.region, rows[i].region);
	}
}

static void a_bad_token_is_refused_and_not_quoted(void **state)
{
	static const char *const bodies[] = {"",
					     "hunter2",
					     "{\"access_token\":7}",
					     "{\"access_token\":\"hunter2\"}",
					     "{\"access_token\":\"a.hunter2.c\"}",
					     "{\"access_token\":\"hunter2\"",
					     "{}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		const struct fake_answer answers[] = {{200, bodies[i], 0, 0}};
		struct err err = {0};

		fake_imds.token = answers;
		assert_int_equal(ask_token(&err), -EBADMSG);
		assert_null(strstr(err.msg, "hunter2"));
	}
}

/* ---- Arc */

static struct scratch scratch;
static const struct imds arc = {.kind = IMDS_ARC,
				.base_url = "http://127.0.0.1:40342",
				.patience_ms = 10000,
				.identity_wait_ms = 60000};
static const struct fake_answer arc_instance[] = {{200, FAKE_ARC_INSTANCE, 0, 0}};

static int set_up_arc(void **state)
{
	scratch_open(&scratch);
	(void)set_up(state);
	fake_imds_install(&scratch.ops);
	fake_imds.instance = arc_instance;
	fake_imds.token = good_token;
	fake_imds_arc(&scratch);
	return 0;
}

static int tear_down_arc(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static int ask_arc_token(struct err *err)
{
	CLEANUP(imds_token_done) struct imds_token token = {0};
	int r = imds_token(&scratch.sys, &arc, APPLICATION, &token, err);

	assert_true((r == 0) == (token.text != NULL));
	assert_null(strstr(err->msg, FAKE_KEY));
	return r;
}

static void the_configuration_says_which_service_it_is(void **state)
{
	char imds_url[] = "http://imds", himds_url[] = "http://127.0.0.1:1";
	const struct conf vm = {.imds = imds_url}, both = {.himds = himds_url};
	struct imds found = imds_of(&vm, 5);

	(void)state;
	assert_int_equal(found.kind, IMDS_VM);
	assert_string_equal(found.base_url, imds_url);
	assert_int_equal(found.patience_ms, 5);
	assert_int_equal(found.identity_wait_ms, 0);
	found = imds_of(&both, 5);
	assert_int_equal(found.kind, IMDS_ARC);
	assert_string_equal(found.base_url, himds_url);
}

static void an_arc_machine_says_who_it_is(void **state)
{
	struct imds_instance instance;
	struct err err = {0};

	(void)state;
	assert_int_equal(imds_instance(&scratch.sys, &arc, &instance, &err), 0);
	assert_string_equal(instance.resource_id, FAKE_ARC_RESOURCE);
	assert_string_equal(fake_imds.last_url,
			    "http://127.0.0.1:40342/metadata/instance?api-version=2020-06-01");
	assert_string_equal(fake_imds.last_authorization, "");
}

static void an_arc_machine_is_no_other_resource(void **state)
{
	static const char *const ids[] = {
		FAKE_RESOURCE, FAKE_ARC_RESOURCE "/extensions/x",
		"/subscriptions/s/resourceGroups/r/providers/Microsoft.HybridCompute/machines/",
		"/subscriptions/s/resourceGroups/r/providers/Microsoft.HybridCompute/licenses/l"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct imds_instance instance;
		struct err err = {0};
		AUTO_BUF body = {0};

		buf_printf(&body,
			   "{\"compute\":{\"azEnvironment\":\"A\",\"resourceId\":\"%s\",\"vmId\":"
			   "\"v\"}}",
			   ids[i]);
		const struct fake_answer answers[] = {{200, buf_text(&body), 0, 0}};

		fake_imds.instance = answers;
		assert_int_equal(imds_instance(&scratch.sys, &arc, &instance, &err), -EBADMSG);
		assert_non_null(
			strstr(err.msg, "the Arc agent answers without a valid resourceId"));
	}
}

static void a_challenge_is_answered_with_its_key(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(ask_arc_token(&err), 0);
	assert_int_equal(fake_imds.challenges, 1);
	assert_int_equal(fake_imds.token_requests, 1);
	assert_string_equal(fake_imds.last_authorization, "Authorization: Basic " FAKE_KEY);
	assert_string_equal(fake_imds.last_url,
			    "http://127.0.0.1:40342/metadata/identity/oauth2/token?"
			    "api-version=2020-06-01&resource=" APPLICATION);
}

static void what_passes_is_asked_again_with_a_new_key(void **state)
{
	static const struct fake_answer answers[] = {{429, "", 2, 0}, {200, NULL, 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_arc_token(&err), 0);
	assert_int_equal(fake_imds.challenges, 3);
}

static void a_second_refusal_is_the_last(void **state)
{
	static const struct fake_answer answers[] = {{401, "", 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_arc_token(&err), -EACCES);
	assert_int_equal(fake_imds.token_requests, 1);
	assert_string_equal(err.msg,
			    "the metadata service of the Arc agent: it refuses the key that "
			    "it asked for");
}

static void a_bad_challenge_is_not_answered(void **state)
{
	struct err err = {0};

	(void)state;
	fake_imds.challenge = "Basic realm=/etc/shadow.key";
	assert_int_equal(ask_arc_token(&err), -EBADMSG);
	fake_imds.challenge = "";
	assert_int_equal(ask_arc_token(&err), -EBADMSG);
	fake_imds.challenge = "Basic realm=/var/opt/azcmagent/tokens/gone.key";
	assert_int_equal(ask_arc_token(&err), -EACCES);
	assert_int_equal(fake_imds.challenges, 3);
	assert_int_equal(fake_imds.token_requests, 0);
}

static void an_arc_machine_never_lacks_an_identity(void **state)
{
	static const struct fake_answer answers[] = {{400, FAKE_NO_IDENTITY, 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = answers;
	assert_int_equal(ask_arc_token(&err), -EREMOTEIO);
	assert_int_equal(fake_imds.token_requests, 1);
}

static void an_agent_that_is_down_is_waited_for(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/proc/self/net/tcp", "heading\n", 0444);
	assert_int_equal(ask_arc_token(&err), -EHOSTUNREACH);
	assert_true(fake_imds.now_ms >= 1000 + 3000);
	assert_true(fake_imds.now_ms <= 1000 + arc.patience_ms);
	assert_int_equal(fake_imds.challenges + fake_imds.token_requests, 0);
	assert_non_null(strstr(err.msg, "nobody listens"));
}

static void a_stranger_at_the_agents_port_is_not_asked(void **state)
{
	struct imds_instance instance;
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/proc/self/net/tcp",
		      "heading\n   0: 0100007F:9D96 00000000:0000 0A 0:0 00:0 0 65533 0 1\n", 0444);
	assert_int_equal(ask_arc_token(&err), -EACCES);
	assert_int_equal(imds_instance(&scratch.sys, &arc, &instance, &err), -EACCES);
	assert_int_equal(
		fake_imds.challenges + fake_imds.token_requests + fake_imds.instance_requests, 0);
}

/* The agent ends, and its port is another's before the answer is believed. */
static int (*real_http)(struct sys *sys, const struct http_request *requests, size_t count,
			struct http_response *ret, struct err *err);

static int usurped_http(struct sys *sys, const struct http_request *requests, size_t count,
			struct http_response *ret, struct err *err)
{
	scratch_write(&scratch, "/proc/self/net/tcp",
		      "heading\n   0: 0100007F:9D96 00000000:0000 0A 0:0 00:0 0 65533 0 1\n", 0444);
	return real_http(sys, requests, count, ret, err);
}

static void an_answer_is_not_believed_when_the_agent_is_gone_by_then(void **state)
{
	struct imds_instance instance = {.vm_id = "untouched"};
	struct err err = {0};

	(void)state;
	real_http = scratch.ops.http;
	scratch.ops.http = usurped_http;
	assert_int_equal(imds_instance(&scratch.sys, &arc, &instance, &err), -EACCES);
	assert_string_equal(instance.vm_id, "untouched");
	assert_int_equal(fake_imds.instance_requests, 1);
}

static void a_challenge_of_a_vm_is_not_answered(void **state)
{
	struct err err = {0};

	(void)state;
	fake_imds.challenge = FAKE_CHALLENGE;
	assert_int_equal(ask_token(&err), -EREMOTEIO);
	assert_int_equal(fake_imds.challenges, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)
#define ARC(name) cmocka_unit_test_setup_teardown(name, set_up_arc, tear_down_arc)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_instance_says_who_it_is),
		TEST(the_token_comes_with_its_claims),
		TEST(what_passes_is_asked_again),
		TEST(patience_ends),
		TEST(what_this_process_is_short_of_is_not_waited_for),
		TEST(silence_and_a_status_are_told_apart),
		TEST(what_does_not_pass_is_told_at_once),
		TEST(a_new_identity_is_waited_for),
		TEST(a_missing_identity_is_told_after_the_wait),
		TEST(several_identities_of_users_are_none_of_the_vm),
		TEST(retry_after_is_respected),
		TEST(who_is_told_to_wait_longer_than_it_can_does_not_ask_again),
		TEST(pauses_grow_and_are_left_to_chance),
		TEST(the_deadline_ends_the_patience),
		TEST(a_bad_instance_is_refused),
		TEST(the_region_is_told_if_it_is_a_plain_name),
		TEST(a_bad_token_is_refused_and_not_quoted),
		TEST(the_configuration_says_which_service_it_is),
		TEST(a_challenge_of_a_vm_is_not_answered),
		ARC(an_arc_machine_says_who_it_is),
		ARC(an_arc_machine_is_no_other_resource),
		ARC(a_challenge_is_answered_with_its_key),
		ARC(what_passes_is_asked_again_with_a_new_key),
		ARC(a_second_refusal_is_the_last),
		ARC(a_bad_challenge_is_not_answered),
		ARC(an_arc_machine_never_lacks_an_identity),
		ARC(an_agent_that_is_down_is_waited_for),
		ARC(a_stranger_at_the_agents_port_is_not_asked),
		ARC(an_answer_is_not_believed_when_the_agent_is_gone_by_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
