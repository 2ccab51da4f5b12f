/* SPDX-License-Identifier: MIT */
/*
 * The verbs for people: they look and change nothing.  Each returns the exit code; failures are
 * one line on standard error, and with json {"error": {...}} on standard output too.  What cannot
 * be printed is EXIT_DEPENDENCY.
 */
#ifndef HANDLER_INSPECT_H
#define HANDLER_INSPECT_H

#include <jansson.h>

#include "handler/verbs.h"
#include "lib/core/screen.h"

/* Which verb a plan is of. */
enum plan_for {
	PLAN_LIKELY, /* update where another version is in force, otherwise install */
	PLAN_INSTALL,
	PLAN_UPDATE,
	PLAN_UNINSTALL,
};

/* By its name; false when there is no plan of such a verb. */
bool inspect_plan_for(const char *verb, enum plan_for *ret);

struct query {
	bool json;
	struct screen screen; /* what standard output is */
	const char *only; /* a link of check or a step, for check and plan; NULL: all */
	enum plan_for plan_for; /* for plan */
	const char *os_release; /* for platform: name of a file, NULL: the machine's own */
	int os_release_fd; /* which is open for reading here */
	const char *folder; /* for collect: where one works, absolute */
	const char *output; /* for collect: a file or folder, absolute; NULL: below folder */
	bool keep_names; /* for collect */
};

/* Print a text or, where that is NULL, a document, which is consumed.  The exit code. */
int inspect_print(const struct command *command, const struct buf *text, json_t *json);

/* Print a failure.  Returns its exit code, or the fallback where it asks for none. */
int inspect_fail(const struct command *command, const struct query *query, const struct err *err,
		 int fallback);

/* 0 all well, 1 with notes, 2 something failed; see check.h. */
int inspect_check(struct sys *sys, const struct command *command, const struct query *query);

/*
 * 0, or what the verb itself would end with; a step that cannot be told before those above it are
 * in force says so.  EXIT_SETTINGS or EXIT_IDENTITY when nothing can be told.
 */
int inspect_plan(struct sys *sys, const struct command *command, const struct query *query);

/* 0, also when nothing is installed; EXIT_DEPENDENCY when the state cannot be read. */
int inspect_status(struct sys *sys, const struct command *command, const struct query *query);

/*
 * 0, or EXIT_VERIFY when the folder or an installed package is not as it was packed;
 * EXIT_SETTINGS when it cannot be told what should be there.
 */
int inspect_verify(struct sys *sys, const struct command *command, const struct query *query);

/*
 * 0, also for a platform that is not supported; EXIT_DEPENDENCY when a file cannot be read,
 * EXIT_SETTINGS when one does not say what it should.
 */
int inspect_platform(struct sys *sys, const struct command *command, const struct query *query);

#endif
