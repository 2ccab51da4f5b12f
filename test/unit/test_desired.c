/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "handler/desired.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"

static void defaults_are_the_documented_ones(void **state)
{
	const struct settings settings = SETTINGS_INIT;
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(desired_settings(&settings, &conf, &err), 0);
	assert_string_equal(conf.user_domains, "*");
	assert_int_equal(conf.uid_first, 10000000);
	assert_int_equal(conf.uid_last, 99999999);
	assert_string_equal(conf.home_template, "/home/%u");
	assert_int_equal(conf.role_backend, BACKEND_ARM);
	assert_int_equal(conf.authorized_keys, AUTHORIZED_KEYS_NONE);
	assert_string_equal(conf.admin_group, "aad_admins");
	assert_int_equal(conf.offline_grace, 0);
	assert_string_equal(conf.imds, "http://169.254.169.254");
	assert_null(conf.roles_file);
	assert_null(conf.tenant);
	assert_null(conf.allowed_tenants);
	assert_null(conf.proxy);
}

/* Whoever adds a setting to the struct and forgets it here does not find its text in the file. */
static void every_setting_reaches_the_configuration_file(void **state)
{
	static const char *const lines[] = {
		"allowed_tenants 72f988bf-86f1-41af-91ab-2d7cd011db47",
		"user_domains contoso.com",
		"uid_range 70000-80000",
		"home_template /srv/%u",
		"shell /bin/sh",
		"role_backend static",
		"roles_file /etc/aadsshlogin.roles",
		"authorized_keys keep",
		"admin_group aad_wheel",
		"offline_grace 60",
		"log_level debug",
		"proxy http://p.example:3128",
		"no_proxy .example",
	};
	struct settings settings = {
		.allowed_tenants = (char[]){"72f988bf-86f1-41af-91ab-2d7cd011db47"},
		.user_domains = (char[]){"contoso.com"},
		.role_backend = BACKEND_STATIC,
		.uids = {70000, 80000},
		.home_template = (char[]){"/srv/%u"},
		.shell = (char[]){"/bin/sh"},
		.authorized_keys = AUTHORIZED_KEYS_KEEP,
		.admin_group = (char[]){"aad_wheel"},
		.offline_grace = 60,
		.log_level = (char[]){"debug"},
		.proxy = (char[]){"http://p.example:3128"},
		.no_proxy = (char[]){".example"},
		.proxy_secret = (char[]){"http://u:hunter2@p.example:3128"},
		.repository_token = (char[]){"hunter2"},
	};
	AUTO_CONF conf = {0};
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)state;
	assert_int_equal(desired_settings(&settings, &conf, &err), 0);
	assert_int_equal(conf_format(&conf, &text, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!strstr(buf_text(&text), lines[i]))
			fail_msg("%s is not in\n%s", lines[i], buf_text(&text));
	assert_null(strstr(buf_text(&text), "hunter2"));
}

static void the_identity_is_added(void **state)
{
	const struct settings settings = SETTINGS_INIT;
	const struct cloud cloud = {
		.name = "AzurePublicCloud",
		.authority = "https://login.microsoftonline.com",
		.resource_manager = "https://management.azure.com",
		.cloud_instance_name = "microsoftonline.com",
	};
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(desired_settings(&settings, &conf, &err), 0);
	assert_int_equal(desired_identity("11111111-2222-3333-4444-555555555555",
					  "/subscriptions/s", &cloud, &conf, &err),
			 0);
	assert_string_equal(conf.tenant, "11111111-2222-3333-4444-555555555555");
	assert_string_equal(conf.resource_id, "/subscriptions/s");
	assert_string_equal(conf.cloud, "microsoftonline.com");
	assert_string_equal(conf.authority, "https://login.microsoftonline.com");
	assert_string_equal(conf.resource_manager, "https://management.azure.com");
	assert_string_equal(conf.user_domains, "*");
}

static void the_backend_pdp_alone_gets_the_service_of_the_region(void **state)
{
	const struct cloud cloud = {.name = "x", .pdp = "authorization.azure.net"};
	struct settings settings = SETTINGS_INIT;
	struct err err = {0};

	(void)state;
	for (unsigned backend = BACKEND_ARM; backend <= BACKEND_PDP; backend++) {
		AUTO_CONF conf = {0};

		settings.role_backend = backend;
		assert_int_equal(desired_settings(&settings, &conf, &err), 0);
		assert_int_equal(desired_pdp("westeurope", &cloud, &conf, &err), 0);
		if (backend == BACKEND_PDP)
			assert_string_equal(conf.pdp, "https://westeurope.authorization.azure.net");
		else
			assert_null(conf.pdp);
	}
}

static void a_cloud_without_that_service_refuses_the_backend(void **state)
{
	const struct cloud cloud = {.name = "USNat"};
	struct settings settings = SETTINGS_INIT;
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)state;
	settings.role_backend = BACKEND_PDP;
	assert_int_equal(desired_settings(&settings, &conf, &err), 0);
	assert_int_equal(desired_pdp("usnateast", &cloud, &conf, &err), -ENODATA);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_null(conf.pdp);
}

static void the_service_of_arc_takes_the_place_of_imds(void **state)
{
	const struct settings settings = SETTINGS_INIT;
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(desired_settings(&settings, &conf, &err), 0);
	assert_int_equal(desired_himds("http://127.0.0.1:40342", &conf, &err), 0);
	assert_string_equal(conf.himds, "http://127.0.0.1:40342");
	assert_null(conf.imds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_backend_pdp_alone_gets_the_service_of_the_region),
		cmocka_unit_test(a_cloud_without_that_service_refuses_the_backend),
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(every_setting_reaches_the_configuration_file),
		cmocka_unit_test(the_identity_is_added),
		cmocka_unit_test(the_service_of_arc_takes_the_place_of_imds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
