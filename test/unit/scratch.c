/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/sha256.h"
#include "lib/sys/fs.h"
#include "test/unit/scratch.h"

#define FOLDER "/tmp"
#define PREFIX "aadssh-unit-"
#define UNHELD "aadssh-new-" /* until it is held */

/* Those of this process that are not done: a test that fails does not come to its end. */
struct open_folder {
	char dir[64];
	int lock; /* held as long as somebody uses the folder */
	struct open_folder *next;
};
static struct open_folder *open_folders;
static pid_t maker;

static int remove_folder(const char *dir)
{
	struct sys host = SYS_INIT;
	struct err err = {0};

	if (sys_open(&host, &err) == 0)
		(void)fs_remove_tree(&host, dir, &err);
	if (err.code)
		print_error("cannot remove %s: %s\n", dir, err.msg);
	sys_done(&host);
	return -err.code;
}

static int close_folder(struct open_folder **where)
{
	struct open_folder *folder = *where;
	int r = remove_folder(folder->dir);

	*where = folder->next;
	(void)close(folder->lock);
	free(folder);
	return r;
}

static void close_all(void)
{
	while (getpid() == maker && open_folders)
		(void)close_folder(&open_folders);
}

/* What a process left that was killed, or is of nobody any more. */
static void remove_if_left(const char *name)
{
	char dir[sizeof(FOLDER) + NAME_MAX + 1];
	struct stat st;
	int fd;

	(void)snprintf(dir, sizeof(dir), FOLDER "/%s", name);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)remove_folder(dir);
	(void)close(fd);
}

static void remove_left(void)
{
	DIR *folder = opendir(FOLDER);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
			remove_if_left(entry->d_name);
	if (folder)
		(void)closedir(folder);
}

static void make_folder(char dir[64])
{
	struct open_folder *folder = calloc(1, sizeof(*folder));
	char held[] = FOLDER "/" UNHELD "XXXXXX";

	assert_non_null(folder);
	if (maker == 0) {
		maker = getpid();
		remove_left();
		assert_int_equal(atexit(close_all), 0);
	}
	assert_non_null(mkdtemp(held));
	assert_int_equal(chmod(held, 0755), 0);
	folder->lock = open(held, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(folder->lock, LOCK_SH), 0);
	(void)snprintf(folder->dir, sizeof(folder->dir), FOLDER "/" PREFIX "%s",
		       held + strlen(FOLDER "/" UNHELD));
	assert_int_equal(rename(held, folder->dir), 0);
	(void)snprintf(dir, sizeof(folder->dir), "%s", folder->dir);
	folder->next = open_folders;
	open_folders = folder;
}

void scratch_open(struct scratch *scratch)
{
	struct err err = {0};

	assert_int_equal(sys_open(&scratch->sys, &err), 0);
	scratch->ops = *scratch->sys.ops;
	scratch->sys.ops = &scratch->ops;
	(void)close(scratch->sys.rootfd);
	make_folder(scratch->dir);
	scratch->sys.rootfd = open(scratch->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(scratch->sys.rootfd >= 0);
	scratch->sys.owner = geteuid();
}

void scratch_done(struct scratch *scratch)
{
	struct open_folder **where = &open_folders;

	sys_done(&scratch->sys);
	while (*where && strcmp((*where)->dir, scratch->dir) != 0)
		where = &(*where)->next;
	assert_non_null(*where);
	assert_int_equal(close_folder(where), 0);
}

void scratch_mkdir(struct scratch *scratch, const char *path, mode_t mode)
{
	char whole[512];

	(void)snprintf(whole, sizeof(whole), "%s%s", scratch->dir, path);
	for (char *slash = whole + strlen(scratch->dir) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		(void)mkdir(whole, 0755);
		(void)chmod(whole, 0755);
		*slash = '/';
	}
	(void)mkdir(whole, mode);
	assert_int_equal(chmod(whole, mode), 0);
}

void scratch_write(struct scratch *scratch, const char *path, const char *text, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	char parent[512], whole[640];
	FILE *file;

	(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	if (parent[0]) {
		struct stat st;

		(void)snprintf(whole, sizeof(whole), "%s%s", scratch->dir, parent);
		if (stat(whole, &st) < 0)
			scratch_mkdir(scratch, parent, 0755);
	}
	(void)snprintf(whole, sizeof(whole), "%s%s", scratch->dir, path);
	(void)unlink(whole);
	file = fopen(whole, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(whole, mode), 0);
}

void scratch_add_sum(struct buf *sums, const char *name, const char *text)
{
	unsigned char sum[SHA256_LEN];

	sha256(span_of(text), sum);
	for (size_t i = 0; i < sizeof(sum); i++)
		buf_printf(sums, "%02x", sum[i]);
	buf_printf(sums, "  %s\n", name);
}

char *scratch_text(struct scratch *scratch, const char *path)
{
	struct buf text = {0};
	struct err err = {0};

	if (fs_read(&scratch->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, &err) < 0)
		return NULL;
	return buf_steal(&text);
}
