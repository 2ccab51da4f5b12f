/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/sys/terminal.h"

struct screen terminal_screen(int fd)
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
