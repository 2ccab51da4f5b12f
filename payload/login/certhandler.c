/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/guid.h"
#include "lib/core/name.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/metricsfile.h"
#include "payload/login/audit.h"
#include "payload/login/certhandler.h"
#include "payload/login/keys.h"
#include "payload/login/loginconf.h"
#include "payload/login/places.h"
#include "payload/login/precondition.h"
#include "payload/login/record.h"
#include "payload/login/service.h"
#include "payload/login/verify.h"

#define DEADLINE_MS 10000

/* How the base64 of every key of the type CERT_TYPE_NAME begins: its length, and most of its name.
 */
#define CERT_KEY_PREFIX "AAAAHHNzaC1yc2EtY2VydC12MDFAb3BlbnNzaC5jb2"

/* Who offers which key to whom. */
struct offer {
	const char *user; /* as the passwd entry says it */
	const char *name; /* in lower case */
	const char *key;
	pid_t parent;
};

static int decode(const char *key, struct buf *ret, struct err *err)
{
	int r = base64_decode(span_of(key), ret, err);

	return r < 0 ? reason_add(err, REASON_CERT_MALFORMED) : 0;
}

static int accept_certificate(struct sys *sys, const struct conf *conf, const struct offer *offer,
			      struct span blob, struct verified *verified, struct buf *ret,
			      struct err *err)
{
	AUTO_BUF line = {0};
	char oid[GUID_SIZE];
	int r = precondition_recorded_oid(sys, offer->name, oid, err);

	if (r == 0)
		r = verify_certificate(sys, conf, offer->name, span_of(oid), blob, verified, err);
	if (r == 0)
		r = precondition_not_local(sys, offer->user, offer->name, err);
	if (r == 0)
		r = precondition_account_phases(sys, err);
	if (r == 0)
		r = record_write(sys, offer->parent, offer->name, blob, err);
	if (r < 0)
		return r;
	buf_printf(&line, "cert-authority,principals=\"%s\" ssh-rsa ",
		   verified->identity.principal);
	base64_encode(verified->cert.ca, &line);
	buf_str(&line, "\n");
	r = buf_ok(&line, err);
	if (r == 0)
		buf_span(ret, buf_bytes(&line));
	return r;
}

/* What cannot be counted is not: the decision stands. */
static void count(struct sys *sys, const struct conf *conf, int64_t ns, const struct err *err)
{
	struct metrics_event event = {
		.decided = true,
		.action = METRICS_KEY,
		.reason = err ? reason_of(err) : REASON_NONE,
		.ns = ns,
	};
	AUTO_KEYCACHE keys = {.fetched_s = 0};
	struct err ignored = {0};

	if (!conf->metrics)
		return;
	if (conf->tenant && !conf->keys_file &&
	    keys_cached(sys, conf, conf->tenant, &keys, &ignored) == 0) {
		event.keys_fetched_s = (uint64_t)keys.fetched_s;
		event.keys_expire_s = (uint64_t)keys.expires_s;
	}
	(void)metrics_note(sys, SERVICE_USER, &event, &ignored);
}

static int judge(struct sys *sys, const struct conf *conf, const struct offer *offer,
		 const struct log *log, struct buf *ret, struct err *err)
{
	const int64_t start_ns = sys->ops->boottime_ns(sys);
	struct audit audit = {.user = offer->name, .action = "key"};
	struct verified verified = {0};
	AUTO_BUF blob = {0};
	int64_t took_ns;
	int r = decode(offer->key, &blob, err);

	if (r == 0)
		r = accept_certificate(sys, conf, offer, buf_bytes(&blob), &verified, ret, err);
	audit_certificate(&audit, &verified);
	took_ns = sys->ops->boottime_ns(sys) - start_ns;
	audit.ms = took_ns / 1000000;
	audit_line(log, &audit, r < 0 ? err : NULL);
	count(sys, conf, took_ns, r < 0 ? err : NULL);
	return r;
}

static bool is_certificate(const char *key)
{
	return strncmp(key, CERT_KEY_PREFIX, strlen(CERT_KEY_PREFIX)) == 0;
}

/* The certificate's bytes are whoever's connects: from here on there is no way to other files. */
static int give_up_the_rest(struct sys *sys, const struct conf *conf, struct err *err)
{
	const char *const writes[] = {CACHE_DIR, HANDOFF_DIR, conf->metrics ? METRICS_DIR : NULL,
				      NULL};
	struct service_limits limits;
	int r;

	service_limits(conf, writes, &limits);
	r = confine_self(sys, &limits.confine);
	return r < 0 ? reason_refuse(err, REASON_INTERNAL, "cannot drop privileges") : 0;
}

int certhandler_answer(struct sys *sys, const char *user, const char *key, pid_t parent,
		       struct log *log, struct buf *ret, struct err *err)
{
	struct err removal = {0};
	AUTO_CONF conf = {0};
	char name[NAME_SIZE];
	const struct offer offer = {.user = user, .name = name, .key = key, .parent = parent};
	int r;

	if (!name_lower(user, name, sizeof(name)) || !name_shaped(name))
		return 0;
	if (!is_certificate(key))
		return record_remove(sys, parent, err);
	r = loginconf_load(sys, &conf, err);
	if (r == 0) {
		(void)log_level_parse(conf.log_level, &log->level);
		if (!name_ours(name, span_of(conf.user_domains)))
			return record_remove(sys, parent, err);
		r = give_up_the_rest(sys, &conf, err);
		if (r == 0)
			r = judge(sys, &conf, &offer, log, ret, err);
	} else {
		audit_line(log, &(struct audit){.user = name, .action = "key"}, err);
	}
	if (r < 0 && record_remove(sys, parent, &removal) < 0)
		log_line(log, LOG_LEVEL_ERROR, "%s", removal.msg);
	return r;
}

/* The journal keeps the command line of whoever writes to it: what was in it is moved away. */
static char *take_argument(char *argument)
{
	char *own = strdup(argument);

	explicit_bzero(argument, strlen(argument));
	return own;
}

int certhandler_main(struct sys *sys, int argc, char **argv)
{
	struct log log = {.fd = -1, .syslog = "aad_certhandler", .level = LOG_LEVEL_INFO};
	struct err err = {0};
	AUTO_FREE char *certificate = NULL;
	const char *key;
	AUTO_BUF line = {0};

	if (argc != 3)
		return 0;
	key = argv[2];
	if (is_certificate(key)) {
		key = certificate = take_argument(argv[2]);
		if (!certificate)
			return 0;
	}
	/* Bytes from the network are not for root.  Other keys get no answer from anybody. */
	if (geteuid() == 0) {
		if (!is_certificate(key))
			return 0;
		log_line(&log, LOG_LEVEL_ERROR,
			 "AuthorizedKeysCommandUser is root, and must be aadsshlogin: no key is "
			 "accepted");
		return 0;
	}
	sys->deadline_ns = sys->ops->boottime_ns(sys) + (int64_t)DEADLINE_MS * 1000000;
	if (certhandler_answer(sys, argv[1], key, getppid(), &log, &line, &err) == 0)
		(void)fs_write_all(STDOUT_FILENO, buf_bytes(&line));
	return 0;
}
