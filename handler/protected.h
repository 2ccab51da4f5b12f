/* SPDX-License-Identifier: MIT */
/*
 * Protected settings: base64 of a DER CMS EnvelopedData (RFC 5652), whose key the guest agent keeps
 * as <thumbprint>.prv beside its certificate <thumbprint>.crt.
 */
#ifndef HANDLER_PROTECTED_H
#define HANDLER_PROTECTED_H

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

/*
 * Decrypt.  *ret holds secrets: the caller wipes it with protected_wipe.
 * -EINVAL the thumbprint is not 40 hexadecimal digits; -ENOENT its key or certificate is missing
 * (the message names the thumbprint); -EBADMSG not base64, not CMS, or made for another key; all
 * with outcome EXIT_SETTINGS.  No message holds plain text.
 */
int protected_open(struct sys *sys, const char *lib_folder, const char *thumbprint,
		   const char *base64, struct buf *ret, struct err *err);

void protected_wipe(struct buf *secret);

/* Wipe and free a string, NULL too. */
void protected_free(char *secret);

#endif
