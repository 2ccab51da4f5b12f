/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/guid.h"

/* clang-format off */
static const struct row {
	const char *name, *text;
	bool valid;
} rows[] = {
	{"digits_and_letters", "1c0163c0-47e6-4577-8991-ea5c82e286e4", true},
	{"all_zero", "00000000-0000-0000-0000-000000000000", true},
	{"nothing", "", false},
	{"a_capital", "1C0163c0-47e6-4577-8991-ea5c82e286e4", false},
	{"a_letter_after_f", "gc0163c0-47e6-4577-8991-ea5c82e286e4", false},
	{"no_dashes", "1c0163c047e645778991ea5c82e286e4", false},
	{"a_dash_too_early", "1c0163c-047e6-4577-8991-ea5c82e286e4", false},
	{"a_digit_for_a_dash", "1c0163c0047e6-4577-8991-ea5c82e286e4", false},
	{"braces", "{1c0163c0-47e6-4577-8991-ea5c82e286e}", false},
	{"one_short", "1c0163c0-47e6-4577-8991-ea5c82e286e", false},
	{"one_long", "1c0163c0-47e6-4577-8991-ea5c82e286e44", false},
	{"a_newline_at_the_end", "1c0163c0-47e6-4577-8991-ea5c82e286e\n", false},
};
/* clang-format on */

static void is_judged(void **state)
{
	const struct row *row = *state;

	assert_int_equal(guid_valid(span_of(row->text)), row->valid);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = is_judged,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
