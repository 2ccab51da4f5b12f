/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include "lib/core/reason.h"
#include "payload/login/places.h"
#include "payload/login/service.h"

int service_user_find(struct sys *sys, struct local_user *ret, struct err *err)
{
	struct local_user user;
	int r = lookup_local_user(sys, SERVICE_USER, &user, err);

	if (r == 0 && (user.uid == 0 || user.gid == 0))
		r = err_set(err, EPERM, "the user " SERVICE_USER " is root");
	if (r < 0)
		return reason_add(err, REASON_NOT_CONFIGURED);
	*ret = user;
	return 0;
}
