/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include "lib/core/cleanup.h"
#include "lib/core/conf.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/step.h"
#include "lib/sys/lookup.h"
#include "lib/sys/metricsfile.h"

enum owner { OWNER_ROOT, OWNER_SERVICE };

/* In the order of making.  tmpfiles.d makes those of /run again at each boot. */
static const struct {
	const char *path;
	mode_t mode;
	enum owner owner;
} dirs[] = {
	{"/run/aadsshlogin", 0755, OWNER_ROOT},
	{"/run/aadsshlogin/decisions", 0700, OWNER_ROOT},
	{"/run/aadsshlogin/handoff", 0700, OWNER_SERVICE},
	{"/run/aadsshlogin/metrics", 0755, OWNER_SERVICE},
	{"/run/aadsshlogin/private", 0700, OWNER_SERVICE},
	{"/var/cache/aadsshlogin", 0700, OWNER_SERVICE},
};

static int find_service_user(struct machine *m, struct local_user *ret, struct err *err)
{
	int r = lookup_local_user(m->sys, KEY_COMMAND_USER, ret, err);

	if (r == -ENOENT && m->packages_come) {
		*err = (struct err){0};
		*ret = (struct local_user){.uid = UID_TO_COME, .gid = UID_TO_COME};
		return 0;
	}
	if (r == -ENOENT)
		return err_remedy(err, EXIT_DEPENDENCY, "install the package aadsshlogin again");
	if (r == 0 && (ret->uid == 0 || ret->gid == 0)) {
		(void)err_set(err, EPERM, "the user " KEY_COMMAND_USER " must not be root");
		return err_remedy(err, 0, "give " KEY_COMMAND_USER " a uid and a gid of its own");
	}
	return r;
}

static int plan_conf(struct machine *m, struct changes *ret, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0644);
	AUTO_BUF text = {0};

	if (conf_format(&m->conf, &text, err) < 0)
		return -err->code;
	return changes_write(m, ret, CONF_PATH, buf_bytes(&text), &meta, err);
}

static int plan_secret(struct machine *m, const struct local_user *service, struct changes *ret,
		       struct err *err)
{
	struct fs_meta meta = machine_meta(m, 0640);
	AUTO_BUF text = {0};

	if (!m->proxy_secret)
		return changes_remove_secret(m, ret, CONF_SECRET_PATH, err);
	meta.gid = service->gid;
	buf_printf(&text, "proxy %s\n", m->proxy_secret);
	if (buf_ok(&text, err) < 0)
		return -err->code;
	return changes_write_secret(m, ret, CONF_SECRET_PATH, buf_bytes(&text), &meta, err);
}

static int forget_metrics(struct machine *m, struct err *err)
{
	return metrics_forget(m->sys, KEY_COMMAND_USER, err);
}

static int plan_present(struct machine *m, struct changes *ret, struct err *err)
{
	struct local_user service;
	int r = find_service_user(m, &service, err);

	if (r == 0)
		r = plan_conf(m, ret, err);
	if (r == 0)
		r = plan_secret(m, &service, ret, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(dirs); i++) {
		struct fs_meta meta = machine_meta(m, dirs[i].mode);

		if (dirs[i].owner == OWNER_SERVICE) {
			meta.uid = service.uid;
			meta.gid = service.gid;
		}
		r = changes_mkdir(m, ret, dirs[i].path, &meta, err);
	}
	/* Numbers that nobody counts on are no numbers. */
	if (r < 0 || m->conf.metrics || !fs_exists(m->sys, METRICS_PATH))
		return r;
	return changes_call(ret, "remove " METRICS_PATH, forget_metrics, NULL, err);
}

static int plan_absent(struct machine *m, struct changes *ret, struct err *err)
{
	struct err own;

	for (size_t i = ARRAY_LEN(dirs); i-- > 0;) {
		own = (struct err){0};
		if (changes_rmdir(m, ret, dirs[i].path, &own) < 0 && err->code == 0)
			*err = own;
	}
	own = (struct err){0};
	if (changes_remove_secret(m, ret, CONF_SECRET_PATH, &own) < 0 && err->code == 0)
		*err = own;
	own = (struct err){0};
	if (changes_remove(m, ret, CONF_PATH, &own) < 0 && err->code == 0)
		*err = own;
	return -err->code;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	return want == WANT_PRESENT ? plan_present(m, ret, err) : plan_absent(m, ret, err);
}

const struct step step_config = {
	.name = "config",
	.purpose = CONF_PATH " and the directories of the login runtime",
	.exit_code = EXIT_SETTINGS,
	.plan = plan,
};
