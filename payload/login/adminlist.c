/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "payload/login/accounts.h"
#include "payload/login/adminlist.h"

static int read_list(struct sys *sys, struct buf *ret, struct err *err)
{
	bool exists;

	return fs_read_optional(sys, AADADMINS_PATH, FS_TRUSTED, AADADMINS_MAX, ret, &exists, NULL,
				err);
}

/* The list without the name, and with another one at its end. */
static void edit(struct span text, struct span name, struct span added, struct buf *ret)
{
	struct span line;

	while (span_line(&text, &line)) {
		if (line.len == 0 || span_eq(line, name))
			continue;
		buf_span(ret, line);
		buf_str(ret, "\n");
	}
	if (added.len) {
		buf_span(ret, added);
		buf_str(ret, "\n");
	}
}

/* With the lock. */
static int write_list(struct sys *sys, const char *name, const char *added, struct err *err)
{
	const struct fs_meta meta = {.mode = 0644, .uid = sys->owner, .gid = getegid()};
	AUTO_BUF edited = {0};
	AUTO_BUF text = {0};
	int r = read_list(sys, &text, err);

	if (r < 0)
		return r;
	edit(buf_bytes(&text), span_of(name), span_of(added), &edited);
	r = buf_ok(&edited, err);
	if (r == 0 && edited.len > AADADMINS_MAX)
		r = err_set(err, EMSGSIZE, AADADMINS_PATH " would be longer than it may be");
	return r < 0 ? r : fs_replace(sys, AADADMINS_PATH, buf_bytes(&edited), &meta, err);
}

int adminlist_set(struct sys *sys, const char *name, bool admin, struct err *err)
{
	AUTO_CLOSE int lock = -1;
	AUTO_BUF text = {0};
	int r = read_list(sys, &text, err);

	if (r < 0 || aadadmins_has(buf_bytes(&text), span_of(name)) == admin)
		return r;
	lock = accounts_lock(sys, err);
	r = lock < 0 ? lock : write_list(sys, name, admin ? name : "", err);
	if (r == 0)
		accounts_changed(sys);
	return r;
}

int adminlist_rename(struct sys *sys, const char *former, const char *name, struct err *err)
{
	AUTO_BUF text = {0};
	int r = read_list(sys, &text, err);

	if (r < 0 || !aadadmins_has(buf_bytes(&text), span_of(former)))
		return r;
	return write_list(sys, former, name, err);
}
