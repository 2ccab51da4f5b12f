/* SPDX-License-Identifier: MIT */
/*
 * Why does, or would, a login end?  The checks of a login for one name in its order, replayed
 * without the network: the same functions as at login, and what the key command and the account
 * phase ask of the machine besides.  Nothing is written but the log of programs that are asked.
 */
#ifndef LOGIN_EXPLAIN_H
#define LOGIN_EXPLAIN_H

#include <stdbool.h>

#include "lib/core/reason.h"
#include "lib/core/span.h"
#include "lib/sys/sys.h"

enum explain_state {
	EXPLAIN_OK,
	EXPLAIN_REFUSED,
	EXPLAIN_SKIPPED, /* cannot be told, or was not reached */
	EXPLAIN_NOTE, /* decides nothing */
};

struct explain_row {
	const char *check; /* stable identifier */
	enum explain_state state;
	enum reason reason; /* REASON_NONE unless refused */
	char seen[ERR_MSG_MAX];
};

#define EXPLAIN_ROWS_MAX 32
#define EXPLAIN_COMMAND_MAX 1024

struct explanation {
	struct explain_row rows[EXPLAIN_ROWS_MAX];
	size_t count;
	const struct explain_row *refusal; /* the first, NULL: would be accepted */
	/* What helps against it, a line for the shell of who may do that; "" when none is known. */
	char command[EXPLAIN_COMMAND_MAX];
};

struct explain_question {
	const char *user; /* as typed */
	bool has_cert;
	struct span cert; /* text of a file as ssh-keygen writes it, hostile */
	const struct err *cert_err; /* why the text could not be read; or NULL */
};

/* Root asks.  Cannot fail: whatever goes wrong is a row. */
void explain(struct sys *sys, const struct explain_question *question, struct explanation *ret);

const char *explain_state_name(enum explain_state state);

#endif
