/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/core/checkaccess.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"

#define API "/providers/Microsoft.Authorization/"

/* ---- asking */

static void at_resource_manager(const struct conf *conf, struct checkaccess_service *service)
{
	service->base = conf->resource_manager;
	buf_str(&service->url, conf->resource_manager);
	url_add_path(&service->url, conf->resource_id);
	buf_str(&service->url, API "checkaccess?api-version=2018-09-01-preview");
	buf_printf(&service->audience, "%s/", conf->resource_manager);
}

static void at_region(const struct conf *conf, struct checkaccess_service *service)
{
	service->base = conf->pdp;
	buf_printf(&service->url, "%s" API "checkAccess?api-version=2021-06-01-preview", conf->pdp);
	buf_printf(&service->audience, "https://%s/", strchr(conf->pdp, '.') + 1);
}

int checkaccess_service(const struct conf *conf, struct checkaccess_service *ret, struct err *err)
{
	AUTO_CHECKACCESS_SERVICE service = {.base = NULL};

	if (conf->resource_id && conf->role_backend == BACKEND_CHECKACCESS &&
	    conf->resource_manager)
		at_resource_manager(conf, &service);
	else if (conf->resource_id && conf->role_backend == BACKEND_PDP && conf->pdp &&
		 strchr(conf->pdp, '.'))
		at_region(conf, &service);
	if (!service.base) {
		(void)err_set(err, ENODATA, "the backend %s lacks its service or the resource",
			      conf_backend_name(conf->role_backend));
		return reason_add(err, REASON_NOT_CONFIGURED);
	}
	if (buf_ok(&service.url, err) < 0 || buf_ok(&service.audience, err) < 0)
		return -ENOMEM;
	*ret = service;
	service = (struct checkaccess_service){.base = NULL};
	return 0;
}

void checkaccess_service_done(struct checkaccess_service *service)
{
	buf_done(&service->url);
	buf_done(&service->audience);
}

static json_t *make_action(const char *resource_id, bool admin)
{
	return json_pack("{s:s, s:b, s:{}}", "Id", roles_action(resource_id, admin), "IsDataAction",
			 1, "Attributes");
}

int checkaccess_question(const char *resource_id, const char *oid, struct buf *ret, struct err *err)
{
	AUTO_JSON *resource = json_string(resource_id);
	AUTO_JSON *question = NULL;
	AUTO_FREE char *text = NULL;

	if (!resource) {
		(void)err_set(err, EINVAL, "the resource id is no UTF-8");
		return reason_add(err, REASON_NOT_CONFIGURED);
	}
	question = json_pack("{s:{s:{s:s, s:b}}, s:[o, o], s:{s:O}}", "Subject", "Attributes",
			     "ObjectId", oid, "xms-pasrp-retrievegroupmemberships", 1, "Actions",
			     make_action(resource_id, false), make_action(resource_id, true),
			     "Resource", "Id", resource);
	text = question ? json_text(question, JSON_COMPACT) : NULL;
	if (!text)
		return err_oom(err);
	buf_str(ret, text);
	return buf_ok(ret, err);
}

/* ---- reading */

/* A name for the log and the user: missing is "". */
static int copy_text(const json_t *json, const char *key, char ret[ROLES_TEXT_MAX + 1],
		     struct err *err)
{
	const char *text = "";

	if (json_get_string(json, key, &text, err) < 0)
		return -err->code;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return err_set(err, EBADMSG, "%s holds a control character", key);
	if (!span_copy(span_of(text), ret, ROLES_TEXT_MAX + 1))
		return err_set(err, EBADMSG, "%s is over %d bytes long", key, ROLES_TEXT_MAX);
	return 0;
}

/* The names of the assignment that is told under this key. */
static int get_assignment(const json_t *item, const char *key, struct access_answer *ret,
			  struct err *err)
{
	json_t *assignment = NULL;
	int r = json_get_object(item, key, &assignment, err);

	if (r == 0 && assignment)
		r = copy_text(assignment, "id", ret->id, err);
	if (r == 0 && assignment)
		r = copy_text(assignment, "scope", ret->scope, err);
	return r;
}

static int get_decision(const json_t *item, struct access_answer *ret, struct err *err)
{
	struct access_answer grant = {.access = ACCESS_GRANTED}, deny = {.access = ACCESS_DENIED};
	const char *word = NULL;
	int r = json_get_string(item, "accessDecision", &word, err);

	if (r == 0 && !word)
		return err_set(err, EBADMSG, "there is no accessDecision");
	if (r == 0)
		r = get_assignment(item, "roleAssignment", &grant, err);
	if (r == 0)
		r = get_assignment(item, "denyAssignment", &deny, err);
	if (r < 0)
		return r;
	if (strcmp(word, "Allowed") == 0) {
		if (deny.id[0])
			return err_set(err, EBADMSG, "it is allowed beside a deny assignment");
		*ret = grant;
	} else if (strcmp(word, "Denied") == 0) {
		*ret = deny;
	} else {
		*ret = (struct access_answer){.access = ACCESS_MISSING};
	}
	return 0;
}

static int get_life(const json_t *item, struct checkaccess *answer, struct err *err)
{
	json_int_t life_ms = INT64_MAX;
	int r = json_get_int(item, "timeToLiveInMs", &life_ms, err);

	if (r == 0 && life_ms < 0)
		return err_set(err, EBADMSG, "timeToLiveInMs is negative");
	if (r == 0 && life_ms < INT64_MAX && (!answer->life_said || life_ms < answer->life_ms)) {
		answer->life_ms = life_ms;
		answer->life_said = true;
	}
	return r;
}

/* The place for the answer about an action; NULL: it was not asked about. */
static struct access_answer *place_of(struct checkaccess *answer, const char *action,
				      const char *resource_id)
{
	if (strcasecmp(action, roles_action(resource_id, false)) == 0)
		return &answer->login;
	return strcasecmp(action, roles_action(resource_id, true)) == 0 ? &answer->admin : NULL;
}

static int add_element(struct checkaccess *answer, const json_t *item, const char *resource_id,
		       struct err *err)
{
	struct access_answer *place;
	const char *action = NULL;
	bool data = false;

	if (!json_is_object(item))
		return err_set(err, EBADMSG, "an element is %s", json_kind(item));
	if (json_get_string(item, "actionId", &action, err) < 0 ||
	    json_get_bool(item, "isDataAction", &data, err) < 0)
		return -err->code;
	place = action && data ? place_of(answer, action, resource_id) : NULL;
	if (!place)
		return err_set(err, EBADMSG, "it is about no data action that was asked about");
	if (place->access != ACCESS_UNANSWERED)
		return err_set(err, EBADMSG, "%s is answered twice", action);
	return get_decision(item, place, err) < 0 ? -err->code : get_life(item, answer, err);
}

static int get_next(const json_t *json, const char *base, char ret[URL_MAX + 1], struct err *err)
{
	const char *next = "";

	if (json_get_string(json, "nextLink", &next, err) < 0)
		return -err->code;
	if (*next && !url_same_host(next, base))
		return err_set(err, EBADMSG, "nextLink does not stay on %s", base);
	(void)span_copy(span_of(next), ret, URL_MAX + 1); /* url_same_host bounds it */
	return 0;
}

/* Either shape: the elements, borrowed. */
static int get_elements(json_t *json, const char *base, struct checkaccess *answer, json_t **ret,
			struct err *err)
{
	answer->next[0] = '\0';
	*ret = json_is_array(json) ? json : NULL;
	if (*ret)
		return 0;
	if (!json_is_object(json))
		return err_set(err, EBADMSG, "it is %s, expected an array or an object",
			       json_kind(json));
	if (json_get_array(json, "value", ret, err) < 0)
		return -err->code;
	return *ret ? get_next(json, base, answer->next, err)
		    : err_set(err, EBADMSG, "there is no value");
}

static int add(struct checkaccess *answer, struct span text, const char *resource_id,
	       const char *base, struct err *err)
{
	AUTO_JSON *json = NULL;
	json_t *elements = NULL, *item;
	size_t i;
	int r;

	if (text.len > CHECKACCESS_REPLY_MAX || answer->page_count == CHECKACCESS_PAGES_MAX)
		return err_set(err, EMSGSIZE, "it is over %zu bytes long, or one of over %d pages",
			       CHECKACCESS_REPLY_MAX, CHECKACCESS_PAGES_MAX);
	r = json_parse(text, "the reply", &json, err);
	if (r == 0)
		r = get_elements(json, base, answer, &elements, err);
	if (r < 0)
		return r;
	answer->page_count++;
	json_array_foreach(elements, i, item)
	{
		if (add_element(answer, item, resource_id, err) < 0)
			return err_wrap(err, "element %zu", i);
	}
	return 0;
}

int checkaccess_add(struct checkaccess *answer, struct span json, const char *resource_id,
		    const char *base, struct err *err)
{
	struct checkaccess grown = *answer;

	if (add(&grown, json, resource_id, base, err) < 0) {
		(void)err_wrap(err, "the answer of %s", base);
		return reason_malformed(err, REASON_BACKEND_MALFORMED);
	}
	*answer = grown;
	return 0;
}

int checkaccess_whole(const struct checkaccess *answer, struct err *err)
{
	if (answer->login.access != ACCESS_UNANSWERED && answer->admin.access != ACCESS_UNANSWERED)
		return 0;
	(void)err_set(err, EBADMSG, "the service did not answer about all that it was asked");
	return reason_add(err, REASON_BACKEND_MALFORMED);
}
