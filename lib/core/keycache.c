/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/base64.h"
#include "lib/core/keycache.h"
#include "lib/core/pairs.h"

#define HEADING "aadsshlogin-keys 1"
#define CLOCK_TOLERANCE_S 300 /* a clock that was set back a little */

enum keycache_state keycache_judge(const struct keycache *cache, int64_t now_s)
{
	int64_t life_s = cache->expires_s - cache->fetched_s;

	if (cache->keys.count == 0 || now_s >= cache->expires_s + KEYCACHE_STALE_MAX_S ||
	    cache->fetched_s > now_s + CLOCK_TOLERANCE_S)
		return KEYCACHE_GONE;
	if (now_s >= cache->expires_s)
		return KEYCACHE_STALE;
	return now_s >= cache->expires_s - life_s / 4 ? KEYCACHE_AGEING : KEYCACHE_FRESH;
}

static void add_source(const struct conf *conf, const char *tenant, struct buf *ret)
{
	buf_printf(ret, "source %s %s %s", conf->authority, tenant,
		   conf->cloud ? conf->cloud : "-");
}

static bool take_heading(struct span *text, const struct conf *conf, const char *tenant)
{
	AUTO_BUF source = {0};
	struct span line;

	if (!span_line(text, &line) || !span_is(line, HEADING) || !span_line(text, &line))
		return false;
	add_source(conf, tenant, &source);
	return !source.failed && span_eq(line, buf_bytes(&source));
}

static bool add_key(struct span text, struct jwks *keys)
{
	struct jwks_key *key = &keys->keys[keys->count];
	AUTO_BUF blob = {0};
	struct err ignored = {0};
	struct sshrsa rsa;

	if (keys->count == JWKS_KEYS_MAX || base64_decode(text, &blob, &ignored) < 0 ||
	    !sshrsa_parse(buf_bytes(&blob), &rsa) || !sshrsa_acceptable(&rsa) ||
	    blob.len > sizeof(key->blob))
		return false;
	memcpy(key->blob, blob.data, blob.len);
	key->len = blob.len;
	keys->count++;
	return true;
}

static bool parse(struct span text, const struct conf *conf, const char *tenant,
		  struct keycache *cache)
{
	struct span value;

	if (!take_heading(&text, conf, tenant) ||
	    !pairs_number(&text, "fetched", &cache->fetched_s) ||
	    !pairs_number(&text, "expires", &cache->expires_s) ||
	    cache->expires_s < cache->fetched_s ||
	    cache->expires_s > cache->fetched_s + KEYCACHE_AGE_MAX_S)
		return false;
	while (pairs_value(&text, "key", &value))
		if (!add_key(value, &cache->keys))
			return false;
	return cache->keys.count > 0 && span_is(text, "end\n");
}

int keycache_parse(struct span text, const struct conf *conf, const char *tenant,
		   struct keycache *ret, struct err *err)
{
	AUTO_KEYCACHE cache = {0};

	cache.keys.keys = calloc(JWKS_KEYS_MAX, sizeof(*cache.keys.keys));
	if (!cache.keys.keys)
		return err_oom(err);
	if (!parse(text, conf, tenant, &cache))
		return err_set(err, EBADMSG, "the cache of the signing keys is not in its form");
	*ret = cache;
	cache = (struct keycache){0};
	return 0;
}

int keycache_format(const struct keycache *cache, const struct conf *conf, const char *tenant,
		    struct buf *ret, struct err *err)
{
	buf_str(ret, HEADING "\n");
	add_source(conf, tenant, ret);
	buf_printf(ret, "\nfetched %lld\nexpires %lld\n", (long long)cache->fetched_s,
		   (long long)cache->expires_s);
	for (size_t i = 0; i < cache->keys.count; i++) {
		const struct jwks_key *key = &cache->keys.keys[i];

		buf_str(ret, "key ");
		base64_encode((struct span){key->blob, key->len}, ret);
		buf_str(ret, "\n");
	}
	buf_str(ret, "end\n");
	return buf_ok(ret, err);
}

void keycache_done(struct keycache *cache)
{
	jwks_done(&cache->keys);
}
