/* SPDX-License-Identifier: MIT */
/* nsswitch.conf: adding twice is adding once, and removing gives back a text that had none of ours.
 */
#include "config.h"

#include <stdlib.h>

#include "lib/core/nsswitch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {.p = data, .len = size};
	AUTO_BUF bare = {0}, added = {0}, again = {0}, removed = {0};
	AUTO_BUF part = {0}, part_again = {0};
	struct err err = {0};

	if (nsswitch_remove(text, &bare, &err) < 0)
		abort();
	if (nsswitch_add_part(text, &part, &err) == 0 &&
	    (nsswitch_add_part(buf_bytes(&part), &part_again, &err) < 0 ||
	     !span_eq(buf_bytes(&part_again), buf_bytes(&part))))
		abort();
	if (nsswitch_add(text, &added, &err) < 0)
		return 0;
	if (nsswitch_add(buf_bytes(&added), &again, &err) < 0 ||
	    !span_eq(buf_bytes(&again), buf_bytes(&added)))
		abort();
	if (nsswitch_remove(buf_bytes(&added), &removed, &err) < 0)
		abort();
	if (span_eq(buf_bytes(&bare), text) && !span_eq(buf_bytes(&removed), text))
		abort();
	return 0;
}
