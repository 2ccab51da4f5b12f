/* SPDX-License-Identifier: MIT */
/* The one table of what the extension does to a machine, in the order of applying. */
#ifndef HANDLER_STEPS_H
#define HANDLER_STEPS_H

#include "lib/steps/step.h"

#define HANDLER_STEPS 11

extern const struct step *const handler_steps[HANDLER_STEPS];

/* The handler's own steps; the others are the package's too, see lib/steps. */
extern const struct step step_platform;
extern const struct step step_identity;
extern const struct step step_legacy;
extern const struct step step_packages;

#endif
