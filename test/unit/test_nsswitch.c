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
#include "lib/core/nsswitch.h"
#include "test/unit/source.h"

#define NO_NEWLINE "# The line above had no newline before aadsshlogin came.\n"

/* clang-format off */
static const struct row {
	const char *name, *before, *after;
} rows[] = {
	{"behind_the_last_source", "passwd: files\ngroup: files\n",
	 "passwd: files aad\ngroup: files aad\n"},
	{"spacing_stays", "passwd:\t\tfiles  sss \t\ngroup:files\n",
	 "passwd:\t\tfiles  sss aad \t\ngroup:files aad\n"},
	{"before_a_comment", "passwd: files # local\ngroup: files\t#\n",
	 "passwd: files aad # local\ngroup: files aad\t#\n"},
	{"carriage_returns", "passwd: files\r\ngroup: files\r\n",
	 "passwd: files aad\r\ngroup: files aad\r\n"},
	{"no_final_newline", "passwd: files\ngroup: files",
	 "passwd: files aad\ngroup: files aad\n" NO_NEWLINE},
	{"no_final_newline_behind_a_comment", "group: files\npasswd: files  # x",
	 "group: files aad\npasswd: files aad  # x\n" NO_NEWLINE},
	{"no_final_newline_in_a_line_that_is_not_ours", "passwd: files\ngroup: files\nshadow: files",
	 "passwd: files aad\ngroup: files aad\nshadow: files"},
	{"indented_lines", "  passwd: files\n\tgroup: files\n",
	 "  passwd: files aad\n\tgroup: files aad\n"},
	{"no_source_at_all", "passwd:\ngroup: # none\n", "passwd: aad\ngroup: aad # none\n"},
	{"initgroups_where_it_is", "passwd: files\ngroup: files\ninitgroups: files sss\n",
	 "passwd: files aad\ngroup: files aad\ninitgroups: files sss aad\n"},
	{"a_line_given_twice", "passwd: files\npasswd: sss\ngroup: files\n",
	 "passwd: files aad\npasswd: sss aad\ngroup: files aad\n"},
	{"other_databases_stay", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
	 "passwd: files aad\ngroup: files aad\nshadow: files\nhosts: files dns\n"},
	{"databases_with_similar_names", "passwd: files\ngroup: files\npasswd_compat: nis\ngroupx: a\n",
	 "passwd: files aad\ngroup: files aad\npasswd_compat: nis\ngroupx: a\n"},
	{"a_colon_apart_is_another_database", "passwd : files\npasswd: files\ngroup: files\n",
	 "passwd : files\npasswd: files aad\ngroup: files aad\n"},
	{"ours_already", "passwd: aad files\ngroup: files aad # x\n",
	 "passwd: aad files\ngroup: files aad # x\n"},
	{"names_that_contain_ours", "passwd: aadx\ngroup: xaad\n",
	 "passwd: aadx aad\ngroup: xaad aad\n"},
	{"before_a_return", "passwd: files [NOTFOUND=return] ldap\ngroup: files\n",
	 "passwd: files aad [NOTFOUND=return] ldap\ngroup: files aad\n"},
	{"before_a_negated_return", "passwd: sss [!UNAVAIL=return] files\ngroup: files\n",
	 "passwd: sss aad [!UNAVAIL=return] files\ngroup: files aad\n"},
	{"before_an_end_by_failure", "passwd: sss [TRYAGAIN=return] files\ngroup: files\n",
	 "passwd: sss aad [TRYAGAIN=return] files\ngroup: files aad\n"},
	{"an_action_without_blank", "passwd: sss[notfound=RETURN]files\ngroup: files\n",
	 "passwd: sss aad[notfound=RETURN]files\ngroup: files aad\n"},
	{"blanks_in_an_action", "passwd: sss [ NOTFOUND = return ] files\ngroup: files\n",
	 "passwd: sss aad [ NOTFOUND = return ] files\ngroup: files aad\n"},
	{"a_return_that_is_taken_back", "passwd: sss [NOTFOUND=return NOTFOUND=continue] x\ngroup: x\n",
	 "passwd: sss [NOTFOUND=return NOTFOUND=continue] x aad\ngroup: x aad\n"},
	{"an_end_by_success_alone", "passwd: files [SUCCESS=return] sss\ngroup: files\n",
	 "passwd: files [SUCCESS=return] sss aad\ngroup: files aad\n"},
	{"merging_without_an_end", "passwd: files\ngroup: files [SUCCESS=merge] sss\n",
	 "passwd: files aad\ngroup: files [SUCCESS=merge] sss aad\n"},
	{"a_bracket_that_is_not_closed", "passwd: files [x\ngroup: files\n",
	 "passwd: files aad [x\ngroup: files aad\n"},
};

/* Lines of authselect's profiles, as releases 1.2 to 1.5 have them, and some that others could. */
static const struct row templates[] = {
	{"before_an_operator_of_the_line", "passwd:     sss files systemd   {exclude if \"with-custom-passwd\"}\n",
	 "passwd:     sss files systemd aad   {exclude if \"with-custom-passwd\"}\n"},
	{"behind_an_operator_for_sources",
	 "passwd: files {if \"with-altfiles\":altfiles }systemd\ngroup: sss {if \"x\":a|b}\n",
	 "passwd: files {if \"with-altfiles\":altfiles }systemd aad\ngroup: sss {if \"x\":a|b} aad\n"},
	{"an_operator_in_front", "passwd: {if \"with-tlog\":sss }files\n", "passwd: {if \"with-tlog\":sss }files aad\n"},
	{"two_lines_for_one_database",
	 "group:      files {if \"with-altfiles\":altfiles }systemd {exclude if \"with-group-merging\"}\n"
	 "group:      files [SUCCESS=merge] {if \"with-altfiles\":altfiles [SUCCESS=merge] }systemd [SUCCESS=merge] {include if \"with-group-merging\"}\n",
	 "group:      files {if \"with-altfiles\":altfiles }systemd aad {exclude if \"with-group-merging\"}\n"
	 "group:      files [SUCCESS=merge] {if \"with-altfiles\":altfiles [SUCCESS=merge] }systemd [SUCCESS=merge] aad {include if \"with-group-merging\"}\n"},
	{"before_a_return_in_a_template", "passwd: sss [NOTFOUND=return] files {exclude if \"x\"}\n",
	 "passwd: sss aad [NOTFOUND=return] files {exclude if \"x\"}\n"},
	{"a_brace_that_is_not_closed", "passwd: files {if x\n", "passwd: files {if x aad\n"},
	{"no_line_of_ours", "sudoers: files sss {include if \"with-sudo\"}\n",
	 "sudoers: files sss {include if \"with-sudo\"}\n"},
	{"one_line_of_ours", "initgroups: files nis\n", "initgroups: files nis aad\n"},
};

static const struct bad {
	const char *name, *text, *message, *remedy;
} bad[] = {
	{"an_empty_file", "", "no line \"passwd:\"", "add the line \"passwd: files\""},
	{"no_group_line", "passwd: files\n#group: files\n", "no line \"group:\"",
	 "add the line \"group: files\""},
	{"an_end_that_merges", "passwd: files\ngroup: files [SUCCESS=merge NOTFOUND=return] sss\n",
	 "no source can be added to \"group: files [SUCCESS=merge", "\"aad\" into this line"},
	{"a_comment_without_a_blank", "passwd: files\ngroup: files#local\n",
	 "no source can be added to \"group: files#local\"", "write a blank before the #"},
	{"a_comment_at_the_colon", "passwd:#\ngroup: files\n",
	 "no source can be added to \"passwd:#\"", "write a blank before the #"},
};
/* clang-format on */

static void assert_text(const struct buf *buf, struct span wanted)
{
	if (!span_eq(buf_bytes(buf), wanted))
		fail_msg("got\n%s\ninstead of\n%.*s", buf_text(buf), (int)wanted.len,
			 (const char *)wanted.p);
}

static void add(struct span text, struct buf *ret)
{
	struct err err = {0};

	assert_int_equal(nsswitch_add(text, ret, &err), 0);
}

static void take_out(struct span text, struct buf *ret)
{
	struct err err = {0};

	assert_int_equal(nsswitch_remove(text, ret, &err), 0);
}

/* Added once and twice, and taken out again. */
static void check(struct span before, struct span after)
{
	AUTO_BUF added = {0}, again = {0}, removed = {0};

	add(before, &added);
	assert_text(&added, after);
	add(buf_bytes(&added), &again);
	assert_text(&again, after);
	if (span_eq(before, after))
		return;
	take_out(buf_bytes(&added), &removed);
	assert_text(&removed, before);
}

static void is_added_and_comes_out_again(void **state)
{
	const struct row *row = *state;

	check(span_of(row->before), span_of(row->after));
}

static void is_added_to_a_template(void **state)
{
	const struct row *row = *state;
	AUTO_BUF added = {0}, again = {0}, removed = {0};
	struct err err = {0};

	assert_int_equal(nsswitch_add_part(span_of(row->before), &added, &err), 0);
	assert_text(&added, span_of(row->after));
	assert_int_equal(nsswitch_add_part(span_of(row->after), &again, &err), 0);
	assert_text(&again, span_of(row->after));
	take_out(buf_bytes(&added), &removed);
	assert_text(&removed, span_of(row->before));
}

static void an_end_within_an_operator_is_refused(void **state)
{
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		nsswitch_add_part(
			span_of("passwd: {if \"x\":sss [SUCCESS=merge] [!UNAVAIL=return] }files\n"),
			&out, &err),
		-EINVAL);
	assert_int_equal(out.len, 0);
	assert_non_null(strstr(err.msg, "{if \"x\":sss"));
}

static void is_added_to_a_whole_file(void **state)
{
	AUTO_BUF before = {0}, after = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "test/data/nsswitch/%s", (const char *)*state);
	source_read(path, &before);
	(void)snprintf(path, sizeof(path), "test/data/nsswitch/%s.with", (const char *)*state);
	source_read(path, &after);
	check(buf_bytes(&before), buf_bytes(&after));
}

static void is_refused_with_what_to_write(void **state)
{
	const struct bad *row = *state;
	AUTO_BUF out = {0};
	struct err err = {0};

	assert_int_equal(nsswitch_add(span_of(row->text), &out, &err), -EINVAL);
	assert_int_equal(out.len, 0);
	assert_non_null(strstr(err.msg, row->message));
	assert_non_null(strstr(err.remedy, row->remedy));
}

static void ours_comes_out_wherever_the_owner_put_it(void **state)
{
	AUTO_BUF out = {0};

	(void)state;
	take_out(span_of("passwd: aad files\ngroup:aad\ninitgroups: files aad[NOTFOUND=return] x "
			 "aad\n"
			 "shadow: files aad\npasswd: files # aad\n"),
		 &out);
	assert_text(&out, span_of("passwd: files\ngroup:\ninitgroups: files[NOTFOUND=return] x\n"
				  "shadow: files\npasswd: files # aad\n"));
}

static void the_word_of_another_product_goes_from_the_passwords(void **state)
{
	AUTO_BUF out = {0};

	(void)state;
	add(span_of("passwd: files\ngroup: files aad\nshadow: files aad\ngshadow: aad files\n"),
	    &out);
	assert_text(&out, span_of("passwd: files aad\ngroup: files aad\nshadow: files\n"
				  "gshadow: files\n"));
}

static void the_source_is_found_in_the_line_of_passwd_alone(void **state)
{
	(void)state;
	assert_true(nsswitch_has(span_of("group: files\npasswd: files aad # x\n")));
	assert_false(nsswitch_has(span_of("passwd: files # aad\ngroup: aad\nshadow: aad\n")));
	assert_false(nsswitch_has(span_of("")));
}

static void ours_behind_an_end_moves_before_it(void **state)
{
	AUTO_BUF out = {0}, again = {0};

	(void)state;
	add(span_of("passwd: files [NOTFOUND=return] aad\ngroup: files aad [NOTFOUND=return] aad\n"
		    "initgroups: files[!SUCCESS=return]aad sss  aad # aad\n"),
	    &out);
	assert_text(&out, span_of("passwd: files aad [NOTFOUND=return]\n"
				  "group: files aad [NOTFOUND=return] aad\n"
				  "initgroups: files aad[!SUCCESS=return] sss  # aad\n"));
	add(buf_bytes(&out), &again);
	assert_text(&again, buf_bytes(&out));
}

static void a_directory_in_passwd_is_found(void **state)
{
	static const char *const with[] = {
		"passwd: files sss\n",
		"passwd: files [SUCCESS=return] winbind\n",
		"group: files\npasswd:ldap # x\n",
		"passwd: nis [NOTFOUND=return] files",
	};
	static const char *const without[] = {
		"passwd: files systemd aad\ngroup: files sss\n",
		"passwd: files # sss\n",
		"#passwd: sss\n",
		"passwd: sssd\nnetgroup: nis\n",
		"",
	};
	static const char *const names[] = {"sss", "winbind", "ldap", "nis"};
	struct span found = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(with); i++) {
		assert_true(nsswitch_directory(span_of(with[i]), &found));
		assert_true(span_is(found, names[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(without); i++)
		assert_false(nsswitch_directory(span_of(without[i]), &found));
}

static void the_newline_stays_for_a_line_that_was_added_behind_it(void **state)
{
	AUTO_BUF out = {0};

	(void)state;
	take_out(span_of("passwd: files aad\ngroup: files aad\n" NO_NEWLINE "hosts: files\n"),
		 &out);
	assert_text(&out, span_of("passwd: files\ngroup: files\nhosts: files\n"));
	take_out(span_of(NO_NEWLINE), &out);
	assert_text(&out, span_of(""));
}

static void nothing_comes_out_of_a_file_without_ours(void **state)
{
	AUTO_BUF out = {0};

	(void)state;
	take_out(span_of("passwd: files [x\n\n# aad\ngroup files aad"), &out);
	assert_text(&out, span_of("passwd: files [x\n\n# aad\ngroup files aad"));
}

int main(void)
{
	static const char *const files[] = {"debian12", "ubuntu2404", "rhel9", "sles15", "ldap"};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(ours_comes_out_wherever_the_owner_put_it),
		cmocka_unit_test(the_word_of_another_product_goes_from_the_passwords),
		cmocka_unit_test(the_source_is_found_in_the_line_of_passwd_alone),
		cmocka_unit_test(an_end_within_an_operator_is_refused),
		cmocka_unit_test(ours_behind_an_end_moves_before_it),
		cmocka_unit_test(a_directory_in_passwd_is_found),
		cmocka_unit_test(the_newline_stays_for_a_line_that_was_added_behind_it),
		cmocka_unit_test(nothing_comes_out_of_a_file_without_ours),
	};
	struct CMUnitTest
		tests[ARRAY_LEN(rows) + ARRAY_LEN(templates) + ARRAY_LEN(bad) + ARRAY_LEN(files)];
	size_t n = 0;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, is_added_and_comes_out_again, NULL,
						 NULL, (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(templates); i++)
		tests[n++] = (struct CMUnitTest){templates[i].name, is_added_to_a_template, NULL,
						 NULL, (void *)(uintptr_t)&templates[i]};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		tests[n++] = (struct CMUnitTest){bad[i].name, is_refused_with_what_to_write, NULL,
						 NULL, (void *)(uintptr_t)&bad[i]};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		tests[n++] = (struct CMUnitTest){files[i], is_added_to_a_whole_file, NULL, NULL,
						 (void *)(uintptr_t)files[i]};
	failed = cmocka_run_group_tests_name("text", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("removal", others, NULL, NULL);
}
