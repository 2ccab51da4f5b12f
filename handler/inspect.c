/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/inspect.h"
#include "handler/inventory.h"
#include "handler/report.h"
#include "handler/session.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/osrelease.h"
#include "lib/core/outcome.h"
#include "lib/core/yaml.h"
#include "lib/steps/run.h"
#include "lib/sys/fs.h"

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

/*
 * The changes of each step, in the order in which they would be made, and what the verb would end
 * with, as run_plan tells it.
 */
static json_t *plan_json(const struct run *run, const struct query *query, struct err *ret_refusal)
{
	struct machine *machine = run->machine;
	bool forward = query->want == WANT_PRESENT;
	bool waiting = query->only;
	AUTO_JSON *steps = json_array();

	for (size_t n = 0; n < run->count; n++) {
		const struct step *step = run->steps[forward ? n : run->count - 1 - n];
		AUTO_CHANGES changes = {0};
		struct err err = {0};

		if (query->only && strcmp(query->only, step->name) != 0)
			continue;
		machine->note_count = 0;
		(void)step->plan(machine, query->want, &changes, &err);
		if (plan_refuses(&err, waiting) && ret_refusal->code == 0) {
			*ret_refusal = err;
			if (err.outcome == 0)
				ret_refusal->outcome = step->exit_code;
		}
		waiting |= err.code || changes.count;
		if (json_array_append_new(steps, report_changes_json(step, &changes, machine,
								     err.code ? err.msg : NULL)) <
		    0)
			return NULL;
	}
	return json_pack("{s:s, s:O, s:o*}", "for", forward ? "install" : "uninstall", "steps",
			 steps, "refusal",
			 ret_refusal->code ? report_error_json(ret_refusal, ret_refusal->outcome)
					   : NULL);
}

int inspect_plan(struct sys *sys, const struct command *command, const struct query *query)
{
	CLEANUP(session_done) struct session session = SESSION_INIT(sys);
	CLEANUP(run_done) struct run run = {.results = NULL};
	struct err err = {0}, refusal = {0};
	AUTO_BUF text = {0};
	int r = new_run(&session, command, query, query->want, &run, &err);

	if (r < 0)
		return inspect_fail(command, query, &err, EXIT_VERIFY);
	if (!query->json)
		text.failed = run_plan(&run, query->want, &text, &refusal, &err) < 0;
	r = inspect_print(command, query->json ? NULL : &text,
			  query->json ? plan_json(&run, query, &refusal) : NULL);
	return r ? r : refusal.outcome;
}

int inspect_status(struct sys *sys, const struct command *command, const struct query *query)
{
	struct state state = {0};
	struct err err = {0};
	AUTO_BUF text = {0};
	int r = state_read(sys, &state, &err);
	const struct state *known = r == 0 ? &state : NULL;

	if (r < 0 && r != -ENOENT) {
		(void)err_remedy(&err, EXIT_DEPENDENCY,
				 r == -EACCES ? "run it as root"
					      : "run aadssh-handler check; the next enable writes "
						"the file anew");
		return inspect_fail(command, query, &err, EXIT_DEPENDENCY);
	}
	if (!query->json)
		report_state_text(known, &text);
	return inspect_print(command, query->json ? NULL : &text,
			     query->json ? report_state_json(known) : NULL);
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
