/* SPDX-License-Identifier: MIT */
/*
 * METRICS_PATH, which the machine's collector of metrics reads.  Its directory is the service
 * user's, in memory, and gone with the boot.
 *
 * MUST:
 *  1. it is written by the service user alone: root has a child do it;
 *  2. nobody waits for it longer than METRICS_WAIT_MS and METRICS_CHILD_MS, and no failure of it
 *     is a failure of anything else;
 *  3. it is replaced whole.
 */
#ifndef SYS_METRICSFILE_H
#define SYS_METRICSFILE_H

#include "lib/core/metrics.h"
#include "lib/sys/sys.h"

#define METRICS_DIR "/run/aadsshlogin/metrics" /* service user 0755 */
#define METRICS_PATH METRICS_DIR "/aadsshlogin.prom"
#define METRICS_WAIT_MS 250 /* for others who write it */
#define METRICS_CHILD_MS 1000 /* root, in all */

/* What happened; the zero value is nothing. */
struct metrics_event {
	bool decided; /* the next three count */
	enum metrics_action action;
	enum reason reason; /* REASON_NONE: accepted */
	int64_t ns; /* how long it took */
	enum reason backend_error; /* REASON_NONE: none */
	uint64_t drift_repairs;
	uint64_t keys_fetched_s, keys_expire_s; /* 0: nothing new is known */
};

/*
 * Count it.  Root goes on as the user of that name, who must be in /etc/passwd and not be root
 * (-ENOENT, -EPERM); anybody else writes itself.  -EBUSY: others took too long; the errors of
 * fs_replace and jail_run.
 */
int metrics_note(struct sys *sys, const char *service_user, const struct metrics_event *event,
		 struct err *err);

/* Remove the file; absent already is success.  The errors of metrics_note. */
int metrics_forget(struct sys *sys, const char *service_user, struct err *err);

#endif
