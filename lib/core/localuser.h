/* SPDX-License-Identifier: MIT */
/*
 * Text of /etc/passwd, /etc/shadow and /etc/group, for the question who of the machine's own
 * accounts can sign in.  It is read as glibc reads it, which takes more than the manual pages name:
 * blanks before a name or a number, signs, lines that end early.  Lines of `+` and `-` are a name
 * service's, and no program goes by an id of -1.  Sources: passwd(5), shadow(5), group(5),
 * crypt(5); glibc, nss/nss_files/files-parse.c.
 */
#ifndef CORE_LOCALUSER_H
#define CORE_LOCALUSER_H

#include "lib/core/buf.h"
#include "lib/core/span.h"

/* Borrowed from the text. */
struct localuser {
	struct span name; /* may be empty, as glibc has it */
	struct span password; /* "x": it is in the shadow */
	uint32_t uid, gid;
	struct span home;
	struct span shell; /* empty: sshd takes /bin/sh */
};

/* The next account; other lines are passed over.  False at the end. */
bool localuser_next(struct span *text, struct localuser *ret);

enum localuser_password {
	PASSWORD_NONE, /* locked, or nothing that a password could be hashed to */
	PASSWORD_EMPTY,
	PASSWORD_SET,
};

/* What a field of a password says; of a form that is not known: PASSWORD_SET. */
enum localuser_password localuser_password(struct span field);

struct localuser_shadow {
	struct span password;
	bool expires;
	uint64_t expires_day; /* since 1970: on it the account is of no use any more */
};

/*
 * The line of that name; of several the one that lets in most, since which of them glibc takes for
 * whole depends on its version.  False when there is none.
 */
bool localuser_shadow(struct span text, struct span name, struct localuser_shadow *ret);

/* Add the groups that /etc/group has somebody in, by its id too, a line each. */
void localuser_groups(struct span text, const struct localuser *user, struct buf *ret);

/* Has /etc/group somebody in a group that is not the account's own? */
bool localuser_has_more_groups(struct span text, const struct localuser *user);

/*
 * Add the files that AuthorizedKeysFile, as `sshd -T` shows it, names for an account, a line each:
 * %%, %h, %u and %U are filled in, and what is relative is below the home.  What sshd would refuse
 * is left out.
 */
void localuser_key_files(struct span setting, const struct localuser *user, struct buf *ret);

#endif
