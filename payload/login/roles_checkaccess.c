/* SPDX-License-Identifier: MIT */
/*
 * The backends that leave the decision to a service: checkaccess of Resource Manager, and the
 * service of the machine's region that it is moving to.
 *
 * MUST:
 *  1. a decision is made only from a whole answer (checkaccess.h);
 *  2. the token goes to that service alone, so no URL leaves its host, and into no message;
 *  3. whatever goes wrong is a failure, never a missing role.
 */
#include "config.h"

#include <string.h>

#include "lib/core/checkaccess.h"
#include "payload/login/backend.h"
#include "payload/login/exchange.h"

struct task {
	const struct checkaccess_service *service;
	const char *question;
	struct checkaccess answer;
};

static int read_page(struct exchange *x, const struct task *task, const char *url, const char *body,
		     struct checkaccess *answer, struct err *err)
{
	AUTO_REPLIES replies = {.count = 0};
	int r;

	exchange_send(x, &url, 1, body, &replies);
	r = exchange_check(x, url, &replies.list[0], err);
	return r < 0 ? r
		     : checkaccess_add(answer, buf_bytes(&replies.list[0].body),
				       x->conf->resource_id, task->service->base, err);
}

static int ask(struct exchange *x, void *arg, struct err *err)
{
	struct task *task = arg;
	struct checkaccess answer = {.page_count = 0};
	char url[URL_MAX + 1];
	int r = read_page(x, task, buf_text(&task->service->url), task->question, &answer, err);

	while (r == 0 && answer.next[0]) {
		memcpy(url, answer.next, sizeof(url));
		r = read_page(x, task, url, NULL, &answer, err);
	}
	if (r == 0)
		r = checkaccess_whole(&answer, err);
	if (r == 0)
		task->answer = answer;
	return r;
}

static void conclude(const struct access_answer *answer, struct verdict *ret)
{
	ret->kind = answer->access == ACCESS_GRANTED  ? VERDICT_GRANTED
		    : answer->access == ACCESS_DENIED ? VERDICT_DENIED
						      : VERDICT_MISSING;
	_Static_assert(sizeof(ret->id) == sizeof(answer->id), "one maximum");
	memcpy(ret->id, answer->id, sizeof(ret->id));
	memcpy(ret->scope, answer->scope, sizeof(ret->scope));
}

int roles_checkaccess_ask(struct sys *sys, const struct conf *conf, const char *oid,
			  struct decision *ret, struct err *err)
{
	struct decision decision = {.boottime_ns = sys->ops->boottime_ns(sys),
				    .life_ms = DECISION_LIFE_MS};
	AUTO_CHECKACCESS_SERVICE service = {.base = NULL};
	AUTO_BUF question = {0};
	struct task task = {.service = &service};
	int r = checkaccess_service(conf, &service, err);

	if (r == 0)
		r = checkaccess_question(conf->resource_id, oid, &question, err);
	if (r < 0)
		return r;
	task.question = buf_text(&question);
	r = exchange_run(sys, conf, buf_text(&service.audience), ask, &task, err);
	if (r < 0)
		return r;
	conclude(&task.answer.login, &decision.login);
	conclude(&task.answer.admin, &decision.admin);
	if (task.answer.life_said)
		decision_shorten(&decision, task.answer.life_ms);
	*ret = decision;
	return 0;
}
