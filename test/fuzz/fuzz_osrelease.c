/* SPDX-License-Identifier: MIT */
/* Any bytes: what is accepted holds nothing outside its alphabet. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/osrelease.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789._- ";

	if (strspn(text, alphabet) != strlen(text))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct osrelease os;
	struct err err = {0};

	if (osrelease_parse((struct span){data, size}, &os, &err) < 0)
		return 0;
	check(os.id);
	check(os.id_like);
	check(os.version_id);
	check(os.codename);
	return 0;
}
