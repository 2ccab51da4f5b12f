/* SPDX-License-Identifier: MIT */
/* What the programs of the bench share: a clock, and a child that is run to its end. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#define CHILD_OUTPUT_MAX 16384

struct child {
	int64_t ns; /* from before it was made until it was reaped */
	int status; /* as waitpid says it */
	long peak_kb; /* resident, at the most */
	size_t len; /* bytes of output that follow; more were read and thrown away */
	char output[CHILD_OUTPUT_MAX];
};

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_ns(void);

/*
 * Run argv (absolute, NULL at its end) as sshd runs its key command: as this user without further
 * groups, with four variables of environment, and up to twelve more that stand before the command
 * as NAME=VALUE, as in env(1); standard output a pipe that is read to the
 * end.  Its parent is this process.  Returns 0 or -errno; whatever the child does is *ret's.
 */
int child_run(uid_t uid, gid_t gid, char *const argv[], struct child *ret);

#endif
