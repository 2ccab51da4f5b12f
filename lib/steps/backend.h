/* SPDX-License-Identifier: MIT */
#ifndef STEPS_BACKEND_H
#define STEPS_BACKEND_H

#include "lib/core/guid.h"
#include "lib/steps/step.h"

/* Is there a service to ask: neither a file, nor none, nor an identity that is not known yet? */
bool backend_asks(const struct conf *conf);

/*
 * May this machine's identity ask for roles, as the role backend needs it?  Two requests, at most
 * some seconds; nothing of the reply but its status is looked at.
 * ret_oid  the object id of the identity, "" when there is no token of it
 * -EACCES it may not, with a remedy; -EREMOTEIO the service answers something else; the errors of
 * imds_token and http_send.
 */
int backend_check(struct machine *m, char ret_oid[GUID_SIZE], struct err *err);

/* The same where there is one to ask; the answer is a note, never a failure: roles come later. */
void backend_ask(struct machine *m);

#endif
