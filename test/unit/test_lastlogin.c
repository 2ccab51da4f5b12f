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
#include "lib/core/lastlogin.h"

#define FRONT "aadsshlogin-last-login 1\ntime 7\noutcome refused\n"
#define VALUES                                                                                     \
	"user a@b\nrhost 10.0.0.1\nassignment \nscope \nreason role-missing\nmessage no role\n"

static void what_is_written_is_read(void **state)
{
	struct lastlogin last = {.time_s = 7}, again;
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)state;
	lastlogin_set(last.user, "a@b");
	lastlogin_set(last.rhost, "10.0.0.1");
	lastlogin_set(last.reason, "role-missing");
	lastlogin_set(last.message, "no role");
	lastlogin_set(last.scope, NULL);
	assert_int_equal(lastlogin_format(&last, &text, &err), 0);
	assert_string_equal(buf_text(&text), FRONT VALUES "end\n");
	assert_int_equal(lastlogin_parse(buf_bytes(&text), &again, &err), 0);
	assert_memory_equal(&again, &last, sizeof(last));
}

static void values_are_plain_and_cut(void **state)
{
	struct lastlogin last = {.time_s = 1};
	char text[LASTLOGIN_SIZE + 100];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "a\n\033\xff\"", 5);
	lastlogin_set(last.user, text);
	assert_int_equal(strlen(last.user), LASTLOGIN_SIZE - 1);
	assert_memory_equal(last.user, "a???\"x", 6);
}

static void what_could_not_be_read_is_not_written(void **state)
{
	struct lastlogin control = {.user = "a\nb"}, early = {.time_s = -1};
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)state;
	assert_int_equal(lastlogin_format(&control, &text, &err), -EINVAL);
	assert_int_equal(lastlogin_format(&early, &text, &err), -EINVAL);
}

/* clang-format off */
static const struct row {
	const char *name, *text;
} rows[] = {
	{"nothing", ""},
	{"another_version", "aadsshlogin-last-login 2\ntime 7\noutcome refused\n" VALUES "end\n"},
	{"a_time_that_is_none", "aadsshlogin-last-login 1\ntime -7\noutcome refused\n" VALUES "end\n"},
	{"another_outcome", "aadsshlogin-last-login 1\ntime 7\noutcome maybe\n" VALUES "end\n"},
	{"a_key_is_missing", FRONT "rhost x\nassignment \nscope \nreason \nmessage \nend\n"},
	{"keys_in_another_order", FRONT "rhost x\nuser a\nassignment \nscope \nreason \nmessage \nend\n"},
	{"a_control_character", FRONT "user a\033\nrhost \nassignment \nscope \nreason \nmessage \nend\n"},
	{"no_end", FRONT VALUES},
	{"more_behind_the_end", FRONT VALUES "end\nx\n"},
};
/* clang-format on */

static void any_other_form_is_refused(void **state)
{
	const struct row *row = *state;
	struct lastlogin last = {.time_s = 5};
	struct err err = {0};

	assert_int_equal(lastlogin_parse(span_of(row->text), &last, &err), -EBADMSG);
	assert_int_equal(last.time_s, 5);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(values_are_plain_and_cut),
		cmocka_unit_test(what_could_not_be_read_is_not_written),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, any_other_form_is_refused, NULL, NULL,
					       (void *)(uintptr_t)&rows[i]};
	failed = cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("lastlogin", others, NULL, NULL);
}
