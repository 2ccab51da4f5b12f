/* SPDX-License-Identifier: MIT */
/*
 * A stand-in, for tests alone: what the modules of the closed product do for users who have signed
 * in already.  As its NSS module it reads /etc/aadpasswd, whose lines are passwd's with an object
 * id in place of the password; as its PAM module it has all the phases, and lets these users in
 * without asking anybody.
 */
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <security/pam_modules.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ACCOUNTS "/etc/aadpasswd"

static enum nss_status find(const char *name, uid_t uid, struct passwd *pw, char *buf, size_t size,
			    int *errnop)
{
	FILE *file = fopen(ACCOUNTS, "re");
	struct passwd *found = NULL;
	int r = ENOENT;

	while (file && (r = fgetpwent_r(file, pw, buf, size, &found)) == 0)
		if (name ? strcasecmp(pw->pw_name, name) == 0 : pw->pw_uid == uid)
			break;
	if (file)
		(void)fclose(file);
	*errnop = r;
	if (r == ERANGE)
		return NSS_STATUS_TRYAGAIN;
	if (r != 0)
		return NSS_STATUS_NOTFOUND;
	(void)strcpy(pw->pw_passwd, "*");
	return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_aad_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size,
				    int *errnop);
enum nss_status _nss_aad_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size,
				    int *errnop);

enum nss_status _nss_aad_getpwnam_r(const char *name, struct passwd *pw, char *buf, size_t size,
				    int *errnop)
{
	return find(name, 0, pw, buf, size, errnop);
}

enum nss_status _nss_aad_getpwuid_r(uid_t uid, struct passwd *pw, char *buf, size_t size,
				    int *errnop)
{
	return find(NULL, uid, pw, buf, size, errnop);
}

/* others: what each phase says of somebody else's account */
static int answer(pam_handle_t *pamh, int others)
{
	const char *name = NULL;
	struct passwd pw;
	char buf[4096];
	int ignored;

	if (pam_get_user(pamh, &name, NULL) != PAM_SUCCESS || !name)
		return PAM_USER_UNKNOWN;
	return find(name, 0, &pw, buf, sizeof(buf), &ignored) == NSS_STATUS_SUCCESS ? PAM_SUCCESS
										    : others;
}

#define PHASE(phase, others)                                                                       \
	int pam_sm_##phase(pam_handle_t *pamh, int flags, int argc, const char **argv)             \
	{                                                                                          \
		(void)flags;                                                                       \
		(void)argc;                                                                        \
		(void)argv;                                                                        \
		return answer(pamh, others);                                                       \
	}

PHASE(authenticate, PAM_USER_UNKNOWN)
PHASE(setcred, PAM_IGNORE)
PHASE(acct_mgmt, PAM_IGNORE)
PHASE(open_session, PAM_IGNORE)
PHASE(close_session, PAM_IGNORE)
PHASE(chauthtok, PAM_IGNORE)
