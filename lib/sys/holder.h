/* SPDX-License-Identifier: MIT */
/*
 * Locks of other people's programs: who holds one, and waiting until nobody does.  Nothing is
 * taken, broken or ended here.
 */
#ifndef SYS_HOLDER_H
#define SYS_HOLDER_H

#include "lib/sys/sys.h"

enum holder_kind {
	HOLDER_RECORD, /* the kernel's record lock (fcntl), as dpkg, apt and rpm take it */
	HOLDER_PIDFILE, /* a file with the number of a process: a lock while that process lives */
};

struct holder_lock {
	const char *path; /* NULL ends a list */
	enum holder_kind kind;
};

/*
 * Does somebody hold one of these locks?  A file that is not there or cannot be read is no lock.
 * 0, or -EBUSY with the process and its command line as far as they can be seen, up to a word that
 * may hold a password.
 */
int holder_find(struct sys *sys, const struct holder_lock *locks, struct err *err);

/*
 * Wait until nobody does, at most until end_ns (CLOCK_BOOTTIME), and say now and then whom for
 * (struct sys: waiting).  0, or -EBUSY with outcome EXIT_LOCK.
 */
int holder_wait(struct sys *sys, const struct holder_lock *locks, int64_t end_ns, struct err *err);

#endif
