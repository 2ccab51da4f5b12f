/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/core/base64.h"
#include "lib/core/handoff.h"
#include "lib/core/num.h"
#include "lib/core/reason.h"

#define FIRST_LINE "aadsshlogin-handoff 1"

static bool name_ok(const char *name)
{
	char lower[NAME_SIZE];

	return name_lower(name, lower, sizeof(lower)) && name_shaped(lower);
}

int handoff_format(const struct handoff *record, struct buf *ret, struct err *err)
{
	AUTO_BUF text = {0};

	if (record->boottime_ns < 0 || !name_ok(record->name) || record->cert.len == 0)
		return err_set(err, EINVAL, "the hand-off record has no time, name or certificate");
	buf_printf(&text, FIRST_LINE "\nboottime %" PRId64 "\nname %s\ncertificate ",
		   record->boottime_ns, record->name);
	base64_encode(buf_bytes(&record->cert), &text);
	buf_str(&text, "\n");
	if (buf_ok(&text, err) < 0)
		return -err->code;
	if (text.len > HANDOFF_MAX)
		return err_set(err, EMSGSIZE, "the hand-off record would be over %d bytes long",
			       HANDOFF_MAX);
	buf_span(ret, buf_bytes(&text));
	return buf_ok(ret, err);
}

/* The rest of the next line, which must begin with prefix. */
static bool take_line(struct span *text, const char *prefix, struct span *ret)
{
	struct span line, head;

	if (!span_line(text, &line) || !span_take(&line, strlen(prefix), &head) ||
	    !span_is(head, prefix))
		return false;
	*ret = line;
	return true;
}

static int malformed(struct err *err, const char *what)
{
	(void)err_set(err, EBADMSG, "the hand-off record has no valid %s", what);
	return reason_add(err, REASON_RECORD_MALFORMED);
}

int handoff_parse(struct span text, struct handoff *ret, struct err *err)
{
	AUTO_HANDOFF record = {0};
	struct span value;
	uint64_t boottime;

	if (text.len > HANDOFF_MAX) {
		(void)err_set(err, EMSGSIZE, "the hand-off record is over %d bytes long",
			      HANDOFF_MAX);
		return reason_add(err, REASON_RECORD_MALFORMED);
	}
	if (text.len == 0 || text.p[text.len - 1] != '\n')
		return malformed(err, "end");
	if (!take_line(&text, FIRST_LINE, &value) || value.len != 0)
		return malformed(err, "first line");
	if (!take_line(&text, "boottime ", &value) || !num_parse(value, INT64_MAX, &boottime))
		return malformed(err, "boottime");
	if (!take_line(&text, "name ", &value) ||
	    !span_copy(value, record.name, sizeof(record.name)) || !name_ok(record.name))
		return malformed(err, "name");
	if (!take_line(&text, "certificate ", &value))
		return malformed(err, "certificate");
	if (base64_decode(value, &record.cert, err) < 0)
		return reason_malformed(err, REASON_RECORD_MALFORMED);
	if (record.cert.len == 0)
		return malformed(err, "certificate");
	if (text.len != 0)
		return malformed(err, "last line");
	record.boottime_ns = (int64_t)boottime;
	*ret = record;
	record = (struct handoff){0};
	return 0;
}

void handoff_done(struct handoff *record)
{
	buf_done(&record->cert);
	*record = (struct handoff){0};
}
