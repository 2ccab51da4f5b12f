/* SPDX-License-Identifier: MIT */
/*
 * /etc/aadpasswd: the Entra users who have signed in here, a line each:
 *
 *   name:oid:uid:gid:gecos:home:shell
 *
 * Written by provisioning and the user tools (root, 0644, replaced whole), read by the NSS
 * and PAM modules.  libc alone.
 */
#ifndef CORE_AADPASSWD_H
#define CORE_AADPASSWD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/core/name.h"
#include "lib/core/span.h"

#define AADPASSWD_PATH "/etc/aadpasswd"
#define AADPASSWD_MAX ((size_t)16 << 20) /* bytes that are still read, some 100,000 users */
#define AADPASSWD_LINE_MAX 2048 /* bytes with the newline; format never needs more */
#define AADPASSWD_GECOS_MAX 255

/* The present administrators: a lower-case name a line, root 0644, written whole. */
#define AADADMINS_PATH "/etc/aadadmins"
#define AADADMINS_MAX ((size_t)4 << 20)

/* A user.  The strings are borrowed. */
struct aad_user {
	struct span name; /* lower-case, name_shaped */
	struct span oid; /* lower-case GUID, the identity */
	uint32_t id; /* uid and gid, uid_possible */
	struct span gecos;
	struct span home; /* path_valid */
	struct span shell; /* path_valid */
};

/*
 * Parse one line, with its newline: one without was cut off, and is refused.  False, *ret
 * untouched, unless there are seven fields, all as said above, uid and gid equal, and no control
 * character anywhere.
 */
bool aadpasswd_parse(struct span line, struct aad_user *ret);

/* Is the line's first field that name?  Cheap: asked before a line is parsed. */
bool aadpasswd_line_has(struct span line, struct span name);

/* The next good line of a file's text; wrong ones are passed over.  False at the end. */
bool aadpasswd_next(struct span *text, struct aad_user *ret);

/* The first good line with that name (lower-case) or oid. */
bool aadpasswd_find_name(struct span text, struct span name, struct aad_user *ret);
bool aadpasswd_find_oid(struct span text, struct span oid, struct aad_user *ret);

/*
 * Write the line with its newline and a NUL.  False, *ret untouched, when aadpasswd_parse would
 * refuse it or it does not fit; AADPASSWD_LINE_MAX + 1 bytes always suffice.
 */
bool aadpasswd_format(const struct aad_user *user, char *ret, size_t size);

/*
 * The user that nobody has seen yet, from the name alone: empty gecos, the home by the template.
 * What the NSS module answers before the first login and what provisioning then writes must be
 * the same, so both call this.
 * home  HOME_SIZE bytes for the home
 * *ret borrows lower, home and shell; the oid is empty, for the writer to fill in.  False when
 * the template makes no home.
 */
bool aadpasswd_new(const char *lower, uint32_t id, struct span home_template, struct span shell,
		   char *home, struct aad_user *ret);

/* Is the name a line of the administrators' list?  A last line without newline is none. */
bool aadadmins_has(struct span text, struct span name);

#endif
