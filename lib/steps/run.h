/* SPDX-License-Identifier: MIT */
/*
 * The runner of a table of steps.
 *
 * Invariants:
 *  1. A step that fails is undone, with all that this run applied before it, last first; what
 *     was there before the run stays.
 *  2. A run that is killed at any instruction leaves whole files only; the next run converges.
 *  3. A step that is in force already writes nothing.
 */
#ifndef STEPS_RUN_H
#define STEPS_RUN_H

#include "lib/steps/step.h"

enum step_state {
	STEP_SKIPPED, /* not reached, or none of this machine */
	STEP_OK, /* as wanted, nothing was changed */
	STEP_CHANGED, /* it was changed, and is as wanted now */
	STEP_DRIFTED, /* only checked: something would have to change */
	STEP_FAILED,
	STEP_UNDONE, /* applied in this run, and undone because a later one failed */
};

struct step_result {
	const struct step *step;
	enum step_state state;
	char message[ERR_MSG_MAX]; /* what was seen or done, one line */
	char remedy[ERR_REMEDY_MAX];
	size_t note_count;
	char notes[NOTES_MAX][NOTE_MAX];
	enum gravity gravity; /* of the first note */
	int64_t ms; /* how long it took */
};

/*
 * Called after each step; for one that failed, before anything is undone; and once more for each
 * that was undone.  May be NULL.
 */
typedef void step_observer(const struct step_result *result, void *arg);

struct run {
	struct machine *machine;
	const struct step *const *steps; /* in the order of applying */
	size_t count;
	const char *only; /* name of the only step to look at, or NULL */
	struct step_result *results; /* count of them, the caller's */
	step_observer *observer;
	void *observer_arg;
};

/*
 * Apply all, in order.  On failure everything is undone (invariant 1) and err is the first
 * failure, with err->outcome set to the failing step's exit code unless the failure chose one.
 */
int run_apply(struct run *run, struct err *err);

/* Take all away, last first.  Goes on after a failure; returns the first. */
int run_revert(struct run *run, struct err *err);

/*
 * Change nothing, look at every step.  Returns 0 when all are in force, otherwise the first
 * failure; -ESTALE stands for something that would have to change.
 */
int run_check(struct run *run, struct err *err);

/* One step of a plan.  Borrowed by whoever is called. */
struct planned {
	const struct step *step;
	const struct changes *changes; /* in the order in which they would be made */
	const struct machine *machine; /* its notes are the step's */
	const struct err
		*err; /* what keeps it from being told, as a whole or further; code 0: nothing */
	bool refused; /* the run would end with that, see plan_refuses */
};

/* Returns 0, or a negative errno value that ends the planning. */
typedef int plan_visitor(const struct planned *planned, void *arg, struct err *err);

/*
 * What would change: visit is called for each step, in the order of applying or of taking away.
 * *ret_refusal is the first failure that would end the run itself, its code 0 when there is none.
 * -ENOMEM, and what visit returns.
 */
int run_plan(struct run *run, enum want want, plan_visitor *visit, void *arg,
	     struct err *ret_refusal, struct err *err);

/*
 * Would a run end with what kept a step from being planned?  waiting says that an earlier step has
 * yet to be applied: it may bring what is missing, so that only a failure which asks for an outcome
 * of its own, and is not that something is missing, counts.
 */
bool plan_refuses(const struct err *err, bool waiting);

/* Is there such a step on this machine? */
bool step_applies(const struct step *step, const struct machine *m);

/* "ok", "changed", ... */
const char *step_state_name(enum step_state state);

#endif
