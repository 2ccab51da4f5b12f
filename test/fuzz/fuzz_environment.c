/* SPDX-License-Identifier: MIT */
/* HandlerEnvironment.json: what is accepted has absolute folders. */
#include "config.h"

#include <stdlib.h>

#include "handler/environment.h"
#include "lib/core/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(environment_done) struct environment env = {0};
	struct err err = {0};

	if (environment_parse((struct span){data, size}, &env, &err) < 0)
		return 0;
	if (env.log_folder[0] != '/' || env.config_folder[0] != '/' ||
	    env.status_folder[0] != '/' || (env.events_folder && env.events_folder[0] != '/'))
		abort();
	return 0;
}
