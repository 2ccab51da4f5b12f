/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/inforce.h"
#include "handler/seal.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/steps/backend.h"

#define LOOK_AGAIN_S 86400 /* at what can change unseen */

/* Where it is told that all is in force. */
struct telling {
	char status[PATH_MAX];
	char mrseq[PATH_MAX];
};

static struct seal this_seal(struct job *job, struct telling *telling)
{
	const struct session *session = &job->session;
	struct seal seal = seal_of(job->sys, job->command->version, session->settings_hash);

	status_path(session->environment.status_folder, session->sequence, telling->status);
	job_mrseq_path(job, telling->mrseq);
	seal.told[0] = telling->status;
	seal.told[1] = telling->mrseq;
	seal.results = job->results;
	seal.count = job->ran ? job->table.count : 0;
	return seal;
}

/*
 * What was written is part of what is looked at: a corrupt state is written anew.  Without a seal
 * the next enable looks at everything, as this one did.
 */
void inforce_seal(struct job *job)
{
	struct telling telling;
	struct seal seal = this_seal(job, &telling);
	const bool told = job_standing(job) == STATUS_SUCCESS && job_note_sequence(job);
	struct err err = {0};

	/* Keys of local accounts can change unseen, and the identity's role be taken away. */
	if (job->session.settings.approved_local_accounts ||
	    backend_asks(&job->session.machine.conf))
		seal.until_ns = job->sys->ops->boottime_ns(job->sys) + LOOK_AGAIN_S * 1000000000LL;

	job->sys->witness = &job->witness;
	(void)fs_exists(job->sys, STATE_PATH);
	if (told)
		(void)(fs_exists(job->sys, telling.status) && fs_exists(job->sys, telling.mrseq));
	job->sys->witness = NULL;
	if (seal_make(job->sys, &seal, &job->witness, &err) < 0)
		log_line(&job->log, LOG_LEVEL_WARNING, "the next enable will not be quick: %s",
			 err.msg);
}

static const struct step *find_step(const struct job *job, struct span name)
{
	for (size_t i = 0; i < PACKAGE_SOURCES; i++) {
		const struct step_table *table = &job->command->tables[i];

		for (size_t j = 0; j < table->count; j++)
			if (span_is(name, table->steps[j]->name))
				return table->steps[j];
	}
	return NULL;
}

/* The result of a step, which is the last one's or another. */
static struct step_result *find_result(struct job *job, struct span name)
{
	const size_t count = job->table.count;
	const struct step *step = find_step(job, name);
	struct step_result *grown;

	if (count && job->results[count - 1].step == step)
		return &job->results[count - 1];
	grown = step ? reallocarray(job->results, count + 1, sizeof(*grown)) : NULL;
	if (!grown)
		return NULL;
	job->results = grown;
	job->table.count++;
	grown[count] = (struct step_result){.step = step, .state = STEP_OK};
	return &grown[count];
}

/* While the seal holds, what the steps had to say is so.  False: it is not known any more. */
static bool carry_over(struct job *job, struct span said)
{
	struct said one;

	while (seal_next_said(&said, &one)) {
		struct step_result *result = find_result(job, one.step);

		if (!result)
			return false;
		result->gravity = one.gravity;
		if (one.note.len && result->note_count < NOTES_MAX &&
		    span_copy(one.note, result->notes[result->note_count], NOTE_MAX))
			result->note_count++;
	}
	job->ran = job->table.count > 0;
	return job->ran;
}

/*
 * The status of this sequence number, if it has none of enable's: one of disable's says nothing of
 * the steps.
 */
static bool tell_in_force(struct job *job, struct span said)
{
	if (job_own_standing(job) == STATUS_SUCCESS)
		return true;
	if (!carry_over(job, said)) {
		free(job->results);
		job->results = NULL;
		job->table = (struct step_table){.count = 0};
		return false;
	}
	status_warn(job->results, job->table.count, job->message);
	job_publish(job, STATUS_SUCCESS, EXIT_OK, job->message, "");
	return true;
}

bool inforce_tell(struct job *job)
{
	struct telling telling;
	const struct seal seal = this_seal(job, &telling);
	bool told = false;
	AUTO_BUF said = {0};

	if (!seal_holds(job->sys, &seal, &told, &said)) {
		job->was_in_force = seal_made_for(job->sys, &seal);
		return false;
	}
	(void)snprintf(job->message, sizeof(job->message),
		       "Sign-in with Entra ID over SSH is in force, version %s: nothing to do",
		       job->command->version);
	if (!told && !tell_in_force(job, buf_bytes(&said)))
		return false;
	if (!told)
		(void)job_note_sequence(job);
	job_say(job->command->out, job->message);
	return true;
}
