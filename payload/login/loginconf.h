/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_LOGINCONF_H
#define LOGIN_LOGINCONF_H

#include "lib/core/conf.h"
#include "lib/sys/sys.h"

/*
 * Read /etc/aadsshlogin.conf, and the secret file beside it where there is one, and add the
 * defaults. Both must be root's alone to write.  Failures carry the reason not-configured; then
 * *ret is empty.
 */
int loginconf_load(struct sys *sys, struct conf *ret, struct err *err);

#endif
