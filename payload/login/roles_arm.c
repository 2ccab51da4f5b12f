/* SPDX-License-Identifier: MIT */
/*
 * The backend that asks Resource Manager: role and deny assignments in parallel, page by page, then
 * the definitions that are not known, in parallel.  Source: Microsoft.Authorization, API
 * version 2022-04-01.
 *
 * MUST:
 *  1. a decision is made only when every page and both lists were read;
 *  2. the token goes to Resource Manager alone, so no URL leaves its host (roles.h sees to
 *     nextLink), and into no message;
 *  3. whatever goes wrong is a failure, never a missing role.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/core/roles.h"
#include "lib/core/url.h"
#include "lib/sys/http.h"
#include "payload/login/backend.h"
#include "payload/login/definitions.h"
#include "payload/login/token.h"

#define API "/providers/Microsoft.Authorization/"
#define API_VERSION "?api-version=2022-04-01"
#define PARALLEL 8
#define TRIES 3
#define REQUEST_TIMEOUT_MS 6000
#define PAUSE_MS 250 /* before the second try, doubled before the third */
#define RESERVE_MS 1500 /* a pause that leaves less than this for the request is not worth it */

/* One question about one account. */
struct question {
	struct sys *sys;
	const struct conf *conf;
	const char *oid;
	const char *authorization; /* the whole header line */
	struct roles roles;
	int status; /* of the reply that ended it */
};

/* The replies to one batch of requests. */
struct replies {
	struct http_response list[PARALLEL];
	size_t count;
};

static void replies_done(struct replies *replies)
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
static void send_pending(struct question *q, const struct http_request *requests, size_t count,
			 struct replies *replies)
{
	struct http_request pending[PARALLEL];
	struct http_response got[PARALLEL];
	struct err ignored = {0}; /* each response says what became of it */
	size_t index[PARALLEL], n = 0;

	for (size_t i = 0; i < count; i++) {
		if (!worth_another_try(&replies->list[i]))
			continue;
		http_response_done(&replies->list[i]);
		got[n] = (struct http_response)HTTP_RESPONSE_INIT;
		pending[n] = requests[i];
		index[n++] = i;
	}
	(void)http_send(q->sys, pending, n, got, &ignored);
	for (size_t i = 0; i < n; i++)
		replies->list[index[i]] = got[i];
}

/* How long to wait before the next try; 0 when there is none to make. */
static int64_t next_pause_ms(struct question *q, const struct replies *replies, int tries)
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
	    sys_left_ms(q->sys, pause_ms + RESERVE_MS) < pause_ms + RESERVE_MS)
		return 0;
	return pause_ms;
}

static int check_reply(struct question *q, const char *url, const struct http_response *response,
		       struct err *err)
{
	int len = (int)strcspn(url, "?");

	q->status = response->status;
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

/* Ask for up to PARALLEL documents at once, see check_reply for what came. */
static void ask(struct question *q, const char *const *urls, size_t count, struct replies *ret)
{
	struct http_request requests[PARALLEL];

	for (size_t i = 0; i < count; i++) {
		ret->list[i] = (struct http_response)HTTP_RESPONSE_INIT;
		requests[i] = (struct http_request){
			.url = urls[i],
			.headers = {q->authorization, "Accept: application/json"},
			.timeout_ms = REQUEST_TIMEOUT_MS,
			.body_max = ROLES_PAGE_MAX,
			.proxy = q->conf->proxy,
			.no_proxy = q->conf->no_proxy,
			.ca_bundle = q->conf->ca_bundle,
		};
	}
	ret->count = count;
	for (int tries = 0;; tries++) {
		int64_t pause_ms;

		send_pending(q, requests, count, ret);
		pause_ms = next_pause_ms(q, ret, tries);
		if (pause_ms == 0)
			break;
		q->sys->ops->sleep_ms(q->sys, pause_ms);
	}
}

/* Something of Microsoft.Authorization at our resource. */
static void add_url(const struct question *q, const char *kind, const char *id, struct buf *url)
{
	buf_str(url, q->conf->resource_manager);
	url_add_path(url, q->conf->resource_id);
	buf_printf(url, API "%s%s" API_VERSION, kind, id);
}

static void add_list_url(const struct question *q, const char *list, struct buf *url)
{
	add_url(q, list, "", url);
	buf_printf(url, "&$filter=assignedTo('%s')", q->oid);
}

/* A list that is read page by page. */
struct list {
	const char *url; /* of the page to come; NULL: all is read */
	int (*add)(struct roles *roles, struct span json, const char *arm, const char **ret_next,
		   struct err *err);
};

static int read_page(struct question *q, struct list *list, const struct http_response *response,
		     struct err *err)
{
	int r = check_reply(q, list->url, response, err);

	if (r < 0)
		return r;
	list->url = NULL;
	return list->add(&q->roles, buf_bytes(&response->body), q->conf->resource_manager,
			 &list->url, err);
}

/* The next page of each list that has one. */
static int read_pages(struct question *q, struct list *lists, size_t count, bool *ret_more,
		      struct err *err)
{
	CLEANUP(replies_done) struct replies replies = {.count = 0};
	const char *urls[PARALLEL];
	struct list *open[PARALLEL];
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		if (!lists[i].url)
			continue;
		open[n] = &lists[i];
		urls[n++] = lists[i].url;
	}
	*ret_more = n > 0;
	if (n == 0)
		return 0;
	ask(q, urls, n, &replies);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = read_page(q, open[i], &replies.list[i], err);
	return r;
}

static int read_lists(struct question *q, struct err *err)
{
	AUTO_BUF assignments = {0};
	AUTO_BUF denies = {0};
	bool more = true;
	int r;

	add_list_url(q, "roleAssignments", &assignments);
	add_list_url(q, "denyAssignments", &denies);
	r = buf_ok(&assignments, err) < 0 ? -ENOMEM : buf_ok(&denies, err);

	struct list lists[] = {
		{buf_text(&assignments), roles_add_assignments},
		{buf_text(&denies), roles_add_denies},
	};
	while (r == 0 && more)
		r = read_pages(q, lists, ARRAY_LEN(lists), &more, err);
	return r;
}

static int take_definition(struct question *q, const char *role, const char *url,
			   const struct http_response *response, struct err *err)
{
	size_t before = q->roles.definition_count;
	int r;

	/* Gone meanwhile: a role that nobody can describe grants nothing. */
	if (response->status == 404)
		return 0;
	r = check_reply(q, url, response, err);
	if (r == 0)
		r = roles_add_definition(&q->roles, buf_bytes(&response->body), err);
	if (r == 0 && q->roles.definition_count > before &&
	    strcmp(q->roles.definitions[before].role, role) == 0)
		definitions_store(q->sys, role, buf_bytes(&response->body));
	return r;
}

/* Ask for one batch of definitions; *pos goes on behind it. */
static int read_some_definitions(struct question *q, size_t *pos, bool *ret_more, struct err *err)
{
	CLEANUP(replies_done) struct replies replies = {.count = 0};
	const char *batch[PARALLEL], *role = NULL;
	struct buf text[PARALLEL] = {{0}};
	const char *urls[PARALLEL];
	size_t n = 0;
	int r = 0;

	while (n < PARALLEL &&
	       (role = roles_unknown(&q->roles, q->conf->resource_id, q->oid, pos))) {
		if (definitions_load(q->sys, role, &q->roles))
			continue;
		add_url(q, "roleDefinitions/", role, &text[n]);
		urls[n] = buf_text(&text[n]);
		batch[n++] = role;
	}
	*ret_more = role;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = buf_ok(&text[i], err);
	if (r == 0 && n)
		ask(q, urls, n, &replies);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = take_definition(q, batch[i], urls[i], &replies.list[i], err);
	for (size_t i = 0; i < n; i++)
		buf_done(&text[i]);
	return r;
}

static int read_definitions(struct question *q, struct err *err)
{
	bool more = true;
	size_t pos = 0;
	int r = 0;

	while (r == 0 && more)
		r = read_some_definitions(q, &pos, &more, err);
	return r;
}

static void conclude(const struct question *q, bool admin, struct verdict *ret)
{
	const char *resource_id = q->conf->resource_id;
	struct role_decision decision =
		roles_decide(&q->roles, resource_id, q->oid, roles_action(resource_id, admin));

	ret->kind = decision.granted  ? VERDICT_GRANTED
		    : decision.denied ? VERDICT_DENIED
				      : VERDICT_MISSING;
	/* What does not fit is for messages alone. */
	if (decision.id)
		(void)span_copy(span_of(decision.id), ret->id, sizeof(ret->id));
	if (decision.scope)
		(void)span_copy(span_of(decision.scope), ret->scope, sizeof(ret->scope));
}

static int ask_with(struct sys *sys, const struct conf *conf, const char *oid, const char *token,
		    int *ret_status, struct decision *ret, struct err *err)
{
	struct question q = {.sys = sys, .conf = conf, .oid = oid};
	struct decision decision = {.boottime_ns = sys->ops->boottime_ns(sys)};
	AUTO_BUF header = {0};
	int r;

	buf_printf(&header, "Authorization: Bearer %s", token);
	q.authorization = buf_text(&header);
	r = buf_ok(&header, err);
	if (r == 0)
		r = read_lists(&q, err);
	if (r == 0)
		r = read_definitions(&q, err);
	if (r == 0) {
		conclude(&q, false, &decision.login);
		conclude(&q, true, &decision.admin);
		*ret = decision;
	}
	*ret_status = q.status;
	roles_done(&q.roles);
	if (header.data)
		explicit_bzero(header.data, header.cap);
	return r;
}

int roles_arm_ask(struct sys *sys, const struct conf *conf, const char *oid, struct decision *ret,
		  struct err *err)
{
	bool cached = true;
	int status = 0, r = 0;

	if (!conf->resource_id || !conf->resource_manager)
		return reason_refuse(err, REASON_NOT_CONFIGURED, "no resource is configured");
	/* A kept token can have been withdrawn, or be of a former identity, which 403 means: then a
	 * new one gets the second try. */
	for (int tries = 0; tries < 2 && cached; tries++) {
		char *token;

		r = token_get(sys, conf, &token, &cached, err);
		if (r < 0)
			return r;
		r = ask_with(sys, conf, oid, token, &status, ret, err);
		token_free(token);
		if (r == 0 || (status != 401 && status != 403))
			return r;
		token_forget(sys);
	}
	return r;
}
