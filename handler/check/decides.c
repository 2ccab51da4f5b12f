/* SPDX-License-Identifier: MIT */
/* What decides who gets in: the tenant, its keys, and who knows the roles. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "handler/check.h"
#include "handler/desired.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/keycache.h"
#include "lib/steps/backend.h"

#define CACHE_DIR "/var/cache/aadsshlogin"

int look_tenant(struct check *check, struct check_result *ret, struct err *err)
{
	const struct conf *conf = &check->session.machine.conf;
	const char *before = check->in_force.tenant;

	check_see(ret, "%s%s%s", conf->tenant, conf->allowed_tenants ? ", and " : "",
		  conf->allowed_tenants ? conf->allowed_tenants : "");
	if (!before || strcmp(before, conf->tenant) == 0)
		return 0;
	return err_set(err, ESTALE, "people of %s are let in, and the identity is of %s", before,
		       conf->tenant);
}

/* The cache is the key command's, which the network fills: hostile bytes. */
static void read_cache(struct check *check, struct keycache *ret)
{
	const struct conf *conf = &check->session.machine.conf;
	struct err ignored = {0};
	char path[sizeof(CACHE_DIR) + GUID_SIZE + 16];
	AUTO_BUF text = {0};

	if (!conf->tenant)
		conf = &check->in_force;
	if (!conf->tenant || !conf->authority)
		return;
	(void)snprintf(path, sizeof(path), CACHE_DIR "/keys-%s", conf->tenant);
	if (fs_read(check->session.sys, path, 0, KEYCACHE_MAX, &text, NULL, &ignored) == 0)
		(void)keycache_parse(buf_bytes(&text), conf, conf->tenant, ret, &ignored);
}

/* "3 fetched 2 h ago" */
static void tell_cache(const struct keycache *cache, int64_t now_s, struct buf *ret)
{
	const int64_t age_s = now_s - cache->fetched_s;

	if (!cache->keys.count)
		buf_str(ret, "none fetched yet: the first login does it");
	else
		buf_printf(ret, "%zu fetched %lld %s ago%s", cache->keys.count,
			   (long long)(age_s < 7200 ? age_s / 60 : age_s / 3600),
			   age_s < 7200 ? "min" : "h",
			   keycache_judge(cache, now_s) == KEYCACHE_GONE
				   ? ", too old: the next login fetches them anew"
				   : "");
}

/* Without the service the keys at hand serve for a while. */
static int judge_unreached(struct check *check, const struct keycache *cache, const char *keys,
			   struct err *err)
{
	const int64_t now_s = sys_realtime_s(check->session.sys);
	char time[TIME_TEXT_SIZE];

	if (keycache_judge(cache, now_s) == KEYCACHE_GONE)
		return err_wrap(err, "nobody can sign in (signing keys: %s)",
				cache->keys.count ? "too old" : "none");
	time_text(cache->expires_s + KEYCACHE_STALE_MAX_S, time);
	return err_wrap(err, "nobody can sign in from %s on (signing keys: %s)", time, keys);
}

/* The value of a line "KEY=value", "" for none or "None". */
static struct span find_value(struct span text, const char *key)
{
	const size_t len = strlen(key);
	struct span line, head;

	while (span_line(&text, &line)) {
		line = span_trim(line);
		if (span_take(&line, len, &head) && span_is(head, key) && !span_is(line, "None"))
			return line;
	}
	return (struct span){0};
}

/* A proxy that others on the machine know of: the setting is not taken from them. */
static void advise_proxy(struct check *check, struct err *err)
{
	static const struct {
		const char *path, *key;
	} places[] = {
		{"/etc/waagent.conf", "HttpProxy.Host="},
		{"/etc/environment", "https_proxy="},
		{"/etc/environment", "HTTPS_PROXY="},
	};

	for (size_t i = 0; !check_proxy(check) && !err->remedy[0] && i < ARRAY_LEN(places); i++) {
		struct err ignored = {0};
		AUTO_BUF text = {0};

		if (fs_read(check->session.sys, places[i].path, FS_FOLLOW, FS_CONFIG_MAX, &text,
			    NULL, &ignored) == 0 &&
		    find_value(buf_bytes(&text), places[i].key).len)
			(void)err_remedy(err, 0, "set the setting proxy, as %s names one (%.*s)",
					 places[i].path, (int)strlen(places[i].key) - 1,
					 places[i].key);
	}
}

/* The owner of the machine names them himself. */
static int look_pinned(struct check *check, const char *path, struct check_result *ret,
		       struct err *err)
{
	check_see(ret, "those of %s, whatever the service says", path);
	if (fs_exists(check->session.sys, path))
		return 0;
	(void)err_set(err, ENOENT, "nobody can sign in: %s is missing", path);
	return err_remedy(err, 0, "put it back, or take keys_file out of " CONF_PATH);
}

int look_keys(struct check *check, struct check_result *ret, struct err *err)
{
	const int64_t now_s = sys_realtime_s(check->session.sys);
	const char *proxy = check_proxy(check);
	AUTO_KEYCACHE cache = {0};
	AUTO_BUF keys = {0};
	struct span host;

	if (check->in_force.keys_file)
		return look_pinned(check, check->in_force.keys_file, ret, err);
	if (check_probe(check, err) < 0)
		return -err->code;
	read_cache(check, &cache);
	tell_cache(&cache, now_s, &keys);
	check_see(ret, "%s", buf_text(&keys));
	if (check->discovery.status == 200)
		return 0;
	host = check_host(buf_text(&check->url));
	if (check->unreached.code)
		(void)err_set(err, check->unreached.code, "%.*s: %s", (int)host.len,
			      (const char *)host.p, check->discovery.cause);
	else
		(void)err_set(err, EREMOTEIO, "%.*s answers %d", (int)host.len,
			      (const char *)host.p, check->discovery.status);
	advise_proxy(check, err);
	check_command(ret, "curl -m 5%s -sSI %s", proxy ? " -x PROXY" : "", buf_text(&check->url));
	return judge_unreached(check, &cache, buf_text(&keys), err);
}

int look_roles(struct check *check, struct check_result *ret, struct err *err)
{
	struct machine *m = &check->session.machine;
	const char *backend = conf_backend_name(m->conf.role_backend);
	char word[CHECK_WORD_MAX];
	int r;

	if (m->conf.role_backend == BACKEND_STATIC && !fs_exists(m->sys, ROLES_FILE)) {
		(void)err_set(err, ENOENT, "nobody can sign in: " ROLES_FILE " is missing");
		return err_remedy(
			err, 0, "write it: a line \"OBJECT-ID user\" or \"OBJECT-ID admin\" each");
	}
	check_see(ret, "by %s", backend);
	if (!backend_asks(&m->conf))
		return 0;
	r = backend_check(m, check->oid, err);
	if (r == 0)
		check_see(ret, "the identity %s may ask for them (%s)", check->oid, backend);
	if (r == -EACCES && m->conf.role_backend != BACKEND_PDP)
		check_command(ret,
			      "az role assignment create --assignee-object-id %s "
			      "--assignee-principal-type ServicePrincipal --role Reader --scope %s",
			      check->oid, check_word(span_of(m->conf.resource_id), word));
	return r;
}
