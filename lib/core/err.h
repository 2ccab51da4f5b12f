/* SPDX-License-Identifier: MIT */
/*
 * One failure, told once.  A struct err stands on the caller's stack and owns nothing, so
 * that reporting a failure cannot itself fail.  The lowest layer names the object, each
 * layer above adds at most one clause, and only a program's main function prints it.
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdbool.h>

#define ERR_MSG_MAX 640
#define ERR_REMEDY_MAX 320

struct err {
	int code; /* positive errno value, 0: no failure yet */
	int outcome; /* exit code the failure asks for, 0: the caller decides */
	int reason; /* why a login is refused, enum reason of reason.h; 0: the failure has none */
	char msg[ERR_MSG_MAX]; /* the cause: one line, no newline, never a secret */
	char remedy[ERR_REMEDY_MAX]; /* what to do about it, may be empty */
};

/*
 * Start a failure.  code is a positive errno value; an earlier failure in *err is forgotten.
 * Control characters in the formatted text become '?', so that hostile input cannot forge
 * log lines.  Returns -code.
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set with the current errno, whose text is appended after ": ". */
int err_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put a clause and ": " before the message.  Returns -err->code. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Say what to do, and which exit code the failure asks for (0 leaves it).  Returns -err->code. */
int err_remedy(struct err *err, int outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* -ENOMEM with the usual words. */
int err_oom(struct err *err);

/*
 * Does -errno say that this process or its machine was short of memory or descriptors?  Whoever was
 * to be asked has no part in it then, and the outcome and remedy are not theirs.
 */
bool err_is_shortage(int r);

#endif
