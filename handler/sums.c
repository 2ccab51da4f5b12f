/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handler/sums.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"

#define SUM_HEX (SUM_HEX_SIZE - 1)
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

int sums_hash(int fd, const char *path, char ret[SUM_HEX_SIZE], struct err *err)
{
	CLEANUP(context_done) EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int r;

	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		return err_oom(err);
	r = hash_all(fd, path, context, err);
	if (r < 0)
		return r;
	if (EVP_DigestFinal_ex(context, sum, &len) != 1 || 2 * len != SUM_HEX)
		return err_oom(err);
	for (size_t i = 0; i < len; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", sum[i]);
	return 0;
}

/* Below the folder, and nowhere else. */
static bool is_inside(const char *name)
{
	return name[0] && name[0] != '/' && !strstr(name, "..");
}

/* "HEX  NAME" */
int sums_next(struct span *rest, struct sum *ret)
{
	struct span line, hex, gap;
	struct sum sum;

	if (!span_line(rest, &line))
		return 0;
	if (!span_take(&line, SUM_HEX, &hex) || !span_take(&line, 2, &gap) || !span_is(gap, "  ") ||
	    !span_copy(hex, sum.sha256, sizeof(sum.sha256)) ||
	    !span_copy(line, sum.name, sizeof(sum.name)) ||
	    strspn(sum.sha256, "0123456789abcdef") != SUM_HEX || !is_inside(sum.name))
		return -EBADMSG;
	*ret = sum;
	return 1;
}

static int check_file(struct sys *sys, const char *folder, const struct sum *sum, struct err *err)
{
	char found[SUM_HEX_SIZE] = "", path[PATH_MAX];
	AUTO_CLOSE int fd = -1;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, sum->name);
	fd = fs_open(sys, path, O_RDONLY | O_NOFOLLOW, 0, err);
	r = fd < 0 ? fd : sums_hash(fd, path, found, err);
	if (r == 0 && strcmp(sum->sha256, found) != 0)
		r = err_set(err, EBADMSG, "%s is not as it was packed", path);
	return r;
}

int sums_check(struct sys *sys, const char *folder, const char *const *needed, struct err *err)
{
	bool seen[NEEDED_MAX] = {false};
	char path[PATH_MAX];
	AUTO_BUF text = {0};
	struct span rest;
	struct sum sum;
	int r;

	(void)snprintf(path, sizeof(path), "%s/" SUMS_NAME, folder);
	r = fs_read(sys, path, FS_TRUSTED, SUMS_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	rest = buf_bytes(&text);
	while ((r = sums_next(&rest, &sum)) > 0) {
		if (check_file(sys, folder, &sum, err) < 0)
			return -err->code;
		for (size_t i = 0; i < NEEDED_MAX && needed[i]; i++)
			seen[i] = seen[i] || strcmp(sum.name, needed[i]) == 0;
	}
	if (r < 0)
		return err_set(err, EBADMSG, "%s has a line that is none", path);
	for (size_t i = 0; i < NEEDED_MAX && needed[i]; i++)
		if (!seen[i])
			return err_set(err, ENODATA, "%s does not list %s", path, needed[i]);
	return 0;
}
