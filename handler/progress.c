/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "handler/progress.h"
#include "lib/core/screen.h"
#include "lib/sys/fs.h"

#define LONG_NS (INT64_C(1) * 1000000000) /* what takes no longer is not worth a line */
#define AGAIN_NS (INT64_C(500) * 1000000)
#define LINE_MAX_BYTES 512

/* To the first column, and nothing behind it. */
#define CLEAR "\r\x1b[K"

static void put(const struct progress *progress, const char *line)
{
	/* A terminal that is gone is no reason to end. */
	(void)fs_write_all(progress->fd, span_of(CLEAR));
	(void)fs_write_all(progress->fd, span_of(line));
}

/* It must not reach the next line, from which there is no way back. */
static void format(const struct progress *progress, const char *what, int64_t now_ns,
		   int64_t start_ns, int64_t end_ns, char ret[LINE_MAX_BYTES])
{
	const size_t most = progress->columns - 1;
	char times[64];
	size_t room;

	(void)snprintf(times, sizeof(times), " (%lld s, at most %lld s)",
		       (long long)((now_ns - start_ns) / 1000000000),
		       (long long)((end_ns - start_ns) / 1000000000));
	room = most > strlen(times) ? most - strlen(times) : 0;
	(void)snprintf(ret, LINE_MAX_BYTES, "%.*s%s", (int)(room < 300 ? room : 300), what, times);
	for (char *c = ret; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	if (most < LINE_MAX_BYTES)
		ret[most] = '\0';
}

static void tell(void *arg, const char *what, int64_t start_ns, int64_t end_ns)
{
	struct progress *progress = arg;
	const int64_t now_ns = progress->sys->ops->boottime_ns(progress->sys);
	char line[LINE_MAX_BYTES];

	if (!what && progress->shown_ns)
		put(progress, "");
	if (!what)
		progress->shown_ns = 0;
	if (!what || now_ns - start_ns < LONG_NS || now_ns - progress->shown_ns < AGAIN_NS)
		return;
	format(progress, what, now_ns, start_ns, end_ns, line);
	put(progress, line);
	progress->shown_ns = now_ns;
}

void progress_watch(struct progress *progress, struct sys *sys, int fd)
{
	const char *term = getenv("TERM");
	struct winsize size = {.ws_col = 0};

	*progress = (struct progress){.sys = sys, .fd = fd, .columns = SCREEN_COLUMNS};
	if (!isatty(fd) || !term || strcmp(term, "dumb") == 0)
		return;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
		progress->columns = size.ws_col;
	sys->progress = tell;
	sys->progress_arg = progress;
}
