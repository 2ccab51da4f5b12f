/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_SERVICE_H
#define LOGIN_SERVICE_H

#include "lib/sys/lookup.h"

/*
 * SERVICE_USER of the machine.  -ENOENT: there is none; -EPERM: it is root; or the failure to read
 * /etc/passwd.  Reason: not-configured.
 */
int service_user_find(struct sys *sys, struct local_user *ret, struct err *err);

#endif
