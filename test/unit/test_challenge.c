/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/challenge.h"
#include "lib/core/cleanup.h"

#define REALM "Basic realm=/var/opt/azcmagent/tokens/"
#define A81 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG A81 A81 A81 /* 243 bytes */

/* clang-format off */
static struct row {
	const char *title;
	struct span header;
	const char *name; /* NULL: refused */
} rows[] = {
	{"a_guid", SPAN_LIT(REALM "0f8fad5b-d9cb-469f-a165-70867728950e.key"), "0f8fad5b-d9cb-469f-a165-70867728950e.key"},
	{"letters_of_any_case_in_the_words", SPAN_LIT("basic Realm=/var/opt/azcmagent/tokens/a.key"), "a.key"},
	{"blanks_around", SPAN_LIT("  Basic \t realm=/var/opt/azcmagent/tokens/a.key \r"), "a.key"},
	{"dots_in_the_name", SPAN_LIT(REALM "a..b.key"), "a..b.key"},
	{"the_longest_name", SPAN_LIT(REALM LONG "aaaaaaaa.key"), LONG "aaaaaaaa.key"},
	{"nothing", SPAN_LIT(""), NULL},
	{"no_realm", SPAN_LIT("Basic"), NULL},
	{"an_empty_realm", SPAN_LIT("Basic realm="), NULL},
	{"another_parameter", SPAN_LIT("Basic charset=/var/opt/azcmagent/tokens/a.key"), NULL},
	{"another_scheme", SPAN_LIT("Bearer realm=/var/opt/azcmagent/tokens/a.key"), NULL},
	{"words_in_one", SPAN_LIT("Basicrealm=/var/opt/azcmagent/tokens/a.key"), NULL},
	{"a_relative_path", SPAN_LIT("Basic realm=a.key"), NULL},
	{"another_directory", SPAN_LIT("Basic realm=/etc/ssh/a.key"), NULL},
	{"a_directory_beside", SPAN_LIT("Basic realm=/var/opt/azcmagent/tokens2/a.key"), NULL},
	{"letters_of_another_case_in_the_path", SPAN_LIT("Basic realm=/var/opt/azcmagent/Tokens/a.key"), NULL},
	{"the_directory_itself", SPAN_LIT(REALM), NULL},
	{"a_directory_below", SPAN_LIT(REALM "b/a.key"), NULL},
	{"a_way_up", SPAN_LIT(REALM "../a.key"), NULL},
	{"a_way_up_and_down", SPAN_LIT(REALM "../tokens/a.key"), NULL},
	{"a_second_slash", SPAN_LIT(REALM "/a.key"), NULL},
	{"another_suffix", SPAN_LIT(REALM "a.pem"), NULL},
	{"a_suffix_in_capitals", SPAN_LIT(REALM "a.KEY"), NULL},
	{"the_suffix_alone", SPAN_LIT(REALM ".key"), NULL},
	{"a_hidden_file", SPAN_LIT(REALM ".a.key"), NULL},
	{"quotes", SPAN_LIT("Basic realm=\"/var/opt/azcmagent/tokens/a.key\""), NULL},
	{"a_further_parameter", SPAN_LIT(REALM "a.key, charset=UTF-8"), NULL},
	{"a_blank_in_the_name", SPAN_LIT(REALM "a b.key"), NULL},
	{"a_newline_in_the_name", SPAN_LIT(REALM "a\nb.key"), NULL},
	{"a_nul_in_the_name", SPAN_LIT(REALM "a\0b.key"), NULL},
	{"a_nul_behind_the_name", SPAN_LIT(REALM "a.key\0"), NULL},
	{"a_letter_that_is_no_ascii", SPAN_LIT(REALM "\xc3\xa4.key"), NULL},
	{"a_name_that_is_too_long", SPAN_LIT(REALM LONG "aaaaaaaaa.key"), NULL},
};
/* clang-format on */

static void a_challenge_names_a_key(void **state)
{
	const struct row *row = *state;
	char name[CHALLENGE_NAME_SIZE] = "untouched";
	struct err err = {0};

	assert_int_equal(challenge_parse(row->header, name, &err), row->name ? 0 : -EBADMSG);
	assert_string_equal(name, row->name ? row->name : "untouched");
	assert_true(err.code == 0 || strstr(err.msg, "the challenge "));
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].title,
					       .test_func = a_challenge_names_a_key,
					       .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
