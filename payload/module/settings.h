/* SPDX-License-Identifier: MIT */
/* The few keywords of /etc/aadsshlogin.conf that the NSS and PAM modules need.  libc alone. */
#ifndef PAYLOAD_SETTINGS_H
#define PAYLOAD_SETTINGS_H

#include <stdbool.h>

#include "lib/core/aadindex.h"
#include "lib/core/name.h"
#include "lib/core/uid.h"
#include "payload/module/lines.h"

struct settings {
	bool configured; /* the file is there, is root's, and says nothing that is wrong */
	bool name_ours; /* name_ours() of the name asked for; false unless configured */
	struct uid_range range; /* the default unless configured */
	char home_template[HOME_SIZE];
	char shell[HOME_SIZE];
	char admin_group[NAME_SIZE];
};

/*
 * Read the file and judge one name (lower-case; "" for none) by its user_domains, a list too long
 * to be kept.  Keywords that are missing have their defaults.  Cannot fail: whatever is wrong
 * leaves *ret not configured, and not configured means closed.  Uses *storage and closes it.
 */
void settings_read(const char *lower, struct lines *storage, struct settings *ret);

/* The settings for a process that asks again and again. */
struct settings_kept {
	struct settings settings; /* name_ours means nothing */
	bool exists;
	struct aadindex_mark mark; /* of the file that was read, if it exists */
	char domains[LINES_BUFFER]; /* user_domains */
};

/* As settings_read.  False when there is something that cannot be told apart from another. */
bool settings_keep(struct lines *storage, struct settings_kept *ret);

/* Is the file the one that was read?  A system call. */
bool settings_same(const struct settings_kept *kept);

/* What settings_read would say of a name, if the file is the same. */
void settings_judge(const struct settings_kept *kept, const char *lower, struct settings *ret);

#endif
