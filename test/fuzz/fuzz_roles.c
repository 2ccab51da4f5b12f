/* SPDX-License-Identifier: MIT */
/*
 * What Resource Manager answers: a page of role assignments, a page of deny assignments and a
 * role definition, with a zero byte between them, and the file of the static backend behind that.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/roles.h"
#include "lib/core/url.h"

#define ARM "https://management.azure.com"
#define OID "6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30"
#define VM                                                                                         \
	"/subscriptions/6f2a1d0c-3b58-4c1e-9d77-5a0e8f4b2c31/resourceGroups/web"                   \
	"/providers/Microsoft.Compute/virtualMachines/web-1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span next_part(struct span *in)
{
	const unsigned char *end = in->len ? memchr(in->p, 0, in->len) : NULL;
	struct span part = {in->p, end ? (size_t)(end - in->p) : in->len};
	size_t used = part.len + (end ? 1 : 0);

	*in = (struct span){in->p + used, in->len - used};
	return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size};
	AUTO_ROLES roles = {0};
	struct role_decision decision;
	enum static_role role;
	const char *next = NULL;
	struct err err = {0};
	size_t pos = 0;

	if (roles_add_assignments(&roles, next_part(&in), ARM, &next, &err) == 0 && next &&
	    !url_same_host(next, ARM))
		abort();
	(void)roles_add_denies(&roles, next_part(&in), ARM, &next, &err);
	(void)roles_add_definition(&roles, next_part(&in), &err);
	while (roles_unknown(&roles, VM, OID, &pos))
		if (pos > roles.assignment_count)
			abort();
	for (int admin = 0; admin <= 1; admin++) {
		decision = roles_decide(&roles, VM, OID, roles_action(VM, admin));
		if ((decision.granted && decision.denied) ||
		    (decision.granted || decision.denied) != (decision.id && decision.scope))
			abort();
	}
	(void)roles_static(in, OID, &role, &err);
	return 0;
}
