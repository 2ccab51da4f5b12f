/* SPDX-License-Identifier: MIT */
/* A PAM service: after inserting, ours is the first; removing gives back a text that had none of
 * ours. */
#include "config.h"

#include <stdlib.h>

#include "lib/core/pamstack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct span text, enum pam_question question)
{
	AUTO_BUF bare = {0}, inserted = {0}, again = {0}, removed = {0};
	struct err err = {0};

	if (pamstack_remove(text, &bare, &err) < 0)
		abort();
	if (pamstack_insert(text, question, &inserted, &err) < 0)
		return;
	if (!pamstack_holds(buf_bytes(&inserted), question))
		abort();
	if (pamstack_insert(buf_bytes(&inserted), question, &again, &err) < 0 ||
	    !span_eq(buf_bytes(&again), buf_bytes(&inserted)))
		abort();
	if (pamstack_remove(buf_bytes(&inserted), &removed, &err) < 0 ||
	    !span_eq(buf_bytes(&removed), buf_bytes(&bare)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {.p = data, .len = size};

	round_trip(text, PAM_LOGIN);
	round_trip(text, PAM_ADMIN);
	return 0;
}
