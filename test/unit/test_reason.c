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

#include "lib/core/reason.h"
#include "test/unit/source.h"

static void rows_are_whole_and_unique(void **state)
{
	(void)state;
	for (enum reason i = REASON_NONE + 1; i < REASON_COUNT; i++) {
		const struct reason_text *row = reason_text(i);

		assert_int_equal(reason_find(row->id), i); /* so no earlier row has its id */
		assert_int_equal(strspn(row->id, "abcdefghijklmnopqrstuvwxyz-"), strlen(row->id));
		assert_int_equal(row->cause[strlen(row->cause) - 1], '.');
		assert_int_equal(row->remedy[strlen(row->remedy) - 1], '.');
		assert_true(strlen(row->remedy) < ERR_REMEDY_MAX);
	}
}

static void the_man_page_tells_the_table(void **state)
{
	AUTO_BUF man = {0};
	char row[512];

	(void)state;
	source_read("man/aadsshlogin.8", &man);
	for (size_t i = 0; i < man.len; i++)
		if (man.data[i] == '\n')
			man.data[i] = ' ';
	for (enum reason i = REASON_NONE + 1; i < REASON_COUNT; i++) {
		(void)snprintf(row, sizeof(row), " .It Ql %s %s %s .", reason_text(i)->id,
			       reason_text(i)->cause, reason_text(i)->remedy);
		assert_non_null(strstr(buf_text(&man), row));
	}
}

static void a_refusal_carries_its_reason_and_remedy(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(reason_refuse(&err, REASON_CERT_EXPIRED, "valid until %d", 7), -EACCES);
	assert_int_equal(err.code, EACCES);
	assert_string_equal(err.msg, "valid until 7");
	assert_string_equal(err.remedy, reason_text(REASON_CERT_EXPIRED)->remedy);
	assert_int_equal(reason_of(&err), REASON_CERT_EXPIRED);
}

static void the_first_reason_stands(void **state)
{
	struct err err = {0};

	(void)state;
	(void)err_set(&err, EIO, "it broke");
	assert_int_equal(reason_of(&err), REASON_INTERNAL);
	assert_int_equal(reason_add(&err, REASON_KEYS_UNREACHABLE), -EIO);
	assert_int_equal(reason_add(&err, REASON_INTERNAL), -EIO);
	assert_int_equal(reason_of(&err), REASON_KEYS_UNREACHABLE);
	(void)err_set(&err, EIO, "it broke again");
	assert_int_equal(reason_of(&err), REASON_INTERNAL);
}

static void lack_of_memory_is_not_malformed_input(void **state)
{
	struct err err = {0};

	(void)state;
	(void)err_oom(&err);
	assert_int_equal(reason_malformed(&err, REASON_KEYS_MALFORMED), -ENOMEM);
	assert_int_equal(reason_of(&err), REASON_INTERNAL);
	(void)err_set(&err, EINVAL, "of another kind");
	assert_int_equal(reason_malformed(&err, REASON_KEYS_MALFORMED), -EBADMSG);
	assert_int_equal(reason_of(&err), REASON_KEYS_MALFORMED);
	(void)err_set(&err, EMSGSIZE, "too long");
	assert_int_equal(reason_malformed(&err, REASON_KEYS_MALFORMED), -EMSGSIZE);
}

static void what_is_not_in_the_table_is_internal(void **state)
{
	const struct err err = {.code = EIO, .reason = REASON_COUNT};

	(void)state;
	assert_int_equal(reason_of(&err), REASON_INTERNAL);
	assert_ptr_equal(reason_text(REASON_COUNT), reason_text(REASON_INTERNAL));
	assert_ptr_equal(reason_text((enum reason) - 1), reason_text(REASON_INTERNAL));
	assert_int_equal(reason_find("none"), REASON_NONE);
	assert_int_equal(reason_find("cert-expire"), REASON_NONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole_and_unique),
		cmocka_unit_test(the_man_page_tells_the_table),
		cmocka_unit_test(a_refusal_carries_its_reason_and_remedy),
		cmocka_unit_test(the_first_reason_stands),
		cmocka_unit_test(lack_of_memory_is_not_malformed_input),
		cmocka_unit_test(what_is_not_in_the_table_is_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
