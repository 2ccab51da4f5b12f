/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "lib/core/cleanup.h"
#include "lib/core/pairs.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/http.h"
#include "lib/sys/lock.h"
#include "payload/login/keys.h"
#include "payload/login/ownfile.h"
#include "payload/login/places.h"

#define CACHE_PATH_SIZE 128
#define URL_SIZE 512
#define STAMP_MAX 32

/* A file of the tenant in the cache: the keys, the lock, or the time of the last fetch. */
static void cache_path(const char *tenant, const char *suffix, char ret[CACHE_PATH_SIZE])
{
	(void)snprintf(ret, CACHE_PATH_SIZE, CACHE_DIR "/keys-%s%s", tenant, suffix);
}

int keys_cached(struct sys *sys, const struct conf *conf, const char *tenant, struct keycache *ret,
		struct err *err)
{
	char path[CACHE_PATH_SIZE];
	AUTO_BUF text = {0};
	int r;

	cache_path(tenant, "", path);
	r = ownfile_read(sys, path, KEYCACHE_MAX, &text, err);
	return r < 0 ? r : keycache_parse(buf_bytes(&text), conf, tenant, ret, err);
}

/* Whatever cannot be used is as good as no cache: it is fetched anew. */
static void load(struct sys *sys, const struct conf *conf, const char *tenant, struct keycache *ret)
{
	AUTO_KEYCACHE cache = {0};
	struct err ignored = {0};

	if (keys_cached(sys, conf, tenant, &cache, &ignored) < 0)
		return;
	keycache_done(ret);
	*ret = cache;
	cache = (struct keycache){0};
}

/* Note that a fetch begins now, unless another one began less than pause_s ago. */
static int claim_fetch(struct sys *sys, const char *tenant, int64_t pause_s, struct err *err)
{
	int64_t now_s = sys_realtime_s(sys);
	char path[CACHE_PATH_SIZE], stamp[STAMP_MAX];
	struct err ignored = {0};
	AUTO_BUF text = {0};
	struct span rest;
	int64_t last_s;

	cache_path(tenant, ".tried", path);
	if (ownfile_read(sys, path, STAMP_MAX, &text, &ignored) == 0) {
		rest = buf_bytes(&text);
		/* A time in the future is of a clock that was wrong. */
		if (pairs_number(&rest, "tried", &last_s) && last_s <= now_s &&
		    now_s - last_s < pause_s)
			return err_set(err, EAGAIN, "the last try was %lld s ago",
				       (long long)(now_s - last_s));
	}
	(void)snprintf(stamp, sizeof(stamp), "tried %lld\n", (long long)now_s);
	return ownfile_write(sys, path, span_of(stamp), err);
}

static int get(struct sys *sys, const struct conf *conf, const char *url, struct http_response *ret,
	       struct err *err)
{
	const struct http_request request = {
		.url = url,
		.headers = {"Accept: application/json"},
		.timeout_ms = KEYS_TIMEOUT_MS,
		.body_max = JWKS_DOCUMENT_MAX,
		.proxy = conf->proxy,
		.no_proxy = conf->no_proxy,
		.ca_bundle = conf->ca_bundle,
	};
	int r = http_get_ok(sys, &request, ret, err);

	return r < 0 ? reason_add(err, REASON_KEYS_UNREACHABLE) : 0;
}

static int find_key_set(struct sys *sys, const struct conf *conf, const char *tenant,
			struct openid *ret, struct err *err)
{
	CLEANUP(http_response_done) struct http_response response = HTTP_RESPONSE_INIT;
	char url[URL_SIZE];
	int n = snprintf(url, sizeof(url), "%s/%s/v2.0/.well-known/openid-configuration",
			 conf->authority, tenant);
	int r;

	if (n < 0 || (size_t)n >= sizeof(url))
		return reason_refuse(err, REASON_NOT_CONFIGURED, "the authority is too long");
	r = get(sys, conf, url, &response, err);
	return r < 0 ? r
		     : openid_parse(buf_bytes(&response.body), tenant, conf->authority, ret, err);
}

static int64_t clamp(int64_t n, int64_t low, int64_t high)
{
	return n < low ? low : n > high ? high : n;
}

static int fetch(struct sys *sys, const struct conf *conf, const char *tenant, struct keycache *ret,
		 struct err *err)
{
	CLEANUP(http_response_done) struct http_response response = HTTP_RESPONSE_INIT;
	AUTO_KEYCACHE cache = {.fetched_s = sys_realtime_s(sys)};
	CLEANUP(openid_done) struct openid openid = {NULL, NULL};
	int64_t age_s;
	int r = find_key_set(sys, conf, tenant, &openid, err);

	if (r == 0)
		r = get(sys, conf, openid.jwks_uri, &response, err);
	/* What the authority itself says serves a cloud whose name nobody has published. */
	if (r == 0)
		r = jwks_parse(buf_bytes(&response.body), tenant,
			       conf->cloud ? conf->cloud : openid.cloud, &cache.keys, err);
	if (r < 0)
		return r;
	if (cache.keys.count == 0)
		return reason_refuse(err, REASON_KEYS_MALFORMED,
				     "no key of the tenant %s can be used", tenant);
	age_s = response.max_age_s < 0 ? KEYS_AGE_DEFAULT_S : response.max_age_s;
	cache.expires_s = cache.fetched_s + clamp(age_s, KEYS_AGE_MIN_S, KEYCACHE_AGE_MAX_S);
	keycache_done(ret);
	*ret = cache;
	cache = (struct keycache){0};
	return 0;
}

static int publish(struct sys *sys, const struct conf *conf, const char *tenant,
		   const struct keycache *cache, struct err *err)
{
	char path[CACHE_PATH_SIZE];
	AUTO_BUF text = {0};
	int r = keycache_format(cache, conf, tenant, &text, err);

	cache_path(tenant, "", path);
	return r < 0 ? r : ownfile_write(sys, path, buf_bytes(&text), err);
}

/*
 * Have newer keys in *cache than there are.  When another process is at it, or was a moment ago,
 * its keys serve.  *cache stays as it is on failure.
 */
static int refresh(struct sys *sys, const struct conf *conf, const char *tenant, int wait_ms,
		   struct keycache *cache, struct err *err)
{
	int64_t before_s = cache->fetched_s, now_s = sys_realtime_s(sys);
	bool cold = keycache_judge(cache, now_s) == KEYCACHE_GONE;
	char path[CACHE_PATH_SIZE];
	AUTO_CLOSE int lock = -1;
	int r;

	cache_path(tenant, ".lock", path);
	lock = lock_take(sys, path, "a refresh of the signing keys", wait_ms, err);
	if (lock < 0)
		return reason_add(err, REASON_KEYS_UNREACHABLE);
	load(sys, conf, tenant, cache);
	if (cache->fetched_s > before_s && keycache_judge(cache, now_s) == KEYCACHE_FRESH)
		return 0;
	r = claim_fetch(sys, tenant, cold ? KEYS_COLD_RETRY_S : KEYS_RETRY_S, err);
	if (r < 0)
		return reason_add(err, REASON_KEYS_UNREACHABLE);
	r = fetch(sys, conf, tenant, cache, err);
	/* Keys that cannot be kept serve this login all the same. */
	if (r == 0)
		(void)publish(sys, conf, tenant, cache, &(struct err){0});
	return r;
}

static int not_trusted(const char *tenant, struct err *err)
{
	return reason_refuse(err, REASON_CA_NOT_TRUSTED,
			     "the signing key is not among those of tenant %s", tenant);
}

static int check_pinned(struct sys *sys, const struct conf *conf, const char *tenant,
			struct span ca, size_t *ret_count, struct err *err)
{
	AUTO_BUF text = {0};
	AUTO_JWKS keys = {0};
	int r = fs_read(sys, conf->keys_file, FS_TRUSTED, JWKS_DOCUMENT_MAX, &text, NULL, err);

	if (r < 0)
		return reason_add(err, REASON_KEYS_UNREACHABLE);
	r = jwks_parse(buf_bytes(&text), tenant, conf->cloud, &keys, err);
	if (r < 0)
		return r;
	*ret_count = keys.count;
	return jwks_find(&keys, ca) ? 0 : not_trusted(tenant, err);
}

bool keys_at_hand(struct sys *sys, const struct conf *conf, const char *tenant, struct span ca)
{
	AUTO_KEYCACHE cache = {0};

	if (conf->keys_file || !conf->authority)
		return false;
	load(sys, conf, tenant, &cache);
	return keycache_judge(&cache, sys_realtime_s(sys)) == KEYCACHE_FRESH &&
	       jwks_find(&cache.keys, ca);
}

/* Whom the keys at hand serve is not held up for long by looking for newer ones. */
static int refresh_served(struct sys *sys, const struct conf *conf, const char *tenant, int wait_ms,
			  struct keycache *cache, struct err *err)
{
	int64_t whole_ns = sys->deadline_ns;
	int64_t own_ns = sys->ops->boottime_ns(sys) + (int64_t)KEYS_SERVED_MS * 1000000;
	int r;

	if (whole_ns == 0 || own_ns < whole_ns)
		sys->deadline_ns = own_ns;
	r = refresh(sys, conf, tenant, wait_ms, cache, err);
	sys->deadline_ns = whole_ns;
	return r;
}

static int no_authority(struct err *err)
{
	return reason_refuse(err, REASON_NOT_CONFIGURED, "no authority is configured");
}

int keys_check_offline(struct sys *sys, const struct conf *conf, const char *tenant, struct span ca,
		       struct keys_look *ret, struct err *err)
{
	AUTO_KEYCACHE cache = {0};

	*ret = (struct keys_look){.pinned = conf->keys_file};
	if (conf->keys_file)
		return check_pinned(sys, conf, tenant, ca, &ret->count, err);
	if (!conf->authority)
		return no_authority(err);
	load(sys, conf, tenant, &cache);
	ret->state = keycache_judge(&cache, sys_realtime_s(sys));
	ret->count = cache.keys.count;
	ret->fetched_s = cache.fetched_s;
	ret->expires_s = cache.expires_s;
	if (ret->state == KEYCACHE_GONE || jwks_find(&cache.keys, ca))
		return 0;
	return not_trusted(tenant, err);
}

int keys_check(struct sys *sys, const struct conf *conf, const char *tenant, struct span ca,
	       struct err *err)
{
	AUTO_KEYCACHE cache = {0};
	enum keycache_state state;
	size_t count;
	bool known;
	int r = 0;

	if (conf->keys_file)
		return check_pinned(sys, conf, tenant, ca, &count, err);
	if (!conf->authority)
		return no_authority(err);
	load(sys, conf, tenant, &cache);
	state = keycache_judge(&cache, sys_realtime_s(sys));
	known = jwks_find(&cache.keys, ca);
	if (state == KEYCACHE_FRESH && known)
		return 0;
	/* While they have not ended, it does not even wait for one who is looking. */
	if (state != KEYCACHE_GONE && known)
		r = refresh_served(sys, conf, tenant, state == KEYCACHE_AGEING ? 0 : KEYS_SERVED_MS,
				   &cache, err);
	else
		r = refresh(sys, conf, tenant, KEYS_WAIT_MS, &cache, err);
	if (r < 0 && keycache_judge(&cache, sys_realtime_s(sys)) == KEYCACHE_GONE)
		return r;
	return jwks_find(&cache.keys, ca) ? 0 : not_trusted(tenant, err);
}
