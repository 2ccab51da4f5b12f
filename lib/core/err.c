/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/err.h"

static void printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static void format(char *to, size_t size, const char *fmt, va_list ap)
{
	if (vsnprintf(to, size, fmt, ap) < 0)
		to[0] = '\0';
	printable(to);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->code = code;
	err->outcome = 0;
	err->reason = 0;
	err->remedy[0] = '\0';
	return -code;
}

int err_sys(struct err *err, const char *fmt, ...)
{
	int code = errno ? errno : EIO;
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	format(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", strerror(code));
	err->code = code;
	err->outcome = 0;
	err->reason = 0;
	err->remedy[0] = '\0';
	return -code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char clause[ERR_MSG_MAX];
	char whole[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	format(clause, sizeof(clause), fmt, ap);
	va_end(ap);
	if (snprintf(whole, sizeof(whole), "%s: %s", clause, err->msg) < 0)
		return -err->code;
	memcpy(err->msg, whole, sizeof(whole));
	return -err->code;
}

int err_remedy(struct err *err, int outcome, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(err->remedy, sizeof(err->remedy), fmt, ap);
	va_end(ap);
	if (outcome)
		err->outcome = outcome;
	return -err->code;
}

int err_oom(struct err *err)
{
	return err_set(err, ENOMEM, "out of memory");
}
