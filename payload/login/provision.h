/* SPDX-License-Identifier: MIT */
/* Setting an account up on its first login, and making sure on every later one that it still is. */
#ifndef LOGIN_PROVISION_H
#define LOGIN_PROVISION_H

#include <stdint.h>

#include "lib/core/conf.h"
#include "lib/sys/sys.h"

/*
 * Have the account set up: a line in the ledger, a home, a line in /etc/aadpasswd, in this order,
 * so that a crash leaves what the next login completes. name     lower-case, ours oid lower-case
 * GUID, proved *ret_id  the uid that is recorded now: the caller compares it with the one that is
 * in use Failures carry their reason: oid-mismatch, home-owned, provision-failed (a local account
 * has the name or the recorded uid; no uid is free; nothing can be written).
 */
int provision(struct sys *sys, const struct conf *conf, const char *name, const char *oid,
	      uint32_t *ret_id, struct err *err);

#endif
