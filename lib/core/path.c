/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/path.h"

static bool component_valid(struct span part)
{
	for (size_t i = 0; i < part.len; i++)
		if (part.p[i] < 0x20 || part.p[i] == 0x7f || part.p[i] == ':')
			return false;
	return part.len && part.len <= PATH_COMPONENT_MAX && !span_is(part, ".") &&
	       !span_is(part, "..");
}

bool path_valid(struct span path)
{
	struct span slash, part;

	if (path.len == 0 || path.len > PATH_BYTES_MAX)
		return false;
	while (path.len) {
		size_t len = 1;

		while (len < path.len && path.p[len] != '/')
			len++;
		(void)span_take(&path, 1, &slash);
		(void)span_take(&path, len - 1, &part);
		if (slash.p[0] != '/' || !component_valid(part))
			return false;
	}
	return true;
}
