/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/nsswitch.h"

#define SOURCE "aad"
#define NO_NEWLINE_LINE "# The line above had no newline before aadsshlogin came."

enum { PASSWD, GROUP, INITGROUPS, SHADOW, GSHADOW };

static const char *const databases[] = {
	[PASSWD] = "passwd",
	[GROUP] = "group",
	[INITGROUPS] = "initgroups",
	/* Ours answers neither: another product's word goes from these. */
	[SHADOW] = "shadow",
	[GSHADOW] = "gshadow",
};

/* What happens after a source, by its answer. */
enum { SUCCESS, NOTFOUND, UNAVAIL, TRYAGAIN };

static const char *const answers[] = {
	[SUCCESS] = "SUCCESS",
	[NOTFOUND] = "NOTFOUND",
	[UNAVAIL] = "UNAVAIL",
	[TRYAGAIN] = "TRYAGAIN",
};

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_blanks(struct span *in)
{
	while (in->len && is_blank(in->p[0])) {
		in->p++;
		in->len--;
	}
}

/* Up to the closing character, with it; up to a comment when there is none. */
static size_t enclosed(struct span in, char closing)
{
	size_t len = 0;

	while (len < in.len && in.p[len] != closing && in.p[len] != '#')
		len++;
	return len < in.len && in.p[len] == closing ? len + 1 : len;
}

/* Is there an operator of authselect's templates here, `{if "with-x":sss }`? */
static bool is_operator(struct span in)
{
	return in.len && in.p[0] == '{' && in.p[enclosed(in, '}') - 1] == '}';
}

static bool ends_word(struct span in)
{
	return in.len == 0 || is_blank(in.p[0]) || in.p[0] == '[' || in.p[0] == '#' ||
	       is_operator(in);
}

/* A source, an action in brackets, or an operator.  False at the end of the line and at a comment.
 */
static bool next_token(struct span *in, struct span *ret)
{
	size_t len = 1;

	skip_blanks(in);
	if (in->len == 0 || in->p[0] == '#')
		return false;
	if (in->p[0] == '[')
		len = enclosed(*in, ']');
	else if (is_operator(*in))
		len = enclosed(*in, '}');
	else
		while (!ends_word((struct span){in->p + len, in->len - len}))
			len++;
	return span_take(in, len, ret);
}

/* The database that a line is for, with *ret the part behind the colon; -1 for other lines. */
static int line_database(struct span line, struct span *ret)
{
	const unsigned char *colon;
	struct span name;

	skip_blanks(&line);
	colon = line.len ? memchr(line.p, ':', line.len) : NULL;
	if (!colon || !span_take(&line, (size_t)(colon - line.p), &name))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
		if (span_is(name, databases[i])) {
			*ret = (struct span){.p = line.p + 1, .len = line.len - 1};
			return (int)i;
		}
	}
	return -1;
}

static struct span take_letters(struct span *in)
{
	struct span letters = {0};
	size_t len = 0;

	skip_blanks(in);
	while (len < in->len && isalpha(in->p[len]))
		len++;
	(void)span_take(in, len, &letters);
	return letters;
}

static bool take_char(struct span *in, char c)
{
	skip_blanks(in);
	if (in->len == 0 || in->p[0] != c)
		return false;
	in->p++;
	in->len--;
	return true;
}

/*
 * Whether an action such as `[!UNAVAIL=return SUCCESS=merge]` ends the search for a name that its
 * source does not know.  An end by UNAVAIL or TRYAGAIN counts too: a directory that is down must
 * not take our users with it.  *ret_goes_on tells whether an answer is merged with later ones.
 */
static bool ends_search(struct span action, bool *ret_goes_on)
{
	bool ends[] = {[SUCCESS] = true, [NOTFOUND] = false, [UNAVAIL] = false, [TRYAGAIN] = false};
	struct span answer, verdict;

	*ret_goes_on = false;
	if (action.p[action.len - 1] != ']') /* behind it nothing would be read as a source */
		return true;
	(void)take_char(&action, '[');
	for (;;) {
		bool others = take_char(&action, '!');

		answer = take_letters(&action);
		if (!take_char(&action, '='))
			break;
		verdict = take_letters(&action);
		for (size_t i = 0; i < ARRAY_LEN(ends); i++)
			if (span_is_nocase(answer, answers[i]) != others)
				ends[i] = span_is_nocase(verdict, "return");
	}
	*ret_goes_on = !ends[SUCCESS];
	return ends[NOTFOUND] || ends[UNAVAIL] || ends[TRYAGAIN];
}

/* Does the operator decide about its whole line, and stand for no source of it? */
static bool is_of_line(struct span op)
{
	static const char *const words[] = {"{include if ", "{exclude if ", "{continue if ",
					    "{stop if "};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (op.len > strlen(words[i]) && memcmp(op.p, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* Does an action within the operator end the search?  Nothing can be put before it. */
static bool hides_end(struct span op)
{
	bool merges;

	for (; op.len; op.p++, op.len--) {
		struct span action = {op.p, enclosed(op, ']')};

		if (op.p[0] == '[' && ends_search(action, &merges))
			return true;
	}
	return false;
}

static int refuse(struct span line, struct err *err)
{
	line = span_trim(line);
	(void)err_set(err, EINVAL, "/etc/nsswitch.conf: no source can be added to \"%.*s\"",
		      (int)(line.len < 160 ? line.len : 160), (const char *)line.p);
	return err_remedy(err, 0,
			  "write the source \"" SOURCE "\" into this line where it is right");
}

/* From 2.33 on glibc ends a source at a blank alone: it would look for one named `aad#...`. */
static int refuse_comment(struct span line, struct err *err)
{
	(void)refuse(line, err);
	return err_remedy(err, 0, "write a blank before the # of this line");
}

/*
 * Where in the line " aad" belongs: behind the last source that is asked whatever the ones before
 * it answer.  *ret is NULL when we are there already; behind that place we might never be asked.
 */
static int find_place(struct span line, struct span sources, const unsigned char **ret,
		      struct err *err)
{
	const unsigned char *place = sources.p;
	bool ended = false, merges;
	struct span token;

	while (next_token(&sources, &token)) {
		if (!ended && span_is(token, SOURCE)) {
			*ret = NULL;
			return 0;
		}
		if (!ended && token.p[0] == '[' && ends_search(token, &merges)) {
			if (merges)
				return refuse(line, err);
			ended = true;
		}
		if (!ended && is_operator(token) && hides_end(token))
			return refuse(line, err);
		if (!ended && !(is_operator(token) && is_of_line(token)))
			place = token.p + token.len;
	}
	*ret = place;
	return place < line.p + line.len && *place == '#' ? refuse_comment(line, err) : 0;
}

static void add_between(struct buf *buf, const unsigned char *from, const unsigned char *to)
{
	buf_add(buf, from, (size_t)(to - from));
}

/* Copy up to the end of the sources, without ours.  *done: up to where the text was copied. */
static void copy_without(struct span sources, const unsigned char **done, struct buf *out)
{
	struct span token;

	while (next_token(&sources, &token)) {
		const unsigned char *from = token.p;

		if (!span_is(token, SOURCE))
			continue;
		if (is_blank(from[-1])) /* at least the colon stands before a source */
			from--;
		add_between(out, *done, from);
		*done = token.p + token.len;
	}
}

static int add_to_lines(struct span text, bool seen[ARRAY_LEN(databases)], struct buf *ret,
			struct err *err)
{
	const unsigned char *done = text.p;
	AUTO_BUF out = {0};
	struct span line, sources;

	while (span_line(&text, &line)) {
		int database = line_database(line, &sources);
		const unsigned char *place = NULL;

		if (database < 0)
			continue;
		seen[database] = true;
		if (database >= SHADOW) {
			copy_without(sources, &done, &out);
			continue;
		}
		if (find_place(line, sources, &place, err) < 0)
			return -err->code;
		if (!place)
			continue;
		add_between(&out, done, place);
		buf_str(&out, " " SOURCE);
		done = place;
		copy_without(sources, &done, &out);
	}
	add_between(&out, done, text.p);
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

int nsswitch_add_part(struct span text, struct buf *ret, struct err *err)
{
	bool seen[ARRAY_LEN(databases)] = {false};

	return add_to_lines(text, seen, ret, err);
}

/* Does the text end within a line that we stand in?  glibc passes over such a line (seen on 2.36).
 */
static bool ends_in_line(struct span text)
{
	struct span line = {0}, sources;

	if (text.len == 0 || text.p[text.len - 1] == '\n')
		return false;
	while (span_line(&text, &line))
		continue;
	return line_database(line, &sources) >= 0 && line_database(line, &sources) < SHADOW;
}

int nsswitch_add(struct span text, struct buf *ret, struct err *err)
{
	bool seen[ARRAY_LEN(databases)] = {false};
	AUTO_BUF out = {0};
	int r = add_to_lines(text, seen, &out, err);

	if (r < 0)
		return r;
	for (int i = PASSWD; i <= GROUP; i++) {
		if (seen[i])
			continue;
		(void)err_set(err, EINVAL, "/etc/nsswitch.conf has no line \"%s:\"", databases[i]);
		return err_remedy(err, 0, "add the line \"%s: files\" to /etc/nsswitch.conf",
				  databases[i]);
	}
	if (ends_in_line(text))
		buf_str(&out, "\n" NO_NEWLINE_LINE "\n");
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

int nsswitch_remove(struct span text, struct buf *ret, struct err *err)
{
	const unsigned char *start = text.p, *done = text.p;
	AUTO_BUF out = {0};
	struct span line, sources;

	while (span_line(&text, &line)) {
		if (span_is(line, NSSWITCH_COPIED_LINE)) {
			add_between(&out, done, line.p);
			done = text.p;
		} else if (span_is(line, NO_NEWLINE_LINE)) {
			/* The newline before it stays for lines that were added since. */
			bool last = text.len == 0 && line.p > start;

			add_between(&out, done, line.p - (last ? 1 : 0));
			done = text.p;
		} else if (line_database(line, &sources) >= 0) {
			copy_without(sources, &done, &out);
		}
	}
	add_between(&out, done, text.p);
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

bool nsswitch_has(struct span text)
{
	struct span line, sources, token;

	while (span_line(&text, &line))
		if (line_database(line, &sources) == PASSWD)
			while (next_token(&sources, &token))
				if (span_is(token, SOURCE))
					return true;
	return false;
}

bool nsswitch_directory(struct span text, struct span *ret)
{
	static const char *const directories[] = {"sss", "winbind", "ldap", "nis"};
	struct span line, sources, token;

	while (span_line(&text, &line)) {
		if (line_database(line, &sources) != PASSWD)
			continue;
		while (next_token(&sources, &token)) {
			for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
				if (span_is(token, directories[i])) {
					*ret = token;
					return true;
				}
			}
		}
	}
	return false;
}
