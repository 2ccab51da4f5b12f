/* SPDX-License-Identifier: MIT */
#ifndef STEPS_SELINUX_H
#define STEPS_SELINUX_H

#include <stdbool.h>

#include "lib/sys/sys.h"

/* Does SELinux have a policy here, whether it is on or not? */
bool selinux_has_policy(struct sys *sys);

#endif
