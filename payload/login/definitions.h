/* SPDX-License-Identifier: MIT */
/* Role definitions kept in /var/cache, so that a decision need not ask for them.  SERVICE_USER's
 * own. */
#ifndef LOGIN_DEFINITIONS_H
#define LOGIN_DEFINITIONS_H

#include "lib/core/roles.h"
#include "lib/sys/sys.h"

/* A custom role can be edited: what it grants changes here so much later, at most. */
#define DEFINITIONS_AGE_MAX_S 3600
#define DEFINITIONS_WAIT_MS 6000 /* for another process that asks */

/* Add the definition of a role (lower-case GUID) to *roles.  False when it must be asked for. */
bool definitions_load(struct sys *sys, const char *role, struct roles *roles);

/*
 * Ask for definitions one after the other.  Returns a descriptor that holds the lock until it is
 * closed, or -1: none is needed since known says that another process asked meanwhile; or the other
 * one takes too long, or there is no lock to be had, and then asking twice is better than not at
 * all.  Time for a request is always left.
 */
int definitions_lock(struct sys *sys, bool (*known)(void *arg), void *arg);

/* Keep what the service answered.  One that cannot be kept is asked for again. */
void definitions_store(struct sys *sys, const char *role, struct span json);

#endif
