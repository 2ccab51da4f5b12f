/* SPDX-License-Identifier: MIT */
/* Where roles are asked for: one row per backend of the configuration. */
#ifndef LOGIN_BACKEND_H
#define LOGIN_BACKEND_H

#include "lib/core/conf.h"
#include "payload/login/decision.h"

struct backend {
	const char *name;
	/*
	 * Asks a service: only in the jail, and its decisions are kept as long as they live.
	 * Otherwise it reads a file of root's, each time.
	 */
	bool remote;
	/*
	 * What may the account (lower-case GUID) do here?  Both actions at once.  Failures carry
	 * their reason; none of them is a decision.
	 */
	int (*ask)(struct sys *sys, const struct conf *conf, const char *oid, struct decision *ret,
		   struct err *err);
};

/* The configured one, NULL for BACKEND_NONE. */
const struct backend *backend_find(enum role_backend id);

int roles_arm_ask(struct sys *sys, const struct conf *conf, const char *oid, struct decision *ret,
		  struct err *err);
int roles_checkaccess_ask(struct sys *sys, const struct conf *conf, const char *oid,
			  struct decision *ret, struct err *err);
int roles_static_ask(struct sys *sys, const struct conf *conf, const char *oid,
		     struct decision *ret, struct err *err);

#endif
