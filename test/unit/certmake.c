/* SPDX-License-Identifier: MIT */
#define OPENSSL_API_COMPAT 0x10101000L /* RSA's own functions: there in 1.1.1 and in 3.x */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/rsa.h>

#include "test/unit/certmake.h"

/* 3072 bits, as today's az makes them; no private key belongs to it. */
static const unsigned char user_n[385] = {[1] = 0xc5, [200] = 0x5a, [384] = 0x0d};
static const unsigned char user_e[] = {1, 0, 1};

void certmake_u32(struct buf *buf, uint32_t number)
{
	const unsigned char bytes[] = {(unsigned char)(number >> 24), (unsigned char)(number >> 16),
				       (unsigned char)(number >> 8), (unsigned char)number};

	buf_add(buf, bytes, sizeof(bytes));
}

static void add_u64(struct buf *buf, uint64_t number)
{
	certmake_u32(buf, (uint32_t)(number >> 32));
	certmake_u32(buf, (uint32_t)number);
}

void certmake_string(struct buf *buf, struct span bytes)
{
	certmake_u32(buf, (uint32_t)bytes.len);
	buf_span(buf, bytes);
}

static void add_mpint(struct buf *buf, const BIGNUM *number)
{
	unsigned char bytes[2049] = {0};
	int len = BN_bn2bin(number, bytes + 1);

	assert_true(len > 0 && len < (int)sizeof(bytes));
	if (bytes[1] < 0x80)
		certmake_string(buf, (struct span){bytes + 1, (size_t)len});
	else
		certmake_string(buf, (struct span){bytes, (size_t)len + 1});
}

EVP_PKEY *certmake_key(int bits, struct buf *ret_blob)
{
	EVP_PKEY *key = EVP_PKEY_new();
	RSA *rsa = RSA_new();
	BIGNUM *f4 = BN_new();

	assert_true(key && rsa && f4);
	assert_int_equal(BN_set_word(f4, RSA_F4), 1);
	assert_int_equal(RSA_generate_key_ex(rsa, bits, f4, NULL), 1);
	BN_free(f4);
	certmake_string(ret_blob, SPAN_LIT("ssh-rsa"));
	add_mpint(ret_blob, RSA_get0_e(rsa));
	add_mpint(ret_blob, RSA_get0_n(rsa));
	assert_int_equal(EVP_PKEY_assign_RSA(key, rsa), 1);
	return key;
}

EVP_PKEY *certmake_usual_key(struct buf *ret_blob)
{
	static EVP_PKEY *key;
	static struct buf blob;

	if (!key)
		key = certmake_key(2048, &blob);
	assert_int_equal(EVP_PKEY_up_ref(key), 1);
	buf_span(ret_blob, buf_bytes(&blob));
	return key;
}

struct certmake certmake_like_entra(EVP_PKEY *signer, struct span ca)
{
	return (struct certmake){
		.type = "ssh-rsa-cert-v01@openssh.com",
		.e = {user_e, sizeof(user_e)},
		.n = {user_n, sizeof(user_n)},
		.user_type = 1,
		.key_id = CERTMAKE_OID "@" CERTMAKE_TID,
		.principals = {"Alice@contoso.com"},
		.after = CERTMAKE_AFTER,
		.before = CERTMAKE_BEFORE,
		.extensions = {{.name = "displayname@sshservice.azure.net",
				.text = "Alice Example"},
			       {.name = "oid@sshservice.azure.net", .text = CERTMAKE_OID},
			       {.name = "permit-X11-forwarding"},
			       {.name = "permit-agent-forwarding"},
			       {.name = "permit-port-forwarding"},
			       {.name = "permit-pty"},
			       {.name = "permit-user-rc"},
			       {.name = "tid@sshservice.azure.net", .text = CERTMAKE_TID}},
		.ca = ca,
		.signature_type = "rsa-sha2-256",
		.digest = EVP_sha256(),
		.signer = signer,
	};
}

static void add_pairs(struct buf *buf, const struct certmake_pair *pairs, struct span raw)
{
	AUTO_BUF packed = {0};

	buf_span(&packed, raw);
	for (size_t i = 0; i < CERTMAKE_STRINGS && pairs[i].name; i++) {
		AUTO_BUF value = {0};

		if (pairs[i].text)
			certmake_string(&value, span_of(pairs[i].text));
		if (pairs[i].tail)
			buf_str(&value, pairs[i].tail);
		certmake_string(&packed, span_of(pairs[i].name));
		certmake_string(&packed, buf_bytes(&value));
	}
	certmake_string(buf, buf_bytes(&packed));
}

static void add_signature(struct buf *buf, const struct certmake *shape)
{
	unsigned char signature[1024];
	size_t len = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	AUTO_BUF packed = {0};

	assert_non_null(ctx);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, shape->digest, NULL, shape->signer), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &len, (unsigned char *)buf->data, buf->len),
			 1);
	EVP_MD_CTX_free(ctx);
	certmake_string(&packed, span_of(shape->signature_type));
	certmake_string(&packed, (struct span){signature, len});
	buf_span(&packed, shape->signature_tail);
	certmake_string(buf, buf_bytes(&packed));
}

void certmake_build(const struct certmake *shape, struct buf *ret)
{
	static const unsigned char nonce[32] = {7};
	AUTO_BUF principals = {0};
	AUTO_BUF cert = {0};
	struct err err = {0};

	for (size_t i = 0; i < CERTMAKE_STRINGS && shape->principals[i]; i++)
		certmake_string(&principals, span_of(shape->principals[i]));
	certmake_string(&cert, span_of(shape->type));
	certmake_string(&cert, (struct span){nonce, sizeof(nonce)});
	certmake_string(&cert, shape->e);
	certmake_string(&cert, shape->n);
	add_u64(&cert, shape->serial);
	certmake_u32(&cert, shape->user_type);
	certmake_string(&cert, span_of(shape->key_id));
	certmake_string(&cert,
			shape->raw_principals.p ? shape->raw_principals : buf_bytes(&principals));
	add_u64(&cert, shape->after);
	add_u64(&cert, shape->before);
	add_pairs(&cert, shape->critical, shape->raw_critical);
	add_pairs(&cert, shape->extensions, shape->raw_extensions);
	certmake_string(&cert, SPAN_LIT(""));
	certmake_string(&cert, shape->ca);
	add_signature(&cert, shape);
	buf_span(&cert, shape->tail);
	buf_span(ret, buf_bytes(&cert));
	assert_int_equal(buf_ok(ret, &err), 0);
}
