/* SPDX-License-Identifier: MIT */
/* RSA_set0_key is the one way to make a key from two numbers that OpenSSL 1.1.1 to 3.x share. */
#define OPENSSL_API_COMPAT 0x10101000L
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/core/base64.h"
#include "lib/core/cert.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/core/sha256.h"

#define TYPE_USER 1

/* Nothing but whole strings, their number a multiple of group? */
static bool well_packed(struct span packed, size_t group)
{
	struct span string;
	size_t count = 0;

	while (span_string(&packed, &string))
		count++;
	return packed.len == 0 && count % group == 0;
}

static bool take_fields(struct span *in, struct cert *ret)
{
	struct span reserved; /* "ignored in this version of the protocol" */

	return span_string(in, &ret->nonce) && sshrsa_take(in, &ret->key) &&
	       span_u64(in, &ret->serial) && span_u32(in, &ret->type) &&
	       span_string(in, &ret->key_id) && span_string(in, &ret->principals) &&
	       well_packed(ret->principals, 1) && span_u64(in, &ret->valid_after_s) &&
	       span_u64(in, &ret->valid_before_s) && span_string(in, &ret->critical) &&
	       well_packed(ret->critical, 2) && span_string(in, &ret->extensions) &&
	       well_packed(ret->extensions, 2) && span_string(in, &reserved) &&
	       span_string(in, &ret->ca);
}

static bool take_signature(struct span *in, struct cert *ret)
{
	struct span packed;

	return span_string(in, &packed) && span_string(&packed, &ret->signature_type) &&
	       span_string(&packed, &ret->signature) && packed.len == 0;
}

static int malformed(struct err *err, const char *where)
{
	(void)err_set(err, EBADMSG, "the certificate is malformed %s", where);
	return reason_add(err, REASON_CERT_MALFORMED);
}

int cert_parse(struct span blob, struct cert *ret, struct err *err)
{
	struct span in = blob, type;
	struct cert cert;

	if (blob.len > CERT_MAX) {
		(void)err_set(err, EMSGSIZE, "the certificate is over %d bytes long", CERT_MAX);
		return reason_add(err, REASON_CERT_MALFORMED);
	}
	if (!span_string(&in, &type))
		return malformed(err, "in its type");
	if (!span_is(type, CERT_TYPE_NAME))
		return err_set(err, ENOTSUP, "the key is not a certificate for an RSA key");
	if (!take_fields(&in, &cert))
		return malformed(err, "in its fields");
	cert.signed_bytes = (struct span){.p = blob.p, .len = blob.len - in.len};
	if (!take_signature(&in, &cert))
		return malformed(err, "in its signature");
	if (in.len != 0)
		return malformed(err, "after its signature");
	*ret = cert;
	return 0;
}

void cert_start_bare(void)
{
	(void)OPENSSL_init_crypto(
		OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
			OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT,
		NULL);
}

/* Owned by the caller.  NULL: no memory. */
static EVP_PKEY *public_key(const struct sshrsa *key)
{
	BIGNUM *n = BN_bin2bn(key->n.p, (int)key->n.len, NULL);
	BIGNUM *e = BN_bin2bn(key->e.p, (int)key->e.len, NULL);
	EVP_PKEY *ret = EVP_PKEY_new();
	RSA *rsa = RSA_new();

	if (n && e && ret && rsa && RSA_set0_key(rsa, n, e, NULL) == 1) {
		n = NULL; /* rsa owns both now */
		e = NULL;
		if (EVP_PKEY_assign_RSA(ret, rsa) == 1)
			return ret;
	}
	BN_free(n);
	BN_free(e);
	RSA_free(rsa);
	EVP_PKEY_free(ret);
	return NULL;
}

static bool signed_by(const struct cert *cert, EVP_PKEY *key, const EVP_MD *digest)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, digest, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, cert->signature.p, cert->signature.len,
				     cert->signed_bytes.p, cert->signed_bytes.len) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error(); /* a later user of OpenSSL in this thread must not find our failure */
	return good;
}

int cert_verify(const struct cert *cert, struct err *err)
{
	const EVP_MD *digest = NULL;
	struct sshrsa ca;
	EVP_PKEY *key;
	bool good;

	if (!sshrsa_parse(cert->ca, &ca))
		return reason_refuse(err, REASON_CA_TYPE, "the CA key is not a plain ssh-rsa key");
	if (!sshrsa_acceptable(&ca))
		return reason_refuse(err, REASON_CERT_WEAK, "the CA key has %zu bits",
				     sshrsa_bits(&ca));
	if (span_is(cert->signature_type, "rsa-sha2-256"))
		digest = EVP_sha256();
	else if (span_is(cert->signature_type, "rsa-sha2-512"))
		digest = EVP_sha512();
	else
		return reason_refuse(err, REASON_CERT_WEAK,
				     "the signature is neither rsa-sha2-256 nor rsa-sha2-512");
	key = public_key(&ca);
	if (!key)
		return err_oom(err);
	good = signed_by(cert, key, digest);
	EVP_PKEY_free(key);
	if (!good)
		return reason_refuse(err, REASON_SIGNATURE_INVALID,
				     "the CA key did not make the certificate's signature");
	return 0;
}

/* Text inside an extension's value, which ssh-keygen and Entra wrap in one more string. */
static bool copy_guid(struct span value, char ret[GUID_SIZE])
{
	struct span text;

	return span_string(&value, &text) && value.len == 0 && guid_valid(text) &&
	       span_copy(text, ret, GUID_SIZE);
}

/* Names ascend strictly, so that none is there twice. */
static bool ascends(struct span before, struct span name)
{
	size_t len = before.len < name.len ? before.len : name.len;
	int order = len ? memcmp(before.p, name.p, len) : 0;

	return order < 0 || (order == 0 && before.len < name.len);
}

static int read_extensions(const struct cert *cert, struct cert_identity *ret, struct err *err)
{
	struct span in = cert->extensions, before = {0}, name, value;
	char key_id[2 * GUID_SIZE];

	while (span_string(&in, &name) && span_string(&in, &value)) {
		bool good = true;

		if (!ascends(before, name))
			return reason_refuse(err, REASON_CERT_OPTION,
					     "the extensions are unsorted or repeated");
		if (span_is(name, "oid@sshservice.azure.net"))
			good = copy_guid(value, ret->oid);
		else if (span_is(name, "tid@sshservice.azure.net"))
			good = copy_guid(value, ret->tid);
		if (!good)
			return reason_refuse(err, REASON_CERT_IDENTITY,
					     "an oid or tid is not a lower-case GUID");
		before = name;
	}
	if (!ret->oid[0] || !ret->tid[0])
		return reason_refuse(err, REASON_CERT_IDENTITY, "there is no oid or no tid");
	(void)snprintf(key_id, sizeof(key_id), "%s@%s", ret->oid, ret->tid);
	if (!span_is(cert->key_id, key_id))
		return reason_refuse(err, REASON_CERT_IDENTITY, "the key id is not oid@tid");
	return 0;
}

static bool read_principal(const struct cert *cert, struct cert_identity *ret)
{
	struct span in = cert->principals, principal;
	char lower[NAME_SIZE];

	return span_string(&in, &principal) && in.len == 0 &&
	       span_copy(principal, ret->principal, sizeof(ret->principal)) &&
	       name_lower(ret->principal, lower, sizeof(lower)) && name_shaped(lower);
}

int cert_identify(const struct cert *cert, struct cert_identity *ret, struct err *err)
{
	struct cert_identity identity = {.oid = ""};
	int r;

	if (cert->type != TYPE_USER)
		return reason_refuse(err, REASON_CERT_TYPE, "the certificate's type is %u",
				     cert->type);
	if (cert->critical.len != 0)
		return reason_refuse(err, REASON_CERT_OPTION, "there is a critical option");
	r = read_extensions(cert, &identity, err);
	if (r < 0)
		return r;
	if (!read_principal(cert, &identity))
		return reason_refuse(err, REASON_CERT_PRINCIPAL,
				     "there is not exactly one principal of an accepted form");
	if (cert->valid_after_s >= cert->valid_before_s ||
	    cert->valid_before_s - cert->valid_after_s > CERT_WINDOW_MAX_S)
		return reason_refuse(err, REASON_CERT_WINDOW,
				     "the time of validity is empty or over %d s",
				     CERT_WINDOW_MAX_S);
	if (!sshrsa_acceptable(&cert->key))
		return reason_refuse(err, REASON_CERT_WEAK, "the user's key has %zu bits",
				     sshrsa_bits(&cert->key));
	*ret = identity;
	return 0;
}

int cert_check_time(const struct cert *cert, int64_t now_s, struct err *err)
{
	uint64_t now = now_s < 0 ? 0 : (uint64_t)now_s;

	if (now < cert->valid_after_s)
		return reason_refuse(err, REASON_CERT_NOT_YET_VALID,
				     "valid from %" PRIu64 ", now it is %" PRIu64,
				     cert->valid_after_s, now);
	if (now >= cert->valid_before_s)
		return reason_refuse(err, REASON_CERT_EXPIRED,
				     "valid until %" PRIu64 ", now it is %" PRIu64,
				     cert->valid_before_s, now);
	return 0;
}

bool cert_principal_is(const struct cert_identity *identity, const char *name)
{
	char a[NAME_SIZE], b[NAME_SIZE];

	return name_lower(identity->principal, a, sizeof(a)) && name_lower(name, b, sizeof(b)) &&
	       strcmp(a, b) == 0;
}

/* Without OpenSSL: whatever starts it for real decides how. */
int cert_fingerprint(struct span key, char ret[CERT_FINGERPRINT_SIZE], struct err *err)
{
	unsigned char hash[SHA256_LEN];
	AUTO_BUF text = {0};

	sha256(key, hash);
	base64_encode((struct span){.p = hash, .len = sizeof(hash)}, &text);
	if (buf_ok(&text, err) < 0)
		return -err->code;
	/* Only the padding is cut off. */
	(void)snprintf(ret, CERT_FINGERPRINT_SIZE, "SHA256:%.43s", buf_text(&text));
	return 0;
}
