/* SPDX-License-Identifier: MIT */
/* A shell in the root of a scratch machine, for tests. */
#ifndef TEST_SHELL_H
#define TEST_SHELL_H

#include "test/unit/scratch.h"

/* What the script prints, to be freed.  The test fails when the script does. */
char *shell_output(struct scratch *scratch, const char *script);
void shell_run(struct scratch *scratch, const char *script);

/* The tree of this test's source, as an absolute path. */
const char *shell_source(void);

#endif
