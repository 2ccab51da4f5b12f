/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/err.h"

/* Those of UTF-8 too, U+0080 to U+009F: xterm takes U+009B for ESC [. */
static void printable(char *text)
{
	for (unsigned char before = 0; *text; before = (unsigned char)*text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f || (before == 0xc2 && c >= 0x80 && c < 0xa0))
			*text = '?';
	}
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

bool err_is_shortage(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}
