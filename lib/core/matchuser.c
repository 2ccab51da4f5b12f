/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <string.h>

#include "lib/core/localuser.h"
#include "lib/core/matchuser.h"
#include "lib/core/sshdtree.h"

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

static void add_spared(struct span name, struct buf *ret)
{
	buf_str(ret, "!");
	for (size_t i = 0; i < name.len; i++)
		buf_add(ret,
			isgraph(name.p[i]) && !strchr("*?!,\"'\\#=", name.p[i])
				? &name.p[i]
				: (const unsigned char *)"?",
			1);
	buf_str(ret, ",");
}

void matchuser_spare(struct span user_domains, struct span passwd, struct buf *ret)
{
	struct localuser user;
	AUTO_BUF patterns = {0};

	matchuser_patterns(user_domains, &patterns);
	while (localuser_next(&passwd, &user))
		if (sshdtree_match(buf_bytes(&patterns), user.name) > 0)
			add_spared(user.name, ret);
	ret->failed = ret->failed || patterns.failed;
}
