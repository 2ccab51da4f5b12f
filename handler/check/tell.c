/* SPDX-License-Identifier: MIT */
/* The chain as it is printed.  Pure. */
#include "config.h"

#include "handler/check.h"
#include "handler/report.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"

#define ID_WIDTH 12

static const char *const verdicts[] = {"ok", "notes", "failed"};

static const enum screen_colour colours[] = {
	[CHECK_UNSEEN] = SCREEN_PLAIN, [CHECK_OK] = SCREEN_GREEN,
	[CHECK_NOTE] = SCREEN_YELLOW,  [CHECK_FAILED] = SCREEN_RED,
	[CHECK_SKIPPED] = SCREEN_DIM,  [CHECK_UNKNOWN] = SCREEN_YELLOW,
};

/* Paths and names are others': no control character of theirs gets through. */
static void take_finding(struct span line, char ret[CHECK_COMMAND_MAX])
{
	char text[CHECK_COMMAND_MAX];

	line.len = line.len < sizeof(text) ? line.len : sizeof(text) - 1;
	if (!span_copy(line, text, sizeof(text)))
		text[0] = '\0';
	ascii_text(text, ret, CHECK_COMMAND_MAX);
}

static void tell_link(const struct screen_list *list, const struct check_link *link,
		      const struct check_result *result)
{
	struct span findings = buf_bytes(&result->findings), finding;

	screen_row(list, colours[result->state], check_state_name(result->state), link->id,
		   result->seen);
	for (size_t i = 0; i < result->note_count; i++)
		screen_more(list, "note:", result->notes[i]);
	while (span_line(&findings, &finding)) {
		char text[CHECK_COMMAND_MAX];

		take_finding(finding, text);
		screen_more(list, "note:", text);
	}
	screen_more(list, "do:", result->remedy);
	screen_help(list, result->command);
}

void check_text(const struct check *check, const struct screen *screen, struct buf *ret)
{
	const struct screen_list list = {.screen = screen, .name_width = ID_WIDTH, .ret = ret};

	for (int i = 0; i < CHECK_LINKS; i++)
		if (check->results[i].state != CHECK_UNSEEN)
			tell_link(&list, &check_links[i], &check->results[i]);
	buf_printf(ret, "%s\n", verdicts[check_verdict(check->results)]);
}

static json_t *notes_json(const struct check_result *result)
{
	struct span findings = buf_bytes(&result->findings), finding;
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < result->note_count; i++)
		if (json_array_append_new(list, report_quote(result->notes[i])) < 0)
			return NULL;
	while (span_line(&findings, &finding)) {
		char text[CHECK_COMMAND_MAX];

		take_finding(finding, text);
		if (json_array_append_new(list, json_string(text)) < 0)
			return NULL;
	}
	return steal_ptr(list);
}

static json_t *link_json(const struct check_link *link, const struct check_result *result)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:s*, s:I}", "id", link->id, "title",
			 link->title, "state", check_state_name(result->state), "seen",
			 report_quote(result->seen), "notes", notes_json(result), "remedy",
			 report_quote(result->remedy), "command", report_quote(result->command),
			 "needs",
			 result->state == CHECK_SKIPPED ? check_links[result->needs].id : NULL,
			 "ms", (json_int_t)result->ms);
}

json_t *check_json(const struct check *check)
{
	const struct conf *conf = &check->session.machine.conf;
	const char *id = check->instance.resource_id;
	AUTO_JSON *links = json_array();

	for (int i = 0; i < CHECK_LINKS; i++)
		if (check->results[i].state != CHECK_UNSEEN &&
		    json_array_append_new(links, link_json(&check_links[i], &check->results[i])) <
			    0)
			return NULL;
	return json_pack("{s:i, s:s, s:s, s:{s:s*, s:s*, s:s*}, s:O}", "schema", 1, "result",
			 verdicts[check_verdict(check->results)], "version",
			 check->command->version, "machine", "resourceId", id[0] ? id : NULL,
			 "tenant", conf->tenant, "principalId", check->oid[0] ? check->oid : NULL,
			 "links", links);
}
