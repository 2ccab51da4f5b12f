/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "handler/presence.h"
#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"

struct uids {
	uint32_t *list;
	size_t count;
};

static void uids_done(struct uids *uids)
{
	free(uids->list);
}

/* Who owns a process: each owner as often as there are processes. */
static int list_owners(struct sys *sys, struct uids *ret, struct err *err)
{
	struct err ignored = {0};
	AUTO_NAMES names = NULL;
	size_t count = 0;

	(void)fs_list(sys, "/proc", &names, &ignored);
	while (names && names[count])
		count++;
	ret->list = calloc(count + 1, sizeof(*ret->list));
	if (!ret->list)
		return err_oom(err);
	for (size_t i = 0; i < count; i++) {
		char path[300];
		struct stat st;

		(void)snprintf(path, sizeof(path), "/proc/%s", names[i]);
		if (strspn(names[i], "0123456789") == strlen(names[i]) &&
		    fs_lstat(sys, path, &st, &ignored) == 0)
			ret->list[ret->count++] = st.st_uid;
	}
	return 0;
}

static bool has(const struct uids *uids, uint32_t uid)
{
	for (size_t i = 0; i < uids->count; i++)
		if (uids->list[i] == uid)
			return true;
	return false;
}

int presence_names(struct sys *sys, uint32_t uid_first, uint32_t uid_last, struct buf *ret,
		   struct err *err)
{
	CLEANUP(uids_done) struct uids owners = {0};
	struct err ignored = {0};
	AUTO_BUF text = {0};
	struct aad_user user;
	struct span rest;

	if (list_owners(sys, &owners, err) < 0)
		return -err->code;
	(void)fs_read(sys, AADPASSWD_PATH, 0, AADPASSWD_MAX, &text, NULL, &ignored);
	rest = buf_bytes(&text);
	while (aadpasswd_next(&rest, &user))
		if (user.id >= uid_first && user.id <= uid_last && has(&owners, user.id))
			buf_printf(ret, "%s%.*s", ret->len ? ", " : "", (int)user.name.len,
				   (const char *)user.name.p);
	return buf_ok(ret, err);
}
