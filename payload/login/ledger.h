/* SPDX-License-Identifier: MIT */
/*
 * Who has which name on this machine: the users that are set up (/etc/aadpasswd), and the ledger
 * of all that ever were and whose home may still be there, in the same form.  The ledger outlives
 * an uninstall, so that nobody gets a namesake's home.
 *
 * Both files are written under one lock, the ledger first: a crash in between leaves a user
 * remembered who is not set up, which the next login completes.
 */
#ifndef LOGIN_LEDGER_H
#define LOGIN_LEDGER_H

#include "lib/core/aadpasswd.h"
#include "lib/core/buf.h"
#include "lib/sys/sys.h"

struct ledger {
	struct buf users; /* the text of /etc/aadpasswd */
	struct buf remembered; /* the text of the ledger */
	int lock; /* holds it while it is 0 or more */
};

#define LEDGER_INIT                                                                                \
	{                                                                                          \
		.lock = -1                                                                         \
	}
#define AUTO_LEDGER __attribute__((cleanup(ledger_done))) struct ledger

/* Read both; absent files are empty.  -EPERM: not root's alone to write; -EMSGSIZE. */
int ledger_read(struct sys *sys, struct ledger *ret, struct err *err);

/* Read no more than says who has this name (lower-case).  As ledger_read; -ENOMEM. */
int ledger_look(struct sys *sys, const char *name, struct ledger *ret, struct err *err);

/* Take the lock, then read both.  Further: -EBUSY. */
int ledger_open(struct sys *sys, struct ledger *ret, struct err *err);

enum ledger_standing {
	LEDGER_UNKNOWN,
	LEDGER_REMEMBERED, /* was set up once */
	LEDGER_PRESENT, /* is set up */
};

/* Who has this name (lower-case)?  *ret borrows, and is written unless the name is unknown. */
enum ledger_standing ledger_find(const struct ledger *ledger, const char *name,
				 struct aad_user *ret);

/*
 * Whom would a login of this oid as name (lower-case, not set up) rename?  The line of the oid
 * under another name: of who is set up; or, when nobody has or had the name, of who is remembered.
 * A name that has a line itself stays as it is, but for a rename that was cut off after the ledger
 * was written: there both lines have one uid.  *ret borrows, and is written when it is true.
 */
bool ledger_find_former(const struct ledger *ledger, const char *name, const char *oid,
			struct aad_user *ret);

/*
 * Remember the user, or set the user up, in place of a line with the same name.  Only with the
 * lock. -EINVAL: no line can be made; -ENOMEM, or a failure of writing.  *user may borrow from the
 * ledger; what was borrowed before is gone after.
 */
int ledger_remember(struct sys *sys, struct ledger *ledger, const struct aad_user *user,
		    struct err *err);
int ledger_set_up(struct sys *sys, struct ledger *ledger, const struct aad_user *user,
		  struct err *err);

/*
 * Put the user in the place of the former name's lines: of what is remembered, and of who is set
 * up.  former is lower-case, user's name another one.  Errors as above.  A name that is nobody's
 * from then on, here or in ledger_take_away, leaves the time in NAMES_FREED_PATH: see
 * uidpick_check_freed.
 */
int ledger_rename(struct sys *sys, struct ledger *ledger, const char *former,
		  const struct aad_user *user, struct err *err);

/* The opposite of each; a name that is not there is success. */
int ledger_take_away(struct sys *sys, struct ledger *ledger, const char *name, struct err *err);
int ledger_forget(struct sys *sys, struct ledger *ledger, const char *name, struct err *err);

void ledger_done(struct ledger *ledger);

#endif
