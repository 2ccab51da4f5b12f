/* SPDX-License-Identifier: MIT */
/* Lines of a seal: what is accepted is written and read again as the same bytes. */
#include "config.h"

#include <stdlib.h>

#include "handler/seal.h"
#include "lib/core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a step said is all of the line. */
static void check_said(struct span line)
{
	static const char *const words[] = {"said", "risk", "shut"};
	struct span rest = line;
	AUTO_BUF again = {0};
	struct said said;

	if (!seal_next_said(&rest, &said))
		return;
	buf_printf(&again, "%s ", words[said.gravity]);
	buf_span(&again, said.step);
	buf_str(&again, " ");
	buf_span(&again, said.note);
	if (!span_eq(buf_bytes(&again), line))
		abort();
}

static void check(struct span line)
{
	struct sighting first, second;
	char path[PATH_MAX], again[PATH_MAX];
	AUTO_BUF once = {0};
	AUTO_BUF twice = {0};
	struct span rest, written;

	if (!seal_take_line(line, path, &first))
		return;
	seal_add_line(&first, &once);
	rest = buf_bytes(&once);
	if (!span_line(&rest, &written) || rest.len || !seal_take_line(written, again, &second))
		abort();
	seal_add_line(&second, &twice);
	if (!span_eq(buf_bytes(&once), buf_bytes(&twice)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {data, size}, line;

	while (span_line(&rest, &line)) {
		check(line);
		check_said(line);
	}
	return 0;
}
