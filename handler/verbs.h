/* SPDX-License-Identifier: MIT */
/*
 * The guest agent's verbs: install, enable, disable, uninstall, update.
 *
 * Invariants:
 *  1. Every verb ends before the agent's own time limit, and with a final status file before its
 *     exit whenever there is a folder to put it in.
 *  2. A failure puts one line with its cause on standard output and standard error, early enough to
 *     be among the bytes that the agent keeps.
 *  3. Ownership moves with success alone.  A version that is not the owner takes nothing away,
 *     unless the agent has given the owner up.
 *  4. disable changes nothing and never fails: the agent runs it in the middle of every update.
 *  5. enable with nothing to do writes nothing and starts no program.
 */
#ifndef HANDLER_VERBS_H
#define HANDLER_VERBS_H

#include <stdbool.h>

#include "handler/steps.h"

/* What the command line and the agent's environment say, and where to. */
struct command {
	const char *verb;
	const char *folder; /* of the extension that runs */
	const char *version; /* of it */
	const char *sequence; /* ConfigSequenceNumber; NULL: find it */
	const char *instance; /* ConfigExtensionName, of multi-config; NULL as a rule */
	const char *new_version; /* VERSION, for update; NULL: this one */
	bool purge; /* for uninstall: forget the ledger of users too */
	const struct step_table *tables; /* of steps, by enum package_source */
	int out, err; /* standard output and standard error */
};

/* Run command->verb, which must be one of the five.  Returns the exit code. */
int verb_run(struct sys *sys, const struct command *command);

/*
 * Would uninstall of command->version take anything away where owner's work is in force ("" for
 * nobody's)?  See invariant 3.
 */
bool verb_takes_away(struct sys *sys, const struct command *command, const char *owner);

#endif
