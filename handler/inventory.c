/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/extension.h"
#include "handler/inventory.h"
#include "handler/steps/selection.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"

#define DEPTH_MAX 8 /* folders in folders */
#define NAMES_MAX 1024 /* lines of SHA256SUMS */

/* What the guest agent, and the handler at its wish, put into the folder; and what lists the rest.
 */
static const char *const agents[] = {
	SUMS_NAME,
	"HandlerEnvironment.json",
	"heartbeat.log",
	"mrseq",
	"config/HandlerState",
	"config/HandlerStatus",
	"config/*.settings",
	"status/*.status",
};

void inventory_done(struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		struct part *part = &inventory->parts[i];

		for (size_t k = 0; k < part->count; k++) {
			free(part->findings[k].path);
			free(part->findings[k].what);
		}
		free(part->findings);
	}
	*inventory = (struct inventory){.count = 0};
}

size_t inventory_findings(const struct inventory *inventory)
{
	size_t count = 0;

	for (size_t i = 0; i < inventory->count; i++)
		count += inventory->parts[i].count;
	return count;
}

static int add(struct part *part, struct err *err, const char *path, const char *what)
{
	struct finding *grown =
		reallocarray(part->findings, part->count + 1, sizeof(*part->findings));
	struct finding finding = {.path = strdup(path), .what = strdup(what)};

	if (grown)
		part->findings = grown;
	if (!grown || !finding.path || !finding.what) {
		free(finding.path);
		free(finding.what);
		return err_oom(err);
	}
	part->findings[part->count++] = finding;
	return 0;
}

/* What an error says of a file becomes a finding; the lack of memory stays one. */
static int add_error(struct part *part, const char *path, int code, struct err *err)
{
	const char *what = code == ENOENT  ? "is missing"
			   : code == EPERM ? "can be changed by others than root"
			   : code == ELOOP || code == EISDIR || code == EINVAL
				   ? "is no regular file"
				   : NULL;
	char other[ERR_MSG_MAX];

	if (code == ENOMEM)
		return -ENOMEM;
	(void)snprintf(other, sizeof(other), "cannot be read: %s", strerror(code));
	*err = (struct err){0};
	return add(part, err, path, what ? what : other);
}

/* ---- the folder */

struct folder {
	struct machine *m;
	struct part *part;
	struct sum *sums;
	size_t count; /* of sums */
	size_t seen; /* files found below the folder */
};

static int hash_file(struct machine *m, const char *path, unsigned flags, struct stat *st,
		     char ret[SUM_HEX_SIZE], struct err *err)
{
	AUTO_CLOSE int fd = fs_open_file(m->sys, path, flags, st, err);

	return fd < 0 ? fd : sums_hash(fd, path, ret, err);
}

static int read_sums(struct folder *folder, char ret_hash[SUM_HEX_SIZE], struct err *err)
{
	struct machine *m = folder->m;
	char path[PATH_MAX];
	AUTO_BUF text = {0};
	struct span rest;
	struct stat st;
	int r;

	(void)snprintf(path, sizeof(path), "%s/" SUMS_NAME, m->extension->folder);
	r = fs_read(m->sys, path, FS_TRUSTED, SUMS_MAX, &text, NULL, err);
	if (r == 0)
		r = hash_file(m, path, FS_TRUSTED, &st, ret_hash, err);
	if (r < 0)
		return add_error(folder->part, path, err->code, err);
	rest = buf_bytes(&text);
	while (folder->count < NAMES_MAX &&
	       (r = sums_next(&rest, &folder->sums[folder->count])) > 0)
		folder->count++;
	return r == 0 ? 0 : add(folder->part, err, path, "has a line that is none");
}

static int check_listed(struct folder *folder, const struct sum *sum, struct err *err)
{
	char path[PATH_MAX], found[SUM_HEX_SIZE] = "";
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", folder->m->extension->folder, sum->name);
	folder->part->files++;
	if (hash_file(folder->m, path, FS_TRUSTED, &st, found, err) < 0)
		return add_error(folder->part, path, err->code, err);
	if (strcmp(found, sum->sha256) != 0)
		return add(folder->part, err, path, "is not as it was packed");
	return 0;
}

/* name is below the folder. */
static bool is_expected(const struct folder *folder, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(agents); i++)
		if (fnmatch(agents[i], name, FNM_PATHNAME | FNM_PERIOD) == 0)
			return true;
	for (size_t i = 0; i < folder->count; i++)
		if (strcmp(folder->sums[i].name, name) == 0)
			return true;
	return false;
}

static int find_extra(struct folder *folder, const char *below, unsigned depth, struct err *err);

static int look_at(struct folder *folder, const char *name, unsigned depth, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", folder->m->extension->folder, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return add(folder->part, err, folder->m->extension->folder,
			   "holds a path that is too long");
	/* What went away meanwhile was the agent's, or is missing by the list. */
	if (fs_lstat(folder->m->sys, path, &st, err) < 0) {
		*err = (struct err){0};
		return 0;
	}
	if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
		return find_extra(folder, name, depth + 1, err);
	return is_expected(folder, name) ? 0 : add(folder->part, err, path, "is not of the zip");
}

/* below: of the folder, "" for itself. */
static int find_extra(struct folder *folder, const char *below, unsigned depth, struct err *err)
{
	AUTO_NAMES names = NULL;
	char path[PATH_MAX], name[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s%s%s", folder->m->extension->folder,
		       below[0] ? "/" : "", below);
	r = fs_list(folder->m->sys, path, &names, err);
	if (r < 0)
		return add_error(folder->part, path, err->code, err);
	for (size_t i = 0; r == 0 && names[i]; i++) {
		if (++folder->seen == INVENTORY_FILES_MAX)
			return add(folder->part, err, path, "holds more than is looked at");
		(void)snprintf(name, sizeof(name), "%s%s%s", below, below[0] ? "/" : "", names[i]);
		r = folder->seen > INVENTORY_FILES_MAX ? 0 : look_at(folder, name, depth, err);
	}
	return r;
}

int inventory_take_folder(struct machine *m, struct inventory *ret, struct err *err)
{
	AUTO_FREE struct sum *sums = calloc(NAMES_MAX + 1, sizeof(*sums));
	struct folder folder = {.m = m, .part = &ret->parts[ret->count++], .sums = sums};
	int r = sums ? 0 : err_oom(err);

	folder.part->name = "extension";
	(void)snprintf(folder.part->version, sizeof(folder.part->version), "%s",
		       m->extension->version);
	(void)snprintf(folder.part->remedy, sizeof(folder.part->remedy),
		       "remove the extension from the VM and add it again");
	if (r == 0)
		r = read_sums(&folder, ret->sums, err);
	if (r < 0 || folder.part->count)
		return r; /* without the list nothing else can be told */
	for (size_t i = 0; r == 0 && i < folder.count; i++)
		r = check_listed(&folder, &folder.sums[i], err);
	return r == 0 ? find_extra(&folder, "", 0, err) : r;
}

/* ---- a package */

struct comparison {
	struct machine *m;
	struct part *part;
};

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Images are built without it. */
static bool may_be_missing(const char *path)
{
	return begins_with(path, "/usr/share/doc/") || begins_with(path, "/usr/share/man/");
}

static int compare_link(struct comparison *comparison, const struct packed_file *file,
			struct err *err)
{
	char target[PATH_MAX];

	if (fs_readlink(comparison->m->sys, file->path, target, sizeof(target), err) < 0)
		return err->code == EINVAL
			       ? add(comparison->part, err, file->path, "is no link")
			       : add_error(comparison->part, file->path, err->code, err);
	if (strcmp(target, file->target) != 0)
		return add(comparison->part, err, file->path, "is a link to elsewhere");
	return 0;
}

static int compare_regular(struct comparison *comparison, const struct packed_file *file,
			   struct err *err)
{
	struct sys *sys = comparison->m->sys;
	char found[SUM_HEX_SIZE] = "";
	struct stat st;

	if (hash_file(comparison->m, file->path, FS_PLACE, &st, found, err) < 0) {
		if (err->code == ENOENT && may_be_missing(file->path)) {
			*err = (struct err){0};
			return 0;
		}
		return add_error(comparison->part, file->path, err->code, err);
	}
	comparison->part->files++;
	if (strcmp(found, file->sha256) != 0)
		return add(comparison->part, err, file->path, "is not as it was packed");
	if (st.st_uid != sys->owner)
		return add(comparison->part, err, file->path, "is not root's");
	if ((st.st_mode & 07777) != (file->mode & 07777))
		return add(comparison->part, err, file->path,
			   "has another mode than it was packed with");
	return 0;
}

/* Directories belong to others as well; those above a file are judged with it. */
static int compare(const struct packed_file *file, void *arg, struct err *err)
{
	if (S_ISLNK(file->mode))
		return compare_link(arg, file, err);
	return S_ISREG(file->mode) ? compare_regular(arg, file, err) : 0;
}

static bool is_found(const struct part *part, const char *path)
{
	for (size_t i = 0; i < part->count; i++)
		if (strcmp(part->findings[i].path, path) == 0)
			return true;
	return false;
}

static int compare_with_zip(struct machine *m, const struct embedded_package *package,
			    const struct part *folder, struct part *part, struct err *err)
{
	struct comparison comparison = {.m = m, .part = part};
	AUTO_CLOSE int fd = -1;
	char path[PATH_MAX];
	struct stat st;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", m->extension->folder, package->file);
	if (folder->files == 0 || is_found(folder, path))
		return add(part, err, path,
			   "is damaged itself, so nothing can be compared with it");
	fd = fs_open_file(m->sys, path, FS_TRUSTED, &st, err);
	if (fd < 0)
		return add_error(part, path, err->code, err);
	r = packed_read(fd, path, compare, &comparison, err);
	if (r != -EBADMSG && r != -EMSGSIZE)
		return r;
	*err = (struct err){0};
	return add(part, err, path, "cannot be read as a package");
}

static int compare_with_record(struct machine *m, const struct pkg_manager *manager,
			       struct part *part, struct err *err)
{
	AUTO_BUF modified = {0};
	int r = pkg_verify(m->sys, manager, part->name, &modified, err);

	if (r == 0 && modified.len && !is_found(part, buf_text(&modified)))
		r = add(part, err, buf_text(&modified),
			"is not as the package manager's record has it");
	return r;
}

static int take_package(struct machine *m, const struct pkg_manager *manager,
			const struct embedded_package *package, const struct part *folder,
			struct part *part, struct err *err)
{
	const bool embedded = m->extension->settings->package_source == PACKAGES_EMBEDDED;
	struct pkg_status status;
	int r = pkg_query(m->sys, manager, package->name, &status, err);

	if (r < 0 || status.state == PKG_ABSENT || status.state == PKG_LEFT_OVER)
		return r;
	(void)snprintf(part->version, sizeof(part->version), "%s", status.version);
	(void)snprintf(part->remedy, sizeof(part->remedy), "%s %s/%s",
		       strcmp(pkg_type(manager), "deb") == 0 ? "dpkg --install"
							     : "rpm --upgrade --replacepkgs",
		       m->extension->folder, package->file);
	if (status.state == PKG_BROKEN)
		return add(part, err, package->name, "is half installed");
	if (embedded && strcmp(status.version, package->version) != 0)
		return add(part, err, package->name, "is not the version of the zip");
	if (embedded)
		r = compare_with_zip(m, package, folder, part, err);
	return r < 0 ? r : compare_with_record(m, manager, part, err);
}

int inventory_take(struct machine *m, struct inventory *ret, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	struct embedded_package package;
	int r = inventory_take_folder(m, ret, err);

	for (size_t i = 0; r == 0 && manager && selection_embedded(m, manager, i, &package); i++) {
		struct part *part = &ret->parts[ret->count++];

		part->name = package.name;
		r = take_package(m, manager, &package, &ret->parts[0], part, err);
	}
	return r;
}
