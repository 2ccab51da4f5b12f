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
#include "lib/core/jwks.h"
#include "lib/core/reason.h"
#include "test/unit/source.h"

#define TENANT "0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44"
#define CONSUMERS "9188040d-6c67-4c5b-b112-36a304b66dad"
#define CLOUD "microsoftonline.com"
#define LOGIN "https://login.microsoftonline.com"

/* ---- a document as Entra publishes it */

static void read_tenant(const char *tenant, const char *cloud, struct jwks *ret)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	source_read("test/data/jwks/tenant.json", &text);
	assert_int_equal(jwks_parse(buf_bytes(&text), tenant, cloud, ret, &err), 0);
}

static void the_keys_of_tenant_and_cloud_are_used(void **state)
{
	AUTO_JWKS set = {0};

	(void)state;
	read_tenant(TENANT, CLOUD, &set);
	assert_int_equal(set.count, 3);
	assert_string_equal(set.keys[0].kid, "ca");
	assert_string_equal(set.keys[1].kid, "rolled");
	assert_string_equal(set.keys[2].kid, "tenant");
	assert_int_equal(set.verdicts[JWKS_USED], 3);
	assert_int_equal(set.verdicts[JWKS_ISSUER], 2);
	assert_int_equal(set.verdicts[JWKS_CLOUD], 1);
	assert_int_equal(set.verdicts[JWKS_USE], 1);
	assert_int_equal(set.verdicts[JWKS_KIND], 1);
}

static void without_a_cloud_a_key_that_names_one_is_not_used(void **state)
{
	AUTO_JWKS set = {0};

	(void)state;
	read_tenant(TENANT, NULL, &set);
	assert_int_equal(set.verdicts[JWKS_CLOUD], 6);
	assert_int_equal(set.count, 0);
}

static void the_consumers_issuer_never_matches(void **state)
{
	AUTO_JWKS set = {0};

	(void)state;
	read_tenant(CONSUMERS, CLOUD, &set);
	assert_int_equal(set.count, 2); /* those of the template */
	assert_int_equal(set.verdicts[JWKS_ISSUER], 3);
}

static void a_certificates_ca_is_found(void **state)
{
	AUTO_BUF text = {0};
	AUTO_BUF blob = {0};
	AUTO_JWKS set = {0};
	struct span in, word;
	struct err err = {0};

	(void)state;
	source_read("test/data/cert/ca.pub", &text);
	in = buf_bytes(&text);
	assert_true(span_word(&in, &word) && span_word(&in, &word));
	assert_int_equal(base64_decode(word, &blob, &err), 0);
	read_tenant(TENANT, CLOUD, &set);
	assert_ptr_equal(jwks_find(&set, buf_bytes(&blob)), &set.keys[0]);
	blob.data[100] ^= 1;
	assert_null(jwks_find(&set, buf_bytes(&blob)));
	blob.data[100] ^= 1;
	blob.len--;
	assert_null(jwks_find(&set, buf_bytes(&blob)));
	assert_null(jwks_find(&set, SPAN_LIT("")));
}

static void an_empty_set_finds_nothing(void **state)
{
	const struct jwks set = {0};

	(void)state;
	assert_null(jwks_find(&set, SPAN_LIT("")));
}

/* ---- single keys */

#define RSA "\"kty\":\"RSA\",\"use\":\"sig\""
#define F4 "\"AQAB\""

/* clang-format off */
static struct row {
	const char *name;
	const char *members;
	const char *e;
	char first; size_t chars; char last; /* of n in base64url, with A between */
	enum jwks_verdict verdict;
} rows[] = {
	{"2048 bits", RSA, F4, 'g', 342, 'Q', JWKS_USED},
	{"8192 bits", RSA, F4, 'g', 1366, 'Q', JWKS_USED},
	{"2047 bits", RSA, F4, 'f', 342, 'Q', JWKS_SIZE},
	{"8200 bits", RSA, F4, 'g', 1367, 'E', JWKS_SIZE},
	{"even", RSA, F4, 'g', 342, 'g', JWKS_SIZE},
	{"exponent 3", RSA, "\"Aw\"", 'g', 342, 'Q', JWKS_SIZE},
	{"leading zero byte", RSA, F4, 'A', 343, 'E', JWKS_MALFORMED},
	{"exponent with a leading zero", RSA, "\"AAEAAQ\"", 'g', 342, 'Q', JWKS_MALFORMED},
	{"stray bits", RSA, F4, 'g', 342, 'R', JWKS_MALFORMED},
	{"padding", RSA, F4, 'g', 342, '=', JWKS_MALFORMED},
	{"exponent empty", RSA, "\"\"", 'g', 342, 'Q', JWKS_MALFORMED},
	{"exponent null", RSA, "null", 'g', 342, 'Q', JWKS_MALFORMED},
	{"exponent a number", RSA, "65537", 'g', 342, 'Q', JWKS_MALFORMED},
	{"no kty", "\"use\":\"sig\"", F4, 'g', 342, 'Q', JWKS_KIND},
	{"kty rsa", "\"kty\":\"rsa\",\"use\":\"sig\"", F4, 'g', 342, 'Q', JWKS_KIND},
	{"kty an array", "\"kty\":[],\"use\":\"sig\"", F4, 'g', 342, 'Q', JWKS_MALFORMED},
	{"no use", "\"kty\":\"RSA\"", F4, 'g', 342, 'Q', JWKS_USE},
	{"use enc", "\"kty\":\"RSA\",\"use\":\"enc\"", F4, 'g', 342, 'Q', JWKS_USE},
	{"own cloud", RSA ",\"cloud_instance_name\":\"" CLOUD "\"", F4, 'g', 342, 'Q', JWKS_USED},
	{"other cloud", RSA ",\"cloud_instance_name\":\"microsoftonline.us\"", F4, 'g', 342, 'Q', JWKS_CLOUD},
	{"empty cloud", RSA ",\"cloud_instance_name\":\"\"", F4, 'g', 342, 'Q', JWKS_CLOUD},
	{"cloud a number", RSA ",\"cloud_instance_name\":7", F4, 'g', 342, 'Q', JWKS_MALFORMED},
	{"own issuer", RSA ",\"issuer\":\"" LOGIN "/" TENANT "/v2.0\"", F4, 'g', 342, 'Q', JWKS_USED},
	{"own issuer without a path", RSA ",\"issuer\":\"" LOGIN "/" TENANT "\"", F4, 'g', 342, 'Q', JWKS_USED},
	{"template", RSA ",\"issuer\":\"" LOGIN "/{tenantid}/v2.0\"", F4, 'g', 342, 'Q', JWKS_USED},
	{"issuer with a longer name", RSA ",\"issuer\":\"" LOGIN "/" TENANT "0/v2.0\"", F4, 'g', 342, 'Q', JWKS_ISSUER},
	{"tenant later in the issuer", RSA ",\"issuer\":\"" LOGIN "/x/" TENANT "\"", F4, 'g', 342, 'Q', JWKS_ISSUER},
	{"issuer without a scheme", RSA ",\"issuer\":\"" TENANT "\"", F4, 'g', 342, 'Q', JWKS_ISSUER},
	{"issuer without a tenant", RSA ",\"issuer\":\"" LOGIN "\"", F4, 'g', 342, 'Q', JWKS_ISSUER},
	{"consumers", RSA ",\"issuer\":\"" LOGIN "/" CONSUMERS "/v2.0\"", F4, 'g', 342, 'Q', JWKS_ISSUER},
	{"issuer an object", RSA ",\"issuer\":{}", F4, 'g', 342, 'Q', JWKS_MALFORMED},
	{"kid a number", RSA ",\"kid\":7", F4, 'g', 342, 'Q', JWKS_MALFORMED},
};
/* clang-format on */

static void add_key(struct buf *text, const struct row *row)
{
	buf_printf(text, "{%s,\"e\":%s,\"n\":\"%c", row->members, row->e, row->first);
	for (size_t i = 2; i < row->chars; i++)
		buf_str(text, "A");
	buf_printf(text, "%c\"}", row->last);
}

static void gets_its_verdict(void **state)
{
	const struct row *row = *state;
	AUTO_JWKS set = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	buf_str(&text, "{\"keys\":[");
	add_key(&text, row);
	buf_str(&text, "]}");
	assert_int_equal(jwks_parse(buf_bytes(&text), TENANT, CLOUD, &set, &err), 0);
	for (enum jwks_verdict i = 0; i < JWKS_VERDICTS; i++)
		assert_int_equal(set.verdicts[i], i == row->verdict);
	assert_int_equal(set.count, row->verdict == JWKS_USED);
}

static void a_name_is_kept_when_it_is_plain(void **state)
{
	static const struct {
		const char *members, *kid;
	} names[] = {
		{RSA ",\"kid\":\"a-B_9\"", "a-B_9"}, {RSA, ""}, {RSA ",\"kid\":\"a\\nb\"", ""}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct row row = {.members = names[i].members,
					.e = F4,
					.first = 'g',
					.chars = 342,
					.last = 'Q'};
		AUTO_JWKS set = {0};
		AUTO_BUF text = {0};
		struct err err = {0};

		buf_str(&text, "{\"keys\":[");
		add_key(&text, &row);
		buf_str(&text, "]}");
		assert_int_equal(jwks_parse(buf_bytes(&text), TENANT, CLOUD, &set, &err), 0);
		assert_int_equal(set.count, 1);
		assert_string_equal(set.keys[0].kid, names[i].kid);
	}
}

static void only_so_many_keys_are_used(void **state)
{
	AUTO_JWKS set = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	buf_str(&text, "{\"keys\":[7");
	for (size_t i = 0; i < JWKS_KEYS_MAX + 3; i++) {
		buf_str(&text, ",");
		add_key(&text, &rows[0]);
	}
	buf_str(&text, "]}");
	assert_int_equal(jwks_parse(buf_bytes(&text), TENANT, CLOUD, &set, &err), 0);
	assert_int_equal(set.count, JWKS_KEYS_MAX);
	assert_int_equal(set.verdicts[JWKS_SURPLUS], 3);
}

static void every_verdict_has_its_words(void **state)
{
	(void)state;
	for (enum jwks_verdict i = 0; i < JWKS_VERDICTS; i++)
		for (enum jwks_verdict j = 0; j < i; j++)
			assert_string_not_equal(jwks_verdict_text(i), jwks_verdict_text(j));
}

/* ---- documents of other forms */

static void a_document_of_another_form_is_refused(void **state)
{
	static const char *const texts[] = {"",
					    "keys",
					    "[]",
					    "{}",
					    "{\"keys\":null}",
					    "{\"keys\":{}}",
					    "{\"keys\":[]",
					    "{\"keys\":[],\"keys\":[]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct jwks set = {.count = 7};
		struct err err = {0};

		assert_int_equal(jwks_parse(span_of(texts[i]), TENANT, CLOUD, &set, &err),
				 -EBADMSG);
		assert_int_equal(err.reason, REASON_KEYS_MALFORMED);
		assert_int_equal(set.count, 7);
	}
}

static void elements_that_are_no_objects_are_no_keys(void **state)
{
	AUTO_JWKS set = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		jwks_parse(SPAN_LIT("{\"keys\":[7,null,\"x\",[]]}"), TENANT, CLOUD, &set, &err), 0);
	assert_int_equal(set.count, 0);
	assert_int_equal(set.verdicts[JWKS_KIND], 4);
}

static void a_long_document_is_refused(void **state)
{
	AUTO_FREE char *text = malloc(JWKS_DOCUMENT_MAX + 1);
	struct span whole = {(unsigned char *)text, JWKS_DOCUMENT_MAX + 1};
	AUTO_JWKS set = {0};
	struct err err = {0};
	struct openid openid;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', JWKS_DOCUMENT_MAX + 1);
	memcpy(text, "{\"keys\":[]}", strlen("{\"keys\":[]}"));
	assert_int_equal(jwks_parse(whole, TENANT, CLOUD, &set, &err), -EMSGSIZE);
	assert_int_equal(openid_parse(whole, TENANT, LOGIN, &openid, &err), -EMSGSIZE);
	whole.len--;
	assert_int_equal(jwks_parse(whole, TENANT, CLOUD, &set, &err), 0);
}

/* ---- the OpenID configuration */

/* clang-format off */
static struct openid_row {
	const char *name, *text;
	bool ok;
	const char *cloud;
} openids[] = {
	{"own tenant", "{\"issuer\":\"" LOGIN "/" TENANT "/v2.0\",\"jwks_uri\":\"" LOGIN "/k\"}", true, NULL},
	{"template", "{\"issuer\":\"" LOGIN "/{tenantid}/v2.0\",\"jwks_uri\":\"" LOGIN "/k\"}", true, NULL},
	{"its cloud", "{\"issuer\":\"" LOGIN "/{tenantid}/v2.0\",\"jwks_uri\":\"" LOGIN "/k\",\"cloud_instance_name\":\"moon.example\"}", true, "moon.example"},
	{"cloud a number", "{\"issuer\":\"" LOGIN "/{tenantid}/v2.0\",\"jwks_uri\":\"" LOGIN "/k\",\"cloud_instance_name\":7}", false, NULL},
	{"issuer of another host", "{\"issuer\":\"https://sts.example/" TENANT "/\",\"jwks_uri\":\"" LOGIN "/k\"}", true, NULL},
	{"other tenant", "{\"issuer\":\"" LOGIN "/" CONSUMERS "/v2.0\",\"jwks_uri\":\"" LOGIN "/k\"}", false, NULL},
	{"no issuer", "{\"jwks_uri\":\"" LOGIN "/k\"}", false, NULL},
	{"issuer a number", "{\"issuer\":7,\"jwks_uri\":\"" LOGIN "/k\"}", false, NULL},
	{"no jwks_uri", "{\"issuer\":\"" LOGIN "/" TENANT "/v2.0\"}", false, NULL},
	{"keys on another host", "{\"issuer\":\"" LOGIN "/" TENANT "/v2.0\",\"jwks_uri\":\"https://evil.example/k\"}", false, NULL},
	{"keys without TLS", "{\"issuer\":\"" LOGIN "/" TENANT "/v2.0\",\"jwks_uri\":\"http://login.microsoftonline.com/k\"}", false, NULL},
	{"keys an array", "{\"issuer\":\"" LOGIN "/" TENANT "/v2.0\",\"jwks_uri\":[]}", false, NULL},
	{"an array", "[]", false, NULL},
	{"no JSON", "<html>", false, NULL},
};
/* clang-format on */

static void leads_to_the_keys_or_is_refused(void **state)
{
	CLEANUP(openid_done) struct openid openid = {NULL, NULL};
	const struct openid_row *row = *state;
	struct err err = {0};

	assert_int_equal(openid_parse(span_of(row->text), TENANT, LOGIN, &openid, &err),
			 row->ok ? 0 : -EBADMSG);
	if (row->ok) {
		assert_string_equal(openid.jwks_uri, LOGIN "/k");
		assert_string_equal(openid.cloud ? openid.cloud : "", row->cloud ? row->cloud : "");
	} else {
		assert_null(openid.jwks_uri);
		assert_int_equal(err.reason, REASON_KEYS_MALFORMED);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_keys_of_tenant_and_cloud_are_used),
		cmocka_unit_test(without_a_cloud_a_key_that_names_one_is_not_used),
		cmocka_unit_test(the_consumers_issuer_never_matches),
		cmocka_unit_test(a_certificates_ca_is_found),
		cmocka_unit_test(an_empty_set_finds_nothing),
		cmocka_unit_test(a_name_is_kept_when_it_is_plain),
		cmocka_unit_test(only_so_many_keys_are_used),
		cmocka_unit_test(every_verdict_has_its_words),
		cmocka_unit_test(a_document_of_another_form_is_refused),
		cmocka_unit_test(elements_that_are_no_objects_are_no_keys),
		cmocka_unit_test(a_long_document_is_refused),
	};
	struct CMUnitTest list[ARRAY_LEN(rows) + ARRAY_LEN(openids)] = {{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[n++] = (struct CMUnitTest){.name = rows[i].name,
						.test_func = gets_its_verdict,
						.initial_state = &rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(openids); i++)
		list[n++] = (struct CMUnitTest){.name = openids[i].name,
						.test_func = leads_to_the_keys_or_is_refused,
						.initial_state = &openids[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
