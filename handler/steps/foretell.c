/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "handler/packed.h"
#include "handler/steps/foretell.h"
#include "handler/sums.h"
#include "lib/core/cleanup.h"

struct foretelling {
	struct machine *m;
	struct changes *changes;
	struct buf paths; /* that the package brings, each in lines of its own */
};

/* What is there under the path, as changes_brings tells it: "" for what is neither file nor link.
 */
static int look(struct machine *m, const char *path, struct stat *ret, char ret_what[PATH_MAX],
		struct err *err)
{
	AUTO_CLOSE int fd = -1;
	int r = fs_lstat(m->sys, path, ret, err);

	ret_what[0] = '\0';
	if (r == 0 && S_ISLNK(ret->st_mode)) {
		(void)snprintf(ret_what, PATH_MAX, "-> ");
		return fs_readlink(m->sys, path, ret_what + 3, PATH_MAX - 3, err);
	}
	if (r < 0 || !S_ISREG(ret->st_mode))
		return r;
	fd = fs_open(m->sys, path, O_RDONLY | O_NOFOLLOW, 0, err);
	return fd < 0 ? fd : sums_hash(fd, path, ret_what, err);
}

static int compare(const struct packed_file *file, void *arg, struct err *err)
{
	struct foretelling *f = arg;
	char wanted[PATH_MAX], now[PATH_MAX];
	struct err absent = {0};
	struct stat st = {0};
	bool same;
	int r;

	if (S_ISDIR(file->mode))
		return 0;
	buf_printf(&f->paths, "%s\n", file->path);
	(void)snprintf(wanted, sizeof(wanted), "%s%s", S_ISLNK(file->mode) ? "-> " : "",
		       S_ISLNK(file->mode) ? file->target : file->sha256);
	r = look(f->m, file->path, &st, now, &absent);
	same = r == 0 && strcmp(wanted, now) == 0 &&
	       (S_ISLNK(file->mode) || (st.st_mode & 07777) == (file->mode & 07777));
	return same ? 0
		    : changes_brings(f->changes, r == -ENOENT ? "new" : "changed", file->mode,
				     wanted, file->path, err);
}

/* A path that the next line continues is a directory, or a link to one. */
static bool continues(struct span rest, struct span line)
{
	return rest.len > line.len && rest.p[line.len] == '/' &&
	       memcmp(rest.p, line.p, line.len) == 0;
}

/* Those that the installed package has, but for what stays. */
static int tell_gone(struct machine *m, const struct pkg_manager *manager, const char *name,
		     struct span stays, struct changes *ret, struct err *err)
{
	AUTO_BUF list = {0};
	struct span rest, line;
	int r = pkg_list(m->sys, manager, name, &list, err);

	rest = buf_bytes(&list);
	while (r == 0 && span_line(&rest, &line)) {
		char path[PATH_MAX], what[PATH_MAX];
		struct err absent = {0};
		struct stat st;

		if (!continues(rest, line) && !span_has_line(stays, line) &&
		    span_copy(line, path, sizeof(path)) && path[0] == '/' &&
		    look(m, path, &st, what, &absent) == 0 && what[0])
			r = changes_brings(ret, "gone", st.st_mode, what, path, err);
	}
	return r;
}

int foretell_installing(struct machine *m, const struct pkg_manager *manager, const char *name,
			const char *path, struct changes *ret, struct err *err)
{
	struct foretelling f = {.m = m, .changes = ret};
	AUTO_CLOSE int fd = fs_open(m->sys, path, O_RDONLY | O_NOFOLLOW, 0, err);
	struct pkg_status status = {.state = PKG_ABSENT};
	int r = fd < 0 ? fd : packed_read(fd, path, compare, &f, err);

	if (r == 0)
		r = pkg_query(m->sys, manager, name, &status, err);
	if (r == 0 && status.state != PKG_ABSENT && status.state != PKG_LEFT_OVER)
		r = tell_gone(m, manager, name, buf_bytes(&f.paths), ret, err);
	buf_done(&f.paths);
	return r;
}

int foretell_removing(struct machine *m, const struct pkg_manager *manager, const char *name,
		      struct changes *ret, struct err *err)
{
	return tell_gone(m, manager, name, (struct span){0}, ret, err);
}
