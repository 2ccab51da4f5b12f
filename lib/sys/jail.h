/* SPDX-License-Identifier: MIT */
/*
 * A child process without privileges for everything that touches bytes from the network or
 * from a certificate.  Its answer is taken for hostile.
 */
#ifndef SYS_JAIL_H
#define SYS_JAIL_H

#include "lib/core/buf.h"
#include "lib/sys/confine.h"
#include "lib/sys/sys.h"

/* Whom the child becomes, and what it is left with. */
struct jail {
	uid_t uid; /* neither is 0 */
	gid_t gid;
	gid_t group; /* which it is a member of, besides; 0: none */
	struct confine confine;
	size_t answer_max; /* bytes */
	int timeout_ms; /* the deadline of struct sys shortens it */
};

/* Work done in the child.  What it adds to *ret and its failure reach the caller, nothing else. */
typedef int jail_fn(struct sys *sys, const void *arg, struct buf *ret, struct err *err);

/*
 * Run fn in a child.  The answer, of any bytes, is added to *ret.
 * The failure of fn, reason included; -ETIMEDOUT (reason deadline); -EPERM when the privileges
 * cannot be dropped; -EMSGSIZE over answer_max; -EIO for a child that died or answered beside the
 * form.
 */
int jail_run(struct sys *sys, const struct jail *jail, jail_fn *fn, const void *arg,
	     struct buf *ret, struct err *err);

#endif
