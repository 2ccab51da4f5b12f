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

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/keycache.h"
#include "test/unit/certmake.h"

#define NOW 1000000
#define LIFE 4000

static char authority[] = "https://login.example";
static char cloud[] = "microsoftonline.com";
static const struct conf conf = {.authority = authority, .cloud = cloud};
static struct jwks_key key;

static int make_key(void **state)
{
	struct buf blob = {0};
	EVP_PKEY *pkey = certmake_key(2048, &blob);

	(void)state;
	memcpy(key.blob, blob.data, blob.len);
	key.len = blob.len;
	EVP_PKEY_free(pkey);
	buf_done(&blob);
	return 0;
}

/* ---- how long it lives */

struct age {
	const char *name;
	int64_t fetched_s, expires_s;
	size_t count;
	enum keycache_state state;
};

static struct age ages[] = {
	{"a new one is fresh", NOW, NOW + LIFE, 1, KEYCACHE_FRESH},
	{"three quarters later it is still fresh", NOW - 2999, NOW + 1001, 1, KEYCACHE_FRESH},
	{"the last quarter is ageing", NOW - 3000, NOW + 1000, 1, KEYCACHE_AGEING},
	{"the last second is ageing", NOW - LIFE + 1, NOW + 1, 1, KEYCACHE_AGEING},
	{"then it is stale", NOW - LIFE, NOW, 1, KEYCACHE_STALE},
	{"for a day", NOW - LIFE - 86399, NOW - 86399, 1, KEYCACHE_STALE},
	{"and no longer", NOW - LIFE - 86400, NOW - 86400, 1, KEYCACHE_GONE},
	{"without keys it is gone", NOW, NOW + LIFE, 0, KEYCACHE_GONE},
	{"a clock that was set back a little is nothing", NOW + 300, NOW + LIFE, 1, KEYCACHE_FRESH},
	{"one from the future is gone", NOW + 301, NOW + LIFE, 1, KEYCACHE_GONE},
};

static void age(void **state)
{
	const struct age *row = *state;
	struct keycache cache = {
		row->fetched_s, row->expires_s, {.keys = &key, .count = row->count}};

	assert_int_equal(keycache_judge(&cache, NOW), row->state);
}

/* ---- its form */

static void what_was_written_is_read(void **state)
{
	struct keycache cache = {NOW, NOW + LIFE, {.keys = &key, .count = 1}};
	AUTO_KEYCACHE got = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(keycache_format(&cache, &conf, CERTMAKE_TID, &text, &err), 0);
	assert_int_equal(keycache_parse(buf_bytes(&text), &conf, CERTMAKE_TID, &got, &err), 0);
	assert_int_equal(got.fetched_s, NOW);
	assert_int_equal(got.expires_s, NOW + LIFE);
	assert_int_equal(got.keys.count, 1);
	assert_non_null(jwks_find(&got.keys, (struct span){key.blob, key.len}));
}

/* %s stands for a good key. */
static const char *wrong[] = {
	"",
	"aadsshlogin-keys 2\nsource https://login.example " CERTMAKE_TID
	" microsoftonline.com\nfetched 1\nexpires 2\nkey %s\nend\n",
	"aadsshlogin-keys 1\nsource https://login.other " CERTMAKE_TID
	" microsoftonline.com\nfetched 1\nexpires 2\nkey %s\nend\n",
	"aadsshlogin-keys 1\nsource https://login.example 11111111-5f3e-4d52-a6b8-7e9d3c2f1a44"
	" microsoftonline.com\nfetched 1\nexpires 2\nkey %s\nend\n",
	"aadsshlogin-keys 1\nsource https://login.example " CERTMAKE_TID
	" -\nfetched 1\nexpires 2\nkey %s\nend\n",
#define HEAD                                                                                       \
	"aadsshlogin-keys 1\nsource https://login.example " CERTMAKE_TID " microsoftonline.com\n"
	HEAD "fetched 3\nexpires 2\nkey %s\nend\n",
	HEAD "fetched 1\nexpires 86402\nkey %s\nend\n",
	HEAD "fetched -1\nexpires 2\nkey %s\nend\n",
	HEAD "expires 2\nkey %s\nend\n",
	HEAD "fetched 1\nexpires 2\nend\n",
	HEAD "fetched 1\nexpires 2\nkey %s\n",
	HEAD "fetched 1\nexpires 2\nkey %s\nend",
	HEAD "fetched 1\nexpires 2\nkey %s\nend\nmore\n",
	HEAD "fetched 1\nexpires 2\nkey AAAA\nend\n",
	HEAD "fetched 1\nexpires 2\nkey %s x\nend\n",
};

static void every_other_form_is_refused(void **state)
{
	const char *text = *(const char **)*state, *mark = strstr(text, "%s");
	AUTO_KEYCACHE got = {0};
	AUTO_BUF whole = {0};
	struct err err = {0};

	buf_add(&whole, text, mark ? (size_t)(mark - text) : strlen(text));
	if (mark) {
		base64_encode((struct span){key.blob, key.len}, &whole);
		buf_str(&whole, mark + 2);
	}
	assert_int_equal(keycache_parse(buf_bytes(&whole), &conf, CERTMAKE_TID, &got, &err),
			 -EBADMSG);
	assert_int_equal(got.keys.count, 0);
}

static void more_keys_than_are_used_anywhere_are_refused(void **state)
{
	AUTO_KEYCACHE got = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	buf_str(&text, HEAD "fetched 1\nexpires 2\n");
	for (int i = 0; i < JWKS_KEYS_MAX + 1; i++) {
		buf_str(&text, "key ");
		base64_encode((struct span){key.blob, key.len}, &text);
		buf_str(&text, "\n");
	}
	buf_str(&text, "end\n");
	assert_int_equal(keycache_parse(buf_bytes(&text), &conf, CERTMAKE_TID, &got, &err),
			 -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(more_keys_than_are_used_anywhere_are_refused),
	};
	struct CMUnitTest list[ARRAY_LEN(ages) + ARRAY_LEN(wrong)] = {{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(ages); i++)
		list[n++] = (struct CMUnitTest){
			.name = ages[i].name, .test_func = age, .initial_state = &ages[i]};
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		list[n++] = (struct CMUnitTest){.name = "every_other_form_is_refused",
						.test_func = every_other_form_is_refused,
						.initial_state = &wrong[i]};
	return cmocka_run_group_tests(tests, make_key, NULL) ||
	       cmocka_run_group_tests_name("rows", list, make_key, NULL);
}
