/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "test/unit/source.h"

#define CHUNK 4096

void source_read(const char *path, struct buf *ret)
{
	const char *srcdir = getenv("srcdir");
	char name[4096];
	FILE *file;
	size_t got;

	(void)snprintf(name, sizeof(name), "%s/%s", srcdir ? srcdir : ".", path);
	file = fopen(name, "re");
	if (!file)
		fail_msg("cannot open %s", name);
	do {
		char *room = buf_room(ret, CHUNK);

		assert_non_null(room);
		got = fread(room, 1, CHUNK, file);
		ret->len += got;
	} while (got);
	assert_int_equal(fclose(file), 0);
	buf_add(ret, "", 0); /* ends the text */
}
