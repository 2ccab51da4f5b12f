/* SPDX-License-Identifier: MIT */
/*
 * One run of a verb, while it lasts: what it works with, and how it tells the agent, the owner and
 * the log of it.  verbs.c runs it, inforce.c ends it early.
 *
 * Telling never fails a verb: what cannot be told is mentioned, or passed over.
 */
#ifndef HANDLER_JOB_H
#define HANDLER_JOB_H

#include "handler/session.h"
#include "handler/state.h"
#include "handler/status.h"
#include "handler/verbs.h"
#include "lib/sys/log.h"

struct job;

struct verb {
	const char *name;
	const char *operation; /* as the status file calls it */
	int deadline_s; /* below the agent's own 300 and 900 s, with time to undo and report */
	bool tolerant; /* goes on without environment and settings */
	enum want want; /* of the steps */
	bool then_enable; /* the agent runs enable next: what no step needs is left to that */
	bool passive; /* changes nothing, and what it has to say hides no status that stands */
	bool heir; /* begins with a copy of the status of the version before */
	int (*work)(struct job *job, struct err *err);
};

/* One run of a verb. */
struct job {
	const struct verb *verb;
	const struct command *command;
	struct sys *sys;
	struct session session;
	struct state state;
	struct witness witness; /* what the steps looked at */
	struct log log;
	int lock; /* held while 0 or above */
	bool ran; /* the steps were walked: there are results to tell */
	bool no_state; /* the state is another version's, or gone: it is not written */
	bool failed; /* a step did */
	bool unchanged; /* all is in force and nothing had to be done: the witness counts */
	bool was_in_force; /* with these settings: what must be changed has drifted */
	bool late; /* it failed because the deadline had passed */
	struct step_table table; /* of the steps that count */
	struct step_result *results; /* of each */
	char message[STATUS_MESSAGE_MAX]; /* how it went, when it went well */
};

/* A line on standard output or standard error; none where fd is below 0. */
void job_say(int fd, const char *text);

/* What is worth knowing but stops nothing: on standard error, and in the log. */
void job_mention(struct job *job, const char *what, const struct err *err);

/*
 * Publish the status of this sequence number, with the steps' results once they were walked.
 * Without a folder or a number there is none.
 */
void job_publish(struct job *job, enum status_value value, int code, const char *cause,
		 const char *remedy);

/* What stands for this sequence number, whoever published it. */
enum status_value job_standing(struct job *job);
/* The same, if it is of this verb's operation. */
enum status_value job_own_standing(struct job *job);
/* Is it one that ends a command? */
bool job_is_terminal(enum status_value value);

/* mrseq, beside the extension: the number of the last sequence whose work was done. */
void job_mrseq_path(const struct job *job, char ret[PATH_MAX]);
/* Write it, unless it is as it shall be.  False, after a mention, when it is not. */
bool job_note_sequence(struct job *job);

/* Let go of the lock and the log, and of what job->sys was to tell it. */
void job_done(struct job *job);

#endif
