/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_ACCOUNTS_H
#define LOGIN_ACCOUNTS_H

#include "lib/sys/sys.h"

/*
 * The lock of everything that the runtime writes about accounts.  Not recursive.  Returns a
 * descriptor that holds it until it is closed, -EBUSY or another -errno.
 */
int accounts_lock(struct sys *sys, struct err *err);

/*
 * Make the index of the users anew when it is not of the text in force: after a crash, an edit by
 * hand, a restore.  Does not wait: who holds the lock makes it.  Cannot fail.
 */
void accounts_index(struct sys *sys);

/* Have nscd, where it runs, forget what it knows of users and groups.  Cannot fail. */
void accounts_changed(struct sys *sys);

#endif
