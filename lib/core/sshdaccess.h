/* SPDX-License-Identifier: MIT */
/*
 * Does sshd let an account in, by the lists that `sshd -T -C user=...` shows for it?
 * Source: sshd_config(5) and what OpenSSH does: DenyUsers, AllowUsers, DenyGroups and AllowGroups
 * in this order, the first that says no ends it.  What stands behind an `@` of the first two is a
 * pattern for the client's host.
 */
#ifndef CORE_SSHDACCESS_H
#define CORE_SSHDACCESS_H

#include "lib/core/buf.h"

enum sshd_access {
	SSHD_ACCESS_YES,
	SSHD_ACCESS_DEPENDS, /* on the host that the client comes from */
	SSHD_ACCESS_NO,
};

/* Is there a list of groups at all? */
bool sshdaccess_asks_groups(struct span settings);

/*
 * settings  what sshd shows
 * groups    the account's groups by name, a line each
 * ret       the list that decides is added, "" for YES.  Memory: see buf_ok
 */
enum sshd_access sshdaccess_judge(struct span settings, const char *name, struct span groups,
				  struct buf *ret);

#endif
