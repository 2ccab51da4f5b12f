/* SPDX-License-Identifier: MIT */
/* The record of the last sign-in: what is read can be written, and is read as the same. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/lastlogin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lastlogin last, again;
	AUTO_BUF text = {0};
	struct err err = {0};

	if (lastlogin_parse((struct span){data, size}, &last, &err) < 0)
		return 0;
	if (lastlogin_format(&last, &text, &err) < 0 ||
	    lastlogin_parse(buf_bytes(&text), &again, &err) < 0 ||
	    memcmp(&last, &again, sizeof(last)) != 0)
		abort();
	return 0;
}
