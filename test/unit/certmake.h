/* SPDX-License-Identifier: MIT */
/* Certificates of every shape, right and wrong, signed by a key that lives as long as the test. */
#ifndef TEST_CERTMAKE_H
#define TEST_CERTMAKE_H

#include <openssl/evp.h>

#include "lib/core/buf.h"

#define CERTMAKE_OID "6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30"
#define CERTMAKE_TID "0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44"
#define CERTMAKE_AFTER 1767312000ull /* 2026-01-02T00:00:00Z */
#define CERTMAKE_BEFORE (CERTMAKE_AFTER + 3900)

#define CERTMAKE_STRINGS 8 /* at most, in a list that ends at its first NULL */

struct certmake_pair {
	const char *name;
	const char *text; /* wrapped in one more string; NULL: the value is empty */
	const char *tail; /* the value's bytes behind that string; NULL: none */
};

struct certmake {
	const char *type;
	struct span e, n; /* of the user's key, as mpints are written */
	uint64_t serial;
	uint32_t user_type;
	const char *key_id;
	const char *principals[CERTMAKE_STRINGS];
	uint64_t after, before;
	struct certmake_pair critical[CERTMAKE_STRINGS];
	struct certmake_pair extensions[CERTMAKE_STRINGS];
	struct span raw_principals; /* in their place, when p is set */
	struct span raw_critical, raw_extensions; /* before them */
	struct span ca; /* blob */
	const char *signature_type;
	const EVP_MD *digest; /* that the signature is really made with */
	EVP_PKEY *signer;
	struct span signature_tail; /* behind the signature, in its string */
	struct span tail; /* behind everything */
};

/* A new RSA key that the caller frees, and its ssh-rsa blob. */
EVP_PKEY *certmake_key(int bits, struct buf *ret_blob);

/* The same, of 2048 bits, and always the same one: making a key takes long. */
EVP_PKEY *certmake_usual_key(struct buf *ret_blob);

/* What Entra writes; it borrows the signing key and its blob. */
struct certmake certmake_like_entra(EVP_PKEY *signer, struct span ca);

/* Sign it and append the wire form. */
void certmake_build(const struct certmake *shape, struct buf *ret);

/* Pieces of the wire form. */
void certmake_string(struct buf *buf, struct span bytes);
void certmake_u32(struct buf *buf, uint32_t number);

#endif
