/* SPDX-License-Identifier: MIT */
/*
 * MUST:
 *  1. only root can write the directory in which a home is made, so that nobody can put a link
 *     in the way between a look and an act;
 *  2. no link is followed, neither in the skeleton nor in what is made;
 *  3. an existing directory is never given to another uid.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "payload/login/home.h"

#define DEPTH_MAX 32
#define RESTORECON_TIMEOUT_MS 5000

/* The directory above, open, and the last name of the path. */
static int open_parent(struct sys *sys, const char *home, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(home, '/');
	struct span head = {(const unsigned char *)home, (size_t)(slash - home)};
	AUTO_CLOSE int fd = -1;
	char parent[PATH_MAX];
	struct stat st;

	if (!span_copy(head, parent, sizeof(parent)))
		return err_set(err, ENAMETOOLONG, "%s", home);
	fd = fs_open(sys, parent[0] ? parent : "/", O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "%s", parent);
	if ((st.st_uid != 0 && st.st_uid != sys->owner) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err, EPERM, "%s can be written by others than root", parent);
	*ret_name = slash + 1;
	return steal_fd(&fd);
}

static int look(int parent, const char *name, const char *home, uint32_t id, bool *ret_exists,
		struct err *err)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		*ret_exists = false;
		return errno == ENOENT ? 0 : err_sys(err, "%s", home);
	}
	if (!S_ISDIR(st.st_mode))
		return reason_refuse(err, REASON_HOME_OWNED, "%s is not a directory", home);
	if (st.st_uid != id)
		return reason_refuse(err, REASON_HOME_OWNED,
				     "%s belongs to uid %u, the account has uid %u", home,
				     st.st_uid, id);
	*ret_exists = true;
	return 0;
}

static int failed(struct err *err)
{
	return reason_add(err, REASON_PROVISION_FAILED);
}

int home_look(struct sys *sys, const char *home, uint32_t id, bool *ret_exists, struct err *err)
{
	AUTO_CLOSE int parent = -1;
	const char *name;

	parent = open_parent(sys, home, &name, err);
	if (parent < 0 || look(parent, name, home, id, ret_exists, err) < 0)
		return failed(err);
	return 0;
}

static int copy_bytes(int from, int to)
{
	char chunk[16384];

	for (;;) {
		ssize_t n = read(from, chunk, sizeof(chunk));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = fs_write_all(to, (struct span){(unsigned char *)chunk, (size_t)n});
		if (r < 0)
			return r;
	}
}

/* The owner first: a change of owner takes bits away. */
static int finish(int fd, mode_t mode, uint32_t id)
{
	return fchown(fd, id, id) < 0 || fchmod(fd, mode & 0777) < 0 ? -errno : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, mode_t mode, uint32_t id)
{
	AUTO_CLOSE int from =
		openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	int r;

	if (from < 0)
		return -errno;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	r = copy_bytes(from, to);
	return r < 0 ? r : finish(to, mode, id);
}

static int copy_link(int from_dir, int to_dir, const char *name, uint32_t id)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, id, id, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_tree(int from_fd, int to, uint32_t id, int depth);

static int copy_directory(int from_dir, int to_dir, const char *name, mode_t mode, uint32_t id,
			  int depth)
{
	AUTO_CLOSE int from =
		openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int to = -1;
	int r;

	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return -errno;
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return -errno;
	r = copy_tree(from, to, id, depth);
	return r < 0 ? r : finish(to, mode, id);
}

static int copy_entry(int from, int to, const char *name, uint32_t id, int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, st.st_mode, id);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, id);
	if (S_ISDIR(st.st_mode))
		return copy_directory(from, to, name, st.st_mode, id, depth + 1);
	return 0;
}

/* Copy what is in one directory into another. */
static int copy_tree(int from_fd, int to, uint32_t id, int depth)
{
	AUTO_CLOSE int from = fcntl(from_fd, F_DUPFD_CLOEXEC, 0);
	struct dirent *entry;
	DIR *dir;
	int r = 0;

	if (depth > DEPTH_MAX)
		return -ELOOP;
	if (from < 0)
		return -errno;
	dir = fdopendir(from);
	if (!dir)
		return -errno;
	(void)steal_fd(&from);
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = copy_entry(from_fd, to, entry->d_name, id, depth);
	if (r == 0)
		r = -errno;
	(void)closedir(dir);
	return r;
}

static int fill(struct sys *sys, int to, uint32_t id, struct err *err)
{
	struct err missing = {0};
	AUTO_CLOSE int skeleton = fs_open(sys, HOME_SKELETON, O_RDONLY | O_DIRECTORY, 0, &missing);
	int r = skeleton == -ENOENT ? 0 : skeleton;

	if (skeleton >= 0)
		r = copy_tree(skeleton, to, id, 0);
	if (r == 0)
		r = finish(to, 0700, id);
	if (r < 0) {
		errno = -r;
		return err_sys(err, "copy " HOME_SKELETON);
	}
	return 0;
}

/* Names beside a home are root's alone to make, so the name of the unfinished one can be fixed. */
static int make(struct sys *sys, int parent, const char *name, const char *home, uint32_t id,
		struct err *err)
{
	char unfinished[64], path[PATH_MAX];
	AUTO_CLOSE int fd = -1;
	int r;

	(void)snprintf(unfinished, sizeof(unfinished), ".aadsshlogin-%u", id);
	(void)snprintf(path, sizeof(path), "%.*s%s", (int)(name - home), home, unfinished);
	r = fs_remove_tree(sys, path, err);
	if (r < 0)
		return r;
	if (mkdirat(parent, unfinished, 0700) < 0)
		return err_sys(err, "make %s", path);
	fd = openat(parent, unfinished, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "%s", path);
	r = fill(sys, fd, id, err);
	if (r == 0 && renameat(parent, unfinished, parent, name) < 0)
		r = err_sys(err, "make %s", home);
	if (r < 0)
		(void)fs_remove_tree(sys, path, &(struct err){0});
	return r;
}

/* What a rename keeps is the context of the directory above; a home has its own. */
static void label(struct sys *sys, const char *home)
{
	static const char merged[] = "/usr/sbin/restorecon"; /* older Debian: not in /usr */
	const char *program = fs_exists(sys, merged) ? merged : "/sbin/restorecon";
	const char *const argv[] = {program, "-R", "--", home, NULL};
	const struct proc_spec spec = {.argv = argv, .timeout_ms = RESTORECON_TIMEOUT_MS};
	AUTO_PROC result = PROC_RESULT_INIT;
	struct err ignored = {0};

	if (fs_exists(sys, "/sys/fs/selinux/enforce"))
		(void)proc_run(sys, &spec, &result, &ignored);
}

int home_make(struct sys *sys, const char *home, uint32_t id, struct err *err)
{
	AUTO_CLOSE int parent = -1;
	const char *name;
	bool exists;

	parent = open_parent(sys, home, &name, err);
	if (parent < 0 || look(parent, name, home, id, &exists, err) < 0)
		return failed(err);
	if (exists)
		return 0;
	if (make(sys, parent, name, home, id, err) < 0)
		return failed(err);
	label(sys, home);
	return 0;
}

int home_remove(struct sys *sys, const char *home, uint32_t id, struct err *err)
{
	bool exists;
	int r = home_look(sys, home, id, &exists, err);

	return r < 0 || !exists ? r : fs_remove_tree(sys, home, err);
}
