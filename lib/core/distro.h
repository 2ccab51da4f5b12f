/* SPDX-License-Identifier: MIT */
/*
 * What the table of distributions (manifest/distros.yaml, which explains itself) says of a
 * system, from its os-release alone.  Whether the machine can really do it is for the platform step
 * to find out.
 */
#ifndef CORE_DISTRO_H
#define CORE_DISTRO_H

#include "lib/core/err.h"
#include "lib/core/osrelease.h"
#include "lib/core/yaml.h"

enum support { SUPPORT_NO, SUPPORT_YES, SUPPORT_BY_CAPABILITY };

struct platform {
	char id[OSRELEASE_WORD_MAX];
	char version[OSRELEASE_WORD_MAX]; /* "" for rolling distributions */
	/* Each "" when the table cannot tell. */
	char package_manager[16]; /* apt, dnf, yum, zypper or tdnf */
	char package_type[8]; /* deb or rpm */
	char ssh_service[32];
	enum support supported;
	char reason[256]; /* one clause, never empty */
};

/*
 * table is the root of the parsed file.  The whole table is checked each time: -EINVAL, with its
 * line and column, for an unknown key or a value that its key does not allow.
 */
int distro_decide(const struct yaml_node *table, const struct osrelease *os, struct platform *ret,
		  struct err *err);

/*
 * Where the closed product's own packages may be: below the repository of the machine's cloud, to
 * be tried in this order, since only a repository itself says whether it is there.
 */
#define DISTRO_PLACES_MAX 4
#define DISTRO_PATH_MAX 256

struct distro_places {
	char paths[DISTRO_PLACES_MAX]
		  [DISTRO_PATH_MAX]; /* "/repos/microsoft-debian-bookworm-prod" */
	size_t count;
	char suite[OSRELEASE_WORD_MAX]; /* of deb repositories, whose component is main; "" for rpm
					 */
};

/*
 * The places for a system and an architecture ("x86_64", "aarch64").  -ENODATA when the table knows
 * none, as for every system that only is like one of the table; with a remedy and the outcome
 * EXIT_SETTINGS.  -EINVAL as distro_decide.
 */
int distro_microsoft(const struct yaml_node *table, const struct osrelease *os, const char *arch,
		     struct distro_places *ret, struct err *err);

/* "no", "yes", "by-capability" */
const char *support_name(enum support support);

#endif
