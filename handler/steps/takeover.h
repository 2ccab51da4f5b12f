/* SPDX-License-Identifier: MIT */
/*
 * Taking over from another product for the same sign-in, whose packages are about to go or to be
 * replaced by ours of the same name.  Before a package manager runs its door is shut, and ours is
 * opened by the steps behind: in between Entra users are refused, and local ones get in.
 *
 * Invariants:
 *  1. sshd asks its program no more before its lines leave PAM, since PAM asks for the role, and
 *     its rule for sudo goes before these lines too.
 *  2. None of its lines of PAM is left when its module is replaced or gone: with `default=die` it
 *     would lock local users out.
 *  3. What is edited is kept in TAKEOVER_DIR first, and comes back only while its packages are
 *     installed as they were, in the opposite order.
 *  4. Killed at any instruction, the next run goes on: TAKEOVER_DIR says that it was begun.
 */
#ifndef HANDLER_STEPS_TAKEOVER_H
#define HANDLER_STEPS_TAKEOVER_H

#include "lib/steps/step.h"
#include "lib/sys/pkg.h"

#define TAKEOVER_DIR STATE_DIR "/takeover"
#define TAKEOVER_PRODUCTS 4

/* A package of another product's that is there. */
struct foreign_package {
	const char *name;
	struct pkg_status status;
	bool replaced; /* by ours of the same name; otherwise it is removed */
};

struct foreign_packages {
	struct foreign_package list[TAKEOVER_PRODUCTS];
	size_t count;
};

/* Those that are there: aadlogin's, and with `closed` what has our names but not our epoch.  -EIO.
 */
int takeover_find(struct sys *sys, const struct pkg_manager *manager, bool closed,
		  struct foreign_packages *ret, struct err *err);

/* "aadlogin 1.0.14, aadlogin-selinux 1.0.14": those with this value of `replaced`.  -ENOMEM. */
int takeover_name(const struct foreign_packages *packages, bool replaced, struct buf *ret,
		  struct err *err);

/*
 * May its files be taken away?  -EEXIST when the owner put something of local people's into its
 * rule for sudo or its group, with the remedy; those of pamfile_foreign.
 */
int takeover_check(struct machine *m, struct err *err);

/* Was it begun, and not finished yet? */
bool takeover_begun(struct machine *m);

/*
 * Shut its door, see above: for names with an `@` sshd takes no key, then its rule and its lines of
 * PAM go.  The errors of the files' and of sshd's, with their remedies.
 */
int takeover_shut(struct machine *m, struct err *err);

/*
 * Open it again, when its packages are still there; otherwise everything stays as it is.  What the
 * owner changed meanwhile stays: its lines come back into the files as they are then.  -ESTALE when
 * these have changed around its lines, or are gone: sshd stays shut.
 */
int takeover_reopen(struct machine *m, struct err *err);

/* Once its packages are gone: its group goes, and what was kept. */
int takeover_finish(struct machine *m, struct err *err);

/*
 * When ours shall not be there either: reopen, or the machine is left without either product.
 * -EBUSY when one of its packages, other than a policy's, is there and cannot be opened again, as
 * one that is half installed: then it stays shut.
 */
int takeover_give_up(struct machine *m, struct err *err);

#endif
