/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
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
#include "lib/sys/confine.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"

#define GRACE_MS 2000
#define LAST_READS 16 /* twice what a pipe holds */
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
	bool own_context, looks_only;
};

void proc_result_done(struct proc_result *result)
{
	buf_done(&result->output);
}

int proc_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	     struct err *err)
{
	const int64_t start_ns = sys->ops->boottime_ns(sys);
	int r = sys->ops->run(sys, spec, ret, err);

	sys_spent(sys, spec->argv[0], strlen(spec->argv[0]), start_ns);
	return r;
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
		fd = fs_open_null(O_RDONLY);
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
	if (child->looks_only) {
		confine_capabilities(1u << CAP_DAC_READ_SEARCH);
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	}
	if (fs_dup2(child->in, 0) == 0 && fs_dup2(child->out, 1) == 0 &&
	    fs_dup2(child->err, 2) == 0 && chdir(child->directory) == 0)
		(void)execve(child->argv[0], (char *const *)(uintptr_t)child->argv,
			     (char *const *)(uintptr_t)child->environ);
	code = errno;
	(void)!write(child->report, &code, sizeof(code));
	_exit(127);
}

/* The output of a program that runs, of which each reader has its limit. */
struct output {
	const struct proc_spec *spec;
	struct buf *kept;
	size_t logged; /* bytes in the log */
	int error; /* -errno when some of it could not be read, 0 */
};

/* Let the third quarter of a full buffer go, so that the end finds room. */
static void make_room(const struct proc_spec *spec, struct buf *kept)
{
	const size_t half = spec->output_max / 2, quarter = spec->output_max / 4;

	if (!spec->keep_end || kept->failed || kept->len < spec->output_max)
		return;
	memmove(kept->data + half, kept->data + kept->len - quarter, quarter);
	kept->len = half + quarter;
	kept->data[kept->len] = '\0';
}

static void keep(const struct output *output, struct span bytes)
{
	const struct proc_spec *spec = output->spec;
	struct buf *kept = output->kept;
	struct span part;

	do {
		size_t room;

		make_room(spec, kept);
		room = spec->output_max > kept->len ? spec->output_max - kept->len : 0;
		if (!span_take(&bytes, bytes.len < room ? bytes.len : room, &part))
			return;
		buf_span(kept, part);
	} while (part.len && bytes.len && !kept->failed);
}

static void copy_to_log(struct output *output, struct span bytes)
{
	static const char left_out[] = "\n[more was said: it is left out]\n";
	const size_t room = PROC_LOG_MAX - output->logged;
	const int fd = output->spec->log_fd;

	if (fd <= 0 || room == 0)
		return;
	if (bytes.len >= room) {
		bytes.len = room;
		(void)fs_write_all(fd, bytes);
		bytes = span_of(left_out);
		output->logged = PROC_LOG_MAX;
	} else {
		output->logged += bytes.len;
	}
	(void)fs_write_all(fd, bytes);
}

/* Read what is there.  False at the end of the output. */
static bool drain(int fd, struct output *output)
{
	unsigned char chunk[8192];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0) {
		output->error = -errno;
		return false;
	}
	keep(output, (struct span){chunk, (size_t)n});
	copy_to_log(output, (struct span){chunk, (size_t)n});
	return n > 0;
}

/* Did the child end?  It is not collected yet, so that its number is nobody else's.  Or -errno. */
static int look_for_end(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return errno == EINTR ? 0 : -errno;
	return info.si_pid == pid;
}

static int collect(pid_t pid, int *ret_status)
{
	pid_t got;

	do
		got = waitpid(pid, ret_status, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : 0;
}

/* Ready once the process ended; -1 before Linux 5.3. */
static int open_process(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* "/usr/bin/dpkg --install": further words may be long, or a secret's. */
static void tell(struct sys *sys, const struct proc_spec *spec, int64_t start, int64_t end)
{
	const char *word = spec->argv[1] && spec->argv[1][0] == '-' ? spec->argv[1] : "";
	char what[128];

	if (!sys->progress)
		return;
	(void)snprintf(what, sizeof(what), "%s%s%.*s", spec->argv[0], word[0] ? " " : "",
		       (int)strcspn(word, "="), word);
	sys_progress(sys, what, start, end);
}

/*
 * Wait until the child ended.  Its output may be held open by a daemon that it left behind: what
 * counts is the child, whose end its descriptor tells, or without one a short look beside the pipe.
 * Of one that was stopped nothing stays: what it started may not heed SIGTERM as it does.
 */
static int watch(struct sys *sys, pid_t pid, int fd, const struct proc_spec *spec,
		 struct proc_result *ret, int *ret_status)
{
	AUTO_CLOSE int process = open_process(pid);
	const int pause_min_ms = process >= 0 ? PAUSE_MS : 1;
	const int64_t start = sys->ops->boottime_ns(sys);
	const int64_t end = start + sys_left_ms(sys, spec->timeout_ms) * 1000000;
	struct output output = {.spec = spec, .kept = &ret->output};
	int64_t kill_at = 0;
	bool open = true;
	int r = 0;

	for (int pause_ms = pause_min_ms; r == 0;
	     pause_ms = pause_ms * 2 < PAUSE_MS ? pause_ms * 2 : PAUSE_MS) {
		struct pollfd pfds[] = {{.fd = open ? fd : -1, .events = POLLIN},
					{.fd = process, .events = POLLIN}};
		int64_t now;

		if (poll(pfds, ARRAY_LEN(pfds), pause_ms) > 0 && pfds[0].revents) {
			open = drain(fd, &output);
			pause_ms = pause_min_ms;
		}
		r = look_for_end(pid);
		now = sys->ops->boottime_ns(sys);
		tell(sys, spec, start, end);
		if (r == 0 && !ret->timed_out && now >= end) {
			ret->timed_out = true;
			kill_at = now + (int64_t)GRACE_MS * 1000000;
			(void)kill(-pid, SIGTERM);
		} else if (r == 0 && ret->timed_out && now >= kill_at) {
			(void)kill(-pid, SIGKILL);
		}
	}
	sys_progress(sys, NULL, start, end);
	if (ret->timed_out || r < 0)
		(void)kill(-pid, SIGKILL);
	/* What the pipe held at its end; a daemon that goes on talking is not listened to. */
	for (int i = 0; i < LAST_READS && open; i++)
		open = poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) > 0 &&
		       drain(fd, &output);
	if (r >= 0)
		r = collect(pid, ret_status);
	return r < 0 ? r : output.error;
}

/* The errno value of a child that could not become the program, 0 when it did. */
static int read_report(int fd)
{
	int code = 0;
	ssize_t n;

	do
		n = read(fd, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(code) ? code : 0;
}

int proc_run_real(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		  struct err *err)
{
	AUTO_CLOSE int in = -1, out_read = -1, out_write = -1, null = -1, report_read = -1,
		       report_write = -1;
	struct child child = {.argv = spec->argv,
			      .directory = spec->directory ? spec->directory : "/",
			      .parent = spec->ends_with_us ? getpid() : 0,
			      .own_context = spec->own_context,
			      .looks_only = spec->looks_only};
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
	null = fs_open_null(O_WRONLY);
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

	code = read_report(report_read);
	if (code) {
		(void)collect(pid, &status);
		return err_set(err, code, "cannot run %s: %s", spec->argv[0], strerror(code));
	}
	code = watch(sys, pid, out_read, spec, ret, &status);
	if (code < 0)
		return err_set(err, -code, "cannot see how %s went: %s", spec->argv[0],
			       strerror(-code));
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
