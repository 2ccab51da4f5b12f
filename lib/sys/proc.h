/* SPDX-License-Identifier: MIT */
/*
 * Run a program: absolute argv[0], no shell, a small whole environment, standard input from the
 * given bytes or /dev/null, its own process group, capped output, a monotonic deadline; then TERM,
 * KILL after two seconds, to all of its process group, and it is always reaped.
 */
#ifndef SYS_PROC_H
#define SYS_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/sys/sys.h"

#define PROC_LOG_MAX ((size_t)1 << 20) /* bytes of one program's output that go to the log */

struct proc_spec {
	const char *const *argv; /* NULL-terminated, argv[0] absolute */
	const char *const *environ; /* added to PATH, LANG and HOME; NULL: nothing */
	const char *directory; /* absolute, to work in; NULL: "/" */
	struct span input; /* standard input, may be empty */
	int timeout_ms; /* more than 0; the deadline of struct sys shortens it */
	size_t output_max; /* bytes of output kept (the head); the rest is read and dropped */
	bool keep_end; /* of a longer output its first half is kept, and the end of it */
	bool merge_stderr; /* standard error goes with the output, otherwise to /dev/null */
	/*
	 * Where SELinux is on, stay in this process's context: a daemon's program that only looks
	 * at something for us may not read our input in its own.  What forbids that is passed over.
	 */
	bool own_context;
	/*
	 * It only looks at something: it gains no privilege by what it executes, and has no
	 * capability of root's but to read what it does not own.
	 */
	bool looks_only;
	bool ends_with_us; /* it is killed when this process ends before it */
	int log_fd; /* a copy of the output goes here when above 0, up to PROC_LOG_MAX */
};

struct proc_result {
	int status; /* exit code, or -N when signal N ended it */
	bool timed_out; /* it was stopped by the deadline */
	struct buf output; /* standard output, see output_max */
};

#define PROC_RESULT_INIT                                                                           \
	{                                                                                          \
		.status = -1                                                                       \
	}
#define AUTO_PROC CLEANUP(proc_result_done) struct proc_result

/*
 * Through sys->ops->run.  Returns 0 when the program ran to an end, whatever its status;
 * -ENOENT (argv[0] missing) or another -errno when it could not be started; -ETIMEDOUT when the
 * deadline stopped it; -ECHILD when its end cannot be seen, as where SIGCHLD is ignored; -EIO when
 * its output cannot be read.  *ret is filled in each case and owned by the caller.
 */
int proc_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	     struct err *err);
void proc_result_done(struct proc_result *result);

/* proc_run, and -EIO with the last line of output unless the status is 0. */
int proc_must(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	      struct err *err);

/* The implementation behind struct sys_ops. */
int proc_run_real(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		  struct err *err);

#endif
