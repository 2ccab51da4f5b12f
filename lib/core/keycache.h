/* SPDX-License-Identifier: MIT */
/*
 * A tenant's trusted keys as they lie in the cache: what was left of the tenant's document after
 * the filters, so that a login need not read JSON.
 *
 *	aadsshlogin-keys 1
 *	source <authority> <tenant> <cloud, or ->
 *	fetched <seconds since 1970>
 *	expires <seconds since 1970>
 *	key <base64 of an ssh-rsa blob>		(one or more)
 *	end
 */
#ifndef CORE_KEYCACHE_H
#define CORE_KEYCACHE_H

#include "lib/core/buf.h"
#include "lib/core/conf.h"
#include "lib/core/jwks.h"

#define KEYCACHE_MAX ((size_t)128 << 10)
#define KEYCACHE_AGE_MAX_S 86400 /* whatever max-age says */
#define KEYCACHE_STALE_MAX_S 86400 /* after expiry, while the service does not answer */

struct keycache {
	int64_t fetched_s, expires_s;
	struct jwks keys; /* blobs alone, without key names */
};

#define AUTO_KEYCACHE __attribute__((cleanup(keycache_done))) struct keycache

enum keycache_state {
	KEYCACHE_GONE, /* not to be used: none, too old, or from the future */
	KEYCACHE_STALE, /* expired, good while a newer one cannot be had */
	KEYCACHE_AGEING, /* the last quarter of its life: time to look for a newer one */
	KEYCACHE_FRESH,
};

/* The zero value is gone. */
enum keycache_state keycache_judge(const struct keycache *cache, int64_t now_s);

/* -EBADMSG: another form, another source than this tenant of this configuration, no key; -ENOMEM.
 */
int keycache_parse(struct span text, const struct conf *conf, const char *tenant,
		   struct keycache *ret, struct err *err);
int keycache_format(const struct keycache *cache, const struct conf *conf, const char *tenant,
		    struct buf *ret, struct err *err);

void keycache_done(struct keycache *cache);

#endif
