/* SPDX-License-Identifier: MIT */
/* Any bytes: only the six of a grant are one, and text is whole lines without a NUL. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>

#include "payload/pam/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span bytes = {data, size};
	struct answer answer = answer_parse(bytes);
	struct span text = answer.text;

	if ((answer.code == ANSWER_GRANT) != span_is(bytes, "grant\n"))
		abort();
	if (text.len > ANSWER_TEXT_MAX || span_has_nul(text) ||
	    (text.len && text.p[text.len - 1] != '\n'))
		abort();
	return 0;
}
