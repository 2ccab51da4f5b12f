/* SPDX-License-Identifier: MIT */
/* What the child says of keys: what is taken is written, and taken again as the same. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "handler/localkeys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct span line)
{
	struct authkey key, again;
	size_t file, file_again;
	AUTO_BUF text = {0};
	struct span rest, written;

	if (!localkeys_take_line(line, &file, &key))
		return;
	if ((unsigned)key.kind >= AUTHKEY_KINDS || !authkey_kind_name(key.kind) || key.line == 0)
		abort();
	localkeys_add_line(file, &key, &text);
	rest = buf_bytes(&text);
	if (!span_line(&rest, &written) || rest.len ||
	    !localkeys_take_line(written, &file_again, &again) || file != file_again ||
	    key.line != again.line || key.kind != again.kind || key.bits != again.bits ||
	    key.authority != again.authority || strcmp(key.fingerprint, again.fingerprint) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {data, size}, line;

	while (span_line(&rest, &line))
		check(line);
	return 0;
}
