/* SPDX-License-Identifier: MIT */
/* A certificate in a file, as az ssh cert and ssh-keygen write it.  Hostile bytes. */
#ifndef LOGIN_CERTFILE_H
#define LOGIN_CERTFILE_H

#include "lib/core/buf.h"

#define CERTFILE_MAX ((size_t)64 << 10) /* bytes of text */

/*
 * Add the wire form: of "TYPE BASE64 [COMMENT]" or the base64 alone, in the first line that is
 * neither empty nor a comment.  Reasons: record-missing (a key or certificate of another type),
 * cert-malformed.
 */
int certfile_decode(struct span text, struct buf *ret, struct err *err);

#endif
