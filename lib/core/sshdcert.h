/* SPDX-License-Identifier: MIT */
/*
 * Does sshd take the certificates that Entra issues: RSA keys, signed with rsa-sha2-256 by an RSA
 * key of 2048 bits?
 *
 * Source: sshd_config(5), and what OpenSSH's releases do: signatures with SHA-2 are known from 7.2
 * on, their names for certificates (rsa-sha2-256-cert-v01@openssh.com) from 7.8, the option
 * CASignatureAlgorithms from 7.9; PubkeyAcceptedKeyTypes is called PubkeyAcceptedAlgorithms
 * from 8.5 and RequiredRSASize is there from 9.1, in Red Hat's as RSAMinSize.  Only the user's key
 * is measured by it (seen on 9.2), not the one that signed.
 */
#ifndef CORE_SSHDCERT_H
#define CORE_SSHDCERT_H

#include "lib/core/span.h"

#define SSHDCERT_USER_BITS 3072 /* what az makes, by ssh-keygen's default since OpenSSH 8.0 */
#define SSHDCERT_USER_BITS_OLD 2048 /* by that of earlier releases */

enum sshdcert_proof {
	SSHDCERT_SHA2,
	SSHDCERT_SHA1_ONLY, /* clients since 8.8 must be told to give such a proof */
};

/* What stands against it.  Static texts. */
struct sshdcert_lack {
	const char *why; /* a clause */
	const char *keyword; /* as this sshd calls it */
	const char *other; /* another name that it goes by, NULL: none */
	const char *value; /* that helps */
};

/*
 * Is something in what `sshd -T` shows for a user against it?  False when nothing is: *ret is not
 * written.  A setting that is not shown is one that this release does not have.
 */
bool sshdcert_lacks(struct span settings, struct sshdcert_lack *ret);

/* Where nothing is lacking: how must clients prove that they have the key? */
enum sshdcert_proof sshdcert_proof(struct span settings);

/* The least bits of a user's key, 0: any. */
unsigned sshdcert_bits(struct span settings);

#endif
