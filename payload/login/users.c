/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/guid.h"
#include "lib/core/name.h"
#include "lib/sys/fs.h"
#include "payload/login/accounts.h"
#include "payload/login/adminlist.h"
#include "payload/login/command.h"
#include "payload/login/home.h"
#include "payload/login/ledger.h"
#include "payload/login/loginconf.h"
#include "payload/login/processes.h"
#include "payload/login/users.h"

int users_add(struct sys *sys, const struct conf *conf, const char *name, const char *oid,
	      struct provisioned *ret, struct err *err)
{
	char lower_name[NAME_SIZE], lower_oid[GUID_SIZE];

	if (!name_lower(name, lower_name, sizeof(lower_name)) ||
	    !name_ours(lower_name, span_of(conf->user_domains)))
		return err_set(err, EINVAL, "%s is no name of an Entra user of this machine", name);
	if (!name_lower(oid, lower_oid, sizeof(lower_oid)) || !guid_valid(span_of(lower_oid)))
		return err_set(err, EINVAL, "%s is not an object id", oid);
	return provision(sys, conf, lower_name, lower_oid, ret, err);
}

static int check_idle(struct sys *sys, const char *name, uint32_t id, struct err *err)
{
	AUTO_BUF named = {0};
	size_t count;
	int r = processes_of(sys, id, &count, &named, err);

	if (r < 0 || count == 0)
		return r;
	(void)err_set(err, EBUSY, "%s runs %zu %s: %s%s", name, count,
		      count == 1 ? "process" : "processes", buf_text(&named),
		      count > PROCESSES_NAMED_MAX ? ", ..." : "");
	return err_remedy(err, 0, "end them first, as with loginctl terminate-user or kill");
}

static int delete_locked(struct sys *sys, const char *name, bool remove_home, bool *ret_kept,
			 struct err *err)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	enum ledger_standing standing;
	struct err ignored = {0};
	struct aad_user user = {.id = 0};
	char home[HOME_SIZE];
	struct stat st;
	bool exists;
	int r = ledger_open(sys, &ledger, err);

	if (r < 0)
		return r;
	standing = ledger_find(&ledger, name, &user);
	if (standing == LEDGER_UNKNOWN)
		return err_set(err, ENOENT, "there is no Entra user %s on this machine", name);
	if (!span_copy(user.home, home, sizeof(home)))
		return err_set(err, ENAMETOOLONG, "the home of %s is too long", name);
	r = check_idle(sys, name, user.id, err);
	if (r == 0 && remove_home)
		r = home_look(sys, home, user.id, &exists, err);
	/* The ledger knows nothing yet of an account that came with another product's file. */
	if (r == 0 && standing == LEDGER_PRESENT)
		r = ledger_remember(sys, &ledger, &user, err);
	if (r == 0)
		r = ledger_take_away(sys, &ledger, name, err);
	if (r == 0 && remove_home)
		r = home_remove(sys, home, user.id, err);
	if (r < 0)
		return r;
	*ret_kept = fs_lstat(sys, home, &st, &ignored) == 0 && st.st_uid == user.id;
	return *ret_kept ? 0 : ledger_forget(sys, &ledger, name, err);
}

int users_delete(struct sys *sys, const char *name, bool remove_home, bool *ret_kept,
		 struct err *err)
{
	char lower[NAME_SIZE];
	int r;

	if (!name_lower(name, lower, sizeof(lower)) || !name_shaped(lower))
		return err_set(err, ENOENT, "%s is no name of an Entra user", name);
	r = delete_locked(sys, lower, remove_home, ret_kept, err);
	if (r == 0)
		r = adminlist_set(sys, lower, false, err);
	if (r == 0)
		accounts_changed(sys);
	return r;
}

int useradd_main(struct sys *sys, int argc, char **argv)
{
	struct err err = {0};
	AUTO_CONF conf = {0};
	struct provisioned now;
	int r;

	if (argc != 3)
		return command_usage(argc, argv, "aaduseradd NAME OBJECT-ID");
	r = command_needs_root(&err);
	if (r == 0)
		r = loginconf_load(sys, &conf, &err);
	if (r == 0)
		r = users_add(sys, &conf, argv[1], argv[2], &now, &err);
	if (r < 0)
		return command_failed("aaduseradd", &err);
	(void)printf("%s has uid %u\n", argv[1], now.id);
	if (now.former[0])
		(void)printf("it was %s until now\n", now.former);
	return COMMAND_OK;
}

int userdel_main(struct sys *sys, int argc, char **argv)
{
	bool remove_home = argc == 3 && strcmp(argv[1], "--remove") == 0, kept;
	struct err err = {0};
	int r;

	if (argc != 2 + remove_home || argv[argc - 1][0] == '-')
		return command_usage(argc, argv, "aaduserdel [--remove] NAME");
	r = command_needs_root(&err);
	if (r == 0)
		r = users_delete(sys, argv[argc - 1], remove_home, &kept, &err);
	if (r < 0)
		return command_failed("aaduserdel", &err);
	if (kept)
		(void)printf(
			"the home stays, and the name with it; aaduserdel --remove %s frees both\n",
			argv[argc - 1]);
	return COMMAND_OK;
}
