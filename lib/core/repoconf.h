/* SPDX-License-Identifier: MIT */
/* What a repository of packages is, and what each package manager must be told to use it.  Pure. */
#ifndef CORE_REPOCONF_H
#define CORE_REPOCONF_H

#include "lib/core/buf.h"

#define REPO_ID "aadsshlogin"
#define REPO_DIR "/var/cache/aadsshlogin-repository" /* all that a repository puts on a machine */
#define REPO_TOKEN_USER "token" /* the user name of a token that comes without one */

/* All borrowed; NULL or empty: none. */
struct repo {
	const char *url; /* https; the folder that has dists/ or Release, or repodata/ */
	const char *suite; /* deb: as "bookworm"; none: a flat repository */
	const char *component; /* deb, with a suite: as "main" */
	struct span key; /* OpenPGP public keys, armored or binary: they sign the metadata */
	const char *proxy; /* http://[USER:PASSWORD@]HOST[:PORT], both with %XX for what a URL
			      cannot have */
	const char *no_proxy; /* hosts, as curl takes them */
	const char *token; /* USER:PASSWORD, or a secret that goes with REPO_TOKEN_USER */
};

/*
 * Can this be told to package managers?  All text is of visible ASCII without blanks, quotes,
 * backslashes and semicolons; the token also without '#', its user name not empty; url is https
 * with a host and without user information; proxy http or https with a host. -EINVAL, which names
 * the field; never a password or the token.
 */
int repoconf_check(const struct repo *repo, struct err *err);

/*
 * The user name and the password that a token stands for (HTTP basic, the one way that all package
 * managers know), as "USER:PASSWORD".
 */
void repoconf_login(const struct repo *repo, struct buf *ret);

/* What url is reached through: repo->proxy, or "" when there is none, or none for this host. */
const char *repoconf_proxy(const struct repo *repo);

/*
 * Text of files below REPO_DIR.  *repo has passed repoconf_check.  A file that gets no text is not
 * written; each may hold a secret.
 */
void repoconf_apt(const struct repo *repo, struct buf *ret); /* apt.conf */
void repoconf_apt_sources(const struct repo *repo, struct buf *ret);
void repoconf_apt_login(const struct repo *repo, struct buf *ret); /* auth.conf */
void repoconf_dnf(const struct repo *repo, struct buf *ret); /* dnf.conf, yum.conf */
void repoconf_dnf_repo(const struct repo *repo, struct buf *ret); /* .repo of dnf and yum */
void repoconf_tdnf(const struct repo *repo, struct buf *ret); /* tdnf.conf; the .repo is dnf's */
void repoconf_zypper_repo(const struct repo *repo, struct buf *ret);
void repoconf_zypper_login(const struct repo *repo, struct buf *ret); /* credentials.d/REPO_ID */

#endif
