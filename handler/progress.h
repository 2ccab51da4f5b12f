/* SPDX-License-Identifier: MIT */
/*
 * One line on a terminal about what takes long: what it is, for how long already, and when it ends
 * at most.  It is written over again and again, and goes when that is over.  Where standard error
 * is none, as under the guest agent, nothing is said.
 */
#ifndef HANDLER_PROGRESS_H
#define HANDLER_PROGRESS_H

#include "lib/sys/sys.h"

struct progress {
	struct sys *sys;
	int fd;
	unsigned columns;
	int64_t shown_ns; /* when the line was written last, 0: it is not there */
};

/* Let sys tell *progress, for as long as it lives, if fd is a terminal that can go back in a line.
 */
void progress_watch(struct progress *progress, struct sys *sys, int fd);

#endif
