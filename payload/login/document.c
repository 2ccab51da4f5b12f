/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/terminal.h"
#include "payload/login/command.h"
#include "payload/login/document.h"

#define INDENT 4 /* of what is left of a line that is too long */

static void add_value(const json_t *value, struct buf *ret)
{
	if (json_is_string(value))
		buf_str(ret, json_string_value(value));
	else if (json_is_integer(value))
		buf_printf(ret, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		buf_str(ret, json_is_true(value) ? "yes" : "no");
}

static void add_row(json_t *row, struct buf *ret)
{
	const char *key, *before = "";
	json_t *value;

	json_object_foreach(row, key, value)
	{
		buf_printf(ret, "%s%s ", before, key);
		add_value(value, ret);
		before = ", ";
	}
}

/* value: an object is a row */
static void add_line(const struct screen *screen, const char *key, json_t *value, struct buf *ret)
{
	AUTO_BUF line = {0};

	buf_printf(&line, "%s: ", key);
	if (json_is_object(value))
		add_row(value, &line);
	else
		add_value(value, &line);
	screen_wrap(screen, buf_text(&line), 0, INDENT, ret);
	ret->failed |= line.failed;
}

static void add_lines(json_t *document, struct buf *ret)
{
	const struct screen screen = terminal_screen(STDOUT_FILENO);
	const char *key;
	json_t *value, *row;
	size_t i;

	json_object_foreach(document, key, value)
	{
		if (!json_is_array(value))
			add_line(&screen, key, value, ret);
		json_array_foreach(value, i, row)
		{
			add_line(&screen, key, row, ret);
		}
	}
}

int document_print(json_t *document, bool as_json)
{
	AUTO_FREE char *json = as_json ? json_text(document, JSON_INDENT(2)) : NULL;
	AUTO_BUF lines = {0};

	if (!as_json)
		add_lines(document, &lines);
	if (lines.failed || (as_json && !json) ||
	    fputs(as_json ? json : buf_text(&lines), stdout) < 0)
		return COMMAND_FAILED;
	return fflush(stdout) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

int document_problem(json_t *document, const struct err *problem, struct err *err)
{
	AUTO_JSON *part =
		json_pack("{s:b, s:o}", "ok", 0, "problem", json_quote(span_of(problem->msg)));

	if (!part || json_object_update(document, part) < 0)
		return err_oom(err);
	if (problem->remedy[0] &&
	    json_object_set_new(document, "remedy", json_quote(span_of(problem->remedy))) < 0)
		return err_oom(err);
	return 0;
}

int document_outcome(const char *program, bool as_json, json_t *document, int r,
		     const struct err *err)
{
	AUTO_JSON *outcome = json_pack("{s:b}", "ok", r == 0);
	struct err ignored = {0};

	if (r < 0 && !as_json)
		return command_failed(program, err);
	if (!outcome)
		return COMMAND_FAILED;
	if (r < 0)
		r = document_problem(outcome, err, &ignored) < 0 ? -1 : r;
	else if (json_object_update(outcome, document) < 0)
		r = -1;
	if (document_print(outcome, as_json) != COMMAND_OK)
		r = -1;
	return r < 0 ? COMMAND_FAILED : COMMAND_OK;
}
