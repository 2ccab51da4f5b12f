/* SPDX-License-Identifier: MIT */
/*
 * /etc/aadsshlogin.conf: lines of `keyword value...`, `#` starts a comment line, as in nslcd.conf.
 * Written by the config step, root 0644; the secret file beside it holds a proxy with a password.
 *
 * The line reader uses libc alone, for the NSS and PAM modules, which need a few keywords
 * only.  struct conf is for programs.
 */
#ifndef CORE_CONF_H
#define CORE_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/buf.h"
#include "lib/core/err.h"
#include "lib/core/span.h"

#define CONF_PATH "/etc/aadsshlogin.conf"
#define CONF_SECRET_PATH "/etc/aadsshlogin.secret"
#define CONF_MAX ((size_t)64 << 10) /* bytes that are still read */
#define CONF_LINE_MAX ((size_t)4000) /* bytes of one line: the modules read with a small buffer */

#define USER_DOMAINS_DEFAULT "*"
#define HOME_TEMPLATE_DEFAULT "/home/%u"
#define SHELL_DEFAULT "/bin/bash"
#define USERS_GROUP "aad_users" /* of everybody who is ours; its gid is the first of the range */
#define ADMIN_GROUP_DEFAULT "aad_admins"

#define UID_FIRST_DEFAULT 10000000u
#define UID_LAST_DEFAULT 99999999u
#define UID_RESERVED 16u /* the first of the range: aad_users, then aad_admins, then spare */

/*
 * The next keyword line of text: blank lines and comments are passed over, the keyword and the
 * trimmed rest of the line are borrowed.  False at the end.
 */
bool conf_next(struct span *text, struct span *ret_keyword, struct span *ret_value);

/* "10000000-99999999": both ends included, at least 1024 ids, first >= 65536, last <= 2147483647.
 */
bool conf_uid_range(struct span value, uint32_t *ret_first, uint32_t *ret_last);

enum role_backend {
	BACKEND_NONE,
	BACKEND_ARM,
	BACKEND_STATIC,
	BACKEND_CHECKACCESS,
	BACKEND_PDP,
};

enum authorized_keys { AUTHORIZED_KEYS_NONE, AUTHORIZED_KEYS_KEEP };

/* As it stands in the file, "none" for BACKEND_NONE. */
const char *conf_backend_name(enum role_backend backend);

/* All strings are owned; NULL means not set.  The zero value is closed: nobody gets in. */
struct conf {
	char *tenant; /* the VM's tenant, lower-case GUID */
	char *allowed_tenants; /* further tenants, GUIDs separated by blanks */
	char *cloud; /* cloud_instance_name of its keys, as "microsoftonline.com" */
	char *authority; /* https://login.microsoftonline.com */
	char *resource_manager; /* https://management.azure.com */
	char *resource_id; /* /subscriptions/.../virtualMachines/name */
	char *imds; /* http://169.254.169.254; NULL where himds is set */
	char *himds; /* http://127.0.0.1:40342, on an Arc machine instead of imds */
	char *user_domains; /* "*", or domains separated by blanks */
	uint32_t uid_first, uid_last;
	char *home_template; /* /home/%u, where %u is the lower-case name */
	char *shell;
	enum role_backend role_backend;
	char *pdp; /* for BACKEND_PDP: https://westeurope.authorization.azure.net */
	char *roles_file; /* for BACKEND_STATIC */
	char *keys_file; /* pinned JWKS; NULL: the tenant's keys by discovery */
	char *ca_bundle; /* NULL: the distribution's own */
	enum authorized_keys authorized_keys;
	char *admin_group; /* the group that sudoers names, aad_admins */
	uint32_t offline_grace; /* seconds, 0 to 86400 */
	char *log_level; /* error, warning, info, debug */
	bool metrics; /* logins are counted, see lib/sys/metricsfile.h */
	char *proxy;
	char *no_proxy;
};

#define AUTO_CONF __attribute__((cleanup(conf_done))) struct conf

/* Fill what is not set with the defaults of this list: imds (unless himds is), user_domains "*",
 * uid range, home_template, shell /bin/bash, role_backend arm, authorized_keys none, admin_group,
 * log_level info.  -ENOMEM. */
int conf_defaults(struct conf *conf, struct err *err);

/*
 * Parse the file's text over *conf (values there are replaced, and himds and imds replace each
 * other).  what names it in messages.
 * -EINVAL with the line number for an unknown keyword, a repeated one, himds beside imds, or a
 * value that its keyword does not allow (GUIDs, https URLs, absolute paths without "..", domains,
 * numbers are checked); -ENOMEM.  *conf may be half filled after a failure: use it no further.
 */
int conf_parse(struct span text, const char *what, struct conf *conf, struct err *err);

/*
 * Add the file's text for *conf, in a fixed order, with a heading comment.  A proxy with a user in
 * it is a secret and left out.  -EINVAL for a string that conf_parse would refuse; -ENOMEM.
 */
int conf_format(const struct conf *conf, struct buf *ret, struct err *err);

/* Whether the tenant (lower-case GUID) is the own or an allowed one. */
bool conf_tenant_allowed(const struct conf *conf, const char *tenant);

void conf_done(struct conf *conf);

#endif
