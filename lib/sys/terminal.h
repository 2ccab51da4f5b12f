/* SPDX-License-Identifier: MIT */
#ifndef SYS_TERMINAL_H
#define SYS_TERMINAL_H

#include "lib/core/screen.h"

/*
 * What fd is.  Colours are for terminals alone, and not for those of people who set NO_COLOR
 * (no-color.org) or whose TERM is dumb.
 */
struct screen terminal_screen(int fd);

#endif
