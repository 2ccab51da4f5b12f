/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "lib/sys/fs.h"
#include "payload/login/ownfile.h"

int ownfile_read(struct sys *sys, const char *path, size_t max, struct buf *ret, struct err *err)
{
	AUTO_BUF text = {0};
	struct stat st;
	int r = fs_read(sys, path, 0, max, &text, &st, err);

	if (r < 0)
		return r;
	if ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_nlink != 1 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err, EPERM, "%s is somebody else's, or others can write it", path);
	buf_move(ret, &text);
	return 0;
}

int ownfile_write(struct sys *sys, const char *path, struct span data, struct err *err)
{
	const struct fs_meta meta = {.mode = 0600, .uid = geteuid(), .gid = getegid()};

	return fs_replace(sys, path, data, &meta, err);
}
