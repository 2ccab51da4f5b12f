/* SPDX-License-Identifier: MIT */
#ifndef STEPS_SSHD_H
#define STEPS_SSHD_H

#include "lib/steps/step.h"

/*
 * Does sshd, as it is configured, ask our key command and PAM for this user?  *ret is what it
 * shows, as far as it came.  Errors of sshd_show; -EPERM: no PAM; -EBADMSG: another setting than
 * ours wins, or what it accepts leaves out the certificates that Entra issues (sshdcert.h).
 */
int sshd_check_user(struct machine *m, const char *user, struct buf *ret, struct err *err);

#endif
