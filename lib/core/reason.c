/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/reason.h"

static const struct reason_text reasons[REASON_COUNT] = {
	[REASON_NONE] = {"none", "The login is not refused.", ""},
#define REASON_ROW(name, id, cause, remedy) [REASON_##name] = {id, cause, remedy},
	REASONS(REASON_ROW)
#undef REASON_ROW
};

int reason_refuse(struct err *err, enum reason reason, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)err_set(err, EACCES, "%s", text);
	return reason_add(err, reason);
}

int reason_add(struct err *err, enum reason reason)
{
	if (err->reason == REASON_NONE) {
		err->reason = (int)reason;
		(void)err_remedy(err, 0, "%s", reason_text(reason)->remedy);
	}
	return -err->code;
}

int reason_malformed(struct err *err, enum reason reason)
{
	if (err->code == ENOMEM)
		return -ENOMEM;
	if (err->code == EINVAL)
		err->code = EBADMSG;
	return reason_add(err, reason);
}

enum reason reason_of(const struct err *err)
{
	bool known = err->reason > REASON_NONE && err->reason < REASON_COUNT;

	return known ? (enum reason)err->reason : REASON_INTERNAL;
}

const struct reason_text *reason_text(enum reason reason)
{
	return &reasons[(unsigned)reason < REASON_COUNT ? reason : REASON_INTERNAL];
}

enum reason reason_find(const char *id)
{
	for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++)
		if (strcmp(reasons[i].id, id) == 0)
			return (enum reason)i;
	return REASON_NONE;
}
