/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/num.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/lookup.h"
#include "lib/sys/proc.h"

#define PASSWD_MAX ((size_t)16 << 20) /* bytes of /etc/passwd and of /etc/group */
#define GETENT_OUTPUT_MAX 65536
#define GETENT_NOT_FOUND 2 /* getent(1) */

/* The first fields of a line, each of which ends with a colon. */
static bool take_fields(struct span line, struct span *ret, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const unsigned char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;

		if (!colon || !span_take(&line, (size_t)(colon - line.p), &ret[i]))
			return false;
		line.p++;
		line.len--;
	}
	return true;
}

/* name:password:uid:gid:... */
static bool parse_line(struct span line, struct local_user *ret)
{
	struct span fields[4] = {{0}};
	struct local_user user;
	uint64_t uid, gid;

	if (!take_fields(line, fields, 4))
		return false;
	if (!span_copy(fields[0], user.name, sizeof(user.name)) || !user.name[0] ||
	    !num_parse(fields[2], UINT32_MAX - 1, &uid) ||
	    !num_parse(fields[3], UINT32_MAX - 1, &gid))
		return false;
	user.uid = (uint32_t)uid;
	user.gid = (uint32_t)gid;
	*ret = user;
	return true;
}

/* The user of that name, or with NULL the first person. */
static int find(struct sys *sys, const char *name, struct local_user *ret, struct err *err)
{
	AUTO_BUF text = {0};
	struct local_user user;
	struct span rest, line;
	int r = fs_read(sys, "/etc/passwd", FS_TRUSTED, PASSWD_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line)) {
		if (!parse_line(line, &user))
			continue;
		if (name ? strcmp(user.name, name) != 0 : user.uid < 1000 || user.uid > 60000)
			continue;
		*ret = user;
		return 0;
	}
	return err_set(err, ENOENT, "there is no user %s in /etc/passwd", name ? name : "");
}

int lookup_local_user(struct sys *sys, const char *name, struct local_user *ret, struct err *err)
{
	return find(sys, name, ret, err);
}

int lookup_local_person(struct sys *sys, struct local_user *ret, struct err *err)
{
	return find(sys, NULL, ret, err);
}

/* name:password:gid:... */
/* name NULL: any group of the id *gid; otherwise *gid is written. */
static int find_group(struct sys *sys, const char *name, uint32_t *gid, struct err *err)
{
	struct span rest, line, fields[3] = {{0}};
	AUTO_BUF text = {0};
	uint64_t found;
	int r = fs_read(sys, "/etc/group", FS_TRUSTED, PASSWD_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line)) {
		if (!take_fields(line, fields, 3) ||
		    !num_parse(fields[2], UINT32_MAX - 1, &found) ||
		    !(name ? span_is(fields[0], name) : found == *gid))
			continue;
		*gid = (uint32_t)found;
		return 0;
	}
	return -ENOENT;
}

int lookup_local_group(struct sys *sys, const char *name, uint32_t *ret_gid, struct err *err)
{
	int r = find_group(sys, name, ret_gid, err);

	if (r == -ENOENT && err->code == 0)
		(void)err_set(err, ENOENT, "there is no group %s in /etc/group", name);
	return r;
}

int lookup_local_gid(struct sys *sys, uint32_t gid, struct err *err)
{
	int r = find_group(sys, NULL, &gid, err);

	if (r == -ENOENT && err->code == 0)
		(void)err_set(err, ENOENT, "no group of /etc/group has the id %u", gid);
	return r;
}

int lookup_getent(struct sys *sys, const char *database, const char *key, struct buf *ret,
		  struct err *err)
{
	const char *const argv[] = {GETENT_PATH, database, key, NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = GETENT_TIMEOUT_MS,
		.output_max = GETENT_OUTPUT_MAX,
		.looks_only = true,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = proc_run(sys, &spec, &res, err);

	if (r == -ENOENT) {
		(void)err_set(err, ENOSYS, GETENT_PATH " is missing");
		return err_remedy(
			err, EXIT_DEPENDENCY,
			"install the package that brings getent (libc-bin, glibc-common, glibc)");
	}
	if (r < 0)
		return r;
	if (res.status == GETENT_NOT_FOUND)
		return err_set(err, ENOENT, "%s is not in %s", key, database);
	if (res.status != 0)
		return err_set(err, EIO, "getent %s failed with %d", database, res.status);
	buf_move(ret, &res.output);
	return 0;
}
