/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/core/roles.h"
#include "payload/login/exchange.h"
#include "payload/login/token.h"

#define TRIES 3
#define PAUSE_MS 250 /* before the second try, doubled before the third */

void replies_done(struct replies *replies)
{
	for (size_t i = 0; i < replies->count; i++)
		http_response_done(&replies->list[i]);
}

static bool worth_another_try(const struct http_response *response)
{
	if (response->status == 0)
		return response->error != EMSGSIZE;
	return response->status == 429 || response->status >= 500;
}

/* Send those requests again that had no reply, or one that says to come back. */
static void send_pending(struct exchange *x, const struct http_request *requests, size_t count,
			 struct replies *replies)
{
	struct http_request pending[EXCHANGE_PARALLEL];
	struct http_response got[EXCHANGE_PARALLEL];
	struct err ignored = {0}; /* each response says what became of it */
	size_t index[EXCHANGE_PARALLEL], n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!worth_another_try(&replies->list[i]))
			continue;
		http_response_done(&replies->list[i]);
		got[n] = (struct http_response)HTTP_RESPONSE_INIT;
		pending[n] = requests[i];
		index[n++] = i;
	}
	(void)http_send(x->sys, pending, n, got, &ignored);
	for (size_t i = 0; i < n; i++)
		replies->list[index[i]] = got[i];
}

/* How long to wait before the next try; 0 when there is none to make. */
static int64_t next_pause_ms(struct exchange *x, const struct replies *replies, int tries)
{
	int64_t pause_ms = 0;

	for (size_t i = 0; i < replies->count; i++) {
		const struct http_response *response = &replies->list[i];
		int64_t asked_ms = response->retry_after_s * 1000;

		if (!worth_another_try(response))
			continue;
		if (pause_ms < (int64_t)PAUSE_MS << tries)
			pause_ms = (int64_t)PAUSE_MS << tries;
		if (pause_ms < asked_ms)
			pause_ms = asked_ms;
	}
	if (tries + 1 >= TRIES ||
	    sys_left_ms(x->sys, pause_ms + EXCHANGE_RESERVE_MS) < pause_ms + EXCHANGE_RESERVE_MS)
		return 0;
	return pause_ms;
}

int exchange_check(struct exchange *x, const char *url, const struct http_response *response,
		   struct err *err)
{
	int len = (int)strcspn(url, "?");

	x->status = response->status;
	if (response->status == 200)
		return 0;
	if (response->status == 0)
		(void)err_set(err, response->error ? response->error : EIO, "%.*s: %s", len, url,
			      response->cause);
	else
		(void)err_set(err, EREMOTEIO, "%.*s answered %d", len, url, response->status);
	if (response->status == 401 || response->status == 403)
		return reason_add(err, REASON_BACKEND_REFUSED);
	return reason_add(err, worth_another_try(response) ? REASON_BACKEND_UNREACHABLE
							   : REASON_BACKEND_MALFORMED);
}

void exchange_send(struct exchange *x, const char *const *urls, size_t count, const char *body,
		   struct replies *ret)
{
	struct http_request requests[EXCHANGE_PARALLEL];

	for (size_t i = 0; i < count; i++) {
		ret->list[i] = (struct http_response)HTTP_RESPONSE_INIT;
		requests[i] = (struct http_request){
			.url = urls[i],
			.headers = {x->authorization, "Accept: application/json",
				    body ? "Content-Type: application/json" : NULL},
			.body = body,
			.timeout_ms = EXCHANGE_TIMEOUT_MS,
			.body_max = ROLES_PAGE_MAX,
			.proxy = x->conf->proxy,
			.no_proxy = x->conf->no_proxy,
			.ca_bundle = x->conf->ca_bundle,
		};
	}
	ret->count = count;
	for (int tries = 0;; tries++) {
		int64_t pause_ms;

		send_pending(x, requests, count, ret);
		pause_ms = next_pause_ms(x, ret, tries);
		if (pause_ms == 0)
			break;
		x->sys->ops->sleep_ms(x->sys, pause_ms);
	}
}

static int run_with(struct exchange *x, const char *token, exchange_fn *fn, void *arg,
		    struct err *err)
{
	AUTO_BUF header = {0};
	int r;

	buf_printf(&header, "Authorization: Bearer %s", token);
	x->authorization = buf_text(&header);
	r = buf_ok(&header, err);
	if (r == 0)
		r = fn(x, arg, err);
	if (header.data)
		explicit_bzero(header.data, header.cap);
	return r;
}

int exchange_run(struct sys *sys, const struct conf *conf, const char *audience, exchange_fn *fn,
		 void *arg, struct err *err)
{
	bool cached = true;
	int r = 0;

	for (int tries = 0; tries < 2 && cached; tries++) {
		struct exchange x = {.sys = sys, .conf = conf};
		char *token;

		r = token_get(sys, conf, audience, &token, &cached, err);
		if (r < 0)
			return r;
		r = run_with(&x, token, fn, arg, err);
		token_free(token);
		if (r == 0 || (x.status != 401 && x.status != 403))
			return r;
		token_forget(sys, audience);
	}
	return r;
}
