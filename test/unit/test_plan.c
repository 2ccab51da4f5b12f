/* SPDX-License-Identifier: MIT */
/* What plan prints, of one step with a change of each kind. */
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

#include "handler/plan.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"

#define SECRET "the password"

static const struct step sshd = {.name = "sshd", .purpose = "the keys"};
static struct changes changes;
static struct machine machine;

static char *copy(const char *text)
{
	char *own = strdup(text);

	assert_non_null(own);
	return own;
}

static struct change *add(enum change_kind kind, const char *what, const char *path)
{
	struct change *change;

	changes.list = reallocarray(changes.list, changes.count + 1, sizeof(*changes.list));
	assert_non_null(changes.list);
	change = &changes.list[changes.count++];
	*change = (struct change){.kind = kind, .what = copy(what)};
	if (path)
		change->path = copy(path);
	return change;
}

static int set_up(void **state)
{
	static const char *const install[] = {"/usr/bin/dpkg", "--install", "/a b.deb", NULL};
	struct err err = {0};
	struct change *change = add(CHANGE_WRITE, "write /etc/a", "/etc/a");

	(void)state;
	machine = (struct machine){.notes = {"mind\nthe gap"}, .note_count = 1};
	change->existed = true;
	change->meta = change->meta_before = (struct fs_meta){.mode = 0644};
	buf_str(&change->before, "theirs\n");
	buf_str(&change->after, "theirs\nours\033\xc3\xa4\xc2\x9b\n");
	change = add(CHANGE_WRITE, "write /etc/secret", "/etc/secret");
	change->secret = true;
	change->existed = true;
	change->meta = (struct fs_meta){.mode = 0640, .gid = 7};
	change->meta_before = (struct fs_meta){.mode = 0600, .uid = 1000};
	buf_str(&change->after, SECRET);
	change = add(CHANGE_MKDIR, "make /run/a", "/run/a");
	change->meta = (struct fs_meta){.mode = 0700, .uid = UID_TO_COME, .gid = 7};
	change = add(CHANGE_REMOVE, "remove /etc/b", "/etc/b");
	change->existed = true;
	change->meta_before = (struct fs_meta){.mode = 0440};
	buf_str(&change->before, "b");
	(void)add(CHANGE_CALL, "install a", NULL);
	assert_int_equal(changes_runs(&changes, install, &err), 0);
	assert_int_equal(changes_brings(&changes, "new", 0755, "abc", "/bin/a", &err), 0);
	assert_int_equal(changes_brings(&changes, "gone", 0777, "-> a", "/bin/b", &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	changes_done(&changes);
	return 0;
}

static void visit(struct plan *plan, const struct err *failure, bool refused)
{
	const struct planned planned = {.step = &sshd,
					.changes = &changes,
					.machine = &machine,
					.err = failure,
					.refused = refused};
	struct err err = {0};

	plan->verb = "install";
	plan->version = "1.0.1.0";
	plan->in_force = "1.0.0.0";
	plan->service_uid = plan->service_gid = 7;
	assert_int_equal(plan_visit(&planned, plan, &err), 0);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void people_read_diffs_and_commands(void **state)
{
	static const struct err none = {0};
	AUTO_PLAN plan = PLAN_INIT;
	AUTO_BUF text = {0};

	(void)state;
	visit(&plan, &none, false);
	plan_text(&plan, &(struct screen){.terminal = false}, &text);
	assert_string_equal(
		buf_text(&text),
		"What install of version 1.0.1.0 would do; version 1.0.0.0 is in force\n"
		"\n"
		"sshd: the keys\n"
		"  write /etc/a\n"
		"--- a/etc/a\n+++ b/etc/a\n@@ -1,1 +1,2 @@\n theirs\n+ours\033\xc3\xa4\xc2\x9b\n"
		"  write /etc/secret: 0600 1000:root, now 0640 root:aadsshlogin\n"
		"    what is in it is secret, and not shown\n"
		"  make /run/a: new, 0700 aadsshlogin:aadsshlogin\n"
		"  remove /etc/b\n"
		"--- a/etc/b\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-b\n\\ No newline at end of file\n"
		"  install a\n"
		"    $ /usr/bin/dpkg --install '/a b.deb'\n"
		"    new      0755  /bin/a\n"
		"    gone     link  /bin/b -> a\n"
		"  note: mind?the gap\n"
		"\n"
		"In all: files written 2, files removed 1, directories 1, programs run 1.\n"
		"The extension's own records, in /var/lib/aadsshlogin and its log folder, are not "
		"shown.\n");
}

static void what_keeps_a_step_from_being_told_is_told(void **state)
{
	static const struct err failure = {.code = ENOENT, .outcome = EXIT_SSHD, .msg = "no sshd"};
	AUTO_PLAN refused = PLAN_INIT, later = PLAN_INIT;

	(void)state;
	visit(&refused, &failure, true);
	assert_has(buf_text(&refused.text), "\n  install would end with 25: no sshd. ");
	visit(&later, &failure, false);
	assert_has(buf_text(&later.text), "\n  cannot be told yet: no sshd\n");
}

static void a_screen_gets_colours_and_no_commands_of_others(void **state)
{
	static const struct screen coloured = {.terminal = true, .colours = true},
				   plain = {.terminal = true};
	static const struct err none = {0};
	AUTO_PLAN plan = PLAN_INIT;
	AUTO_BUF with = {0}, without = {0};

	(void)state;
	visit(&plan, &none, false);
	plan_text(&plan, &coloured, &with);
	assert_has(buf_text(&with), "\n\033[32m+ours?\xc3\xa4\xc2?\033[0m\n");
	assert_has(buf_text(&with), "\n\033[31m-b\033[0m\n");
	plan_text(&plan, &plain, &without);
	assert_null(strchr(buf_text(&without), '\033'));
	assert_has(buf_text(&without), "\n+ours?\xc3\xa4\xc2?\n");
}

static void no_form_has_the_bytes_of_a_secret(void **state)
{
	static const struct err none = {0};
	AUTO_PLAN people = PLAN_INIT, scripts = {.as_json = true};
	AUTO_FREE char *dump = NULL;
	AUTO_JSON *json = NULL;

	(void)state;
	visit(&people, &none, false);
	assert_null(strstr(buf_text(&people.text), SECRET));
	visit(&scripts, &none, false);
	json = plan_json(&scripts, &none);
	dump = json_text(json, 0);
	assert_null(strstr(dump, SECRET));
	assert_has(dump, "\"secret\": true");
}

static void scripts_read_stable_keys(void **state)
{
	static const struct err refusal = {.code = EPERM, .outcome = EXIT_SSHD, .msg = "no"};
	AUTO_PLAN plan = {.as_json = true};
	AUTO_FREE char *dump = NULL;
	AUTO_JSON *json = NULL;
	json_t *list;

	(void)state;
	visit(&plan, &refusal, true);
	json = plan_json(&plan, &refusal);
	list = json_object_get(json_array_get(json_object_get(json, "steps"), 0), "changes");
	assert_int_equal(json_array_size(list), 5);
	/* The longest of them have tests of their own. */
	(void)json_array_remove(list, 3);
	(void)json_array_remove(list, 0);
	dump = json_dumps(json, JSON_COMPACT);
	assert_string_equal(
		dump,
		"{\"schema\":1,\"for\":\"install\",\"version\":\"1.0.1.0\",\"inForce\":\"1.0.0.0\","
		"\"steps\":[{\"name\":\"sshd\",\"purpose\":\"the keys\",\"changes\":["
		"{\"kind\":\"write\",\"what\":\"write /etc/secret\",\"path\":\"/etc/secret\","
		"\"before\":{\"mode\":\"0600\",\"owner\":\"1000\",\"group\":\"root\"},"
		"\"after\":{\"mode\":\"0640\",\"owner\":\"root\",\"group\":\"aadsshlogin\"},"
		"\"secret\":true},"
		"{\"kind\":\"mkdir\",\"what\":\"make /run/a\",\"path\":\"/run/a\","
		"\"after\":{\"mode\":\"0700\",\"owner\":\"aadsshlogin\",\"group\":\"aadsshlogin\"}}"
		","
		"{\"kind\":\"call\",\"what\":\"install a\","
		"\"runs\":[[\"/usr/bin/dpkg\",\"--install\",\"/a b.deb\"]],"
		"\"files\":[{\"state\":\"new\",\"mode\":\"0755\",\"path\":\"/bin/a\",\"sha256\":"
		"\"abc\"},{\"state\":\"gone\",\"mode\":\"0777\",\"path\":\"/bin/b\",\"target\":"
		"\"a\"}]}],"
		"\"notes\":[\"mind\\nthe gap\"],\"error\":\"no\"}],"
		"\"refusal\":{\"code\":25,\"name\":\"sshd-refused\",\"message\":\"no\",\"remedy\":"
		"\"run sshd -t and mend what it names\"}}");
}

static void bytes_that_are_no_text_are_in_base64(void **state)
{
	static const struct err none = {0};
	AUTO_PLAN plan = {.as_json = true};
	AUTO_JSON *json = NULL;
	const json_t *change;

	(void)state;
	buf_str(&changes.list[0].after, "\xff\n");
	visit(&plan, &none, false);
	json = plan_json(&plan, &none);
	change = json_array_get(
		json_object_get(json_array_get(json_object_get(json, "steps"), 0), "changes"), 0);
	assert_null(json_object_get(change, "diff"));
	assert_memory_equal(json_string_value(json_object_get(change, "diffBase64")), "LS0tIGEv",
			    8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(people_read_diffs_and_commands),
		TEST(what_keeps_a_step_from_being_told_is_told),
		TEST(a_screen_gets_colours_and_no_commands_of_others),
		TEST(no_form_has_the_bytes_of_a_secret),
		TEST(scripts_read_stable_keys),
		TEST(bytes_that_are_no_text_are_in_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
