/* SPDX-License-Identifier: MIT */
/*
 * An /etc/aadpasswd that another product wrote, in our form: names and object ids in lower case,
 * and a newline behind the last line.  Uids, homes and shells stay as they are, outside our range
 * too.  A line that is no user's even so stays as it is, and nobody is known by it.
 */
#ifndef CORE_AADIMPORT_H
#define CORE_AADIMPORT_H

#include "lib/core/buf.h"

/* Lines that are no user's, but for empty ones and comments. */
struct aadimport_odd {
	size_t count;
	unsigned first; /* number of the first one, from 1 */
};

/*
 * Add the text in our form to *ret.  What is in our form already comes back as it is.  -ENOMEM;
 * *ret_odd is written on success.
 */
int aadimport(struct span text, struct buf *ret, struct aadimport_odd *ret_odd, struct err *err);

#endif
