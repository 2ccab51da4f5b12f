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
#define SYSLOG_SOCKET "/dev/log"
#define SYSLOG_WAIT_MS 250

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

void log_send(const char *path, const char *line)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd room = {.fd = fd, .events = POLLOUT};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(line);

	if (fd < 0 || !span_copy(span_of(path), address.sun_path, sizeof(address.sun_path)) ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return;
	if (send(fd, line, len, MSG_NOSIGNAL) < 0 && errno == EAGAIN &&
	    poll(&room, 1, SYSLOG_WAIT_MS) > 0)
		(void)send(fd, line, len, MSG_NOSIGNAL);
}

/* Source: RFC 3164.  syslog(3) would wait as long as the socket is full, and a login with it. */
static void to_syslog(const char *program, int priority, const struct tm *tm, const char *text)
{
	char line[LINE_MAX_BYTES + 128], stamp[32];

	if (!strftime(stamp, sizeof(stamp), "%b %e %T", tm))
		return;
	(void)snprintf(line, sizeof(line), "<%d>%s %s[%d]: %s", LOG_AUTHPRIV | priority, stamp,
		       program, (int)getpid(), text);
	log_send(SYSLOG_SOCKET, line);
}

void log_line(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	va_list ap;

	if (level > log->level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (log->syslog && localtime_r(&now, &tm))
		to_syslog(log->syslog, levels[level].priority, &tm, text);
	if (log->fd >= 0 && gmtime_r(&now, &tm) &&
	    strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm))
		(void)dprintf(log->fd, "%s %s %s\n", stamp, levels[level].name, text);
}
