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
#include "payload/login/document.h"
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

/* Options before the names.  False for an unknown one, or another number of names. */
static bool parse(int argc, char **argv, int names, bool *ret_json, bool *ret_remove)
{
	int i = 1;

	*ret_json = false;
	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0)
			*ret_json = true;
		else if (ret_remove && strcmp(argv[i], "--remove") == 0)
			*ret_remove = true;
		else
			return false;
	}
	return argc - i == names;
}

static json_t *added(const char *name, const struct provisioned *now)
{
	json_t *document = json_pack("{s:s, s:i}", "name", name, "uid", (int)now->id);

	if (document && now->former[0] &&
	    json_object_set_new(document, "renamedFrom", json_string(now->former)) < 0) {
		json_decref(document);
		return NULL;
	}
	return document;
}

int useradd_main(struct sys *sys, int argc, char **argv)
{
	AUTO_JSON *document = NULL;
	struct provisioned now;
	struct err err = {0};
	char name[NAME_SIZE];
	AUTO_CONF conf = {0};
	bool as_json;
	int r;

	if (!parse(argc, argv, 2, &as_json, NULL))
		return command_usage(argc, argv, "aaduseradd [--json] NAME OBJECT-ID");
	r = command_needs_root(&err);
	if (r == 0)
		r = loginconf_load(sys, &conf, &err);
	if (r == 0)
		r = users_add(sys, &conf, argv[argc - 2], argv[argc - 1], &now, &err);
	if (r == 0 && name_lower(argv[argc - 2], name, sizeof(name)))
		document = added(name, &now);
	if (r == 0 && !document)
		r = err_oom(&err);
	return document_outcome("aaduseradd", as_json, document, r, &err);
}

int userdel_main(struct sys *sys, int argc, char **argv)
{
	bool as_json, remove_home = false, kept;
	AUTO_JSON *document = NULL;
	struct err err = {0};
	char name[NAME_SIZE];
	int r;

	if (!parse(argc, argv, 1, &as_json, &remove_home))
		return command_usage(argc, argv, "aaduserdel [--json] [--remove] NAME");
	r = command_needs_root(&err);
	if (r == 0)
		r = users_delete(sys, argv[argc - 1], remove_home, &kept, &err);
	if (r == 0 && name_lower(argv[argc - 1], name, sizeof(name)))
		document = json_pack("{s:s, s:b}", "name", name, "homeKept", kept);
	if (r == 0 && !document)
		r = err_oom(&err);
	if (r == 0 && kept && !as_json)
		(void)printf(
			"the home stays, and the name with it; aaduserdel --remove %s frees both\n",
			name);
	return document_outcome("aaduserdel", as_json, document, r, &err);
}
