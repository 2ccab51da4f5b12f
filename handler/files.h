/* SPDX-License-Identifier: MIT */
/* The handler's own files in the agent's folders: logs and telemetry events. */
#ifndef HANDLER_FILES_H
#define HANDLER_FILES_H

#include "lib/core/buf.h"
#include "lib/sys/fs.h"

#define LOG_FILE_MAX ((off_t)1 << 20) /* bytes; a longer log is put aside, one old log is kept */

/* Mode, and the owner of everything that the handler writes. */
struct fs_meta files_meta(const struct sys *sys, mode_t mode);

/*
 * Open <folder>/<name> for appending, after a file over LOG_FILE_MAX was renamed to <name>.1.  The
 * folder is made if it is missing.  Returns a descriptor or -errno.
 */
int files_open_log(struct sys *sys, const char *folder, const char *name, struct err *err);

struct event {
	const char *version; /* of the extension */
	const char *task; /* the verb */
	const char *operation; /* what belongs together, a sequence number */
	const char *message;
	bool failed;
};

/*
 * Hand a telemetry event to the agent.  Source: WALinuxAgent, ga/collect_telemetry_events.py.
 * The agent empties the events folder, half-written files too, so the file is made in the log
 * folder, which is on the same file system, and renamed.  -errno; nothing depends on it.
 */
int files_put_event(struct sys *sys, const char *log_folder, const char *events_folder,
		    const struct event *event, struct err *err);

#endif
