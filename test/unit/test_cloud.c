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
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/core/cloud.h"
#include "lib/core/outcome.h"
#include "test/unit/source.h"

static struct yaml_node table;

static int read_table(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	source_read("manifest/clouds.yaml", &text);
	if (yaml_parse(buf_bytes(&text), "clouds.yaml", &table, &err) < 0)
		fail_msg("%s", err.msg);
	return 0;
}

static int drop_table(void **state)
{
	(void)state;
	yaml_done(&table);
	return 0;
}

static void the_public_clouds_are_whole(void **state)
{
	/* clang-format off */
	static const struct {
		const char *environment, *authority, *resource_manager, *instance, *pdp;
	} rows[] = {
		{"AzurePublicCloud", "https://login.microsoftonline.com",
		 "https://management.azure.com", "microsoftonline.com", "authorization.azure.net"},
		{"azurepubliccloud", "https://login.microsoftonline.com",
		 "https://management.azure.com", "microsoftonline.com", "authorization.azure.net"},
		{"AzureUSGovernmentCloud", "https://login.microsoftonline.us",
		 "https://management.usgovcloudapi.net", "microsoftonline.us", "authorization.azure.us"},
		{"AzureChinaCloud", "https://login.chinacloudapi.cn",
		 "https://management.chinacloudapi.cn", "partner.microsoftonline.cn", "authorization.azure.cn"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cloud cloud = {.name = NULL};
		struct err err = {0};

		assert_int_equal(cloud_find(&table, rows[i].environment, &cloud, &err), 0);
		assert_string_equal(cloud.authority, rows[i].authority);
		assert_string_equal(cloud.resource_manager, rows[i].resource_manager);
		assert_string_equal(cloud.cloud_instance_name, rows[i].instance);
		assert_string_equal(cloud.pdp, rows[i].pdp);
		assert_int_equal(strncmp(cloud.audience, rows[i].resource_manager,
					 strlen(rows[i].resource_manager)),
				 0);
		assert_string_equal(cloud.repository, "https://packages.microsoft.com");
	}
}

static void an_air_gapped_cloud_is_known_but_for_the_name_that_its_keys_carry(void **state)
{
	static const char *const names[] = {"USNat", "USSec"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct cloud cloud = {.name = NULL};
		struct err err = {0};

		assert_int_equal(cloud_find(&table, names[i], &cloud, &err), 0);
		assert_non_null(cloud.authority);
		assert_non_null(cloud.resource_manager);
		assert_null(cloud.cloud_instance_name);
	}
}

static void a_cloud_that_is_not_known_whole_is_refused_with_a_remedy(void **state)
{
	static const char yaml[] = "clouds:\n- {name: x, authority: 'https://a'}\n";
	struct cloud cloud = {.name = "untouched"};
	struct err err = {0};
	AUTO_YAML own = {0};

	(void)state;
	assert_int_equal(yaml_parse(SPAN_LIT(yaml), "t.yaml", &own, &err), 0);
	assert_int_equal(cloud_find(&own, "x", &cloud, &err), -ENODATA);
	assert_string_equal(cloud.name, "untouched");
	assert_non_null(strstr(err.msg, "does not know the resourceManager of x"));
	assert_non_null(strstr(err.remedy, "manifest/clouds.yaml"));
	assert_int_equal(err.outcome, EXIT_SETTINGS);
}

static void an_unknown_cloud_is_refused_with_its_name(void **state)
{
	struct cloud cloud;
	struct err err = {0};

	(void)state;
	assert_int_equal(cloud_find(&table, "AzureMoonCloud", &cloud, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "AzureMoonCloud"));
	assert_int_equal(err.outcome, EXIT_SETTINGS);
}

static void wrong_tables_are_refused_with_their_place(void **state)
{
	/* clang-format off */
	static const struct {
		const char *yaml, *message;
	} rows[] = {
		{"{}\n", "t.yaml:1:1: there is no list of clouds"},
		{"clouds: x\n", "t.yaml:1:1: clouds is text, expected a list"},
		{"clouds: [x]\n", "t.yaml:1:10: text, expected a map"},
		{"clouds:\n- {authority: 'https://a'}\n", "t.yaml:2:3: a cloud needs a name"},
		{"clouds:\n- {name: x, url: y}\n", "t.yaml:2:13: unknown key url"},
		{"clouds:\n- {name: x, authority: 'http://a'}\n", "t.yaml:2:13: authority cannot be http://a"},
		{"clouds:\n- {name: x, authority: 'https://'}\n", "authority cannot be"},
		{"clouds:\n- {name: x, authority: 'https://a/b'}\n", "authority cannot be"},
		{"clouds:\n- {name: x, authority: 'https://u@a'}\n", "authority cannot be"},
		{"clouds:\n- {name: x, resourceManager: 'https://a/'}\n", "resourceManager cannot be"},
		{"clouds:\n- {name: x, audience: 'urn:x'}\n", "audience cannot be urn:x"},
		{"clouds:\n- {name: x, cloudInstanceName: 'https://a'}\n", "cloudInstanceName cannot be"},
		{"clouds:\n- {name: x, repository: ftp}\n", "repository cannot be ftp"},
		{"clouds:\n- {name: x, pdp: 'https://a'}\n", "pdp cannot be https://a"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_YAML own = {0};
		struct cloud cloud;
		struct err err = {0};

		assert_int_equal(yaml_parse(span_of(rows[i].yaml), "t.yaml", &own, &err), 0);
		assert_int_equal(cloud_find(&own, "x", &cloud, &err), -EINVAL);
		if (!strstr(err.msg, rows[i].message))
			fail_msg("\"%s\" lacks \"%s\"", err.msg, rows[i].message);
	}
}

static void the_region_makes_the_url_of_its_service(void **state)
{
	const struct cloud cloud = {.name = "x", .pdp = "authorization.azure.net"};
	AUTO_BUF url = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(cloud_pdp(&cloud, "westeurope", &url, &err), 0);
	assert_string_equal(buf_text(&url), "https://westeurope.authorization.azure.net");
}

static void a_region_that_is_no_name_makes_no_url(void **state)
{
	static const char *const regions[] = {"",      "west europe",   "West",   "west.evil",
					      "west/", "evil.example#", "west-1", "u@west"};
	const struct cloud cloud = {.name = "x", .pdp = "authorization.azure.net"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
		AUTO_BUF url = {0};
		struct err err = {0};

		assert_int_equal(cloud_pdp(&cloud, regions[i], &url, &err), -ENODATA);
		assert_non_null(strstr(err.msg, "no region"));
		assert_int_equal(err.outcome, EXIT_SETTINGS);
		assert_int_equal(url.len, 0);
	}
}

static void a_cloud_without_that_service_refuses_it_with_a_remedy(void **state)
{
	const struct cloud cloud = {.name = "USNat"};
	AUTO_BUF url = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(cloud_pdp(&cloud, "usnateast", &url, &err), -ENODATA);
	assert_non_null(strstr(err.msg, "USNat"));
	assert_string_equal(err.remedy, "use the role backend arm");
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_int_equal(url.len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_region_makes_the_url_of_its_service),
		cmocka_unit_test(a_region_that_is_no_name_makes_no_url),
		cmocka_unit_test(a_cloud_without_that_service_refuses_it_with_a_remedy),
		cmocka_unit_test(the_public_clouds_are_whole),
		cmocka_unit_test(an_air_gapped_cloud_is_known_but_for_the_name_that_its_keys_carry),
		cmocka_unit_test(a_cloud_that_is_not_known_whole_is_refused_with_a_remedy),
		cmocka_unit_test(an_unknown_cloud_is_refused_with_its_name),
		cmocka_unit_test(wrong_tables_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, read_table, drop_table);
}
