/* SPDX-License-Identifier: MIT */
/* `aadsshlogin users`. */
#include "config.h"

#include <stdio.h>

#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/sys/fs.h"
#include "payload/login/command.h"
#include "payload/login/document.h"
#include "payload/login/ledger.h"

static json_t *user_row(const struct aad_user *user, bool present, struct span admins)
{
	return json_pack("{s:s%, s:s%, s:i, s:o, s:b, s:b}", "name", user->name.p, user->name.len,
			 "oid", user->oid.p, user->oid.len, "uid", (int)user->id, "home",
			 json_quote(user->home), "present", present, "administrator",
			 aadadmins_has(admins, user->name));
}

/* Add who is in the text and not yet in *by_name. */
static int add_users(struct span text, bool present, struct span admins, json_t *by_name,
		     struct err *err)
{
	struct aad_user user;
	char name[NAME_SIZE];

	while (aadpasswd_next(&text, &user))
		if (span_copy(user.name, name, sizeof(name)) && !json_object_get(by_name, name) &&
		    json_object_set_new(by_name, name, user_row(&user, present, admins)) < 0)
			return err_oom(err);
	return 0;
}

/* {"users": [{"name", "oid", "uid", "home", "present", "administrator"}]}, sorted by name. */
static int gather_users(struct sys *sys, json_t **ret, struct err *err)
{
	AUTO_JSON *by_name = json_object(), *rows = json_array();
	AUTO_LEDGER ledger = LEDGER_INIT;
	AUTO_BUF admins = {0};
	const char *name;
	json_t *row;
	bool exists;
	int r = ledger_read(sys, &ledger, err);

	if (r == 0)
		r = fs_read_optional(sys, AADADMINS_PATH, FS_TRUSTED, AADADMINS_MAX, &admins,
				     &exists, NULL, err);
	if (r == 0)
		r = add_users(buf_bytes(&ledger.users), true, buf_bytes(&admins), by_name, err);
	if (r == 0)
		r = add_users(buf_bytes(&ledger.remembered), false, buf_bytes(&admins), by_name,
			      err);
	if (r < 0)
		return r;
	json_object_foreach(by_name, name,
			    row) if (json_array_append(rows, row) < 0) return err_oom(err);
	*ret = json_pack("{s:O}", "users", rows);
	return *ret ? 0 : err_oom(err);
}

int users_command(struct sys *sys, int argc, char **argv)
{
	AUTO_JSON *document = NULL;
	struct err err = {0};
	bool as_json;
	int r;

	if (!command_json(argc, argv, &as_json))
		return command_usage(argc, argv, "aadsshlogin users [--json]");
	r = command_needs_root(&err);
	if (r == 0)
		r = gather_users(sys, &document, &err);
	return r < 0 ? document_outcome("aadsshlogin", as_json, NULL, r, &err)
		     : document_print(document, as_json);
}
