/* SPDX-License-Identifier: MIT */
#ifndef STEPS_SELINUX_H
#define STEPS_SELINUX_H

#include <stdbool.h>

#include "lib/steps/step.h"

#define SELINUX_VENDOR_MODULE "aad_permissions" /* of Microsoft's package aadsshlogin-selinux */

/* Does SELinux have a policy here, whether it is on or not? */
bool selinux_has_policy(struct sys *sys);

/* Does the kernel have it on, whether it enforces or not? */
bool selinux_is_on(struct sys *sys);

/*
 * Is the module of Microsoft's package aadsshlogin-selinux in the policy's store?  The failures of
 * proc_must for semodule; -ENOENT, which there is none, with the outcome EXIT_DEPENDENCY.
 */
int selinux_has_vendors(struct machine *m, bool *ret, struct err *err);

/*
 * Give a file or directory that is new the context that the policy has for its path, by
 * restorecon; where SELinux is off, nothing.  The domain that makes a file can give it another: of
 * what is started by init it may be one of files that are made at each boot.  What fails is noted.
 */
void selinux_label(struct machine *m, const char *path);

#endif
