/* SPDX-License-Identifier: MIT */
/*
 * /etc/nsswitch.conf where authselect makes it: a link to /etc/authselect/nsswitch.conf, which is
 * generated from the profile that is selected and from the owner's user-nsswitch.conf.
 *
 * A machine without changes that authselect does not know gets the profile custom/aadsshlogin: the
 * one that was selected, by links, but for its nsswitch.conf, which names us; and it is selected
 * with the same features.  When the profile below changes, or the owner selects another, ours is
 * made anew. Lines that come from user-nsswitch.conf are edited there.  Otherwise, as without
 * authselect's program, the generated file itself is edited, and a note says what `authselect
 * check` makes of it.
 *
 * Invariants:
 *  1. authselect writes only while `authselect check` finds nothing, since from release 1.3 on it
 *     overwrites local changes unasked.  Otherwise our word and the profile's name are edited by
 * hand.
 *  2. Before authselect writes, its files are kept in STATE_DIR "/authselect"; the profile's name
 * is written there last, and until it is removed again the profile custom/aadsshlogin is ours.
 *  3. At the end authselect's files have their bytes of before, times in them too, unless they
 *     differ by more than our word and a time.
 */
#ifndef STEPS_AUTHSELECT_H
#define STEPS_AUTHSELECT_H

#include "lib/steps/step.h"

#define AUTHSELECT_NSSWITCH_PATH "/etc/authselect/nsswitch.conf" /* what the link leads to */

/*
 * Where a link leads that authselect makes, as to /etc/authselect/system-auth; NULL when path is no
 * such link.  Static.
 */
const char *authselect_target(struct machine *m, const char *path);

/* Is /etc/nsswitch.conf the link to authselect's file? */
bool authselect_owns(struct machine *m);

/*
 * The changes by which its passwd and group lines name us, or do not any more.  The errors of
 * nsswitch_add and changes_edit; -ENOENT when the link points nowhere
 * and we are wanted.
 */
int authselect_plan(struct machine *m, enum want want, struct changes *ret, struct err *err);

/* What we left with an authselect that has nothing to say any more, as after `authselect opt-out`.
 */
int authselect_plan_forget(struct machine *m, struct changes *ret, struct err *err);

#endif
