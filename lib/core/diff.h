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

#endif
