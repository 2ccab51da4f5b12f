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
#include "lib/sys/lock.h"
#include "payload/login/places.h"
#include "payload/login/token.h"
#include "test/unit/fakearm.h"
#include "test/unit/fakeimds.h"

#define AUDIENCE FAKELOGIN_ARM "/"
#define TOKEN PRIVATE_DIR "/token-arm.example"
#define EXPIRES 1900000000 /* what the fake's token says */

/* Ask; REASON_NONE for a token, and then whether it was kept. */
static enum reason ask_for(struct fakelogin *fake, const char *audience, bool cached)
{
	AUTO_CONF conf = {0};
	struct err err = {0};
	bool got_cached;
	char *text;

	fakelogin_load(fake, &conf);
	if (token_get(fakelogin_sys(fake), &conf, audience, &text, &got_cached, &err) < 0)
		return reason_of(&err);
	assert_int_equal(got_cached, cached);
	assert_int_equal(text[strcspn(text, " \n")], '\0');
	token_free(text);
	return REASON_NONE;
}

static enum reason ask(struct fakelogin *fake, bool cached)
{
	return ask_for(fake, AUDIENCE, cached);
}

static void a_token_is_kept_until_shortly_before_it_expires(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	assert_int_equal(ask(fake, false), REASON_NONE);
	assert_non_null(strstr(fake->shared->last_url, "resource=https"));
	fake->shared->realtime_s = EXPIRES - 301;
	assert_int_equal(ask(fake, true), REASON_NONE);
	fake->shared->realtime_s = EXPIRES - 300;
	assert_int_equal(ask(fake, false), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
}

static void it_is_readable_for_its_owner_alone(void **state)
{
	struct fakelogin *fake = *state;
	char path[256];
	struct stat st;

	fakearm_usual(fake);
	assert_int_equal(ask(fake, false), REASON_NONE);
	(void)snprintf(path, sizeof(path), "%s" TOKEN, fake->scratch.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(ask(fake, false), REASON_NONE);
}

static void a_forgotten_one_is_asked_for_again(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	assert_int_equal(ask(fake, false), REASON_NONE);
	token_forget(fakelogin_sys(fake), AUDIENCE);
	assert_int_equal(ask(fake, false), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
}

static void one_for_another_audience_is_not_used(void **state)
{
	struct fakelogin *fake = *state;
	char *text;

	fakearm_usual(fake);
	assert_int_equal(ask(fake, false), REASON_NONE);
	text = fakelogin_text(fake, TOKEN);
	scratch_write(&fake->scratch, PRIVATE_DIR "/token-other.example", text, 0600);
	free(text);
	assert_int_equal(ask_for(fake, "https://other.example/", false), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
}

static void each_audience_keeps_its_own(void **state)
{
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	assert_int_equal(ask(fake, false), REASON_NONE);
	assert_int_equal(ask_for(fake, "https://other.example/", false), REASON_NONE);
	assert_non_null(strstr(fake->shared->last_url, "resource=https%3A%2F%2Fother.example%2F"));
	assert_int_equal(ask(fake, true), REASON_NONE);
	assert_int_equal(ask_for(fake, "https://other.example/", true), REASON_NONE);
	token_forget(fakelogin_sys(fake), "https://other.example/");
	assert_int_equal(ask(fake, true), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
}

static void a_long_audience_has_its_token_all_the_same(void **state)
{
	struct fakelogin *fake = *state;
	char audience[600] = "https://";

	fakearm_usual(fake);
	memset(audience + 8, 'a', sizeof(audience) - 10);
	audience[sizeof(audience) - 2] = '/';
	assert_int_equal(ask_for(fake, audience, false), REASON_NONE);
	audience[sizeof(audience) - 3] = 'b';
	assert_int_equal(ask_for(fake, audience, false), REASON_NONE);
}

static void a_damaged_one_is_asked_for_again(void **state)
{
	static const char *const files[] = {
		"",
		"aadsshlogin-token 1\naudience https://arm.example/\nexpires 1900000000\n",
		"aadsshlogin-token 1\naudience https://arm.example/\nexpires 1900000000\ntoken \n",
		"aadsshlogin-token 1\naudience https://arm.example/\nexpires 1900000000\n"
		"token x\nmore\n",
		"aadsshlogin-token 2\naudience https://arm.example/\nexpires 1900000000\ntoken x\n",
	};
	struct fakelogin *fake = *state;

	fakearm_usual(fake);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		scratch_write(&fake->scratch, TOKEN, files[i], 0600);
		assert_int_equal(ask(fake, false), REASON_NONE);
	}
}

static int other_lock = -1;
static char *other_token;

static void the_other_is_done(struct fakelogin *fake)
{
	scratch_write(&fake->scratch, TOKEN, other_token, 0600);
	(void)close(other_lock);
	fake->on_sleep = NULL;
}

static void one_asks_and_the_others_wait_for_its_token(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	fakearm_usual(fake);
	assert_int_equal(ask(fake, false), REASON_NONE);
	other_token = fakelogin_text(fake, TOKEN);
	token_forget(fakelogin_sys(fake), AUDIENCE);
	other_lock = lock_take(fakelogin_sys(fake), TOKEN ".lock", "a test", 0, &err);
	assert_true(other_lock >= 0);
	fake->on_sleep = the_other_is_done;
	assert_int_equal(ask(fake, true), REASON_NONE);
	assert_int_equal(fake->shared->requests, 1);
	free(other_token);
}

static void who_waits_too_long_goes_without(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	fakearm_usual(fake);
	other_lock = lock_take(fakelogin_sys(fake), TOKEN ".lock", "a test", 0, &err);
	assert_true(other_lock >= 0);
	assert_int_equal(ask(fake, false), REASON_TOKEN_UNAVAILABLE);
	assert_int_equal(fake->shared->requests, 0);
	assert_int_equal(close(other_lock), 0);
}

static void failures_have_their_reasons(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_rule(fake,
		       (struct fake_rule){"/oauth2/token", 400, 0, FAKE_NO_IDENTITY, -1, -1, 0});
	assert_int_equal(ask(fake, false), REASON_IDENTITY_MISSING);
	fakelogin_rule(fake, (struct fake_rule){"/oauth2/token", 500, 0, "", -1, -1, 0});
	assert_int_equal(ask(fake, false), REASON_TOKEN_UNAVAILABLE);
	fakearm_reply(fake, "/oauth2/token", "{}");
	assert_int_equal(ask(fake, false), REASON_TOKEN_UNAVAILABLE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_token_is_kept_until_shortly_before_it_expires),
		T(it_is_readable_for_its_owner_alone),
		T(a_forgotten_one_is_asked_for_again),
		T(one_for_another_audience_is_not_used),
		T(each_audience_keeps_its_own),
		T(a_long_audience_has_its_token_all_the_same),
		T(a_damaged_one_is_asked_for_again),
		T(one_asks_and_the_others_wait_for_its_token),
		T(who_waits_too_long_goes_without),
		T(failures_have_their_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
