/* SPDX-License-Identifier: MIT */
/*
 * The repository that packages come from, when they do not come from the zip: which one it is, by
 * the settings, the distribution and the cloud, and the way from there onto the machine.
 *
 * MUST:
 *  1. Nothing is installed, and nothing of another source is removed, before the repository was
 *     reached and its signed metadata offers what is wanted.
 *  2. Nothing that a repository put on the machine outlives the run that put it there.
 */
#ifndef STEPS_SUPPLY_H
#define STEPS_SUPPLY_H

#include "lib/steps/step.h"
#include "lib/sys/repo.h"

/*
 * Where it is, for a plan: "https://packages.microsoft.com", or repositoryUrl.  "" when that is not
 * known yet.  Borrows from the machine.
 */
const char *supply_url(const struct machine *m);

/*
 * Ask for metadata and key, tell the package manager of the repository, let it read the metadata,
 * and see that it offers the packages.  Errors of repoprobe.h, repo_add, repo_refresh and
 * repo_versions; -ENODATA with EXIT_REPOSITORY when a package, or its version, is not offered, and
 * with EXIT_SETTINGS when no repository is known for this distribution; -ENOPKG with
 * EXIT_DEPENDENCY when the machine has no program that reads repositories.
 */
int supply_reach(struct machine *m, const struct repo_package *wanted, size_t count,
		 struct err *err);

/* Install what supply_reach saw.  Errors of repo_install. */
int supply_install(struct machine *m, const struct repo_package *wanted, size_t count,
		   struct err *err);

/*
 * Tell of the change that was added last what supply_reach and supply_install would run.  -ENOPKG
 * and the others of supply_reach that need no network; -ENOMEM.
 */
int supply_tell_reach(struct machine *m, struct changes *ret, struct err *err);
int supply_tell_install(struct machine *m, const struct repo_package *wanted, size_t count,
			struct changes *ret, struct err *err);

/* Is something of a repository on the machine that this run did not put there? */
bool supply_is_left(struct machine *m);

/* Take it off. */
int supply_leave(struct machine *m, struct err *err);

#endif
