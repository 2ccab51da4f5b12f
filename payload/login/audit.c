/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/buf.h"
#include "lib/core/reason.h"
#include "payload/login/audit.h"

#define VALUE_MAX 320 /* bytes of one value that are logged */

/* Values are quoted, so that none can pass for another field. */
static void add_span(struct buf *line, const char *key, struct span value)
{
	if (value.len == 0)
		return;
	buf_printf(line, " %s=\"", key);
	for (size_t i = 0; i < value.len && i < VALUE_MAX; i++) {
		char c = (char)value.p[i];

		if (c < 0x20 || c > 0x7e)
			c = '?';
		if (c == '"' || c == '\\')
			buf_str(line, "\\");
		buf_add(line, &c, 1);
	}
	buf_str(line, "\"");
}

static void add(struct buf *line, const char *key, const char *value)
{
	add_span(line, key, span_of(value ? value : ""));
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
	AUTO_BUF line = {0};

	buf_printf(&line, "decision=%s", err ? "refuse" : "accept");
	add(&line, "action", audit->action);
	add(&line, "user", audit->user);
	add(&line, "oid", audit->oid);
	add(&line, "tenant", audit->tenant);
	add_span(&line, "key_id", audit->key_id);
	add(&line, "ca", audit->ca);
	add(&line, "service", audit->service);
	add(&line, "rhost", audit->rhost);
	if (err) {
		add(&line, "reason", reason_text(reason_of(err))->id);
		add(&line, "message", err->msg);
		add(&line, "remedy", err->remedy);
	}
	buf_printf(&line, " ms=%lld", (long long)audit->ms);
	log_line(log, err ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "%s", buf_text(&line));
}
