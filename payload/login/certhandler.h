/* SPDX-License-Identifier: MIT */
/*
 * The key command: sshd asks which keys may log in as a name, with the key that the client offers.
 *
 * MUST:
 *  1. for a name that has not our shape, do no I/O; for a key that is no RSA certificate, none but
 *     to remove this login's record;
 *  2. print nothing unless every check holds, the account phases of sshd and sudo are there to ask
 *     for the role, and the record for it lies ready;
 *  3. print no principal but the requested user's: it replaces sshd's own comparison;
 *  4. leave no record after any other outcome;
 *  5. accept no certificate for an account of /etc/passwd: the account phase asks nobody about it;
 *  6. leave no certificate where a log finds it, its own command line included.
 */
#ifndef LOGIN_CERTHANDLER_H
#define LOGIN_CERTHANDLER_H

#include <sys/types.h>

#include "lib/core/buf.h"
#include "lib/sys/log.h"
#include "lib/sys/sys.h"

/*
 * user    the name of the passwd entry, %u; an entry of ours is lower-case
 * key     base64 of the offered key, %k
 * parent  the process that asks, which will run the account phase
 * ret     the line for sshd is added, or nothing
 * Returns 0 when the key is accepted or was none of ours to judge; a refusal with its reason,
 * which has been logged.
 */
int certhandler_answer(struct sys *sys, const char *user, const char *key, pid_t parent,
		       struct log *log, struct buf *ret, struct err *err);

/* aad_certhandler USER KEY: the exit status is always 0, since another one is an error to sshd. */
int certhandler_main(struct sys *sys, int argc, char **argv);

#endif
