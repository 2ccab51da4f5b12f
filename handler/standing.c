/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "handler/report.h"
#include "handler/standing.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/pkg.h"

static const char *const package_states[] = {
	[PKG_ABSENT] = "absent",
	[PKG_LEFT_OVER] = "left over",
	[PKG_BROKEN] = "half installed",
	[PKG_INSTALLED] = "installed",
};

/* ---- what is known */

static void note(struct standing *standing, const struct err *err)
{
	if (standing->note_count < STANDING_NOTES)
		ascii_text(err->msg, standing->notes[standing->note_count++], NOTE_MAX);
}

static int read_state(struct sys *sys, struct standing *ret, struct err *err)
{
	int r = state_read(sys, &ret->state, err);

	ret->known = r == 0;
	if (r == 0 || r == -ENOENT)
		return 0;
	return err_remedy(err, EXIT_DEPENDENCY,
			  r == -EACCES
				  ? "run it as root"
				  : "run aadssh-handler check; the next enable writes the file "
				    "anew");
}

static void ask_packages(struct sys *sys, struct standing *ret)
{
	const struct pkg_manager *manager = pkg_detect(sys);

	for (size_t i = 0; manager && i < PACKAGES; i++) {
		struct standing_package *package = &ret->packages[ret->package_count];
		struct err err = {0};

		package->name = package_table[i].name;
		if (pkg_query(sys, manager, package->name, &package->status, &err) < 0)
			note(ret, &err);
		else if (package->status.state != PKG_ABSENT)
			ret->package_count++;
	}
}

static void read_login(struct sys *sys, const char *path, bool accepted, struct standing *standing,
		       struct lastlogin *ret, bool *ret_known)
{
	struct err err = {0};
	AUTO_BUF text = {0};
	int r = fs_read(sys, path, FS_TRUSTED, LASTLOGIN_MAX, &text, NULL, &err);

	if (r == -ENOENT)
		return;
	if (r == 0)
		r = lastlogin_parse(buf_bytes(&text), ret, &err);
	if (r == 0 && ret->accepted != accepted)
		r = err_set(&err, EBADMSG, "%s is of the other outcome", path);
	*ret_known = r == 0;
	if (r < 0)
		note(standing, &err);
}

int standing_learn(struct sys *sys, struct standing *ret, struct err *err)
{
	int r = read_state(sys, ret, err);

	if (r < 0)
		return r;
	*err = (struct err){0};
	ask_packages(sys, ret);
	read_login(sys, LASTLOGIN_ACCEPTED, true, ret, &ret->accepted, &ret->was_accepted);
	read_login(sys, LASTLOGIN_REFUSED, false, ret, &ret->refused, &ret->was_refused);
	return 0;
}

/* ---- for people */

static void add_owner(const struct state *state, struct buf *ret)
{
	char time[TIME_TEXT_SIZE];

	time_text(state->since_s, time);
	if (!state->owner[0])
		buf_str(ret, "in force  nothing\n");
	else if (state->partly_removed)
		buf_printf(ret, "partly removed  version %s\n", state->owner);
	else
		buf_printf(ret, "in force  version %s since %s\n", state->owner, time);
	if (state->owner[0] && state->source[0])
		buf_printf(ret, "packages  %s\n", state->source);
}

static void add_last(const struct state *state, struct buf *ret)
{
	char time[TIME_TEXT_SIZE], message[ERR_MSG_MAX];

	if (!state->verb[0])
		return;
	time_text(state->time_s, time);
	ascii_text(state->message, message, sizeof(message));
	buf_printf(ret, "last      %s at %s, sequence number %lld: %d %s\n          %s\n",
		   state->verb, time, (long long)state->sequence, state->code,
		   outcome_find(state->code)->name, message);
}

static void add_packages(const struct standing *standing, struct buf *ret)
{
	for (size_t i = 0; i < standing->package_count; i++) {
		const struct standing_package *package = &standing->packages[i];
		char version[PKG_VERSION_MAX];

		ascii_text(package->status.version, version, sizeof(version));
		buf_printf(ret, "package   %s %s, %s\n", package->name, version,
			   package_states[package->status.state]);
	}
}

static void add_from(const struct lastlogin *last, const char *how, struct buf *ret)
{
	char time[TIME_TEXT_SIZE];

	time_text(last->time_s, time);
	buf_printf(ret, "%s  %s%s%s at %s\n", how, last->user, last->rhost[0] ? " from " : "",
		   last->rhost, time);
}

static void add_logins(const struct standing *standing, struct buf *ret)
{
	const struct lastlogin *accepted = &standing->accepted, *refused = &standing->refused;

	if (standing->was_accepted) {
		add_from(accepted, "sign-in ", ret);
		if (accepted->assignment[0])
			buf_printf(ret, "          by the role assignment %s\n",
				   accepted->assignment);
		if (accepted->scope[0])
			buf_printf(ret, "          at %s\n", accepted->scope);
	}
	if (standing->was_refused) {
		add_from(refused, "refused ", ret);
		buf_printf(ret, "          %s: %s\n", refused->reason, refused->message);
	}
}

void standing_text(const struct standing *standing, struct buf *ret)
{
	const struct state *state = &standing->state;

	if (standing->known) {
		add_owner(state, ret);
		add_last(state, ret);
	} else {
		buf_str(ret, "not installed\n");
	}
	add_packages(standing, ret);
	for (size_t i = 0; standing->known && i < state->step_count; i++)
		buf_printf(ret, "step      %-9s %s\n", state->steps[i].name,
			   state->steps[i].result);
	add_logins(standing, ret);
	for (size_t i = 0; i < standing->note_count; i++)
		buf_printf(ret, "unknown   %s\n", standing->notes[i]);
}

/* ---- for scripts */

static json_t *last_json(const struct state *state)
{
	char time[TIME_TEXT_SIZE];

	if (!state->verb[0])
		return json_null();
	time_text(state->time_s, time);
	return json_pack("{s:s, s:i, s:s, s:s, s:I, s:o}", "verb", state->verb, "code", state->code,
			 "name", outcome_find(state->code)->name, "time", time, "sequenceNumber",
			 (json_int_t)state->sequence, "message", report_quote(state->message));
}

static json_t *steps_json(const struct state *state)
{
	AUTO_JSON *steps = json_array();

	for (size_t i = 0; i < state->step_count; i++)
		if (json_array_append_new(steps,
					  json_pack("{s:s, s:s}", "name", state->steps[i].name,
						    "state", state->steps[i].result)) < 0)
			return NULL;
	return steal_ptr(steps);
}

static json_t *packages_json(const struct standing *standing)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < standing->package_count; i++) {
		const struct standing_package *package = &standing->packages[i];

		if (json_array_append_new(
			    list, json_pack("{s:s, s:o, s:s}", "name", package->name, "version",
					    report_quote(package->status.version), "state",
					    package_states[package->status.state])) < 0)
			return NULL;
	}
	return steal_ptr(list);
}

static json_t *login_json(const struct lastlogin *last, bool known)
{
	char time[TIME_TEXT_SIZE];

	if (!known)
		return json_null();
	time_text(last->time_s, time);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "user", last->user, "from",
			 last->rhost, "time", time, "assignment", last->assignment, "scope",
			 last->scope, "reason", last->reason, "message", last->message);
}

static int add_state(const struct state *state, json_t *json)
{
	char since[TIME_TEXT_SIZE] = "";
	AUTO_JSON *part = NULL;

	if (state->owner[0])
		time_text(state->since_s, since);
	part = json_pack("{s:b, s:s, s:s, s:s, s:o, s:o}", "partlyRemoved", state->partly_removed,
			 "owner", state->owner, "packageSource", state->source, "since", since,
			 "last", last_json(state), "steps", steps_json(state));
	return part ? json_object_update(json, part) : -1;
}

json_t *standing_json(const struct standing *standing)
{
	AUTO_JSON *json = json_pack(
		"{s:b, s:o, s:{s:o, s:o}, s:o}", "installed",
		standing->known && standing->state.owner[0], "packages", packages_json(standing),
		"logins", "accepted", login_json(&standing->accepted, standing->was_accepted),
		"refused", login_json(&standing->refused, standing->was_refused), "unknown",
		report_notes_json(standing->notes, standing->note_count));

	if (json && standing->known && add_state(&standing->state, json) < 0)
		return NULL;
	return steal_ptr(json);
}
