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

#include "lib/core/cleanup.h"
#include "lib/core/json.h"

static int parse(const char *text, json_t **ret, struct err *err)
{
	return json_parse(span_of(text), "the document", ret, err);
}

static void a_byte_order_mark_is_accepted(void **state)
{
	AUTO_JSON *json = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(parse("\xef\xbb\xbf{\"a\":1}", &json, &err), 0);
}

static void bad_documents_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"", "the document is not valid JSON: line 1"},
		{"{\"a\":1", "the document is not valid JSON: line 1, column 6"},
		{"{\"a\":1}x", "the document is not valid JSON"},
		{"{\"a\":1,\"a\":2}", "duplicate object key"},
		{"{\"a\":\"\\u0000\"}", "the document is not valid JSON"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *json = NULL;
		struct err err = {0};

		assert_int_equal(parse(rows[i].text, &json, &err), -EBADMSG);
		assert_null(json);
		assert_non_null(strstr(err.msg, rows[i].message));
	}
}

static void deep_nesting_is_refused(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 8] = "";
	json_t *json = NULL;
	struct err err = {0};

	(void)state;
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		strcat(text, "[");
	assert_int_equal(parse(text, &json, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "nested deeper"));
	assert_int_equal(
		parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]",
		      &json, &err),
		0);
	json_decref(json);
}

static void wrong_kinds_name_key_found_and_expected(void **state)
{
	AUTO_JSON *json = NULL;
	struct err err = {0};
	const char *text = "kept";
	json_int_t number = 3;
	bool flag = true;

	(void)state;
	assert_int_equal(parse("{\"s\":1,\"i\":\"x\",\"b\":null}", &json, &err), 0);
	assert_int_equal(json_get_string(json, "s", &text, &err), -EINVAL);
	assert_string_equal(err.msg, "s is an integer, expected a string");
	assert_string_equal(text, "kept");
	assert_int_equal(json_get_int(json, "i", &number, &err), -EINVAL);
	assert_string_equal(err.msg, "i is a string, expected an integer");
	assert_int_equal(json_get_bool(json, "b", &flag, &err), 0);
	assert_true(flag);
	assert_int_equal(json_get_bool(json, "absent", &flag, &err), 0);
}

static void what_is_no_utf_8_can_be_quoted(void **state)
{
	static const struct {
		const char *text, *quoted;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"h\xc3\xa9", "h\xc3\xa9"},
		{"h\xe9", "h?"},
		{"cut \xc3\xa9\xc3", "cut ???"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON *quoted = json_quote(span_of(rows[i].text));

		assert_non_null(quoted);
		assert_string_equal(json_string_value(quoted), rows[i].quoted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_order_mark_is_accepted),
		cmocka_unit_test(bad_documents_are_refused_with_their_place),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(wrong_kinds_name_key_found_and_expected),
		cmocka_unit_test(what_is_no_utf_8_can_be_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
