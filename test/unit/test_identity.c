/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "handler/desired.h"
#include "handler/extension.h"
#include "handler/steps.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "test/unit/fakeimds.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

static struct scratch scratch;
static struct settings settings;
static struct extension extension = {.folder = "/ext", .version = "1.0.0.0", .settings = &settings};
static struct machine machine;

static const struct fake_answer good_instance[] = {{200, FAKE_INSTANCE, 0, 0}};
static const struct fake_answer good_token[] = {{200, NULL, 0, 0}};
static const struct fake_answer no_identity[] = {{400, FAKE_NO_IDENTITY, 0, 0}};

static int set_up(void **state)
{
	struct err err = {0};
	AUTO_BUF clouds = {0};

	(void)state;
	scratch_open(&scratch);
	source_read("manifest/clouds.yaml", &clouds);
	scratch_write(&scratch, "/ext/manifest/clouds.yaml", buf_text(&clouds), 0744);
	fake_imds_install(&scratch.ops);
	fake_imds.instance = good_instance;
	fake_imds.token = good_token;
	settings = (struct settings)SETTINGS_INIT;
	machine = (struct machine){
		.sys = &scratch.sys,
		.extension = &extension,
		.log_fd = -1,
	};
	assert_int_equal(desired_settings(&settings, &machine.conf, &err), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	conf_done(&machine.conf);
	scratch_done(&scratch);
	return 0;
}

static int plan(enum want want, struct err *err)
{
	AUTO_CHANGES changes = {0};
	int r = step_identity.plan(&machine, want, &changes, err);

	assert_int_equal(changes.count, 0);
	return r;
}

static void the_configuration_learns_who_the_machine_is(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(plan(WANT_PRESENT, &err), 0);
	assert_string_equal(machine.conf.tenant, FAKE_TENANT);
	assert_string_equal(machine.conf.resource_id, FAKE_RESOURCE);
	assert_string_equal(machine.conf.authority, "https://login.microsoftonline.com");
	assert_string_equal(extension.microsoft, "https://packages.microsoft.com");
	assert_non_null(strstr(fake_imds.last_url, "ce6ff14a-7fdc-4685-bbe0-f6afdfcfa8e0"));
}

static void taking_away_asks_nobody(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(plan(WANT_ABSENT, &err), 0);
	assert_int_equal(fake_imds.instance_requests + fake_imds.token_requests, 0);
}

static void a_machine_without_identity_reads_the_command_to_type(void **state)
{
	struct err err = {0};

	(void)state;
	settings.identity_wait = 0;
	fake_imds.token = no_identity;
	assert_int_equal(plan(WANT_PRESENT, &err), -ENOENT);
	assert_int_equal(err.outcome, EXIT_IDENTITY);
	assert_string_equal(err.remedy, "az vm identity assign --resource-group rg1 --name vm1");
	assert_int_equal(fake_imds.token_requests, 1);
}

static int out_of_memory(struct sys *sys, const struct http_request *requests, size_t count,
			 struct http_response *ret, struct err *err)
{
	(void)sys;
	(void)requests;
	(void)count;
	(void)ret;
	return err_oom(err);
}

static void a_shortage_of_the_machine_is_not_told_as_a_missing_identity(void **state)
{
	struct err err = {0};

	(void)state;
	scratch.ops.http = out_of_memory;
	assert_int_equal(plan(WANT_PRESENT, &err), -ENOMEM);
	assert_int_equal(err.outcome, 0);
	assert_string_equal(err.remedy, "");
}

static void a_scale_set_gets_its_identity_as_a_whole(void **state)
{
	static const struct fake_answer instance[] = {
		{200,
		 "{\"compute\":{\"azEnvironment\":\"AzurePublicCloud\",\"vmId\":\"v\","
		 "\"resourceId\":"
		 "\"/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/"
		 "virtualMachineScaleSets/set1/virtualMachines/3\","
		 "\"vmScaleSetName\":\"set1\"}}",
		 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.instance = instance;
	fake_imds.token = no_identity;
	assert_int_equal(plan(WANT_PRESENT, &err), -ENOENT);
	assert_string_equal(err.remedy, "az vmss identity assign --resource-group rg1 --name set1");
}

/* Its resource id is that of any machine. */
static void an_instance_of_a_flexible_scale_set_gets_one_by_the_set(void **state)
{
	static const struct fake_answer instance[] = {
		{200,
		 "{\"compute\":{\"azEnvironment\":\"AzurePublicCloud\",\"vmId\":\"v\","
		 "\"vmScaleSetName\":\"set(1)\",\"resourceId\":"
		 "\"/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/"
		 "virtualMachines/set1_3\"}}",
		 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.instance = instance;
	fake_imds.token = no_identity;
	settings.identity_wait = 0;
	assert_int_equal(plan(WANT_PRESENT, &err), -ENOENT);
	assert_string_equal(err.remedy, "az vmss identity assign --resource-group rg1 "
					"--name 'set(1)' --identities IDENTITY_ID");
}

/* Azure takes parentheses in the name of a group. */
static void a_shell_takes_the_command_whatever_the_names_are(void **state)
{
	static const struct fake_answer instance[] = {
		{200,
		 "{\"compute\":{\"azEnvironment\":\"AzurePublicCloud\",\"vmId\":\"v\","
		 "\"resourceId\":\"/subscriptions/s/resourceGroups/rg(1)/providers/"
		 "Microsoft.Compute/virtualMachines/$(id)\"}}",
		 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.instance = instance;
	fake_imds.token = no_identity;
	assert_int_equal(plan(WANT_PRESENT, &err), -ENOENT);
	assert_string_equal(err.remedy,
			    "az vm identity assign --resource-group 'rg(1)' --name '$(id)'");
}

static void the_wait_is_the_owners(void **state)
{
	struct err err = {0};

	(void)state;
	settings.identity_wait = 30;
	fake_imds.token = no_identity;
	(void)plan(WANT_PRESENT, &err);
	assert_true(fake_imds.now_ms >= 1000 + 20000 && fake_imds.now_ms <= 1000 + 30000);
}

static void silence_is_told_in_other_words(void **state)
{
	static const struct fake_answer silence[] = {{0, "", 0, 0}};
	struct err err = {0};

	(void)state;
	settings.identity_wait = 0;
	fake_imds.instance = silence;
	assert_int_equal(plan(WANT_PRESENT, &err), -EHOSTUNREACH);
	assert_int_equal(err.outcome, EXIT_IDENTITY);
	assert_non_null(strstr(err.msg, "does not answer"));
	assert_non_null(strstr(err.remedy, "this must be an Azure VM"));
	assert_true(fake_imds.now_ms >= 1000 + 3000 && fake_imds.now_ms <= 1000 + 10000);
}

static void garbage_fails_with_the_identity_outcome(void **state)
{
	static const struct fake_answer garbage[] = {{200, "<html>", 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.token = garbage;
	assert_int_equal(plan(WANT_PRESENT, &err), -EBADMSG);
	assert_int_equal(err.outcome, EXIT_IDENTITY);
	assert_null(machine.conf.tenant);
}

#define INSTANCE_IN(cloud, location)                                                               \
	{                                                                                          \
		{                                                                                  \
			200,                                                                       \
				"{\"compute\":{\"azEnvironment\":\"" cloud "\",\"vmId\":\"v\","    \
				"\"resourceId\":\"/subscriptions/s\"" location "}}",               \
				0, 0                                                               \
		}                                                                                  \
	}

static void the_backend_pdp_gets_the_service_of_the_region(void **state)
{
	static const struct fake_answer instance[] =
		INSTANCE_IN("AzureUSGovernmentCloud", ",\"location\":\"USGovVirginia\"");
	struct err err = {0};

	(void)state;
	machine.conf.role_backend = BACKEND_PDP;
	fake_imds.instance = instance;
	assert_int_equal(plan(WANT_PRESENT, &err), 0);
	assert_string_equal(machine.conf.pdp, "https://usgovvirginia.authorization.azure.us");
}

static void without_a_region_the_backend_pdp_is_refused(void **state)
{
	static const struct fake_answer instance[] = INSTANCE_IN("AzurePublicCloud", "");
	struct err err = {0};

	(void)state;
	machine.conf.role_backend = BACKEND_PDP;
	fake_imds.instance = instance;
	assert_int_equal(plan(WANT_PRESENT, &err), -ENODATA);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_non_null(strstr(err.remedy, "arm"));
}

static void an_unknown_cloud_is_named(void **state)
{
	static const struct fake_answer instance[] = {
		{200,
		 "{\"compute\":{\"azEnvironment\":\"AzureMoonCloud\",\"vmId\":\"v\",\"resourceId\":"
		 "\"/subscriptions/s\"}}",
		 0, 0}};
	struct err err = {0};

	(void)state;
	fake_imds.instance = instance;
	assert_int_equal(plan(WANT_PRESENT, &err), -ENOENT);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_non_null(strstr(err.msg, "AzureMoonCloud"));
	assert_int_equal(fake_imds.token_requests, 0);
}

static void a_missing_table_of_clouds_fails(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(fs_remove(&scratch.sys, "/ext/manifest/clouds.yaml", &err), 0);
	assert_int_equal(plan(WANT_PRESENT, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/ext/manifest/clouds.yaml"));
}

/* ---- Arc */

static const struct fake_answer arc_instance[] = {{200, FAKE_ARC_INSTANCE, 0, 0}};

static int set_up_arc(void **state)
{
	(void)set_up(state);
	fake_imds_arc(&scratch);
	fake_imds.instance = arc_instance;
	return 0;
}

static void an_arc_machine_is_asked_for_by_its_agent(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(plan(WANT_PRESENT, &err), 0);
	assert_string_equal(machine.conf.himds, "http://127.0.0.1:40342");
	assert_null(machine.conf.imds);
	assert_string_equal(machine.conf.tenant, FAKE_TENANT);
	assert_string_equal(machine.conf.resource_id, FAKE_ARC_RESOURCE);
	assert_string_equal(machine.conf.authority, "https://login.microsoftonline.com");
	assert_string_equal(fake_imds.last_authorization, "Authorization: Basic " FAKE_KEY);
	assert_int_equal(plan(WANT_PRESENT, &err), 0); /* and once more */
}

/* No exit code says that an Arc machine lacks an identity: it always has one. */
static void expect_dependency(const char *word)
{
	struct err err = {0};

	assert_true(plan(WANT_PRESENT, &err) < 0);
	assert_int_equal(err.outcome, EXIT_DEPENDENCY);
	assert_non_null(strstr(err.remedy, "azcmagent show"));
	if (!strstr(err.msg, word))
		fail_msg("%s", err.msg);
	assert_null(machine.conf.tenant);
}

static void an_agent_that_fails_is_a_missing_dependency(void **state)
{
	static const struct fake_answer silence[] = {{0, "", 0, 0}}, garbage[] = {{200, "<", 0, 0}};
	static const struct fake_answer refusal[] = {{401, "", 0, 0}},
					forbidden[] = {{403, "", 0, 0}};

	(void)state;
	settings.identity_wait = 0;
	fake_imds.token = no_identity;
	expect_dependency("answers 400");
	fake_imds.token = refusal;
	expect_dependency("refuses the key");
	fake_imds.token = forbidden;
	expect_dependency("answers 403");
	fake_imds.token = garbage;
	expect_dependency("access_token");
	fake_imds.challenge = "Basic realm=/etc/shadow.key";
	expect_dependency("/etc/shadow.key");
	fake_imds.instance = garbage;
	expect_dependency("JSON");
	fake_imds.instance = silence;
	expect_dependency("does not answer");
	scratch_write(&scratch, "/proc/self/net/tcp", "", 0444);
	expect_dependency("list of sockets");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define ARC(name) cmocka_unit_test_setup_teardown(name, set_up_arc, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_configuration_learns_who_the_machine_is),
		TEST(taking_away_asks_nobody),
		TEST(a_machine_without_identity_reads_the_command_to_type),
		TEST(a_shortage_of_the_machine_is_not_told_as_a_missing_identity),
		TEST(a_scale_set_gets_its_identity_as_a_whole),
		TEST(an_instance_of_a_flexible_scale_set_gets_one_by_the_set),
		TEST(a_shell_takes_the_command_whatever_the_names_are),
		TEST(the_wait_is_the_owners),
		TEST(silence_is_told_in_other_words),
		TEST(garbage_fails_with_the_identity_outcome),
		TEST(the_backend_pdp_gets_the_service_of_the_region),
		TEST(without_a_region_the_backend_pdp_is_refused),
		TEST(an_unknown_cloud_is_named),
		TEST(a_missing_table_of_clouds_fails),
		ARC(an_arc_machine_is_asked_for_by_its_agent),
		ARC(an_agent_that_fails_is_a_missing_dependency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
