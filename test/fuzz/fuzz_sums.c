/* SPDX-License-Identifier: MIT */
/* SHA256SUMS: what is taken for a line, written again, is the same line, and leads nowhere else. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "handler/sums.h"
#include "lib/core/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {.p = data, .len = size};
	AUTO_BUF again = {0};
	struct sum sum;
	int r;

	while ((r = sums_next(&rest, &sum)) > 0) {
		if (sum.name[0] == '/' || strstr(sum.name, "..") ||
		    strlen(sum.sha256) != SUM_HEX_SIZE - 1)
			abort();
		buf_printf(&again, "%s  %s\n", sum.sha256, sum.name);
	}
	/* The last line may lack its newline. */
	if (r == 0 && (again.len < size || memcmp(buf_text(&again), data, size) != 0))
		abort();
	return 0;
}
