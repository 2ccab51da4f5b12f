/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "handler/steps.h"

const struct step *const handler_steps[HANDLER_STEPS] = {
	&step_platform, &step_identity, &step_legacy,  &step_packages, &step_config, &step_accounts,
	&step_pam,      &step_sudo,     &step_selinux, &step_sshd,     &step_verify,
};
