/* SPDX-License-Identifier: MIT */
/* `aadsshlogin users` and `aadsshlogin status`. */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/num.h"
#include "lib/sys/fs.h"
#include "payload/login/backend.h"
#include "payload/login/command.h"
#include "payload/login/document.h"
#include "payload/login/jail.h"
#include "payload/login/keys.h"
#include "payload/login/ledger.h"
#include "payload/login/loginconf.h"

/* ---- users */

static json_t *user_row(const struct aad_user *user, bool present, struct span admins)
{
	return json_pack("{s:s%, s:s%, s:i, s:s%, s:b, s:b}", "name", user->name.p, user->name.len,
			 "oid", user->oid.p, user->oid.len, "uid", (int)user->id, "home",
			 user->home.p, user->home.len, "present", present, "administrator",
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

/* ---- status */

static const char *const key_states[] = {
	[KEYCACHE_GONE] = "none",
	[KEYCACHE_STALE] = "expired",
	[KEYCACHE_AGEING] = "ageing",
	[KEYCACHE_FRESH] = "fresh",
};

/* In the jail, since the cache is SERVICE_USER's: "STATE COUNT" of the own tenant's keys. */
static int look_at_keys(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct conf *conf = arg;
	AUTO_KEYCACHE cache = {0};
	int r = keys_cached(sys, conf, conf->tenant, &cache, err);

	if (r < 0 && r != -ENOENT)
		return r;
	buf_printf(ret, "%s %zu", key_states[keycache_judge(&cache, sys->ops->realtime_s(sys))],
		   cache.keys.count);
	return 0;
}

static int add_keys(struct sys *sys, const struct conf *conf, json_t *document, struct err *err)
{
	struct span line, state = SPAN_LIT("pinned"), number;
	uint64_t count = 0;
	AUTO_BUF text = {0};
	json_t *row;
	int r = 0;

	if (!conf->keys_file) {
		r = jail_run(sys, look_at_keys, conf, NULL, &text, err);
		line = buf_bytes(&text);
		if (r == 0 && (!span_word(&line, &state) || !span_word(&line, &number) ||
			       !num_parse(number, JWKS_KEYS_MAX, &count)))
			r = err_set(err, EIO, "the unprivileged child answered beside the form");
	}
	if (r < 0)
		return r;
	row = json_pack("{s:s%, s:i}", "keys", state.p, state.len, "keyCount", (int)count);
	return !row || json_object_update_new(document, row) < 0 ? err_oom(err) : 0;
}

static int add_conf(const struct conf *conf, json_t *document, struct err *err)
{
	const struct backend *backend = backend_find(conf->role_backend);
	json_t *part = json_pack("{s:s*, s:s*, s:s*, s:s*}", "tenant", conf->tenant, "resource",
				 conf->resource_id, "userDomains", conf->user_domains,
				 "roleBackend", backend ? backend->name : NULL);

	return !part || json_object_update_new(document, part) < 0 ? err_oom(err) : 0;
}

static int add_counts(struct sys *sys, json_t *document, struct err *err)
{
	AUTO_LEDGER ledger = LEDGER_INIT;
	struct aad_user user;
	struct span text;
	json_int_t count = 0;
	int r = ledger_read(sys, &ledger, err);

	if (r < 0)
		return r;
	for (text = buf_bytes(&ledger.users); aadpasswd_next(&text, &user);)
		count++;
	return json_object_set_new(document, "users", json_integer(count)) < 0 ? err_oom(err) : 0;
}

static int gather_status(struct sys *sys, json_t *document, struct err *err)
{
	AUTO_CONF conf = {0};
	int r = loginconf_load(sys, &conf, err);

	if (r == 0 && (!conf.tenant || (!conf.keys_file && !conf.authority)))
		r = err_set(err, ENODATA, CONF_PATH " names no tenant or no authority");
	if (r == 0)
		r = add_conf(&conf, document, err);
	if (r == 0)
		r = add_counts(sys, document, err);
	return r < 0 ? r : add_keys(sys, &conf, document, err);
}

int status_command(struct sys *sys, int argc, char **argv)
{
	AUTO_JSON *document = json_object();
	struct err err = {0};
	bool as_json;
	int r, printed;

	if (!command_json(argc, argv, &as_json))
		return command_usage(argc, argv, "aadsshlogin status [--json]");
	if (command_needs_root(&err) < 0)
		return command_failed("aadsshlogin", &err);
	r = gather_status(sys, document, &err);
	if (json_object_set_new(document, "ok", json_boolean(r == 0)) < 0 ||
	    (r < 0 && json_object_set_new(document, "problem", json_string(err.msg)) < 0))
		return COMMAND_FAILED;
	printed = document_print(document, as_json);
	return r < 0 ? COMMAND_FAILED : printed;
}
