/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"

#define XATTR_MAX 4096
#define LINKS_MAX 40 /* as the kernel */
#define OPEN_TRIES 1000

#ifndef SYS_openat2 /* glibc before 2.32; the same number on every architecture */
#define SYS_openat2 437
#endif

/* Paths are absolute in the interface and relative to the root for the kernel. */
static const char *below(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

/* Some file systems let a signal break these off, though nobody here waits for one. */
static int openat_again(int dir, const char *name, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dir, name, flags, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int fs_open_null(int flags)
{
	return openat_again(AT_FDCWD, "/dev/null", flags | O_CLOEXEC, 0);
}

static int fsync_again(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	return r;
}

static int ftruncate_again(int fd, off_t size)
{
	int r;

	do
		r = ftruncate(fd, size);
	while (r < 0 && errno == EINTR);
	return r;
}

/* The walk of a path below the root where the kernel has no openat2. */
struct walk {
	int rootfd, dir; /* dir: where the walk is, owned */
	unsigned links;
	char rest[PATH_MAX]; /* of the path */
};

static void walk_done(struct walk *walk)
{
	cleanup_close(&walk->dir);
}

/* Cut the next name off, "" when there is none.  Returns whether it is the last one. */
static bool next_name(struct walk *walk, char ret[PATH_MAX])
{
	const char *name = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(name, "/"), left = strlen(name + len);

	memcpy(ret, name, len);
	ret[len] = '\0';
	memmove(walk->rest, name + len, left + 1);
	return left == 0;
}

static int enter(struct walk *walk, int from, const char *name)
{
	int fd = openat_again(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	cleanup_close(&walk->dir);
	walk->dir = fd;
	return 0;
}

/* The parent, which of the root is the root itself. */
static int ascend(struct walk *walk)
{
	struct stat root, here;

	if (fstat(walk->rootfd, &root) < 0 || fstat(walk->dir, &here) < 0)
		return -errno;
	if (root.st_dev == here.st_dev && root.st_ino == here.st_ino)
		return 0;
	return enter(walk, walk->dir, "..");
}

/* Go where a symbolic link leads.  -EINVAL when name is none. */
static int follow(struct walk *walk, const char *name)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlinkat(walk->dir, name, target, sizeof(target));
	int n;

	if (len < 0)
		return -errno;
	if (++walk->links > LINKS_MAX)
		return -ELOOP;
	n = snprintf(rest, sizeof(rest), "%.*s%s", (int)len, target, walk->rest);
	if (n < 0 || (size_t)n >= sizeof(rest))
		return -ENAMETOOLONG;
	memcpy(walk->rest, rest, (size_t)n + 1);
	return target[0] == '/' ? enter(walk, walk->rootfd, ".") : 0;
}

static int step(struct walk *walk, const char *name)
{
	int r;

	if (strcmp(name, "..") == 0)
		return ascend(walk);
	r = enter(walk, walk->dir, name[0] ? name : ".");
	if (r == -ENOTDIR)
		r = follow(walk, name);
	return r == -EINVAL ? -ENOTDIR : r;
}

static int open_at(struct walk *walk, const char *name, int flags, mode_t mode)
{
	int fd = openat_again(walk->dir, name, flags, mode);

	return fd < 0 ? -errno : fd;
}

/*
 * What openat2 does with RESOLVE_IN_ROOT, for kernels before 5.6 and below filters that do not know
 * the call: an absolute link begins at the root, and nothing leads out of it.
 */
static int open_in_root(int rootfd, const char *path, int flags, mode_t mode)
{
	CLEANUP(walk_done) struct walk walk = {.rootfd = rootfd, .dir = -1};
	char name[PATH_MAX];
	int r;

	if (!span_copy(span_of(path), walk.rest, sizeof(walk.rest)))
		return -ENAMETOOLONG;
	r = enter(&walk, rootfd, ".");
	while (r == 0) {
		const bool last = next_name(&walk, name);

		if (last && (name[0] == '\0' || strcmp(name, ".") == 0))
			return open_at(&walk, ".", flags, mode);
		if (last && strcmp(name, "..") != 0) {
			/* Should it become a link in between, it is not followed. */
			r = flags & (O_NOFOLLOW | O_EXCL) ? -EINVAL : follow(&walk, name);
			if (r == -EINVAL || r == -ENOENT)
				return open_at(&walk, name, flags | O_NOFOLLOW, mode);
		} else {
			r = step(&walk, name);
		}
	}
	return r;
}

/*
 * A path that goes up, as links do, is given up when anything is renamed meanwhile, anywhere on the
 * machine: openat2(2) says to try again.
 */
static long open_below(int rootfd, const char *path, struct open_how *how)
{
	long fd;

	for (int tries = 0; tries < OPEN_TRIES; tries++) {
		fd = syscall(SYS_openat2, rootfd, path, how, sizeof(*how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int fs_open(struct sys *sys, const char *path, int flags, mode_t mode, struct err *err)
{
	/* The kernel takes no other flags with O_PATH, which opens nothing that could block. */
	const int always = flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | always),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT,
	};
	long fd = open_below(sys->rootfd, below(path), &how);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		fd = open_in_root(sys->rootfd, below(path), (int)how.flags, mode);
		if (fd < 0)
			errno = (int)-fd;
	}
	return fd < 0 ? err_sys(err, "%s", path) : (int)fd;
}

/* Split /a/b/c into a descriptor of /a/b and "c", so that the pair is used without another lookup.
 */
static int open_parent(struct sys *sys, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];

	if (path[0] != '/' || !slash[1] ||
	    !span_copy((struct span){(const unsigned char *)path, (size_t)(slash - path)}, parent,
		       sizeof(parent)))
		return err_set(err, EINVAL, "%s is not the path of a file", path);
	*ret_name = slash + 1;
	return fs_open(sys, parent[0] ? parent : "/", O_RDONLY | O_DIRECTORY, 0, err);
}

static bool is_root_owned(struct sys *sys, const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == sys->owner;
}

static bool others_can_write(struct sys *sys, const struct stat *st)
{
	return !is_root_owned(sys, st) || (st->st_mode & (S_IWGRP | S_IWOTH));
}

/*
 * Others can add names to a sticky directory such as /tmp, but cannot take root's away.  Links and
 * files of root's can be brought there from elsewhere; a directory of root's cannot.
 */
static bool is_kept(struct sys *sys, const struct stat *parent, const char *path)
{
	struct stat st;

	return is_root_owned(sys, parent) && (parent->st_mode & S_ISVTX) &&
	       fstatat(sys->rootfd, below(path), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode) && is_root_owned(sys, &st);
}

int fs_check_place(struct sys *sys, const char *path, struct err *err)
{
	char parent[PATH_MAX];
	struct stat st;

	if (!span_copy(span_of(path), parent, sizeof(parent)))
		return err_set(err, ENAMETOOLONG, "%.64s...", path);
	for (char *slash = strrchr(parent, '/'); slash; slash = strrchr(parent, '/')) {
		bool kept;

		*slash = '\0';
		if (fstatat(sys->rootfd, below(parent), &st, 0) < 0) {
			if (errno == ENOENT)
				continue;
			return err_sys(err, "%s", parent);
		}
		*slash = '/'; /* for a moment it is the child's path again */
		kept = !others_can_write(sys, &st) || is_kept(sys, &st, parent);
		*slash = '\0';
		if (!kept)
			return err_set(err, EPERM, "%s can be written by others than root",
				       parent[0] ? parent : "/");
	}
	return 0;
}

static int check_file(struct sys *sys, const char *path, unsigned flags, const struct stat *st,
		      struct err *err)
{
	if (S_ISDIR(st->st_mode))
		return err_set(err, EISDIR, "%s is a directory", path);
	if (!S_ISREG(st->st_mode))
		return err_set(err, EINVAL, "%s is not a regular file", path);
	if (flags & FS_TRUSTED && st->st_nlink > 1)
		return err_set(err, EINVAL, "%s has more than one hard link", path);
	if (flags & FS_TRUSTED && others_can_write(sys, st))
		return err_set(err, EPERM, "%s can be written by others than root", path);
	return flags & (FS_TRUSTED | FS_PLACE) ? fs_check_place(sys, path, err) : 0;
}

static int read_all(int fd, const char *path, size_t max, struct buf *ret, struct err *err)
{
	char chunk[16384];
	ssize_t n;

	for (;;) {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read %s", path);
		if (n == 0)
			return buf_ok(ret, err);
		if (ret->len + (size_t)n > max)
			return err_set(err, EMSGSIZE, "%s is larger than %zu bytes", path, max);
		buf_add(ret, chunk, (size_t)n);
	}
}

int fs_read_fd(int fd, const char *name, size_t max, struct buf *ret, struct err *err)
{
	AUTO_BUF text = {0};
	int r = read_all(fd, name, max, &text, err);

	if (r == 0 && span_has_nul(buf_bytes(&text)))
		r = err_set(err, EBADMSG, "%s is not text: it holds a NUL", name);
	if (r == 0)
		buf_move(ret, &text);
	return r;
}

int fs_open_file(struct sys *sys, const char *path, unsigned flags, struct stat *ret,
		 struct err *err)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	witness_add(sys, path, flags & FS_LIVE);
	fd = fs_open(sys, path, O_RDONLY | (flags & FS_FOLLOW ? 0 : O_NOFOLLOW), 0, err);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, "%s", path);
	r = check_file(sys, path, flags, &st, err);
	if (r < 0)
		return r;
	*ret = st;
	return steal_fd(&fd);
}

int fs_read(struct sys *sys, const char *path, unsigned flags, size_t max, struct buf *ret,
	    struct stat *meta, struct err *err)
{
	struct stat st;
	AUTO_CLOSE int fd = fs_open_file(sys, path, flags, &st, err);
	int r;

	if (fd < 0)
		return fd;
	r = fs_read_fd(fd, path, max, ret, err);
	if (r == 0 && meta)
		*meta = st;
	return r;
}

int fs_read_optional(struct sys *sys, const char *path, unsigned flags, size_t max, struct buf *ret,
		     bool *ret_exists, struct stat *meta, struct err *err)
{
	int r = fs_read(sys, path, flags, max, ret, meta, err);

	if (r == -ENOENT) {
		buf_done(ret);
		*err = (struct err){0};
	}
	*ret_exists = r == 0;
	return r == -ENOENT ? 0 : r;
}

int fs_lstat(struct sys *sys, const char *path, struct stat *ret, struct err *err)
{
	int r = fstatat(sys->rootfd, below(path), ret, AT_SYMLINK_NOFOLLOW);
	int saved = errno;

	witness_add(sys, path, r == 0 && S_ISDIR(ret->st_mode));
	errno = saved;
	return r < 0 ? err_sys(err, "%s", path) : 0;
}

bool fs_says_absent(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENAMETOOLONG ||
	       code == EACCES;
}

bool fs_exists(struct sys *sys, const char *path)
{
	struct err err = {0};
	struct stat st;

	if (fs_lstat(sys, path, &st, &err) == 0)
		return true;
	if (!fs_says_absent(err.code) && sys->doubt.code == 0)
		sys->doubt = err;
	return false;
}

int fs_sure(struct sys *sys, struct err *err)
{
	const struct err doubt = sys->doubt;

	sys->doubt = (struct err){0};
	if (doubt.code)
		*err = doubt;
	return -doubt.code;
}

int fs_readlink(struct sys *sys, const char *path, char *ret, size_t size, struct err *err)
{
	struct stat st;
	ssize_t len;

	if (fs_lstat(sys, path, &st, err) < 0)
		return -err->code;
	if (!S_ISLNK(st.st_mode))
		return err_set(err, EINVAL, "%s is not a symbolic link", path);
	len = readlinkat(sys->rootfd, below(path), ret, size);
	if (len < 0)
		return err_sys(err, "%s", path);
	if ((size_t)len == size)
		return err_set(err, ENAMETOOLONG, "%s points too far", path);
	ret[len] = '\0';
	return 0;
}

int fs_symlink(struct sys *sys, const char *to, const char *path, struct err *err)
{
	AUTO_CLOSE int dirfd = -1;
	const char *name;

	dirfd = open_parent(sys, path, &name, err);
	if (dirfd < 0)
		return dirfd;
	if (symlinkat(to, dirfd, name) < 0 || fsync_again(dirfd) < 0)
		return err_sys(err, "link %s", path);
	return 0;
}

int fs_write_all(int fd, struct span data)
{
	while (data.len) {
		ssize_t n = write(fd, data.p, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data.p += n;
		data.len -= (size_t)n;
	}
	return 0;
}

int fs_dup2(int fd, int to)
{
	while (dup2(fd, to) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* The name is fixed, so that what a killed run left behind is found by the next one. */
#define LEFT_OVER ".aadssh-new"

static int temp_name(const char *name, char *ret, size_t size, struct err *err)
{
	int n = snprintf(ret, size, ".%s" LEFT_OVER, name);

	if (n < 0 || (size_t)n >= size)
		return err_set(err, ENAMETOOLONG, "%s", name);
	return 0;
}

int fs_left_over(const char *path, char *ret, size_t size, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char temp[NAME_MAX + 1];
	int n;

	if (!slash || !slash[1])
		return err_set(err, EINVAL, "%s is not the path of a file", path);
	if (temp_name(slash + 1, temp, sizeof(temp), err) < 0)
		return -err->code;
	n = snprintf(ret, size, "%.*s/%s", (int)(slash - path), path, temp);
	return n < 0 || (size_t)n >= size ? err_set(err, ENAMETOOLONG, "%s", path) : 0;
}

bool fs_is_left_over(const char *name)
{
	size_t len = strlen(name), tail = sizeof(LEFT_OVER) - 1;

	return name[0] == '.' && len > tail && strcmp(name + len - tail, LEFT_OVER) == 0;
}

static bool has_attribute(int fd, const char *name, const char *value, size_t len)
{
	char given[XATTR_MAX];
	ssize_t n = fgetxattr(fd, name, given, sizeof(given));

	return n >= 0 && (size_t)n == len && memcmp(given, value, len) == 0;
}

/* A signature is of the bytes before: where IMA asks for one, nobody could open the file any more.
 */
static bool is_of_bytes(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

/*
 * Access lists and the SELinux context go with the file; file systems without them are fine.  To
 * set the context that a file has already needs a right too, which a confined process may not have.
 */
static void copy_attributes(int dirfd, const char *name, int to)
{
	AUTO_CLOSE int from =
		openat_again(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	char names[XATTR_MAX], value[XATTR_MAX];
	ssize_t total = from < 0 ? -1 : flistxattr(from, names, sizeof(names));

	for (ssize_t at = 0; at < total; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t len = is_of_bytes(names + at)
				      ? -1
				      : fgetxattr(from, names + at, value, sizeof(value));

		if (len >= 0 && !has_attribute(to, names + at, value, (size_t)len))
			(void)fsetxattr(to, names + at, value, (size_t)len, 0);
	}
}

static int publish(int dirfd, const char *name, const char *temp, int fd, struct span data,
		   const struct fs_meta *meta)
{
	if (fs_write_all(fd, data) < 0)
		return -errno;
	copy_attributes(dirfd, name, fd);
	if (fchown(fd, meta->uid, meta->gid) < 0 || fchmod(fd, meta->mode & 07777) < 0 ||
	    fsync_again(fd) < 0 || renameat(dirfd, temp, dirfd, name) < 0)
		return -errno;
	return fsync_again(dirfd) < 0 ? -errno : 0;
}

int fs_replace(struct sys *sys, const char *path, struct span data, const struct fs_meta *meta,
	       struct err *err)
{
	AUTO_CLOSE int dirfd = -1, fd = -1;
	char temp[NAME_MAX + 1];
	const char *name;
	struct stat st;
	int r;

	dirfd = open_parent(sys, path, &name, err);
	if (dirfd < 0)
		return dirfd;
	if (temp_name(name, temp, sizeof(temp), err) < 0)
		return -err->code;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, S_ISLNK(st.st_mode) ? ELOOP : EINVAL,
			       "%s is not a regular file", path);
	if (unlinkat(dirfd, temp, 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove the left-over of %s", path);
	fd = openat_again(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "create a file beside %s", path);
	r = publish(dirfd, name, temp, fd, data, meta);
	if (r < 0) {
		(void)unlinkat(dirfd, temp, 0);
		errno = -r;
		return err_sys(err, "write %s", path);
	}
	return 0;
}

int fs_overwrite(struct sys *sys, const char *path, struct span data, struct err *err)
{
	AUTO_CLOSE int fd = fs_open(sys, path, O_WRONLY | O_NOFOLLOW, 0, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "%s is not a regular file", path);
	if (fs_write_all(fd, data) < 0 || ftruncate_again(fd, (off_t)data.len) < 0 ||
	    fsync_again(fd) < 0)
		return err_sys(err, "write over %s", path);
	return 0;
}

int fs_remove(struct sys *sys, const char *path, struct err *err)
{
	AUTO_CLOSE int dirfd = -1;
	char temp[NAME_MAX + 1];
	const char *name;

	dirfd = open_parent(sys, path, &name, err);
	if (dirfd == -ENOENT) {
		*err = (struct err){0};
		return 0;
	}
	if (dirfd < 0)
		return dirfd;
	if (temp_name(name, temp, sizeof(temp), err) < 0)
		return -err->code;
	(void)unlinkat(dirfd, temp, 0);
	if (unlinkat(dirfd, name, 0) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(err, "remove %s", path);
	}
	return fsync_again(dirfd) < 0 ? err_sys(err, "remove %s", path) : 0;
}

int fs_rename(struct sys *sys, const char *from, const char *to, struct err *err)
{
	AUTO_CLOSE int from_dir = -1, to_dir = -1;
	const char *from_name, *to_name;

	from_dir = open_parent(sys, from, &from_name, err);
	if (from_dir < 0)
		return from_dir;
	to_dir = open_parent(sys, to, &to_name, err);
	if (to_dir < 0)
		return to_dir;
	if (renameat(from_dir, from_name, to_dir, to_name) < 0 || fsync_again(to_dir) < 0 ||
	    fsync_again(from_dir) < 0)
		return err_sys(err, "rename %s to %s", from, to);
	return 0;
}

static int set_directory(int parent, const char *name, const struct fs_meta *meta)
{
	AUTO_CLOSE int fd =
		openat_again(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0 || fchown(fd, meta->uid, meta->gid) < 0 || fchmod(fd, meta->mode & 07777) < 0 ||
	    fsync_again(parent) < 0)
		return -errno;
	return 0;
}

int fs_mkdir(struct sys *sys, const char *path, const struct fs_meta *meta, struct err *err)
{
	AUTO_CLOSE int parent = -1;
	const char *name;
	bool made;
	int r;

	parent = open_parent(sys, path, &name, err);
	if (parent < 0)
		return parent;
	made = mkdirat(parent, name, 0700) == 0;
	if (!made && errno != EEXIST)
		return err_sys(err, "make %s", path);
	r = set_directory(parent, name, meta);
	if (r == 0)
		return 0;
	if (made)
		(void)unlinkat(parent, name, AT_REMOVEDIR);
	errno = -r;
	return err_sys(err, "make %s", path);
}

int fs_rmdir(struct sys *sys, const char *path, struct err *err)
{
	AUTO_CLOSE int parent = -1;
	const char *name;

	parent = open_parent(sys, path, &name, err);
	if (parent == -ENOENT) {
		*err = (struct err){0};
		return 0;
	}
	if (parent < 0)
		return parent;
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "remove %s", path);
	return fsync_again(parent) < 0 ? err_sys(err, "remove %s", path) : 0;
}

/* Empty the directory that fd names; the descriptor is consumed. */
static int empty_dir(int fd, const char *path, struct err *err)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		r = err_sys(err, "%s", path);
		(void)close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		const char *name = entry->d_name;
		int child;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), name, 0) == 0 || errno == ENOENT)
			continue;
		child = openat_again(dirfd(dir), name,
				     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
		if (child < 0)
			r = err_sys(err, "remove %s/%s", path, name);
		else
			r = empty_dir(child, path, err);
		if (r == 0 && unlinkat(dirfd(dir), name, AT_REMOVEDIR) < 0)
			r = err_sys(err, "remove %s/%s", path, name);
	}
	if (r == 0 && errno)
		r = err_sys(err, "%s", path);
	(void)closedir(dir);
	return r;
}

int fs_remove_tree(struct sys *sys, const char *path, struct err *err)
{
	int fd = fs_open(sys, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
	int r;

	if (fd == -ENOENT) {
		*err = (struct err){0};
		return 0;
	}
	if (fd < 0)
		return fd;
	r = empty_dir(fd, path, err);
	return r < 0 ? r : fs_rmdir(sys, path, err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int collect_names(DIR *dir, char ***names, size_t *count)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir))) {
		char **grown;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		grown = reallocarray(*names, *count + 2, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		*names = grown;
		grown[*count] = strdup(entry->d_name);
		if (!grown[*count])
			return -ENOMEM;
		grown[++*count] = NULL;
	}
	return -errno;
}

int fs_list(struct sys *sys, const char *path, char ***ret, struct err *err)
{
	AUTO_NAMES names = calloc(1, sizeof(char *));
	size_t count = 0;
	DIR *dir;
	int fd, r;

	if (!names)
		return err_oom(err);
	witness_add(sys, path, false);
	fd = fs_open(sys, path, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		r = err_sys(err, "%s", path);
		(void)close(fd);
		return r;
	}
	r = collect_names(dir, &names, &count);
	(void)closedir(dir);
	if (r < 0) {
		errno = -r;
		return err_sys(err, "%s", path);
	}
	qsort(names, count, sizeof(*names), by_name);
	*ret = steal_ptr(names);
	return 0;
}

void fs_names_free(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

void fs_names_done(char ***names)
{
	fs_names_free(*names);
}

int fs_sync(struct sys *sys, const char *path, struct err *err)
{
	AUTO_CLOSE int fd = fs_open(sys, path, O_RDONLY, 0, err);

	if (fd < 0)
		return fd;
	return syncfs(fd) < 0 ? err_sys(err, "write what %s is in to the disk", path) : 0;
}
