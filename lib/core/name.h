/* SPDX-License-Identifier: MIT */
/*
 * Login names, libc alone.  Entra compares names without case, Linux does not: everything here
 * but name_lower takes the lower-case form, and only that form is ever answered or stored.
 *
 * The shape of our names:
 *  - a lower-case dashed GUID: a service principal; or
 *  - local@domain with one `@`.  Local: `a-z 0-9 . _ - + ' ! # ^ ~`, the first a letter, a digit or
 * `_`, since names that begin with `-`, `+`, `#` or `~` mean something else to getopt, NIS, sudo
 * and shells.  Domain: two or more labels of `a-z 0-9 -`, none beginning or ending with `-`. No
 * such name contains a slash, colon, blank or control character.
 */
#ifndef CORE_NAME_H
#define CORE_NAME_H

#include "lib/core/path.h"
#include "lib/core/span.h"

/*
 * No home can be named after a name of 256 bytes, since a file's name has 255 at most: such a user
 * needs a line of /etc/aadpasswd that says another home, and without one is nobody here.
 */
#define NAME_MAX_BYTES 256
#define NAME_SIZE (NAME_MAX_BYTES + 1)
#define HOME_SIZE (PATH_BYTES_MAX + 1)

/*
 * Put the lower-case form (A to Z alone change) of what somebody typed into ret.  Does not
 * check the shape.  False, *ret untouched, when it does not fit size with its NUL.
 */
bool name_lower(const char *typed, char *ret, size_t size);

/* Has it our shape, whatever the domain?  Cheap: asked before any file is opened. */
bool name_shaped(const char *lower);

/*
 * Has it our shape, and is the domain among user_domains (conf.h)?  "*" takes every domain;
 * "contoso.com" that domain alone, not its subdomains; "*.contoso.com" every subdomain, at any
 * depth, not contoso.com itself.  A GUID is ours whatever user_domains says; nothing else is when
 * that is empty.
 */
bool name_ours(const char *lower, struct span user_domains);

/* "*" alone, or one or more lower-case domains, each may begin with "*.", separated by blanks. */
bool name_domains_valid(struct span user_domains);

/*
 * The administrators' group: `aad_` and 1 to 27 of `a-z 0-9 _ -`, but not aad_users.  The prefix
 * keeps our sudoers rule off every local group, and lets the NSS module pass over every
 * other group's name without reading a file.
 */
bool name_admin_group_valid(struct span group);

/*
 * The home of a user: home_template with %u replaced by the name as it is, and %% by %.
 * False, *ret untouched, when the template has no %u or another %-sequence, or the result is no
 * valid path (path.h: a component may be too long) or does not fit size.
 */
bool name_home(struct span home_template, const char *lower, char *ret, size_t size);

#endif
