/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "test/unit/shell.h"

char *shell_output(struct scratch *scratch, const char *script)
{
	AUTO_BUF command = {0}, out = {0};
	char chunk[4096];
	size_t got;
	FILE *pipe;

	buf_printf(&command, "cd '%s' && { %s\n}", scratch->dir, script);
	pipe = popen(buf_text(&command), "re");
	assert_non_null(pipe);
	while ((got = fread(chunk, 1, sizeof(chunk), pipe)))
		buf_add(&out, chunk, got);
	if (pclose(pipe) != 0)
		fail_msg("%s", script);
	return out.data ? buf_steal(&out) : strdup("");
}

void shell_run(struct scratch *scratch, const char *script)
{
	free(shell_output(scratch, script));
}

const char *shell_source(void)
{
	static char path[PATH_MAX];
	const char *srcdir = getenv("srcdir");

	assert_non_null(realpath(srcdir ? srcdir : ".", path));
	return path;
}
