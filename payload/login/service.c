/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/challenge.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/places.h"
#include "payload/login/service.h"

int service_user_find(struct sys *sys, struct local_user *ret, struct err *err)
{
	struct local_user user;
	int r = lookup_local_user(sys, SERVICE_USER, &user, err);

	if (r == 0 && (user.uid == 0 || user.gid == 0))
		r = err_set(err, EPERM, "the user " SERVICE_USER " is root");
	if (r < 0)
		return reason_add(err, REASON_NOT_CONFIGURED);
	*ret = user;
	return 0;
}

void service_limits(const struct conf *conf, const char *const *writes, struct service_limits *ret)
{
	size_t n = CONFINE_PUBLIC;

	*ret = (struct service_limits){.confine = {.writes = writes}};
	memcpy(ret->reads, confine_public, sizeof(confine_public));
	ret->reads[n++] = CHALLENGE_DIR;
	if (conf->ca_bundle)
		ret->reads[n++] = conf->ca_bundle;
	if (conf->keys_file)
		ret->reads[n++] = conf->keys_file;
	ret->confine.reads = ret->reads;
	confine_add_names(&ret->confine);
	confine_add_url(&ret->confine, conf->authority, 0);
	confine_add_url(&ret->confine, conf->resource_manager, 0);
	confine_add_url(&ret->confine, conf->pdp, 0);
	confine_add_url(&ret->confine, conf->imds, 0);
	confine_add_url(&ret->confine, conf->himds, 0);
	confine_add_url(&ret->confine, conf->proxy, CONFINE_PROXY_PORT);
}

static int find_group(struct sys *sys, const char *name, gid_t *ret, struct err *err)
{
	uint32_t gid = 0;
	int r = lookup_local_group(sys, name, &gid, err);

	if (r == 0 && gid == 0)
		r = err_set(err, EPERM, "the group %s is root's", name);
	if (r < 0)
		return reason_add(err, REASON_NOT_CONFIGURED);
	*ret = gid;
	return 0;
}

int service_run(struct sys *sys, const struct conf *conf, const char *group, jail_fn *fn,
		const void *arg, struct buf *ret, struct err *err)
{
	static const char *const writes[] = {CACHE_DIR, PRIVATE_DIR, NULL};
	struct jail jail = {.answer_max = SERVICE_ANSWER_MAX, .timeout_ms = SERVICE_TIMEOUT_MS};
	struct service_limits limits;
	struct local_user user;
	AUTO_BUF answer = {0};
	int r = service_user_find(sys, &user, err);

	if (r == 0 && group)
		r = find_group(sys, group, &jail.group, err);
	if (r < 0)
		return r;
	service_limits(conf, writes, &limits);
	jail.uid = user.uid;
	jail.gid = user.gid;
	jail.confine = limits.confine;
	r = jail_run(sys, &jail, fn, arg, &answer, err);
	if (r == 0 && span_has_nul(buf_bytes(&answer)))
		r = err_set(err, EIO, "the unprivileged child answered beside the form");
	if (r == 0)
		buf_span(ret, buf_bytes(&answer));
	return r < 0 ? r : buf_ok(ret, err);
}
