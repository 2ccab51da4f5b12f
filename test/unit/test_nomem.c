/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of the parsers fails once, the first, then the second, and so on: each time
 * the answer must be -ENOMEM, and nothing may leak or be written.  Linked with --wrap, so that this
 * holds for our own allocations, not for those inside shared libraries.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/authkeys.h"
#include "lib/core/base64.h"
#include "lib/core/cert.h"
#include "lib/core/checkaccess.h"
#include "lib/core/claims.h"
#include "lib/core/cleanup.h"
#include "lib/core/handoff.h"
#include "lib/core/jwks.h"
#include "lib/core/roles.h"
#include "test/unit/source.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
char *__wrap_strdup(const char *text);

static bool armed;
static size_t left; /* allocations that still succeed */

static bool fails(void)
{
	return armed && left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
	return fails() ? NULL : __real_realloc(ptr, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

/* Read before anything fails. */
static struct buf keys, assignments, denies;

static int read_inputs(void **state)
{
	(void)state;
	source_read("test/data/jwks/tenant.json", &keys);
	source_read("test/data/roles/assignments-2.json", &assignments);
	source_read("test/data/roles/denies.json", &denies);
	return 0;
}

static int drop_inputs(void **state)
{
	(void)state;
	buf_done(&keys);
	buf_done(&assignments);
	buf_done(&denies);
	return 0;
}

static int decode(struct err *err)
{
	AUTO_BUF bytes = {0};

	return base64_decode(SPAN_LIT("Zm9v"), &bytes, err);
}

static int decode_url(struct err *err)
{
	AUTO_BUF bytes = {0};

	return base64url_decode(SPAN_LIT("Zm8"), &bytes, err);
}

static int fingerprint(struct err *err)
{
	char text[CERT_FINGERPRINT_SIZE];

	return cert_fingerprint(SPAN_LIT("key"), text, err);
}

static int read_authorized_keys(struct err *err)
{
	struct authkeys in = {
		.rest = SPAN_LIT(
			"restrict ssh-ed25519 "
			"AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n")};
	struct authkey key;
	int r = authkeys_next(&in, &key, err);

	return r == 1 ? 0 : r;
}

static int parse_keys(struct err *err)
{
	AUTO_JWKS set = {0};

	return jwks_parse(buf_bytes(&keys), "0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44", NULL, &set,
			  err);
}

static int parse_openid(struct err *err)
{
	CLEANUP(openid_done) struct openid openid = {NULL, NULL};

	return openid_parse(
		SPAN_LIT("{\"issuer\":\"https://a/{tenantid}/\",\"jwks_uri\":\"https://a/k\","
			 "\"cloud_instance_name\":\"a\"}"),
		"x", "https://a", &openid, err);
}

static int parse_claims(struct err *err)
{
	/* {"aud":"a","exp":1,"oid":OID,"tid":OID} */
	static const char token[] =
		"e30."
		"eyJhdWQiOiJhIiwiZXhwIjoxLCJvaWQiOiI2ZDFmMGE1Mi05M2M0LTRiZTEtOGYwNy0yZjZjMWI3YTllMz"
		"AiLCJ0"
		"aWQiOiI2ZDFmMGE1Mi05M2M0LTRiZTEtOGYwNy0yZjZjMWI3YTllMzAifQ.c2ln";
	struct claims claims;

	return claims_parse(span_of(token), &claims, err);
}

static int parse_assignments(struct err *err)
{
	AUTO_ROLES roles = {0};
	const char *next;

	return roles_add_assignments(&roles, buf_bytes(&assignments),
				     "https://management.azure.com", &next, err);
}

static int parse_denies(struct err *err)
{
	AUTO_ROLES roles = {0};
	const char *next;

	return roles_add_denies(&roles, buf_bytes(&denies), "https://management.azure.com", &next,
				err);
}

static int ask_service(struct err *err)
{
	const struct conf conf = {.role_backend = BACKEND_PDP,
				  .pdp = (char[]){"https://west.example.com"},
				  .resource_id = (char[]){"/subscriptions/s"}};
	AUTO_CHECKACCESS_SERVICE service = {.base = NULL};
	AUTO_BUF text = {0};
	int r = checkaccess_service(&conf, &service, err);

	return r < 0 ? r : checkaccess_question(conf.resource_id, "x", &text, err);
}

static int format_record(struct err *err)
{
	struct handoff record = {.boottime_ns = 1,
				 .name = "a@contoso.com",
				 .cert = {.data = (char[]){"x"}, .len = 1}};
	AUTO_BUF text = {0};

	return handoff_format(&record, &text, err);
}

static int parse_record(struct err *err)
{
	AUTO_HANDOFF record = {0};

	return handoff_parse(SPAN_LIT("aadsshlogin-handoff 1\nboottime 1\nname "
				      "a@contoso.com\ncertificate Zm9v\n"),
			     &record, err);
}

struct work {
	const char *name;
	int (*run)(struct err *err);
};

/* clang-format off */
static struct work works[] = {
	{"base64", decode},
	{"base64url", decode_url},
	{"fingerprint", fingerprint},
	{"authorized keys", read_authorized_keys},
	{"key set", parse_keys},
	{"OpenID configuration", parse_openid},
	{"claims", parse_claims},
	{"role assignments", parse_assignments},
	{"deny assignments", parse_denies},
	{"question to a service", ask_service},
	{"hand-off record, written", format_record},
	{"hand-off record, read", parse_record},
};
/* clang-format on */

static void tells_that_there_is_no_memory(void **state)
{
	const struct work *work = *state;
	size_t allocations = 0;
	struct err err;
	int r;

	for (;;) {
		err = (struct err){0};
		left = allocations;
		armed = true;
		r = work->run(&err);
		armed = false;
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(err.code, ENOMEM);
		allocations++;
	}
	assert_int_not_equal(allocations, 0);
}

int main(void)
{
	struct CMUnitTest list[ARRAY_LEN(works)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(works); i++)
		list[i] = (struct CMUnitTest){.name = works[i].name,
					      .test_func = tells_that_there_is_no_memory,
					      .initial_state = &works[i]};
	return cmocka_run_group_tests(list, read_inputs, drop_inputs);
}
