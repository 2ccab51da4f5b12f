/* SPDX-License-Identifier: MIT */
/* Numbers that were taken from any text are written, and taken again as the same. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct metrics metrics, again;
	AUTO_BUF text = {0};

	metrics_parse((struct span){data, size}, &metrics);
	metrics_format(&metrics, &text);
	if (text.failed || text.len > METRICS_MAX)
		abort();
	metrics_parse(buf_bytes(&text), &again);
	if (memcmp(&metrics, &again, sizeof(metrics)) != 0)
		abort();
	return 0;
}
