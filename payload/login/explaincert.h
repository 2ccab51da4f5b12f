/* SPDX-License-Identifier: MIT */
/* The part of explain that looks at a certificate, in the jail. */
#ifndef LOGIN_EXPLAINCERT_H
#define LOGIN_EXPLAINCERT_H

#include "lib/core/conf.h"
#include "lib/core/guid.h"
#include "payload/login/explain.h"

/*
 * Add a row for each check of verify.h.
 * conf          NULL: there is none that can be used
 * recorded_oid  see verify.h
 * ret_oid       whose the certificate is when every check passed, otherwise ""
 */
void explain_certificate(struct sys *sys, const struct conf *conf, const char *name,
			 struct span recorded_oid, const struct explain_question *question,
			 struct explanation *ret, char ret_oid[GUID_SIZE]);

/* Add a row.  A text beyond the row's room is cut; what is no printable ASCII becomes '?'. */
void explain_add(struct explanation *ret, const char *check, enum explain_state state,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Add a refusal with its reason. */
void explain_refuse(struct explanation *ret, const char *check, const struct err *err);

/* "12 min", for people; seconds below 0 count as 0. */
#define DURATION_SIZE 32
const char *explain_duration(int64_t seconds, char ret[DURATION_SIZE]);

#endif
