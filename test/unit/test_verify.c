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
#include "payload/login/verify.h"
#include "test/unit/fakelogin.h"

#define OTHER_GUID "11111111-93c4-4be1-8f07-2f6c1b7a9e30"

/* What is wrong with a certificate, or with the question. */
struct row {
	const char *name;
	const char *login; /* NULL: the usual one */
	const char *recorded_oid;
	const char *conf;
	void (*spoil)(struct certmake *shape);
	enum reason reason;
};

static void other_tenant(struct certmake *shape)
{
	shape->key_id = CERTMAKE_OID "@" OTHER_GUID;
	shape->extensions[7].text = OTHER_GUID;
}

static void key_id(struct certmake *shape)
{
	shape->key_id = OTHER_GUID "@" CERTMAKE_TID;
}

static void expired(struct certmake *shape)
{
	shape->after = (uint64_t)FAKELOGIN_NOW_S - 3900;
	shape->before = (uint64_t)FAKELOGIN_NOW_S;
}

static void not_yet(struct certmake *shape)
{
	shape->after = (uint64_t)FAKELOGIN_NOW_S + 1;
	shape->before = (uint64_t)FAKELOGIN_NOW_S + 3900;
}

static void host(struct certmake *shape)
{
	shape->user_type = 2;
}

static void critical(struct certmake *shape)
{
	shape->critical[0] = (struct certmake_pair){.name = "force-command", .text = "id"};
}

static void sha1(struct certmake *shape)
{
	shape->signature_type = "ssh-rsa";
	shape->digest = EVP_sha1();
}

/* A certificate that names the trusted CA but was signed by somebody else. */
static void forged(struct certmake *shape)
{
	static struct buf blob;

	shape->signer = certmake_key(2048, &blob);
	buf_done(&blob);
}

/* A whole certificate of a CA of somebody's own. */
static void other_ca(struct certmake *shape)
{
	static struct buf blob;

	buf_done(&blob);
	shape->signer = certmake_key(2048, &blob);
	shape->ca = buf_bytes(&blob);
}

static void other_ca_and_tenant(struct certmake *shape)
{
	other_ca(shape);
	other_tenant(shape);
}

static void two_principals(struct certmake *shape)
{
	shape->principals[1] = "root";
}

/* clang-format off */
static struct row rows[] = {
	{"a good certificate is accepted", NULL, NULL, NULL, NULL, REASON_NONE},
	{"and one whose oid is recorded", NULL, CERTMAKE_OID, NULL, NULL, REASON_NONE},
	{"a name that belongs to another oid", NULL, OTHER_GUID, NULL, NULL, REASON_OID_MISMATCH},
	{"somebody else's name", "bob@contoso.com", NULL, NULL, NULL, REASON_PRINCIPAL_MISMATCH},
	{"a tenant that is not allowed", NULL, NULL, NULL, other_tenant, REASON_TENANT_NOT_ALLOWED},
	{"is refused before its CA is looked at", NULL, NULL, NULL, other_ca_and_tenant, REASON_TENANT_NOT_ALLOWED},
	{"a key id of another account", NULL, NULL, NULL, key_id, REASON_CERT_IDENTITY},
	{"an expired one", NULL, NULL, NULL, expired, REASON_CERT_EXPIRED},
	{"one of the future", NULL, NULL, NULL, not_yet, REASON_CERT_NOT_YET_VALID},
	{"a host's", NULL, NULL, NULL, host, REASON_CERT_TYPE},
	{"one with a critical option", NULL, NULL, NULL, critical, REASON_CERT_OPTION},
	{"a signature with SHA-1", NULL, NULL, NULL, sha1, REASON_CERT_WEAK},
	{"a forged signature", NULL, NULL, NULL, forged, REASON_SIGNATURE_INVALID},
	{"another CA", NULL, NULL, NULL, other_ca, REASON_CA_NOT_TRUSTED},
	{"two principals", NULL, NULL, NULL, two_principals, REASON_CERT_PRINCIPAL},
	{"no authority to ask for keys", NULL, NULL, "tenant " CERTMAKE_TID "\n", NULL, REASON_NOT_CONFIGURED},
	{"no tenant", NULL, NULL, "authority https://login.example\n", NULL, REASON_TENANT_NOT_ALLOWED},
};
/* clang-format on */

static int verify(struct fakelogin *fake, const struct row *row, const struct certmake *shape,
		  struct verified *ret, struct buf *blob, struct err *err)
{
	AUTO_CONF conf = {0};

	certmake_build(shape, blob);
	if (row->conf)
		scratch_write(&fake->scratch, CONF_PATH, row->conf, 0644);
	fakelogin_load(fake, &conf);
	return verify_certificate(
		fakelogin_sys(fake), &conf, row->login ? row->login : FAKELOGIN_NAME,
		span_of(row->recorded_oid ? row->recorded_oid : ""), buf_bytes(blob), ret, err);
}

static int again(struct fakelogin *fake, const struct row *row, struct span blob, struct err *err)
{
	struct verified verified;
	AUTO_CONF conf = {0};

	*err = (struct err){0};
	fakelogin_load(fake, &conf);
	return verify_certificate(
		fakelogin_sys(fake), &conf, row->login ? row->login : FAKELOGIN_NAME,
		span_of(row->recorded_oid ? row->recorded_oid : ""), blob, &verified, err);
}

static void is_judged(void **state)
{
	const struct row *row = *state;
	struct fakelogin *fake = fakelogin_new();
	struct certmake shape = fakelogin_shape(fake);
	EVP_PKEY *ours = shape.signer;
	struct verified verified;
	struct err err = {0};
	AUTO_BUF blob = {0};

	fakelogin_entra(fake);
	if (row->spoil)
		row->spoil(&shape);
	assert_int_equal(verify(fake, row, &shape, &verified, &blob, &err),
			 row->reason ? -EACCES : 0);
	assert_int_equal(err.reason, row->reason);
	/* Now the keys are at hand, which must judge alike. */
	assert_int_equal(again(fake, row, buf_bytes(&blob), &err), row->reason ? -EACCES : 0);
	assert_int_equal(err.reason, row->reason);
	if (shape.signer != ours)
		EVP_PKEY_free(shape.signer);
	fakelogin_free(fake);
}

static void what_was_read_is_there_for_the_log(void **state)
{
	static const struct row row = {.login = "bob@contoso.com"};
	struct fakelogin *fake = *state;
	struct certmake shape = fakelogin_shape(fake);
	struct verified verified;
	struct err err = {0};
	AUTO_BUF blob = {0};

	fakelogin_entra(fake);
	assert_int_equal(verify(fake, &row, &shape, &verified, &blob, &err), -EACCES);
	assert_string_equal(verified.identity.oid, CERTMAKE_OID);
	assert_string_equal(verified.identity.tid, CERTMAKE_TID);
	assert_memory_equal(verified.ca, "SHA256:", 7);
	assert_true(span_is(verified.cert.key_id, CERTMAKE_OID "@" CERTMAKE_TID));
}

static void a_forgery_causes_no_request(void **state)
{
	static const struct row row = {.name = NULL};
	struct fakelogin *fake = *state;
	struct certmake shape = fakelogin_shape(fake);
	struct verified verified;
	struct err err = {0};
	AUTO_BUF blob = {0};

	forged(&shape);
	assert_int_equal(verify(fake, &row, &shape, &verified, &blob, &err), -EACCES);
	assert_int_equal(fake->shared->requests, 0);
	EVP_PKEY_free(shape.signer);
}

struct told {
	unsigned passed, failed; /* bits of checks */
	enum reason reason;
};

static void note(void *arg, enum verify_check check, const struct verified *verified,
		 const struct err *err)
{
	struct told *told = arg;

	(void)verified;
	assert_int_equal(told->failed, 0);
	assert_int_equal(told->passed, (1u << check) - 1);
	if (err) {
		told->failed = 1u << check;
		told->reason = reason_of(err);
	} else {
		told->passed |= 1u << check;
	}
}

/* The same rows, offline, with the keys in the cache. */
static void offline_is_judged(void **state)
{
	static const struct row usual = {.name = NULL};
	const struct row *row = *state;
	struct fakelogin *fake = fakelogin_new();
	struct certmake shape = fakelogin_shape(fake);
	struct told told = {.passed = 0};
	EVP_PKEY *ours = shape.signer;
	struct verified verified;
	AUTO_BUF blob = {0}, first = {0};
	struct err err = {0};
	AUTO_CONF conf = {0};
	int requests;

	fakelogin_entra(fake);
	assert_int_equal(verify(fake, &usual, &shape, &verified, &first, &err), 0);
	requests = fake->shared->requests;
	if (row->spoil)
		row->spoil(&shape);
	if (row->conf)
		scratch_write(&fake->scratch, CONF_PATH, row->conf, 0644);
	fakelogin_load(fake, &conf);
	certmake_build(&shape, &blob);
	assert_int_equal(verify_offline(fakelogin_sys(fake), &conf,
					row->login ? row->login : FAKELOGIN_NAME,
					span_of(row->recorded_oid ? row->recorded_oid : ""),
					buf_bytes(&blob), note, &told, &verified, &err),
			 row->reason ? -EACCES : 0);
	assert_int_equal(told.reason, row->reason);
	assert_int_equal(fake->shared->requests, requests);
	if (row->reason == REASON_NONE)
		assert_int_equal(told.passed, (1u << VERIFY_CHECKS) - 1);
	if (shape.signer != ours)
		EVP_PKEY_free(shape.signer);
	fakelogin_free(fake);
}

static void a_plain_key_is_not_ours(void **state)
{
	struct fakelogin *fake = *state;
	struct verified verified;
	struct err err = {0};
	AUTO_CONF conf = {0};

	fakelogin_load(fake, &conf);
	assert_int_equal(verify_certificate(fakelogin_sys(fake), &conf, FAKELOGIN_NAME,
					    (struct span){0}, buf_bytes(&fake->ca_blob), &verified,
					    &err),
			 -ENOTSUP);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(what_was_read_is_there_for_the_log),
		T(a_forgery_causes_no_request),
		T(a_plain_key_is_not_ours),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = is_judged, .initial_state = &rows[i]};
	if (cmocka_run_group_tests(tests, NULL, NULL) ||
	    cmocka_run_group_tests_name("rows", list, NULL, NULL))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i].test_func = offline_is_judged;
	return cmocka_run_group_tests_name("rows offline", list, NULL, NULL);
}
