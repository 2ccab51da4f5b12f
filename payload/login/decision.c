/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/lock.h"
#include "payload/login/decision.h"
#include "payload/login/places.h"

#define HEADING "aadsshlogin-decision 2"
#define LOCK_WAIT_MS 12000
#define DECISION_PATH_SIZE 128

static const char *const kinds[] = {
	[VERDICT_MISSING] = "missing",
	[VERDICT_GRANTED] = "granted",
	[VERDICT_DENIED] = "denied",
};

static bool plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

void decision_shorten(struct decision *decision, int64_t life_ms)
{
	if (life_ms >= 0 && life_ms < decision->life_ms)
		decision->life_ms = life_ms;
}

static void add_verdict(const char *action, const struct verdict *verdict, struct buf *ret)
{
	buf_printf(ret, "%s %s\t%s\t%s\n", action, kinds[verdict->kind], verdict->id,
		   verdict->scope);
}

int decision_format(const struct decision *decision, struct buf *ret, struct err *err)
{
	const struct verdict *login = &decision->login, *admin = &decision->admin;

	if (!plain(login->id) || !plain(login->scope) || !plain(admin->id) || !plain(admin->scope))
		return err_set(err, EINVAL, "an assignment has control characters in its name");
	if (decision->life_ms < 0 || decision->life_ms > DECISION_LIFE_MS)
		return err_set(err, EINVAL, "a decision cannot live for %lld ms",
			       (long long)decision->life_ms);
	buf_printf(ret, HEADING "\nboottime %lld\nlife %lld\n", (long long)decision->boottime_ns,
		   (long long)decision->life_ms);
	add_verdict("login", login, ret);
	add_verdict("admin", admin, ret);
	buf_str(ret, "end\n");
	return buf_ok(ret, err);
}

/* The bytes before the next tab, or the end. */
static struct span take_column(struct span *line)
{
	struct span column = *line;
	const unsigned char *tab = line->len ? memchr(line->p, '\t', line->len) : NULL;

	if (!tab) {
		*line = (struct span){0};
		return column;
	}
	(void)span_take(line, (size_t)(tab - line->p), &column);
	(void)span_take(line, 1, &(struct span){0});
	return column;
}

static bool parse_verdict(struct span *text, const char *action, struct verdict *ret)
{
	struct span line, word, kind;

	if (!span_line(text, &line) || !span_word(&line, &word) || !span_is(word, action) ||
	    !span_take(&line, 1, &word))
		return false;
	kind = take_column(&line);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!span_is(kind, kinds[i]))
			continue;
		ret->kind = (enum verdict_kind)i;
		return span_copy(take_column(&line), ret->id, sizeof(ret->id)) &&
		       span_copy(line, ret->scope, sizeof(ret->scope)) && plain(ret->id) &&
		       plain(ret->scope);
	}
	return false;
}

static bool parse_number(struct span *text, const char *key, int64_t max, int64_t *ret)
{
	struct span line, word;
	uint64_t number;

	if (!span_line(text, &line) || !span_word(&line, &word) || !span_is(word, key) ||
	    !num_parse(span_trim(line), (uint64_t)max, &number))
		return false;
	*ret = (int64_t)number;
	return true;
}

static bool parse(struct span text, struct decision *ret)
{
	struct span line;

	return span_line(&text, &line) && span_is(line, HEADING) &&
	       parse_number(&text, "boottime", INT64_MAX, &ret->boottime_ns) &&
	       parse_number(&text, "life", DECISION_LIFE_MS, &ret->life_ms) &&
	       parse_verdict(&text, "login", &ret->login) &&
	       parse_verdict(&text, "admin", &ret->admin) && span_is(text, "end\n");
}

int decision_parse(struct span text, struct decision *ret, struct err *err)
{
	struct decision decision = {0};

	if (!parse(text, &decision)) {
		(void)err_set(err, EBADMSG, "the decision is not in its form");
		return reason_add(err, REASON_BACKEND_MALFORMED);
	}
	*ret = decision;
	return 0;
}

static void decision_path(const char *oid, const char *suffix, char ret[DECISION_PATH_SIZE])
{
	(void)snprintf(ret, DECISION_PATH_SIZE, DECISIONS_DIR "/%s%s", oid, suffix);
}

static void add_source(const struct conf *conf, struct buf *ret)
{
	const char *service =
		conf->role_backend == BACKEND_PDP ? conf->pdp : conf->resource_manager;

	buf_printf(ret, "source %s %s %s\n", conf_backend_name(conf->role_backend),
		   service ? service : "-", conf->resource_id ? conf->resource_id : "-");
}

static int parse_file(struct span text, const struct conf *conf, struct decision *ret,
		      struct err *err)
{
	AUTO_BUF source = {0};
	struct span front;

	add_source(conf, &source);
	if (buf_ok(&source, err) < 0)
		return -err->code;
	if (!span_take(&text, source.len, &front) || !span_eq(front, buf_bytes(&source)))
		return err_set(err, ENOENT,
			       "the last decision is another service's, or about another resource");
	return decision_parse(text, ret, err);
}

/* By a clock that nobody sets and that does not stop while the machine sleeps. */
static bool serves(struct sys *sys, const struct decision *decision, int64_t grace_s)
{
	int64_t age_ns = sys->ops->boottime_ns(sys) - decision->boottime_ns;

	return age_ns >= 0 &&
	       (age_ns < decision->life_ms * 1000000 || age_ns < grace_s * 1000000000);
}

int decision_load(struct sys *sys, const struct conf *conf, const char *oid, int64_t grace_s,
		  struct decision *ret, struct err *err)
{
	struct decision decision;
	char path[DECISION_PATH_SIZE];
	AUTO_BUF text = {0};
	int r;

	decision_path(oid, "", path);
	r = fs_read(sys, path, FS_TRUSTED, DECISION_MAX, &text, NULL, err);
	if (r == 0)
		r = parse_file(buf_bytes(&text), conf, &decision, err);
	if (r < 0)
		return r;
	if (!serves(sys, &decision, grace_s))
		return err_set(err, ENOENT, "the last decision is too old");
	*ret = decision;
	return 0;
}

int decision_store(struct sys *sys, const struct conf *conf, const char *oid,
		   const struct decision *decision, struct err *err)
{
	const struct fs_meta meta = {.mode = 0600, .uid = sys->owner, .gid = getegid()};
	char path[DECISION_PATH_SIZE];
	AUTO_BUF text = {0};
	int r;

	add_source(conf, &text);
	r = decision_format(decision, &text, err);
	decision_path(oid, "", path);
	if (r == 0)
		r = fs_replace(sys, path, buf_bytes(&text), &meta, err);
	return r < 0 ? fs_remove(sys, path, err) : 0;
}

int decision_lock(struct sys *sys, const char *oid, struct err *err)
{
	char path[DECISION_PATH_SIZE];
	int fd;

	decision_path(oid, ".lock", path);
	fd = lock_take(sys, path, "another question about the account", LOCK_WAIT_MS, err);
	return fd == -EBUSY ? reason_add(err, REASON_DEADLINE) : fd;
}
