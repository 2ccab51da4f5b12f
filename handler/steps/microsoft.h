/* SPDX-License-Identifier: MIT */
#ifndef STEPS_MICROSOFT_H
#define STEPS_MICROSOFT_H

#include "lib/steps/step.h"

/*
 * Before Microsoft's packages are removed: sshd and PAM stop asking for their programs.  When that
 * fails the packages must stay, since PAM would let nobody in without their module.  -EBUSY when
 * sshd still takes their keys; those of changes.h and of reloading sshd.
 */
int microsoft_release(struct machine *m, struct err *err);

/*
 * Take out what Microsoft's packages left behind, once they are gone; nothing while a package
 * aadsshlogin is installed.  Who has a uid in /etc/aadpasswd keeps it.  The first failure of all is
 * returned: those of changes.h and of reloading sshd.
 */
int microsoft_clean(struct machine *m, struct err *err);

#endif
