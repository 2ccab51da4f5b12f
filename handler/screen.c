/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "handler/screen.h"

static const char *const codes[] = {
	[SCREEN_PLAIN] = "", [SCREEN_GREEN] = "32", [SCREEN_YELLOW] = "33",
	[SCREEN_RED] = "31", [SCREEN_DIM] = "2",
};

struct screen screen_of(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct screen screen = {.columns = SCREEN_COLUMNS};
	struct winsize size;

	if (!isatty(fd))
		return screen;
	screen.terminal = true;
	screen.colours = !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > SCREEN_COLUMNS)
		screen.columns = size.ws_col;
	return screen;
}

void screen_word(const struct screen *screen, enum screen_colour colour, const char *word,
		 unsigned width, struct buf *ret)
{
	if (screen->colours && colour != SCREEN_PLAIN)
		buf_printf(ret, "\x1b[%sm%-*s\x1b[0m", codes[colour], (int)width, word);
	else
		buf_printf(ret, "%-*s", (int)width, word);
}

static size_t word_len(const char *text, bool options)
{
	const char *end = text;

	do
		end = end + 1 + strcspn(end + 1, " ");
	while (options && end[0] && strncmp(end, " -", 2) != 0 && strncmp(end, " |", 2) != 0);
	return (size_t)(end - text);
}

static void wrap(const struct screen *screen, const char *text, bool options, unsigned used,
		 unsigned indent, struct buf *ret)
{
	const unsigned columns = screen->columns ? screen->columns : SCREEN_COLUMNS;
	const unsigned spare = options ? 2 : 0; /* for " \" */
	bool first = true;

	while (*text) {
		size_t len = word_len(text, options);

		if (!first && used + 1 + len + spare > columns) {
			buf_printf(ret, "%s\n%*s", options ? " \\" : "", (int)indent, "");
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
