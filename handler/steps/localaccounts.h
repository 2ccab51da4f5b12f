/* SPDX-License-Identifier: MIT */
#ifndef HANDLER_STEPS_LOCALACCOUNTS_H
#define HANDLER_STEPS_LOCALACCOUNTS_H

#include "handler/localaccounts.h"

/* What the steps and the check say of a number of findings. */
#define LOCALACCOUNTS_FOUND "not in approvedLocalAccounts can sign in"
#define LOCALACCOUNTS_REMEDY "name them there, or take away what lets them in"
#define LOCALKEYS_FOUND "keys of kinds that Azure does not support"
#define LOCALKEYS_REMEDY "replace them by RSA of 2048 bits or more, or Ed25519"

/*
 * What a look by the setting approvedLocalAccounts sees: one look for all that ask.  *ret is the
 * extension's.  The errors of localaccounts_look.
 */
int localaccounts_once(struct machine *m, const struct localaccounts **ret, struct err *err);

#endif
