/* SPDX-License-Identifier: MIT */
/* `aadsshlogin status`: is everything in force, and who came last?  Nothing asks the network. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/num.h"
#include "lib/core/reason.h"
#include "lib/steps/run.h"
#include "lib/sys/confine.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"
#include "payload/login/backend.h"
#include "payload/login/command.h"
#include "payload/login/decision.h"
#include "payload/login/document.h"
#include "payload/login/keys.h"
#include "payload/login/ledger.h"
#include "payload/login/loginconf.h"
#include "payload/login/precondition.h"
#include "payload/login/service.h"

#define ANY_AGE_S ((int64_t)1 << 32)
#define TIME_SIZE 32

/* What `configure` puts in force, but for the configuration, which may be written by hand. */
static const struct step *const steps[] = {
	&step_accounts, &step_pam, &step_sudo, &step_selinux, &step_sshd, &step_names,
};

static int update(json_t *document, json_t *part, struct err *err)
{
	return !part || json_object_update_new(document, part) < 0 ? err_oom(err) : 0;
}

static const char *utc(int64_t seconds, char ret[TIME_SIZE])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(ret, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(ret, TIME_SIZE, "-");
	return ret;
}

/* ---- keys */

static const char *const key_states[] = {
	[KEYCACHE_GONE] = "none",
	[KEYCACHE_STALE] = "expired",
	[KEYCACHE_AGEING] = "ageing",
	[KEYCACHE_FRESH] = "fresh",
};

/* In the jail, since the cache is SERVICE_USER's: "STATE COUNT FETCHED EXPIRES" of the own tenant's
 * keys. */
static int look_at_keys(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct conf *conf = arg;
	AUTO_KEYCACHE cache = {0};
	int r = keys_cached(sys, conf, conf->tenant, &cache, err);

	if (r < 0 && r != -ENOENT)
		return r;
	buf_printf(ret, "%s %zu %lld %lld", key_states[keycache_judge(&cache, sys_realtime_s(sys))],
		   cache.keys.count, (long long)cache.fetched_s, (long long)cache.expires_s);
	return 0;
}

static int read_keys(struct span line, json_t *document, struct err *err)
{
	struct span state, number[3];
	char fetched[TIME_SIZE], expires[TIME_SIZE];
	uint64_t value[3];

	if (!span_word(&line, &state))
		return err_set(err, EIO, "the unprivileged child answered beside the form");
	for (size_t i = 0; i < ARRAY_LEN(value); i++)
		if (!span_word(&line, &number[i]) || !num_parse(number[i], INT64_MAX, &value[i]))
			return err_set(err, EIO, "the unprivileged child answered beside the form");
	if (update(document,
		   json_pack("{s:s%, s:I}", "keys", state.p, state.len, "keyCount",
			     (json_int_t)value[0]),
		   err) < 0)
		return -ENOMEM;
	if (value[1] == 0)
		return 0;
	return update(document,
		      json_pack("{s:s, s:s}", "keysFetched", utc((int64_t)value[1], fetched),
				"keysExpire", utc((int64_t)value[2], expires)),
		      err);
}

static int add_keys(struct sys *sys, const struct conf *conf, json_t *document, struct err *err)
{
	AUTO_BUF text = {0};
	int r;

	if (conf->keys_file)
		return update(document, json_pack("{s:s}", "keys", "pinned"), err);
	r = service_run(sys, conf, NULL, look_at_keys, conf, &text, err);
	return r < 0 ? r : read_keys(buf_bytes(&text), document, err);
}

/* ---- accounts */

static int add_conf(const struct conf *conf, json_t *document, struct err *err)
{
	const struct backend *backend = backend_find(conf->role_backend);
	const char *resource = conf->resource_id;
	json_t *part = json_pack("{s:s*, s:o*, s:s*, s:s*}", "tenant", conf->tenant, "resource",
				 resource ? json_quote(span_of(resource)) : NULL, "userDomains",
				 conf->user_domains, "roleBackend", backend ? backend->name : NULL);

	return !part || json_object_update_new(document, part) < 0 ? err_oom(err) : 0;
}

static const char *index_state(struct sys *sys)
{
	if (!fs_exists(sys, AADINDEX_PATH))
		return "none";
	return userindex_is_current(sys) ? "current" : "of other users";
}

static const char *const kinds[] = {
	[VERDICT_MISSING] = "missing",
	[VERDICT_GRANTED] = "granted",
	[VERDICT_DENIED] = "denied",
};

/* The last decision about a user of this boot, when there is one. */
static int add_login(struct sys *sys, const struct conf *conf, const struct aad_user *user,
		     json_t *rows, struct err *err)
{
	struct decision decision;
	struct err none = {0};
	char oid[GUID_SIZE], when[TIME_SIZE];
	int64_t age_s;
	json_t *row;

	if (!span_copy(user->oid, oid, sizeof(oid)) ||
	    decision_load(sys, conf, oid, ANY_AGE_S, &decision, &none) < 0)
		return 0;
	age_s = (sys->ops->boottime_ns(sys) - decision.boottime_ns) / 1000000000;
	row = json_pack("{s:s%, s:s, s:s, s:s, s:o, s:o}", "name", user->name.p, user->name.len,
			"decided", utc(sys_realtime_s(sys) - age_s, when), "login",
			kinds[decision.login.kind], "administer", kinds[decision.admin.kind],
			"assignment", json_quote(span_of(decision.login.id)), "scope",
			json_quote(span_of(decision.login.scope)));
	return !row || json_array_append_new(rows, row) < 0 ? err_oom(err) : 0;
}

static int add_accounts(struct sys *sys, const struct conf *conf, json_t *document, struct err *err)
{
	AUTO_JSON *logins = json_array();
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user;
	struct span text;
	json_int_t count = 0;
	int r = ledger_read(sys, &ledger, err);

	text = buf_bytes(&ledger.users);
	for (; r == 0 && aadpasswd_next(&text, &user); count++)
		r = add_login(sys, conf, &user, logins, err);
	if (r < 0)
		return r;
	return update(document,
		      json_pack("{s:I, s:s, s:O}", "users", count, "index", index_state(sys),
				"decisions", logins),
		      err);
}

/* ---- is it in force? */

static int add_check(json_t *rows, const char *name, const char *state, const char *message,
		     struct err *err)
{
	json_t *row = json_pack("{s:s, s:s, s:o*}", "check", name, "state", state, "message",
				message[0] ? json_quote(span_of(message)) : NULL);

	return !row || json_array_append_new(rows, row) < 0 ? err_oom(err) : 0;
}

/* The first thing that is wrong goes to *problem. */
static int check_steps(struct sys *sys, const struct conf *conf, json_t *rows, struct err *problem,
		       struct err *err)
{
	struct step_result results[ARRAY_LEN(steps)];
	struct machine machine = {.sys = sys, .conf = *conf, .log_fd = -1};
	struct run run = {
		.machine = &machine, .steps = steps, .count = ARRAY_LEN(steps), .results = results};
	int r = 0;

	(void)run_check(&run, problem);
	if (problem->code && !problem->remedy[0])
		(void)err_remedy(problem, 0, "run aadsshlogin configure");
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(steps); i++)
		r = add_check(rows, steps[i]->name,
			      results[i].state == STEP_OK ? "ok"
							  : step_state_name(results[i].state),
			      results[i].message, err);
	return r;
}

/* The module is no step's: the package brings it. */
static int check_module(struct sys *sys, json_t *rows, struct err *problem, struct err *err)
{
	struct err own = {0};
	int r = precondition_account_phase(sys, PHASE_MODULE, &own);

	if (r < 0)
		(void)err_remedy(&own, 0, "install the package aadsshlogin again");
	if (r < 0 && problem->code == 0)
		*problem = own;
	return add_check(rows, "pam-module", r < 0 ? "failed" : "ok", own.msg, err);
}

/* What the kernel has of confine.h for who parses what others wrote. */
static int add_layers(struct sys *sys, json_t *document, struct err *err)
{
	AUTO_BUF confined = {0}, missing = {0};
	int layers = confine_probe(sys, err);

	if (layers < 0)
		return layers;
	confine_tell((unsigned)layers, &confined);
	confine_tell(CONFINE_ALL & ~(unsigned)layers, &missing);
	return update(document,
		      json_pack("{s:s, s:s}", "confined", buf_text(&confined), "notConfined",
				buf_text(&missing)),
		      err);
}

/* Whatever is wrong with the machine goes to *problem; a failure is our own. */
static int gather(struct sys *sys, json_t *document, struct err *problem, struct err *err)
{
	AUTO_JSON *rows = json_array();
	AUTO_CONF conf = {0};
	int r = loginconf_load(sys, &conf, problem);

	if (r == 0 && (!conf.tenant || (!conf.keys_file && !conf.authority)))
		(void)reason_refuse(problem, REASON_NOT_CONFIGURED,
				    CONF_PATH " names no tenant or no authority");
	if (problem->code) {
		(void)err_remedy(problem, 0, "run aadsshlogin configure");
		return 0;
	}
	r = add_conf(&conf, document, err);
	if (r == 0)
		r = check_steps(sys, &conf, rows, problem, err);
	if (r == 0)
		r = check_module(sys, rows, problem, err);
	if (r == 0)
		r = update(document, json_pack("{s:O}", "checks", rows), err);
	if (r == 0)
		r = add_keys(sys, &conf, document, err);
	if (r == 0)
		r = add_layers(sys, document, err);
	return r < 0 ? r : add_accounts(sys, &conf, document, err);
}

int status_command(struct sys *sys, int argc, char **argv)
{
	AUTO_JSON *document = json_object();
	struct err problem = {0}, err = {0};
	bool as_json;
	int r;

	if (!command_json(argc, argv, &as_json))
		return command_usage(argc, argv, "aadsshlogin status [--json]");
	if (command_needs_root(&err) < 0)
		return document_outcome("aadsshlogin", as_json, NULL, -err.code, &err);
	if (gather(sys, document, &problem, &err) < 0 && problem.code == 0)
		problem = err;
	r = problem.code ? document_problem(document, &problem, &err)
			 : update(document, json_pack("{s:b}", "ok", 1), &err);
	if (r < 0 || document_print(document, as_json) != COMMAND_OK)
		return COMMAND_FAILED;
	return problem.code ? COMMAND_FAILED : COMMAND_OK;
}
