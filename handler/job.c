/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler/files.h"
#include "handler/job.h"
#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/sys/lock.h"

void job_say(int fd, const char *text)
{
	if (fd >= 0)
		(void)dprintf(fd, "%s\n", text);
}

void job_mention(struct job *job, const char *what, const struct err *err)
{
	if (job->command->err >= 0)
		(void)dprintf(job->command->err, "note: %s: %s\n", what, err->msg);
	log_line(&job->log, LOG_LEVEL_WARNING, "%s: %s", what, err->msg);
}

/*
 * Where the status goes: what HandlerEnvironment.json says, and while it cannot be read, where the
 * agent has it as a rule.  -ENOENT when there is no such folder, or no sequence number.
 */
static int find_status(struct job *job, char ret[PATH_MAX], int64_t *ret_sequence)
{
	const char *folder = job->session.environment.status_folder;
	const char *told = job->command->sequence;
	struct err ignored = {0};
	uint64_t number = 0;
	struct stat st;

	*ret_sequence = job->session.sequence;
	if (folder && *ret_sequence >= 0)
		return span_copy(span_of(folder), ret, PATH_MAX) ? 0 : -ENOENT;
	if (folder || !told || !num_parse(span_of(told), INT32_MAX, &number))
		return -ENOENT;
	*ret_sequence = (int64_t)number;
	(void)snprintf(ret, PATH_MAX, "%s/status", job->command->folder);
	if (fs_lstat(job->sys, ret, &st, &ignored) < 0 || !S_ISDIR(st.st_mode))
		return -ENOENT;
	return 0;
}

void job_publish(struct job *job, enum status_value value, int code, const char *cause,
		 const char *remedy)
{
	const struct status status = {
		.operation = job->verb->operation,
		.value = value,
		.code = code,
		.cause = cause,
		.remedy = remedy,
		.time_s = sys_realtime_s(job->sys),
		.results = job->results,
		.count = job->ran ? job->table.count : 0,
	};
	struct err err = {0};
	char folder[PATH_MAX];
	int64_t sequence;

	if (find_status(job, folder, &sequence) < 0)
		return;
	if (status_publish(job->sys, folder, sequence, &status, &err) < 0)
		job_mention(job, "cannot publish the status", &err);
}

bool job_is_terminal(enum status_value value)
{
	return value == STATUS_SUCCESS || value == STATUS_ERROR;
}

enum status_value job_standing(struct job *job)
{
	char folder[PATH_MAX];
	int64_t sequence;

	if (find_status(job, folder, &sequence) < 0)
		return STATUS_NONE;
	return status_standing(job->sys, folder, sequence);
}

enum status_value job_own_standing(struct job *job)
{
	char folder[PATH_MAX];
	int64_t sequence;

	if (find_status(job, folder, &sequence) < 0)
		return STATUS_NONE;
	return status_standing_of(job->sys, folder, sequence, job->verb->operation);
}

void job_mrseq_path(const struct job *job, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/mrseq", job->command->folder);
}

/* mrseq is a convention between handlers and agent.  Nothing here is skipped because of it. */
bool job_note_sequence(struct job *job)
{
	const struct fs_meta meta = files_meta(job->sys, 0600);
	char path[PATH_MAX], text[24];
	struct err err = {0};
	AUTO_BUF old = {0};

	job_mrseq_path(job, path);
	(void)snprintf(text, sizeof(text), "%lld", (long long)job->session.sequence);
	if (fs_read(job->sys, path, 0, sizeof(text), &old, NULL, &err) == 0 &&
	    strcmp(buf_text(&old), text) == 0)
		return true;
	if (fs_replace(job->sys, path, span_of(text), &meta, &err) == 0)
		return true;
	job_mention(job, "cannot write mrseq", &err);
	return false;
}

void job_done(struct job *job)
{
	job->sys->waiting = NULL;
	job->sys->spent = NULL;
	if (job->lock >= 0)
		lock_end(job->lock);
	if (job->log.fd >= 0)
		(void)close(job->log.fd);
	session_done(&job->session);
	witness_done(&job->witness);
	free(job->results);
}
