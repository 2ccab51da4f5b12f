/* SPDX-License-Identifier: MIT */
/*
 * HTTP and HTTPS through libcurl: TLS 1.2 or later verified against the given or the
 * distribution's own roots (none found fails closed), no redirects, no environment, bodies and
 * headers bounded, one deadline.  Several requests run in parallel over one connection pool.
 */
#ifndef SYS_HTTP_H
#define SYS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

#define HTTP_BODY_MAX ((size_t)4 << 20)
#define HTTP_HEADERS_MAX 8
#define HTTP_DATE_MAX_S ((int64_t)253402300799) /* the end of the year 9999 */
#define HTTP_AGE_MAX_S ((int64_t)365 * 86400) /* a longer max-age or Retry-After is none */

struct http_request {
	const char *url;
	const char *headers[HTTP_HEADERS_MAX]; /* "Name: value", up to the first NULL */
	const char *body; /* NULL: GET; otherwise POST of JSON */
	int timeout_ms; /* whole request; the deadline of struct sys shortens it */
	size_t body_max; /* 0: HTTP_BODY_MAX; a longer reply is -EMSGSIZE */
	const char *proxy; /* NULL or "": none; never the environment's */
	const char *no_proxy; /* as curl takes it, may be NULL */
	const char *ca_bundle; /* NULL: the distribution's own */
	const char *login; /* "USER:PASSWORD" for the server, by HTTP basic; NULL: none */
};

struct http_response {
	int status; /* HTTP status; 0 when none came */
	int proxy_status; /* of the proxy that was asked for a way through; 0 when none was */
	int error; /* 0, or the positive errno value below */
	char cause[160]; /* why none came, for messages */
	struct buf body;
	int64_t max_age_s; /* Cache-Control: max-age, -1 when absent */
	int64_t retry_after_s; /* Retry-After in seconds, -1 when absent */
	int64_t date_s; /* Date by the server's clock, since 1970; 0 when absent */
	char www_authenticate[256];
};

#define HTTP_RESPONSE_INIT                                                                         \
	{                                                                                          \
		.max_age_s = -1, .retry_after_s = -1                                               \
	}

/*
 * Through sys->ops->http.  Sends count requests in parallel and fills ret[0..count-1], which the
 * caller empties with http_response_done.  Returns 0 when each got an HTTP reply, of whatever
 * status; otherwise the failure of the first that did not: -ENOENT (name not resolved),
 * -ECONNREFUSED (cannot connect), -EPROTO (TLS), -ETIMEDOUT, -EMSGSIZE, -EIO.
 */
int http_send(struct sys *sys, const struct http_request *requests, size_t count,
	      struct http_response *ret, struct err *err);
void http_response_done(struct http_response *response);

/*
 * Can http_request.proxy be this URL?  As libcurl's own parser reads it: host and port, a user name
 * and a password that can be unescaped, and nothing behind.  Where a password has a raw slash, what
 * is before it would be the host.
 */
bool http_proxy_valid(const char *url);

/* One request; -EREMOTEIO unless the status is 200.  The message names URL (without query) and
 * status. */
int http_get_ok(struct sys *sys, const struct http_request *request, struct http_response *ret,
		struct err *err);

/*
 * As http_send_real, in a child of HTTP_CHILD_ID (of our own user when we are not root), which has
 * no capability, reads public files alone and writes none, and connects to the requests' ports
 * alone, see jail.h: what servers say is parsed there, and what comes back is judged by its form.
 * Further errors: those of jail_run.
 */
int http_send_apart(struct sys *sys, const struct http_request *requests, size_t count,
		    struct http_response *ret, struct err *err);

/*
 * What such a child wrote, for these requests: fills ret as http_send does, and returns what it
 * returned there.  -EIO when the bytes are not of the form; -ENOMEM.
 */
int http_child_answer(struct span answer, const struct http_request *requests, size_t count,
		      struct http_response *ret, struct err *err);

#define HTTP_CHILD_ID 65534 /* the user and group that own nothing: nobody, or without a name */

int http_send_real(struct sys *sys, const struct http_request *requests, size_t count,
		   struct http_response *ret, struct err *err);

#endif
