/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/jail.h"
#include "lib/sys/lookup.h"
#include "lib/sys/metricsfile.h"

#define LOCK_PATH METRICS_DIR "/lock"
#define ANSWER_MAX 1024 /* why it failed */

/* Those who wait have decided already: a millisecond, not a tenth of a second as in lock.h. */
static int take_lock(struct sys *sys, struct err *err)
{
	int64_t end_ns = sys->ops->boottime_ns(sys) + METRICS_WAIT_MS * 1000000LL;
	int fd = fs_open(sys, LOCK_PATH, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, err);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK && sys->ops->boottime_ns(sys) < end_ns) {
			sys->ops->sleep_ms(sys, 1);
			continue;
		}
		if (errno == EINTR)
			continue;
		(void)close(fd);
		return err_set(err, EBUSY, LOCK_PATH " is held for too long");
	}
	return fd;
}

static void add(const struct metrics_event *event, struct metrics *metrics)
{
	if (event->decided)
		metrics_decided(metrics, event->action, event->reason, event->ns);
	if (event->backend_error != REASON_NONE)
		metrics->backend_errors[event->backend_error]++;
	metrics->drift_repairs += event->drift_repairs;
	if (event->keys_fetched_s) {
		metrics->keys_fetched_s = event->keys_fetched_s;
		metrics->keys_expire_s = event->keys_expire_s;
	}
}

static int update(struct sys *sys, const struct metrics_event *event, struct err *err)
{
	const struct fs_meta meta = {.mode = 0644, .uid = geteuid(), .gid = getegid()};
	AUTO_CLOSE int lock = take_lock(sys, err);
	struct metrics metrics = {.drift_repairs = 0};
	AUTO_BUF old = {0}, text = {0};
	struct err ignored = {0};

	if (lock < 0)
		return lock;
	/* What is not there, or cannot be read, begins at 0: a counter may. */
	if (fs_read(sys, METRICS_PATH, 0, METRICS_MAX, &old, NULL, &ignored) == 0)
		metrics_parse(buf_bytes(&old), &metrics);
	add(event, &metrics);
	metrics_format(&metrics, &text);
	if (buf_ok(&text, err) < 0)
		return -err->code;
	return fs_replace(sys, METRICS_PATH, buf_bytes(&text), &meta, err);
}

static int update_jailed(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)ret;
	return update(sys, arg, err);
}

static int remove_jailed(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)arg;
	(void)ret;
	return fs_remove(sys, METRICS_PATH, err);
}

static int as_service_user(struct sys *sys, const char *name, jail_fn *fn, const void *arg,
			   struct err *err)
{
	static const char *const writes[] = {METRICS_DIR, NULL};
	struct jail jail = {
		.confine = {.writes = writes},
		.answer_max = ANSWER_MAX,
		.timeout_ms = METRICS_CHILD_MS,
	};
	struct local_user user;
	AUTO_BUF nothing = {0};

	if (geteuid() != 0)
		return fn(sys, arg, &nothing, err);
	if (lookup_local_user(sys, name, &user, err) < 0)
		return -err->code;
	jail.uid = user.uid;
	jail.gid = user.gid;
	return jail_run(sys, &jail, fn, arg, &nothing, err);
}

int metrics_note(struct sys *sys, const char *service_user, const struct metrics_event *event,
		 struct err *err)
{
	return as_service_user(sys, service_user, update_jailed, event, err);
}

int metrics_forget(struct sys *sys, const char *service_user, struct err *err)
{
	return as_service_user(sys, service_user, remove_jailed, NULL, err);
}
