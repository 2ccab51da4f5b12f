/* SPDX-License-Identifier: MIT */
/*
 * Text of /etc/nsswitch.conf: our source `aad` in the lines of passwd, group and, where there is
 * one, initgroups.  It answers neither for shadow nor for gshadow: the word that another product
 * left there goes.  Everything else, comments and spacing too, stays byte by byte, so that
 * nsswitch_remove gives back what nsswitch_add was given.  The templates of authselect's profiles
 * are understood too, with their operators in braces.  Source: nsswitch.conf(5),
 * authselect-profiles(5).
 */
#ifndef CORE_NSSWITCH_H
#define CORE_NSSWITCH_H

#include "lib/core/buf.h"

/* The line before a vendor's file that we copied to /etc, to write our word into it. */
#define NSSWITCH_COPIED_LINE "# Copied by aadsshlogin, for its word aad; it goes with it."
#define NSSWITCH_COPIED NSSWITCH_COPIED_LINE "\n"

/*
 * Add the source behind the others of its line, so that names that exist elsewhere always win; but
 * before an action such as [NOTFOUND=return] that would end the search before us.  A line that
 * names us there already stays as it is; a name of ours behind such an action moves.  Where the
 * text ends without a newline in such a line, it gets one, and a comment that says so.  -EINVAL
 * when the line of passwd or group is missing, an action both merges and ends the search, so that
 * nothing can stand before it, or a `#` follows the place without a blank (the remedy tells the
 * line to write); -ENOMEM.
 */
int nsswitch_add(struct span text, struct buf *ret, struct err *err);

/*
 * nsswitch_add for what is not the whole file, as a template or /etc/authselect/user-nsswitch.conf:
 * lines may be missing.  -EINVAL also when an operator holds an action that ends the search;
 * -ENOMEM.
 */
int nsswitch_add_part(struct span text, struct buf *ret, struct err *err);

/*
 * Take the source out of those lines, the newline that nsswitch_add gave, and NSSWITCH_COPIED.
 * -ENOMEM.
 */
int nsswitch_remove(struct span text, struct buf *ret, struct err *err);

/* Does the line of passwd name the source, whoever wrote it? */
bool nsswitch_has(struct span text);

/*
 * Does passwd name a source that can hold people of a directory, whose names may have an `@` as
 * ours do?  *ret is the first, and borrows.
 */
bool nsswitch_directory(struct span text, struct span *ret);

#endif
