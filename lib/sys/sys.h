/* SPDX-License-Identifier: MIT */
/*
 * The door to the machine.  Every function with a side effect takes a struct sys: the root
 * below which absolute paths open, and the operations that a test replaces.  Only a
 * program's main function opens "/"; no environment variable moves it.
 */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/core/err.h"

struct proc_spec;
struct proc_result;
struct http_request;
struct http_response;
struct confine;
struct witness;
struct sys;

struct sys_ops {
	/* See proc.h: proc_run */
	int (*run)(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		   struct err *err);
	/* See http.h: http_send */
	int (*http)(struct sys *sys, const struct http_request *requests, size_t count,
		    struct http_response *ret, struct err *err);
	/* See confine.h: confine_self.  NULL, in tests: nothing is given up. */
	int (*confine)(struct sys *sys, const struct confine *confine);
	int64_t (*boottime_ns)(struct sys *sys); /* CLOCK_BOOTTIME */
	int64_t (*realtime_ns)(struct sys *sys); /* since 1970, UTC */
	void (*sleep_ms)(struct sys *sys, int64_t ms);
};

struct sys {
	int rootfd; /* directory below which absolute paths are opened */
	uid_t owner; /* who may own trusted files: 0, a test's own uid */
	const struct sys_ops *ops; /* never NULL */
	struct witness *witness; /* what was looked at, or NULL; see fs.h */
	struct err doubt; /* what fs_exists could not tell, see fs_sure */
	int64_t deadline_ns; /* CLOCK_BOOTTIME by which all must be done, 0: none */
	/* Told, now and then, what a long wait is for: a clause.  NULL: nobody wants to know. */
	void (*waiting)(void *arg, const char *what);
	/*
	 * Told of each program that ran and of each request that was sent how long it took: a path,
	 * or a URL without its query.  NULL: nobody wants to know.
	 */
	void (*spent)(void *arg, const char *on, int64_t ns);
	void *waiting_arg; /* of both */
	/*
	 * Told again and again, while something takes long, what that is, when it began and when it
	 * ends at most (CLOCK_BOOTTIME); and with NULL that it is over.  NULL: nobody looks.
	 */
	void (*progress)(void *arg, const char *what, int64_t start_ns, int64_t end_ns);
	void *progress_arg;
};

#define SYS_INIT                                                                                   \
	{                                                                                          \
		.rootfd = -1                                                                       \
	}

/* The real ones, but HTTP is sent in a child without privileges, as for root: http_send_apart. */
extern const struct sys_ops sys_ops_apart;

/* How often "/" is opened at most, and the pause between two times. */
#define SYS_OPEN_TRIES 5
#define SYS_OPEN_PAUSE_MS 200

/*
 * Open the real machine.  Below its root all files are, a status among them: a failure here can be
 * told to standard error alone.  So what fails is tried again, for less than a second.
 * Returns 0 or what open(2) says last, with a remedy; *ret is written only on success.
 */
int sys_open(struct sys *ret, struct err *err);
void sys_done(struct sys *sys);

/* Seconds since 1970, UTC. */
int64_t sys_realtime_s(struct sys *sys);

/* Tell what was begun at start_ns (CLOCK_BOOTTIME) and ends now.  on: its first len bytes count. */
void sys_spent(struct sys *sys, const char *on, size_t len, int64_t start_ns);

/* Tell it to who looks; what NULL: it is over. */
void sys_progress(struct sys *sys, const char *what, int64_t start_ns, int64_t end_ns);

/* Sleep, and tell who looks meanwhile. */
void sys_sleep_ms(struct sys *sys, int64_t ms, const char *what, int64_t start_ns, int64_t end_ns);

/* Milliseconds until the deadline, at most limit_ms; limit_ms without a deadline, 0 when it passed.
 */
int64_t sys_left_ms(struct sys *sys, int64_t limit_ms);

#endif
