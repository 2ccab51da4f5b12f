/* SPDX-License-Identifier: MIT */
#ifndef STEPS_SSHD_H
#define STEPS_SSHD_H

#include "lib/core/sshdtree.h"
#include "lib/steps/step.h"
#include "lib/sys/service.h"

/*
 * All files of the configuration in force; ret->partial when one may be missing.  The errors of
 * fs_read for the main file; -ENOMEM.
 */
int sshd_load(struct machine *m, struct sshdtree *ret, struct err *err);

/*
 * Does sshd, as it is configured, ask our key command and PAM for this user?  *ret is what it
 * shows, as far as it came.  Errors of sshd_show; -EPERM: no PAM; -EBADMSG: another setting than
 * ours wins, or what it accepts leaves out the certificates that Entra issues (sshdcert.h).
 */
int sshd_check_user(struct machine *m, const char *user, struct buf *ret, struct err *err);

/*
 * Let every running sshd read its configuration again, for changes_call; nothing where there is no
 * sshd.  -EINVAL when sshd refuses the configuration; the errors of service_reload_sshd.
 */
int sshd_reload(struct machine *m, struct err *err);

/*
 * Tell what sshd_reload would do, as sshd is configured now: see service_tell_sshd, whose result it
 * is; the errors of sshd_show.
 */
int sshd_tell_reload(struct machine *m, service_teller *tell, void *arg, struct err *err);

/* Add the change that calls it, in both directions.  -ENOMEM. */
int sshd_plan_reload(struct machine *m, struct changes *ret, struct err *err);

#endif
