/* SPDX-License-Identifier: MIT */
/* Sudoers: what is found lies within the text, on the line that is told, and the reader ends. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/sudoers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned line_of(struct span text, const unsigned char *at)
{
	unsigned line = 1;

	for (const unsigned char *p = text.p; p < at; p++)
		line += *p == '\n';
	return line;
}

static void check_span(struct span text, struct span part)
{
	if (part.p && (part.p < text.p || part.p + part.len > text.p + text.len))
		abort();
}

static void check_item(struct span text, const struct sudoers_item *item)
{
	bool path = item->kind == SUDOERS_FILE || item->kind == SUDOERS_DIRECTORY;

	check_span(text, item->name);
	check_span(text, item->value);
	/* A name in quotes may go over several lines: the last counts. */
	if (item->line != line_of(text, path ? item->name.p + item->name.len : item->name.p))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {.p = data, .len = size};
	struct sudoers_reader in = {.rest = text};
	struct sudoers_item item;

	for (size_t left = size; sudoers_next(&in, &item); left = in.rest.len) {
		check_item(text, &item);
		if (in.rest.len >= left)
			abort();
	}
	if (in.rest.len)
		abort();
	(void)sudoers_includes_dir(text);
	(void)sudoers_facts(text);
	return 0;
}
