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
#include "payload/login/backend.h"
#include "payload/login/definitions.h"
#include "payload/login/exchange.h"

#define API "/providers/Microsoft.Authorization/"
#define API_VERSION "?api-version=2022-04-01"

/* One question about one account. */
struct question {
	struct exchange *x;
	const struct conf *conf;
	const char *oid;
	struct roles roles;
	struct decision decision;
};

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
	int r = exchange_check(q->x, list->url, response, err);

	if (r < 0)
		return r;
	if (response->max_age_s >= 0)
		decision_shorten(&q->decision, response->max_age_s * 1000);
	list->url = NULL;
	return list->add(&q->roles, buf_bytes(&response->body), q->conf->resource_manager,
			 &list->url, err);
}

/* The next page of each list that has one. */
static int read_pages(struct question *q, struct list *lists, size_t count, bool *ret_more,
		      struct err *err)
{
	AUTO_REPLIES replies = {.count = 0};
	const char *urls[EXCHANGE_PARALLEL];
	struct list *open[EXCHANGE_PARALLEL];
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
	exchange_send(q->x, urls, n, NULL, &replies);
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
	r = exchange_check(q->x, url, response, err);
	if (r == 0)
		r = roles_add_definition(&q->roles, buf_bytes(&response->body), err);
	if (r == 0 && q->roles.definition_count > before &&
	    strcmp(q->roles.definitions[before].role, role) == 0)
		definitions_store(q->x->sys, role, buf_bytes(&response->body));
	return r;
}

static int fetch_definitions(struct question *q, const char *const *roles, size_t count,
			     struct err *err)
{
	AUTO_REPLIES replies = {.count = 0};
	struct buf text[EXCHANGE_PARALLEL] = {{0}};
	const char *urls[EXCHANGE_PARALLEL];
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		add_url(q, "roleDefinitions/", roles[i], &text[i]);
		urls[i] = buf_text(&text[i]);
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = buf_ok(&text[i], err);
	if (r == 0)
		exchange_send(q->x, urls, count, NULL, &replies);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = take_definition(q, roles[i], urls[i], &replies.list[i], err);
	for (size_t i = 0; i < count; i++)
		buf_done(&text[i]);
	return r;
}

/* Roles whose definitions are needed. */
struct wanted {
	struct question *q;
	const char *roles[EXCHANGE_PARALLEL];
	size_t count;
};

/* Leave those whose definitions are not on disk; true when that is none. */
static bool drop_known(void *arg)
{
	struct wanted *wanted = arg;
	size_t n = 0;

	for (size_t i = 0; i < wanted->count; i++)
		if (!definitions_load(wanted->q->x->sys, wanted->roles[i], &wanted->q->roles))
			wanted->roles[n++] = wanted->roles[i];
	wanted->count = n;
	return n == 0;
}

/* One process of the machine asks, the others find its answers on disk. */
static int fetch_alone(struct question *q, struct wanted *wanted, struct err *err)
{
	AUTO_CLOSE int lock = definitions_lock(q->x->sys, drop_known, wanted);

	return wanted->count ? fetch_definitions(q, wanted->roles, wanted->count, err) : 0;
}

/* The next ones, as many as one batch takes; false when there are no more. */
static bool next_roles(struct wanted *ret, size_t *pos)
{
	const struct question *q = ret->q;

	ret->count = 0;
	while (ret->count < EXCHANGE_PARALLEL &&
	       (ret->roles[ret->count] =
			roles_unknown(&q->roles, q->conf->resource_id, q->oid, pos)))
		ret->count++;
	return ret->count > 0;
}

static int read_definitions(struct question *q, struct err *err)
{
	struct wanted wanted = {.q = q};
	size_t pos = 0;
	int r = 0;

	while (r == 0 && next_roles(&wanted, &pos))
		if (!drop_known(&wanted))
			r = fetch_alone(q, &wanted, err);
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

struct task {
	const char *oid;
	struct decision *ret;
};

static int ask(struct exchange *x, void *arg, struct err *err)
{
	struct task *task = arg;
	struct question q = {
		.x = x,
		.conf = x->conf,
		.oid = task->oid,
		.decision = {.boottime_ns = x->sys->ops->boottime_ns(x->sys),
			     .life_ms = DECISION_LIFE_MS},
	};
	int r = read_lists(&q, err);

	if (r == 0)
		r = read_definitions(&q, err);
	if (r == 0) {
		conclude(&q, false, &q.decision.login);
		conclude(&q, true, &q.decision.admin);
		*task->ret = q.decision;
	}
	roles_done(&q.roles);
	return r;
}

int roles_arm_ask(struct sys *sys, const struct conf *conf, const char *oid, struct decision *ret,
		  struct err *err)
{
	struct task task = {oid, ret};
	AUTO_BUF audience = {0};

	if (!conf->resource_id || !conf->resource_manager)
		return reason_refuse(err, REASON_NOT_CONFIGURED, "no resource is configured");
	buf_printf(&audience, "%s/", conf->resource_manager);
	if (buf_ok(&audience, err) < 0)
		return -ENOMEM;
	return exchange_run(sys, conf, buf_text(&audience), ask, &task, err);
}
