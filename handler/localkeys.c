/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "handler/localkeys.h"
#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/sys/fs.h"
#include "lib/sys/jail.h"

#define TIMEOUT_MS 5000 /* for one account */
#define ANSWER_MAX ((size_t)256 << 10)
#define FILES_MAX 16 /* of one account; more are unseen */
#define NOBODY_GID 65534
#define BITS_MAX 65536

void localkeys_done(struct localkeys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		free(keys->list[i].path);
	free(keys->list);
	buf_done(&keys->unseen);
	*keys = (struct localkeys){0};
}

/* ---- in the child */

void localkeys_add_line(size_t file, const struct authkey *key, struct buf *ret)
{
	buf_printf(ret, "%zu %u %u %u %u %s\n", file, key->line, (unsigned)key->kind, key->bits,
		   (unsigned)key->authority, key->fingerprint);
}

struct look {
	const struct localkeys_account *account;
	struct span files;
	unsigned flags; /* see fs.h */
};

/* sshd comes no further with such a file, so it lets nobody in. */
static bool is_no_file(const struct look *look, int r)
{
	if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR)
		return true;
	if (r == -EACCES && look->account->more_groups)
		return false;
	/* What root may not trust, sshd may. */
	return !(look->flags & FS_TRUSTED) && (fs_says_absent(-r) || r == -EINVAL);
}

static int read_keys(size_t file, struct span text, size_t *count, struct buf *ret, struct err *err)
{
	struct authkeys in = {.rest = text};
	struct authkey key;
	int r;

	while ((r = authkeys_next(&in, &key, err)) > 0) {
		if (++*count > LOCALKEYS_MAX)
			return err_set(err, E2BIG, "it holds more than %d keys", LOCALKEYS_MAX);
		localkeys_add_line(file, &key, ret);
	}
	return r;
}

/* A line "N ..." for each key; for what could not be read "N cause". */
static int look_into(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct look *look = arg;
	struct span rest = look->files, line;
	size_t count = 0;

	for (size_t i = 0; i < FILES_MAX && span_line(&rest, &line); i++) {
		char path[PATH_MAX];
		AUTO_BUF text = {0};
		struct err own = {0};
		int r;

		if (!span_copy(line, path, sizeof(path)))
			continue;
		r = fs_read(sys, path, look->flags, AUTHKEYS_MAX, &text, NULL, &own);
		if (r == 0)
			r = read_keys(i, buf_bytes(&text), &count, ret, &own);
		if (r == -ENOMEM)
			return err_oom(err);
		if (r < 0 && !is_no_file(look, r))
			buf_printf(ret, "%zu ?\n", i);
	}
	return 0;
}

/* ---- its answer */

static bool take_number(struct span *line, uint64_t max, uint64_t *ret)
{
	struct span word;

	return span_word(line, &word) && num_parse(word, max, ret);
}

static bool is_fingerprint(struct span word)
{
	static const struct span head = SPAN_LIT("SHA256:");
	struct span begin;

	if (word.len != CERT_FINGERPRINT_SIZE - 1 || !span_take(&word, head.len, &begin) ||
	    !span_eq(begin, head))
		return false;
	for (size_t i = 0; i < word.len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
			    word.p[i]) ||
		    !word.p[i])
			return false;
	return true;
}

bool localkeys_take_line(struct span line, size_t *ret_file, struct authkey *ret)
{
	uint64_t file, number, kind, bits, authority;
	struct authkey key = {.line = 0};
	struct span word;

	if (!take_number(&line, FILES_MAX - 1, &file) ||
	    !take_number(&line, AUTHKEYS_MAX, &number) ||
	    !take_number(&line, AUTHKEY_KINDS - 1, &kind) || !take_number(&line, BITS_MAX, &bits) ||
	    !take_number(&line, 1, &authority) || number == 0 || !span_word(&line, &word) ||
	    line.len || !is_fingerprint(word) ||
	    !span_copy(word, key.fingerprint, sizeof(key.fingerprint)))
		return false;
	key.line = (unsigned)number;
	key.kind = (enum authkey_kind)kind;
	key.bits = (unsigned)bits;
	key.authority = authority == 1;
	*ret_file = (size_t)file;
	*ret = key;
	return true;
}

static bool nth_line(struct span text, size_t n, struct span *ret)
{
	while (span_line(&text, ret))
		if (n-- == 0)
			return true;
	return false;
}

static int add_key(struct localkeys *keys, struct span path, const struct authkey *key,
		   struct err *err)
{
	struct localkey *grown = reallocarray(keys->list, keys->count + 1, sizeof(*grown));

	if (!grown)
		return err_oom(err);
	keys->list = grown;
	grown[keys->count].key = *key;
	grown[keys->count].path = strndup((const char *)path.p, path.len);
	if (!grown[keys->count].path)
		return err_oom(err);
	keys->count++;
	return 0;
}

/* What the child could have said otherwise is not trusted: it is as the account. */
static int take_answer(struct span files, struct span answer, struct localkeys *ret,
		       struct err *err)
{
	struct span line, path, word;
	struct authkey key;
	uint64_t number;
	size_t file;
	int r = 0;

	while (r == 0 && span_line(&answer, &line)) {
		if (localkeys_take_line(line, &file, &key) && nth_line(files, file, &path)) {
			r = ret->count < LOCALKEYS_MAX ? add_key(ret, path, &key, err) : 0;
		} else if (take_number(&line, FILES_MAX - 1, &number) && span_word(&line, &word) &&
			   span_is(word, "?") && nth_line(files, (size_t)number, &path)) {
			buf_span(&ret->unseen, path);
			buf_str(&ret->unseen, "\n");
		} else {
			buf_str(&ret->unseen, "the answer about them is not of its form\n");
		}
	}
	return r;
}

/* The child takes no more. */
static void add_rest(struct span files, struct buf *unseen)
{
	struct span line;

	for (size_t i = 0; span_line(&files, &line); i++) {
		if (i < FILES_MAX)
			continue;
		buf_span(unseen, line);
		buf_str(unseen, "\n");
	}
}

static int ask(struct sys *sys, const struct look *look, struct buf *ret, struct err *err)
{
	const struct localkeys_account *account = look->account;
	static const char *const everywhere[] = {"/", NULL};
	const struct jail jail = {
		.uid = account->uid,
		.gid = account->gid ? account->gid : NOBODY_GID,
		.confine = {.reads = everywhere},
		.answer_max = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
	};

	return account->uid == 0 ? look_into(sys, look, ret, err)
				 : jail_run(sys, &jail, look_into, look, ret, err);
}

int localkeys_read(struct sys *sys, const struct localkeys_account *account, struct span files,
		   struct localkeys *ret, struct err *err)
{
	const struct look look = {account, files, account->uid == 0 ? FS_TRUSTED : FS_FOLLOW};
	AUTO_LOCALKEYS keys = {0};
	struct err own = {0};
	AUTO_BUF answer = {0};
	int r;

	if (files.len == 0)
		return 0;
	if (ask(sys, &look, &answer, &own) < 0) {
		buf_printf(&keys.unseen, "%s\n", own.msg);
	} else {
		r = take_answer(files, buf_bytes(&answer), &keys, err);
		if (r < 0)
			return r;
	}
	add_rest(files, &keys.unseen);
	if (buf_ok(&keys.unseen, err) < 0)
		return -ENOMEM;
	localkeys_done(ret);
	*ret = keys;
	keys = (struct localkeys){0};
	return 0;
}
