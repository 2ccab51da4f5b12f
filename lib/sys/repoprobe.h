/* SPDX-License-Identifier: MIT */
/* clang-format off */
/*
 * Is a repository of packages there?  Asked before any package manager is, since these tell causes
 * apart badly.  What counts is the metadata itself: the folder may be forbidden where it is not.
 *
 * Errors, all with the outcome EXIT_REPOSITORY, the URL, the proxy without its password, and what
 * to do about it:
 *   -EHOSTUNREACH  a name is not resolved
 *   -ECONNREFUSED  no connection to the server or the proxy
 *   -EPROTO        TLS
 *   -ETIMEDOUT     no answer in time
 *   -EMSGSIZE      an answer that is too long
 *   -EACCES        401, 403, 407
 *   -EREMOTEIO     404 or another status, or a reply cut short
 *   -EBADMSG       something else than metadata, or than a public key
 * and -ENOMEM.
 */
/* clang-format on */
#ifndef SYS_REPOPROBE_H
#define SYS_REPOPROBE_H

#include "lib/core/buf.h"
#include "lib/core/repoconf.h"
#include "lib/sys/sys.h"

/* Add the URL of what the package managers of a type ("deb", "rpm") read first. */
void repoprobe_url(const struct repo *repo, const char *type, struct buf *ret);

/* repo->key is not looked at; the token goes along. */
int repoprobe_metadata(struct sys *sys, const struct repo *repo, const char *type, struct err *err);

/*
 * Fetch the repository's public key as it is published, armored or binary, into the empty *ret. The
 * token goes along to the repository's own host only.
 */
int repoprobe_key(struct sys *sys, const struct repo *repo, const char *key_url, struct buf *ret,
		  struct err *err);

#endif
