/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "handler/files.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"

#define EVENT_MESSAGE_MAX 3000 /* the agent cuts at 3072 */

struct fs_meta files_meta(const struct sys *sys, mode_t mode)
{
	return (struct fs_meta){.mode = mode, .uid = sys->owner, .gid = sys->owner ? getegid() : 0};
}

int files_open_log(struct sys *sys, const char *folder, const char *name, struct err *err)
{
	const struct fs_meta meta = files_meta(sys, 0755);
	char path[PATH_MAX], old[PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	(void)snprintf(old, sizeof(old), "%s/%s.1", folder, name);
	if (!fs_exists(sys, folder) && fs_mkdir(sys, folder, &meta, err) < 0)
		return -err->code;
	if (fs_lstat(sys, path, &st, err) == 0 && st.st_size > LOG_FILE_MAX &&
	    fs_rename(sys, path, old, err) < 0)
		return -err->code;
	return fs_open(sys, path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600, err);
}

/* The agent wants every key, and process and thread as strings. */
static char *event_text(struct sys *sys, const struct event *event)
{
	char time[TIME_TEXT_SIZE], pid[24], message[EVENT_MESSAGE_MAX + 1];
	AUTO_JSON *json = NULL;

	time_text(sys_realtime_s(sys), time);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	ascii_text(event->message, message, sizeof(message));
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Version", event->version,
			 "Timestamp", time, "TaskName", event->task, "EventLevel",
			 event->failed ? "Error" : "Informational", "Message", message, "EventPid",
			 pid, "EventTid", pid, "OperationId", event->operation);
	return json ? json_text(json, JSON_ENSURE_ASCII) : NULL;
}

int files_put_event(struct sys *sys, const char *log_folder, const char *events_folder,
		    const struct event *event, struct err *err)
{
	const struct fs_meta meta = files_meta(sys, 0600);
	AUTO_FREE char *text = event_text(sys, event);
	char made[PATH_MAX], handed[PATH_MAX];

	if (!text)
		return err_oom(err);
	(void)snprintf(made, sizeof(made), "%s/event-%ld.tmp", log_folder, (long)getpid());
	(void)snprintf(handed, sizeof(handed), "%s/%lld%09lld.json", events_folder,
		       (long long)sys_realtime_s(sys),
		       (long long)(sys->ops->boottime_ns(sys) % 1000000000));
	if (fs_replace(sys, made, span_of(text), &meta, err) < 0)
		return -err->code;
	if (fs_rename(sys, made, handed, err) < 0) {
		(void)fs_remove(sys, made, &(struct err){0});
		return -err->code;
	}
	return 0;
}
