/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/steps/changes.h"
#include "lib/steps/run.h"

const char *step_state_name(enum step_state state)
{
	static const char *const names[] = {
		[STEP_SKIPPED] = "skipped", [STEP_OK] = "ok",         [STEP_CHANGED] = "changed",
		[STEP_DRIFTED] = "drifted", [STEP_FAILED] = "failed", [STEP_UNDONE] = "undone",
	};

	return names[state];
}

bool step_applies(const struct step *step, const struct machine *m)
{
	return !step->applies || step->applies(m);
}

/* One step of one run. */
struct work {
	const struct step *step;
	struct step_result *result;
	struct changes changes;
	size_t begun; /* how many of the changes were made or at least begun */
	int64_t start_ns;
};

static bool is_chosen(const struct run *run, size_t i)
{
	const struct step *step = run->steps[i];

	return (!run->only || strcmp(run->only, step->name) == 0) &&
	       step_applies(step, run->machine);
}

static void clear_results(struct run *run)
{
	for (size_t i = 0; i < run->count; i++)
		run->results[i] = (struct step_result){.step = run->steps[i]};
}

static void observe(struct run *run, const struct step_result *result)
{
	if (run->observer)
		run->observer(result, run->observer_arg);
}

static int64_t now_ns(struct run *run)
{
	return run->machine->sys->ops->boottime_ns(run->machine->sys);
}

static void begin(struct run *run, size_t i, struct work *work)
{
	*work = (struct work){.step = run->steps[i], .result = &run->results[i]};
	work->start_ns = now_ns(run);
	run->machine->note_count = 0;
	run->machine->gravity = GRAVITY_NOTE;
}

/* What was decided on a question that had no answer does not count. */
static int unless_in_doubt(struct run *run, int r, struct err *err)
{
	return r < 0 ? r : fs_sure(run->machine->sys, err);
}

static int plan(struct run *run, struct work *work, enum want want, struct err *err)
{
	struct sys *sys = run->machine->sys;
	struct err earlier;

	if (sys->deadline_ns && sys_left_ms(sys, 1) == 0) {
		(void)err_set(err, ETIMEDOUT, "the time was up before %s", work->step->name);
		err->outcome = EXIT_DEADLINE;
		return -err->code;
	}
	(void)fs_sure(sys, &earlier);
	return unless_in_doubt(run, work->step->plan(run->machine, want, &work->changes, err), err);
}

static int prove(struct run *run, struct work *work, struct err *err)
{
	int r = work->step->prove ? work->step->prove(run->machine, err) : 0;

	return unless_in_doubt(run, r, err);
}

/* "write /etc/a, write /etc/b, reload sshd" */
static void name_changes(const struct work *work, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (size_t i = 0; i < work->changes.count && used < size; i++) {
		int n = snprintf(to + used, size - used, "%s%s", i ? ", " : "",
				 work->changes.list[i].what);

		used += n > 0 ? (size_t)n : 0;
	}
}

static enum step_state state_of(int r, const struct work *work, enum step_state changed)
{
	if (r < 0)
		return STEP_FAILED;
	return work->changes.count ? changed : STEP_OK;
}

static void end(struct run *run, struct work *work, enum step_state state, struct err *err)
{
	struct step_result *result = work->result;
	const struct machine *m = run->machine;

	result->state = state;
	result->ms = (now_ns(run) - work->start_ns) / 1000000;
	result->note_count = m->note_count;
	result->gravity = m->gravity;
	memcpy(result->notes, m->notes, sizeof(result->notes));
	if (state == STEP_FAILED) {
		if (err->outcome == 0)
			err->outcome = work->step->exit_code;
		memcpy(result->message, err->msg, sizeof(result->message));
		memcpy(result->remedy, err->remedy, sizeof(result->remedy));
	} else {
		name_changes(work, result->message, sizeof(result->message));
	}
	observe(run, result);
}

/* Files first, last first; then what makes others read them again. */
static int undo_changes(struct machine *m, const struct work *work, struct err *err)
{
	struct err first = {0};

	for (int calls = 0; calls < 2; calls++) {
		for (size_t i = work->begun; i-- > 0;) {
			const struct change *change = &work->changes.list[i];

			*err = (struct err){0};
			if ((change->kind == CHANGE_CALL) == (calls == 1) &&
			    change_undo(m, change, err) < 0 && first.code == 0)
				first = *err;
		}
	}
	*err = first;
	return -first.code;
}

/* The cause is cut, where it must be, the remedy is not. */
static void note_not_undone(struct step_result *result, const struct err *err)
{
	static const char begin[] = "it could not be undone: ";
	const char *remedy = err->remedy[0] ? err->remedy : "mend that, and run this again";
	const size_t room = NOTE_MAX - sizeof(begin) - strlen(". ");
	size_t len = strlen(remedy);

	if (result->note_count == NOTES_MAX)
		return;
	if (len > room / 2)
		len = room / 2;
	(void)snprintf(result->notes[result->note_count++], NOTE_MAX, "%s%.*s. %.*s", begin,
		       (int)(room - len), err->msg, (int)len, remedy);
}

static void undo(struct run *run, struct work *works, size_t count)
{
	while (count-- > 0) {
		struct work *work = &works[count];
		struct step_result *result = work->result;
		struct err err = {0};
		int r;

		if (work->begun == 0)
			continue;
		r = undo_changes(run->machine, work, &err);
		if (r < 0)
			note_not_undone(result, &err);
		if (r == 0 && result->state == STEP_FAILED)
			continue;
		if (result->state != STEP_FAILED)
			result->state = STEP_UNDONE;
		observe(run, result);
	}
}

static int make_changes(struct run *run, struct work *work, struct err *err)
{
	int r = 0;

	while (r == 0 && work->begun < work->changes.count) {
		const struct change *change = &work->changes.list[work->begun];
		int made = change_make(run->machine, change, true, err);

		/*
		 * A call that failed may have done half, and a file that could not be written to
		 * the disk may have its new name; a directory is made or it is not.
		 */
		if (made == 0 || change->kind != CHANGE_MKDIR)
			work->begun++;
		r = unless_in_doubt(run, made, err);
	}
	return r;
}

static int apply_step(struct run *run, struct work *work, struct err *err)
{
	int r = plan(run, work, WANT_PRESENT, err);

	if (r == 0)
		r = make_changes(run, work, err);
	return r < 0 ? r : prove(run, work, err);
}

int run_apply(struct run *run, struct err *err)
{
	struct work *works = calloc(run->count, sizeof(*works));
	size_t count = 0;
	int r = works || run->count == 0 ? 0 : err_oom(err);

	clear_results(run);
	for (size_t i = 0; r == 0 && i < run->count; i++) {
		struct work *work = &works[count];

		if (!is_chosen(run, i))
			continue;
		begin(run, i, work);
		count++;
		r = apply_step(run, work, err);
		end(run, work, state_of(r, work, STEP_CHANGED), err);
	}
	if (r < 0)
		undo(run, works, count);
	for (size_t i = 0; i < count; i++)
		changes_done(&works[i].changes);
	free(works);
	return r;
}

/* Each change but the held is tried, since what can come off shall come off. */
static int revert_step(struct run *run, struct work *work, struct err *err)
{
	int r = plan(run, work, WANT_ABSENT, err);

	for (size_t i = 0; i < work->changes.count; i++) {
		const struct change *change = &work->changes.list[i];
		struct err later = {0};

		if (r < 0 && change->held)
			continue;
		if (unless_in_doubt(run, change_make(run->machine, change, false, &later),
				    &later) == 0 ||
		    r < 0)
			continue;
		*err = later;
		r = -later.code;
	}
	return r;
}

int run_revert(struct run *run, struct err *err)
{
	struct err first = {0};

	clear_results(run);
	for (size_t i = run->count; i-- > 0;) {
		struct work work;
		struct err own = {0};
		int r;

		if (!is_chosen(run, i))
			continue;
		begin(run, i, &work);
		r = revert_step(run, &work, &own);
		end(run, &work, state_of(r, &work, STEP_CHANGED), &own);
		changes_done(&work.changes);
		if (r < 0 && first.code == 0)
			first = own;
	}
	if (first.code)
		*err = first;
	return -first.code;
}

static int check_step(struct run *run, struct work *work, struct err *err)
{
	char changes[ERR_MSG_MAX / 2];
	int r = plan(run, work, WANT_PRESENT, err);

	if (r < 0)
		return r;
	if (work->changes.count == 0)
		return prove(run, work, err);
	name_changes(work, changes, sizeof(changes));
	(void)err_set(err, ESTALE, "not in force: %s", changes);
	err->outcome = work->step->exit_code;
	return -ESTALE;
}

int run_check(struct run *run, struct err *err)
{
	struct err first = {0};

	clear_results(run);
	for (size_t i = 0; i < run->count; i++) {
		struct work work;
		struct err own = {0};
		int r;

		if (!is_chosen(run, i))
			continue;
		begin(run, i, &work);
		r = check_step(run, &work, &own);
		end(run, &work, r == -ESTALE ? STEP_DRIFTED : state_of(r, &work, STEP_DRIFTED),
		    &own);
		changes_done(&work.changes);
		if (r < 0 && first.code == 0)
			first = own;
	}
	if (first.code)
		*err = first;
	return -first.code;
}

bool plan_refuses(const struct err *err, bool waiting)
{
	return err->code && (!waiting || (err->outcome && err->code != ENOENT));
}

static int plan_one(struct run *run, size_t i, enum want want, bool *waiting, plan_visitor *visit,
		    void *arg, struct err *refusal, struct err *err)
{
	struct err own = {0};
	struct work work;
	struct planned planned = {.machine = run->machine, .err = &own};
	int r;

	begin(run, i, &work);
	r = plan(run, &work, want, &own);
	planned.step = work.step;
	planned.changes = &work.changes;
	planned.refused = plan_refuses(&own, *waiting);
	*waiting |= r < 0 || work.changes.count;
	if (r < 0 && own.outcome == 0)
		own.outcome = work.step->exit_code;
	if (planned.refused && refusal->code == 0)
		*refusal = own;
	r = visit(&planned, arg, err);
	end(run, &work, state_of(-own.code, &work, STEP_DRIFTED), &own);
	changes_done(&work.changes);
	return r;
}

int run_plan(struct run *run, enum want want, plan_visitor *visit, void *arg,
	     struct err *ret_refusal, struct err *err)
{
	bool waiting = run->only; /* the earlier steps are not looked at */
	struct err refusal = {0};
	int r = 0;

	clear_results(run);
	run->machine->foretells = true;
	for (size_t n = 0; r == 0 && n < run->count; n++) {
		size_t i = want == WANT_PRESENT ? n : run->count - 1 - n;

		if (is_chosen(run, i))
			r = plan_one(run, i, want, &waiting, visit, arg, &refusal, err);
	}
	run->machine->foretells = run->machine->packages_come = false;
	if (r == 0)
		*ret_refusal = refusal;
	return r;
}
