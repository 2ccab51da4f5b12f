/* SPDX-License-Identifier: MIT */
/* Making and unmaking one change, for the runner. */
#ifndef STEPS_CHANGES_H
#define STEPS_CHANGES_H

#include "lib/steps/step.h"

#define ORIGINAL_DIR STATE_DIR "/original"

/* Where the first bytes of an edited file are kept: /etc/a as ORIGINAL_DIR "/%2Fetc%2Fa". */
int changes_original_path(const char *path, struct buf *ret, struct err *err);

/*
 * Make the change.  keep: the bytes that a file of the owner's had before our first edit go to
 * ORIGINAL_DIR, for diagnosis.
 */
int change_make(struct machine *m, const struct change *change, bool keep, struct err *err);

/* Put back what was before.  CHANGE_CALL: see changes_call. */
int change_undo(struct machine *m, const struct change *change, struct err *err);

#endif
