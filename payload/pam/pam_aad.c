/* SPDX-License-Identifier: MIT */
/*
 * pam_aad.so: the account phase of our users.
 *
 *   account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore default=die]
 * pam_aad.so [admin]
 *
 * Without an argument PAM_USER must be allowed to log in.  With `admin`, for sudo's services, both
 * PAM_RUSER, who acts, and PAM_USER, whom sudo can be told to name instead, must be allowed to
 * administer.
 *
 * Security invariants (MUST):
 *  1. A name without our shape is ignored before any I/O, a local account after /etc/passwd.
 *  2. A user is ours when the passwd entry in force carries our uid: that of the user's line in
 *     /etc/aadpasswd, whatever the configuration says by now, or one of our range.
 *  3. For a user who is ours only a whole, well-formed grant is PAM_SUCCESS.
 *  4. A certificate lets nobody in but users who are ours, since another source of names can have
 *     the same name.
 *  5. PAM_SUCCESS, PAM_IGNORE and PAM_NEW_AUTHTOK_REQD stand for no failure.
 */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/core/handoff.h"
#include "payload/module/settings.h"
#include "payload/module/users.h"
#include "payload/pam/answer.h"
#include "payload/pam/ask.h"

#define TEXT_LINES_MAX 24 /* lines that a user is shown */
#define ACTION_LOGIN "login"

/* What each answer means to PAM, and what the user reads when the program says nothing. */
/* clang-format off */
static const struct {
	int result;
	const char *text;
} meanings[ANSWER_CODES] = {
	[ANSWER_INTERNAL] = {PAM_SYSTEM_ERR,
		"Entra sign-in: this machine could not decide. Its administrator finds the reason in the log."},
	[ANSWER_GRANT] = {PAM_SUCCESS, NULL},
	[ANSWER_ROLE] = {PAM_PERM_DENIED,
		"Entra sign-in: no role of yours allows this on this machine."},
	[ANSWER_IDENTITY] = {PAM_PERM_DENIED,
		"Entra sign-in: there is no valid certificate of this account for this login."},
	[ANSWER_UNAVAILABLE] = {PAM_AUTHINFO_UNAVAIL,
		"Entra sign-in: the service that knows the roles did not answer. Try again."},
	[ANSWER_RETRY] = {PAM_AUTHINFO_UNAVAIL,
		"Entra sign-in: this account has just been set up. Try again."},
	[ANSWER_ACCOUNT] = {PAM_PERM_DENIED,
		"Entra sign-in: another account of this machine is in the way."},
	[ANSWER_CONFIG] = {PAM_PERM_DENIED,
		"Entra sign-in is not configured on this machine."},
};
/* clang-format on */

/* Without what could move a cursor, and cut at the maximum of a PAM message. */
static void tell_line(pam_handle_t *pamh, struct span line)
{
	char text[PAM_MAX_MSG_SIZE];
	size_t len = line.len < sizeof(text) ? line.len : sizeof(text) - 1;

	for (size_t i = 0; i < len; i++)
		text[i] = line.p[i] >= 0x20 && line.p[i] < 0x7f ? (char)line.p[i] : '?';
	text[len] = '\0';
	(void)pam_error(pamh, "%s", text);
}

/* sudo asks with PAM_SILENT; a refusal without its reason would help nobody, so it is told. */
static void tell(pam_handle_t *pamh, struct span text)
{
	struct span line;

	for (int i = 0; i < TEXT_LINES_MAX && span_line(&text, &line); i++)
		tell_line(pamh, line);
}

static int conclude(pam_handle_t *pamh, struct answer answer)
{
	if (answer.code != ANSWER_GRANT)
		tell(pamh, answer.text.len ? answer.text : span_of(meanings[answer.code].text));
	return meanings[answer.code].result;
}

/* An item of PAM, "" when there is none. */
static const char *item(pam_handle_t *pamh, int which)
{
	const void *value = NULL;

	return pam_get_item(pamh, which, &value) == PAM_SUCCESS && value ? value : "";
}

static bool is_plain(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
		      (text[i] >= '0' && text[i] <= '9') || strchr(".:_%-", text[i])))
			return false;
	return len > 0 && len < size && text[0] != '-';
}

static void item_argument(pam_handle_t *pamh, int which, char *ret, size_t size)
{
	const char *text = item(pamh, which);

	(void)snprintf(ret, size, "%s", is_plain(text, size) ? text : "-");
}

enum owner {
	OWNER_LOCAL, /* in /etc/passwd */
	OWNER_OTHER, /* of another source */
	OWNER_OURS, /* *ret_uid is what the passwd entry says */
	OWNER_NOBODY, /* could be ours, but does not resolve */
	OWNER_UNSURE, /* a file that would tell cannot be read or trusted */
};

/* Whose is this name, which has our shape?  See invariant 2. */
static enum owner find_owner(pam_handle_t *pamh, const char *typed, const char *lower,
			     uid_t *ret_uid)
{
	struct settings settings;
	struct lines storage;
	struct aad_user user;
	const struct passwd *pw;
	int r;

	if (users_is_local(typed, &storage) == 0)
		return OWNER_LOCAL;
	settings_read(lower, &storage, &settings);
	r = users_by_name(lower, &storage, &user);
	if (r < 0 && r != -ENOENT)
		return OWNER_UNSURE;
	pw = pam_modutil_getpwnam(pamh, typed);
	if (!pw)
		return r == 0 || settings.name_ours ? OWNER_NOBODY : OWNER_OTHER;
	*ret_uid = pw->pw_uid;
	if (r == 0 && pw->pw_uid == user.id)
		return OWNER_OURS;
	return settings.name_ours && uid_in_range(settings.range, pw->pw_uid) ? OWNER_OURS
									      : OWNER_OTHER;
}

/* What the program answers; every failure to ask is ANSWER_INTERNAL. */
static struct answer ask(pam_handle_t *pamh, struct question *question, char bytes[ANSWER_MAX])
{
	struct answer answer = {.code = ANSWER_INTERNAL};
	size_t len = 0;
	int r = ask_authorize(question, ANSWER_DEADLINE_MS, bytes, ANSWER_MAX, &len);

	if (r == 0)
		answer = answer_parse((struct span){.p = (unsigned char *)bytes, .len = len});
	if (answer.code == ANSWER_INTERNAL)
		pam_syslog(pamh, LOG_ERR, "%s gave no decision on %s of %s: %s", AUTHORIZE_PROGRAM,
			   question->action, question->name,
			   r < 0 ? strerror(-r) : "not a proper answer");
	return answer;
}

/* action NULL: the module's arguments are wrong, which must not concern anybody else. */
static int decide(pam_handle_t *pamh, const char *action, const char *lower, uid_t uid)
{
	struct question question;
	char bytes[ANSWER_MAX];

	if (!action) {
		pam_syslog(pamh, LOG_ERR, "the only argument of this module is admin");
		return PAM_SERVICE_ERR;
	}
	if (geteuid() != 0) {
		tell(pamh, SPAN_LIT("Entra sign-in: only a program that runs as root can ask."));
		return PAM_PERM_DENIED;
	}
	(void)snprintf(question.action, sizeof(question.action), "%s", action);
	(void)snprintf(question.name, sizeof(question.name), "%s", lower);
	(void)snprintf(question.uid, sizeof(question.uid), "%u", uid);
	item_argument(pamh, PAM_SERVICE, question.service, sizeof(question.service));
	item_argument(pamh, PAM_RHOST, question.rhost, sizeof(question.rhost));
	return conclude(pamh, ask(pamh, &question, bytes));
}

/*
 * Did the key command accept a certificate for the login that this process makes?  Where a policy
 * hides that, nobody can tell: local accounts are not kept out for it, since the key command itself
 * accepts nothing for a name in /etc/passwd.
 */
static bool has_record(bool local)
{
	char path[sizeof(MODULE_ROOT HANDOFF_DIR) + 16];

	(void)snprintf(path, sizeof(path), MODULE_ROOT HANDOFF_DIR "/%d", (int)getpid());
	return access(path, F_OK) == 0 || (errno != ENOENT && !local && geteuid() == 0);
}

static int judge_other(pam_handle_t *pamh, const char *action, const char *lower, bool local)
{
	if (!action || strcmp(action, ACTION_LOGIN) != 0 || !has_record(local))
		return PAM_IGNORE;
	pam_syslog(pamh, LOG_ERR, "%s is no account of ours: its certificate is refused", lower);
	return conclude(pamh, (struct answer){.code = ANSWER_ACCOUNT});
}

/* PAM_IGNORE for a name that is not ours, PAM_SUCCESS for a grant, a refusal otherwise. */
static int judge(pam_handle_t *pamh, const char *action, const char *typed)
{
	char lower[NAME_SIZE];
	uid_t uid = 0;
	enum owner owner;

	if (!name_lower(typed, lower, sizeof(lower)) || !name_shaped(lower))
		return PAM_IGNORE;
	owner = find_owner(pamh, typed, lower, &uid);
	switch (owner) {
	case OWNER_LOCAL:
	case OWNER_OTHER:
		return judge_other(pamh, action, lower, owner == OWNER_LOCAL);
	case OWNER_OURS:
		return decide(pamh, action, lower, uid);
	case OWNER_NOBODY:
		return PAM_USER_UNKNOWN;
	case OWNER_UNSURE:
		break;
	}
	pam_syslog(pamh, LOG_ERR, "%s cannot be read or is not trusted: %s is refused",
		   AADPASSWD_PATH, lower);
	return conclude(pamh, (struct answer){.code = ANSWER_INTERNAL});
}

/* Both must be allowed; one who is not ours does not count. */
static int judge_both(pam_handle_t *pamh, const char *action)
{
	const char *actor = item(pamh, PAM_RUSER), *user = item(pamh, PAM_USER);
	int first = judge(pamh, action, actor), second;

	if ((first != PAM_SUCCESS && first != PAM_IGNORE) || strcmp(actor, user) == 0)
		return first;
	second = judge(pamh, action, user);
	return second == PAM_IGNORE ? first : second;
}

__attribute__((visibility("default"))) int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc,
							    const char **argv)
{
	(void)flags;
	if (argc == 0)
		return judge(pamh, ACTION_LOGIN, item(pamh, PAM_USER));
	return judge_both(pamh, argc == 1 && strcmp(argv[0], "admin") == 0 ? "admin" : NULL);
}
