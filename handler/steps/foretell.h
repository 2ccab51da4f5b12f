/* SPDX-License-Identifier: MIT */
/* Which files would come, change and go with packages, before a package manager is asked to. */
#ifndef STEPS_FORETELL_H
#define STEPS_FORETELL_H

#include "lib/steps/step.h"
#include "lib/sys/pkg.h"

/*
 * Tell of the change that was added last what installing a package file would do: what is packed is
 * compared with what is there.  Directories are left out.
 * name, path  of the package, and of its file
 * The errors of opening it, packed_read and pkg_list.
 */
int foretell_installing(struct machine *m, const struct pkg_manager *manager, const char *name,
			const char *path, struct changes *ret, struct err *err);

/* ... and what removing it would. */
int foretell_removing(struct machine *m, const struct pkg_manager *manager, const char *name,
		      struct changes *ret, struct err *err);

#endif
