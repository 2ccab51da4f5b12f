/* SPDX-License-Identifier: MIT */
/* The backend for machines that cannot or must not ask a service: a file that root wrote. */
#include "config.h"

#include "lib/core/reason.h"
#include "lib/core/roles.h"
#include "lib/sys/fs.h"
#include "payload/login/backend.h"

static void grant(struct verdict *verdict, const char *path)
{
	verdict->kind = VERDICT_GRANTED;
	(void)span_copy(span_of(path), verdict->scope, sizeof(verdict->scope));
}

int roles_static_ask(struct sys *sys, const struct conf *conf, const char *oid,
		     struct decision *ret, struct err *err)
{
	struct decision decision = {.boottime_ns = sys->ops->boottime_ns(sys)};
	enum static_role role;
	AUTO_BUF text = {0};
	int r;

	if (!conf->roles_file)
		return reason_refuse(err, REASON_NOT_CONFIGURED, "no file of roles is configured");
	r = fs_read(sys, conf->roles_file, FS_TRUSTED, ROLES_FILE_MAX, &text, NULL, err);
	if (r < 0)
		return reason_add(err, REASON_NOT_CONFIGURED);
	r = roles_static(buf_bytes(&text), oid, &role, err);
	if (r < 0)
		return r;
	if (role == STATIC_ROLE_USER || role == STATIC_ROLE_ADMIN)
		grant(&decision.login, conf->roles_file);
	if (role == STATIC_ROLE_ADMIN)
		grant(&decision.admin, conf->roles_file);
	*ret = decision;
	return 0;
}
