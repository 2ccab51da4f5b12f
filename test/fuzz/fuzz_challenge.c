/* SPDX-License-Identifier: MIT */
/* What the metadata service of an Arc machine asks back: whatever is taken is one name, of a key.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[CHALLENGE_NAME_SIZE];
	struct err err = {0};
	size_t len;

	if (challenge_parse((struct span){data, size}, name, &err) < 0)
		return 0;
	len = strnlen(name, sizeof(name));
	if (len < 5 || len == sizeof(name) || name[0] == '.' || strchr(name, '/') ||
	    strcmp(name + len - 4, ".key") != 0)
		abort();
	return 0;
}
