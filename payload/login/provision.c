/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/accounts.h"
#include "payload/login/adminlist.h"
#include "payload/login/home.h"
#include "payload/login/ledger.h"
#include "payload/login/provision.h"
#include "payload/login/uidpick.h"

/* An account that is being set up. */
struct account {
	const struct conf *conf;
	const char *name, *oid;
	char former[NAME_SIZE]; /* the name that it has until now; "" when it is this one */
	uint32_t asked; /* an id that no other source of names has; 0: none was asked about */
	struct aad_user user; /* borrows from line */
	char line[AADPASSWD_LINE_MAX + 1];
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

/* Keep the user in the account itself, independent of the ledger. */
static int keep(struct account *account, const struct aad_user *user, struct err *err)
{
	if (!aadpasswd_format(user, account->line, sizeof(account->line)) ||
	    !aadpasswd_parse(span_of(account->line), &account->user))
		return err_set(err, EINVAL, "no line of " AADPASSWD_PATH " can be made");
	return user_home(&account->user, account->home, err);
}

static int new_user(struct sys *sys, const struct ledger *ledger, struct account *account,
		    struct err *err)
{
	const struct conf *conf = account->conf;
	const struct uid_range range = {.first = conf->uid_first, .last = conf->uid_last};
	struct aad_user user;
	char home[HOME_SIZE];
	uint32_t id;
	int r = uidpick(sys, ledger, account->name, range, account->asked, &id, err);

	if (r < 0)
		return r;
	if (!aadpasswd_new(account->name, id, span_of(conf->home_template), span_of(conf->shell),
			   home, &user))
		return err_set(err, EINVAL,
			       "%s makes no home for a name of %zu bytes: a file's name has %d at "
			       "most",
			       conf->home_template, strlen(account->name), PATH_COMPONENT_MAX);
	user.oid = span_of(account->oid);
	return keep(account, &user, err);
}

/* The account as it was, or as it is going to be. */
static int settle(struct sys *sys, const struct ledger *ledger, struct account *account,
		  struct err *err)
{
	const char *name = account->name;
	struct aad_user user;
	int r = 0;

	account->former[0] = '\0';
	if (ledger_find_former(ledger, name, account->oid, &user) &&
	    span_copy(user.name, account->former, sizeof(account->former)))
		name = account->former;
	switch (ledger_find(ledger, name, &user)) {
	case LEDGER_UNKNOWN:
		return new_user(sys, ledger, account, err);
	case LEDGER_REMEMBERED:
		r = uidpick_still_free(sys, ledger, name, user.id, account->asked, err);
		break;
	case LEDGER_PRESENT:
		break;
	}
	if (r == 0 && account->former[0])
		r = uidpick_not_local(sys, account->name, err);
	if (r == 0)
		r = check_oid(account->name, account->oid, &user, err);
	user.name = span_of(account->name);
	return r < 0 ? r : keep(account, &user, err);
}

/* Other sources of names can be slow: they are asked before the lock is taken. */
static int prepare(struct sys *sys, struct account *account, struct err *err)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	int r = ledger_read(sys, &ledger, err);

	if (r == 0)
		r = settle(sys, &ledger, account, err);
	if (r == 0)
		account->asked = account->user.id;
	return r;
}

/*
 * The list of administrators first: whatever this is cut off at, the former name is nobody's
 * there who could be given it.
 */
static int take_name(struct sys *sys, struct ledger *ledger, const struct account *account,
		     struct err *err)
{
	int r = adminlist_rename(sys, account->former, account->name, err);

	return r < 0 ? r : ledger_rename(sys, ledger, account->former, &account->user, err);
}

static int set_up(struct sys *sys, struct account *account, struct err *err)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	const struct aad_user *user = &account->user;
	bool exists;
	int r = ledger_open(sys, &ledger, err);

	if (r == 0)
		r = settle(sys, &ledger, account, err);
	/* A home that cannot be had leaves no trace of the account. */
	if (r == 0)
		r = home_look(sys, account->home, user->id, &exists, err);
	if (r == 0 && account->former[0])
		r = take_name(sys, &ledger, account, err);
	if (r == 0)
		r = ledger_remember(sys, &ledger, user, err);
	if (r == 0)
		r = home_make(sys, account->home, user->id, err);
	return r < 0 ? r : ledger_set_up(sys, &ledger, user, err);
}

static int complete(struct sys *sys, struct account *account, struct err *err)
{
	int r = prepare(sys, account, err);

	if (r == 0)
		r = set_up(sys, account, err);
	if (r == 0)
		accounts_changed(sys);
	return r;
}

int provision(struct sys *sys, const struct conf *conf, const char *name, const char *oid,
	      struct provisioned *ret, struct err *err)
{
	struct account account = {.conf = conf, .name = name, .oid = oid};
	bool is_complete;
	uint32_t id = 0;
	int r = find_complete(sys, name, oid, &is_complete, &id, err);

	if (r == 0 && !is_complete) {
		r = complete(sys, &account, err);
		id = account.user.id;
	}
	if (r < 0)
		return reason_add(err, REASON_PROVISION_FAILED);
	*ret = (struct provisioned){.id = id};
	memcpy(ret->former, account.former, sizeof(ret->former));
	return 0;
}
