/* SPDX-License-Identifier: MIT */
/* What the accounts' step does for who replaces another product's packages before it. */
#ifndef STEPS_ACCOUNTS_H
#define STEPS_ACCOUNTS_H

#include "lib/steps/step.h"

/*
 * Keep an /etc/aadpasswd that is not ours, as the accounts' step does: its users are in ours later,
 * whatever becomes of the file meanwhile.  The errors of fs_read and of changes_write.
 */
int accounts_keep_foreign(struct machine *m, struct changes *ret, struct err *err);

#endif
