/* SPDX-License-Identifier: MIT */
/* state.json: what is accepted is written and read again as the same bytes. */
#include "config.h"

#include <stdlib.h>

#include "handler/state.h"
#include "lib/core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state first = {0}, second = {0};
	struct err err = {0};
	AUTO_BUF once = {0};
	AUTO_BUF twice = {0};

	if (state_parse((struct span){data, size}, &first, &err) < 0)
		return 0;
	if (state_format(&first, &once, &err) < 0 ||
	    state_parse(buf_bytes(&once), &second, &err) < 0 ||
	    state_format(&second, &twice, &err) < 0 ||
	    !span_eq(buf_bytes(&once), buf_bytes(&twice)))
		abort();
	return 0;
}
