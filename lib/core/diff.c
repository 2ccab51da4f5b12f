/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/diff.h"

struct lines {
	struct span *list;
	size_t count;
};

static bool split(struct span text, struct lines *ret)
{
	struct span rest = text, line;
	size_t count = 0;

	while (span_line(&rest, &line))
		count++;
	ret->list = calloc(count + 1, sizeof(*ret->list));
	for (ret->count = 0; ret->list && span_line(&text, &line);)
		ret->list[ret->count++] = line;
	return ret->list;
}

static void add_line(struct buf *out, const char *indent, char sign, struct span line)
{
	size_t start;

	buf_printf(out, "%s%c", indent, sign);
	start = out->len;
	buf_span(out, line);
	for (size_t i = start; i < out->len; i++)
		if ((unsigned char)out->data[i] < 0x20 && out->data[i] != '\t')
			out->data[i] = '?';
	buf_str(out, "\n");
}

static void add_lines(struct buf *out, const char *indent, char sign, const struct span *lines,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_line(out, indent, sign, lines[i]);
}

/* The usual table: longest[i][j] common lines of a from i and b from j. */
static void differ(const struct span *a, size_t a_count, const struct span *b, size_t b_count,
		   const char *indent, struct buf *out)
{
	size_t width = b_count + 1, i = 0, j = 0;
	AUTO_FREE uint16_t *longest = NULL;

	if (a_count <= DIFF_LINES_MAX && b_count <= DIFF_LINES_MAX)
		longest = calloc((a_count + 1) * width, sizeof(*longest));
	if (!longest) {
		add_lines(out, indent, '-', a, a_count);
		add_lines(out, indent, '+', b, b_count);
		return;
	}
	for (i = a_count; i-- > 0;) {
		for (j = b_count; j-- > 0;) {
			uint16_t down = longest[(i + 1) * width + j];
			uint16_t right = longest[i * width + j + 1];

			longest[i * width + j] = span_eq(a[i], b[j])
							 ? longest[(i + 1) * width + j + 1] + 1
							 : (down > right ? down : right);
		}
	}
	for (i = j = 0; i < a_count || j < b_count;) {
		if (i < a_count && j < b_count && span_eq(a[i], b[j])) {
			i++;
			j++;
		} else if (i < a_count && (j == b_count || longest[(i + 1) * width + j] >=
								   longest[i * width + j + 1])) {
			add_line(out, indent, '-', a[i++]);
		} else {
			add_line(out, indent, '+', b[j++]);
		}
	}
}

void diff_lines(struct span before, struct span after, const char *indent, struct buf *ret)
{
	struct lines a = {0}, b = {0};
	size_t head = 0, tail = 0;

	if (split(before, &a) && split(after, &b)) {
		while (head < a.count && head < b.count && span_eq(a.list[head], b.list[head]))
			head++;
		while (tail < a.count - head && tail < b.count - head &&
		       span_eq(a.list[a.count - 1 - tail], b.list[b.count - 1 - tail]))
			tail++;
		differ(a.list + head, a.count - head - tail, b.list + head, b.count - head - tail,
		       indent, ret);
	} else {
		ret->failed = true;
	}
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
