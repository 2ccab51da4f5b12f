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

#define REFRESH_MS 180000
#define FETCH_MS 300000
#define ASK_MS 60000
#define OUTPUT_MAX ((size_t)256 << 10)
#define CAUSE_MAX 300 /* bytes of a tool's line in a message */
#define WORD_MAX 192 /* "NAME=VERSION" */
#define ARGV_MAX 24
#define DOWNLOADS REPO_DIR "/packages"

/* A file that the tool is told by. */
struct told {
	const char *path;
	void (*write)(const struct repo *repo, struct buf *ret);
};

/* Words in what a tool says, and what they mean; the first row that is found counts. */
struct sign {
	const char *words;
	int code;
};

struct repo_manager {
	const char *name, *type;
	const char *program;
	struct told files[4];
	const char *key; /* where the key is, and in which form */
	bool armored;
	const char *folders[4]; /* to be made, up to the first NULL */
	const char *environ[4];
	const char *refresh[6];
	const char *versions[8]; /* the package's name follows */
	const char *fetch[8]; /* "NAME=VERSION" or "NAME" of each package follows */
	bool (*parse)(struct span line, struct span *ret); /* the version in a line of versions */
	const char *lists; /* where signed metadata is kept; a file there ends with */
	const char *list_suffix; /* this when all went well */
	const struct sign *signs;
};

/* " name | 1:1.0-1 | https://... Packages" */
static bool parse_madison(struct span line, struct span *ret)
{
	struct span name, bar, version;

	if (!span_word(&line, &name) || !span_word(&line, &bar) || !span_is(bar, "|") ||
	    !span_word(&line, &version))
		return false;
	*ret = version;
	return true;
}

/* clang-format off */

/* apt 1.0 to 3.3.  How a server refuses comes before signatures: an answer that is not the metadata
 * is called "not signed" as well. */
static const struct sign apt_signs[] = {
	{"could not be found.", ENOSYS}, /* a method: https is a package of its own on old releases */
	{"gpgv installed?", ENOSYS},
	{"Could not resolve", EHOSTUNREACH},
	{"failure resolving", EHOSTUNREACH},
	{"wicked happened resolving", EHOSTUNREACH},
	{"Could not connect", ECONNREFUSED},
	{"Cannot initiate the connection", ECONNREFUSED},
	{"Unable to connect", ECONNREFUSED},
	{"Failed to connect", ECONNREFUSED},
	{"ertificate verification failed", EPROTO},
	{"certificate problem", EPROTO},
	{"handshake", EPROTO},
	{"SSL", EPROTO},
	{"  401  ", EACCES},
	{"  403  ", EACCES},
	{"  407  ", EACCES},
	{" 404  ", EREMOTEIO},
	{"NO_PUBKEY", EKEYREJECTED},
	{"BADSIG", EKEYREJECTED},
	{"EXPKEYSIG", EKEYREJECTED},
	{"signatures were invalid", EKEYREJECTED},
	{"signatures couldn't be verified", EKEYREJECTED},
	{"signature verification", EKEYREJECTED},
	{"is not signed", EKEYREJECTED},
	{"no longer signed", EKEYREJECTED},
	{"cannot be authenticated", EKEYREJECTED},
	{"Hash Sum mismatch", EKEYREJECTED},
	{"unexpected size", EKEYREJECTED},
	{"Release file", EKEYREJECTED}, /* is expired, is not valid yet */
	{"Unable to locate package", ENODATA},
	{"was not found", ENODATA},
	{"find a source to download", ENODATA},
	{"Failed to fetch", EREMOTEIO},
	{NULL, 0},
};

static const struct repo_manager managers[] = {
	{
		.name = "apt",
		.type = "deb",
		.program = "/usr/bin/apt-get",
		.files = {{REPO_DIR "/apt.conf", repoconf_apt},
			  {REPO_DIR "/sources.list", repoconf_apt_sources},
			  {REPO_DIR "/auth.conf", repoconf_apt_login}},
		.key = REPO_DIR "/key.gpg",
		.folders = {REPO_DIR "/state", REPO_DIR "/cache", REPO_DIR "/log"},
		.environ = {"APT_CONFIG=" REPO_DIR "/apt.conf"},
		.refresh = {"/usr/bin/apt-get", "--quiet", "update"},
		.versions = {"/usr/bin/apt-cache", "--quiet", "madison"},
		/* It leaves the file where it is run; all of the resolving is dpkg's. */
		.fetch = {"/usr/bin/apt-get", "--quiet", "download"},
		.parse = parse_madison,
		.lists = REPO_DIR "/state/lists",
		.list_suffix = "Release",
		.signs = apt_signs,
	},
};
/* clang-format on */

const struct repo_manager *repo_detect(struct sys *sys, const char *name)
{
	const struct pkg_manager *under = pkg_detect(sys);
	const struct repo_manager *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(managers); i++) {
		const struct repo_manager *manager = &managers[i];

		if (!fs_exists(sys, manager->program))
			continue;
		if (name && strcmp(manager->name, name) == 0)
			return manager;
		if (!found && under && strcmp(manager->type, pkg_type(under)) == 0)
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

static struct fs_meta meta_of(const struct sys *sys, mode_t mode)
{
	return (struct fs_meta){.mode = mode, .uid = sys->owner, .gid = sys->owner ? getgid() : 0};
}

int repo_take_off(struct sys *sys, struct err *err)
{
	return fs_remove_tree(sys, REPO_DIR, err);
}

/* Programs that drop their rights go through REPO_DIR; what they need not see is 0600 or 0700. */
static int make_folders(struct sys *sys, const struct repo_manager *manager, struct err *err)
{
	const struct fs_meta open = meta_of(sys, 0755), closed = meta_of(sys, 0700);
	int r = fs_mkdir(sys, REPO_DIR, &open, err);

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(manager->folders) && manager->folders[i]; i++)
		r = fs_mkdir(sys, manager->folders[i], &open, err);
	return r == 0 ? fs_mkdir(sys, DOWNLOADS, &closed, err) : r;
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

int repo_add(struct sys *sys, const struct repo_manager *manager, const struct repo *repo,
	     struct err *err)
{
	int r = repoconf_check(repo, err);

	if (r == 0)
		r = repo_take_off(sys, err);
	if (r == 0)
		r = make_folders(sys, manager, err);
	if (r == 0)
		r = write_key(sys, manager, repo, err);
	if (r == 0)
		r = write_files(sys, manager, repo, err);
	if (r == -EINVAL)
		return err_remedy(err, EXIT_SETTINGS, "mend the repository's settings");
	return r;
}

static bool contains(struct span text, const char *words)
{
	return text.len && memmem(text.p, text.len, words, strlen(words));
}

/* The first line with these words; what it says before its colon is no news. */
static struct span line_with(struct span text, const char *words)
{
	struct span line;

	while (span_line(&text, &line))
		if (contains(line, words))
			return span_trim(line);
	return (struct span){0};
}

static struct span last_line(struct span text)
{
	struct span line, last = {0};

	while (span_line(&text, &line))
		if (span_trim(line).len)
			last = span_trim(line);
	return last;
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
	struct span line = last_line(text);
	int code = fallback;

	for (const struct sign *sign = manager->signs; sign->words; sign++) {
		if (!contains(text, sign->words))
			continue;
		line = line_with(text, sign->words);
		code = sign->code;
		break;
	}
	(void)err_set(err, code, "%s (status %d): %.*s", manager->name, res->status,
		      (int)(line.len < CAUSE_MAX ? line.len : CAUSE_MAX), (const char *)line.p);
	return err_remedy(err, outcome_of(code), "%s", "");
}

static int run(struct sys *sys, const struct repo_manager *manager, const char *const *argv,
	       int timeout_ms, int log_fd, struct proc_result *ret, struct err *err)
{
	const char *environ[ARRAY_LEN(manager->environ) + 1] = {NULL};
	const struct proc_spec spec = {.argv = argv,
				       .environ = environ,
				       .directory = DOWNLOADS,
				       .timeout_ms = timeout_ms,
				       .output_max = OUTPUT_MAX,
				       .merge_stderr = true,
				       .log_fd = log_fd};

	memcpy(environ, manager->environ, sizeof(manager->environ));
	return proc_run(sys, &spec, ret, err);
}

static bool ends_with(const char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);

	return len >= tail && strcmp(text + len - tail, suffix) == 0;
}

/* Is there a file whose name ends so? */
static bool has_file(struct sys *sys, const char *folder, const char *suffix)
{
	AUTO_NAMES names = NULL;
	struct err ignored = {0};

	if (fs_list(sys, folder, &names, &ignored) < 0)
		return false;
	for (size_t i = 0; names[i]; i++)
		if (ends_with(names[i], suffix))
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
	if (res.status == 0 && has_file(sys, manager->lists, manager->list_suffix))
		return 0;
	(void)explain(manager, &res, EREMOTEIO, err);
	return err_wrap(err, "the repository cannot be read");
}

static bool has_line(const struct buf *buf, struct span wanted)
{
	struct span rest = buf_bytes(buf), line;

	while (span_line(&rest, &line))
		if (span_eq(line, wanted))
			return true;
	return false;
}

int repo_versions(struct sys *sys, const struct repo_manager *manager, const char *name,
		  struct buf *ret, struct err *err)
{
	const char *argv[ARRAY_LEN(manager->versions) + 2] = {NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct span rest, line, version;
	AUTO_BUF found = {0};
	size_t n = 0;
	int r;

	for (; n < ARRAY_LEN(manager->versions) && manager->versions[n]; n++)
		argv[n] = manager->versions[n];
	argv[n] = name;
	r = run(sys, manager, argv, ASK_MS, -1, &res, err);
	if (r == 0 && res.status != 0)
		r = explain(manager, &res, EIO, err);
	/* A package that it does not know has no versions. */
	if (r < 0 && r != -ENODATA)
		return err_wrap(err, "cannot ask for versions of %s", name);
	rest = r == 0 ? buf_bytes(&res.output) : (struct span){0};
	*err = (struct err){0};
	while (span_line(&rest, &line))
		if (manager->parse(line, &version) && !has_line(&found, version)) {
			buf_span(&found, version);
			buf_str(&found, "\n");
		}
	buf_span(ret, buf_bytes(&found));
	return buf_ok(ret, err);
}

static int fetch(struct sys *sys, const struct repo_manager *manager,
		 const struct repo_package *packages, size_t count, int log_fd, struct err *err)
{
	const struct fs_meta closed = meta_of(sys, 0700);
	char words[REPO_PACKAGES_MAX][WORD_MAX];
	const char *argv[ARGV_MAX] = {NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	size_t n = 0;
	int r;

	for (; n < ARRAY_LEN(manager->fetch) && manager->fetch[n]; n++)
		argv[n] = manager->fetch[n];
	for (size_t i = 0; i < count; i++) {
		const char *version = packages[i].version;

		(void)snprintf(words[i], sizeof(words[i]), "%s%s%s", packages[i].name,
			       version ? "=" : "", version ? version : "");
		argv[n++] = words[i];
	}
	r = fs_remove_tree(sys, DOWNLOADS, err);
	if (r == 0)
		r = fs_mkdir(sys, DOWNLOADS, &closed, err);
	if (r == 0)
		r = run(sys, manager, argv, FETCH_MS, log_fd, &res, err);
	if (r == 0 && res.status != 0)
		r = explain(manager, &res, EREMOTEIO, err);
	return r < 0 ? err_wrap(err, "cannot download %s", words[0]) : 0;
}

int repo_install(struct sys *sys, const struct repo_manager *manager,
		 const struct repo_package *packages, size_t count, int log_fd, struct err *err)
{
	char paths[REPO_PACKAGES_MAX][PATH_MAX];
	const char *files[REPO_PACKAGES_MAX + 1] = {NULL};
	AUTO_NAMES names = NULL;
	size_t n = 0;
	int r;

	if (count == 0 || count > REPO_PACKAGES_MAX)
		return err_set(err, E2BIG, "%zu packages at once", count);
	r = fetch(sys, manager, packages, count, log_fd, err);
	if (r == 0)
		r = fs_list(sys, DOWNLOADS, &names, err);
	for (size_t i = 0; r == 0 && names[i]; i++) {
		if (!ends_with(names[i], manager->type) || n == REPO_PACKAGES_MAX)
			continue;
		(void)snprintf(paths[n], sizeof(paths[n]), DOWNLOADS "/%s", names[i]);
		files[n] = paths[n];
		n++;
	}
	if (r == 0 && n < count)
		r = err_set(err, EREMOTEIO, "%s downloaded %zu packages of %zu", manager->name, n,
			    count);
	return r == 0 ? pkg_install(sys, pkg_detect(sys), files, log_fd, err) : r;
}
