/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/screen.h"

#define STATE_WIDTH 8

static const char *const codes[] = {
	[SCREEN_PLAIN] = "", [SCREEN_GREEN] = "32", [SCREEN_YELLOW] = "33",
	[SCREEN_RED] = "31", [SCREEN_DIM] = "2",
};

void screen_word(const struct screen *screen, enum screen_colour colour, const char *word,
		 unsigned width, struct buf *ret)
{
	if (screen->colours && colour != SCREEN_PLAIN)
		buf_printf(ret, "\x1b[%sm%-*s\x1b[0m", codes[colour], (int)width, word);
	else
		buf_printf(ret, "%-*s", (int)width, word);
}

/* A command may be broken before an option, but not its first, and before another command. */
static bool is_breakable(const char *begin, const char *at)
{
	if (strncmp(at, " &&", 3) == 0 || strncmp(at, " |", 2) == 0)
		return true;
	if (strncmp(begin, "&& ", 3) == 0)
		begin += 3;
	return strncmp(at, " -", 2) == 0 && at > begin && memchr(begin, ' ', (size_t)(at - begin));
}

static size_t word_len(const char *text, bool is_command)
{
	const char *end = text;

	do
		end = end + 1 + strcspn(end + 1, " ");
	while (is_command && end[0] && !is_breakable(text, end));
	return (size_t)(end - text);
}

static void wrap(const struct screen *screen, const char *text, bool is_command, unsigned used,
		 unsigned indent, struct buf *ret)
{
	const unsigned columns = screen->columns ? screen->columns : SCREEN_COLUMNS;
	const unsigned spare = is_command ? 2 : 0; /* for " \" */
	bool first = true;

	while (*text) {
		size_t len = word_len(text, is_command);

		if (!first && used + 1 + len + spare > columns) {
			buf_printf(ret, "%s\n%*s", is_command ? " \\" : "", (int)indent, "");
			used = indent;
			first = true;
		}
		buf_printf(ret, "%s%.*s", first ? "" : " ", (int)len, text);
		used += (unsigned)len + !first;
		first = false;
		text += len;
		text += *text == ' ';
	}
	buf_str(ret, "\n");
}

void screen_wrap(const struct screen *screen, const char *text, unsigned used, unsigned indent,
		 struct buf *ret)
{
	wrap(screen, text, false, used, indent, ret);
}

void screen_command(const struct screen *screen, const char *command, unsigned used,
		    unsigned indent, struct buf *ret)
{
	wrap(screen, command, true, used, indent, ret);
}

static unsigned indent_of(const struct screen_list *list)
{
	return STATE_WIDTH + list->name_width;
}

void screen_row(const struct screen_list *list, enum screen_colour colour, const char *state,
		const char *name, const char *seen)
{
	const unsigned indent = indent_of(list);

	screen_word(list->screen, colour, state, STATE_WIDTH, list->ret);
	buf_printf(list->ret, "%-*s", (int)list->name_width, name);
	if (strlen(name) >= list->name_width)
		buf_printf(list->ret, "\n%*s", (int)indent, "");
	screen_wrap(list->screen, seen, indent, indent, list->ret);
}

void screen_more(const struct screen_list *list, const char *what, const char *text)
{
	const unsigned indent = indent_of(list);

	if (!text[0])
		return;
	buf_printf(list->ret, "%*s%s ", (int)indent, "", what);
	screen_wrap(list->screen, text, indent + (unsigned)strlen(what) + 1, indent + 2, list->ret);
}

void screen_help(const struct screen_list *list, const char *command)
{
	const unsigned indent = indent_of(list);

	if (!command[0])
		return;
	buf_printf(list->ret, "%*s$ ", (int)indent, "");
	screen_command(list->screen, command, indent + 2, indent + 4, list->ret);
}
