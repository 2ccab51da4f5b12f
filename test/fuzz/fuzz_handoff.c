/* SPDX-License-Identifier: MIT */
/* The hand-off record: what is read can be written, and is then read as the same. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/handoff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_HANDOFF record = {0};
	AUTO_HANDOFF again = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	if (handoff_parse((struct span){data, size}, &record, &err) < 0)
		return 0;
	if (handoff_format(&record, &text, &err) < 0 ||
	    handoff_parse(buf_bytes(&text), &again, &err) < 0 ||
	    again.boottime_ns != record.boottime_ns || strcmp(again.name, record.name) != 0 ||
	    !span_eq(buf_bytes(&again.cert), buf_bytes(&record.cert)))
		abort();
	return 0;
}
