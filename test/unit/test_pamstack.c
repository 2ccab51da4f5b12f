/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/pamstack.h"
#include "test/unit/source.h"

#define OURS                                                                                       \
	"account [success=ok new_authtok_reqd=ok ignore=ignore module_unknown=ignore "             \
	"default=die] "                                                                            \
	"pam_aad.so"
#define UNIX "account required pam_unix.so\n"

/* clang-format off */
static const struct row {
	const char *name, *before, *after;
	bool comes_back; /* removing gives before again: it had none of ours */
} rows[] = {
	{"before_the_first_account_line", "auth required pam_env.so\n" UNIX,
	 "auth required pam_env.so\n" OURS "\n" UNIX, true},
	{"before_a_file_that_is_included", "# c\n@include common-auth\n" UNIX,
	 "# c\n" OURS "\n@include common-auth\n" UNIX, true},
	{"before_a_line_that_may_be_missing", "-account optional pam_x.so\n" UNIX,
	 OURS "\n-account optional pam_x.so\n" UNIX, true},
	{"capitals_and_tabs", "auth\trequired\tx.so\n\tACCOUNT\trequired\tpam_unix.so\n",
	 "auth\trequired\tx.so\n" OURS "\n\tACCOUNT\trequired\tpam_unix.so\n", true},
	{"no_final_newline", "account required pam_unix.so", OURS "\naccount required pam_unix.so", true},
	{"not_into_a_continued_line", "account \\\n required \\\n pam_unix.so\n",
	 OURS "\naccount \\\n required \\\n pam_unix.so\n", true},
	{"a_type_on_a_line_of_its_own", "auth required x.so \\\naccount required y.so\n" UNIX,
	 "auth required x.so \\\naccount required y.so\n" OURS "\n" UNIX, true},
	{"not_behind_a_continued_comment", "# comment \\\n" UNIX, OURS "\n# comment \\\n" UNIX, true},
	{"comments_do_not_count", "# account required x.so\n" UNIX, "# account required x.so\n" OURS "\n" UNIX, true},
	{"words_that_begin_alike", "accounting required x.so\n" UNIX,
	 "accounting required x.so\n" OURS "\n" UNIX, true},
	{"a_line_that_PAM_will_refuse", "account\n" UNIX, OURS "\naccount\n" UNIX, true},
	{"an_account_line_named_after_us_elsewhere", "auth required pam_aad.so\n" UNIX,
	 "auth required pam_aad.so\n" OURS "\n" UNIX, true},
	{"a_module_with_a_similar_name", "account required pam_aad.so.bak\n", 
	 OURS "\naccount required pam_aad.so.bak\n", true},
	{"in_place_already", "# a\n" OURS "\n# b\n" UNIX, "# a\n" OURS "\n# b\n" UNIX, false},
	{"not_the_first", UNIX OURS "\n", OURS "\n" UNIX, false},
	{"an_older_form", "account required pam_aad.so\n" UNIX, OURS "\n" UNIX, false},
	{"an_older_form_with_brackets_and_path",
	 "-account [default=ignore \\\n success=ok] /lib/security/pam_aad.so debug # x\n" UNIX,
	 OURS "\n" UNIX, false},
	{"twice", OURS "\n" UNIX OURS "\n", OURS "\n" UNIX, false},
	{"the_administrators_form_at_a_login", OURS " admin\n" UNIX, OURS "\n" UNIX, false},
};

static const struct row removals[] = {
	{"our_line", "auth required x.so\n" OURS "\n" UNIX, "auth required x.so\n" UNIX, true},
	{"all_our_lines", OURS "\n" OURS " admin\n" UNIX OURS, UNIX, true},
	{"no_line", "# " OURS "\nauth required pam_aad.so\n" UNIX, "# " OURS "\nauth required pam_aad.so\n" UNIX, true},
	{"an_empty_file", "", "", true},
};

static const struct {
	const char *name;
	enum pam_question question;
} files[] = {
	{"debian12-sshd", PAM_LOGIN}, {"debian12-sudo", PAM_ADMIN}, {"debian12-sudo-i", PAM_ADMIN},
	{"rhel9-sshd", PAM_LOGIN}, {"rhel9-sudo", PAM_ADMIN}, {"rhel9-sudo-i", PAM_ADMIN},
	{"sles15-sshd", PAM_LOGIN}, {"cis-sshd", PAM_LOGIN},
};

static const char *const without_stack[] = {
	"", "auth required pam_unix.so\n", "# account required x.so\n\n",
	"account required pam_aad.so\n", /* ours alone would lock everybody out */
};
/* clang-format on */

static void assert_text(const struct buf *buf, struct span wanted)
{
	if (!span_eq(buf_bytes(buf), wanted))
		fail_msg("got\n%s\ninstead of\n%.*s", buf_text(buf), (int)wanted.len,
			 (const char *)wanted.p);
}

static void check(struct span before, enum pam_question question, struct span after,
		  bool comes_back)
{
	AUTO_BUF inserted = {0}, again = {0}, removed = {0};
	struct err err = {0};

	assert_int_equal(pamstack_insert(before, question, &inserted, &err), 0);
	assert_text(&inserted, after);
	assert_true(pamstack_holds(buf_bytes(&inserted), question));
	assert_int_equal(pamstack_insert(buf_bytes(&inserted), question, &again, &err), 0);
	assert_text(&again, after);
	assert_int_equal(pamstack_remove(buf_bytes(&inserted), &removed, &err), 0);
	if (comes_back)
		assert_text(&removed, before);
}

static void is_inserted_first(void **state)
{
	const struct row *row = *state;

	check(span_of(row->before), PAM_LOGIN, span_of(row->after), row->comes_back);
}

static void is_inserted_into_a_whole_file(void **state)
{
	size_t i = (size_t)*state;
	AUTO_BUF before = {0}, after = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "test/data/pamstack/%s", files[i].name);
	source_read(path, &before);
	(void)snprintf(path, sizeof(path), "test/data/pamstack/%s.with", files[i].name);
	source_read(path, &after);
	check(buf_bytes(&before), files[i].question, buf_bytes(&after), true);
}

static void is_removed(void **state)
{
	const struct row *row = *state;
	AUTO_BUF out = {0};
	struct err err = {0};

	assert_int_equal(pamstack_remove(span_of(row->before), &out, &err), 0);
	assert_text(&out, span_of(row->after));
}

static void a_stack_without_account_lines_is_refused(void **state)
{
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(without_stack); i++)
		assert_int_equal(pamstack_insert(span_of(without_stack[i]), PAM_LOGIN, &out, &err),
				 -ENOENT);
	assert_int_equal(out.len, 0);
}

static void only_our_line_in_the_first_place_holds(void **state)
{
	static const char *const texts[] = {
		"",
		UNIX,
		UNIX OURS "\n",
		OURS " admin\n" UNIX,
		OURS " # x\n" UNIX,
		"@include a\n" OURS "\n",
		OURS "\n" UNIX OURS "\n",
		"account sufficient x.so\n" OURS "\n",
		"# x \\\n" OURS "\n" UNIX,
	};

	(void)state;
	assert_true(pamstack_holds(span_of("auth required x.so\n" OURS "\n" UNIX), PAM_LOGIN));
	assert_true(pamstack_holds(span_of(OURS " admin\n" UNIX), PAM_ADMIN));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(pamstack_holds(span_of(texts[i]), PAM_LOGIN));
}

/* PAM itself cuts there, so what is behind cannot be known. */
static void an_endless_line_is_expected_to_count(void **state)
{
	AUTO_BUF text = {0}, out = {0}, wanted = {0};
	struct err err = {0};

	(void)state;
	buf_str(&text, "auth \\\n");
	for (int i = 0; i < 200; i++)
		buf_str(&text, "required \\\n");
	buf_str(&text, "x.so\n" UNIX);
	buf_str(&wanted, OURS "\n");
	buf_span(&wanted, buf_bytes(&text));
	assert_int_equal(pamstack_insert(buf_bytes(&text), PAM_LOGIN, &out, &err), 0);
	assert_text(&out, buf_bytes(&wanted));
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(a_stack_without_account_lines_is_refused),
		cmocka_unit_test(only_our_line_in_the_first_place_holds),
		cmocka_unit_test(an_endless_line_is_expected_to_count),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(removals) + ARRAY_LEN(files)];
	size_t n = 0;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, is_inserted_first, NULL, NULL,
						 (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(removals); i++)
		tests[n++] = (struct CMUnitTest){removals[i].name, is_removed, NULL, NULL,
						 (void *)(uintptr_t)&removals[i]};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		tests[n++] = (struct CMUnitTest){files[i].name, is_inserted_into_a_whole_file, NULL,
						 NULL, (void *)i};
	failed = cmocka_run_group_tests_name("text", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("pamstack", others, NULL, NULL);
}
