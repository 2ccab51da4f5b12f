/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/core/cleanup.h"
#include "payload/login/certfile.h"
#include "payload/login/explaincert.h"
#include "payload/login/service.h"
#include "payload/login/verify.h"

#define TIME_SIZE 32
#define MINUTE_S 60
#define HOUR_S (60 * MINUTE_S)
#define DAY_S (24 * HOUR_S)

/* ---- rows */

static const char *const states[] = {
	[EXPLAIN_OK] = "ok",
	[EXPLAIN_REFUSED] = "refused",
	[EXPLAIN_SKIPPED] = "skipped",
	[EXPLAIN_NOTE] = "note",
};

const char *explain_state_name(enum explain_state state)
{
	return states[state];
}

static void make_plain(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

static struct explain_row *new_row(struct explanation *ret, const char *check,
				   enum explain_state state)
{
	/* The checks are fewer: the last row gives way to nobody's surprise. */
	size_t i = ret->count < EXPLAIN_ROWS_MAX ? ret->count++ : EXPLAIN_ROWS_MAX - 1;

	ret->rows[i] = (struct explain_row){.check = check, .state = state};
	return &ret->rows[i];
}

void explain_add(struct explanation *ret, const char *check, enum explain_state state,
		 const char *fmt, ...)
{
	struct explain_row *row = new_row(ret, check, state);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(row->seen, sizeof(row->seen), fmt, ap);
	va_end(ap);
	make_plain(row->seen);
}

void explain_refuse(struct explanation *ret, const char *check, const struct err *err)
{
	struct explain_row *row = new_row(ret, check, EXPLAIN_REFUSED);

	row->reason = reason_of(err);
	memcpy(row->seen, err->msg, sizeof(row->seen));
	make_plain(row->seen);
	if (!ret->refusal)
		ret->refusal = row;
}

const char *explain_duration(int64_t seconds, char ret[DURATION_SIZE])
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 2 * MINUTE_S)
		(void)snprintf(ret, DURATION_SIZE, "%lld s", (long long)seconds);
	else if (seconds < 2 * HOUR_S)
		(void)snprintf(ret, DURATION_SIZE, "%lld min", (long long)seconds / MINUTE_S);
	else if (seconds < 2 * DAY_S)
		(void)snprintf(ret, DURATION_SIZE, "%lld h", (long long)seconds / HOUR_S);
	else
		(void)snprintf(ret, DURATION_SIZE, "%lld days", (long long)seconds / DAY_S);
	return ret;
}

/* ---- in the jail: a line "CHECK STATE REASON SEEN" for each check, then "oid OID" */

struct task {
	const struct conf *conf;
	const char *name;
	struct span recorded_oid, text;
};

struct telling {
	struct sys *sys;
	struct buf *out;
};

static const char *utc(uint64_t seconds, char ret[TIME_SIZE])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds > INT32_MAX * 2ull || !gmtime_r(&t, &tm) ||
	    strftime(ret, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(ret, TIME_SIZE, "(far away)");
	return ret;
}

static void see_keys(struct sys *sys, const struct keys_look *keys, char *seen, size_t size)
{
	int64_t now_s = sys_realtime_s(sys);
	char age[DURATION_SIZE], left[DURATION_SIZE];

	if (keys->pinned)
		(void)snprintf(seen, size, "is one of the %zu keys of keys_file", keys->count);
	else if (keys->state == KEYCACHE_GONE)
		(void)snprintf(seen, size, "no keys are cached: a login would fetch them");
	else
		(void)snprintf(seen, size, "is one of %zu cached keys, fetched %s ago, %s %s",
			       keys->count, explain_duration(now_s - keys->fetched_s, age),
			       now_s < keys->expires_s ? "good for" : "expired since",
			       explain_duration(now_s < keys->expires_s ? keys->expires_s - now_s
									: now_s - keys->expires_s,
						left));
}

static void see(struct sys *sys, enum verify_check check, const struct verified *verified,
		char *seen, size_t size)
{
	const struct cert *cert = &verified->cert;
	const struct cert_identity *identity = &verified->identity;
	char from[TIME_SIZE], to[TIME_SIZE], left[DURATION_SIZE];

	switch (check) {
	case VERIFY_CERTIFICATE:
		(void)snprintf(seen, size, "key id %.*s, signed by %s",
			       (int)(cert->key_id.len < 128 ? cert->key_id.len : 128),
			       (const char *)cert->key_id.p, verified->ca);
		break;
	case VERIFY_VALIDITY:
		(void)snprintf(
			seen, size, "%s to %s, %s left", utc(cert->valid_after_s, from),
			utc(cert->valid_before_s, to),
			explain_duration((int64_t)cert->valid_before_s - sys_realtime_s(sys),
					 left));
		break;
	case VERIFY_IDENTITY:
		(void)snprintf(seen, size, "%s, object id %s", identity->principal, identity->oid);
		break;
	case VERIFY_TENANT:
		(void)snprintf(seen, size, "%s is allowed", identity->tid);
		break;
	case VERIFY_SIGNATURE:
		(void)snprintf(seen, size, "verifies by the key that the certificate names");
		break;
	case VERIFY_SIGNING_KEY:
		see_keys(sys, &verified->keys, seen, size);
		break;
	case VERIFY_PRINCIPAL:
		(void)snprintf(seen, size, "%s is the name", identity->principal);
		break;
	case VERIFY_OBJECT_ID:
	case VERIFY_CHECKS:
		(void)snprintf(seen, size, "%s is nobody else's name here", identity->principal);
		break;
	}
}

static void write_line(struct buf *out, enum verify_check check, enum explain_state state,
		       enum reason reason, char *seen)
{
	make_plain(seen);
	buf_printf(out, "%s %s %s %s\n", verify_check_name(check), states[state],
		   reason_text(reason)->id, seen);
}

static void tell(void *arg, enum verify_check check, const struct verified *verified,
		 const struct err *err)
{
	struct telling *telling = arg;
	char seen[ERR_MSG_MAX];
	bool unknown = check == VERIFY_SIGNING_KEY && !verified->keys.pinned &&
		       verified->keys.state == KEYCACHE_GONE;

	if (err) {
		(void)snprintf(seen, sizeof(seen), "%s", err->msg);
		write_line(telling->out, check, EXPLAIN_REFUSED, reason_of(err), seen);
		return;
	}
	see(telling->sys, check, verified, seen, sizeof(seen));
	write_line(telling->out, check, unknown ? EXPLAIN_SKIPPED : EXPLAIN_OK, REASON_NONE, seen);
}

static int replay_jailed(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct task *task = arg;
	struct telling telling = {.sys = sys, .out = ret};
	struct verified verified = {.ca = ""};
	AUTO_BUF blob = {0};
	struct err refusal = {0};

	if (certfile_decode(task->text, &blob, &refusal) < 0)
		tell(&telling, VERIFY_CERTIFICATE, &verified, &refusal);
	else if (verify_offline(sys, task->conf, task->name, task->recorded_oid, buf_bytes(&blob),
				tell, &telling, &verified, &refusal) == 0)
		buf_printf(ret, "oid %s\n", verified.identity.oid);
	return buf_ok(ret, err);
}

/* ---- outside: the text is taken for hostile */

static bool find_state(struct span word, enum explain_state *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (!span_is(word, states[i]))
			continue;
		*ret = (enum explain_state)i;
		return true;
	}
	return false;
}

static bool read_line(struct span line, enum verify_check check, struct explanation *ret)
{
	struct span name, state_word, reason_word;
	enum explain_state state;
	struct err err = {0};
	char id[64];

	if (!span_word(&line, &name) || !span_is(name, verify_check_name(check)) ||
	    !span_word(&line, &state_word) || !find_state(state_word, &state) ||
	    !span_word(&line, &reason_word) || !span_copy(reason_word, id, sizeof(id)))
		return false;
	line = span_trim(line);
	if (line.len >= ERR_MSG_MAX)
		line.len = ERR_MSG_MAX - 1;
	if (state != EXPLAIN_REFUSED) {
		explain_add(ret, verify_check_name(check), state, "%.*s", (int)line.len,
			    (const char *)line.p);
		return true;
	}
	(void)err_set(&err, EACCES, "%.*s", (int)line.len, (const char *)line.p);
	(void)reason_add(&err, reason_find(id) == REASON_NONE ? REASON_INTERNAL : reason_find(id));
	explain_refuse(ret, verify_check_name(check), &err);
	return true;
}

/* The rows of the answer, and whose the certificate is.  False when it is beside the form. */
static bool read_answer(struct span text, struct explanation *ret, unsigned *ret_count,
			char ret_oid[GUID_SIZE])
{
	const struct explain_row *before = ret->refusal;
	struct span line, word;

	for (*ret_count = 0; *ret_count < VERIFY_CHECKS; ++*ret_count) {
		if (!span_line(&text, &line) ||
		    !read_line(line, (enum verify_check) * ret_count, ret))
			return false;
		if (ret->rows[ret->count - 1].state == EXPLAIN_REFUSED) {
			++*ret_count;
			return text.len == 0 && ret->refusal != before;
		}
	}
	return span_line(&text, &line) && text.len == 0 && span_word(&line, &word) &&
	       span_is(word, "oid") && span_word(&line, &word) && guid_valid(word) &&
	       span_copy(word, ret_oid, GUID_SIZE);
}

static void skip(struct explanation *ret, unsigned from, const char *why)
{
	for (; from < VERIFY_CHECKS; from++)
		explain_add(ret, verify_check_name((enum verify_check)from), EXPLAIN_SKIPPED, "%s",
			    why);
}

void explain_certificate(struct sys *sys, const struct conf *conf, const char *name,
			 struct span recorded_oid, const struct explain_question *question,
			 struct explanation *ret, char ret_oid[GUID_SIZE])
{
	const struct task task = {
		.conf = conf, .name = name, .recorded_oid = recorded_oid, .text = question->cert};
	struct err err = {0};
	AUTO_BUF answer = {0};
	unsigned count = 0;
	int r;

	ret_oid[0] = '\0';
	if (!question->has_cert || !conf) {
		skip(ret, 0, conf ? "no certificate was given" : "without a configuration");
		return;
	}
	if (question->cert_err) {
		explain_refuse(ret, verify_check_name(VERIFY_CERTIFICATE), question->cert_err);
		skip(ret, 1, "not reached");
		return;
	}
	r = service_run(sys, conf, NULL, replay_jailed, &task, &answer, &err);
	if (r == 0 && !read_answer(buf_bytes(&answer), ret, &count, ret_oid))
		r = err_set(&err, EIO, "the unprivileged child answered beside the form");
	if (r < 0) {
		explain_refuse(ret,
			       verify_check_name(count < VERIFY_CHECKS ? (enum verify_check)count
								       : VERIFY_OBJECT_ID),
			       &err);
		count++;
	}
	skip(ret, count, "not reached");
}
