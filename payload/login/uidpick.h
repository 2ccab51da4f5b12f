/* SPDX-License-Identifier: MIT */
#ifndef LOGIN_UIDPICK_H
#define LOGIN_UIDPICK_H

#include "lib/core/uid.h"
#include "payload/login/ledger.h"

/*
 * A uid for a name that is set up for the first time: its own one, or the first after it that is
 * no uid and no gid of the local files, of the ledger, or of another source of names.
 * asked_already  an id that an earlier call picked: the other sources, which are slow, are not
 * asked about it again; 0: none -EEXIST: a local account has the name; -ENOSPC: UID_PROBES ids are
 * taken; or the failure to find out: then nothing is known to be free.  Reason: provision-failed.
 */
int uidpick(struct sys *sys, const struct ledger *ledger, const char *name, struct uid_range range,
	    uint32_t asked_already, uint32_t *ret, struct err *err);

/*
 * Is the id that a user has (name, lower-case) no local account's and no local group's, other than
 * of that name?  One that came with another product, or that somebody gave away since, can be.
 * -EACCES, reason uid-shared; internal-error when it cannot be told.
 */
int uidpick_check_alone(struct sys *sys, const char *name, uint32_t id, struct err *err);

/* Has no local account, and no local group, the name?  -EEXIST; reason provision-failed. */
int uidpick_not_local(struct sys *sys, const char *name, struct err *err);

/* Is the uid of somebody who is remembered still nobody else's?  Errors as above. */
int uidpick_still_free(struct sys *sys, const struct ledger *ledger, const char *name, uint32_t id,
		       uint32_t asked_already, struct err *err);

/*
 * sshd looks an account up once, when a login starts, and the session keeps that uid.  PAM cannot
 * see it; what it is told itself can be another by then, after somebody took the first one.
 * Can the process have been told another uid than id?  Not if no file that decides uids was
 * written since the process started; nor, but for uidpick_check_freed, if it is the name's own one.
 * -EACCES, reason uid-mismatch, if so; internal-error when it cannot be told.
 */
int uidpick_check_held(struct sys *sys, const char *name, struct uid_range range, uint32_t id,
		       pid_t process, struct err *err);

/*
 * The name's own uid is no proof for a name that had an account with another one until lately: a
 * process that was told that one keeps it, and would act as the account that was renamed.  Did a
 * name lose its account since the process started?  Asked after provision, which waits for whoever
 * is at it.  Errors as above.
 */
int uidpick_check_freed(struct sys *sys, pid_t process, struct err *err);

#endif
