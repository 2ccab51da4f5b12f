/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/cleanup.h"
#include "payload/login/backend.h"

/* clang-format off */
static const struct backend backends[] = {
	[BACKEND_ARM] = {"arm", true, roles_arm_ask},
	[BACKEND_STATIC] = {"static", false, roles_static_ask},
	[BACKEND_CHECKACCESS] = {"checkaccess", true, roles_checkaccess_ask},
	[BACKEND_PDP] = {"pdp", true, roles_checkaccess_ask},
};
/* clang-format on */

const struct backend *backend_find(enum role_backend id)
{
	return (size_t)id < ARRAY_LEN(backends) && backends[id].name ? &backends[id] : NULL;
}
