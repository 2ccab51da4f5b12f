/* SPDX-License-Identifier: MIT */
/*
 * The product before this one signs people in by other means and would fight over PAM and sudo.
 * When it was removed it is not brought back, whatever happens later: its packages are not ours.
 */
#include "config.h"

#include <errno.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/pkg.h"

#define OLD 2

static const char *const old_packages[OLD] = {"aadlogin", "aadlogin-selinux"};

/* Those that are there; *ret_what: "aadlogin 1.0.14, aadlogin-selinux 1.0.14". */
static int find_old(struct sys *sys, const struct pkg_manager *manager,
		    const char *ret_names[OLD + 1], struct buf *ret_what, struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < OLD; i++) {
		struct pkg_status status;

		if (pkg_query(sys, manager, old_packages[i], &status, err) < 0)
			return -err->code;
		if (status.state != PKG_INSTALLED && status.state != PKG_BROKEN)
			continue;
		buf_printf(ret_what, "%s%s %s", count ? ", " : "", old_packages[i], status.version);
		ret_names[count++] = old_packages[i];
	}
	ret_names[count] = NULL;
	return buf_ok(ret_what, err);
}

static int migrate(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	const char *names[OLD + 1] = {NULL};
	AUTO_BUF what = {0}, left = {0};
	int r = find_old(m->sys, manager, names, &what, err);

	if (r == 0)
		r = pkg_remove(m->sys, manager, names, m->log_fd, err);
	if (r == 0)
		r = find_old(m->sys, manager, names, &left, err);
	if (r == 0 && left.len)
		r = err_set(err, EEXIST, "it is still installed");
	if (r == 0)
		return 0;
	(void)err_wrap(err, "cannot remove the old product (%s)", buf_text(&what));
	return err->outcome ? r : err_remedy(err, EXIT_LEGACY, "remove its packages by hand");
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	const char *names[OLD + 1] = {NULL};
	AUTO_BUF what = {0}, words = {0};
	int r;

	if (want == WANT_ABSENT || !manager)
		return 0;
	r = find_old(m->sys, manager, names, &what, err);
	if (r < 0 || !names[0])
		return r;
	if (!m->extension->settings->migrate_legacy) {
		(void)err_set(err, EEXIST, "the old product is installed: %s", buf_text(&what));
		return err_remedy(err, EXIT_LEGACY,
				  "remove the extension AADLoginForLinux and the package %s, or "
				  "set migrateLegacy to true",
				  names[0]);
	}
	buf_printf(&words, "remove %s", buf_text(&what));
	r = buf_ok(&words, err);
	return r < 0 ? r : changes_call(ret, buf_text(&words), migrate, NULL, err);
}

const struct step step_legacy = {
	.name = "legacy",
	.purpose = "the old product AADLoginForLinux is not there",
	.exit_code = EXIT_LEGACY,
	.plan = plan,
};
