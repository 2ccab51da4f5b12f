/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/steps/changes.h"
#include "lib/steps/run.h"
#include "test/unit/scratch.h"

#define SHARED "/etc/shared" /* a file of the owner's, to which the steps add a word */
#define OWN "/etc/own"
#define DIRECTORY "/var/own"
#define ORIGINAL STATE_DIR "/original/%2Fetc%2Fshared"

static struct scratch scratch;
static struct machine machine;
static struct step_result results[3];
static struct buf calls; /* what was called, a word each */
static struct buf seen; /* what the observer was told */
static int failing; /* errno value with which the failing step fails, 0: it does not */
static struct err not_undone; /* why the call cannot be undone, if it cannot */

/* ---- the steps: edit a file, make things of our own, call something that can fail */

static int plan_edit(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	AUTO_BUF text = {0}, after = {0};
	const char *ours;

	if (fs_read(m->sys, SHARED, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, err) < 0)
		return -err->code;
	ours = strstr(buf_text(&text), " ours");
	if (want == WANT_PRESENT && !ours) {
		buf_span(&after, buf_bytes(&text));
		buf_str(&after, " ours");
	} else if (want == WANT_ABSENT && ours) {
		buf_add(&after, text.data, (size_t)(ours - text.data));
		buf_str(&after, ours + strlen(" ours"));
	} else {
		buf_span(&after, buf_bytes(&text));
	}
	machine_note(m, "a note");
	return changes_edit(m, ret, SHARED, buf_bytes(&after), err);
}

static int plan_own(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	const struct fs_meta file = machine_meta(m, 0640), directory = machine_meta(m, 0750);
	int r;

	if (want == WANT_ABSENT) {
		r = changes_rmdir(m, ret, DIRECTORY, err);
		return r < 0 ? r : changes_remove(m, ret, OWN, err);
	}
	r = changes_mkdir(m, ret, DIRECTORY, &directory, err);
	return r < 0 ? r : changes_write_secret(m, ret, OWN, SPAN_LIT("password\n"), &file, err);
}

static int call(struct machine *m, struct err *err)
{
	(void)m;
	buf_str(&calls, "call ");
	return failing ? err_set(err, failing, "the call failed") : 0;
}

/* Its step's file is gone again by then, the files of earlier steps are not. */
static int undo(struct machine *m, struct err *err)
{
	buf_printf(&calls, "undo%s%s ", fs_exists(m->sys, "/etc/called") ? " with file" : "",
		   fs_exists(m->sys, OWN) ? "" : " without own");
	if (not_undone.code)
		*err = not_undone;
	return -not_undone.code;
}

static int plan_call(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0600);

	if (want == WANT_ABSENT)
		return changes_call(ret, "call it", call, NULL, err);
	if (fs_exists(m->sys, "/etc/called"))
		return 0;
	if (changes_call(ret, "call it", call, undo, err) < 0)
		return -err->code;
	return changes_write(m, ret, "/etc/called", SPAN_LIT(""), &meta, err);
}

static int prove_call(struct machine *m, struct err *err)
{
	(void)m;
	return failing == -1 ? err_set(err, EBADMSG, "no proof") : 0;
}

static const struct step edit = {
	.name = "edit", .purpose = "edits", .exit_code = EXIT_VERIFY, .plan = plan_edit};
static const struct step own = {
	.name = "own", .purpose = "owns", .exit_code = EXIT_SETTINGS, .plan = plan_own};
static const struct step caller = {.name = "call",
				   .purpose = "calls",
				   .exit_code = EXIT_SSHD,
				   .plan = plan_call,
				   .prove = prove_call};
static const struct step *const steps[] = {&edit, &own, &caller};

static void observe(const struct step_result *result, void *arg)
{
	assert_ptr_equal(arg, &seen);
	buf_printf(&seen, "%s:%s ", result->step->name, step_state_name(result->state));
}

static struct run new_run(void)
{
	return (struct run){
		.machine = &machine,
		.steps = steps,
		.count = ARRAY_LEN(steps),
		.results = results,
		.observer = observe,
		.observer_arg = &seen,
	};
}

static int open_machine(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch_mkdir(&scratch, "/var/lib", 0755);
	scratch_write(&scratch, SHARED, "theirs", 0604);
	machine = (struct machine){.sys = &scratch.sys, .log_fd = -1};
	failing = 0;
	not_undone = (struct err){0};
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	buf_done(&calls);
	buf_done(&seen);
	scratch_done(&scratch);
	return 0;
}

static void assert_file(const char *path, const char *text)
{
	AUTO_FREE char *found = scratch_text(&scratch, path);

	if (!text) {
		assert_null(found);
		return;
	}
	if (!found)
		fail_msg("%s is missing", path);
	assert_string_equal(found, text);
}

static void assert_mode(const char *path, mode_t mode)
{
	struct err err = {0};
	struct stat st;

	assert_int_equal(fs_lstat(&scratch.sys, path, &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(st.st_uid, geteuid());
}

static void apply(void)
{
	struct run run = new_run();
	struct err err = {0};

	if (run_apply(&run, &err) < 0)
		fail_msg("%s", err.msg);
}

/* ---- applying */

static void applying_makes_the_changes_and_keeps_the_original(void **state)
{
	(void)state;
	apply();
	assert_file(SHARED, "theirs ours");
	assert_mode(SHARED, 0604);
	assert_file(OWN, "password\n");
	assert_mode(OWN, 0640);
	assert_mode(DIRECTORY, 0750);
	assert_file(ORIGINAL, "theirs");
	assert_mode(ORIGINAL, 0604);
	assert_mode(STATE_DIR, 0700);
	assert_mode(STATE_DIR "/original", 0700);
	assert_file(STATE_DIR "/original/%2Fetc%2Fown", NULL);
	assert_string_equal(buf_text(&seen), "edit:changed own:changed call:changed ");
	assert_string_equal(results[1].message, "make /var/own, write /etc/own");
	assert_int_equal(results[0].note_count, 1);
	assert_string_equal(results[0].notes[0], "a note");
	assert_int_equal(results[1].note_count, 0);
}

static void applying_again_writes_nothing(void **state)
{
	struct run run = new_run();
	struct stat before, after;
	struct err err = {0};

	(void)state;
	apply();
	assert_int_equal(fs_lstat(&scratch.sys, OWN, &before, &err), 0);
	buf_done(&seen);
	assert_int_equal(run_apply(&run, &err), 0);
	assert_string_equal(buf_text(&seen), "edit:ok own:ok call:ok ");
	assert_string_equal(buf_text(&calls), "call ");
	assert_int_equal(fs_lstat(&scratch.sys, OWN, &after, &err), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	assert_string_equal(results[2].message, "");
}

static void the_first_original_stays(void **state)
{
	(void)state;
	apply();
	scratch_write(&scratch, SHARED, "changed by the owner", 0604);
	apply();
	assert_file(SHARED, "changed by the owner ours");
	assert_file(ORIGINAL, "theirs");
}

static void a_mode_that_drifted_is_put_right(void **state)
{
	(void)state;
	apply();
	scratch_write(&scratch, OWN, "password\n", 0666);
	assert_int_equal(fchmodat(scratch.sys.rootfd, "var/own", 0777, 0), 0);
	assert_int_equal(fchmodat(scratch.sys.rootfd, "etc/own", 0600, 0), 0);
	apply();
	assert_mode(OWN, 0640);
	assert_mode(DIRECTORY, 0750);
}

/* ---- failing */

static void a_failure_undoes_what_the_run_applied(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	failing = EIO;
	assert_int_equal(run_apply(&run, &err), -EIO);
	assert_int_equal(err.outcome, EXIT_SSHD);
	assert_string_equal(err.msg, "the call failed");
	assert_file(SHARED, "theirs");
	assert_mode(SHARED, 0604);
	assert_file(OWN, NULL);
	assert_false(fs_exists(&scratch.sys, DIRECTORY));
	assert_false(fs_exists(&scratch.sys, STATE_DIR "/original"));
	assert_string_equal(buf_text(&seen),
			    "edit:changed own:changed call:failed own:undone edit:undone ");
	assert_int_equal(results[2].state, STEP_FAILED);
	assert_string_equal(results[2].message, "the call failed");
}

static void what_was_there_before_the_run_stays(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	apply();
	assert_int_equal(fs_remove(&scratch.sys, "/etc/called", &err), 0);
	failing = EIO;
	assert_int_equal(run_apply(&run, &err), -EIO);
	assert_file(SHARED, "theirs ours");
	assert_file(OWN, "password\n");
	assert_int_equal(results[0].state, STEP_OK);
}

static void a_call_is_undone_after_the_files_of_its_step(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	failing = -1; /* the call works, the proof does not */
	assert_int_equal(run_apply(&run, &err), -EBADMSG);
	assert_file("/etc/called", NULL);
	assert_string_equal(buf_text(&calls), "call undo ");
}

static void what_cannot_be_undone_is_noted_with_its_remedy(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	failing = EIO;
	(void)err_set(&not_undone, EROFS, "a disk is read-only");
	assert_int_equal(run_apply(&run, &err), -EIO);
	assert_string_equal(err.msg, "the call failed");
	assert_int_equal(results[2].note_count, 1);
	assert_string_equal(results[2].notes[0], "it could not be undone: a disk is read-only. "
						 "mend that, and run this again");
	(void)err_remedy(&not_undone, 0, "mount it otherwise");
	assert_int_equal(run_apply(&run, &err), -EIO);
	assert_string_equal(results[2].notes[0],
			    "it could not be undone: a disk is read-only. mount it otherwise");
}

static void a_long_cause_leaves_room_for_the_remedy(void **state)
{
	struct run run = new_run();
	struct err err = {0};
	char cause[600];

	(void)state;
	failing = EIO;
	memset(cause, 'x', sizeof(cause));
	(void)err_set(&not_undone, EROFS, "%.*s", (int)sizeof(cause), cause);
	(void)err_remedy(&not_undone, 0, "mount it otherwise");
	assert_int_equal(run_apply(&run, &err), -EIO);
	assert_int_equal(strlen(results[2].notes[0]), NOTE_MAX - 1);
	assert_non_null(strstr(results[2].notes[0], "xxx. mount it otherwise"));
}

static void a_file_that_was_there_comes_back_with_its_mode(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, OWN, "somebody's", 0604);
	scratch_mkdir(&scratch, DIRECTORY, 0711);
	failing = EIO;
	assert_int_equal(run_apply(&run, &err), -EIO);
	assert_file(OWN, "somebody's");
	assert_mode(OWN, 0604);
	assert_mode(DIRECTORY, 0711);
}

static void steps_behind_the_failure_are_not_reached(void **state)
{
	static const struct step *const order[] = {&caller, &edit};
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	run.steps = order;
	run.count = 2;
	failing = EIO;
	assert_int_equal(run_apply(&run, &err), -EIO);
	assert_int_equal(results[1].state, STEP_SKIPPED);
	assert_file(SHARED, "theirs");
}

static void a_deadline_that_passed_stops_before_the_next_step(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	scratch.sys.deadline_ns = 1;
	assert_int_equal(run_apply(&run, &err), -ETIMEDOUT);
	assert_int_equal(err.outcome, EXIT_DEADLINE);
	assert_int_equal(results[0].state, STEP_FAILED);
	assert_file(SHARED, "theirs");
}

/* ---- taking away */

static void reverting_gives_everything_back(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	apply();
	buf_done(&seen);
	assert_int_equal(run_revert(&run, &err), 0);
	assert_file(SHARED, "theirs");
	assert_mode(SHARED, 0604);
	assert_file(OWN, NULL);
	assert_false(fs_exists(&scratch.sys, DIRECTORY));
	assert_string_equal(buf_text(&seen), "call:changed own:changed edit:changed ");
}

static void reverting_keeps_what_the_owner_changed_meanwhile(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	apply();
	scratch_write(&scratch, SHARED, "new theirs ours and more", 0600);
	assert_int_equal(run_revert(&run, &err), 0);
	assert_file(SHARED, "new theirs and more");
	assert_mode(SHARED, 0600);
}

static void reverting_goes_on_after_a_failure(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	apply();
	failing = EIO;
	assert_int_equal(run_revert(&run, &err), -EIO);
	assert_int_equal(err.outcome, EXIT_SSHD);
	assert_int_equal(results[2].state, STEP_FAILED);
	assert_file(SHARED, "theirs");
	assert_file(OWN, NULL);
}

static void reverting_twice_is_reverting_once(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	apply();
	assert_int_equal(run_revert(&run, &err), 0);
	assert_int_equal(run_revert(&run, &err), 0);
	assert_int_equal(results[0].state, STEP_OK);
	assert_int_equal(results[1].state, STEP_OK);
	assert_file(SHARED, "theirs");
}

/* ---- looking */

static void checking_tells_what_would_change_and_changes_nothing(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	assert_int_equal(run_check(&run, &err), -ESTALE);
	assert_int_equal(err.outcome, EXIT_VERIFY);
	assert_string_equal(err.msg, "not in force: write /etc/shared");
	assert_string_equal(buf_text(&seen), "edit:drifted own:drifted call:drifted ");
	assert_file(SHARED, "theirs");
	assert_file(OWN, NULL);
	assert_string_equal(buf_text(&calls), "");
	apply();
	assert_int_equal(run_check(&run, &err), 0);
	assert_int_equal(results[2].state, STEP_OK);
	failing = -1;
	assert_int_equal(run_check(&run, &err), -EBADMSG);
	assert_int_equal(results[2].state, STEP_FAILED);
	assert_string_equal(results[2].message, "no proof");
}

static void one_step_alone_can_be_looked_at(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	run.only = "own";
	assert_int_equal(run_check(&run, &err), -ESTALE);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_int_equal(results[0].state, STEP_SKIPPED);
	assert_int_equal(results[1].state, STEP_DRIFTED);
	assert_string_equal(buf_text(&seen), "own:drifted ");
}

/* "edit[write /etc/shared]", and what keeps it from being told. */
static int tell(const struct planned *planned, void *arg, struct err *err)
{
	struct buf *out = arg;

	assert_true(planned->machine->foretells);
	buf_printf(out, "%s%s", out->len ? " " : "", planned->step->name);
	for (size_t i = 0; i < planned->changes->count; i++)
		buf_printf(out, "[%s]", planned->changes->list[i].what);
	if (planned->err->code)
		buf_printf(out, planned->refused ? "!%d" : "?", planned->err->outcome);
	return buf_ok(out, err);
}

static void the_plan_is_told_in_the_order_of_the_run(void **state)
{
	struct run run = new_run();
	AUTO_BUF on = {0}, off = {0};
	struct err err = {0}, refusal = {0};

	(void)state;
	assert_int_equal(run_plan(&run, WANT_PRESENT, tell, &on, &refusal, &err), 0);
	assert_string_equal(buf_text(&on), "edit[write /etc/shared] own[make /var/own][write "
					   "/etc/own] call[call it][write /etc/called]");
	assert_file(OWN, NULL);
	assert_false(run.machine->foretells);
	apply();
	assert_int_equal(run_plan(&run, WANT_ABSENT, tell, &off, &refusal, &err), 0);
	assert_string_equal(buf_text(&off), "call[call it] own[remove /var/own][remove /etc/own] "
					    "edit[write /etc/shared]");
}

static int refuse_to_hear(const struct planned *planned, void *arg, struct err *err)
{
	(void)planned;
	(void)arg;
	return err_oom(err);
}

static void who_cannot_be_told_ends_the_plan(void **state)
{
	struct run run = new_run();
	struct err err = {0}, refusal = {0};

	(void)state;
	assert_int_equal(run_plan(&run, WANT_PRESENT, refuse_to_hear, NULL, &refusal, &err),
			 -ENOMEM);
	assert_false(run.machine->foretells);
}

static void a_plan_tells_what_the_run_would_end_with(void **state)
{
	struct run run = new_run();
	AUTO_BUF text = {0};
	struct err err = {0}, refusal = {0};

	(void)state;
	assert_int_equal(fs_remove(&scratch.sys, SHARED, &err), 0);
	assert_int_equal(run_plan(&run, WANT_PRESENT, tell, &text, &refusal, &err), 0);
	assert_non_null(strstr(buf_text(&text), "edit!21 own"));
	assert_non_null(strstr(buf_text(&text), "[call it]"));
	assert_int_equal(results[0].state, STEP_FAILED);
	assert_int_equal(refusal.outcome, EXIT_VERIFY);
}

static void what_an_earlier_step_may_bring_cannot_be_told_yet(void **state)
{
	static const struct step *const turned[] = {&own, &edit};
	struct run run = new_run();
	AUTO_BUF text = {0};
	struct err err = {0}, refusal = {0};

	(void)state;
	run.steps = turned;
	run.count = ARRAY_LEN(turned);
	assert_int_equal(fs_remove(&scratch.sys, SHARED, &err), 0);
	assert_int_equal(run_plan(&run, WANT_PRESENT, tell, &text, &refusal, &err), 0);
	assert_non_null(strstr(buf_text(&text), " edit?"));
	assert_int_equal(refusal.code, 0);
}

static void what_a_change_would_run_and_bring_is_told_word_by_word(void **state)
{
	static const char *const first[] = {"/bin/a", "b c", NULL}, *const second[] = {"/d", NULL};
	const char *argv[CHANGE_WORDS_MAX];
	AUTO_CHANGES changes = {0};
	struct err err = {0};
	size_t at = 0;

	(void)state;
	assert_int_equal(changes_call(&changes, "call", call, NULL, &err), 0);
	assert_false(change_next_run(&changes.list[0], &at, argv));
	assert_int_equal(changes_runs(&changes, first, &err), 0);
	assert_int_equal(changes_runs(&changes, second, &err), 0);
	assert_true(change_next_run(&changes.list[0], &at, argv));
	assert_string_equal(argv[0], "/bin/a");
	assert_string_equal(argv[1], "b c");
	assert_null(argv[2]);
	assert_true(change_next_run(&changes.list[0], &at, argv));
	assert_string_equal(argv[0], "/d");
	assert_null(argv[1]);
	assert_false(change_next_run(&changes.list[0], &at, argv));
	assert_int_equal(changes_brings(&changes, "new", S_IFREG | 0755, "ab", "/x\ny", &err), 0);
	assert_string_equal(buf_text(&changes.list[0].brings), "new\t0755\tab\t/x?y\n");
}

static void what_is_wrong_whatever_comes_before_is_a_refusal(void **state)
{
	static const struct {
		struct err err;
		bool waiting, refuses;
	} rows[] = {
		{{.code = 0}, false, false},
		{{.code = ENOENT}, false, true},
		{{.code = EPERM}, true, false},
		{{.code = ENOENT, .outcome = EXIT_DEPENDENCY}, true, false},
		{{.code = EEXIST, .outcome = EXIT_SSHD}, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(plan_refuses(&rows[i].err, rows[i].waiting), rows[i].refuses);
}

/* ---- what is not edited */

static void refuse_edit(const char *words)
{
	struct run run = new_run();
	struct err err = {0};

	assert_int_equal(run_apply(&run, &err), -EPERM);
	assert_non_null(strstr(err.msg, "/etc/shared"));
	assert_non_null(strstr(err.msg, words));
	assert_true(err.remedy[0]);
	assert_int_equal(results[0].state, STEP_FAILED);
}

static void a_link_is_not_edited(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/target", "theirs", 0644);
	assert_int_equal(fs_remove(&scratch.sys, SHARED, &err), 0);
	assert_int_equal(symlinkat("target", scratch.sys.rootfd, "etc/shared"), 0);
	refuse_edit("symbolic link");
	assert_file("/etc/target", "theirs");
}

static void a_link_that_needs_no_edit_is_no_failure(void **state)
{
	struct run run = new_run();
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/target", "theirs ours", 0644);
	assert_int_equal(fs_remove(&scratch.sys, SHARED, &err), 0);
	assert_int_equal(symlinkat("target", scratch.sys.rootfd, "etc/shared"), 0);
	run.only = "edit";
	assert_int_equal(run_apply(&run, &err), 0);
	assert_int_equal(results[0].state, STEP_OK);
}

static void of_a_link_in_a_file_of_ours_place_the_link_goes_and_comes_back(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};
	char to[32] = "";

	(void)state;
	scratch_write(&scratch, "/srv/owners", "theirs\n", 0644);
	assert_int_equal(fs_symlink(&scratch.sys, "/srv/owners", OWN, &err), 0);
	assert_int_equal(changes_remove(&machine, &changes, OWN, &err), 0);
	assert_int_equal(changes.count, 1);
	assert_int_equal(machine.note_count, 1);
	assert_non_null(strstr(machine.notes[0], "/srv/owners stays"));
	assert_int_equal(change_make(&machine, &changes.list[0], true, &err), 0);
	assert_false(fs_exists(&scratch.sys, OWN));
	assert_file("/srv/owners", "theirs\n");
	for (int i = 0; i < 2; i++)
		assert_int_equal(change_undo(&machine, &changes.list[0], &err), 0);
	assert_int_equal(fs_readlink(&scratch.sys, OWN, to, sizeof(to), &err), 0);
	assert_string_equal(to, "/srv/owners");
	assert_file("/srv/owners", "theirs\n");
}

static void a_link_that_leads_nowhere_goes_too(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(fs_symlink(&scratch.sys, "/srv/none", OWN, &err), 0);
	assert_int_equal(changes_remove(&machine, &changes, OWN, &err), 0);
	assert_int_equal(changes.count, 1);
	assert_int_equal(change_make(&machine, &changes.list[0], true, &err), 0);
	assert_int_equal(fs_lstat(&scratch.sys, OWN, &(struct stat){0}, &err), -ENOENT);
}

static void a_file_that_others_can_write_is_not_edited(void **state)
{
	(void)state;
	scratch_write(&scratch, SHARED, "theirs", 0666);
	refuse_edit("written by others");
	assert_file(SHARED, "theirs");
}

static void no_file_is_made_where_others_can_write(void **state)
{
	const struct fs_meta meta = machine_meta(&machine, 0644);
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	scratch_mkdir(&scratch, "/etc/anybodys", 01777);
	assert_int_equal(
		changes_write(&machine, &changes, "/etc/anybodys/x", SPAN_LIT("x"), &meta, &err),
		-EPERM);
	assert_non_null(strstr(err.msg, "/etc/anybodys can be written by others"));
	assert_non_null(strstr(err.remedy, "nobody else write"));
	assert_int_equal(changes.count, 0);
	/* The directory may be a change of the same plan. */
	err = (struct err){0};
	assert_int_equal(
		changes_write(&machine, &changes, "/etc/yet/to/come", SPAN_LIT("x"), &meta, &err),
		0);
	assert_int_equal(changes.count, 1);
}

static void an_immutable_file_is_refused_before_anything_is_done(void **state)
{
	int fd = openat(scratch.sys.rootfd, "etc/shared", O_RDONLY);
	int flags = 0;

	(void)state;
	assert_true(fd >= 0);
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 ||
	    ioctl(fd, FS_IOC_SETFLAGS, &(int){flags | FS_IMMUTABLE_FL}) < 0) {
		(void)close(fd);
		skip(); /* not root, or not such a file system */
	}
	refuse_edit("immutable");
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	(void)close(fd);
}

static void a_missing_file_of_the_owners_is_not_made(void **state)
{
	struct changes changes = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(changes_edit(&machine, &changes, "/etc/none", SPAN_LIT("x"), &err),
			 -ENOENT);
	assert_non_null(strstr(err.msg, "/etc/none"));
	assert_int_equal(changes.count, 0);
}

static void a_file_is_no_directory(void **state)
{
	const struct fs_meta meta = machine_meta(&machine, 0755);
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(changes_mkdir(&machine, &changes, SHARED, &meta, &err), -ENOTDIR);
	assert_int_equal(changes_rmdir(&machine, &changes, SHARED, &err), -ENOTDIR);
	assert_int_equal(changes_rmdir(&machine, &changes, "/none", &err), 0);
	assert_int_equal(changes.count, 0);
}

static bool applies_nowhere(const struct machine *m)
{
	(void)m;
	return false;
}

static void a_step_that_the_machine_does_not_have_is_passed_over(void **state)
{
	struct step other = caller;
	const struct step *const both[] = {&edit, &other};
	struct run run = new_run();
	struct err err = {0}, refusal = {0};
	AUTO_BUF plan = {0};

	(void)state;
	other.applies = applies_nowhere;
	run.steps = both;
	run.count = ARRAY_LEN(both);
	assert_int_equal(run_plan(&run, WANT_PRESENT, tell, &plan, &refusal, &err), 0);
	assert_non_null(strstr(buf_text(&plan), "edit"));
	assert_null(strstr(buf_text(&plan), "call"));
	assert_int_equal(run_apply(&run, &err), 0);
	assert_int_equal(run.results[0].state, STEP_CHANGED);
	assert_int_equal(run.results[1].state, STEP_SKIPPED);
	assert_string_equal(buf_text(&calls), "");
	assert_int_equal(run_check(&run, &err), 0);
	assert_int_equal(run_revert(&run, &err), 0);
	assert_string_equal(buf_text(&calls), "");
}

static void notes_are_bounded(void **state)
{
	char long_text[2 * NOTE_MAX];

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (int i = 0; i < NOTES_MAX + 2; i++)
		machine_note(&machine, "%s", long_text);
	assert_int_equal(machine.note_count, NOTES_MAX);
	assert_int_equal(strlen(machine.notes[0]), NOTE_MAX - 1);
	assert_int_equal(machine.gravity, GRAVITY_NOTE);
	machine_warn(&machine, GRAVITY_RISK, "some");
	machine_warn(&machine, GRAVITY_SHUT, "%s", long_text);
	machine_warn(&machine, GRAVITY_SHUT, "dropped");
	assert_int_equal(machine.note_count, NOTES_MAX);
	assert_int_equal(strlen(machine.notes[0]), NOTE_MAX - 1);
	assert_string_equal(machine.notes[1], "some");
	assert_int_equal(strlen(machine.notes[NOTES_MAX - 1]), NOTE_MAX - 1);
	assert_int_equal(machine.gravity, GRAVITY_SHUT);
}

static void the_gravest_warning_is_the_first(void **state)
{
	static const char *const expected[] = {"nobody", "some", "a note", "others", "a last note"};

	(void)state;
	machine_note(&machine, "a note");
	machine_warn(&machine, GRAVITY_RISK, "some");
	machine_warn(&machine, GRAVITY_RISK, "others");
	machine_warn(&machine, GRAVITY_SHUT, "nobody");
	machine_note(&machine, "a last note");
	assert_int_equal(machine.note_count, ARRAY_LEN(expected));
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_string_equal(machine.notes[i], expected[i]);
	assert_int_equal(machine.gravity, GRAVITY_SHUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(applying_makes_the_changes_and_keeps_the_original),
		TEST(applying_again_writes_nothing),
		TEST(the_first_original_stays),
		TEST(a_mode_that_drifted_is_put_right),
		TEST(a_failure_undoes_what_the_run_applied),
		TEST(what_was_there_before_the_run_stays),
		TEST(a_call_is_undone_after_the_files_of_its_step),
		TEST(what_cannot_be_undone_is_noted_with_its_remedy),
		TEST(a_long_cause_leaves_room_for_the_remedy),
		TEST(a_file_that_was_there_comes_back_with_its_mode),
		TEST(steps_behind_the_failure_are_not_reached),
		TEST(a_deadline_that_passed_stops_before_the_next_step),
		TEST(reverting_gives_everything_back),
		TEST(reverting_keeps_what_the_owner_changed_meanwhile),
		TEST(reverting_goes_on_after_a_failure),
		TEST(reverting_twice_is_reverting_once),
		TEST(checking_tells_what_would_change_and_changes_nothing),
		TEST(one_step_alone_can_be_looked_at),
		TEST(the_plan_is_told_in_the_order_of_the_run),
		TEST(who_cannot_be_told_ends_the_plan),
		TEST(what_a_change_would_run_and_bring_is_told_word_by_word),
		TEST(a_plan_tells_what_the_run_would_end_with),
		TEST(what_an_earlier_step_may_bring_cannot_be_told_yet),
		TEST(what_is_wrong_whatever_comes_before_is_a_refusal),
		TEST(a_link_is_not_edited),
		TEST(a_link_that_needs_no_edit_is_no_failure),
		TEST(of_a_link_in_a_file_of_ours_place_the_link_goes_and_comes_back),
		TEST(a_link_that_leads_nowhere_goes_too),
		TEST(a_file_that_others_can_write_is_not_edited),
		TEST(no_file_is_made_where_others_can_write),
		TEST(an_immutable_file_is_refused_before_anything_is_done),
		TEST(a_missing_file_of_the_owners_is_not_made),
		TEST(a_file_is_no_directory),
		TEST(a_step_that_the_machine_does_not_have_is_passed_over),
		TEST(notes_are_bounded),
		TEST(the_gravest_warning_is_the_first),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
