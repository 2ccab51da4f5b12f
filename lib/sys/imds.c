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
#include "lib/sys/himds.h"
#include "lib/sys/http.h"
#include "lib/sys/imds.h"

#define REQUEST_TIMEOUT_MS 5000
#define BODY_MAX ((size_t)256 << 10)
#define PAUSE_FIRST_MS 500
#define PAUSE_MAX_MS 8000
#define URL_SIZE 1024

/* What the two services differ in. */
/* clang-format off */
static const struct service {
	const char *name; /* in messages */
	const char *instance_version, *token_version; /* of the interface */
	const char *resource; /* what a resource id must hold before the machine's name; NULL: nothing */
	bool may_lack_identity;
	bool guarded; /* by what himds.h says */
} services[] = {
	[IMDS_VM] = {"the instance metadata service", "2021-02-01", "2018-02-01", NULL, true, false},
	[IMDS_ARC] = {"the metadata service of the Arc agent", "2020-06-01", "2020-06-01",
		      "/providers/Microsoft.HybridCompute/machines/", false, true},
};
/* clang-format on */

static const struct service *service_of(const struct imds *imds)
{
	return &services[imds->kind];
}

struct imds imds_of(const struct conf *conf, int64_t patience_ms)
{
	bool arc = conf->himds;

	return (struct imds){
		.kind = arc ? IMDS_ARC : IMDS_VM,
		.base_url = arc ? conf->himds : conf->imds,
		.patience_ms = patience_ms,
	};
}

static bool temporary(int status)
{
	return status == 404 || status == 410 || status == 429 || status >= 500;
}

static bool names_no_identity(const struct imds *imds, const struct http_response *response)
{
	const char *body = buf_text(&response->body);

	return service_of(imds)->may_lack_identity && response->status == 400 &&
	       (strcasestr(body, "identity not found") ||
		strcasestr(body, "multiple user assigned identities"));
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
	if (response->retry_after_s > 0)
		return pause + response->retry_after_s * 1000;
	return pause;
}

static int give_up(const struct imds *imds, const char *url, const struct http_response *response,
		   const struct err *sent, struct err *err)
{
	const char *name = service_of(imds)->name;

	if (names_no_identity(imds, response))
		return err_set(err, ENOENT, "the VM has no system-assigned managed identity");
	if (response->status == 0)
		return err_set(err, EHOSTUNREACH, "%s does not answer: %s", name, sent->msg);
	return err_set(err, temporary(response->status) ? EHOSTUNREACH : EREMOTEIO,
		       "%s answers %d to %.*s", name, response->status, (int)strcspn(url, "?"),
		       url);
}

/* The body may be a token. */
static void drop(struct http_response *response)
{
	if (response->body.data)
		explicit_bzero(response->body.data, response->body.cap);
	http_response_done(response);
}

/* One request.  authorization: a header line, or NULL. */
static int send_one(struct sys *sys, const struct imds *imds, const char *url,
		    const char *authorization, struct http_response *ret, struct err *err)
{
	const struct http_request request = {
		.url = url,
		.headers = {"Metadata: true", authorization},
		.timeout_ms = REQUEST_TIMEOUT_MS,
		.body_max = BODY_MAX,
	};
	bool guarded = service_of(imds)->guarded;
	int r = guarded ? himds_check(sys, imds->base_url, err) : 0;

	if (r == 0)
		r = http_send(sys, &request, 1, ret, err);
	if (r == 0 && guarded)
		r = himds_check(sys, imds->base_url, err);
	if (r < 0)
		drop(ret);
	return r;
}

/* A request, and once more with what the service asks back. */
static int exchange(struct sys *sys, const struct imds *imds, const char *url,
		    struct http_response *ret, struct err *err)
{
	char authorization[HIMDS_AUTHORIZATION_SIZE];
	int r = send_one(sys, imds, url, NULL, ret, err);

	if (r < 0 || !service_of(imds)->guarded || ret->status != 401)
		return r;
	r = himds_authorize(sys, ret->www_authenticate, authorization, err);
	drop(ret);
	if (r == 0)
		r = send_one(sys, imds, url, authorization, ret, err);
	explicit_bzero(authorization, sizeof(authorization));
	return r == 0 && ret->status == 401
		       ? err_set(err, EACCES, "it refuses the key that it asked for")
		       : r;
}

/* What another try would not mend. */
static bool final(int r)
{
	return r == -EMSGSIZE || r == -EACCES || r == -EBADMSG || r == -EINVAL ||
	       err_is_shortage(r);
}

/* Ask until there is a 200 in *ret, or the patience for what is answered instead ended. */
static int ask(struct sys *sys, const struct imds *imds, const char *url, struct http_response *ret,
	       struct err *err)
{
	int64_t start = sys->ops->boottime_ns(sys);

	for (int try = 0;; try++) {
		int64_t pause, waited_ms, limit = 0;
		const char *what;
		struct err sent = {0};
		int r = exchange(sys, imds, url, ret, &sent);

		if (final(r)) {
			*err = sent;
			return err_wrap(err, "%s", service_of(imds)->name);
		}
		if (r == 0 && ret->status == 200)
			return 0;
		if (names_no_identity(imds, ret))
			limit = imds->identity_wait_ms;
		else if (r < 0 || temporary(ret->status))
			limit = imds->patience_ms;
		pause = next_pause(sys, try, ret);
		waited_ms = (sys->ops->boottime_ns(sys) - start) / 1000000;
		if (waited_ms + pause > limit || sys_left_ms(sys, pause) < pause)
			return give_up(imds, url, ret, &sent, err);
		what = names_no_identity(imds, ret) ? "the VM has no managed identity yet"
						    : service_of(imds)->name;
		drop(ret);
		sys_sleep_ms(sys, pause, what, start, start + limit * 1000000);
	}
}

static int malformed(const struct imds *imds, const char *what, struct err *err)
{
	return err_set(err, EBADMSG, "%s answers without a valid %s", service_of(imds)->name, what);
}

/* Copy a member that consists of visible ASCII alone. */
static bool member(const json_t *json, const char *key, char *ret, size_t size)
{
	struct err ignored = {0};
	const char *text = NULL;

	if (json_get_string(json, key, &text, &ignored) < 0 || !text || !text[0])
		return false;
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return false;
	return span_copy(span_of(text), ret, size);
}

static bool is_resource_id(const struct imds *imds, const char *id)
{
	const char *type = service_of(imds)->resource;
	const char *name = type ? strcasestr(id, type) : NULL;

	if (strncmp(id, "/subscriptions/", 15) != 0 || !path_valid(span_of(id)) ||
	    strpbrk(id, "?#%\\\""))
		return false;
	return !type || (name && !strchr(name + strlen(type), '/'));
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

static int parse_instance(const struct imds *imds, struct span body, struct imds_instance *ret,
			  struct err *err)
{
	struct imds_instance instance = {0};
	AUTO_JSON *json = NULL;
	json_t *compute = NULL;
	int r = json_parse(body, "the instance's metadata", &json, err);

	if (r < 0)
		return r;
	if (json_get_object(json, "compute", &compute, err) < 0 || !compute)
		return malformed(imds, "compute", err);
	if (!member(compute, "azEnvironment", instance.environment, sizeof(instance.environment)))
		return malformed(imds, "azEnvironment", err);
	if (!member(compute, "resourceId", instance.resource_id, sizeof(instance.resource_id)) ||
	    !is_resource_id(imds, instance.resource_id))
		return malformed(imds, "resourceId", err);
	if (!member(compute, "vmId", instance.vm_id, sizeof(instance.vm_id)))
		return malformed(imds, "vmId", err);
	(void)member(compute, "vmScaleSetName", instance.scale_set, sizeof(instance.scale_set));
	copy_region(compute, instance.region, sizeof(instance.region));
	*ret = instance;
	return 0;
}

int imds_instance(struct sys *sys, const struct imds *imds, struct imds_instance *ret,
		  struct err *err)
{
	CLEANUP(drop) struct http_response response = HTTP_RESPONSE_INIT;
	char url[URL_SIZE];
	int r;

	(void)snprintf(url, sizeof(url), "%s/metadata/instance?api-version=%s", imds->base_url,
		       service_of(imds)->instance_version);
	r = ask(sys, imds, url, &response, err);
	if (r == 0)
		r = parse_instance(imds, buf_bytes(&response.body), ret, err);
	if (r == 0)
		ret->date_s = response.date_s;
	return r;
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

static int parse_token(const struct imds *imds, struct span body, struct imds_token *ret,
		       struct err *err)
{
	CLEANUP(imds_token_done) struct imds_token token = {0};
	const char *text = NULL;
	AUTO_JSON *json = NULL;

	/* The parser's own message would quote the reply, which may hold a token. */
	if (json_parse(body, "", &json, err) < 0 ||
	    json_get_string(json, "access_token", &text, err) < 0 || !text)
		return malformed(imds, "access_token", err);
	if (claims_parse(span_of(text), &token.claims, err) < 0)
		return err_wrap(err, "%s", service_of(imds)->name);
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
	CLEANUP(drop) struct http_response response = HTTP_RESPONSE_INIT;
	AUTO_BUF url = {0};
	int r;

	buf_printf(&url,
		   "%s/metadata/identity/oauth2/token?api-version=%s&resource=", imds->base_url,
		   service_of(imds)->token_version);
	escape(audience, &url);
	r = buf_ok(&url, err);
	if (r == 0)
		r = ask(sys, imds, buf_text(&url), &response, err);
	return r < 0 ? r : parse_token(imds, buf_bytes(&response.body), ret, err);
}

void imds_token_done(struct imds_token *token)
{
	if (token->text)
		explicit_bzero(token->text, strlen(token->text));
	free(token->text);
	*token = (struct imds_token){0};
}
