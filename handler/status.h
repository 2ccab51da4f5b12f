/* SPDX-License-Identifier: MIT */
/*
 * <sequence>.status: how the agent, and so the portal and the command line, learn what came of a
 * command.  Source: WALinuxAgent, ga/exthandlers.py, collect_ext_status.
 *
 * MUST:
 *  1. A terminal status (success or error) is never replaced by transitioning, but for the copy of
 *     another version's that an update begins with.
 *  2. The file is at most STATUS_FILE_MAX bytes of ASCII, each message at most STATUS_MESSAGE_MAX:
 * the agent cuts longer ones where it likes.
 */
#ifndef HANDLER_STATUS_H
#define HANDLER_STATUS_H

#include <limits.h>

#include "lib/core/buf.h"
#include "lib/steps/run.h"
#include "lib/sys/sys.h"

#define STATUS_MESSAGE_MAX 1000
#define STATUS_FILE_MAX ((size_t)100 << 10)

enum status_value { STATUS_NONE, STATUS_TRANSITIONING, STATUS_SUCCESS, STATUS_ERROR };

struct status {
	const char *operation; /* "Enable" */
	enum status_value value;
	int code; /* the exit code */
	const char *cause; /* the message's first line */
	const char *remedy; /* its second, may be empty */
	int64_t time_s; /* since 1970 */
	const struct step_result *results; /* a substatus for each that was reached */
	size_t count;
};

/*
 * Add to the message of what went well the gravest warning, on one line, after the names of the
 * steps that have one to be told here (see machine_warn): that one's first.
 * Source for who reads it: az and Azure Policy show a command's message, and no substatus.
 */
void status_warn(const struct step_result *results, size_t count, char message[STATUS_MESSAGE_MAX]);

/* The file's text.  -ENOMEM. */
int status_build(const struct status *status, struct buf *ret, struct err *err);

/* <status_folder>/<sequence>.status */
void status_path(const char *status_folder, int64_t sequence, char ret[PATH_MAX]);

/*
 * Publish under the status folder, which is made if it is missing.  When that fails the substatuses
 * are left out, and then the status that is there is written over: on a full disk, too, none may
 * stand that is not so any more.  -ENOMEM, and the errors of fs_replace and fs_overwrite.
 */
int status_publish(struct sys *sys, const char *status_folder, int64_t sequence,
		   const struct status *status, struct err *err);

/* What stands for this sequence number; STATUS_NONE also for a file that cannot be understood. */
enum status_value status_standing(struct sys *sys, const char *status_folder, int64_t sequence);
/* The same, if it is of that operation. */
enum status_value status_standing_of(struct sys *sys, const char *status_folder, int64_t sequence,
				     const char *operation);

#endif
