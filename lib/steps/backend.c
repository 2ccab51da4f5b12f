/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/checkaccess.h"
#include "lib/core/cleanup.h"
#include "lib/steps/backend.h"
#include "lib/sys/http.h"
#include "lib/sys/imds.h"

#define PATIENCE_MS 2000
#define REQUEST_TIMEOUT_MS 5000
#define LIST "/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"

/* What one of the backends asks about an account. */
struct question {
	struct buf audience, url;
	struct buf body; /* empty: the URL is read */
};

static void question_done(struct question *question)
{
	buf_done(&question->audience);
	buf_done(&question->url);
	buf_done(&question->body);
}

static void tell_refusal(struct machine *m, const char *oid)
{
	if (m->conf.role_backend == BACKEND_PDP)
		machine_note(m,
			     "nobody can sign in until %s lets the identity %s ask: it may need "
			     "onboarding, which the role backend arm does not",
			     m->conf.pdp, oid);
	else
		machine_note(m,
			     "nobody can sign in until the identity %s may read role assignments: "
			     "give it the role Reader on %s",
			     oid, m->conf.resource_id);
}

/* The backend arm, whose first question this is. */
static int make_list_question(const struct conf *conf, const char *oid, struct question *ret,
			      struct err *err)
{
	buf_str(&ret->url, conf->resource_manager);
	url_add_path(&ret->url, conf->resource_id);
	buf_printf(&ret->url, LIST "&$filter=assignedTo('%s')", oid);
	return buf_ok(&ret->url, err);
}

static int find_audience(const struct conf *conf, struct question *ret, struct err *err)
{
	AUTO_CHECKACCESS_SERVICE service = {.base = NULL};
	int r;

	if (conf->role_backend == BACKEND_ARM) {
		buf_str(&ret->audience, conf->resource_manager);
		return buf_ok(&ret->audience, err);
	}
	r = checkaccess_service(conf, &service, err);
	if (r == 0) {
		buf_move(&ret->audience, &service.audience);
		buf_move(&ret->url, &service.url);
	}
	return r;
}

static int send_question(struct machine *m, const char *token, const struct question *question,
			 struct http_response *ret, struct err *err)
{
	const struct conf *conf = &m->conf;
	AUTO_BUF header = {0};
	int r;

	buf_printf(&header, "Authorization: Bearer %s", token);
	r = buf_ok(&header, err);
	if (r == 0) {
		const struct http_request request = {
			.url = buf_text(&question->url),
			.headers = {buf_text(&header), "Accept: application/json",
				    question->body.len ? "Content-Type: application/json" : NULL},
			.body = question->body.len ? buf_text(&question->body) : NULL,
			.timeout_ms = REQUEST_TIMEOUT_MS,
			.proxy = m->proxy_secret ? m->proxy_secret : conf->proxy,
			.no_proxy = conf->no_proxy,
			.ca_bundle = conf->ca_bundle,
		};

		r = http_send(m->sys, &request, 1, ret, err);
	}
	if (header.data)
		explicit_bzero(header.data, header.len);
	return r;
}

static int ask(struct machine *m, struct imds_token *token, struct http_response *ret,
	       struct err *err)
{
	const struct imds imds = imds_of(&m->conf, PATIENCE_MS);
	CLEANUP(question_done) struct question question = {.audience = {0}};
	const struct conf *conf = &m->conf;
	int r = find_audience(conf, &question, err);

	if (r == 0)
		r = imds_token(m->sys, &imds, buf_text(&question.audience), token, err);
	if (r == 0)
		r = conf->role_backend == BACKEND_ARM
			    ? make_list_question(conf, token->claims.oid, &question, err)
			    : checkaccess_question(conf->resource_id, token->claims.oid,
						   &question.body, err);
	return r < 0 ? r : send_question(m, token->text, &question, ret, err);
}

void backend_ask(struct machine *m)
{
	struct http_response response = HTTP_RESPONSE_INIT;
	struct imds_token token = {0};
	struct err err = {0};
	int r;

	if (m->conf.role_backend == BACKEND_STATIC || m->conf.role_backend == BACKEND_NONE ||
	    !m->conf.resource_id || !m->conf.resource_manager)
		return;
	r = ask(m, &token, &response, &err);
	if (r < 0)
		machine_note(m, "the service that knows the roles could not be asked: %s", err.msg);
	else if (response.status == 401 || response.status == 403)
		tell_refusal(m, token.claims.oid);
	else if (response.status != 200)
		machine_note(m, "the service that knows the roles answered %d", response.status);
	http_response_done(&response);
	imds_token_done(&token);
}
