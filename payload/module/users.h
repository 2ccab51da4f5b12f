/* SPDX-License-Identifier: MIT */
/*
 * The users and administrators that root's files name, as the NSS and PAM modules look them up.
 * libc alone.  All functions return 0, -ENOENT (no such user, also when there is no file), or
 * another -errno: then the file could not be read or must not be trusted, and nobody knows.
 */
#ifndef PAYLOAD_USERS_H
#define PAYLOAD_USERS_H

#include "lib/core/aadpasswd.h"
#include "lib/core/uid.h"
#include "payload/module/lines.h"

/* *ret borrows from *storage, which every function here uses and closes, until its next use. */
int users_by_name(const char *lower, struct lines *storage, struct aad_user *ret);
int users_by_id(uint32_t id, struct lines *storage, struct aad_user *ret);

/*
 * The users one after the other; *offset, 0 at first, is where the next one is searched, and moves
 * on.  Nothing stays open in between; when the file is replaced meanwhile some users may be
 * missed or seen twice, as with readdir.
 */
int users_next(uint64_t *offset, struct lines *storage, struct aad_user *ret);

/* Is the name in the administrators' list? */
int users_is_admin(const char *lower, struct lines *storage);

/* All administrators: open, next until it fails (-ENOENT at the end), then lines_close. */
int admins_open(struct lines *ret);
int admins_next(struct lines *admins, struct span *ret_name);

/* Is the name, as it is, one of /etc/passwd? */
int users_is_local(const char *name, struct lines *storage);

/*
 * Tell every id that is somebody's: those of /etc/aadpasswd, the uids and gids of /etc/passwd, the
 * gids of /etc/group.  Provisioning tells the same, so that it chooses the same.
 */
int users_tell_ids(struct lines *storage, struct uid_choice *choice);

#endif
