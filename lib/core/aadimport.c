/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/aadimport.h"
#include "lib/core/aadpasswd.h"

/* Name and object id, the first two fields, in lower case. */
static void fold(char *line)
{
	int colons = 0;

	for (; *line && colons < 2; line++) {
		if (*line >= 'A' && *line <= 'Z')
			*line = (char)(*line | 0x20);
		colons += *line == ':';
	}
}

/* The line with its newline as a user's of our form.  False when it is none. */
static bool add_user(struct span line, struct buf *ret)
{
	char text[AADPASSWD_LINE_MAX + 1];
	struct aad_user user;

	if (!span_copy(line, text, sizeof(text) - 1))
		return false;
	memcpy(text + line.len, "\n", 2);
	fold(text);
	if (!aadpasswd_parse(span_of(text), &user))
		return false;
	buf_str(ret, text);
	return true;
}

int aadimport(struct span text, struct buf *ret, struct aadimport_odd *ret_odd, struct err *err)
{
	struct aadimport_odd odd = {0};
	struct span line;

	for (unsigned number = 1; span_line(&text, &line); number++) {
		if (add_user(line, ret))
			continue;
		buf_span(ret, line);
		buf_str(ret, "\n");
		if (line.len == 0 || line.p[0] == '#')
			continue;
		if (odd.count++ == 0)
			odd.first = number;
	}
	if (buf_ok(ret, err) < 0)
		return -err->code;
	*ret_odd = odd;
	return 0;
}
