/* SPDX-License-Identifier: MIT */
/*
 * A token of the machine's identity for Resource Manager, kept in /run until shortly before it
 * expires.  SERVICE_USER's own.
 */
#ifndef LOGIN_TOKEN_H
#define LOGIN_TOKEN_H

#include "lib/core/conf.h"
#include "lib/sys/sys.h"

/*
 * *ret_text    owned, secret: token_free
 * *ret_cached  it came from /run, so the service may have changed its mind about it
 * Failures carry their reason: identity-missing, token-unavailable, not-configured.
 */
int token_get(struct sys *sys, const struct conf *conf, char **ret_text, bool *ret_cached,
	      struct err *err);

/* Do not use the kept one again. */
void token_forget(struct sys *sys);

/* Wipes it. */
void token_free(char *text);

#endif
