/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/base64.h"
#include "lib/core/cert.h"
#include "lib/core/reason.h"
#include "payload/login/certfile.h"

#define TYPE_TOLD_MAX 48

static bool next_line(struct span *text, struct span *ret)
{
	while (span_line(text, ret)) {
		*ret = span_trim(*ret);
		if (ret->len && ret->p[0] != '#')
			return true;
	}
	return false;
}

int certfile_decode(struct span text, struct buf *ret, struct err *err)
{
	struct span line, first, second;
	int r;

	if (text.len > CERTFILE_MAX)
		return reason_refuse(err, REASON_CERT_MALFORMED, "the file is longer than 64 KiB");
	if (!next_line(&text, &line) || !span_word(&line, &first))
		return reason_refuse(err, REASON_CERT_MALFORMED, "the file holds nothing");
	if (span_word(&line, &second)) {
		if (!span_is(first, CERT_TYPE_NAME))
			return reason_refuse(
				err, REASON_RECORD_MISSING,
				"the file holds a %.*s, not a " CERT_TYPE_NAME,
				(int)(first.len < TYPE_TOLD_MAX ? first.len : TYPE_TOLD_MAX),
				(const char *)first.p);
		first = second;
	}
	r = base64_decode(first, ret, err);
	return r < 0 ? reason_add(err, REASON_CERT_MALFORMED) : 0;
}
