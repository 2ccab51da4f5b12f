/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/lock.h"

#define HOLDER_MAX 160
#define PAUSE_MS 100

static int held(int fd, const char *path, struct err *err)
{
	char text[HOLDER_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err_set(err, EBUSY, "%s is held by %s", path, text[0] ? text : "another process");
}

/* What may make the lock needless. */
struct work {
	bool (*done)(void *arg);
	void *arg;
};

static bool is_done(const struct work *work)
{
	return work->done && work->done(work->arg);
}

static int already_done(const char *path, struct err *err)
{
	return err_set(err, EALREADY, "%s: the holder did what there was to do", path);
}

static void tell(struct sys *sys, const struct err *who)
{
	if (sys->waiting)
		sys->waiting(sys->waiting_arg, who->msg);
}

static int wait_until(struct sys *sys, int fd, const char *path, int64_t end,
		      const struct work *work, struct err *err)
{
	const int64_t start = sys->ops->boottime_ns(sys);
	struct err who = {0};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_sys(err, "lock %s", path);
		if (is_done(work))
			return already_done(path, err);
		if (sys->ops->boottime_ns(sys) >= end)
			return held(fd, path, err);
		if (who.code == 0) {
			(void)held(fd, path, &who);
			tell(sys, &who);
		}
		sys_progress(sys, who.msg, start, end);
		sys->ops->sleep_ms(sys, PAUSE_MS);
	}
	return 0;
}

static int wait_for(struct sys *sys, int fd, const char *path, int64_t end, const struct work *work,
		    struct err *err)
{
	int r = wait_until(sys, fd, path, end, work, err);

	sys_progress(sys, NULL, 0, 0);
	return r;
}

/* Who held the lock may have removed its file: then the next one locks another. */
static bool is_current(struct sys *sys, int fd, const char *path)
{
	struct err ignored = {0};
	struct stat mine, now;

	return fstat(fd, &mine) == 0 && fs_lstat(sys, path, &now, &ignored) == 0 &&
	       mine.st_dev == now.st_dev && mine.st_ino == now.st_ino;
}

/* ret_killed: see lock_take_after; may be NULL */
static int take(struct sys *sys, const char *path, const char *holder, int wait_ms,
		const struct work *work, bool *ret_killed, struct err *err)
{
	int64_t end = sys->ops->boottime_ns(sys) + sys_left_ms(sys, wait_ms) * 1000000;

	for (;;) {
		AUTO_CLOSE int fd = fs_open(sys, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, err);
		int r = fd < 0 ? fd : wait_for(sys, fd, path, end, work, err);
		struct stat st;

		if (r < 0)
			return r;
		if (!is_current(sys, fd, path))
			continue;
		if (is_done(work))
			return already_done(path, err);
		if (ret_killed)
			*ret_killed = fstat(fd, &st) < 0 || st.st_size > 0;
		/* The words are for people: a lock that cannot be described still holds. */
		(void)!ftruncate(fd, 0);
		(void)fs_write_all(fd, span_of(holder));
		return steal_fd(&fd);
	}
}

int lock_take_unless(struct sys *sys, const char *path, const char *holder, int wait_ms,
		     bool (*done)(void *arg), void *arg, struct err *err)
{
	const struct work work = {done, arg};

	return take(sys, path, holder, wait_ms, &work, NULL, err);
}

int lock_take(struct sys *sys, const char *path, const char *holder, int wait_ms, struct err *err)
{
	const struct work none = {NULL, NULL};

	return take(sys, path, holder, wait_ms, &none, NULL, err);
}

int lock_take_after(struct sys *sys, const char *path, const char *holder, int wait_ms,
		    bool *ret_killed, struct err *err)
{
	const struct work none = {NULL, NULL};

	return take(sys, path, holder, wait_ms, &none, ret_killed, err);
}

void lock_end(int fd)
{
	const int saved = errno;

	(void)!ftruncate(fd, 0);
	(void)close(fd);
	errno = saved;
}
