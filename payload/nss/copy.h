/* SPDX-License-Identifier: MIT */
/*
 * The private copy of index and settings that a process has which asks often: a lookup in it is no
 * system call.  It is checked against the files at most every COPY_CHECK_MS, so for that long it
 * may be behind them; nscd, which keeps answers itself, has none (caller.h).
 *
 * Invariants:
 *  1. Nobody waits: who cannot have the copy at once is told so, and asks the files.
 *  2. The copy is memory of the process alone.  No file is mapped, none stays open.
 *  3. In a child of a threaded process, where readers of the parent are counted who never leave,
 * the copy is abandoned to them when it is to be renewed.
 */
#ifndef PAYLOAD_COPY_H
#define PAYLOAD_COPY_H

#include "payload/module/lines.h"
#include "payload/module/settings.h"

#define COPY_CHECK_MS 100
#define COPY_MAX ((size_t)16 << 20) /* bytes; a larger index is read by pread */
#define COPY_OFTEN 16 /* lookups within COPY_OFTEN_MS: a copy pays */
#define COPY_OFTEN_MS 1000

/*
 * A user, *ret borrows from storage, and the settings, judged for the name ("" for an id).  0,
 * -ENOENT (then *ret_settings is written too), or -EAGAIN: the copy cannot tell, ask the files.
 */
int copy_by_name(const char *lower, struct lines *storage, struct settings *ret_settings,
		 struct aad_user *ret);
int copy_by_id(uint32_t id, struct lines *storage, struct settings *ret_settings,
	       struct aad_user *ret);

/* The settings alone, judged for no name.  False: ask the file. */
bool copy_settings(struct lines *storage, struct settings *ret);

#endif
