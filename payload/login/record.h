/* SPDX-License-Identifier: MIT */
/*
 * The hand-off record of one login: sshd's process runs the key command and later the account
 * phase, so its process id names the file.  Written by SERVICE_USER, taken by root.
 */
#ifndef LOGIN_RECORD_H
#define LOGIN_RECORD_H

#include <sys/types.h>

#include "lib/core/handoff.h"
#include "lib/sys/sys.h"

#define RECORDS_MAX 4096

/*
 * Leave the record, which replaces an earlier one of this process, and remove those of processes
 * that have ended.  cert is the wire form.  -ENOSPC: RECORDS_MAX are there even so.
 */
int record_write(struct sys *sys, pid_t parent, const char *name, struct span cert,
		 struct err *err);

/*
 * When a process started, by CLOCK_BOOTTIME.  The kernel tells it in ticks, rounded down.
 * -ENOENT, -EBADMSG, or another failure to read /proc.
 */
int record_process_start(struct sys *sys, pid_t pid, int64_t *ret_ns, struct err *err);

/* Absent already is success. */
int record_remove(struct sys *sys, pid_t parent, struct err *err);

/*
 * Read the record of a process and unlink it, whatever it holds.  Taken for hostile: it must be
 * SERVICE_USER's own regular file with one name, and written after the process started.
 * Failures carry their reason: record-missing (-ENOENT), record-stale, record-malformed,
 * internal-error (it cannot be removed; the start of the process cannot be told).
 */
int record_take(struct sys *sys, pid_t parent, struct handoff *ret, struct err *err);

#endif
