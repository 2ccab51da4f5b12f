/* SPDX-License-Identifier: MIT */
#ifndef CORE_DIFF_H
#define CORE_DIFF_H

#include <stdbool.h>

#include "lib/core/buf.h"

#define DIFF_LINES_MAX 500 /* of a changed region, in which common lines are still looked for */

/*
 * Add a unified diff, as `patch -p1` takes it in the root directory: byte for byte, with three
 * lines around each change. path  absolute; what is not plain in it is quoted as patch reads it
 * had, has  there was such a file, and there will be one; a file that comes or goes empty has no
 *           lines to show, so nothing is added, as for texts that are equal
 * Memory: see buf_ok.
 */
void diff_unified(const char *path, struct span before, bool had, struct span after, bool has,
		  struct buf *ret);

/*
 * Make the change that leads from before to after in a text that may have changed elsewhere: all
 * lines from the first that differs to the last, with the line on each side where there is one,
 * must be in it exactly once.  Texts that are equal change nothing.  -ESTALE when they are not
 * there, or more often; -ENOMEM.
 */
int diff_apply(struct span before, struct span after, struct span text, struct buf *ret,
	       struct err *err);

#endif
