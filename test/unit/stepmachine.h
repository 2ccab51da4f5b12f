/* SPDX-License-Identifier: MIT */
/* A scratch machine on which steps run, with the files of a small Debian. */
#ifndef TEST_STEPMACHINE_H
#define TEST_STEPMACHINE_H

#include "lib/steps/run.h"
#include "test/unit/fakeprograms.h"
#include "test/unit/scratch.h"

struct stepmachine {
	struct scratch scratch;
	struct machine machine;
	struct step_result result; /* of the last run */
	struct err err;
};

extern struct stepmachine sm;

/* cmocka's setup and teardown. */
int stepmachine_open(void **state);
int stepmachine_close(void **state);

/* Run one step; the return value of the runner. */
int stepmachine_apply(const struct step *step);
int stepmachine_revert(const struct step *step);

/* ... which must succeed, and leave this state. */
void stepmachine_must_apply(const struct step *step, enum step_state state);
void stepmachine_must_revert(const struct step *step, enum step_state state);

/* The step must fail with this errno value, exit code and word in its message; all stays. */
void stepmachine_must_refuse(const struct step *step, int code, int outcome, const char *word);

void stepmachine_write(const char *path, const char *text);
bool stepmachine_exists(const char *path);

/* text NULL: there must be no such file. */
void stepmachine_expect(const char *path, const char *text);
void stepmachine_expect_meta(const char *path, mode_t mode, uid_t uid, gid_t gid);

#define STEP_TEST(name) cmocka_unit_test_setup_teardown(name, stepmachine_open, stepmachine_close)

#endif
