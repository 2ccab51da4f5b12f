/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "handler/bundle.h"
#include "handler/text.h"
#include "lib/core/aadindex.h"
#include "lib/core/cleanup.h"
#include "lib/core/conf.h"

#define TOP BUNDLE_TOP "/"

void bundle_done(struct bundle *bundle)
{
	redact_done(&bundle->redact);
	for (size_t i = 0; i < bundle->count; i++)
		buf_done(&bundle->files[i].text);
	buf_done(&bundle->left_out);
	buf_done(&bundle->absent);
}

/* Neither a terminal nor the redactor is led astray. */
static void clean(struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		if ((unsigned char)text->data[i] < 0x20 && text->data[i] != '\n' &&
		    text->data[i] != '\t')
			text->data[i] = '?';
}

void bundle_leave_out(struct bundle *bundle, const char *name, const char *fmt, ...)
{
	struct err why = {0};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why.msg, sizeof(why.msg), fmt, ap);
	va_end(ap);
	buf_printf(&bundle->left_out, "%s: %s\n", name, why.msg);
}

void bundle_miss(struct bundle *bundle, const char *name, const struct err *err)
{
	if (err->code == ENOENT)
		buf_printf(&bundle->absent, "%s\n", name);
	else
		bundle_leave_out(bundle, name, "%s", err->msg);
}

void bundle_keep(struct bundle *bundle, const char *name, const char *why, struct buf *text,
		 const char *note)
{
	struct tarball_file *file = &bundle->files[bundle->count];
	struct bundle_piece *piece = &bundle->pieces[bundle->count];
	AUTO_BUF label = {0};

	clean(text);
	redact_text(&bundle->redact, span_of(name), &label);
	if (bundle->count == BUNDLE_FILES_MAX || label.len + sizeof(TOP) > sizeof(file->name)) {
		bundle_leave_out(bundle, name, "too many files, or too long a name");
		return;
	}
	(void)snprintf(file->name, sizeof(file->name), TOP);
	ascii_text(buf_text(&label), file->name + strlen(TOP), sizeof(file->name) - strlen(TOP));
	file->text = (struct buf){0};
	redact_text(&bundle->redact, buf_bytes(text), &file->text);
	piece->why = why;
	(void)snprintf(piece->note, sizeof(piece->note), "%s", note);
	bundle->count++;
	buf_done(text);
	*text = (struct buf){0};
}

/* ---- the index */

static void redact_lines(struct bundle *bundle, struct buf *lines)
{
	AUTO_BUF redacted = {.failed = lines->failed};

	clean(lines);
	redact_text(&bundle->redact, buf_bytes(lines), &redacted);
	buf_move(lines, &redacted);
}

static void add_lines(struct buf *index, const char *heading, const struct buf *lines)
{
	struct span rest = buf_bytes(lines), line;

	if (lines->len)
		buf_printf(index, "\n%s\n", heading);
	while (span_line(&rest, &line))
		buf_printf(index, "  %.*s\n", (int)line.len, (const char *)line.p);
	index->failed |= lines->failed;
}

void bundle_counts(const struct bundle *bundle, struct buf *ret)
{
	const struct redact *redact = &bundle->redact;
	const char *gap = "";

	for (size_t i = 0; i < REDACT_KINDS; i++) {
		if (redact->counts[i] == 0)
			continue;
		buf_printf(ret, "%s%s %zu", gap, redact_kind_name((enum redact_kind)i),
			   redact->counts[i]);
		gap = ", ";
	}
	buf_str(ret, *gap ? "" : "nothing");
}

static void make_index(struct bundle *bundle, const char *version, int64_t time_s)
{
	struct buf *index = &bundle->files[0].text;
	char time[TIME_TEXT_SIZE];

	redact_lines(bundle, &bundle->left_out);
	redact_lines(bundle, &bundle->absent);
	time_text(time_s, time);
	(void)snprintf(bundle->files[0].name, sizeof(bundle->files[0].name), TOP "INDEX.txt");
	buf_printf(index, "Made by aadssh-handler %s at %s.\n\nReplaced: ", version, time);
	bundle_counts(bundle, index);
	buf_printf(index,
		   ".\nNames of people of the tenant are %s.\n"
		   "Object ids, tenant and subscription stay: no role is found without them.\n"
		   "Names of local accounts, which have no domain, stay too.\n"
		   "Never read: protected settings and their keys, " CONF_SECRET_PATH
		   ",\ncached tokens, host keys, homes, who is in " AADPASSWD_PATH ".\n\n",
		   bundle->redact.keep_names
			   ? "kept, as asked for by --keep-names"
			   : "replaced: person-1@domain-1 is the same one everywhere");
	for (size_t i = 1; i < bundle->count; i++)
		buf_printf(index, "%-34s %7zu  %s%s%s\n", bundle->files[i].name + strlen(TOP),
			   bundle->files[i].text.len, bundle->pieces[i].why,
			   bundle->pieces[i].note[0] ? "; " : "", bundle->pieces[i].note);
	add_lines(index, "Left out:", &bundle->left_out);
	add_lines(index, "Not on this machine:", &bundle->absent);
}

int bundle_pack(struct bundle *bundle, const char *version, int64_t time_s, struct buf *ret,
		struct err *err)
{
	bool failed = false;

	make_index(bundle, version, time_s);
	for (size_t i = 0; i < bundle->count; i++)
		failed |= bundle->files[i].text.failed;
	if (failed)
		return err_oom(err);
	return tarball_pack(bundle->files, bundle->count, time_s, ret, err);
}
