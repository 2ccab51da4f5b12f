/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "handler/steps/backups.h"
#include "lib/core/cleanup.h"
#include "lib/sys/holder.h"

#define KEPT_DIR STATE_DIR "/accounts"
#define ACCOUNTS_MAX ((size_t)16 << 20)
#define OUR_USER "aadsshlogin"
#define OUR_LINE OUR_USER ":"
#define TIMEOUT_MS 30000

static const char *const files[] = {"passwd", "group", "shadow", "gshadow"};

/* One file, as it is below some directory. */
struct copy {
	bool exists;
	struct buf bytes;
	struct fs_meta meta;
};

#define AUTO_COPY __attribute__((cleanup(copy_done))) struct copy

static void copy_done(struct copy *copy)
{
	buf_done(&copy->bytes);
}

static int copy_read(struct machine *m, const char *dir, const char *name, const char *suffix,
		     struct copy *ret, struct err *err)
{
	char path[PATH_MAX];
	struct stat st = {0};
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	r = fs_read_optional(m->sys, path, 0, ACCOUNTS_MAX, &ret->bytes, &ret->exists, &st, err);
	ret->meta =
		(struct fs_meta){.mode = st.st_mode & 07777, .uid = st.st_uid, .gid = st.st_gid};
	return r;
}

static int copy_write(struct machine *m, const char *dir, const char *name, const char *suffix,
		      const struct copy *copy, struct err *err)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	if (!copy->exists)
		return fs_remove(m->sys, path, err);
	return fs_replace(m->sys, path, buf_bytes(&copy->bytes), &copy->meta, err);
}

static bool is_ours(struct span line)
{
	return line.len >= sizeof(OUR_LINE) - 1 &&
	       memcmp(line.p, OUR_LINE, sizeof(OUR_LINE) - 1) == 0;
}

static bool has_our_line(const struct copy *copy)
{
	struct span rest = buf_bytes(&copy->bytes), line;

	while (span_line(&rest, &line))
		if (is_ours(line))
			return true;
	return false;
}

static bool same(const struct copy *a, const struct copy *b)
{
	return a->exists == b->exists && span_eq(buf_bytes(&a->bytes), buf_bytes(&b->bytes));
}

/* Is `with` the same text but for lines of our user? */
static bool differs_by_our_line(const struct copy *with, const struct copy *without)
{
	struct span rest = buf_bytes(&with->bytes), line;
	AUTO_BUF others = {0};

	while (span_line(&rest, &line)) {
		if (is_ours(line))
			continue;
		buf_span(&others, line);
		buf_str(&others, "\n");
	}
	return !others.failed && span_eq(buf_bytes(&others), buf_bytes(&without->bytes));
}

/* The backup first: when the file itself is kept, both are. */
static int save_one(struct machine *m, const char *name, struct err *err)
{
	AUTO_COPY then = {0}, now = {0}, backup = {0};
	int r = copy_read(m, KEPT_DIR, name, "", &then, err);

	if (r == 0)
		r = copy_read(m, "/etc", name, "", &now, err);
	/* A useradd that was killed may have left half of its backup. */
	if (r < 0 || (then.exists && same(&then, &now)))
		return r;
	r = copy_read(m, "/etc", name, "-", &backup, err);
	if (r == 0)
		r = copy_write(m, KEPT_DIR, name, "-", &backup, err);
	return r < 0 ? r : copy_write(m, KEPT_DIR, name, "", &now, err);
}

int backups_save(struct machine *m, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0700);
	AUTO_COPY passwd = {0};
	int r = copy_read(m, "/etc", "passwd", "", &passwd, err);

	if (r < 0 || has_our_line(&passwd))
		return r;
	r = fs_mkdir(m->sys, KEPT_DIR, &meta, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(files); i++)
		r = save_one(m, files[i], err);
	return r;
}

static int restore_one(struct machine *m, const char *name, struct err *err)
{
	AUTO_COPY then = {0}, now = {0}, backup_then = {0}, backup_now = {0};
	int r = copy_read(m, KEPT_DIR, name, "", &then, err);

	if (r == 0)
		r = copy_read(m, "/etc", name, "", &now, err);
	if (r == 0)
		r = copy_read(m, KEPT_DIR, name, "-", &backup_then, err);
	if (r == 0)
		r = copy_read(m, "/etc", name, "-", &backup_now, err);
	if (r < 0 || !same(&then, &now) || same(&backup_then, &backup_now) ||
	    !differs_by_our_line(&backup_now, &now))
		return r;
	return copy_write(m, "/etc", name, "-", &backup_then, err);
}

/* The package goes although its script could not remove the user, as on a disk that was full. */
static int remove_account(struct machine *m, const char *name, const char *program, struct err *err)
{
	const char *const argv[] = {program, OUR_USER, NULL};
	AUTO_COPY then = {0}, before = {0}, after = {0};
	int r = copy_read(m, KEPT_DIR, name, "", &then, err);

	if (r == 0)
		r = copy_read(m, "/etc", name, "", &before, err);
	/* A group that was there before the package is the owner's. */
	if (r < 0 || has_our_line(&then) || !has_our_line(&before))
		return r;
	r = machine_run(m, argv, TIMEOUT_MS, err);
	if (r == 0)
		r = copy_read(m, "/etc", name, "", &after, err);
	if (r == 0 && has_our_line(&after))
		r = err_set(err, EIO, "%s ended well, and did not remove " OUR_USER, program);
	return r < 0 ? err_remedy(err, 0, "see why %s " OUR_USER " fails, and try again", program)
		     : 0;
}

int backups_restore(struct machine *m, struct err *err)
{
	int r;

	if (!fs_exists(m->sys, KEPT_DIR))
		return fs_sure(m->sys, err);
	r = remove_account(m, "passwd", "/usr/sbin/userdel", err);
	if (r == 0)
		r = remove_account(m, "group", "/usr/sbin/groupdel", err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(files); i++)
		r = restore_one(m, files[i], err);
	if (r == 0)
		r = fs_remove_tree(m->sys, KEPT_DIR, err);
	return r;
}

static int tidy_one(struct machine *m, const char *name, struct err *err)
{
	char lock[PATH_MAX], writing[PATH_MAX];
	struct holder_lock locks[] = {{lock, HOLDER_PIDFILE}, {NULL, HOLDER_PIDFILE}};
	struct err holder = {0};
	int r;

	(void)snprintf(lock, sizeof(lock), "/etc/%s.lock", name);
	(void)snprintf(writing, sizeof(writing), "/etc/%s+", name);
	if (holder_find(m->sys, locks, &holder) < 0)
		return 0;
	r = fs_remove(m->sys, writing, err);
	return r < 0 ? r : fs_remove(m->sys, lock, err);
}

int backups_tidy(struct machine *m, struct err *err)
{
	static const char *const all[] = {"passwd",  "group",  "shadow",
					  "gshadow", "subuid", "subgid"};
	static const struct holder_lock locks[] = {{"/etc/.pwd.lock", HOLDER_RECORD},
						   {NULL, HOLDER_RECORD}};
	struct err holder = {0};
	int r = 0;

	if (holder_find(m->sys, locks, &holder) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(all); i++)
		r = tidy_one(m, all[i], err);
	return r;
}
