/* SPDX-License-Identifier: MIT */
#ifndef STEPS_PACKAGES_H
#define STEPS_PACKAGES_H

#include <stdbool.h>

#include "lib/steps/step.h"

#define PACKAGES_PATH STATE_DIR "/packages" /* those that the extension installed, and whose */

/*
 * Did the extension put packages on this machine, and are they those of Microsoft's product?  The
 * errors of fs_read.
 */
int packages_recorded(struct sys *sys, bool *ret_exists, bool *ret_theirs, struct err *err);

/*
 * Did the extension install the package aadsshlogin of Microsoft's product?  What somebody else
 * installed is his, and so is what it wrote.  The errors of fs_read.
 */
int packages_put_theirs(struct sys *sys, bool *ret, struct err *err);

#endif
