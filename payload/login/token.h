/* SPDX-License-Identifier: MIT */
/*
 * Tokens of the machine's identity, kept in /run until shortly before they expire: a file for each
 * audience.  SERVICE_USER's own.
 */
#ifndef LOGIN_TOKEN_H
#define LOGIN_TOKEN_H

#include "lib/core/conf.h"
#include "lib/sys/sys.h"

/*
 * audience     the URL of the service that the token is for, with a slash at its end
 * *ret_text    owned, secret: token_free
 * *ret_cached  it came from /run, so the service may have changed its mind about it
 * Failures carry their reason: identity-missing, token-unavailable.
 */
int token_get(struct sys *sys, const struct conf *conf, const char *audience, char **ret_text,
	      bool *ret_cached, struct err *err);

/* Do not use the kept one again. */
void token_forget(struct sys *sys, const char *audience);

/* Wipes it. */
void token_free(char *text);

#endif
