/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/core/aadindexmake.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"

static bool is_of_text(struct sys *sys, const struct aadindex_mark *text)
{
	struct err ignored = {0};
	struct aadindex_mark now;
	struct stat st;
	AUTO_CLOSE int fd = fs_open(sys, AADPASSWD_PATH, O_RDONLY | O_NOFOLLOW, 0, &ignored);

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	now = aadindex_mark_of(&st);
	return aadindex_mark_same(&now, text);
}

/* The descriptor of an index of the text in force, or -ESTALE. */
static int open_index(struct sys *sys, unsigned char buffer[AADINDEX_FETCH_MAX],
		      struct aadindex_source *ret_source, struct aadindex_head *ret_head)
{
	struct err ignored = {0};
	struct stat st;
	AUTO_CLOSE int fd = fs_open_file(sys, AADINDEX_PATH, FS_TRUSTED | FS_LIVE, &st, &ignored);

	if (fd < 0)
		return -ESTALE;
	*ret_source = aadindex_from_file(fd, (uint64_t)st.st_size, buffer);
	if (aadindex_open(ret_source, ret_head) < 0 || !is_of_text(sys, &ret_head->text))
		return -ESTALE;
	return steal_fd(&fd);
}

bool userindex_is_current(struct sys *sys)
{
	unsigned char buffer[AADINDEX_FETCH_MAX];
	struct aadindex_source source;
	struct aadindex_head head;
	AUTO_CLOSE int fd = open_index(sys, buffer, &source, &head);

	return fd >= 0;
}

int userindex_find(struct sys *sys, const char *lower, unsigned char buffer[AADINDEX_FETCH_MAX],
		   struct aad_user *ret)
{
	struct span line, name = span_of(lower);
	struct aadindex_source source;
	struct aadindex_head head;
	struct aad_user user;
	AUTO_CLOSE int fd = open_index(sys, buffer, &source, &head);
	int r = fd < 0 ? fd : aadindex_by_name(&source, &head, name, &line);

	if (r == -ENOENT)
		return r;
	if (r < 0 || !aadpasswd_parse(line, &user) || !span_eq(user.name, name))
		return -ESTALE;
	*ret = user;
	return 0;
}

/* Nobody reads in the index who must not read the text. */
static int write_index(struct sys *sys, const struct stat *st, struct span bytes, struct err *err)
{
	const struct fs_meta meta = {
		.mode = st->st_mode & 0644,
		.uid = sys->owner,
		.gid = sys->owner ? getegid() : 0,
	};

	return fs_replace(sys, AADINDEX_PATH, bytes, &meta, err);
}

int userindex_publish(struct sys *sys, struct err *err)
{
	AUTO_BUF text = {0}, index = {0};
	struct aadindex_mark mark;
	struct stat st;
	bool exists;
	int r;

	if (userindex_is_current(sys))
		return 0;
	r = fs_read_optional(sys, AADPASSWD_PATH, FS_TRUSTED | FS_LIVE, AADPASSWD_MAX, &text,
			     &exists, &st, err);
	if (r < 0)
		return r;
	if (!exists)
		return userindex_remove(sys, err);
	mark = aadindex_mark_of(&st);
	r = aadindex_make(buf_bytes(&text), &mark, &index, err);
	return r < 0 ? r : write_index(sys, &st, buf_bytes(&index), err);
}

int userindex_remove(struct sys *sys, struct err *err)
{
	return fs_remove(sys, AADINDEX_PATH, err);
}
