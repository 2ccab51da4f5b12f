/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "payload/module/index.h"

_Static_assert(LINES_BUFFER >= AADINDEX_FETCH_MAX, "the buffer holds all that is fetched");

bool index_is_of(const struct aadindex_mark *text)
{
	struct aadindex_mark now;
	struct stat st;

	if (lstat(MODULE_ROOT AADPASSWD_PATH, &st) < 0 || lines_judge(&st, LINES_OURS) < 0)
		return false;
	now = aadindex_mark_of(&st);
	return aadindex_mark_same(&now, text);
}

int index_open(struct index *ret, struct lines *storage)
{
	struct stat st;

	if (lines_open(storage, MODULE_ROOT AADINDEX_PATH, LINES_OURS, 0) < 0 ||
	    fstat(storage->fd, &st) < 0)
		return -ESTALE;
	ret->source = aadindex_from_file(storage->fd, (uint64_t)st.st_size, storage->buffer);
	return aadindex_open(&ret->source, &ret->head) == 0 && index_is_of(&ret->head.text)
		       ? 0
		       : -ESTALE;
}

/* The line is kept where it outlives the source, and looked at once more. */
static int keep(struct span line, struct lines *storage, struct aad_user *ret)
{
	memmove(storage->buffer, line.p, line.len); /* it may be there already */
	line.p = (unsigned char *)storage->buffer;
	return aadpasswd_parse(line, ret) ? 0 : -EBADMSG;
}

int index_by_name(struct aadindex_source *source, const struct aadindex_head *head,
		  struct span name, struct lines *storage, struct aad_user *ret)
{
	struct aad_user user;
	struct span line;
	int r = aadindex_by_name(source, head, name, &line);

	if (r == 0)
		r = keep(line, storage, &user);
	if (r == 0 && !span_eq(user.name, name))
		r = -EBADMSG;
	if (r == 0)
		*ret = user;
	return r;
}

int index_by_id(struct aadindex_source *source, const struct aadindex_head *head, uint32_t id,
		struct lines *storage, struct aad_user *ret)
{
	struct aad_user user;
	struct span line;
	int r = aadindex_by_id(source, head, id, &line);

	if (r == 0)
		r = keep(line, storage, &user);
	if (r == 0 && user.id != id)
		r = -EBADMSG;
	if (r == 0)
		*ret = user;
	return r;
}
