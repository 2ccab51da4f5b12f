/* SPDX-License-Identifier: MIT */
/*
 * What the role backend said of one account, for both actions.  The same text travels from the
 * unprivileged child and lies in /run for the next question; either way it is parsed strictly:
 *
 *	aadsshlogin-decision 2
 *	boottime <CLOCK_BOOTTIME of the question, nanoseconds>
 *	life <milliseconds from then that it serves, at most DECISION_LIFE_MS>
 *	login granted|denied|missing TAB <assignment id> TAB <scope>
 *	admin granted|denied|missing TAB <assignment id> TAB <scope>
 *	end
 *
 * On disk a line stands before it that says who was asked about what: a decision of another
 * service, or about another resource, is none.
 *
 *	source <backend> <URL of its service> <resource id>
 */
#ifndef LOGIN_DECISION_H
#define LOGIN_DECISION_H

#include "lib/core/buf.h"
#include "lib/core/conf.h"
#include "lib/core/guid.h"
#include "lib/core/roles.h"
#include "lib/sys/sys.h"

#define DECISION_MAX ((size_t)16 << 10)
#define DECISION_LIFE_MS 60000

enum verdict_kind {
	VERDICT_MISSING, /* no role grants it.  The zero value. */
	VERDICT_GRANTED,
	VERDICT_DENIED, /* a deny assignment forbids it */
};

struct verdict {
	enum verdict_kind kind;
	/* Of the assignment, which of a missing role is one with a condition; "" for none. */
	char id[ROLES_TEXT_MAX + 1];
	char scope[ROLES_TEXT_MAX + 1]; /* of it */
};

struct decision {
	int64_t boottime_ns; /* when it was asked for */
	int64_t life_ms; /* from then, 0 to DECISION_LIFE_MS: what the service allows */
	struct verdict login, admin;
};

/* A service says that its answer is good for so long; a negative number is none. */
void decision_shorten(struct decision *decision, int64_t life_ms);

/* -EINVAL: an id, a scope or a life that the reader would refuse; -ENOMEM. */
int decision_format(const struct decision *decision, struct buf *ret, struct err *err);

/* -EBADMSG (any other form).  Reason: backend-malformed. */
int decision_parse(struct span text, struct decision *ret, struct err *err);

/*
 * The decision on disk about an account and the resource of conf, if it was made on this boot and
 * still lives, or is less than grace_s seconds old.  Root's alone.  -ENOENT: none, or older;
 * -EBADMSG, -EPERM.
 */
int decision_load(struct sys *sys, const struct conf *conf, const char *oid, int64_t grace_s,
		  struct decision *ret, struct err *err);

/*
 * Keep a decision instead of the earlier one.  When it cannot be written the earlier one is
 * removed, and that is success too; a failure is that the earlier one still stands.
 */
int decision_store(struct sys *sys, const struct conf *conf, const char *oid,
		   const struct decision *decision, struct err *err);

/*
 * Ask about an account one after the other: who waited finds the answer on disk.  Returns a
 * descriptor that holds the lock until it is closed, or -EBUSY (reason deadline) or another -errno.
 */
int decision_lock(struct sys *sys, const char *oid, struct err *err);

#endif
