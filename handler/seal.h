/* SPDX-License-Identifier: MIT */
/*
 * STATE_DIR/seal: what the last look at everything saw, when all was as it shall be.  While each
 * path looks as it did then, enable has nothing to do.  It is a file of its own, in lines, because
 * it is read at every change of any extension of the machine.
 *
 * Invariants:
 *  1. Whoever may change something breaks the seal first; it is made again at the end of a run that
 *     found all in force and changed nothing.
 *  2. It holds for one version, one text of the settings and one boot, and for a time where
 *     something was looked at that can change unseen.  What is not as it was written is no seal.
 *  3. While it holds, what the steps had to say when it was made holds, too.
 */
#ifndef HANDLER_SEAL_H
#define HANDLER_SEAL_H

#include <limits.h>

#include "handler/settings.h"
#include "lib/core/guid.h"
#include "lib/steps/run.h"
#include "lib/sys/fs.h"

#define SEAL_PATH STATE_DIR "/seal"
#define SEAL_MAX ((size_t)1 << 20) /* bytes that are still read */
#define SEAL_PATHS_MAX 1024
#define SEAL_TOLD 2

/* What it holds for. */
struct seal {
	const char *version;
	const char *settings_hash;
	char boot_id[GUID_SIZE]; /* "": not known, nothing holds */
	/* Files that tell others of it, and that need not be read while they are as we wrote them.
	 */
	const char *told[SEAL_TOLD];
	/*
	 * For making it: something was seen that no path tells of, and what was told of it is right
	 * for a while only.  Then it holds until this time (CLOCK_BOOTTIME), and only while those
	 * are told.  0: as long as nothing changes.
	 */
	int64_t until_ns;
	/* For making it: what the steps had to say. */
	const struct step_result *results;
	size_t count;
};

/* A note of a step, as the seal keeps it. */
struct said {
	struct span step;
	struct span note; /* empty: the step has none */
	enum gravity gravity; /* of all notes of the step */
};

/* This boot's seal, with nobody to tell of it, for as long as nothing changes. */
struct seal seal_of(struct sys *sys, const char *version, const char *settings_hash);

/*
 * Write it, into STATE_DIR, which must be there.  What says nothing is left out: /proc and /sys
 * have no times worth the name, and STATE_DIR itself changes with each file that is written there.
 * -EINVAL when nothing may be concluded from the witness, or a path cannot be written down.
 */
int seal_make(struct sys *sys, const struct seal *seal, const struct witness *witness,
	      struct err *err);

/*
 * Is there a seal for this, and does each path look as it did?  Looks at each path once.
 * When it holds:
 * ret_told  those of seal->told are all in it, and look as they did
 * ret_said  what the steps had to say, for seal_next_said; memory: see buf_ok
 */
bool seal_holds(struct sys *sys, const struct seal *seal, bool *ret_told, struct buf *ret_said);

/*
 * The next note of a step, and of a step without one once an empty note.  Those of one step stand
 * together.  False at the end.
 */
bool seal_next_said(struct span *rest, struct said *ret);

/* Is there one for this at all: was everything as it shall be, with these settings, since the boot?
 */
bool seal_made_for(struct sys *sys, const struct seal *seal);

/*
 * One line about one path.  What is taken is written and taken again as the same.
 * ret  its path is the one given
 */
bool seal_take_line(struct span line, char path[PATH_MAX], struct sighting *ret);
void seal_add_line(const struct sighting *seen, struct buf *text);

/* Remove it; 0 when there is none, and the errors of fs_remove. */
int seal_break(struct sys *sys, struct err *err);

#endif
