/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "handler/report.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"

#define QUOTE_MAX 4096 /* of a text, with its NUL: paths and commands are the longest */

json_t *report_quote(const char *text)
{
	char ascii[QUOTE_MAX];

	ascii_text(text, ascii, sizeof(ascii));
	return json_string(ascii);
}

json_t *report_error_json(const struct err *err, int code)
{
	const struct outcome *outcome = outcome_find(code);

	return json_pack("{s:i, s:s, s:o, s:o}", "code", code, "name", outcome->name, "message",
			 report_quote(err->msg), "remedy",
			 report_quote(err->remedy[0] ? err->remedy : outcome->remedy));
}

json_t *report_notes_json(const char notes[][NOTE_MAX], size_t count)
{
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(list, report_quote(notes[i])) < 0)
			return NULL;
	return steal_ptr(list);
}

static void add_part_text(const struct part *part, struct buf *ret)
{
	char path[ERR_MSG_MAX];

	if (!part->version[0]) {
		buf_printf(ret, "%-20s not installed\n", part->name);
		return;
	}
	buf_printf(ret, "%-20s %s %s, %zu files compared\n", part->name, part->version,
		   part->count ? "MODIFIED" : "ok", part->files);
	for (size_t i = 0; i < part->count; i++) {
		ascii_text(part->findings[i].path, path, sizeof(path));
		buf_printf(ret, "    %s %s\n", path, part->findings[i].what);
	}
	if (part->count)
		buf_printf(ret, "    remedy: %s\n", part->remedy);
}

void report_inventory_text(const struct inventory *inventory, struct buf *ret)
{
	for (size_t i = 0; i < inventory->count; i++)
		add_part_text(&inventory->parts[i], ret);
	if (inventory->sums[0])
		buf_printf(ret, "\nSHA256SUMS has the hash %s:\ncompare it with the release's\n",
			   inventory->sums);
}

static json_t *part_json(const struct part *part)
{
	AUTO_JSON *findings = json_array();

	for (size_t i = 0; i < part->count; i++)
		if (json_array_append_new(findings, json_pack("{s:o, s:s}", "path",
							      report_quote(part->findings[i].path),
							      "what", part->findings[i].what)) < 0)
			return NULL;
	return json_pack("{s:s, s:s, s:I, s:O, s:s}", "name", part->name, "version", part->version,
			 "files", (json_int_t)part->files, "findings", findings, "remedy",
			 part->count ? part->remedy : "");
}

json_t *report_inventory_json(const struct inventory *inventory)
{
	AUTO_JSON *parts = json_array();

	for (size_t i = 0; i < inventory->count; i++)
		if (json_array_append_new(parts, part_json(&inventory->parts[i])) < 0)
			return NULL;
	return json_pack("{s:s, s:s, s:O}", "result",
			 inventory_findings(inventory) ? "modified" : "ok", "sums", inventory->sums,
			 "parts", parts);
}

void report_platform_text(const struct platform *platform, struct buf *ret)
{
	buf_printf(ret, "id              %s\n", platform->id);
	buf_printf(ret, "version         %s\n", platform->version);
	buf_printf(ret, "package manager %s\n", platform->package_manager);
	buf_printf(ret, "package type    %s\n", platform->package_type);
	buf_printf(ret, "ssh service     %s\n", platform->ssh_service);
	buf_printf(ret, "supported       %s: %s\n", support_name(platform->supported),
		   platform->reason);
}

json_t *report_platform_json(const struct platform *platform)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "id", platform->id, "version",
			 platform->version, "packageManager", platform->package_manager,
			 "packageType", platform->package_type, "sshService", platform->ssh_service,
			 "supported", support_name(platform->supported), "reason",
			 report_quote(platform->reason));
}
