/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "lib/core/outcome.h"
#include "lib/sys/confine.h"
#include "lib/sys/http.h"
#include "lib/sys/proc.h"
#include "lib/sys/sys.h"

#define PROGRESS_MS 500 /* between what who looks is told */

static int64_t boottime_ns(struct sys *sys)
{
	struct timespec now = {0};

	(void)sys;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t realtime_ns(struct sys *sys)
{
	struct timespec now = {0};

	(void)sys;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void sleep_ms(struct sys *sys, int64_t ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)sys;
	while (ms > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

#define REAL_OPS(send)                                                                             \
	{                                                                                          \
		.run = proc_run_real, .http = (send), .confine = confine_self_real,                \
		.boottime_ns = boottime_ns, .realtime_ns = realtime_ns, .sleep_ms = sleep_ms       \
	}

static const struct sys_ops real_ops = REAL_OPS(http_send_real);
const struct sys_ops sys_ops_apart = REAL_OPS(http_send_apart);

int sys_open(struct sys *ret, struct err *err)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int i = 1; fd < 0 && i < SYS_OPEN_TRIES; i++) {
		sleep_ms(NULL, SYS_OPEN_PAUSE_MS);
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0) {
		(void)err_sys(err, "/");
		return err_remedy(err, EXIT_DEPENDENCY,
				  "let this process open files: see its limits, and the machine's "
				  "memory and disks");
	}
	*ret = (struct sys){.rootfd = fd, .ops = &real_ops};
	return 0;
}

void sys_done(struct sys *sys)
{
	if (sys->rootfd >= 0)
		(void)close(sys->rootfd);
	sys->rootfd = -1;
}

int64_t sys_realtime_s(struct sys *sys)
{
	return sys->ops->realtime_ns(sys) / 1000000000;
}

void sys_spent(struct sys *sys, const char *on, size_t len, int64_t start_ns)
{
	char name[256];

	if (!sys->spent)
		return;
	(void)snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name)),
		       on);
	sys->spent(sys->waiting_arg, name, sys->ops->boottime_ns(sys) - start_ns);
}

void sys_progress(struct sys *sys, const char *what, int64_t start_ns, int64_t end_ns)
{
	if (sys->progress)
		sys->progress(sys->progress_arg, what, start_ns, end_ns);
}

void sys_sleep_ms(struct sys *sys, int64_t ms, const char *what, int64_t start_ns, int64_t end_ns)
{
	const int64_t most_ms = sys->progress ? PROGRESS_MS : ms;

	for (; ms > 0; ms -= most_ms) {
		sys_progress(sys, what, start_ns, end_ns);
		sys->ops->sleep_ms(sys, ms < most_ms ? ms : most_ms);
	}
	sys_progress(sys, NULL, start_ns, end_ns);
}

int64_t sys_left_ms(struct sys *sys, int64_t limit_ms)
{
	int64_t left;

	if (sys->deadline_ns == 0)
		return limit_ms;
	left = (sys->deadline_ns - sys->ops->boottime_ns(sys)) / 1000000;
	if (left < 0)
		return 0;
	return left < limit_ms ? left : limit_ms;
}
