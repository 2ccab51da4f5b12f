/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/base64.h"
#include "lib/core/pgpkey.h"

#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define END "-----END PGP PUBLIC KEY BLOCK-----"
#define LINE 64 /* characters of a line of armor */

enum packet {
	PACKET_SIGNATURE = 2,
	PACKET_PUBLIC_KEY = 6,
	PACKET_MARKER = 10,
	PACKET_TRUST = 12,
	PACKET_USER_ID = 13,
	PACKET_PUBLIC_SUBKEY = 14,
	PACKET_USER_ATTRIBUTE = 17,
};

static bool take_number(struct span *in, size_t bytes, size_t *ret)
{
	struct span digits;

	if (!span_take(in, bytes, &digits))
		return false;
	*ret = 0;
	for (size_t i = 0; i < bytes; i++)
		*ret = *ret << 8 | digits.p[i];
	return true;
}

/* The length of a packet in the old format: 1, 2 or 4 bytes; to the end of the file is refused. */
static bool take_old_length(struct span *in, unsigned kind, size_t *ret)
{
	return kind < 3 && take_number(in, (size_t)1 << kind, ret);
}

/* The same in the new format; parts of a length that is not known yet are refused. */
static bool take_new_length(struct span *in, size_t *ret)
{
	size_t first, second;

	if (!take_number(in, 1, &first))
		return false;
	if (first == 255)
		return take_number(in, 4, ret);
	if (first >= 224)
		return false;
	*ret = first;
	if (first < 192)
		return true;
	if (!take_number(in, 1, &second))
		return false;
	*ret = ((first - 192) << 8) + second + 192;
	return true;
}

static bool take_packet(struct span *in, unsigned *ret_tag)
{
	struct span body;
	size_t head, len;

	if (!take_number(in, 1, &head) || !(head & 0x80))
		return false;
	*ret_tag = head & 0x40 ? head & 0x3f : (head >> 2) & 0xf;
	if (head & 0x40 ? !take_new_length(in, &len) : !take_old_length(in, head & 3, &len))
		return false;
	return span_take(in, len, &body);
}

static bool is_part(unsigned tag)
{
	return tag == PACKET_SIGNATURE || tag == PACKET_PUBLIC_KEY || tag == PACKET_MARKER ||
	       tag == PACKET_TRUST || tag == PACKET_USER_ID || tag == PACKET_PUBLIC_SUBKEY ||
	       tag == PACKET_USER_ATTRIBUTE;
}

static int check_keys(struct span keys, struct err *err)
{
	bool key = false;
	unsigned tag;

	while (keys.len) {
		if (!take_packet(&keys, &tag))
			return err_set(err, EBADMSG, "not an OpenPGP public key");
		key = key || tag == PACKET_PUBLIC_KEY;
		if (!is_part(tag) || !key)
			return err_set(err, EBADMSG,
				       "not an OpenPGP public key: it has a packet of type %u",
				       tag);
	}
	return key ? 0 : err_set(err, EBADMSG, "not an OpenPGP public key: it is empty");
}

/* What is behind "BEGIN": headers up to a blank line, base64, perhaps "=" and a checksum, "END". */
static int read_block(struct span *in, struct buf *ret, struct err *err)
{
	struct span line = {0};
	AUTO_BUF text = {0};
	bool more;

	do {
		more = span_line(in, &line);
		line = span_trim(line);
	} while (more && line.len && memchr(line.p, ':', line.len));
	for (; more && !span_is(line, END); line = span_trim(line)) {
		/* A checksum is of no use, and may be wrong. */
		if (line.len != 5 || line.p[0] != '=')
			buf_span(&text, line);
		more = span_line(in, &line);
	}
	if (!more || text.len == 0)
		return err_set(err, EBADMSG, "an OpenPGP public key without an end");
	if (buf_ok(&text, err) < 0)
		return -err->code;
	return base64_decode(buf_bytes(&text), ret, err);
}

static int read_armor(struct span file, struct buf *ret, struct err *err)
{
	struct span line;

	while (span_line(&file, &line)) {
		line = span_trim(line);
		if (line.len == 0)
			continue;
		if (!span_is(line, BEGIN))
			return err_set(err, EBADMSG, "neither an armored nor a binary OpenPGP key");
		if (read_block(&file, ret, err) < 0)
			return err_wrap(err, "an armored OpenPGP key is broken");
	}
	return 0;
}

int pgpkey_read(struct span file, struct buf *ret, struct err *err)
{
	AUTO_BUF keys = {0};
	int r = 0;

	if (file.len > PGPKEY_MAX)
		return err_set(err, EMSGSIZE, "an OpenPGP key of over %zu bytes", PGPKEY_MAX);
	if (file.len && file.p[0] & 0x80)
		buf_span(&keys, file);
	else
		r = read_armor(file, &keys, err);
	if (r == 0)
		r = buf_ok(&keys, err);
	if (r == 0)
		r = check_keys(buf_bytes(&keys), err);
	if (r < 0)
		return r;
	buf_span(ret, buf_bytes(&keys));
	return buf_ok(ret, err);
}

/* rpm wants the checksum.  Source: RFC 9580, section 6.1.1. */
static uint32_t crc24(struct span bytes)
{
	uint32_t crc = 0xb704ce;

	for (size_t i = 0; i < bytes.len; i++) {
		crc ^= (uint32_t)bytes.p[i] << 16;
		for (int bit = 0; bit < 8; bit++) {
			crc <<= 1;
			if (crc & 0x1000000)
				crc ^= 0x1864cfb;
		}
	}
	return crc;
}

void pgpkey_armor(struct span keys, struct buf *ret)
{
	const uint32_t crc = crc24(keys);
	const unsigned char sum[3] = {(unsigned char)(crc >> 16), (unsigned char)(crc >> 8),
				      (unsigned char)crc};

	buf_str(ret, BEGIN "\n\n");
	while (keys.len) {
		struct span part;

		(void)span_take(&keys, keys.len < LINE / 4 * 3 ? keys.len : LINE / 4 * 3, &part);
		base64_encode(part, ret);
		buf_str(ret, "\n");
	}
	buf_str(ret, "=");
	base64_encode((struct span){sum, sizeof(sum)}, ret);
	buf_str(ret, "\n" END "\n");
}
