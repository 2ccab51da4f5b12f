/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/name.h"
#include "lib/core/pamstack.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/audit.h"
#include "payload/login/certhandler.h"
#include "payload/login/loginconf.h"
#include "payload/login/record.h"
#include "payload/login/verify.h"

#define DEADLINE_MS 10000
#define PAM_FILE_MAX ((size_t)64 << 10)
#define PASSWD_MAX ((size_t)16 << 20)

/* What lib/steps/pam.c edits.  The second counts where there is a sudo to use. */
#define PAM_SSHD_PATH "/etc/pam.d/sshd"
#define PAM_SUDO_PATH "/etc/pam.d/sudo"
#define SUDO_PATH "/usr/bin/sudo"

/* How the base64 of every key of the type CERT_TYPE_NAME begins: its length, and most of its name.
 */
#define CERT_KEY_PREFIX "AAAAHHNzaC1yc2EtY2VydC12MDFAb3BlbnNzaC5jb2"

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

/* Who offers which key to whom. */
struct offer {
	const char *user; /* as the passwd entry says it */
	const char *name; /* in lower case */
	const char *key;
	pid_t parent;
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
	int r = fs_read(sys, path, FS_FOLLOW, PAM_FILE_MAX, &text, NULL, err);

	if (r < 0)
		return reason_add(err, REASON_PAM_LINE_MISSING);
	return pamstack_holds(buf_bytes(&text), question)
		       ? 0
		       : reason_refuse(err, REASON_PAM_LINE_MISSING,
				       "%s does not begin its account stack with our line", path);
}

/* A package can put its own PAM file back: then nobody would ask for the role, or ask again. */
static int require_account_phase(struct sys *sys, struct err *err)
{
	int r = require_pam_module(sys, err);

	if (r == 0)
		r = require_pam_line(sys, PAM_SSHD_PATH, PAM_LOGIN, err);
	if (r == 0 && fs_exists(sys, SUDO_PATH) && fs_exists(sys, PAM_SUDO_PATH))
		r = require_pam_line(sys, PAM_SUDO_PATH, PAM_ADMIN, err);
	return r;
}

/* PAM ignores a local account, so a certificate would let its owner in without a role. */
static int refuse_local_account(struct sys *sys, const struct offer *offer, struct err *err)
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
		if (span_is(line, offer->user) || span_is(line, offer->name))
			return reason_refuse(err, REASON_LOCAL_ACCOUNT, "%.*s is in /etc/passwd",
					     (int)line.len, (const char *)line.p);
	}
	return 0;
}

/* The object id that has the name on this machine, "" when nobody has.  *ret borrows from *text. */
static int recorded_oid(struct sys *sys, const char *name, struct buf *text, struct span *ret,
			struct err *err)
{
	struct aad_user user;
	bool exists;
	int r = fs_read_optional(sys, AADPASSWD_PATH, FS_TRUSTED, AADPASSWD_MAX, text, &exists,
				 NULL, err);

	if (r < 0)
		return reason_add(err, REASON_INTERNAL);
	*ret = (struct span){0};
	if (aadpasswd_find_name(buf_bytes(text), span_of(name), &user))
		*ret = user.oid;
	return 0;
}

static int decode(const char *key, struct buf *ret, struct err *err)
{
	int r = base64_decode(span_of(key), ret, err);

	return r < 0 ? reason_add(err, REASON_CERT_MALFORMED) : 0;
}

static int accept_certificate(struct sys *sys, const struct conf *conf, const struct offer *offer,
			      struct span blob, struct verified *verified, struct buf *ret,
			      struct err *err)
{
	AUTO_BUF passwd = {0};
	AUTO_BUF line = {0};
	struct span oid;
	int r = recorded_oid(sys, offer->name, &passwd, &oid, err);

	if (r == 0)
		r = verify_certificate(sys, conf, offer->name, oid, blob, verified, err);
	if (r == 0)
		r = refuse_local_account(sys, offer, err);
	if (r == 0)
		r = require_account_phase(sys, err);
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

static int judge(struct sys *sys, const struct conf *conf, const struct offer *offer,
		 const struct log *log, struct buf *ret, struct err *err)
{
	int64_t start_ns = sys->ops->boottime_ns(sys);
	struct audit audit = {.user = offer->name, .action = "key"};
	struct verified verified = {0};
	AUTO_BUF blob = {0};
	int r = decode(offer->key, &blob, err);

	if (r == 0)
		r = accept_certificate(sys, conf, offer, buf_bytes(&blob), &verified, ret, err);
	audit_certificate(&audit, &verified);
	audit.ms = (sys->ops->boottime_ns(sys) - start_ns) / 1000000;
	audit_line(log, &audit, r < 0 ? err : NULL);
	return r;
}

static bool is_certificate(const char *key)
{
	return strncmp(key, CERT_KEY_PREFIX, strlen(CERT_KEY_PREFIX)) == 0;
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
		r = judge(sys, &conf, &offer, log, ret, err);
	} else {
		audit_line(log, &(struct audit){.user = name, .action = "key"}, err);
	}
	if (r < 0 && record_remove(sys, parent, &removal) < 0)
		log_line(log, LOG_LEVEL_ERROR, "%s", removal.msg);
	return r;
}

int certhandler_main(struct sys *sys, int argc, char **argv)
{
	struct log log = {.fd = -1, .syslog = "aad_certhandler", .level = LOG_LEVEL_INFO};
	struct err err = {0};
	AUTO_BUF line = {0};

	if (argc != 3)
		return 0;
	/* Bytes from the network are not for root.  Other keys get no answer from anybody. */
	if (geteuid() == 0) {
		if (!is_certificate(argv[2]))
			return 0;
		log_line(&log, LOG_LEVEL_ERROR,
			 "AuthorizedKeysCommandUser is root, and must be aadsshlogin: no key is "
			 "accepted");
		return 0;
	}
	sys->deadline_ns = sys->ops->boottime_ns(sys) + (int64_t)DEADLINE_MS * 1000000;
	if (certhandler_answer(sys, argv[1], argv[2], getppid(), &log, &line, &err) == 0)
		(void)fs_write_all(STDOUT_FILENO, buf_bytes(&line));
	return 0;
}
