/* SPDX-License-Identifier: MIT */
/*
 * MUST:
 *  1. the child gives up every privilege, and cannot get one back, before fn runs; the one group
 *     that it can be given is its caller's choice, and never root's;
 *  2. it has no descriptor but the pipe and the root directory, so no lock and no answer to PAM;
 *  3. its answer is bounded in size and time, and its failure is text, not a structure;
 *  4. it never outlives its parent;
 *  5. every layer of confine.h that there is is in force before fn runs.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/jail.h"

#ifndef SYS_close_range /* the same number on every architecture */
#define SYS_close_range 436
#endif

#define CHILD_ROOT_FD 3
#define CHILD_FD_MAX 1024 /* far more than these programs ever open */
#define MARGIN_MS 500 /* before the parent's deadline the child gives up, and can say why */
#define ANSWER_OK "ok\n"
#define ANSWER_FAILED "failed "

/* Where a policy forbids to ask, what the kernel does at a change of the user must do. */
static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.permitted = 0}};

	return syscall(SYS_capget, &header, data) == 0 && (data[0].permitted || data[1].permitted);
}

/* Whoever is that user already has nothing to drop, and gets no group. */
static int become(const struct jail *jail)
{
	uid_t ruid, euid, suid;

	if (geteuid() == 0 && (setgroups(jail->group != 0, &jail->group) < 0 ||
			       setresgid(jail->gid, jail->gid, jail->gid) < 0 ||
			       setresuid(jail->uid, jail->uid, jail->uid) < 0))
		return -errno;
	if (getresuid(&ruid, &euid, &suid) < 0 || ruid != jail->uid || euid != jail->uid ||
	    suid != jail->uid || setuid(0) == 0 || has_capabilities())
		return -EPERM;
	return 0;
}

static int keep_only(int pipe_fd, int root_fd)
{
	AUTO_CLOSE int null = fs_open_null(O_RDWR);
	AUTO_CLOSE int answer = -1, root = -1;

	/* Copies out of the way first: the targets may be in use by one another. */
	answer = fcntl(pipe_fd, F_DUPFD_CLOEXEC, CHILD_ROOT_FD + 1);
	root = fcntl(root_fd, F_DUPFD_CLOEXEC, CHILD_ROOT_FD + 1);
	if (null < 0 || answer < 0 || root < 0 || fs_dup2(null, 0) < 0 || fs_dup2(answer, 1) < 0 ||
	    fs_dup2(null, 2) < 0 || fs_dup2(root, CHILD_ROOT_FD) < 0 ||
	    fcntl(CHILD_ROOT_FD, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	if (syscall(SYS_close_range, CHILD_ROOT_FD + 1, ~0U, 0) < 0)
		for (int fd = CHILD_ROOT_FD + 1; fd < CHILD_FD_MAX; fd++)
			(void)close(fd);
	null = answer = root = -1;
	return 0;
}

/* *pipe_fd: where the answer goes, which moves. */
static int lock_in(struct sys *sys, const struct jail *jail, int *pipe_fd, pid_t parent)
{
	static const struct rlimit none = {0, 0};
	int r;

	/* The signal does not come for a parent that is gone already. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	r = keep_only(*pipe_fd, sys->rootfd);
	if (r < 0)
		return r;
	*pipe_fd = STDOUT_FILENO;
	sys->rootfd = CHILD_ROOT_FD;
	r = become(jail);
	/* A change of uid clears the signal of the parent's death: once more, now for good. */
	if (r == 0 &&
	    (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0))
		r = -errno;
	if (r == 0 && getppid() != parent)
		r = -ESRCH;
	return r < 0 ? r : confine_self(sys, &jail->confine);
}

static void __attribute__((noreturn))
child_main(struct sys *sys, const struct jail *jail, jail_fn *fn, const void *arg, int pipe_fd,
	   pid_t parent)
{
	struct buf text = {0}, answer = {0};
	struct err err = {0};
	int r = lock_in(sys, jail, &pipe_fd, parent);

	if (r < 0) {
		(void)err_set(&err, -r, "cannot drop privileges: %s", strerror(-r));
	} else {
		sys->deadline_ns = sys->ops->boottime_ns(sys) +
				   (sys_left_ms(sys, jail->timeout_ms) - MARGIN_MS) * 1000000;
		r = fn(sys, arg, &text, &err);
	}
	if (r == 0 && buf_ok(&text, &err) < 0)
		r = -ENOMEM;
	if (r == 0) {
		buf_str(&answer, ANSWER_OK);
		buf_span(&answer, buf_bytes(&text));
	} else {
		buf_printf(&answer, ANSWER_FAILED "%d %s\n%s\n", err.code,
			   reason_text(reason_of(&err))->id, err.msg);
	}
	if (!answer.failed)
		(void)fs_write_all(pipe_fd, buf_bytes(&answer));
	_exit(0);
}

/* Everything up to the end of the pipe.  -ETIMEDOUT, -EMSGSIZE or another -errno. */
static int collect(struct sys *sys, const struct jail *jail, int fd, struct buf *ret)
{
	int64_t end = sys->ops->boottime_ns(sys) + sys_left_ms(sys, jail->timeout_ms) * 1000000;

	for (;;) {
		int64_t left_ms = (end - sys->ops->boottime_ns(sys)) / 1000000;
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		char chunk[4096];
		ssize_t n;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)left_ms) <= 0)
			continue; /* the clock decides */
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			return ret->failed ? -ENOMEM : 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && ret->len + (size_t)n > jail->answer_max + sizeof(ANSWER_OK) - 1)
			return -EMSGSIZE;
		if (n > 0)
			buf_add(ret, chunk, (size_t)n);
	}
}

/* "CODE REASON\nMESSAGE\n" */
static int parse_failure(struct span text, struct err *err)
{
	struct span line, word, id, message;
	enum reason reason;
	char name[64];
	uint64_t code;

	if (!span_line(&text, &line) || !span_word(&line, &word) || !span_word(&line, &id) ||
	    !num_parse(word, 4095, &code) || code == 0 || !span_copy(id, name, sizeof(name)) ||
	    !span_line(&text, &message))
		return err_set(err, EIO, "the unprivileged child answered beside the form");
	reason = reason_find(name);
	(void)err_set(err, (int)code, "%.*s",
		      (int)(message.len < ERR_MSG_MAX ? message.len : ERR_MSG_MAX),
		      (const char *)message.p);
	return reason_add(err, reason == REASON_NONE ? REASON_INTERNAL : reason);
}

static int parse_answer(struct span text, struct buf *ret, struct err *err)
{
	static const struct span ok = SPAN_LIT(ANSWER_OK), failed = SPAN_LIT(ANSWER_FAILED);
	struct span head, rest = text;

	if (span_take(&rest, ok.len, &head) && span_eq(head, ok)) {
		buf_span(ret, rest);
		return buf_ok(ret, err);
	}
	rest = text;
	if (span_take(&rest, failed.len, &head) && span_eq(head, failed) && !span_has_nul(rest))
		return parse_failure(rest, err);
	return err_set(err, EIO, "the unprivileged child died");
}

int jail_run(struct sys *sys, const struct jail *jail, jail_fn *fn, const void *arg,
	     struct buf *ret, struct err *err)
{
	AUTO_CLOSE int read_fd = -1, write_fd = -1;
	AUTO_BUF answer = {0};
	pid_t parent = getpid(), pid;
	int pipes[2], r;

	if (jail->uid == 0 || jail->gid == 0)
		return err_set(err, EPERM, "an unprivileged child cannot be root");
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	read_fd = pipes[0];
	write_fd = pipes[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "fork");
	if (pid == 0)
		child_main(sys, jail, fn, arg, write_fd, parent);
	(void)close(steal_fd(&write_fd));
	r = collect(sys, jail, read_fd, &answer);
	/* Whoever closed the pipe and lives on has nothing left to do. */
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r == -ETIMEDOUT) {
		(void)err_set(err, ETIMEDOUT, "no answer in time");
		return reason_add(err, REASON_DEADLINE);
	}
	if (r < 0)
		return err_set(err, -r, "the unprivileged child: %s", strerror(-r));
	r = parse_answer(buf_bytes(&answer), ret, err);
	if (answer.data)
		explicit_bzero(answer.data, answer.cap); /* it may hold a token */
	return r;
}
