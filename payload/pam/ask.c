/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "payload/module/lines.h"
#include "payload/pam/ask.h"

#define PROGRAM MODULE_ROOT AUTHORIZE_PROGRAM
#define END_MS 1000 /* for a process that was killed */

#ifndef SYS_close_range /* the same number on every architecture */
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/*
 * sigprocmask, not pthread_sigmask, which would need libpthread before glibc 2.32: on Linux both
 * change the calling thread alone.
 */

/* ---- in the child: async-signal-safe calls alone, since the host may have threads */

static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &action, NULL); /* a few cannot be changed, by anybody */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As the kernel writes it; glibc has no name for it before 2.30. */
struct dirent64_record {
	uint64_t ino;
	int64_t off;
	uint16_t len; /* of this record */
	uint8_t type;
	char name[];
};

static int fd_of(const char *name)
{
	int fd = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		fd = fd * 10 + (*name - '0');
	return *name ? -1 : fd;
}

/* Before Linux 5.9.  The limit of descriptors can be a thousand million: no loop up to that. */
static bool close_listed(int first)
{
	_Alignas(struct dirent64_record) char buffer[1024];
	int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long len = -1;

	while (dir >= 0 && (len = syscall(SYS_getdents64, dir, buffer, sizeof(buffer))) > 0) {
		const struct dirent64_record *record;

		for (long at = 0; at < len; at += record->len) {
			int fd;

			record = (const void *)(buffer + at);
			fd = fd_of(record->name);
			if (fd >= first && fd != dir)
				(void)close(fd);
		}
	}
	return len == 0;
}

static bool close_from(int first)
{
	return syscall(SYS_close_range, first, ~0U, 0) == 0 || close_listed(first);
}

static bool copy_to(int fd, int to)
{
	while (dup2(fd, to) < 0)
		if (errno != EINTR)
			return false;
	return true;
}

/* Standard input and error are /dev/null, standard output is the pipe; nothing else is open. */
static bool set_descriptors(int answer)
{
	int pipe_end = fcntl(answer, F_DUPFD, 3); /* the host may have closed its own 0 to 2 */
	int null = open("/dev/null", O_RDWR | O_NOCTTY);

	return pipe_end >= 0 && null >= 0 && copy_to(null, 0) && copy_to(null, 2) &&
	       copy_to(pipe_end, 1) && close_from(3);
}

/* setresuid last: the others need what it may take away. */
static bool become_root(void)
{
	return setgroups(0, NULL) == 0 && setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0;
}

static _Noreturn void run(char *const argv[], int answer)
{
	static char *const environment[] = {NULL};

	reset_signals();
	(void)umask(077);
	/* A session of its own: what is typed at sudo's terminal does not reach the program. */
	if (setsid() >= 0 && chdir("/") == 0 && set_descriptors(answer) && become_root())
		(void)execve(argv[0], argv, environment);
	_exit(127);
}

/* ---- in the host */

/* All signals wait while the child still has the host's handlers. */
static pid_t start(char *const argv[], int answer)
{
	sigset_t all, saved;
	pid_t pid;
	int error;

	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, &saved) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run(argv, answer);
	error = errno;
	(void)sigprocmask(SIG_SETMASK, &saved, NULL);
	return pid < 0 ? -error : pid;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait until fd can be read: 0, -ETIMEDOUT, -errno. */
static int wait_readable(int fd, int64_t deadline)
{
	struct pollfd waiting = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = deadline - now_ms();
		int n;

		if (left <= 0)
			return -ETIMEDOUT;
		n = poll(&waiting, 1, (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int read_all(int fd, int64_t deadline, char *ret, size_t size, size_t *ret_len)
{
	size_t len = 0;

	for (;;) {
		int r = wait_readable(fd, deadline);
		char surplus;
		ssize_t n;

		if (r < 0)
			return r;
		n = len < size ? read(fd, ret + len, size - len) : read(fd, &surplus, 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0 && len == size)
			return -EMSGSIZE;
		if (n > 0)
			len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* Wait for its end without a pause too many.  Before Linux 5.3 the pauses have to do. */
static void wait_end(pid_t pid)
{
	struct pollfd process = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (process.fd < 0)
		return;
	(void)poll(&process, 1, END_MS);
	(void)close(process.fd);
}

/*
 * End what is left of the program and of what it started, and collect it.  Its id is safe to kill
 * only while it is not collected: where the host ignores SIGCHLD it may be another's already.
 * A process that KILL does not end within a second (a dead file system) is left behind.
 */
static void finish(pid_t pid)
{
	struct timespec pause = {.tv_nsec = 50000};
	int64_t end = now_ms() + END_MS;
	siginfo_t info;

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		(void)kill(-pid, SIGKILL); /* its session, if it came that far */
		(void)kill(pid, SIGKILL);
		wait_end(pid);
	}
	for (;; pause.tv_nsec = pause.tv_nsec * 3 / 2) {
		pid_t got = waitpid(pid, NULL, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR) || now_ms() >= end)
			return;
		(void)nanosleep(&pause, NULL);
	}
}

int ask_authorize(struct question *question, int deadline_ms, char *ret, size_t size,
		  size_t *ret_len)
{
	static char program[] = PROGRAM;
	char *const argv[] = {program,       question->action,  question->name,
			      question->uid, question->service, question->rhost,
			      NULL};
	int64_t deadline = now_ms() + deadline_ms;
	AUTO_CLOSE int reader = -1;
	int ends[2], r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	reader = ends[0];
	pid = start(argv, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return pid;
	r = read_all(reader, deadline, ret, size, ret_len);
	finish(pid);
	return r;
}
