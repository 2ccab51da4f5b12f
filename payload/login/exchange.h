/* SPDX-License-Identifier: MIT */
/*
 * Questions to a service that knows roles, with a token of the machine's identity: several at once,
 * asked again where that can help, never beyond the deadline of struct sys.
 *
 * MUST: the token goes to the URLs of the caller alone, who sees to their host, and into no
 * message.
 */
#ifndef LOGIN_EXCHANGE_H
#define LOGIN_EXCHANGE_H

#include "lib/core/conf.h"
#include "lib/sys/http.h"

#define EXCHANGE_PARALLEL 8
#define EXCHANGE_TIMEOUT_MS 6000 /* of one try */
#define EXCHANGE_RESERVE_MS                                                                        \
	1500 /* a wait that leaves less than this for a request is not worth it */

/* A conversation with one token. */
struct exchange {
	struct sys *sys;
	const struct conf *conf;
	const char *authorization; /* the whole header line */
	int status; /* of the last reply that was checked, 0: none came */
};

/* The replies to one batch of requests. */
struct replies {
	struct http_response list[EXCHANGE_PARALLEL];
	size_t count;
};

#define AUTO_REPLIES __attribute__((cleanup(replies_done))) struct replies

void replies_done(struct replies *replies);

/*
 * Ask for up to EXCHANGE_PARALLEL documents at once, see exchange_check for what came.  body is
 * posted to each URL, NULL: they are read.  Silence, 429 and 5xx are asked again, after the pause
 * that the service asks for.
 */
void exchange_send(struct exchange *x, const char *const *urls, size_t count, const char *body,
		   struct replies *ret);

/* 0 for a 200.  Otherwise a failure with its reason: backend-refused, -unreachable, -malformed. */
int exchange_check(struct exchange *x, const char *url, const struct http_response *response,
		   struct err *err);

/* What there is to ask; leaves *arg as it was when it fails. */
typedef int exchange_fn(struct exchange *x, void *arg, struct err *err);

/*
 * Run fn with a token for the audience.  A kept token can have been withdrawn, or be of a former
 * identity, which 401 and 403 mean: then fn runs a second time with a new one.  The failure of fn
 * or of token_get.
 */
int exchange_run(struct sys *sys, const struct conf *conf, const char *audience, exchange_fn *fn,
		 void *arg, struct err *err);

#endif
