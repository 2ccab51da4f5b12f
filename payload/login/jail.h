/* SPDX-License-Identifier: MIT */
/*
 * A child process without privileges for everything that touches bytes from the network or
 * from a certificate.  Its answer is text that the caller takes for hostile.
 */
#ifndef LOGIN_JAIL_H
#define LOGIN_JAIL_H

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

#define JAIL_ANSWER_MAX ((size_t)32 << 10)
#define JAIL_TIMEOUT_MS 14000 /* the deadline of struct sys shortens it */

/* Work done in the child.  What it adds to *ret and its failure reach the caller, nothing else. */
typedef int jail_fn(struct sys *sys, const void *arg, struct buf *ret, struct err *err);

/*
 * Run fn as SERVICE_USER of the machine's /etc/passwd.  The answer is added to *ret.
 * group  of /etc/group, which the child is a member of; NULL: of none but the user's own
 * The failure of fn, reason included; -ETIMEDOUT (reason deadline); -ENOENT there is no such user
 * or group, -EPERM it is root's (reason of both: not-configured); -EPERM when the privileges cannot
 * be dropped; -EIO for a child that died or answered beside the form.
 */
int jail_run(struct sys *sys, jail_fn *fn, const void *arg, const char *group, struct buf *ret,
	     struct err *err);

#endif
