/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "handler/localaccounts.h"
#include "lib/core/cleanup.h"
#include "lib/core/sshdaccess.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/programs.h"
#include "lib/steps/sshd.h"
#include "lib/sys/fs.h"

#define FILE_MAX ((size_t)16 << 20) /* bytes of /etc/passwd, /etc/shadow and /etc/group */
#define LOOK_S 20
#define DAY_S 86400

void localaccounts_done(struct localaccounts *accounts)
{
	for (size_t i = 0; i < accounts->count; i++) {
		free(accounts->list[i].name);
		localkeys_done(&accounts->list[i].keys);
	}
	free(accounts->list);
	buf_done(&accounts->unseen);
	*accounts = (struct localaccounts){0};
}

/* What sshd shows for the names of one kind: see sshdtree_kind. */
struct answer {
	struct buf kind, settings;
};

/* What all questions share. */
struct look {
	struct machine *m;
	struct span approved;
	struct buf passwd, shadow, group;
	struct sshdtree sshd; /* its configuration */
	struct answer *answers;
	size_t answer_count;
	struct localaccounts found;
};

static void look_done(struct look *look)
{
	buf_done(&look->passwd);
	buf_done(&look->shadow);
	buf_done(&look->group);
	sshdtree_done(&look->sshd);
	for (size_t i = 0; i < look->answer_count; i++) {
		buf_done(&look->answers[i].kind);
		buf_done(&look->answers[i].settings);
	}
	free(look->answers);
	localaccounts_done(&look->found);
}

/* ---- what sshd shows */

static bool shows(struct span settings, const char *keyword, const char *value)
{
	struct span shown;

	return sshdconf_shown(settings, keyword, &shown) && span_is_nocase(shown, value);
}

/* Is there a value that is not "none"? */
static bool is_set(struct span settings, const char *keyword)
{
	struct span shown;

	return sshdconf_shown(settings, keyword, &shown) && shown.len &&
	       !span_is_nocase(shown, "none");
}

/* What is left to an account whose shell ends at once. */
static bool lets_more_than_shells(struct span settings)
{
	struct span shown;
	bool forwards =
		!shows(settings, "disableforwarding", "yes") &&
		(!shows(settings, "allowtcpforwarding", "no") ||
		 !shows(settings, "allowstreamlocalforwarding", "no") ||
		 (is_set(settings, "permittunnel") && !shows(settings, "permittunnel", "no")));

	return forwards || shows(settings, "subsystem", "sftp internal-sftp") ||
	       (sshdconf_shown(settings, "forcecommand", &shown) &&
		span_has(shown, "internal-sftp"));
}

static bool takes_passwords(struct span settings, const struct localuser *user)
{
	return (!shows(settings, "passwordauthentication", "no") ||
		!shows(settings, "kbdinteractiveauthentication", "no")) &&
	       (user->uid != 0 || shows(settings, "permitrootlogin", "yes"));
}

static bool takes_keys(struct span settings, const struct localuser *user)
{
	return !shows(settings, "pubkeyauthentication", "no") &&
	       (user->uid != 0 || !shows(settings, "permitrootlogin", "no"));
}

/* ---- what the account is */

enum shell { SHELL_NONE, SHELL_REFUSES, SHELL_STARTS };

static bool is_program(struct sys *sys, const char *path)
{
	struct err ignored = {0};
	struct stat st;
	AUTO_CLOSE int fd = fs_open_file(sys, path, FS_FOLLOW, &st, &ignored);

	return fd >= 0 && st.st_mode & 0111;
}

/* sshd asks for no more than a program, but in a directory of its own, which it does not know. */
static enum shell judge_shell(struct sys *sys, struct span settings, const struct localuser *user)
{
	static const char *const refusing[] = {"nologin", "false", "true"};
	char path[PATH_MAX];
	const char *name;

	if (!span_copy(user->shell, path, sizeof(path)))
		return SHELL_NONE;
	if (!path[0])
		(void)span_copy(SPAN_LIT("/bin/sh"), path, sizeof(path));
	if (path[0] != '/' || (!is_program(sys, path) && !is_set(settings, "chrootdirectory")))
		return SHELL_NONE;
	name = strrchr(path, '/') + 1;
	for (size_t i = 0; i < ARRAY_LEN(refusing); i++)
		if (strcmp(name, refusing[i]) == 0)
			return SHELL_REFUSES;
	return SHELL_STARTS;
}

static bool is_expired(const struct look *look, const struct localuser_shadow *shadow)
{
	return shadow->expires &&
	       sys_realtime_s(look->m->sys) / DAY_S >= (int64_t)shadow->expires_day;
}

/* Where the password is, as the account's line says.  False when the account has expired. */
static bool find_password(const struct look *look, const struct localuser *user,
			  enum localuser_password *ret)
{
	struct localuser_shadow shadow = {.expires = false};
	bool shadowed = localuser_shadow(buf_bytes(&look->shadow), user->name, &shadow);

	if (!span_is(user->password, "x"))
		*ret = localuser_password(user->password);
	else
		*ret = shadowed ? localuser_password(shadow.password) : PASSWORD_NONE;
	return !shadowed || !is_expired(look, &shadow);
}

static bool sshd_lets(struct look *look, struct span settings, const struct localuser *user,
		      const char *name)
{
	AUTO_BUF groups = {0}, list = {0};

	if (sshdaccess_asks_groups(settings))
		localuser_groups(buf_bytes(&look->group), user, &groups);
	return sshdaccess_judge(settings, name, buf_bytes(&groups), &list) != SSHD_ACCESS_NO;
}

/* ---- the look */

static void not_seen(struct look *look, const char *name, const char *why)
{
	buf_printf(&look->found.unseen, "%s: %s\n", name, why);
}

static void add_unseen(struct look *look, const char *name, struct span lines)
{
	struct span line;

	while (span_line(&lines, &line))
		buf_printf(&look->found.unseen, "%s: %.*s\n", name, (int)line.len,
			   (const char *)line.p);
}

static unsigned password_ways(enum localuser_password password, bool by_sshd, bool empty_by_sshd,
			      enum shell shell)
{
	bool remote = password == PASSWORD_EMPTY ? empty_by_sshd : by_sshd;
	unsigned way = remote ? WAY_PASSWORD : shell == SHELL_STARTS ? WAY_CONSOLE : 0;

	if (password == PASSWORD_NONE || !way)
		return 0;
	return way | (password == PASSWORD_EMPTY ? WAY_EMPTY : 0);
}

static int read_keys(struct look *look, struct span settings, const struct localuser *user,
		     const char *name, struct localkeys *ret, struct err *err)
{
	const struct localkeys_account account = {
		.uid = user->uid,
		.gid = user->gid,
		.more_groups = localuser_has_more_groups(buf_bytes(&look->group), user),
	};
	struct span setting;
	AUTO_BUF files = {0};
	int r;

	if (!sshdconf_shown(settings, "authorizedkeysfile", &setting))
		setting = SPAN_LIT(".ssh/authorized_keys .ssh/authorized_keys2");
	localuser_key_files(setting, user, &files);
	r = buf_ok(&files, err);
	if (r == 0)
		r = localkeys_read(look->m->sys, &account, buf_bytes(&files), ret, err);
	add_unseen(look, name, buf_bytes(&ret->unseen));
	return r;
}

static int find_ways(struct look *look, struct span settings, const struct localuser *user,
		     const char *name, struct localaccount *ret, struct err *err)
{
	enum shell shell = judge_shell(look->m->sys, settings, user);
	enum localuser_password password;
	bool lets, by_password;

	if (shell == SHELL_NONE || !find_password(look, user, &password))
		return 0;
	lets = sshd_lets(look, settings, user, name) &&
	       (shell == SHELL_STARTS || lets_more_than_shells(settings));
	by_password = lets && takes_passwords(settings, user);
	ret->ways =
		password_ways(password, by_password,
			      by_password && shows(settings, "permitemptypasswords", "yes"), shell);
	if (lets && takes_keys(settings, user) &&
	    read_keys(look, settings, user, name, &ret->keys, err) < 0)
		return -err->code;
	ret->ways |= (ret->keys.count ? WAY_KEYS : 0) | (ret->keys.unseen.len ? WAY_UNSEEN : 0);
	if (ret->ways && shell == SHELL_REFUSES)
		ret->ways |= WAY_NO_SHELL;
	return 0;
}

static bool is_approved(struct span approved, struct span name)
{
	struct span word;

	while (span_word(&approved, &word))
		if (span_eq(word, name))
			return true;
	return false;
}

static int keep(struct look *look, struct localaccount *account, struct err *err)
{
	struct localaccounts *found = &look->found;
	struct localaccount *grown = reallocarray(found->list, found->count + 1, sizeof(*grown));

	if (!grown)
		return err_oom(err);
	found->list = grown;
	grown[found->count++] = *account;
	*account = (struct localaccount){0};
	return 0;
}

static void account_done(struct localaccount *account)
{
	free(account->name);
	localkeys_done(&account->keys);
}

/* Settings that cannot be had are the defaults, of which *ret says nothing. */
static void ask_sshd(struct look *look, const char *name, struct buf *ret)
{
	struct err err = {0};

	/* What separates the criteria cannot be in one. */
	if (strchr(name, ','))
		not_seen(look, name, "sshd cannot be asked about such a name");
	else if (sshd_show(look->m, NULL, name, ret, &err) < 0)
		not_seen(look, name, err.msg);
}

static struct answer *add_answer(struct look *look)
{
	struct answer *grown = reallocarray(look->answers, look->answer_count + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	look->answers = grown;
	grown += look->answer_count++;
	*grown = (struct answer){.kind = {0}};
	return grown;
}

/*
 * sshd takes its time for an answer, and one serves all names of a kind.  What is no answer is not
 * kept.  *own holds what is nobody else's.
 */
static struct span settings_of(struct look *look, const char *name, struct buf *own)
{
	AUTO_BUF kind = {0};
	const bool told = sshdtree_kind(&look->sshd, span_of(name), &kind);
	struct answer *answer;

	for (size_t i = 0; told && i < look->answer_count; i++)
		if (span_eq(buf_bytes(&look->answers[i].kind), buf_bytes(&kind)))
			return buf_bytes(&look->answers[i].settings);
	ask_sshd(look, name, own);
	answer = told && own->len ? add_answer(look) : NULL;
	if (!answer)
		return buf_bytes(own);
	buf_move(&answer->kind, &kind);
	buf_move(&answer->settings, own);
	return buf_bytes(&answer->settings);
}

static int look_at(struct look *look, const struct localuser *user, struct err *err)
{
	CLEANUP(account_done) struct localaccount account = {.uid = user->uid};
	AUTO_BUF own = {0};
	int r;

	account.name = strndup((const char *)user->name.p, user->name.len);
	if (!account.name)
		return err_oom(err);
	r = find_ways(look, settings_of(look, account.name, &own), user, account.name, &account,
		      err);
	account.approved = is_approved(look->approved, user->name);
	return r == 0 && account.ways ? keep(look, &account, err) : r;
}

static int look_at_all(struct look *look, struct err *err)
{
	struct span rest = buf_bytes(&look->passwd);
	struct localuser user;
	size_t seen = 0, left = 0;
	int r = 0;

	while (r == 0 && localuser_next(&rest, &user)) {
		if (seen == LOCALACCOUNTS_MAX || sys_left_ms(look->m->sys, 1) == 0) {
			left++;
			continue;
		}
		seen++;
		r = look_at(look, &user, err);
	}
	if (left)
		buf_printf(&look->found.unseen, "%zu of %zu accounts: %s\n", left, left + seen,
			   seen == LOCALACCOUNTS_MAX ? "there are too many" : "the time was up");
	return r;
}

/* Once for all: what they are for one account they are for most. */
static void name_other_ways(struct look *look)
{
	static const char *const keywords[] = {"trustedusercakeys", "authorizedkeyscommand"};
	static const char *const names[] = {"TrustedUserCAKeys", "AuthorizedKeysCommand"};
	AUTO_BUF own = {0};
	const struct span settings = settings_of(look, "root", &own);
	struct span shown;

	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (is_set(settings, keywords[i]) && sshdconf_shown(settings, keywords[i], &shown))
			buf_printf(&look->found.unseen,
				   "%s: sshd takes keys from %.*s, which is not looked into\n",
				   names[i], (int)shown.len, (const char *)shown.p);
}

static int read_files(struct look *look, struct err *err)
{
	struct sys *sys = look->m->sys;
	int r = fs_read(sys, "/etc/passwd", FS_TRUSTED, FILE_MAX, &look->passwd, NULL, err);

	if (r == 0)
		r = fs_read_optional(sys, "/etc/shadow", FS_TRUSTED, FILE_MAX, &look->shadow,
				     &(bool){false}, NULL, err);
	if (r == 0)
		r = fs_read_optional(sys, "/etc/group", FS_TRUSTED, FILE_MAX, &look->group,
				     &(bool){false}, NULL, err);
	return r;
}

int localaccounts_look(struct machine *m, const char *approved, struct localaccounts *ret,
		       struct err *err)
{
	CLEANUP(look_done) struct look look = {.m = m, .approved = span_of(approved)};
	const int64_t deadline = m->sys->deadline_ns;
	int64_t own = m->sys->ops->boottime_ns(m->sys) + LOOK_S * 1000000000LL;
	struct err ignored = {0};
	int r = read_files(&look, err);

	if (r < 0)
		return r;
	if (!deadline || own < deadline)
		m->sys->deadline_ns = own;
	if (sshd_load(m, &look.sshd, &ignored) < 0)
		look.sshd.partial = true;
	r = look_at_all(&look, err);
	if (r == 0)
		name_other_ways(&look);
	m->sys->deadline_ns = deadline;
	if (r == 0)
		r = buf_ok(&look.found.unseen, err);
	if (r < 0)
		return r;
	localaccounts_done(ret);
	*ret = look.found;
	look.found = (struct localaccounts){0};
	return 0;
}

/* ---- telling */

static void tell_account(const struct localaccount *account, struct buf *ret)
{
	const size_t keys = account->keys.count;
	const char *comma = "";

	buf_printf(ret, "%s (uid %u): ", account->name[0] ? account->name : "\"\"", account->uid);
	if (account->ways & (WAY_PASSWORD | WAY_CONSOLE)) {
		buf_printf(ret, "%s%s",
			   account->ways & WAY_EMPTY ? "an empty password" : "password",
			   account->ways & WAY_CONSOLE ? " at the console" : "");
		comma = ", ";
	}
	if (account->ways & WAY_KEYS) {
		buf_printf(ret, "%s%zu key%s", comma, keys, keys == 1 ? "" : "s");
		comma = ", ";
	}
	if (account->ways & WAY_UNSEEN)
		buf_printf(ret, "%skeys that cannot be looked at", comma);
	buf_printf(ret, "%s\n",
		   account->ways & WAY_NO_SHELL ? "; no shell, but forwarding or sftp" : "");
}

static size_t tell_keys(const struct localkeys *keys, struct buf *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < keys->count; i++) {
		const struct authkey *key = &keys->list[i].key;

		if (authkey_supported(key))
			continue;
		buf_printf(ret, "%s, line %u: %s of %u bits%s, %s\n", keys->list[i].path, key->line,
			   authkey_kind_name(key->kind), key->bits,
			   key->authority ? ", a certificate authority" : "", key->fingerprint);
		count++;
	}
	return count;
}

static size_t tell_unseen(const struct localaccounts *accounts, struct buf *ret)
{
	struct span rest = buf_bytes(&accounts->unseen), line;
	size_t count = 0;

	while (span_line(&rest, &line))
		count++;
	buf_span(ret, buf_bytes(&accounts->unseen));
	return count;
}

size_t localaccounts_list(const struct localaccounts *accounts, enum localaccounts_finding finding,
			  struct buf *ret)
{
	size_t count = 0;

	if (finding == FINDING_UNSEEN)
		return tell_unseen(accounts, ret);
	for (size_t i = 0; i < accounts->count; i++) {
		const struct localaccount *account = &accounts->list[i];

		if (finding == FINDING_KEYS) {
			count += tell_keys(&account->keys, ret);
		} else if (!account->approved) {
			tell_account(account, ret);
			count++;
		}
	}
	return count;
}
