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
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/backend.h"
#include "test/unit/fakelogin.h"

#define ROLES "/etc/aadsshlogin.roles"

static int ask(struct fakelogin *fake, struct decision *ret, struct err *err)
{
	AUTO_CONF conf = {0};

	fakelogin_load(fake, &conf);
	return roles_static_ask(fakelogin_sys(fake), &conf, CERTMAKE_OID, ret, err);
}

static void expect(struct fakelogin *fake, const char *text, enum verdict_kind login,
		   enum verdict_kind admin)
{
	struct decision decision;
	struct err err = {0};

	fakelogin_conf(fake, "role_backend static\nroles_file " ROLES "\n");
	scratch_write(&fake->scratch, ROLES, text, 0644);
	assert_int_equal(ask(fake, &decision, &err), 0);
	assert_int_equal(decision.login.kind, login);
	assert_int_equal(decision.admin.kind, admin);
	assert_string_equal(decision.login.scope, login == VERDICT_GRANTED ? ROLES : "");
}

static void the_file_says_who_may_what(void **state)
{
	struct fakelogin *fake = *state;

	expect(fake, "", VERDICT_MISSING, VERDICT_MISSING);
	expect(fake, CERTMAKE_OID " user\n", VERDICT_GRANTED, VERDICT_MISSING);
	expect(fake, "# all\n" CERTMAKE_OID " admin\n", VERDICT_GRANTED, VERDICT_GRANTED);
	expect(fake, CERTMAKE_TID " admin\n", VERDICT_MISSING, VERDICT_MISSING);
}

static enum reason refused(struct fakelogin *fake)
{
	struct decision decision;
	struct err err = {0};

	assert_true(ask(fake, &decision, &err) < 0);
	return reason_of(&err);
}

static void a_file_that_says_nothing_clear_grants_nothing(void **state)
{
	struct fakelogin *fake = *state;

	assert_int_equal(refused(fake), REASON_NOT_CONFIGURED);
	fakelogin_conf(fake, "role_backend static\nroles_file " ROLES "\n");
	assert_int_equal(refused(fake), REASON_NOT_CONFIGURED);
	scratch_write(&fake->scratch, ROLES, CERTMAKE_OID " admin\n", 0666);
	assert_int_equal(refused(fake), REASON_NOT_CONFIGURED);
	scratch_write(&fake->scratch, ROLES, CERTMAKE_OID " admin\nalice root\n", 0644);
	assert_int_equal(refused(fake), REASON_NOT_CONFIGURED);
}

static void only_what_is_configured_is_a_backend(void **state)
{
	(void)state;
	assert_null(backend_find(BACKEND_NONE));
	assert_null(backend_find((enum role_backend)17));
	assert_string_equal(backend_find(BACKEND_ARM)->name, "arm");
	assert_true(backend_find(BACKEND_ARM)->remote);
	for (unsigned id = BACKEND_ARM; id <= BACKEND_PDP; id++)
		assert_string_equal(backend_find((enum role_backend)id)->name,
				    conf_backend_name((enum role_backend)id));
	assert_true(backend_find(BACKEND_CHECKACCESS)->remote);
	assert_true(backend_find(BACKEND_PDP)->remote);
	assert_false(backend_find(BACKEND_STATIC)->remote);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(the_file_says_who_may_what),
		T(a_file_that_says_nothing_clear_grants_nothing),
		cmocka_unit_test(only_what_is_configured_is_a_backend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
