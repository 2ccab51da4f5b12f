/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/sys/fs.h"
#include "test/unit/scratch.h"

void scratch_open(struct scratch *scratch)
{
	struct err err = {0};

	assert_int_equal(sys_open(&scratch->sys, &err), 0);
	scratch->ops = *scratch->sys.ops;
	scratch->sys.ops = &scratch->ops;
	(void)close(scratch->sys.rootfd);
	(void)snprintf(scratch->dir, sizeof(scratch->dir), "/tmp/aadssh-test-XXXXXX");
	assert_non_null(mkdtemp(scratch->dir));
	assert_int_equal(chmod(scratch->dir, 0755), 0);
	scratch->sys.rootfd = open(scratch->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(scratch->sys.rootfd >= 0);
	scratch->sys.owner = geteuid();
}

void scratch_done(struct scratch *scratch)
{
	struct sys host = SYS_INIT;
	struct err err = {0};

	sys_done(&scratch->sys);
	assert_int_equal(sys_open(&host, &err), 0);
	assert_int_equal(fs_remove_tree(&host, scratch->dir, &err), 0);
	sys_done(&host);
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

char *scratch_text(struct scratch *scratch, const char *path)
{
	struct buf text = {0};
	struct err err = {0};

	if (fs_read(&scratch->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, &err) < 0)
		return NULL;
	return buf_steal(&text);
}
