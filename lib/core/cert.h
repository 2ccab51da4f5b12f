/* SPDX-License-Identifier: MIT */
/*
 * One OpenSSH certificate of the shape that Entra issues.
 * Source: draft-miller-ssh-cert; what Entra writes was seen on real certificates.
 *
 * The four questions are separate, each pure: is it well formed (cert_parse), is it signed by the
 * key that it names (cert_verify), is it what Entra writes, and whose (cert_identify), is it valid
 * now (cert_check_time).  Whether the key that it names is trusted is the caller's question.
 *
 * The caller MUST:
 *  1. trust nothing of cert_identify before the CA is trusted and cert_verify has passed;
 *  2. compare the login name by cert_principal_is, and print cert_identity.principal alone.
 *
 * Failures but -ENOTSUP and -ENOMEM carry a reason, see reason.h.
 */
#ifndef CORE_CERT_H
#define CORE_CERT_H

#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/core/err.h"
#include "lib/core/guid.h"
#include "lib/core/name.h"
#include "lib/core/span.h"
#include "lib/core/sshrsa.h"

#define CERT_MAX 65536
#define CERT_TYPE_NAME "ssh-rsa-cert-v01@openssh.com"
#define CERT_WINDOW_MAX_S 86400 /* from valid_after to valid_before */

#define CERT_FINGERPRINT_SIZE 51 /* "SHA256:", 43 characters and the NUL */

/* All spans borrow from the blob. */
struct cert {
	struct span nonce;
	struct sshrsa key; /* the user's */
	uint64_t serial;
	uint32_t type; /* 1: user, 2: host */
	struct span key_id;
	struct span principals; /* packed strings */
	uint64_t valid_after_s; /* since 1970, this second included */
	uint64_t valid_before_s; /* since 1970, this second excluded */
	struct span critical; /* packed pairs of name and value */
	struct span extensions; /* likewise */
	struct span ca; /* blob of the signing key, of whatever type */
	struct span signature_type;
	struct span signature;
	struct span signed_bytes; /* what the signature covers */
};

/*
 * Parse the wire form.  blob is the whole certificate; *ret points into it.
 * -ENOTSUP: a key or certificate of another type than CERT_TYPE_NAME, so not one of ours;
 * -EMSGSIZE: over CERT_MAX; -EBADMSG: malformed, trailing bytes.  Reason: cert-malformed.
 */
int cert_parse(struct span blob, struct cert *ret, struct err *err);

/*
 * Verify the signature by the CA key in the certificate itself.  -EACCES: ca-type (no plain
 * ssh-rsa key), cert-weak (SHA-1, or size or exponent of the CA key), signature-invalid; -ENOMEM.
 */
int cert_verify(const struct cert *cert, struct err *err);

/*
 * For a process in which OpenSSL does nothing but cert_verify, before it is used: let it start
 * without the names of digests and ciphers, which TLS looks up, without the texts of errors, and
 * without work at the end.  That halves what cert_verify costs.  What has started already stays.
 */
void cert_start_bare(void);

struct cert_identity {
	char oid[GUID_SIZE]; /* lower-case */
	char tid[GUID_SIZE];
	char principal[NAME_SIZE]; /* letter case as issued; lower-cased it has our shape */
};

/*
 * Check that the certificate is what Entra writes, and tell whose it is.
 * -EACCES: cert-type (not a user's), cert-option (any critical option; extensions unsorted or
 * repeated), cert-identity (oid, tid, key id), cert-principal (not exactly one of our shape),
 * cert-window (empty, or over CERT_WINDOW_MAX_S), cert-weak (size or exponent of the user's key).
 */
int cert_identify(const struct cert *cert, struct cert_identity *ret, struct err *err);

/* Is it valid at now_s (seconds since 1970)?  -EACCES: cert-not-yet-valid, cert-expired. */
int cert_check_time(const struct cert *cert, int64_t now_s, struct err *err);

/* Is the principal this name, but for the case of ASCII letters? */
bool cert_principal_is(const struct cert_identity *identity, const char *name);

/* "SHA256:..." of a key blob, as ssh-keygen -l prints it. */
int cert_fingerprint(struct span key, char ret[CERT_FINGERPRINT_SIZE], struct err *err);

#endif
