/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/url.h"
#include "lib/steps/backend.h"
#include "lib/sys/http.h"
#include "lib/sys/imds.h"

#define PATIENCE_MS 2000
#define REQUEST_TIMEOUT_MS 5000
#define LIST "/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"

static void tell_refusal(struct machine *m, const char *oid)
{
	machine_note(m,
		     "nobody can sign in until the identity %s may read role assignments: give it "
		     "the role Reader on %s",
		     oid, m->conf.resource_id);
}

static int ask(struct machine *m, const struct imds_token *token, struct http_response *ret,
	       struct err *err)
{
	AUTO_BUF url = {0}, header = {0};
	const struct conf *conf = &m->conf;
	int r;

	buf_str(&url, conf->resource_manager);
	url_add_path(&url, conf->resource_id);
	buf_printf(&url, LIST "&$filter=assignedTo('%s')", token->claims.oid);
	buf_printf(&header, "Authorization: Bearer %s", token->text);
	r = buf_ok(&url, err) < 0 ? -err->code : buf_ok(&header, err);
	if (r == 0) {
		const struct http_request request = {
			.url = buf_text(&url),
			.headers = {buf_text(&header), "Accept: application/json"},
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

void backend_ask(struct machine *m)
{
	const struct imds imds = {.base_url = m->conf.imds, .patience_ms = PATIENCE_MS};
	struct http_response response = HTTP_RESPONSE_INIT;
	struct imds_token token = {0};
	struct err err = {0};
	int r;

	if (m->conf.role_backend != BACKEND_ARM || !m->conf.resource_id ||
	    !m->conf.resource_manager)
		return;
	r = imds_token(m->sys, &imds, m->conf.resource_manager, &token, &err);
	if (r == 0)
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
