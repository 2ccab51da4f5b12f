/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "handler/settings.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "test/unit/scratch.h"

static int apply(const char *text, bool secret, struct settings *settings, struct err *err)
{
	AUTO_JSON *json = NULL;

	assert_int_equal(json_parse(span_of(text), "the test", &json, err), 0);
	return settings_apply(json, secret, settings, err);
}

/* ---- what is refused, and in which words */

struct refusal {
	const char *text;
	bool secret;
	const char *message;
};

/* clang-format off */
static const struct refusal refusals[] = {
	{"{\"identitywait\": 3}", false,
	 "unknown public setting \"identitywait\", the nearest known one is identityWait"},
	{"{\"userDomain\": \"a.b\"}", false,
	 "unknown public setting \"userDomain\", the nearest known one is userDomains"},
	{"{\"aVeryLongKeyThatNobodyEverWantedToSeeInWhole\": 1}", false,
	 "unknown public setting \"aVeryLongKeyThatNobodyEverWantedToSeeInW\""},
	{"{\"repoToken\": \"x\"}", true,
	 "unknown protected setting \"repoToken\", the nearest known one is repositoryToken"},
	{"{\"repositoryToken\": \"x\"}", false, "repositoryToken belongs in the protected settings"},
	{"{\"shell\": \"/bin/sh\"}", true, "shell belongs in the public settings"},
	{"{\"packageSource\": \"Embedded\"}", false,
	 "packageSource is the string \"Embedded\", expected embedded, repository or microsoft"},
	{"{\"packageSource\": 1}", false,
	 "packageSource is 1, expected embedded, repository or microsoft"},
	{"{\"repositoryUrl\": \"http://a.b\"}", false,
	 "repositoryUrl is the string \"http://a.b\", expected an https:// URL"},
	{"{\"repositoryUrl\": \"https://a.b/$(id)\"}", false, "expected an https:// URL"},
	{"{\"repositoryUrl\": \"https://\"}", false, "expected an https:// URL"},
	{"{\"repositoryKeyUrl\": \"ftp://a\"}", false,
	 "repositoryKeyUrl is the string \"ftp://a\", expected an https:// URL"},
	{"{\"proxy\": \"proxy:3128\"}", false,
	 "proxy is the string \"proxy:3128\", expected an http:// or https:// URL without a password"},
	{"{\"proxy\": \"http://proxy:3128:80\"}", false, "proxy is the string \"http://proxy:3128:80\", expected"},
	{"{\"proxy\": \"http://proxy/path\"}", false, "proxy is the string \"http://proxy/path\", expected"},
	{"{\"proxy\": \"http://user:pw@proxy\"}", false,
	 "proxy is a string that is not allowed, expected an http:// or https:// URL without"},
	{"{\"noProxy\": \"a b\"}", false, "noProxy is the string \"a b\", expected host names separated by commas"},
	{"{\"noProxy\": \"\"}", false, "noProxy is the string \"\", expected host names"},
	{"{\"migrateLegacy\": \"yes\"}", false, "migrateLegacy is the string \"yes\", expected true or false"},
	{"{\"migrateLegacy\": 1}", false, "migrateLegacy is 1, expected true or false"},
	{"{\"identityWait\": \"3\"}", false,
	 "identityWait is the string \"3\", expected an integer from 0 to 120 (seconds)"},
	{"{\"identityWait\": 121}", false, "identityWait is 121, expected an integer from 0 to 120"},
	{"{\"identityWait\": -1}", false, "identityWait is -1, expected an integer from 0 to 120"},
	{"{\"identityWait\": 1.5}", false,
	 "identityWait is a number with a fraction, expected an integer from 0 to 120"},
	{"{\"allowedTenants\": {}}", false,
	 "allowedTenants is an object, expected a GUID or an array of GUIDs"},
	{"{\"allowedTenants\": [\"contoso\"]}", false,
	 "allowedTenants is an array that is not allowed, expected a GUID or an array of GUIDs"},
	{"{\"allowedTenants\": [1]}", false, "expected a GUID or an array of GUIDs"},
	{"{\"userDomains\": true}", false,
	 "userDomains is a boolean, expected \"*\", a domain or an array of domains"},
	{"{\"userDomains\": []}", false, "userDomains is an array that is not allowed"},
	{"{\"userDomains\": [\"a.b c.d\"]}", false, "userDomains is an array that is not allowed"},
	{"{\"userDomains\": [\"*\", \"a.b\"]}", false, "userDomains is an array that is not allowed"},
	{"{\"roleBackend\": \"pas\"}", false,
	 "roleBackend is the string \"pas\", expected arm, checkaccess, pdp or static"},
	{"{\"roleBackend\": \"none\"}", false, "expected arm, checkaccess, pdp or static"},
	{"{\"uidRange\": \"5-10\"}", false, "uidRange is the string \"5-10\", expected two numbers as in"},
	{"{\"uidRange\": 7}", false, "uidRange is 7, expected two numbers as in"},
	{"{\"homeTemplate\": \"/home\"}", false,
	 "homeTemplate is the string \"/home\", expected an absolute path with %u in it"},
	{"{\"homeTemplate\": \"home/%u\"}", false, "expected an absolute path with %u in it"},
	{"{\"shell\": \"bash\"}", false, "shell is the string \"bash\", expected an absolute path"},
	{"{\"shell\": \"/bin/../x\"}", false, "expected an absolute path"},
	{"{\"authorizedKeys\": \"all\"}", false, "authorizedKeys is the string \"all\", expected none or keep"},
	{"{\"adminGroup\": \"sudo\"}", false, "adminGroup is the string \"sudo\", expected a group name"},
	{"{\"adminGroup\": \"aad_users\"}", false, "expected a group name that begins with aad_"},
	{"{\"offlineGrace\": 86401}", false, "offlineGrace is 86401, expected an integer from 0 to 86400"},
	{"{\"logLevel\": \"loud\"}", false,
	 "logLevel is the string \"loud\", expected error, warning, info or debug"},
	{"{\"metrics\": \"on\"}", false, "metrics is the string \"on\", expected true or false"},
	{"{\"approvedLocalAccounts\": true}", false,
	 "approvedLocalAccounts is a boolean, expected an array of up to 256 names of local accounts"},
	{"{\"approvedLocalAccounts\": [\"a\", 1]}", false, "expected an array of up to 256 names"},
	{"{\"approvedLocalAccounts\": [[\"a\"]]}", false, "expected an array of up to 256 names"},
	{"{\"approvedLocalAccounts\": [\"a b\"]}", false, "expected an array of up to 256 names"},
	{"{\"approvedLocalAccounts\": [\"a,b\"]}", false, "expected an array of up to 256 names"},
	{"{\"approvedLocalAccounts\": [\"a:b\"]}", false, "expected an array of up to 256 names"},
	{"{\"approvedLocalAccounts\": [\"\"]}", false, "expected an array of up to 256 names"},
	{"{\"approvedLocalAccounts\": [\"a234567890123456789012345678901234567890123456789012345678901234x\"]}", false,
	 "expected an array of up to 256 names"},
	{"{\"proxy\": \"hunter2\"}", true,
	 "protected proxy is a string that is not allowed, expected an http:// or https:// URL"},
	{"{\"proxy\": \"http://me:hunter2/x@proxy:3128\"}", true, "expected an http:// or https:// URL"},
	{"{\"proxy\": \"http://me:80/hunter2@proxy:3128\"}", true, "expected an http:// or https:// URL"},
	{"{\"proxy\": \"http://me:hunter2@x@proxy:3128\"}", true, "expected an http:// or https:// URL"},
	{"{\"proxy\": \"http://me:hunter2#@proxy:3128\"}", true, "expected an http:// or https:// URL"},
	{"{\"proxy\": \"http://me:hunter2%00@proxy:3128\"}", true, "expected an http:// or https:// URL"},
	{"{\"proxy\": \"http://me:hunter2@proxy:312800\"}", true, "expected an http:// or https:// URL"},
	{"{\"proxy\": \"http://me:hunter2@\"}", true, "expected an http:// or https:// URL"},
	{"{\"proxy\": 424242}", true, "protected proxy is an integer, expected an http:// or"},
	{"{\"repositoryToken\": \"hunter2 \"}", true,
	 "protected repositoryToken is a string that is not allowed, expected a secret or user:password"},
	{"{\"repositoryToken\": \"hunter2;x\"}", true, "expected a secret or user:password"},
	{"{\"repositoryToken\": \"hunter2#\"}", true, "expected a secret or user:password"},
	{"{\"repositoryToken\": \":hunter2\"}", true, "expected a secret or user:password"},
};
/* clang-format on */

static void is_refused(void **state)
{
	const struct refusal *row = *state;
	CLEANUP(settings_done) struct settings settings = SETTINGS_INIT;
	struct err err = {0};

	assert_int_equal(apply(row->text, row->secret, &settings, &err), -EINVAL);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	if (!strstr(err.msg, row->message))
		fail_msg("%s", err.msg);
	if (row->secret && strstr(row->text, "proxy") && !strstr(err.remedy, "%2F for /"))
		fail_msg("%s", err.remedy);
	assert_null(strstr(err.msg, "hunter2"));
	assert_null(strstr(err.msg, "424242"));
	assert_null(strstr(err.msg, "pw@"));
}

/* ---- what is accepted */

static void every_setting_reaches_its_field(void **state)
{
	static const char text[] =
		"{\"packageSource\": \"repository\", \"repositoryUrl\": \"https://r.example/x\","
		"\"repositoryKeyUrl\": \"https://r.example/k\", \"proxy\": "
		"\"http://p.example:3128\","
		"\"noProxy\": \".example,10.0.0.0/8\", \"migrateLegacy\": true, \"identityWait\": "
		"0,"
		"\"allowedTenants\": [\"72F988BF-86F1-41AF-91AB-2D7CD011DB47\"],"
		"\"userDomains\": [\"Contoso.com\", \"*.fabrikam.com\"], \"roleBackend\": "
		"\"static\","
		"\"uidRange\": \"70000-80000\", \"homeTemplate\": \"/srv/%u\", \"shell\": "
		"\"/bin/sh\","
		"\"authorizedKeys\": \"keep\", \"adminGroup\": \"aad_wheel\","
		"\"offlineGrace\": 86400, \"logLevel\": \"debug\", \"metrics\": true,"
		"\"approvedLocalAccounts\": [\"azureuser\", \"Admin\"]}";
	CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(apply(text, false, &s, &err), 0);
	assert_int_equal(s.package_source, PACKAGES_REPOSITORY);
	assert_string_equal(s.repository_url, "https://r.example/x");
	assert_string_equal(s.repository_key_url, "https://r.example/k");
	assert_string_equal(s.proxy, "http://p.example:3128");
	assert_string_equal(s.no_proxy, ".example,10.0.0.0/8");
	assert_true(s.migrate_legacy);
	assert_int_equal(s.identity_wait, 0);
	assert_string_equal(s.allowed_tenants, "72f988bf-86f1-41af-91ab-2d7cd011db47");
	assert_string_equal(s.user_domains, "contoso.com *.fabrikam.com");
	assert_int_equal(s.role_backend, BACKEND_STATIC);
	assert_int_equal(s.uids.first, 70000);
	assert_int_equal(s.uids.last, 80000);
	assert_string_equal(s.home_template, "/srv/%u");
	assert_string_equal(s.shell, "/bin/sh");
	assert_int_equal(s.authorized_keys, AUTHORIZED_KEYS_KEEP);
	assert_string_equal(s.admin_group, "aad_wheel");
	assert_int_equal(s.offline_grace, 86400);
	assert_string_equal(s.log_level, "debug");
	assert_string_equal(s.approved_local_accounts, "azureuser Admin");
	assert_true(s.metrics);
	assert_null(s.proxy_secret);
}

static void each_role_backend_is_taken(void **state)
{
	(void)state;
	for (unsigned backend = BACKEND_ARM; backend <= BACKEND_PDP; backend++) {
		CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
		char text[64];
		struct err err = {0};

		(void)snprintf(text, sizeof(text), "{\"roleBackend\": \"%s\"}",
			       conf_backend_name(backend));
		s.role_backend = BACKEND_NONE;
		assert_int_equal(apply(text, false, &s, &err), 0);
		assert_int_equal(s.role_backend, backend);
	}
}

/* Nobody is approved, which is not the same as that nothing was said. */
static void an_empty_list_of_accounts_is_one(void **state)
{
	CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(apply("{\"approvedLocalAccounts\": null}", false, &s, &err), 0);
	assert_null(s.approved_local_accounts);
	assert_int_equal(apply("{\"approvedLocalAccounts\": []}", false, &s, &err), 0);
	assert_string_equal(s.approved_local_accounts, "");
}

static void lists_are_bounded(void **state)
{
	(void)state;
	for (size_t count = 256; count <= 257; count++) {
		CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
		AUTO_BUF text = {0};
		struct err err = {0};

		buf_str(&text, "{\"approvedLocalAccounts\": [\"a\"");
		for (size_t i = 1; i < count; i++)
			buf_str(&text, ", \"b\"");
		buf_str(&text, "]}");
		assert_int_equal(apply(buf_text(&text), false, &s, &err),
				 count == 256 ? 0 : -EINVAL);
	}
}

static void one_word_is_a_list_too(void **state)
{
	CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(apply("{\"userDomains\": \"*\", \"allowedTenants\": []}", false, &s, &err),
			 0);
	assert_string_equal(s.user_domains, "*");
	assert_string_equal(s.allowed_tenants, "");
}

static void protected_settings_reach_their_fields(void **state)
{
	CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(apply("{\"proxy\": \"http://u:p%20w@p.example:3128\","
			       "\"repositoryToken\": \"s3cr3t\"}",
			       true, &s, &err),
			 0);
	assert_string_equal(s.proxy_secret, "http://u:p%20w@p.example:3128");
	assert_string_equal(s.repository_token, "s3cr3t");
	assert_null(s.proxy);
}

/* All that libcurl reads as one, and whoever has a password with other signs can write. */
static void protected_proxies_are_what_libcurl_goes_through(void **state)
{
	static const char *const proxies[] = {
		"http://proxy",
		"https://proxy:3128/",
		"http://me@proxy:3128",
		"http://me:a:b@proxy:3128",
		"http://_me:%41!$&()*+,;=[]~@proxy:3128",
		"http://CONTOSO%5Cme:a%2Fb%40c%23d%25e%3Ff@proxy.contoso.com:3128",
		"http://me:pw@[2001:db8::1]:3128",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(proxies); i++) {
		CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
		AUTO_BUF text = {0};
		struct err err = {0};

		buf_printf(&text, "{\"proxy\": \"%s\"}", proxies[i]);
		if (apply(buf_text(&text), true, &s, &err) < 0)
			fail_msg("%s: %s", proxies[i], err.msg);
		assert_string_equal(s.proxy_secret, proxies[i]);
	}
}

static void null_is_not_given(void **state)
{
	CLEANUP(settings_done) struct settings s = SETTINGS_INIT;
	struct err err = {0};

	(void)state;
	assert_int_equal(apply("{\"proxy\": null, \"identityWait\": null}", false, &s, &err), 0);
	assert_null(s.proxy);
	assert_int_equal(s.identity_wait, 120);
}

/* ---- the file */

struct file_row {
	const char *text;
	int r;
	const char *message;
};

/* clang-format off */
static const struct file_row file_rows[] = {
	{"", 0, NULL},
	{"\xef\xbb\xbf{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":null}}]}", 0, NULL},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":{},"
	 "\"protectedSettings\":null,\"protectedSettingsCertThumbprint\":null}}]}", 0, NULL},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"protectedSettings\":\"\"}}]}", 0, NULL},
	{"{\"runtime", -EBADMSG, "the settings file is not valid JSON"},
	{"[]", -EINVAL, "the settings file has no runtimeSettings[0].handlerSettings"},
	{"{}", -EINVAL, "the settings file has no runtimeSettings[0].handlerSettings"},
	{"{\"runtimeSettings\":[]}", -EINVAL, "has no runtimeSettings[0].handlerSettings"},
	{"{\"runtimeSettings\":{}}", -EINVAL, "runtimeSettings is an object, expected an array"},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":\"x\"}}]}", -EINVAL,
	 "publicSettings is a string, expected an object"},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"protectedSettings\":{}}}]}", -EINVAL,
	 "protectedSettings is an object, expected a string"},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"protectedSettings\":\"QQ==\"}}]}", -EINVAL,
	 "protectedSettings without protectedSettingsCertThumbprint"},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":{\"x\":1}}}]}", -EINVAL,
	 "unknown public setting \"x\""},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":{\"packageSource\":\"repository\"}}}]}",
	 -EINVAL, "packageSource is repository, but repositoryUrl is missing"},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":{\"packageSource\":\"repository\","
	 "\"repositoryUrl\":\"https://r.example\"}}}]}", 0, NULL},
	{"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":{\"packageSource\":\"microsoft\"}}}]}",
	 0, NULL},
};
/* clang-format on */

static void file_is_judged(void **state)
{
	const struct file_row *row = *state;
	CLEANUP(settings_done) struct settings settings = SETTINGS_INIT;
	struct scratch scratch;
	struct err err = {0};

	scratch_open(&scratch);
	assert_int_equal(settings_parse(&scratch.sys, "/lib", span_of(row->text), &settings, &err),
			 row->r);
	if (row->r < 0) {
		assert_int_equal(err.outcome, EXIT_SETTINGS);
		if (!strstr(err.msg, row->message))
			fail_msg("%s", err.msg);
	}
	assert_int_equal(settings.identity_wait, 120);
	scratch_done(&scratch);
}

static void the_newest_file_counts_when_no_number_is_given(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct scratch scratch;
	int64_t sequence = -1;
	struct err err = {0};
	char path[128];

	(void)state;
	scratch_open(&scratch);
	scratch_write(&scratch, "/config/9.settings", "", 0600);
	scratch_write(&scratch, "/config/2.settings", "", 0600);
	scratch_write(&scratch, "/config/name.11.settings", "", 0600);
	scratch_write(&scratch, "/config/HandlerState", "", 0600);
	(void)snprintf(path, sizeof(path), "%s/config/9.settings", scratch.dir);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(settings_sequence(&scratch.sys, "/config", NULL, &sequence, &err), 0);
	assert_int_equal(sequence, 2);
	assert_int_equal(settings_sequence(&scratch.sys, "/config", "9", &sequence, &err), 0);
	assert_int_equal(sequence, 9);
	scratch_done(&scratch);
}

static void a_number_that_is_none_is_refused(void **state)
{
	static const char *const rows[] = {"", "-1", "1x", "99999999999999999999"};
	struct scratch scratch;
	int64_t sequence = 5;
	struct err err = {0};

	(void)state;
	scratch_open(&scratch);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
			settings_sequence(&scratch.sys, "/config", rows[i], &sequence, &err),
			-EINVAL);
		assert_int_equal(err.outcome, EXIT_SETTINGS);
	}
	scratch_mkdir(&scratch, "/config", 0700);
	assert_int_equal(settings_sequence(&scratch.sys, "/config", NULL, &sequence, &err),
			 -ENOENT);
	assert_int_equal(sequence, 5);
	scratch_done(&scratch);
}

static void a_missing_file_asks_for_the_settings_outcome(void **state)
{
	struct scratch scratch;
	struct err err = {0};
	AUTO_BUF text = {0};

	(void)state;
	scratch_open(&scratch);
	assert_int_equal(settings_load(&scratch.sys, "/config", 3, &text, &err), -ENOENT);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_non_null(strstr(err.msg, "/config/3.settings"));
	scratch_done(&scratch);
}

static void the_hash_tells_files_apart(void **state)
{
	char a[SETTINGS_HASH_SIZE], b[SETTINGS_HASH_SIZE];

	(void)state;
	settings_hash(span_of(""), a);
	settings_hash(span_of(" "), b);
	assert_string_equal(a, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest plain[] = {
		cmocka_unit_test(every_setting_reaches_its_field),
		cmocka_unit_test(each_role_backend_is_taken),
		cmocka_unit_test(one_word_is_a_list_too),
		cmocka_unit_test(an_empty_list_of_accounts_is_one),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(protected_settings_reach_their_fields),
		cmocka_unit_test(protected_proxies_are_what_libcurl_goes_through),
		cmocka_unit_test(null_is_not_given),
		cmocka_unit_test(the_newest_file_counts_when_no_number_is_given),
		cmocka_unit_test(a_number_that_is_none_is_refused),
		cmocka_unit_test(a_missing_file_asks_for_the_settings_outcome),
		cmocka_unit_test(the_hash_tells_files_apart),
	};
	struct CMUnitTest rows[ARRAY_LEN(refusals) + ARRAY_LEN(file_rows)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		rows[n++] = (struct CMUnitTest){.name = refusals[i].text,
						.test_func = is_refused,
						.initial_state = (void *)(uintptr_t)&refusals[i]};
	for (size_t i = 0; i < ARRAY_LEN(file_rows); i++)
		rows[n++] = (struct CMUnitTest){.name = file_rows[i].text,
						.test_func = file_is_judged,
						.initial_state = (void *)(uintptr_t)&file_rows[i]};
	return cmocka_run_group_tests(plain, NULL, NULL) + cmocka_run_group_tests(rows, NULL, NULL);
}
