/* SPDX-License-Identifier: MIT */
/*
 * Which packages must be installed on this machine, from which files, and why.  Changes nothing.
 */
#ifndef STEPS_SELECTION_H
#define STEPS_SELECTION_H

#include <limits.h>
#include <stdbool.h>

#include "handler/settings.h"
#include "lib/core/buf.h"
#include "lib/steps/step.h"
#include "lib/sys/pkg.h"

#define PACKAGES 2

struct package {
	const char *name;
	const char *deb_arch, *rpm_arch;
	const char *user; /* that its script makes in /etc/passwd, NULL: none */
	bool (*is_wanted)(struct sys *sys);
};

/* All that there are: ours, and Microsoft's of the same names. */
extern const struct package package_table[PACKAGES];

/* Is one of our packages of that name wanted on this machine? */
bool selection_wants(struct sys *sys, const char *name);

/* Where the settings want packages from; and are these those of Microsoft's product? */
enum package_source selection_source(const struct machine *m);
bool selection_theirs(const struct machine *m);

/* What must be installed now, from which files, and why. */
struct choice {
	const struct package *package;
	char file[NAME_MAX]; /* below the extension's folder */
	bool absent; /* it is not there in any version */
	bool foreign; /* the closed product's is there */
};

struct selection {
	struct choice list[PACKAGES];
	size_t count;
	struct buf why; /* "install aadsshlogin 1:1.0.0.0, ..." */
};

#define AUTO_SELECTION __attribute__((cleanup(selection_done))) struct selection

void selection_done(struct selection *selection);

/*
 * Fill *ret, which is empty, with what is missing, half installed, of another version or damaged.
 * switching: what is there of another source will be gone by then.  Errors of pkg_query, pkg_verify
 * and those of lookup.h; -ENOMEM.
 */
int selection_make(struct machine *m, const struct pkg_manager *manager, bool switching,
		   struct selection *ret, struct err *err);

/* A package that the zip carries for this machine. */
struct embedded_package {
	const char *name;
	char version[PKG_VERSION_MAX]; /* with its epoch, as pkg_query says it */
	char file[NAME_MAX]; /* below the extension's folder */
};

/* Those with index 0, 1, ...; false behind the last one, whose *ret is not written. */
bool selection_embedded(const struct machine *m, const struct pkg_manager *manager, size_t index,
			struct embedded_package *ret);

#endif
