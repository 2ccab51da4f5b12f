/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/core/pamstack.h"

#define MODULE "pam_aad.so"
#define CONTROL "[success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die]"
#define JOINED_MAX 1024 /* libpam's own limit of a line */

static const char *const our_lines[] = {
	[PAM_LOGIN] = "account " CONTROL " " MODULE "\n",
	[PAM_ADMIN] = "account " CONTROL " " MODULE " admin\n",
};

enum kind {
	KIND_OTHER,
	KIND_ACCOUNT, /* it can contribute to the account stack */
	KIND_OURS,
};

/* What PAM takes for one line: a backslash at the end joins the next. */
struct entry {
	struct span bytes; /* with newlines */
	enum kind kind;
};

static bool is_word(struct span text, const char *word)
{
	return text.len == strlen(word) && strncasecmp((const char *)text.p, word, text.len) == 0;
}

static bool ends_with(struct span text, const char *tail)
{
	size_t len = strlen(tail);

	return text.len >= len && memcmp(text.p + text.len - len, tail, len) == 0;
}

/* The control field: a word, or words in brackets. */
static bool skip_control(struct span *line)
{
	struct span word;

	if (!span_word(line, &word))
		return false;
	if (word.p[0] == '[')
		while (!ends_with(word, "]"))
			if (!span_word(line, &word))
				return false;
	return true;
}

static enum kind line_kind(struct span line)
{
	const unsigned char *comment = line.len ? memchr(line.p, '#', line.len) : NULL;
	struct span word;

	if (comment)
		line.len = (size_t)(comment - line.p);
	if (!span_word(&line, &word))
		return KIND_OTHER;
	if (is_word(word, "@include"))
		return KIND_ACCOUNT;
	if (!is_word(word, "account") && !is_word(word, "-account"))
		return KIND_OTHER;
	if (!skip_control(&line) || !span_word(&line, &word))
		return KIND_ACCOUNT;
	return span_is(word, MODULE) || ends_with(word, "/" MODULE) ? KIND_OURS : KIND_ACCOUNT;
}

static enum kind joined_kind(struct span bytes)
{
	char joined[JOINED_MAX];
	size_t len = 0;
	struct span line;

	/* Releases of libpam differ in whether a comment can be continued: expect the worse. */
	if (span_trim(bytes).p[0] == '#')
		return KIND_ACCOUNT;
	while (span_line(&bytes, &line)) {
		line = span_trim(line);
		if (ends_with(line, "\\"))
			line.len--;
		if (line.len >= sizeof(joined) - len)
			return KIND_ACCOUNT;
		memcpy(joined + len, line.p, line.len);
		len += line.len;
		joined[len++] = ' ';
	}
	return line_kind((struct span){.p = (unsigned char *)joined, .len = len});
}

static bool next_entry(struct span *text, struct entry *ret)
{
	struct span bytes = {.p = text->p}, line;
	bool joined = false;

	if (!span_line(text, &line))
		return false;
	while (ends_with(span_trim(line), "\\") && span_line(text, &line))
		joined = true;
	bytes.len = (size_t)(text->p - bytes.p);
	ret->bytes = bytes;
	ret->kind = joined ? joined_kind(bytes) : line_kind(line);
	return true;
}

bool pamstack_holds(struct span text, enum pam_question question)
{
	struct entry entry;
	bool first = true;

	while (next_entry(&text, &entry)) {
		if (entry.kind == KIND_OTHER)
			continue;
		if (first ? !span_is(entry.bytes, our_lines[question]) : entry.kind == KIND_OURS)
			return false;
		first = false;
	}
	return !first;
}

/* Copy all but our lines; our_line, unless NULL, goes before the first line of the account stack.
 */
static bool copy(struct span text, const char *our_line, struct buf *out)
{
	bool placed = false;
	struct entry entry;

	while (next_entry(&text, &entry)) {
		if (entry.kind == KIND_OURS || (!our_line && span_is(entry.bytes, PAMSTACK_COPIED)))
			continue;
		if (entry.kind == KIND_ACCOUNT && our_line && !placed) {
			buf_str(out, our_line);
			placed = true;
		}
		buf_span(out, entry.bytes);
	}
	return placed;
}

int pamstack_insert(struct span text, enum pam_question question, struct buf *ret, struct err *err)
{
	AUTO_BUF out = {0};

	if (pamstack_holds(text, question))
		buf_span(&out, text);
	else if (!copy(text, our_lines[question], &out))
		return err_set(err, ENOENT, "there is no account stack");
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

int pamstack_remove(struct span text, struct buf *ret, struct err *err)
{
	AUTO_BUF out = {0};

	(void)copy(text, NULL, &out);
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}
