/* SPDX-License-Identifier: MIT */
/* What every verb starts with: the agent's folders, the owner's settings, the machine to work on.
 */
#ifndef HANDLER_SESSION_H
#define HANDLER_SESSION_H

#include "handler/environment.h"
#include "handler/extension.h"
#include "handler/settings.h"
#include "lib/steps/step.h"

struct session {
	struct sys *sys;
	struct environment environment; /* folders are NULL when it could not be read */
	int64_t sequence; /* -1: not known */
	struct buf settings_text;
	char settings_hash[SETTINGS_HASH_SIZE];
	struct settings settings;
	struct extension extension;
	struct machine machine;
};

#define SESSION_INIT(door)                                                                         \
	{                                                                                          \
		.sys = (door), .sequence = -1, .settings = SETTINGS_INIT,                          \
		.machine = {.log_fd = -1},                                                         \
	}

/*
 * Find the folders and the settings, but do not look into the settings yet.  sequence is
 * ConfigSequenceNumber or NULL.  The errors of environment_read, settings_sequence and
 * settings_load, all with outcome EXIT_SETTINGS.
 */
int session_find(struct session *session, const char *folder, const char *sequence,
		 struct err *err);

/* Parse what session_find found: the settings' errors.  What it did not find stays at the defaults.
 */
int session_parse(struct session *session, struct err *err);

/* Make the machine ready for steps.  -ENOMEM. */
int session_start(struct session *session, const char *folder, const char *version,
		  struct err *err);

void session_done(struct session *session);

#endif
