/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/inspect.h"
#include "handler/inventory.h"
#include "handler/plan.h"
#include "handler/report.h"
#include "handler/session.h"
#include "handler/standing.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/osrelease.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/core/yaml.h"
#include "lib/steps/run.h"
#include "lib/sys/fs.h"
#include "lib/sys/lookup.h"

#define DEADLINE_S 240

static int complain(const struct command *command, const struct err *err, int fallback)
{
	int code = err->outcome ? err->outcome : fallback;
	const struct outcome *outcome = outcome_find(code);

	(void)dprintf(command->err, "error %d %s: %s. %s\n", code, outcome->name, err->msg,
		      err->remedy[0] ? err->remedy : outcome->remedy);
	return code;
}

/* Print a text or, where that is NULL, a document, which is consumed. */
int inspect_print(const struct command *command, const struct buf *text, json_t *json)
{
	AUTO_JSON *own = json;
	AUTO_FREE char *dump = text ? NULL : json_text(own, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	const char *out = text && !text->failed ? buf_text(text) : dump;
	struct err err = {0};

	if (!out)
		return err_oom(&err), complain(command, &err, EXIT_VERIFY);
	if (fs_write_all(command->out, span_of(out)) == 0)
		return EXIT_OK;
	(void)err_sys(&err, "standard output");
	(void)err_remedy(&err, EXIT_DEPENDENCY, "let it go where it can be written");
	return complain(command, &err, EXIT_DEPENDENCY);
}

int inspect_fail(const struct command *command, const struct query *query, const struct err *err,
		 int fallback)
{
	int code = complain(command, err, fallback);

	if (query->json)
		(void)inspect_print(command, NULL,
				    json_pack("{s:o}", "error", report_error_json(err, code)));
	return code;
}

/* Somebody may look at a machine without a guest agent: then the default settings are what counts.
 */
static int begin(struct session *session, const struct command *command, struct err *err)
{
	struct sys *sys = session->sys;
	int r;

	sys->deadline_ns = sys->ops->boottime_ns(sys) + DEADLINE_S * 1000000000LL;
	r = session_find(session, command->folder, command->sequence, err);
	if (r == -ENOENT) {
		(void)dprintf(command->err, "note: %s; the default settings are assumed\n",
			      err->msg);
		*err = (struct err){0};
		r = 0;
	}
	if (r == 0)
		r = session_parse(session, err);
	session->settings.identity_wait = 0; /* people want to know how it is now */
	return r < 0 ? r : session_start(session, command->folder, command->version, err);
}

/* The text of the configuration names tenant and resource, so a look at that step alone asks for
 * them first. */
static int learn_identity(struct session *session, const struct step_table *table, const char *only,
			  struct err *err)
{
	AUTO_CHANGES none = {0};

	if (!only || strcmp(only, "config") != 0)
		return 0;
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->steps[i]->name, "identity") == 0)
			return table->steps[i]->plan(&session->machine, WANT_PRESENT, &none, err);
	return 0;
}

/* Which steps count is known once the settings are. */
static int new_run(struct session *session, const struct command *command,
		   const struct query *query, enum want want, struct run *ret, struct err *err)
{
	const struct step_table *table;
	int r = begin(session, command, err);

	if (r < 0)
		return r;
	table = &command->tables[handler_source(session->sys, &session->settings, want)];
	*ret = (struct run){
		.machine = &session->machine,
		.steps = table->steps,
		.count = table->count,
		.only = query->only,
		.results = calloc(table->count, sizeof(*ret->results)),
	};
	if (!ret->results)
		return err_oom(err);
	return want == WANT_PRESENT ? learn_identity(session, table, query->only, err) : 0;
}

static void run_done(struct run *run)
{
	free(run->results);
}

/* What the verb would be that people mean when they do not say. */
static enum plan_for choose_verb(const struct state *state, const struct command *command)
{
	return state->owner[0] && strcmp(state->owner, command->version) != 0 ? PLAN_UPDATE
									      : PLAN_INSTALL;
}

static const char *const plan_verbs[] = {
	[PLAN_INSTALL] = "install", [PLAN_UPDATE] = "update", [PLAN_UNINSTALL] = "uninstall"};

bool inspect_plan_for(const char *verb, enum plan_for *ret)
{
	for (size_t i = PLAN_INSTALL; i < ARRAY_LEN(plan_verbs); i++) {
		if (strcmp(plan_verbs[i], verb) != 0)
			continue;
		*ret = (enum plan_for)i;
		return true;
	}
	return false;
}

static void learn_owner(struct sys *sys, struct plan *plan)
{
	struct local_user service;
	struct err ignored = {0};

	if (lookup_local_user(sys, KEY_COMMAND_USER, &service, &ignored) < 0)
		return;
	plan->service_uid = service.uid;
	plan->service_gid = service.gid;
}

static int print_plan(const struct command *command, const struct query *query, struct plan *plan,
		      const struct err *refusal)
{
	AUTO_BUF text = {0};

	if (query->json)
		return inspect_print(command, NULL, plan_json(plan, refusal));
	plan_text(plan, &query->screen, &text);
	return inspect_print(command, &text, NULL);
}

int inspect_plan(struct sys *sys, const struct command *command, const struct query *query)
{
	CLEANUP(session_done) struct session session = SESSION_INIT(sys);
	CLEANUP(run_done) struct run run = {.results = NULL};
	AUTO_PLAN plan = PLAN_INIT;
	struct state state = {0};
	struct err err = {0}, ignored = {0}, refusal = {0};
	enum plan_for verb;
	enum want want;
	int r;

	(void)state_read(sys, &state, &ignored); /* what is not known, no run goes by either */
	verb = query->plan_for ? query->plan_for : choose_verb(&state, command);
	want = verb == PLAN_UNINSTALL ? WANT_ABSENT : WANT_PRESENT;
	plan.verb = plan_verbs[verb];
	plan.version = command->version;
	plan.in_force = state.owner;
	plan.as_json = query->json;
	learn_owner(sys, &plan);
	r = new_run(&session, command, query, want, &run, &err);
	if (want == WANT_ABSENT && !verb_takes_away(sys, command, state.owner)) {
		buf_printf(&plan.text, "\nVersion %s is in force; version %s takes nothing away\n",
			   state.owner, command->version);
		run.count = 0;
	}
	if (r == 0)
		r = run_plan(&run, want, plan_visit, &plan, &refusal, &err);
	if (r < 0)
		return inspect_fail(command, query, &err, EXIT_VERIFY);
	r = print_plan(command, query, &plan, &refusal);
	return r ? r : refusal.outcome;
}

int inspect_status(struct sys *sys, const struct command *command, const struct query *query)
{
	struct standing standing = {.known = false};
	struct err err = {0};
	AUTO_BUF text = {0};

	sys->deadline_ns = sys->ops->boottime_ns(sys) + DEADLINE_S * 1000000000LL;
	if (standing_learn(sys, &standing, &err) < 0)
		return inspect_fail(command, query, &err, EXIT_DEPENDENCY);
	if (!query->json)
		standing_text(&standing, &text);
	return inspect_print(command, query->json ? NULL : &text,
			     query->json ? standing_json(&standing) : NULL);
}

/* The first finding, in the words of every failure. */
static int tell_findings(const struct command *command, const struct inventory *inventory)
{
	const size_t count = inventory_findings(inventory);
	const struct part *part = inventory->parts;
	struct err err = {0};

	if (count == 0)
		return EXIT_OK;
	while (part->count == 0)
		part++;
	(void)err_set(&err, EBADMSG, "%s %s%s", part->findings[0].path, part->findings[0].what,
		      count > 1 ? ", and more" : "");
	(void)err_remedy(&err, EXIT_VERIFY, "%s", part->remedy);
	return complain(command, &err, EXIT_VERIFY);
}

int inspect_verify(struct sys *sys, const struct command *command, const struct query *query)
{
	CLEANUP(session_done) struct session session = SESSION_INIT(sys);
	AUTO_INVENTORY inventory = {.count = 0};
	struct err err = {0};
	AUTO_BUF text = {0};
	int r = begin(&session, command, &err);

	if (r == 0)
		r = inventory_take(&session.machine, &inventory, &err);
	if (r < 0)
		return inspect_fail(command, query, &err, EXIT_VERIFY);
	if (!query->json)
		report_inventory_text(&inventory, &text);
	r = inspect_print(command, query->json ? NULL : &text,
			  query->json ? report_inventory_json(&inventory) : NULL);
	return r ? r : tell_findings(command, &inventory);
}

static int read_machines_os_release(struct sys *sys, struct buf *ret, struct err *err)
{
	int r = fs_read(sys, "/etc/os-release", FS_FOLLOW, OSRELEASE_MAX, ret, NULL, err);

	return r == -ENOENT ? fs_read(sys, "/usr/lib/os-release", FS_FOLLOW, OSRELEASE_MAX, ret,
				      NULL, err)
			    : r;
}

static int read_os_release(struct sys *sys, const struct query *query, struct osrelease *ret,
			   struct err *err)
{
	const char *name = query->os_release;
	AUTO_BUF text = {0};
	int r = name ? fs_read_fd(query->os_release_fd, name, OSRELEASE_MAX, &text, err)
		     : read_machines_os_release(sys, &text, err);

	if (r < 0)
		return err_remedy(err, EXIT_DEPENDENCY, "name an os-release that can be read");
	if (osrelease_parse(buf_bytes(&text), ret, err) == 0)
		return 0;
	(void)err_wrap(err, "%s", name ? name : "/etc/os-release");
	return err_remedy(err, EXIT_SETTINGS, "mend that line: see os-release(5)");
}

int inspect_platform(struct sys *sys, const struct command *command, const struct query *query)
{
	AUTO_YAML table = {0};
	struct platform platform;
	struct osrelease os;
	struct err err = {0};
	AUTO_BUF text = {0};
	int r = extension_table(sys, command->folder, "manifest/distros.yaml", 0, &table, &err);

	if (r == 0)
		r = read_os_release(sys, query, &os, &err);
	if (r == 0)
		r = distro_decide(&table, &os, &platform, &err);
	if (r < 0)
		return inspect_fail(command, query, &err, EXIT_VERIFY);
	if (!query->json)
		report_platform_text(&platform, &text);
	return inspect_print(command, query->json ? NULL : &text,
			     query->json ? report_platform_json(&platform) : NULL);
}
