/* SPDX-License-Identifier: MIT */
/*
 * Text of an authorized_keys file, as sshd takes it: the lines that can let somebody in.
 * Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT, and what OpenSSH does with a line: first a key,
 * otherwise options and then a key; a line that is neither lets nobody in.
 */
#ifndef CORE_AUTHKEYS_H
#define CORE_AUTHKEYS_H

#include "lib/core/cert.h"
#include "lib/core/err.h"
#include "lib/core/span.h"

#define AUTHKEYS_MAX ((size_t)1 << 20) /* bytes of a file that are looked at, for the callers */

enum authkey_kind {
	AUTHKEY_RSA,
	AUTHKEY_DSA,
	AUTHKEY_ECDSA,
	AUTHKEY_ED25519,
	AUTHKEY_SK_ECDSA,
	AUTHKEY_SK_ED25519,
	AUTHKEY_OTHER, /* of a type that this does not know, and sshd may */
};
#define AUTHKEY_KINDS 7

struct authkey {
	unsigned line; /* from 1 */
	enum authkey_kind kind;
	unsigned bits; /* 0: not known */
	bool authority; /* cert-authority: whoever has a certificate that it signed gets in */
	char fingerprint[CERT_FINGERPRINT_SIZE];
};

/* The zero value and the text is the beginning. */
struct authkeys {
	struct span rest;
	unsigned line;
};

/*
 * The next line that lets somebody in.  1, 0 at the end, -ENOMEM.  A certificate in the place of a
 * key lets nobody in.
 */
int authkeys_next(struct authkeys *in, struct authkey *ret, struct err *err);

/* "RSA", "ECDSA", ... */
const char *authkey_kind_name(enum authkey_kind kind);

/*
 * Is it of a kind that Azure supports for local accounts?  Not: RSA under 2048 bits, DSA, ECDSA.
 * Source: Microsoft's documentation of SSH keys for Linux VMs.
 */
bool authkey_supported(const struct authkey *key);

#endif
