/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/err.h"

static void message_code_and_remedy_are_kept(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(err_set(&err, EINVAL, "key %d", 7), -EINVAL);
	assert_int_equal(err_remedy(&err, 53, "mend %s", "it"), -EINVAL);
	assert_string_equal(err.msg, "key 7");
	assert_string_equal(err.remedy, "mend it");
	assert_int_equal(err.outcome, 53);
}

static void a_new_failure_forgets_the_old_one(void **state)
{
	struct err err = {0};

	(void)state;
	(void)err_set(&err, EINVAL, "first");
	(void)err_remedy(&err, 53, "mend");
	(void)err_set(&err, EIO, "second");
	assert_int_equal(err.outcome, 0);
	assert_string_equal(err.remedy, "");
}

static void system_failures_name_their_cause(void **state)
{
	struct err err = {0};

	(void)state;
	errno = ENOENT;
	assert_int_equal(err_sys(&err, "/etc/x"), -ENOENT);
	assert_string_equal(err.msg, "/etc/x: No such file or directory");
	errno = 0; /* a caller's mistake must not become success */
	assert_int_equal(err_sys(&err, "x"), -EIO);
}

static void wrapping_adds_a_clause_in_front(void **state)
{
	struct err err = {0};

	(void)state;
	(void)err_set(&err, EBADMSG, "line 3");
	assert_int_equal(err_wrap(&err, "cannot read %s", "it"), -EBADMSG);
	assert_string_equal(err.msg, "cannot read it: line 3");
}

static void control_characters_cannot_forge_lines(void **state)
{
	struct err err = {0};

	(void)state;
	(void)err_set(&err, EINVAL, "a%sb", "\n\r\x1b");
	assert_string_equal(err.msg, "a???b");
	(void)err_set(&err, EINVAL, "a%sb", "\xc3\xa4\xc2\x9b\xc2\xa0");
	assert_string_equal(err.msg, "a\xc3\xa4\xc2?\xc2\xa0\x62");
}

static void long_text_is_cut(void **state)
{
	struct err err = {0};
	char text[2 * ERR_MSG_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)err_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	(void)err_wrap(&err, "%s", text);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_code_and_remedy_are_kept),
		cmocka_unit_test(a_new_failure_forgets_the_old_one),
		cmocka_unit_test(system_failures_name_their_cause),
		cmocka_unit_test(wrapping_adds_a_clause_in_front),
		cmocka_unit_test(control_characters_cannot_forge_lines),
		cmocka_unit_test(long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
