/* SPDX-License-Identifier: MIT */
/*
 * passwd, shadow and group, which are one text here, and AuthorizedKeysFile, its first line: all
 * that is found lies in the text, and each file of keys is a path on a line of its own.
 */
#include "config.h"

#include <stdlib.h>

#include "lib/core/localuser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span part, struct span text)
{
	if (part.len && (part.p < text.p || part.p + part.len > text.p + text.len))
		abort();
}

static void check(const struct localuser *user, struct span text, struct span setting)
{
	const struct span parts[] = {user->name, user->password, user->home, user->shell};
	struct localuser_shadow shadow = {.expires = false};
	AUTO_BUF files = {0}, groups = {0};
	struct span rest, line;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		inside(parts[i], text);
	(void)localuser_password(user->password);
	if (localuser_shadow(text, user->name, &shadow))
		inside(shadow.password, text);
	localuser_groups(text, user, &groups);
	localuser_key_files(setting, user, &files);
	for (rest = buf_bytes(&files); span_line(&rest, &line);)
		if (line.len == 0 || line.p[0] != '/')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = {data, size}, rest = text, setting = {0};
	struct localuser user;

	(void)span_line(&rest, &setting);
	while (localuser_next(&rest, &user))
		check(&user, text, setting);
	return 0;
}
