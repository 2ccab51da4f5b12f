/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/lastlogin.h"
#include "lib/core/name.h"
#include "lib/core/num.h"
#include "lib/core/reason.h"
#include "lib/core/uid.h"
#include "lib/sys/confine.h"
#include "lib/sys/fs.h"
#include "lib/sys/himds.h"
#include "lib/sys/metricsfile.h"
#include "payload/login/accounts.h"
#include "payload/login/adminlist.h"
#include "payload/login/audit.h"
#include "payload/login/authorize.h"
#include "payload/login/backend.h"
#include "payload/login/ledger.h"
#include "payload/login/loginconf.h"
#include "payload/login/places.h"
#include "payload/login/provision.h"
#include "payload/login/record.h"
#include "payload/login/refusal.h"
#include "payload/login/service.h"
#include "payload/login/uidpick.h"

#define DEADLINE_MS (ANSWER_DEADLINE_MS - 1000)

/* ---- who is it? */

struct identify_task {
	const struct conf *conf;
	const char *name;
	struct span recorded_oid;
	struct span cert;
};

/* In the jail.  The answer is "OID TENANT CA\n". */
static int identify_jailed(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct identify_task *task = arg;
	struct verified verified;
	int r = verify_certificate(sys, task->conf, task->name, task->recorded_oid, task->cert,
				   &verified, err);

	if (r == 0)
		buf_printf(ret, "%s %s %s\n", verified.identity.oid, verified.identity.tid,
			   verified.ca);
	return r;
}

static bool parse_identity(struct span text, struct authorize_result *ret)
{
	struct span line, oid, tenant, ca;

	return span_line(&text, &line) && text.len == 0 && span_word(&line, &oid) &&
	       span_word(&line, &tenant) && span_word(&line, &ca) && guid_valid(oid) &&
	       guid_valid(tenant) && span_copy(oid, ret->oid, sizeof(ret->oid)) &&
	       span_copy(tenant, ret->tenant, sizeof(ret->tenant)) &&
	       span_copy(ca, ret->ca, sizeof(ret->ca));
}

static int identify_by_certificate(struct sys *sys, const struct conf *conf,
				   const struct authorize_request *request,
				   const struct handoff *record, struct span recorded_oid,
				   struct authorize_result *ret, struct err *err)
{
	const struct identify_task task = {
		.conf = conf,
		.name = request->name,
		.recorded_oid = recorded_oid,
		.cert = buf_bytes(&record->cert),
	};
	char name[NAME_SIZE];
	AUTO_BUF answer = {0};
	int r;

	if (!name_lower(record->name, name, sizeof(name)) || strcmp(name, request->name) != 0)
		return reason_refuse(err, REASON_RECORD_MALFORMED, "the record is of a login as %s",
				     record->name);
	r = service_run(sys, conf, NULL, identify_jailed, &task, &answer, err);
	if (r == 0 && !parse_identity(buf_bytes(&answer), ret))
		r = err_set(err, EIO, "the unprivileged child answered beside the form");
	return r;
}

/* A user who is set up and in force is who the line says. */
static int identify_by_line(const struct aad_user *user, struct authorize_result *ret)
{
	(void)span_copy(user->oid, ret->oid, sizeof(ret->oid));
	return 0;
}

static int identify_login(struct sys *sys, const struct conf *conf,
			  const struct authorize_request *request, enum ledger_standing standing,
			  const struct aad_user *user, struct authorize_result *ret,
			  struct err *err)
{
	AUTO_HANDOFF record = {0};
	int r = record_take(sys, request->parent, &record, err);

	if (r == -ENOENT && standing == LEDGER_PRESENT &&
	    conf->authorized_keys == AUTHORIZED_KEYS_KEEP)
		return identify_by_line(user, ret);
	return r < 0 ? r
		     : identify_by_certificate(sys, conf, request, &record, user->oid, ret, err);
}

static int identify(struct sys *sys, const struct conf *conf,
		    const struct authorize_request *request, struct authorize_result *ret,
		    struct err *err)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user = {.id = 0};
	enum ledger_standing standing;
	int r = ledger_look(sys, request->name, &ledger, err);

	if (r < 0)
		return r;
	standing = ledger_find(&ledger, request->name, &user);
	if (!request->admin)
		r = identify_login(sys, conf, request, standing, &user, ret, err);
	else if (standing == LEDGER_PRESENT)
		r = identify_by_line(&user, ret);
	else
		r = reason_refuse(err, REASON_RECORD_MISSING, "%s is not set up on this machine",
				  request->name);
	if (r == 0 && standing == LEDGER_PRESENT && user.id != request->uid)
		return reason_refuse(err, REASON_UID_MISMATCH,
				     "%s has uid %u on this machine, this process has %u",
				     request->name, user.id, request->uid);
	return r < 0 || standing != LEDGER_PRESENT
		       ? r
		       : uidpick_check_alone(sys, request->name, user.id, err);
}

/* ---- what may it do? */

struct ask_task {
	const struct conf *conf;
	const struct backend *backend;
	const char *oid;
};

/* In the jail.  The answer is a decision's text. */
static int ask_jailed(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct ask_task *task = arg;
	struct decision decision;
	int r = task->backend->ask(sys, task->conf, task->oid, &decision, err);

	return r < 0 ? r : decision_format(&decision, ret, err);
}

static int ask(struct sys *sys, const struct ask_task *task, struct decision *ret, struct err *err)
{
	int64_t asked_ns = sys->ops->boottime_ns(sys);
	AUTO_BUF answer = {0};
	/* Of an Arc machine the group may read what its metadata service asks back. */
	const char *group = task->conf->himds ? HIMDS_USER : NULL;
	int r = service_run(sys, task->conf, group, ask_jailed, task, &answer, err);

	if (r == 0)
		r = decision_parse(buf_bytes(&answer), ret, err);
	/* Its age is told by nobody else. */
	if (r == 0)
		ret->boottime_ns = asked_ns;
	return r;
}

static const struct verdict *verdict_of(const struct decision *decision, bool admin)
{
	return admin ? &decision->admin : &decision->login;
}

/* The reasons of a service that is down, in contrast to one that says no or is not set up. */
static bool is_outage(const struct err *err)
{
	enum reason reason = reason_of(err);

	return reason == REASON_BACKEND_UNREACHABLE || reason == REASON_TOKEN_UNAVAILABLE ||
	       reason == REASON_DEADLINE;
}

/* The earlier grant that serves while the service is down, if the configuration says so. */
static bool bridge_outage(struct sys *sys, const struct conf *conf, const char *oid, bool admin,
			  struct decision *ret)
{
	struct err ignored = {0};
	struct decision earlier;

	if (conf->offline_grace == 0 ||
	    decision_load(sys, conf, oid, conf->offline_grace, &earlier, &ignored) < 0 ||
	    verdict_of(&earlier, admin)->kind != VERDICT_GRANTED)
		return false;
	*ret = earlier;
	return true;
}

static int ask_remote(struct sys *sys, const struct ask_task *task, bool admin,
		      struct authorize_result *result, struct err *err)
{
	struct decision *ret = &result->decision;
	struct err ignored = {0};
	AUTO_CLOSE int lock = -1;
	int r;

	if (decision_load(sys, task->conf, task->oid, 0, ret, &ignored) == 0)
		return 0;
	lock = decision_lock(sys, task->oid, err);
	if (lock >= 0 && decision_load(sys, task->conf, task->oid, 0, ret, &ignored) == 0)
		return 0;
	r = lock < 0 ? lock : ask(sys, task, ret, err);
	/* One that cannot be kept serves this once, unless an earlier grant would outlive it. */
	if (r == 0)
		return decision_store(sys, task->conf, task->oid, ret, err);
	result->backend_error = reason_of(err);
	return is_outage(err) && bridge_outage(sys, task->conf, task->oid, admin, ret) ? 0 : r;
}

static int decide(struct sys *sys, const struct conf *conf, bool admin,
		  struct authorize_result *ret, struct err *err)
{
	const struct backend *backend = backend_find(conf->role_backend);
	const struct ask_task task = {.conf = conf, .backend = backend, .oid = ret->oid};

	if (!backend)
		return reason_refuse(err, REASON_NOT_CONFIGURED, "no role backend is configured");
	return backend->remote ? ask_remote(sys, &task, admin, ret, err)
			       : backend->ask(sys, conf, ret->oid, &ret->decision, err);
}

static int judge(const struct decision *decision, const struct authorize_request *request,
		 const char *oid, struct err *err)
{
	const struct verdict *verdict = verdict_of(decision, request->admin);

	switch (verdict->kind) {
	case VERDICT_GRANTED:
		return 0;
	case VERDICT_DENIED:
		return reason_refuse(err, REASON_ROLE_DENIED, "%s is denied by %.160s at %.160s",
				     oid, verdict->id, verdict->scope);
	case VERDICT_MISSING:
		break;
	}
	return reason_refuse(err, request->admin ? REASON_ADMIN_ROLE_MISSING : REASON_ROLE_MISSING,
			     verdict->id[0] ? "no assignment grants it to %s; %.160s at %.160s has "
					      "a condition, and does not count"
					    : "no assignment grants it to %s",
			     oid, verdict->id, verdict->scope);
}

/* ---- what follows from it? */

static int set_up(struct sys *sys, const struct conf *conf, const struct authorize_request *request,
		  const char *oid, struct err *err)
{
	const struct uid_range range = {.first = conf->uid_first, .last = conf->uid_last};
	struct provisioned now;
	int r = uidpick_check_held(sys, request->name, range, request->uid, request->parent, err);

	if (r == 0)
		r = provision(sys, conf, request->name, oid, &now, err);
	if (r < 0)
		return r;
	accounts_index(sys);
	/* sshd took its entry, home and all, from the name alone, before anybody knew whose it is.
	 */
	if (now.former[0])
		return reason_refuse(err, REASON_ACCOUNT_RENAMED,
				     "%s is %s now, with uid %u as before", now.former,
				     request->name, now.id);
	if (now.id != request->uid)
		return reason_refuse(err, REASON_UID_MISMATCH,
				     "%s has uid %u now, this login began with %u", request->name,
				     now.id, request->uid);
	return uidpick_check_freed(sys, request->parent, err);
}

int authorize(struct sys *sys, const struct conf *conf, const struct authorize_request *request,
	      struct authorize_result *ret, struct err *err)
{
	struct err secondary = {0};
	bool admin;
	int r;

	*ret = (struct authorize_result){0};
	if (!name_ours(request->name, span_of(conf->user_domains)))
		return reason_refuse(err, REASON_NOT_CONFIGURED,
				     "%s is in none of the domains of user_domains", request->name);
	r = identify(sys, conf, request, ret, err);
	if (r == 0)
		r = decide(sys, conf, request->admin, ret, err);
	if (r < 0)
		return r;
	r = judge(&ret->decision, request, ret->oid, err);
	if (r == 0 && !request->admin) {
		r = set_up(sys, conf, request, ret->oid, err);
		if (r < 0)
			return r; /* the name may be somebody else's by now */
	}
	admin = ret->decision.login.kind == VERDICT_GRANTED &&
		ret->decision.admin.kind == VERDICT_GRANTED;
	/* The list follows every decision; that it cannot be written does not hide a refusal's
	 * reason. */
	if (adminlist_set(sys, request->name, admin, r < 0 ? &secondary : err) < 0 && r == 0)
		r = reason_add(err, REASON_PROVISION_FAILED);
	return r;
}

/* ---- the program */

static bool parse_arguments(int argc, char **argv, struct authorize_request *ret)
{
	uint64_t uid;

	if (argc != 6 || (strcmp(argv[1], "login") != 0 && strcmp(argv[1], "admin") != 0) ||
	    strlen(argv[2]) > NAME_MAX_BYTES || !name_shaped(argv[2]) ||
	    !num_parse(span_of(argv[3]), UID_HIGHEST, &uid))
		return false;
	*ret = (struct authorize_request){
		.admin = strcmp(argv[1], "admin") == 0,
		.name = argv[2],
		.uid = (uint32_t)uid,
		.service = argv[4],
		.rhost = argv[5],
		.parent = getppid(),
	};
	return true;
}

static void answer(const struct conf *conf, const struct authorize_request *request,
		   const struct authorize_result *result, const struct err *err)
{
	char bytes[ANSWER_MAX];
	AUTO_BUF text = {0};
	size_t len;

	if (err)
		refusal_text(err, conf, request, result, &text);
	len = answer_format(err ? refusal_code(err) : ANSWER_GRANT, buf_text(&text), bytes);
	(void)fs_write_all(STDOUT_FILENO, (struct span){(unsigned char *)bytes, len});
}

static void write_audit(const struct log *log, const struct authorize_request *request,
			const struct authorize_result *result, int64_t ms, const struct err *err)
{
	const struct verdict *verdict = verdict_of(&result->decision, request->admin);
	char key_id[2 * GUID_SIZE];
	struct audit audit = {
		.user = request->name,
		.action = request->admin ? "admin" : "login",
		.service = request->service,
		.rhost = request->rhost,
		.oid = result->oid,
		.tenant = result->tenant,
		.ca = result->ca,
		.assignment = verdict->id,
		.scope = verdict->scope,
		.ms = ms,
	};

	/* A certificate's key id is this or the certificate is refused: cert_identify. */
	if (result->ca[0]) {
		(void)snprintf(key_id, sizeof(key_id), "%s@%s", result->oid, result->tenant);
		audit.key_id = span_of(key_id);
	}
	audit_line(log, &audit, err);
}

/* For who asks how the machine is.  That it cannot be left keeps nobody out. */
static void leave_last(struct sys *sys, const struct authorize_request *request,
		       const struct authorize_result *result, const struct err *err)
{
	const struct fs_meta meta = {.mode = 0600, .uid = sys->owner, .gid = getegid()};
	struct lastlogin last = {.time_s = sys_realtime_s(sys), .accepted = !err};
	struct err ignored = {0};
	AUTO_BUF text = {0};

	lastlogin_set(last.user, request->name);
	lastlogin_set(last.rhost, request->rhost);
	lastlogin_set(last.assignment, result->decision.login.id);
	lastlogin_set(last.scope, result->decision.login.scope);
	lastlogin_set(last.reason, err ? reason_text(reason_of(err))->id : NULL);
	lastlogin_set(last.message, err ? err->msg : NULL);
	if (lastlogin_format(&last, &text, &ignored) == 0)
		(void)fs_replace(sys, err ? LASTLOGIN_REFUSED : LASTLOGIN_ACCEPTED,
				 buf_bytes(&text), &meta, &ignored);
}

/*
 * Of root's capabilities: to own and to change what it makes in /home and /run, to become
 * SERVICE_USER and end that child, to drop what is left; and to see sshd where /proc hides others'
 * processes.
 */
#define CAPABILITIES                                                                               \
	(1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH |              \
	 1ull << CAP_FOWNER | 1ull << CAP_FSETID | 1ull << CAP_KILL | 1ull << CAP_SETGID |         \
	 1ull << CAP_SETUID | 1ull << CAP_SETPCAP | 1ull << CAP_SYS_PTRACE)

/* What cannot be counted is not: the decision stands, and is made before. */
static void count(struct sys *sys, const struct conf *conf, const struct authorize_request *request,
		  const struct authorize_result *result, int64_t ns, const struct err *err)
{
	const struct metrics_event event = {
		.decided = true,
		.action = request->admin ? METRICS_ADMIN : METRICS_LOGIN,
		.reason = err ? reason_of(err) : REASON_NONE,
		.ns = ns,
		.backend_error = result->backend_error,
	};
	struct err ignored = {0};

	if (conf->metrics)
		(void)metrics_note(sys, SERVICE_USER, &event, &ignored);
}

int authorize_main(struct sys *sys, int argc, char **argv)
{
	struct log log = {.fd = -1, .syslog = "aad_authorize", .level = LOG_LEVEL_INFO};
	int64_t start_ns = sys->ops->boottime_ns(sys);
	struct authorize_result result = {0};
	struct authorize_request request;
	struct err err = {0};
	AUTO_CONF conf = {0};
	int64_t took_ns;
	int r;

	if (geteuid() != 0 || !parse_arguments(argc, argv, &request))
		return EXIT_FAILURE;
	confine_capabilities(CAPABILITIES);
	sys->deadline_ns = start_ns + (int64_t)DEADLINE_MS * 1000000;
	r = loginconf_load(sys, &conf, &err);
	if (r == 0) {
		(void)log_level_parse(conf.log_level, &log.level);
		r = authorize(sys, &conf, &request, &result, &err);
	}
	took_ns = sys->ops->boottime_ns(sys) - start_ns;
	/* The log first: once the module has its answer it ends this program. */
	write_audit(&log, &request, &result, took_ns / 1000000, r < 0 ? &err : NULL);
	count(sys, &conf, &request, &result, took_ns, r < 0 ? &err : NULL);
	if (!request.admin)
		leave_last(sys, &request, &result, r < 0 ? &err : NULL);
	answer(&conf, &request, &result, r < 0 ? &err : NULL);
	return EXIT_SUCCESS;
}
