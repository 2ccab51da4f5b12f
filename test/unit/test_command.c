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
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/steps/changes.h"
#include "lib/sys/fs.h"
#include "payload/login/command.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"

#define ALICE FAKELOGIN_NAME ":" CERTMAKE_OID ":10000100:10000100::/home/a:/bin/bash\n"
#define BOB "bob@contoso.com:" CERTMAKE_TID ":10000200:10000200::/home/b:/bin/bash\n"

static int run_child(struct fakelogin *fake, const char *arguments)
{
	char words[8][96] = {"aadsshlogin"}, *argv[9] = {words[0]};
	struct span rest = span_of(arguments), word;
	int argc = 1;

	for (; argc < 8 && span_word(&rest, &word); argc++) {
		if (!span_copy(word, words[argc], sizeof(words[argc])))
			return 99;
		argv[argc] = words[argc];
	}
	return aadsshlogin_main(fakelogin_sys(fake), argc, argv);
}

static void open_pipe(int ret_ends[2])
{
	assert_int_equal(pipe(ret_ends), 0);
}

static void open_terminal(unsigned short columns, int ret_ends[2])
{
	const struct winsize size = {.ws_row = 24, .ws_col = columns};

	ret_ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
	if (ret_ends[0] < 0)
		skip();
	assert_int_equal(grantpt(ret_ends[0]), 0);
	assert_int_equal(unlockpt(ret_ends[0]), 0);
	ret_ends[1] = open(ptsname(ret_ends[0]), O_RDWR | O_NOCTTY);
	assert_true(ret_ends[1] >= 0);
	assert_int_equal(ioctl(ret_ends[1], TIOCSWINSZ, &size), 0);
}

/*
 * The exit status; what goes to standard output and error is added to *ret.  columns: of the
 * terminal that they are, 0: a pipe.
 */
static int run_on(struct fakelogin *fake, const char *arguments, unsigned short columns,
		  struct buf *ret)
{
	char bytes[4096];
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	if (columns)
		open_terminal(columns, ends);
	else
		open_pipe(ends);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)dup2(ends[1], STDERR_FILENO);
		status = run_child(fake, arguments);
		(void)fflush(stdout);
		_exit(status);
	}
	assert_int_equal(close(ends[1]), 0);
	while ((n = read(ends[0], bytes, sizeof(bytes))) > 0)
		buf_add(ret, bytes, (size_t)n);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run(struct fakelogin *fake, const char *arguments, struct buf *ret)
{
	return run_on(fake, arguments, 0, ret);
}

static void wrong_usage_is_told_with_status_2(void **state)
{
	static const char *const wrong[] = {"", "frobnicate", "users --xml", "status --json more",
					    "unconfigure now"};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO_BUF text = {0};

		assert_int_equal(run(*state, wrong[i], &text), COMMAND_USAGE);
		assert_memory_equal(buf_text(&text), "usage: ", 7);
	}
}

static void help_names_every_verb(void **state)
{
	AUTO_BUF text = {0};

	assert_int_equal(run(*state, "help", &text), COMMAND_OK);
	assert_non_null(strstr(buf_text(&text), "unconfigure"));
	buf_done(&text);
	assert_int_equal(run(*state, "version", &text), COMMAND_OK);
	assert_string_equal(buf_text(&text), "aadsshlogin " PACKAGE_VERSION "\n");
}

static void users_are_those_set_up_and_those_remembered(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_JSON *document = NULL;
	struct err err = {0};
	AUTO_BUF text = {0};
	json_t *first, *second;

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE, 0644);
	scratch_write(&fake->scratch, LEDGER_PATH, BOB ALICE, 0600);
	scratch_write(&fake->scratch, AADADMINS_PATH, FAKELOGIN_NAME "\n", 0644);
	assert_int_equal(run(fake, "users --json", &text), COMMAND_OK);
	assert_int_equal(json_parse(buf_bytes(&text), "users", &document, &err), 0);
	assert_int_equal(json_array_size(json_object_get(document, "users")), 2);
	first = json_array_get(json_object_get(document, "users"), 0);
	second = json_array_get(json_object_get(document, "users"), 1);
	assert_string_equal(json_string_value(json_object_get(first, "name")), FAKELOGIN_NAME);
	assert_int_equal(json_integer_value(json_object_get(first, "uid")), 10000100);
	assert_true(json_is_true(json_object_get(first, "present")));
	assert_true(json_is_true(json_object_get(first, "administrator")));
	assert_true(json_is_false(json_object_get(second, "present")));
	buf_done(&text);
	assert_int_equal(run(fake, "users", &text), COMMAND_OK);
	assert_non_null(strstr(buf_text(&text), "name bob@contoso.com, oid " CERTMAKE_TID));
}

/* Columns of the longest line. */
static size_t widest(const struct buf *text)
{
	struct span rest = buf_bytes(text), line;
	size_t max = 0;

	while (span_line(&rest, &line)) {
		line = span_trim(line);
		max = line.len > max ? line.len : max;
	}
	return max;
}

static void lines_for_people_end_where_the_terminal_does(void **state)
{
	static const struct {
		unsigned short columns;
		size_t over, at_most; /* that the longest line has */
	} rows[] = {{0, 60, 80}, {80, 60, 80}, {100, 80, 100}, {200, 100, 200}};
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, AADPASSWD_PATH, ALICE, 0644);
	scratch_write(&fake->scratch, LEDGER_PATH, BOB, 0600);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF text = {0};

		assert_int_equal(run_on(fake, "users", rows[i].columns, &text), COMMAND_OK);
		assert_in_range(widest(&text), rows[i].over + 1, rows[i].at_most);
		assert_non_null(strstr(buf_text(&text), "users: name bob@contoso.com, oid"));
	}
}

static void a_home_of_any_bytes_is_told(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};

	scratch_write(&fake->scratch, AADPASSWD_PATH,
		      FAKELOGIN_NAME ":" CERTMAKE_OID ":10000100:10000100::/home/h\xe9:/bin/bash\n",
		      0644);
	assert_int_equal(run(fake, "users --json", &text), COMMAND_OK);
	assert_non_null(strstr(buf_text(&text), "\"/home/h?\""));
}

static void configure_takes_keywords_alone(void **state)
{
	static const char *const wrong[] = {"configure shell", "configure shell=bash",
					    "configure colour=red", "configure shell=/a shell=/b"};
	struct fakelogin *fake = *state;
	AUTO_FREE char *before = fakelogin_text(fake, CONF_PATH);

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO_FREE char *after = NULL;
		AUTO_BUF text = {0};

		assert_int_equal(run(fake, wrong[i], &text), COMMAND_FAILED);
		assert_true(text.len > 0);
		after = fakelogin_text(fake, CONF_PATH);
		assert_string_equal(after, before);
	}
}

static void configure_asks_for_what_is_not_said(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};

	scratch_write(&fake->scratch, CONF_PATH, "shell /bin/sh\n", 0644);
	fakelogin_rule(fake, (struct fake_rule){"/metadata/instance", 403, 0, "", -1, -1, 0});
	assert_int_equal(run(fake, "configure", &text), COMMAND_FAILED);
	assert_int_equal(fakelogin_hits(fake, "/metadata/instance"), 1);
	assert_non_null(strstr(buf_text(&text), "403"));
}

/* Nobody listens in the tree, so each ends with that; which service was asked is in the words. */
static void configure_asks_the_arc_agent_unless_another_service_is_named(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};

	scratch_write(&fake->scratch, CONF_PATH, "shell /bin/sh\n", 0644);
	scratch_write(&fake->scratch, "/opt/azcmagent/bin/himds", "", 0755);
	scratch_write(&fake->scratch, "/proc/self/net/tcp", "heading\n", 0444);
	fakelogin_rule(fake, (struct fake_rule){"/metadata/instance", 403, 0, "", -1, -1, 0});
	assert_int_equal(run(fake, "configure", &text), COMMAND_FAILED);
	assert_non_null(strstr(buf_text(&text), "nobody listens at http://127.0.0.1:40342"));
	buf_done(&text);
	assert_int_equal(run(fake, "configure himds=http://127.0.0.9:1", &text), COMMAND_FAILED);
	assert_non_null(strstr(buf_text(&text), "nobody listens at http://127.0.0.9:1"));
	buf_done(&text);
	assert_int_equal(fakelogin_hits(fake, "/metadata/instance"), 0);
	assert_int_equal(run(fake, "configure imds=http://169.254.169.254", &text), COMMAND_FAILED);
	assert_non_null(strstr(buf_text(&text), "403"));
}

static void unconfigure_succeeds_where_nothing_is_left(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};
	AUTO_BUF text = {0};

	assert_int_equal(fs_remove(fakelogin_sys(fake), CONF_PATH, &err), 0);
	scratch_mkdir(&fake->scratch, ORIGINAL_DIR, 0700);
	scratch_write(&fake->scratch, ORIGINAL_DIR "/%2Fetc%2Fx", "x\n", 0644);
	assert_int_equal(run(fake, "unconfigure", &text), COMMAND_OK);
	assert_false(fs_exists(fakelogin_sys(fake), STATE_DIR));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(wrong_usage_is_told_with_status_2),
		T(help_names_every_verb),
	};
	/* These verbs are for root alone. */
	static const struct CMUnitTest as_root[] = {
		T(users_are_those_set_up_and_those_remembered),
		T(lines_for_people_end_where_the_terminal_does),
		T(a_home_of_any_bytes_is_told),
		T(configure_takes_keywords_alone),
		T(configure_asks_for_what_is_not_said),
		T(configure_asks_the_arc_agent_unless_another_service_is_named),
		T(unconfigure_succeeds_where_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       (geteuid() == 0 && cmocka_run_group_tests(as_root, NULL, NULL));
}
