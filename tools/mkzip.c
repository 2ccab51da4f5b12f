/* SPDX-License-Identifier: MIT */
/*
 * mkzip OUTPUT DIRECTORY: pack the files below a directory so that the same files give the same
 * bytes, whoever packs them, when and where: sorted, with the time of SOURCE_DATE_EPOCH, owned by
 * root, and 0755 or 0644.  A build tool; it is not shipped.
 */
#include "config.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "tools/files.h"

#define FIRST_TIME 315532800 /* 1980, where the time of a zip begins */

static void entry_done(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static int copy_bytes(struct archive *zip, int fd)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (archive_write_data(zip, chunk, (size_t)n) != n)
			return -1;
	return n < 0 ? -1 : 0;
}

static int add_file(struct archive *zip, const char *path, const char *name, time_t when)
{
	CLEANUP(entry_done) struct archive_entry *entry = archive_entry_new();
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (!entry || fd < 0 || fstat(fd, &st) < 0)
		return -1;
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, st.st_mode & S_IXUSR ? 0755 : 0644);
	archive_entry_set_size(entry, st.st_size);
	archive_entry_set_mtime(entry, when, 0);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	if (archive_write_header(zip, entry) != ARCHIVE_OK)
		return -1;
	return copy_bytes(zip, fd);
}

static int add_all(struct archive *zip, const char *dir, const struct files *files, time_t when)
{
	for (size_t i = 0; i < files->count; i++) {
		const char *name = files->names[i];

		if (add_file(zip, name, name + strlen(dir) + 1, when) < 0) {
			fprintf(stderr, "mkzip: %s: %s\n", name,
				archive_error_string(zip) ?: strerror(errno));
			return -1;
		}
	}
	return 0;
}

static int pack(const char *output, const char *dir, const struct files *files, time_t when)
{
	struct archive *zip = archive_write_new();
	int r = -1;

	if (zip && archive_write_set_format_zip(zip) == ARCHIVE_OK &&
	    archive_write_set_options(zip, "zip:compression=deflate,compression-level=9") == ARCHIVE_OK &&
	    archive_write_open_filename(zip, output) == ARCHIVE_OK)
		r = add_all(zip, dir, files, when);
	else
		fprintf(stderr, "mkzip: %s: %s\n", output,
			zip ? archive_error_string(zip) : "no memory");
	if (zip && r == 0 && archive_write_close(zip) != ARCHIVE_OK)
		r = -1;
	archive_write_free(zip);
	if (r < 0)
		(void)unlink(output);
	return r;
}

int main(int argc, char **argv)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	struct files files;
	uint64_t when;
	int r;

	if (argc != 3 || !epoch || !num_parse(span_of(epoch), INT32_MAX, &when)) {
		fprintf(stderr, "usage: SOURCE_DATE_EPOCH=SECONDS mkzip OUTPUT DIRECTORY\n");
		return 2;
	}
	/* A zip also holds local time; libarchive asks the C library which that is. */
	if (setenv("TZ", "UTC0", 1) < 0 || files_find("mkzip", argv[2], &files) < 0)
		return 1;
	r = pack(argv[1], argv[2], &files, when < FIRST_TIME ? FIRST_TIME : (time_t)when);
	files_done(&files);
	return r < 0;
}
