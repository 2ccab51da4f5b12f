/* SPDX-License-Identifier: MIT */
/* Numbers in text: digits alone, nothing before or after, checked against a maximum. */
#ifndef CORE_NUM_H
#define CORE_NUM_H

#include "lib/core/span.h"

/* False, and *ret untouched, unless text is 1 to 20 decimal digits of at most max. */
bool num_parse(struct span text, uint64_t max, uint64_t *ret);

#endif
