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
#include "lib/core/handoff.h"
#include "lib/core/reason.h"

#define HEAD "aadsshlogin-handoff 1\n"
#define TIME "boottime 123456789\n"
#define NAME "name Alice@contoso.com\n"
#define CERT "certificate Zm9v\n"

static void what_is_written_is_read_back(void **state)
{
	AUTO_HANDOFF record = {.boottime_ns = 123456789, .name = "Alice@contoso.com"};
	AUTO_HANDOFF again = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	buf_str(&record.cert, "foo");
	assert_int_equal(handoff_format(&record, &text, &err), 0);
	assert_string_equal(buf_text(&text), HEAD TIME NAME CERT);
	assert_int_equal(handoff_parse(buf_bytes(&text), &again, &err), 0);
	assert_int_equal(again.boottime_ns, record.boottime_ns);
	assert_string_equal(again.name, record.name);
	assert_true(span_eq(buf_bytes(&again.cert), buf_bytes(&record.cert)));
}

static void the_longest_name_is_read_back_and_one_more_is_refused(void **state)
{
	AUTO_HANDOFF record = {.boottime_ns = 1};
	AUTO_HANDOFF again = {0}, longer = {0};
	AUTO_BUF text = {0}, more = {0};
	struct err err = {0};

	(void)state;
	memset(record.name, 'x', NAME_MAX_BYTES);
	memcpy(record.name, "x@y.", 4);
	buf_str(&record.cert, "foo");
	assert_int_equal(handoff_format(&record, &text, &err), 0);
	assert_int_equal(handoff_parse(buf_bytes(&text), &again, &err), 0);
	assert_string_equal(again.name, record.name);
	buf_printf(&more, HEAD "boottime 1\nname %sx\n" CERT, record.name);
	assert_int_equal(handoff_parse(buf_bytes(&more), &longer, &err), -EBADMSG);
}

/* clang-format off */
static struct row {
	const char *name;
	const char *text;
} rows[] = {
	{"empty", ""},
	{"other version", "aadsshlogin-handoff 2\n" TIME NAME CERT},
	{"version with a tail", "aadsshlogin-handoff 10\n" TIME NAME CERT},
	{"first line missing", TIME NAME CERT},
	{"boottime missing", HEAD NAME CERT},
	{"name missing", HEAD TIME CERT},
	{"certificate missing", HEAD TIME NAME},
	{"another order", HEAD NAME TIME CERT},
	{"a line twice", HEAD TIME TIME NAME CERT},
	{"a line too many", HEAD TIME NAME CERT CERT},
	{"an empty line", HEAD TIME NAME CERT "\n"},
	{"an empty line before", "\n" HEAD TIME NAME CERT},
	{"no final newline", HEAD TIME NAME "certificate Zm9v"},
	{"carriage returns", "aadsshlogin-handoff 1\r\n" TIME NAME CERT},
	{"boottime empty", HEAD "boottime \n" NAME CERT},
	{"boottime negative", HEAD "boottime -1\n" NAME CERT},
	{"boottime over 63 bits", HEAD "boottime 9223372036854775808\n" NAME CERT},
	{"boottime with blanks", HEAD "boottime  1\n" NAME CERT},
	{"name empty", HEAD TIME "name \n" CERT},
	{"name of a local user", HEAD TIME "name root\n" CERT},
	{"name with a slash", HEAD TIME "name a/b@contoso.com\n" CERT},
	{"name with a blank", HEAD TIME "name alice@contoso.com \n" CERT},
	{"certificate empty", HEAD TIME NAME "certificate \n"},
	{"certificate not base64", HEAD TIME NAME "certificate Zm9\n"},
};
/* clang-format on */

static void another_form_is_refused(void **state)
{
	const struct row *row = *state;
	AUTO_HANDOFF record = {.boottime_ns = 7};
	struct err err = {0};

	assert_int_equal(handoff_parse(span_of(row->text), &record, &err), -EBADMSG);
	assert_int_equal(err.reason, REASON_RECORD_MALFORMED);
	assert_int_equal(record.boottime_ns, 7);
}

static void every_prefix_is_refused(void **state)
{
	static const char text[] = HEAD TIME NAME CERT;

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		AUTO_FREE char *copy = strndup(text, len);
		AUTO_HANDOFF record = {0};
		struct err err = {0};

		assert_non_null(copy);
		assert_int_equal(handoff_parse(span_of(copy), &record, &err), -EBADMSG);
	}
}

static void a_nul_in_the_name_is_refused(void **state)
{
	AUTO_HANDOFF record = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(handoff_parse(SPAN_LIT(HEAD TIME "name a@b.c\0x\n" CERT), &record, &err),
			 -EBADMSG);
}

static void the_maximum_holds_for_both_directions(void **state)
{
	AUTO_HANDOFF record = {.boottime_ns = 1, .name = "a@contoso.com"};
	AUTO_HANDOFF again = {0};
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)state;
	while (record.cert.len < 49200)
		buf_str(&record.cert, "x");
	assert_int_equal(handoff_format(&record, &text, &err), -EMSGSIZE);
	assert_int_equal(text.len, 0);
	record.cert.len = 49050;
	assert_int_equal(handoff_format(&record, &text, &err), 0);
	assert_int_equal(handoff_parse(buf_bytes(&text), &again, &err), 0);
	while (text.len <= HANDOFF_MAX)
		buf_str(&text, "\n");
	assert_int_equal(handoff_parse(buf_bytes(&text), &again, &err), -EMSGSIZE);
	assert_int_equal(err.reason, REASON_RECORD_MALFORMED);
}

static void what_would_not_be_read_is_not_written(void **state)
{
	AUTO_HANDOFF record = {.boottime_ns = 1, .name = "a@contoso.com"};
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)state;
	assert_int_equal(handoff_format(&record, &text, &err), -EINVAL); /* no certificate */
	buf_str(&record.cert, "x");
	record.boottime_ns = -1;
	assert_int_equal(handoff_format(&record, &text, &err), -EINVAL);
	record.boottime_ns = 1;
	memcpy(record.name, "a@b.c\n", sizeof("a@b.c\n"));
	assert_int_equal(handoff_format(&record, &text, &err), -EINVAL);
	assert_int_equal(text.len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(the_longest_name_is_read_back_and_one_more_is_refused),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(a_nul_in_the_name_is_refused),
		cmocka_unit_test(the_maximum_holds_for_both_directions),
		cmocka_unit_test(what_would_not_be_read_is_not_written),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){.name = rows[i].name,
					      .test_func = another_form_is_refused,
					      .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
