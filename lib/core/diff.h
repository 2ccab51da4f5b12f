/* SPDX-License-Identifier: MIT */
#ifndef CORE_DIFF_H
#define CORE_DIFF_H

#include "lib/core/buf.h"

#define DIFF_LINES_MAX 500 /* of a changed region, in which common lines are still looked for */

/*
 * Add the lines that differ, in order, `-` before those of before and `+` before those of after,
 * each line after indent.  Control characters are shown as `?`.  No context: for text
 * where a few lines change.  Memory: see buf_ok.
 */
void diff_lines(struct span before, struct span after, const char *indent, struct buf *ret);

/*
 * Make the change that leads from before to after in a text that may have changed elsewhere: all
 * lines from the first that differs to the last, with the line on each side where there is one,
 * must be in it exactly once.  Texts that are equal change nothing.  -ESTALE when they are not
 * there, or more often; -ENOMEM.
 */
int diff_apply(struct span before, struct span after, struct span text, struct buf *ret,
	       struct err *err);

#endif
