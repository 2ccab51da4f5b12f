/* SPDX-License-Identifier: MIT */
/* Text for people: colours where they are wanted, lines that are no longer than the terminal. */
#ifndef CORE_SCREEN_H
#define CORE_SCREEN_H

#include <stdbool.h>

#include "lib/core/buf.h"

#define SCREEN_COLUMNS 80 /* of what is no terminal, too */

enum screen_colour { SCREEN_PLAIN, SCREEN_GREEN, SCREEN_YELLOW, SCREEN_RED, SCREEN_DIM };

struct screen {
	unsigned columns; /* 0: SCREEN_COLUMNS */
	bool terminal;
	bool colours;
};

/* Add a word in a colour, filled up with blanks to width. */
void screen_word(const struct screen *screen, enum screen_colour colour, const char *word,
		 unsigned width, struct buf *ret);

/*
 * Add text, broken at blanks; the lines after the first begin with indent blanks.  used: columns
 * of the first that are taken.  A word that is too long stays whole.  Ends with a newline.
 */
void screen_wrap(const struct screen *screen, const char *text, unsigned used, unsigned indent,
		 struct buf *ret);

/* The same for a command: lines are broken before options alone, so that they can be pasted. */
void screen_command(const struct screen *screen, const char *command, unsigned used,
		    unsigned indent, struct buf *ret);

/* Rows of what was looked at: state and name in columns, then what was seen. */
struct screen_list {
	const struct screen *screen;
	unsigned name_width; /* a longer name has a line of its own */
	struct buf *ret;
};

void screen_row(const struct screen_list *list, enum screen_colour colour, const char *state,
		const char *name, const char *seen);

/* Say more of the row above: "what text", or "$ command".  Nothing where the text is "". */
void screen_more(const struct screen_list *list, const char *what, const char *text);
void screen_help(const struct screen_list *list, const char *command);

#endif
