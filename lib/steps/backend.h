/* SPDX-License-Identifier: MIT */
#ifndef STEPS_BACKEND_H
#define STEPS_BACKEND_H

#include "lib/steps/step.h"

/*
 * May this machine's identity ask for roles, as the role backend needs it?  The answer is a note
 * when it is no, or when there is none; never a failure, since roles can be assigned later.  Two
 * requests, at most some seconds; nothing of the reply but its status is looked at.
 */
void backend_ask(struct machine *m);

#endif
