/* SPDX-License-Identifier: MIT */
/* Making the index that aadindex.h describes, for programs. */
#ifndef CORE_AADINDEXMAKE_H
#define CORE_AADINDEXMAKE_H

#include "lib/core/aadindex.h"
#include "lib/core/buf.h"

/*
 * Add the index of a text to *ret, which is empty.  of says which text it is.  -EINVAL: the text
 * is not of the size that of says; -EMSGSIZE: over AADPASSWD_MAX; -ENOMEM.
 */
int aadindex_make(struct span text, const struct aadindex_mark *of, struct buf *ret,
		  struct err *err);

#endif
