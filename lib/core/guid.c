/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/guid.h"

bool guid_valid(struct span text)
{
	if (text.len != GUID_LEN)
		return false;
	for (size_t i = 0; i < GUID_LEN; i++) {
		unsigned char c = text.p[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}
