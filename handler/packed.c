/* SPDX-License-Identifier: MIT */
/*
 * A deb is an ar archive in which data.tar.* holds the files; an rpm is, behind headers that
 * libarchive passes over, a cpio archive.
 */
#include "config.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "handler/packed.h"
#include "lib/core/cleanup.h"

#define BLOCK 65536 /* bytes read at once */

struct reading {
	const char *name;
	packed_fn *visit;
	void *arg;
	struct archive *outer; /* of a deb */
	size_t files;
	uint64_t bytes;
};

static void archive_done(struct archive **archive)
{
	archive_read_free(*archive);
}

static void context_done(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static int refuse(const struct reading *reading, struct archive *archive, struct err *err)
{
	const char *why = archive_error_string(archive);

	if (archive_errno(archive) == ENOMEM)
		return err_oom(err);
	return err_set(err, EBADMSG, "%s is no whole package: %.120s", reading->name,
		       why ? why : "it ends too early");
}

static int finish(EVP_MD_CTX *context, char *ret, size_t size, struct err *err)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(context, sum, &len) != 1 || 2 * (size_t)len + 1 != size)
		return err_oom(err);
	for (size_t i = 0; i < len; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

static int hash_data(struct reading *reading, struct archive *archive, struct packed_file *file,
		     struct err *err)
{
	CLEANUP(context_done) EVP_MD_CTX *sha256 = EVP_MD_CTX_new(), *sha1 = EVP_MD_CTX_new();
	unsigned char chunk[BLOCK];
	la_ssize_t n;

	if (!sha256 || !sha1 || EVP_DigestInit_ex(sha256, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestInit_ex(sha1, EVP_sha1(), NULL) != 1)
		return err_oom(err);
	while ((n = archive_read_data(archive, chunk, sizeof(chunk))) > 0) {
		if ((uint64_t)n > PACKED_BYTES_MAX - reading->bytes)
			return err_set(err, EMSGSIZE, "%s holds more than it can", reading->name);
		if (file->size < PACKED_HEAD)
			memcpy(file->head + file->size, chunk,
			       (size_t)n < PACKED_HEAD - file->size ? (size_t)n
								    : PACKED_HEAD - file->size);
		file->size += (uint64_t)n;
		reading->bytes += (uint64_t)n;
		if (EVP_DigestUpdate(sha256, chunk, (size_t)n) != 1 ||
		    EVP_DigestUpdate(sha1, chunk, (size_t)n) != 1)
			return err_oom(err);
	}
	if (n < 0)
		return refuse(reading, archive, err);
	if (finish(sha256, file->sha256, sizeof(file->sha256), err) < 0)
		return -err->code;
	return finish(sha1, file->sha1, sizeof(file->sha1), err);
}

/* "./usr/x/" as "/usr/x": ret is "/" for the root.  False for whatever is none of these. */
static bool clean_path(const char *text, char ret[PATH_MAX])
{
	size_t len = 0;

	if (text[0] == '.' && (text[1] == '/' || !text[1]))
		text++;
	while (*text) {
		size_t word;

		text += strspn(text, "/");
		word = strcspn(text, "/");
		if (word == 0)
			break;
		if (strncmp(text, "..", word) == 0 || len + word + 2 > PATH_MAX)
			return false;
		len += (size_t)snprintf(ret + len, PATH_MAX - len, "/%.*s", (int)word, text);
		text += word;
	}
	if (len == 0)
		(void)snprintf(ret, PATH_MAX, "/");
	return true;
}

static int take_entry(struct reading *reading, struct archive *archive, struct archive_entry *entry,
		      struct err *err)
{
	const char *name = archive_entry_pathname(entry), *target = archive_entry_symlink(entry);
	struct packed_file file = {.mode = archive_entry_mode(entry), .target = ""};
	char path[PATH_MAX];

	if (!name || !clean_path(name, path))
		return err_set(err, EBADMSG, "%s holds a path that is none", reading->name);
	if (++reading->files > PACKED_FILES_MAX)
		return err_set(err, EMSGSIZE, "%s holds too many files", reading->name);
	file.path = path;
	if (S_ISLNK(file.mode) && target && target[0])
		file.target = target;
	else if (!(S_ISREG(file.mode) || S_ISDIR(file.mode)) || archive_entry_hardlink(entry))
		return err_set(err, EBADMSG, "%s holds %.200s, which is no file, directory or link",
			       reading->name, path);
	if (S_ISREG(file.mode) && hash_data(reading, archive, &file, err) < 0)
		return -err->code;
	return reading->visit(&file, reading->arg, err);
}

static int take_entries(struct reading *reading, struct archive *archive, struct err *err)
{
	struct archive_entry *entry;
	int got, r = 0;

	while (r == 0 && (got = archive_read_next_header(archive, &entry)) != ARCHIVE_EOF)
		r = got == ARCHIVE_OK ? take_entry(reading, archive, entry, err)
				      : refuse(reading, archive, err);
	return r;
}

/* The inner archive of a deb reads from the outer one. */
static la_ssize_t read_member(struct archive *inner, void *arg, const void **ret)
{
	struct reading *reading = arg;
	size_t len = 0;
	la_int64_t offset;
	int got = archive_read_data_block(reading->outer, ret, &len, &offset);

	if (got == ARCHIVE_EOF)
		return 0;
	if (got == ARCHIVE_OK)
		return (la_ssize_t)len;
	archive_set_error(inner, EIO, "%s", archive_error_string(reading->outer));
	return -1;
}

static int read_data(struct reading *reading, struct err *err)
{
	CLEANUP(archive_done) struct archive *inner = archive_read_new();

	if (!inner || archive_read_support_filter_xz(inner) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(inner) != ARCHIVE_OK ||
	    archive_read_support_format_tar(inner) != ARCHIVE_OK)
		return err_oom(err);
	if (archive_read_open(inner, reading, NULL, read_member, NULL) != ARCHIVE_OK)
		return refuse(reading, inner, err);
	return take_entries(reading, inner, err);
}

/* The first entry is read: that of debian-binary. */
static int read_deb(struct reading *reading, struct err *err)
{
	struct archive_entry *entry;
	int got;

	while ((got = archive_read_next_header(reading->outer, &entry)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(entry);

		if (name && strncmp(name, "data.tar", strlen("data.tar")) == 0)
			return read_data(reading, err);
	}
	return got == ARCHIVE_EOF ? err_set(err, EBADMSG, "%s holds no files", reading->name)
				  : refuse(reading, reading->outer, err);
}

static int read_rpm(struct reading *reading, struct archive *archive, struct archive_entry *first,
		    struct err *err)
{
	int r = take_entry(reading, archive, first, err);

	return r < 0 ? r : take_entries(reading, archive, err);
}

int packed_read(int fd, const char *name, packed_fn *visit, void *arg, struct err *err)
{
	struct reading reading = {.name = name, .visit = visit, .arg = arg};
	CLEANUP(archive_done) struct archive *archive = archive_read_new();
	struct archive_entry *entry;

	if (!archive || archive_read_support_filter_rpm(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
	    archive_read_support_format_ar(archive) != ARCHIVE_OK ||
	    archive_read_support_format_cpio(archive) != ARCHIVE_OK)
		return err_oom(err);
	if (archive_read_open_fd(archive, fd, BLOCK) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return refuse(&reading, archive, err);
	if ((archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_AR)
		return read_rpm(&reading, archive, entry, err);
	reading.outer = archive;
	return read_deb(&reading, err);
}
