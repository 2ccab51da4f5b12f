/* SPDX-License-Identifier: MIT */
/*
 * STATE_DIR/state.json: what the handler remembers from one command to the next.
 *
 * Invariants:
 *  1. Nothing depends on it for being right: without it, or with a corrupt one, every command looks
 *     at the machine and converges.  It keeps an old version's uninstall from undoing a new
 *     version's work.
 *  2. It holds no secret.
 */
#ifndef HANDLER_STATE_H
#define HANDLER_STATE_H

#include "lib/steps/run.h"
#include "lib/sys/fs.h"

#define STATE_PATH STATE_DIR "/state.json"
#define STATE_MAX ((size_t)1 << 20) /* bytes that are still read */
#define STATE_STEPS_MAX 16
#define VERSION_SIZE 32 /* of a version's text, with its NUL */

struct state_step {
	char name[32];
	char result[16]; /* step_state_name */
};

/* The zero value is a machine that nobody has touched. */
struct state {
	char owner[VERSION_SIZE]; /* the version whose work is in force, "" for none */
	int64_t since_s; /* when that version first was in force */
	char source[16]; /* package_source_name of what is in force; "" when not known */
	bool partly_removed; /* an uninstall of it has failed half-way */
	int64_t sequence; /* of the last command that did its work */
	/* How the last command that did more than look ended. */
	char verb[16]; /* "" for none */
	int code; /* exit code */
	int64_t time_s;
	char message[ERR_MSG_MAX];
	struct state_step steps[STATE_STEPS_MAX];
	size_t step_count;
};

/* -EBADMSG not of this shape, or of another schema version; -ENOMEM.  *ret is untouched then. */
int state_parse(struct span text, struct state *ret, struct err *err);
int state_format(const struct state *state, struct buf *ret, struct err *err);

/* -ENOENT there is none, and the errors of fs_read and state_parse. */
int state_read(struct sys *sys, struct state *ret, struct err *err);

/* Into STATE_DIR, which must be there. */
int state_write(struct sys *sys, const struct state *state, struct err *err);

/* "1.0.0.0": digits and dots that fit VERSION_SIZE. */
bool version_valid(const char *text);

#endif
