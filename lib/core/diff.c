/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/diff.h"

#define CONTEXT 3 /* lines around a change */

struct lines {
	struct span *list;
	size_t count;
};

/* How one text becomes the other: a sign for each line, ' ' of both, '-' and '+'. */
struct script {
	char *signs;
	size_t count;
	size_t a, b; /* lines that were taken, while it is written and read */
};

/* With its newline, which the last one may lack. */
static bool take_line(struct span *text, struct span *ret)
{
	const unsigned char *end = text->len ? memchr(text->p, '\n', text->len) : NULL;

	return text->len && span_take(text, end ? (size_t)(end + 1 - text->p) : text->len, ret);
}

static bool split(struct span text, struct lines *ret)
{
	struct span rest = text, line;
	size_t count = 0;

	while (take_line(&rest, &line))
		count++;
	ret->list = calloc(count + 1, sizeof(*ret->list));
	for (ret->count = 0; ret->list && take_line(&text, &line);)
		ret->list[ret->count++] = line;
	return ret->list;
}

static void sign(struct script *script, char what, size_t lines)
{
	memset(script->signs + script->count, what, lines);
	script->count += lines;
	script->a += what == '+' ? 0 : lines;
	script->b += what == '-' ? 0 : lines;
}

/* The usual table: longest[i][j] common lines of a from i and b from j. */
static void fill_table(const struct span *a, size_t a_count, const struct span *b, size_t b_count,
		       uint16_t *longest)
{
	const size_t width = b_count + 1;

	for (size_t i = a_count; i-- > 0;) {
		for (size_t j = b_count; j-- > 0;) {
			uint16_t down = longest[(i + 1) * width + j];
			uint16_t right = longest[i * width + j + 1];

			longest[i * width + j] = span_eq(a[i], b[j])
							 ? longest[(i + 1) * width + j + 1] + 1
							 : (down > right ? down : right);
		}
	}
}

/* Behind the head that both have, as far as the tail. */
static void differ(const struct span *a, size_t a_count, const struct span *b, size_t b_count,
		   struct script *script)
{
	const size_t width = b_count + 1;
	AUTO_FREE uint16_t *longest = NULL;
	size_t i = 0, j = 0;

	if (a_count <= DIFF_LINES_MAX && b_count <= DIFF_LINES_MAX)
		longest = calloc((a_count + 1) * width, sizeof(*longest));
	if (longest)
		fill_table(a, a_count, b, b_count, longest);
	while (longest && i < a_count && j < b_count) {
		bool same = span_eq(a[i], b[j]);
		bool gone = !same && longest[(i + 1) * width + j] >= longest[i * width + j + 1];

		sign(script, same ? ' ' : gone ? '-' : '+', 1);
		i += same || gone;
		j += same || !gone;
	}
	sign(script, '-', a_count - i);
	sign(script, '+', b_count - j);
}

static void write_script(const struct lines *a, const struct lines *b, struct script *ret)
{
	size_t head = 0, tail = 0;

	while (head < a->count && head < b->count && span_eq(a->list[head], b->list[head]))
		head++;
	while (tail < a->count - head && tail < b->count - head &&
	       span_eq(a->list[a->count - 1 - tail], b->list[b->count - 1 - tail]))
		tail++;
	sign(ret, ' ', head);
	differ(a->list + head, a->count - head - tail, b->list + head, b->count - head - tail, ret);
	sign(ret, ' ', tail);
}

static void add_line(struct buf *out, char sign, struct span line)
{
	buf_add(out, &sign, 1);
	buf_span(out, line);
	if (line.p[line.len - 1] != '\n')
		buf_str(out, "\n\\ No newline at end of file\n");
}

/* As patch wants it: a run without lines is named by the line before it. */
static void add_range(struct buf *out, char sign, size_t start, size_t count)
{
	buf_printf(out, "%c%zu,%zu", sign, start + (count > 0), count);
}

/* The lines from..to of the script, whose first script->a and script->b lines stand before it. */
static void add_hunk(const struct lines *a, const struct lines *b, size_t from, size_t to,
		     struct script *script, struct buf *out)
{
	size_t a_count = 0, b_count = 0;

	for (size_t i = from; i < to; i++) {
		a_count += script->signs[i] != '+';
		b_count += script->signs[i] != '-';
	}
	buf_str(out, "@@ ");
	add_range(out, '-', script->a, a_count);
	buf_str(out, " ");
	add_range(out, '+', script->b, b_count);
	buf_str(out, " @@\n");
	for (size_t i = from; i < to; i++) {
		bool added = script->signs[i] == '+';

		add_line(out, script->signs[i], added ? b->list[script->b] : a->list[script->a]);
		script->a += !added;
		script->b += script->signs[i] != '-';
	}
}

/* Behind the last change of a hunk that begins with the change at from: the next one is far. */
static size_t hunk_end(const struct script *script, size_t from)
{
	size_t end = from;

	for (size_t i = from; i < script->count && i - end <= 2 * (size_t)CONTEXT; i++)
		if (script->signs[i] != ' ')
			end = i + 1;
	return end;
}

static void add_hunks(const struct lines *a, const struct lines *b, struct script *script,
		      struct buf *out)
{
	size_t done = 0;

	script->a = script->b = 0;
	for (size_t i = 0; i < script->count; i++) {
		size_t from = i > done + CONTEXT ? i - CONTEXT : done, to;

		if (script->signs[i] == ' ')
			continue;
		to = hunk_end(script, i);
		i = to;
		to = script->count - to > CONTEXT ? to + CONTEXT : script->count;
		script->a += from - done; /* what is passed over is of both */
		script->b += from - done;
		add_hunk(a, b, from, to, script, out);
		done = to;
	}
}

static bool is_odd(unsigned char c)
{
	return c <= ' ' || c >= 0x7f || c == '"' || c == '\\';
}

/* "a/etc/hosts", and in quotes, as C has them, with what would end or hide the name. */
static void add_name(const char *mark, char side, const char *path, struct buf *out)
{
	bool odd = false;

	for (const char *c = path; *c; c++)
		odd = odd || is_odd((unsigned char)*c);
	buf_printf(out, "%s %s%c", mark, odd ? "\"" : "", side);
	for (const char *c = path; *c; c++) {
		if (is_odd((unsigned char)*c))
			buf_printf(out, "\\%03o", (unsigned char)*c);
		else
			buf_add(out, c, 1);
	}
	buf_str(out, odd ? "\"\n" : "\n");
}

static void add_names(const char *path, bool had, bool has, struct buf *out)
{
	if (had)
		add_name("---", 'a', path, out);
	else
		buf_str(out, "--- /dev/null\n");
	if (has)
		add_name("+++", 'b', path, out);
	else
		buf_str(out, "+++ /dev/null\n");
}

void diff_unified(const char *path, struct span before, bool had, struct span after, bool has,
		  struct buf *ret)
{
	struct lines a = {0}, b = {0};
	struct script script = {.signs = NULL};

	if (span_eq(before, after))
		return;
	if (split(before, &a) && split(after, &b))
		script.signs = malloc(a.count + b.count);
	if (script.signs) {
		write_script(&a, &b, &script);
		add_names(path, had, has, ret);
		add_hunks(&a, &b, &script, ret);
	} else {
		ret->failed = true;
	}
	free(script.signs);
	free(a.list);
	free(b.list);
}

/* ---- the same change in another text */

static bool begins_line(struct span text, size_t at)
{
	return at == 0 || text.p[at - 1] == '\n';
}

/* What differs, as whole lines with one more on each side: from *ret_start, but for *ret_tail bytes
 * at the end of both. */
static void find_change(struct span before, struct span after, size_t *ret_start, size_t *ret_tail)
{
	const size_t least = before.len < after.len ? before.len : after.len;
	size_t start = 0, tail = 0;

	while (start < least && before.p[start] == after.p[start])
		start++;
	while (!begins_line(before, start))
		start--;
	while (tail < least - start &&
	       before.p[before.len - 1 - tail] == after.p[after.len - 1 - tail])
		tail++;
	/* The tail begins with a line in both texts. */
	while (tail > 0 &&
	       (!begins_line(before, before.len - tail) || !begins_line(after, after.len - tail)))
		tail--;
	while (start > 0 && !begins_line(before, --start))
		continue;
	while (tail > 0 && !begins_line(before, before.len - --tail))
		continue;
	*ret_start = start;
	*ret_tail = tail;
}

/* Whole lines only. */
static bool stands_at(struct span text, size_t at, struct span lines)
{
	const size_t end = at + lines.len;

	return begins_line(text, at) && (end == text.len || lines.p[lines.len - 1] == '\n');
}

static size_t count_lines(struct span text, struct span lines, size_t *ret_last)
{
	size_t count = 0;

	for (size_t at = 0; lines.len && at < text.len; at++) {
		const unsigned char *found = memmem(text.p + at, text.len - at, lines.p, lines.len);

		if (!found)
			break;
		at = (size_t)(found - text.p);
		if (!stands_at(text, at, lines))
			continue;
		*ret_last = at;
		count++;
	}
	return count;
}

int diff_apply(struct span before, struct span after, struct span text, struct buf *ret,
	       struct err *err)
{
	size_t start = 0, tail = 0, at = 0;
	struct span old = {0};
	AUTO_BUF out = {0};

	if (span_eq(before, after)) {
		buf_span(&out, text);
	} else if (span_eq(before, text)) {
		buf_span(&out, after);
	} else {
		find_change(before, after, &start, &tail);
		old = (struct span){before.p + start, before.len - start - tail};
		if (count_lines(text, old, &at) != 1)
			return err_set(err, ESTALE, "the lines around the change are others now");
		buf_add(&out, text.p, at);
		buf_add(&out, after.p + start, after.len - start - tail);
		buf_add(&out, text.p + at + old.len, text.len - at - old.len);
	}
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}
