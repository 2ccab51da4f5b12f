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
#include "lib/sys/fs.h"
#include "payload/login/loginconf.h"
#include "test/unit/fakelogin.h"

static enum reason load(struct fakelogin *fake, struct conf *ret)
{
	struct err err = {0};

	return loginconf_load(fakelogin_sys(fake), ret, &err) == 0 ? REASON_NONE : reason_of(&err);
}

static void what_is_not_said_has_its_default(void **state)
{
	AUTO_CONF conf = {0};

	assert_int_equal(load(*state, &conf), REASON_NONE);
	assert_string_equal(conf.tenant, CERTMAKE_TID);
	assert_string_equal(conf.user_domains, USER_DOMAINS_DEFAULT);
	assert_int_equal(conf.role_backend, BACKEND_ARM);
}

static void the_secret_file_adds_the_proxy(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_CONF conf = {0};

	scratch_write(&fake->scratch, CONF_SECRET_PATH, "proxy http://u:p@proxy:3128\n", 0640);
	assert_int_equal(load(fake, &conf), REASON_NONE);
	assert_string_equal(conf.proxy, "http://u:p@proxy:3128");
}

static void what_cannot_be_trusted_or_understood_is_closed(void **state)
{
	static const struct {
		const char *path;
		const char *text;
		mode_t mode;
	} rows[] = {
		{CONF_SECRET_PATH, "proxy http://p\n", 0660},
		{CONF_SECRET_PATH, "nonsense\n", 0640},
		{CONF_PATH, "tenant x\n", 0644},
		{CONF_PATH, "tenant " CERTMAKE_TID "\n", 0666},
	};
	struct fakelogin *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		AUTO_CONF conf = {0};

		scratch_write(&fake->scratch, rows[i].path, rows[i].text, rows[i].mode);
		assert_int_equal(load(fake, &conf), REASON_NOT_CONFIGURED);
		assert_null(conf.tenant);
		assert_int_equal(conf.role_backend, BACKEND_NONE);
		assert_int_equal(fs_remove(fakelogin_sys(fake), CONF_SECRET_PATH, &err), 0);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(what_is_not_said_has_its_default),
		T(the_secret_file_adds_the_proxy),
		T(what_cannot_be_trusted_or_understood_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
