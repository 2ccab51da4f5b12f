/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler/files.h"
#include "handler/inforce.h"
#include "handler/job.h"
#include "handler/presence.h"
#include "handler/seal.h"
#include "handler/text.h"
#include "handler/verbs.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/changes.h"
#include "lib/steps/run.h"
#include "lib/sys/lock.h"
#include "lib/sys/log.h"
#include "lib/sys/metricsfile.h"

#define LOCK_PATH STATE_DIR "/lock"
#define LEDGER_PATH STATE_DIR "/users"
#define LOCK_TRIES 3
#define HANDLER_STATE_MAX 64 /* bytes of the agent's word for how far a version has come */
#define UNDO_S 30 /* what a failure gets for undoing, beyond the deadline if need be */

/* The first failure says why the verb ends, and needs time for undoing what was done before it. */
static void fail(struct job *job)
{
	int64_t undone_by = job->sys->ops->boottime_ns(job->sys) + UNDO_S * 1000000000LL;

	if (job->failed)
		return;
	job->failed = true;
	job->late = sys_left_ms(job->sys, 1) == 0;
	if (job->sys->deadline_ns < undone_by)
		job->sys->deadline_ns = undone_by;
}

static void observe(const struct step_result *result, void *arg)
{
	struct job *job = arg;
	bool failed = result->state == STEP_FAILED;

	if (failed)
		fail(job);
	log_line(&job->log, failed ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%s: %s in %lld ms%s%s",
		 result->step->name, step_state_name(result->state), (long long)result->ms,
		 result->message[0] ? ": " : "", result->message);
	for (size_t i = 0; i < result->note_count; i++)
		log_line(&job->log, LOG_LEVEL_WARNING, "%s: %s", result->step->name,
			 result->notes[i]);
}

/* ---- before the work */

static int refuse_instances(const char *instance, struct err *err)
{
	(void)err_set(err, ENOTSUP,
		      "ConfigExtensionName is \"%.64s\": one instance a VM is supported", instance);
	return err_remedy(err, EXIT_SETTINGS, "set the extension once, without instance names");
}

static int prepare(struct job *job, struct err *err)
{
	const struct command *command = job->command;
	int r = session_find(&job->session, command->folder, command->sequence, err);

	/* An instance's settings have its name in theirs: that none were found is no news. */
	return command->instance && command->instance[0] ? refuse_instances(command->instance, err)
							 : r;
}

static void open_log(struct job *job)
{
	const char *folder = job->session.environment.log_folder;
	struct err err = {0};

	if (!folder)
		return;
	job->log.fd = files_open_log(job->sys, folder, "handler.log", &err);
	if (job->log.fd < 0)
		job_mention(job, "cannot write a log", &err);
}

/* What a killed run changed is found as it shall be, and may not be on the disk: nobody would write
 * it once more. */
static void keep_work(struct job *job)
{
	static const char *const places[] = {"/etc", "/usr", "/lib", STATE_DIR};

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct err err = {0};

		if (fs_sync(job->sys, places[i], &err) < 0 && err.code != ENOENT)
			job_mention(job, "what a killed run did may not survive a power loss",
				    &err);
	}
}

static int take_lock(struct job *job, struct err *err)
{
	const struct fs_meta meta = files_meta(job->sys, 0700);
	bool killed = false;
	char holder[96];

	(void)snprintf(holder, sizeof(holder), "process %ld (aadssh-handler %s, version %s)",
		       (long)getpid(), job->verb->name, job->command->version);
	job->lock = -ENOENT;
	/* An uninstall that was waited for takes the directory with it. */
	for (int i = 0; i < LOCK_TRIES && job->lock == -ENOENT; i++) {
		*err = (struct err){0};
		if (fs_mkdir(job->sys, STATE_DIR, &meta, err) < 0)
			return err_remedy(err, EXIT_DEPENDENCY,
					  "make room in /var/lib, and let root write to it");
		/* Half of the time is for waiting, so that the other half is left for the work. */
		job->lock = lock_take_after(job->sys, LOCK_PATH, holder,
					    job->verb->deadline_s * 500, &killed, err);
	}
	if (job->lock == -EBUSY)
		err->outcome = EXIT_LOCK;
	if (job->lock >= 0 && killed)
		keep_work(job);
	return job->lock < 0 ? job->lock : 0;
}

/* From here on nothing is known of the machine until it was looked at again. */
static int break_seal(struct job *job, struct err *err)
{
	return seal_break(job->sys, err) < 0
		       ? err_remedy(err, EXIT_DEPENDENCY, "let root write to " STATE_DIR)
		       : 0;
}

static void read_state(struct job *job)
{
	struct err err = {0};
	int r = state_read(job->sys, &job->state, &err);

	if (r < 0 && r != -ENOENT)
		job_mention(job, "what was remembered is lost, everything is looked at again",
			    &err);
}

/* ---- the work */

static struct run new_run(struct job *job)
{
	job->ran = true;
	return (struct run){
		.machine = &job->session.machine,
		.steps = job->table.steps,
		.count = job->table.count,
		.results = job->results,
		.observer = observe,
		.observer_arg = job,
	};
}

static size_t count_state(const struct job *job, enum step_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < job->table.count; i++)
		n += job->results[i].state == state;
	return n;
}

static void become_owner(struct job *job, const char *version)
{
	if (strcmp(job->state.owner, version) != 0)
		job->state.since_s = sys_realtime_s(job->sys);
	(void)snprintf(job->state.owner, sizeof(job->state.owner), "%s", version);
}

static void count_repairs(struct job *job, size_t changed)
{
	const struct metrics_event event = {.drift_repairs = changed};
	struct err ignored = {0};

	if (changed && job->was_in_force && job->session.settings.metrics)
		(void)metrics_note(job->sys, KEY_COMMAND_USER, &event, &ignored);
}

static int apply(struct job *job, struct err *err)
{
	struct run run = new_run(job);
	size_t changed;
	int r;

	job->sys->witness = &job->witness;
	r = run_apply(&run, err);
	job->sys->witness = NULL;
	if (r < 0)
		return r;
	changed = count_state(job, STEP_CHANGED);
	count_repairs(job, changed);
	become_owner(job, job->command->version);
	(void)snprintf(job->state.source, sizeof(job->state.source), "%s",
		       package_source_name(job->session.settings.package_source));
	job->state.partly_removed = false;
	/* What was seen before a change is no picture of now, and what was left to enable must not
	 * be left out: it looks again. */
	job->unchanged = changed == 0 && !job->verb->then_enable;
	(void)job_note_sequence(job);
	(void)snprintf(
		job->message, sizeof(job->message),
		"Sign-in with Entra ID over SSH is in force, version %s: %zu steps, %zu changed",
		job->command->version, job->table.count - count_state(job, STEP_SKIPPED), changed);
	return 0;
}

static int update(struct job *job, struct err *err)
{
	const char *version = job->command->new_version;

	if (!version || strcmp(version, job->command->version) == 0)
		return apply(job, err);
	if (!version_valid(version)) {
		(void)err_set(err, EINVAL, "VERSION is \"%.64s\", expected a version", version);
		return err_remedy(err, EXIT_SETTINGS, "VERSION is set by the guest agent");
	}
	/* Going back, the agent runs the higher version's update; the lower installs itself next.
	 */
	become_owner(job, version);
	(void)snprintf(job->message, sizeof(job->message),
		       "Version %s takes over from version %s; nothing else was changed", version,
		       job->command->version);
	return 0;
}

/* The ledger keeps a home from going to a namesake; an empty one keeps nothing. */
static int forget(struct job *job, struct err *err)
{
	struct err ignored = {0};
	struct stat st;
	bool empty = fs_lstat(job->sys, LEDGER_PATH, &st, &ignored) == 0 && st.st_size == 0;
	int r = fs_remove_tree(job->sys, ORIGINAL_DIR, err);

	if (r == 0 && (job->command->purge || empty))
		r = fs_remove(job->sys, LEDGER_PATH, err);
	if (r == 0)
		r = fs_remove(job->sys, STATE_PATH, err);
	if (r == 0)
		r = fs_remove(job->sys, LOCK_PATH, err);
	if (r < 0)
		return r;
	job->no_state = true;
	(void)fs_rmdir(job->sys, STATE_DIR, &ignored); /* stays with the ledger in it */
	return 0;
}

/* Does a look at every step find nothing left to take away? */
static bool all_is_off(struct job *job)
{
	for (size_t i = 0; i < job->table.count; i++) {
		AUTO_CHANGES left = {0};
		struct err ignored = {0};

		if (job->table.steps[i]->plan(&job->session.machine, WANT_ABSENT, &left, &ignored) <
			    0 ||
		    left.count || fs_sure(job->sys, &ignored) < 0)
			return false;
	}
	return true;
}

/* What failed may be the reload of an sshd that the owner broke: with ours all off it is over. */
static void keep_track(struct job *job)
{
	struct err err = {0};

	job->state.partly_removed = true;
	if (!job->late && all_is_off(job) && forget(job, &err) < 0)
		job_mention(job, "cannot forget what was removed", &err);
}

/*
 * Did the agent give the owner up?  An update that ended badly after its work was done leaves the
 * version before to be uninstalled, and no command for its own.  Source: WALinuxAgent,
 * ga/exthandlers.py, ExtHandlerState and get_installed_version.
 */
static bool owner_failed(struct sys *sys, const struct command *command, const char *owner)
{
	const char *folder = command->folder, *dash = strrchr(folder, '-');
	char path[PATH_MAX];
	struct err ignored = {0};
	AUTO_BUF text = {0};

	if (!dash || strcmp(dash + 1, command->version) != 0)
		return false;
	(void)snprintf(path, sizeof(path), "%.*s%s/config/HandlerState", (int)(dash + 1 - folder),
		       folder, owner);
	return fs_read(sys, path, FS_TRUSTED, HANDLER_STATE_MAX, &text, NULL, &ignored) == 0 &&
	       span_is(span_trim(buf_bytes(&text)), "FailedUpgrade");
}

bool verb_takes_away(struct sys *sys, const struct command *command, const char *owner)
{
	return !owner[0] || strcmp(owner, command->version) == 0 ||
	       owner_failed(sys, command, owner);
}

static int revert(struct job *job, struct err *err)
{
	const struct conf *conf = &job->session.machine.conf;
	const char *owner = job->state.owner;
	AUTO_BUF names = {0};
	struct run run;
	int r;

	if (!verb_takes_away(job->sys, job->command, owner)) {
		job->no_state = true;
		(void)snprintf(job->message, sizeof(job->message),
			       "Version %s is in force; version %s takes nothing away", owner,
			       job->command->version);
		return 0;
	}
	r = presence_names(job->sys, conf->uid_first, conf->uid_last, &names, err);
	run = new_run(job);
	if (r == 0) {
		r = run_revert(&run, err);
		if (r < 0)
			keep_track(job);
	}
	if (r == 0)
		r = forget(job, err);
	if (r < 0)
		return r;
	(void)snprintf(job->message, sizeof(job->message),
		       "Sign-in with Entra ID over SSH was taken away%s%.600s",
		       names.len ? "; still signed in: " : "", buf_text(&names));
	return 0;
}

static int keep(struct job *job, struct err *err)
{
	(void)err;
	(void)snprintf(job->message, sizeof(job->message),
		       "Sign-in stays as it is; uninstall takes it away");
	return 0;
}

/* clang-format off */
static const struct verb verbs[] = {
	{"install", "Install", 840, false, WANT_PRESENT, true, false, false, apply},
	{"enable", "Enable", 240, false, WANT_PRESENT, false, false, false, apply},
	{"disable", "Disable", 840, true, WANT_PRESENT, false, true, false, keep},
	{"uninstall", "Uninstall", 240, true, WANT_ABSENT, false, false, false, revert},
	{"update", "Update", 840, false, WANT_PRESENT, true, false, true, update},
};
/* clang-format on */

static int start(struct job *job, struct err *err)
{
	struct session *session = &job->session;
	const char *folder = session->environment.log_folder;
	struct err ignored = {0};

	job->table =
		job->command->tables[handler_source(job->sys, &session->settings, job->verb->want)];
	job->results = calloc(job->table.count, sizeof(*job->results));
	if (!job->results)
		return err_oom(err);
	if (folder)
		session->machine.log_fd =
			files_open_log(job->sys, folder, "packages.log", &ignored);
	session->machine.backend_later = job->verb->then_enable;
	if (session_start(session, job->command->folder, job->command->version, err) < 0)
		return -err->code;
	session->extension.enable_follows = job->verb->then_enable;
	(void)log_level_parse(session->machine.conf.log_level, &job->log.level);
	return 0;
}

/* Everything that may take time. */
static int work(struct job *job, struct err *err)
{
	int r;

	if (job->verb->passive)
		return job->verb->work(job, err);
	r = take_lock(job, err);
	if (r == 0)
		r = break_seal(job, err);
	if (r < 0)
		return r;
	read_state(job);
	r = session_parse(&job->session, err);
	if (r < 0 && job->verb->tolerant) {
		job_mention(job, "going on with default settings", err);
		*err = (struct err){0};
		r = 0;
	}
	if (r == 0)
		r = start(job, err);
	return r < 0 ? r : job->verb->work(job, err);
}

/* ---- after the work */

static void remember_steps(struct job *job)
{
	struct state *state = &job->state;

	state->step_count = 0;
	for (size_t i = 0; i < job->table.count && i < STATE_STEPS_MAX; i++) {
		struct state_step *step;

		if (!step_applies(job->table.steps[i], &job->session.machine))
			continue;
		step = &state->steps[state->step_count++];
		(void)snprintf(step->name, sizeof(step->name), "%s", job->table.steps[i]->name);
		(void)snprintf(step->result, sizeof(step->result), "%s",
			       step_state_name(job->results[i].state));
	}
}

static void remember(struct job *job, int code, const char *message)
{
	struct state *state = &job->state;
	struct err err = {0};

	if (job->lock < 0 || job->no_state)
		return;
	state->code = code;
	state->time_s = sys_realtime_s(job->sys);
	state->sequence = job->session.sequence < 0 ? 0 : job->session.sequence;
	(void)snprintf(state->verb, sizeof(state->verb), "%s", job->verb->name);
	ascii_text(message, state->message, sizeof(state->message));
	if (job->ran)
		remember_steps(job);
	if (state_write(job->sys, state, &err) == 0)
		return;
	job_mention(job, "cannot remember the outcome", &err);
	job->unchanged = false;
}

/* What the machine has too little of, wherever that was noticed, if nobody knew better. */
static int choose_shortage(struct err *err)
{
	static const struct {
		int code;
		const char *remedy;
	} shortages[] = {
		{ENOSPC, "free some space on that disk, and try again"},
		{EDQUOT, "free some space on that disk, and try again"},
		{EROFS, "make that disk writable, and try again"},
		{ENOMEM, "free some memory, and try again"},
		{EMFILE, "raise the limit of open files, and try again"},
		{ENFILE, "raise the limit of open files, and try again"},
	};

	for (size_t i = 0; i < ARRAY_LEN(shortages) && !err->remedy[0]; i++)
		if (err->code == shortages[i].code)
			(void)err_remedy(err, EXIT_DEPENDENCY, "%s", shortages[i].remedy);
	return err->outcome ? err->outcome : EXIT_VERIFY;
}

static int choose_code(const struct job *job, struct err *err)
{
	if (err->code == 0)
		return EXIT_OK;
	if (job->late) {
		err->remedy[0] = '\0';
		return EXIT_DEADLINE;
	}
	return choose_shortage(err);
}

static void send_event(struct job *job, int code, const char *message)
{
	char operation[24];
	const struct event event = {
		.version = job->command->version,
		.task = job->verb->name,
		.operation = operation,
		.message = message,
		.failed = code != EXIT_OK,
	};
	struct err ignored = {0};

	(void)snprintf(operation, sizeof(operation), "%lld", (long long)job->session.sequence);
	if (job->session.environment.events_folder)
		(void)files_put_event(job->sys, job->session.environment.log_folder,
				      job->session.environment.events_folder, &event, &ignored);
}

static int finish(struct job *job, struct err *err)
{
	int code = choose_code(job, err);
	const struct outcome *outcome = outcome_find(code);
	const char *cause = code ? err->msg : job->message;
	const char *remedy = code == EXIT_OK ? "" : err->remedy[0] ? err->remedy : outcome->remedy;
	char line[ERR_MSG_MAX + ERR_REMEDY_MAX + 64];

	status_warn(job->results, job->ran ? job->table.count : 0, job->message);
	if (code == EXIT_OK)
		(void)snprintf(line, sizeof(line), "%s: %s", job->verb->name, cause);
	else
		(void)snprintf(line, sizeof(line), "error %d %s: %s. %s", code, outcome->name,
			       cause, remedy);
	job_say(job->command->out, line);
	if (code)
		job_say(job->command->err, line);
	log_line(&job->log, code ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "%s", line);
	remember(job, code, cause);
	if (!job->verb->passive || !job_is_terminal(job_standing(job)))
		job_publish(job, code ? STATUS_ERROR : STATUS_SUCCESS, code, cause, remedy);
	if (job->unchanged)
		inforce_seal(job);
	send_event(job, code, line);
	return code;
}

/* A status that stays may be all that people see for minutes; the log has it in each case. */
static void tell_waiting(void *arg, const char *what)
{
	struct job *job = arg;
	struct witness *witness = job->sys->witness;
	char text[ERR_MSG_MAX + 32];

	job->sys->witness = NULL; /* what is told is not what a step looked at */
	(void)snprintf(text, sizeof(text), "Waiting: %s", what);
	log_line(&job->log, LOG_LEVEL_INFO, "%s", text);
	if (!job->verb->passive && !job_is_terminal(job_standing(job)))
		job_publish(job, STATUS_TRANSITIONING, EXIT_OK, text, "");
	job->sys->witness = witness;
}

static void tell_spent(void *arg, const char *on, int64_t ns)
{
	const struct job *job = arg;

	log_line(&job->log, LOG_LEVEL_DEBUG, "%s took %.3f ms", on, (double)ns / 1e6);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int verb_run(struct sys *sys, const struct command *command)
{
	CLEANUP(job_done)
	struct job job = {
		.verb = find_verb(command->verb),
		.command = command,
		.sys = sys,
		.session = SESSION_INIT(sys),
		.log = LOG_INIT,
		.lock = -1,
	};
	struct err err = {0};

	assert(job.verb);
	sys->deadline_ns = sys->ops->boottime_ns(sys) + job.verb->deadline_s * 1000000000LL;
	sys->waiting = tell_waiting;
	sys->spent = tell_spent;
	sys->waiting_arg = &job;
	if (prepare(&job, &err) == 0 && strcmp(command->verb, "enable") == 0 && inforce_tell(&job))
		return EXIT_OK;
	open_log(&job);
	if (err.code && job.verb->tolerant) {
		job_mention(&job, "going on with default settings", &err);
		err = (struct err){0};
	}
	if (!job.verb->passive && (job.verb->heir || !job_is_terminal(job_standing(&job))))
		job_publish(&job, STATUS_TRANSITIONING, EXIT_OK, "The work has begun", "");
	if (err.code == 0)
		(void)work(&job, &err);
	return finish(&job, &err);
}
