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

#include <openssl/err.h>

#include "lib/core/base64.h"
#include "lib/core/cert.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "test/unit/certmake.h"
#include "test/unit/source.h"

/* The CA of the certificates that are made here. */
static EVP_PKEY *signer;
static struct buf ca;

static int make_ca(void **state)
{
	(void)state;
	signer = certmake_key(2048, &ca);
	return 0;
}

static int drop_ca(void **state)
{
	(void)state;
	EVP_PKEY_free(signer);
	buf_done(&ca);
	return 0;
}

/* The blob in a file that ssh-keygen wrote: `type base64 comment`. */
static void read_key(const char *path, struct buf *ret)
{
	AUTO_BUF text = {0};
	struct span in, type, base64;
	struct err err = {0};

	source_read(path, &text);
	in = buf_bytes(&text);
	assert_true(span_word(&in, &type) && span_word(&in, &base64));
	assert_int_equal(base64_decode(base64, ret, &err), 0);
}

/* All questions in the caller's order; the reason of the first that is answered with no. */
static enum reason judge(struct span blob, struct cert_identity *ret)
{
	struct cert cert;
	struct err err = {0};

	if (cert_parse(blob, &cert, &err) < 0 || cert_verify(&cert, &err) < 0 ||
	    cert_identify(&cert, ret, &err) < 0) {
		assert_true(err.msg[0] && err.code);
		return reason_of(&err);
	}
	return REASON_NONE;
}

/* ---- certificates that ssh-keygen made */

static struct file {
	const char *name;
	enum reason reason;
	const char *principal;
} files[] = {
	{"good-sha256", REASON_NONE, "Alice@contoso.com"},
	{"good-sha512", REASON_NONE, "Alice@contoso.com"},
	{"good-service", REASON_NONE, "1f2e3d4c-5b6a-4798-8897-a6b5c4d3e2f1"},
	{"bad-sha1", REASON_CERT_WEAK, ""},
	{"bad-ca-ecdsa", REASON_CA_TYPE, ""},
	{"bad-host", REASON_CERT_TYPE, ""},
	{"bad-two-principals", REASON_CERT_PRINCIPAL, ""},
	{"bad-principal", REASON_CERT_PRINCIPAL, ""},
	{"bad-command", REASON_CERT_OPTION, ""},
	{"bad-forever", REASON_CERT_WINDOW, ""},
	{"bad-key-id", REASON_CERT_IDENTITY, ""},
	{"bad-no-extensions", REASON_CERT_IDENTITY, ""},
};

static void is_judged_as_its_name_says(void **state)
{
	const struct file *file = *state;
	struct cert_identity identity = {.oid = ""};
	AUTO_BUF blob = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "test/data/cert/%s.pub", file->name);
	read_key(path, &blob);
	assert_int_equal(judge(buf_bytes(&blob), &identity), file->reason);
	assert_string_equal(identity.principal, file->principal);
	assert_string_equal(identity.oid, file->reason ? "" : CERTMAKE_OID);
	assert_string_equal(identity.tid, file->reason ? "" : CERTMAKE_TID);
}

static void other_keys_are_not_ours(void **state)
{
	static const char *const paths[] = {"test/data/cert/user.pub",
					    "test/data/cert/bad-user-ed25519.pub"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		AUTO_BUF blob = {0};
		struct err err = {0};
		struct cert cert;

		read_key(paths[i], &blob);
		assert_int_equal(cert_parse(buf_bytes(&blob), &cert, &err), -ENOTSUP);
	}
}

static void the_ca_key_is_the_one_that_signed(void **state)
{
	AUTO_BUF blob = {0};
	AUTO_BUF key = {0};
	AUTO_BUF expected = {0};
	char fingerprint[CERT_FINGERPRINT_SIZE];
	struct err err = {0};
	struct cert cert;

	(void)state;
	read_key("test/data/cert/good-sha256.pub", &blob);
	read_key("test/data/cert/ca.pub", &key);
	source_read("test/data/cert/ca.fingerprint", &expected);
	assert_int_equal(cert_parse(buf_bytes(&blob), &cert, &err), 0);
	assert_true(span_eq(cert.ca, buf_bytes(&key)));
	assert_int_equal(cert_fingerprint(cert.ca, fingerprint, &err), 0);
	assert_true(span_is(span_trim((struct span){buf_bytes(&expected).p, expected.len - 1}),
			    fingerprint));
}

/* ---- certificates of other shapes */

static void as_entra(struct certmake *shape)
{
	(void)shape;
}

static void guid_principal_in_capitals(struct certmake *shape)
{
	shape->principals[0] = "1F2E3D4C-5B6A-4798-8897-A6B5C4D3E2F1";
}

static void all_name_characters(struct certmake *shape)
{
	shape->principals[0] = "Zo.e_x-y+z'1!a#b^c~D@sub-1.Contoso.COM";
}

static void no_displayname(struct certmake *shape)
{
	memmove(shape->extensions, shape->extensions + 1, 7 * sizeof(shape->extensions[0]));
	shape->extensions[7].name = NULL;
}

static void whole_day(struct certmake *shape)
{
	shape->before = shape->after + CERT_WINDOW_MAX_S;
}

static void more_than_a_day(struct certmake *shape)
{
	shape->before = shape->after + CERT_WINDOW_MAX_S + 1;
}

static void window_is_empty(struct certmake *shape)
{
	shape->before = shape->after;
}

static void window_ends_before_it_begins(struct certmake *shape)
{
	shape->before = shape->after - 1;
}

static void user_type_is_0(struct certmake *shape)
{
	shape->user_type = 0;
}

static void critical_option_that_is_unknown(struct certmake *shape)
{
	shape->critical[0] = (struct certmake_pair){.name = "verify-required"};
}

static void extensions_unsorted(struct certmake *shape)
{
	struct certmake_pair first = shape->extensions[0];

	shape->extensions[0] = shape->extensions[1];
	shape->extensions[1] = first;
}

static void oid_twice(struct certmake *shape)
{
	shape->extensions[0] = shape->extensions[1];
}

static void extension_of_nothing(struct certmake *shape)
{
	shape->extensions[0] = (struct certmake_pair){.name = ""};
}

static void oid_missing(struct certmake *shape)
{
	shape->extensions[1].name = "oid@sshservice.azure.nets";
	shape->key_id = "@" CERTMAKE_TID;
}

static void tid_missing(struct certmake *shape)
{
	shape->extensions[7].name = NULL;
	shape->key_id = CERTMAKE_OID "@";
}

static void oid_without_value(struct certmake *shape)
{
	shape->extensions[1].text = NULL;
}

static void oid_in_capitals(struct certmake *shape)
{
	shape->extensions[1].text = "6D1F0A52-93C4-4BE1-8F07-2F6C1B7A9E30";
	shape->key_id = "6D1F0A52-93C4-4BE1-8F07-2F6C1B7A9E30@" CERTMAKE_TID;
}

static void oid_with_a_tail(struct certmake *shape)
{
	shape->extensions[1].text = CERTMAKE_OID "0";
}

static void bytes_behind_the_tid(struct certmake *shape)
{
	shape->extensions[7].tail = "x";
}

static void tid_of_another_tenant(struct certmake *shape)
{
	shape->extensions[7].text = "ffffffff-5f3e-4d52-a6b8-7e9d3c2f1a44";
}

static void key_id_longer(struct certmake *shape)
{
	shape->key_id = CERTMAKE_OID "@" CERTMAKE_TID "x";
}

static void key_id_empty(struct certmake *shape)
{
	shape->key_id = "";
}

static void no_principal(struct certmake *shape)
{
	shape->principals[0] = NULL;
}

static void empty_principal(struct certmake *shape)
{
	shape->principals[0] = "";
}

static void principal_with_a_comma(struct certmake *shape)
{
	shape->principals[0] = "alice,root@contoso.com";
}

static void principal_with_a_newline(struct certmake *shape)
{
	shape->principals[0] = "alice@contoso.com\nroot";
}

static void principal_not_ascii(struct certmake *shape)
{
	shape->principals[0] = "al\303\257ce@contoso.com";
}

static void principal_with_a_nul(struct certmake *shape)
{
	shape->raw_principals = SPAN_LIT("\0\0\0\x16"
					 "alice@contoso.com\0root");
}

static void principal_without_a_domain(struct certmake *shape)
{
	shape->principals[0] = "root";
}

static void long_principal(struct certmake *shape, size_t len)
{
	static const char domain[] = "@contoso.com";
	static char name[NAME_SIZE + 1];

	memset(name, 'a', len);
	memcpy(name + len - strlen(domain), domain, sizeof(domain));
	shape->principals[0] = name;
}

static void principal_of_256_bytes(struct certmake *shape)
{
	long_principal(shape, 256);
}

static void principal_of_257_bytes(struct certmake *shape)
{
	long_principal(shape, 257);
}

static void half_a_principal(struct certmake *shape)
{
	shape->raw_principals = SPAN_LIT("\0\0\0\x11"
					 "alice");
}

static void extension_without_a_value(struct certmake *shape)
{
	shape->raw_extensions = SPAN_LIT("\0\0\0\1a");
}

static void half_a_critical_option(struct certmake *shape)
{
	shape->raw_critical = SPAN_LIT("\0\0\0\1a\0\0");
}

static void half_an_extension(struct certmake *shape)
{
	shape->extensions[0].name = NULL;
	shape->raw_extensions = SPAN_LIT("\0\0\0\1a\0\0");
}

static void user_key_of_2047_bits(struct certmake *shape)
{
	static const unsigned char n[256] = {0x7f, [255] = 1};

	shape->n = (struct span){n, sizeof(n)};
}

static void user_key_over_8192_bits(struct certmake *shape)
{
	static const unsigned char n[1025] = {1, [1024] = 1};

	shape->n = (struct span){n, sizeof(n)};
}

static void user_key_is_even(struct certmake *shape)
{
	static const unsigned char n[256] = {0x7f};

	shape->n = (struct span){n, sizeof(n)};
}

static void user_exponent_is_3(struct certmake *shape)
{
	shape->e = SPAN_LIT("\3");
}

static void user_key_is_negative(struct certmake *shape)
{
	static const unsigned char n[256] = {0x80, [255] = 1};

	shape->n = (struct span){n, sizeof(n)};
}

static void user_key_has_a_spare_zero(struct certmake *shape)
{
	static const unsigned char n[257] = {0, 0x7f, [256] = 1};

	shape->n = (struct span){n, sizeof(n)};
}

static void user_exponent_is_zero(struct certmake *shape)
{
	shape->e = SPAN_LIT("");
}

static void sha1_with_sha2_name(struct certmake *shape)
{
	shape->digest = EVP_sha1();
}

static void sha256_called_sha512(struct certmake *shape)
{
	shape->signature_type = "rsa-sha2-512";
}

static void signature_called_ssh_rsa(struct certmake *shape)
{
	shape->signature_type = "ssh-rsa";
}

static void signature_called_a_certificate(struct certmake *shape)
{
	shape->signature_type = "rsa-sha2-256-cert-v01@openssh.com";
}

static void bytes_in_the_signature(struct certmake *shape)
{
	shape->signature_tail = SPAN_LIT("\0");
}

static void bytes_after_the_signature(struct certmake *shape)
{
	shape->tail = SPAN_LIT("\0");
}

static void ca_of_nothing(struct certmake *shape)
{
	shape->ca = SPAN_LIT("");
}

static void ca_that_is_a_certificate(struct certmake *shape)
{
	static struct buf inner;

	inner.len = 0;
	certmake_build(shape, &inner);
	shape->ca = buf_bytes(&inner);
}

static void ca_with_a_tail(struct certmake *shape)
{
	static unsigned char blob[SSHRSA_BLOB_MAX];

	memcpy(blob, shape->ca.p, shape->ca.len);
	shape->ca = (struct span){blob, shape->ca.len + 1};
}

/* The signing key's own number with another exponent. */
static void ca_exponent_is_3(struct certmake *shape)
{
	static struct buf blob;
	struct sshrsa key;

	blob.len = 0;
	assert_true(sshrsa_parse(shape->ca, &key));
	key.e = SPAN_LIT("\3");
	sshrsa_format(&key, &blob);
	shape->ca = buf_bytes(&blob);
}

static void ca_is_another_key(struct certmake *shape)
{
	static struct buf other;

	other.len = 0;
	read_key("test/data/cert/ca.pub", &other);
	shape->ca = buf_bytes(&other);
}

#define ROW(shape, reason)                                                                         \
	{                                                                                          \
#shape, shape, REASON_##reason                                                     \
	}

static struct row {
	const char *name;
	void (*bend)(struct certmake *shape);
	enum reason reason;
} rows[] = {
	ROW(as_entra, NONE),
	ROW(guid_principal_in_capitals, NONE),
	ROW(all_name_characters, NONE),
	ROW(no_displayname, NONE),
	ROW(whole_day, NONE),
	ROW(more_than_a_day, CERT_WINDOW),
	ROW(window_is_empty, CERT_WINDOW),
	ROW(window_ends_before_it_begins, CERT_WINDOW),
	ROW(user_type_is_0, CERT_TYPE),
	ROW(critical_option_that_is_unknown, CERT_OPTION),
	ROW(extensions_unsorted, CERT_OPTION),
	ROW(oid_twice, CERT_OPTION),
	ROW(extension_of_nothing, CERT_OPTION),
	ROW(oid_missing, CERT_IDENTITY),
	ROW(tid_missing, CERT_IDENTITY),
	ROW(oid_without_value, CERT_IDENTITY),
	ROW(oid_in_capitals, CERT_IDENTITY),
	ROW(oid_with_a_tail, CERT_IDENTITY),
	ROW(bytes_behind_the_tid, CERT_IDENTITY),
	ROW(tid_of_another_tenant, CERT_IDENTITY),
	ROW(key_id_longer, CERT_IDENTITY),
	ROW(key_id_empty, CERT_IDENTITY),
	ROW(no_principal, CERT_PRINCIPAL),
	ROW(empty_principal, CERT_PRINCIPAL),
	ROW(principal_with_a_comma, CERT_PRINCIPAL),
	ROW(principal_with_a_newline, CERT_PRINCIPAL),
	ROW(principal_not_ascii, CERT_PRINCIPAL),
	ROW(principal_with_a_nul, CERT_PRINCIPAL),
	ROW(principal_without_a_domain, CERT_PRINCIPAL),
	ROW(principal_of_256_bytes, NONE),
	ROW(principal_of_257_bytes, CERT_PRINCIPAL),
	ROW(half_a_principal, CERT_MALFORMED),
	ROW(extension_without_a_value, CERT_MALFORMED),
	ROW(half_a_critical_option, CERT_MALFORMED),
	ROW(half_an_extension, CERT_MALFORMED),
	ROW(user_key_of_2047_bits, CERT_WEAK),
	ROW(user_key_over_8192_bits, CERT_WEAK),
	ROW(user_key_is_even, CERT_WEAK),
	ROW(user_exponent_is_3, CERT_WEAK),
	ROW(user_key_is_negative, CERT_MALFORMED),
	ROW(user_key_has_a_spare_zero, CERT_MALFORMED),
	ROW(user_exponent_is_zero, CERT_MALFORMED),
	ROW(sha1_with_sha2_name, SIGNATURE_INVALID),
	ROW(sha256_called_sha512, SIGNATURE_INVALID),
	ROW(signature_called_ssh_rsa, CERT_WEAK),
	ROW(signature_called_a_certificate, CERT_WEAK),
	ROW(bytes_in_the_signature, CERT_MALFORMED),
	ROW(bytes_after_the_signature, CERT_MALFORMED),
	ROW(ca_is_another_key, SIGNATURE_INVALID),
	ROW(ca_of_nothing, CA_TYPE),
	ROW(ca_that_is_a_certificate, CA_TYPE),
	ROW(ca_with_a_tail, CA_TYPE),
	ROW(ca_exponent_is_3, CERT_WEAK),
};

static void is_judged_for_its_shape(void **state)
{
	const struct row *row = *state;
	struct certmake shape = certmake_like_entra(signer, buf_bytes(&ca));
	struct cert_identity identity = {.oid = ""};
	AUTO_BUF blob = {0};

	row->bend(&shape);
	certmake_build(&shape, &blob);
	assert_int_equal(judge(buf_bytes(&blob), &identity), row->reason);
	assert_string_equal(identity.principal, row->reason ? "" : shape.principals[0]);
}

static void a_small_ca_key_is_refused(void **state)
{
	AUTO_BUF small = {0};
	EVP_PKEY *key = certmake_key(1024, &small);
	struct certmake shape = certmake_like_entra(key, buf_bytes(&small));
	struct cert_identity identity;
	AUTO_BUF blob = {0};

	(void)state;
	certmake_build(&shape, &blob);
	assert_int_equal(judge(buf_bytes(&blob), &identity), REASON_CERT_WEAK);
	EVP_PKEY_free(key);
}

/* ---- bytes */

/* A copy that ends where its memory ends, so that a sanitizer sees the first byte too many. */
static unsigned char *exact_copy(const struct buf *from, size_t len)
{
	unsigned char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, from->data, len);
	return copy;
}

static void every_prefix_is_malformed(void **state)
{
	struct certmake shape = certmake_like_entra(signer, buf_bytes(&ca));
	AUTO_BUF blob = {0};

	(void)state;
	certmake_build(&shape, &blob);
	for (size_t len = 0; len < blob.len; len++) {
		AUTO_FREE unsigned char *copy = exact_copy(&blob, len);
		struct cert cert = {.type = 77};
		struct err err = {0};

		assert_int_equal(cert_parse((struct span){copy, len}, &cert, &err), -EBADMSG);
		assert_int_equal(err.reason, REASON_CERT_MALFORMED);
		assert_int_equal(cert.type, 77);
	}
}

static void no_byte_can_be_changed(void **state)
{
	struct certmake shape = certmake_like_entra(signer, buf_bytes(&ca));
	AUTO_BUF blob = {0};

	(void)state;
	certmake_build(&shape, &blob);
	for (size_t i = 0; i < blob.len; i++) {
		AUTO_FREE unsigned char *copy = exact_copy(&blob, blob.len);
		struct cert_identity identity;
		struct err err = {0};
		struct cert cert;

		copy[i] ^= (unsigned char)(1u << i % 8);
		if (cert_parse((struct span){copy, blob.len}, &cert, &err) == 0)
			assert_int_equal(cert_verify(&cert, &err), -EACCES);
		assert_int_not_equal(judge((struct span){copy, blob.len}, &identity), REASON_NONE);
	}
}

static void a_certificate_over_the_maximum_is_refused(void **state)
{
	AUTO_FREE unsigned char *bytes = calloc(1, CERT_MAX + 1);
	struct err err = {0};
	struct cert cert;

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(cert_parse((struct span){bytes, CERT_MAX + 1}, &cert, &err), -EMSGSIZE);
	assert_int_equal(err.reason, REASON_CERT_MALFORMED);
	assert_int_equal(cert_parse((struct span){bytes, CERT_MAX}, &cert, &err), -ENOTSUP);
}

static void a_failed_signature_leaves_no_error_to_others(void **state)
{
	struct certmake shape = certmake_like_entra(signer, buf_bytes(&ca));
	struct err err = {0};
	AUTO_BUF blob = {0};
	struct cert cert;

	(void)state;
	certmake_build(&shape, &blob);
	blob.data[blob.len - 1] ^= 1;
	assert_int_equal(cert_parse(buf_bytes(&blob), &cert, &err), 0);
	assert_int_equal(cert_verify(&cert, &err), -EACCES);
	assert_int_equal(ERR_peek_error(), 0);
}

/* ---- time and name */

static void valid_from_the_first_second_to_before_the_last(void **state)
{
	static const struct {
		int64_t now_s;
		enum reason reason;
	} times[] = {
		{INT64_MIN, REASON_CERT_NOT_YET_VALID},
		{CERTMAKE_AFTER - 1, REASON_CERT_NOT_YET_VALID},
		{CERTMAKE_AFTER, REASON_NONE},
		{CERTMAKE_BEFORE - 1, REASON_NONE},
		{CERTMAKE_BEFORE, REASON_CERT_EXPIRED},
		{INT64_MAX, REASON_CERT_EXPIRED},
	};
	const struct cert cert = {.valid_after_s = CERTMAKE_AFTER,
				  .valid_before_s = CERTMAKE_BEFORE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct err err = {0};
		int r = cert_check_time(&cert, times[i].now_s, &err);

		assert_int_equal(r, times[i].reason ? -EACCES : 0);
		assert_int_equal(err.reason, times[i].reason);
	}
}

static void a_principal_is_compared_without_case(void **state)
{
	const struct cert_identity identity = {.principal = "Alice@contoso.com"};
	char long_name[2 * NAME_SIZE] = "";

	(void)state;
	memset(long_name, 'a', sizeof(long_name) - 1);
	assert_true(cert_principal_is(&identity, "alice@contoso.com"));
	assert_true(cert_principal_is(&identity, "ALICE@CONTOSO.COM"));
	assert_false(cert_principal_is(&identity, "alice@contoso.co"));
	assert_false(cert_principal_is(&identity, "alice@contoso.comx"));
	assert_false(cert_principal_is(&identity, ""));
	assert_false(cert_principal_is(&identity, long_name));
}

/* In a process of its own, since OpenSSL starts once.  The cases are those of ssh-keygen. */
static int run_bare(const struct CMUnitTest list[ARRAY_LEN(files)])
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct CMUnitTest bare[ARRAY_LEN(files)];

		memcpy(bare, list, sizeof(bare));
		cert_start_bare();
		exit(cmocka_run_group_tests_name("in a bare start", bare, NULL, NULL));
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_keys_are_not_ours),
		cmocka_unit_test(the_ca_key_is_the_one_that_signed),
		cmocka_unit_test(a_small_ca_key_is_refused),
		cmocka_unit_test(every_prefix_is_malformed),
		cmocka_unit_test(no_byte_can_be_changed),
		cmocka_unit_test(a_certificate_over_the_maximum_is_refused),
		cmocka_unit_test(a_failed_signature_leaves_no_error_to_others),
		cmocka_unit_test(valid_from_the_first_second_to_before_the_last),
		cmocka_unit_test(a_principal_is_compared_without_case),
	};
	struct CMUnitTest list[ARRAY_LEN(files) + ARRAY_LEN(rows)] = {{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		list[n++] = (struct CMUnitTest){.name = files[i].name,
						.test_func = is_judged_as_its_name_says,
						.initial_state = &files[i]};
	if (run_bare(list))
		return EXIT_FAILURE;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[n++] = (struct CMUnitTest){.name = rows[i].name,
						.test_func = is_judged_for_its_shape,
						.initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, make_ca, drop_ca) ||
	       cmocka_run_group_tests_name("rows", list, make_ca, drop_ca);
}
