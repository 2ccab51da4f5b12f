/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "payload/module/lines.h"
#include "payload/module/settings.h"
#include "test/unit/scratch.h"

#define ALICE "alice@contoso.com"

static struct scratch scratch;
static struct lines storage;

/* The module's root is compiled in: a link to the scratch directory. */
static int open_scratch(void **state)
{
	(void)state;
	scratch_open(&scratch);
	(void)unlink(MODULE_ROOT);
	return symlink(scratch.dir, MODULE_ROOT);
}

static int done_scratch(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return unlink(MODULE_ROOT);
}

static struct settings read_settings(const char *text)
{
	struct settings settings;

	scratch_write(&scratch, CONF_PATH, text, 0644);
	settings_read(ALICE, &storage, &settings);
	return settings;
}

static void assert_closed(const struct settings *settings)
{
	assert_false(settings->configured);
	assert_false(settings->name_ours);
	assert_int_equal(settings->range.first, UID_FIRST_DEFAULT);
	assert_int_equal(settings->range.last, UID_LAST_DEFAULT);
	assert_string_equal(settings->home_template, "/home/%u");
	assert_string_equal(settings->shell, "/bin/bash");
	assert_string_equal(settings->admin_group, "aad_admins");
}

static void without_a_file_nothing_is_configured(void **state)
{
	struct settings settings;

	(void)state;
	settings_read(ALICE, &storage, &settings);
	assert_closed(&settings);
}

static void a_file_without_our_keywords_means_the_defaults(void **state)
{
	struct settings settings = read_settings("# x\ntenant whatever\n");

	(void)state;
	assert_true(settings.configured);
	assert_true(settings.name_ours);
	settings.configured = settings.name_ours = false;
	assert_closed(&settings);
}

static void every_keyword_is_taken(void **state)
{
	struct settings settings =
		read_settings("user_domains b.example *.x.y\nuid_range 70000-80000\n"
			      "home_template /srv/%u\nshell /bin/sh\n"
			      "admin_group aad_ops\n");

	(void)state;
	assert_true(settings.configured);
	assert_false(settings.name_ours);
	assert_int_equal(settings.range.first, 70000);
	assert_int_equal(settings.range.last, 80000);
	assert_string_equal(settings.home_template, "/srv/%u");
	assert_string_equal(settings.shell, "/bin/sh");
	assert_string_equal(settings.admin_group, "aad_ops");
}

static void a_domain_far_down_a_long_list_counts(void **state)
{
	char text[3900] = "user_domains ";

	(void)state;
	for (size_t i = 0; strlen(text) < sizeof(text) - 40; i++)
		(void)snprintf(text + strlen(text), 20, "d%zu.example ", i);
	strncat(text, "contoso.com\n", 20);
	assert_true(read_settings(text).name_ours);
}

static void a_file_that_others_can_write_is_not_used(void **state)
{
	struct settings settings;

	(void)state;
	scratch_write(&scratch, CONF_PATH, "shell /bin/sh\n", 0666);
	settings_read(ALICE, &storage, &settings);
	assert_closed(&settings);
}

/* clang-format off */
static const struct row {
	const char *name, *text;
} bad[] = {
	{"a_wrong_domain", "user_domains Contoso.com\n"},
	{"a_wrong_range", "uid_range 1-2000\n"},
	{"a_relative_shell", "shell sh\n"},
	{"a_local_admin_group", "admin_group sudo\n"},
	{"a_keyword_without_value", "user_domains\n"},
	{"a_repeated_keyword", "user_domains contoso.com\nuser_domains *\n"},
	{"a_template_too_long", NULL}, /* over HOME_SIZE */
};
/* clang-format on */

static void closes(void **state)
{
	const struct row *row = *state;
	char text[HOME_SIZE + 20];
	struct settings settings;

	(void)snprintf(text, sizeof(text), "home_template /%0*d\n", HOME_SIZE, 0);
	settings = read_settings(row->text ? row->text : text);
	assert_closed(&settings);
}

static void a_line_too_long_to_be_read_closes(void **state)
{
	char text[LINES_BUFFER + 100];
	struct settings settings;

	(void)state;
	(void)snprintf(text, sizeof(text), "shell /bin/sh\nuser_domains %0*d.x\n", LINES_BUFFER, 0);
	settings = read_settings(text);
	assert_closed(&settings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, done_scratch)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(without_a_file_nothing_is_configured),
		TEST(a_file_without_our_keywords_means_the_defaults),
		TEST(every_keyword_is_taken),
		TEST(a_domain_far_down_a_long_list_counts),
		TEST(a_file_that_others_can_write_is_not_used),
		TEST(a_line_too_long_to_be_read_closes),
	};
	struct CMUnitTest rows[ARRAY_LEN(bad)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		rows[i] = (struct CMUnitTest){.name = bad[i].name,
					      .test_func = closes,
					      .setup_func = open_scratch,
					      .teardown_func = done_scratch,
					      .initial_state = (void *)(uintptr_t)&bad[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("wrong files", rows, NULL, NULL);
}
