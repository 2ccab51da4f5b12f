/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/steps/changes.h"
#include "lib/steps/selinux.h"
#include "lib/sys/proc.h"

#define OUTPUT_MAX 4096 /* of a program; its last line tells why it failed */
#define TEXT_MAX AADPASSWD_MAX /* the largest file that a step changes */

void machine_done(struct machine *m)
{
	conf_done(&m->conf);
	buf_done(&m->sshd_proof);
}

struct fs_meta machine_meta(const struct machine *m, mode_t mode)
{
	uid_t owner = m->sys->owner;

	return (struct fs_meta){.mode = mode, .uid = owner, .gid = owner ? getegid() : 0};
}

static void add_note(struct machine *m, enum gravity gravity, const char *fmt, va_list ap)
{
	const bool first = gravity > m->gravity;
	const size_t at = first ? 0 : m->note_count;

	if (at == NOTES_MAX)
		return;
	if (m->note_count < NOTES_MAX)
		m->note_count++;
	memmove(m->notes + at + 1, m->notes + at, (m->note_count - 1 - at) * sizeof(*m->notes));
	(void)vsnprintf(m->notes[at], NOTE_MAX, fmt, ap);
	if (first)
		m->gravity = gravity;
}

void machine_note(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_note(m, GRAVITY_NOTE, fmt, ap);
	va_end(ap);
}

void machine_warn(struct machine *m, enum gravity gravity, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_note(m, gravity, fmt, ap);
	va_end(ap);
}

int machine_run(struct machine *m, const char *const *argv, int timeout_ms, struct err *err)
{
	const struct proc_spec spec = {.argv = argv,
				       .timeout_ms = timeout_ms,
				       .output_max = OUTPUT_MAX,
				       .merge_stderr = true,
				       .log_fd = m->log_fd};
	AUTO_PROC res = PROC_RESULT_INIT;

	return proc_must(m->sys, &spec, &res, err);
}

void machine_command(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(m->command, sizeof(m->command), fmt, ap);
	va_end(ap);
}

static void change_done(struct change *change)
{
	free(change->what);
	free(change->path);
	free(change->link);
	if (change->secret && change->before.data)
		explicit_bzero(change->before.data, change->before.len);
	if (change->secret && change->after.data)
		explicit_bzero(change->after.data, change->after.len);
	buf_done(&change->before);
	buf_done(&change->after);
	buf_done(&change->runs);
	buf_done(&change->brings);
}

void changes_done(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		change_done(&changes->list[i]);
	free(changes->list);
	*changes = (struct changes){0};
}

/* Take the change over, whatever comes of it. */
static int add(struct changes *changes, struct change *change, const char *verb, const char *path,
	       struct err *err)
{
	struct change *list;

	if (asprintf(&change->what, "%s%s", verb, path) < 0)
		change->what = NULL;
	list = reallocarray(changes->list, changes->count + 1, sizeof(*list));
	if (list)
		changes->list = list;
	if (!list || !change->what) {
		change_done(change);
		return err_oom(err);
	}
	list[changes->count++] = *change;
	return 0;
}

static struct fs_meta meta_of(const struct stat *st)
{
	return (struct fs_meta){.mode = st->st_mode & 07777, .uid = st->st_uid, .gid = st->st_gid};
}

static bool same_meta(struct fs_meta a, struct fs_meta b)
{
	return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid;
}

/* chattr +i and +a: better to be told now than halfway. */
static int check_mutable(struct sys *sys, const char *path, struct err *err)
{
	AUTO_CLOSE int fd = fs_open(sys, path, O_RDONLY | O_NOFOLLOW, 0, err);
	int flags = 0;

	if (fd < 0)
		return fd;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
		return 0;
	(void)err_set(err, EPERM, "%s is immutable", path);
	return err_remedy(err, 0, "chattr -ia %s", path);
}

static int refuse_others(struct err *err)
{
	return err_remedy(err, 0,
			  "let root own it and its directories, and nobody else write to them");
}

/*
 * What only some words of are ours must be safe from others.  A file wholly ours is replaced or
 * removed as a name, so its directories count, and its mode is put right; but what belongs to
 * others is not overwritten.
 */
static int judge(struct sys *sys, const struct change *change, const char *path, struct err *err)
{
	AUTO_BUF text = {0};
	struct stat st;
	int r = fs_read(sys, path, change->shared ? FS_TRUSTED : FS_PLACE, TEXT_MAX, &text, &st,
			err);

	if (r == 0 && change->kind == CHANGE_WRITE && st.st_uid != 0 && st.st_uid != sys->owner)
		r = err_set(err, EPERM, "%s can be written by others than root", path);
	if (r == -ELOOP) {
		(void)err_set(err, EPERM, "%s is a symbolic link, which is not edited", path);
		return err_remedy(err, 0, "put a regular file in its place");
	}
	if (r == -EPERM)
		return refuse_others(err);
	return r < 0 ? r : check_mutable(sys, path, err);
}

/* What is to come must not be what others can put another in the place of. */
static int judge_place(struct sys *sys, const char *path, struct err *err)
{
	int r = fs_check_place(sys, path, err);

	return r == -EPERM ? refuse_others(err) : r;
}

int changes_trust(struct machine *m, const char *path, struct err *err)
{
	AUTO_BUF text = {0};
	struct stat st;
	int r = fs_read(m->sys, path, FS_FOLLOW | FS_PLACE, TEXT_MAX, &text, &st, err);

	if (r == 0 &&
	    ((st.st_uid != 0 && st.st_uid != m->sys->owner) || st.st_mode & (S_IWGRP | S_IWOTH)))
		r = err_set(err, EPERM, "%s can be written by others than root", path);
	return r == -EPERM ? refuse_others(err) : r;
}

/* Read what is there for undoing; a link is read through, so that nothing is refused for no change.
 */
static int read_before(struct machine *m, const char *path, struct change *change, struct err *err)
{
	struct stat st;
	int r = fs_read_optional(m->sys, path, FS_FOLLOW, TEXT_MAX, &change->before,
				 &change->existed, &st, err);

	if (r == 0 && change->existed)
		change->meta = change->meta_before = meta_of(&st);
	return r;
}

static int add_file(struct machine *m, struct changes *changes, struct change *change,
		    const char *path, struct err *err)
{
	int r = change->existed && !change->link ? judge(m->sys, change, path, err)
						 : judge_place(m->sys, path, err);

	if (r == 0) {
		change->path = strdup(path);
		r = change->path ? 0 : err_oom(err);
	}
	if (r < 0) {
		change_done(change);
		return r;
	}
	return add(changes, change, change->kind == CHANGE_REMOVE ? "remove " : "write ", path,
		   err);
}

static int add_text(struct machine *m, struct changes *changes, struct change *change,
		    const char *path, struct span after, struct err *err)
{
	buf_span(&change->after, after);
	if (buf_ok(&change->after, err) < 0) {
		change_done(change);
		return -err->code;
	}
	return add_file(m, changes, change, path, err);
}

int changes_edit(struct machine *m, struct changes *changes, const char *path, struct span after,
		 struct err *err)
{
	struct change change = {.kind = CHANGE_WRITE, .shared = true};
	int r = read_before(m, path, &change, err);

	if (r == 0 && !change.existed)
		r = err_set(err, ENOENT, "%s is missing", path);
	if (r < 0 || span_eq(buf_bytes(&change.before), after)) {
		change_done(&change);
		return r < 0 ? r : changes_tidy(m, changes, path, err);
	}
	return add_text(m, changes, &change, path, after, err);
}

static int write_own(struct machine *m, struct changes *changes, struct change *change,
		     const char *path, struct span after, const struct fs_meta *meta,
		     struct err *err)
{
	struct stat st;
	int r = read_before(m, path, change, err);
	bool same = r == 0 && change->existed && same_meta(change->meta_before, *meta) &&
		    span_eq(buf_bytes(&change->before), after) &&
		    fs_lstat(m->sys, path, &st, err) == 0 && S_ISREG(st.st_mode);

	if (r < 0 || same) {
		change_done(change);
		return r < 0 ? r : changes_tidy(m, changes, path, err);
	}
	change->meta = *meta;
	return add_text(m, changes, change, path, after, err);
}

int changes_write(struct machine *m, struct changes *changes, const char *path, struct span after,
		  const struct fs_meta *meta, struct err *err)
{
	struct change change = {.kind = CHANGE_WRITE};

	return write_own(m, changes, &change, path, after, meta, err);
}

int changes_write_secret(struct machine *m, struct changes *changes, const char *path,
			 struct span after, const struct fs_meta *meta, struct err *err)
{
	struct change change = {.kind = CHANGE_WRITE, .secret = true};

	return write_own(m, changes, &change, path, after, meta, err);
}

/* 1 when there is a link of that name, which is kept for undoing; 0 when there is none. */
static int read_link(struct machine *m, const char *path, struct change *change, struct err *err)
{
	struct err ignored = {0};
	char to[PATH_MAX];
	struct stat st;

	if (fs_lstat(m->sys, path, &st, &ignored) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	if (fs_readlink(m->sys, path, to, sizeof(to), err) < 0)
		return -err->code;
	change->link = strdup(to);
	if (!change->link)
		return err_oom(err);
	change->existed = true;
	machine_note(m, "%s is a symbolic link: the link goes, and %s stays", path, to);
	return 1;
}

static int remove_own(struct machine *m, struct changes *changes, struct change *change,
		      const char *path, struct err *err)
{
	int r = read_link(m, path, change, err);

	if (r == 0)
		r = read_before(m, path, change, err);

	if (r < 0 || !change->existed) {
		change_done(change);
		return r < 0 ? r : changes_tidy(m, changes, path, err);
	}
	return add_file(m, changes, change, path, err);
}

int changes_remove(struct machine *m, struct changes *changes, const char *path, struct err *err)
{
	struct change change = {.kind = CHANGE_REMOVE};

	return remove_own(m, changes, &change, path, err);
}

int changes_remove_secret(struct machine *m, struct changes *changes, const char *path,
			  struct err *err)
{
	struct change change = {.kind = CHANGE_REMOVE, .secret = true};

	return remove_own(m, changes, &change, path, err);
}

static int add_path(struct changes *changes, struct change *change, const char *verb,
		    const char *path, struct err *err)
{
	change->path = strdup(path);
	if (!change->path)
		return err_oom(err);
	return add(changes, change, verb, path, err);
}

static bool is_listed(const struct changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->count; i++)
		if (changes->list[i].path && strcmp(changes->list[i].path, path) == 0)
			return true;
	return false;
}

int changes_tidy(struct machine *m, struct changes *changes, const char *path, struct err *err)
{
	struct change change = {.kind = CHANGE_TIDY};
	struct witness *witness = m->sys->witness;
	char left[PATH_MAX];
	bool exists;

	if (fs_is_left_over(strrchr(path, '/') + 1))
		(void)snprintf(left, sizeof(left), "%s", path);
	else if (fs_left_over(path, left, sizeof(left), err) < 0)
		return -err->code;
	m->sys->witness = NULL; /* what is never there is not worth a look each time */
	exists = fs_exists(m->sys, left);
	m->sys->witness = witness;
	return !exists || is_listed(changes, left)
		       ? 0
		       : add_path(changes, &change, "remove ", left, err);
}

/* 1 when there is a directory of that name, 0 when there is nothing. */
static int look_for_dir(struct machine *m, const char *path, struct stat *st, struct err *err)
{
	int r = fs_lstat(m->sys, path, st, err);

	if (r == -ENOENT) {
		*err = (struct err){0};
		return 0;
	}
	if (r < 0)
		return r;
	if (!S_ISDIR(st->st_mode))
		return err_set(err, ENOTDIR, "%s is not a directory", path);
	return 1;
}

int changes_mkdir(struct machine *m, struct changes *changes, const char *path,
		  const struct fs_meta *meta, struct err *err)
{
	struct change change = {.kind = CHANGE_MKDIR, .meta = *meta};
	struct stat st;
	int r = look_for_dir(m, path, &st, err);

	if (r < 0 || (r > 0 && same_meta(meta_of(&st), *meta)))
		return r < 0 ? r : 0;
	change.existed = r > 0;
	if (change.existed)
		change.meta_before = meta_of(&st);
	return add_path(changes, &change, "make ", path, err);
}

int changes_rmdir(struct machine *m, struct changes *changes, const char *path, struct err *err)
{
	struct change change = {.kind = CHANGE_RMDIR, .existed = true};
	struct stat st;
	int r = look_for_dir(m, path, &st, err);

	if (r <= 0)
		return r;
	change.meta_before = meta_of(&st);
	return add_path(changes, &change, "remove ", path, err);
}

void changes_hold(struct changes *changes)
{
	if (changes->count)
		changes->list[changes->count - 1].held = true;
}

int changes_call(struct changes *changes, const char *what,
		 int (*call)(struct machine *m, struct err *err),
		 int (*undo)(struct machine *m, struct err *err), struct err *err)
{
	struct change change = {.kind = CHANGE_CALL, .call = call, .undo = undo};

	return add(changes, &change, what, "", err);
}

/* Each word with its NUL, and one more behind the last. */
int changes_runs(struct changes *changes, const char *const *argv, struct err *err)
{
	struct buf *runs = &changes->list[changes->count - 1].runs;

	for (; *argv; argv++)
		buf_add(runs, *argv, strlen(*argv) + 1);
	buf_add(runs, "", 1);
	return buf_ok(runs, err);
}

bool change_next_run(const struct change *change, size_t *at, const char *ret[CHANGE_WORDS_MAX])
{
	size_t count = 0;

	if (*at >= change->runs.len)
		return false;
	while (change->runs.data[*at]) {
		const char *word = change->runs.data + *at;

		*at += strlen(word) + 1;
		if (count < CHANGE_WORDS_MAX - 1)
			ret[count++] = word;
	}
	*at += 1;
	ret[count] = NULL;
	return true;
}

int changes_brings(struct changes *changes, const char *state, mode_t mode, const char *what,
		   const char *path, struct err *err)
{
	struct buf *brings = &changes->list[changes->count - 1].brings;

	buf_printf(brings, "%s\t%04o\t%s\t", state, (unsigned)mode & 07777, what);
	for (; *path; path++)
		buf_add(brings, *path > 0x20 && *path < 0x7f ? path : "?", 1);
	buf_str(brings, "\n");
	return buf_ok(brings, err);
}

int changes_original_path(const char *path, struct buf *ret, struct err *err)
{
	buf_str(ret, ORIGINAL_DIR "/");
	for (; *path; path++) {
		if (*path == '/' || *path == '%')
			buf_printf(ret, "%%%02X", (unsigned char)*path);
		else
			buf_add(ret, path, 1);
	}
	return buf_ok(ret, err);
}

static int keep_original(struct machine *m, const struct change *change, struct err *err)
{
	const struct fs_meta private = machine_meta(m, 0700);
	struct err ignored = {0};
	AUTO_BUF path = {0};
	int r;

	if (changes_original_path(change->path, &path, err) < 0)
		return -err->code;
	if (fs_exists(m->sys, buf_text(&path)))
		return 0;
	if (fs_mkdir(m->sys, STATE_DIR, &private, err) < 0 ||
	    fs_mkdir(m->sys, ORIGINAL_DIR, &private, err) < 0)
		return -err->code;
	r = fs_replace(m->sys, buf_text(&path), buf_bytes(&change->before), &change->meta_before,
		       err);
	if (r < 0)
		(void)fs_rmdir(m->sys, ORIGINAL_DIR, &ignored); /* stays while others are in it */
	return r;
}

/* An original stays only while the file differs from it. */
static void forget_original(struct machine *m, const struct change *change)
{
	AUTO_BUF path = {0}, original = {0};
	struct err ignored = {0};

	if (changes_original_path(change->path, &path, &ignored) < 0 ||
	    fs_read(m->sys, buf_text(&path), 0, AADPASSWD_MAX, &original, NULL, &ignored) < 0 ||
	    !span_eq(buf_bytes(&original), buf_bytes(&change->before)))
		return;
	(void)fs_remove(m->sys, buf_text(&path), &ignored);
	(void)fs_rmdir(m->sys, ORIGINAL_DIR, &ignored); /* stays while others are in it */
}

/* One that takes another's place has its context; see fs_replace. */
static int put_file(struct machine *m, const char *path, const struct buf *bytes,
		    const struct fs_meta *meta, struct err *err)
{
	bool is_new = !fs_exists(m->sys, path);
	int r = fs_replace(m->sys, path, buf_bytes(bytes), meta, err);

	if (r == 0 && is_new)
		selinux_label(m, path);
	return r;
}

static int put_dir(struct machine *m, const char *path, const struct fs_meta *meta, struct err *err)
{
	bool is_new = !fs_exists(m->sys, path);
	int r = fs_mkdir(m->sys, path, meta, err);

	if (r == 0 && is_new)
		selinux_label(m, path);
	return r;
}

int change_make(struct machine *m, const struct change *change, bool keep, struct err *err)
{
	if (keep && change->shared && keep_original(m, change, err) < 0)
		return -err->code;
	switch (change->kind) {
	case CHANGE_WRITE:
		return put_file(m, change->path, &change->after, &change->meta, err);
	case CHANGE_REMOVE:
	case CHANGE_TIDY:
		return fs_remove(m->sys, change->path, err);
	case CHANGE_MKDIR:
		return put_dir(m, change->path, &change->meta, err);
	case CHANGE_RMDIR:
		return fs_remove_tree(m->sys, change->path, err);
	case CHANGE_CALL:
		return change->call(m, err);
	}
	return err_set(err, EINVAL, "unknown change");
}

/* Then there is nothing to write: on a full disk that would fail. */
static bool is_as_before(struct machine *m, const struct change *change)
{
	struct err ignored = {0};
	AUTO_BUF now = {0};
	struct stat st;
	bool same = fs_read(m->sys, change->path, 0, TEXT_MAX, &now, &st, &ignored) == 0 &&
		    same_meta(meta_of(&st), change->meta_before) &&
		    span_eq(buf_bytes(&now), buf_bytes(&change->before));

	if (change->secret && now.data)
		explicit_bzero(now.data, now.cap);
	return same;
}

int change_undo(struct machine *m, const struct change *change, struct err *err)
{
	int r = 0;

	switch (change->kind) {
	case CHANGE_WRITE:
	case CHANGE_REMOVE:
		if (!change->existed)
			return fs_remove(m->sys, change->path, err);
		if (change->link)
			return fs_exists(m->sys, change->path)
				       ? 0
				       : fs_symlink(m->sys, change->link, change->path, err);
		if (!is_as_before(m, change))
			r = put_file(m, change->path, &change->before, &change->meta_before, err);
		if (r == 0 && change->shared)
			forget_original(m, change);
		return r;
	case CHANGE_MKDIR:
		if (!change->existed)
			return fs_remove_tree(m->sys, change->path, err);
		return put_dir(m, change->path, &change->meta_before, err);
	case CHANGE_RMDIR:
		return put_dir(m, change->path, &change->meta_before, err);
	case CHANGE_TIDY:
		return 0;
	case CHANGE_CALL:
		return change->undo ? change->undo(m, err) : 0;
	}
	return err_set(err, EINVAL, "unknown change");
}
