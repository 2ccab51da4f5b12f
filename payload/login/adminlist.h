/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_ADMINLIST_H
#define LOGIN_ADMINLIST_H

#include <stdbool.h>

#include "lib/sys/sys.h"

/*
 * Have the name (lower-case) in the list of present administrators, or out of it.  The NSS module
 * answers the group from it; sudo's own question never trusts it.  Takes the accounts' lock when
 * something must be written.  -EPERM: the list is not root's alone to write; -EMSGSIZE, -EBUSY.
 */
int adminlist_set(struct sys *sys, const char *name, bool admin, struct err *err);

/*
 * Put a name in the place of a former one, where that is in the list.  Only with the accounts'
 * lock.  -EPERM, -EMSGSIZE.
 */
int adminlist_rename(struct sys *sys, const char *former, const char *name, struct err *err);

#endif
