/* SPDX-License-Identifier: MIT */
/* RSA public keys in OpenSSH's wire form.  Source: RFC 4251 section 5, RFC 4253 section 6.6. */
#ifndef CORE_SSHRSA_H
#define CORE_SSHRSA_H

#include "lib/core/buf.h"
#include "lib/core/span.h"

#define SSHRSA_BITS_MIN 2048
#define SSHRSA_BITS_MAX 8192
#define SSHRSA_BLOB_MAX 1047 /* bytes of the blob of the largest key */

/* Both numbers big-endian, positive, without leading zero bytes; borrowed. */
struct sshrsa {
	struct span e, n;
};

/* Read the mpints e and n.  False, and *in and *ret untouched, unless both are canonical. */
bool sshrsa_take(struct span *in, struct sshrsa *ret);

/* A whole blob: "ssh-rsa", e, n and nothing more. */
bool sshrsa_parse(struct span blob, struct sshrsa *ret);

/* The opposite of sshrsa_parse, appended to *ret.  Failure is the buffer's; see buf_ok. */
void sshrsa_format(const struct sshrsa *key, struct buf *ret);

/* Is e 65537, and n odd and of SSHRSA_BITS_MIN to SSHRSA_BITS_MAX bits? */
bool sshrsa_acceptable(const struct sshrsa *key);

size_t sshrsa_bits(const struct sshrsa *key);

#endif
