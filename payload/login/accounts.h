/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_ACCOUNTS_H
#define LOGIN_ACCOUNTS_H

#include "lib/sys/sys.h"

/*
 * The lock of everything that the runtime writes about accounts.  Not recursive.  Returns a
 * descriptor that holds it until it is closed, -EBUSY or another -errno.
 */
int accounts_lock(struct sys *sys, struct err *err);

/* Have nscd, where it runs, forget what it knows of users and groups.  Cannot fail. */
void accounts_changed(struct sys *sys);

#endif
