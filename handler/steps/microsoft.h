/* SPDX-License-Identifier: MIT */
#ifndef STEPS_MICROSOFT_H
#define STEPS_MICROSOFT_H

#include "lib/steps/step.h"

/*
 * Take out what Microsoft's packages left behind, once they are gone; nothing while a package
 * aadsshlogin is installed.  Who has a uid in /etc/aadpasswd keeps it.  The first failure of all is
 * returned: those of changes.h and of reloading sshd.
 */
int microsoft_clean(struct machine *m, struct err *err);

#endif
