/* SPDX-License-Identifier: MIT */
/* The endpoints of a cloud, from the table of clouds (manifest/clouds.yaml, which explains itself).
 */
#ifndef CORE_CLOUD_H
#define CORE_CLOUD_H

#include "lib/core/buf.h"
#include "lib/core/err.h"
#include "lib/core/yaml.h"

/* All borrow from the table.  URLs are https, without a path but for repository and audience. */
struct cloud {
	const char *name;
	const char *authority;
	const char *resource_manager;
	const char *audience;
	const char *cloud_instance_name; /* NULL: what the authority says of itself */
	const char *repository;
	const char *pdp; /* host behind the region, NULL: the cloud has none */
};

/*
 * The cloud that instance metadata calls az_environment; letters count whatever their case.
 * table is the root of the parsed file, which is checked each time: -EINVAL with line and column.
 * -ENOENT no such cloud; -ENODATA the table does not know all of it (see the air-gapped clouds
 * there).  Both carry a remedy and the outcome EXIT_SETTINGS.
 */
int cloud_find(const struct yaml_node *table, const char *az_environment, struct cloud *ret,
	       struct err *err);

/*
 * Add the URL of the region's service that decides about roles, as
 * "https://westeurope.authorization.azure.net".  -ENODATA the cloud has none, or region is no
 * region's name (as compute.location of instance metadata says it, "" when it does not); with a
 * remedy and the outcome EXIT_SETTINGS.  -ENOMEM.
 */
int cloud_pdp(const struct cloud *cloud, const char *region, struct buf *ret, struct err *err);

#endif
