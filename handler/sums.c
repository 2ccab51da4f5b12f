/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handler/sums.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"

#define SUM_BYTES 32
#define SUM_HEX (2 * SUM_BYTES)
#define NEEDED_MAX 8

static void context_done(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

static int hash_all(int fd, const char *path, EVP_MD_CTX *context, struct err *err)
{
	unsigned char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read %s", path);
		if (EVP_DigestUpdate(context, chunk, (size_t)n) != 1)
			return err_oom(err);
	}
	return 0;
}

static int hash_file(struct sys *sys, const char *path, char ret[SUM_HEX + 1], struct err *err)
{
	CLEANUP(context_done) EVP_MD_CTX *context = EVP_MD_CTX_new();
	AUTO_CLOSE int fd = fs_open(sys, path, O_RDONLY | O_NOFOLLOW, 0, err);
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int r;

	if (fd < 0)
		return fd;
	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		return err_oom(err);
	r = hash_all(fd, path, context, err);
	if (r < 0)
		return r;
	if (EVP_DigestFinal_ex(context, sum, &len) != 1 || len != SUM_BYTES)
		return err_oom(err);
	for (size_t i = 0; i < SUM_BYTES; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

/* Below the folder, and nowhere else. */
static bool is_inside(const char *name)
{
	return name[0] && name[0] != '/' && !strstr(name, "..");
}

/* "HEX  NAME" */
static bool split_line(struct span line, char ret_sum[SUM_HEX + 1], char ret_name[NAME_MAX + 1])
{
	struct span sum, gap;

	return span_take(&line, SUM_HEX, &sum) && span_take(&line, 2, &gap) && span_is(gap, "  ") &&
	       span_copy(sum, ret_sum, SUM_HEX + 1) && span_copy(line, ret_name, NAME_MAX + 1) &&
	       strspn(ret_sum, "0123456789abcdef") == SUM_HEX && is_inside(ret_name);
}

static int check_line(struct sys *sys, const char *folder, struct span line,
		      char ret_name[NAME_MAX + 1], struct err *err)
{
	char wanted[SUM_HEX + 1], found[SUM_HEX + 1] = "", path[PATH_MAX];
	int r;

	if (!split_line(line, wanted, ret_name))
		return err_set(err, EBADMSG, "%s/SHA256SUMS has a line that is none", folder);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, ret_name);
	r = hash_file(sys, path, found, err);
	if (r == 0 && strcmp(wanted, found) != 0)
		r = err_set(err, EBADMSG, "%s is not as it was packed", path);
	return r;
}

int sums_check(struct sys *sys, const char *folder, const char *const *needed, struct err *err)
{
	bool seen[NEEDED_MAX] = {false};
	char path[PATH_MAX];
	AUTO_BUF text = {0};
	struct span rest, line;
	int r;

	(void)snprintf(path, sizeof(path), "%s/SHA256SUMS", folder);
	r = fs_read(sys, path, FS_TRUSTED, SUMS_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line)) {
		char name[NAME_MAX + 1];

		r = check_line(sys, folder, line, name, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < NEEDED_MAX && needed[i]; i++)
			seen[i] = seen[i] || strcmp(name, needed[i]) == 0;
	}
	for (size_t i = 0; i < NEEDED_MAX && needed[i]; i++)
		if (!seen[i])
			return err_set(err, ENODATA, "%s/SHA256SUMS does not list %s", folder,
				       needed[i]);
	return 0;
}
