/* SPDX-License-Identifier: MIT */
/* The verbs that only look, over a table of an identity and two steps that want a file. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/extension.h"
#include "handler/inspect.h"
#include "handler/state.h"
#include "handler/sums.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

#define EXT "/lib/waagent/P.T-1.0.0.0"

static struct scratch scratch;
static bool identity_missing;
static unsigned identity_wait;
static char out[8192], notes[2048];

static int plan_identity(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)ret;
	identity_wait = m->extension->settings->identity_wait;
	if (want == WANT_ABSENT)
		return 0;
	if (identity_missing) {
		(void)err_set(err, ENOENT, "no identity");
		return err_remedy(err, EXIT_IDENTITY, "assign one");
	}
	free(m->conf.tenant);
	m->conf.tenant = strdup("tenant1");
	return m->conf.tenant ? 0 : err_oom(err);
}

static int plan_file(struct machine *m, enum want want, const char *path, const char *text,
		     struct changes *ret, struct err *err)
{
	const struct fs_meta meta = {.mode = 0644, .uid = m->sys->owner, .gid = getegid()};

	return want == WANT_PRESENT ? changes_write(m, ret, path, span_of(text), &meta, err)
				    : changes_remove(m, ret, path, err);
}

/* Its text is the tenant's, as that of the real step is. */
static int plan_config(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	return plan_file(m, want, "/etc/config", m->conf.tenant ? m->conf.tenant : "", ret, err);
}

static int plan_pam(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	if (strcmp(m->conf.log_level, "debug") == 0)
		machine_note(m, "debugging");
	return plan_file(m, want, "/etc/pam", "ours\n", ret, err);
}

static const struct step identity = {.name = "identity",
				     .purpose = "who we are",
				     .exit_code = EXIT_IDENTITY,
				     .plan = plan_identity};
static const struct step config = {
	.name = "config", .purpose = "a file", .exit_code = EXIT_SETTINGS, .plan = plan_config};
static const struct step pam = {
	.name = "pam", .purpose = "a line", .exit_code = EXIT_VERIFY, .plan = plan_pam};
static const struct step *const steps[] = {&identity, &config, &pam};
static const struct step_table tables[PACKAGE_SOURCES] = {
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
};

static int set_up(void **state)
{
	AUTO_BUF distros = {0};

	(void)state;
	scratch_open(&scratch);
	identity_missing = false;
	identity_wait = 1;
	source_read("manifest/distros.yaml", &distros);
	scratch_write(&scratch, EXT "/manifest/distros.yaml", buf_text(&distros), 0744);
	scratch_write(&scratch, EXT "/HandlerEnvironment.json",
		      "[{\"handlerEnvironment\":{\"logFolder\":\"/log\",\"configFolder\":\"" EXT
		      "/config\",\"statusFolder\":\"" EXT "/status\"}}]",
		      0600);
	scratch_write(&scratch, EXT "/config/0.settings", "", 0600);
	scratch_write(&scratch, "/etc/config", "tenant1", 0644);
	scratch_write(&scratch, "/etc/pam", "ours\n", 0644);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void read_all(int fd, char *ret, size_t size)
{
	ssize_t n = pread(fd, ret, size - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	(void)close(fd);
}

typedef int inspect_fn(struct sys *sys, const struct command *command, const struct query *query);

static int ask(inspect_fn *inspect, struct query query)
{
	struct command command = {
		.folder = EXT,
		.version = "1.0.0.0",
		.tables = tables,
		.out = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
		.err = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
	};
	int code = inspect(&scratch.sys, &command, &query);

	read_all(command.out, out, sizeof(out));
	read_all(command.err, notes, sizeof(notes));
	return code;
}

static void assert_said(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* The JSON that was printed. */
static json_t *printed(void)
{
	json_t *json = NULL;
	struct err err = {0};

	if (json_parse(span_of(out), "what was printed", &json, &err) < 0)
		fail_msg("%s", err.msg);
	return json;
}

static void what_cannot_be_printed_is_a_failure(void **state)
{
	const struct command command = {
		.folder = EXT,
		.tables = tables,
		.out = -1,
		.err = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
	};
	const struct query query = {.plan_for = PLAN_INSTALL};

	(void)state;
	assert_int_equal(inspect_plan(&scratch.sys, &command, &query), EXIT_DEPENDENCY);
	assert_int_equal(inspect_status(&scratch.sys, &command, &query), EXIT_DEPENDENCY);
	read_all(command.err, notes, sizeof(notes));
	assert_said(notes, "error 52 missing-dependency: standard output: ");
}

/* ---- plan */

static void plan_shows_what_would_be_written(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	scratch_write(&scratch, "/etc/pam", "theirs\n", 0644);
	assert_int_equal(ask(inspect_plan, (struct query){.plan_for = PLAN_INSTALL}), 0);
	assert_said(out, "pam: a line\n  write /etc/pam\n");
	assert_said(out, "+ours\n");
	text = scratch_text(&scratch, "/etc/pam");
	assert_string_equal(text, "theirs\n");
}

static void plan_for_uninstall_goes_the_other_way(void **state)
{
	AUTO_JSON *json = NULL;
	json_t *first;

	(void)state;
	identity_missing = true;
	assert_int_equal(ask(inspect_plan, (struct query){.json = true, .plan_for = PLAN_UNINSTALL}), 0);
	json = printed();
	first = json_array_get(json_object_get(json, "steps"), 0);
	assert_string_equal(json_string_value(json_object_get(json, "for")), "uninstall");
	assert_string_equal(json_string_value(json_object_get(first, "name")), "pam");
	first = json_array_get(json_object_get(first, "changes"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "kind")), "remove");
	assert_string_equal(json_string_value(json_object_get(first, "path")), "/etc/pam");
}

static void plan_goes_on_after_what_cannot_be_told(void **state)
{
	AUTO_JSON *json = NULL;
	json_t *list;

	(void)state;
	identity_missing = true;
	assert_int_equal(ask(inspect_plan, (struct query){.json = true, .plan_for = PLAN_INSTALL}),
			 EXIT_IDENTITY);
	json = printed();
	list = json_object_get(json, "steps");
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "error")),
			    "no identity");
	list = json_object_get(json, "refusal");
	assert_int_equal(json_integer_value(json_object_get(list, "code")), EXIT_IDENTITY);
	assert_int_equal(ask(inspect_plan, (struct query){.plan_for = PLAN_INSTALL}), EXIT_IDENTITY);
	assert_said(out, "  install would end with 22: no identity. assign one\n");
	assert_said(out, "pam: a line\n");
}

static void people_do_not_wait_for_an_identity(void **state)
{
	(void)state;
	assert_int_equal(ask(inspect_plan, (struct query){.plan_for = PLAN_INSTALL}), 0);
	assert_int_equal(identity_wait, 0);
}

static void plan_of_one_step_shows_no_other(void **state)
{
	(void)state;
	assert_int_equal(ask(inspect_plan, (struct query){.only = "pam", .plan_for = PLAN_UNINSTALL}), 0);
	assert_said(out, "pam: a line\n");
	assert_null(strstr(out, "config"));
}

/* ---- status and platform */

static void status_tells_what_is_in_force(void **state)
{
	const struct state known = {.owner = "1.0.0.0", .verb = "install"};
	struct err err = {0};

	(void)state;
	assert_int_equal(ask(inspect_status, (struct query){0}), 0);
	assert_string_equal(out, "not installed\n");
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	assert_int_equal(state_write(&scratch.sys, &known, &err), 0);
	assert_int_equal(ask(inspect_status, (struct query){.json = true}), 0);
	assert_said(out, "\"owner\": \"1.0.0.0\"");
}

static void half_a_removal_is_not_in_force(void **state)
{
	const struct state known = {
		.owner = "1.0.0.0", .verb = "uninstall", .partly_removed = true};
	struct err err = {0};

	(void)state;
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	assert_int_equal(state_write(&scratch.sys, &known, &err), 0);
	assert_int_equal(ask(inspect_status, (struct query){0}), 0);
	assert_said(out, "partly removed  version 1.0.0.0\n");
	assert_null(strstr(out, "in force"));
	assert_int_equal(ask(inspect_status, (struct query){.json = true}), 0);
	assert_said(out, "\"partlyRemoved\": true");
}

static void of_a_state_that_cannot_be_read_nothing_is_said(void **state)
{
	(void)state;
	scratch_write(&scratch, STATE_PATH, "x", 0600);
	assert_int_equal(ask(inspect_status, (struct query){0}), EXIT_DEPENDENCY);
	assert_string_equal(out, "");
	assert_said(notes, "error 52 missing-dependency: " STATE_PATH " is not valid JSON");
}

/* As main does it. */
static struct query about(const char *path)
{
	struct err err = {0};
	int fd = fs_open(&scratch.sys, path, O_RDONLY, 0, &err);

	assert_true(fd >= 0);
	return (struct query){.json = true, .os_release = path, .os_release_fd = fd};
}

static void verify_ends_with_21_and_names_the_first_difference(void **state)
{
	AUTO_JSON *json = NULL;

	(void)state;
	assert_int_equal(ask(inspect_verify, (struct query){.json = true}), EXIT_VERIFY);
	assert_said(notes, "error 21 verification-failed: " EXT "/SHA256SUMS is missing. remove "
			   "the extension from the VM and add it again");
	json = printed();
	assert_string_equal(json_string_value(json_object_get(json, "result")), "modified");
}

static void verify_is_content_with_what_is_as_it_was_packed(void **state)
{
	struct err err = {0};
	AUTO_BUF sums = {0};
	char hash[SUM_HEX_SIZE];
	AUTO_CLOSE int fd = fs_open(&scratch.sys, EXT "/manifest/distros.yaml", O_RDONLY, 0, &err);

	(void)state;
	assert_int_equal(sums_hash(fd, "distros.yaml", hash, &err), 0);
	buf_printf(&sums, "%s  manifest/distros.yaml\n", hash);
	scratch_write(&scratch, EXT "/SHA256SUMS", buf_text(&sums), 0744);
	assert_int_equal(ask(inspect_verify, (struct query){.json = false}), EXIT_OK);
	assert_said(out, "1.0.0.0 ok, 1 files compared\n");
	assert_string_equal(notes, "");
}

static void the_platform_is_judged_by_one_file(void **state)
{
	AUTO_JSON *json = NULL;
	struct query query;

	(void)state;
	scratch_write(&scratch, "/tmp/os", "ID=debian\nVERSION_ID=\"12\"\n", 0644);
	query = about("/tmp/os");
	assert_int_equal(ask(inspect_platform, query), 0);
	(void)close(query.os_release_fd);
	json = printed();
	assert_string_equal(json_string_value(json_object_get(json, "packageManager")), "apt");
	assert_string_equal(json_string_value(json_object_get(json, "supported")), "yes");
}

static void the_platform_is_the_machines_own_otherwise(void **state)
{
	(void)state;
	scratch_write(&scratch, "/usr/lib/os-release", "ID=debian\nVERSION_ID=12\n", 0644);
	assert_int_equal(ask(inspect_platform, (struct query){0}), 0);
	assert_said(out, "id              debian\n");
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
	struct query query;

	(void)state;
	scratch_mkdir(&scratch, "/tmp/none", 0755);
	query = about("/tmp/none");
	assert_int_equal(ask(inspect_platform, query), EXIT_DEPENDENCY);
	(void)close(query.os_release_fd);
	assert_said(notes, "/tmp/none");
	assert_said(out, "\"code\": 52");
	scratch_write(&scratch, "/tmp/os", "ID=/\n", 0644);
	query = about("/tmp/os");
	assert_int_equal(ask(inspect_platform, query), EXIT_SETTINGS);
	(void)close(query.os_release_fd);
	assert_said(notes, "/tmp/os: os-release, line 1: ID cannot be /");
}

static void a_missing_table_is_the_extensions_fault(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(fs_remove_tree(&scratch.sys, EXT "/manifest", &err), 0);
	assert_int_equal(ask(inspect_platform, (struct query){0}), EXIT_DEPENDENCY);
	assert_said(notes, "the extension's files are incomplete: " EXT "/manifest/distros.yaml");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_be_printed_is_a_failure),
		TEST(plan_shows_what_would_be_written),
		TEST(plan_for_uninstall_goes_the_other_way),
		TEST(plan_goes_on_after_what_cannot_be_told),
		TEST(people_do_not_wait_for_an_identity),
		TEST(plan_of_one_step_shows_no_other),
		TEST(status_tells_what_is_in_force),
		TEST(half_a_removal_is_not_in_force),
		TEST(of_a_state_that_cannot_be_read_nothing_is_said),
		TEST(verify_ends_with_21_and_names_the_first_difference),
		TEST(verify_is_content_with_what_is_as_it_was_packed),
		TEST(the_platform_is_judged_by_one_file),
		TEST(the_platform_is_the_machines_own_otherwise),
		TEST(a_file_that_cannot_be_read_is_an_error),
		TEST(a_missing_table_is_the_extensions_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
