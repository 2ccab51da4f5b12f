/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <string.h>

#include "lib/core/sshrsa.h"

static const struct span type_name = {(const unsigned char *)"ssh-rsa", 7};

/* A positive mpint: the shortest form, so a leading zero only before a byte of 0x80 or more. */
static bool take_mpint(struct span *in, struct span *ret)
{
	struct span number, zero;

	if (!span_string(in, &number) || number.len == 0 || number.p[0] >= 0x80)
		return false;
	if (number.p[0] == 0) {
		(void)span_take(&number, 1, &zero);
		if (number.len == 0 || number.p[0] < 0x80)
			return false;
	}
	*ret = number;
	return true;
}

bool sshrsa_take(struct span *in, struct sshrsa *ret)
{
	struct span rest = *in;
	struct sshrsa key;

	if (!take_mpint(&rest, &key.e) || !take_mpint(&rest, &key.n))
		return false;
	*in = rest;
	*ret = key;
	return true;
}

bool sshrsa_parse(struct span blob, struct sshrsa *ret)
{
	struct span type;
	struct sshrsa key;

	if (!span_string(&blob, &type) || !span_eq(type, type_name) || !sshrsa_take(&blob, &key) ||
	    blob.len != 0)
		return false;
	*ret = key;
	return true;
}

static void add_length(struct buf *ret, size_t len)
{
	const unsigned char bytes[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
					(unsigned char)(len >> 8), (unsigned char)len};

	buf_add(ret, bytes, sizeof(bytes));
}

static void add_mpint(struct buf *ret, struct span number)
{
	bool high = number.p[0] >= 0x80;

	add_length(ret, number.len + (high ? 1 : 0));
	if (high)
		buf_add(ret, "", 1);
	buf_span(ret, number);
}

void sshrsa_format(const struct sshrsa *key, struct buf *ret)
{
	add_length(ret, type_name.len);
	buf_span(ret, type_name);
	add_mpint(ret, key->e);
	add_mpint(ret, key->n);
}

size_t sshrsa_bits(const struct sshrsa *key)
{
	size_t bits = key->n.len * 8;

	for (unsigned top = key->n.p[0]; top < 0x80; top <<= 1)
		bits--;
	return bits;
}

bool sshrsa_acceptable(const struct sshrsa *key)
{
	static const struct span exponent = {(const unsigned char *)"\x01\x00\x01", 3};
	size_t bits = sshrsa_bits(key);

	return span_eq(key->e, exponent) && (key->n.p[key->n.len - 1] & 1) != 0 &&
	       bits >= SSHRSA_BITS_MIN && bits <= SSHRSA_BITS_MAX;
}
