/* SPDX-License-Identifier: MIT */
/* What shall be in force on the machine: a pure function of settings, identity and cloud. */
#ifndef HANDLER_DESIRED_H
#define HANDLER_DESIRED_H

#include "handler/settings.h"
#include "lib/core/cloud.h"
#include "lib/core/conf.h"

/* Where roleBackend static looks: lines of `<oid> user` or `<oid> admin`, the owner's own file. */
#define ROLES_FILE "/etc/aadsshlogin.roles"

/* What the settings alone say, with the defaults for the rest.  -ENOMEM. */
int desired_settings(const struct settings *settings, struct conf *ret, struct err *err);

/* The machine is one of Arc: its service at url takes the place of IMDS.  -ENOMEM. */
int desired_himds(const char *url, struct conf *conf, struct err *err);

/* Add who the machine is, and the endpoints of its cloud.  -ENOMEM. */
int desired_identity(const char *tenant, const char *resource_id, const struct cloud *cloud,
		     struct conf *conf, struct err *err);

/*
 * Add the service of the region that the role backend pdp asks; nothing for another backend.
 * Errors of cloud_pdp.
 */
int desired_pdp(const char *region, const struct cloud *cloud, struct conf *conf, struct err *err);

#endif
