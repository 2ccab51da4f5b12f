/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fnmatch.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/matchuser.h"
#include "lib/core/name.h"

/* Two question marks and a dash are a trigraph, hence the backslashes. */
#define GUIDS "???????\?-???\?-???\?-???\?-????????????"

/* clang-format off */
static const struct row {
	const char *name, *domains, *patterns;
} rows[] = {
	{"every_domain", "*", "*@*," GUIDS},
	{"one_domain", "contoso.com", "*@contoso.com," GUIDS},
	{"several", "contoso.com  b.example", "*@contoso.com,*@b.example," GUIDS},
	{"subdomains", "*.contoso.com", "*@*.contoso.com," GUIDS},
};

/* What stands before the patterns, of these domains. */
static const struct spared {
	const char *name, *domains, *passwd, *patterns;
} spared[] = {
	{"no_names_as_ours", "*", "root:x:0:0::/:/bin/sh\n", ""},
	{"a_name_as_ours", "*", "a:x:1:1:::\nbob@corp:x:2:2:::\nx.y@b.example:x:3:3:::", "!bob@corp,!x.y@b.example,"},
	{"a_guid", "contoso.com", "1c0163c0-47e6-4577-8991-ea5c82e286e4:x:1:1:::\n",
	 "!1c0163c0-47e6-4577-8991-ea5c82e286e4,"},
	{"another_domain", "contoso.com", "bob@corp.example:x:1:1:::\nbob@contoso.com:x:2:2:::\n", "!bob@contoso.com,"},
	{"what_no_pattern_says", "*", "a,!*?\"'\\#= \tb\xc3\xa4@c:x:1:1:::\n", "!a???????????b??@c,"},
	{"what_is_no_account", "*", "+a@b:x:1:1:::\n#a@b:x:1:1:::\na@b:x:one:1:::\na@b\n", ""},
};
/* clang-format on */

static void is_spared(void **state)
{
	const struct spared *row = *state;
	AUTO_BUF patterns = {0};

	matchuser_spare(span_of(row->domains), span_of(row->passwd), &patterns);
	assert_string_equal(buf_text(&patterns), row->patterns);
}

static void becomes_patterns(void **state)
{
	const struct row *row = *state;
	AUTO_BUF patterns = {0};

	matchuser_patterns(span_of(row->domains), &patterns);
	assert_string_equal(buf_text(&patterns), row->patterns);
}

/* fnmatch without flags has sshd's `*` and `?`. */
static bool covered(const char *patterns, const char *name)
{
	AUTO_FREE char *list = strdup(patterns);
	char *rest = list, *pattern;

	assert_non_null(list);
	while ((pattern = strsep(&rest, ",")))
		if (fnmatch(pattern, name, 0) == 0)
			return true;
	return false;
}

static void every_name_that_is_ours_is_covered(void **state)
{
	static const char *const names[] = {
		"alice@contoso.com",   "bob@a.contoso.com",
		"bob@a.b.contoso.com", "eve@b.example",
		"eve@xcontoso.com",    "root",
		"x@corp.local",        "1c0163c0-47e6-4577-8991-ea5c82e286e4",
	};
	size_t ours = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF patterns = {0};

		matchuser_patterns(span_of(rows[i].domains), &patterns);
		for (size_t j = 0; j < ARRAY_LEN(names); j++) {
			if (!name_ours(names[j], span_of(rows[i].domains)))
				continue;
			assert_true(covered(buf_text(&patterns), names[j]));
			ours++;
		}
		assert_false(covered(buf_text(&patterns), "root"));
	}
	assert_true(ours > ARRAY_LEN(rows));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_that_is_ours_is_covered),
	};
	struct CMUnitTest lists[ARRAY_LEN(rows)] = {{.name = NULL}};
	struct CMUnitTest locals[ARRAY_LEN(spared)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		lists[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = becomes_patterns,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(spared); i++)
		locals[i] = (struct CMUnitTest){.name = spared[i].name,
						.test_func = is_spared,
						.initial_state = (void *)(uintptr_t)&spared[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("domains", lists, NULL, NULL) ||
	       cmocka_run_group_tests_name("locals", locals, NULL, NULL);
}
