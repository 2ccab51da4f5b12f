/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"

typedef int decoder(struct span text, struct buf *ret, struct err *err);

/* clang-format off */
static struct row {
	const char *name;
	decoder *decode;
	const char *text;
	const char *bytes; /* NULL: refused */
	size_t len;
} rows[] = {
	{"nothing", base64_decode, "", "", 0},
	{"one byte", base64_decode, "Zg==", "f", 1},
	{"two bytes", base64_decode, "Zm8=", "fo", 2},
	{"three bytes", base64_decode, "Zm9v", "foo", 3},
	{"a zero byte", base64_decode, "AA==", "\0", 1},
	{"last two of the alphabet", base64_decode, "+/+/", "\xfb\xff\xbf", 3},
	{"padding missing", base64_decode, "Zg", NULL, 0},
	{"padding short", base64_decode, "Zg=", NULL, 0},
	{"padding long", base64_decode, "Zm9v====", NULL, 0},
	{"padding inside", base64_decode, "Zg==Zg==", NULL, 0},
	{"padding before data", base64_decode, "Z=g=", NULL, 0},
	{"padding alone", base64_decode, "====", NULL, 0},
	{"stray bits", base64_decode, "Zh==", NULL, 0},
	{"stray bits of two bytes", base64_decode, "Zm9=", NULL, 0},
	{"blank before", base64_decode, " Zm9", NULL, 0},
	{"blanks before", base64_decode, "    Zm9v", NULL, 0},
	{"newline after", base64_decode, "Zm9v\n", NULL, 0},
	{"newlines after", base64_decode, "Zm9v\n\n\n\n", NULL, 0},
	{"newline inside", base64_decode, "Zm\n9v===", NULL, 0},
	{"other bytes", base64_decode, "Zm9\x80", NULL, 0},
	{"minus, which ends PEM", base64_decode, "Zm9v----", NULL, 0},
	{"url-safe alphabet", base64_decode, "-_-_", NULL, 0},

	{"url: nothing", base64url_decode, "", "", 0},
	{"url: one byte", base64url_decode, "Zg", "f", 1},
	{"url: two bytes", base64url_decode, "Zm8", "fo", 2},
	{"url: three bytes", base64url_decode, "Zm9v", "foo", 3},
	{"url: last two of the alphabet", base64url_decode, "-_-_", "\xfb\xff\xbf", 3},
	{"url: padding", base64url_decode, "Zg==", NULL, 0},
	{"url: standard alphabet", base64url_decode, "+/+/", NULL, 0},
	{"url: one letter", base64url_decode, "Z", NULL, 0},
	{"url: one letter too many", base64url_decode, "Zm9vZ", NULL, 0},
	{"url: stray bits", base64url_decode, "Zh", NULL, 0},
	{"url: blank", base64url_decode, "Zm9 ", NULL, 0},
};
/* clang-format on */

static void decodes_or_is_refused(void **state)
{
	const struct row *row = *state;
	AUTO_BUF got = {0};
	struct err err = {0};
	int r;

	buf_str(&got, "before ");
	r = row->decode(span_of(row->text), &got, &err);
	assert_int_equal(r, row->bytes ? 0 : -EBADMSG);
	assert_int_equal(got.len, strlen("before ") + row->len);
	assert_memory_equal(got.data, "before ", strlen("before "));
	if (row->len)
		assert_memory_equal(got.data + strlen("before "), row->bytes, row->len);
}

static void what_is_encoded_decodes_to_itself(void **state)
{
	unsigned char bytes[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		AUTO_BUF text = {0};
		AUTO_BUF again = {0};
		struct err err = {0};

		base64_encode((struct span){bytes, len}, &text);
		assert_int_equal(base64_decode(buf_bytes(&text), &again, &err), 0);
		assert_true(span_eq(buf_bytes(&again), (struct span){bytes, len}));
	}
}

static void the_maximum_is_kept(void **state)
{
	AUTO_FREE char *text = malloc(BASE64_MAX + 4);
	struct err err = {0};
	decoder *const decoders[] = {base64_decode, base64url_decode};

	(void)state;
	assert_non_null(text);
	memset(text, 'A', BASE64_MAX + 4);
	for (size_t i = 0; i < ARRAY_LEN(decoders); i++) {
		AUTO_BUF got = {0};
		struct span whole = {(unsigned char *)text, BASE64_MAX + 4};

		assert_int_equal(decoders[i](whole, &got, &err), -EMSGSIZE);
		assert_int_equal(got.len, 0);
		whole.len = BASE64_MAX;
		assert_int_equal(decoders[i](whole, &got, &err), 0);
		assert_int_equal(got.len, BASE64_MAX / 4 * 3);
	}
}

static void too_much_is_not_encoded(void **state)
{
	AUTO_FREE unsigned char *bytes = calloc(1, BASE64_MAX + 1);
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_non_null(bytes);
	base64_encode((struct span){bytes, BASE64_MAX + 1}, &text);
	assert_int_equal(buf_ok(&text, &err), -ENOMEM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_decodes_to_itself),
		cmocka_unit_test(the_maximum_is_kept),
		cmocka_unit_test(too_much_is_not_encoded),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){.name = rows[i].name,
					      .test_func = decodes_or_is_refused,
					      .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
