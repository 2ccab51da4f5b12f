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

#include "handler/sums.h"
#include "lib/core/cleanup.h"
#include "test/unit/scratch.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" /* of "" */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */

static struct scratch machine;

static int setup(void **state)
{
	(void)state;
	scratch_open(&machine);
	scratch_write(&machine, "/ext/bin/x", "", 0755);
	scratch_write(&machine, "/ext/packages/a.deb", "abc", 0644);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_done(&machine);
	return 0;
}

static int check(const char *sums, const char *needed, struct err *err)
{
	const char *const list[] = {needed, NULL};

	if (sums)
		scratch_write(&machine, "/ext/SHA256SUMS", sums, 0644);
	return sums_check(&machine.sys, "/ext", list, err);
}

static void what_is_as_it_was_packed_passes(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(check(EMPTY "  bin/x\n" ABC "  packages/a.deb\n", "packages/a.deb", &err),
			 0);
	assert_int_equal(check(EMPTY "  bin/x\n" ABC "  packages/a.deb", NULL, &err), 0);
}

static void anything_else_is_refused_and_named(void **state)
{
	/* clang-format off */
	static const struct {
		const char *sums, *needed;
		int r;
		const char *message;
	} rows[] = {
		{ABC "  bin/x\n", NULL, -EBADMSG, "/ext/bin/x is not as it was packed"},
		{EMPTY "  bin/x\n", "packages/a.deb", -ENODATA, "does not list packages/a.deb"},
		{"", "packages/a.deb", -ENODATA, "does not list packages/a.deb"},
		{EMPTY "  bin/y\n", NULL, -ENOENT, "/ext/bin/y"},
		{EMPTY " bin/x\n", NULL, -EBADMSG, "has a line that is none"},
		{EMPTY "  \n", NULL, -EBADMSG, "has a line that is none"},
		{EMPTY "  /etc/passwd\n", NULL, -EBADMSG, "has a line that is none"},
		{EMPTY "  ../x\n", NULL, -EBADMSG, "has a line that is none"},
		{"E3" EMPTY "  bin/x\n", NULL, -EBADMSG, "has a line that is none"},
		{"\n", NULL, -EBADMSG, "has a line that is none"},
		{EMPTY "  packages\n", NULL, -EISDIR, "read /ext/packages"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		assert_int_equal(check(rows[i].sums, rows[i].needed, &err), rows[i].r);
		if (!strstr(err.msg, rows[i].message))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, rows[i].message);
	}
}

static void a_link_in_place_of_a_file_is_refused(void **state)
{
	char path[128];
	struct err err = {0};

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/ext/bin/x", machine.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(check(EMPTY "  bin/x\n", NULL, &err), -ELOOP);
}

static void a_missing_or_foreign_list_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(check(NULL, NULL, &err), -ENOENT);
	scratch_write(&machine, "/ext/SHA256SUMS", EMPTY "  bin/x\n", 0666);
	assert_int_equal(check(NULL, NULL, &err), -EPERM);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(what_is_as_it_was_packed_passes),
		CASE(anything_else_is_refused_and_named),
		CASE(a_link_in_place_of_a_file_is_refused),
		CASE(a_missing_or_foreign_list_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
