/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "handler/steps.h"
#include "handler/steps/packages.h"
#include "lib/core/cleanup.h"

/* clang-format off */
static const struct step *const ours[] = {
	&step_platform, &step_identity, &step_legacy, &step_packages, &step_config, &step_accounts,
	&step_pam, &step_sudo, &step_selinux, &step_sshd, &step_verify, &step_local_accounts,
	&step_authorized_keys,
};

static const struct step *const theirs[] = {
	&step_platform, &step_identity, &step_legacy, &step_packages,
	&step_their_accounts, &step_their_pam, &step_their_sudo, &step_their_selinux, &step_their_sshd,
	&step_local_accounts, &step_authorized_keys,
};
/* clang-format on */

const struct step_table handler_tables[PACKAGE_SOURCES] = {
	[PACKAGES_EMBEDDED] = {ours, ARRAY_LEN(ours)},
	[PACKAGES_REPOSITORY] = {ours, ARRAY_LEN(ours)},
	[PACKAGES_MICROSOFT] = {theirs, ARRAY_LEN(theirs)},
};

enum package_source handler_source(struct sys *sys, const struct settings *settings, enum want want)
{
	bool recorded = false, are_theirs = false;
	struct err ignored = {0};

	if (want == WANT_ABSENT && packages_recorded(sys, &recorded, &are_theirs, &ignored) == 0 &&
	    recorded)
		return are_theirs ? PACKAGES_MICROSOFT : PACKAGES_EMBEDDED;
	return settings->package_source;
}
