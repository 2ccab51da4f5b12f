/* SPDX-License-Identifier: MIT */
/*
 * Base64 through OpenSSL.  Strict: only the one text that encodes the bytes is accepted, so no
 * blanks, no line breaks, no stray bits, and padding exactly where the alphabet has it.
 */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include "lib/core/buf.h"
#include "lib/core/err.h"
#include "lib/core/span.h"

#define BASE64_MAX ((size_t)1 << 20) /* bytes of text that are still decoded */

/*
 * Decode the standard alphabet, padded (RFC 4648 section 4), and append to *ret.
 * -EMSGSIZE (over BASE64_MAX), -EBADMSG (anything but the encoding of some bytes), -ENOMEM.
 */
int base64_decode(struct span text, struct buf *ret, struct err *err);

/* The same for the url-safe alphabet without padding (RFC 7515 section 2), as in JWT and JWK. */
int base64url_decode(struct span text, struct buf *ret, struct err *err);

/* Append the standard encoding, padded, one line.  Over BASE64_MAX bytes fail; see buf_ok. */
void base64_encode(struct span bytes, struct buf *ret);

#endif
