/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/name.h"

#define GUID "1c0163c0-47e6-4577-8991-ea5c82e286e4"

/* clang-format off */
static const struct shape {
	const char *what, *name;
	bool shaped;
} shapes[] = {
	{"a_upn", "alice@contoso.com", true},
	{"every_sign", "a.b_c-d+e'f!g#h^i~j@contoso.com", true},
	{"a_guest", "bob_fabrikam.com#ext#@contoso.onmicrosoft.com", true},
	{"digits", "4711@contoso.com", true},
	{"an_underscore_first", "_svc@contoso.com", true},
	{"dots_in_the_local_part", "a..b.@contoso.com", true},
	{"a_dashed_domain", "a@con-to--so.x1", true},
	{"a_guid", GUID, true},
	{"a_guid_in_capitals", "1C0163C0-47E6-4577-8991-EA5C82E286E4", false},
	{"nothing", "", false},
	{"a_local_name", "root", false},
	{"a_capital", "Alice@contoso.com", false},
	{"a_capital_domain", "alice@Contoso.com", false},
	{"no_local_part", "@contoso.com", false},
	{"no_domain", "alice@", false},
	{"one_label", "alice@contoso", false},
	{"two_ats", "alice@b@contoso.com", false},
	{"a_dash_first", "-alice@contoso.com", false},
	{"a_plus_first", "+alice@contoso.com", false},
	{"a_hash_first", "#0@contoso.com", false},
	{"a_tilde_first", "~alice@contoso.com", false},
	{"a_slash", "../x@contoso.com", false},
	{"a_slash_inside", "a/b@contoso.com", false},
	{"a_colon", "a:b@contoso.com", false},
	{"a_blank", "a b@contoso.com", false},
	{"a_newline", "a@contoso.com\n", false},
	{"a_percent", "a%u@contoso.com", false},
	{"an_asterisk", "a*@contoso.com", false},
	{"a_backslash", "a\\b@contoso.com", false},
	{"a_dollar", "a$@contoso.com", false},
	{"a_comma", "a,b@contoso.com", false},
	{"an_umlaut", "\xc3\xa4@contoso.com", false},
	{"a_dot_first_in_the_domain", "a@.contoso.com", false},
	{"a_dot_last_in_the_domain", "a@contoso.com.", false},
	{"two_dots_in_the_domain", "a@contoso..com", false},
	{"a_dash_first_in_a_label", "a@x.-contoso", false},
	{"a_dash_last_in_a_label", "a@contoso-.com", false},
	{"a_dash_last_in_the_domain", "a@contoso.com-", false},
	{"an_underscore_in_the_domain", "a@con_toso.com", false},
	{"an_asterisk_in_the_domain", "a@*.com", false},
};

static const struct owner {
	const char *what, *name, *domains;
	bool ours;
} owners[] = {
	{"every_domain", "a@contoso.com", "*", true},
	{"the_domain", "a@contoso.com", "contoso.com", true},
	{"the_second_of_two", "a@contoso.com", "b.example  contoso.com", true},
	{"another_domain", "a@contoso.com", "b.example", false},
	{"a_subdomain", "a@x.contoso.com", "contoso.com", false},
	{"the_end_of_a_domain", "a@xcontoso.com", "contoso.com", false},
	{"the_beginning_of_a_domain", "a@contoso.com", "contoso.com.eu", false},
	{"a_subdomain_when_asked_for", "a@x.contoso.com", "*.contoso.com", true},
	{"a_deep_subdomain", "a@x.y.contoso.com", "*.contoso.com", true},
	{"the_domain_itself_of_subdomains", "a@contoso.com", "*.contoso.com", false},
	{"the_longer_end_of_a_domain_of_subdomains", "a@xxcontoso.com", "*.contoso.com", false},
	{"the_end_of_a_domain_of_subdomains", "a@xcontoso.com", "*.contoso.com", false},
	{"nothing_configured", "a@contoso.com", "", false},
	{"no_shape", "root", "*", false},
	{"a_capital", "A@contoso.com", "*", false},
	{"a_guid_whatever_the_domains", GUID, "b.example", true},
};

static const struct list {
	const char *what, *domains;
	bool valid;
} lists[] = {
	{"an_asterisk", "*", true},
	{"a_domain", "contoso.com", true},
	{"several", "contoso.com *.fabrikam.com\tb.example", true},
	{"no_domain", "", false},
	{"blanks", "  ", false},
	{"an_asterisk_among_domains", "contoso.com *", false},
	{"only_subdomains", "*.", false},
	{"an_asterisk_inside", "con*so.com", false},
	{"a_capital_domain", "Contoso.com", false},
	{"a_single_label", "contoso", false},
	{"commas", "contoso.com,b.example", false},
	{"a_negation", "!contoso.com", false},
};

static const struct group {
	const char *what, *group;
	bool valid;
} groups[] = {
	{"the_default", "aad_admins", true},
	{"another", "aad_linux-admins2", true},
	{"a_single_sign", "aad_x", true},
	{"the_longest", "aad_abcdefghijklmnopqrstuvwxyz_", true},
	{"one_more", "aad_abcdefghijklmnopqrstuvwxyz_x", false},
	{"only_the_prefix", "aad_", false},
	{"the_group_of_all_users", "aad_users", false},
	{"a_local_group", "sudo", false},
	{"an_empty_name", "", false},
	{"a_capital_letter", "aad_Admins", false},
	{"a_sign_of_sudoers", "aad_x,y", false},
	{"a_blank_inside", "aad_x y", false},
};

static const struct home {
	const char *what, *template, *name, *home; /* home NULL: none can be made */
} homes[] = {
	{"the_default_template", "/home/%u", "alice@contoso.com", "/home/alice@contoso.com"},
	{"a_guid_name", "/home/%u", GUID, "/home/" GUID},
	{"a_name_with_every_sign", "/h/%u", "a.b_c-d+e'f!g#h^i~j@x.y", "/h/a.b_c-d+e'f!g#h^i~j@x.y"},
	{"text_after_the_name", "/srv/%u/home", "a@b.c", "/srv/a@b.c/home"},
	{"the_name_twice", "/%u/%u", "a@b.c", "/a@b.c/a@b.c"},
	{"a_percent_sign", "/%%/%u", "a@b.c", "/%/a@b.c"},
	{"dots_beside_the_name", "/..%u", "a@b.c", "/..a@b.c"},
	{"a_template_without_name", "/home/all", "a@b.c", NULL},
	{"two_percents_are_no_name", "/home/%%u", "a@b.c", NULL},
	{"another_sequence", "/home/%h/%u", "a@b.c", NULL},
	{"a_percent_at_the_end", "/home/%u%", "a@b.c", NULL},
	{"a_relative_template", "home/%u", "a@b.c", NULL},
	{"a_template_with_dots", "/home/../%u", "a@b.c", NULL},
	{"a_colon_in_the_template", "/home/x:%u", "a@b.c", NULL},
	{"an_empty_template", "", "a@b.c", NULL},
};
/* clang-format on */

static void shape(void **state)
{
	const struct shape *row = *state;

	assert_int_equal(name_shaped(row->name), row->shaped);
}

static void owner(void **state)
{
	const struct owner *row = *state;

	assert_int_equal(name_ours(row->name, span_of(row->domains)), row->ours);
}

static void list(void **state)
{
	const struct list *row = *state;

	assert_int_equal(name_domains_valid(span_of(row->domains)), row->valid);
}

static void group(void **state)
{
	const struct group *row = *state;

	assert_int_equal(name_admin_group_valid(span_of(row->group)), row->valid);
}

static void home(void **state)
{
	const struct home *row = *state;
	char made[HOME_SIZE] = "untouched";

	assert_int_equal(name_home(span_of(row->template), row->name, made, sizeof(made)),
			 row->home != NULL);
	assert_string_equal(made, row->home ? row->home : "untouched");
}

static void only_capital_letters_are_lowered(void **state)
{
	char lower[NAME_SIZE];

	(void)state;
	assert_true(name_lower("AZaz09@[`{^_\xc4", lower, sizeof(lower)));
	assert_string_equal(lower, "azaz09@[`{^_\xc4");
}

static void a_name_is_lowered_whole_or_not_at_all(void **state)
{
	char lower[6] = "other";

	(void)state;
	assert_false(name_lower("SIXTY@", lower, sizeof(lower)));
	assert_string_equal(lower, "other");
	assert_true(name_lower("FIFTY", lower, sizeof(lower)));
	assert_string_equal(lower, "fifty");
}

static void the_longest_name_has_a_shape_and_one_more_has_none(void **state)
{
	char name[NAME_MAX_BYTES + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "x@y.", 4);
	name[NAME_MAX_BYTES] = '\0';
	assert_true(name_shaped(name));
	name[NAME_MAX_BYTES] = 'x';
	name[NAME_MAX_BYTES + 1] = '\0';
	assert_false(name_shaped(name));
}

static void a_home_that_does_not_fit_is_none(void **state)
{
	char template[PATH_BYTES_MAX + 2], made[HOME_SIZE] = "untouched";

	(void)state;
	assert_false(name_home(SPAN_LIT("/home/%u"), "a@b.c", made, 11));
	assert_string_equal(made, "untouched");
	assert_true(name_home(SPAN_LIT("/home/%u"), "a@b.c", made, 12));
	memset(template, 'x', sizeof(template));
	memcpy(template, "/%u", 3);
	template[PATH_COMPONENT_MAX - 3] = '/';
	assert_true(name_home((struct span){(unsigned char *)template, PATH_BYTES_MAX - 3}, "a@b.c",
			      made, sizeof(made)));
	assert_int_equal(strlen(made), PATH_BYTES_MAX);
	assert_false(name_home((struct span){(unsigned char *)template, PATH_BYTES_MAX - 2},
			       "a@b.c", made, sizeof(made)));
	assert_false(name_home((struct span){(unsigned char *)template, sizeof(template)}, "a@b.c",
			       made, sizeof(made)));
}

/* A file's name has 255 bytes at most, so the longest names have a shape and no home. */
static void a_name_too_long_for_a_directory_has_no_home(void **state)
{
	char name[NAME_SIZE], made[HOME_SIZE] = "untouched";

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name, "x@y.", 4);
	name[NAME_MAX_BYTES] = '\0';
	assert_true(name_shaped(name));
	assert_false(name_home(SPAN_LIT("/home/%u"), name, made, sizeof(made)));
	assert_string_equal(made, "untouched");
	name[NAME_MAX_BYTES - 1] = '\0';
	assert_true(name_home(SPAN_LIT("/home/%u"), name, made, sizeof(made)));
	assert_false(name_home(SPAN_LIT("/home/x%u"), name, made, sizeof(made)));
}

/* As many tests as there are rows; each row begins with its name. */
#define RUN(rows, test)                                                                            \
	({                                                                                         \
		struct CMUnitTest tests_[ARRAY_LEN(rows)] = {{.name = NULL}};                      \
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                       \
			tests_[i] = (struct CMUnitTest){.name = (rows)[i].what,                    \
							.test_func = (test),                       \
							.initial_state =                           \
								(void *)(uintptr_t) & (rows)[i]};  \
		cmocka_run_group_tests_name(#rows, tests_, NULL, NULL);                            \
	})

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_capital_letters_are_lowered),
		cmocka_unit_test(a_name_is_lowered_whole_or_not_at_all),
		cmocka_unit_test(the_longest_name_has_a_shape_and_one_more_has_none),
		cmocka_unit_test(a_home_that_does_not_fit_is_none),
		cmocka_unit_test(a_name_too_long_for_a_directory_has_no_home),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failed += RUN(shapes, shape);
	failed += RUN(owners, owner);
	failed += RUN(lists, list);
	failed += RUN(groups, group);
	failed += RUN(homes, home);
	return failed;
}
