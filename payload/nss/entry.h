/* SPDX-License-Identifier: MIT */
/*
 * Who a name or an id is, for the passwd and the group functions alike, and the manners of every
 * NSS function.  libc alone.
 *
 * Security invariants (MUST):
 *  1. A name without our shape and an id that cannot be ours end before any file is opened.
 *  2. A line of /etc/aadpasswd wins over everything; when the file cannot be judged nobody is
 *     answered for, since a provisional entry might differ from the line.  A line can be answered
 *     for COPY_CHECK_MS after it went (copy.h); that there is none is looked up in the files before
 *     a provisional entry is made.
 *  3. A provisional entry is given only to a privileged caller (caller.h), only when the machine is
 *     configured, and only to a name in user_domains that no local account has.  Its id is
 *     nobody's: no user's, no group's, no reserved one.
 *  4. A line with a reserved id is not used: it would put its user into the administrators' group.
 */
#ifndef PAYLOAD_ENTRY_H
#define PAYLOAD_ENTRY_H

#include <nss.h>

#include "lib/core/aadpasswd.h"
#include "payload/module/lines.h"
#include "payload/module/settings.h"

struct entry {
	struct aad_user user; /* borrows from the rest of this struct */
	struct settings settings; /* judged for the name; entry_by_id leaves name_ours false */
	struct lines storage;
	char name[NAME_SIZE];
	char home[HOME_SIZE];
};

/* 0, -ENOENT, or another -errno when a file cannot be judged. */
int entry_by_name(const char *typed, struct entry *ret);
int entry_by_id(uint32_t id, struct entry *ret);
int entry_next(uint64_t *offset, struct entry *ret);

/* The settings alone. */
void entry_settings(struct entry *ret);

/*
 * The result of an NSS function that worked out r (0, -ENOENT, -ERANGE for a short buffer, another
 * -errno).  errno is put back to saved unless it has to tell something.
 */
enum nss_status nss_result(int r, int saved, int *errnop);

/* The caller's buffer, handed out from the front. */
struct room {
	char *p;
	size_t left;
};

/* A copy with a NUL, or NULL when it does not fit. */
char *room_string(struct room *room, struct span text);

#endif
