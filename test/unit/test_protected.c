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

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "handler/protected.h"
#include "handler/settings.h"
#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "test/unit/scratch.h"

#define THUMBPRINT "0123456789ABCDEF0123456789ABCDEF01234567"
#define PLAIN "{\"repositoryToken\":\"hunter2\"}"

/* The agent's key and certificate, in a scratch /lib. */
struct agent {
	struct scratch scratch;
	EVP_PKEY *key;
	X509 *certificate;
};

static EVP_PKEY *new_key(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048), 1);
	assert_int_equal(EVP_PKEY_keygen(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static X509 *new_certificate(EVP_PKEY *key, long serial)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
						    (const unsigned char *)"test", -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(certificate, name), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static void write_bio(struct scratch *scratch, const char *path, BIO *bio)
{
	char *text;

	assert_int_equal(BIO_write(bio, "", 1), 1); /* the NUL */
	assert_true(BIO_get_mem_data(bio, &text) > 0);
	scratch_write(scratch, path, text, 0400);
	BIO_free(bio);
}

static void write_agent_files(struct agent *agent)
{
	BIO *key = BIO_new(BIO_s_mem()), *certificate = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PrivateKey(key, agent->key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(PEM_write_bio_X509(certificate, agent->certificate), 1);
	write_bio(&agent->scratch, "/lib/" THUMBPRINT ".prv", key);
	write_bio(&agent->scratch, "/lib/" THUMBPRINT ".crt", certificate);
}

static int set_up(void **state)
{
	static struct agent agent;

	scratch_open(&agent.scratch);
	agent.key = new_key();
	agent.certificate = new_certificate(agent.key, 1);
	write_agent_files(&agent);
	*state = &agent;
	return 0;
}

static int tear_down(void **state)
{
	struct agent *agent = *state;

	EVP_PKEY_free(agent->key);
	X509_free(agent->certificate);
	scratch_done(&agent->scratch);
	return 0;
}

/* What Azure makes of the owner's protected settings. */
static void seal(X509 *certificate, const EVP_CIPHER *cipher, const char *plain, struct buf *ret)
{
	STACK_OF(X509) *recipients = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(plain, (int)strlen(plain));
	unsigned char *der = NULL;
	CMS_ContentInfo *cms;
	int len;

	assert_true(sk_X509_push(recipients, certificate) > 0);
	cms = CMS_encrypt(recipients, in, cipher, CMS_BINARY);
	assert_non_null(cms);
	len = i2d_CMS_ContentInfo(cms, &der);
	assert_true(len > 0);
	base64_encode((struct span){der, (size_t)len}, ret);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	sk_X509_free(recipients);
}

static int open_text(struct agent *agent, const char *base64, struct buf *ret, struct err *err)
{
	return protected_open(&agent->scratch.sys, "/lib", THUMBPRINT, base64, ret, err);
}

static void opens(struct agent *agent, const EVP_CIPHER *cipher)
{
	CLEANUP(protected_wipe) struct buf plain = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	seal(agent->certificate, cipher, PLAIN, &text);
	if (open_text(agent, buf_text(&text), &plain, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(buf_text(&plain), PLAIN);
}

static void triple_des_is_opened(void **state)
{
	opens(*state, EVP_des_ede3_cbc());
}

static void aes_is_opened(void **state)
{
	opens(*state, EVP_aes_256_cbc());
}

static void base64_in_lines_is_opened(void **state)
{
	CLEANUP(protected_wipe) struct buf plain = {0};
	struct agent *agent = *state;
	AUTO_BUF text = {0};
	AUTO_BUF lines = {0};
	struct err err = {0};

	seal(agent->certificate, EVP_aes_256_cbc(), PLAIN, &text);
	buf_printf(&lines, "%.64s\r\n%s\n", buf_text(&text), buf_text(&text) + 64);
	assert_int_equal(open_text(agent, buf_text(&lines), &plain, &err), 0);
}

static void a_lower_case_thumbprint_finds_the_key(void **state)
{
	CLEANUP(protected_wipe) struct buf plain = {0};
	struct agent *agent = *state;
	AUTO_BUF text = {0};
	struct err err = {0};

	seal(agent->certificate, EVP_aes_256_cbc(), PLAIN, &text);
	assert_int_equal(protected_open(&agent->scratch.sys, "/lib",
					"0123456789abcdef0123456789abcdef01234567", buf_text(&text),
					&plain, &err),
			 0);
}

static void a_missing_key_is_named_by_its_thumbprint(void **state)
{
	struct agent *agent = *state;
	struct buf plain = {0};
	struct err err = {0};

	assert_int_equal(protected_open(&agent->scratch.sys, "/lib",
					"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "QUJD", &plain,
					&err),
			 -ENOENT);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_non_null(strstr(err.msg, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"));
	assert_non_null(strstr(err.remedy, "set the protected settings again"));
}

static void a_thumbprint_that_is_none_opens_no_file(void **state)
{
	static const char *const rows[] = {"", "../../../../../../../../../../etc/shadow00",
					   "0123456789ABCDEF0123456789ABCDEF0123456"};
	struct agent *agent = *state;
	struct buf plain = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		assert_int_equal(
			protected_open(&agent->scratch.sys, "/lib", rows[i], "QUJD", &plain, &err),
			-EINVAL);
		assert_int_equal(err.outcome, EXIT_SETTINGS);
	}
}

static void what_was_made_for_another_key_is_refused(void **state)
{
	struct agent *agent = *state;
	EVP_PKEY *key = new_key();
	X509 *certificate = new_certificate(key, 2);
	struct buf plain = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	seal(certificate, EVP_aes_256_cbc(), PLAIN, &text);
	assert_int_equal(open_text(agent, buf_text(&text), &plain, &err), -EBADMSG);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_int_equal(plain.len, 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void what_is_not_an_envelope_is_refused(void **state)
{
	static const char *const rows[] = {"", "%%%%", "QUJD", "MAA="};
	struct buf plain = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		assert_int_equal(open_text(*state, rows[i], &plain, &err), -EBADMSG);
		assert_int_equal(err.outcome, EXIT_SETTINGS);
	}
}

/* The whole way: envelope, decryption, and the words for what is inside. */
static int parse(struct agent *agent, const char *plain, struct settings *ret, struct err *err)
{
	AUTO_BUF text = {0};
	AUTO_BUF file = {0};

	seal(agent->certificate, EVP_des_ede3_cbc(), plain, &text);
	buf_printf(&file,
		   "{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":{\"logLevel\":"
		   "\"debug\"},\"protectedSettings\":\"%s\",\"protectedSettingsCertThumbprint\":"
		   "\"" THUMBPRINT "\"}}]}",
		   buf_text(&text));
	return settings_parse(&agent->scratch.sys, "/lib", buf_bytes(&file), ret, err);
}

static void protected_settings_join_the_public_ones(void **state)
{
	CLEANUP(settings_done) struct settings settings = SETTINGS_INIT;
	struct err err = {0};

	assert_int_equal(parse(*state, "\xef\xbb\xbf" PLAIN, &settings, &err), 0);
	assert_string_equal(settings.log_level, "debug");
	assert_string_equal(settings.repository_token, "hunter2");
}

static void no_message_quotes_what_was_decrypted(void **state)
{
	static const char *const rows[] = {"hunter2", "[\"hunter2\"]",
					   "{\"repositoryToken\": hunter2}",
					   "{\"proxy\": \"hunter2\"}"};
	CLEANUP(settings_done) struct settings settings = SETTINGS_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		assert_true(parse(*state, rows[i], &settings, &err) < 0);
		assert_int_equal(err.outcome, EXIT_SETTINGS);
		assert_null(strstr(err.msg, "hunter2"));
		assert_null(strstr(err.remedy, "hunter2"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(triple_des_is_opened),
		cmocka_unit_test(aes_is_opened),
		cmocka_unit_test(base64_in_lines_is_opened),
		cmocka_unit_test(a_lower_case_thumbprint_finds_the_key),
		cmocka_unit_test(a_missing_key_is_named_by_its_thumbprint),
		cmocka_unit_test(a_thumbprint_that_is_none_opens_no_file),
		cmocka_unit_test(what_was_made_for_another_key_is_refused),
		cmocka_unit_test(what_is_not_an_envelope_is_refused),
		cmocka_unit_test(protected_settings_join_the_public_ones),
		cmocka_unit_test(no_message_quotes_what_was_decrypted),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
