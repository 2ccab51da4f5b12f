/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "handler/resource.h"
#include "lib/core/cleanup.h"

/* The segment after `/key/` in a resource id, "" when there is none. */
static struct span segment(const char *id, const char *key)
{
	const char *at = strcasestr(id, key);

	if (!at)
		return (struct span){0};
	at += strlen(key);
	return (struct span){(const unsigned char *)at, strcspn(at, "/")};
}

struct resource resource_parse(const char *id)
{
	static const struct {
		const char *key, *group;
	} kinds[] = {
		{"/virtualMachineScaleSets/", "vmss"},
		{"/Microsoft.HybridCompute/machines/", "connectedmachine"},
		{"/virtualMachines/", "vm"},
	};
	struct resource resource = {.group = "vm"};

	resource.resource_group = segment(id, "/resourceGroups/");
	for (size_t i = 0; i < ARRAY_LEN(kinds) && resource.name.len == 0; i++) {
		resource.group = kinds[i].group;
		resource.name = segment(id, kinds[i].key);
	}
	return resource;
}
