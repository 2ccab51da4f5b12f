/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>

#include <openssl/evp.h>

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"

void base64_encode(struct span bytes, struct buf *ret)
{
	size_t len = (bytes.len + 2) / 3 * 4;
	char *to = bytes.len > BASE64_MAX ? NULL : buf_room(ret, len);

	if (!to) {
		ret->failed = true;
		return;
	}
	/* It ends the text with a NUL, for which buf_room has a byte. */
	(void)EVP_EncodeBlock((unsigned char *)to, bytes.p, (int)bytes.len);
	ret->len += len;
}

static int refuse(struct err *err)
{
	return err_set(err, EBADMSG, "not valid base64");
}

/*
 * OpenSSL's decoder passes over blanks, takes `=` anywhere and ignores stray bits.  Encoding what
 * it gave and comparing leaves one text only for each run of bytes.
 */
int base64_decode(struct span text, struct buf *ret, struct err *err)
{
	AUTO_BUF bytes = {0};
	AUTO_BUF again = {0};
	unsigned char *to;
	int len;

	if (text.len > BASE64_MAX)
		return err_set(err, EMSGSIZE, "base64 text of over %zu bytes", BASE64_MAX);
	if (text.len == 0)
		return 0;
	to = (unsigned char *)buf_room(&bytes, text.len);
	if (!to)
		return err_oom(err);
	len = EVP_DecodeBlock(to, text.p, (int)text.len);
	if (len <= 0)
		return refuse(err);
	bytes.len = (size_t)len;
	for (size_t end = text.len; end > text.len - 2 && text.p[end - 1] == '='; end--)
		bytes.len--;
	base64_encode(buf_bytes(&bytes), &again);
	if (buf_ok(&again, err) < 0)
		return -err->code;
	if (!span_eq(buf_bytes(&again), text))
		return refuse(err);
	buf_span(ret, buf_bytes(&bytes));
	return buf_ok(ret, err);
}

int base64url_decode(struct span text, struct buf *ret, struct err *err)
{
	AUTO_BUF standard = {0};
	char *to;

	if (text.len > BASE64_MAX)
		return err_set(err, EMSGSIZE, "base64 text of over %zu bytes", BASE64_MAX);
	to = buf_room(&standard, text.len);
	if (!to)
		return err_oom(err);
	for (size_t i = 0; i < text.len; i++) {
		char c = (char)text.p[i];

		if (c == '+' || c == '/' || c == '=')
			return refuse(err);
		to[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	standard.len = text.len;
	while (standard.len % 4 != 0 && !standard.failed)
		buf_add(&standard, "=", 1);
	if (buf_ok(&standard, err) < 0)
		return -err->code;
	return base64_decode(buf_bytes(&standard), ret, err);
}
