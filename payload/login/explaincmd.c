/* SPDX-License-Identifier: MIT */
/* `aadsshlogin explain`: the rows for people, or as JSON. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/screen.h"
#include "lib/sys/fs.h"
#include "lib/sys/terminal.h"
#include "payload/login/certfile.h"
#include "payload/login/command.h"
#include "payload/login/document.h"
#include "payload/login/explain.h"

#define NAME_WIDTH 15 /* of a check */

struct options {
	const char *user, *cert; /* cert "-": standard input; NULL: none */
	bool as_json;
};

static bool parse(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){.user = NULL};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			ret->as_json = true;
		else if (strcmp(argv[i], "--cert") == 0 && i + 1 < argc && !ret->cert)
			ret->cert = argv[++i];
		else if (argv[i][0] != '-' && !ret->user)
			ret->user = argv[i];
		else
			return false;
	}
	return ret->user != NULL;
}

/* Programs of ours work in "/", so that a path from elsewhere would mean another file. */
static int read_certificate(struct sys *sys, const char *path, struct buf *ret, struct err *err)
{
	if (strcmp(path, "-") == 0)
		return fs_read_fd(STDIN_FILENO, "the certificate", CERTFILE_MAX, ret, err);
	if (path[0] != '/') {
		(void)err_set(err, EINVAL, "%.200s is not an absolute path", path);
		return err_remedy(err, 0, "give the whole path, or - for standard input");
	}
	return fs_read(sys, path, FS_FOLLOW, CERTFILE_MAX, ret, NULL, err);
}

static json_t *row_json(const struct explain_row *row)
{
	return json_pack("{s:s, s:s, s:s, s:s*}", "check", row->check, "state",
			 explain_state_name(row->state), "seen", row->seen, "reason",
			 row->reason ? reason_text(row->reason)->id : NULL);
}

static json_t *document_of(const struct options *options, const struct explanation *explanation)
{
	const struct explain_row *refusal = explanation->refusal;
	const struct reason_text *text = reason_text(refusal ? refusal->reason : REASON_NONE);
	const char *command = explanation->command;
	AUTO_JSON *rows = json_array();

	for (size_t i = 0; i < explanation->count; i++)
		if (json_array_append_new(rows, row_json(&explanation->rows[i])) < 0)
			return NULL;
	return json_pack("{s:b, s:o, s:O, s:s*, s:s*, s:s*, s:s*, s:o*}", "ok", !refusal, "user",
			 json_quote(span_of(options->user)), "checks", rows, "refusedAt",
			 refusal ? refusal->check : NULL, "reason", refusal ? text->id : NULL,
			 "problem", refusal ? text->cause : NULL, "remedy",
			 refusal ? text->remedy : NULL, "command",
			 command[0] ? json_quote(span_of(command)) : NULL);
}

static const enum screen_colour colours[] = {
	[EXPLAIN_OK] = SCREEN_GREEN,
	[EXPLAIN_REFUSED] = SCREEN_RED,
	[EXPLAIN_SKIPPED] = SCREEN_DIM,
	[EXPLAIN_NOTE] = SCREEN_YELLOW,
};

static void add_row(const struct screen_list *list, const struct explain_row *row)
{
	screen_row(list, colours[row->state], explain_state_name(row->state), row->check,
		   row->seen);
}

static void add_refusal(const struct screen_list *list, const struct explanation *explanation)
{
	const struct reason_text *text = reason_text(explanation->refusal->reason);

	screen_more(list, "reason:", text->id);
	screen_more(list, "cause:", text->cause);
	screen_more(list, "do:", text->remedy);
	screen_help(list, explanation->command);
}

static void add_lines(const struct explanation *explanation, struct buf *ret)
{
	const struct screen screen = terminal_screen(STDOUT_FILENO);
	const struct screen_list list = {.screen = &screen, .name_width = NAME_WIDTH, .ret = ret};
	const struct explain_row *refusal = explanation->refusal;

	for (size_t i = 0; i < explanation->count; i++) {
		add_row(&list, &explanation->rows[i]);
		if (&explanation->rows[i] == refusal)
			add_refusal(&list, explanation);
	}
	if (refusal)
		buf_printf(ret, "the login would be refused: %s\n",
			   reason_text(refusal->reason)->id);
	else
		buf_str(ret, "the login would be accepted, as far as it can be told\n");
}

static int print_lines(const struct explanation *explanation)
{
	AUTO_BUF text = {0};

	add_lines(explanation, &text);
	return !text.failed && fputs(buf_text(&text), stdout) >= 0 && fflush(stdout) == 0
		       ? COMMAND_OK
		       : COMMAND_FAILED;
}

static int tell(const struct options *options, const struct explanation *explanation)
{
	AUTO_JSON *document = NULL;

	if (!options->as_json)
		return print_lines(explanation);
	document = document_of(options, explanation);
	return document ? document_print(document, true) : COMMAND_FAILED;
}

/* Nothing was told: neither 0 nor 1 would be true. */
static int not_told(const struct options *options, const struct err *err)
{
	(void)document_outcome("aadsshlogin", options->as_json, NULL, -err->code, err);
	return COMMAND_USAGE;
}

int explain_command(struct sys *sys, int argc, char **argv)
{
	struct explain_question question = {.user = NULL};
	struct explanation explanation;
	struct err err = {0}, unusable = {0};
	struct options options;
	AUTO_BUF text = {0};
	int r;

	if (!parse(argc, argv, &options))
		return command_usage(argc, argv,
				     "aadsshlogin explain USER [--cert FILE|-] [--json]");
	if (command_needs_root(&err) < 0)
		return not_told(&options, &err);
	r = options.cert ? read_certificate(sys, options.cert, &text, &unusable) : 0;
	if (r < 0 && r != -EMSGSIZE && r != -EBADMSG)
		return not_told(&options, &unusable);
	if (r < 0)
		(void)reason_add(&unusable, REASON_CERT_MALFORMED);
	question = (struct explain_question){.user = options.user,
					     .has_cert = options.cert,
					     .cert = buf_bytes(&text),
					     .cert_err = r < 0 ? &unusable : NULL};
	explain(sys, &question, &explanation);
	if (tell(&options, &explanation) != COMMAND_OK)
		return COMMAND_USAGE;
	return explanation.refusal ? COMMAND_FAILED : COMMAND_OK;
}
