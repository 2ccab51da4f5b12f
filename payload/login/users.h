/* SPDX-License-Identifier: MIT */
/* What aaduseradd and aaduserdel do. */
#ifndef LOGIN_USERS_H
#define LOGIN_USERS_H

#include <stdbool.h>

#include "lib/core/conf.h"
#include "lib/sys/sys.h"
#include "payload/login/provision.h"

/*
 * Set an account up before its first login, or give one its new name.  name and oid in any letter
 * case.  -EINVAL: the name is not ours, the oid no GUID; otherwise see provision.h.
 */
int users_add(struct sys *sys, const struct conf *conf, const char *name, const char *oid,
	      struct provisioned *ret, struct err *err);

/*
 * Take an account away, its home too when remove_home is set.  While a home stays, so does the
 * account's line in the ledger, and the name is nobody else's: *ret_kept.
 * -ENOENT: nobody has or had the name; -EBUSY: processes of the account run; they are named.
 */
int users_delete(struct sys *sys, const char *name, bool remove_home, bool *ret_kept,
		 struct err *err);

#endif
