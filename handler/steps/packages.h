/* SPDX-License-Identifier: MIT */
#ifndef STEPS_PACKAGES_H
#define STEPS_PACKAGES_H

#include <limits.h>
#include <stdbool.h>

#include "lib/steps/step.h"
#include "lib/sys/pkg.h"

#define PACKAGES_PATH STATE_DIR "/packages" /* those that the extension installed, and whose */

/*
 * Did the extension put packages on this machine, and are they those of Microsoft's product?  The
 * errors of fs_read.
 */
int packages_recorded(struct sys *sys, bool *ret_exists, bool *ret_theirs, struct err *err);

/* Is one of our packages of that name wanted on this machine? */
bool packages_wanted(struct sys *sys, const char *name);

/* A package that the zip carries for this machine. */
struct embedded_package {
	const char *name;
	char version[PKG_VERSION_MAX]; /* with its epoch, as pkg_query says it */
	char file[NAME_MAX]; /* below the extension's folder */
};

/* Those with index 0, 1, ...; false behind the last one, whose *ret is not written. */
bool packages_embedded(const struct machine *m, const struct pkg_manager *manager, size_t index,
		       struct embedded_package *ret);

#endif
