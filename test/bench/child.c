/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test/bench/child.h"

#define ENVIRONMENT_MAX 16

int64_t clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Fill the environment; returns how many words before the command are added to it. */
static size_t take_variables(char *const argv[], char *ret[ENVIRONMENT_MAX + 1])
{
	static char home[] = "HOME=/nonexistent", logname[] = "LOGNAME=aadsshlogin",
		    path[] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin", user[] = "USER=aadsshlogin";
	size_t count = 0, added = 0;

	ret[count++] = home;
	ret[count++] = logname;
	ret[count++] = path;
	ret[count++] = user;
	while (argv[added] && strchr(argv[added], '=') && count < ENVIRONMENT_MAX)
		ret[count++] = argv[added++];
	ret[count] = NULL;
	return added;
}

static void __attribute__((noreturn))
become(uid_t uid, gid_t gid, char *const argv[], char *const environment[], int null, int answer)
{
	if (dup2(null, 0) == 0 && dup2(answer, 1) == 1 && dup2(null, 2) == 2 &&
	    (geteuid() != 0 || setgroups(0, NULL) == 0) && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0)
		(void)execve(argv[0], argv, environment);
	_exit(127);
}

static int collect(int fd, struct child *child)
{
	char chunk[4096];
	ssize_t n;

	child->len = 0;
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		for (ssize_t i = 0; i < n && child->len < CHILD_OUTPUT_MAX; i++)
			child->output[child->len++] = chunk[i];
	}
	return 0;
}

/* vfork: what the copy of this process's pages costs is no part of what is measured. */
int child_run(uid_t uid, gid_t gid, char *const argv[], struct child *ret)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ends[2], r;
	char *environment[ENVIRONMENT_MAX + 1];
	const size_t added = take_variables(argv, environment);
	struct rusage usage;
	int64_t start_ns;
	pid_t pid;

	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	start_ns = clock_ns();
	pid = vfork();
	if (pid == 0)
		become(uid, gid, argv + added, environment, null, ends[1]);
	r = pid < 0 ? -errno : 0;
	(void)close(ends[1]);
	if (r == 0)
		r = collect(ends[0], ret);
	if (pid > 0 && wait4(pid, &ret->status, 0, &usage) < 0)
		r = -errno;
	ret->ns = clock_ns() - start_ns;
	ret->peak_kb = usage.ru_maxrss;
	(void)close(ends[0]);
	(void)close(null);
	return r;
}
