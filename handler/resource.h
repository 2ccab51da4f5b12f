/* SPDX-License-Identifier: MIT */
/* What a resource id says, for the commands that people type.  Pure. */
#ifndef HANDLER_RESOURCE_H
#define HANDLER_RESOURCE_H

#include "lib/core/span.h"

/* Borrowed from the id. */
struct resource {
	const char *group; /* of az's commands: "vm", "vmss" or "connectedmachine" */
	struct span resource_group, name; /* empty when the id does not say */
};

/* Of an instance of a uniform scale set the set: that is what has the identity. */
struct resource resource_parse(const char *id);

#endif
