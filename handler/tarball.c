/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

#include "handler/tarball.h"
#include "lib/core/cleanup.h"

static void archive_done(struct archive **archive)
{
	archive_write_free(*archive);
}

static void entry_done(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static la_ssize_t add_bytes(struct archive *archive, void *arg, const void *bytes, size_t len)
{
	struct buf *ret = arg;

	buf_add(ret, bytes, len);
	if (!ret->failed)
		return (la_ssize_t)len;
	archive_set_error(archive, ENOMEM, "no memory");
	return -1;
}

static int add_file(struct archive *archive, const struct tarball_file *file, int64_t time_s,
		    struct err *err)
{
	CLEANUP(entry_done) struct archive_entry *entry = archive_entry_new();

	if (!entry)
		return err_oom(err);
	archive_entry_set_pathname(entry, file->name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_size(entry, (la_int64_t)file->text.len);
	archive_entry_set_mtime(entry, (time_t)time_s, 0);
	if (archive_write_header(archive, entry) != ARCHIVE_OK ||
	    archive_write_data(archive, buf_text(&file->text), file->text.len) !=
		    (la_ssize_t)file->text.len)
		return err_oom(err);
	return 0;
}

int tarball_pack(const struct tarball_file *files, size_t count, int64_t time_s, struct buf *ret,
		 struct err *err)
{
	CLEANUP(archive_done) struct archive *archive = archive_write_new();
	int r = 0;

	if (!archive)
		return err_oom(err);
	if (archive_write_set_format_ustar(archive) != ARCHIVE_OK ||
	    archive_write_add_filter_gzip(archive) != ARCHIVE_OK ||
	    archive_write_set_filter_option(archive, "gzip", "timestamp", NULL) != ARCHIVE_OK ||
	    archive_write_open(archive, ret, NULL, add_bytes, NULL) != ARCHIVE_OK)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_file(archive, &files[i], time_s, err);
	if (r == 0 && archive_write_close(archive) != ARCHIVE_OK)
		r = err_oom(err);
	return r;
}
