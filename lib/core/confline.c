/* SPDX-License-Identifier: MIT */
/* The part of conf.h that the NSS and PAM modules use: libc alone. */
#include "config.h"

#include <string.h>

#include "lib/core/conf.h"
#include "lib/core/num.h"
#include "lib/core/uid.h"

#define RANGE_SIZE_MIN 1024

bool conf_next(struct span *text, struct span *ret_keyword, struct span *ret_value)
{
	struct span line, keyword;

	while (span_line(text, &line)) {
		if (!span_word(&line, &keyword) || keyword.p[0] == '#')
			continue;
		*ret_keyword = keyword;
		*ret_value = span_trim(line);
		return true;
	}
	return false;
}

bool conf_uid_range(struct span value, uint32_t *ret_first, uint32_t *ret_last)
{
	const unsigned char *dash = value.len ? memchr(value.p, '-', value.len) : NULL;
	struct span low, high = value, sign;
	uint64_t first, last;

	if (!dash || !span_take(&high, (size_t)(dash - value.p), &low) ||
	    !span_take(&high, 1, &sign) || !num_parse(low, UID_HIGHEST, &first) ||
	    !num_parse(high, UID_HIGHEST, &last) || first < UID_LOWEST || last < first ||
	    last - first + 1 < RANGE_SIZE_MIN)
		return false;
	*ret_first = (uint32_t)first;
	*ret_last = (uint32_t)last;
	return true;
}
