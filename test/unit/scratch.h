/* SPDX-License-Identifier: MIT */
/* A scratch machine for tests: a struct sys whose root is an empty directory of the test's own. */
#ifndef TEST_SCRATCH_H
#define TEST_SCRATCH_H

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

struct scratch {
	char dir[64];
	struct sys sys;
	struct sys_ops
		ops; /* the real ones, at first; replace what the test must not do for real */
};

/*
 * Make it; the test fails when that is not possible.  What a test does not come to undo, since it
 * failed, goes when the process ends; what a killed process left, with the next that makes one.
 */
void scratch_open(struct scratch *scratch);
void scratch_done(struct scratch *scratch);

/* Write a file and the directories above it (0755). */
void scratch_write(struct scratch *scratch, const char *path, const char *text, mode_t mode);
void scratch_mkdir(struct scratch *scratch, const char *path, mode_t mode);

/* Add the line of a file with that text, as sha256sum prints it. */
void scratch_add_sum(struct buf *sums, const char *name, const char *text);

/* The file's text, to be freed; NULL when there is none. */
char *scratch_text(struct scratch *scratch, const char *path);

#endif
