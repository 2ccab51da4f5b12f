/* SPDX-License-Identifier: MIT */
/*
 * leap CLOCK SECONDS FILE -- COMMAND [ARGUMENT...]: run a command whose clock leaps once FILE is
 * there: by so many seconds, forward or back (a number with a sign).
 *
 *   realtime   what CLOCK_REALTIME says
 *   boottime   what CLOCK_BOOTTIME and CLOCK_MONOTONIC say
 *
 * Only the command itself, and what it becomes by execve, leaps; what it starts runs untraced.  The
 * kernel's page of code that tells the time without a system call (vdso) is hidden from it.
 *
 * Ends as the command does (128 + N after signal N), with 98 when this program itself went wrong.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <elf.h>
#include <linux/ptrace.h>

#define BROKEN 98
#define SIGNALLED 128
#define WORDS_MAX 65536 /* of arguments, environment and auxiliary vector */

static bool realtime;
static long seconds;
static const char *file;
static pid_t child;

static void broken(const char *what)
{
	(void)fprintf(stderr, "leap: %s: %s\n", what, strerror(errno));
	exit(BROKEN);
}

static bool take(uint64_t from, void *to, size_t size)
{
	const struct iovec here = {to, size}, there = {(void *)(uintptr_t)from, size};

	return process_vm_readv(child, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static bool put(uint64_t to, const void *from, size_t size)
{
	const struct iovec here = {(void *)(uintptr_t)from, size},
			   there = {(void *)(uintptr_t)to, size};

	return process_vm_writev(child, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static struct ptrace_syscall_info look(void)
{
	struct ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) < 0)
		broken("PTRACE_GET_SYSCALL_INFO");
	return info;
}

/* A program begins with argc, the arguments, the environment and pairs of numbers on its stack. */
static void hide_vdso(void)
{
	uint64_t at = look().stack_pointer, word = 0;
	const uint64_t ignored = AT_IGNORE;
	int ends = 0;

	at += sizeof(word);
	for (int i = 0; i < WORDS_MAX && ends < 2; i++, at += sizeof(word)) {
		if (!take(at, &word, sizeof(word)))
			broken("the stack");
		ends += word == 0;
	}
	for (int i = 0; i < WORDS_MAX; i++, at += 2 * sizeof(word)) {
		if (!take(at, &word, sizeof(word)))
			broken("the auxiliary vector");
		if (word == AT_NULL)
			return;
		if (word == AT_SYSINFO_EHDR && !put(at, &ignored, sizeof(ignored)))
			broken("the auxiliary vector");
	}
}

static bool leaps(uint64_t clock)
{
	if (access(file, F_OK) < 0)
		return false;
	return realtime ? clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE
			: clock == CLOCK_BOOTTIME || clock == CLOCK_MONOTONIC;
}

/* At the end of a call, the entry of which was seen. */
static void rewrite(const struct ptrace_syscall_info *entry)
{
	struct timespec now;

	if (entry->entry.nr != SYS_clock_gettime || !leaps(entry->entry.args[0]))
		return;
	if (!take(entry->entry.args[1], &now, sizeof(now)))
		return; /* it gave no good address */
	now.tv_sec += seconds;
	if (!put(entry->entry.args[1], &now, sizeof(now)))
		broken("the time");
}

static int follow(void)
{
	struct ptrace_syscall_info entry = {0};
	int status, signal = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, (void *)(intptr_t)signal) < 0 &&
		    errno != ESRCH)
			broken("PTRACE_SYSCALL");
		if (waitpid(child, &status, 0) < 0)
			broken("waitpid");
		if (!WIFSTOPPED(status))
			return status;
		signal = 0;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
			hide_vdso();
		} else if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			struct ptrace_syscall_info info = look();

			if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
				entry = info;
			else if (info.op == PTRACE_SYSCALL_INFO_EXIT && !info.exit.is_error)
				rewrite(&entry);
		} else if (WSTOPSIG(status) != SIGTRAP) {
			signal = WSTOPSIG(status);
		}
	}
}

static void start(char **argv)
{
	int status;

	child = fork();
	if (child < 0)
		broken("fork");
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 && raise(SIGSTOP) == 0)
			(void)execvp(argv[0], argv);
		broken(argv[0]);
	}
	if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, child, NULL,
		   (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0)
		broken("PTRACE_SETOPTIONS");
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 6 || strcmp(argv[4], "--") != 0)
		broken("usage: leap realtime|boottime SECONDS FILE -- COMMAND");
	realtime = strcmp(argv[1], "realtime") == 0;
	seconds = strtol(argv[2], NULL, 10);
	file = argv[3];
	start(argv + 5);
	status = follow();
	return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}
