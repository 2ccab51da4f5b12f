/* SPDX-License-Identifier: MIT */
/*
 * Two lines: what somebody typed, and user_domains.  A name that is ours has our shape and a home
 * of its own, and would be a whole field of a passwd line.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *lower)
{
	char home[HOME_SIZE], again[NAME_SIZE];

	if (!name_lower(lower, again, sizeof(again)) || strcmp(lower, again) != 0)
		abort();
	if (strpbrk(lower, "/: \t\n\r,%*?\\\"$()") || lower[0] == '-' || lower[0] == '#')
		abort();
	if (!name_home(SPAN_LIT("/home/%u"), lower, home, sizeof(home)) ||
	    strcmp(home + strlen("/home/"), lower) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size}, typed, domains = {0};
	char name[NAME_SIZE], lower[NAME_SIZE], home[HOME_SIZE];

	if (!span_line(&in, &typed) || !span_copy(typed, name, sizeof(name)))
		return 0;
	(void)span_line(&in, &domains);
	(void)name_domains_valid(domains);
	(void)name_admin_group_valid(domains);
	if (!name_lower(name, lower, sizeof(lower)))
		abort();
	(void)name_home(domains, lower, home, sizeof(home));
	if (name_shaped(lower))
		check(lower);
	else if (name_ours(lower, domains))
		abort();
	return 0;
}
