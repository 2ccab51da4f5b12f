/* SPDX-License-Identifier: MIT */
/*
 * interrupt [OPTION...] -- COMMAND [ARGUMENT...]: run a command, number the system calls by which
 * it changes something, and kill it at one of them or have one fail.
 *
 *   --log FILE        a line a call, see below
 *   --every           number every system call, not only those that change something
 *   --children        number the calls of the programs that it runs, too
 *   --before POINT    kill the command and all that it started right before this call
 *   --after POINT     the same right after it
 *   --alone           these two kill the process that calls alone: what it started runs on
 *   --fail POINT=ERROR  do not make this call, and have it return this error, as EIO
 *   --fail NAME=ERROR   the same for every numbered call of this name, as fsync
 *   --fail PROCESS:NAME:ORDINAL:WHAT=ERROR  the same for one of the calls of this name of which the
 *                     first argument in the log is like WHAT, a pattern as of fnmatch(3)
 *
 * A POINT is PROCESS:NUMBER.  The command is process 0, the third process (or thread) that it
 * starts 0.3, and the numbers of each begin with 1, the execve of the command: a point does not
 * depend on which of two processes was faster.  How often a program looks whether another has ended
 * does; what comes after that is found by its ORDINAL, which begins with 1 too.  Without --children
 * the numbers are those of the command itself, its threads, and what it forks until that runs
 * another program; then that is left alone, untraced.
 *
 * A line of the log: POINT, name, result ("?" when it did not return), and the arguments that
 * count, with a TAB between; a descriptor is told as the file that it is open on, a path as a whole
 * one, a byte that would make a line unclear as \ooo.  Lines come in the order in which calls
 * returned.
 *
 * Ends as the command does (128 + N after signal N, so 137 when it was killed here), but with 99
 * when the command never came to the point, and with 98 and a word on standard error when this
 * program itself went wrong, or was asked wrongly.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <getopt.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <sys/reg.h>
#elif defined(__aarch64__)
#include <elf.h>
#include <sys/user.h>
#endif

#define UNREACHED 99
#define BROKEN 98
#define SIGNALLED 128
#define ARGS_MAX 6
#define NAME_MAX_LEN 64
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

enum change {
	NEVER,
	ALWAYS,
	WHEN_WRITABLE, /* as its flags say, the argument of format F */
	WHEN_SHARED, /* a mapping that is written through to a file */
};

/*
 * What each argument is, a letter each: d a directory for the path p after it, p a path, f a
 * descriptor, F flags of open, m a mode in octal, i a number, - nothing to tell.
 */
static const struct call {
	long nr;
	const char *name;
	enum change change;
	const char *format;
} calls[] = {
/* clang-format off */
#ifdef SYS_open
	{SYS_open, "open", WHEN_WRITABLE, "pFm"},
	{SYS_creat, "creat", ALWAYS, "pm"},
	{SYS_rename, "rename", ALWAYS, "pp"},
	{SYS_link, "link", ALWAYS, "pp"},
	{SYS_symlink, "symlink", ALWAYS, "-p"},
	{SYS_unlink, "unlink", ALWAYS, "p"},
	{SYS_mkdir, "mkdir", ALWAYS, "pm"},
	{SYS_rmdir, "rmdir", ALWAYS, "p"},
	{SYS_mknod, "mknod", ALWAYS, "pm"},
	{SYS_chmod, "chmod", ALWAYS, "pm"},
	{SYS_chown, "chown", ALWAYS, "pii"},
	{SYS_lchown, "lchown", ALWAYS, "pii"},
	{SYS_utime, "utime", ALWAYS, "p"},
	{SYS_utimes, "utimes", ALWAYS, "p"},
	{SYS_futimesat, "futimesat", ALWAYS, "dp"},
	{SYS_fork, "fork", ALWAYS, ""},
	{SYS_vfork, "vfork", ALWAYS, ""},
	{SYS_stat, "stat", NEVER, "p"},
	{SYS_lstat, "lstat", NEVER, "p"},
	{SYS_access, "access", NEVER, "p"},
	{SYS_readlink, "readlink", NEVER, "p"},
	{SYS_poll, "poll", NEVER, ""},
	{SYS_pipe, "pipe", NEVER, ""},
	{SYS_dup2, "dup2", NEVER, "fi"},
	{SYS_getdents, "getdents", NEVER, "f"},
#endif
#ifdef SYS_renameat
	{SYS_renameat, "renameat", ALWAYS, "dpdp"},
#endif
#ifdef SYS_newfstatat
	{SYS_newfstatat, "newfstatat", NEVER, "dp"},
#endif
#ifdef SYS_openat2
	{SYS_openat2, "openat2", WHEN_WRITABLE, "dp"},
#endif
	{SYS_openat, "openat", WHEN_WRITABLE, "dpFm"},
	{SYS_renameat2, "renameat2", ALWAYS, "dpdp"},
	{SYS_linkat, "linkat", ALWAYS, "dpdp"},
	{SYS_symlinkat, "symlinkat", ALWAYS, "-dp"},
	{SYS_unlinkat, "unlinkat", ALWAYS, "dpi"},
	{SYS_mkdirat, "mkdirat", ALWAYS, "dpm"},
	{SYS_mknodat, "mknodat", ALWAYS, "dpm"},
	{SYS_fchmod, "fchmod", ALWAYS, "fm"},
	{SYS_fchmodat, "fchmodat", ALWAYS, "dpm"},
	{SYS_fchown, "fchown", ALWAYS, "fii"},
	{SYS_fchownat, "fchownat", ALWAYS, "dpii"},
	{SYS_utimensat, "utimensat", ALWAYS, "dp"},
	{SYS_setxattr, "setxattr", ALWAYS, "pp"},
	{SYS_lsetxattr, "lsetxattr", ALWAYS, "pp"},
	{SYS_fsetxattr, "fsetxattr", ALWAYS, "fp"},
	{SYS_removexattr, "removexattr", ALWAYS, "pp"},
	{SYS_lremovexattr, "lremovexattr", ALWAYS, "pp"},
	{SYS_fremovexattr, "fremovexattr", ALWAYS, "fp"},
	{SYS_write, "write", ALWAYS, "f-i"},
	{SYS_pwrite64, "pwrite64", ALWAYS, "f-ii"},
	{SYS_writev, "writev", ALWAYS, "f"},
	{SYS_pwritev, "pwritev", ALWAYS, "f"},
	{SYS_pwritev2, "pwritev2", ALWAYS, "f"},
	{SYS_sendfile, "sendfile", ALWAYS, "ff"},
	{SYS_splice, "splice", ALWAYS, "f-f"},
	{SYS_copy_file_range, "copy_file_range", ALWAYS, "f-f"},
	{SYS_truncate, "truncate", ALWAYS, "pi"},
	{SYS_ftruncate, "ftruncate", ALWAYS, "fi"},
	{SYS_fallocate, "fallocate", ALWAYS, "f"},
	{SYS_fsync, "fsync", ALWAYS, "f"},
	{SYS_fdatasync, "fdatasync", ALWAYS, "f"},
	{SYS_syncfs, "syncfs", ALWAYS, "f"},
	{SYS_sync, "sync", ALWAYS, ""},
	{SYS_sync_file_range, "sync_file_range", ALWAYS, "f"},
	{SYS_ioctl, "ioctl", NEVER, "fi"}, /* also what sets an attribute: the product uses none */
	{SYS_flock, "flock", ALWAYS, "fi"},
	{SYS_clone, "clone", ALWAYS, ""},
	{SYS_clone3, "clone3", ALWAYS, ""},
	{SYS_execve, "execve", ALWAYS, "p"},
	{SYS_execveat, "execveat", ALWAYS, "dp"},
	{SYS_kill, "kill", ALWAYS, "-i"},
	{SYS_tkill, "tkill", ALWAYS, "-i"},
	{SYS_tgkill, "tgkill", ALWAYS, "--i"},
	{SYS_connect, "connect", ALWAYS, "f"},
	{SYS_bind, "bind", ALWAYS, "f"},
	{SYS_sendto, "sendto", ALWAYS, "f-i"},
	{SYS_sendmsg, "sendmsg", ALWAYS, "f"},
	{SYS_sendmmsg, "sendmmsg", ALWAYS, "f"},
	{SYS_mount, "mount", ALWAYS, "pp"},
	{SYS_umount2, "umount2", ALWAYS, "p"},
	{SYS_chroot, "chroot", ALWAYS, "p"},
	{SYS_mmap, "mmap", WHEN_SHARED, "-ixxf"},
	/* Of the others the names, for --every. */
	{SYS_read, "read", NEVER, "f-i"},
	{SYS_pread64, "pread64", NEVER, "f-i"},
	{SYS_readv, "readv", NEVER, "f"},
	{SYS_close, "close", NEVER, "f"},
	{SYS_fstat, "fstat", NEVER, "f"},
	{SYS_statx, "statx", NEVER, "dp"},
	{SYS_statfs, "statfs", NEVER, "p"},
	{SYS_fstatfs, "fstatfs", NEVER, "f"},
	{SYS_lseek, "lseek", NEVER, "f"},
	{SYS_getdents64, "getdents64", NEVER, "f"},
	{SYS_readlinkat, "readlinkat", NEVER, "dp"},
	{SYS_faccessat, "faccessat", NEVER, "dp"},
	{SYS_fcntl, "fcntl", NEVER, "fi"},
	{SYS_dup, "dup", NEVER, "f"},
	{SYS_dup3, "dup3", NEVER, "fi"},
	{SYS_pipe2, "pipe2", NEVER, ""},
	{SYS_brk, "brk", NEVER, ""},
	{SYS_munmap, "munmap", NEVER, ""},
	{SYS_mremap, "mremap", NEVER, ""},
	{SYS_mprotect, "mprotect", NEVER, ""},
	{SYS_madvise, "madvise", NEVER, ""},
	{SYS_ppoll, "ppoll", NEVER, ""},
	{SYS_futex, "futex", NEVER, ""},
	{SYS_nanosleep, "nanosleep", NEVER, ""},
	{SYS_clock_nanosleep, "clock_nanosleep", NEVER, ""},
	{SYS_clock_gettime, "clock_gettime", NEVER, ""},
	{SYS_getrandom, "getrandom", NEVER, ""},
	{SYS_wait4, "wait4", NEVER, ""},
	{SYS_waitid, "waitid", NEVER, ""},
	{SYS_socket, "socket", NEVER, ""},
	{SYS_socketpair, "socketpair", NEVER, ""},
	{SYS_setsockopt, "setsockopt", NEVER, "f"},
	{SYS_getsockopt, "getsockopt", NEVER, "f"},
	{SYS_getsockname, "getsockname", NEVER, "f"},
	{SYS_getpeername, "getpeername", NEVER, "f"},
	{SYS_recvfrom, "recvfrom", NEVER, "f"},
	{SYS_recvmsg, "recvmsg", NEVER, "f"},
	{SYS_eventfd2, "eventfd2", NEVER, ""},
	{SYS_setpgid, "setpgid", NEVER, ""},
	{SYS_setsid, "setsid", NEVER, ""},
	{SYS_setuid, "setuid", NEVER, "i"},
	{SYS_setgid, "setgid", NEVER, "i"},
	{SYS_setgroups, "setgroups", NEVER, "i"},
	{SYS_setresuid, "setresuid", NEVER, "iii"},
	{SYS_setresgid, "setresgid", NEVER, "iii"},
	{SYS_chdir, "chdir", NEVER, "p"},
	{SYS_fchdir, "fchdir", NEVER, "f"},
	{SYS_umask, "umask", NEVER, "m"},
	{SYS_prctl, "prctl", NEVER, "i"},
	{SYS_prlimit64, "prlimit64", NEVER, ""},
	{SYS_rt_sigaction, "rt_sigaction", NEVER, "i"},
	{SYS_rt_sigprocmask, "rt_sigprocmask", NEVER, ""},
	{SYS_getxattr, "getxattr", NEVER, "pp"},
	{SYS_lgetxattr, "lgetxattr", NEVER, "pp"},
	{SYS_fgetxattr, "fgetxattr", NEVER, "fp"},
	{SYS_fadvise64, "fadvise64", NEVER, "f"},
	/* clang-format on */
};

static const struct {
	const char *name;
	int number;
} errors[] = {
	{"EACCES", EACCES}, {"EAGAIN", EAGAIN},
	{"EBUSY", EBUSY},   {"ECONNREFUSED", ECONNREFUSED},
	{"EDQUOT", EDQUOT}, {"EEXIST", EEXIST},
	{"EINTR", EINTR},   {"EINVAL", EINVAL},
	{"EIO", EIO},       {"EMFILE", EMFILE},
	{"ENFILE", ENFILE}, {"ENOENT", ENOENT},
	{"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC},
	{"ENOSYS", ENOSYS}, {"EPERM", EPERM},
	{"EROFS", EROFS},   {"ETIMEDOUT", ETIMEDOUT},
	{"EXDEV", EXDEV},
};

struct process {
	pid_t pid;
	char name[NAME_MAX_LEN]; /* "": its parent did not tell of it yet */
	bool own; /* runs the command's program still */
	bool early; /* it stopped before its parent told of it */
	bool inside; /* of a system call that is numbered */
	unsigned long number; /* of the last one */
	unsigned started; /* processes */
	const struct call *call;
	long nr;
	uint64_t args[ARGS_MAX];
	int error; /* that this call returns */
	char told[4 * PATH_MAX]; /* its arguments, resolved before it is made */
};

static struct {
	FILE *log;
	bool every, children, alone;
	const char *before, *after; /* points */
	const char *fail; /* a point or a name, or the process of nth */
	struct {
		const char *name; /* NULL: it is a point or a name */
		unsigned long left; /* until it is the turn */
		const char *what;
	} nth;
	int error;
} options;

static struct process **processes;
static size_t process_count;
static bool begun; /* the command is executed */
static bool reached;

static __attribute__((noreturn, format(printf, 1, 2))) void broken(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)fprintf(stderr, "interrupt: ");
	(void)vfprintf(stderr, format, list);
	(void)fprintf(stderr, "\n");
	va_end(list);
	exit(BROKEN); /* and PTRACE_O_EXITKILL ends what is traced */
}

/* ---- processes */

static struct process *find(pid_t pid)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i]->pid == pid)
			return processes[i];
	return NULL;
}

static struct process *add(pid_t pid)
{
	struct process *process = calloc(1, sizeof(*process));
	struct process **more = realloc(processes, (process_count + 1) * sizeof(*more));

	if (!process || !more)
		broken("out of memory");
	process->pid = pid;
	processes = more;
	processes[process_count++] = process;
	return process;
}

static void drop(struct process *process)
{
	for (size_t i = 0; i < process_count; i++)
		if (processes[i] == process)
			processes[i] = processes[--process_count];
	free(process);
}

/* A process that ended meanwhile is told by waitpid. */
static void go_on(const struct process *process, int signal_number)
{
	if (ptrace(PTRACE_SYSCALL, process->pid, NULL, (long)signal_number) < 0 && errno != ESRCH)
		broken("cannot continue %s: %s", process->name, strerror(errno));
}

/* Parents are read from /proc: what is not traced has no record. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *end;
	ssize_t len;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	text[len > 0 ? len : 0] = '\0';
	end = strrchr(text, ')'); /* its name may hold anything */
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* Everything that descends from this process: it is the reaper of those whose parents went first.
 */
static size_t kill_descendants(void)
{
	DIR *dir = opendir("/proc");
	size_t count = 0;

	if (!dir)
		broken("/proc: %s", strerror(errno));
	for (struct dirent *entry; (entry = readdir(dir));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10), up = pid;

		while (up > 1 && up != getpid())
			up = parent_of(up);
		if (pid <= 1 || pid == getpid() || up != getpid())
			continue;
		count++;
		(void)kill(pid, SIGKILL);
	}
	(void)closedir(dir);
	return count;
}

static __attribute__((noreturn)) void end_all(void)
{
	if (options.log)
		(void)fclose(options.log);
	while (kill_descendants() > 0)
		while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
			continue;
	exit(SIGNALLED + SIGKILL);
}

/* ---- telling a call */

static void append(struct process *process, const char *text)
{
	size_t len = strlen(process->told);
	const size_t room = sizeof(process->told) - 5;

	if (len < room)
		process->told[len++] = '\t';
	for (; *text && len < room; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= ' ' && c < 0x7f && c != '\\')
			process->told[len++] = (char)c;
		else
			len += (size_t)snprintf(process->told + len, 5, "\\%03o", c);
	}
	process->told[len] = '\0';
}

/* A file's name; of what is not a file its kind, since its number differs each time. */
static void read_link(pid_t pid, const char *what, char *ret, size_t size)
{
	char path[64];
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	len = readlink(path, ret, size - 1);
	ret[len > 0 ? len : 0] = '\0';
	if (ret[0] != '/')
		ret[strcspn(ret, ":")] = '\0';
}

static void tell_fd(struct process *process, int fd, char *ret, size_t size)
{
	char what[32] = "cwd";

	if (fd != AT_FDCWD)
		(void)snprintf(what, sizeof(what), "fd/%d", fd);
	read_link(process->pid, what, ret, size);
}

/* From the memory of the process, which is stopped. */
static void read_string(pid_t pid, uint64_t address, char *ret, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		size_t piece = 256 - (size_t)((address + len) % 256);
		struct iovec here = {ret + len, piece < size - 1 - len ? piece : size - 1 - len};
		struct iovec there = {(void *)(uintptr_t)(address + len),
				      here.iov_len}; /* NOLINT */
		ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

		if (got <= 0)
			break;
		if (memchr(ret + len, '\0', (size_t)got))
			return;
		len += (size_t)got;
	}
	ret[len] = '\0';
}

static void tell_path(struct process *process, int dir, uint64_t address)
{
	char path[PATH_MAX] = "", whole[2 * PATH_MAX + 1];
	char folder[PATH_MAX] = "";

	if (address)
		read_string(process->pid, address, path, sizeof(path));
	if (path[0] != '/')
		tell_fd(process, dir, folder, sizeof(folder));
	if (strcmp(folder, "/") == 0 || path[0] == '\0')
		(void)snprintf(whole, sizeof(whole), "%s%s", folder, path);
	else
		(void)snprintf(whole, sizeof(whole), "%s%s%s", folder, folder[0] ? "/" : "", path);
	append(process, whole);
}

static void tell_arguments(struct process *process)
{
	const char *format = process->call ? process->call->format : "";
	char text[PATH_MAX];
	int dir = AT_FDCWD;

	process->told[0] = '\0';
	for (size_t i = 0; format[i]; i++) {
		uint64_t arg = process->args[i];

		if (format[i] == 'd') {
			dir = (int)arg;
			continue;
		}
		if (format[i] == 'p') {
			tell_path(process, dir, arg);
			dir = AT_FDCWD;
			continue;
		}
		if (format[i] == '-')
			continue;
		if (format[i] == 'f')
			tell_fd(process, (int)arg, text, sizeof(text));
		else
			(void)snprintf(text, sizeof(text), format[i] == 'm' ? "0%llo" : "%lld",
				       (long long)arg);
		append(process, text);
	}
}

static void tell(const struct process *process, bool returned, long long result)
{
	char text[32] = "?", name[32];

	if (!options.log)
		return;
	if (returned)
		(void)snprintf(text, sizeof(text), "%lld", result);
	(void)snprintf(name, sizeof(name), "call%ld", process->nr);
	(void)fprintf(options.log, "%s:%lu\t%s\t%s%s\n", process->name, process->number,
		      process->call ? process->call->name : name, text, process->told);
}

/* ---- at a call */

static const struct call *find_call(long nr)
{
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		if (calls[i].nr == nr)
			return &calls[i];
	return NULL;
}

/* The flags of openat2 lie first in a struct. */
static uint64_t flags_of(const struct process *process)
{
	const char *at = strchr(process->call->format, 'F');
	uint64_t flags = 0;
	struct iovec here = {&flags, sizeof(flags)};
	struct iovec there = {(void *)(uintptr_t)process->args[2], sizeof(flags)}; /* NOLINT */

	if (at)
		return process->args[at - process->call->format];
	return process_vm_readv(process->pid, &here, 1, &there, 1, 0) > 0 ? flags : O_RDWR;
}

static bool changes(const struct process *process)
{
	switch (process->call ? process->call->change : NEVER) {
	case ALWAYS:
		return true;
	case WHEN_WRITABLE:
		return flags_of(process) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC);
	case WHEN_SHARED:
		return process->args[2] & PROT_WRITE && process->args[3] & MAP_SHARED &&
		       (int)process->args[4] >= 0;
	case NEVER:
		break;
	}
	return false;
}

static bool is_at(const struct process *process, const char *point)
{
	char here[NAME_MAX_LEN + 32];

	(void)snprintf(here, sizeof(here), "%s:%lu", process->name, process->number);
	return point && strcmp(here, point) == 0;
}

static void interrupt(struct process *process)
{
	reached = true;
	if (!options.alone)
		end_all();
	process->inside = false;
	(void)kill(process->pid, SIGKILL);
}

#if defined(__x86_64__)
static long skip_call(pid_t pid)
{
	return ptrace(PTRACE_POKEUSER, pid, (void *)(ORIG_RAX * sizeof(long)), (void *)-1L);
}

static long set_result(pid_t pid, long result)
{
	return ptrace(PTRACE_POKEUSER, pid, (void *)(RAX * sizeof(long)), (void *)result);
}
#elif defined(__aarch64__)
static long skip_call(pid_t pid)
{
	int none = -1;
	struct iovec iov = {&none, sizeof(none)};

	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &iov);
}

static long set_result(pid_t pid, long result)
{
	struct user_regs_struct regs;
	struct iovec iov = {&regs, sizeof(regs)};
	long r = ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &iov);

	regs.regs[0] = (unsigned long long)result;
	return r < 0 ? r : ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &iov);
}
#else
#error "neither x86_64 nor aarch64"
#endif

static bool is_nth(const struct process *process)
{
	const char *what = process->told[0] ? process->told + 1 : "";
	char first[sizeof(process->told)];

	if (strcmp(process->name, options.fail) != 0 || !process->call ||
	    strcmp(process->call->name, options.nth.name) != 0)
		return false;
	(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(what, "\t"), what);
	return fnmatch(options.nth.what, first, 0) == 0 && options.nth.left-- == 1;
}

static bool is_to_fail(const struct process *process)
{
	if (options.nth.name)
		return is_nth(process);
	return is_at(process, options.fail) ||
	       (process->call && strcmp(process->call->name, options.fail) == 0);
}

static void have_fail(struct process *process)
{
	if (!options.fail || !is_to_fail(process))
		return;
	reached = true;
	process->error = options.error;
	if (skip_call(process->pid) < 0)
		broken("cannot keep %s from its call", process->name);
}

static void enter(struct process *process, const struct __ptrace_syscall_info *info)
{
	process->nr = (long)info->entry.nr;
	process->call = find_call(process->nr);
	memcpy(process->args, info->entry.args, sizeof(process->args));
	process->error = 0;
	begun = begun || process->nr == SYS_execve;
	process->inside = begun && (options.every || changes(process));
	if (!process->inside)
		return;
	process->number++;
	tell_arguments(process);
	if (is_at(process, options.before)) {
		tell(process, false, 0);
		interrupt(process);
		return;
	}
	have_fail(process);
}

static void leave(struct process *process, const struct __ptrace_syscall_info *info)
{
	if (!process->inside)
		return;
	process->inside = false;
	if (process->error && set_result(process->pid, -process->error) < 0)
		broken("cannot have a call of %s fail", process->name);
	tell(process, true, process->error ? -process->error : (long long)info->exit.rval);
	if (is_at(process, options.after))
		interrupt(process);
}

static void at_call(struct process *process)
{
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), &info) < 0) {
		if (errno != ESRCH)
			broken("PTRACE_GET_SYSCALL_INFO: %s", strerror(errno));
		return;
	}
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(process, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(process, &info);
	go_on(process, 0);
}

/* ---- events */

static void at_start(struct process *parent)
{
	unsigned long pid = 0;
	struct process *child;
	int len;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
		return;
	child = find((pid_t)pid);
	if (!child)
		child = add((pid_t)pid);
	len = snprintf(child->name, sizeof(child->name), "%s.%u", parent->name, ++parent->started);
	if (len >= (int)sizeof(child->name))
		broken("%s starts too many one below the other", parent->name);
	child->own = parent->own;
	if (child->early)
		go_on(child, 0);
}

/* Another program: the process is the command's own still when it is the command. */
static bool at_exec(struct process *process)
{
	if (strcmp(process->name, "0") == 0)
		return true;
	process->own = false;
	if (options.children)
		return true;
	/* The line of execve: it returned, or this would not have happened. */
	if (process->inside)
		tell(process, true, 0);
	if (process->inside && is_at(process, options.after))
		interrupt(process);
	(void)ptrace(PTRACE_DETACH, process->pid, NULL, NULL);
	drop(process);
	return false;
}

/* What PTRACE_EVENT_STOP means is told by its signal: a new process, or a stop of a group. */
static void at_stop(struct process *process, int signal_number)
{
	if (process->name[0] == '\0')
		process->early = true;
	else if (signal_number == SIGTRAP)
		go_on(process, 0);
	else
		(void)ptrace(PTRACE_LISTEN, process->pid, NULL, NULL);
}

static void at_event(struct process *process, int event, int signal_number)
{
	switch (event) {
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		at_start(process);
		go_on(process, 0);
		break;
	case PTRACE_EVENT_EXEC:
		if (at_exec(process))
			go_on(process, 0);
		break;
	case PTRACE_EVENT_STOP:
		at_stop(process, signal_number);
		break;
	default:
		go_on(process, signal_number);
		break;
	}
}

static void at_end(struct process *process)
{
	/* A call that it never came back from, as exit_group. */
	if (process->inside)
		tell(process, false, 0);
	drop(process);
}

/* Until the command ended; the status is what waitpid says of it. */
static int follow(pid_t command)
{
	for (;;) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, __WALL);
		struct process *process = find(pid);

		if (pid < 0)
			broken("waitpid: %s", strerror(errno));
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (process)
				at_end(process);
			if (pid == command)
				return status;
			continue;
		}
		if (!process)
			process = add(pid);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			at_call(process);
		else
			at_event(process, status >> 16, WSTOPSIG(status));
	}
}

/* Let what outlives the command go on without being traced. */
static void release(void)
{
	for (size_t i = 0; i < process_count; i++)
		(void)ptrace(PTRACE_INTERRUPT, processes[i]->pid, NULL, NULL);
	while (process_count > 0) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, __WALL);
		struct process *process = find(pid);
		bool is_signal = WIFSTOPPED(status) && status >> 16 == 0 &&
				 WSTOPSIG(status) != (SIGTRAP | 0x80);

		if (pid < 0)
			return;
		if (!process)
			continue;
		if (WIFSTOPPED(status))
			(void)ptrace(PTRACE_DETACH, pid, NULL,
				     is_signal ? (long)WSTOPSIG(status) : 0L);
		drop(process);
	}
}

/* ---- beginning */

static pid_t start(char **argv)
{
	const long traced = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
			    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	struct process *process;
	int gate[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		broken("cannot start: %s", strerror(errno));
	if (pid == 0) {
		char byte;

		(void)close(gate[1]);
		if (read(gate[0], &byte, 1) == 0)
			(void)execv(argv[0], argv);
		(void)dprintf(STDERR_FILENO, "interrupt: %s: %s\n", argv[0], strerror(errno));
		_exit(BROKEN);
	}
	process = add(pid);
	(void)snprintf(process->name, sizeof(process->name), "0");
	process->own = true;
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)traced) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		broken("ptrace: %s", strerror(errno));
	(void)close(gate[0]);
	(void)close(gate[1]);
	return pid;
}

static void parse_fail(char *text)
{
	char *equals = strrchr(text, '=');

	if (!equals)
		broken("--fail takes WHICH=ERROR");
	*equals = '\0';
	options.fail = strsep(&text, ":");
	if (text && strchr(text, ':')) {
		options.nth.name = strsep(&text, ":");
		options.nth.left = strtoul(text, &text, 10);
		if (options.nth.left == 0 || *text != ':')
			broken("--fail takes an ORDINAL and a WHAT, too");
		options.nth.what = text + 1;
	} else if (text) {
		text[-1] = ':'; /* it is a point */
	}
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		if (strcmp(errors[i].name, equals + 1) == 0)
			options.error = errors[i].number;
	if (!options.error)
		broken("no error is called %s", equals + 1);
}

static void parse(int argc, char **argv)
{
	static const struct option words[] = {
		{"log", required_argument, NULL, 'l'},   {"every", no_argument, NULL, 'e'},
		{"children", no_argument, NULL, 'c'},    {"before", required_argument, NULL, 'b'},
		{"after", required_argument, NULL, 'a'}, {"alone", no_argument, NULL, 'o'},
		{"fail", required_argument, NULL, 'f'},  {NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "+", words, NULL)) != -1;) {
		if (c == 'l' && !(options.log = fopen(optarg, "we")))
			broken("%s: %s", optarg, strerror(errno));
		options.every |= c == 'e';
		options.children |= c == 'c';
		options.alone |= c == 'o';
		options.before = c == 'b' ? optarg : options.before;
		options.after = c == 'a' ? optarg : options.after;
		if (c == 'f')
			parse_fail(optarg);
		if (c == '?')
			exit(BROKEN);
	}
	if (optind == argc)
		broken("no command is given");
}

int main(int argc, char **argv)
{
	int status;

	parse(argc, argv);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		broken("prctl: %s", strerror(errno));
	status = follow(start(argv + optind));
	release();
	if (options.log && fclose(options.log) != 0)
		broken("cannot write the log");
	if ((options.before || options.after || options.fail) && !reached)
		return UNREACHED;
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}
