/* SPDX-License-Identifier: MIT */
/* For a scratch machine whose programs are only pretended: what they are run with, and what they
 * answer in turn. */
#ifndef TEST_ANSWERS_H
#define TEST_ANSWERS_H

#include "lib/sys/proc.h"
#include "test/unit/scratch.h"

struct answer {
	int status;
	const char *output;
	const char *file; /* that the program leaves, empty; NULL: none */
};

/* A line for each program that was run: what its environment is set to, if that is told, and its
 * arguments. */
extern struct buf answers_commands;

/* Let the machine's programs answer; none does before answers_give. */
void answers_start(struct scratch *machine, bool tell_environ);
void answers_done(void);

/*
 * The answers of those that are run next, and forget what was run.  The list is borrowed; behind
 * its end no program is there, -ENOENT.
 */
void answers_give(const struct answer *list, size_t count);
size_t answers_left(void);

/* What the machine's programs are run by. */
int answers_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		struct err *err);

#endif
