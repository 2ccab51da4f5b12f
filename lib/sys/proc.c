/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"

#define GRACE_MS 2000
#define PAUSE_MS 50 /* until the clock is looked at again */
#define ENVIRON_MAX 24
#define SELINUX_PATH "/sys/fs/selinux/enforce"
#define CONTEXT_MAX 4096

static const char *const base_environ[] = {
	"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
	"LC_ALL=C.UTF-8",
	"HOME=/root",
};

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

/* What the child needs after fork: no allocation happens there. */
struct child {
	const char *const *argv;
	const char *environ[ENVIRON_MAX];
	const char *directory;
	pid_t parent; /* with which it ends, 0: it need not */
	int in, out, err, report;
	bool own_context;
};

void proc_result_done(struct proc_result *result)
{
	buf_done(&result->output);
}

int proc_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	     struct err *err)
{
	return sys->ops->run(sys, spec, ret, err);
}

static int fill_environ(const struct proc_spec *spec, struct child *child, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(base_environ); i++)
		child->environ[n++] = base_environ[i];
	for (size_t i = 0; spec->environ && spec->environ[i]; i++) {
		if (n + 1 == ENVIRON_MAX)
			return err_set(err, E2BIG, "%s: environment too long", spec->argv[0]);
		child->environ[n++] = spec->environ[i];
	}
	child->environ[n] = NULL;
	return 0;
}

/* Input travels by a memory file: the child can read at its own pace and no pipe can block us. */
static int input_file(struct span input, struct err *err)
{
	AUTO_CLOSE int fd = -1;

	if (input.len == 0) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_sys(err, "/dev/null") : steal_fd(&fd);
	}
	fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || fs_write_all(fd, input) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "input of a program");
	return steal_fd(&fd);
}

/* As setexeccon(3) of what getcon(3) says.  Other security modules have files of these names too.
 */
static void keep_context(void)
{
	AUTO_CLOSE int now = open("/proc/self/attr/current", O_RDONLY | O_CLOEXEC);
	AUTO_CLOSE int next = open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);
	char context[CONTEXT_MAX];
	ssize_t len = now >= 0 ? read(now, context, sizeof(context)) : -1;

	if (next >= 0 && len > 0 && access(SELINUX_PATH, F_OK) == 0)
		(void)!write(next, context, (size_t)len);
}

static void __attribute__((noreturn)) child_main(const struct child *child)
{
	sigset_t none;
	int code;

	(void)setpgid(0, 0);
	if (child->parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != child->parent))
		_exit(127); /* it is gone already */
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (child->own_context)
		keep_context();
	if (dup2(child->in, 0) >= 0 && dup2(child->out, 1) >= 0 && dup2(child->err, 2) >= 0 &&
	    chdir(child->directory) == 0)
		(void)execve(child->argv[0], (char *const *)(uintptr_t)child->argv,
			     (char *const *)(uintptr_t)child->environ);
	code = errno;
	(void)!write(child->report, &code, sizeof(code));
	_exit(127);
}

/* Read what is there; keep the head, copy all to the log.  False at the end of the output. */
static bool drain(int fd, const struct proc_spec *spec, struct buf *output)
{
	char chunk[8192];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	size_t room = spec->output_max > output->len ? spec->output_max - output->len : 0;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0)
		return false;
	buf_add(output, chunk, (size_t)n < room ? (size_t)n : room);
	if (spec->log_fd > 0)
		(void)fs_write_all(spec->log_fd, (struct span){(unsigned char *)chunk, (size_t)n});
	return true;
}

/* Ready once the process ended; -1 before Linux 5.3. */
static int open_process(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/*
 * Wait until the child ended.  Its output may be held open by a daemon that it left behind: what
 * counts is the child, whose end its descriptor tells, or without one a short poll of waitpid
 * beside the pipe.
 */
static int watch(struct sys *sys, pid_t pid, int fd, const struct proc_spec *spec,
		 struct proc_result *ret)
{
	AUTO_CLOSE int process = open_process(pid);
	const int pause_min_ms = process >= 0 ? PAUSE_MS : 1;
	int64_t end = sys->ops->boottime_ns(sys) + sys_left_ms(sys, spec->timeout_ms) * 1000000;
	int64_t kill_at = 0;
	bool open = true;
	int status;

	for (int pause_ms = pause_min_ms;;
	     pause_ms = pause_ms * 2 < PAUSE_MS ? pause_ms * 2 : PAUSE_MS) {
		struct pollfd pfds[] = {{.fd = open ? fd : -1, .events = POLLIN},
					{.fd = process, .events = POLLIN}};
		int64_t now;
		pid_t ended;

		if (poll(pfds, ARRAY_LEN(pfds), pause_ms) > 0 && pfds[0].revents) {
			open = drain(fd, spec, &ret->output);
			pause_ms = pause_min_ms;
		}
		ended = waitpid(pid, &status, WNOHANG);
		if (ended == pid || (ended < 0 && errno != EINTR))
			break;
		now = sys->ops->boottime_ns(sys);
		if (!ret->timed_out && now >= end) {
			ret->timed_out = true;
			kill_at = now + (int64_t)GRACE_MS * 1000000;
			(void)kill(-pid, SIGTERM);
		} else if (ret->timed_out && now >= kill_at) {
			(void)kill(-pid, SIGKILL);
		}
	}
	while (open && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) > 0)
		open = drain(fd, spec, &ret->output);
	return status;
}

int proc_run_real(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		  struct err *err)
{
	AUTO_CLOSE int in = -1, out_read = -1, out_write = -1, null = -1, report_read = -1,
		       report_write = -1;
	struct child child = {.argv = spec->argv,
			      .directory = spec->directory ? spec->directory : "/",
			      .parent = spec->ends_with_us ? getpid() : 0,
			      .own_context = spec->own_context};
	sigset_t all, old;
	int pipes[2], code = 0, status;
	pid_t pid;

	if (fill_environ(spec, &child, err) < 0)
		return -err->code;
	in = input_file(spec->input, err);
	if (in < 0)
		return in;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	out_read = pipes[0];
	out_write = pipes[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	report_read = pipes[0];
	report_write = pipes[1];
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || fcntl(out_read, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "/dev/null");
	child.in = in;
	child.out = out_write;
	child.err = spec->merge_stderr ? out_write : null;
	child.report = report_write;

	/* No handler of ours may run in the child before its signals are reset. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		child_main(&child);
	code = pid < 0 ? errno : 0;
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_set(err, code, "cannot start %s: %s", spec->argv[0], strerror(code));
	(void)setpgid(pid, pid);
	(void)close(out_write);
	(void)close(report_write);
	out_write = report_write = -1;

	if (read(report_read, &code, sizeof(code)) == (ssize_t)sizeof(code)) {
		(void)waitpid(pid, &status, 0);
		return err_set(err, code, "cannot run %s: %s", spec->argv[0], strerror(code));
	}
	status = watch(sys, pid, out_read, spec, ret);
	ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	if (ret->timed_out)
		return err_set(err, ETIMEDOUT, "%s did not finish in time and was stopped",
			       spec->argv[0]);
	return buf_ok(&ret->output, err);
}

int proc_must(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	      struct err *err)
{
	struct span last;
	int r = proc_run(sys, spec, ret, err);

	if (r < 0 || ret->status == 0)
		return r;
	last = span_last_line(buf_bytes(&ret->output));
	if (ret->status < 0)
		return err_set(err, EIO, "%s was ended by signal %d", spec->argv[0], -ret->status);
	return err_set(err, EIO, "%s failed with %d: %.*s", spec->argv[0], ret->status,
		       (int)(last.len < 300 ? last.len : 300), (const char *)last.p);
}
