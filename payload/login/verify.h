/* SPDX-License-Identifier: MIT */
/*
 * Every check over one certificate for one login name: asked by the key command, repeated in the
 * account phase, told by `explain`.
 *
 * The order: form, time, what Entra writes, tenant, signature by the CA that it names, is that CA
 * one of the tenant's keys, principal, oid.  Only the question for the CA can cause a request: what
 * is no whole certificate of an allowed tenant never does.  Nothing that the certificate says is
 * taken for true before both the signature and the CA are.
 */
#ifndef LOGIN_VERIFY_H
#define LOGIN_VERIFY_H

#include "lib/core/cert.h"
#include "lib/core/conf.h"
#include "lib/sys/sys.h"
#include "payload/login/keys.h"

/*
 * The checks by name, in their order.  "certificate" is its form, "signing-key" the question for
 * the CA.
 */
enum verify_check {
	VERIFY_CERTIFICATE,
	VERIFY_VALIDITY,
	VERIFY_IDENTITY,
	VERIFY_TENANT,
	VERIFY_SIGNATURE,
	VERIFY_SIGNING_KEY,
	VERIFY_PRINCIPAL,
	VERIFY_OBJECT_ID,
	VERIFY_CHECKS,
};

const char *verify_check_name(enum verify_check check);

/*
 * What a certificate says of itself.  After a success it is true; after a failure it is what
 * was read until then, "" or zero where nothing was, and good for the log alone.
 */
struct verified {
	struct cert cert; /* borrows from the blob */
	struct cert_identity identity;
	char ca[CERT_FINGERPRINT_SIZE];
	struct keys_look keys; /* offline alone */
};

/*
 * name          lower-case, ours
 * recorded_oid  the account that has the name on this machine; empty: nobody yet
 * blob          the certificate's wire bytes
 * Runs as SERVICE_USER, in a process that uses OpenSSL for nothing after it.  Failures carry their
 * reason; -ENOTSUP: no certificate of ours at all.
 */
int verify_certificate(struct sys *sys, const struct conf *conf, const char *name,
		       struct span recorded_oid, struct span blob, struct verified *ret,
		       struct err *err);

/* Called after each check with what is known by then; err is the failure, NULL when it passed. */
typedef void verify_observer(void *arg, enum verify_check check, const struct verified *verified,
			     const struct err *err);

/* The same checks without the network, each of them told: see keys_check_offline. */
int verify_offline(struct sys *sys, const struct conf *conf, const char *name,
		   struct span recorded_oid, struct span blob, verify_observer *observer, void *arg,
		   struct verified *ret, struct err *err);

#endif
