/* SPDX-License-Identifier: MIT */
/*
 * /etc/passwd- and its kin.  Making and removing the package's system user leaves passwd, group,
 * shadow and gshadow byte for byte as they were, but not the backups that useradd and userdel write
 * beside them.  These are kept here over the package's life on the machine.
 */
#ifndef HANDLER_STEPS_BACKUPS_H
#define HANDLER_STEPS_BACKUPS_H

#include "lib/steps/step.h"

/*
 * Before the installation.  Keeps the first state: nothing is done while the user is there, and
 * what a run that was killed kept of a file stays while the file is the same.
 */
int backups_save(struct machine *m, struct err *err);

/*
 * After the removal.  The user and its group go if they were made in between and the package could
 * not remove them: -EIO with a remedy when they stay, and nothing is forgotten; so too when it
 * cannot be told whether anything was kept.  A backup is put back only when nothing but our user
 * came and went since it was kept: the file is as it was then, and its backup differs from it by
 * our user's line alone. What was kept is dropped then.
 */
int backups_restore(struct machine *m, struct err *err);

/*
 * After a run that was killed: what its useradd or userdel left beside the files, "passwd+" and the
 * "passwd.lock" of a process that is gone.  What a process has in its hands stays.
 */
int backups_tidy(struct machine *m, struct err *err);

#endif
