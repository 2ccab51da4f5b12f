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
#include "lib/core/sshdtree.h"

#define INCLUDE "Include /etc/ssh/sshd_config.d/*.conf\n"
#define OTHER "AuthorizedKeysCommand /usr/bin/other %u\n"
#define D SSHD_DROPIN_DIR

/* A machine's files: the main file, and one that it may include. */
struct files {
	const char *main;
	const char *path, *text; /* NULL: no other file */
};

/* clang-format off */
static const struct rival_row {
	const char *name;
	struct files files;
	const char *domains;
	const char *path; /* where the rival stands, NULL: there is none */
	unsigned line;
} rival_rows[] = {
	{"a_global_setting_loses", {INCLUDE OTHER, NULL, NULL}, "*", NULL, 0},
	{"a_Match_before_the_include", {"Match User *\n" OTHER INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"a_Match_behind_the_include_loses", {INCLUDE "Match User *\n" OTHER, NULL, NULL}, "*", NULL, 0},
	{"a_Match_in_an_earlier_file", {INCLUDE, D "/10-x.conf", "\n# c\nMatch User *@*\n" OTHER}, "*", D "/10-x.conf", 4},
	{"a_Match_in_a_later_file", {INCLUDE, D "/50-x.conf", "Match User *@*\n" OTHER}, "*", NULL, 0},
	{"a_file_that_is_not_included", {INCLUDE, D "/10-x.cfg", "Match User *\n" OTHER}, "*", NULL, 0},
	{"a_file_included_by_name", {"Include /etc/ssh/a b\n" INCLUDE, "/etc/ssh/a", "Match all\n" OTHER}, "*", "/etc/ssh/a", 2},
	{"Match_all", {"Match all\n" OTHER INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"the_same_setting_is_no_rival", {"Match all\nPubkeyAuthentication YES\n" INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"our_command_under_another_user", {"Match User *@*\nAuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k\nAuthorizedKeysCommandUser root\n" INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 3},
	{"other_keys", {"Match User *@*\nauthorizedkeysfile .ssh/authorized_keys\n" INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"our_command_with_more_words", {"Match all\nAuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k %f\n" INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"a_setting_that_is_not_ours", {"Match all\nX11Forwarding no\n" INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"a_local_user", {"Match User alice\n" OTHER INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"a_local_group", {"Match Group sftponly\n" OTHER INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"our_group", {"Match Group \"sftponly,aad_*\"\n" OTHER INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"a_user_of_ours_in_a_local_group", {"Match User * Group sftponly\n" OTHER INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"everybody_but_ours", {"Match User !*@*,*\n" OTHER INCLUDE, NULL, NULL}, "contoso.com", SSHD_MAIN_PATH, 2}, /* a service principal */
	{"everybody_but_all_of_ours", {"Match User !*@*,!????????" "-*,*\n" OTHER INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"some_domain_of_all", {"Match User *@contoso.com\n" OTHER INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"a_domain_of_others", {"Match User *@contoso.com\n" OTHER INCLUDE, NULL, NULL}, "fabrikam.com", NULL, 0},
	{"capitals_which_sshd_tells_apart", {"Match User *@Contoso.com\n" OTHER INCLUDE, NULL, NULL}, "contoso.com", NULL, 0},
	{"capitals_among_all_domains", {"Match User *@Contoso.com\n" OTHER INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"the_second_domain", {"Match User *@contoso.com\n" OTHER INCLUDE, NULL, NULL}, "fabrikam.com contoso.com", SSHD_MAIN_PATH, 2},
	{"an_address_may_be_theirs", {"Match Address 10.0.0.0/8\n" OTHER INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"users_that_do_not_exist", {"Match Invalid-User\n" OTHER INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"an_equals_sign", {"Match User=alice\n" OTHER INCLUDE, NULL, NULL}, "*", NULL, 0},
	{"a_criterion_without_value", {"Match User\n" OTHER INCLUDE, NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"a_Match_ends_with_its_file", {INCLUDE, D "/10-x.conf", "Match User *@*\n"}, "*", NULL, 0},
	{"an_include_inside_a_Match", {"Match User *@*\nInclude x\n", "/etc/ssh/x", OTHER}, "*", "/etc/ssh/x", 1},
	{"an_include_inside_another_users_Match", {"Match User alice\nInclude x\n", "/etc/ssh/x", "Match all\n" OTHER}, "*", NULL, 0},
	{"a_file_that_includes_itself", {"Include x\n", "/etc/ssh/x", "Include x x\nMatch all\n" OTHER}, "*", "/etc/ssh/x", 3},
	{"before_our_block", {"Match all\n" OTHER "# BEGIN aadsshlogin: this block is managed, other lines are not touched\nMatch all\n# END aadsshlogin\n", NULL, NULL}, "*", SSHD_MAIN_PATH, 2},
	{"behind_our_block", {"# BEGIN aadsshlogin: this block is managed, other lines are not touched\nMatch all\n# END aadsshlogin\nMatch all\n" OTHER, NULL, NULL}, "*", NULL, 0},
};

#define GROUPS "root:x:0:\nwheel:x:10:local\nguests:x:700:bob,eve@contoso.com\nguest:x:701:\n"
#define HELP_USERS "/etc/ssh/sshd_config:1: AllowUsers keeps all Entra users out; "
static const struct access_row {
	const char *name;
	struct files files;
	const char *domains;
	const char *advice;
} access_rows[] = {
	{"nothing_is_limited", {INCLUDE, NULL, NULL}, "*", ""},
	{"groups_that_leave_us_out", {"AllowGroups wheel\nPort 22\nAllowGroups sshusers\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:3: AllowGroups keeps all Entra users out; write below it: AllowGroups aad_users\n"},
	{"groups_in_an_included_file", {INCLUDE, D "/50-x.conf", "AllowGroups wheel\n"}, "*",
	 D "/50-x.conf:1: AllowGroups keeps all Entra users out; write below it: AllowGroups aad_users\n"},
	{"groups_that_name_us", {"AllowGroups wheel aad_users\n", NULL, NULL}, "*", ""},
	{"groups_that_name_us_later", {"AllowGroups wheel\nAllowGroups aad_*\n", NULL, NULL}, "*", ""},
	{"administrators_alone", {"AllowGroups aad_admins\n", NULL, NULL}, "*", ""},
	{"a_denied_group", {"DenyGroups guests aad_*\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:1: DenyGroups keeps all Entra users out; take aad_* out of the line\n"},
	{"other_denied_groups", {"DenyGroups guests\nDenyUsers bob *@10.0.0.1\n", NULL, NULL}, "*", ""},
	{"users_of_one_domain", {"AllowUsers root alice@10.*\n", NULL, NULL}, "contoso.com",
	 HELP_USERS "write below it: AllowUsers *?contoso.com\n"},
	{"users_of_several_domains", {"AllowUsers root\n", NULL, NULL}, "contoso.com *.fabrikam.com",
	 HELP_USERS "write below it: AllowUsers *?contoso.com *?*.fabrikam.com\n"},
	{"users_of_every_domain", {"AllowUsers root\n", NULL, NULL}, "*",
	 HELP_USERS "write at the end of /etc/ssh/sshd_config the two lines: Match User *@* / AllowUsers *\n"},
	{"the_advice_helps", {"AllowUsers root\nAllowUsers *?contoso.com\n", NULL, NULL}, "contoso.com", ""},
	{"the_other_advice_helps", {"AllowUsers root\nMatch User *@*\nAllowUsers *\n", NULL, NULL}, "*", ""},
	{"a_UPN_does_not_help", {"AllowUsers root *@contoso.com\n", NULL, NULL}, "contoso.com",
	 HELP_USERS "write below it: AllowUsers *?contoso.com\n"},
	{"everybody_from_an_address", {"AllowUsers *@10.0.0.1\n", NULL, NULL}, "*", ""},
	{"everybody_is_denied", {"DenyUsers *\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:1: DenyUsers keeps all Entra users out; take * out of the line\n"},
	{"some_users_by_a_pattern", {"AllowUsers root b*?contoso.com\n", NULL, NULL}, "contoso.com",
	 "/etc/ssh/sshd_config:1: AllowUsers keeps Entra users out; write below it: AllowUsers *?contoso.com\n"},
	{"a_service_principal", {"AllowUsers root 01234567" "-1111-1111-1111-0123456789ab\n", NULL, NULL}, "contoso.com",
	 "/etc/ssh/sshd_config:1: AllowUsers keeps Entra users out; write below it: AllowUsers *?contoso.com\n"},
	{"a_local_group_with_one_of_ours", {"AllowGroups wheel guests\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:1: AllowGroups keeps Entra users out; write below it: AllowGroups aad_users\n"},
	{"a_local_group_of_a_similar_name", {"AllowGroups wheel guest\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:1: AllowGroups keeps all Entra users out; write below it: AllowGroups aad_users\n"},
	{"a_group_of_ones_own", {"AllowGroups eve@contoso.com\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:1: AllowGroups keeps Entra users out; write below it: AllowGroups aad_users\n"},
	{"from_some_addresses", {"Match Address 10.0.0.0/8\nAllowGroups wheel\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:2: AllowGroups keeps Entra users out; write below it: AllowGroups aad_users\n"},
	{"one_domain_of_two_is_denied", {"DenyUsers *?contoso.com\n", NULL, NULL}, "contoso.com fabrikam.com",
	 "/etc/ssh/sshd_config:1: DenyUsers keeps Entra users out; take *?contoso.com out of the line\n"},
	{"in_a_Match_of_others", {"Match User alice\nAllowGroups wheel\n", NULL, NULL}, "*", ""},
	{"in_a_Match_of_ours", {"Match Address 10.0.0.0/8\nDenyGroups aad_users\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:2: DenyGroups keeps Entra users out; take aad_users out of the line\n"},
	{"several_at_once", {"DenyGroups *\nAllowGroups x\n", NULL, NULL}, "*",
	 "/etc/ssh/sshd_config:2: AllowGroups keeps all Entra users out; write below it: AllowGroups aad_users\n"
	 "/etc/ssh/sshd_config:1: DenyGroups keeps all Entra users out; take * out of the line\n"},
};

/* What sshd's Match lines make of al, bob and root; "?" where it must be asked. */
static const struct kind_row {
	const char *name;
	const char *text;
	const char *kinds;
} kind_rows[] = {
	{"no_Match", "AllowUsers bob\nPermitRootLogin no\n", ",,"},
	{"Match_all", "Match all\nX11Forwarding no\n", "1,1,1"},
	{"a_user", "Match User bob\n", "0,1,0"},
	{"patterns", "match user b*,!bo?,ro?t\n", "0,0,1"},
	{"several", "Match User al\nMatch user *\nMatch User al,bob\n", "111,011,010"},
	{"our_users", "Match User *@*,????????" "-????" "-????" "-????" "-????????????\n", "0,0,0"},
	{"a_commented_Match", "# Match Group x\n", ",,"},
	{"a_group", "Match Group wheel\n", "?,?,?"},
	{"a_group_of_some_users", "Match Group wheel User bob\n", "0,?,0"},
	{"some_users_of_a_group", "Match User bob Group wheel\n", "0,?,0"},
	{"an_address", "Match Address 10.0.0.0/8\n", "1,1,1"},
	{"all_of_the_connection", "Match Host *.a LocalAddress 10.0.0.1 LocalPort 22 RDomain x User bob\n", "0,1,0"},
	{"users_that_do_not_exist", "Match Invalid-User\n", "?,?,?"},
	{"a_criterion_that_is_not_known", "Match Version OpenSSH_10 User bob\n", "?,?,?"},
	{"a_criterion_that_is_not_known_behind_the_user", "Match User bob Version 10\n", "0,?,0"},
	{"a_criterion_without_value", "Match User\n", "?,?,?"},
	{"an_equals_sign", "Match User=bob\n", "?,?,?"},
	{"an_equals_sign_behind_Match", "Match=User bob\n", "0,1,0"},
	{"quotes", "Match User \"bob\"\n", "?,?,?"},
	{"two_stars_which_old_releases_take_otherwise", "Match User b**\n", "?,?,?"},
	{"quotes_around_Match", "\"Match\" User bob\n", "?,?,?"},
	{"other_quotes", "Match User 'bob'\n", "?,?,?"},
	{"a_backslash", "Match User b\\ob\n", "?,?,?"},
	{"a_comment_behind_it", "Match User bob # Group wheel\n", "0,1,0"},
	{"a_comment_in_the_place_of_a_name", "Match User # bob\n", "?,?,?"},
	{"a_hash_in_a_name", "Match User bob#x\n", "?,?,?"},
	{"a_comment_with_quotes", "Match User bob # \"\n", "?,?,?"},
};

static const struct match_row {
	const char *list, *name;
	int found;
} match_rows[] = {
	{"*", "", 1}, {"", "", 0}, {"", "a", 0}, {"a", "a", 1}, {"a", "A", 0}, {"?", "a", 1},
	{"?", "", 0}, {"a*", "a", 1}, {"*b*d", "abcd", 1}, {"*b*d", "abdc", 0}, {"a,b", "b", 1},
	{"a,b", "c", 0}, {"!a,*", "a", -1}, {"*,!a", "a", -1}, {"!a", "b", 0}, {"**a", "ba", 1},
	{"a**", "a", 1}, {"*@*,x", "u@d", 1}, {"a,", "", 0}, {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaa", 0},
};
/* clang-format on */

static void add_file(struct sshdtree *tree, const char *path, const char *content)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	buf_str(&text, content);
	assert_int_equal(sshdtree_add(tree, path, &text, &err), 0);
	assert_int_equal(text.len, 0);
}

static void build(const struct files *files, struct sshdtree *tree)
{
	add_file(tree, SSHD_MAIN_PATH, files->main);
	if (files->path)
		add_file(tree, files->path, files->text);
	add_file(tree, SSHD_DROPIN_PATH, "Match all\n" OTHER);
}

static struct conf conf_of(const char *domains)
{
	static char admin_group[] = "aad_admins";

	return (struct conf){.user_domains = (char *)(uintptr_t)domains,
			     .admin_group = admin_group};
}

static void the_rival_is_found_if_there_is_one(void **state)
{
	const struct rival_row *row = *state;
	const struct conf conf = conf_of(row->domains);
	struct sshd_place rival = {.path = "untouched"};
	AUTO_SSHDTREE tree = {0};

	build(&row->files, &tree);
	assert_int_equal(sshdtree_rival(&tree, &conf, &rival), row->path != NULL);
	assert_string_equal(rival.path, row->path ? row->path : "untouched");
	assert_int_equal(rival.directive.line, row->line);
}

static void the_advice_names_line_and_change(void **state)
{
	const struct access_row *row = *state;
	const struct conf conf = conf_of(row->domains);
	struct sshd_bar bars[SSHD_BARS_MAX];
	AUTO_SSHDTREE tree = {0};
	AUTO_BUF advice = {0};
	size_t count;

	build(&row->files, &tree);
	count = sshdtree_bars(&tree, &conf, SPAN_LIT(GROUPS), bars);
	for (size_t i = 0; i < count; i++)
		buf_printf(&advice, "%s:%u: %s keeps %sEntra users out; %s\n", bars[i].place.path,
			   bars[i].place.directive.line, bars[i].list, bars[i].all ? "all " : "",
			   bars[i].help);
	assert_string_equal(buf_text(&advice), row->advice);
}

static void names_of_one_kind_are_told(void **state)
{
	static const char *const names[] = {"al", "bob", "root"};
	const struct kind_row *row = *state;
	AUTO_SSHDTREE tree = {0};
	AUTO_BUF kinds = {0};

	add_file(&tree, SSHD_MAIN_PATH, INCLUDE);
	add_file(&tree, D "/10-x.conf", row->text);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF kind = {0};
		const bool told = sshdtree_kind(&tree, span_of(names[i]), &kind);

		buf_printf(&kinds, "%s%s", i ? "," : "", told ? buf_text(&kind) : "?");
	}
	assert_string_equal(buf_text(&kinds), row->kinds);
}

/* They are on each machine. */
static void our_own_lines_are_told(void **state)
{
	const struct conf conf = conf_of("*");
	AUTO_SSHDTREE tree = {0};
	AUTO_BUF text = {0}, kind = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(sshdconf_dropin(&conf, span_of(""), &text, &err), 0);
	add_file(&tree, SSHD_MAIN_PATH, INCLUDE);
	add_file(&tree, SSHD_DROPIN_PATH, buf_text(&text));
	assert_true(sshdtree_kind(&tree, SPAN_LIT("bob"), &kind));
	assert_true(sshdtree_kind(&tree, SPAN_LIT("bob@contoso.com"), &kind));
	assert_string_equal(buf_text(&kind), "01");
}

static void a_tree_with_gaps_tells_no_kind(void **state)
{
	AUTO_SSHDTREE tree = {0};
	AUTO_BUF kind = {0};

	(void)state;
	assert_false(sshdtree_kind(&tree, SPAN_LIT("bob"), &kind));
	add_file(&tree, SSHD_MAIN_PATH, "");
	assert_true(sshdtree_kind(&tree, SPAN_LIT("bob"), &kind));
	tree.partial = true;
	assert_false(sshdtree_kind(&tree, SPAN_LIT("bob"), &kind));
}

/* What sed is told, which troubles.py of the lab lets it do. */
static void the_edit_is_that_of_the_advice(void **state)
{
	static const struct {
		const char *text, *domains, *edit;
	} rows[] = {
		{"AllowUsers root\n", "contoso.com a.b", "1a\\AllowUsers *?contoso.com *?a.b"},
		{"AllowUsers root\n", "*", "$a\\Match User *@*\\n    AllowUsers *"},
		{"X11Forwarding no\nAllowGroups wheel\n", "*", "2a\\AllowGroups " USERS_GROUP},
		{"DenyGroups " USERS_GROUP "\n", "*", "1d"},
		{"DenyGroups x " USERS_GROUP "\n", "*", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct conf conf = conf_of(rows[i].domains);
		struct sshd_bar bars[SSHD_BARS_MAX];
		struct err err = {0};
		AUTO_SSHDTREE tree = {0};
		AUTO_BUF text = {0};

		buf_str(&text, rows[i].text);
		assert_int_equal(sshdtree_add(&tree, SSHD_MAIN_PATH, &text, &err), 0);
		assert_int_equal(sshdtree_bars(&tree, &conf, (struct span){0}, bars), 1);
		assert_string_equal(bars[0].edit, rows[i].edit);
	}
}

static void patterns_match_as_in_sshd(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(match_rows); i++) {
		const struct match_row *row = &match_rows[i];

		if (sshdtree_match(span_of(row->list), span_of(row->name)) != row->found)
			fail_msg("\"%s\" and \"%s\"", row->list, row->name);
	}
}

static void an_empty_tree_has_nothing(void **state)
{
	const struct conf conf = conf_of("*");
	AUTO_SSHDTREE tree = {0};
	struct sshd_place rival;
	struct sshd_bar bars[SSHD_BARS_MAX];

	(void)state;
	assert_false(sshdtree_rival(&tree, &conf, &rival));
	assert_int_equal(sshdtree_bars(&tree, &conf, (struct span){0}, bars), 0);
}

int main(void)
{
	const struct CMUnitTest others[] = {
		cmocka_unit_test(the_edit_is_that_of_the_advice),
		cmocka_unit_test(patterns_match_as_in_sshd),
		cmocka_unit_test(an_empty_tree_has_nothing),
		cmocka_unit_test(our_own_lines_are_told),
		cmocka_unit_test(a_tree_with_gaps_tells_no_kind),
	};
	struct CMUnitTest
		tests[ARRAY_LEN(rival_rows) + ARRAY_LEN(access_rows) + ARRAY_LEN(kind_rows)];
	size_t n = 0;
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rival_rows); i++)
		tests[n++] =
			(struct CMUnitTest){rival_rows[i].name, the_rival_is_found_if_there_is_one,
					    NULL, NULL, (void *)(uintptr_t)&rival_rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(access_rows); i++)
		tests[n++] =
			(struct CMUnitTest){access_rows[i].name, the_advice_names_line_and_change,
					    NULL, NULL, (void *)(uintptr_t)&access_rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(kind_rows); i++)
		tests[n++] = (struct CMUnitTest){kind_rows[i].name, names_of_one_kind_are_told,
						 NULL, NULL, (void *)(uintptr_t)&kind_rows[i]};
	failed = cmocka_run_group_tests_name("rows", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("sshdtree", others, NULL, NULL);
}
