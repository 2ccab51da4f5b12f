/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/uid.h"

#define ALICE "alice@contoso.com"

static const struct uid_range standard = {UID_FIRST_DEFAULT, UID_LAST_DEFAULT};
static const struct uid_range small = {65536, 66559};

/*
 * Worked out with another implementation: these numbers are on machines and on file servers, so
 * they never change.
 */
/* clang-format off */
static const struct row {
	const char *name;
	uint32_t standard, small;
} rows[] = {
	{ALICE, 96865231, 66063},
	{"bob@contoso.com", 50320355, 66051},
	{"1c0163c0-47e6-4577-8991-ea5c82e286e4", 35800929, 65729},
};
/* clang-format on */

static void has_its_known_uid(void **state)
{
	const struct row *row = *state;

	assert_int_equal(uid_of_name(row->name, standard), row->standard);
	assert_int_equal(uid_of_name(row->name, small), row->small);
}

static void every_uid_is_in_the_range_and_none_is_reserved(void **state)
{
	uint32_t lowest = UINT32_MAX, highest = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		char name[32];
		uint32_t uid;

		(void)snprintf(name, sizeof(name), "u%d@contoso.com", i);
		uid = uid_of_name(name, small);
		assert_true(uid_in_range(small, uid));
		assert_false(uid_is_reserved(small, uid));
		lowest = uid < lowest ? uid : lowest;
		highest = uid > highest ? uid : highest;
	}
	assert_int_equal(lowest, small.first + UID_RESERVED);
	assert_int_equal(highest, small.last);
}

static void only_the_first_sixteen_are_reserved(void **state)
{
	(void)state;
	assert_false(uid_is_reserved(small, 65535));
	assert_true(uid_is_reserved(small, 65536));
	assert_true(uid_is_reserved(small, 65551));
	assert_false(uid_is_reserved(small, 65552));
	assert_int_equal(uid_users_group(small), 65536);
	assert_int_equal(uid_admin_group(small), 65537);
}

static void ids_of_the_system_are_never_possible(void **state)
{
	(void)state;
	assert_false(uid_possible(0));
	assert_false(uid_possible(1000));
	assert_false(uid_possible(65535));
	assert_true(uid_possible(65536));
	assert_true(uid_possible(2147483647));
	assert_false(uid_possible(2147483648));
	assert_false(uid_possible(UINT32_MAX));
}

static uint32_t pick(const struct uid_choice *choice)
{
	uint32_t uid = 0;

	assert_true(uid_choice_pick(choice, &uid));
	return uid;
}

static void a_free_uid_is_picked(void **state)
{
	struct uid_choice choice;

	(void)state;
	uid_choice_start(&choice, ALICE, small);
	uid_choice_taken(&choice, 0);
	uid_choice_taken(&choice, UINT32_MAX);
	uid_choice_taken(&choice, small.first);
	uid_choice_taken(&choice, rows[0].small - 1);
	assert_int_equal(pick(&choice), rows[0].small);
}

static void taken_ones_are_passed_in_whatever_order_they_are_told(void **state)
{
	struct uid_choice choice;

	(void)state;
	uid_choice_start(&choice, ALICE, small);
	uid_choice_taken(&choice, rows[0].small + 1);
	uid_choice_taken(&choice, rows[0].small + 3);
	assert_int_equal(pick(&choice), rows[0].small);
	uid_choice_taken(&choice, rows[0].small);
	assert_int_equal(pick(&choice), rows[0].small + 2);
	uid_choice_taken(&choice, rows[0].small + 2);
	assert_int_equal(pick(&choice), rows[0].small + 4);
}

static void after_the_last_uid_comes_the_first_unreserved(void **state)
{
	struct uid_choice choice;

	(void)state;
	uid_choice_start(&choice, ALICE, small);
	choice.wanted = small.last - 1;
	uid_choice_taken(&choice, small.last - 1);
	uid_choice_taken(&choice, small.last);
	assert_int_equal(pick(&choice), small.first + UID_RESERVED);
	uid_choice_taken(&choice, small.first + UID_RESERVED);
	assert_int_equal(pick(&choice), small.first + UID_RESERVED + 1);
}

static void reserved_ids_do_not_count_as_candidates(void **state)
{
	struct uid_choice choice;

	(void)state;
	uid_choice_start(&choice, ALICE, small);
	choice.wanted = small.last;
	for (uint32_t i = 0; i < UID_RESERVED; i++)
		uid_choice_taken(&choice, small.first + i);
	assert_int_equal(pick(&choice), small.last);
}

static void nothing_is_picked_when_all_candidates_are_taken(void **state)
{
	struct uid_choice choice;
	uint32_t uid = 7;

	(void)state;
	uid_choice_start(&choice, ALICE, small);
	for (uint32_t i = 0; i < UID_PROBES - 1; i++)
		uid_choice_taken(&choice, rows[0].small + i);
	assert_int_equal(pick(&choice), rows[0].small + UID_PROBES - 1);
	uid_choice_taken(&choice, rows[0].small + UID_PROBES - 1);
	assert_false(uid_choice_pick(&choice, &uid));
	assert_int_equal(uid, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_uid_is_in_the_range_and_none_is_reserved),
		cmocka_unit_test(only_the_first_sixteen_are_reserved),
		cmocka_unit_test(ids_of_the_system_are_never_possible),
		cmocka_unit_test(a_free_uid_is_picked),
		cmocka_unit_test(taken_ones_are_passed_in_whatever_order_they_are_told),
		cmocka_unit_test(after_the_last_uid_comes_the_first_unreserved),
		cmocka_unit_test(reserved_ids_do_not_count_as_candidates),
		cmocka_unit_test(nothing_is_picked_when_all_candidates_are_taken),
	};
	struct CMUnitTest names[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		names[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = has_its_known_uid,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("names", names, NULL, NULL);
}
