/* SPDX-License-Identifier: MIT */
/*
 * Is all that the zip brought still as it was packed: the extension's folder by SHA256SUMS, and the
 * files of the installed packages by the package manager's record and by the packages of the zip,
 * so that a record that was tampered with does not help?
 */
#ifndef HANDLER_INVENTORY_H
#define HANDLER_INVENTORY_H

#include "handler/packed.h"
#include "handler/sums.h"
#include "lib/steps/step.h"
#include "lib/sys/pkg.h"

#define INVENTORY_PARTS_MAX 4
#define INVENTORY_FILES_MAX 4096 /* below the folder, that are looked at */

/* One thing that is not as it should be. */
struct finding {
	char *path;
	char *what; /* a clause: "is missing" */
};

/* The folder, or a package. */
struct part {
	const char *name;
	char version[PKG_VERSION_MAX]; /* that is there, "" when none is */
	size_t files; /* that were compared with what was packed */
	struct finding *findings;
	size_t count;
	char remedy[ERR_REMEDY_MAX];
};

struct inventory {
	char sums[SUM_HEX_SIZE]; /* hash of SHA256SUMS itself, to compare with the release's */
	struct part parts[INVENTORY_PARTS_MAX]; /* the folder first */
	size_t count;
};

void inventory_done(struct inventory *inventory);
#define AUTO_INVENTORY __attribute__((cleanup(inventory_done))) struct inventory

/*
 * Compare.  What differs is a finding, not an error.  A package of another source than the zip
 * (packageSource) is compared with the package manager's record alone.  -ENOMEM, and the errors of
 * the package manager.
 */
int inventory_take(struct machine *m, struct inventory *ret, struct err *err);

/* Only the folder: parts[0].  -ENOMEM. */
int inventory_take_folder(struct machine *m, struct inventory *ret, struct err *err);

/* All findings together. */
size_t inventory_findings(const struct inventory *inventory);

#endif
