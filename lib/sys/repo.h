/* SPDX-License-Identifier: MIT */
/*
 * One repository of packages, read by the machine's own apt, dnf, yum, zypper or tdnf apart from
 * all else that these know.  They read the signed metadata and download what is asked for; dpkg or
 * rpm then install it (pkg.h): one way for a package onto the machine, wherever it comes from.
 *
 * Invariants:
 *  1. What a package manager is told and what it keeps is below REPO_DIR: no repository, pin, key,
 *     plugin or setting of the owner's is read, no list, cache, mark or history of theirs is
 *     written, and removing REPO_DIR takes all of it off.
 *  2. The metadata must be signed by repo.key, a package's digest must be in it; where the tool
 *     cannot check metadata, the package itself must be signed by that key.  The key counts for
 *     nothing else, and never gets into the database of rpm.
 *  3. Password and token are in files of root's alone: never in an argument, the environment or an
 *     output.
 */
#ifndef SYS_REPO_H
#define SYS_REPO_H

#include "lib/core/buf.h"
#include "lib/core/repoconf.h"
#include "lib/sys/sys.h"

#define REPO_PACKAGES_MAX 8 /* at once */

struct repo_manager;

/*
 * What reads repositories here: the one of that name ("apt", "dnf", "yum", "zypper", "tdnf"), as
 * the table of distributions says, if it is installed; otherwise the first of these that is
 * installed and fits pkg_detect.  name may be "" or NULL.  NULL when there is none.
 */
const struct repo_manager *repo_detect(struct sys *sys, const char *name);
const char *repo_manager_name(const struct repo_manager *manager);

/* "deb" or "rpm" */
const char *repo_manager_type(const struct repo_manager *manager);

/* What people type to have sshd, of the owner's own repositories. */
const char *repo_sshd_command(const struct repo_manager *manager);

/* clang-format off */
/*
 * Errors of all that follow, with the tool's own words:
 *   -EINVAL        EXIT_SETTINGS    the description cannot be told (repoconf_check), or it has no key
 *   -EHOSTUNREACH  EXIT_REPOSITORY  a name is not resolved
 *   -ECONNREFUSED  EXIT_REPOSITORY  no connection to the server or the proxy
 *   -EPROTO        EXIT_REPOSITORY  TLS: the certificate is not trusted, has another name, is out of date
 *   -EACCES        EXIT_REPOSITORY  401, 403, 407
 *   -EREMOTEIO     EXIT_REPOSITORY  404, and whatever else went wrong with what the server sends
 *   -EKEYREJECTED  EXIT_REPOSITORY  not signed, or not by that key, or not what was signed
 *   -ENODATA       EXIT_REPOSITORY  the package, or that version, is not there
 *   -ENOPKG        EXIT_DEPENDENCY  packages that this one needs are missing on the machine
 *   -ENOSYS        EXIT_DEPENDENCY  the tool lacks something of its own that it needs for this
 *   -EBUSY         EXIT_LOCK        somebody holds a lock for too long
 *   -EIO           EXIT_PACKAGE     any other failure
 * -E2BIG (more than REPO_PACKAGES_MAX, or none); -ETIMEDOUT and the other errors of proc_run; those
 * of fs_replace.  How far a tool tells the causes apart is its own affair: what it does not tell is
 * -EREMOTEIO.  Output of programs goes to log_fd, which may be -1.
 */
/* clang-format on */

/* Write all that manager must be told, in place of what was there.  Asks nobody. */
int repo_add(struct sys *sys, const struct repo_manager *manager, const struct repo *repo,
	     struct err *err);

/* Download the metadata and check its signature; what an earlier call downloaded is forgotten. */
int repo_refresh(struct sys *sys, const struct repo_manager *manager, int log_fd, struct err *err);

/*
 * The versions of a package that the repository offers for this machine, a line each, as pkg_query
 * tells them (rpm: EPOCH:VERSION, without the release), newest first and each once; empty: none.
 */
int repo_versions(struct sys *sys, const struct repo_manager *manager, const char *name,
		  struct buf *ret, struct err *err);

struct repo_package {
	const char *name;
	const char *version; /* as repo_versions tells it; NULL: the newest */
};

/*
 * Download packages (at most REPO_PACKAGES_MAX) and install them all at once, over whatever version
 * is there, higher ones too.
 */
int repo_install(struct sys *sys, const struct repo_manager *manager,
		 const struct repo_package *packages, size_t count, int log_fd, struct err *err);

/*
 * The programs that repo_refresh and repo_install would run to read metadata, to download and to
 * install, for a plan; what a file will be called is the repository's choice, so that it is a
 * pattern there, and env stands for what a tool has in its environment.  -E2BIG, and what tell returns.
 */
typedef int repo_teller(const char *const *argv, void *arg, struct err *err);
int repo_tell_refresh(const struct repo_manager *manager, repo_teller *tell, void *arg,
		      struct err *err);
int repo_tell_install(struct sys *sys, const struct repo_manager *manager,
		      const struct repo_package *packages, size_t count, repo_teller *tell,
		      void *arg, struct err *err);

/* Nothing that repo_add and what came after it left stays.  Nothing there already is success. */
int repo_take_off(struct sys *sys, struct err *err);

#endif
