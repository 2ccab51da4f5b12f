/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/span.h"
#include "lib/sys/log.h"

#define LINE_MAX_BYTES 2048
#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
#define SEND_WAIT_MS 250

/* clang-format off */
static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = {"error", LOG_ERR},
	[LOG_LEVEL_WARNING] = {"warning", LOG_WARNING},
	[LOG_LEVEL_INFO] = {"info", LOG_INFO},
	[LOG_LEVEL_DEBUG] = {"debug", LOG_DEBUG},
};
/* clang-format on */

bool log_level_parse(const char *name, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(name, levels[i].name) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_send(const char *path, struct span datagram)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (fd < 0 || !span_copy(span_of(path), address.sun_path, sizeof(address.sun_path)) ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return false;
	if (send(fd, datagram.p, datagram.len, MSG_NOSIGNAL) < 0 && errno == EAGAIN &&
	    poll(&room, 1, SEND_WAIT_MS) > 0)
		(void)send(fd, datagram.p, datagram.len, MSG_NOSIGNAL);
	return true;
}

/* Source: RFC 3164.  syslog(3) would wait as long as the socket is full, and a login with it. */
static void syslog_entry(const char *program, enum log_level level, const struct tm *tm,
			 const char *text, struct buf *ret)
{
	char stamp[32];

	if (!strftime(stamp, sizeof(stamp), "%b %e %T", tm))
		return;
	buf_printf(ret, "<%d>%s %s[%d]: %s", LOG_AUTHPRIV | levels[level].priority, stamp, program,
		   (int)getpid(), text);
}

void log_journal_entry(const char *program, enum log_level level, const char *text,
		       const char *fields, struct buf *ret)
{
	buf_printf(ret,
		   "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%d\n"
		   "MESSAGE=%s\n%s",
		   levels[level].priority, LOG_FAC(LOG_AUTHPRIV), program, (int)getpid(), text,
		   fields);
}

/* The journal hands on to syslog what it is told, so it alone is told. */
static void to_system(const char *program, enum log_level level, const struct tm *tm,
		      const char *text, const char *fields)
{
	AUTO_BUF entry = {0};

	log_journal_entry(program, level, text, fields, &entry);
	if (entry.failed || log_send(JOURNAL_SOCKET, buf_bytes(&entry)))
		return;
	entry.len = 0;
	syslog_entry(program, level, tm, text, &entry);
	if (!entry.failed)
		(void)log_send(SYSLOG_SOCKET, buf_bytes(&entry));
}

void log_event(const struct log *log, enum log_level level, const char *text, const char *fields)
{
	char line[LINE_MAX_BYTES], stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	if (level > log->level)
		return;
	(void)snprintf(line, sizeof(line), "%s", text);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (log->syslog && localtime_r(&now, &tm))
		to_system(log->syslog, level, &tm, line, fields);
	if (log->fd >= 0 && gmtime_r(&now, &tm) &&
	    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm))
		(void)dprintf(log->fd, "%s [%ld] %s %s\n", stamp, (long)getpid(),
			      levels[level].name, line);
}

void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_event(log, level, text, "");
}
