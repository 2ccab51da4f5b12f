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

#include "lib/core/base64.h"
#include "lib/core/claims.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"

#define TID "\"tid\":\"0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44\""
#define OID "\"oid\":\"6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30\""
#define AUD "\"aud\":\"https://management.azure.com/\""
#define EXP "\"exp\":1767315900"

#define GOOD "{" AUD "," EXP "," OID "," TID "}"

/* In base64url, which the token's parts are written in. */
static void add_payload(struct buf *ret, const char *payload)
{
	size_t from = ret->len;

	base64_encode(span_of(payload), ret);
	for (char *c = ret->data + from; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	while (ret->len && ret->data[ret->len - 1] == '=')
		ret->data[--ret->len] = '\0';
}

static void make_token(const char *payload, struct buf *ret)
{
	buf_str(ret, "eyJhbGciOiJSUzI1NiJ9.");
	add_payload(ret, payload);
	buf_str(ret, ".c2ln");
}

static void a_token_tells_its_claims(void **state)
{
	struct claims claims = {.tid = ""};
	struct err err = {0};
	AUTO_BUF token = {0};

	(void)state;
	make_token("{" AUD ",\"iss\":\"x\"," EXP ",\"nbf\":1," OID "," TID "}", &token);
	assert_int_equal(claims_parse(buf_bytes(&token), &claims, &err), 0);
	assert_string_equal(claims.tid, "0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44");
	assert_string_equal(claims.oid, "6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30");
	assert_string_equal(claims.aud, "https://management.azure.com/");
	assert_int_equal(claims.exp_s, 1767315900);
}

/* clang-format off */
static struct row {
	const char *name;
	const char *payload;
} rows[] = {
	{"no JSON", "secret"},
	{"an array", "[]"},
	{"a number", "7"},
	{"tid missing", "{" OID "," AUD "," EXP "}"},
	{"tid no GUID", "{\"tid\":\"common\"," OID "," AUD "," EXP "}"},
	{"tid a number", "{\"tid\":7," OID "," AUD "," EXP "}"},
	{"tid null", "{\"tid\":null," OID "," AUD "," EXP "}"},
	{"tid twice", "{" TID "," TID "," OID "," AUD "," EXP "}"},
	{"oid missing", "{" TID "," AUD "," EXP "}"},
	{"oid in capitals", "{\"oid\":\"6D1F0A52-93C4-4BE1-8F07-2F6C1B7A9E30\"," TID "," AUD "," EXP "}"},
	{"oid too long", "{\"oid\":\"6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e300\"," TID "," AUD "," EXP "}"},
	{"aud missing", "{" TID "," OID "," EXP "}"},
	{"aud empty", "{\"aud\":\"\"," TID "," OID "," EXP "}"},
	{"aud an array", "{\"aud\":[\"x\"]," TID "," OID "," EXP "}"},
	{"exp missing", "{" TID "," OID "," AUD "}"},
	{"exp a string", "{\"exp\":\"1767315900\"," TID "," OID "," AUD "}"},
	{"exp with a fraction", "{\"exp\":1767315900.5," TID "," OID "," AUD "}"},
	{"exp negative", "{\"exp\":-1," TID "," OID "," AUD "}"},
	{"exp over 63 bits", "{\"exp\":9223372036854775808," TID "," OID "," AUD "}"},
};
/* clang-format on */

static void is_refused(void **state)
{
	const struct row *row = *state;
	struct claims claims = {.exp_s = 7};
	struct err err = {0};
	AUTO_BUF token = {0};

	make_token(row->payload, &token);
	assert_int_equal(claims_parse(buf_bytes(&token), &claims, &err), -EBADMSG);
	assert_int_equal(err.reason, REASON_TOKEN_UNAVAILABLE);
	assert_null(strstr(err.msg, "secret"));
	assert_int_equal(claims.exp_s, 7);
}

static void a_token_has_three_parts(void **state)
{
	/* P stands for a good payload. */
	static const char *const shapes[] = {"",     "P",    ".P",   "P.",     ".P.",     "h.P",
					     ".P.s", "h.P.", "h..s", "h.P.s.", "h.P.s.s", "h.P=.s"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		AUTO_BUF token = {0};
		struct claims claims;
		struct err err = {0};

		for (const char *c = shapes[i]; *c; c++) {
			if (*c == 'P')
				add_payload(&token, GOOD);
			else
				buf_add(&token, c, 1);
		}
		assert_int_equal(claims_parse(buf_bytes(&token), &claims, &err), -EBADMSG);
	}
}

static void a_long_token_is_refused(void **state)
{
	AUTO_BUF token = {0};
	struct claims claims;
	struct err err = {0};

	(void)state;
	make_token(GOOD, &token);
	while (token.len < CLAIMS_TOKEN_MAX)
		buf_str(&token, "A");
	assert_int_equal(claims_parse(buf_bytes(&token), &claims, &err), 0);
	buf_str(&token, "A");
	assert_int_equal(claims_parse(buf_bytes(&token), &claims, &err), -EMSGSIZE);
}

static void a_long_audience_is_refused(void **state)
{
	char payload[1024], aud[CLAIMS_AUD_MAX + 2];

	(void)state;
	memset(aud, 'a', sizeof(aud));
	for (int extra = 0; extra <= 1; extra++) {
		AUTO_BUF token = {0};
		struct claims claims;
		struct err err = {0};

		(void)snprintf(payload, sizeof(payload),
			       "{\"aud\":\"%.*s\"," EXP "," OID "," TID "}", CLAIMS_AUD_MAX + extra,
			       aud);
		make_token(payload, &token);
		assert_int_equal(claims_parse(buf_bytes(&token), &claims, &err),
				 extra ? -EBADMSG : 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_tells_its_claims),
		cmocka_unit_test(a_token_has_three_parts),
		cmocka_unit_test(a_long_token_is_refused),
		cmocka_unit_test(a_long_audience_is_refused),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = is_refused, .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
