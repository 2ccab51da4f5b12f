/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/plan.h"
#include "handler/report.h"
#include "handler/text.h"
#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/diff.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"

#define OWNER_SIZE 16
#define META_SIZE (OWNER_SIZE * 2 + 8)
#define META_CHANGE_SIZE (2 * META_SIZE + 16)
#define FIELDS 4 /* of a line of changes_brings */

static const char *const kinds[] = {
	[CHANGE_WRITE] = "write", [CHANGE_REMOVE] = "remove", [CHANGE_MKDIR] = "mkdir",
	[CHANGE_RMDIR] = "rmdir", [CHANGE_TIDY] = "remove",   [CHANGE_CALL] = "call",
};

/* ---- what both forms tell */

static void name_owner(unsigned id, unsigned service, char ret[OWNER_SIZE])
{
	if (id == 0)
		(void)snprintf(ret, OWNER_SIZE, "root");
	else if (id == service || id == UID_TO_COME)
		(void)snprintf(ret, OWNER_SIZE, "%s", KEY_COMMAND_USER);
	else
		(void)snprintf(ret, OWNER_SIZE, "%u", id);
}

static bool has_diff(const struct change *change)
{
	return !change->secret && (change->kind == CHANGE_WRITE || change->kind == CHANGE_REMOVE);
}

static void add_diff(const struct change *change, struct buf *ret)
{
	diff_unified(change->path, buf_bytes(&change->before), change->existed,
		     buf_bytes(&change->after), change->kind == CHANGE_WRITE, ret);
}

static bool has_before(const struct change *change)
{
	return change->existed && change->kind != CHANGE_TIDY && change->kind != CHANGE_CALL;
}

static bool has_after(const struct change *change)
{
	return change->kind == CHANGE_WRITE || change->kind == CHANGE_MKDIR;
}

static size_t count_runs(const struct change *change)
{
	const char *argv[CHANGE_WORDS_MAX];
	size_t at = 0, count = 0;

	while (change_next_run(change, &at, argv))
		count++;
	return count;
}

static void count_change(struct plan *plan, const struct change *change)
{
	plan->written += change->kind == CHANGE_WRITE;
	plan->removed += change->kind == CHANGE_REMOVE || change->kind == CHANGE_TIDY;
	plan->directories += change->kind == CHANGE_MKDIR || change->kind == CHANGE_RMDIR;
	plan->programs += count_runs(change);
}

/* The columns of a line of changes_brings. */
static bool take_file(struct span *brings, struct span ret[FIELDS])
{
	struct span line;

	if (!span_line(brings, &line))
		return false;
	for (size_t i = 0; i < FIELDS; i++) {
		const unsigned char *tab = line.len ? memchr(line.p, '\t', line.len) : NULL;

		(void)span_take(&line, tab && i + 1 < FIELDS ? (size_t)(tab - line.p) : line.len,
				&ret[i]);
		(void)span_take(&line, 1, &(struct span){0});
	}
	return true;
}

/* ---- for people */

/* A line of ours: what it quotes of others neither ends it nor commands the terminal. */
static void add_plain(struct span line, struct buf *out)
{
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = line.p[i];
		/* U+0080 to U+009F in UTF-8: xterm takes U+009B for ESC [. */
		bool control = (c < 0x20 && c != '\t') || c == 0x7f ||
			       (c >= 0x80 && c < 0xa0 && i > 0 && line.p[i - 1] == 0xc2);

		buf_add(out, control ? "?" : (const char *)&line.p[i], 1);
	}
}

__attribute__((format(printf, 2, 3))) static void say(struct buf *out, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		out->failed = true;
		return;
	}
	add_plain(span_of(text), out);
	buf_str(out, "\n");
}

static void tell_meta(const struct plan *plan, const struct fs_meta *meta, char ret[META_SIZE])
{
	char user[OWNER_SIZE], group[OWNER_SIZE];

	name_owner(meta->uid, plan->service_uid, user);
	name_owner(meta->gid, plan->service_gid, group);
	(void)snprintf(ret, META_SIZE, "%04o %s:%s", (unsigned)meta->mode & 07777, user, group);
}

/* ": new, 0644 root:root", ": 0600 root:root, now 0640 root:root"; "" when that stays. */
static void tell_meta_change(const struct plan *plan, const struct change *change,
			     char ret[META_CHANGE_SIZE])
{
	const bool empty = change->kind == CHANGE_WRITE && change->after.len == 0;
	char before[META_SIZE], after[META_SIZE];

	tell_meta(plan, &change->meta_before, before);
	tell_meta(plan, &change->meta, after);
	ret[0] = '\0';
	if (!has_after(change))
		return;
	if (!change->existed)
		(void)snprintf(ret, META_CHANGE_SIZE, ": new, %s%s", empty ? "empty, " : "", after);
	else if (strcmp(before, after) != 0)
		(void)snprintf(ret, META_CHANGE_SIZE, ": %s, now %s", before, after);
}

static void add_runs(const struct change *change, struct buf *out)
{
	const char *argv[CHANGE_WORDS_MAX];
	size_t at = 0;

	while (change_next_run(change, &at, argv)) {
		buf_str(out, "    $");
		for (const char *const *word = argv; *word; word++) {
			buf_str(out, " ");
			shell_text(span_of(*word), out);
		}
		buf_str(out, "\n");
	}
}

/* The mode of a link says nothing, where it leads does. */
static bool is_link(const struct span field[FIELDS])
{
	return field[2].len > 3 && memcmp(field[2].p, "-> ", 3) == 0;
}

static void add_file(const struct span field[FIELDS], struct buf *out)
{
	const struct span mode = is_link(field) ? SPAN_LIT("link") : field[1];
	const struct span target = is_link(field) ? field[2] : (struct span){0};

	buf_printf(out, "    %-7.*s  %.*s  %.*s%s%.*s\n", (int)field[0].len,
		   (const char *)field[0].p, (int)mode.len, (const char *)mode.p, (int)field[3].len,
		   (const char *)field[3].p, target.len ? " " : "", (int)target.len,
		   (const char *)target.p);
}

static void add_files(const struct change *change, struct buf *out)
{
	struct span rest = buf_bytes(&change->brings), field[FIELDS];

	while (take_file(&rest, field))
		add_file(field, out);
}

static void add_change(const struct plan *plan, const struct change *change, struct buf *out)
{
	char meta[META_CHANGE_SIZE];

	tell_meta_change(plan, change, meta);
	say(out, "  %s%s", change->what, meta);
	if (change->secret)
		say(out, "    what is in it is secret, and not shown");
	add_runs(change, out);
	add_files(change, out);
	if (has_diff(change))
		add_diff(change, out);
}

static void add_failure(const struct plan *plan, const struct planned *planned, struct buf *out)
{
	const struct err *err = planned->err;
	const struct outcome *outcome = outcome_find(err->outcome);

	if (err->code && planned->refused)
		say(out, "  %s would end with %d: %s. %s", plan->verb, outcome->code, err->msg,
		    err->remedy[0] ? err->remedy : outcome->remedy);
	else if (err->code)
		say(out, "  cannot be told yet: %s", err->msg);
}

static void tell_step(struct plan *plan, const struct planned *planned)
{
	const struct changes *changes = planned->changes;
	const struct machine *machine = planned->machine;
	struct buf *out = &plan->text;

	buf_str(out, "\n");
	say(out, "%s: %s", planned->step->name, planned->step->purpose);
	for (size_t i = 0; i < changes->count; i++)
		add_change(plan, &changes->list[i], out);
	add_failure(plan, planned, out);
	for (size_t i = 0; i < machine->note_count; i++)
		say(out, "  note: %s", machine->notes[i]);
	if (changes->count == 0 && planned->err->code == 0)
		say(out, "  nothing to do");
}

/* ---- on a screen */

static const char *colour_of(const char *line)
{
	static const struct {
		const char *begin, *code;
	} rows[] = {
		{"--- ", "\x1b[1m"}, {"+++ ", "\x1b[1m"},    {"@@ ", "\x1b[36m"}, {"-", "\x1b[31m"},
		{"+", "\x1b[32m"},   {"    $ ", "\x1b[33m"}, {" ", ""},           {"\\", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strncmp(line, rows[i].begin, strlen(rows[i].begin)) == 0)
			return rows[i].code;
	return "\x1b[1m";
}

static void paint(struct span text, const struct screen *screen, struct buf *out)
{
	struct span line;

	while (span_line(&text, &line)) {
		char start[8] = "";
		const char *code;

		memcpy(start, line.p, line.len < sizeof(start) - 1 ? line.len : sizeof(start) - 1);
		code = screen->colours && line.len ? colour_of(start) : "";
		buf_str(out, code);
		add_plain(line, out);
		buf_str(out, code[0] ? "\x1b[0m\n" : "\n");
	}
}

static void add_heading(const struct plan *plan, struct buf *out)
{
	say(out, "What %s of version %s would do%s%s%s", plan->verb, plan->version,
	    plan->in_force[0] ? "; version " : "", plan->in_force,
	    plan->in_force[0] ? " is in force" : "");
}

static void add_sum(const struct plan *plan, struct buf *out)
{
	buf_printf(out,
		   "\nIn all: files written %zu, files removed %zu, directories %zu, programs run "
		   "%zu.\nThe extension's own records, in " STATE_DIR
		   " and its log folder, are not shown.\n",
		   plan->written, plan->removed, plan->directories, plan->programs);
}

void plan_text(const struct plan *plan, const struct screen *screen, struct buf *ret)
{
	AUTO_BUF text = {0};

	add_heading(plan, &text);
	buf_span(&text, buf_bytes(&plan->text));
	add_sum(plan, &text);
	if (screen->terminal)
		paint(buf_bytes(&text), screen, ret);
	else
		buf_span(ret, buf_bytes(&text));
	ret->failed = ret->failed || text.failed || plan->text.failed;
}

/* ---- for scripts */

static json_t *meta_json(const struct plan *plan, const struct fs_meta *meta)
{
	char mode[8], user[OWNER_SIZE], group[OWNER_SIZE];

	(void)snprintf(mode, sizeof(mode), "%04o", (unsigned)meta->mode & 07777);
	name_owner(meta->uid, plan->service_uid, user);
	name_owner(meta->gid, plan->service_gid, group);
	return json_pack("{s:s, s:s, s:s}", "mode", mode, "owner", user, "group", group);
}

static json_t *runs_json(const struct change *change)
{
	AUTO_JSON *list = json_array();
	const char *argv[CHANGE_WORDS_MAX];
	size_t at = 0;

	while (change_next_run(change, &at, argv)) {
		json_t *words = json_array();

		for (const char *const *word = argv; *word; word++)
			(void)json_array_append_new(words, report_quote(*word));
		if (json_array_append_new(list, words) < 0)
			return NULL;
	}
	return steal_ptr(list);
}

static json_t *file_json(const struct span field[FIELDS])
{
	const bool link = is_link(field);
	struct span what = field[2];
	json_t *file;

	if (link)
		(void)span_take(&what, 3, &(struct span){0});
	file = json_pack("{s:s%, s:s%, s:s%}", "state", field[0].p, field[0].len, "mode",
			 field[1].p, field[1].len, "path", field[3].p, field[3].len);
	if (file && what.len)
		(void)json_object_set_new(file, link ? "target" : "sha256",
					  json_stringn((const char *)what.p, what.len));
	return file;
}

static json_t *files_json(const struct change *change)
{
	AUTO_JSON *list = json_array();
	struct span rest = buf_bytes(&change->brings), field[FIELDS];

	while (take_file(&rest, field))
		if (json_array_append_new(list, file_json(field)) < 0)
			return NULL;
	return steal_ptr(list);
}

/* Files are bytes, and not always text that JSON can hold. */
static int set_diff(const struct change *change, json_t *json)
{
	AUTO_BUF diff = {0}, encoded = {0};
	json_t *text;

	add_diff(change, &diff);
	text = json_stringn(buf_text(&diff), diff.len);
	if (!diff.failed && text)
		return json_object_set_new(json, "diff", text);
	base64_encode(buf_bytes(&diff), &encoded);
	return diff.failed || encoded.failed
		       ? -1
		       : json_object_set_new(json, "diffBase64", json_string(buf_text(&encoded)));
}

static json_t *change_json(const struct plan *plan, const struct change *change)
{
	AUTO_JSON *json =
		json_pack("{s:s, s:o, s:o*, s:o*, s:o*, s:o*, s:o*}", "kind", kinds[change->kind],
			  "what", report_quote(change->what), "path",
			  change->path ? report_quote(change->path) : NULL, "before",
			  has_before(change) ? meta_json(plan, &change->meta_before) : NULL,
			  "after", has_after(change) ? meta_json(plan, &change->meta) : NULL,
			  "runs", change->runs.len ? runs_json(change) : NULL, "files",
			  change->brings.len ? files_json(change) : NULL);

	if (json && change->secret && json_object_set_new(json, "secret", json_true()) < 0)
		return NULL;
	if (json && has_diff(change) && set_diff(change, json) < 0)
		return NULL;
	return steal_ptr(json);
}

static int add_step_json(struct plan *plan, const struct planned *planned)
{
	const struct changes *changes = planned->changes;
	AUTO_JSON *list = json_array();

	for (size_t i = 0; i < changes->count; i++)
		if (json_array_append_new(list, change_json(plan, &changes->list[i])) < 0)
			return -1;
	if (!plan->steps)
		plan->steps = json_array();
	return json_array_append_new(
		plan->steps,
		json_pack("{s:s, s:s, s:O, s:o, s:o*}", "name", planned->step->name, "purpose",
			  planned->step->purpose, "changes", list, "notes",
			  report_notes_json(planned->machine->notes, planned->machine->note_count),
			  "error", planned->err->code ? report_quote(planned->err->msg) : NULL));
}

json_t *plan_json(struct plan *plan, const struct err *refusal)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:o, s:o*}", "schema", 1, "for", plan->verb,
			 "version", plan->version, "inForce", plan->in_force, "steps",
			 plan->steps ? json_incref(plan->steps) : json_array(), "refusal",
			 refusal->code ? report_error_json(refusal, refusal->outcome) : NULL);
}

/* ---- */

int plan_visit(const struct planned *planned, void *arg, struct err *err)
{
	struct plan *plan = arg;

	for (size_t i = 0; i < planned->changes->count; i++)
		count_change(plan, &planned->changes->list[i]);
	if (plan->as_json)
		return add_step_json(plan, planned) < 0 ? err_oom(err) : 0;
	tell_step(plan, planned);
	return buf_ok(&plan->text, err);
}

void plan_done(struct plan *plan)
{
	buf_done(&plan->text);
	json_decref(plan->steps);
	plan->steps = NULL;
}
