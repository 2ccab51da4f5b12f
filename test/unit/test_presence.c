/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/presence.h"
#include "lib/core/cleanup.h"
#include "test/unit/scratch.h"

#define OID "66666666-7777-8888-9999-aaaaaaaaaaaa"

static void process(struct scratch *scratch, const char *name, uid_t uid)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/%s", name);
	scratch_mkdir(scratch, path, 0555);
	(void)snprintf(path, sizeof(path), "%s/proc/%s", scratch->dir, name);
	assert_int_equal(chown(path, uid, uid), 0);
}

static void users_with_processes_are_named(void **state)
{
	struct scratch scratch;
	struct err err = {0};
	AUTO_BUF names = {0};

	(void)state;
	if (geteuid() != 0) /* only root can give a file away */
		skip();
	scratch_open(&scratch);
	scratch_write(&scratch, "/etc/aadpasswd",
		      "a@contoso.com:" OID ":10000016:10000016::/home/a@contoso.com:/bin/bash\n"
		      "b@contoso.com:" OID ":10000017:10000017::/home/b@contoso.com:/bin/bash\n"
		      "c@contoso.com:" OID ":10000018:10000018::/home/c@contoso.com:/bin/bash\n"
		      "d@contoso.com:" OID ":80000:80000::/home/d@contoso.com:/bin/bash\n",
		      0644);
	process(&scratch, "1", 0);
	process(&scratch, "200", 10000016);
	process(&scratch, "201", 10000016);
	process(&scratch, "202", 10000018);
	process(&scratch, "203", 80000);
	process(&scratch, "sys", 10000017);
	assert_int_equal(presence_names(&scratch.sys, 10000000, 99999999, &names, &err), 0);
	assert_string_equal(buf_text(&names), "a@contoso.com, c@contoso.com");
	scratch_done(&scratch);
}

static void a_machine_without_users_names_nobody(void **state)
{
	struct scratch scratch;
	struct err err = {0};
	AUTO_BUF names = {0};

	(void)state;
	scratch_open(&scratch);
	assert_int_equal(presence_names(&scratch.sys, 10000000, 99999999, &names, &err), 0);
	assert_int_equal(names.len, 0);
	scratch_done(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_with_processes_are_named),
		cmocka_unit_test(a_machine_without_users_names_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
