/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/outcome.h"
#include "test/unit/source.h"

static void readme_and_man_page_tell_the_table(void **state)
{
	AUTO_BUF readme = {0}, man = {0};
	const struct outcome *table;
	char row[512], item[128];
	size_t count;

	(void)state;
	source_read("README.md", &readme);
	source_read("man/aadssh-handler.8", &man);
	table = outcome_table(&count);
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(row, sizeof(row), "\n| %d | %s | %s | %s |\n", table[i].code,
			       table[i].name, table[i].message, table[i].remedy);
		(void)snprintf(item, sizeof(item), "\n.It %d %s\n", table[i].code, table[i].name);
		assert_non_null(strstr(buf_text(&readme), row));
		assert_non_null(strstr(buf_text(&man), item));
	}
}

static void codes_and_names_are_unique(void **state)
{
	const struct outcome *table;
	size_t count;

	(void)state;
	table = outcome_table(&count);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(outcome_find(table[i].code), &table[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(table[i].name, table[j].name);
	}
}

static void an_unknown_code_is_a_failure(void **state)
{
	(void)state;
	assert_int_equal(outcome_find(77)->code, EXIT_VERIFY);
	assert_int_equal(outcome_find(-1)->code, EXIT_VERIFY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readme_and_man_page_tell_the_table),
		cmocka_unit_test(codes_and_names_are_unique),
		cmocka_unit_test(an_unknown_code_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
