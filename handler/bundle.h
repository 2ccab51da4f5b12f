/* SPDX-License-Identifier: MIT */
/*
 * The texts of a support archive, and the index of them.
 *
 * MUST: nothing gets into it, name, reason or text, that did not pass redact.h.
 */
#ifndef HANDLER_BUNDLE_H
#define HANDLER_BUNDLE_H

#include "handler/tarball.h"
#include "lib/core/redact.h"

#define BUNDLE_TOP "aadssh-collect" /* the folder that the archive unpacks to */
#define BUNDLE_FILES_MAX 128
#define BUNDLE_NOTE_SIZE 96

struct bundle {
	struct redact redact;
	struct tarball_file files[BUNDLE_FILES_MAX]; /* the index first */
	struct bundle_piece {
		const char *why;
		char note[BUNDLE_NOTE_SIZE]; /* "" or what else there is to say */
	} pieces[BUNDLE_FILES_MAX];
	size_t count;
	struct buf left_out; /* a line each */
	struct buf absent; /* names */
};

#define BUNDLE_INIT                                                                                \
	{                                                                                          \
		.count = 1                                                                         \
	}

/* Keep a text, which is empty afterwards.  why: borrowed.  One too many is left out. */
void bundle_keep(struct bundle *bundle, const char *name, const char *why, struct buf *text,
		 const char *note);

/* Tell that a file is not there, and why. */
void bundle_leave_out(struct bundle *bundle, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same of what failed: ENOENT is a file that this machine has not. */
void bundle_miss(struct bundle *bundle, const char *name, const struct err *err);

/* Add how much was replaced: "token 2, name 17" */
void bundle_counts(const struct bundle *bundle, struct buf *ret);

/* Make the index and pack all of it, see tarball_pack.  version: of who made it.  -ENOMEM. */
int bundle_pack(struct bundle *bundle, const char *version, int64_t time_s, struct buf *ret,
		struct err *err);

void bundle_done(struct bundle *bundle);

#endif
