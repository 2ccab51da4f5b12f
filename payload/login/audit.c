/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <stdio.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/audit.h"

#define VALUE_MAX 320 /* bytes of one value that are logged */

/* The event as a line, and as the journal's fields. */
struct event {
	struct buf line, fields;
};

static void event_done(struct event *event)
{
	buf_done(&event->line);
	buf_done(&event->fields);
}

static void add_field(struct buf *fields, const char *key, struct span value)
{
	buf_str(fields, "AADSSH_");
	for (; *key; key++)
		buf_add(fields, &(char){(char)toupper((unsigned char)*key)}, 1);
	buf_str(fields, "=");
	buf_span(fields, value);
	buf_str(fields, "\n");
}

/* Values are plain, and quoted in the line, so that none can pass for another field. */
static void add_span(struct event *event, const char *key, struct span value)
{
	char plain[VALUE_MAX];
	size_t len = 0;

	if (value.len == 0)
		return;
	for (; len < value.len && len < VALUE_MAX; len++)
		plain[len] =
			value.p[len] >= 0x20 && value.p[len] <= 0x7e ? (char)value.p[len] : '?';
	add_field(&event->fields, key, (struct span){(unsigned char *)plain, len});
	buf_printf(&event->line, " %s=\"", key);
	for (size_t i = 0; i < len; i++) {
		if (plain[i] == '"' || plain[i] == '\\')
			buf_str(&event->line, "\\");
		buf_add(&event->line, &plain[i], 1);
	}
	buf_str(&event->line, "\"");
}

static void add(struct event *event, const char *key, const char *value)
{
	add_span(event, key, span_of(value ? value : ""));
}

/* A word or a number, which needs no quotes. */
static void add_bare(struct event *event, const char *key, const char *value)
{
	buf_printf(&event->line, "%s%s=%s", event->line.len ? " " : "", key, value);
	add_field(&event->fields, key, span_of(value));
}

void audit_certificate(struct audit *audit, const struct verified *verified)
{
	audit->oid = verified->identity.oid;
	audit->tenant = verified->identity.tid;
	audit->key_id = verified->cert.key_id;
	audit->ca = verified->ca;
}

void audit_line(const struct log *log, const struct audit *audit, const struct err *err)
{
	CLEANUP(event_done) struct event event = {.line = {0}};
	char ms[24];

	add_bare(&event, "decision", err ? "refuse" : "accept");
	add(&event, "action", audit->action);
	add(&event, "user", audit->user);
	add(&event, "oid", audit->oid);
	add(&event, "tenant", audit->tenant);
	add_span(&event, "key_id", audit->key_id);
	add(&event, "ca", audit->ca);
	add(&event, "service", audit->service);
	add(&event, "rhost", audit->rhost);
	add(&event, "assignment", audit->assignment);
	add(&event, "scope", audit->scope);
	if (err) {
		add(&event, "reason", reason_text(reason_of(err))->id);
		add(&event, "message", err->msg);
		add(&event, "remedy", err->remedy);
	}
	(void)snprintf(ms, sizeof(ms), "%lld", (long long)audit->ms);
	add_bare(&event, "ms", ms);
	log_event(log, err ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, buf_text(&event.line),
		  buf_text(&event.fields));
}
