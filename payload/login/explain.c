/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/core/name.h"
#include "lib/core/nsswitch.h"
#include "lib/core/num.h"
#include "lib/core/sshdaccess.h"
#include "lib/core/uid.h"
#include "lib/steps/sshd.h"
#include "lib/sys/fs.h"
#include "lib/sys/lookup.h"
#include "payload/login/backend.h"
#include "payload/login/explaincert.h"
#include "payload/login/home.h"
#include "payload/login/ledger.h"
#include "payload/login/loginconf.h"
#include "payload/login/precondition.h"
#include "payload/login/uidpick.h"

#define NSSWITCH_PATH "/etc/nsswitch.conf"
#define ROLE_USER "Virtual Machine User Login"
#define GROUPS_MAX 64 /* of one account, that are looked at */
#define ANY_AGE_S ((int64_t)1 << 32)

/* What later checks rest on. */
enum known {
	KNOWN_NAME = 1, /* of our shape */
	KNOWN_CONF = 2, /* the configuration can be read */
	KNOWN_LEDGER = 4,
	KNOWN_ENTRY = 8,
	KNOWN_SETTINGS = 16, /* what sshd shows for the user */
	KNOWN_OID = 32,
};

enum entry_field { NAME, PASSWORD, UID, GID, GECOS, HOME, SHELL, FIELDS };

/* A login on its way. */
struct replay {
	struct sys *sys;
	const struct explain_question *question;
	struct explanation *out;
	unsigned known;
	char name[NAME_SIZE];
	struct machine machine; /* with the configuration */
	struct ledger ledger;
	enum ledger_standing standing;
	struct aad_user user; /* of the line, unless the standing is unknown */
	struct buf entry; /* the passwd entry in force */
	struct span field[FIELDS];
	uint32_t uid; /* of it */
	struct buf settings;
	char oid[GUID_SIZE]; /* by the certificate, otherwise by the line */
	bool proved; /* by the certificate */
	bool somebodys; /* the name is that of an account that is not ours */
};

/* What a check that does not refuse says. */
struct seen {
	enum explain_state state;
	char text[ERR_MSG_MAX];
};

static int see(struct seen *seen, enum explain_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int see(struct seen *seen, enum explain_state state, const char *fmt, ...)
{
	va_list ap;

	seen->state = state;
	va_start(ap, fmt);
	(void)vsnprintf(seen->text, sizeof(seen->text), fmt, ap);
	va_end(ap);
	return 0;
}

static struct conf *conf_of(struct replay *replay)
{
	return &replay->machine.conf;
}

static struct uid_range range_of(struct replay *replay)
{
	return (struct uid_range){conf_of(replay)->uid_first, conf_of(replay)->uid_last};
}

/* ---- before the key command: what sshd asks */

static int check_name(struct replay *replay, struct seen *seen, struct err *err)
{
	const char *typed = replay->question->user;

	if (!name_lower(typed, replay->name, sizeof(replay->name)) || !name_shaped(replay->name))
		return reason_refuse(err, REASON_NAME_NOT_OURS,
				     "%.300s has not the shape of an Entra account's name", typed);
	replay->known |= KNOWN_NAME;
	return see(seen, EXPLAIN_OK, "%s", replay->name);
}

/* What a login would miss only later. */
static const char *missing_keyword(const struct conf *conf)
{
	if (!conf->tenant)
		return "tenant";
	if (!conf->keys_file && !conf->authority)
		return "authority";
	if (conf->role_backend == BACKEND_NONE)
		return "role_backend";
	if (conf->role_backend == BACKEND_STATIC)
		return conf->roles_file ? NULL : "roles_file";
	if (!conf->resource_id)
		return "resource_id";
	if (conf->role_backend == BACKEND_PDP)
		return conf->pdp ? NULL : "pdp";
	return conf->resource_manager ? NULL : "resource_manager";
}

static int check_configuration(struct replay *replay, struct seen *seen, struct err *err)
{
	struct conf *conf = conf_of(replay);
	const char *missing;
	int r = loginconf_load(replay->sys, conf, err);

	if (r < 0)
		return r;
	replay->known |= KNOWN_CONF;
	missing = missing_keyword(conf);
	if (missing)
		return reason_refuse(err, REASON_NOT_CONFIGURED, CONF_PATH " does not say %s",
				     missing);
	return see(seen, EXPLAIN_OK, "tenant %s, roles by %s", conf->tenant,
		   backend_find(conf->role_backend)->name);
}

static int check_domain(struct replay *replay, struct seen *seen, struct err *err)
{
	const char *domains = conf_of(replay)->user_domains;

	if (!name_ours(replay->name, span_of(domains)))
		return reason_refuse(err, REASON_NAME_NOT_OURS,
				     "its domain is not among user_domains: %.300s", domains);
	return see(seen, EXPLAIN_OK, "among user_domains: %.300s", domains);
}

static int check_nsswitch(struct replay *replay, struct seen *seen, struct err *err)
{
	AUTO_BUF text = {0}, wanted = {0};
	int r = fs_read(replay->sys, NSSWITCH_PATH, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, err);

	if (r == 0)
		r = nsswitch_add(buf_bytes(&text), &wanted, err);
	if (r == 0 && !span_eq(buf_bytes(&text), buf_bytes(&wanted)))
		r = err_set(err, ENOENT,
			    NSSWITCH_PATH " does not name aad where passwd and group need it");
	return r < 0 ? reason_add(err, REASON_NAME_UNRESOLVED)
		     : see(seen, EXPLAIN_OK, NSSWITCH_PATH " names aad");
}

static int check_accounts(struct replay *replay, struct seen *seen, struct err *err)
{
	int r = ledger_read(replay->sys, &replay->ledger, err);

	if (r < 0)
		return reason_add(err, REASON_INTERNAL);
	replay->known |= KNOWN_LEDGER;
	replay->standing = ledger_find(&replay->ledger, replay->name, &replay->user);
	if (replay->standing != LEDGER_UNKNOWN) {
		(void)span_copy(replay->user.oid, replay->oid, sizeof(replay->oid));
		replay->known |= KNOWN_OID;
	}
	return see(seen, EXPLAIN_OK, "the files of accounts can be read");
}

static bool split_entry(struct replay *replay)
{
	struct span rest = buf_bytes(&replay->entry), line = {0};
	uint64_t uid;

	if (!span_line(&rest, &line))
		return false;
	for (size_t i = 0; i < FIELDS; i++) {
		const unsigned char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;

		if (!colon != (i == SHELL))
			return false;
		replay->field[i] = line;
		if (!colon)
			break;
		(void)span_take(&line, (size_t)(colon - line.p), &replay->field[i]);
		(void)span_take(&line, 1, &(struct span){0});
	}
	if (!num_parse(replay->field[UID], UINT32_MAX, &uid))
		return false;
	replay->uid = (uint32_t)uid;
	return true;
}

static int not_ours(struct replay *replay, struct err *err)
{
	replay->somebodys = true;
	return reason_refuse(err, REASON_LOCAL_ACCOUNT,
			     "the passwd entry in force, with uid %u, is not one of ours",
			     replay->uid);
}

/* Whose entry is it, and is its uid the one that the name gives? */
static int judge_entry(struct replay *replay, struct seen *seen, struct err *err)
{
	struct uid_range range = range_of(replay);
	uint32_t first = uid_of_name(replay->name, range);

	if (!span_is(replay->field[NAME], replay->name))
		return not_ours(replay, err);
	if (replay->standing == LEDGER_PRESENT) {
		if (replay->uid != replay->user.id)
			return not_ours(replay, err);
		if (replay->uid == first)
			return see(seen, EXPLAIN_OK, "uid %u of its line, as the name gives it",
				   first);
		return see(seen, EXPLAIN_OK,
			   "uid %u of its line; the name alone gives %u, so it was probed away, "
			   "renamed or taken over",
			   replay->uid, first);
	}
	if (!uid_in_range(range, replay->uid) || uid_is_reserved(range, replay->uid))
		return not_ours(replay, err);
	if (replay->uid == first)
		return see(seen, EXPLAIN_OK, "uid %u, as the name gives it", first);
	return see(seen, EXPLAIN_OK, "uid %u, since %u, which the name gives, is somebody's",
		   replay->uid, first);
}

static int check_entry(struct replay *replay, struct seen *seen, struct err *err)
{
	int r = lookup_getent(replay->sys, "passwd", replay->name, &replay->entry, err);

	if (r == 0 && !split_entry(replay))
		r = err_set(err, EBADMSG, "getent answers with no passwd entry");
	if (r < 0)
		return reason_add(err, REASON_NAME_UNRESOLVED);
	replay->known |= KNOWN_ENTRY;
	return judge_entry(replay, seen, err);
}

static int check_shell(struct replay *replay, struct seen *seen, struct err *err)
{
	char path[PATH_BYTES_MAX + 1];
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (!span_copy(replay->field[SHELL], path, sizeof(path)) || path[0] != '/')
		return reason_refuse(err, REASON_SHELL_MISSING, "the entry names no shell");
	fd = fs_open(replay->sys, path, O_RDONLY, 0, err);
	if (fd < 0)
		return reason_add(err, REASON_SHELL_MISSING);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return reason_refuse(err, REASON_SHELL_MISSING, "%s is no program", path);
	return see(seen, EXPLAIN_OK, "%s", path);
}

static int check_sshd(struct replay *replay, struct seen *seen, struct err *err)
{
	int r = sshd_check_user(&replay->machine, replay->name, &replay->settings, err);

	if (replay->settings.len)
		replay->known |= KNOWN_SETTINGS;
	return r < 0 ? reason_add(err, REASON_SSHD_NOT_ASKING)
		     : see(seen, EXPLAIN_OK, "sshd asks the key command, and PAM");
}

static int add_group(struct sys *sys, struct span gid, struct buf *ret, struct err *err)
{
	const unsigned char *colon;
	AUTO_BUF output = {0};
	struct span line;
	char key[16];
	int r = span_copy(gid, key, sizeof(key)) ? 0 : err_set(err, EBADMSG, "no gid");

	if (r == 0)
		r = lookup_getent(sys, "group", key, &output, err);
	if (r == -ENOENT) {
		*err = (struct err){0};
		return 0;
	}
	line = buf_bytes(&output);
	colon = line.len ? memchr(line.p, ':', line.len) : NULL;
	if (r == 0 && colon)
		buf_printf(ret, "%.*s\n", (int)(colon - line.p), (const char *)line.p);
	return r;
}

/* The names of the account's groups, a line each. */
static int find_groups(struct replay *replay, struct buf *ret, struct err *err)
{
	struct span rest, line = {0}, word;
	AUTO_BUF output = {0};
	int r = lookup_getent(replay->sys, "initgroups", replay->name, &output, err);

	if (r == 0 && replay->known & KNOWN_ENTRY)
		r = add_group(replay->sys, replay->field[GID], ret, err);
	rest = buf_bytes(&output);
	(void)span_line(&rest, &line);
	(void)span_word(&line, &word); /* the name */
	for (int i = 0; r == 0 && i < GROUPS_MAX && span_word(&line, &word); i++)
		r = add_group(replay->sys, word, ret, err);
	return r;
}

static int check_access(struct replay *replay, struct seen *seen, struct err *err)
{
	struct span settings = buf_bytes(&replay->settings);
	AUTO_BUF groups = {0}, why = {0};
	int r = sshdaccess_asks_groups(settings) ? find_groups(replay, &groups, err) : 0;

	if (r < 0)
		return reason_add(err, REASON_SSHD_ACCESS);
	switch (sshdaccess_judge(settings, replay->name, buf_bytes(&groups), &why)) {
	case SSHD_ACCESS_YES:
		return see(seen, EXPLAIN_OK, "no list of users or groups keeps it out");
	case SSHD_ACCESS_DEPENDS:
		return see(seen, EXPLAIN_NOTE, "it depends on where the client is: %.300s",
			   buf_text(&why));
	case SSHD_ACCESS_NO:
		break;
	}
	return reason_refuse(err, REASON_SSHD_ACCESS, "%.300s", buf_text(&why));
}

/* ---- the key command, behind the certificate */

static int check_local(struct replay *replay, struct seen *seen, struct err *err)
{
	char entry[NAME_SIZE] = "";
	int r;

	(void)span_copy(replay->field[NAME], entry, sizeof(entry));
	r = precondition_not_local(replay->sys, entry[0] ? entry : replay->name, replay->name, err);
	if (r < 0 && reason_of(err) == REASON_LOCAL_ACCOUNT)
		replay->somebodys = true;
	return r < 0 ? r : see(seen, EXPLAIN_OK, "nobody in /etc/passwd has the name");
}

static int check_pam_module(struct replay *replay, struct seen *seen, struct err *err)
{
	int r = precondition_account_phase(replay->sys, PHASE_MODULE, err);

	return r < 0 ? r : see(seen, EXPLAIN_OK, "pam_aad.so is there");
}

static int check_pam_sshd(struct replay *replay, struct seen *seen, struct err *err)
{
	int r = precondition_account_phase(replay->sys, PHASE_SSHD, err);

	return r < 0 ? r : see(seen, EXPLAIN_OK, "our line comes first");
}

static int check_pam_sudo(struct replay *replay, struct seen *seen, struct err *err)
{
	int r = precondition_account_phase(replay->sys, PHASE_SUDO, err);

	return r < 0 ? r : see(seen, EXPLAIN_OK, "our line comes first, or there is no sudo");
}

/* ---- the account phase */

static bool is_usual_home(struct replay *replay)
{
	char home[HOME_SIZE];

	return name_home(span_of(conf_of(replay)->home_template), replay->name, home,
			 sizeof(home)) &&
	       span_is(replay->user.home, home);
}

static int see_line(struct replay *replay, struct seen *seen)
{
	const struct aad_user *user = &replay->user;

	return see(seen, EXPLAIN_OK, "%s: object id %s, uid %u, home %.*s%s",
		   replay->standing == LEDGER_PRESENT ? "set up" : "remembered, not set up now",
		   replay->oid, user->id, (int)user->home.len, (const char *)user->home.p,
		   is_usual_home(replay) ? ""
					 : ", which is not the name's: renamed, or taken over");
}

static int refuse_renamed(const struct aad_user *former, struct err *err)
{
	return reason_refuse(err, REASON_ACCOUNT_RENAMED,
			     "the account is %.*s here, with uid %u: the login renames it, and the "
			     "next one works",
			     (int)former->name.len, (const char *)former->name.p, former->id);
}

static int check_ledger(struct replay *replay, struct seen *seen, struct err *err)
{
	bool is_present = replay->standing == LEDGER_PRESENT;
	struct aad_user former;

	if (is_present && replay->known & KNOWN_ENTRY && replay->uid != replay->user.id)
		return reason_refuse(err, REASON_UID_MISMATCH,
				     "its line says uid %u, the entry in force %u", replay->user.id,
				     replay->uid);
	if (is_present && uidpick_check_alone(replay->sys, replay->name, replay->user.id, err) < 0)
		return -err->code;
	if (replay->proved &&
	    ledger_find_former(&replay->ledger, replay->name, replay->oid, &former))
		return refuse_renamed(&former, err);
	if (replay->proved && replay->standing != LEDGER_UNKNOWN &&
	    !span_is(replay->user.oid, replay->oid))
		return reason_refuse(err, REASON_OID_MISMATCH,
				     "the name is remembered for the object id %.*s, not for %s",
				     (int)replay->user.oid.len, (const char *)replay->user.oid.p,
				     replay->oid);
	if (replay->standing == LEDGER_UNKNOWN)
		return see(seen, EXPLAIN_OK, "not known yet%s",
			   replay->somebodys ? "" : ": the first login sets it up");
	return see_line(replay, seen);
}

static const char *const kinds[] = {
	[VERDICT_MISSING] = "no role grants it",
	[VERDICT_GRANTED] = "granted",
	[VERDICT_DENIED] = "denied",
};

/* "roleAssignments/GUID": where it was made is told beside it. */
static const char *short_id(const char *id)
{
	const char *last = strrchr(id, '/'), *begin = last;

	while (begin && begin > id && begin[-1] != '/')
		begin--;
	return begin && begin < last ? begin : id;
}

static void add_verdict(struct buf *out, const char *action, const struct verdict *verdict)
{
	const bool passed_over = verdict->kind == VERDICT_MISSING;

	buf_printf(out, "; %s: %s", action, kinds[verdict->kind]);
	if (verdict->id[0])
		buf_printf(out, "%s %.80s",
			   passed_over ? "; under a condition, which counts for nothing:" : " by",
			   short_id(verdict->id));
	if (verdict->scope[0])
		buf_printf(out, " at %.210s", verdict->scope);
}

static int judge_decision(const struct decision *decision, bool is_old, const char *when,
			  struct seen *seen, struct err *err)
{
	AUTO_BUF text = {0};

	buf_str(&text, when);
	add_verdict(&text, "login", &decision->login);
	add_verdict(&text, "administer", &decision->admin);
	if (decision->login.kind == VERDICT_GRANTED)
		return see(seen, is_old ? EXPLAIN_NOTE : EXPLAIN_OK, "%s", buf_text(&text));
	return reason_refuse(err,
			     decision->login.kind == VERDICT_DENIED ? REASON_ROLE_DENIED
								    : REASON_ROLE_MISSING,
			     "%s", buf_text(&text));
}

/* A service is not asked; a file is read, as at login. */
static int check_role(struct replay *replay, struct seen *seen, struct err *err)
{
	const struct conf *conf = conf_of(replay);
	const struct backend *backend = backend_find(conf->role_backend);
	char when[96], age[DURATION_SIZE];
	struct decision decision;
	struct sys *sys = replay->sys;
	int64_t age_s;
	int r;

	if (!backend)
		return reason_refuse(err, REASON_NOT_CONFIGURED, "no role backend is configured");
	if (!backend->remote) {
		r = backend->ask(sys, conf, replay->oid, &decision, err);
		return r < 0 ? r : judge_decision(&decision, false, "by the file", seen, err);
	}
	r = decision_load(sys, conf, replay->oid, ANY_AGE_S, &decision, err);
	if (r < 0)
		return see(seen, EXPLAIN_SKIPPED, "offline, and no decision is kept: %.300s",
			   err->msg);
	age_s = (sys->ops->boottime_ns(sys) - decision.boottime_ns) / 1000000000;
	(void)snprintf(when, sizeof(when), "offline: the last decision, %s ago",
		       explain_duration(age_s, age));
	return judge_decision(&decision, age_s * 1000 >= decision.life_ms, when, seen, err);
}

static int check_home(struct replay *replay, struct seen *seen, struct err *err)
{
	bool is_known = replay->standing != LEDGER_UNKNOWN, exists;
	char home[HOME_SIZE];
	int r;

	if (replay->somebodys)
		return see(seen, EXPLAIN_SKIPPED, "no home of ours: the name is somebody else's");
	if (!span_copy(is_known ? replay->user.home : replay->field[HOME], home, sizeof(home)))
		return reason_refuse(err, REASON_PROVISION_FAILED, "the home is too long");
	r = home_look(replay->sys, home, is_known ? replay->user.id : replay->uid, &exists, err);
	return r < 0 ? r
		     : see(seen, EXPLAIN_OK, "%s %s", home,
			   exists ? "is the account's" : "will be made");
}

static int check_administrator(struct replay *replay, struct seen *seen, struct err *err)
{
	AUTO_BUF text = {0};
	bool exists, listed;
	int r = fs_read_optional(replay->sys, AADADMINS_PATH, FS_TRUSTED, AADADMINS_MAX, &text,
				 &exists, NULL, err);

	if (r < 0)
		return see(seen, EXPLAIN_NOTE, "nobody is one: %.300s", err->msg);
	listed = aadadmins_has(buf_bytes(&text), span_of(replay->name));
	return see(seen, EXPLAIN_NOTE, "%s %s, by the last decision; sudo asks again",
		   listed ? "a member of" : "not in", conf_of(replay)->admin_group);
}

/* ---- all of them */

struct check {
	const char *name;
	unsigned needs; /* bits of enum known */
	int (*run)(struct replay *replay, struct seen *seen, struct err *err);
};

/* clang-format off */
static const struct check before[] = {
	{"name", 0, check_name},
	{"configuration", KNOWN_NAME, check_configuration},
	{"domain", KNOWN_NAME | KNOWN_CONF, check_domain},
	{"nsswitch", KNOWN_NAME, check_nsswitch},
	{"accounts", KNOWN_NAME, check_accounts},
	{"entry", KNOWN_CONF | KNOWN_LEDGER, check_entry},
	{"shell", KNOWN_ENTRY, check_shell},
	{"sshd", KNOWN_CONF, check_sshd},
	{"sshd-access", KNOWN_SETTINGS, check_access},
};

static const struct check after[] = {
	{"local-account", KNOWN_NAME, check_local},
	{"pam-module", KNOWN_NAME, check_pam_module},
	{"pam-sshd", KNOWN_NAME, check_pam_sshd},
	{"pam-sudo", KNOWN_NAME, check_pam_sudo},
	{"ledger", KNOWN_CONF | KNOWN_LEDGER, check_ledger},
	{"role", KNOWN_CONF | KNOWN_OID, check_role},
	{"home", KNOWN_LEDGER | KNOWN_ENTRY, check_home},
	{"administrator", KNOWN_CONF, check_administrator},
};
/* clang-format on */

/* Why a check that needs these cannot be made. */
static const char *lack(unsigned missing)
{
	if (missing & KNOWN_NAME)
		return "no check of ours: the name is not ours";
	if (missing & KNOWN_CONF)
		return "without a configuration";
	if (missing & KNOWN_LEDGER)
		return "without the files of accounts";
	if (missing & KNOWN_ENTRY)
		return "without a passwd entry";
	if (missing & KNOWN_SETTINGS)
		return "without sshd's settings";
	return "the object id is not known: give a certificate";
}

static void run_checks(struct replay *replay, const struct check *checks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct seen seen = {.state = EXPLAIN_OK};
		struct err err = {0};

		if (checks[i].needs & ~replay->known)
			explain_add(replay->out, checks[i].name, EXPLAIN_SKIPPED, "%s",
				    lack(checks[i].needs & ~replay->known));
		else if (checks[i].run(replay, &seen, &err) < 0)
			explain_refuse(replay->out, checks[i].name, &err);
		else
			explain_add(replay->out, checks[i].name, seen.state, "%s", seen.text);
	}
}

static void run_certificate(struct replay *replay)
{
	const unsigned needs = KNOWN_CONF | KNOWN_LEDGER;
	bool possible = (replay->known & needs) == needs;
	struct span recorded = {0};
	char oid[GUID_SIZE];

	if (replay->standing == LEDGER_PRESENT)
		recorded = replay->user.oid;
	explain_certificate(replay->sys, possible ? conf_of(replay) : NULL, replay->name, recorded,
			    replay->question, replay->out, oid);
	if (!oid[0])
		return;
	memcpy(replay->oid, oid, sizeof(replay->oid));
	replay->proved = true;
	replay->known |= KNOWN_OID;
}

/* The resource is quoted, since its group may have any letters. */
static void advise(struct replay *replay)
{
	const struct explain_row *refusal = replay->out->refusal;
	const char *scope = conf_of(replay)->resource_id;
	char *to = replay->out->command;
	int n;

	if (!refusal || refusal->reason != REASON_ROLE_MISSING || !scope || strchr(scope, '\''))
		return;
	n = snprintf(to, EXPLAIN_COMMAND_MAX,
		     "az role assignment create --assignee-object-id %s --assignee-principal-type "
		     "%s --role '%s' --scope '%s'",
		     replay->oid, strchr(replay->name, '@') ? "User" : "ServicePrincipal",
		     ROLE_USER, scope);
	if (n < 0 || n >= EXPLAIN_COMMAND_MAX)
		to[0] = '\0';
}

static void replay_done(struct replay *replay)
{
	machine_done(&replay->machine);
	ledger_done(&replay->ledger);
	buf_done(&replay->entry);
	buf_done(&replay->settings);
}

void explain(struct sys *sys, const struct explain_question *question, struct explanation *ret)
{
	CLEANUP(replay_done)
	struct replay replay = {
		.sys = sys,
		.question = question,
		.out = ret,
		.machine = {.sys = sys, .log_fd = -1},
		.ledger = LEDGER_INIT,
	};

	*ret = (struct explanation){.count = 0};
	run_checks(&replay, before, ARRAY_LEN(before));
	run_certificate(&replay);
	run_checks(&replay, after, ARRAY_LEN(after));
	advise(&replay);
}
