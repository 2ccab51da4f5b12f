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
#include "payload/login/decision.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"

#define FORM                                                                                       \
	"aadsshlogin-decision 2\nboottime 17\nlife 60000\nlogin granted\t/a/1\t/subscriptions/my " \
	"sub\n"                                                                                    \
	"admin denied\t/d/2\t/\nend\n"

static void what_was_written_is_read(void **state)
{
	struct decision decision;
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(decision_parse(SPAN_LIT(FORM), &decision, &err), 0);
	assert_int_equal(decision.boottime_ns, 17);
	assert_int_equal(decision.life_ms, 60000);
	assert_int_equal(decision.login.kind, VERDICT_GRANTED);
	assert_string_equal(decision.login.id, "/a/1");
	assert_string_equal(decision.login.scope, "/subscriptions/my sub");
	assert_int_equal(decision.admin.kind, VERDICT_DENIED);
	assert_int_equal(decision_format(&decision, &text, &err), 0);
	assert_string_equal(buf_text(&text), FORM);
}

static void a_missing_role_has_no_assignment(void **state)
{
	struct decision decision = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(decision_format(&decision, &text, &err), 0);
	decision.login.kind = VERDICT_GRANTED;
	assert_int_equal(decision_parse(buf_bytes(&text), &decision, &err), 0);
	assert_int_equal(decision.login.kind, VERDICT_MISSING);
	assert_string_equal(decision.login.id, "");
	assert_string_equal(decision.admin.scope, "");
}

static void an_assignment_that_would_forge_lines_is_not_written(void **state)
{
	struct decision decision = {.login = {.kind = VERDICT_MISSING, .id = "a\nlogin granted"}};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(decision_format(&decision, &text, &err), -EINVAL);
	decision = (struct decision){.admin = {.scope = "a\tb"}};
	assert_int_equal(decision_format(&decision, &text, &err), -EINVAL);
}

#define LOGIN "login missing\t\t\n"
#define ADMIN "admin missing\t\t\n"
#define HEAD "aadsshlogin-decision 2\nboottime 17\nlife 1\n"

static const char *wrong[] = {
	"",
	HEAD LOGIN ADMIN,
	HEAD LOGIN ADMIN "end",
	HEAD LOGIN ADMIN "end\n\n",
	HEAD ADMIN LOGIN "end\n",
	HEAD LOGIN "end\n",
	HEAD LOGIN LOGIN ADMIN "end\n",
	"aadsshlogin-decision 1\nboottime 17\nlife 1\n" LOGIN ADMIN "end\n",
	"aadsshlogin-decision 2\nboottime -1\nlife 1\n" LOGIN ADMIN "end\n",
	"aadsshlogin-decision 2\nlife 1\n" LOGIN ADMIN "end\n",
	"aadsshlogin-decision 2\nboottime 17\n" LOGIN ADMIN "end\n",
	"aadsshlogin-decision 2\nboottime 17\nlife\n" LOGIN ADMIN "end\n",
	"aadsshlogin-decision 2\nboottime 17\nlife -1\n" LOGIN ADMIN "end\n",
	"aadsshlogin-decision 2\nboottime 17\nlife 60001\n" LOGIN ADMIN "end\n",
	"aadsshlogin-decision 2\nlife 1\nboottime 17\n" LOGIN ADMIN "end\n",
	HEAD "login yes\t\t\n" ADMIN "end\n",
	HEAD "logingranted\t\t\n" ADMIN "end\n",
	HEAD "login granted\ta\tb\tc\n" ADMIN "end\n",
	HEAD "login granted\ta\x01\t\n" ADMIN "end\n",
};

static void a_life_that_the_reader_refuses_is_not_written(void **state)
{
	static const int64_t lives_ms[] = {-1, DECISION_LIFE_MS + 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives_ms); i++) {
		const struct decision decision = {.life_ms = lives_ms[i]};
		AUTO_BUF text = {0};
		struct err err = {0};

		assert_int_equal(decision_format(&decision, &text, &err), -EINVAL);
	}
}

static void the_shortest_life_that_was_said_counts(void **state)
{
	struct decision decision = {.life_ms = DECISION_LIFE_MS};

	(void)state;
	decision_shorten(&decision, -1);
	decision_shorten(&decision, 300000);
	assert_int_equal(decision.life_ms, DECISION_LIFE_MS);
	decision_shorten(&decision, 20000);
	decision_shorten(&decision, 30000);
	assert_int_equal(decision.life_ms, 20000);
	decision_shorten(&decision, 0);
	assert_int_equal(decision.life_ms, 0);
}

static void every_other_form_is_refused(void **state)
{
	struct decision decision = {.boottime_ns = 4};
	struct err err = {0};

	assert_int_equal(decision_parse(span_of(*(const char **)*state), &decision, &err),
			 -EBADMSG);
	assert_int_equal(reason_of(&err), REASON_BACKEND_MALFORMED);
	assert_int_equal(decision.boottime_ns, 4);
}

/* ---- on disk */

static const char path_of_alice[] = DECISIONS_DIR "/" CERTMAKE_OID;

static int store_for(struct fakelogin *fake, enum verdict_kind kind, int64_t life_ms)
{
	struct decision decision = {.boottime_ns = fake->shared->boottime_ns,
				    .life_ms = life_ms,
				    .login = {.kind = kind}};
	struct err err = {0};
	AUTO_CONF conf = {0};

	fakelogin_load(fake, &conf);
	return decision_store(fakelogin_sys(fake), &conf, CERTMAKE_OID, &decision, &err);
}

static int store_about(struct fakelogin *fake, enum verdict_kind kind)
{
	return store_for(fake, kind, DECISION_LIFE_MS);
}

static void store(struct fakelogin *fake)
{
	assert_int_equal(store_about(fake, VERDICT_GRANTED), 0);
}

static int load_within(struct fakelogin *fake, int64_t grace_s)
{
	struct decision decision;
	struct err err = {0};
	AUTO_CONF conf = {0};
	int r;

	fakelogin_load(fake, &conf);
	r = decision_load(fakelogin_sys(fake), &conf, CERTMAKE_OID, grace_s, &decision, &err);
	if (r == 0)
		assert_int_equal(decision.login.kind, VERDICT_GRANTED);
	return r;
}

static int load(struct fakelogin *fake)
{
	return load_within(fake, 0);
}

static void a_decision_lives_a_minute_of_this_boot(void **state)
{
	struct fakelogin *fake = *state;

	assert_int_equal(load(fake), -ENOENT);
	store(fake);
	fake->shared->boottime_ns += 60 * 1000000000ll - 1;
	fake->shared->realtime_s += 1000000; /* the clock on the wall means nothing */
	assert_int_equal(load(fake), 0);
	fake->shared->boottime_ns++;
	assert_int_equal(load(fake), -ENOENT);
}

static void a_decision_lives_as_long_as_the_service_says(void **state)
{
	struct fakelogin *fake = *state;

	assert_int_equal(store_for(fake, VERDICT_GRANTED, 1500), 0);
	fake->shared->boottime_ns += 1500 * 1000000ll - 1;
	assert_int_equal(load(fake), 0);
	fake->shared->boottime_ns++;
	assert_int_equal(load(fake), -ENOENT);
	assert_int_equal(store_for(fake, VERDICT_GRANTED, 0), 0);
	assert_int_equal(load(fake), -ENOENT);
}

static void grace_counts_from_the_decision(void **state)
{
	struct fakelogin *fake = *state;

	assert_int_equal(store_for(fake, VERDICT_GRANTED, 1500), 0);
	fake->shared->boottime_ns += 100 * 1000000000ll - 1;
	assert_int_equal(load_within(fake, 100), 0);
	assert_int_equal(load_within(fake, 99), -ENOENT);
	fake->shared->boottime_ns++;
	assert_int_equal(load_within(fake, 100), -ENOENT);
}

static void a_grace_that_is_shorter_than_the_life_takes_nothing_from_it(void **state)
{
	struct fakelogin *fake = *state;

	store(fake);
	fake->shared->boottime_ns += 30 * 1000000000ll;
	assert_int_equal(load_within(fake, 10), 0);
}

static void a_decision_from_the_future_is_none(void **state)
{
	struct fakelogin *fake = *state;

	store(fake);
	fake->shared->boottime_ns--;
	assert_int_equal(load(fake), -ENOENT);
}

static void a_decision_that_others_can_write_is_none(void **state)
{
	struct fakelogin *fake = *state;
	char path[256];

	store(fake);
	(void)snprintf(path, sizeof(path), "%s" DECISIONS_DIR "/" CERTMAKE_OID, fake->scratch.dir);
	assert_int_equal(chmod(path, 0622), 0);
	assert_int_equal(load(fake), -EPERM);
}

static void a_damaged_decision_is_none(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, DECISIONS_DIR "/" CERTMAKE_OID, HEAD "login granted\t\t\n",
		      0600);
	assert_int_equal(load(fake), -ENOENT);
	scratch_write(&fake->scratch, path_of_alice,
		      "source arm " FAKELOGIN_ARM " " FAKELOGIN_RESOURCE "\n" HEAD
		      "login granted\t\t\n",
		      0600);
	assert_int_equal(load(fake), -EBADMSG);
}

static void a_decision_about_another_resource_is_none(void **state)
{
	struct fakelogin *fake = *state;

	store(fake);
	scratch_write(&fake->scratch, CONF_PATH,
		      "resource_manager " FAKELOGIN_ARM "\nresource_id " FAKELOGIN_RESOURCE "0\n",
		      0644);
	assert_int_equal(load(fake), -ENOENT);
	scratch_write(&fake->scratch, CONF_PATH,
		      "resource_manager https://other.example\nresource_id " FAKELOGIN_RESOURCE
		      "\n",
		      0644);
	assert_int_equal(load(fake), -ENOENT);
	fakelogin_conf(fake, NULL);
	assert_int_equal(load(fake), 0);
}

static void a_decision_of_another_backend_is_none(void **state)
{
	static const char *const others[] = {
		"role_backend checkaccess\n",
		"role_backend pdp\npdp https://westeurope.authorization.example\n",
	};
	struct fakelogin *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		fakelogin_conf(fake, NULL);
		store(fake);
		fakelogin_conf(fake, others[i]);
		assert_int_equal(load(fake), -ENOENT);
		store(fake);
		assert_int_equal(load(fake), 0);
	}
	fakelogin_conf(fake, "role_backend pdp\npdp https://northeurope.authorization.example\n");
	assert_int_equal(load(fake), -ENOENT);
}

/* A link can be removed but not replaced, a directory neither. */
static void a_decision_that_cannot_be_kept_takes_the_earlier_one_along(void **state)
{
	struct fakelogin *fake = *state;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s%s", fake->scratch.dir, path_of_alice);
	store(fake);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(store_about(fake, VERDICT_MISSING), 0);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(load(fake), -ENOENT);
	scratch_mkdir(&fake->scratch, path_of_alice, 0700);
	assert_true(store_about(fake, VERDICT_MISSING) < 0);
}

static void one_asks_the_others_wait(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};
	int lock = decision_lock(fakelogin_sys(fake), CERTMAKE_OID, &err);

	assert_true(lock >= 0);
	assert_int_equal(decision_lock(fakelogin_sys(fake), CERTMAKE_OID, &err), -EBUSY);
	assert_int_equal(reason_of(&err), REASON_DEADLINE);
	assert_true(fake->shared->slept_ms > 0);
	assert_int_equal(close(lock), 0);
	lock = decision_lock(fakelogin_sys(fake), CERTMAKE_OID, &err);
	assert_true(lock >= 0);
	assert_int_equal(close(lock), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_missing_role_has_no_assignment),
		cmocka_unit_test(an_assignment_that_would_forge_lines_is_not_written),
		cmocka_unit_test(a_life_that_the_reader_refuses_is_not_written),
		cmocka_unit_test(the_shortest_life_that_was_said_counts),
		T(a_decision_lives_a_minute_of_this_boot),
		T(a_decision_lives_as_long_as_the_service_says),
		T(grace_counts_from_the_decision),
		T(a_grace_that_is_shorter_than_the_life_takes_nothing_from_it),
		T(a_decision_from_the_future_is_none),
		T(a_decision_that_others_can_write_is_none),
		T(a_damaged_decision_is_none),
		T(a_decision_about_another_resource_is_none),
		T(a_decision_of_another_backend_is_none),
		T(a_decision_that_cannot_be_kept_takes_the_earlier_one_along),
		T(one_asks_the_others_wait),
	};
	struct CMUnitTest list[ARRAY_LEN(wrong)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		list[i] = (struct CMUnitTest){.name = "every_other_form_is_refused",
					      .test_func = every_other_form_is_refused,
					      .initial_state = &wrong[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
