/* SPDX-License-Identifier: MIT */
/*
 * How the machine is, for `aadssh-handler status`: what is installed, since when, with which
 * outcome, from where, and who signed in last.  Asks no network and judges nothing: that is
 * check's.
 */
#ifndef HANDLER_STANDING_H
#define HANDLER_STANDING_H

#include <jansson.h>

#include "handler/state.h"
#include "handler/steps/selection.h"
#include "lib/core/lastlogin.h"

#define STANDING_NOTES 4

struct standing_package {
	const char *name;
	struct pkg_status status;
};

struct standing {
	struct state state;
	bool known; /* there is a state */
	struct standing_package packages[PACKAGES];
	size_t package_count;
	/* Of this boot. */
	struct lastlogin accepted, refused;
	bool was_accepted, was_refused;
	char notes[STANDING_NOTES][NOTE_MAX]; /* what could not be told, and why */
	size_t note_count;
};

/*
 * Only files that root alone can write are believed.  What is not known is in the notes, but for
 * the state itself: the errors of state_read, without -ENOENT, with a remedy.
 */
int standing_learn(struct sys *sys, struct standing *ret, struct err *err);

void standing_text(const struct standing *standing, struct buf *ret);

/* The document of manifest/status.schema.json, whose keys never change; NULL without memory. */
json_t *standing_json(const struct standing *standing);

#endif
