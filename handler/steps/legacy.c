/* SPDX-License-Identifier: MIT */
/* The product before this one signs people in by other means and would fight over PAM and sudo. */
#include "config.h"

#include <errno.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/pkg.h"

static const char *const old_packages[] = {"aadlogin", "aadlogin-selinux"};

static int refuse(const struct machine *m, const char *name, const char *version, struct err *err)
{
	bool asked = m->extension->settings->migrate_legacy;

	(void)err_set(err, EEXIST, "the old package %s %s is installed%s", name, version,
		      asked ? ", and this version of the extension cannot migrate it" : "");
	return err_remedy(err, EXIT_LEGACY,
			  "remove the extension AADLoginForLinux, or the package %s by hand", name);
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);

	(void)ret;
	for (size_t i = 0; want == WANT_PRESENT && manager && i < ARRAY_LEN(old_packages); i++) {
		struct pkg_status status;
		int r = pkg_query(m->sys, manager, old_packages[i], &status, err);

		if (r < 0)
			return r;
		if (status.state == PKG_INSTALLED || status.state == PKG_BROKEN)
			return refuse(m, old_packages[i], status.version, err);
	}
	return 0;
}

const struct step step_legacy = {
	.name = "legacy",
	.purpose = "the old product AADLoginForLinux is not there",
	.exit_code = EXIT_LEGACY,
	.plan = plan,
};
