/* SPDX-License-Identifier: MIT */
/* Files of the source tree: make check sets srcdir; by hand, tests run from the top of the sources.
 */
#ifndef TEST_SOURCE_H
#define TEST_SOURCE_H

#include "lib/core/buf.h"

/* Append a file, named from the top of the sources; the test fails when there is none. */
void source_read(const char *path, struct buf *ret);

#endif
