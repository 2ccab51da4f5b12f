/* SPDX-License-Identifier: MIT */
/*
 * A lock file that says who holds it.  The lock is the kernel's (flock), so it ends with its
 * process; the file's text is only for people.
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include <stdbool.h>

#include "lib/sys/sys.h"

/*
 * Take the lock, waiting up to wait_ms, and say once whom for (struct sys: waiting).  holder
 * describes this process ("process 17 (aadssh-handler enable)").
 * Returns a descriptor that holds the lock until it is closed, or -EBUSY with the holder's own
 * words, or another -errno.  The file stays when the lock is released; its holder may remove it,
 * and who waited then locks the file that takes its place.  -ENOENT when the directory went too.
 */
int lock_take(struct sys *sys, const char *path, const char *holder, int wait_ms, struct err *err);

/*
 * For a holder who says with lock_end that its work ended, well or not: *ret_killed tells whether
 * the one before could not.
 */
int lock_take_after(struct sys *sys, const char *path, const char *holder, int wait_ms,
		    bool *ret_killed, struct err *err);

/* Let go of it; the file is empty until the next one takes it.  Keeps errno. */
void lock_end(int fd);

/*
 * The same as lock_take, or -EALREADY as soon as done says that there is nothing left to do, which
 * is asked before each try and once more under the lock.  So those who wait for one another's work
 * go on together when it is done, and not one by one through the lock.
 */
int lock_take_unless(struct sys *sys, const char *path, const char *holder, int wait_ms,
		     bool (*done)(void *arg), void *arg, struct err *err);

#endif
