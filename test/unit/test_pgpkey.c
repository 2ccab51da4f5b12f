/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/pgpkey.h"

/* A key of GnuPG 2.2, made for this test. */
#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define BODY                                                                                       \
	"mDMEawHOihYJKwYBBAHaRw8BAQdAyj4mRTpFmNnecqYxc2nrwYU5BI0MYid1QayZ\n"                       \
	"Q/F95om0GUxhYiA8bGFiQGV4YW1wbGUuaW52YWxpZD6IkAQTFggAOBYhBDNQ9IHS\n"                       \
	"mitX9sW60zT43cQYawgTBQJrAc6KAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheA\n"                       \
	"AAoJEDT43cQYawgT43sBAPG0LI9qTGVy1mfRlr5A2qoo2hBaJ03s7GEUeZNmRGN3\n"                       \
	"AP9P9Cg0Eu8LQFJy8XHR8JbkS9l/rMsb8tXD15Zol14HCw==\n"
#define SUM "=gakn\n"
#define END "-----END PGP PUBLIC KEY BLOCK-----\n"
#define ARMORED BEGIN "\n" BODY SUM END

/* clang-format off */
static const struct row {
	const char *name;
	const char *file;
	int r;
	size_t len; /* of the keys */
} rows[] = {
	{"armored", ARMORED, 0, 226},
	{"armored_with_headers_and_blank_lines", "\n" BEGIN "Version: GnuPG v2\nComment: x\n\n" BODY SUM END "\n", 0, 226},
	{"armored_with_carriage_returns", "-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\nmAAA\r\n"
	 "-----END PGP PUBLIC KEY BLOCK-----\r\n", -EBADMSG, 0},
	{"without_a_checksum", BEGIN "\n" BODY END, 0, 226},
	{"two_blocks", ARMORED ARMORED, 0, 452},
	{"without_an_end", BEGIN "\n" BODY SUM, -EBADMSG, 0},
	{"without_a_body", BEGIN "\n" END, -EBADMSG, 0},
	{"body_that_is_not_base64", BEGIN "\n????\n" END, -EBADMSG, 0},
	{"text_before_the_block", "Sign in to read this\n" ARMORED, -EBADMSG, 0},
	{"text_after_the_block", ARMORED "x\n", -EBADMSG, 0},
	{"page_of_a_login", "<html></html>", -EBADMSG, 0},
	{"empty", "", -EBADMSG, 0},
	{"secret_key", "\x94\x01x", -EBADMSG, 0},
	{"new_format_secret_key", "\xc5\x01x", -EBADMSG, 0},
	{"message", "\xc8\x01x", -EBADMSG, 0},
	{"public_key", "\x98\x01x", 0, 3},
	{"new_format_public_key", "\xc6\x01x", 0, 3},
	{"user_id_alone", "\xb4\x01x", -EBADMSG, 0},
	{"signature_before_the_key", "\xc2\x01x\xc6\x01x", -EBADMSG, 0},
	{"key_then_secret_key", "\xc6\x01x\xc5\x01x", -EBADMSG, 0},
	{"packet_that_ends_too_late", "\xc6\x02x", -EBADMSG, 0},
	{"packet_without_a_length", "\xc6", -EBADMSG, 0},
	{"length_of_two_bytes_cut", "\xc6\xc0", -EBADMSG, 0},
	{"length_in_parts", "\xc6\xe0x", -EBADMSG, 0},
	{"length_to_the_end_of_the_file", "\x9bx", -EBADMSG, 0},
	{"length_beyond_everything", "\xc6\xff\xff\xff\xff\xffx", -EBADMSG, 0},
	{"bytes_after_the_key", "\xc6\x01xx", -EBADMSG, 0},
};
/* clang-format on */

static void is_read(void **state)
{
	const struct row *row = *state;
	AUTO_BUF keys = {0};
	struct err err = {0};

	assert_int_equal(pgpkey_read(span_of(row->file), &keys, &err), row->r);
	assert_int_equal(keys.len, row->len);
	assert_int_equal(err.code, -row->r);
}

static void what_is_read_can_be_armored_again(void **state)
{
	AUTO_BUF keys = {0}, text = {0}, again = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(pgpkey_read(span_of(ARMORED), &keys, &err), 0);
	pgpkey_armor(buf_bytes(&keys), &text);
	assert_string_equal(buf_text(&text), ARMORED);
	/* The binary form is taken as well. */
	assert_int_equal(pgpkey_read(buf_bytes(&keys), &again, &err), 0);
	assert_true(span_eq(buf_bytes(&keys), buf_bytes(&again)));
}

static void a_length_of_two_or_four_bytes_is_read(void **state)
{
	static const char *const heads[] = {"\x99\x01\x02", "\xc6\xc0\x42", "\xc6\xff\0\0\1\2"};
	static const size_t lens[] = {3, 3, 6};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		AUTO_BUF file = {0}, keys = {0};
		struct err err = {0};

		buf_add(&file, heads[i], lens[i]);
		for (int k = 0; k < 0x102; k++)
			buf_str(&file, "x");
		assert_int_equal(pgpkey_read(buf_bytes(&file), &keys, &err), 0);
		file.len--;
		assert_int_equal(pgpkey_read(buf_bytes(&file), &keys, &err), -EBADMSG);
	}
}

static void a_file_that_is_too_long_is_refused(void **state)
{
	AUTO_BUF file = {0}, keys = {0};
	struct err err = {0};

	(void)state;
	while (file.len <= PGPKEY_MAX)
		buf_str(&file, ARMORED);
	assert_int_equal(pgpkey_read(buf_bytes(&file), &keys, &err), -EMSGSIZE);
	assert_int_equal(keys.len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_can_be_armored_again),
		cmocka_unit_test(a_length_of_two_or_four_bytes_is_read),
		cmocka_unit_test(a_file_that_is_too_long_is_refused),
	};
	struct CMUnitTest table[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		table[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = is_read,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("files", table, NULL, NULL);
}
