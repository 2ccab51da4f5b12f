/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/matchuser.h"

void matchuser_patterns(struct span user_domains, struct buf *ret)
{
	struct span word;

	while (span_word(&user_domains, &word)) {
		buf_str(ret, "*@");
		buf_span(ret, word);
		buf_str(ret, ",");
	}
	/* Two question marks and a dash are a trigraph, hence the backslashes. */
	buf_str(ret, "???????\?-???\?-???\?-???\?-????????????");
}
