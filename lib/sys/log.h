/* SPDX-License-Identifier: MIT */
/*
 * A program's log: one line an event, to a descriptor, to syslog, or both.  Text from outside is
 * cut and its control characters replaced before it is written; secrets never get here.
 */
#ifndef SYS_LOG_H
#define SYS_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	int fd; /* lines with a UTC time go here; -1: nowhere */
	const char *syslog; /* name of the program for syslog (AUTHPRIV), NULL: not there */
	enum log_level level; /* finer events are dropped */
};

#define LOG_INIT                                                                                   \
	{                                                                                          \
		.fd = -1, .level = LOG_LEVEL_INFO                                                  \
	}

void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Send one datagram to the socket of a syslog service, as log_line does to /dev/log.  A service
 * that does not make room within a quarter of a second misses it: nobody's login waits for the log.
 */
void log_send(const char *path, const char *line);

/* "error", "warning", "info", "debug"; false for another word. */
bool log_level_parse(const char *name, enum log_level *ret);

#endif
