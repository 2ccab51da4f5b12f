/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/num.h"

bool num_parse(struct span text, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (text.len == 0 || text.len > 20)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(text.p[i] - '0');

		if (digit > 9 || digit > max || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return true;
}
