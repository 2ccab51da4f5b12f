/* SPDX-License-Identifier: MIT */
/* How a refusal is told: to the PAM module, and to the person at the other end. */
#ifndef LOGIN_REFUSAL_H
#define LOGIN_REFUSAL_H

#include "lib/core/buf.h"
#include "lib/core/conf.h"
#include "payload/login/authorize.h"
#include "payload/pam/answer.h"

/* What the module makes of it; a failure without a reason is ANSWER_INTERNAL. */
enum answer_code refusal_code(const struct err *err);

/*
 * The lines for the user: the cause; which action, scope and object id, where a role is missing, or
 * what this login showed; what helps.  Failures of the machine itself are told without their
 * details, which are in the log.
 */
void refusal_text(const struct err *err, const struct conf *conf,
		  const struct authorize_request *request, const struct authorize_result *result,
		  struct buf *ret);

#endif
