/* SPDX-License-Identifier: MIT */
/*
 * What must be so on the machine before the key command may accept a certificate, whoever's it is.
 * Asked by the key command, told by `explain` and `status`.  Failures carry their reason.
 */
#ifndef LOGIN_PRECONDITION_H
#define LOGIN_PRECONDITION_H

#include "lib/core/guid.h"
#include "lib/sys/sys.h"

/*
 * PAM ignores a local account, so a certificate would let its owner in without a role.
 * user  the name of the passwd entry;  name  the same in lower case
 * local-account; internal-error (/etc/passwd cannot be read or trusted).
 */
int precondition_not_local(struct sys *sys, const char *user, const char *name, struct err *err);

/*
 * The account phases of sshd, and of sudo where there is one, ask us.  A package can put its own
 * PAM file back: then nobody would ask for the role, or ask again.
 */
enum account_phase {
	PHASE_MODULE, /* the module is there: not-configured */
	PHASE_SSHD, /* the file of sshd has our line: pam-line-missing */
	PHASE_SUDO, /* the files of sudo and, where there is one, sudo-i have; 0 without a sudo */
	PHASES,
};

int precondition_account_phase(struct sys *sys, enum account_phase phase, struct err *err);

/* All of them, in this order. */
int precondition_account_phases(struct sys *sys, struct err *err);

/*
 * The object id that has the name (lower-case) on this machine, "" when nobody has. internal-error.
 */
int precondition_recorded_oid(struct sys *sys, const char *name, char ret[GUID_SIZE],
			      struct err *err);

#endif
