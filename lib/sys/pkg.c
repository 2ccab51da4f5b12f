/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/holder.h"
#include "lib/sys/pkg.h"
#include "lib/sys/proc.h"

#define ASK_MS 60000
#define CHANGE_MS 600000
#define RESERVE_MS 60000 /* kept for the work when the wait for a lock is cut short */
#define LOCK_PAUSE_MS 500
#define OUTPUT_MAX ((size_t)64 << 10)
#define LIST_MAX ((size_t)1 << 20) /* of all packages */

/* Words in a failure, and what to do about it. */
struct remedy {
	const char *words, *text;
};

struct pkg_manager {
	const char *type;
	const char *program;
	const char *database[4]; /* files that change with any package, up to the first NULL */
	struct holder_lock locks[3];
	/* Commands, to which names or files are added. */
	const char *query[4];
	const char *list[3];
	const char *verify[3];
	const char *install[5];
	const char *remove[4];
	/* Likewise, without the scripts that the installed packages have for their going. */
	const char *install_over[7];
	const char *remove_bare[5];
	const char *scripts; /* the directory of these; NULL: the commands leave them out */
	bool (*parse)(struct span output, struct pkg_status *ret);
	/* What follows the name of a package that must be there first; and what shows that this
	 * package is there, but for another trouble. */
	const char *needs, *needs_not;
	const char *locked; /* words of one that did not get its lock */
	/* Lists "FLAGNAME" of all packages; and what finishes one.  May be empty. */
	const char *unfinished[4];
	const char *configure[3];
	bool (*is_failure)(struct span line); /* of a run that ended well; may be NULL */
	/* Is it what a killed run left beside the file of that name?  May be NULL. */
	bool (*is_litter)(const char *entry, const char *name);
	const struct remedy *remedies; /* up to one without words */
};

/* "ii 1:1.0.0.0": what is wanted, what is, whether it must be put right, then the version. */
static bool parse_dpkg(struct span output, struct pkg_status *ret)
{
	static const char states[] = "ncHUFWti"; /* dpkg-query(1), ${db:Status-Abbrev} */
	struct pkg_status status = {.state = PKG_BROKEN};
	struct span line, flags;

	if (!span_line(&output, &line) || !span_take(&line, 3, &flags) || !flags.p[1] ||
	    !strchr(states, flags.p[1]) || !span_copy(line, status.version, sizeof(status.version)))
		return false;
	if (flags.p[1] == 'n')
		status = (struct pkg_status){.state = PKG_ABSENT};
	else if (flags.p[1] == 'c')
		status.state = PKG_LEFT_OVER;
	else if (strchr("Wti", flags.p[1]) && flags.p[2] == ' ')
		status.state = PKG_INSTALLED;
	status.is_halfway = flags.p[1] == 'H';
	*ret = status;
	return true;
}

/* A line for each version: an update that was broken off leaves two. */
static bool parse_rpm(struct span output, struct pkg_status *ret)
{
	struct pkg_status status = {.state = PKG_INSTALLED};
	struct span line, more;

	if (!span_line(&output, &line) || !span_copy(line, status.version, sizeof(status.version)))
		return false;
	if (span_line(&output, &more))
		status.state = PKG_BROKEN;
	*ret = status;
	return true;
}

/*
 * "warning: %post(a-1:1-1.noarch) scriptlet failed, exit status 3", after which rpm ends well.
 * Triggers are other packages' matter, and %postun that of the version that is gone.
 */
static bool is_failed_scriptlet(struct span line)
{
	static const char *const scripts[] = {"%pre(", "%post(", "%preun(", "%posttrans("};

	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		if (span_has(line, scripts[i]) && span_has(line, "scriptlet failed"))
			return true;
	return false;
}

/* A file on its way has the number of the transaction behind its name. */
static bool is_rpm_litter(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return strncmp(entry, name, len) == 0 && entry[len] == ';' &&
	       strspn(entry + len + 1, "0123456789abcdef") == 8 && entry[len + 9] == '\0';
}

/* clang-format off */
/* What nobody but the owner should mend: the databases of the package managers. */
static const struct remedy dpkg_remedies[] = {
	{"/var/lib/dpkg/updates/", "dpkg was broken off: remove the file that is named, and run dpkg --configure -a"},
	{"/var/lib/dpkg/", "the database of dpkg is damaged: mend the file that is named, or take it from /var/backups"},
	{NULL, NULL},
};

static const struct remedy rpm_remedies[] = {
	{"rpmdb", "the database of rpm is damaged: look at it with rpmdb --verifydb, and mend it from a copy"},
	{"Packages", "the database of rpm is damaged: look at it with rpmdb --verifydb, and mend it from a copy"},
	{NULL, NULL},
};

static const struct pkg_manager managers[] = {
	{
		.type = "deb",
		.program = "/usr/bin/dpkg",
		.database = {"/var/lib/dpkg/status"},
		.locks = {{"/var/lib/dpkg/lock-frontend", HOLDER_RECORD},
			  {"/var/lib/dpkg/lock", HOLDER_RECORD}},
		.query = {"/usr/bin/dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Version}\n"},
		.list = {"/usr/bin/dpkg-query", "--listfiles"},
		.verify = {"/usr/bin/dpkg", "--verify"},
		.install = {"/usr/bin/dpkg", "--install"},
		/* One whose installation was broken off goes as well. */
		.remove = {"/usr/bin/dpkg", "--force-remove-reinstreq", "--purge"},
		.install_over = {"/usr/bin/dpkg", "--install"},
		.remove_bare = {"/usr/bin/dpkg", "--force-remove-reinstreq", "--purge"},
		.scripts = "/var/lib/dpkg/info",
		.parse = parse_dpkg,
		.needs = "; however:",
		.needs_not = " is not configured yet.",
		.locked = "locked by another process",
		.remedies = dpkg_remedies,
		.configure = {"/usr/bin/dpkg", "--configure"},
		.unfinished = {"/usr/bin/dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${binary:Package}\n"},
	},
	{
		.type = "rpm",
		.program = "/usr/bin/rpm",
		.database = {"/var/lib/rpm/Packages", "/var/lib/rpm/rpmdb.sqlite",
			     "/usr/lib/sysimage/rpm/Packages.db", "/usr/lib/sysimage/rpm/rpmdb.sqlite"},
		.locks = {{"/var/lib/rpm/.rpm.lock", HOLDER_RECORD},
			  {"/usr/lib/sysimage/rpm/.rpm.lock", HOLDER_RECORD}},
		.query = {"/usr/bin/rpm", "--query", "--queryformat=%{EPOCHNUM}:%{VERSION}\n"},
		.list = {"/usr/bin/rpm", "--query", "--list"},
		.verify = {"/usr/bin/rpm", "--verify", "--nodeps"},
		.install = {"/usr/bin/rpm", "--upgrade", "--replacepkgs", "--oldpackage"},
		.remove = {"/usr/bin/rpm", "--erase", "--allmatches"},
		.install_over = {"/usr/bin/rpm", "--upgrade", "--replacepkgs", "--oldpackage", "--nopreun",
				 "--nopostun"},
		.remove_bare = {"/usr/bin/rpm", "--erase", "--allmatches", "--noscripts"},
		.parse = parse_rpm,
		.needs = " is needed by ",
		.needs_not = " is needed by (installed) ",
		.locked = "transaction lock on ",
		.remedies = rpm_remedies,
		.is_failure = is_failed_scriptlet,
		.is_litter = is_rpm_litter,
	},
};
/* clang-format on */

const struct pkg_manager *pkg_detect(struct sys *sys)
{
	struct err ignored = {0};
	struct stat st;

	/* Either program can be installed as a mere tool on the other's system; its database is
	 * empty there. */
	for (size_t i = 0; i < ARRAY_LEN(managers); i++) {
		const struct pkg_manager *manager = &managers[i];

		if (!fs_exists(sys, manager->program))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(manager->database) && manager->database[k]; k++)
			if (fs_lstat(sys, manager->database[k], &st, &ignored) == 0 &&
			    st.st_size > 0)
				return manager;
	}
	return NULL;
}

const char *pkg_type(const struct pkg_manager *manager)
{
	return manager->type;
}

static int add_words(const char **argv, size_t *count, const char *const *words, size_t limit,
		     struct err *err)
{
	for (size_t i = 0; i < limit && words[i]; i++) {
		if (*count + 1 == PKG_ARGV_MAX)
			return err_set(err, E2BIG, "too many packages at once");
		argv[(*count)++] = words[i];
	}
	argv[*count] = NULL;
	return 0;
}

/* Ask about one package; whatever the answer, the caller judges *ret. */
static int ask(struct sys *sys, const char *const *command, size_t limit, const char *name,
	       struct proc_result *ret, struct err *err)
{
	const char *argv[PKG_ARGV_MAX];
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = ASK_MS, .output_max = OUTPUT_MAX};
	size_t count = 0;

	if (add_words(argv, &count, command, limit, err) < 0 ||
	    add_words(argv, &count, &name, 1, err) < 0)
		return -err->code;
	return proc_run(sys, &spec, ret, err);
}

/* Whoever asks, it is the package manager that fails.  What the machine is short of has its own
 * words. */
static int no_answer(const struct pkg_manager *manager, int r, struct err *err)
{
	if (err_is_shortage(r))
		return r;
	return err_remedy(err, EXIT_PACKAGE, "see why %s does not answer, and try again",
			  manager->query[0]);
}

int pkg_query(struct sys *sys, const struct pkg_manager *manager, const char *name,
	      struct pkg_status *ret, struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(manager->database) && manager->database[i]; i++)
		witness_add(sys, manager->database[i], false);
	r = ask(sys, manager->query, ARRAY_LEN(manager->query), name, &res, err);
	if (r < 0)
		return no_answer(manager, err_wrap(err, "cannot ask for the package %s", name),
				 err);
	if (res.status == 1) { /* both say so of a package that they do not know */
		*ret = (struct pkg_status){.state = PKG_ABSENT};
		return 0;
	}
	if (res.status == 0 && manager->parse(buf_bytes(&res.output), ret))
		return 0;
	r = err_set(err, EIO, "%s cannot say whether %s is installed (status %d)",
		    manager->query[0], name, res.status);
	return no_answer(manager, r, err);
}

static bool begins_with(struct span text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.p, prefix, len) == 0;
}

static bool is_documentation(struct span path)
{
	return begins_with(path, "/usr/share/doc/") || begins_with(path, "/usr/share/man/");
}

/*
 * dpkg does not look at modes and owners.  Nothing of a package is for root alone, so a regular
 * file must be root's to write and everybody's to read, and a program everybody's to run.
 */
static bool has_wrong_mode(struct sys *sys, const char *path)
{
	const bool program = strstr(path, "/sbin/") || strstr(path, "/libexec/");
	const mode_t needed = program ? 0555 : 0444;
	struct err ignored = {0};
	struct stat st;

	/* The package manager itself says which are missing. */
	if (fs_lstat(sys, path, &st, &ignored) < 0 || !S_ISREG(st.st_mode))
		return false;
	return st.st_uid != sys->owner || st.st_mode & (S_IWGRP | S_IWOTH) ||
	       (st.st_mode & needed) != needed;
}

int pkg_list(struct sys *sys, const struct pkg_manager *manager, const char *name, struct buf *ret,
	     struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = ask(sys, manager->list, ARRAY_LEN(manager->list), name, &res, err);

	if (r < 0)
		return r;
	if (res.status != 0)
		return err_set(err, EIO, "%s cannot list it (status %d)", manager->list[0],
			       res.status);
	buf_move(ret, &res.output);
	return 0;
}

/* A path that the next line continues is a directory, which says nothing. */
static int check_modes(struct sys *sys, const struct pkg_manager *manager, const char *name,
		       struct buf *ret_modified, struct err *err)
{
	AUTO_BUF list = {0};
	int r = pkg_list(sys, manager, name, &list, err);
	struct span text = buf_bytes(&list), line;
	char path[4096];

	if (r < 0)
		return r;
	while (span_line(&text, &line)) {
		bool directory = text.len > line.len && text.p[line.len] == '/' &&
				 memcmp(text.p, line.p, line.len) == 0;

		if (!directory && !is_documentation(line) && begins_with(line, "/") &&
		    !span_is(line, "/.") && span_copy(line, path, sizeof(path)) &&
		    has_wrong_mode(sys, path) && ret_modified->len == 0)
			buf_str(ret_modified, path);
	}
	return 0;
}

static int check_contents(struct sys *sys, const struct pkg_manager *manager, const char *name,
			  struct buf *ret_modified, struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = ask(sys, manager->verify, ARRAY_LEN(manager->verify), name, &res, err);
	struct span text = buf_bytes(&res.output), line;

	if (r < 0)
		return r;
	while (ret_modified->len == 0 && span_line(&text, &line)) {
		const unsigned char *slash = line.len ? memchr(line.p, '/', line.len) : NULL;
		struct span path = {slash, slash ? line.len - (size_t)(slash - line.p) : 0};

		if (slash && !is_documentation(path))
			buf_span(ret_modified, path);
	}
	if (res.status != 0 && res.output.len == 0)
		return err_set(err, EIO, "%s failed (status %d)", manager->verify[0], res.status);
	return 0;
}

int pkg_verify(struct sys *sys, const struct pkg_manager *manager, const char *name,
	       struct buf *ret_modified, struct err *err)
{
	int r = check_contents(sys, manager, name, ret_modified, err);

	if (r == 0)
		r = check_modes(sys, manager, name, ret_modified, err);
	if (r < 0)
		return err_wrap(err, "cannot verify the package %s", name);
	return buf_ok(ret_modified, err);
}

static bool has_error(struct span line)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%.*s", (int)line.len, (const char *)line.p);
	return strcasestr(text, "error");
}

/* A line without the blanks around it, and what follows its colon at the end, from rest. */
static void take_sentence(struct span line, struct span *rest, struct buf *ret)
{
	line = span_trim(line);
	buf_span(ret, line);
	if (line.len && line.p[line.len - 1] == ':' && span_line(rest, &line)) {
		buf_str(ret, " ");
		buf_span(ret, span_trim(line));
	}
}

/* What went wrong: the first line that says "error", and what follows its colon; else the last
 * line. */
static void find_cause(struct span text, struct buf *ret)
{
	struct span line, last = {0};

	while (span_line(&text, &line)) {
		line = span_trim(line);
		if (has_error(line)) {
			take_sentence(line, &text, ret);
			return;
		}
		last = line.len ? line : last;
	}
	buf_span(ret, last);
}

/*
 * Which packages must be there first: of dpkg's " a depends on b (>= 2); however:" and the line
 * after it the words "a depends on b (>= 2)", of rpm's " b is needed by a" the word "b".
 */
static void find_needs(const struct pkg_manager *manager, struct span text, struct buf *ret)
{
	struct span line;

	while (span_line(&text, &line)) {
		AUTO_BUF sentence = {0};
		const char *needs;

		if (!span_has(line, manager->needs))
			continue;
		take_sentence(line, &text, &sentence);
		needs = strstr(buf_text(&sentence), manager->needs);
		if (!needs || span_has(buf_bytes(&sentence), manager->needs_not))
			continue;
		buf_str(ret, ret->len ? ", " : "");
		buf_add(ret, buf_text(&sentence), (size_t)(needs - buf_text(&sentence)));
	}
}

/* The line of a run that ended well and yet says that a script failed. */
static struct span find_failure(const struct pkg_manager *manager, struct span text)
{
	struct span line;

	while (manager->is_failure && span_line(&text, &line))
		if (manager->is_failure(line))
			return span_trim(line);
	return (struct span){0};
}

/* The failure in the package manager's words. */
static int explain(const struct pkg_manager *manager, const char *program,
		   const struct proc_result *res, struct err *err)
{
	const struct span text = buf_bytes(&res->output);
	AUTO_BUF needs = {0}, cause = {0};

	find_needs(manager, text, &needs);
	if (needs.len) {
		(void)err_set(err, ENOPKG, "packages that are needed are missing: %.500s",
			      buf_text(&needs));
		return err_remedy(err, EXIT_DEPENDENCY, "install them, and try again");
	}
	buf_span(&cause, find_failure(manager, text));
	if (cause.len == 0)
		find_cause(text, &cause);
	if (res->status < 0)
		(void)err_set(err, EIO, "%s was ended by signal %d: %.300s", program, -res->status,
			      buf_text(&cause));
	else
		(void)err_set(err, EIO, "%s failed (status %d): %.300s", program, res->status,
			      buf_text(&cause));
	for (const struct remedy *remedy = manager->remedies; remedy->words; remedy++)
		if (span_has(buf_bytes(&cause), remedy->words))
			return err_remedy(err, 0, "%s", remedy->text);
	return -err->code;
}

/* Is the package one of the files that are named at the end of the command, as NAME_... */
static bool is_named(const char *const *argv, struct span name)
{
	for (; *argv; argv++) {
		const char *slash = strrchr(*argv, '/');
		const char *file = slash ? slash + 1 : *argv;

		if (strncmp(file, (const char *)name.p, name.len) == 0 && file[name.len] == '_')
			return true;
	}
	return false;
}

/* Its flags say that it was not finished: half-installed or -configured, or to be installed again.
 */
static bool is_unfinished(struct span flags)
{
	return memchr("HUF", flags.p[1], 3) || flags.p[2] == 'R';
}

static bool is_triggered(struct span flags)
{
	return flags.p[1] == 't';
}

/* A line each; triggered: those with work of others' files to do, too. */
static int list_unfinished(struct sys *sys, const struct pkg_manager *manager, bool triggered,
			   struct buf *ret, struct err *err)
{
	const struct proc_spec spec = {
		.argv = manager->unfinished, .timeout_ms = ASK_MS, .output_max = LIST_MAX};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct span rest, line, flags;

	if (!manager->unfinished[0])
		return 0;
	if (proc_run(sys, &spec, &res, err) < 0)
		return -err->code;
	if (res.status != 0)
		return err_set(err, EIO, "%s cannot list packages (status %d)", spec.argv[0],
			       res.status);
	rest = buf_bytes(&res.output);
	while (span_line(&rest, &line))
		if (span_take(&line, 3, &flags) && line.len &&
		    (is_unfinished(flags) || (triggered && is_triggered(flags)))) {
			buf_span(ret, line);
			buf_str(ret, "\n");
		}
	return buf_ok(ret, err);
}

bool pkg_knows_unfinished(const struct pkg_manager *manager)
{
	return manager->unfinished[0];
}

int pkg_unfinished(struct sys *sys, const struct pkg_manager *manager, struct buf *ret,
		   struct err *err)
{
	return list_unfinished(sys, manager, true, ret, err);
}

/*
 * When one that ours needs is there but was never finished: whose it is, for the remedy.  To finish
 * it is its owner's matter.
 */
static void name_unfinished(struct sys *sys, const struct pkg_manager *manager,
			    const char *const *argv, struct err *err)
{
	struct err ignored = {0};
	struct span rest, line;
	AUTO_BUF list = {0}, names = {0};

	if (list_unfinished(sys, manager, false, &list, &ignored) < 0)
		return;
	rest = buf_bytes(&list);
	while (span_line(&rest, &line)) {
		if (is_named(argv, line))
			continue;
		buf_str(&names, names.len ? ", " : "");
		buf_span(&names, line);
	}
	if (names.len && !names.failed)
		(void)err_remedy(err, 0, "%.150s was not finished: run %s --configure -a",
				 buf_text(&names), manager->program);
}

/* dpkg runs them where it keeps them, and leaves packages half installed where it may not. */
static int check_scripts(struct sys *sys, const struct pkg_manager *manager, struct err *err)
{
	AUTO_CLOSE int fd = -1;
	struct err ignored = {0};
	struct statvfs fs;

	if (!manager->scripts)
		return 0;
	fd = fs_open(sys, manager->scripts, O_RDONLY | O_DIRECTORY, 0, &ignored);
	if (fd < 0 || fstatvfs(fd, &fs) < 0 || !(fs.f_flag & ST_NOEXEC))
		return 0;
	(void)err_set(err, EACCES,
		      "%s is mounted noexec: no package can be installed or removed, since none of "
		      "its scripts may run",
		      manager->scripts);
	return err_remedy(err, EXIT_DEPENDENCY, "mount the file system that holds it exec");
}

static int change(struct sys *sys, const struct pkg_manager *manager, const char *const *argv,
		  int timeout_ms, int log_fd, struct err *err)
{
	static const char *const environ[] = {"DEBIAN_FRONTEND=noninteractive", NULL};
	const struct proc_spec spec = {.argv = argv,
				       .environ = environ,
				       .timeout_ms = timeout_ms,
				       .output_max = OUTPUT_MAX,
				       .keep_end = true,
				       .merge_stderr = true,
				       .log_fd = log_fd};
	const int64_t wait_ms = sys_left_ms(sys, PKG_LOCK_WAIT_MS + RESERVE_MS) - RESERVE_MS;
	const int64_t end_ns = sys->ops->boottime_ns(sys) + wait_ms * 1000000;

	if (check_scripts(sys, manager, err) < 0)
		return -err->code;
	for (;;) {
		AUTO_PROC res = PROC_RESULT_INIT;
		struct err lock = {0};
		int r = holder_wait(sys, manager->locks, end_ns, err);

		if (r == 0)
			r = proc_run(sys, &spec, &res, err);
		if (r < 0)
			return r;
		if (res.status == 0 && find_failure(manager, buf_bytes(&res.output)).len == 0)
			return 0;
		/* Somebody may have taken the lock between our look and the program's, and be gone.
		 */
		if (holder_find(sys, manager->locks, &lock) < 0 ||
		    (span_has(buf_bytes(&res.output), manager->locked) &&
		     sys->ops->boottime_ns(sys) < end_ns)) {
			sys->ops->sleep_ms(sys, LOCK_PAUSE_MS);
			continue;
		}
		if (span_has(buf_bytes(&res.output), manager->locked)) {
			(void)err_set(err, EBUSY, "another process held the lock of %s", argv[0]);
			return err_remedy(err, EXIT_LOCK, "wait for it to finish, and try again");
		}
		r = explain(manager, argv[0], &res, err);
		if (manager->unfinished[0] && r != -ENOPKG &&
		    span_has(buf_bytes(&res.output), manager->needs_not))
			name_unfinished(sys, manager, argv, err);
		return r;
	}
}

static int join(const char *const *command, size_t limit, const char *const *operands,
		const char *ret[PKG_ARGV_MAX], struct err *err)
{
	size_t count = 0;
	int r = add_words(ret, &count, command, limit, err);

	return r < 0 ? r : add_words(ret, &count, operands, PKG_ARGV_MAX, err);
}

/* Run a command on files or names. */
static int change_all(struct sys *sys, const struct pkg_manager *manager,
		      const char *const *command, size_t limit, const char *const *operands,
		      int timeout_ms, int log_fd, struct err *err)
{
	const char *argv[PKG_ARGV_MAX];
	int r = join(command, limit, operands, argv, err);

	return r < 0 ? r : change(sys, manager, argv, timeout_ms, log_fd, err);
}

int pkg_install_command(const struct pkg_manager *manager, const char *const *files,
			const char *ret[PKG_ARGV_MAX], struct err *err)
{
	return join(manager->install, ARRAY_LEN(manager->install), files, ret, err);
}

int pkg_install(struct sys *sys, const struct pkg_manager *manager, const char *const *files,
		int log_fd, struct err *err)
{
	return change_all(sys, manager, manager->install, ARRAY_LEN(manager->install), files,
			  CHANGE_MS, log_fd, err);
}

int pkg_remove_command(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
		       const char *ret[PKG_ARGV_MAX], struct err *err)
{
	size_t count = 0, fixed;

	if (add_words(ret, &count, manager->remove, ARRAY_LEN(manager->remove), err) < 0)
		return -err->code;
	fixed = count;
	for (; *names; names++) {
		struct pkg_status status;

		if (pkg_query(sys, manager, *names, &status, err) < 0)
			return -err->code;
		if (status.state != PKG_ABSENT && add_words(ret, &count, names, 1, err) < 0)
			return -err->code;
	}
	if (count == fixed)
		ret[0] = NULL;
	return 0;
}

int pkg_remove(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       int log_fd, struct err *err)
{
	const char *argv[PKG_ARGV_MAX];
	int r = pkg_remove_command(sys, manager, names, argv, err);

	return r < 0 || !argv[0] ? r : change(sys, manager, argv, CHANGE_MS, log_fd, err);
}

/* path: of a package's file */
static int sweep_beside(struct sys *sys, const struct pkg_manager *manager, const char *path,
			struct err *err)
{
	AUTO_NAMES entries = NULL;
	const char *name = strrchr(path, '/') + 1;
	char place[PATH_MAX];
	int r;

	(void)snprintf(place, sizeof(place), "%.*s", (int)(name - path), path);
	r = fs_list(sys, place, &entries, err);
	if (r == -ENOENT) /* documentation that was left out */
		return 0;
	for (size_t i = 0; r == 0 && entries[i]; i++) {
		if (!manager->is_litter(entries[i], name))
			continue;
		(void)snprintf(place, sizeof(place), "%.*s%s", (int)(name - path), path,
			       entries[i]);
		r = fs_remove(sys, place, err);
	}
	return r;
}

int pkg_sweep(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	      struct err *err)
{
	int r = 0;

	for (; r == 0 && manager->is_litter && *names; names++) {
		AUTO_BUF list = {0};
		struct span text, line;
		char path[PATH_MAX];

		r = pkg_list(sys, manager, *names, &list, err);
		text = buf_bytes(&list);
		while (r == 0 && span_line(&text, &line))
			if (begins_with(line, "/") && span_copy(line, path, sizeof(path)))
				r = sweep_beside(sys, manager, path, err);
	}
	return r;
}

int pkg_finish(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       int log_fd, struct err *err)
{
	if (!manager->configure[0] || !names[0])
		return 0;
	return change_all(sys, manager, manager->configure, ARRAY_LEN(manager->configure), names,
			  CHANGE_MS, log_fd, err);
}

/* ---- packages whose scripts are broken */

static const char *const going[] = {"prerm", "postrm"};

/* Where a script is, and where it is put aside: dpkg takes neither for a script of any package. */
static void script_paths(const struct pkg_manager *manager, const char *name, const char *kind,
			 char ret[PATH_MAX], char ret_aside[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s.%s", manager->scripts, name, kind);
	(void)snprintf(ret_aside, PATH_MAX, "%s/%s.%s.set-aside", manager->scripts, name, kind);
}

static int move_scripts(struct sys *sys, const struct pkg_manager *manager,
			const char *const *names, bool aside, struct err *err)
{
	int r = 0;

	for (; r == 0 && manager->scripts && *names; names++) {
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(going); i++) {
			char plain[PATH_MAX], other[PATH_MAX];

			script_paths(manager, *names, going[i], plain, other);
			if (aside && fs_exists(sys, plain))
				r = fs_rename(sys, plain, other, err);
			else if (!aside && fs_exists(sys, other))
				r = fs_rename(sys, other, plain, err);
		}
	}
	return r;
}

int pkg_recall(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       struct err *err)
{
	return move_scripts(sys, manager, names, false, err);
}

int pkg_forget(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       struct err *err)
{
	int r = 0;

	for (; r == 0 && manager->scripts && *names; names++) {
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(going); i++) {
			char plain[PATH_MAX], other[PATH_MAX];

			script_paths(manager, *names, going[i], plain, other);
			r = fs_remove(sys, other, err);
		}
	}
	return r;
}

static int without_scripts(struct sys *sys, const struct pkg_manager *manager,
			   const char *const *command, size_t limit, const char *const *operands,
			   const char *const *names, int log_fd, struct err *err)
{
	struct err back = {0};
	int r = move_scripts(sys, manager, names, true, err);

	if (r == 0)
		r = change_all(sys, manager, command, limit, operands, CHANGE_MS, log_fd, err);
	if (r == 0)
		return pkg_forget(sys, manager, names, err);
	(void)move_scripts(sys, manager, names, false, &back);
	return r;
}

/* Is it of no use to try once more, since the scripts have nothing to do with it? */
static bool is_final(int r)
{
	return r == 0 || r == -EBUSY || r == -ENOPKG || r == -ENOENT || r == -ENOMEM;
}

int pkg_install_over(struct sys *sys, const struct pkg_manager *manager, const char *const *files,
		     const char *const *names, int log_fd, struct err *err)
{
	int r = change_all(sys, manager, manager->install, ARRAY_LEN(manager->install), files,
			   PKG_SCRIPTS_MS, log_fd, err);

	if (is_final(r))
		return r;
	*err = (struct err){0};
	return without_scripts(sys, manager, manager->install_over,
			       ARRAY_LEN(manager->install_over), files, names, log_fd, err);
}

int pkg_remove_bare_command(const struct pkg_manager *manager, const char *const *names,
			    const char *ret[PKG_ARGV_MAX], struct err *err)
{
	return join(manager->remove_bare, ARRAY_LEN(manager->remove_bare), names, ret, err);
}

int pkg_remove_bare(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
		    int log_fd, struct err *err)
{
	return without_scripts(sys, manager, manager->remove_bare, ARRAY_LEN(manager->remove_bare),
			       names, names, log_fd, err);
}

int pkg_remove_anyway(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
		      int log_fd, struct err *err)
{
	int r = change_all(sys, manager, manager->remove, ARRAY_LEN(manager->remove), names,
			   PKG_SCRIPTS_MS, log_fd, err);

	if (is_final(r))
		return r;
	*err = (struct err){0};
	return pkg_remove_bare(sys, manager, names, log_fd, err);
}
