/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "test/unit/oldkernel.h"
#include "test/unit/scratch.h"

#ifndef SYS_openat2 /* glibc before 2.32; the same number on every architecture */
#define SYS_openat2 437
#endif

static int setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	assert_non_null(scratch);
	scratch_open(scratch);
	*state = scratch;
	return 0;
}

static int teardown(void **state)
{
	scratch_done(*state);
	free(*state);
	return 0;
}

/* In place of libc's: which directories were brought to the disk. */
static struct stat synced[8];
static size_t synced_count;

int fsync(int fd)
{
	if (synced_count < ARRAY_LEN(synced) && fstat(fd, &synced[synced_count]) == 0)
		synced_count++;
	return (int)syscall(SYS_fsync, fd);
}

static bool was_synced(struct scratch *s, const char *path)
{
	struct stat st;
	struct err err = {0};

	assert_int_equal(fs_lstat(&s->sys, path, &st, &err), 0);
	for (size_t i = 0; i < synced_count; i++)
		if (synced[i].st_ino == st.st_ino && synced[i].st_dev == st.st_dev)
			return true;
	return false;
}

static int read_into(struct scratch *s, const char *path, unsigned flags, size_t max)
{
	AUTO_BUF text = {0};
	struct err err = {0};
	int r = fs_read(&s->sys, path, flags, max, &text, NULL, &err);

	assert_true(r == 0 || strstr(err.msg, "/"));
	return r;
}

static void only_plain_files_of_a_bounded_size_are_read(void **state)
{
	struct scratch *s = *state;
	char path[128];

	scratch_write(s, "/etc/file", "12345", 0644);
	scratch_mkdir(s, "/etc/dir", 0755);
	(void)snprintf(path, sizeof(path), "%s/etc/link", s->dir);
	assert_int_equal(symlink("file", path), 0);
	(void)snprintf(path, sizeof(path), "%s/etc/fifo", s->dir);
	assert_int_equal(mkfifo(path, 0600), 0);

	assert_int_equal(read_into(s, "/etc/file", 0, 5), 0);
	assert_int_equal(read_into(s, "/etc/file", 0, 4), -EMSGSIZE);
	assert_int_equal(read_into(s, "/etc/none", 0, 5), -ENOENT);
	assert_int_equal(read_into(s, "/etc/dir", 0, 5), -EISDIR);
	assert_int_equal(read_into(s, "/etc/fifo", 0, 5), -EINVAL);
	assert_int_equal(read_into(s, "/etc/link", 0, 5), -ELOOP);
	assert_int_equal(read_into(s, "/etc/link", FS_FOLLOW, 5), 0);
}

/* Paths that links and dots lead about, with the system call and without it. */
static const struct way {
	const char *path;
	int flags, r; /* r: 0 or -errno */
	const char *text; /* of the file that is found */
} ways[] = {
	{"/etc/file", 0, 0, "etc"},
	{"//etc/./file", 0, 0, "etc"},
	{"/etc/../etc/file", 0, 0, "etc"},
	{"/../../etc/file", 0, 0, "etc"},
	{"/etc/dir/..", O_DIRECTORY, 0, NULL},
	{"/etc/dir/", O_DIRECTORY, 0, NULL},
	{"/etc/dir/.", O_DIRECTORY, 0, NULL},
	{"/", O_DIRECTORY, 0, NULL},
	{"/relative", 0, 0, "etc"},
	{"/absolute", 0, 0, "etc"},
	{"/out", 0, 0, "etc"},
	{"/chain", 0, 0, "etc"},
	{"/here/file", 0, 0, "etc"},
	{"/here/file", O_NOFOLLOW, 0, "etc"},
	{"/here", O_DIRECTORY, 0, NULL},
	{"/here/../etc/file", 0, 0, "etc"},
	{"/absolute", O_NOFOLLOW, -ELOOP, NULL},
	{"/here", O_NOFOLLOW | O_DIRECTORY, -ENOTDIR, NULL},
	{"/dangling", 0, -ENOENT, NULL},
	{"/dangling/file", 0, -ENOENT, NULL},
	{"/circle", 0, -ELOOP, NULL},
	{"/circle/file", 0, -ELOOP, NULL},
	{"/etc/file/below", 0, -ENOTDIR, NULL},
	{"/etc/file/", 0, -ENOTDIR, NULL},
	{"/etc/none", 0, -ENOENT, NULL},
	{"/none/file", 0, -ENOENT, NULL},
	{"/absolute", O_CREAT | O_EXCL | O_WRONLY, -EEXIST, NULL},
	{"/dangling", O_CREAT | O_EXCL | O_WRONLY, -EEXIST, NULL},
	{"/dangling", O_CREAT | O_RDWR, 0, ""},
	{"/etc/new", O_CREAT | O_RDWR, 0, ""},
};

static struct scratch tree; /* what ways lead about in */

static int plant_tree(void **state)
{
	static const char *const links[][2] = {
		{"/relative", "etc/../etc/file"},
		{"/absolute", "/etc/file"},
		{"/out", "../../../etc/file"},
		{"/chain", "relative"},
		{"/here", "/etc"},
		{"/dangling", "/later"},
		{"/circle", "/circle"},
	};
	char path[128];

	(void)state;
	scratch_open(&tree);
	scratch_write(&tree, "/etc/file", "etc", 0644);
	scratch_mkdir(&tree, "/etc/dir", 0755);
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", tree.dir, links[i][0]);
		assert_int_equal(symlink(links[i][1], path), 0);
	}
	return 0;
}

static int plant_for_old_kernel(void **state)
{
	oldkernel_lacks = SYS_openat2;
	return plant_tree(state);
}

static int uproot(void **state)
{
	(void)state;
	oldkernel_lacks = 0;
	scratch_done(&tree);
	return 0;
}

static void path_leads(void **state)
{
	const struct way *way = *state;
	struct err err = {0};
	AUTO_CLOSE int fd = fs_open(&tree.sys, way->path, way->flags, 0644, &err);
	AUTO_BUF text = {0};

	assert_int_equal(fd < 0 ? fd : 0, way->r);
	if (way->text) {
		assert_int_equal(fs_read_fd(fd, way->path, 10, &text, &err), 0);
		assert_string_equal(buf_text(&text), way->text);
	}
	assert_int_equal(fs_exists(&tree.sys, "/later"), way->r == 0 && way->path[1] == 'd');
}

static void names_and_paths_too_long_are_refused(void **state)
{
	char path[PATH_MAX + 10] = "/etc/";
	struct err err = {0};

	(void)state;
	memset(path + 5, 'a', NAME_MAX + 1);
	path[5 + NAME_MAX + 1] = '\0';
	assert_int_equal(fs_open(&tree.sys, path, O_RDONLY, 0, &err), -ENAMETOOLONG);
	memset(path + 5, '/', sizeof(path) - 6);
	assert_int_equal(fs_open(&tree.sys, path, O_RDONLY, 0, &err), -ENAMETOOLONG);
}

/* Where a path has "..", the kernel gives up when anything is renamed meanwhile, anywhere. */
static void a_path_is_found_while_others_rename(void **state)
{
	struct scratch *s = *state;
	char from[128], to[128];
	int status, failures = 0;
	pid_t child;

	scratch_write(s, "/usr/lib/os-release", "ID=x\n", 0644);
	scratch_mkdir(s, "/etc", 0755);
	(void)snprintf(from, sizeof(from), "%s/etc/os-release", s->dir);
	assert_int_equal(symlink("../usr/lib/os-release", from), 0);
	scratch_mkdir(s, "/a", 0755);
	(void)snprintf(from, sizeof(from), "%s/a", s->dir);
	(void)snprintf(to, sizeof(to), "%s/b", s->dir);
	child = fork();
	assert_true(child >= 0);
	while (child == 0)
		if (rename(from, to) < 0 || rename(to, from) < 0)
			_exit(1);
	for (int i = 0; i < 20000; i++)
		failures += read_into(s, "/etc/os-release", FS_FOLLOW, 5) < 0;
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(failures, 0);
}

static void text_with_a_nul_is_refused(void **state)
{
	struct scratch *s = *state;
	struct fs_meta meta = {0644, getuid(), getgid()};
	struct err err = {0};

	assert_int_equal(fs_replace(&s->sys, "/file", SPAN_LIT("a\0b"), &meta, &err), 0);
	assert_int_equal(read_into(s, "/file", 0, 10), -EBADMSG);
}

static void what_others_can_write_is_not_trusted(void **state)
{
	struct scratch *s = *state;
	char from[128], to[128];

	scratch_write(s, "/a/b/file", "x", 0644);
	assert_int_equal(read_into(s, "/a/b/file", FS_TRUSTED, 5), 0);
	scratch_mkdir(s, "/a", 0777);
	assert_int_equal(read_into(s, "/a/b/file", FS_TRUSTED, 5), -EPERM);
	scratch_mkdir(s, "/a", 0775);
	assert_int_equal(read_into(s, "/a/b/file", FS_TRUSTED, 5), -EPERM);
	scratch_mkdir(s, "/a", 0755);
	scratch_write(s, "/a/b/file", "x", 0664);
	assert_int_equal(read_into(s, "/a/b/file", FS_TRUSTED, 5), -EPERM);
	scratch_write(s, "/a/b/file", "x", 0644);
	(void)snprintf(from, sizeof(from), "%s/a/b/file", s->dir);
	(void)snprintf(to, sizeof(to), "%s/a/hard", s->dir);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(read_into(s, "/a/b/file", FS_TRUSTED, 5), -EINVAL);
}

static void a_sticky_directory_is_passed_for_a_directory_of_roots(void **state)
{
	struct scratch *s = *state;
	char path[128];

	scratch_write(s, "/tmp/ours/file", "x", 0644);
	scratch_write(s, "/tmp/file", "x", 0644);
	(void)snprintf(path, sizeof(path), "%s/tmp/link", s->dir);
	assert_int_equal(symlink("ours", path), 0);
	scratch_mkdir(s, "/tmp", 01777);
	assert_int_equal(read_into(s, "/tmp/ours/file", FS_TRUSTED, 5), 0);
	assert_int_equal(read_into(s, "/tmp/link/file", FS_TRUSTED, 5), -EPERM);
	assert_int_equal(read_into(s, "/tmp/file", FS_TRUSTED, 5), -EPERM);
	scratch_mkdir(s, "/tmp/ours", 0777);
	assert_int_equal(read_into(s, "/tmp/ours/file", FS_TRUSTED, 5), -EPERM);
	scratch_mkdir(s, "/tmp/ours", 0755);
	scratch_mkdir(s, "/tmp", 0777);
	assert_int_equal(read_into(s, "/tmp/ours/file", FS_TRUSTED, 5), -EPERM);
}

static void a_pipe_is_read_to_its_end(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "12345", 5), 5);
	(void)close(ends[1]);
	assert_int_equal(fs_read_fd(ends[0], "a pipe", 5, &text, &err), 0);
	assert_string_equal(buf_text(&text), "12345");
	(void)close(ends[0]);
	assert_int_equal(fs_read_fd(ends[0], "a pipe", 5, &text, &err), -EBADF);
	assert_string_equal(buf_text(&text), "12345");
}

static void replacing_sets_bytes_and_mode_and_leaves_no_other_file(void **state)
{
	struct scratch *s = *state;
	struct fs_meta meta = {0440, getuid(), getgid()};
	AUTO_NAMES names = NULL;
	AUTO_FREE char *text = NULL;
	struct err err = {0};
	struct stat st;

	scratch_write(s, "/etc/file", "old", 0644);
	scratch_write(s, "/etc/.file.aadssh-new", "left by a killed run", 0600);
	assert_int_equal(fs_replace(&s->sys, "/etc/file", span_of("new"), &meta, &err), 0);
	text = scratch_text(s, "/etc/file");
	assert_string_equal(text, "new");
	assert_int_equal(fs_lstat(&s->sys, "/etc/file", &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0440);
	assert_int_equal(fs_list(&s->sys, "/etc", &names, &err), 0);
	assert_string_equal(names[0], "file");
	assert_null(names[1]);
}

/* A signature of the bytes before would keep everybody from the file where the kernel checks it. */
static void attributes_go_along_but_for_signatures(void **state)
{
	static const struct {
		const char *name;
		bool goes_along;
	} rows[] = {
		{"user.note", true},
		{"security.selinux", true},
		{"security.ima", false},
		{"security.evm", false},
	};
	struct scratch *s = *state;
	const struct fs_meta meta = {0644, getuid(), getgid()};
	struct err err = {0};
	AUTO_CLOSE int old = -1, new = -1;
	char value[8];

	scratch_write(s, "/a", "old", 0644);
	old = openat(s->sys.rootfd, "a", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (fsetxattr(old, rows[i].name, "\3kept", 5, 0) < 0)
			skip(); /* not root, or a file system without them */
	assert_int_equal(fs_replace(&s->sys, "/a", SPAN_LIT("new"), &meta, &err), 0);
	new = openat(s->sys.rootfd, "a", O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(fgetxattr(new, rows[i].name, value, sizeof(value)),
				 rows[i].goes_along ? 5 : -1);
}

static void bytes_are_written_over_in_place(void **state)
{
	struct scratch *s = *state;
	AUTO_CLOSE int reader = -1;
	struct stat before, after;
	struct err err = {0};

	scratch_write(s, "/over", "a longer text", 0604);
	scratch_mkdir(s, "/over-dir", 0755);
	assert_int_equal(fs_symlink(&s->sys, "over", "/over-link", &err), 0);
	assert_int_equal(fs_lstat(&s->sys, "/over", &before, &err), 0);
	assert_int_equal(fs_overwrite(&s->sys, "/over", SPAN_LIT("short"), &err), 0);
	assert_int_equal(fs_lstat(&s->sys, "/over", &after, &err), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_size, 5);
	assert_int_equal(fs_overwrite(&s->sys, "/over-link", SPAN_LIT("x"), &err), -ELOOP);
	assert_int_equal(fs_overwrite(&s->sys, "/over-dir", SPAN_LIT("x"), &err), -EISDIR);
	assert_int_equal(fs_overwrite(&s->sys, "/none", SPAN_LIT("x"), &err), -ENOENT);
	assert_int_equal(mkfifoat(s->sys.rootfd, "over-pipe", 0600), 0);
	reader = openat(s->sys.rootfd, "over-pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_int_equal(fs_overwrite(&s->sys, "/over-pipe", SPAN_LIT("x"), &err), -EINVAL);
}

static void what_cannot_be_told_counts_as_absent_and_is_remembered_once(void **state)
{
	struct scratch *s = *state;
	struct sys closed = s->sys;
	struct err err = {0};

	scratch_write(s, "/there", "", 0644);
	assert_true(fs_exists(&s->sys, "/there"));
	assert_false(fs_exists(&s->sys, "/not-there"));
	assert_false(fs_exists(&s->sys, "/there/below"));
	assert_int_equal(fs_sure(&s->sys, &err), 0);
	closed.rootfd = -1;
	assert_false(fs_exists(&closed, "/there"));
	assert_false(fs_exists(&closed, "/later"));
	assert_int_equal(fs_sure(&closed, &err), -EBADF);
	assert_non_null(strstr(err.msg, "/there"));
	assert_int_equal(fs_sure(&closed, &err), 0);
}

static void links_are_never_replaced(void **state)
{
	struct scratch *s = *state;
	struct fs_meta meta = {0644, getuid(), getgid()};
	struct err err = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/link", s->dir);
	assert_int_equal(symlink("file", path), 0);
	assert_int_equal(fs_replace(&s->sys, "/link", span_of("x"), &meta, &err), -ELOOP);
	assert_int_equal(fs_replace(&s->sys, "/none/file", span_of("x"), &meta, &err), -ENOENT);
}

static void links_are_read_and_made_as_they_are(void **state)
{
	struct scratch *s = *state;
	struct err err = {0};
	char to[8];

	scratch_write(s, "/etc/file", "x", 0644);
	assert_int_equal(fs_symlink(&s->sys, "/etc/f", "/etc/link", &err), 0);
	assert_int_equal(fs_readlink(&s->sys, "/etc/link", to, sizeof(to), &err), 0);
	assert_string_equal(to, "/etc/f");
	assert_int_equal(fs_readlink(&s->sys, "/etc/link", to, 6, &err), -ENAMETOOLONG);
	assert_int_equal(fs_readlink(&s->sys, "/etc/file", to, sizeof(to), &err), -EINVAL);
	assert_int_equal(fs_readlink(&s->sys, "/etc/none", to, sizeof(to), &err), -ENOENT);
	assert_int_equal(fs_symlink(&s->sys, "other", "/etc/link", &err), -EEXIST);
	assert_int_equal(fs_symlink(&s->sys, "other", "/none/link", &err), -ENOENT);
}

static void removing_twice_is_success(void **state)
{
	struct scratch *s = *state;
	struct err err = {0};

	scratch_write(s, "/d/e/file", "x", 0644);
	assert_int_equal(fs_remove(&s->sys, "/d/e/file", &err), 0);
	assert_int_equal(fs_remove(&s->sys, "/d/e/file", &err), 0);
	assert_int_equal(fs_remove(&s->sys, "/none/file", &err), 0);
	scratch_write(s, "/d/e/f/file", "x", 0644);
	assert_int_equal(fs_remove_tree(&s->sys, "/d", &err), 0);
	assert_false(fs_exists(&s->sys, "/d"));
	assert_int_equal(fs_remove_tree(&s->sys, "/d", &err), 0);
}

static void what_came_went_or_was_renamed_is_on_the_disk(void **state)
{
	struct scratch *s = *state;
	const struct fs_meta meta = {.mode = 0755, .uid = geteuid(), .gid = getegid()};
	struct err err = {0};

	scratch_write(s, "/to/x/old", "", 0644);
	scratch_write(s, "/from/b", "text", 0644);
	synced_count = 0;
	assert_int_equal(fs_rename(&s->sys, "/from/b", "/to/b", &err), 0);
	assert_true(was_synced(s, "/from") && was_synced(s, "/to"));
	synced_count = 0;
	assert_int_equal(fs_remove_tree(&s->sys, "/to/x", &err), 0);
	assert_true(was_synced(s, "/to"));
	synced_count = 0;
	assert_int_equal(fs_rmdir(&s->sys, "/from", &err), 0);
	assert_true(was_synced(s, "/"));
	assert_int_equal(fs_rmdir(&s->sys, "/from", &err), 0);
	assert_int_equal(fs_rmdir(&s->sys, "/from/below", &err), 0);
	synced_count = 0;
	assert_int_equal(fs_mkdir(&s->sys, "/to/made", &meta, &err), 0);
	assert_true(was_synced(s, "/to"));
	synced_count = 0;
	assert_int_equal(fs_remove(&s->sys, "/to/b", &err), 0);
	assert_true(was_synced(s, "/to"));
}

static void what_a_killed_write_leaves_is_known_by_its_name(void **state)
{
	char path[64];
	struct err err = {0};

	(void)state;
	assert_int_equal(fs_left_over("/etc/x.conf", path, sizeof(path), &err), 0);
	assert_string_equal(path, "/etc/.x.conf.aadssh-new");
	assert_int_equal(fs_left_over("/x", path, sizeof(path), &err), 0);
	assert_string_equal(path, "/.x.aadssh-new");
	assert_int_equal(fs_left_over("/etc/", path, sizeof(path), &err), -EINVAL);
	assert_int_equal(fs_left_over("/etc/x.conf", path, 23, &err), -ENAMETOOLONG);
	assert_true(fs_is_left_over(".x.conf.aadssh-new"));
	assert_false(fs_is_left_over("x.aadssh-new"));
	assert_false(fs_is_left_over(".aadssh-new"));
	assert_false(fs_is_left_over(".x.aadssh-new.bak"));
}

static void a_removed_tree_takes_no_target_of_a_link_along(void **state)
{
	struct scratch *s = *state;
	struct err err = {0};
	char path[128];

	scratch_write(s, "/kept/file", "x", 0644);
	scratch_mkdir(s, "/gone", 0755);
	(void)snprintf(path, sizeof(path), "%s/gone/link", s->dir);
	assert_int_equal(symlink("../kept", path), 0);
	assert_int_equal(fs_remove_tree(&s->sys, "/gone", &err), 0);
	assert_true(fs_exists(&s->sys, "/kept/file"));
}

static void directories_get_exactly_their_mode(void **state)
{
	struct scratch *s = *state;
	struct fs_meta meta = {0700, getuid(), getgid()};
	struct err err = {0};
	struct stat st;

	assert_int_equal(fs_mkdir(&s->sys, "/dir", &meta, &err), 0);
	meta.mode = 0755;
	assert_int_equal(fs_mkdir(&s->sys, "/dir", &meta, &err), 0);
	assert_int_equal(fs_lstat(&s->sys, "/dir", &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	scratch_write(s, "/file", "x", 0644);
	assert_int_equal(fs_mkdir(&s->sys, "/file", &meta, &err), -ENOTDIR);
}

static void a_witness_sees_each_kind_of_change(void **state)
{
	struct scratch *s = *state;
	CLEANUP(witness_done) struct witness witness = {0};
	struct fs_meta meta = {0644, getuid(), getgid()};
	struct err err = {0};

	scratch_write(s, "/etc/file", "same", 0644);
	s->sys.witness = &witness;
	(void)read_into(s, "/etc/file", 0, 10);
	(void)fs_exists(&s->sys, "/etc/none");
	(void)read_into(s, "/etc/file", 0, 10);
	s->sys.witness = NULL;
	assert_int_equal(witness.count, 2);
	assert_true(witness_same(&s->sys, &witness.seen[0]));
	assert_true(witness_same(&s->sys, &witness.seen[1]));
	assert_int_equal(fs_replace(&s->sys, "/etc/file", span_of("same"), &meta, &err), 0);
	scratch_write(s, "/etc/none", "", 0644);
	assert_false(witness_same(&s->sys, &witness.seen[0]));
	assert_false(witness_same(&s->sys, &witness.seen[1]));
}

static void of_live_files_and_directories_only_mode_and_owner_count(void **state)
{
	struct scratch *s = *state;
	CLEANUP(witness_done) struct witness witness = {0};

	scratch_write(s, "/etc/live", "1", 0644);
	scratch_mkdir(s, "/run", 0755);
	s->sys.witness = &witness;
	(void)read_into(s, "/etc/live", FS_LIVE, 10);
	(void)read_into(s, "/etc/later", FS_LIVE, 10);
	(void)fs_exists(&s->sys, "/run");
	s->sys.witness = NULL;
	assert_int_equal(witness.count, 2);
	scratch_write(s, "/etc/live", "22", 0644);
	scratch_write(s, "/etc/later", "1", 0644);
	scratch_write(s, "/run/new", "", 0644);
	assert_true(witness_same(&s->sys, &witness.seen[0]));
	assert_true(witness_same(&s->sys, &witness.seen[1]));
	scratch_write(s, "/etc/live", "22", 0600);
	scratch_mkdir(s, "/run", 0700);
	assert_false(witness_same(&s->sys, &witness.seen[0]));
	assert_false(witness_same(&s->sys, &witness.seen[1]));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(only_plain_files_of_a_bounded_size_are_read),
		cmocka_unit_test_setup_teardown(names_and_paths_too_long_are_refused, plant_tree,
						uproot),
		cmocka_unit_test_setup_teardown(names_and_paths_too_long_are_refused,
						plant_for_old_kernel, uproot),
		T(a_path_is_found_while_others_rename),
		T(text_with_a_nul_is_refused),
		T(what_others_can_write_is_not_trusted),
		T(a_sticky_directory_is_passed_for_a_directory_of_roots),
		T(a_pipe_is_read_to_its_end),
		T(replacing_sets_bytes_and_mode_and_leaves_no_other_file),
		T(attributes_go_along_but_for_signatures),
		T(bytes_are_written_over_in_place),
		T(what_cannot_be_told_counts_as_absent_and_is_remembered_once),
		T(links_are_never_replaced),
		T(links_are_read_and_made_as_they_are),
		T(removing_twice_is_success),
		T(what_came_went_or_was_renamed_is_on_the_disk),
		T(what_a_killed_write_leaves_is_known_by_its_name),
		T(a_removed_tree_takes_no_target_of_a_link_along),
		T(directories_get_exactly_their_mode),
		T(a_witness_sees_each_kind_of_change),
		T(of_live_files_and_directories_only_mode_and_owner_count),
	};

	struct CMUnitTest rows[2 * ARRAY_LEN(ways)];
	char names[ARRAY_LEN(rows)][80];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool old = i % 2;
		const struct way *way = &ways[i / 2];

		(void)snprintf(names[i], sizeof(names[i]), "%s, %#o%s", way->path,
			       (unsigned)way->flags, old ? ", without openat2" : "");
		rows[i] = (struct CMUnitTest){names[i], path_leads,
					      old ? plant_for_old_kernel : plant_tree, uproot,
					      (void *)(uintptr_t)way};
	}
	return cmocka_run_group_tests(tests, NULL, NULL) +
	       cmocka_run_group_tests_name("paths", rows, NULL, NULL);
}
