/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/num.h"
#include "lib/core/pairs.h"

bool pairs_value(struct span *text, const char *word, struct span *ret)
{
	struct span rest = *text, line, head;

	if (!span_line(&rest, &line) || !span_word(&line, &head) || !span_is(head, word))
		return false;
	*ret = span_trim(line);
	*text = rest;
	return true;
}

bool pairs_number(struct span *text, const char *word, int64_t *ret)
{
	struct span rest = *text, value;
	uint64_t number;

	if (!pairs_value(&rest, word, &value) || !num_parse(value, INT64_MAX / 4, &number))
		return false;
	*ret = (int64_t)number;
	*text = rest;
	return true;
}
