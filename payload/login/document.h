/* SPDX-License-Identifier: MIT */
/* What the programs for people tell: one JSON document, as it is or as lines. */
#ifndef LOGIN_DOCUMENT_H
#define LOGIN_DOCUMENT_H

#include "lib/core/json.h"

/*
 * Print an object to standard output: as JSON, or "key: value" lines, a line for each object of an
 * array, broken where the terminal ends.  Returns COMMAND_OK, or COMMAND_FAILED when it cannot be
 * written.
 */
int document_print(json_t *document, bool as_json);

/*
 * Print the outcome of a program that does one thing: for r 0 the document with "ok" true before
 * the rest; for a failure {"ok": false, "problem", "remedy"}, or without as_json both as lines on
 * standard error.  Returns the exit status.
 */
int document_outcome(const char *program, bool as_json, json_t *document, int r,
		     const struct err *err);

/* Say in the document what is wrong: "ok" false, "problem", "remedy" unless there is none. */
int document_problem(json_t *document, const struct err *problem, struct err *err);

#endif
