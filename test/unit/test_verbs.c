/* SPDX-License-Identifier: MIT */
/* The verbs over a table of three steps, each of which wants one file in /etc. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/seal.h"
#include "handler/state.h"
#include "handler/status.h"
#include "handler/verbs.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "lib/sys/lock.h"
#include "test/unit/scratch.h"

#define OLD "/lib/waagent/P.T-1.0.0.0"
#define NEW "/lib/waagent/P.T-2.0.0.0"
#define LOG "/log/P.T"
#define SETTINGS(public)                                                                           \
	"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":" public "}}]}"

static struct scratch scratch;
static char order[64]; /* which steps were planned, a letter each, capital for taking away */
static bool reload_fails; /* when something is taken away */
static int shortage; /* errno value with which the failing step fails, 0: the usual */
static char failing; /* the step that fails after its change, 0: none */
static int64_t now_ns;
static int64_t step_takes_ns;
static enum status_value seen; /* what stood while the steps were at work */
static const char *status_watched; /* the folder where it stood */
static const char *waited_for; /* what the steps wait for, NULL: nothing */
static bool backend_later; /* as the steps were told */
static const char *warning; /* what the step b warns of, NULL: nothing */
static enum gravity warning_gravity;
static bool warning_is_unseen; /* no path tells of it */
static bool asks_roles; /* there is a service to ask */
static bool wait_was_told; /* in the status, while it lasted */
static char out[4096], notes[4096]; /* standard output and error of the last verb */

/* ---- the steps */

static int reload(struct machine *m, struct err *err)
{
	(void)m;
	return err_set(err, EIO, "sshd refuses its configuration");
}

static int plan(struct machine *m, enum want want, const char *name, struct changes *ret,
		struct err *err)
{
	const struct fs_meta meta = {.mode = 0644, .uid = m->sys->owner, .gid = getegid()};
	struct witness *witness = m->sys->witness;
	char path[32];

	(void)snprintf(path, sizeof(path), "/etc/%s", name);
	(void)snprintf(order + strlen(order), 2, "%c", want == WANT_PRESENT ? *name : *name - 32);
	backend_later = m->backend_later;
	if (asks_roles && !m->conf.resource_id) {
		m->conf.role_backend = BACKEND_ARM;
		m->conf.resource_id = strdup("/subscriptions/s");
		m->conf.resource_manager = strdup("https://arm.invalid");
	}
	m->sys->witness = NULL; /* this look is the test's own */
	seen = status_standing(m->sys, status_watched, 3);
	m->sys->witness = witness;
	if (waited_for) {
		AUTO_FREE char *text = NULL;

		m->sys->waiting(m->sys->waiting_arg, waited_for);
		assert_ptr_equal(m->sys->witness, witness);
		text = scratch_text(&scratch, OLD "/status/3.status");
		wait_was_told = text && strstr(text, waited_for);
	}
	if (want == WANT_ABSENT) {
		int r = changes_remove(m, ret, path, err);

		now_ns += step_takes_ns;
		if (r == 0 && ret->count && reload_fails)
			r = changes_call(ret, "reload", reload, NULL, err);
		return r;
	}
	return changes_write(m, ret, path, SPAN_LIT("ours\n"), &meta, err);
}

static int prove(struct machine *m, char name, struct err *err)
{
	now_ns += step_takes_ns;
	sys_spent(m->sys, "/bin/true and more", 9, now_ns - 1234567);
	if (name == 'b' && warning)
		machine_warn(m, warning_gravity, "%s", warning);
	if (name == 'b' && warning && warning_is_unseen)
		witness_doubt(m->sys);
	if (name != failing)
		return 0;
	if (shortage)
		return err_set(err, shortage, "write /etc/b");
	(void)err_set(err, EIO, "sshd says no");
	return err_remedy(err, 0, "mend it");
}

#define STEP(letter, code)                                                                         \
	static int plan_##letter(struct machine *m, enum want want, struct changes *ret,           \
				 struct err *err)                                                  \
	{                                                                                          \
		return plan(m, want, #letter, ret, err);                                           \
	}                                                                                          \
	static int prove_##letter(struct machine *m, struct err *err)                              \
	{                                                                                          \
		return prove(m, #letter[0], err);                                                  \
	}                                                                                          \
	static const struct step step_##letter = {.name = #letter,                                 \
						  .purpose = "a file",                             \
						  .exit_code = code,                               \
						  .plan = plan_##letter,                           \
						  .prove = prove_##letter}

STEP(a, EXIT_UNSUPPORTED);
STEP(b, EXIT_SSHD);
STEP(c, EXIT_VERIFY);

static const struct step *const steps[] = {&step_a, &step_b, &step_c};
static const struct step_table tables[PACKAGE_SOURCES] = {
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
};

/* ---- the machine */

static int64_t boottime_ns(struct sys *sys)
{
	(void)sys;
	return now_ns;
}

static int64_t realtime_ns(struct sys *sys)
{
	(void)sys;
	return 1709208000 * INT64_C(1000000000) + now_ns;
}

static void sleep_ms(struct sys *sys, int64_t ms)
{
	(void)sys;
	now_ns += ms * 1000000;
}

static int no_program(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		      struct err *err)
{
	(void)sys;
	(void)spec;
	(void)ret;
	(void)err;
	fail_msg("a program was started");
	return -ENOSYS;
}

static int no_request(struct sys *sys, const struct http_request *requests, size_t count,
		      struct http_response *ret, struct err *err)
{
	(void)sys;
	(void)requests;
	(void)count;
	(void)ret;
	(void)err;
	fail_msg("a request was sent");
	return -ENOSYS;
}

/* What the guest agent makes before it runs a command. */
static void unpack(const char *folder, const char *settings)
{
	char path[256], text[512];

	(void)snprintf(path, sizeof(path), "%s/HandlerEnvironment.json", folder);
	(void)snprintf(text, sizeof(text),
		       "[{\"handlerEnvironment\":{\"logFolder\":\"" LOG "\",\"configFolder\":"
		       "\"%s/config\",\"statusFolder\":\"%s/status\",\"eventsFolder\":\"" LOG
		       "/events\"}}]",
		       folder, folder);
	scratch_write(&scratch, path, text, 0600);
	(void)snprintf(path, sizeof(path), "%s/config/3.settings", folder);
	scratch_write(&scratch, path, settings, 0600);
}

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch.ops.boottime_ns = boottime_ns;
	scratch.ops.realtime_ns = realtime_ns;
	scratch.ops.sleep_ms = sleep_ms;
	scratch.ops.run = no_program;
	scratch.ops.http = no_request;
	now_ns = 5000000000;
	step_takes_ns = 0;
	failing = 0;
	shortage = 0;
	reload_fails = false;
	warning = NULL;
	warning_gravity = GRAVITY_NOTE;
	warning_is_unseen = false;
	asks_roles = false;
	status_watched = OLD "/status";
	scratch_mkdir(&scratch, "/etc", 0755);
	scratch_mkdir(&scratch, "/var/lib", 0755);
	scratch_mkdir(&scratch, LOG "/events", 0700);
	scratch_write(&scratch, "/proc/sys/kernel/random/boot_id",
		      "0b8b1c1e-9d3c-4f3b-8f8e-0123456789ab\n", 0444);
	unpack(OLD, SETTINGS("{}"));
	unpack(NEW, SETTINGS("{}"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void read_all(int fd, char *ret, size_t size)
{
	ssize_t n = pread(fd, ret, size - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	(void)close(fd);
}

static int run_command(struct command command)
{
	int code;

	command.tables = tables;
	command.out = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	command.err = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	order[0] = '\0';
	seen = STATUS_NONE;
	code = verb_run(&scratch.sys, &command);
	assert_null(scratch.sys.witness);
	read_all(command.out, out, sizeof(out));
	read_all(command.err, notes, sizeof(notes));
	return code;
}

static int run(const char *verb)
{
	return run_command((struct command){
		.verb = verb, .folder = OLD, .version = "1.0.0.0", .sequence = "3"});
}

static int run_new(const char *verb)
{
	return run_command((struct command){.verb = verb,
					    .folder = NEW,
					    .version = "2.0.0.0",
					    .sequence = "3",
					    .new_version = "2.0.0.0"});
}

static bool there(const char *path)
{
	struct err ignored = {0};
	struct stat st;

	return fs_lstat(&scratch.sys, path, &st, &ignored) == 0;
}

static void remember(struct state *ret)
{
	struct err err = {0};

	if (state_read(&scratch.sys, ret, &err) < 0)
		fail_msg("%s", err.msg);
}

static void assert_owner(const char *version)
{
	struct state state = {0};

	remember(&state);
	assert_string_equal(state.owner, version);
}

static void assert_text(const char *path, const char *part)
{
	AUTO_FREE char *text = scratch_text(&scratch, path);

	if (!text || !strstr(text, part))
		fail_msg("%s holds %s", path, text ? text : "nothing");
}

static void assert_said(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- install */

static void install_applies_in_order_and_tells(void **state)
{
	struct state known = {0};

	(void)state;
	assert_int_equal(run("install"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_true(there("/etc/a") && there("/etc/b") && there("/etc/c"));
	assert_int_equal(seen, STATUS_TRANSITIONING);
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_SUCCESS);
	assert_text(OLD "/status/3.status", "\"changed (0 ms): write /etc/b\"");
	assert_text(OLD "/mrseq", "3");
	assert_text(LOG "/handler.log", "b: changed in 0 ms: write /etc/b");
	assert_said(out, "install: Sign-in with Entra ID over SSH is in force, version 1.0.0.0: 3 "
			 "steps, 3 changed\n");
	assert_string_equal(notes, "");
	remember(&known);
	assert_string_equal(known.owner, "1.0.0.0");
	assert_string_equal(known.verb, "install");
	assert_int_equal(known.sequence, 3);
	assert_int_equal(known.step_count, 3);
	assert_string_equal(known.steps[1].name, "b");
	assert_string_equal(known.steps[1].result, "changed");
}

static void a_failed_step_undoes_the_run_and_tells_why(void **state)
{
	struct state known = {0};
	static const char line[] = "error 25 sshd-refused: sshd says no. mend it\n";

	(void)state;
	failing = 'b';
	assert_int_equal(run("install"), EXIT_SSHD);
	assert_string_equal(order, "ab");
	assert_false(there("/etc/a") || there("/etc/b") || there("/etc/c"));
	assert_string_equal(out, line);
	assert_string_equal(notes, line);
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_ERROR);
	assert_text(OLD "/status/3.status", "\"sshd says no\\nmend it\"");
	assert_text(OLD "/status/3.status", "\"code\": 25");
	assert_text(OLD "/status/3.status", "undone");
	assert_false(there(OLD "/mrseq"));
	remember(&known);
	assert_string_equal(known.owner, "");
	assert_int_equal(known.code, EXIT_SSHD);
	assert_string_equal(known.message, "sshd says no");
}

static void a_failure_does_not_move_ownership(void **state)
{
	(void)state;
	assert_int_equal(run("install"), EXIT_OK);
	failing = 'c';
	assert_int_equal(run_new("update"), EXIT_VERIFY);
	assert_owner("1.0.0.0");
	assert_true(there("/etc/c"));
}

static void each_verb_that_ends_sends_an_event(void **state)
{
	AUTO_NAMES names = NULL;
	struct err err = {0};
	char path[300];

	(void)state;
	assert_int_equal(run("install"), EXIT_OK);
	assert_int_equal(fs_list(&scratch.sys, LOG "/events", &names, &err), 0);
	assert_non_null(names[0]);
	(void)snprintf(path, sizeof(path), LOG "/events/%s", names[0]);
	assert_text(path, "\"TaskName\": \"install\"");
}

static void a_terminal_status_is_not_hidden_by_transitioning(void **state)
{
	(void)state;
	failing = 'c';
	assert_int_equal(run("install"), EXIT_VERIFY);
	failing = 0;
	assert_int_equal(run("install"), EXIT_OK);
	assert_int_equal(seen, STATUS_ERROR);
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_SUCCESS);
}

static void a_long_wait_is_told_while_it_lasts(void **state)
{
	(void)state;
	waited_for = "process 7 (apt-get) holds a lock";
	assert_int_equal(run("install"), EXIT_OK);
	assert_true(wait_was_told);
	assert_int_equal(seen, STATUS_TRANSITIONING);
	assert_text(LOG "/handler.log", "Waiting: process 7 (apt-get) holds a lock");
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_SUCCESS);
	assert_null(scratch.sys.waiting);
	/* A status that ended something stands. */
	assert_int_equal(run("install"), EXIT_OK);
	assert_false(wait_was_told);
	assert_int_equal(seen, STATUS_SUCCESS);
	waited_for = NULL;
}

/* ---- enable */

/* Everything that a write would change, of the whole scratch machine. */
static uint64_t picture;

static int look(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const struct timespec *times[] = {&st->st_mtim, &st->st_ctim};

	(void)type;
	if (ftw->level == 0)
		return 0; /* where the test's own temporary files are */
	for (const char *c = path; *c; c++)
		picture = picture * 1099511628211u + (unsigned char)*c;
	for (int i = 0; i < 2; i++)
		picture = (picture * 1099511628211u + (uint64_t)times[i]->tv_sec) * 1099511628211u +
			  (uint64_t)times[i]->tv_nsec;
	picture = (picture * 1099511628211u + st->st_ino) * 1099511628211u + (uint64_t)st->st_size;
	return 0;
}

static uint64_t take_picture(void)
{
	picture = 14695981039346656037u;
	assert_int_equal(nftw(scratch.dir, look, 16, FTW_PHYS), 0);
	return picture;
}

/* install, and the first enable, which looks at everything once more. */
static void install_and_enable(void)
{
	assert_int_equal(run("install"), EXIT_OK);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_said(out, "0 changed");
}

static void enable_with_nothing_to_do_writes_nothing(void **state)
{
	uint64_t before;

	(void)state;
	install_and_enable();
	before = take_picture();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(run("enable"), EXIT_OK);
		assert_string_equal(order, "");
		assert_said(out, "nothing to do");
		assert_true(take_picture() == before);
	}
}

static void enable_repairs_what_drifted(void **state)
{
	(void)state;
	install_and_enable();
	assert_true(there(SEAL_PATH));
	scratch_write(&scratch, "/etc/b", "theirs\n", 0644);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_said(out, "1 changed");
	assert_text("/etc/b", "ours");
	assert_false(there(SEAL_PATH));
	/* What was seen before the repair proves nothing: one more look, then silence. */
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "");
}

/* The agent runs enable after each of them. */
static void the_role_backend_is_left_to_enable(void **state)
{
	(void)state;
	assert_int_equal(run("install"), EXIT_OK);
	assert_true(backend_later);
	assert_int_equal(run("install"), EXIT_OK);
	assert_said(out, "0 changed");
	assert_true(backend_later);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_false(backend_later);
	assert_int_equal(run_new("update"), EXIT_OK);
	assert_true(backend_later);
	assert_int_equal(run_new("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_false(backend_later);
}

static void the_log_tells_on_what_the_time_was_spent(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	assert_int_equal(run("install"), EXIT_OK);
	text = scratch_text(&scratch, LOG "/handler.log");
	assert_null(strstr(text, "took"));
	scratch_write(&scratch, OLD "/config/3.settings", SETTINGS("{\"logLevel\":\"debug\"}"),
		      0600);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_text(LOG "/handler.log", " debug /bin/true took 1.235 ms\n");
}

static void other_settings_are_looked_at(void **state)
{
	(void)state;
	install_and_enable();
	scratch_write(&scratch, OLD "/config/3.settings", SETTINGS("{\"logLevel\":\"debug\"}"),
		      0600);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
}

static void a_status_that_could_not_be_written_is_written_later(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(run("install"), EXIT_OK);
	assert_int_equal(fs_remove(&scratch.sys, OLD "/status/3.status", &err), 0);
	scratch_mkdir(&scratch, OLD "/status/3.status", 0700); /* in its way */
	assert_int_equal(run("enable"), EXIT_OK);
	assert_said(notes, "cannot publish the status");
	assert_int_equal(fs_rmdir(&scratch.sys, OLD "/status/3.status", &err), 0);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_said(out, "nothing to do");
	assert_text(OLD "/status/3.status", "\"success\"");
}

/* A new goal state, with the settings of before. */
static int run_next(const char *verb)
{
	scratch_write(&scratch, OLD "/config/4.settings", SETTINGS("{}"), 0600);
	return run_command((struct command){
		.verb = verb, .folder = OLD, .version = "1.0.0.0", .sequence = "4"});
}

static void a_new_sequence_number_gets_its_status(void **state)
{
	(void)state;
	install_and_enable();
	assert_int_equal(run_next("enable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 4), STATUS_SUCCESS);
	assert_text(OLD "/mrseq", "4");
}

/* A substatus of each step, and the warnings of the step b. */
static void assert_told(const char *path)
{
	AUTO_FREE char *text = scratch_text(&scratch, path);
	AUTO_JSON *json = NULL;
	struct err err = {0};
	json_t *list;

	assert_non_null(text);
	assert_int_equal(json_parse(span_of(text), path, &json, &err), 0);
	list = json_object_get(json_object_get(json_array_get(json, 0), "status"), "substatus");
	assert_int_equal(json_array_size(list), ARRAY_LEN(steps));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const char *name = NULL, *value = NULL, *words = NULL;

		assert_int_equal(json_unpack(json_array_get(list, i), "{s:s, s:s, s:{s:s}}", "name",
					     &name, "status", &value, "formattedMessage", "message",
					     &words),
				 0);
		assert_string_equal(name, steps[i]->name);
		assert_string_equal(value, *name == 'b' && warning ? "warning" : "success");
		assert_said(words, *name == 'b' && warning ? warning : "ok (0 ms)");
	}
}

static void a_new_status_names_the_warnings_that_hold(void **state)
{
	(void)state;
	warning = "line 7 keeps bob out; or 100% of all";
	install_and_enable();
	assert_told(OLD "/status/3.status");
	assert_int_equal(run_next("enable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_told(OLD "/status/4.status");
	scratch_write(&scratch, OLD "/status/3.status", "", 0600);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_told(OLD "/status/3.status");
}

/* What may ask for roles today may not tomorrow. */
static void a_new_goal_state_asks_for_roles_again(void **state)
{
	(void)state;
	asks_roles = true;
	install_and_enable();
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "");
	warning = "nobody can sign in: give it a role";
	warning_gravity = GRAVITY_SHUT;
	assert_int_equal(run_next("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_text(OLD "/status/4.status", "0 changed. Warning (b): nobody can");
}

/* az and policies see the message alone. */
static void the_message_tells_a_warning_that_people_must_act_upon(void **state)
{
	(void)state;
	warning = "nobody can sign in: give it a role";
	assert_int_equal(run("install"), EXIT_OK);
	assert_text(OLD "/status/3.status", "3 steps, 3 changed\"");
	warning_gravity = GRAVITY_SHUT;
	assert_int_equal(run("enable"), EXIT_OK);
	assert_said(out, "0 changed. Warning (b): nobody can sign in: give it a role\n");
	assert_text(OLD "/status/3.status",
		    "\"message\": \"Sign-in with Entra ID over SSH is in force, version 1.0.0.0: 3 "
		    "steps, 0 changed. Warning (b): nobody can sign in: give it a role\"");
	assert_int_equal(run_next("enable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_said(out, "nothing to do. Warning (b): nobody can sign in: give it a role\n");
	assert_text(OLD "/status/4.status", "nothing to do. Warning (b): nobody can");
	failing = 'c';
	scratch_write(&scratch, "/etc/b", "theirs\n", 0644);
	assert_int_equal(run("enable"), EXIT_VERIFY);
	assert_said(out, "error 21 verification-failed: sshd says no. mend it\n");
}

static void a_new_status_names_each_step_when_none_warns(void **state)
{
	(void)state;
	install_and_enable();
	assert_int_equal(run_next("enable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_told(OLD "/status/4.status");
}

/* disable looks at nothing, and so has nothing to say of the steps. */
static void what_disable_told_does_not_stand_for_enable(void **state)
{
	(void)state;
	warning = "line 7 keeps bob out";
	install_and_enable();
	assert_int_equal(run_next("disable"), EXIT_OK);
	assert_int_equal(run_next("enable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_told(OLD "/status/4.status");
}

static void a_warning_that_no_path_tells_of_is_asked_for_each_time(void **state)
{
	(void)state;
	warning = "the identity may not read roles";
	warning_is_unseen = true;
	install_and_enable();
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_told(OLD "/status/3.status");
	warning = NULL;
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_told(OLD "/status/3.status");
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "");
}

static void a_seal_of_steps_that_there_are_not_is_none(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	install_and_enable();
	text = scratch_text(&scratch, SEAL_PATH);
	assert_non_null(text);
	*(strstr(text, "\nsaid b ") + 6) = 'x';
	scratch_write(&scratch, SEAL_PATH, text, 0600);
	assert_int_equal(run_next("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_told(OLD "/status/4.status");
}

static void a_status_that_was_lost_is_written_again(void **state)
{
	(void)state;
	install_and_enable();
	scratch_write(&scratch, OLD "/status/3.status", "", 0600);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_SUCCESS);
}

static void after_a_failure_enable_looks_again(void **state)
{
	(void)state;
	install_and_enable();
	scratch_write(&scratch, "/etc/a", "theirs\n", 0644);
	failing = 'a';
	assert_int_equal(run("enable"), EXIT_UNSUPPORTED);
	failing = 0;
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
}

static void a_corrupt_state_is_mentioned_and_stops_nothing(void **state)
{
	(void)state;
	install_and_enable();
	scratch_write(&scratch, STATE_PATH, "{\"schema\":1,", 0600);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
	assert_said(notes, "note: what was remembered is lost");
	assert_owner("1.0.0.0");
}

/* ---- update and uninstall */

static void update_hands_over_and_the_old_uninstall_takes_nothing(void **state)
{
	(void)state;
	install_and_enable();
	assert_int_equal(run("disable"), EXIT_OK);
	assert_int_equal(run_new("update"), EXIT_OK);
	assert_owner("2.0.0.0");
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_string_equal(order, "");
	assert_said(out, "Version 2.0.0.0 is in force; version 1.0.0.0 takes nothing away");
	assert_true(there("/etc/a"));
	assert_owner("2.0.0.0");
	assert_text(STATE_PATH, "\"verb\":\"update\"");
	assert_int_equal(run_new("enable"), EXIT_OK);
	assert_int_equal(run_new("uninstall"), EXIT_OK);
	assert_false(there("/etc/a"));
}

static void the_old_uninstall_takes_away_what_a_failed_update_left(void **state)
{
	(void)state;
	install_and_enable();
	assert_int_equal(run_new("update"), EXIT_OK);
	assert_owner("2.0.0.0");
	scratch_write(&scratch, NEW "/config/HandlerState", "NotInstalled", 0600);
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_true(there("/etc/a"));
	scratch_write(&scratch, NEW "/config/HandlerState", "FailedUpgrade", 0600);
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_string_equal(order, "CBA");
	assert_false(there("/etc/a") || there(STATE_DIR));
}

static void an_update_hides_the_status_of_the_version_before(void **state)
{
	struct err err = {0};
	AUTO_FREE char *copy = NULL;

	(void)state;
	install_and_enable();
	copy = scratch_text(&scratch, OLD "/status/3.status");
	assert_int_equal(fs_remove(&scratch.sys, OLD "/status/3.status", &err), 0);
	scratch_write(&scratch, NEW "/status/3.status", copy, 0600);
	status_watched = NEW "/status";
	assert_int_equal(run_new("update"), EXIT_OK);
	assert_int_equal(seen, STATUS_TRANSITIONING);
	assert_int_equal(status_standing(&scratch.sys, NEW "/status", 3), STATUS_SUCCESS);
	assert_int_equal(run_new("install"), EXIT_OK);
	assert_int_equal(seen, STATUS_SUCCESS);
}

static void a_downgrade_changes_nothing_but_the_owner(void **state)
{
	(void)state;
	assert_int_equal(run_new("install"), EXIT_OK);
	assert_int_equal(run_command((struct command){.verb = "update",
						      .folder = NEW,
						      .version = "2.0.0.0",
						      .sequence = "3",
						      .new_version = "1.0.0.0"}),
			 EXIT_OK);
	assert_string_equal(order, "");
	assert_owner("1.0.0.0");
	assert_int_equal(run_new("uninstall"), EXIT_OK);
	assert_true(there("/etc/a"));
	assert_int_equal(run("install"), EXIT_OK);
	assert_owner("1.0.0.0");
}

static void what_the_higher_version_saw_proves_nothing_to_the_lower(void **state)
{
	(void)state;
	assert_int_equal(run_new("install"), EXIT_OK);
	assert_int_equal(run_new("enable"), EXIT_OK);
	assert_int_equal(run_command((struct command){.verb = "update",
						      .folder = NEW,
						      .version = "2.0.0.0",
						      .sequence = "3",
						      .new_version = "1.0.0.0"}),
			 EXIT_OK);
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "abc");
}

static void a_version_that_is_none_is_refused(void **state)
{
	(void)state;
	assert_int_equal(run_command((struct command){.verb = "update",
						      .folder = NEW,
						      .version = "2.0.0.0",
						      .sequence = "3",
						      .new_version = "../../x"}),
			 EXIT_SETTINGS);
	assert_string_equal(order, "");
}

static void uninstall_walks_up_and_leaves_nothing(void **state)
{
	(void)state;
	install_and_enable();
	scratch_write(&scratch, STATE_DIR "/original/x", "", 0600);
	scratch_write(&scratch, STATE_DIR "/users", "", 0600);
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_string_equal(order, "CBA");
	assert_false(there("/etc/a") || there("/etc/b") || there("/etc/c"));
	assert_false(there(STATE_DIR));
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_SUCCESS);
}

static void uninstall_keeps_the_ledger_of_users(void **state)
{
	(void)state;
	install_and_enable();
	scratch_write(&scratch, STATE_DIR "/users", "a@contoso.com\n", 0600);
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_text(STATE_DIR "/users", "a@contoso.com");
	assert_false(there(STATE_PATH) || there(STATE_DIR "/lock"));
	assert_int_equal(run_command((struct command){.verb = "uninstall",
						      .folder = OLD,
						      .version = "1.0.0.0",
						      .sequence = "3",
						      .purge = true}),
			 EXIT_OK);
	assert_false(there(STATE_DIR));
}

static void uninstall_twice_succeeds(void **state)
{
	(void)state;
	install_and_enable();
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_false(there(STATE_DIR));
}

static void uninstall_needs_neither_settings_nor_environment(void **state)
{
	(void)state;
	install_and_enable();
	scratch_write(&scratch, OLD "/config/3.settings", SETTINGS("{\"nonsense\":1}"), 0600);
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_said(notes, "note: going on with default settings: unknown public setting");
	assert_false(there("/etc/a"));
	scratch_write(&scratch, OLD "/config/3.settings", SETTINGS("{}"), 0600);
	install_and_enable();
	assert_int_equal(fs_remove(&scratch.sys, OLD "/HandlerEnvironment.json", &(struct err){0}),
			 0);
	assert_int_equal(run("uninstall"), EXIT_OK);
	assert_false(there("/etc/a"));
}

static void what_is_off_is_forgotten_though_a_reload_failed(void **state)
{
	(void)state;
	install_and_enable();
	reload_fails = true;
	assert_int_equal(run("uninstall"), EXIT_VERIFY);
	assert_said(out, "error 21 verification-failed: sshd refuses its configuration. ");
	assert_false(there("/etc/a") || there("/etc/b") || there("/etc/c"));
	assert_false(there(STATE_DIR));
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_ERROR);
}

/* ---- disable */

static void disable_changes_nothing(void **state)
{
	(void)state;
	install_and_enable();
	assert_int_equal(run("disable"), EXIT_OK);
	assert_string_equal(order, "");
	assert_true(there("/etc/a"));
	assert_int_equal(run("enable"), EXIT_OK);
	assert_string_equal(order, "");
}

static void disable_hides_no_failure(void **state)
{
	(void)state;
	failing = 'b';
	assert_int_equal(run("install"), EXIT_SSHD);
	assert_int_equal(run("disable"), EXIT_OK);
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_ERROR);
}

static void disable_never_fails(void **state)
{
	struct err err = {0};
	AUTO_CLOSE int lock = -1;

	(void)state;
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	lock = lock_take(&scratch.sys, STATE_DIR "/lock", "somebody", 0, &err);
	assert_true(lock >= 0);
	scratch_write(&scratch, OLD "/config/3.settings", "garbage", 0600);
	assert_int_equal(run("disable"), EXIT_OK);
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_SUCCESS);
	assert_int_equal(fs_remove_tree(&scratch.sys, OLD, &err), 0);
	assert_int_equal(run("disable"), EXIT_OK);
}

/* ---- lock and deadline */

static void a_held_lock_is_waited_for_and_named(void **state)
{
	struct err err = {0};
	AUTO_CLOSE int lock = -1;
	int64_t start = now_ns;

	(void)state;
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	lock = lock_take(&scratch.sys, STATE_DIR "/lock", "process 17 (a)", 0, &err);
	assert_true(lock >= 0);
	assert_int_equal(run("enable"), EXIT_LOCK);
	assert_string_equal(order, "");
	assert_said(out, "error 26 lock-held: " STATE_DIR "/lock is held by process 17 (a). ");
	assert_text(LOG "/handler.log", "Waiting: " STATE_DIR "/lock is held by process 17 (a)");
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_ERROR);
	assert_true((now_ns - start) / 1000000000 >= 60 && (now_ns - start) / 1000000000 <= 239);
}

static int synced;

/* In libc's place. */
int syncfs(int fd)
{
	assert_true(fd >= 0);
	assert_string_equal(order, "");
	synced++;
	return 0;
}

/* Found as wanted, what a killed run renamed is not written again: it must be on the disk before.
 */
static void what_a_killed_run_did_is_on_the_disk_before_it_is_looked_at(void **state)
{
	struct err err = {0};
	int killed;

	(void)state;
	synced = 0;
	scratch_mkdir(&scratch, "/etc", 0755);
	assert_int_equal(run("enable"), EXIT_OK);
	order[0] = '\0';
	assert_int_equal(run("enable"), EXIT_OK);
	assert_int_equal(synced, 0);
	killed = lock_take(&scratch.sys, STATE_DIR "/lock", "process 17 (a)", 0, &err);
	assert_true(killed >= 0);
	(void)close(killed);
	order[0] = '\0';
	assert_int_equal(run("install"), EXIT_OK);
	assert_int_equal(synced, 3); /* what is there of four */
	assert_int_equal(run("install"), EXIT_OK);
	assert_int_equal(synced, 3);
}

static void slow_work_ends_at_the_deadline(void **state)
{
	(void)state;
	step_takes_ns = 150000000000;
	assert_int_equal(run("enable"), EXIT_DEADLINE);
	assert_string_equal(order, "ab");
	assert_false(there("/etc/a"));
	assert_said(out, "error 27 deadline: the time was up before c");
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_ERROR);
	assert_int_equal(run("install"), EXIT_OK); /* which has more time */
}

static void slow_removal_ends_before_the_agents_limit(void **state)
{
	int64_t start;

	(void)state;
	install_and_enable();
	start = now_ns;
	step_takes_ns = 125000000000;
	assert_int_equal(run("uninstall"), EXIT_DEADLINE);
	assert_true(now_ns - start < 300000000000);
	assert_owner("1.0.0.0");
	assert_text(STATE_PATH, "\"partlyRemoved\":true");
	step_takes_ns = 0;
	assert_int_equal(run("enable"), EXIT_OK);
	assert_text(STATE_PATH, "\"partlyRemoved\":false");
}

/* ---- bad input */

static void settings_that_are_wrong_get_an_error_status(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"garbage", "the settings file is not valid JSON"},
		{SETTINGS("{\"identitywait\":1}"), "the nearest known one is identityWait"},
		{SETTINGS("{\"identityWait\":\"1\"}"), "identityWait is the string \\\"1\\\", expected an integer"},
		{"{\"runtimeSettings\":[{\"handlerSettings\":{\"protectedSettings\":\"QUJD\","
		 "\"protectedSettingsCertThumbprint\":\"0123456789ABCDEF0123456789ABCDEF01234567\"}}]}",
		 "0123456789ABCDEF0123456789ABCDEF01234567: "},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scratch_write(&scratch, OLD "/config/3.settings", rows[i].text, 0600);
		assert_int_equal(run("install"), EXIT_SETTINGS);
		assert_string_equal(order, "");
		assert_said(out, "error 53 settings-invalid: ");
		assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_ERROR);
		assert_text(OLD "/status/3.status", rows[i].message);
	}
}

static void no_settings_at_all_are_the_defaults(void **state)
{
	(void)state;
	scratch_write(&scratch, OLD "/config/0.settings", "", 0600);
	assert_int_equal(
		run_command((struct command){
			.verb = "install", .folder = OLD, .version = "1.0.0.0", .sequence = "0"}),
		EXIT_OK);
	assert_string_equal(order, "abc");
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 0), STATUS_SUCCESS);
}

static void what_the_machine_is_short_of_is_told_with_what_to_do(void **state)
{
	static const struct {
		int code;
		const char *remedy;
	} rows[] = {
		{ENOSPC, "write /etc/b. free some space"},
		{EROFS, "write /etc/b. make that disk writable"},
		{ENOMEM, "write /etc/b. free some memory"},
		{EMFILE, "write /etc/b. raise the limit"},
	};

	(void)state;
	failing = 'b';
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		shortage = rows[i].code;
		assert_int_equal(run("install"), EXIT_DEPENDENCY);
		assert_said(notes, rows[i].remedy);
		assert_text(OLD "/status/3.status", "\"code\": 52");
	}
}

static void a_missing_environment_is_told_on_standard_error(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(fs_remove(&scratch.sys, OLD "/HandlerEnvironment.json", &err), 0);
	assert_int_equal(run("install"), EXIT_SETTINGS);
	assert_string_equal(order, "");
	assert_said(notes, "error 53 settings-invalid: " OLD "/HandlerEnvironment.json: ");
	assert_false(there(OLD "/status"));
}

/* An earlier version's success may stand there. */
static void without_an_environment_the_status_is_where_the_agent_looks(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(run("install"), EXIT_OK);
	assert_int_equal(fs_remove(&scratch.sys, OLD "/HandlerEnvironment.json", &err), 0);
	assert_int_equal(run("enable"), EXIT_SETTINGS);
	assert_int_equal(status_standing(&scratch.sys, OLD "/status", 3), STATUS_ERROR);
	assert_text(OLD "/status/3.status", "\"code\": 53");
	assert_text(OLD "/status/3.status", "HandlerEnvironment.json");
}

static void a_status_folder_that_is_none_does_not_change_the_outcome(void **state)
{
	(void)state;
	scratch_write(&scratch, OLD "/status", "a file", 0600);
	assert_int_equal(run("install"), EXIT_OK);
	assert_said(notes, "note: cannot publish the status: ");
	failing = 'b';
	assert_int_equal(run_new("update"), EXIT_SSHD);
}

static void a_missing_status_folder_is_made(void **state)
{
	(void)state;
	assert_false(there(OLD "/status"));
	assert_int_equal(run("install"), EXIT_OK);
	assert_true(there(OLD "/status/3.status"));
}

static void instances_are_refused(void **state)
{
	(void)state;
	assert_int_equal(run_command((struct command){.verb = "enable",
						      .folder = OLD,
						      .version = "1.0.0.0",
						      .sequence = "3",
						      .instance = "second"}),
			 EXIT_SETTINGS);
	assert_string_equal(order, "");
	assert_said(out, "ConfigExtensionName is \"second\"");
	assert_int_equal(fs_remove(&scratch.sys, OLD "/config/3.settings", &(struct err){0}), 0);
	assert_int_equal(run_command((struct command){.verb = "enable",
						      .folder = OLD,
						      .version = "1.0.0.0",
						      .sequence = "3",
						      .instance = "second"}),
			 EXIT_SETTINGS);
	assert_said(out, "ConfigExtensionName is \"second\"");
}

static void a_state_folder_that_cannot_be_made_is_a_missing_dependency(void **state)
{
	(void)state;
	scratch_write(&scratch, STATE_DIR, "a file", 0600);
	assert_int_equal(run("install"), EXIT_DEPENDENCY);
	assert_string_equal(order, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(install_applies_in_order_and_tells),
		TEST(a_failed_step_undoes_the_run_and_tells_why),
		TEST(a_failure_does_not_move_ownership),
		TEST(each_verb_that_ends_sends_an_event),
		TEST(a_terminal_status_is_not_hidden_by_transitioning),
		TEST(a_long_wait_is_told_while_it_lasts),
		TEST(enable_with_nothing_to_do_writes_nothing),
		TEST(enable_repairs_what_drifted),
		TEST(the_role_backend_is_left_to_enable),
		TEST(the_log_tells_on_what_the_time_was_spent),
		TEST(other_settings_are_looked_at),
		TEST(a_status_that_could_not_be_written_is_written_later),
		TEST(a_new_sequence_number_gets_its_status),
		TEST(a_new_status_names_the_warnings_that_hold),
		TEST(a_new_status_names_each_step_when_none_warns),
		TEST(a_new_goal_state_asks_for_roles_again),
		TEST(the_message_tells_a_warning_that_people_must_act_upon),
		TEST(what_disable_told_does_not_stand_for_enable),
		TEST(a_warning_that_no_path_tells_of_is_asked_for_each_time),
		TEST(a_seal_of_steps_that_there_are_not_is_none),
		TEST(a_status_that_was_lost_is_written_again),
		TEST(after_a_failure_enable_looks_again),
		TEST(a_corrupt_state_is_mentioned_and_stops_nothing),
		TEST(update_hands_over_and_the_old_uninstall_takes_nothing),
		TEST(the_old_uninstall_takes_away_what_a_failed_update_left),
		TEST(an_update_hides_the_status_of_the_version_before),
		TEST(a_downgrade_changes_nothing_but_the_owner),
		TEST(what_the_higher_version_saw_proves_nothing_to_the_lower),
		TEST(a_version_that_is_none_is_refused),
		TEST(uninstall_walks_up_and_leaves_nothing),
		TEST(uninstall_keeps_the_ledger_of_users),
		TEST(uninstall_twice_succeeds),
		TEST(uninstall_needs_neither_settings_nor_environment),
		TEST(what_is_off_is_forgotten_though_a_reload_failed),
		TEST(disable_changes_nothing),
		TEST(disable_hides_no_failure),
		TEST(disable_never_fails),
		TEST(a_held_lock_is_waited_for_and_named),
		TEST(what_a_killed_run_did_is_on_the_disk_before_it_is_looked_at),
		TEST(slow_work_ends_at_the_deadline),
		TEST(slow_removal_ends_before_the_agents_limit),
		TEST(settings_that_are_wrong_get_an_error_status),
		TEST(no_settings_at_all_are_the_defaults),
		TEST(what_the_machine_is_short_of_is_told_with_what_to_do),
		TEST(a_missing_environment_is_told_on_standard_error),
		TEST(without_an_environment_the_status_is_where_the_agent_looks),
		TEST(a_status_folder_that_is_none_does_not_change_the_outcome),
		TEST(a_missing_status_folder_is_made),
		TEST(instances_are_refused),
		TEST(a_state_folder_that_cannot_be_made_is_a_missing_dependency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
