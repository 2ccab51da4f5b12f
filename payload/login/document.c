/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>

#include "lib/core/cleanup.h"
#include "payload/login/command.h"
#include "payload/login/document.h"

static void print_value(const json_t *value)
{
	if (json_is_string(value))
		(void)fputs(json_string_value(value), stdout);
	else if (json_is_integer(value))
		(void)printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		(void)fputs(json_is_true(value) ? "yes" : "no", stdout);
}

static void print_row(json_t *row)
{
	const char *key, *before = "";
	json_t *value;

	json_object_foreach(row, key, value)
	{
		(void)printf("%s%s ", before, key);
		print_value(value);
		before = ", ";
	}
	(void)puts("");
}

static void print_lines(json_t *document)
{
	const char *key;
	json_t *value, *row;
	size_t i;

	json_object_foreach(document, key, value)
	{
		if (json_is_array(value)) {
			json_array_foreach(value, i, row)
			{
				(void)printf("%s: ", key);
				print_row(row);
			}
			continue;
		}
		(void)printf("%s: ", key);
		print_value(value);
		(void)puts("");
	}
}

int document_print(json_t *document, bool as_json)
{
	AUTO_FREE char *text = as_json ? json_text(document, JSON_INDENT(2)) : NULL;

	if (!as_json)
		print_lines(document);
	else if (!text || fputs(text, stdout) < 0)
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
