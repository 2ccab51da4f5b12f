/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/pamstack.h"

#define MODULE "pam_aad.so"
#define CONTROL "[success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die]"
#define JOINED_MAX 1024 /* libpam's own limit of a line */

static const char *const our_lines[] = {
	[PAM_LOGIN] = "account " CONTROL " " MODULE "\n",
	[PAM_ADMIN] = "account " CONTROL " " MODULE " admin\n",
};

static const char *const types[] = {
	[PAM_TYPE_AUTH] = "auth",
	[PAM_TYPE_ACCOUNT] = "account",
	[PAM_TYPE_PASSWORD] = "password",
	[PAM_TYPE_SESSION] = "session",
};

/* The control field: a word, or words in brackets. */
static bool take_control(struct span *line, struct span *ret)
{
	struct span word, control;

	if (!span_word(line, &word))
		return false;
	control = word;
	if (word.p[0] == '[')
		while (!span_ends(word, "]"))
			if (!span_word(line, &word))
				return false;
	control.len = (size_t)(word.p + word.len - control.p);
	*ret = control;
	return true;
}

static enum pam_type type_of(struct span word)
{
	if (span_is_nocase(word, "@include"))
		return PAM_TYPE_ANY;
	if (word.p[0] == '-') {
		word.p++;
		word.len--;
	}
	for (int i = PAM_TYPE_AUTH; i <= PAM_TYPE_SESSION; i++)
		if (span_is_nocase(word, types[i]))
			return (enum pam_type)i;
	return PAM_TYPE_NONE;
}

/* Everything of *ret but its bytes. */
static void read_line(struct span line, struct pam_entry *ret)
{
	const unsigned char *comment = line.len ? memchr(line.p, '#', line.len) : NULL;
	struct span word;

	if (comment)
		line.len = (size_t)(comment - line.p);
	if (span_word(&line, &word))
		ret->type = type_of(word);
	ret->includes = ret->type == PAM_TYPE_ANY;
	if (ret->type == PAM_TYPE_NONE || ret->includes || !take_control(&line, &ret->control))
		return;
	ret->includes =
		span_is_nocase(ret->control, "include") || span_is_nocase(ret->control, "substack");
	if (span_word(&line, &word))
		ret->aad = span_is(word, MODULE) || span_ends(word, "/" MODULE);
}

static void read_joined(struct pam_entry *ret)
{
	struct span bytes = ret->bytes, line;
	char joined[JOINED_MAX];
	size_t len = 0;

	/* Releases of libpam differ in whether a comment can be continued: expect the worse. */
	ret->type = PAM_TYPE_ANY;
	ret->includes = true;
	if (span_trim(bytes).p[0] == '#')
		return;
	while (span_line(&bytes, &line)) {
		line = span_trim(line);
		if (span_ends(line, "\\"))
			line.len--;
		if (line.len >= sizeof(joined) - len)
			return;
		memcpy(joined + len, line.p, line.len);
		len += line.len;
		joined[len++] = ' ';
	}
	ret->type = PAM_TYPE_NONE;
	read_line((struct span){.p = (unsigned char *)joined, .len = len}, ret);
	ret->control = (struct span){0};
}

bool pamstack_next(struct span *text, struct pam_entry *ret)
{
	struct span bytes = {.p = text->p}, line;
	bool joined = false;

	if (!span_line(text, &line))
		return false;
	*ret = (struct pam_entry){.type = PAM_TYPE_NONE};
	for (struct span next = line; span_ends(span_trim(next), "\\") && span_line(text, &next);)
		joined = true;
	bytes.len = (size_t)(text->p - bytes.p);
	ret->bytes = bytes;
	if (joined)
		read_joined(ret);
	else
		read_line(line, ret);
	for (size_t i = 0; i < sizeof(our_lines) / sizeof(our_lines[0]); i++)
		ret->ours = ret->ours || span_is(bytes, our_lines[i]);
	return true;
}

/* Can it contribute to the account stack? */
static bool is_account(const struct pam_entry *entry)
{
	return entry->type == PAM_TYPE_ACCOUNT || entry->type == PAM_TYPE_ANY;
}

bool pamstack_holds(struct span text, enum pam_question question)
{
	struct pam_entry entry;
	bool first = true;

	while (pamstack_next(&text, &entry)) {
		if (!is_account(&entry))
			continue;
		if (first ? !span_is(entry.bytes, our_lines[question]) : entry.aad)
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
	struct pam_entry entry;

	while (pamstack_next(&text, &entry)) {
		const bool counts = is_account(&entry);

		if ((counts && entry.aad) || (!our_line && span_is(entry.bytes, PAMSTACK_COPIED)))
			continue;
		if (counts && our_line && !placed) {
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
