/* SPDX-License-Identifier: MIT */
/*
 * What the extension does to a machine, in the order of applying: a table for each source of
 * packages. Our packages are configured by us, wherever they come from; Microsoft's configure the
 * machine themselves, and their table checks that they did.
 */
#ifndef HANDLER_STEPS_H
#define HANDLER_STEPS_H

#include "handler/settings.h"
#include "lib/steps/step.h"

struct step_table {
	const struct step *const *steps;
	size_t count;
};

/* By enum package_source. */
extern const struct step_table handler_tables[PACKAGE_SOURCES];

/*
 * The source whose table counts: for WANT_PRESENT what the settings say; for WANT_ABSENT what the
 * extension put on the machine, and only where that is not known the settings.
 */
enum package_source handler_source(struct sys *sys, const struct settings *settings,
				   enum want want);

/* The handler's own steps; the others are the package's too, see lib/steps. */
extern const struct step step_platform;
extern const struct step step_identity;
extern const struct step step_legacy;
extern const struct step step_packages;

/*
 * Who gets in past Entra: with the setting approvedLocalAccounts alone, see localaccounts.h.  They
 * change nothing and never fail; what they find is notes.
 */
extern const struct step step_local_accounts;
extern const struct step step_authorized_keys;

/* What Microsoft's packages must have done; see microsoft.c. */
extern const struct step step_their_accounts;
extern const struct step step_their_pam;
extern const struct step step_their_sudo;
extern const struct step step_their_selinux;
extern const struct step step_their_sshd;

#endif
