/* SPDX-License-Identifier: MIT */
/*
 * Everything that the product does to a machine is a step.  A step says what would have to
 * change so that it is in force, or gone; one runner checks, prints, applies and undoes
 * that.  The steps of this folder configure a machine on which the packages are installed; two
 * programs run them: the handler, and `aadsshlogin configure|unconfigure` of the package.
 */
#ifndef STEPS_STEP_H
#define STEPS_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/core/conf.h"
#include "lib/sys/fs.h"
#include "lib/sys/sys.h"

#define STATE_DIR "/var/lib/aadsshlogin"
#define UID_TO_COME                                                                                \
	((uid_t)-2) /* of KEY_COMMAND_USER, before its package makes it: in plans alone */
#define NOTES_MAX 16
#define NOTE_MAX 320
#define MACHINE_COMMAND_MAX 768

struct extension;

/* How much a warning means.  That of a step is the one of its gravest. */
enum gravity {
	GRAVITY_NOTE, /* worth knowing */
	GRAVITY_RISK, /* somebody is kept out, or let in, who should not be */
	GRAVITY_SHUT, /* nobody of the tenant gets in */
};

/* What a step works on and with.  Owned by the program; steps fill notes, the identity step conf
 * too. */
struct machine {
	struct sys *sys;
	struct conf conf; /* what shall be in force */
	const char *proxy_secret; /* protected proxy for CONF_SECRET_PATH, NULL: none */
	struct extension *extension; /* the handler's own part; NULL in the package's tool */
	int log_fd; /* output of programs that were run, -1: nowhere */
	unsigned sshd_release; /* what sshd_release found, 0: not asked yet */
	/*
	 * What sshd said of the configuration in force when the step sshd had published it; empty
	 * when it must be asked.
	 */
	struct buf sshd_proof;
	bool foretells; /* nothing will be done: what it would come to is asked, see run_plan */
	/* Then: the step packages would have put ours there by now, with what they bring. */
	bool packages_come;
	bool backend_later; /* the step verify does not ask the role backend: a later run will */
	/* Warnings of the current step, one sentence each, the first one of the gravest. */
	char notes[NOTES_MAX][NOTE_MAX];
	size_t note_count;
	enum gravity gravity;
	char command[MACHINE_COMMAND_MAX]; /* one line for a shell that mends what a step just
				      failed for, or "" */
};

void machine_done(struct machine *m);

/* Mode and owner of a file or directory of root's (in a test: of whoever runs it). */
struct fs_meta machine_meta(const struct machine *m, mode_t mode);

/* Add a warning that does not stop the work.  More than NOTES_MAX are dropped. */
void machine_note(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * One that the verb's own message tells too: what is wrong, and the remedy.  What is graver than
 * all before it goes before them, and of more than NOTES_MAX the last is dropped.
 */
void machine_warn(struct machine *m, enum gravity gravity, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Run a program that changes the machine; what it says goes to the log.  The failures of proc_must.
 */
int machine_run(struct machine *m, const char *const *argv, int timeout_ms, struct err *err);

/* Say what to type against the failure that is told, beside its remedy. */
void machine_command(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum want {
	WANT_ABSENT, /* the machine as it is without us */
	WANT_PRESENT, /* the step in force */
};

enum change_kind {
	CHANGE_WRITE, /* publish `after` under `path` */
	CHANGE_REMOVE, /* remove the file `path` */
	CHANGE_MKDIR, /* make the directory `path`, or give it its mode and owner */
	CHANGE_RMDIR, /* remove the directory `path` with all below it */
	CHANGE_TIDY, /* remove `path`, which nobody wants back */
	CHANGE_CALL, /* call `call` */
};

struct change {
	enum change_kind kind;
	char *what; /* for people: "write /etc/pam.d/sshd", "reload sshd" */
	char *path;
	bool existed; /* there was a file, whose bytes are `before`, or a directory */
	bool shared; /* the owner's file, in which only some words are ours */
	bool held; /* see changes_hold */
	bool secret; /* the bytes never reach a plan or a log */
	struct buf before; /* for undoing, and for diffs */
	char *link; /* CHANGE_REMOVE of a link: where it leads; else NULL */
	struct buf after; /* for CHANGE_WRITE */
	struct fs_meta meta; /* mode and owner after */
	struct fs_meta meta_before;
	int (*call)(struct machine *m, struct err *err);
	int (*undo)(struct machine *m, struct err *err);
	struct buf runs; /* see changes_runs */
	struct buf brings; /* see changes_brings */
};

struct changes {
	struct change *list;
	size_t count;
};

#define AUTO_CHANGES __attribute__((cleanup(changes_done))) struct changes

void changes_done(struct changes *changes);

/*
 * Add a change, unless it would change nothing: the file as it is now is read, compared and kept
 * for undoing.  What would have to change but is a link, immutable, or in a directory that others
 * can write is -EPERM, with the path in the message and a remedy.
 *
 * What a killed run left beside a file goes too, with the file or as a change of its own.
 *
 * changes_edit: a file of the owner's, which must be there (-ENOENT) and keeps mode and owner;
 * -EPERM when it is owned by others or writable by others.
 * changes_write: a file wholly ours, which gets the bytes and exactly this mode and owner; -EPERM
 * when it is owned by others.
 */
int changes_edit(struct machine *m, struct changes *changes, const char *path, struct span after,
		 struct err *err);
int changes_write(struct machine *m, struct changes *changes, const char *path, struct span after,
		  const struct fs_meta *meta, struct err *err);
/* As changes_write, for bytes that nobody may see. */
int changes_write_secret(struct machine *m, struct changes *changes, const char *path,
			 struct span after, const struct fs_meta *meta, struct err *err);
/*
 * A file wholly ours, whoever can write it by now.  Of a link that the owner put there, the link
 * goes and what it leads to stays, with a note.
 */
int changes_remove_secret(struct machine *m, struct changes *changes, const char *path,
			  struct err *err);
int changes_remove(struct machine *m, struct changes *changes, const char *path, struct err *err);
/* Only what a killed run left beside the file; path may be that itself. */
int changes_tidy(struct machine *m, struct changes *changes, const char *path, struct err *err);
/*
 * A file of the owner's that is as wanted, and that people of the tenant are let in by: -EPERM,
 * with a remedy, when others own or can write it, or a directory above it; a link is followed.
 */
int changes_trust(struct machine *m, const char *path, struct err *err);
int changes_mkdir(struct machine *m, struct changes *changes, const char *path,
		  const struct fs_meta *meta, struct err *err);
/* What is below the directory is not kept: undoing makes an empty one. */
int changes_rmdir(struct machine *m, struct changes *changes, const char *path, struct err *err);

/*
 * Take the change that was added last away only where all of its step before it came off: it is
 * what the next run goes by.
 */
void changes_hold(struct changes *changes);

/*
 * undo  called when this run is undone, after the step's files are back, once call was begun;
 *       often call itself, as for a reload; may be NULL
 */
int changes_call(struct changes *changes, const char *what,
		 int (*call)(struct machine *m, struct err *err),
		 int (*undo)(struct machine *m, struct err *err), struct err *err);

/*
 * Tell more of the change that was added last, for a plan: a program that it would run, with its
 * arguments, none of them empty, once for each; and a file of a package that would come, change or
 * go with it. state  "new", "changed" or "gone" what   SHA-256 of a file, "-> TARGET" of a link, ""
 * when nothing is known -ENOMEM.
 */
int changes_runs(struct changes *changes, const char *const *argv, struct err *err);
int changes_brings(struct changes *changes, const char *state, mode_t mode, const char *what,
		   const char *path, struct err *err);

/* The next program of a change: its words, NULL behind them; false when there is none left.  *at
 * begins with 0. */
#define CHANGE_WORDS_MAX 80
bool change_next_run(const struct change *change, size_t *at, const char *ret[CHANGE_WORDS_MAX]);

struct step {
	const char *name; /* stable identifier: the substatus's name, --only NAME */
	const char *purpose; /* one clause for `plan` and `check` */
	int exit_code; /* when it fails and the failure does not say otherwise */
	/*
	 * What must change so that the step is as wanted; no change when it is so already.  Only
	 * reads.  Fails when the step cannot or must not be applied; with WANT_ABSENT whatever is
	 * gone already is fine, and after the first failure it goes on: the runner makes the
	 * changes of a failed plan too, so that all comes off that can.
	 */
	int (*plan)(struct machine *m, enum want want, struct changes *ret, struct err *err);
	/* Does it work?  Asked after plan found nothing to change and after changes; may be NULL.
	 */
	int (*prove)(struct machine *m, struct err *err);
	/* Is there such a step on this machine?  NULL: on each.  Otherwise it is skipped. */
	bool (*applies)(const struct machine *m);
};

/* The steps that configure a machine, in the order in which they are applied. */
extern const struct step step_config;
extern const struct step step_accounts;
extern const struct step step_pam;
extern const struct step step_sudo;
extern const struct step step_selinux;
extern const struct step step_sshd;
extern const struct step step_verify;

/* step_verify without its question to the role backend, for who must not wait for a network. */
extern const struct step step_names;

#endif
