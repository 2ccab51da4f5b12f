/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/http.h"
#include "lib/sys/jail.h"

#define CHILD_GRACE_MS 2000 /* what a child takes besides its requests */
#define ERRNO_MAX 4095

struct batch {
	const struct http_request *requests;
	size_t count;
};

/* What of a response has a fixed size, as it goes through the pipe; the bodies follow. */
struct reply {
	int status, proxy_status, error;
	char cause[160];
	int64_t max_age_s, retry_after_s, date_s;
	char www_authenticate[256];
	size_t body_len;
};

struct verdict {
	int code; /* of the whole batch, 0 or as errno */
	char message[ERR_MSG_MAX];
};

/* In the jail: the verdict, then each reply with its body. */
static int send_jailed(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct batch *batch = arg;
	AUTO_FREE struct http_response *responses = calloc(batch->count, sizeof(*responses));
	struct verdict verdict = {.code = 0};

	if (!responses)
		return err_oom(err);
	verdict.code = -http_send_real(sys, batch->requests, batch->count, responses, err);
	memcpy(verdict.message, err->msg, sizeof(verdict.message));
	buf_add(ret, &verdict, sizeof(verdict));
	for (size_t i = 0; i < batch->count; i++) {
		const struct http_response *response = &responses[i];
		struct reply reply = {
			.status = response->status,
			.proxy_status = response->proxy_status,
			.error = response->error,
			.max_age_s = response->max_age_s,
			.retry_after_s = response->retry_after_s,
			.date_s = response->date_s,
			.body_len = response->body.len,
		};

		memcpy(reply.cause, response->cause, sizeof(reply.cause));
		memcpy(reply.www_authenticate, response->www_authenticate,
		       sizeof(reply.www_authenticate));
		buf_add(ret, &reply, sizeof(reply));
		buf_span(ret, buf_bytes(&response->body));
	}
	return 0; /* the process ends here: nothing is freed */
}

static size_t body_max(const struct http_request *request)
{
	return request->body_max ? request->body_max : HTTP_BODY_MAX;
}

static bool take(struct span *rest, void *ret, size_t size)
{
	struct span bytes;

	if (!span_take(rest, size, &bytes))
		return false;
	memcpy(ret, bytes.p, size);
	return true;
}

/* Whoever took the child over may write anything here. */
static bool take_response(struct span *rest, const struct http_request *request,
			  struct http_response *ret)
{
	struct reply reply;
	struct span body;

	if (!take(rest, &reply, sizeof(reply)) || reply.body_len > body_max(request) ||
	    !span_take(rest, reply.body_len, &body) || reply.status < 0 || reply.status > 999 ||
	    reply.proxy_status < 0 || reply.proxy_status > 999 || reply.error < 0 ||
	    reply.error > ERRNO_MAX || reply.max_age_s < -1 || reply.max_age_s > HTTP_AGE_MAX_S ||
	    reply.retry_after_s < -1 || reply.retry_after_s > HTTP_AGE_MAX_S || reply.date_s < 0 ||
	    reply.date_s > HTTP_DATE_MAX_S || !memchr(reply.cause, '\0', sizeof(reply.cause)) ||
	    !memchr(reply.www_authenticate, '\0', sizeof(reply.www_authenticate)))
		return false;
	ret->status = reply.status;
	ret->proxy_status = reply.proxy_status;
	ret->error = reply.error;
	ret->max_age_s = reply.max_age_s;
	ret->retry_after_s = reply.retry_after_s;
	ret->date_s = reply.date_s;
	memcpy(ret->cause, reply.cause, sizeof(ret->cause));
	memcpy(ret->www_authenticate, reply.www_authenticate, sizeof(ret->www_authenticate));
	buf_span(&ret->body, body);
	return true;
}

int http_child_answer(struct span answer, const struct http_request *requests, size_t count,
		      struct http_response *ret, struct err *err)
{
	struct verdict verdict;
	bool whole = take(&answer, &verdict, sizeof(verdict)) && verdict.code >= 0 &&
		     verdict.code <= ERRNO_MAX &&
		     memchr(verdict.message, '\0', sizeof(verdict.message));

	for (size_t i = 0; whole && i < count; i++)
		whole = take_response(&answer, &requests[i], &ret[i]) &&
			(verdict.code || !ret[i].error);
	if (!whole || answer.len)
		return err_set(err, EIO, "the unprivileged child answered beside the form");
	for (size_t i = 0; i < count; i++)
		if (buf_ok(&ret[i].body, err) < 0)
			return -ENOMEM;
	return verdict.code ? err_set(err, verdict.code, "%s", verdict.message) : 0;
}

/* What the batch needs of the machine, and how long it may take. */
static void fill_jail(const struct batch *batch, const char *const *reads, struct jail *ret)
{
	*ret = (struct jail){
		.uid = geteuid() == 0 ? HTTP_CHILD_ID : geteuid(),
		.gid = getegid() == 0 ? HTTP_CHILD_ID : getegid(),
		.confine = {.reads = reads},
		.answer_max = sizeof(struct verdict),
	};
	confine_add_names(&ret->confine);
	for (size_t i = 0; i < batch->count; i++) {
		const struct http_request *request = &batch->requests[i];

		confine_add_url(&ret->confine, request->url, 0);
		confine_add_url(&ret->confine, request->proxy, CONFINE_PROXY_PORT);
		ret->answer_max += sizeof(struct reply) + body_max(request);
		if (request->timeout_ms + CHILD_GRACE_MS > ret->timeout_ms)
			ret->timeout_ms = request->timeout_ms + CHILD_GRACE_MS;
	}
}

int http_send_apart(struct sys *sys, const struct http_request *requests, size_t count,
		    struct http_response *ret, struct err *err)
{
	const struct batch batch = {requests, count};
	const char *reads[CONFINE_PUBLIC + 2] = {NULL};
	AUTO_BUF answer = {0};
	struct jail jail;
	int r;

	for (size_t i = 0; i < count; i++)
		ret[i] = (struct http_response)HTTP_RESPONSE_INIT;
	memcpy(reads, confine_public, sizeof(confine_public));
	reads[CONFINE_PUBLIC] = requests[0].ca_bundle;
	fill_jail(&batch, reads, &jail);
	r = jail_run(sys, &jail, send_jailed, &batch, &answer, err);
	if (r == 0)
		r = http_child_answer(buf_bytes(&answer), requests, count, ret, err);
	if (answer.data)
		explicit_bzero(answer.data, answer.cap); /* it may hold a token */
	return r;
}
