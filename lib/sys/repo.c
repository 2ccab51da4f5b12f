/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/pgpkey.h"
#include "lib/sys/fs.h"
#include "lib/sys/pkg.h"
#include "lib/sys/proc.h"
#include "lib/sys/repo.h"
#include "lib/sys/repomanagers.h"

#define REFRESH_MS 180000
#define FETCH_MS 300000
#define ASK_MS 60000
#define OUTPUT_MAX ((size_t)256 << 10)
#define CAUSE_MAX 300 /* bytes of a tool's line in a message */
#define WORD_MAX 192 /* "NAME=VERSION" */
#define ARGV_MAX 24
#define DEPTH_MAX 8 /* of folders that a tool downloads to */
#define STRAYS REPO_DIR "/strays" /* what of repo_manager.strays was not there before */

const struct repo_manager *repo_detect(struct sys *sys, const char *name)
{
	const struct pkg_manager *under = pkg_detect(sys);
	const struct repo_manager *found = NULL;

	for (size_t i = 0; i < repo_manager_count; i++) {
		const struct repo_manager *manager = &repo_managers[i];

		if (!fs_exists(sys, manager->program) ||
		    (under && strcmp(manager->type, pkg_type(under)) != 0))
			continue;
		if (name && strcmp(manager->name, name) == 0)
			return manager;
		if (!found && under)
			found = manager;
	}
	return found;
}

const char *repo_manager_name(const struct repo_manager *manager)
{
	return manager->name;
}

const char *repo_manager_type(const struct repo_manager *manager)
{
	return manager->type;
}

const char *repo_sshd_command(const struct repo_manager *manager)
{
	return manager->sshd;
}

static struct fs_meta meta_of(const struct sys *sys, mode_t mode)
{
	return (struct fs_meta){.mode = mode, .uid = sys->owner, .gid = sys->owner ? getgid() : 0};
}

static void remove_stray(struct sys *sys, const char *path)
{
	struct err ignored = {0};
	struct stat st;

	if (fs_lstat(sys, path, &st, &ignored) < 0)
		return;
	/* A folder that somebody else uses by now is not empty, and stays. */
	(void)(S_ISDIR(st.st_mode) ? fs_rmdir : fs_remove)(sys, path, &ignored);
}

int repo_take_off(struct sys *sys, struct err *err)
{
	struct span rest, line;
	AUTO_BUF text = {0};
	char path[PATH_MAX];
	bool exists;
	int r = fs_read_optional(sys, STRAYS, FS_TRUSTED, FS_CONFIG_MAX, &text, &exists, NULL, err);

	if (r < 0)
		return r;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line))
		if (span_copy(line, path, sizeof(path)))
			remove_stray(sys, path);
	return fs_remove_tree(sys, REPO_DIR, err);
}

/* What is not there yet is the tool's, and goes again. */
static int note_strays(struct sys *sys, const struct repo_manager *manager, struct err *err)
{
	const struct fs_meta meta = meta_of(sys, 0600);
	AUTO_BUF text = {0};

	for (size_t i = 0; i < ARRAY_LEN(manager->strays) && manager->strays[i]; i++)
		if (!fs_exists(sys, manager->strays[i]))
			buf_printf(&text, "%s\n", manager->strays[i]);
	if (buf_ok(&text, err) < 0)
		return -err->code;
	return text.len ? fs_replace(sys, STRAYS, buf_bytes(&text), &meta, err) : 0;
}

/* Programs that drop their rights go through REPO_DIR; what they need not see is 0600 or 0700. */
static int make_folders(struct sys *sys, const struct repo_manager *manager, struct err *err)
{
	const struct fs_meta open = meta_of(sys, 0755), closed = meta_of(sys, 0700);
	int r = fs_mkdir(sys, REPO_DIR, &open, err);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(manager->folders) && manager->folders[i]; i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), REPO_DIR "%s", manager->folders[i]);
		r = fs_mkdir(sys, path, &open, err);
	}
	return r == 0 ? fs_mkdir(sys, REPO_DOWNLOADS, &closed, err) : r;
}

static int write_key(struct sys *sys, const struct repo_manager *manager, const struct repo *repo,
		     struct err *err)
{
	const struct fs_meta meta = meta_of(sys, 0644);
	AUTO_BUF keys = {0};
	AUTO_BUF armor = {0};
	int r = pgpkey_read(repo->key, &keys, err);

	if (r < 0) {
		(void)err_wrap(err, "the repository's key cannot be used");
		err->code = r == -ENOMEM ? ENOMEM : EINVAL;
		return -err->code;
	}
	if (manager->armored) {
		pgpkey_armor(buf_bytes(&keys), &armor);
		r = buf_ok(&armor, err);
	}
	if (r == 0)
		r = fs_replace(sys, manager->key, buf_bytes(manager->armored ? &armor : &keys),
			       &meta, err);
	return r;
}

static int write_files(struct sys *sys, const struct repo_manager *manager, const struct repo *repo,
		       struct err *err)
{
	const struct fs_meta meta = meta_of(sys, 0600);
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(manager->files) && manager->files[i].path; i++) {
		AUTO_BUF text = {0};

		manager->files[i].write(repo, &text);
		r = buf_ok(&text, err);
		if (r == 0 && text.len)
			r = fs_replace(sys, manager->files[i].path, buf_bytes(&text), &meta, err);
	}
	return r;
}

/* The first line with these words; what it says before its colon is no news. */
static struct span line_with(struct span text, const char *words)
{
	struct span line;

	while (span_line(&text, &line))
		if (span_has(line, words))
			return span_trim(line);
	return (struct span){0};
}

static int outcome_of(int code)
{
	switch (code) {
	case ENOSYS:
	case ENOPKG:
		return EXIT_DEPENDENCY;
	case EIO:
		return EXIT_PACKAGE;
	default:
		return EXIT_REPOSITORY;
	}
}

/* fallback is the errno of what the table does not know. */
static int explain(const struct repo_manager *manager, const struct proc_result *res, int fallback,
		   struct err *err)
{
	const struct span text = buf_bytes(&res->output);
	struct span line = span_last_line(text);
	int code = fallback;

	for (const struct repo_sign *sign = manager->signs; sign->words; sign++) {
		if (!span_has(text, sign->words))
			continue;
		line = line_with(text, sign->words);
		code = sign->code;
		break;
	}
	if (line.len == 0)
		line = SPAN_LIT("it said nothing");
	(void)err_set(err, code, "%s (status %d): %.*s", manager->name, res->status,
		      (int)(line.len < CAUSE_MAX ? line.len : CAUSE_MAX), (const char *)line.p);
	return err_remedy(err, outcome_of(code), "%s", "");
}

static int run(struct sys *sys, const struct repo_manager *manager, const char *const *argv,
	       int timeout_ms, int log_fd, struct proc_result *ret, struct err *err)
{
	const int64_t wait_ms = sys_left_ms(sys, PKG_LOCK_WAIT_MS);
	const int64_t end_ns = sys->ops->boottime_ns(sys) + wait_ms * 1000000;
	const char *environ[ARRAY_LEN(manager->environ) + 1] = {NULL};
	const struct proc_spec spec = {.argv = argv,
				       .environ = environ,
				       .directory = REPO_DOWNLOADS,
				       .timeout_ms = timeout_ms,
				       .output_max = OUTPUT_MAX,
				       .merge_stderr = true,
				       .ends_with_us = true,
				       .log_fd = log_fd};

	memcpy(environ, manager->environ, sizeof(manager->environ));
	if (holder_wait(sys, manager->locks, end_ns, err) < 0)
		return -err->code;
	return proc_run(sys, &spec, ret, err);
}

/* Make the key known, where the tool wants more than a file. */
static int learn_key(struct sys *sys, const struct repo_manager *manager, struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	int r;

	if (!manager->learn[0])
		return 0;
	r = run(sys, manager, manager->learn, ASK_MS, -1, &res, err);
	if (r == 0 && res.status != 0) {
		(void)explain(manager, &res, EINVAL, err);
		return err_wrap(err, "the repository's key cannot be used");
	}
	return r;
}

int repo_add(struct sys *sys, const struct repo_manager *manager, const struct repo *repo,
	     struct err *err)
{
	int r = repoconf_check(repo, err);

	if (r == 0)
		r = repo_take_off(sys, err);
	if (r == 0)
		r = make_folders(sys, manager, err);
	if (r == 0)
		r = note_strays(sys, manager, err);
	if (r == 0)
		r = write_key(sys, manager, repo, err);
	if (r == 0)
		r = write_files(sys, manager, repo, err);
	if (r == 0)
		r = learn_key(sys, manager, err);
	if (r == -EINVAL)
		return err_remedy(err, EXIT_SETTINGS, "mend the repository's settings");
	return r;
}

/* Is there a file whose name ends so? */
static bool has_file(struct sys *sys, const char *folder, const char *suffix)
{
	AUTO_NAMES names = NULL;
	struct err ignored = {0};

	if (fs_list(sys, folder, &names, &ignored) < 0)
		return false;
	for (size_t i = 0; names[i]; i++)
		if (span_ends(span_of(names[i]), suffix))
			return true;
	return false;
}

/* Old releases of apt end well when nothing could be downloaded, and use what they have. */
int repo_refresh(struct sys *sys, const struct repo_manager *manager, int log_fd, struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = fs_remove_tree(sys, manager->lists, err);

	if (r == 0)
		r = run(sys, manager, manager->refresh, REFRESH_MS, log_fd, &res, err);
	if (r < 0)
		return r;
	if (res.status == 0 &&
	    (!manager->list_suffix || has_file(sys, manager->lists, manager->list_suffix)))
		return 0;
	(void)explain(manager, &res, EREMOTEIO, err);
	return err_wrap(err, "the repository cannot be read");
}

/* As pkg_query tells it: rpm's with an epoch always, and without the release. */
static void add_version(const struct repo_manager *manager, struct span version, struct buf *ret)
{
	const bool rpm = strcmp(manager->type, "rpm") == 0;
	AUTO_BUF line = {0}, rest = {0};

	for (size_t i = version.len; rpm && i > 0; i--)
		if (version.p[i - 1] == '-') {
			version.len = i - 1;
			break;
		}
	if (rpm && version.len && !memchr(version.p, ':', version.len))
		buf_str(&line, "0:");
	buf_span(&line, version);
	if (span_has_line(buf_bytes(ret), buf_bytes(&line)))
		return;
	if (manager->ascending)
		buf_move(&rest, ret);
	buf_span(ret, buf_bytes(&line));
	buf_str(ret, "\n");
	buf_span(ret, buf_bytes(&rest));
	ret->failed = ret->failed || line.failed || rest.failed;
}

static size_t copy_words(const char **argv, const char *const *words, size_t limit)
{
	size_t n = 0;

	for (; n < limit && words[n]; n++)
		argv[n] = words[n];
	return n;
}

int repo_versions(struct sys *sys, const struct repo_manager *manager, const char *name,
		  struct buf *ret, struct err *err)
{
	const char *argv[ARRAY_LEN(manager->versions) + 2] = {NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct span rest, line, version;
	AUTO_BUF found = {0};
	int r;

	argv[copy_words(argv, manager->versions, ARRAY_LEN(manager->versions))] = name;
	r = run(sys, manager, argv, ASK_MS, -1, &res, err);
	if (r == 0 && res.status != 0)
		r = explain(manager, &res, EIO, err);
	/* A package that is not known has no versions. */
	if (r < 0 && r != -ENODATA && !span_has(buf_bytes(&res.output), "No matching items"))
		return err_wrap(err, "cannot ask for versions of %s", name);
	rest = r == 0 ? buf_bytes(&res.output) : (struct span){0};
	*err = (struct err){0};
	while (span_line(&rest, &line))
		if (manager->parse(line, &version))
			add_version(manager, version, &found);
	buf_span(ret, buf_bytes(&found));
	return buf_ok(&found, err) < 0 ? -err->code : buf_ok(ret, err);
}

static const char *without_epoch(const char *version)
{
	const char *colon = strchr(version, ':');

	return colon ? colon + 1 : version;
}

/* Is this the file of that package?  Of rpm's there may be others that it needs, and other
 * versions. */
static bool is_file_of(const struct repo_manager *manager, const struct repo_package *package,
		       const char *file)
{
	const size_t len = strlen(package->name);
	const char *rest = file + len + 1;

	if (strncmp(file, package->name, len) != 0 || !span_ends(span_of(file), manager->type))
		return false;
	if (strcmp(manager->type, "deb") == 0)
		return file[len] == '_';
	if (file[len] != '-' || !package->version)
		return file[len] == '-' && *rest >= '0' && *rest <= '9';
	return strncmp(rest, without_epoch(package->version),
		       strlen(without_epoch(package->version))) == 0 &&
	       rest[strlen(without_epoch(package->version))] == '-';
}

/* Where the file of a package is, at or below folder. */
static bool find_file(struct sys *sys, const struct repo_manager *manager,
		      const struct repo_package *package, const char *folder, int depth,
		      char ret[PATH_MAX])
{
	AUTO_NAMES names = NULL;
	struct err ignored = {0};

	if (depth == 0 || fs_list(sys, folder, &names, &ignored) < 0)
		return false;
	for (size_t i = 0; names[i]; i++) {
		AUTO_BUF path = {0};
		struct stat st;

		buf_printf(&path, "%s/%s", folder, names[i]);
		if (path.len >= PATH_MAX || fs_lstat(sys, buf_text(&path), &st, &ignored) < 0)
			continue;
		if (S_ISREG(st.st_mode) && is_file_of(manager, package, names[i])) {
			(void)snprintf(ret, PATH_MAX, "%s", buf_text(&path));
			return true;
		}
		if (S_ISDIR(st.st_mode) &&
		    find_file(sys, manager, package, buf_text(&path), depth - 1, ret))
			return true;
	}
	return false;
}

/* With the first of the verbs, whose place is returned. */
static size_t fetch_command(const struct repo_manager *manager, const struct repo_package *package,
			    const char *ret[ARGV_MAX], char ret_word[WORD_MAX])
{
	const char *version = package->version;
	const size_t n = copy_words(ret, manager->fetch, ARRAY_LEN(manager->fetch));

	if (version && manager->without_epoch)
		version = without_epoch(version);
	(void)snprintf(ret_word, WORD_MAX, "%s%.*s%s", package->name, version ? 1 : 0,
		       &manager->separator, version ? version : "");
	ret[n] = manager->verbs[0];
	ret[n + 1] = ret_word;
	return n;
}

/*
 * One package, which is then below manager->downloads.  A way to a version that the tool has
 * another verb for it calls nothing to do, and ends well.
 */
static int fetch(struct sys *sys, const struct repo_manager *manager,
		 const struct repo_package *package, int log_fd, char ret[PATH_MAX],
		 struct err *err)
{
	const char *argv[ARGV_MAX] = {NULL};
	char word[WORD_MAX];
	const size_t n = fetch_command(manager, package, argv, word);
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(manager->verbs) && manager->verbs[i]; i++) {
		AUTO_PROC res = PROC_RESULT_INIT;

		argv[n] = manager->verbs[i];
		r = run(sys, manager, argv, FETCH_MS, log_fd, &res, err);
		if (r == 0 && res.status == 0 &&
		    find_file(sys, manager, package, manager->downloads, DEPTH_MAX, ret))
			return 0;
		if (r == 0)
			r = explain(manager, &res, EREMOTEIO, err);
		if (res.status != 0 && i == 0)
			break;
	}
	return err_wrap(err, "cannot download %s", word);
}

/* What is said of a file behind its own name, which is the server's choice and may say anything. */
static struct span verdict_on(struct span text, const char *path)
{
	const size_t len = strlen(path);
	struct span line;

	while (span_line(&text, &line))
		if (line.len > len && memcmp(line.p, path, len) == 0 && line.p[len] == ':')
			return (struct span){line.p + len, line.len - len};
	return (struct span){0};
}

/*
 * rpm takes a package without a signature, and one of an unknown key, for good: the words must be
 * there. Before 4.14 they were "pgp" or "gpg", then "signatures".
 */
static int check_signature(struct sys *sys, const struct repo_manager *manager, const char *path,
			   struct err *err)
{
	const char *const argv[] = {"/usr/bin/rpm",
				    "--dbpath",
				    REPO_DIR "/keys",
				    "--define",
				    "_pkgverify_level all",
				    "--checksig",
				    path,
				    NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = run(sys, manager, argv, ASK_MS, -1, &res, err);
	struct span said = verdict_on(buf_bytes(&res.output), path);

	if (r < 0)
		return r;
	if (res.status == 0 && span_has(said, " OK") && !span_has(said, "NOT OK") &&
	    (span_has(said, "signatures OK") || span_has(said, " pgp ") || span_has(said, " gpg ")))
		return 0;
	(void)err_set(err, EKEYREJECTED, "%s is not signed with the repository's key", path);
	return err_remedy(err, EXIT_REPOSITORY, "%s", "");
}

/* The key signs other packages too, and nobody signed under which name this one is offered. */
static int check_name(struct sys *sys, const struct repo_manager *manager, const char *name,
		      const char *path, struct err *err)
{
	const char *const argv[] = {"/usr/bin/rpm", "--dbpath",  REPO_DIR "/keys",
				    "--query",      "--package", "--queryformat=%{NAME}\n",
				    path,           NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = run(sys, manager, argv, ASK_MS, -1, &res, err);

	if (r < 0 || (res.status == 0 && span_is(span_last_line(buf_bytes(&res.output)), name)))
		return r;
	(void)err_set(err, EKEYREJECTED, "%s is not the package %s", path, name);
	return err_remedy(err, EXIT_REPOSITORY, "%s", "");
}

static int fetch_all(struct sys *sys, const struct repo_manager *manager,
		     const struct repo_package *packages, size_t count, int log_fd,
		     char paths[][PATH_MAX], struct err *err)
{
	const struct fs_meta closed = meta_of(sys, 0700);
	int r = fs_remove_tree(sys, manager->downloads, err);

	if (r == 0)
		r = fs_mkdir(sys, REPO_DOWNLOADS, &closed, err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = fetch(sys, manager, &packages[i], log_fd, paths[i], err);
		if (r == 0 && manager->checks_package)
			r = check_signature(sys, manager, paths[i], err);
		if (r == 0 && manager->checks_package)
			r = check_name(sys, manager, packages[i].name, paths[i], err);
	}
	return r;
}

int repo_install(struct sys *sys, const struct repo_manager *manager,
		 const struct repo_package *packages, size_t count, int log_fd, struct err *err)
{
	char paths[REPO_PACKAGES_MAX][PATH_MAX];
	const char *files[REPO_PACKAGES_MAX + 1] = {NULL};
	int r;

	if (count == 0 || count > REPO_PACKAGES_MAX)
		return err_set(err, E2BIG, "%zu packages at once", count);
	r = fetch_all(sys, manager, packages, count, log_fd, paths, err);
	for (size_t i = 0; i < count; i++)
		files[i] = paths[i];
	if (r == 0)
		r = pkg_install(sys, pkg_detect(sys), files, log_fd, err);
	return r < 0 && err->outcome == 0 ? err_remedy(err, EXIT_PACKAGE, "%s", "") : r;
}

/* With what the tool reads in its environment, as env would give it that. */
static int tell_command(const struct repo_manager *manager, const char *const *command,
			repo_teller *tell, void *arg, struct err *err)
{
	const char *argv[2 * ARGV_MAX] = {"env"};
	size_t n = 1;

	if (!manager->environ[0])
		return tell(command, arg, err);
	n += copy_words(argv + n, manager->environ, ARRAY_LEN(manager->environ));
	(void)copy_words(argv + n, command, ARGV_MAX);
	return tell(argv, arg, err);
}

int repo_tell_refresh(const struct repo_manager *manager, repo_teller *tell, void *arg,
		      struct err *err)
{
	return tell_command(manager, manager->refresh, tell, arg, err);
}

int repo_tell_install(struct sys *sys, const struct repo_manager *manager,
		      const struct repo_package *packages, size_t count, repo_teller *tell,
		      void *arg, struct err *err)
{
	char paths[REPO_PACKAGES_MAX][PATH_MAX];
	const char *files[REPO_PACKAGES_MAX + 1] = {NULL}, *install[PKG_ARGV_MAX];
	int r = 0;

	if (count == 0 || count > REPO_PACKAGES_MAX)
		return err_set(err, E2BIG, "%zu packages at once", count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const char *argv[ARGV_MAX] = {NULL};
		char word[WORD_MAX];

		(void)fetch_command(manager, &packages[i], argv, word);
		r = tell_command(manager, argv, tell, arg, err);
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%s%c*.%s", manager->downloads,
			       packages[i].name, strcmp(manager->type, "deb") == 0 ? '_' : '-',
			       manager->type);
		files[i] = paths[i];
	}
	if (r == 0)
		r = pkg_install_command(pkg_detect(sys), files, install, err);
	return r < 0 ? r : tell(install, arg, err);
}
