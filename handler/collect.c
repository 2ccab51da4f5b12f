/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handler/bundle.h"
#include "handler/collect.h"
#include "handler/files.h"
#include "handler/session.h"
#include "handler/state.h"
#include "handler/text.h"
#include "lib/core/aadindex.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/lastlogin.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/core/sudoers.h"
#include "lib/steps/pamfile.h"
#include "lib/steps/programs.h"
#include "lib/sys/metricsfile.h"
#include "lib/sys/proc.h"

#define PROGRAM_MS 20000
#define SELF_MS 60000
#define LOG_SEARCHED_MAX ((size_t)4 << 20) /* bytes of others' logs that are searched for lines */

struct collect {
	struct sys *sys;
	const struct command *command;
	struct session session; /* its folders and settings, as far as there are any */
	struct bundle bundle;
};

enum place { MACHINE, EXTENSION, LOGS, STATUS };

struct row {
	const char *name; /* in the archive */
	const char *why;
	void (*take)(struct collect *c, const struct row *row);
	enum place place;
	const char *path; /* below the place */
	const char *const *words; /* of a program; a folder: how its files' names end; lines: what
				   * they must hold one of */
};

static void collect_done(struct collect *c)
{
	session_done(&c->session);
	bundle_done(&c->bundle);
}

/* ---- files */

/* Where a row's file is.  False, and told so, where the agent's folders are not known. */
static bool find_path(struct collect *c, const struct row *row, char ret[PATH_MAX])
{
	const char *const folders[] = {
		[MACHINE] = "",
		[EXTENSION] = c->command->folder,
		[LOGS] = c->session.environment.log_folder,
		[STATUS] = c->session.environment.status_folder,
	};
	const char *folder = folders[row->place];

	if (folder && (folder[0] || row->place == MACHINE) &&
	    snprintf(ret, PATH_MAX, "%s%s", folder, row->path) < PATH_MAX)
		return true;
	bundle_leave_out(&c->bundle, row->name, "the guest agent's folders are not known");
	return false;
}

static void take_path(struct collect *c, const char *name, const char *why, const char *path,
		      unsigned flags)
{
	struct err err = {0};
	AUTO_BUF text = {0};

	if (fs_read(c->sys, path, flags, COLLECT_FILE_MAX, &text, NULL, &err) < 0)
		bundle_miss(&c->bundle, name, &err);
	else
		bundle_keep(&c->bundle, name, why, &text, "");
}

static void take_at(struct collect *c, const struct row *row, unsigned flags)
{
	char path[PATH_MAX];

	if (find_path(c, row, path))
		take_path(c, row->name, row->why, path, flags);
}

static void take_file(struct collect *c, const struct row *row)
{
	take_at(c, row, 0);
}

/* What distributions make a link. */
static void take_linked(struct collect *c, const struct row *row)
{
	take_at(c, row, FS_FOLLOW);
}

/* row->name ends with a slash; the files whose names end as the word does. */
static void take_folder(struct collect *c, const struct row *row)
{
	char folder[PATH_MAX];
	struct err err = {0};
	AUTO_NAMES names = NULL;
	size_t taken = 0;

	if (!find_path(c, row, folder))
		return;
	if (fs_list(c->sys, folder, &names, &err) < 0) {
		bundle_miss(&c->bundle, row->name, &err);
		return;
	}
	for (size_t i = 0; names[i]; i++) {
		char path[PATH_MAX + NAME_MAX + 1], name[NAME_MAX + 64];

		if (!span_ends(span_of(names[i]), row->words[0]))
			continue;
		if (++taken > COLLECT_FOLDER_MAX) {
			bundle_leave_out(&c->bundle, row->name, "more than %d files",
					 COLLECT_FOLDER_MAX);
			return;
		}
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)snprintf(name, sizeof(name), "%s%s", row->name, names[i]);
		take_path(c, name, row->why, path, 0);
	}
}

/* ---- logs */

/* A secret would not be known without the name before it: only whole lines stay. */
static void cut_front(struct buf *text, size_t len)
{
	struct span rest = buf_bytes(text), before;
	AUTO_BUF end = {.failed = text->failed};

	(void)span_take(&rest, len, &before);
	(void)span_line(&rest, &before);
	buf_span(&end, rest);
	buf_move(text, &end);
}

/* The last bytes of what may be longer, and may hold anything, from the beginning of a line on. */
static int read_end(struct sys *sys, const char *path, size_t max, struct buf *ret, bool *ret_cut,
		    struct err *err)
{
	struct stat st;
	AUTO_CLOSE int fd = fs_open_file(sys, path, 0, &st, err);
	off_t from = fd >= 0 && st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
	char *to = fd >= 0 ? buf_room(ret, max) : NULL;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	if (!to)
		return err_oom(err);
	while (ret->len < max &&
	       (n = pread(fd, ret->data + ret->len, max - ret->len, from + (off_t)ret->len)) > 0)
		ret->len += (size_t)n;
	if (n < 0)
		return err_sys(err, "read %s", path);
	ret->data[ret->len] = '\0';
	*ret_cut = from > 0;
	if (from > 0)
		cut_front(ret, 0);
	return 0;
}

static void take_log(struct collect *c, const struct row *row)
{
	char path[PATH_MAX];
	struct err err = {0};
	AUTO_BUF text = {0};
	bool cut;

	if (!find_path(c, row, path))
		return;
	if (read_end(c->sys, path, COLLECT_FILE_MAX, &text, &cut, &err) < 0)
		bundle_miss(&c->bundle, row->name, &err);
	else
		bundle_keep(&c->bundle, row->name, row->why, &text, cut ? "its end" : "");
}

static bool holds_one(struct span line, const char *const *words)
{
	for (; *words; words++)
		if (span_has(line, *words))
			return true;
	return false;
}

/* Of others' logs the lines that are about us. */
static void take_lines(struct collect *c, const struct row *row)
{
	struct err err = {0};
	AUTO_BUF text = {0}, ours = {0};
	struct span rest, line;
	bool cut;

	if (read_end(c->sys, row->path, LOG_SEARCHED_MAX, &text, &cut, &err) < 0) {
		bundle_miss(&c->bundle, row->name, &err);
		return;
	}
	for (rest = buf_bytes(&text); span_line(&rest, &line);) {
		if (!holds_one(line, row->words))
			continue;
		buf_span(&ours, line);
		buf_str(&ours, "\n");
	}
	if (ours.len > COLLECT_FILE_MAX) {
		cut_front(&ours, ours.len - COLLECT_FILE_MAX);
		cut = true;
	}
	bundle_keep(&c->bundle, row->name, row->why, &ours,
		    cut ? "the last lines about us" : "lines about us");
}

/* ---- what is not shown as it is */

/* What the owner asks for in plain; the protected part is not even decrypted. */
static void take_settings(struct collect *c, const struct row *row)
{
	AUTO_JSON *json = NULL;
	AUTO_FREE char *dump = NULL;
	struct settings_file file = {0};
	struct err err = {0};
	AUTO_BUF text = {0};
	char note[BUNDLE_NOTE_SIZE];

	if (c->session.sequence < 0) {
		bundle_leave_out(&c->bundle, row->name, "no settings were found");
		return;
	}
	if (settings_open(buf_bytes(&c->session.settings_text), &json, &file, &err) < 0) {
		bundle_leave_out(&c->bundle, row->name, "%s", err.msg);
		return;
	}
	dump = file.public_settings ? json_text(file.public_settings, JSON_INDENT(2)) : NULL;
	buf_str(&text, dump ? dump : "{}\n");
	(void)snprintf(note, sizeof(note), "of number %lld; protected ones: %s, left out",
		       (long long)c->session.sequence, file.protected_text ? "some" : "none");
	bundle_keep(&c->bundle, row->name, row->why, &text, note);
}

/* Mode, owner, size and time of what is ours, which may be read or not. */
static void take_listing(struct collect *c, const struct row *row)
{
	AUTO_BUF text = {0};

	for (const char *const *path = row->words; *path; path++) {
		char time[TIME_TEXT_SIZE];
		struct err err = {0};
		struct stat st;

		if (fs_lstat(c->sys, *path, &st, &err) < 0) {
			buf_printf(&text, "%s: %s\n", *path, err.msg);
			continue;
		}
		time_text(st.st_mtime, time);
		buf_printf(&text, "%06o %u:%u %12lld %s %s\n", (unsigned)st.st_mode,
			   (unsigned)st.st_uid, (unsigned)st.st_gid, (long long)st.st_size, time,
			   *path);
	}
	bundle_keep(&c->bundle, row->name, row->why, &text, "mode, owner, bytes, time");
}

/* How many, not who. */
static void take_ledger(struct collect *c, const struct row *row)
{
	AUTO_BUF text = {0};

	for (const char *const *path = row->words; *path; path++) {
		struct err err = {0};
		AUTO_BUF lines = {0};
		struct span rest, line;
		size_t count = 0;

		if (fs_read(c->sys, *path, 0, (size_t)64 << 20, &lines, NULL, &err) < 0) {
			buf_printf(&text, "%s: %s\n", *path, err.msg);
			continue;
		}
		for (rest = buf_bytes(&lines); span_line(&rest, &line);)
			count++;
		buf_printf(&text, "%s: %zu lines\n", *path, count);
	}
	bundle_keep(&c->bundle, row->name, row->why, &text, "only counted");
}

/* ---- programs */

static void keep_output(struct collect *c, const struct row *row, struct proc_result *res, int r,
			const struct err *err)
{
	char note[BUNDLE_NOTE_SIZE] = "";

	if (r < 0 && r != -ETIMEDOUT) {
		bundle_miss(&c->bundle, row->name, err);
		return;
	}
	if (r == -ETIMEDOUT)
		(void)snprintf(note, sizeof(note), "it was stopped, it took too long");
	else if (res->status != 0)
		(void)snprintf(note, sizeof(note), "it ended with %d", res->status);
	bundle_keep(&c->bundle, row->name, row->why, &res->output, note);
}

static void take_output(struct collect *c, const struct row *row)
{
	const char *argv[32] = {NULL};
	struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = PROGRAM_MS,
		.output_max = COLLECT_FILE_MAX,
		.keep_end = true,
		.merge_stderr = true,
		.own_context = true,
		.looks_only = true,
		.ends_with_us = true,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};
	int r;

	for (size_t i = 0; i + 1 < ARRAY_LEN(argv) && row->words[i]; i++)
		argv[i] = row->words[i];
	r = proc_run(c->sys, &spec, &res, &err);
	/* Where /bin is no link to /usr/bin. */
	if (r == -ENOENT && strncmp(argv[0], "/usr", 4) == 0) {
		argv[0] += strlen("/usr");
		r = proc_run(c->sys, &spec, &res, &err);
	}
	keep_output(c, row, &res, r, &err);
}

/* Our own verbs, as somebody would type them: what hangs or breaks there takes nothing with it. */
static void take_own(struct collect *c, const struct row *row)
{
	char folder[PATH_MAX + 64];
	const char *const environ[] = {folder, NULL};
	const char *const argv[] = {"/proc/self/exe", row->path, "--json", NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.environ = environ,
		.timeout_ms = SELF_MS,
		.output_max = COLLECT_FILE_MAX,
		.ends_with_us = true,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err err = {0};
	int r;

	(void)snprintf(folder, sizeof(folder), "AZURE_GUEST_AGENT_EXTENSION_PATH=%s",
		       c->command->folder);
	r = proc_run(c->sys, &spec, &res, &err);
	keep_output(c, row, &res, r, &err);
}

/* A name of ours that is nobody's, as the configuration in force has them. */
static void probe(struct collect *c, char ret[512])
{
	AUTO_CONF conf = {0};
	struct machine machine = {.sys = c->sys};
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)fs_read(c->sys, CONF_PATH, 0, COLLECT_FILE_MAX, &text, NULL, &err);
	if (conf_parse(buf_bytes(&text), CONF_PATH, &conf, &err) == 0 &&
	    conf_defaults(&conf, &err) == 0) {
		machine.conf = conf;
		if (machine_probe(&machine, ret, 512, &err) == 0)
			return;
	}
	(void)snprintf(ret, 512, "aadsshlogin-probe@example.com");
}

static void take_sshd(struct collect *c, const struct row *row)
{
	struct machine machine = {.sys = c->sys, .log_fd = -1};
	struct err err = {0};
	AUTO_BUF text = {0};
	char user[512];

	(void)snprintf(user, sizeof(user), "%s", row->path ? row->path : "");
	if (!row->path)
		probe(c, user);
	if (sshd_show(&machine, NULL, user, &text, &err) < 0)
		bundle_miss(&c->bundle, row->name, &err);
	else
		bundle_keep(&c->bundle, row->name, row->why, &text, "");
}

/* ---- what there is */

#define WORDS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define OUR_PROGRAMS WORDS("aad_certhandler", "aad_authorize", "aaduser")

/* clang-format off */
static const struct row rows[] = {
	{"check.json", "what keeps people from signing in", take_own, MACHINE, "check", NULL},
	{"status.json", "what is in force, and how the last verb ended", take_own, MACHINE, "status", NULL},
	{"verify.json", "are folder and packages as they were packed?", take_own, MACHINE, "verify", NULL},
	{"login-status.txt", "what the programs of a login know", take_output, MACHINE, NULL,
	 WORDS("/usr/sbin/aadsshlogin", "status")},

	{"extension/HandlerEnvironment.json", "the agent's folders", take_file, EXTENSION, "/HandlerEnvironment.json", NULL},
	{"extension/HandlerState", "how far the agent says this version has come", take_file, EXTENSION, "/config/HandlerState", NULL},
	{"extension/mrseq", "the settings that were applied last", take_file, EXTENSION, "/mrseq", NULL},
	{"extension/SHA256SUMS", "which release this is", take_file, EXTENSION, "/SHA256SUMS", NULL},
	{"extension/settings.json", "what the owner asks for", take_settings, MACHINE, NULL, NULL},
	{"extension/status/", "what was reported to the agent", take_folder, STATUS, "", WORDS(".status")},

	{"logs/handler.log", "what the extension did, step by step", take_log, LOGS, "/handler.log", NULL},
	{"logs/handler.log.1", "the log before it", take_log, LOGS, "/handler.log.1", NULL},
	{"logs/packages.log", "what the package manager said", take_log, LOGS, "/packages.log", NULL},
	{"logs/packages.log.1", "the log before it", take_log, LOGS, "/packages.log.1", NULL},
	{"logs/CommandExecution.log", "what the agent ran, and what that printed", take_log, LOGS, "/CommandExecution.log", NULL},
	{"logs/waagent.log", "what the agent says of this extension", take_lines, MACHINE, "/var/log/waagent.log",
	 WORDS("AADSSHLoginForLinux")},
	{"logs/journal.txt", "who signed in, or was refused and why", take_output, MACHINE, NULL,
	 WORDS("/usr/bin/journalctl", "--no-pager", "--quiet", "--output=short-iso", "--lines=2000",
	       "--identifier=aad_certhandler", "--identifier=aad_authorize")},
	{"logs/auth.log", "the same, where syslog writes", take_lines, MACHINE, "/var/log/auth.log", OUR_PROGRAMS},
	{"logs/secure", "the same", take_lines, MACHINE, "/var/log/secure", OUR_PROGRAMS},
	{"logs/syslog", "the same", take_lines, MACHINE, "/var/log/syslog", OUR_PROGRAMS},
	{"logs/messages", "the same", take_lines, MACHINE, "/var/log/messages", OUR_PROGRAMS},

	{"state/state.json", "what was applied, and how it ended", take_file, MACHINE, STATE_PATH, NULL},
	{"state/seal", "what the last look at everything saw", take_file, MACHINE, STATE_DIR "/seal", NULL},
	{"state/packages", "the packages that the extension installed", take_file, MACHINE, STATE_DIR "/packages", NULL},
	{"state/unfinished", "packages that were unfinished before", take_file, MACHINE, STATE_DIR "/unfinished", NULL},
	{"state/last-accepted", "who was let in last, and by which role", take_file, MACHINE, LASTLOGIN_ACCEPTED, NULL},
	{"state/last-refused", "who was refused last, and why", take_file, MACHINE, LASTLOGIN_REFUSED, NULL},
	{"state/metrics.prom", "what was counted of logins since the boot", take_file, MACHINE, METRICS_PATH, NULL},
	{"state/accounts.txt", "how many people have signed in", take_ledger, MACHINE, NULL,
	 WORDS(STATE_DIR "/users", AADPASSWD_PATH, AADADMINS_PATH)},
	{"state/files.txt", "what of ours is there, and who may write it", take_listing, MACHINE, NULL,
	 WORDS(STATE_DIR, CONF_PATH, CONF_SECRET_PATH, AADPASSWD_PATH, AADINDEX_PATH, AADADMINS_PATH,
	       "/run/aadsshlogin", "/run/aadsshlogin/handoff", "/run/aadsshlogin/private",
	       "/run/aadsshlogin/decisions", "/var/cache/aadsshlogin", SSHD_MAIN_PATH, SSHD_DROPIN_PATH,
	       SUDOERS_RULE_PATH, PAM_DIR "/sshd", PAM_DIR "/sudo", "/etc/nsswitch.conf",
	       "/usr/sbin/aadsshlogin", "/usr/sbin/aad_certhandler", "/usr/libexec/aadsshlogin/aad_authorize")},

	{"etc/aadsshlogin.conf", "the configuration of a login", take_file, MACHINE, CONF_PATH, NULL},
	{"etc/aadsshlogin.roles", "roles, with roleBackend static", take_file, MACHINE, "/etc/aadsshlogin.roles", NULL},
	{"etc/nsswitch.conf", "who is asked for users", take_linked, MACHINE, "/etc/nsswitch.conf", NULL},
	{"etc/os-release", "which distribution it is", take_linked, MACHINE, "/etc/os-release", NULL},
	{"etc/sudoers.d/aad_admins", "the rule for administrators", take_file, MACHINE, SUDOERS_RULE_PATH, NULL},
	{"etc/ssh/sshd_config", "sshd's configuration", take_file, MACHINE, SSHD_MAIN_PATH, NULL},
	{"etc/ssh/sshd_config.d/", "sshd's configuration", take_folder, MACHINE, SSHD_DROPIN_DIR, WORDS(".conf")},
	{"etc/pam.d/sshd", "who is asked at a login", take_linked, MACHINE, PAM_DIR "/sshd", NULL},
	{"etc/pam.d/sudo", "who is asked at sudo", take_linked, MACHINE, PAM_DIR "/sudo", NULL},
	{"etc/pam.d/sudo-i", "who is asked at sudo -i", take_linked, MACHINE, PAM_DIR "/sudo-i", NULL},
	{"etc/pam.d/common-account", "what these include", take_linked, MACHINE, PAM_DIR "/common-account", NULL},
	{"etc/pam.d/common-auth", "what these include", take_linked, MACHINE, PAM_DIR "/common-auth", NULL},
	{"etc/pam.d/common-session", "what these include", take_linked, MACHINE, PAM_DIR "/common-session", NULL},
	{"etc/pam.d/system-auth", "what these include", take_linked, MACHINE, PAM_DIR "/system-auth", NULL},
	{"etc/pam.d/password-auth", "what these include", take_linked, MACHINE, PAM_DIR "/password-auth", NULL},
	{"usr/lib/pam.d/sshd", "the vendor's, where /etc has none", take_linked, MACHINE, "/usr/lib/pam.d/sshd", NULL},
	{"usr/lib/pam.d/sudo", "the vendor's, where /etc has none", take_linked, MACHINE, "/usr/lib/pam.d/sudo", NULL},

	{"sshd/anybody.txt", "what sshd makes of its configuration: sshd -T", take_output, MACHINE, NULL,
	 WORDS(SSHD_PROGRAM, "-T")},
	{"sshd/root.txt", "the same for root: sshd -T -C user=root", take_sshd, MACHINE, "root", NULL},
	{"sshd/local.txt", "the same for a local user, here nobody", take_sshd, MACHINE, "nobody", NULL},
	{"sshd/person.txt", "the same for somebody of the tenant", take_sshd, MACHINE, NULL, NULL},
	{"sshd/service.txt", "the same for a service principal", take_sshd, MACHINE, "00000000-0000-4000-8000-000000000000", NULL},

	{"machine/dpkg.txt", "versions of packages", take_output, MACHINE, NULL,
	 WORDS("/usr/bin/dpkg-query", "-W", "-f=${db:Status-Abbrev} ${binary:Package} ${Version}\n",
	       "aadsshlogin", "aadsshlogin-selinux", "aadlogin", "openssh-server", "sudo", "sudo-rs", "libpam-runtime",
	       "libc6", "waagent", "walinuxagent", "nscd", "sssd")},
	{"machine/rpm.txt", "versions of packages", take_output, MACHINE, NULL,
	 WORDS("/usr/bin/rpm", "-q", "aadsshlogin", "aadsshlogin-selinux", "aadlogin", "openssh-server", "sudo", "pam",
	       "glibc", "authselect", "selinux-policy", "WALinuxAgent", "nscd", "sssd")},
	{"machine/kernel", "which kernel runs", take_file, MACHINE, "/proc/version", NULL},
	{"machine/mounts", "what is mounted, and how", take_file, MACHINE, "/proc/self/mounts", NULL},
	{"machine/memory", "how much memory there is", take_file, MACHINE, "/proc/meminfo", NULL},
	{"machine/disk.txt", "how much room there is", take_output, MACHINE, NULL,
	 WORDS("/usr/bin/df", "-k", "/", "/etc", "/var", "/var/lib", "/run")},
};
/* clang-format on */

/* ---- the archive */

/* Better told now than after minutes. */
static int check_name(struct sys *sys, const char *path, struct err *err)
{
	char folder[PATH_MAX];
	struct err ignored = {0};
	struct stat st;

	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (folder[0] && fs_lstat(sys, folder, &st, err) < 0)
		return -err->code;
	if (fs_lstat(sys, path, &st, &ignored) < 0)
		return 0;
	return err_set(err, EEXIST, "%s is there already", path);
}

static int choose_name(struct sys *sys, const struct query *query, int64_t time_s,
		       char ret[PATH_MAX], struct err *err)
{
	char time[TIME_TEXT_SIZE], *to = time;
	const char *folder = query->output ? query->output : query->folder;
	struct err ignored = {0};
	struct stat st;

	/* 20240229T120000Z */
	time_text(time_s, time);
	for (const char *from = time; *from; from++)
		if (*from != '-' && *from != ':')
			*to++ = *from;
	*to = '\0';
	if (query->output && (fs_lstat(sys, folder, &st, &ignored) < 0 || !S_ISDIR(st.st_mode)))
		(void)snprintf(ret, PATH_MAX, "%s", folder);
	else if (snprintf(ret, PATH_MAX, "%s/" BUNDLE_TOP "-%s.tar.gz",
			  strcmp(folder, "/") == 0 ? "" : folder, time) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "%s is too long", folder);
	return check_name(sys, ret, err);
}

static int publish(struct collect *c, const char *path, int64_t time_s, struct err *err)
{
	const struct fs_meta meta = files_meta(c->sys, 0600);
	AUTO_BUF archive = {0};
	int r = bundle_pack(&c->bundle, c->command->version, time_s, &archive, err);

	if (r == 0)
		r = check_name(c->sys, path, err); /* once more: others had the time */
	return r < 0 ? r : fs_replace(c->sys, path, buf_bytes(&archive), &meta, err);
}

static int tell(struct collect *c, const char *path)
{
	AUTO_BUF text = {0};

	buf_printf(&text, "%s: %zu files\nreplaced: ", path, c->bundle.count);
	bundle_counts(&c->bundle, &text);
	buf_str(&text, "\nINDEX.txt in it says what is there and why; look through it before you "
		       "hand it on\n");
	return inspect_print(c->command, &text, NULL);
}

static int refuse(const struct command *command, const struct query *query, struct err *err,
		  const char *remedy)
{
	(void)err_remedy(err, EXIT_DEPENDENCY, "%s", remedy);
	return inspect_fail(command, query, err, EXIT_DEPENDENCY);
}

int inspect_collect(struct sys *sys, const struct command *command, const struct query *query)
{
	CLEANUP(collect_done)
	struct collect c = {
		.sys = sys,
		.command = command,
		.session = SESSION_INIT(sys),
		.bundle = BUNDLE_INIT,
	};
	const int64_t time_s = sys_realtime_s(sys);
	struct err err = {0}, ignored = {0};
	char path[PATH_MAX];

	if (geteuid() != sys->owner) {
		(void)err_set(&err, EPERM, "only root can read what is collected");
		return refuse(command, query, &err, "run it as root");
	}
	c.bundle.redact.keep_names = query->keep_names;
	sys->deadline_ns = sys->ops->boottime_ns(sys) + COLLECT_DEADLINE_S * 1000000000LL;
	if (choose_name(sys, query, time_s, path, &err) < 0)
		return refuse(command, query, &err,
			      "name a file that is not there, in a folder that is, by --output");
	(void)session_find(&c.session, command->folder, command->sequence, &ignored);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rows[i].take(&c, &rows[i]);
	if (publish(&c, path, time_s, &err) < 0)
		return refuse(command, query, &err, "name another place by --output");
	return tell(&c, path);
}
