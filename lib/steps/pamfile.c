/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/foreign.h"
#include "lib/steps/authselect.h"
#include "lib/steps/pamfile.h"

/* Is what a link in PAM_DIR leads to a name in it too? */
static bool is_looked_at(const char *to)
{
	static const char dir[] = PAM_DIR "/";

	if (strncmp(to, dir, sizeof(dir) - 1) == 0)
		to += sizeof(dir) - 1;
	return strchr(to, '/') == NULL;
}

static int check_link(struct machine *m, const char *path, struct err *err)
{
	struct err ignored = {0};
	AUTO_BUF text = {0};
	char to[PATH_MAX];

	if (fs_readlink(m->sys, path, to, sizeof(to), &ignored) < 0 || is_looked_at(to) ||
	    fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, &ignored) < 0 ||
	    !foreign_pam_has(buf_bytes(&text)))
		return 0;
	(void)err_set(err, EPERM, "%s is a symbolic link to %.80s, which asks pam_aad.so", path,
		      to);
	return err_remedy(err, 0, "put a regular file in the place of %s, or take the lines out",
			  path);
}

bool pamfile_is_none(int r)
{
	return r == -ENOENT || r == -ELOOP || r == -EISDIR || r == -EINVAL || r == -EMSGSIZE ||
	       r == -EBADMSG || r == -ENXIO;
}

int pamfile_foreign(struct machine *m, const char *path, char ret_path[PATH_MAX], struct buf *ret,
		    struct fs_meta *ret_meta, struct err *err)
{
	const char *target = authselect_target(m, path);
	AUTO_BUF text = {0};
	struct stat st;
	int r = fs_read(m->sys, target ?: path, 0, FS_CONFIG_MAX, &text, &st, err);

	if (r < 0 && !pamfile_is_none(r))
		return r;
	*err = (struct err){0};
	if (r == -ELOOP)
		return check_link(m, path, err);
	if (r < 0 || !foreign_pam_has(buf_bytes(&text)))
		return 0;
	(void)snprintf(ret_path, PATH_MAX, "%s", target ?: path);
	buf_move(ret, &text);
	if (ret_meta)
		*ret_meta = (struct fs_meta){st.st_mode & 07777, st.st_uid, st.st_gid};
	return 1;
}
