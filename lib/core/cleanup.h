/* SPDX-License-Identifier: MIT */
/* Scope-bound release, so that an early return cannot leak.  Every cleanup function keeps errno. */
#ifndef CORE_CLEANUP_H
#define CORE_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define AUTO_FREE CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)

static inline void cleanup_free(void *ptr)
{
	int saved = errno;

	free(*(void **)ptr);
	errno = saved;
}

static inline void cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}

/* Hand an owned descriptor over: the variable that is cleaned up no longer owns it. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define steal_ptr(ptr)                                                                             \
	({                                                                                         \
		__typeof__(ptr) *steal_from_ = &(ptr);                                             \
		__typeof__(ptr) steal_taken_ = *steal_from_;                                       \
		*steal_from_ = NULL;                                                               \
		steal_taken_;                                                                      \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
