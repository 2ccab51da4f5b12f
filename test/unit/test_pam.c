/* SPDX-License-Identifier: MIT */
/*
 * The sources of pam_aad.so over a scratch tree, with the few functions of libpam that it calls
 * made here.  This program is also the aad_authorize that it starts: under that name it
 * writes down how it was started and answers as the test wishes.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "payload/pam/answer.h"
#include "payload/pam/ask.h"
#include "test/unit/scratch.h"

#define OID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define ALICE "alice@contoso.com"
#define ALICE_ID 96865231
#define BOB "bob@contoso.com"
#define ALICE_LINE ALICE ":" OID ":96865231:96865231::/home/" ALICE ":/bin/bash\n"

#define REPORT MODULE_ROOT "/report"
#define WISH MODULE_ROOT "/wish"
#define CLOSE_RANGE 436 /* of every architecture; old headers lack it */
#define PIDFD_OPEN 434

/* ---- aad_authorize: how it was started, then the wish: a verb, a newline, the bytes to answer */

/* Signals 32 and 33 are glibc's own: what was inherited of them no program can change. */
#define LIBC_SIGNALS 0x180000000ULL

static void report_status(FILE *out)
{
	FILE *in = fopen("/proc/self/status", "re");
	char line[256];

	while (in && fgets(line, sizeof(line), in))
		if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigIgn:", 7) == 0)
			(void)fprintf(out, "%.7s\t%016llx\n", line,
				      strtoull(line + 8, NULL, 16) & ~LIBC_SIGNALS);
	if (in)
		(void)fclose(in);
}

static void report_descriptors(FILE *out)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[300], target[64] = "";
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (entry->d_name[0] == '.' || fd == dirfd(dir) || fd == fileno(out))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		(void)!readlink(path, target, sizeof(target) - 1);
		(void)fprintf(out, "fd: %d %s\n", fd, fd == 1 ? "" : target);
	}
	if (dir)
		(void)closedir(dir);
}

static void report(int argc, char **argv)
{
	char cwd[PATH_MAX] = "";
	mode_t mask = umask(022);
	FILE *out = fopen(REPORT, "we");

	if (!out)
		return;
	for (int i = 1; i < argc; i++)
		(void)fprintf(out, "argument: %s\n", argv[i]);
	for (char **variable = environ; *variable; variable++)
		(void)fprintf(out, "environment: %s\n", *variable);
	(void)fprintf(out, "directory: %s\numask: %o\nsession: %s\ngroups: %d\n",
		      getcwd(cwd, sizeof(cwd)), mask, getsid(0) == getpid() ? "own" : "host's",
		      getgroups(0, NULL));
	report_status(out);
	report_descriptors(out);
	(void)fclose(out);
}

static int authorize(int argc, char **argv)
{
	char wish[8192] = "", *bytes;
	ssize_t len;
	int in;

	report(argc, argv);
	in = open(WISH, O_RDONLY | O_CLOEXEC);
	len = in < 0 ? 0 : read(in, wish, sizeof(wish) - 1);
	(void)flock(in, LOCK_SH); /* until the last process that has it is gone */
	bytes = strchr(wish, '\n');
	if (!bytes || len <= 0)
		return 1;
	*bytes++ = '\0';
	if (strcmp(wish, "only-bob") == 0 && (argc < 3 || strcmp(argv[2], BOB) != 0))
		return 1;
	(void)!write(1, bytes, (size_t)(wish + len - bytes));
	if (strcmp(wish, "hang") == 0)
		(void)pause();
	if (strcmp(wish, "close-and-hang") == 0 && close(1) == 0)
		(void)pause();
	if (strncmp(wish, "leave-a-child", 13) == 0 && fork() == 0) {
		if (strcmp(wish, "leave-a-child-apart") == 0)
			(void)close(1);
		(void)pause();
	}
	if (strcmp(wish, "crash") == 0)
		(void)raise(SIGKILL);
	return strcmp(wish, "fail") == 0;
}

/* ---- what is not there without root, or on a new kernel; see -Wl,--wrap */

static uid_t euid;
static bool old_kernel;
static int interrupted_copies; /* calls of dup2 that are yet to come, in each process anew */

uid_t __wrap_geteuid(void);
int __real_setgroups(size_t size, const gid_t *list);
int __wrap_setgroups(size_t size, const gid_t *list);
int __real_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __real_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __real_dup2(int fd, int to);
int __wrap_dup2(int fd, int to);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

uid_t __wrap_geteuid(void)
{
	return euid;
}

int __wrap_setgroups(size_t size, const gid_t *list)
{
	return getuid() == 0 ? __real_setgroups(size, list) : 0;
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	return getuid() == 0 ? __real_setresgid(real, effective, saved) : 0;
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	return getuid() == 0 ? __real_setresuid(real, effective, saved) : 0;
}

int __wrap_dup2(int fd, int to)
{
	if (interrupted_copies > 0) {
		interrupted_copies--;
		errno = EINTR;
		return -1;
	}
	return __real_dup2(fd, to);
}

/* Six arguments are handed on, as syscall itself does, however many there are. */
long __wrap_syscall(long number, ...)
{
	long arg[6];
	va_list ap;

	va_start(ap, number);
	for (size_t i = 0; i < ARRAY_LEN(arg); i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	if ((number == CLOSE_RANGE || number == PIDFD_OPEN) && old_kernel) {
		errno = ENOSYS;
		return -1;
	}
	return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* ---- libpam */

struct pam_handle {
	const char *user, *ruser, *service, *rhost;
};

static struct passwd *entry; /* what getpwnam says of everybody */
static char told[8192]; /* each message with its newline */
static int logged;

int pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	*item = type == PAM_USER      ? pamh->user
		: type == PAM_RUSER   ? pamh->ruser
		: type == PAM_SERVICE ? pamh->service
		: type == PAM_RHOST   ? pamh->rhost
				      : NULL;
	return PAM_SUCCESS;
}

struct passwd *pam_modutil_getpwnam(pam_handle_t *pamh, const char *user)
{
	(void)pamh;
	(void)user;
	return entry;
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *fmt, ...)
{
	size_t used = strlen(told);
	va_list ap;
	int len;

	(void)pamh;
	assert_int_equal(style, PAM_ERROR_MSG);
	assert_null(response);
	va_start(ap, fmt);
	len = vsnprintf(told + used, sizeof(told) - used - 1, fmt, ap);
	va_end(ap);
	assert_true(len >= 0 && len < PAM_MAX_MSG_SIZE);
	strcat(told, "\n");
	return PAM_SUCCESS;
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *fmt, ...)
{
	(void)pamh;
	(void)priority;
	(void)fmt;
	logged++;
}

/* ---- the tests */

static struct scratch scratch;
static char self[PATH_MAX];

static void file(const char *path, const char *text)
{
	scratch_write(&scratch, path, text, 0644);
}

static void wish(const char *text)
{
	file("/wish", text);
}

static int open_scratch(void **state)
{
	(void)state;
	scratch_open(&scratch);
	(void)unlink(MODULE_ROOT);
	if (symlink(scratch.dir, MODULE_ROOT) < 0)
		return -1;
	scratch_mkdir(&scratch, "/usr/libexec/aadsshlogin", 0755);
	if (symlink(self, MODULE_ROOT AUTHORIZE_PROGRAM) < 0)
		return -1;
	file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
	file("/etc/aadsshlogin.conf", "");
	wish("write\ngrant\n");
	told[0] = '\0';
	logged = 0;
	euid = 0;
	old_kernel = false;
	interrupted_copies = 0;
	return 0;
}

static int done_scratch(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return unlink(MODULE_ROOT);
}

static bool asked(void)
{
	return access(REPORT, F_OK) == 0;
}

static struct question question(void)
{
	return (struct question){"login", ALICE, "96865231", "sshd", "192.0.2.7"};
}

/* Ask with a deadline; the answer is in *ret. */
static int ask(int deadline_ms, struct answer *ret)
{
	static char bytes[ANSWER_MAX];
	struct question q = question();
	size_t len = 0;
	int r = ask_authorize(&q, deadline_ms, bytes, sizeof(bytes), &len);

	*ret = answer_parse((struct span){(unsigned char *)bytes, len});
	return r;
}

static void assert_granted(void)
{
	struct answer answer;

	assert_int_equal(ask(10000, &answer), 0);
	assert_int_equal(answer.code, ANSWER_GRANT);
}

static void assert_reported(const char *line)
{
	char *text = scratch_text(&scratch, "/report");

	assert_non_null(text);
	if (!strstr(text, line))
		fail_msg("\"%s\" is not in:\n%s", line, text);
	free(text);
}

/* The descriptors come last: there are no others. */
static void assert_report_ends(const char *lines)
{
	char *text = scratch_text(&scratch, "/report");

	assert_non_null(text);
	assert_true(strlen(text) >= strlen(lines));
	assert_string_equal(text + strlen(text) - strlen(lines), lines);
	free(text);
}

static const char clean[] = "argument: login\nargument: " ALICE "\nargument: 96865231\n"
			    "argument: sshd\nargument: 192.0.2.7\n"
			    "directory: /\numask: 77\nsession: own\n";
static const char clean_signals[] = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
				    "fd: 0 /dev/null\nfd: 1 \nfd: 2 /dev/null\n";

/* Make the host as unlike a clean process as can be, and undo it. */
struct mess {
	struct rlimit limit;
	sigset_t mask;
	int fds[3];
};

static void mess_make(struct mess *mess)
{
	sigset_t some;

	assert_int_equal(setenv("LD_LIBRARY_PATH", "/tmp", 1), 0);
	assert_int_equal(setenv("https_proxy", "http://evil", 1), 0);
	assert_int_equal(chdir("/tmp"), 0);
	(void)umask(0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)sigemptyset(&some);
	(void)sigaddset(&some, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &some, &mess->mask), 0);
	mess->fds[0] = open("/etc/passwd", O_RDONLY);
	mess->fds[1] = dup2(mess->fds[0], 77);
	mess->fds[2] = dup2(mess->fds[0], 900);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &mess->limit), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){80, mess->limit.rlim_max}), 0);
}

static void mess_undo(const struct mess *mess)
{
	sigset_t now;

	assert_int_equal(sigprocmask(SIG_SETMASK, &mess->mask, &now), 0);
	assert_true(sigismember(&now, SIGTERM));
	assert_false(sigismember(&now, SIGINT));
	assert_true(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
	assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
	assert_int_equal(umask(022), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &mess->limit), 0);
	for (size_t i = 0; i < ARRAY_LEN(mess->fds); i++)
		assert_int_equal(close(mess->fds[i]), 0);
	assert_int_equal(unsetenv("LD_LIBRARY_PATH"), 0);
	assert_int_equal(unsetenv("https_proxy"), 0);
	assert_int_equal(chdir("/"), 0);
}

static void nothing_of_the_host_reaches_the_program(void **state)
{
	struct mess mess;

	(void)state;
	mess_make(&mess);
	assert_granted();
	mess_undo(&mess);
	assert_reported(clean);
	assert_report_ends(clean_signals);
	if (getuid() == 0)
		assert_reported("groups: 0\n");
}

static void copies_of_descriptors_that_are_interrupted_are_made_again(void **state)
{
	(void)state;
	interrupted_copies = 4;
	assert_granted();
	assert_report_ends(clean_signals);
}

static void descriptors_are_closed_on_an_old_kernel_too(void **state)
{
	struct mess mess;

	(void)state;
	old_kernel = true;
	mess_make(&mess);
	assert_granted();
	mess_undo(&mess);
	assert_report_ends(clean_signals);
}

static void a_host_without_stdio_is_served(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct answer answer;

		(void)close(0);
		(void)close(1);
		(void)close(2);
		_exit(ask(10000, &answer) == 0 && answer.code == ANSWER_GRANT ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_report_ends(clean_signals);
}

static void the_host_s_other_children_stay_its_own(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(3);
	assert_granted();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1); /* and none is left */
}

static void a_host_that_ignores_SIGCHLD_is_served(void **state)
{
	(void)state;
	(void)signal(SIGCHLD, SIG_IGN);
	assert_granted();
	(void)signal(SIGCHLD, SIG_DFL);
}

static int64_t now_ms(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* clang-format off */
static const struct ending {
	const char *name, *wish;
	int r;
	enum answer_code code;
} endings[] = {
	{"a_program_that_hangs_is_ended", "hang\n", -ETIMEDOUT, ANSWER_INTERNAL},
	{"an_answer_that_does_not_end_is_none", "hang\ngrant\n", -ETIMEDOUT, ANSWER_INTERNAL},
	{"a_child_that_holds_the_pipe_is_ended", "leave-a-child\ngrant\n", -ETIMEDOUT, ANSWER_INTERNAL},
	{"a_child_without_the_pipe_is_ended", "leave-a-child-apart\ngrant\n", 0, ANSWER_GRANT},
	{"the_closed_pipe_is_the_end", "close-and-hang\ngrant\n", 0, ANSWER_GRANT},
	{"the_exit_status_does_not_count", "fail\ngrant\n", 0, ANSWER_GRANT},
	{"half_an_answer_of_a_crash_is_none", "crash\ngran", 0, ANSWER_INTERNAL},
	{"no_answer_is_none", "write\n", 0, ANSWER_INTERNAL},
};
/* clang-format on */

/* Nothing that the program started is left: all of it held a lock. */
static void assert_nothing_runs(void)
{
	AUTO_CLOSE int fd = open(WISH, O_RDONLY | O_CLOEXEC);
	int64_t end = now_ms() + 2000;

	assert_true(fd >= 0);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0)
		assert_true(now_ms() < end && usleep(1000) == 0);
}

static void ends(void **state)
{
	const struct ending *row = *state;
	struct answer answer;
	int64_t before = now_ms();

	wish(row->wish);
	assert_int_equal(ask(row->r == -ETIMEDOUT ? 400 : 10000, &answer), row->r);
	assert_int_equal(answer.code, row->code);
	assert_true(now_ms() - before < 5000);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_nothing_runs();
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void a_signal_to_the_host_does_not_end_the_wait(void **state)
{
	struct answer answer;
	int64_t before = now_ms();

	(void)state;
	wish("hang\n");
	(void)signal(SIGALRM, on_alarm);
	(void)alarm(1);
	assert_int_equal(ask(1500, &answer), -ETIMEDOUT);
	assert_true(now_ms() - before >= 1400);
	(void)signal(SIGALRM, SIG_DFL);
}

static void a_flood_is_no_answer(void **state)
{
	char text[ANSWER_MAX + 16];
	struct answer answer;

	(void)state;
	memset(text, '\n', sizeof(text));
	memcpy(text, "write\ndeny role\n", 16);
	text[sizeof(text) - 1] = '\0';
	wish(text);
	assert_int_equal(ask(10000, &answer), -EMSGSIZE);
}

static void a_missing_program_answers_nothing(void **state)
{
	struct answer answer;

	(void)state;
	assert_int_equal(unlink(MODULE_ROOT AUTHORIZE_PROGRAM), 0);
	assert_int_equal(ask(10000, &answer), 0);
	assert_int_equal(answer.code, ANSWER_INTERNAL);
}

static void without_descriptors_nothing_is_asked(void **state)
{
	struct rlimit limit;
	struct answer answer;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, limit.rlim_max}), 0);
	assert_int_equal(ask(10000, &answer), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ---- the module */

#define OURS ALICE_ID
#define FOREIGN 5000
#define NOBODY 0 /* the name does not resolve */

#define LOCAL "root:x:0:0::/root:/bin/sh\n" ALICE ":x:1000:1000::/home/a:/bin/sh\n"

/* What every row says comes first, then files and PAM items by their names. */
#define ACCOUNT(name_, user_, uid_, wish_, result_, asked_, ...)                                   \
	{                                                                                          \
		.name = name_, .user = user_, .uid = uid_, .wish = wish_, .result = result_,       \
		.asked = asked_, ##__VA_ARGS__                                                     \
	}

/* clang-format off */
static const struct account {
	const char *name, *user;
	uid_t uid; /* of the entry in force */
	const char *wish;
	int result;
	const char *asked; /* the action, NULL: nothing was asked */
	const char *ruser, *argument;
	const char *conf, *passwd, *aadpasswd; /* files; NULL: as in open_scratch */
} accounts[] = {
	ACCOUNT("a_grant_is_a_success", ALICE, OURS, "write\ngrant\n", PAM_SUCCESS, "login"),
	ACCOUNT("a_name_in_capitals_too", "Alice@CONTOSO.com", OURS, "write\ngrant\n", PAM_SUCCESS, "login"),
	ACCOUNT("no_role_is_refused", ALICE, OURS, "write\ndeny role\n", PAM_PERM_DENIED, "login"),
	ACCOUNT("no_proof_is_refused", ALICE, OURS, "write\ndeny identity\n", PAM_PERM_DENIED, "login"),
	ACCOUNT("no_backend_is_refused", ALICE, OURS, "write\ndeny unavailable\n", PAM_AUTHINFO_UNAVAIL, "login"),
	ACCOUNT("once_more_is_refused_now", ALICE, OURS, "write\ndeny retry\n", PAM_AUTHINFO_UNAVAIL, "login"),
	ACCOUNT("an_account_in_the_way_is_refused", ALICE, OURS, "write\ndeny account\n", PAM_PERM_DENIED, "login"),
	ACCOUNT("an_unconfigured_program_is_refused", ALICE, OURS, "write\ndeny config\n", PAM_PERM_DENIED, "login"),
	ACCOUNT("a_mistake_is_refused", ALICE, OURS, "write\ndeny internal\n", PAM_SYSTEM_ERR, "login"),
	ACCOUNT("garbage_is_refused", ALICE, OURS, "write\nGRANT\n", PAM_SYSTEM_ERR, "login"),
	ACCOUNT("nothing_is_refused", ALICE, OURS, "write\n", PAM_SYSTEM_ERR, "login"),
	ACCOUNT("half_a_grant_is_refused", ALICE, OURS, "crash\ngrant", PAM_SYSTEM_ERR, "login"),

	ACCOUNT("root_is_ignored", "root", 0, "", PAM_IGNORE, NULL),
	ACCOUNT("no_user_is_ignored", NULL, 0, "", PAM_IGNORE, NULL),
	ACCOUNT("a_local_account_of_our_shape_is_ignored", ALICE, 1000, "", PAM_IGNORE, NULL, .passwd = LOCAL),
	ACCOUNT("even_with_a_uid_of_our_range", ALICE, OURS, "", PAM_IGNORE, NULL, .passwd = LOCAL),
	ACCOUNT("even_without_configuration", ALICE, 1000, "", PAM_IGNORE, NULL, .conf = "uid_range x\n", .passwd = LOCAL),
	ACCOUNT("even_when_the_user_file_is_broken", ALICE, 1000, "", PAM_IGNORE, NULL, .passwd = LOCAL, .aadpasswd = "\xff"),
	ACCOUNT("capitals_do_not_make_a_local_account", "Alice@contoso.com", OURS, "write\ndeny account\n", PAM_PERM_DENIED, "login", .passwd = LOCAL),
	ACCOUNT("another_source_s_account_is_ignored", ALICE, FOREIGN, "", PAM_IGNORE, NULL),
	ACCOUNT("another_domain_is_ignored", ALICE, OURS, "", PAM_IGNORE, NULL, .conf = "user_domains b.example\n"),
	ACCOUNT("another_domain_that_does_not_resolve_is_ignored", ALICE, NOBODY, "", PAM_IGNORE, NULL, .conf = "user_domains b.example\n"),
	ACCOUNT("one_who_could_be_ours_and_does_not_resolve_is_refused", ALICE, NOBODY, "", PAM_USER_UNKNOWN, NULL),
	ACCOUNT("one_with_a_line_who_does_not_resolve_is_refused", ALICE, NOBODY, "", PAM_USER_UNKNOWN, NULL, .conf = "user_domains b.example\n", .aadpasswd = ALICE_LINE),
	ACCOUNT("a_line_makes_a_user_ours_in_another_domain", ALICE, OURS, "write\ndeny config\n", PAM_PERM_DENIED, "login", .conf = "user_domains b.example\n", .aadpasswd = ALICE_LINE),
	ACCOUNT("a_line_makes_a_user_ours_outside_the_range", ALICE, OURS, "write\ngrant\n", PAM_SUCCESS, "login", .conf = "uid_range 70000-80000\n", .aadpasswd = ALICE_LINE),
	ACCOUNT("a_line_makes_a_user_ours_without_configuration", ALICE, OURS, "write\ndeny config\n", PAM_PERM_DENIED, "login", .conf = "uid_range x\n", .aadpasswd = ALICE_LINE),
	ACCOUNT("the_range_can_be_another", ALICE, 70001, "write\ngrant\n", PAM_SUCCESS, "login", .conf = "uid_range 70000-80000\n"),

	ACCOUNT("sudo_asks_for_the_administrator_s_action", ALICE, OURS, "write\ngrant\n", PAM_SUCCESS, "admin", .ruser = ALICE, .argument = "admin"),
	ACCOUNT("sudo_is_refused", ALICE, OURS, "write\ndeny role\n", PAM_PERM_DENIED, "admin", .ruser = ALICE, .argument = "admin"),
	ACCOUNT("who_acts_counts_when_another_is_named", "root", OURS, "write\ndeny role\n", PAM_PERM_DENIED, "admin", .ruser = ALICE, .argument = "admin"),
	ACCOUNT("who_acts_is_enough_when_another_is_local", "root", OURS, "write\ngrant\n", PAM_SUCCESS, "admin", .ruser = ALICE, .argument = "admin"),
	ACCOUNT("who_is_named_counts_too", ALICE, OURS, "write\ndeny role\n", PAM_PERM_DENIED, "admin", .ruser = "joe", .argument = "admin"),
	ACCOUNT("who_acts_is_not_excused_by_who_is_named", BOB, OURS, "only-bob\ngrant\n", PAM_SYSTEM_ERR, "admin", .ruser = ALICE, .argument = "admin"),
	ACCOUNT("who_is_named_is_not_excused_by_who_acts", ALICE, OURS, "only-bob\ngrant\n", PAM_SYSTEM_ERR, "admin", .ruser = BOB, .argument = "admin"),
	ACCOUNT("sudo_without_who_acts_judges_the_user", ALICE, OURS, "write\ngrant\n", PAM_SUCCESS, "admin", .argument = "admin"),
	ACCOUNT("local_users_of_sudo_are_ignored", "root", 0, "", PAM_IGNORE, NULL, .ruser = "joe", .argument = "admin"),
	ACCOUNT("a_login_does_not_look_at_who_acts", "root", OURS, "", PAM_IGNORE, NULL, .ruser = ALICE),
	ACCOUNT("an_unknown_argument_refuses_ours", ALICE, OURS, "write\ngrant\n", PAM_SERVICE_ERR, NULL, .argument = "debug"),
	ACCOUNT("an_unknown_argument_ignores_others", "root", 0, "", PAM_IGNORE, NULL, .ruser = "joe", .argument = "debug"),
};
/* clang-format on */

static int account(const struct account *row)
{
	struct pam_handle handle = {row->user, row->ruser, "sshd", "192.0.2.7"};
	struct passwd pw = {.pw_uid = row->uid};
	const char *argv[] = {row->argument};

	entry = row->uid == NOBODY ? NULL : &pw;
	return pam_sm_acct_mgmt(&handle, PAM_SILENT, row->argument ? 1 : 0, argv);
}

static void is_judged(void **state)
{
	const struct account *row = *state;

	if (row->conf)
		file("/etc/aadsshlogin.conf", row->conf);
	if (row->passwd)
		file("/etc/passwd", row->passwd);
	if (row->aadpasswd)
		file("/etc/aadpasswd", row->aadpasswd);
	wish(row->wish);
	assert_int_equal(account(row), row->result);
	assert_int_equal(asked(), row->asked != NULL);
	if (row->asked) {
		assert_reported(strcmp(row->asked, "admin") == 0
					? "argument: admin\nargument: " ALICE
					: "argument: login\nargument: " ALICE);
		assert_int_equal(told[0] != '\0', row->result != PAM_SUCCESS);
	}
	assert_int_equal(logged > 0,
			 row->result == PAM_SYSTEM_ERR || row->result == PAM_SERVICE_ERR);
}

static int login(void)
{
	static const struct account row = {.user = ALICE, .uid = OURS};

	return account(&row);
}

/* A certificate was accepted for the name, and the name is not ours: it opens nothing. */
static void with_a_record_no_other_account_of_our_shape_gets_in(void **state)
{
	static const struct account local = {.user = ALICE, .uid = 1000};
	static const struct account foreign = {.user = "Alice@contoso.com", .uid = FOREIGN};
	static const struct account sudo = {.user = ALICE, .uid = FOREIGN, .argument = "admin"};
	static const struct account root = {.user = "root", .uid = 0};
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "/run/aadsshlogin/handoff/%d", (int)getpid());
	file(path, "");
	assert_int_equal(account(&foreign), PAM_PERM_DENIED);
	assert_string_not_equal(told, "");
	assert_int_equal(account(&sudo), PAM_IGNORE);
	assert_int_equal(account(&root), PAM_IGNORE);
	file("/etc/passwd", LOCAL);
	assert_int_equal(account(&local), PAM_PERM_DENIED);
	assert_int_equal(unlinkat(scratch.sys.rootfd, path + 1, 0), 0);
	assert_int_equal(account(&local), PAM_IGNORE);
	assert_false(asked());
}

/* As where SELinux hides it. */
static void a_record_that_cannot_be_looked_for_keeps_out_who_is_not_local(void **state)
{
	static const struct account local = {.user = ALICE, .uid = 1000};
	static const struct account foreign = {.user = ALICE, .uid = FOREIGN};

	(void)state;
	file("/run/aadsshlogin/handoff", "no directory");
	assert_int_equal(account(&foreign), PAM_PERM_DENIED);
	assert_string_not_equal(told, "");
	euid = 1000; /* an sshd of a user's own runs no key command */
	assert_int_equal(account(&foreign), PAM_IGNORE);
	euid = 0;
	file("/etc/passwd", LOCAL);
	assert_int_equal(account(&local), PAM_IGNORE);
	assert_false(asked());
}

static void a_name_without_our_shape_is_ignored_before_any_io(void **state)
{
	static const struct account local = {.user = "root", .uid = 0};
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, limit.rlim_max}), 0);
	assert_int_equal(account(&local), PAM_IGNORE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void when_the_user_file_is_not_trusted_ours_are_refused(void **state)
{
	(void)state;
	scratch_write(&scratch, "/etc/aadpasswd", ALICE_LINE, 0666);
	assert_int_equal(login(), PAM_SYSTEM_ERR);
	assert_false(asked());
	assert_int_equal(logged, 1);
}

static void a_program_without_root_lets_nobody_of_ours_in(void **state)
{
	(void)state;
	euid = 1000;
	assert_int_equal(login(), PAM_PERM_DENIED);
	assert_false(asked());
	assert_non_null(strstr(told, "root"));
}

static void the_user_reads_the_text_of_the_program_without_control_characters(void **state)
{
	(void)state;
	wish("write\ndeny role\nNo role.\n\x1b[2J\tA\xc3\xa4\n");
	assert_int_equal(login(), PAM_PERM_DENIED);
	assert_string_equal(told, "No role.\n?[2J?A??\n");
}

static void the_user_reads_a_reason_even_without_text(void **state)
{
	(void)state;
	wish("write\ndeny unavailable\n");
	assert_int_equal(login(), PAM_AUTHINFO_UNAVAIL);
	assert_non_null(strstr(told, "did not answer"));
}

static void a_long_line_is_cut_and_many_lines_are_too(void **state)
{
	char text[ANSWER_TEXT_MAX] = "write\ndeny role\n";
	size_t lines = 0;

	(void)state;
	memset(text + strlen(text), 'x', 700);
	strcat(text, "\n");
	for (int i = 0; i < 100; i++)
		strcat(text, "y\n");
	wish(text);
	assert_int_equal(login(), PAM_PERM_DENIED);
	for (const char *p = told; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 24);
	assert_int_equal(strcspn(told, "\n"), PAM_MAX_MSG_SIZE - 1);
}

/* clang-format off */
static const struct item {
	const char *name, *value, *argument;
} items[] = {
	{"a_host_name", "host-1.contoso.com", "host-1.contoso.com"},
	{"an_ipv6_address", "fe80::1%eth0", "fe80::1%eth0"},
	{"no_host", NULL, "-"},
	{"an_empty_host", "", "-"},
	{"a_host_that_looks_like_an_option", "-x", "-"},
	{"a_host_with_a_newline", "a\nb", "-"},
	{"a_host_with_a_blank", "a b", "-"},
	{"a_host_with_a_shell_s_sign", "a;b", "-"},
};
/* clang-format on */

static void becomes_an_argument(void **state)
{
	const struct item *row = *state;
	struct pam_handle handle = {ALICE, NULL, row->value, row->value};
	struct passwd pw = {.pw_uid = OURS};
	char expected[128];

	entry = &pw;
	assert_int_equal(pam_sm_acct_mgmt(&handle, 0, 0, NULL), PAM_SUCCESS);
	(void)snprintf(expected, sizeof(expected), "96865231\nargument: %s\nargument: %s\n",
		       row->argument, row->argument);
	assert_reported(expected);
}

static void the_longest_name_is_asked_about_whole(void **state)
{
	char name[NAME_SIZE], line[2 * NAME_SIZE], report[NAME_SIZE + 16];
	struct account row = {.user = name, .uid = OURS};

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + NAME_MAX_BYTES - strlen("@contoso.com"), "@contoso.com", 13);
	(void)snprintf(line, sizeof(line),
		       "%s:1c0163c0-47e6-4577-8991-ea5c82e286e4:%u:%u::/home/x:/bin/sh\n", name,
		       OURS, OURS);
	file("/etc/aadpasswd", line);
	wish("write\ngrant\n");
	assert_int_equal(account(&row), PAM_SUCCESS);
	(void)snprintf(report, sizeof(report), "argument: %s\n", name);
	assert_reported(report);
}

static void too_long_items_become_dashes(void **state)
{
	char text[300];
	struct pam_handle handle = {ALICE, NULL, text, text};
	struct passwd pw = {.pw_uid = OURS};

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	entry = &pw;
	assert_int_equal(pam_sm_acct_mgmt(&handle, 0, 0, NULL), PAM_SUCCESS);
	assert_reported("96865231\nargument: -\nargument: -\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, done_scratch)
#define ROWS(rows, test, tests, n)                                                                 \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                               \
		(tests)[(n)++] = (struct CMUnitTest)                                               \
		{                                                                                  \
			.name = (rows)[i].name, .test_func = (test), .setup_func = open_scratch,   \
			.teardown_func = done_scratch,                                             \
			.initial_state = (void *)(uintptr_t) & (rows)[i]                           \
		}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(nothing_of_the_host_reaches_the_program),
		TEST(copies_of_descriptors_that_are_interrupted_are_made_again),
		TEST(descriptors_are_closed_on_an_old_kernel_too),
		TEST(a_host_without_stdio_is_served),
		TEST(the_host_s_other_children_stay_its_own),
		TEST(a_host_that_ignores_SIGCHLD_is_served),
		TEST(a_signal_to_the_host_does_not_end_the_wait),
		TEST(a_flood_is_no_answer),
		TEST(a_missing_program_answers_nothing),
		TEST(without_descriptors_nothing_is_asked),
		TEST(with_a_record_no_other_account_of_our_shape_gets_in),
		TEST(a_record_that_cannot_be_looked_for_keeps_out_who_is_not_local),
		TEST(a_name_without_our_shape_is_ignored_before_any_io),
		TEST(when_the_user_file_is_not_trusted_ours_are_refused),
		TEST(a_program_without_root_lets_nobody_of_ours_in),
		TEST(the_user_reads_the_text_of_the_program_without_control_characters),
		TEST(the_user_reads_a_reason_even_without_text),
		TEST(a_long_line_is_cut_and_many_lines_are_too),
		TEST(the_longest_name_is_asked_about_whole),
		TEST(too_long_items_become_dashes),
	};
	struct CMUnitTest rows[ARRAY_LEN(endings) + ARRAY_LEN(accounts) + ARRAY_LEN(items)] = {
		{.name = NULL}};
	size_t n = 0;

	if (strstr(argv[0], "/aad_authorize"))
		return authorize(argc, argv);
	if (!realpath("/proc/self/exe", self))
		return 1;
	ROWS(endings, ends, rows, n);
	ROWS(accounts, is_judged, rows, n);
	ROWS(items, becomes_an_argument, rows, n);
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", rows, NULL, NULL);
}
