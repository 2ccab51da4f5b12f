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
#include "lib/core/sshdconf.h"
#include "test/unit/source.h"

#define GUID_PATTERN                                                                               \
	"????????"                                                                                 \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????"                                                                                    \
	"-????????????"
#define MATCH(domains)                                                                             \
	"Match User " domains "," GUID_PATTERN "    # Added by aadsshlogin installer\n"            \
	"    AuthenticationMethods publickey\n"                                                    \
	"    PubkeyAuthentication yes\n"                                                           \
	"    AuthorizedKeysCommand /usr/sbin/aad_certhandler %u %k\n"                              \
	"    AuthorizedKeysCommandUser aadsshlogin\n"
#define NO_KEYS "    AuthorizedKeysFile none\n"
#define BEGIN "# BEGIN aadsshlogin: this block is managed, other lines are not touched\n"
#define NO_NEWLINE "# The line above had no newline.\n"
#define END "Match all\n# END aadsshlogin\n"
#define BLOCK BEGIN MATCH("*@*") NO_KEYS END

static char every_domain[] = "*", some_domains[] = "contoso.com *.fabrikam.com",
	    admin_group[] = "aad_admins";
static const struct conf conf = {.user_domains = every_domain, .admin_group = admin_group};
static const struct conf other_conf = {.user_domains = some_domains,
				       .admin_group = admin_group,
				       .authorized_keys = AUTHORIZED_KEYS_KEEP};

/* clang-format off */
static const struct row {
	const char *name, *before, *after;
} rows[] = {
	{"at_the_end", "Port 22\n", "Port 22\n" BLOCK},
	{"into_an_empty_file", "", BLOCK},
	{"behind_a_line_without_newline", "Port 22", "Port 22\n" BEGIN NO_NEWLINE MATCH("*@*") NO_KEYS END},
	{"behind_carriage_returns", "Port 22\r\n", "Port 22\r\n" BLOCK},
	{"behind_a_carriage_return_alone", "Port 22\r", "Port 22\r\n" BEGIN NO_NEWLINE MATCH("*@*") NO_KEYS END},
	{"behind_an_open_Match", "Match User a\n\tX11Forwarding no\n", "Match User a\n\tX11Forwarding no\n" BLOCK},
	{"behind_the_block_of_another_product",
	 "Match User *@*    # Added by aadsshlogin installer\n    AuthorizedKeysCommandUser root\n",
	 "Match User *@*    # Added by aadsshlogin installer\n    AuthorizedKeysCommandUser root\n" BLOCK},
};

/* What stands there is brought up to date where it stands. */
static const struct row updates[] = {
	{"as_it_is", "a\n" BLOCK "b\n", "a\n" BLOCK "b\n"},
	{"other_settings", "a\n" BEGIN MATCH("*@x.y") END "b\n", "a\n" BLOCK "b\n"},
	{"an_edited_block", "a\n" BEGIN "Match all\nFoo bar\n# END aadsshlogin\nb\n", "a\n" BLOCK "b\n"},
	{"a_block_without_its_beginning", "a\n" MATCH("*@x.y") NO_KEYS END "b\n", "a\n" BLOCK "b\n"},
	{"two_blocks", BLOCK "a\n" BLOCK "b\n", BLOCK "a\nb\n"},
	{"carriage_returns_of_an_editor", "# BEGIN aadsshlogin: this block is managed, other lines are not touched\r\nx\r\n# END aadsshlogin\r\nb\r\n",
	 BLOCK "b\r\n"},
	{"a_last_line_without_newline", "a\n" BEGIN "# END aadsshlogin", "a\n" BLOCK},
};

static const struct row removals[] = {
	{"no_block", "Port 22\r\nMatch all\nUsePAM yes", "Port 22\r\nMatch all\nUsePAM yes"},
	{"an_end_alone", "Port 22\r\n# END aadsshlogin\nUsePAM yes", "Port 22\r\nUsePAM yes"},
	{"a_block_without_its_first_line", "a\n" MATCH("*@*") NO_KEYS END "b\n", "a\nb\n"},
	{"a_block_without_its_first_lines", "a\n" END "b\n", "a\nb\n"},
	{"the_newline_goes_without_the_first_line_too", "a\n" NO_NEWLINE MATCH("*@*") NO_KEYS END, "a"},
	{"a_line_of_the_owners_before_an_end_stays",
	 "Match User *@*    # Added by aadsshlogin installer\n    ForceCommand x\n# END aadsshlogin\n",
	 "Match User *@*    # Added by aadsshlogin installer\n    ForceCommand x\n"},
	{"lines_behind_the_block_stay", "a\n" BLOCK "b\n", "a\nb\n"},
	{"the_newline_stays_when_lines_follow", "a\n" BEGIN NO_NEWLINE END "b\n", "a\nb\n"},
	{"the_newline_goes_with_the_block", "a\n" BEGIN NO_NEWLINE END, "a"},
	{"lines_behind_do_not_fall_into_a_Match",
	 "Match User a\nForceCommand x\n" BLOCK "\n# c\nPermitRootLogin no\n",
	 "Match User a\nForceCommand x\nMatch all\n\n# c\nPermitRootLogin no\n"},
	{"a_Match_behind_needs_no_help",
	 "Match User a\nForceCommand x\n" BLOCK "match user b\n X11Forwarding no\n",
	 "Match User a\nForceCommand x\nmatch user b\n X11Forwarding no\n"},
	{"all_blocks", BLOCK "a\n" BLOCK "b\n" BLOCK, "a\nb\n"},
};

static const struct include {
	const char *name, *main;
	bool covers;
} includes[] = {
	{"the_usual_line", "Include /etc/ssh/sshd_config.d/*.conf\n", true},
	{"behind_others", "# c\nPort 22\n\n  include /etc/ssh/sshd_config.d/*.conf\n", true},
	{"with_carriage_return", "Include /etc/ssh/sshd_config.d/*.conf\r\n", true},
	{"with_an_equals_sign", "Include=/etc/ssh/sshd_config.d/*.conf\n", true},
	{"with_blanks_around_it", "INCLUDE\t=  /etc/ssh/sshd_config.d/*.conf", true},
	{"quoted", "Include \"/etc/ssh/sshd_config.d/*.conf\"\n", true},
	{"a_quote_that_stays_open", "Include \"/etc/ssh/sshd_config.d/*.conf\n", true},
	{"relative", "Include sshd_config.d/*.conf\n", true},
	{"several_patterns", "Include /etc/ssh/a.conf sshd_config.d/[0-9]*\n", true},
	{"a_wildcard_in_the_directory", "Include /etc/ssh/*/*.conf\n", true},
	{"our_file_alone", "Include /etc/ssh/sshd_config.d/20-aadsshlogin.conf\n", true},
	{"in_a_comment", "#Include /etc/ssh/sshd_config.d/*.conf\n", false},
	{"behind_a_comment_sign", "Include # /etc/ssh/sshd_config.d/*.conf\n", false},
	{"inside_a_Match", "Match all\nInclude /etc/ssh/sshd_config.d/*.conf\n", false},
	{"another_directory", "Include /etc/ssh/other.d/*.conf\n", false},
	{"another_ending", "Include /etc/ssh/sshd_config.d/*.cfg\n", false},
	{"another_number", "Include /etc/ssh/sshd_config.d/50-*.conf\n", false},
	{"the_directory_itself", "Include /etc/ssh/sshd_config.d\n", false},
	{"a_wildcard_stops_at_a_slash", "Include /etc/*.conf\n", false},
	{"another_keyword", "IncludeX /etc/ssh/sshd_config.d/*.conf\n", false},
	{"nothing", "", false},
};
/* clang-format on */

static void assert_text(const struct buf *buf, struct span wanted)
{
	if (!span_eq(buf_bytes(buf), wanted))
		fail_msg("got\n%s\ninstead of\n%.*s", buf_text(buf), (int)wanted.len,
			 (const char *)wanted.p);
}

static void check(struct span before, struct span after, bool comes_back)
{
	AUTO_BUF inserted = {0}, again = {0}, removed = {0};
	struct err err = {0};

	assert_int_equal(sshdconf_insert(before, &conf, span_of(""), &inserted, &err), 0);
	assert_text(&inserted, after);
	assert_int_equal(sshdconf_insert(buf_bytes(&inserted), &conf, span_of(""), &again, &err),
			 0);
	assert_text(&again, after);
	assert_int_equal(sshdconf_remove(buf_bytes(&inserted), &removed, &err), 0);
	if (comes_back)
		assert_text(&removed, before);
}

static void is_inserted_and_comes_out_again(void **state)
{
	const struct row *row = *state;

	check(span_of(row->before), span_of(row->after), true);
}

static void is_brought_up_to_date(void **state)
{
	const struct row *row = *state;

	check(span_of(row->before), span_of(row->after), false);
}

static void is_inserted_into_a_whole_file(void **state)
{
	AUTO_BUF before = {0}, after = {0};
	char path[128];

	(void)snprintf(path, sizeof(path), "test/data/sshdconf/%s", (const char *)*state);
	source_read(path, &before);
	(void)snprintf(path, sizeof(path), "test/data/sshdconf/%s.with", (const char *)*state);
	source_read(path, &after);
	assert_false(sshdconf_includes_dropin(buf_bytes(&before)));
	check(buf_bytes(&before), buf_bytes(&after), true);
}

static void is_removed(void **state)
{
	const struct row *row = *state;
	AUTO_BUF out = {0};
	struct err err = {0};

	assert_int_equal(sshdconf_remove(span_of(row->before), &out, &err), 0);
	assert_text(&out, span_of(row->after));
}

static void is_seen_as_including_or_not(void **state)
{
	const struct include *row = *state;

	assert_int_equal(sshdconf_includes_dropin(span_of(row->main)), row->covers);
}

static void the_files_of_debian_include_the_dropin(void **state)
{
	static const char *const names[] = {"debian12", "debian13"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF text = {0};
		char path[128];

		(void)snprintf(path, sizeof(path), "test/data/sshdconf/%s", names[i]);
		source_read(path, &text);
		assert_true(sshdconf_includes_dropin(buf_bytes(&text)));
	}
}

static void a_block_without_end_is_refused_with_its_line(void **state)
{
	static const char text[] = "a\nb\n" BEGIN "Match all\nc\n";
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(sshdconf_insert(span_of(text), &conf, span_of(""), &out, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "/etc/ssh/sshd_config:3:"));
	err = (struct err){0};
	assert_int_equal(sshdconf_remove(span_of(text), &out, &err), -EINVAL);
	assert_non_null(strstr(err.remedy, "\"# END aadsshlogin\""));
	assert_int_equal(out.len, 0);
}

static void the_block_is_found_by_its_line(void **state)
{
	(void)state;
	assert_int_equal(sshdconf_block_line(span_of("a\n\n" BLOCK)), 3);
	assert_int_equal(sshdconf_block_line(span_of("a\n# BEGIN aadsshlogin\n")), 0);
	assert_int_equal(sshdconf_block_line(span_of("")), 0);
}

static void the_dropin_follows_the_settings(void **state)
{
	static const char heading[] = "# Written by aadsshlogin: sign-in of Entra users.\n";
	AUTO_BUF out = {0}, wanted = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(sshdconf_dropin(&conf, span_of(""), &out, &err), 0);
	buf_printf(&wanted, "%s%s", heading, MATCH("*@*") NO_KEYS);
	assert_text(&out, buf_bytes(&wanted));
	buf_done(&wanted);
	assert_int_equal(sshdconf_dropin(&other_conf, span_of(""), &out, &err), 0);
	buf_printf(&wanted, "%s%s", heading, MATCH("*@contoso.com,*@*.fabrikam.com"));
	assert_text(&out, buf_bytes(&wanted));
}

static void what_sshd_must_show_is_what_is_written(void **state)
{
	const struct sshd_setting *settings;
	AUTO_BUF out = {0};
	struct err err = {0};
	char line[128];
	size_t count;

	(void)state;
	assert_int_equal(sshdconf_settings(&other_conf, &settings), 4);
	count = sshdconf_settings(&conf, &settings);
	assert_int_equal(count, 5);
	assert_int_equal(sshdconf_dropin(&conf, span_of(""), &out, &err), 0);
	for (; count; count--, settings++) {
		(void)snprintf(line, sizeof(line), "\n    %s %s\n", settings->keyword,
			       settings->value);
		assert_non_null(strstr(buf_text(&out), line));
	}
}

static void directives_are_read_as_sshd_reads_them(void **state)
{
	struct span text = SPAN_LIT("# c\n\n \tPort\t22\r\nMatch User=a Group \"b c\" # d\nx\n");
	struct sshd_directive directive;
	unsigned line = 0;
	struct span arg;

	(void)state;
	assert_true(sshdconf_next(&text, &line, &directive));
	assert_true(sshdconf_is(&directive, "PORT") && directive.line == 3);
	assert_true(sshdconf_arg(&directive.args, &arg) && span_is(arg, "22"));
	assert_false(sshdconf_arg(&directive.args, &arg));
	assert_true(sshdconf_next(&text, &line, &directive));
	assert_true(sshdconf_is(&directive, "match") && directive.line == 4);
	assert_true(sshdconf_arg(&directive.args, &arg) && span_is(arg, "User=a"));
	assert_true(sshdconf_arg(&directive.args, &arg) && span_is(arg, "Group"));
	assert_true(sshdconf_arg(&directive.args, &arg) && span_is(arg, "b c"));
	assert_false(sshdconf_arg(&directive.args, &arg));
	assert_true(sshdconf_next(&text, &line, &directive));
	assert_true(sshdconf_is(&directive, "x") && !sshdconf_is(&directive, "xy"));
	assert_false(sshdconf_arg(&directive.args, &arg));
	assert_false(sshdconf_next(&text, &line, &directive));
}

static void settings_are_found_whatever_their_case(void **state)
{
	static const char output[] = "port 22\nAuthorizedKeysCommand  /a %u\r\nusepam yes\nempty\n";
	struct span value = SPAN_LIT("untouched");

	(void)state;
	assert_true(sshdconf_shown(span_of(output), "authorizedkeyscommand", &value));
	assert_true(span_is(value, "/a %u"));
	assert_true(sshdconf_shown(span_of(output), "UsePAM", &value) && span_is(value, "yes"));
	assert_true(sshdconf_shown(span_of(output), "empty", &value) && value.len == 0);
	value = SPAN_LIT("untouched");
	assert_false(sshdconf_shown(span_of(output), "usepa", &value));
	assert_true(span_is(value, "untouched"));
}

static void the_probe_is_a_name_of_the_domain(void **state)
{
	char name[64] = "untouched";

	(void)state;
	assert_true(sshdconf_probe(span_of("*"), name, sizeof(name)));
	assert_string_equal(name, "aadsshlogin-probe@aadsshlogin.invalid");
	assert_true(sshdconf_probe(span_of("contoso.com"), name, sizeof(name)));
	assert_string_equal(name, "aadsshlogin-probe@contoso.com");
	assert_true(sshdconf_probe(span_of("*.contoso.com"), name, sizeof(name)));
	assert_string_equal(name, "aadsshlogin-probe@probe.contoso.com");
	assert_false(sshdconf_probe(span_of("contoso.com"), name, 20));
}

static void add_rows(struct CMUnitTest *tests, size_t *n, const struct row *list, size_t count,
		     CMUnitTestFunction test)
{
	for (size_t i = 0; i < count; i++)
		tests[(*n)++] = (struct CMUnitTest){list[i].name, test, NULL, NULL,
						    (void *)(uintptr_t)&list[i]};
}

int main(void)
{
	static const char *const files[] = {"rhel8", "cis"};
	const struct CMUnitTest others[] = {
		cmocka_unit_test(the_files_of_debian_include_the_dropin),
		cmocka_unit_test(a_block_without_end_is_refused_with_its_line),
		cmocka_unit_test(the_block_is_found_by_its_line),
		cmocka_unit_test(the_dropin_follows_the_settings),
		cmocka_unit_test(what_sshd_must_show_is_what_is_written),
		cmocka_unit_test(directives_are_read_as_sshd_reads_them),
		cmocka_unit_test(settings_are_found_whatever_their_case),
		cmocka_unit_test(the_probe_is_a_name_of_the_domain),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + ARRAY_LEN(updates) + ARRAY_LEN(removals) +
				ARRAY_LEN(includes) + ARRAY_LEN(files)];
	size_t n = 0;
	int failed;

	add_rows(tests, &n, rows, ARRAY_LEN(rows), is_inserted_and_comes_out_again);
	add_rows(tests, &n, updates, ARRAY_LEN(updates), is_brought_up_to_date);
	add_rows(tests, &n, removals, ARRAY_LEN(removals), is_removed);
	for (size_t i = 0; i < ARRAY_LEN(includes); i++)
		tests[n++] = (struct CMUnitTest){includes[i].name, is_seen_as_including_or_not,
						 NULL, NULL, (void *)(uintptr_t)&includes[i]};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		tests[n++] = (struct CMUnitTest){files[i], is_inserted_into_a_whole_file, NULL,
						 NULL, (void *)(uintptr_t)files[i]};
	failed = cmocka_run_group_tests_name("text", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("sshdconf", others, NULL, NULL);
}
