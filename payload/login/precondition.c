/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/pamstack.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"
#include "payload/login/precondition.h"

#define PAM_FILE_MAX ((size_t)64 << 10)
#define PASSWD_MAX ((size_t)16 << 20)

/* What lib/steps/pam.c edits.  Those of sudo count where there is a sudo to use. */
#define PAM_SSHD_PATH "/etc/pam.d/sshd"
#define PAM_SUDO_PATH "/etc/pam.d/sudo"
#define PAM_SUDO_LOGIN_PATH "/etc/pam.d/sudo-i"
#define PAM_SUDO_LOGIN_VENDORS "/usr/lib/pam.d/sudo-i"

/* The programs of lib/steps/programs.c.  sudo-rs under its own name may have no rules to go by. */
static const struct {
	const char *path;
	bool idle_without_rules;
} sudo_programs[] = {
	{"/usr/bin/sudo", false},
	{"/usr/bin/sudo-rs", true},
	{"/usr/bin/sudo.ws", false},
};

/* Where libpam looks for modules: Debian's multiarch, the others' lib64, then plain lib. */
static const char *const pam_modules[] = {
	"/usr/lib/x86_64-linux-gnu/security/pam_aad.so",
	"/usr/lib/aarch64-linux-gnu/security/pam_aad.so",
	"/lib/x86_64-linux-gnu/security/pam_aad.so",
	"/lib/aarch64-linux-gnu/security/pam_aad.so",
	"/usr/lib64/security/pam_aad.so",
	"/lib64/security/pam_aad.so",
	"/usr/lib/security/pam_aad.so",
	"/lib/security/pam_aad.so",
};

static int require_pam_module(struct sys *sys, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(pam_modules); i++)
		if (fs_exists(sys, pam_modules[i]))
			return 0;
	return reason_refuse(err, REASON_NOT_CONFIGURED,
			     "the PAM module is missing, so nobody would ask for the role");
}

static int require_pam_line(struct sys *sys, const char *path, enum pam_question question,
			    struct err *err)
{
	AUTO_BUF text = {0};
	struct stat st;
	int r = fs_read(sys, path, FS_FOLLOW | FS_PLACE, PAM_FILE_MAX, &text, &st, err);

	/* In a moment it may not hold the line any more. */
	if (r == 0 &&
	    ((st.st_uid != 0 && st.st_uid != sys->owner) || st.st_mode & (S_IWGRP | S_IWOTH)))
		r = err_set(err, EPERM, "%s can be written by others than root", path);
	if (r < 0)
		return reason_add(err, REASON_PAM_LINE_MISSING);
	return pamstack_holds(buf_bytes(&text), question)
		       ? 0
		       : reason_refuse(err, REASON_PAM_LINE_MISSING,
				       "%s does not begin its account stack with our line", path);
}

static bool has_sudo(struct sys *sys)
{
	bool rules = fs_exists(sys, "/etc/sudoers") || fs_exists(sys, "/etc/sudoers-rs");

	for (size_t i = 0; i < ARRAY_LEN(sudo_programs); i++)
		if ((rules || !sudo_programs[i].idle_without_rules) &&
		    fs_exists(sys, sudo_programs[i].path))
			return true;
	return false;
}

/*
 * For a file that is gone PAM takes the vendor's or the service `other`, which ask nobody.  Some
 * builds of sudo have no second service: it counts where somebody brings it.
 */
static int require_sudo_lines(struct sys *sys, struct err *err)
{
	int r = require_pam_line(sys, PAM_SUDO_PATH, PAM_ADMIN, err);

	if (r == 0 &&
	    (fs_exists(sys, PAM_SUDO_LOGIN_PATH) || fs_exists(sys, PAM_SUDO_LOGIN_VENDORS)))
		r = require_pam_line(sys, PAM_SUDO_LOGIN_PATH, PAM_ADMIN, err);
	return r;
}

int precondition_account_phase(struct sys *sys, enum account_phase phase, struct err *err)
{
	switch (phase) {
	case PHASE_MODULE:
		return require_pam_module(sys, err);
	case PHASE_SSHD:
		return require_pam_line(sys, PAM_SSHD_PATH, PAM_LOGIN, err);
	case PHASE_SUDO:
		return has_sudo(sys) ? require_sudo_lines(sys, err) : 0;
	case PHASES:
		break;
	}
	return reason_refuse(err, REASON_INTERNAL, "there is no such account phase");
}

int precondition_account_phases(struct sys *sys, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < PHASES; i++)
		r = precondition_account_phase(sys, (enum account_phase)i, err);
	return r;
}

int precondition_not_local(struct sys *sys, const char *user, const char *name, struct err *err)
{
	struct span rest, line;
	AUTO_BUF text = {0};
	int r = fs_read(sys, "/etc/passwd", FS_TRUSTED, PASSWD_MAX, &text, NULL, err);

	if (r < 0)
		return reason_add(err, REASON_INTERNAL);
	rest = buf_bytes(&text);
	while (span_line(&rest, &line)) {
		const unsigned char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;

		if (colon)
			line.len = (size_t)(colon - line.p);
		if (span_is(line, user) || span_is(line, name))
			return reason_refuse(err, REASON_LOCAL_ACCOUNT, "%.*s is in /etc/passwd",
					     (int)line.len, (const char *)line.p);
	}
	return 0;
}

int precondition_recorded_oid(struct sys *sys, const char *name, char ret[GUID_SIZE],
			      struct err *err)
{
	unsigned char buffer[AADINDEX_FETCH_MAX];
	struct aad_user user = {.oid = SPAN_LIT("")};
	AUTO_BUF text = {0};
	bool exists;
	int r = userindex_find(sys, name, buffer, &user);

	if (r == -ESTALE) {
		r = fs_read_optional(sys, AADPASSWD_PATH, FS_TRUSTED, AADPASSWD_MAX, &text, &exists,
				     NULL, err);
		if (r < 0)
			return reason_add(err, REASON_INTERNAL);
		(void)aadpasswd_find_name(buf_bytes(&text), span_of(name), &user);
	}
	(void)span_copy(user.oid, ret, GUID_SIZE);
	return 0;
}
