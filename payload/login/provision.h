/* SPDX-License-Identifier: MIT */
/* Setting an account up on its first login, and making sure on every later one that it still is. */
#ifndef LOGIN_PROVISION_H
#define LOGIN_PROVISION_H

#include <stdint.h>

#include "lib/core/conf.h"
#include "lib/core/name.h"
#include "lib/sys/sys.h"

struct provisioned {
	uint32_t id; /* the uid that is recorded now: the caller compares it with the one in use */
	char former[NAME_SIZE]; /* the name until now, when this renamed the account; otherwise ""
				 */
};

/*
 * Have the account set up: a line in the ledger, a home, a line in /etc/aadpasswd, in this order,
 * so that a crash leaves what the next call completes.
 *
 * The oid is the account: one that is known under another name (see ledger_find_former) gets this
 * name, and keeps uid, home, shell and its place among the administrators.  Nothing of the former
 * name stays, so that whoever is given it next is a new account.
 *
 * name  lower-case, ours
 * oid   lower-case GUID, proved
 * Failures carry their reason: oid-mismatch, home-owned, provision-failed (a local account has the
 * name or the recorded uid; no uid is free; nothing can be written).
 */
int provision(struct sys *sys, const struct conf *conf, const char *name, const char *oid,
	      struct provisioned *ret, struct err *err);

#endif
