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
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/lookup.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"

static struct scratch scratch;
static char asked[256]; /* the last command line */
static int answer_status; /* of getent; -1: there is no getent */
static const char *answer;

static int fake_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		    struct err *err)
{
	(void)sys;
	assert_true(spec->timeout_ms > 0);
	(void)snprintf(asked, sizeof(asked), "%s %s %s", spec->argv[0], spec->argv[1],
		       spec->argv[2]);
	assert_null(spec->argv[3]);
	if (answer_status < 0)
		return err_set(err, ENOENT, "cannot run %s", spec->argv[0]);
	ret->status = answer_status;
	buf_str(&ret->output, answer);
	return 0;
}

static int open_machine(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch.ops.run = fake_run;
	scratch_write(&scratch, "/etc/passwd",
		      "root:x:0:0:root:/root:/bin/bash\n"
		      "# comment\n"
		      "+::::::\n"
		      "broken:x:12\n"
		      "minus:x:-1:7::/:\n"
		      "huge:x:4294967295:1::/:\n"
		      "aadsshlogin:x:998:997::/nonexistent:/usr/sbin/nologin\n"
		      "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"
		      "alice:x:1000:1001:Alice:/home/alice:/bin/bash\n"
		      "bob:x:1002:1002::/home/bob:/bin/sh",
		      0644);
	answer_status = 0;
	answer = "";
	return 0;
}

static int close_machine(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void a_local_user_is_found_by_the_whole_name(void **state)
{
	struct local_user user = {.uid = 1};
	struct err err = {0};

	(void)state;
	assert_int_equal(lookup_local_user(&scratch.sys, "aadsshlogin", &user, &err), 0);
	assert_string_equal(user.name, "aadsshlogin");
	assert_int_equal(user.uid, 998);
	assert_int_equal(user.gid, 997);
	assert_int_equal(lookup_local_user(&scratch.sys, "root", &user, &err), 0);
	assert_int_equal(user.uid, 0);
}

static void unknown_users_and_wrong_lines_are_none(void **state)
{
	static const char *const names[] = {"aad", "aadsshlogin2", "broken", "minus", "huge", "+",
					    "",    "# comment"};
	struct local_user user = {.uid = 7};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(lookup_local_user(&scratch.sys, names[i], &user, &err), -ENOENT);
	assert_int_equal(user.uid, 7);
}

static void a_person_is_no_system_user(void **state)
{
	struct local_user user;
	struct err err = {0};

	(void)state;
	assert_int_equal(lookup_local_person(&scratch.sys, &user, &err), 0);
	assert_string_equal(user.name, "alice");
	scratch_write(&scratch, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n", 0644);
	assert_int_equal(lookup_local_person(&scratch.sys, &user, &err), -ENOENT);
}

static void a_passwd_that_others_can_write_is_not_trusted(void **state)
{
	struct local_user user;
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/passwd", "aadsshlogin:x:998:997::/:/\n", 0666);
	assert_int_equal(lookup_local_user(&scratch.sys, "aadsshlogin", &user, &err), -EPERM);
}

static void getent_is_asked_for_one_key(void **state)
{
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	answer = "u@d:*:10000016:10000016::/home/u@d:/bin/bash\n";
	assert_int_equal(lookup_getent(&scratch.sys, "passwd", "u@d", &out, &err), 0);
	assert_string_equal(asked, "/usr/bin/getent passwd u@d");
	assert_string_equal(buf_text(&out), answer);
}

static void getents_failures_are_told_apart(void **state)
{
	AUTO_BUF out = {0};
	struct err err = {0};

	(void)state;
	answer_status = 2;
	assert_int_equal(lookup_getent(&scratch.sys, "group", "x", &out, &err), -ENOENT);
	answer_status = 1;
	assert_int_equal(lookup_getent(&scratch.sys, "group", "x", &out, &err), -EIO);
	answer_status = -1;
	assert_int_equal(lookup_getent(&scratch.sys, "group", "x", &out, &err), -ENOSYS);
	assert_int_equal(err.outcome, EXIT_DEPENDENCY);
	assert_int_equal(out.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

static void a_local_group_is_found_by_the_whole_name(void **state)
{
	struct err err = {0};
	uint32_t gid = 1;

	(void)state;
	scratch_write(&scratch, "/etc/group",
		      "root:x:0:\n# himds:x:1:\nhimds2:x:2:\nhimds:x:many:\nhimds:x\n"
		      "himds:x:983:a,b\nhimds:x:984:\nlast:x:7:",
		      0644);
	assert_int_equal(lookup_local_group(&scratch.sys, "himds", &gid, &err), 0);
	assert_int_equal(gid, 983);
	assert_int_equal(lookup_local_group(&scratch.sys, "last", &gid, &err), 0);
	assert_int_equal(gid, 7);
	assert_int_equal(lookup_local_group(&scratch.sys, "himd", &gid, &err), -ENOENT);
	assert_int_equal(lookup_local_group(&scratch.sys, "", &gid, &err), -ENOENT);
	assert_int_equal(gid, 7);
	assert_int_equal(lookup_local_gid(&scratch.sys, 984, &err), 0);
	assert_int_equal(lookup_local_gid(&scratch.sys, 985, &err), -ENOENT);
}

static void a_group_file_that_others_can_write_is_not_trusted(void **state)
{
	struct err err = {0};
	uint32_t gid = 1;

	(void)state;
	scratch_write(&scratch, "/etc/group", "himds:x:983:\n", 0666);
	assert_int_equal(lookup_local_group(&scratch.sys, "himds", &gid, &err), -EPERM);
	assert_int_equal(lookup_local_gid(&scratch.sys, 983, &err), -EPERM);
	assert_int_equal(gid, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_local_user_is_found_by_the_whole_name),
		TEST(unknown_users_and_wrong_lines_are_none),
		TEST(a_person_is_no_system_user),
		TEST(a_passwd_that_others_can_write_is_not_trusted),
		TEST(a_local_group_is_found_by_the_whole_name),
		TEST(a_group_file_that_others_can_write_is_not_trusted),
		TEST(getent_is_asked_for_one_key),
		TEST(getents_failures_are_told_apart),
	};

	return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}
