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
#include "lib/sys/fs.h"
#include "lib/sys/lock.h"
#include "payload/login/keys.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"

#define KEYS_URL "/discovery/v2.0/keys"
#define DAY 86400

/* Ask for a key; the reason of the refusal, REASON_NONE for a trusted one. */
static enum reason ask(struct fakelogin *fake, const struct buf *blob)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	fakelogin_load(fake, &conf);
	return keys_check(fakelogin_sys(fake), &conf, CERTMAKE_TID, buf_bytes(blob), &err) == 0
		       ? REASON_NONE
		       : reason_of(&err);
}

static void pass(struct fakelogin *fake, int64_t seconds)
{
	fake->shared->realtime_s += seconds;
}

/* What the service has: this key alone. */
static void rotate(struct fakelogin *fake, EVP_PKEY **ret_key, struct buf *ret_blob,
		   struct buf *document)
{
	const struct buf *blobs[] = {ret_blob, NULL};

	*ret_key = certmake_key(2048, ret_blob);
	fakelogin_jwks(document, blobs);
	fakelogin_rule(fake, (struct fake_rule){KEYS_URL, 200, 0, buf_text(document), DAY, -1, 0});
}

static void outage(struct fakelogin *fake)
{
	fakelogin_rule(fake,
		       (struct fake_rule){"openid-configuration", 0, ETIMEDOUT, NULL, -1, -1, 0});
}

static void a_fresh_set_is_asked_for_once(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
	pass(fake, DAY * 3 / 4 - 1);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
}

static bool at_hand(struct fakelogin *fake, const struct buf *blob)
{
	AUTO_CONF conf = {0};

	fakelogin_load(fake, &conf);
	return keys_at_hand(fakelogin_sys(fake), &conf, CERTMAKE_TID, buf_bytes(blob));
}

static void a_key_of_a_fresh_set_is_at_hand_and_no_other(void **state)
{
	static const char other[] = "another key";
	struct fakelogin *fake = *state;
	AUTO_BUF stranger = {0};

	buf_str(&stranger, other);
	fakelogin_entra(fake);
	assert_false(at_hand(fake, &fake->ca_blob));
	assert_int_equal(fake->shared->requests, 0);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_true(at_hand(fake, &fake->ca_blob));
	assert_false(at_hand(fake, &stranger));
	pass(fake, DAY * 3 / 4);
	assert_false(at_hand(fake, &fake->ca_blob));
	assert_int_equal(fake->shared->requests, 2);
}

static void it_is_refreshed_ahead_of_its_end(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	pass(fake, DAY * 3 / 4);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 4);
	pass(fake, DAY * 3 / 4 - 1);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 4);
}

static void a_key_that_was_rolled_away_is_refused_after_the_refresh(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF blob = {0};
	AUTO_BUF document = {0};
	EVP_PKEY *key;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	rotate(fake, &key, &blob, &document);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	pass(fake, DAY * 3 / 4);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_CA_NOT_TRUSTED);
	EVP_PKEY_free(key);
}

static void a_new_key_is_found_at_once_but_looked_for_once_a_minute(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF blob = {0};
	AUTO_BUF document = {0};
	EVP_PKEY *key;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	pass(fake, 60);
	rotate(fake, &key, &blob, &document);
	assert_int_equal(ask(fake, &blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 4);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_CA_NOT_TRUSTED);
	pass(fake, 59);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_CA_NOT_TRUSTED);
	assert_int_equal(fake->shared->requests, 4);
	pass(fake, 1);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_CA_NOT_TRUSTED);
	assert_int_equal(fake->shared->requests, 6);
	EVP_PKEY_free(key);
}

static void expired_keys_serve_a_day_while_the_service_is_down(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	outage(fake);
	pass(fake, DAY);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	pass(fake, DAY - 1);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	pass(fake, 1);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
}

static void an_outage_is_not_asked_about_at_every_login(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	outage(fake);
	pass(fake, DAY);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fakelogin_hits(fake, "openid-configuration"), 1);
}

static void without_keys_a_failed_fetch_is_repeated_after_seconds(void **state)
{
	struct fakelogin *fake = *state;

	outage(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	assert_int_equal(fake->shared->requests, 1);
	pass(fake, 5);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	assert_int_equal(fake->shared->requests, 2);
}

static void a_time_of_the_last_try_in_the_future_does_not_count(void **state)
{
	struct fakelogin *fake = *state;

	outage(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	pass(fake, -3600);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	assert_int_equal(fake->shared->requests, 2);
}

static int hold_lock(struct fakelogin *fake)
{
	struct err err = {0};
	int fd = lock_take(fakelogin_sys(fake), CACHE_DIR "/keys-" CERTMAKE_TID ".lock", "a test",
			   0, &err);

	assert_true(fd >= 0);
	return fd;
}

static void who_has_keys_does_not_wait_for_who_refreshes(void **state)
{
	struct fakelogin *fake = *state;
	int lock;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	pass(fake, DAY * 3 / 4);
	lock = hold_lock(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
	assert_int_equal(fake->shared->slept_ms, 0);
	assert_int_equal(close(lock), 0);
}

static void who_has_keys_is_not_held_up_by_a_service_that_hangs(void **state)
{
	static const int64_t ages[] = {DAY * 3 / 4, DAY};
	struct fakelogin *fake = *state;
	struct sys *sys = fakelogin_sys(fake);

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	outage(fake);
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		int before = fake->shared->requests;

		sys->deadline_ns = sys->ops->boottime_ns(sys) + 10000 * INT64_C(1000000);
		pass(fake, ages[i]);
		assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
		assert_int_equal(fake->shared->requests, before + 1);
		assert_true(fake->shared->last_left_ms <= KEYS_SERVED_MS);
		assert_true(sys_left_ms(sys, 10000) > 9000);
		pass(fake, -ages[i]);
		assert_int_equal(
			fs_remove(sys, CACHE_DIR "/keys-" CERTMAKE_TID ".tried", &(struct err){0}),
			0);
	}
}

static void who_has_none_does_not_wait_for_ever(void **state)
{
	struct fakelogin *fake = *state;
	int lock = hold_lock(fake);

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	assert_int_equal(fake->shared->requests, 0);
	assert_int_equal(fake->shared->slept_ms, KEYS_WAIT_MS);
	assert_int_equal(close(lock), 0);
}

static int other_lock = -1;
static char *other_keys;

static void the_other_is_done(struct fakelogin *fake)
{
	scratch_write(&fake->scratch, CACHE_DIR "/keys-" CERTMAKE_TID, other_keys, 0600);
	(void)close(other_lock);
	fake->on_sleep = NULL;
}

static void who_has_none_takes_what_the_other_got(void **state)
{
	struct fakelogin *fake = *state;

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	other_keys = fakelogin_text(fake, CACHE_DIR "/keys-" CERTMAKE_TID);
	scratch_write(&fake->scratch, CACHE_DIR "/keys-" CERTMAKE_TID, "", 0600);
	pass(fake, 60);
	other_lock = hold_lock(fake);
	fake->on_sleep = the_other_is_done;
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 2);
	free(other_keys);
}

struct max_age {
	const char *name;
	int64_t said, life_s;
};

static struct max_age max_ages[] = {
	{"as long as the service says", 7200, 7200},
	{"a day at most", 1000000, DAY},
	{"five minutes at least", 0, KEYS_AGE_MIN_S},
	{"an hour when it does not say", -1, KEYS_AGE_DEFAULT_S},
};

static void max_age(void **state)
{
	const struct max_age *row = *state;
	struct fakelogin *fake = fakelogin_new();
	AUTO_KEYCACHE cache = {0};
	AUTO_CONF conf = {0};
	struct err err = {0};

	fakelogin_entra(fake);
	fakelogin_rule(fake, (struct fake_rule){KEYS_URL, 200, 0, buf_text(&fake->jwks), row->said,
						-1, 0});
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	fakelogin_load(fake, &conf);
	assert_int_equal(keys_cached(fakelogin_sys(fake), &conf, CERTMAKE_TID, &cache, &err), 0);
	assert_int_equal(cache.expires_s - cache.fetched_s, row->life_s);
	fakelogin_free(fake);
}

struct reply {
	const char *name;
	struct fake_rule rule;
	enum reason reason;
};

static struct reply replies[] = {
	{"no document", {"openid-configuration", 404, 0, "", -1, -1, 0}, REASON_KEYS_UNREACHABLE},
	{"no JSON", {"openid-configuration", 200, 0, "<html>", -1, -1, 0}, REASON_KEYS_MALFORMED},
	{"keys elsewhere",
	 {"openid-configuration", 200, 0,
	  "{\"issuer\":\"https://login.example/" CERTMAKE_TID
	  "/v2.0\",\"jwks_uri\":\"https://evil.example/keys\"}",
	  -1, -1, 0},
	 REASON_KEYS_MALFORMED},
	{"keys that cannot be read", {KEYS_URL, 500, 0, "", -1, -1, 0}, REASON_KEYS_UNREACHABLE},
	{"a redirect", {KEYS_URL, 302, 0, "", -1, -1, 0}, REASON_KEYS_UNREACHABLE},
	{"too many bytes", {KEYS_URL, 0, EMSGSIZE, NULL, -1, -1, 0}, REASON_KEYS_UNREACHABLE},
	{"an empty set", {KEYS_URL, 200, 0, "{\"keys\":[]}", -1, -1, 0}, REASON_KEYS_MALFORMED},
	{"no set", {KEYS_URL, 200, 0, "{}", -1, -1, 0}, REASON_KEYS_MALFORMED},
};

static void reply(void **state)
{
	const struct reply *row = *state;
	struct fakelogin *fake = fakelogin_new();

	fakelogin_entra(fake);
	fakelogin_rule(fake, row->rule);
	assert_int_equal(ask(fake, &fake->ca_blob), row->reason);
	fakelogin_free(fake);
}

static void a_cache_that_others_can_write_is_not_believed(void **state)
{
	struct fakelogin *fake = *state;
	char path[256];

	fakelogin_entra(fake);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	(void)snprintf(path, sizeof(path), "%s" CACHE_DIR "/keys-" CERTMAKE_TID, fake->scratch.dir);
	assert_int_equal(chmod(path, 0666), 0);
	pass(fake, 60);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(fake->shared->requests, 4);
}

static void a_pinned_file_needs_no_network(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF other = {0};
	EVP_PKEY *key = certmake_key(2048, &other);

	fakelogin_conf(fake, "keys_file /etc/aadsshlogin.keys\n");
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	scratch_write(&fake->scratch, "/etc/aadsshlogin.keys", buf_text(&fake->jwks), 0644);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	assert_int_equal(ask(fake, &other), REASON_CA_NOT_TRUSTED);
	scratch_write(&fake->scratch, "/etc/aadsshlogin.keys", "[]", 0644);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_MALFORMED);
	scratch_write(&fake->scratch, "/etc/aadsshlogin.keys", buf_text(&fake->jwks), 0666);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_KEYS_UNREACHABLE);
	assert_int_equal(fake->shared->requests, 0);
	EVP_PKEY_free(key);
}

/* The key set that a cloud publishes whose name the configuration does not say. */
static void name_cloud(struct fakelogin *fake, const char *of_openid, struct buf *openid,
		       struct buf *document)
{
	static const char use[] = "\"use\":\"sig\"";
	const char *at = strstr(buf_text(&fake->jwks), use);

	assert_non_null(at);
	buf_add(document, fake->jwks.data, (size_t)(at - buf_text(&fake->jwks)));
	buf_printf(document, "\"cloud_instance_name\":\"moon.example\",%s", at);
	buf_printf(openid,
		   "{\"issuer\":\"" FAKELOGIN_AUTHORITY "/{tenantid}/v2.0\","
		   "\"jwks_uri\":\"" FAKELOGIN_AUTHORITY KEYS_URL "\"%s}",
		   of_openid);
	fakelogin_rule(fake, (struct fake_rule){"openid-configuration", 200, 0, buf_text(openid),
						-1, -1, 0});
	fakelogin_rule(fake, (struct fake_rule){KEYS_URL, 200, 0, buf_text(document), DAY, -1, 0});
}

static void a_cloud_without_a_known_name_is_the_one_that_its_authority_says(void **state)
{
	static const struct {
		const char *openid;
		enum reason reason;
	} rows[] = {
		{"", REASON_KEYS_MALFORMED},
		{",\"cloud_instance_name\":\"sun.example\"", REASON_KEYS_MALFORMED},
		{",\"cloud_instance_name\":\"moon.example\"", REASON_NONE},
	};
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, CONF_PATH,
		      "tenant " CERTMAKE_TID "\nauthority " FAKELOGIN_AUTHORITY "\n", 0644);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF document = {0};
		AUTO_BUF openid = {0};

		name_cloud(fake, rows[i].openid, &openid, &document);
		pass(fake, KEYS_COLD_RETRY_S);
		assert_int_equal(ask(fake, &fake->ca_blob), rows[i].reason);
	}
}

static void without_an_authority_nobody_is_trusted(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, CONF_PATH, "tenant " CERTMAKE_TID "\n", 0644);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NOT_CONFIGURED);
}

/* ---- offline */

static enum reason look(struct fakelogin *fake, const struct buf *blob, struct keys_look *ret)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	fakelogin_load(fake, &conf);
	return keys_check_offline(fakelogin_sys(fake), &conf, CERTMAKE_TID, buf_bytes(blob), ret,
				  &err) == 0
		       ? REASON_NONE
		       : reason_of(&err);
}

static void offline_nothing_is_asked_and_the_age_is_told(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF other = {0};
	struct keys_look seen;
	EVP_PKEY *key = certmake_key(2048, &other);

	fakelogin_entra(fake);
	assert_int_equal(look(fake, &fake->ca_blob, &seen), REASON_NONE);
	assert_int_equal(seen.state, KEYCACHE_GONE);
	assert_int_equal(fake->shared->requests, 0);
	assert_int_equal(ask(fake, &fake->ca_blob), REASON_NONE);
	pass(fake, DAY * 3 / 4);
	assert_int_equal(look(fake, &fake->ca_blob, &seen), REASON_NONE);
	assert_int_equal(seen.state, KEYCACHE_AGEING);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.fetched_s, (int64_t)FAKELOGIN_NOW_S);
	assert_int_equal(seen.expires_s, (int64_t)FAKELOGIN_NOW_S + DAY);
	assert_int_equal(look(fake, &other, &seen), REASON_CA_NOT_TRUSTED);
	pass(fake, 2 * DAY);
	assert_int_equal(look(fake, &other, &seen), REASON_NONE);
	assert_int_equal(seen.state, KEYCACHE_GONE);
	assert_int_equal(fake->shared->requests, 2);
	EVP_PKEY_free(key);
}

static void offline_a_pinned_file_is_the_source_too(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF other = {0};
	struct keys_look seen;
	EVP_PKEY *key = certmake_key(2048, &other);

	fakelogin_conf(fake, "keys_file /etc/pinned.json\n");
	assert_int_equal(look(fake, &fake->ca_blob, &seen), REASON_KEYS_UNREACHABLE);
	scratch_write(&fake->scratch, "/etc/pinned.json", buf_text(&fake->jwks), 0644);
	assert_int_equal(look(fake, &fake->ca_blob, &seen), REASON_NONE);
	assert_true(seen.pinned);
	assert_int_equal(seen.count, 1);
	assert_int_equal(look(fake, &other, &seen), REASON_CA_NOT_TRUSTED);
	EVP_PKEY_free(key);
}

static void offline_without_an_authority_is_not_configured(void **state)
{
	struct fakelogin *fake = *state;
	struct keys_look seen;

	scratch_write(&fake->scratch, CONF_PATH, "tenant " CERTMAKE_TID "\n", 0644);
	assert_int_equal(look(fake, &fake->ca_blob, &seen), REASON_NOT_CONFIGURED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_fresh_set_is_asked_for_once),
		T(offline_nothing_is_asked_and_the_age_is_told),
		T(offline_a_pinned_file_is_the_source_too),
		T(offline_without_an_authority_is_not_configured),
		T(a_key_of_a_fresh_set_is_at_hand_and_no_other),
		T(it_is_refreshed_ahead_of_its_end),
		T(a_key_that_was_rolled_away_is_refused_after_the_refresh),
		T(a_new_key_is_found_at_once_but_looked_for_once_a_minute),
		T(expired_keys_serve_a_day_while_the_service_is_down),
		T(an_outage_is_not_asked_about_at_every_login),
		T(without_keys_a_failed_fetch_is_repeated_after_seconds),
		T(a_time_of_the_last_try_in_the_future_does_not_count),
		T(who_has_keys_does_not_wait_for_who_refreshes),
		T(who_has_keys_is_not_held_up_by_a_service_that_hangs),
		T(who_has_none_does_not_wait_for_ever),
		T(who_has_none_takes_what_the_other_got),
		T(a_cache_that_others_can_write_is_not_believed),
		T(a_pinned_file_needs_no_network),
		T(a_cloud_without_a_known_name_is_the_one_that_its_authority_says),
		T(without_an_authority_nobody_is_trusted),
	};
	struct CMUnitTest list[ARRAY_LEN(max_ages) + ARRAY_LEN(replies)] = {{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(max_ages); i++)
		list[n++] = (struct CMUnitTest){.name = max_ages[i].name,
						.test_func = max_age,
						.initial_state = &max_ages[i]};
	for (size_t i = 0; i < ARRAY_LEN(replies); i++)
		list[n++] = (struct CMUnitTest){
			.name = replies[i].name, .test_func = reply, .initial_state = &replies[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
