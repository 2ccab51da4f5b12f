/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_SERVICE_H
#define LOGIN_SERVICE_H

#include "lib/core/conf.h"
#include "lib/sys/jail.h"
#include "lib/sys/lookup.h"

#define SERVICE_ANSWER_MAX ((size_t)32 << 10)
#define SERVICE_TIMEOUT_MS 14000 /* the deadline of struct sys shortens it */

/*
 * SERVICE_USER of the machine.  -ENOENT: there is none; -EPERM: it is root; or the failure to read
 * /etc/passwd.  Reason: not-configured.
 */
int service_user_find(struct sys *sys, struct local_user *ret, struct err *err);

/*
 * What is left to a process of SERVICE_USER's that talks to the services of conf and parses what
 * they say.
 * writes  directories, up to NULL
 * ret     holds room for the places that it names, so it does not move
 */
struct service_limits {
	struct confine confine;
	const char *reads[CONFINE_PUBLIC + 4];
};
void service_limits(const struct conf *conf, const char *const *writes, struct service_limits *ret);

/*
 * Run fn as SERVICE_USER of the machine's /etc/passwd, as jail_run does.  The answer, text without
 * a NUL, is added to *ret.
 * group  of /etc/group, which the child is a member of; NULL: of none but the user's own
 * The errors of jail_run; and -ENOENT there is no such user or group, -EPERM it is root's (reason
 * of both: not-configured).
 */
int service_run(struct sys *sys, const struct conf *conf, const char *group, jail_fn *fn,
		const void *arg, struct buf *ret, struct err *err);

#endif
