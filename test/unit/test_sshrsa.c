/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/sshrsa.h"
#include "test/unit/source.h"

/* The largest number that is accepted, and one byte more. */
static unsigned char number[SSHRSA_BITS_MAX / 8 + 1];

static struct sshrsa key_of(unsigned char top, size_t len)
{
	memset(number, 0, sizeof(number));
	number[0] = top;
	number[len - 1] |= 1;
	return (struct sshrsa){.e = SPAN_LIT("\1\0\1"), .n = {number, len}};
}

static void a_real_key_is_read_and_written_back(void **state)
{
	AUTO_BUF text = {0};
	AUTO_BUF blob = {0};
	AUTO_BUF again = {0};
	struct span in, word;
	struct err err = {0};
	struct sshrsa key;

	(void)state;
	source_read("test/data/cert/ca.pub", &text);
	in = buf_bytes(&text);
	assert_true(span_word(&in, &word) && span_word(&in, &word));
	assert_int_equal(base64_decode(word, &blob, &err), 0);
	assert_true(sshrsa_parse(buf_bytes(&blob), &key));
	assert_int_equal(sshrsa_bits(&key), 2048);
	assert_true(sshrsa_acceptable(&key));
	sshrsa_format(&key, &again);
	assert_true(span_eq(buf_bytes(&again), buf_bytes(&blob)));
}

static void bits_are_counted_from_the_first_that_is_set(void **state)
{
	static const struct {
		unsigned char top;
		size_t len, bits;
	} rows[] = {{1, 1, 1}, {3, 1, 2}, {0x7f, 1, 7}, {0x80, 1, 8}, {1, 2, 9}, {0xff, 256, 2048}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sshrsa key = key_of(rows[i].top, rows[i].len);

		assert_int_equal(sshrsa_bits(&key), rows[i].bits);
	}
}

static void size_parity_and_exponent_decide(void **state)
{
	struct sshrsa key;

	(void)state;
	key = key_of(0x80, 256);
	assert_true(sshrsa_acceptable(&key));
	key = key_of(0x7f, 256);
	assert_false(sshrsa_acceptable(&key));
	key = key_of(0xff, 1024);
	assert_true(sshrsa_acceptable(&key));
	key = key_of(1, 1025);
	assert_false(sshrsa_acceptable(&key));
	key = key_of(0x80, 256);
	number[255] = 2;
	assert_false(sshrsa_acceptable(&key));
	key = key_of(0x80, 256);
	key.e = SPAN_LIT("\1\0\3");
	assert_false(sshrsa_acceptable(&key));
}

static void the_largest_blob_fits(void **state)
{
	struct sshrsa key = key_of(0xff, 1024);
	AUTO_BUF blob = {0};

	(void)state;
	sshrsa_format(&key, &blob);
	assert_int_equal(blob.len, SSHRSA_BLOB_MAX);
}

static void other_blobs_are_refused(void **state)
{
#define TYPE "\0\0\0\7ssh-rsa"
#define E "\0\0\0\3\1\0\1"
	static const struct span rows[] = {
		SPAN_LIT(""),
		SPAN_LIT(TYPE),
		SPAN_LIT(TYPE E),
		SPAN_LIT("\0\0\0\7ssh-dss" E "\0\0\0\1\3"),
		SPAN_LIT("\0\0\0\34ssh-rsa-cert-v01@openssh.com" E "\0\0\0\1\3"),
		SPAN_LIT(TYPE E "\0\0\0\0"), /* zero */
		SPAN_LIT(TYPE E "\0\0\0\1\0"), /* zero, written out */
		SPAN_LIT(TYPE E "\0\0\0\1\x80"), /* negative */
		SPAN_LIT(TYPE E "\0\0\0\2\0\x7f"), /* a spare zero byte */
		SPAN_LIT(TYPE E "\0\0\0\2\3"), /* cut */
		SPAN_LIT(TYPE E "\0\0\0\1\3\0"), /* a byte too many */
		SPAN_LIT(TYPE "\0\0\0\0"
			      "\0\0\0\1\3"),
	};
	struct sshrsa key = {.n = {number, 7}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_false(sshrsa_parse(rows[i], &key));
	assert_int_equal(key.n.len, 7);
	assert_true(sshrsa_parse(SPAN_LIT(TYPE E "\0\0\0\1\3"), &key));
	assert_true(sshrsa_parse(SPAN_LIT(TYPE E "\0\0\0\2\0\x80"), &key));
	assert_int_equal(key.n.len, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_key_is_read_and_written_back),
		cmocka_unit_test(bits_are_counted_from_the_first_that_is_set),
		cmocka_unit_test(size_parity_and_exponent_decide),
		cmocka_unit_test(the_largest_blob_fits),
		cmocka_unit_test(other_blobs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
