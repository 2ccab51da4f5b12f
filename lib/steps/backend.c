/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/checkaccess.h"
#include "lib/core/cleanup.h"
#include "lib/steps/backend.h"
#include "lib/sys/fs.h"
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

static int refused(const struct conf *conf, const char *oid, struct err *err)
{
	if (conf->role_backend == BACKEND_PDP) {
		(void)err_set(err, EACCES, "nobody can sign in until %s lets the identity %s ask",
			      conf->pdp, oid);
		return err_remedy(err, 0,
				  "it may need onboarding, which the role backend arm does not");
	}
	(void)err_set(err, EACCES,
		      "nobody can sign in until the identity %s may read role assignments", oid);
	return err_remedy(err, 0, "give it the role Reader on %s", conf->resource_id);
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

int backend_check(struct machine *m, char ret_oid[GUID_SIZE], struct err *err)
{
	CLEANUP(http_response_done) struct http_response response = HTTP_RESPONSE_INIT;
	CLEANUP(imds_token_done) struct imds_token token = {0};
	int r = ask(m, &token, &response, err);

	(void)snprintf(ret_oid, GUID_SIZE, "%s", token.claims.oid);
	if (r < 0)
		return err_wrap(err, "the service that knows the roles could not be asked");
	if (response.status == 401 || response.status == 403)
		return refused(&m->conf, token.claims.oid, err);
	return response.status == 200
		       ? 0
		       : err_set(err, EREMOTEIO, "the service that knows the roles answered %d",
				 response.status);
}

bool backend_asks(const struct conf *conf)
{
	return conf->role_backend != BACKEND_STATIC && conf->role_backend != BACKEND_NONE &&
	       conf->resource_id && conf->resource_manager;
}

void backend_ask(struct machine *m)
{
	struct err err = {0};
	char oid[GUID_SIZE];

	if (!backend_asks(&m->conf) || backend_check(m, oid, &err) == 0)
		return;
	machine_warn(m, GRAVITY_SHUT, err.remedy[0] ? "%s: %s" : "%s%s", err.msg, err.remedy);
	witness_doubt(m->sys); /* the role can be given at any time */
}
