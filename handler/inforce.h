/* SPDX-License-Identifier: MIT */
/*
 * enable with nothing to do, which the agent runs at every change of any extension of the machine.
 *
 * A run that found all in force and changed nothing ends with inforce_seal.  The next enable begins
 * with inforce_tell, before it opens a log or takes the lock: while the seal holds (handler/seal.h)
 * it is done.  All else begins by breaking the seal.
 */
#ifndef HANDLER_INFORCE_H
#define HANDLER_INFORCE_H

#include "handler/job.h"

/*
 * Is all in force as the seal says?  job: session_find has found its folders and its settings.
 * True: it was told, on standard output and, where this sequence number has none of enable's yet,
 * by a status and mrseq; the steps' notes are those of the run that made the seal.  The log and the
 * events stay silent.
 * False: nothing was told, and everything is to be looked at; job->was_in_force is set.
 */
bool inforce_tell(struct job *job);

/*
 * Make the seal of what job->witness saw.  The status and state.json must be written already.  When
 * it cannot be made the log has it, and the next enable looks at everything.
 */
void inforce_seal(struct job *job);

#endif
