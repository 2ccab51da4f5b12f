/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/accounts.h"
#include "payload/login/home.h"
#include "payload/login/ledger.h"
#include "payload/login/provision.h"
#include "payload/login/uidpick.h"

/* What a user's line borrows while the ledger is rewritten. */
struct line {
	char text[AADPASSWD_LINE_MAX + 1];
	char home[HOME_SIZE];
};

static int check_oid(const char *name, const char *oid, const struct aad_user *user,
		     struct err *err)
{
	if (!span_is(user->oid, oid))
		return reason_refuse(err, REASON_OID_MISMATCH,
				     "%s has the object id %.*s on this machine, not %s", name,
				     (int)user->oid.len, (const char *)user->oid.p, oid);
	return 0;
}

static int user_home(const struct aad_user *user, char ret[HOME_SIZE], struct err *err)
{
	return span_copy(user->home, ret, HOME_SIZE)
		       ? 0
		       : err_set(err, ENAMETOOLONG, "the home is too long");
}

/* Nothing to do for somebody who is set up, without the lock: so it is nearly always. */
static int find_complete(struct sys *sys, const char *name, const char *oid, bool *ret_complete,
			 uint32_t *ret_id, struct err *err)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user;
	char home[HOME_SIZE];
	int r = ledger_read(sys, &ledger, err);

	*ret_complete = false;
	if (r < 0 || ledger_find(&ledger, name, &user) != LEDGER_PRESENT)
		return r;
	r = check_oid(name, oid, &user, err);
	if (r == 0)
		r = user_home(&user, home, err);
	if (r == 0)
		r = home_look(sys, home, user.id, ret_complete, err);
	if (r == 0)
		*ret_id = user.id;
	return r;
}

/* A line of its own for the user, so that *user no longer borrows from the ledger. */
static int own_line(struct aad_user *user, struct line *line, struct err *err)
{
	if (!aadpasswd_format(user, line->text, sizeof(line->text)) ||
	    !aadpasswd_parse(span_of(line->text), user))
		return err_set(err, EINVAL, "no line of " AADPASSWD_PATH " can be made");
	return user_home(user, line->home, err);
}

static int new_user(struct sys *sys, const struct conf *conf, const struct ledger *ledger,
		    const char *name, const char *oid, struct line *line, struct aad_user *ret,
		    struct err *err)
{
	const struct uid_range range = {.first = conf->uid_first, .last = conf->uid_last};
	uint32_t id;
	int r = uidpick(sys, ledger, name, range, &id, err);

	if (r < 0)
		return r;
	if (!aadpasswd_new(name, id, span_of(conf->home_template), span_of(conf->shell), line->home,
			   ret))
		return err_set(err, EINVAL, "no home can be made of %s", conf->home_template);
	ret->oid = span_of(oid);
	return own_line(ret, line, err);
}

/* The account as it was, or as it is going to be. */
static int settle(struct sys *sys, const struct conf *conf, const struct ledger *ledger,
		  const char *name, const char *oid, struct line *line, struct aad_user *ret,
		  struct err *err)
{
	int r;

	switch (ledger_find(ledger, name, ret)) {
	case LEDGER_PRESENT:
		break;
	case LEDGER_REMEMBERED:
		r = uidpick_still_free(sys, ledger, name, ret->id, err);
		if (r < 0)
			return r;
		break;
	default:
		return new_user(sys, conf, ledger, name, oid, line, ret, err);
	}
	r = check_oid(name, oid, ret, err);
	return r < 0 ? r : own_line(ret, line, err);
}

static int set_up(struct sys *sys, const struct conf *conf, const char *name, const char *oid,
		  uint32_t *ret_id, struct err *err)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user;
	struct line line;
	bool exists;
	int r = ledger_open(sys, &ledger, err);

	if (r == 0)
		r = settle(sys, conf, &ledger, name, oid, &line, &user, err);
	/* A home that cannot be had leaves no trace of the account. */
	if (r == 0)
		r = home_look(sys, line.home, user.id, &exists, err);
	if (r == 0)
		r = ledger_remember(sys, &ledger, &user, err);
	if (r == 0)
		r = home_make(sys, line.home, user.id, err);
	if (r == 0)
		r = ledger_set_up(sys, &ledger, &user, err);
	if (r < 0)
		return r;
	*ret_id = user.id;
	return 0;
}

int provision(struct sys *sys, const struct conf *conf, const char *name, const char *oid,
	      uint32_t *ret_id, struct err *err)
{
	bool complete;
	int r = find_complete(sys, name, oid, &complete, ret_id, err);

	if (r == 0 && !complete) {
		r = set_up(sys, conf, name, oid, ret_id, err);
		if (r == 0)
			accounts_changed(sys);
	}
	return r < 0 ? reason_add(err, REASON_PROVISION_FAILED) : 0;
}
