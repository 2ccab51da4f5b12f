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

/*
 * What a certificate says of itself.  After a success it is true; after a failure it is what
 * was read until then, "" or zero where nothing was, and good for the log alone.
 */
struct verified {
	struct cert cert; /* borrows from the blob */
	struct cert_identity identity;
	char ca[CERT_FINGERPRINT_SIZE];
};

/*
 * name          lower-case, ours
 * recorded_oid  the account that has the name on this machine; empty: nobody yet
 * blob          the certificate's wire bytes
 * Runs as SERVICE_USER.  Failures carry their reason; -ENOTSUP: no certificate of ours at all.
 */
int verify_certificate(struct sys *sys, const struct conf *conf, const char *name,
		       struct span recorded_oid, struct span blob, struct verified *ret,
		       struct err *err);

#endif
