/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/holder.h"

#define COMMAND_MAX 128 /* bytes of a holder's command line in a message */
#define PAUSE_MS 500
#define TELL_NS (INT64_C(10) * 1000000000) /* between what is said while waiting */
#define PIDFILE_MAX 64
#define PID_MAX 4194304

/* An address or an assignment can have a password in it. */
static bool may_be_secret(const char *word, size_t len)
{
	return memchr(word, '=', len) || memchr(word, '@', len) || memmem(word, len, "://", 3);
}

/*
 * How much of a command line, a NUL behind each word, everybody may read: what is told of it leaves
 * the machine with the status.
 */
static size_t open_part(const char *text, size_t len)
{
	size_t end = 0;

	while (end < len) {
		size_t word = strnlen(text + end, len - end);

		if (may_be_secret(text + end, word))
			break;
		end += word + (end + word < len);
	}
	return end;
}

/* The command line of a process, "" when it cannot be seen. */
static void command_line(struct sys *sys, long pid, char ret[COMMAND_MAX])
{
	struct err ignored = {0};
	AUTO_CLOSE int fd = -1;
	char path[48];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
	fd = fs_open(sys, path, O_RDONLY, 0, &ignored);
	len = fd < 0 ? 0 : read(fd, ret, COMMAND_MAX - 1);
	len = len < 0 ? 0 : (ssize_t)open_part(ret, (size_t)len);
	while (len > 0 && ret[len - 1] == '\0')
		len--;
	ret[len] = '\0';
	for (ssize_t i = 0; i < len; i++)
		if (ret[i] == '\0')
			ret[i] = ' ';
}

static int name_holder(struct sys *sys, long pid, const char *path, struct err *err)
{
	char command[COMMAND_MAX];

	if (pid <= 0) /* in another PID namespace */
		return err_set(err, EBUSY, "another process holds %s", path);
	command_line(sys, pid, command);
	return err_set(err, EBUSY, "process %ld (%s) holds %s", pid, command, path);
}

static int find_record(struct sys *sys, const char *path, struct err *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct err ignored = {0};
	AUTO_CLOSE int fd = fs_open(sys, path, O_RDONLY, 0, &ignored);

	if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return name_holder(sys, lock.l_pid, path, err);
}

static int find_pidfile(struct sys *sys, const char *path, struct err *err)
{
	char text[PIDFILE_MAX + 1] = "", process[48];
	struct err ignored = {0};
	struct span rest, word;
	struct stat st;
	uint64_t pid;
	AUTO_CLOSE int fd = fs_open_file(sys, path, 0, &st, &ignored);

	if (fd < 0 || read(fd, text, PIDFILE_MAX) < 0)
		return 0;
	rest = span_of(text); /* useradd's ends with a NUL */
	if (!span_line(&rest, &word) || !num_parse(span_trim(word), PID_MAX, &pid) || pid == 0)
		return 0;
	(void)snprintf(process, sizeof(process), "/proc/%ld", (long)pid);
	if (!fs_exists(sys, process)) /* it died and left its file */
		return 0;
	return name_holder(sys, (long)pid, path, err);
}

int holder_find(struct sys *sys, const struct holder_lock *locks, struct err *err)
{
	int r = 0;

	for (; r == 0 && locks->path; locks++)
		r = locks->kind == HOLDER_RECORD ? find_record(sys, locks->path, err)
						 : find_pidfile(sys, locks->path, err);
	return r;
}

static int wait_until(struct sys *sys, const struct holder_lock *locks, int64_t end_ns,
		      struct err *err)
{
	const int64_t start_ns = sys->ops->boottime_ns(sys);
	int64_t tell_ns = 0;

	while (holder_find(sys, locks, err) < 0) {
		const int64_t now_ns = sys->ops->boottime_ns(sys);

		if (now_ns >= end_ns)
			return err_remedy(err, EXIT_LOCK,
					  "wait for it to finish, or end it, and try again");
		if (sys->waiting && now_ns >= tell_ns) {
			sys->waiting(sys->waiting_arg, err->msg);
			tell_ns = now_ns + TELL_NS;
		}
		sys_progress(sys, err->msg, start_ns, end_ns);
		sys->ops->sleep_ms(sys, PAUSE_MS);
	}
	return 0;
}

int holder_wait(struct sys *sys, const struct holder_lock *locks, int64_t end_ns, struct err *err)
{
	int r = wait_until(sys, locks, end_ns, err);

	sys_progress(sys, NULL, 0, 0);
	return r;
}
