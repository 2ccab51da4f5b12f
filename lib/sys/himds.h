/* SPDX-License-Identifier: MIT */
/*
 * What is peculiar to the metadata service of an Arc machine, HIMDS of the Connected Machine agent:
 * where it is, whether it is it, and what it asks back.  The requests themselves are imds.h's.
 * Source: the agent's documentation and the identity libraries for Azure.
 */
#ifndef SYS_HIMDS_H
#define SYS_HIMDS_H

#include <stdbool.h>

#include "lib/sys/sys.h"

/* An address and not localhost, which is ::1 first: there anybody can listen while HIMDS does not.
 */
#define HIMDS_URL "http://127.0.0.1:40342"
#define HIMDS_USER "himds" /* the agent's user, and the group that may read its keys */

#define HIMDS_KEY_MAX 4096 /* bytes of a key file */
#define HIMDS_AUTHORIZATION "Authorization: Basic "
#define HIMDS_AUTHORIZATION_SIZE (sizeof(HIMDS_AUTHORIZATION) + HIMDS_KEY_MAX)

/* Is the agent installed here?  Then HIMDS is who knows the machine, whatever answers elsewhere. */
bool himds_installed(struct sys *sys);

/*
 * Whoever listens at url is root or HIMDS_USER of /etc/passwd: a port of loopback is anybody's
 * while the agent is down.  -ECONNREFUSED nobody listens; -EACCES somebody else does, or it cannot
 * be told; -EINVAL url is none of url_loopback.
 */
int himds_check(struct sys *sys, const char *url, struct err *err);

/*
 * Answer a challenge, the value of WWW-Authenticate, with a header line.
 * ret  secret, to be wiped; written only on success
 * -EBADMSG the challenge is not of its form, see challenge.h; -EACCES its key cannot be read, is
 * over HIMDS_KEY_MAX, no regular file with one link, not root's or HIMDS_USER's alone to write like
 * every directory above it, or no line of visible characters.  Messages never quote the key.
 */
int himds_authorize(struct sys *sys, const char *challenge, char ret[HIMDS_AUTHORIZATION_SIZE],
		    struct err *err);

#endif
