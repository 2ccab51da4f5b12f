/* SPDX-License-Identifier: MIT */
/* authselect.conf: what is understood becomes arguments; renaming there and back changes nothing.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/authselect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {.p = data, .len = size};
	struct authselect_choice choice, renamed;
	AUTO_BUF there = {0}, back = {0};
	struct span profile, user;
	struct err err = {0};

	authselect_split(text, &profile, &user);
	if (profile.len + user.len > size || !authselect_same(text, text))
		abort();
	/* With a longer name it must still fit. */
	if (size > AUTHSELECT_TEXT_MAX / 2 || authselect_parse(text, &choice, &err) < 0)
		return 0;
	for (size_t i = 0; i < choice.count; i++)
		if (choice.words[i][0] == '-' || strstr(choice.words[i], ".."))
			abort();
	if (authselect_rename(text, "custom/x", &there, &err) < 0 ||
	    authselect_parse(buf_bytes(&there), &renamed, &err) < 0 ||
	    strcmp(renamed.words[0], "custom/x") != 0 || renamed.count != choice.count ||
	    authselect_rename(buf_bytes(&there), choice.words[0], &back, &err) < 0 ||
	    !span_eq(buf_bytes(&back), text))
		abort();
	return 0;
}
