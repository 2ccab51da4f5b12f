/* SPDX-License-Identifier: MIT */
/* Readers for lines of `word value`: false, *text untouched, unless the next line is one. */
#ifndef CORE_PAIRS_H
#define CORE_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/span.h"

bool pairs_value(struct span *text, const char *word, struct span *ret);
bool pairs_number(struct span *text, const char *word, int64_t *ret);

#endif
