/* SPDX-License-Identifier: MIT */
/*
 * Whether a key is one of a tenant's token-signing keys: from the pinned file of the configuration,
 * or by discovery (OpenID configuration, then the key set) behind a cache on disk.
 *
 * The cache is refreshed in the last quarter of its life, by one process of the machine at a
 * time; the others go on with what there is. An unknown key has the set fetched again, at most once
 * in KEYS_RETRY_S for the whole machine. When the service does not answer, expired keys serve
 * KEYCACHE_STALE_MAX_S longer; then nobody gets in.
 */
#ifndef LOGIN_KEYS_H
#define LOGIN_KEYS_H

#include "lib/core/conf.h"
#include "lib/core/keycache.h"
#include "lib/sys/sys.h"

#define KEYS_RETRY_S 60 /* between two fetches while there are keys */
#define KEYS_COLD_RETRY_S 5 /* between two fetches while there are none */
#define KEYS_WAIT_MS 8000 /* for another process that is fetching */
#define KEYS_TIMEOUT_MS 5000 /* of one request */
#define KEYS_SERVED_MS 3000 /* for newer keys, of a login whom the keys at hand serve */
#define KEYS_AGE_DEFAULT_S 3600 /* when the service does not say */
#define KEYS_AGE_MIN_S 300

/*
 * Is the blob one of the tenant's keys?  Runs as SERVICE_USER, who owns the cache.
 * tenant  lower-case GUID, allowed by the configuration
 * ca      an ssh-rsa blob
 * Returns 0, or a failure with its reason: ca-not-trusted, keys-unreachable, keys-malformed,
 * not-configured.
 */
int keys_check(struct sys *sys, const struct conf *conf, const char *tenant, struct span ca,
	       struct err *err);

/*
 * Would keys_check say yes by the cache alone, which is fresh?  Asks nobody.  False is no answer.
 */
bool keys_at_hand(struct sys *sys, const struct conf *conf, const char *tenant, struct span ca);

/* What was there to compare with, without the network. */
struct keys_look {
	bool pinned; /* from the file of the configuration: nothing below but count */
	enum keycache_state state; /* of the cache */
	size_t count;
	int64_t fetched_s, expires_s; /* 0 when there is no cache */
};

/*
 * keys_check for `explain`: no request, no lock, nothing is written.  *ret is filled in any case.
 * Further: 0 when the state is KEYCACHE_GONE, since a login would fetch the keys first.
 */
int keys_check_offline(struct sys *sys, const struct conf *conf, const char *tenant, struct span ca,
		       struct keys_look *ret, struct err *err);

/* The cache as it is, whatever its age, for `status`.  -ENOENT, -EBADMSG, -EPERM. */
int keys_cached(struct sys *sys, const struct conf *conf, const char *tenant, struct keycache *ret,
		struct err *err);

#endif
