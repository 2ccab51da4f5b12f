/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/service.h"
#include "payload/login/places.h"
#include "payload/login/record.h"

#define RECORD_PATH_SIZE 64
#define STAT_MAX 4096
#define STAT_START_WORD 20 /* "starttime", field 22, counted behind the name of the program */

static void record_path(pid_t parent, char ret[RECORD_PATH_SIZE])
{
	(void)snprintf(ret, RECORD_PATH_SIZE, HANDOFF_DIR "/%d", (int)parent);
}

/*
 * Whoever offers a certificate but cannot sign with its key leaves a record that nobody takes.
 * Those of processes that have ended go; kill tells them apart even where /proc hides other users'
 * processes.  What stays must not fill /run.
 */
static int sweep(struct sys *sys, struct err *err)
{
	AUTO_NAMES names = NULL;
	struct err ignored = {0};
	size_t left = 0;
	uint64_t pid;
	int r = fs_list(sys, HANDOFF_DIR, &names, err);

	if (r < 0)
		return r;
	for (size_t i = 0; names[i]; i++)
		if (!num_parse(span_of(names[i]), INT32_MAX, &pid) || pid == 0 ||
		    kill((pid_t)pid, 0) == 0 || errno != ESRCH ||
		    record_remove(sys, (pid_t)pid, &ignored) < 0)
			left++;
	return left < RECORDS_MAX
		       ? 0
		       : err_set(err, ENOSPC, HANDOFF_DIR " holds %zu records already", left);
}

int record_write(struct sys *sys, pid_t parent, const char *name, struct span cert, struct err *err)
{
	const struct fs_meta meta = {.mode = 0600, .uid = geteuid(), .gid = getegid()};
	AUTO_HANDOFF record = {.boottime_ns = sys->ops->boottime_ns(sys)};
	char path[RECORD_PATH_SIZE];
	AUTO_BUF text = {0};
	int r;

	if (!span_copy(span_of(name), record.name, sizeof(record.name)))
		return err_set(err, EINVAL, "the name is too long");
	buf_span(&record.cert, cert);
	r = buf_ok(&record.cert, err);
	if (r == 0)
		r = handoff_format(&record, &text, err);
	if (r < 0)
		return r;
	r = sweep(sys, err);
	record_path(parent, path);
	return r < 0 ? r : fs_replace(sys, path, buf_bytes(&text), &meta, err);
}

int record_remove(struct sys *sys, pid_t parent, struct err *err)
{
	char path[RECORD_PATH_SIZE];

	record_path(parent, path);
	return fs_remove(sys, path, err);
}

int record_process_start(struct sys *sys, pid_t pid, int64_t *ret_ns, struct err *err)
{
	int64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
	char path[RECORD_PATH_SIZE];
	AUTO_BUF text = {0};
	struct span rest, word = {0};
	const char *paren;
	uint64_t ticks;
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = fs_read(sys, path, 0, STAT_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	/* The program's name stands in parentheses and may hold any of them itself. */
	paren = strrchr(buf_text(&text), ')');
	rest = paren ? span_of(paren + 1) : (struct span){0};
	for (int i = 0; i < STAT_START_WORD; i++)
		if (!span_word(&rest, &word))
			return err_set(err, EBADMSG, "%s is not in its form", path);
	if (!num_parse(word, (uint64_t)(INT64_MAX / tick_ns), &ticks))
		return err_set(err, EBADMSG, "%s is not in its form", path);
	*ret_ns = (int64_t)ticks * tick_ns;
	return 0;
}

static int read_record(struct sys *sys, pid_t parent, struct handoff *ret, struct err *err)
{
	struct local_user user;
	char path[RECORD_PATH_SIZE];
	AUTO_BUF text = {0};
	struct stat st;
	int r = service_user_find(sys, &user, err);

	if (r < 0)
		return r;
	record_path(parent, path);
	r = fs_read(sys, path, 0, HANDOFF_MAX, &text, &st, err);
	if (r == -ENOENT) {
		(void)err_set(err, ENOENT, "there is no record of a certificate");
		return reason_add(err, REASON_RECORD_MISSING);
	}
	if (r < 0)
		return reason_add(err, REASON_RECORD_MALFORMED);
	if (st.st_uid != user.uid || st.st_nlink != 1)
		return reason_refuse(err, REASON_RECORD_MALFORMED,
				     "%s is not a file of its own of " SERVICE_USER, path);
	return handoff_parse(buf_bytes(&text), ret, err);
}

/* A record of the tick that its process started in is later: nobody else with that id wrote it. */
static int check_age(struct sys *sys, pid_t parent, const struct handoff *record, struct err *err)
{
	int64_t start_ns = 0;

	if (record_process_start(sys, parent, &start_ns, err) < 0)
		return reason_add(err, REASON_INTERNAL);
	if (record->boottime_ns < start_ns || record->boottime_ns > sys->ops->boottime_ns(sys))
		return reason_refuse(err, REASON_RECORD_STALE,
				     "the record was not written by this login");
	return 0;
}

int record_take(struct sys *sys, pid_t parent, struct handoff *ret, struct err *err)
{
	AUTO_HANDOFF record = {0};
	struct err removal = {0};
	int r = read_record(sys, parent, &record, err);

	if (record_remove(sys, parent, &removal) < 0) {
		*err = removal;
		return reason_add(err, REASON_INTERNAL);
	}
	if (r == 0)
		r = check_age(sys, parent, &record, err);
	if (r < 0)
		return r;
	*ret = record;
	record = (struct handoff){0};
	return 0;
}
