/* SPDX-License-Identifier: MIT */
/* What there is of SELinux on a machine, for the step of that name and for who installs its module.
 */
#ifndef STEPS_SELINUX_H
#define STEPS_SELINUX_H

#include <stdbool.h>

#include "lib/steps/step.h"

/* Does SELinux have a policy here, whether it is on or not? */
bool selinux_has_policy(struct sys *sys);

/*
 * Is a module of that name in the policy's store, at whatever priority?
 * ret  written only on success; false where there is neither a policy nor semodule to ask
 * Returns 0; the failures of proc_must.
 */
int selinux_has_module(struct machine *m, const char *name, bool *ret, struct err *err);

#endif
