/* SPDX-License-Identifier: MIT */
/*
 * The index of the users' file (lib/core/aadindex.h), inside a foreign process: opened for one
 * lookup and read by pread.  It is never mapped, since who truncates it would kill the process.
 * libc alone.
 */
#ifndef PAYLOAD_INDEX_H
#define PAYLOAD_INDEX_H

#include "lib/core/aadindex.h"
#include "payload/module/lines.h"

struct index {
	struct aadindex_source source; /* borrows the descriptor and the buffer of a struct lines */
	struct aadindex_head head;
};

/*
 * Open the index of the text in force.  0, or -ESTALE: there is none, it is of another text, it is
 * damaged, or one of both must not be trusted: the text has to be read.  lines_close(storage) in
 * any case.
 */
int index_open(struct index *ret, struct lines *storage);

/* Is the text in force the one with this mark, and root's?  A system call. */
bool index_is_of(const struct aadindex_mark *text);

/*
 * The first user with that name (lower-case) or id.  *ret borrows from storage.  0, -ENOENT, or
 * -EBADMSG: damaged, the text has to be read.
 */
int index_by_name(struct aadindex_source *source, const struct aadindex_head *head,
		  struct span name, struct lines *storage, struct aad_user *ret);
int index_by_id(struct aadindex_source *source, const struct aadindex_head *head, uint32_t id,
		struct lines *storage, struct aad_user *ret);

#endif
