/* SPDX-License-Identifier: MIT */
/*
 * What check, plan, status, verify and platform print, for people and as JSON.  Pure.  Names of
 * keys, steps, states and kinds never change: scripts read them.
 */
#ifndef HANDLER_REPORT_H
#define HANDLER_REPORT_H

#include <jansson.h>

#include "handler/inventory.h"
#include "handler/state.h"
#include "lib/core/distro.h"
#include "lib/steps/run.h"

/* 0: all in force; 1: in force, with notes; 2: a step failed or would have to change. */
int report_verdict(const struct step_result *results, size_t count);

/* What a failure ends with: {"code", "name", "message", "remedy"}. */
json_t *report_error_json(const struct err *err, int code);

/*
 * A line a step that was looked at, its notes and remedy below it; then which layers of confine.h
 * this machine has for who talks to the network.  In JSON {"confined", "notConfined"}, each a list
 * in words: they are no finding, since the owner of an old kernel cannot help it.
 */
void report_check_text(const struct step_result *results, size_t count, unsigned layers,
		       struct buf *ret);
json_t *report_check_json(const struct step_result *results, size_t count, unsigned layers,
			  const char *version);

/*
 * One step of a plan: {"name", "changes": [{"kind", "what", "path"}], "notes", "error"}; error is
 * what keeps it from being told yet, NULL: nothing.
 */
json_t *report_changes_json(const struct step *step, const struct changes *changes,
			    const struct machine *machine, const char *error);

/* state is NULL when there is none. */
void report_state_text(const struct state *state, struct buf *ret);
json_t *report_state_json(const struct state *state);

/*
 * What verify found.  {"result": "ok" or "modified", "sums", "parts": [{"name", "version", "files",
 * "findings": [{"path", "what"}], "remedy"}]}; a version is "" and a remedy is where there is none.
 */
void report_inventory_text(const struct inventory *inventory, struct buf *ret);
json_t *report_inventory_json(const struct inventory *inventory);

void report_platform_text(const struct platform *platform, struct buf *ret);
json_t *report_platform_json(const struct platform *platform);

#endif
