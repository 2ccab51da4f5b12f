/* SPDX-License-Identifier: MIT */
/*
 * Who exists on the machine.  A static program does not see the target's name services, so the
 * local users are read from /etc/passwd, and for everybody else the target's own getent is asked.
 */
#ifndef SYS_LOOKUP_H
#define SYS_LOOKUP_H

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

#define GETENT_PATH "/usr/bin/getent"
#define GETENT_TIMEOUT_MS 10000

struct local_user {
	char name[64];
	uint32_t uid, gid;
};

/* The user of that name in /etc/passwd.  -ENOENT; the failures of fs_read. */
int lookup_local_user(struct sys *sys, const char *name, struct local_user *ret, struct err *err);

/* The id of the group of that name in /etc/group.  -ENOENT; the failures of fs_read. */
int lookup_local_group(struct sys *sys, const char *name, uint32_t *ret_gid, struct err *err);

/* Has a group of /etc/group that id?  -ENOENT; the failures of fs_read. */
int lookup_local_gid(struct sys *sys, uint32_t gid, struct err *err);

/* Some person of /etc/passwd: the first with a uid of 1000 to 60000.  -ENOENT when there is none.
 */
int lookup_local_person(struct sys *sys, struct local_user *ret, struct err *err);

/*
 * Ask `getent DATABASE KEY`; *ret is its output, lines.  -ENOENT: no such entry; -ETIMEDOUT;
 * -EIO; outcome EXIT_DEPENDENCY when getent itself is missing (-ENOSYS).
 */
int lookup_getent(struct sys *sys, const char *database, const char *key, struct buf *ret,
		  struct err *err);

#endif
