/* SPDX-License-Identifier: MIT */
/*
 * Files.  All paths are absolute and open below sys->rootfd, symbolic links included.
 *
 * Invariants:
 *  1. A file is judged by fstat of the descriptor that is then used.
 *  2. What is replaced is replaced whole: a temporary file in the same directory, fsync,
 *     rename, fsync of the directory.  A crash leaves the old file or the new one.  What came, went
 *     or was renamed is on the disk when the call returns: see fsync of the directory.
 *  3. A file that others could write or put another in the place of is neither trusted nor edited:
 *     root alone can write it and every directory above it.  A sticky directory of root's, such as
 *     /tmp, may be above too, when what the path names in it is a directory of root's, not a link.
 */
#ifndef SYS_FS_H
#define SYS_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

#define FS_CONFIG_MAX ((size_t)1 << 20) /* bytes of a configuration file that is still read */

enum fs_flags {
	FS_FOLLOW = 1, /* the last component may be a symbolic link */
	FS_TRUSTED = 2, /* -EPERM unless it is safe from others, see invariant 3 */
	FS_LIVE = 4, /* the runtime rewrites it: the witness notes mode and owner alone */
	FS_PLACE = 8, /* as FS_TRUSTED for the directories above, whoever can write the file */
};

/*
 * Read a regular file whole.  -ENOENT; -EISDIR, -ELOOP or -EINVAL (not a regular file, a link
 * without FS_FOLLOW, more than one hard link with FS_TRUSTED); -EMSGSIZE over max; -EBADMSG when
 * the text holds a NUL; -EPERM not trusted.  meta may be NULL.
 */
int fs_read(struct sys *sys, const char *path, unsigned flags, size_t max, struct buf *ret,
	    struct stat *meta, struct err *err);

/*
 * Open a regular file for reading, judged as fs_read does, errors too.  Returns the descriptor; its
 * stat is *ret.
 */
int fs_open_file(struct sys *sys, const char *path, unsigned flags, struct stat *ret,
		 struct err *err);

/* Like fs_read, but a missing file is an empty buffer and *ret_exists false. */
int fs_read_optional(struct sys *sys, const char *path, unsigned flags, size_t max, struct buf *ret,
		     bool *ret_exists, struct stat *meta, struct err *err);

/* Does this error of a look at a path say that nothing can be there? */
bool fs_says_absent(int code);

/*
 * Is there something of that name (links are not followed)?  What cannot be told counts as absent,
 * and fs_sure says so: once, with the first such error since it was asked last.  Returns 0, or that
 * error.  So a question costs no branch, and who acts on the answers asks whether they were any.
 */
bool fs_exists(struct sys *sys, const char *path);
int fs_sure(struct sys *sys, struct err *err);
int fs_lstat(struct sys *sys, const char *path, struct stat *ret, struct err *err);

/*
 * Are the directories above path root's alone, see invariant 3?  One that is not there yet counts
 * as if it were.  -EPERM, and the failures of stat.
 */
int fs_check_place(struct sys *sys, const char *path, struct err *err);

/* Where a symbolic link points, as a string.  -EINVAL when it is none, -ENAMETOOLONG. */
int fs_readlink(struct sys *sys, const char *path, char *ret, size_t size, struct err *err);

/* Make a symbolic link under path.  -EEXIST when something has that name. */
int fs_symlink(struct sys *sys, const char *to, const char *path, struct err *err);

struct fs_meta {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/*
 * Publish bytes under path, see invariant 2.  -ELOOP when path is a symbolic link.  After a failure
 * the file is as it was, or whole and new: that its directory could not be written to the disk is
 * only known afterwards.
 */
int fs_replace(struct sys *sys, const char *path, struct span data, const struct fs_meta *meta,
	       struct err *err);

/*
 * Write over the bytes of a regular file that is there, for when there is no room beside it.  Who
 * reads meanwhile, or after a failure, may find neither the old nor the new text whole.  -ELOOP,
 * -EINVAL.
 */
int fs_overwrite(struct sys *sys, const char *path, struct span data, struct err *err);

/*
 * What fs_replace leaves beside path when it is killed: the path of that, whether there is such a
 * file or not.  fs_replace and fs_remove of path take it away.  -EINVAL; -ENAMETOOLONG.  name: of
 * a file, without directories.
 */
int fs_left_over(const char *path, char *ret, size_t size, struct err *err);
bool fs_is_left_over(const char *name);

/* Absent already is success. */
int fs_remove(struct sys *sys, const char *path, struct err *err);

/* Give a file another name on the same file system; what has that name is replaced. */
int fs_rename(struct sys *sys, const char *from, const char *to, struct err *err);

/*
 * Make one directory with exactly this mode and owner; one that is there is made so.  When that
 * fails it is not made.  -ENOTDIR.
 */
int fs_mkdir(struct sys *sys, const char *path, const struct fs_meta *meta, struct err *err);
int fs_rmdir(struct sys *sys, const char *path, struct err *err);

/* Remove a directory and all below it, without following links.  Absent already is success. */
int fs_remove_tree(struct sys *sys, const char *path, struct err *err);

/* Write to the disk what is not there yet of the file system that holds path.  The errors of open
 * and syncfs. */
int fs_sync(struct sys *sys, const char *path, struct err *err);

/* Names in a directory, sorted, NULL-terminated, without "." and "..".  Free with fs_names_free. */
int fs_list(struct sys *sys, const char *path, char ***ret, struct err *err);
void fs_names_free(char **names);
#define AUTO_NAMES __attribute__((cleanup(fs_names_done))) char **
void fs_names_done(char ***names);

/* Open below the root with O_CLOEXEC|O_NOCTTY|O_NONBLOCK added.  Returns the descriptor or -errno.
 */
int fs_open(struct sys *sys, const char *path, int flags, mode_t mode, struct err *err);

/* Open /dev/null, for a child's standard streams, with O_CLOEXEC.  Returns the descriptor or -1. */
int fs_open_null(int flags);

/*
 * Read what is left in a descriptor, a pipe's bytes too.  name is for messages.  -EMSGSIZE over
 * max, -EBADMSG when the text holds a NUL, and the errors of read.
 */
int fs_read_fd(int fd, const char *name, size_t max, struct buf *ret, struct err *err);

/* Write all bytes to a descriptor.  Returns 0 or -errno (errno set). */
int fs_write_all(int fd, struct span data);

/*
 * Let the number `to` be what fd is, for programs that are started too.  Returns 0 or -errno (errno
 * set): -EBADF and the like, not -EINTR.
 */
int fs_dup2(int fd, int to);

/*
 * The witness: while sys->witness is set, fs_read, fs_exists, fs_lstat and fs_list note what they
 * looked at.  Comparing the notes later tells in a few system calls whether anything changed.
 * Of a directory that was not listed, and of a live file, only mode and owner count; a live file
 * that is missing is not noted.
 */
struct sighting {
	char *path;
	bool exists;
	bool shallow; /* nothing behind gid counts */
	uint32_t mode, uid, gid;
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

struct witness {
	struct sighting *seen;
	size_t count;
	/* A note is missing, a path could not be looked at, or witness_doubt: concludes nothing. */
	bool failed;
};

/* shallow: see struct sighting.  A path that was noted shallow can be noted whole later. */
void witness_add(struct sys *sys, const char *path, bool shallow);
void witness_done(struct witness *witness);

/* What was concluded depends on something that no path tells of, as an answer from the network. */
void witness_doubt(struct sys *sys);

/* Whether path looks as it did when it was noted; false when that cannot be told. */
bool witness_same(struct sys *sys, const struct sighting *seen);

#endif
