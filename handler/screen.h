/* SPDX-License-Identifier: MIT */
/* Text for people: colours where they are wanted, lines that are no longer than the terminal. */
#ifndef HANDLER_SCREEN_H
#define HANDLER_SCREEN_H

#include <stdbool.h>

#include "lib/core/buf.h"

#define SCREEN_COLUMNS 80 /* of what is no terminal, too */

enum screen_colour { SCREEN_PLAIN, SCREEN_GREEN, SCREEN_YELLOW, SCREEN_RED, SCREEN_DIM };

struct screen {
	unsigned columns; /* 0: SCREEN_COLUMNS */
	bool terminal;
	bool colours;
};

/*
 * What fd is.  Colours are for terminals alone, and not for those of people who set NO_COLOR
 * (no-color.org) or whose TERM is dumb.
 */
struct screen screen_of(int fd);

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

#endif
