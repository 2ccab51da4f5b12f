/* SPDX-License-Identifier: MIT */
/*
 * What a verb would do, for `aadssh-handler plan`: each change of each step, with a unified diff of
 * every file that can be shown, and the programs that would run.
 *
 * MUST: the bytes of a change that is a secret's are in neither form.
 */
#ifndef HANDLER_PLAN_H
#define HANDLER_PLAN_H

#include <jansson.h>

#include "lib/core/screen.h"
#include "lib/steps/run.h"

struct plan {
	const char *verb; /* "install", "update" or "uninstall" */
	const char *version; /* of this extension */
	const char *in_force; /* version, "" for none */
	uid_t service_uid; /* of KEY_COMMAND_USER, UID_TO_COME when there is none */
	gid_t service_gid;
	bool as_json;
	struct buf text; /* for people */
	json_t *steps; /* for scripts */
	size_t written, removed, directories, programs; /* how many there would be */
};

#define PLAN_INIT                                                                                  \
	{                                                                                          \
		.service_uid = UID_TO_COME, .service_gid = UID_TO_COME                             \
	}
#define AUTO_PLAN __attribute__((cleanup(plan_done))) struct plan

/* A plan_visitor, for run_plan; arg is the struct plan.  -ENOMEM. */
int plan_visit(const struct planned *planned, void *arg, struct err *err);

/*
 * The whole, as bytes: `patch -p1` takes the diffs in it as they are.  For a
 * terminal it has a `?` in place of each control character, and colours.
 */
void plan_text(const struct plan *plan, const struct screen *screen, struct buf *ret);

/*
 * The document of manifest/schema/plan.json, whose keys never change; NULL without memory.
 * refusal  the code 0 when there is none
 */
json_t *plan_json(struct plan *plan, const struct err *refusal);

void plan_done(struct plan *plan);

#endif
