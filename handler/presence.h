/* SPDX-License-Identifier: MIT */
#ifndef HANDLER_PRESENCE_H
#define HANDLER_PRESENCE_H

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

/*
 * The Entra users who have processes now, as "a@contoso.com, b@contoso.com": owners of processes
 * within the range of uids that have a line in /etc/aadpasswd.  -ENOMEM; what cannot be read is
 * passed over.
 */
int presence_names(struct sys *sys, uint32_t uid_first, uint32_t uid_last, struct buf *ret,
		   struct err *err);

#endif
