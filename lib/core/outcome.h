/* SPDX-License-Identifier: MIT */
/*
 * How the extension can end.  One row per exit code; the man page and the README table are
 * tested against it.  The numbers are the platform's convention and the known product's.
 */
#ifndef CORE_OUTCOME_H
#define CORE_OUTCOME_H

#include <stddef.h>

enum exit_code {
	EXIT_OK = 0,
	EXIT_COMMAND = 19,
	EXIT_REPOSITORY = 20,
	EXIT_VERIFY = 21,
	EXIT_IDENTITY = 22,
	EXIT_LEGACY = 23,
	EXIT_PACKAGE = 24,
	EXIT_SSHD = 25,
	EXIT_LOCK = 26,
	EXIT_DEADLINE = 27,
	EXIT_UNSUPPORTED = 51,
	EXIT_DEPENDENCY = 52,
	EXIT_SETTINGS = 53,
};

struct outcome {
	int code;
	const char *name; /* stable identifier, as in "identity-missing" */
	const char *message; /* the usual cause, a clause */
	const char *remedy; /* what to do when the failure itself does not say better */
};

/* The whole table, in the order of the codes. */
const struct outcome *outcome_table(size_t *ret_count);

/* The row of a code; an unknown code gets the row of EXIT_VERIFY, never success. */
const struct outcome *outcome_find(int code);

#endif
