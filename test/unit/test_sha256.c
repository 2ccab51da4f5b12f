/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <openssl/sha.h>
#include <cmocka.h>

#include "lib/core/sha256.h"

/* FIPS 180-4's own example, so that two equal mistakes would not do. */
static void abc_has_the_hash_of_the_standard(void **state)
{
	static const unsigned char expected[SHA256_LEN] = {
		0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
		0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
		0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	unsigned char hash[SHA256_LEN];

	(void)state;
	sha256(SPAN_LIT("abc"), hash);
	assert_memory_equal(hash, expected, SHA256_LEN);
}

static void every_length_to_five_blocks_is_as_with_openssl(void **state)
{
	unsigned char bytes[5 * 64 + 1], ours[SHA256_LEN], theirs[SHA256_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 131 + 7);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		sha256((struct span){bytes, len}, ours);
		assert_non_null(SHA256(bytes, len, theirs));
		assert_memory_equal(ours, theirs, SHA256_LEN);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(abc_has_the_hash_of_the_standard),
		cmocka_unit_test(every_length_to_five_blocks_is_as_with_openssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
