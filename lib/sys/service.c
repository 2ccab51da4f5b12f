/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "lib/sys/service.h"

#define TIMEOUT_MS 30000
#define UNITS_MAX 2

/* Who is told of it in place of its being done; tell is NULL when it is done. */
struct hearer {
	service_teller *tell;
	void *arg;
};

static const char *systemctl(struct sys *sys)
{
	return fs_exists(sys, "/usr/bin/systemctl") ? "/usr/bin/systemctl" : "/bin/systemctl";
}

/* The program of a process, if it is an sshd.  A pid file can outlive its process. */
static bool find_sshd(struct sys *sys, pid_t pid, char ret[PATH_MAX])
{
	char link[64];
	char *name;
	ssize_t len;

	(void)snprintf(link, sizeof(link), "proc/%ld/exe", (long)pid);
	len = readlinkat(sys->rootfd, link, ret, PATH_MAX - 1);
	if (len <= 0)
		return false;
	ret[len] = '\0';
	name = strrchr(ret, '/');
	/* After an upgrade of the package the running file is deleted. */
	if (name && strcmp(name, "/sshd (deleted)") == 0)
		name[strlen("/sshd")] = '\0';
	return name && strcmp(name, "/sshd") == 0;
}

/* Read the beginning of a file of /proc/PID, of which the witness must not know. */
static struct span read_start(struct sys *sys, pid_t pid, const char *name, char *buf, size_t size)
{
	AUTO_CLOSE int fd = -1;
	struct err ignored = {0};
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = fs_open(sys, path, O_RDONLY, 0, &ignored);
	n = fd < 0 ? -1 : read(fd, buf, size);
	return (struct span){.p = (unsigned char *)buf, .len = n > 0 ? (size_t)n : 0};
}

/* Arguments are separated by NULs, and by blanks where they are in a title. */
static bool next_word(struct span *text, struct span *ret)
{
	size_t len = 0;

	while (text->len && (text->p[0] == '\0' || text->p[0] == ' '))
		(void)span_take(text, 1, &(struct span){0});
	while (len < text->len && text->p[len] != '\0' && text->p[len] != ' ')
		len++;
	return len && span_take(text, len, ret);
}

/* What -f says, as the last one counts; empty without one. */
static struct span find_config(struct span words)
{
	static const char with_value[] = "CEbcfghkopu"; /* sshd(8) */
	struct span word, found = {0};

	while (next_word(&words, &word) && !span_is(word, "[listener]")) {
		for (size_t i = 1; word.p[0] == '-' && i < word.len; i++) {
			struct span value = {word.p + i + 1, word.len - i - 1};

			if (!strchr(with_value, word.p[i]))
				continue;
			if ((value.len || next_word(&words, &value)) && word.p[i] == 'f')
				found = value;
			break;
		}
	}
	return found;
}

/*
 * Does the sshd read what sshd -t was asked about?  Another one would not see our lines, and with
 * an error in its own file SIGHUP would be its end.
 */
static bool reads_usual(struct sys *sys, pid_t pid, const char *program)
{
	static const char *const programs[] = {"/usr/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd"};
	char buf[8192];
	struct span config = find_config(read_start(sys, pid, "cmdline", buf, sizeof(buf)));

	for (size_t i = 0; i < ARRAY_LEN(programs); i++)
		if (strcmp(program, programs[i]) == 0)
			return config.len == 0 || span_is(config, "/etc/ssh/sshd_config");
	return false;
}

/* Is it an sshd that reads another configuration? */
static bool is_other(struct sys *sys, pid_t pid)
{
	char program[PATH_MAX];

	return pid > 1 && find_sshd(sys, pid, program) && !reads_usual(sys, pid, program);
}

/* One name can be an alias of the other, so what counts is the Id that systemd gives. */
static int active_units(struct sys *sys, char ret[UNITS_MAX][NAME_MAX + 1], struct err *err)
{
	const char *const argv[] = {
		systemctl(sys), "show",         "--property=Id,ActiveState,MainPID",
		"ssh.service",  "sshd.service", NULL};
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = TIMEOUT_MS, .output_max = 4096, .looks_only = true};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct span text, line, id = {0};
	bool active = false;
	uint64_t pid = 0;
	int count = 0;

	if (proc_must(sys, &spec, &res, err) < 0)
		return -err->code;
	buf_str(&res.output, "\n\n"); /* an empty line ends each unit */
	text = buf_bytes(&res.output);
	while (span_line(&text, &line)) {
		if (line.len > 3 && memcmp(line.p, "Id=", 3) == 0)
			id = (struct span){.p = line.p + 3, .len = line.len - 3};
		else if (span_is(line, "ActiveState=active") ||
			 span_is(line, "ActiveState=reloading"))
			active = true;
		else if (line.len > 8 && memcmp(line.p, "MainPID=", 8) == 0)
			(void)num_parse((struct span){line.p + 8, line.len - 8}, INT_MAX, &pid);
		if (line.len)
			continue;
		if (active && !is_other(sys, (pid_t)pid) && id.len && count < UNITS_MAX &&
		    (count == 0 || !span_is(id, ret[0])) &&
		    span_copy(id, ret[count], sizeof(ret[count])))
			count++;
		active = false;
		pid = 0;
		id = (struct span){0};
	}
	return buf_ok(&res.output, err) < 0 ? -err->code : count;
}

static int reload_unit(struct sys *sys, const char *unit, const struct hearer *hearer,
		       struct err *err)
{
	const char *const argv[] = {systemctl(sys), "reload", unit, NULL};
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = TIMEOUT_MS, .output_max = 4096, .merge_stderr = true};
	AUTO_PROC res = PROC_RESULT_INIT;

	if (hearer->tell)
		return hearer->tell(argv, hearer->arg, err);
	return proc_must(sys, &spec, &res, err) < 0 ? err_wrap(err, "cannot reload %s", unit) : 0;
}

static int reload_units(struct sys *sys, const struct hearer *hearer, struct err *err)
{
	char units[UNITS_MAX][NAME_MAX + 1];
	int count = active_units(sys, units, err);

	for (int i = 0; i < count; i++)
		if (reload_unit(sys, units[i], hearer, err) < 0)
			return -err->code;
	return count;
}

static int hang_up(pid_t pid, const struct hearer *hearer, struct err *err)
{
	char number[16];
	const char *const argv[] = {"kill", "-HUP", number, NULL};
	int r;

	(void)snprintf(number, sizeof(number), "%ld", (long)pid);
	if (hearer->tell) {
		r = hearer->tell(argv, hearer->arg, err);
		return r < 0 ? r : 1;
	}
	if (kill(pid, SIGHUP) < 0)
		return errno == ESRCH ? 0 : err_sys(err, "SIGHUP to sshd, pid %ld", (long)pid);
	return 1;
}

static int reload_process(struct sys *sys, const char *pid_file, const struct hearer *hearer,
			  struct err *err)
{
	AUTO_BUF text = {0};
	struct span rest, line = {0};
	char program[PATH_MAX];
	bool exists;
	uint64_t pid;
	int r = fs_read_optional(sys, pid_file, FS_FOLLOW, 64, &text, &exists, NULL, err);

	if (r < 0)
		return r;
	rest = buf_bytes(&text);
	(void)span_line(&rest, &line);
	if (!num_parse(span_trim(line), INT_MAX, &pid) || pid < 2 ||
	    !find_sshd(sys, (pid_t)pid, program) || !reads_usual(sys, (pid_t)pid, program))
		return 0;
	return hang_up((pid_t)pid, hearer, err);
}

/* ---- neither a unit nor a pid file: all processes */

/* A listener handles SIGHUP; so does the monitor of a session, but sshd -t, -T and -i do not. */
static bool handles_hangup(struct sys *sys, pid_t pid)
{
	char buf[8192];
	struct span text = read_start(sys, pid, "status", buf, sizeof(buf)), line, word;

	while (span_line(&text, &line)) {
		if (!span_word(&line, &word) || !span_is(word, "SigCgt:"))
			continue;
		line = span_trim(line);
		/* The lowest bit of a hexadecimal number stands for signal 1. */
		return line.len && memchr("13579bdf", line.p[line.len - 1], 8);
	}
	return false;
}

/* Sessions say whose they are, "sshd: alice [priv]"; a listener says so or shows its arguments. */
static bool has_listeners_title(struct sys *sys, pid_t pid)
{
	static const char mark[] = "sshd: ", listener[] = "[listener]";
	char buf[8192];
	struct span title = read_start(sys, pid, "cmdline", buf, sizeof(buf));

	if (title.len < strlen(mark) || memcmp(title.p, mark, strlen(mark)) != 0)
		return title.len > 0;
	return memmem(title.p, title.len, listener, strlen(listener)) != NULL;
}

/* Root's, and with our root directory: root in a container has listeners of its own. */
static bool is_machines(struct sys *sys, pid_t pid)
{
	struct stat process, root, ours;
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%ld", (long)pid);
	if (fstatat(sys->rootfd, path, &process, 0) < 0 ||
	    (process.st_uid != 0 && process.st_uid != sys->owner))
		return false;
	(void)snprintf(path, sizeof(path), "proc/%ld/root", (long)pid);
	return fstatat(sys->rootfd, path, &root, 0) == 0 && fstat(sys->rootfd, &ours) == 0 &&
	       root.st_dev == ours.st_dev && root.st_ino == ours.st_ino;
}

static bool is_listener(struct sys *sys, pid_t pid, char ret_program[PATH_MAX])
{
	return find_sshd(sys, pid, ret_program) && is_machines(sys, pid) &&
	       has_listeners_title(sys, pid) && handles_hangup(sys, pid);
}

typedef int visit_listener(struct sys *sys, pid_t pid, const char *program, void *arg,
			   struct err *err);

/* How many were visited with a positive answer, or the first negative one. */
static int each_listener(struct sys *sys, visit_listener *visit, void *arg, struct err *err)
{
	int fd = fs_open(sys, "/proc", O_RDONLY | O_DIRECTORY, 0, err), count = 0, r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char program[PATH_MAX];
	struct dirent *entry;
	uint64_t pid;

	if (fd == -ENOENT) { /* no machine, but an image that is being made */
		*err = (struct err){0};
		return 0;
	}
	if (!dir) {
		r = fd < 0 ? fd : err_sys(err, "/proc");
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r >= 0 && (entry = readdir(dir))) {
		if (!num_parse(span_of(entry->d_name), INT_MAX, &pid) || pid < 2 ||
		    !is_listener(sys, (pid_t)pid, program))
			continue;
		r = visit(sys, (pid_t)pid, program, arg, err);
		count += r > 0;
	}
	(void)closedir(dir);
	return r < 0 ? r : count;
}

static int reload_listener(struct sys *sys, pid_t pid, const char *program, void *arg,
			   struct err *err)
{
	return reads_usual(sys, pid, program) ? hang_up(pid, arg, err) : 0;
}

static int name_other(struct sys *sys, pid_t pid, const char *program, void *arg, struct err *err)
{
	struct buf *ret = arg;
	char buf[8192];
	struct span config;

	(void)err;
	if (reads_usual(sys, pid, program))
		return 0;
	config = find_config(read_start(sys, pid, "cmdline", buf, sizeof(buf)));
	buf_printf(ret, "%s%ld (%s%s%.*s)", ret->len ? ", " : "", (long)pid, program,
		   config.len ? " -f " : "", (int)config.len,
		   config.len ? (const char *)config.p : "");
	return 1;
}

int service_other_sshd(struct sys *sys, struct buf *ret, struct err *err)
{
	int r = each_listener(sys, name_other, ret, err);

	return r < 0 ? r : buf_ok(ret, err);
}

static int reload(struct sys *sys, const char *pid_file, const struct hearer *hearer,
		  struct err *err)
{
	int count = 0;

	if (fs_exists(sys, "/run/systemd/system"))
		count = reload_units(sys, hearer, err);
	if (count == 0 && pid_file && pid_file[0] == '/')
		count = reload_process(sys, pid_file, hearer, err);
	return count == 0 ? each_listener(sys, reload_listener, (void *)(uintptr_t)hearer, err)
			  : count;
}

int service_reload_sshd(struct sys *sys, const char *pid_file, struct err *err)
{
	return reload(sys, pid_file, &(struct hearer){.tell = NULL}, err);
}

int service_tell_sshd(struct sys *sys, const char *pid_file, service_teller *tell, void *arg,
		      struct err *err)
{
	return reload(sys, pid_file, &(struct hearer){tell, arg}, err);
}
