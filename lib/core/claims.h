/* SPDX-License-Identifier: MIT */
/*
 * What the machine's own token says.  The signature is not verified: the token came from the
 * metadata service over a link-local address and is shown to nobody but the service that it
 * is for.  Nothing here is ever evidence about a user.
 * Source: RFC 7519; claims as documented for Entra access tokens.
 */
#ifndef CORE_CLAIMS_H
#define CORE_CLAIMS_H

#include <stdint.h>

#include "lib/core/err.h"
#include "lib/core/guid.h"
#include "lib/core/span.h"

#define CLAIMS_TOKEN_MAX 16384 /* bytes */
#define CLAIMS_AUD_MAX 256

struct claims {
	char tid[GUID_SIZE]; /* tenant, lower-case */
	char oid[GUID_SIZE]; /* object id of the identity, lower-case */
	char aud[CLAIMS_AUD_MAX + 1];
	int64_t exp_s; /* since 1970 */
};

/*
 * Read the payload of a signed JWT in compact form.  -EMSGSIZE (over CLAIMS_TOKEN_MAX),
 * -EBADMSG: not three base64url parts, payload no JSON object, a claim missing or not of its
 * form; -ENOMEM.  The message never quotes the token.  Reason but for -ENOMEM: token-unavailable.
 */
int claims_parse(struct span token, struct claims *ret, struct err *err);

#endif
