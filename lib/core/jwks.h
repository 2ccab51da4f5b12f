/* SPDX-License-Identifier: MIT */
/*
 * A tenant's token-signing keys, which are its certificate authorities.
 * Source: RFC 7517; the filters are those that Entra's shared documents need: one document
 * mixes clouds and issuers.
 *
 * Every failure but -ENOMEM carries the reason keys-malformed, see reason.h.
 */
#ifndef CORE_JWKS_H
#define CORE_JWKS_H

#include "lib/core/buf.h"
#include "lib/core/err.h"
#include "lib/core/span.h"
#include "lib/core/sshrsa.h"

#define JWKS_DOCUMENT_MAX ((size_t)512 << 10) /* bytes */
#define JWKS_KEYS_MAX 64 /* keys that are used */
#define JWKS_KID_MAX 128 /* bytes of a key's name that are kept */

/* What becomes of a key of the document. */
enum jwks_verdict {
	JWKS_USED,
	JWKS_KIND, /* kty is not RSA */
	JWKS_USE, /* use is not sig */
	JWKS_CLOUD, /* cloud_instance_name is another cloud's */
	JWKS_ISSUER, /* issuer is another tenant */
	JWKS_SIZE, /* not 2048 to 8192 bits with exponent 65537 */
	JWKS_MALFORMED, /* a member of another kind, or a number not in its one form */
	JWKS_SURPLUS, /* JWKS_KEYS_MAX keys are used already */
	JWKS_VERDICTS
};

struct jwks_key {
	char kid[JWKS_KID_MAX + 1]; /* for messages; "" when missing, too long or not plain */
	unsigned char blob[SSHRSA_BLOB_MAX];
	size_t len; /* bytes of blob */
};

/* The zero value trusts nothing. */
struct jwks {
	struct jwks_key *keys;
	size_t count;
	size_t verdicts[JWKS_VERDICTS]; /* how many keys of the document got each */
};

#define AUTO_JWKS __attribute__((cleanup(jwks_done))) struct jwks

/*
 * Parse a key set.
 * tenant  lower-case GUID: keys of another tenant's issuer are skipped
 * cloud   cloud_instance_name of the machine's cloud; NULL: not known, keys that name one are
 * skipped -EMSGSIZE (over JWKS_DOCUMENT_MAX), -EBADMSG (not JSON, or no array `keys`), -ENOMEM. A
 * set without a usable key is a success with count 0.
 */
int jwks_parse(struct span json, const char *tenant, const char *cloud, struct jwks *ret,
	       struct err *err);

/* The key with exactly this ssh-rsa blob, or NULL. */
const struct jwks_key *jwks_find(const struct jwks *jwks, struct span blob);

/* A clause for messages: "its issuer is another tenant". */
const char *jwks_verdict_text(enum jwks_verdict verdict);

void jwks_done(struct jwks *jwks);

/* What an OpenID configuration document says of a tenant's keys.  The strings are owned. */
struct openid {
	char *jwks_uri;
	char *cloud; /* its cloud_instance_name, NULL when it has none */
};

/*
 * authority is the https URL that the document was asked of.  -EMSGSIZE (over JWKS_DOCUMENT_MAX);
 * -EBADMSG: not JSON, issuer neither carries the tenant nor the {tenantid} template, jwks_uri
 * missing or not https on the authority's host, cloud_instance_name not a string; -ENOMEM.
 */
int openid_parse(struct span json, const char *tenant, const char *authority, struct openid *ret,
		 struct err *err);
void openid_done(struct openid *openid);

#endif
