/* SPDX-License-Identifier: MIT */
/*
 * A program's log: one line an event, to a descriptor, to the system's log, or both.  The system's
 * log is the journal where one listens, else syslog.  Text from outside is cut and its control
 * characters replaced before it is written; secrets never get here.
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include <stdbool.h>

#include "lib/core/buf.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	int fd; /* lines with a UTC time and the process go here; -1: nowhere */
	const char
		*syslog; /* name of the program in the system's log (AUTHPRIV), NULL: not there */
	enum log_level level; /* finer events are dropped */
};

#define LOG_INIT                                                                                   \
	{                                                                                          \
		.fd = -1, .level = LOG_LEVEL_INFO                                                  \
	}

void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same for text that is whole already.
 * fields  lines `NAME=value` that the journal keeps with the event, "" when there are none
 */
void log_event(const struct log *log, enum log_level level, const char *text, const char *fields);

/* Add what the journal is sent for an event.  Source: its native protocol, text values alone. */
void log_journal_entry(const char *program, enum log_level level, const char *text,
		       const char *fields, struct buf *ret);

/*
 * Send one datagram to the socket of a log service.  False when none listens there.  A service that
 * does not make room within a quarter of a second misses it: nobody's login waits for the log.
 */
bool log_send(const char *path, struct span datagram);

/* "error", "warning", "info", "debug"; false for another word. */
bool log_level_parse(const char *name, enum log_level *ret);

#endif
