/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/pairs.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/imds.h"
#include "lib/sys/lock.h"
#include "payload/login/ownfile.h"
#include "payload/login/places.h"
#include "payload/login/token.h"

#define TOKEN_PATH_SIZE 512
#define HOST_MAX 200 /* bytes of a host that are in the name of its file */
#define TOKEN_FILE_MAX (CLAIMS_TOKEN_MAX + 1024)
#define HEADING "aadsshlogin-token 1"
#define MARGIN_S 300 /* not used so shortly before it expires */
#define PATIENCE_MS 4000
#define LOCK_WAIT_MS 6000 /* for another process that asks */

/*
 *	aadsshlogin-token 1
 *	audience <URL>
 *	expires <seconds since 1970>
 *	token <text>
 */
static bool parse(struct span text, const char *audience, int64_t now_s, struct span *ret)
{
	struct span line, value;
	int64_t expires_s;

	return span_line(&text, &line) && span_is(line, HEADING) &&
	       pairs_value(&text, "audience", &value) && span_is(value, audience) &&
	       pairs_number(&text, "expires", &expires_s) && now_s < expires_s - MARGIN_S &&
	       pairs_value(&text, "token", ret) && ret->len && text.len == 0;
}

/*
 * The file, or the lock beside it, is named after the audience's host.  What does not fit would
 * share a file with another one, which costs requests but no secret: the file says whose it is.
 */
static void token_path(const char *audience, const char *suffix, char ret[TOKEN_PATH_SIZE])
{
	const char *host = strstr(audience, "://");
	size_t len;

	host = host ? host + 3 : audience;
	len = strcspn(host, "/");
	(void)snprintf(ret, TOKEN_PATH_SIZE, PRIVATE_DIR "/token-%.*s%s",
		       (int)(len < HOST_MAX ? len : HOST_MAX), host, suffix);
}

static void wipe(struct buf *text)
{
	if (text->data)
		explicit_bzero(text->data, text->cap);
	buf_done(text);
}

static char *load(struct sys *sys, const char *audience)
{
	CLEANUP(wipe) struct buf text = {0};
	char path[TOKEN_PATH_SIZE];
	struct err ignored = {0};
	struct span token;

	token_path(audience, "", path);
	if (ownfile_read(sys, path, TOKEN_FILE_MAX, &text, &ignored) < 0 ||
	    !parse(buf_bytes(&text), audience, sys_realtime_s(sys), &token))
		return NULL;
	return strndup((const char *)token.p, token.len);
}

/* A token that cannot be kept serves this once. */
static void store(struct sys *sys, const char *audience, const struct imds_token *token)
{
	CLEANUP(wipe) struct buf text = {0};
	char path[TOKEN_PATH_SIZE];
	struct err ignored = {0};

	token_path(audience, "", path);
	buf_printf(&text, HEADING "\naudience %s\nexpires %lld\ntoken %s\n", audience,
		   (long long)token->claims.exp_s, token->text);
	if (!text.failed)
		(void)ownfile_write(sys, path, buf_bytes(&text), &ignored);
}

static int ask(struct sys *sys, const struct conf *conf, const char *audience, char **ret_text,
	       struct err *err)
{
	const struct imds imds = imds_of(conf, PATIENCE_MS);
	CLEANUP(imds_token_done) struct imds_token token = {0};
	int r = imds_token(sys, &imds, audience, &token, err);

	if (r < 0)
		return reason_add(err, r == -ENOENT ? REASON_IDENTITY_MISSING
						    : REASON_TOKEN_UNAVAILABLE);
	store(sys, audience, &token);
	*ret_text = steal_ptr(token.text);
	return 0;
}

/* The token that another process asks for. */
struct awaited {
	struct sys *sys;
	const char *audience;
	char *text; /* owned; NULL: not there yet */
};

static bool has_come(void *arg)
{
	struct awaited *awaited = arg;

	awaited->text = load(awaited->sys, awaited->audience);
	return awaited->text;
}

/* The metadata service takes few requests a second: one process asks, the others wait for its
 * token. */
static int ask_alone(struct sys *sys, const struct conf *conf, const char *audience,
		     char **ret_text, bool *ret_cached, struct err *err)
{
	struct awaited awaited = {.sys = sys, .audience = audience};
	AUTO_CLOSE int lock = -1;
	char path[TOKEN_PATH_SIZE];

	token_path(audience, ".lock", path);
	lock = lock_take_unless(sys, path, "a request for a token", LOCK_WAIT_MS, has_come,
				&awaited, err);
	if (lock < 0 && lock != -EALREADY)
		return reason_add(err, REASON_TOKEN_UNAVAILABLE);
	*ret_text = awaited.text;
	if (*ret_text)
		return 0;
	*ret_cached = false;
	return ask(sys, conf, audience, ret_text, err);
}

int token_get(struct sys *sys, const struct conf *conf, const char *audience, char **ret_text,
	      bool *ret_cached, struct err *err)
{
	*ret_cached = true;
	*ret_text = load(sys, audience);
	return *ret_text ? 0 : ask_alone(sys, conf, audience, ret_text, ret_cached, err);
}

void token_forget(struct sys *sys, const char *audience)
{
	char path[TOKEN_PATH_SIZE];

	token_path(audience, "", path);
	(void)fs_remove(sys, path, &(struct err){0});
}

void token_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}
