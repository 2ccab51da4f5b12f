/* SPDX-License-Identifier: MIT */
/* Packages that the real tools made (test/data/packed/make.sh), whole and damaged. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/packed.h"
#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "test/unit/source.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define EMPTY_SHA1 "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static int open_bytes(struct span bytes)
{
	int fd = memfd_create("packed", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, bytes), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* A line a file: type, permissions, size, path and target. */
static int list(const struct packed_file *file, void *arg, struct err *err)
{
	struct buf *text = arg;

	if (S_ISDIR(file->mode))
		return 0;
	buf_printf(text, "%s%o %llu %s %s\n", S_ISLNK(file->mode) ? "link " : "",
		   S_ISLNK(file->mode) ? 0 : (unsigned)file->mode & 07777,
		   (unsigned long long)file->size, file->path, file->target);
	if (strcmp(file->path, "/usr/sbin/small") == 0)
		assert_memory_equal(file->head, "#!/bin/sh\nexit 0\n\0\0", PACKED_HEAD - 1);
	if (strcmp(file->path, "/usr/share/small/empty") == 0) {
		assert_string_equal(file->sha256, EMPTY);
		assert_string_equal(file->sha1, EMPTY_SHA1);
	}
	if (S_ISLNK(file->mode))
		assert_string_equal(file->sha256, "");
	return buf_ok(text, err);
}

static int read_bytes(struct span bytes, struct buf *ret, struct err *err)
{
	AUTO_CLOSE int fd = open_bytes(bytes);

	return packed_read(fd, "it", list, ret, err);
}

static void the_files_of_a_package(void **state)
{
	static const char *const lines[] = {
		"755 17 /usr/sbin/small \n",
		"644 4 /usr/share/doc/small/copyright \n",
		"644 0 /usr/share/small/empty \n",
		"link 0 0 /usr/share/small/link ../../sbin/small\n",
	};
	AUTO_BUF file = {0}, text = {0};
	struct err err = {0};
	size_t len = 0;

	source_read(*state, &file);
	assert_int_equal(read_bytes(buf_bytes(&file), &text, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		assert_non_null(strstr(buf_text(&text), lines[i]));
		len += strlen(lines[i]);
	}
	assert_int_equal(text.len, len);
}

static void a_package_cut_anywhere_is_refused(void **state)
{
	AUTO_BUF file = {0};

	source_read(*state, &file);
	/* The padding at the end of a cpio archive may be cut. */
	for (size_t len = 0; len + 64 < file.len; len += 7) {
		struct span cut = {(const unsigned char *)file.data, len};
		AUTO_BUF text = {0};
		struct err err = {0};

		assert_int_equal(read_bytes(cut, &text, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, "it "));
	}
}

static int stop(const struct packed_file *file, void *arg, struct err *err)
{
	(void)file;
	++*(int *)arg;
	return err_set(err, EXDEV, "enough");
}

static void what_the_visitor_returns_ends_it(void **state)
{
	AUTO_BUF file = {0};
	AUTO_CLOSE int fd = -1;
	struct err err = {0};
	int count = 0;

	source_read(*state, &file);
	fd = open_bytes(buf_bytes(&file));
	assert_int_equal(packed_read(fd, "it", stop, &count, &err), -EXDEV);
	assert_int_equal(count, 1);
}

/* ---- debs that no tool of Debian's would make */

struct strange {
	const char *name;
	const char *path, *link, *hardlink; /* of its one file, repeated */
	mode_t type;
	size_t count;
	size_t size; /* bytes of each */
	int r;
	const char *message;
};

static void add_entry(struct archive *archive, const char *path, const struct strange *strange,
		      size_t size)
{
	struct archive_entry *entry = archive_entry_new();
	static char zeros[65536];

	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, strange ? strange->type : AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)size);
	if (strange && strange->link)
		archive_entry_set_symlink(entry, strange->link);
	if (strange && strange->hardlink)
		archive_entry_set_hardlink(entry, strange->hardlink);
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	for (; size >= sizeof(zeros); size -= sizeof(zeros))
		assert_int_equal(archive_write_data(archive, zeros, sizeof(zeros)), sizeof(zeros));
	archive_entry_free(entry);
}

static la_ssize_t collect(struct archive *archive, void *arg, const void *bytes, size_t len)
{
	(void)archive;
	buf_add(arg, bytes, len);
	return (la_ssize_t)len;
}

static void finish(struct archive *archive)
{
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
}

static void make_deb(const struct strange *strange, const char *member, struct buf *ret)
{
	struct archive *tar = archive_write_new(), *ar = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	AUTO_BUF data = {0};

	archive_write_set_format_pax_restricted(tar);
	archive_write_add_filter_gzip(tar);
	assert_int_equal(archive_write_open(tar, &data, NULL, collect, NULL), ARCHIVE_OK);
	for (size_t i = 0; i < strange->count; i++)
		add_entry(tar, strange->path, strange, strange->size);
	finish(tar);
	archive_write_set_format_ar_svr4(ar);
	archive_write_set_bytes_in_last_block(ar, 1);
	assert_int_equal(archive_write_open(ar, ret, NULL, collect, NULL), ARCHIVE_OK);
	add_entry(ar, "debian-binary", NULL, 0);
	archive_entry_set_pathname(entry, member);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_size(entry, (la_int64_t)data.len);
	assert_int_equal(archive_write_header(ar, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(ar, data.data, data.len), data.len);
	archive_entry_free(entry);
	finish(ar);
}

/* clang-format off */
static struct strange stranges[] = {
	{"as many files as may be", "./x", NULL, NULL, AE_IFREG, PACKED_FILES_MAX, 0, 0, ""},
	{"one file too many", "./x", NULL, NULL, AE_IFREG, PACKED_FILES_MAX + 1, 0, -EMSGSIZE, "too many files"},
	{"as many bytes as may be", "./x", NULL, NULL, AE_IFREG, 1, PACKED_BYTES_MAX, 0, ""},
	{"more bytes", "./x", NULL, NULL, AE_IFREG, 2, PACKED_BYTES_MAX / 2 + 65536, -EMSGSIZE, "more than it can"},
	{"a path that leads out", "./usr/../../x", NULL, NULL, AE_IFREG, 1, 0, -EBADMSG, "a path that is none"},
	{"a path with a dot in it", "usr/./x", NULL, NULL, AE_IFREG, 1, 0, -EBADMSG, "a path that is none"},
	{"a name that begins with dots", "/usr/..x", NULL, NULL, AE_IFREG, 1, 0, 0, ""},
	{"a device", "./x", NULL, NULL, AE_IFCHR, 1, 0, -EBADMSG, "no file, directory or link"},
	{"a pipe", "./x", NULL, NULL, AE_IFIFO, 1, 0, -EBADMSG, "no file, directory or link"},
	{"a hard link", "./x", NULL, "./y", AE_IFREG, 1, 0, -EBADMSG, "no file, directory or link"},
	{"a link to nowhere", "./x", "", NULL, AE_IFLNK, 1, 0, -EBADMSG, "no file, directory or link"},
};
/* clang-format on */

static void strange_deb(void **state)
{
	const struct strange *strange = *state;
	AUTO_BUF deb = {0}, text = {0};
	struct err err = {0};

	make_deb(strange, "data.tar.gz", &deb);
	assert_int_equal(read_bytes(buf_bytes(&deb), &text, &err), strange->r);
	if (!strstr(err.msg, strange->message))
		fail_msg("\"%s\" lacks \"%s\"", err.msg, strange->message);
}

static void a_deb_without_data_holds_no_files(void **state)
{
	static const struct strange empty = {.path = "./x", .type = AE_IFREG, .count = 1};
	AUTO_BUF deb = {0}, text = {0};
	struct err err = {0};

	(void)state;
	make_deb(&empty, "other.tar.gz", &deb);
	assert_int_equal(read_bytes(buf_bytes(&deb), &text, &err), -EBADMSG);
	assert_string_equal(err.msg, "it holds no files");
}

int main(void)
{
	static char deb[] = "test/data/packed/small.deb", rpm[] = "test/data/packed/small.rpm";
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(the_files_of_a_package, deb),
		cmocka_unit_test_prestate(the_files_of_a_package, rpm),
		cmocka_unit_test_prestate(a_package_cut_anywhere_is_refused, deb),
		cmocka_unit_test_prestate(a_package_cut_anywhere_is_refused, rpm),
		cmocka_unit_test_prestate(what_the_visitor_returns_ends_it, deb),
		cmocka_unit_test_prestate(what_the_visitor_returns_ends_it, rpm),
		cmocka_unit_test(a_deb_without_data_holds_no_files),
	};
	struct CMUnitTest rows[ARRAY_LEN(stranges)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(stranges); i++)
		rows[i] = (struct CMUnitTest){.name = stranges[i].name,
					      .test_func = strange_deb,
					      .initial_state = &stranges[i]};
	return cmocka_run_group_tests_name("packed", tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("strange debs", rows, NULL, NULL);
}
