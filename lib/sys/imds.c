/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/path.h"
#include "lib/sys/http.h"
#include "lib/sys/imds.h"

#define REQUEST_TIMEOUT_MS 5000
#define BODY_MAX ((size_t)256 << 10)
#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 8000
#define URL_SIZE 1024

static bool temporary(int status)
{
	return status == 404 || status == 410 || status == 429 || status >= 500;
}

static bool names_no_identity(const struct http_response *response)
{
	return response->status == 400 &&
	       strcasestr(buf_text(&response->body), "identity not found");
}

/*
 * How long to wait before the next try: the pause doubles, and its second half is left to chance,
 * so that the machines of a scale set do not ask in step.  The clock's fast digits are chance
 * enough.
 */
static int64_t next_pause(struct sys *sys, int try, const struct http_response *response)
{
	int64_t pause = try < 4 ? (int64_t)PAUSE_FIRST_MS <<
	try : PAUSE_MAX_MS
		;

	pause = pause / 2 + sys->ops->boottime_ns(sys) / 1000 % (pause / 2 + 1);
	if (response->retry_after_s > 0 && response->retry_after_s < 60)
		return pause + response->retry_after_s * 1000;
	return pause;
}

static int give_up(const char *url, const struct http_response *response, const struct err *sent,
		   struct err *err)
{
	if (names_no_identity(response))
		return err_set(err, ENOENT, "the VM has no system-assigned managed identity");
	if (response->status == 0)
		return err_set(err, EHOSTUNREACH,
			       "the instance metadata service does not answer: %s", sent->msg);
	return err_set(err, temporary(response->status) ? EHOSTUNREACH : EREMOTEIO,
		       "the instance metadata service answers %d to %.*s", response->status,
		       (int)strcspn(url, "?"), url);
}

/* Ask until there is a 200 in *ret, or the patience for what is answered instead ended. */
static int ask(struct sys *sys, const struct imds *imds, const char *url, struct http_response *ret,
	       struct err *err)
{
	const struct http_request request = {
		.url = url,
		.headers = {"Metadata: true"},
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.body_max = BODY_MAX,
	};
	int64_t start = sys->ops->boottime_ns(sys);

	for (int try = 0;; try++) {
		int64_t pause, waited_ms, limit = 0;
		struct err sent = {0};
		int r = http_send(sys, &request, 1, ret, &sent);

		if (r == -EMSGSIZE || r == -ENOMEM) {
			*err = sent;
			return r;
		}
		if (r == 0 && ret->status == 200)
			return 0;
		if (names_no_identity(ret))
			limit = imds->identity_wait_ms;
		else if (r < 0 || temporary(ret->status))
			limit = imds->patience_ms;
		pause = next_pause(sys, try, ret);
		waited_ms = (sys->ops->boottime_ns(sys) - start) / 1000000;
		if (waited_ms + pause > limit || sys_left_ms(sys, pause) < pause)
			return give_up(url, ret, &sent, err);
		http_response_done(ret);
		sys->ops->sleep_ms(sys, pause);
	}
}

static int malformed(const char *what, struct err *err)
{
	return err_set(err, EBADMSG, "the instance metadata service answers without a valid %s",
		       what);
}

/* Copy a member that consists of visible ASCII alone. */
static int member(const json_t *json, const char *key, char *ret, size_t size, struct err *err)
{
	const char *text = NULL;

	if (json_get_string(json, key, &text, err) < 0 || !text || !text[0])
		return malformed(key, err);
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return malformed(key, err);
	return span_copy(span_of(text), ret, size) ? 0 : malformed(key, err);
}

/* Few ask for the region, so that one that is missing or odd fails nobody. */
static void copy_region(const json_t *compute, char *ret, size_t size)
{
	const char *text = json_string_value(json_object_get(compute, "location"));

	ret[0] = '\0';
	for (const char *c = text ? text : ""; *c; c++)
		if (!isalnum((unsigned char)*c))
			return;
	if (!text || !span_copy(span_of(text), ret, size))
		return;
	for (char *c = ret; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

int imds_instance(struct sys *sys, const struct imds *imds, struct imds_instance *ret,
		  struct err *err)
{
	CLEANUP(http_response_done) struct http_response response = HTTP_RESPONSE_INIT;
	struct imds_instance instance = {0};
	AUTO_JSON *json = NULL;
	json_t *compute = NULL;
	char url[URL_SIZE];
	int r;

	(void)snprintf(url, sizeof(url), "%s/metadata/instance?api-version=2021-02-01",
		       imds->base_url);
	r = ask(sys, imds, url, &response, err);
	if (r == 0)
		r = json_parse(buf_bytes(&response.body), "the instance's metadata", &json, err);
	if (r == 0 && (json_get_object(json, "compute", &compute, err) < 0 || !compute))
		r = malformed("compute", err);
	if (r == 0)
		r = member(compute, "azEnvironment", instance.environment,
			   sizeof(instance.environment), err);
	if (r == 0)
		r = member(compute, "resourceId", instance.resource_id,
			   sizeof(instance.resource_id), err);
	if (r == 0)
		r = member(compute, "vmId", instance.vm_id, sizeof(instance.vm_id), err);
	if (r < 0)
		return r;
	if (strncmp(instance.resource_id, "/subscriptions/", 15) != 0 ||
	    !path_valid(span_of(instance.resource_id)) || strpbrk(instance.resource_id, "?#%\\\""))
		return malformed("resourceId", err);
	copy_region(compute, instance.region, sizeof(instance.region));
	*ret = instance;
	return 0;
}

/* The audience goes into the query: what is not plain is escaped. */
static void escape(const char *text, struct buf *ret)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf_add(ret, text, 1);
		else
			buf_printf(ret, "%%%02X", (unsigned char)*text);
	}
}

static int parse_token(struct span body, struct imds_token *ret, struct err *err)
{
	CLEANUP(imds_token_done) struct imds_token token = {0};
	const char *text = NULL;
	AUTO_JSON *json = NULL;

	/* The parser's own message would quote the reply, which may hold a token. */
	if (json_parse(body, "", &json, err) < 0 ||
	    json_get_string(json, "access_token", &text, err) < 0 || !text)
		return malformed("access_token", err);
	if (claims_parse(span_of(text), &token.claims, err) < 0)
		return err_wrap(err, "the token of the instance metadata service");
	token.text = strdup(text);
	if (!token.text)
		return err_oom(err);
	imds_token_done(ret);
	*ret = token;
	token = (struct imds_token){0};
	return 0;
}

int imds_token(struct sys *sys, const struct imds *imds, const char *audience,
	       struct imds_token *ret, struct err *err)
{
	CLEANUP(http_response_done) struct http_response response = HTTP_RESPONSE_INIT;
	AUTO_BUF url = {0};
	int r;

	buf_printf(&url, "%s/metadata/identity/oauth2/token?api-version=2018-02-01&resource=",
		   imds->base_url);
	escape(audience, &url);
	r = buf_ok(&url, err);
	if (r == 0)
		r = ask(sys, imds, buf_text(&url), &response, err);
	if (r == 0)
		r = parse_token(buf_bytes(&response.body), ret, err);
	if (response.body.data)
		explicit_bzero(response.body.data, response.body.len);
	return r;
}

void imds_token_done(struct imds_token *token)
{
	if (token->text)
		explicit_bzero(token->text, strlen(token->text));
	free(token->text);
	*token = (struct imds_token){0};
}
