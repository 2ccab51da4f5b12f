/* SPDX-License-Identifier: MIT */
/* Another process that holds a lock on a file of a scratch machine, as dpkg does. */
#ifndef TEST_LOCKHOLDER_H
#define TEST_LOCKHOLDER_H

#include <sys/types.h>

#include "test/unit/scratch.h"

/* Lock the empty file that is made at path; the process lives until lockholder_end. */
pid_t lockholder_start(struct scratch *scratch, const char *path);

/* Kill and reap it; *holder is 0 afterwards, and may be 0 before. */
void lockholder_end(pid_t *holder);

#endif
