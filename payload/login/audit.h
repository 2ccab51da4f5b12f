/* SPDX-License-Identifier: MIT */
/*
 * One structured line for each decision, in the log of authentication.  The journal has each fact
 * in a field of its own too: AADSSH_ and the fact's name in capitals.
 */
#ifndef LOGIN_AUDIT_H
#define LOGIN_AUDIT_H

#include "lib/core/err.h"
#include "lib/sys/log.h"
#include "payload/login/verify.h"

/* What was decided; texts may be NULL or empty.  None of it is ever a certificate or a token. */
struct audit {
	const char *user;
	const char *action; /* "key", "login", "admin" */
	const char *service, *rhost;
	const char *oid, *tenant;
	struct span key_id;
	const char *ca; /* fingerprint of the signing key */
	const char *assignment, *scope; /* that decided */
	int64_t ms; /* how long it took */
};

/* Texts that verify_certificate filled, as far as it came. */
void audit_certificate(struct audit *audit, const struct verified *verified);

/*
 * Write the line: `decision=accept action="login" user="..." ...`, refusals with reason=, message=
 * and remedy=.  err is the refusal, NULL when it was accepted.
 */
void audit_line(const struct log *log, const struct audit *audit, const struct err *err);

#endif
