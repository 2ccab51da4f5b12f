/* SPDX-License-Identifier: MIT */
/*
 * What verify and platform print, for people and as JSON.  Pure.  Names of
 * keys, steps, states and kinds never change: scripts read them.
 */
#ifndef HANDLER_REPORT_H
#define HANDLER_REPORT_H

#include <jansson.h>

#include "handler/inventory.h"
#include "handler/state.h"
#include "lib/core/distro.h"
#include "lib/steps/run.h"

/* What a failure ends with: {"code", "name", "message", "remedy"}. */
json_t *report_error_json(const struct err *err, int code);

/* Messages quote other programs: they become ASCII before they are JSON. */
json_t *report_quote(const char *text);

/* A list of them. */
json_t *report_notes_json(const char notes[][NOTE_MAX], size_t count);

/*
 * What verify found.  {"result": "ok" or "modified", "sums", "parts": [{"name", "version", "files",
 * "findings": [{"path", "what"}], "remedy"}]}; a version is "" and a remedy is where there is none.
 */
void report_inventory_text(const struct inventory *inventory, struct buf *ret);
json_t *report_inventory_json(const struct inventory *inventory);

void report_platform_text(const struct platform *platform, struct buf *ret);
json_t *report_platform_json(const struct platform *platform);

#endif
