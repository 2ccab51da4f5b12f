/* SPDX-License-Identifier: MIT */
/* authorized_keys: whatever is found is on a line of its own, and in a text of that line alone too.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/authkeys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span line_of(struct span text, unsigned number)
{
	struct span line = {0};

	while (number-- > 0)
		if (!span_line(&text, &line))
			abort();
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct authkeys in = {.rest = {data, size}};
	struct err err = {0};
	struct authkey key, again;
	unsigned last = 0;

	while (authkeys_next(&in, &key, &err) == 1) {
		struct authkeys one = {.rest = line_of((struct span){data, size}, key.line)};

		if (key.line <= last || strlen(key.fingerprint) != CERT_FINGERPRINT_SIZE - 1 ||
		    authkeys_next(&one, &again, &err) != 1 || again.kind != key.kind ||
		    again.bits != key.bits || again.authority != key.authority ||
		    strcmp(again.fingerprint, key.fingerprint) != 0)
			abort();
		last = key.line;
	}
	return 0;
}
