/* SPDX-License-Identifier: MIT */
/*
 * The two package managers that put files on a machine, dpkg and rpm, called directly: no
 * repository of the owner's, nor its state, matters to them.
 *
 * Invariants:
 *  1. Another process's lock is waited for, under a limit of its own, and its holder is named;
 *     nobody's lock is broken and nobody's process is ended.
 *  2. Only the packages that the caller names are touched: what else is half-configured is left to
 *     its owner, unless it is our own broken-off run that left it so.
 */
#ifndef SYS_PKG_H
#define SYS_PKG_H

#include <stdbool.h>

#include "lib/core/buf.h"
#include "lib/sys/sys.h"

#define PKG_VERSION_MAX 64
#define PKG_LOCK_WAIT_MS 300000 /* at most; the deadline of struct sys shortens it */

enum pkg_state {
	PKG_ABSENT,
	PKG_LEFT_OVER, /* removed, but the package manager still keeps some of it */
	PKG_BROKEN, /* its installation or removal was broken off */
	PKG_INSTALLED,
};

struct pkg_status {
	enum pkg_state state;
	bool is_halfway; /* broken among its files: the package manager may not know all of them */
	char version[PKG_VERSION_MAX]; /* EPOCH:VERSION, an epoch of 0 may be left out; "" when
					  absent */
};

struct pkg_manager;

/* What this machine keeps its packages with, NULL when it is neither. */
const struct pkg_manager *pkg_detect(struct sys *sys);

/* "deb" or "rpm": the suffix of its packages. */
const char *pkg_type(const struct pkg_manager *manager);

/*
 * -EIO when the package manager cannot say, -ETIMEDOUT when it does not in time, with outcome
 * EXIT_PACKAGE: it fails, whoever asks.
 */
int pkg_query(struct sys *sys, const struct pkg_manager *manager, const char *name,
	      struct pkg_status *ret, struct err *err);

/*
 * Are the files of an installed package as they were packed, root's to write and everybody's to
 * read, or to run?  Documentation does not count: images are built without it.  ret_modified gets
 * the path of one that is not, or stays empty.  -EIO.
 */
int pkg_verify(struct sys *sys, const struct pkg_manager *manager, const char *name,
	       struct buf *ret_modified, struct err *err);

/*
 * Install package files (absolute paths), all at once, over whatever version and state there
 * is, or remove packages with all that they keep; what is not there is removed already.  Both lists
 * end with NULL.  Output goes to log_fd, which may be -1.  -EBUSY with outcome EXIT_LOCK when
 * somebody holds the lock for too long; -ENOPKG with outcome EXIT_DEPENDENCY when packages that
 * these need are missing, -EACCES with the same when scripts of packages may not run; -EIO; it and
 * -ENOPKG with the package manager's own words; the errors of proc_run.
 */
int pkg_install(struct sys *sys, const struct pkg_manager *manager, const char *const *files,
		int log_fd, struct err *err);
int pkg_remove(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       int log_fd, struct err *err);

/*
 * The commands of these two, for a plan: of pkg_install, and of pkg_remove for the packages that
 * are there; without words when there are none.  -E2BIG, and the errors of pkg_query.
 */
#define PKG_ARGV_MAX 16
int pkg_install_command(const struct pkg_manager *manager, const char *const *files,
			const char *ret[PKG_ARGV_MAX], struct err *err);
int pkg_remove_command(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
		       const char *ret[PKG_ARGV_MAX], struct err *err);

/* The paths of an installed package, a line each, directories too.  -EIO; the errors of proc_run.
 */
int pkg_list(struct sys *sys, const struct pkg_manager *manager, const char *name, struct buf *ret,
	     struct err *err);

/*
 * The packages that were not finished, ours or not, a name a line; of rpm, which has no such state,
 * none.  A run that is killed leaves others so too, when it was just telling them of our files.
 * -EIO, and the errors of proc_run.
 */
bool pkg_knows_unfinished(const struct pkg_manager *manager);
int pkg_unfinished(struct sys *sys, const struct pkg_manager *manager, struct buf *ret,
		   struct err *err);

/*
 * Remove what the package manager left beside the files of these installed packages when it was
 * killed as it put them there: of rpm "NAME;0123abcd"; dpkg takes its own away.  Names end with
 * NULL.  -EIO, and the errors of proc_run, fs_list and fs_remove.
 */
int pkg_sweep(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	      struct err *err);

/* Finish these.  Errors as of pkg_install. */
int pkg_finish(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       int log_fd, struct err *err);

/*
 * Install and remove for another product's packages, whose own scripts can fail or hang: when it
 * was not done within PKG_SCRIPTS_MS, once more without the scripts that `names` have for their
 * going.  dpkg's are moved aside, beside where they were, and come back after a failure; pkg_forget
 * takes away what a killed run left of them.  Errors as above, of the last try.
 */
#define PKG_SCRIPTS_MS 90000
int pkg_install_over(struct sys *sys, const struct pkg_manager *manager, const char *const *files,
		     const char *const *names, int log_fd, struct err *err);
int pkg_remove_anyway(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
		      int log_fd, struct err *err);

/* Remove them without these scripts from the beginning. */
int pkg_remove_bare_command(const struct pkg_manager *manager, const char *const *names,
			    const char *ret[PKG_ARGV_MAX], struct err *err);
int pkg_remove_bare(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
		    int log_fd, struct err *err);

/* Put back those that a killed run moved aside, of packages that are installed as before. */
int pkg_recall(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       struct err *err);

/* Remove scripts that were moved aside, of packages that are not installed with them any more. */
int pkg_forget(struct sys *sys, const struct pkg_manager *manager, const char *const *names,
	       struct err *err);

#endif
