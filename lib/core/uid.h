/* SPDX-License-Identifier: MIT */
/*
 * From a name to its uid, the same on every machine.  libc alone: the NSS module that answers
 * before the first login and the program that then writes the line must agree.
 *
 *   uid = first + 16 + (first 8 bytes, big-endian, of SHA-256("aad-uid-v1" NUL name)
 *                       mod (last - first + 1 - 16))
 *
 * The first UID_RESERVED ids of the range are nobody's: the groups of all users and of
 * administrators, and spare ones.  A range is one that conf_uid_range accepted.
 */
#ifndef CORE_UID_H
#define CORE_UID_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/conf.h"

/* No id outside is ever ours, whatever the configured range: judged before a file is opened. */
#define UID_LOWEST 65536u
#define UID_HIGHEST 2147483647u

#define UID_PROBES 64 /* ids looked at, from the name's own one on */

struct uid_range {
	uint32_t first, last; /* both included */
};

bool uid_possible(uint32_t id); /* UID_LOWEST to UID_HIGHEST */
bool uid_in_range(struct uid_range range, uint32_t id); /* reserved ids included */
bool uid_is_reserved(struct uid_range range, uint32_t id); /* the first UID_RESERVED */
uint32_t uid_users_group(struct uid_range range); /* gid of aad_users */
uint32_t uid_admin_group(struct uid_range range); /* gid of aad_admins */
uint32_t uid_of_name(const char *lower, struct uid_range range);

/*
 * Choosing around ids that are somebody's: start with the name, tell the taken ids in any order
 * (those outside the range do not matter), then pick the first free one of uid_of_name, the next,
 * and so on; after the last id of the range comes its first unreserved one.  What is told is every
 * id of /etc/aadpasswd, every uid and gid of /etc/passwd and every gid of /etc/group: the NSS
 * module and provisioning tell the same and so choose the same.
 */
struct uid_choice {
	struct uid_range range;
	uint32_t wanted; /* uid_of_name */
	uint64_t taken; /* bit n: the n-th candidate */
};

void uid_choice_start(struct uid_choice *ret, const char *lower, struct uid_range range);
void uid_choice_taken(struct uid_choice *choice, uint32_t id);

/* False when all UID_PROBES candidates are taken. */
bool uid_choice_pick(const struct uid_choice *choice, uint32_t *ret);

#endif
