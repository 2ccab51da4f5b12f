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

#include "lib/core/cleanup.h"
#include "lib/core/conf.h"

#define TENANT "72f988bf-86f1-41af-91ab-2d7cd011db47"
#define OTHER "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define THIRD "fb879df8-f326-4884-b1cf-06f3ad86be52"

/* Every keyword in the order in which they are written, but himds, which excludes imds. */
static const char whole[] =
	"tenant " TENANT "\n"
	"allowed_tenants " OTHER " " THIRD "\n"
	"cloud microsoftonline.com\n"
	"authority https://login.microsoftonline.com\n"
	"resource_manager https://management.azure.com\n"
	"resource_id /subscriptions/" OTHER "/resourceGroups/rg(1)/providers/x/virtualMachines/vm\n"
	"imds http://169.254.169.254\n"
	"user_domains contoso.com *.fabrikam.com\n"
	"uid_range 70000-90000\n"
	"home_template /srv/%u\n"
	"shell /bin/sh\n"
	"role_backend static\n"
	"pdp https://westeurope.authorization.azure.net\n"
	"roles_file /etc/roles\n"
	"keys_file /etc/keys.json\n"
	"ca_bundle /etc/ca.pem\n"
	"authorized_keys keep\n"
	"admin_group aad_operators\n"
	"offline_grace 86400\n"
	"log_level debug\n"
	"metrics on\n"
	"proxy http://proxy.contoso.com:3128\n"
	"no_proxy localhost .contoso.com\n";

static struct conf parsed(const char *text)
{
	struct conf conf = {0};
	struct err err = {0};

	if (conf_parse(span_of(text), "conf", &conf, &err) < 0)
		fail_msg("%s", err.msg);
	return conf;
}

static void every_keyword_is_taken(void **state)
{
	AUTO_CONF conf = parsed(whole);

	(void)state;
	assert_string_equal(conf.tenant, TENANT);
	assert_string_equal(conf.allowed_tenants, OTHER " " THIRD);
	assert_string_equal(conf.cloud, "microsoftonline.com");
	assert_string_equal(conf.authority, "https://login.microsoftonline.com");
	assert_string_equal(conf.resource_manager, "https://management.azure.com");
	assert_string_equal(conf.imds, "http://169.254.169.254");
	assert_string_equal(conf.user_domains, "contoso.com *.fabrikam.com");
	assert_int_equal(conf.uid_first, 70000);
	assert_int_equal(conf.uid_last, 90000);
	assert_string_equal(conf.home_template, "/srv/%u");
	assert_string_equal(conf.shell, "/bin/sh");
	assert_int_equal(conf.role_backend, BACKEND_STATIC);
	assert_string_equal(conf.pdp, "https://westeurope.authorization.azure.net");
	assert_string_equal(conf.roles_file, "/etc/roles");
	assert_string_equal(conf.keys_file, "/etc/keys.json");
	assert_string_equal(conf.ca_bundle, "/etc/ca.pem");
	assert_int_equal(conf.authorized_keys, AUTHORIZED_KEYS_KEEP);
	assert_string_equal(conf.admin_group, "aad_operators");
	assert_int_equal(conf.offline_grace, 86400);
	assert_true(conf.metrics);
	assert_string_equal(conf.log_level, "debug");
	assert_string_equal(conf.proxy, "http://proxy.contoso.com:3128");
	assert_string_equal(conf.no_proxy, "localhost .contoso.com");
}

static void what_is_written_is_what_was_read(void **state)
{
	AUTO_CONF conf = parsed(whole);
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_format(&conf, &text, &err), 0);
	assert_int_equal(buf_text(&text)[0], '#');
	assert_string_equal(strstr(buf_text(&text), "tenant"), whole);
}

static void defaults_fill_only_what_is_not_set(void **state)
{
	AUTO_CONF conf = parsed("shell /bin/zsh\nrole_backend static\n");
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_defaults(&conf, &err), 0);
	assert_string_equal(conf.shell, "/bin/zsh");
	assert_int_equal(conf.role_backend, BACKEND_STATIC);
	assert_string_equal(conf.imds, "http://169.254.169.254");
	assert_string_equal(conf.user_domains, "*");
	assert_string_equal(conf.home_template, "/home/%u");
	assert_string_equal(conf.admin_group, "aad_admins");
	assert_string_equal(conf.log_level, "info");
	assert_int_equal(conf.uid_first, 10000000);
	assert_int_equal(conf.uid_last, 99999999);
	assert_int_equal(conf.authorized_keys, AUTHORIZED_KEYS_NONE);
	assert_null(conf.tenant);
}

static void the_defaults_are_a_file_too(void **state)
{
	AUTO_CONF conf = {0};
	AUTO_CONF again = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_defaults(&conf, &err), 0);
	assert_int_equal(conf_format(&conf, &text, &err), 0);
	assert_int_equal(conf_parse(buf_bytes(&text), "conf", &again, &err), 0);
	assert_int_equal(again.role_backend, BACKEND_ARM);
	assert_string_equal(again.shell, "/bin/bash");
}

static void each_backend_has_its_name(void **state)
{
	static const char *const names[] = {
		[BACKEND_ARM] = "arm",
		[BACKEND_STATIC] = "static",
		[BACKEND_CHECKACCESS] = "checkaccess",
		[BACKEND_PDP] = "pdp",
	};

	(void)state;
	for (size_t i = BACKEND_ARM; i < ARRAY_LEN(names); i++) {
		AUTO_CONF conf = {0};
		AUTO_BUF text = {0};
		struct err err = {0};

		buf_printf(&text, "role_backend %s\n", names[i]);
		assert_int_equal(conf_parse(buf_bytes(&text), "conf", &conf, &err), 0);
		assert_int_equal(conf.role_backend, i);
		assert_string_equal(conf_backend_name((enum role_backend)i), names[i]);
		assert_int_equal(conf_format(&conf, &text, &err), 0);
		assert_non_null(strstr(strchr(buf_text(&text), '#'), names[i]));
	}
	assert_string_equal(conf_backend_name(BACKEND_NONE), "none");
	assert_string_equal(conf_backend_name((enum role_backend)17), "none");
}

static void a_second_file_replaces_values(void **state)
{
	AUTO_CONF conf = parsed("proxy http://a:1\nshell /bin/sh\n");
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_parse(SPAN_LIT("proxy http://u:p@b:2\n"), "secret", &conf, &err), 0);
	assert_string_equal(conf.proxy, "http://u:p@b:2");
	assert_string_equal(conf.shell, "/bin/sh");
}

static void the_service_that_was_named_last_is_the_one(void **state)
{
	AUTO_CONF conf = parsed("imds http://169.254.169.254\n");
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		conf_parse(SPAN_LIT("himds http://127.0.0.1:40342\n"), "args", &conf, &err), 0);
	assert_int_equal(conf_defaults(&conf, &err), 0);
	assert_null(conf.imds);
	assert_string_equal(conf.himds, "http://127.0.0.1:40342");
	assert_int_equal(conf_format(&conf, &text, &err), 0);
	assert_non_null(strstr(buf_text(&text), "\nhimds http://127.0.0.1:40342\n"));
	assert_null(strstr(buf_text(&text), "\nimds "));
	assert_int_equal(conf_parse(SPAN_LIT("imds http://169.254.169.254\n"), "args", &conf, &err),
			 0);
	assert_null(conf.himds);
	assert_string_equal(conf.imds, "http://169.254.169.254");
}

static void a_proxy_with_a_user_is_not_written(void **state)
{
	AUTO_CONF conf = parsed("proxy http://user:secret@proxy:3128\n");
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_format(&conf, &text, &err), 0);
	assert_null(strstr(buf_text(&text), "secret"));
}

static void blank_lines_comments_and_odd_spacing_are_passed(void **state)
{
	AUTO_CONF conf =
		parsed("\n  # shell /bin/no\n\t\r\n  shell \t /bin/sh  \r\n#\nlog_level error");

	(void)state;
	assert_string_equal(conf.shell, "/bin/sh");
	assert_string_equal(conf.log_level, "error");
}

/* clang-format off */
static const struct bad {
	const char *name, *text, *message;
} bad[] = {
	{"an_unknown_keyword", "\nshel /bin/sh\n", "conf, line 2: unknown keyword shel"},
	{"a_repeated_keyword", "shell /bin/sh\nshell /bin/sh\n", "conf, line 2: shell is set twice"},
	{"a_keyword_alone", "shell\n", "line 1: shell must be an absolute path"},
	{"a_control_character", "no_proxy a\x1b[0m\n", "no_proxy must be"},
	{"a_tenant_in_capitals", "tenant 72F988BF-86F1-41AF-91AB-2D7CD011DB47\n", "tenant must be"},
	{"a_tenant_name", "tenant contoso.com\n", "tenant must be"},
	{"two_tenants", "tenant " TENANT " " OTHER "\n", "tenant must be"},
	{"a_list_with_a_name", "allowed_tenants " TENANT " x\n", "allowed_tenants must be"},
	{"a_cloud_with_a_path", "cloud a/b\n", "cloud must be"},
	{"an_authority_without_tls", "authority http://login.x\n", "authority must be https://"},
	{"an_authority_with_a_user", "authority https://a@login.x\n", "authority must be"},
	{"an_authority_with_a_path", "authority https://login.x/y\n", "authority must be"},
	{"an_authority_without_a_host", "authority https://\n", "authority must be"},
	{"a_manager_without_tls", "resource_manager http://x\n", "resource_manager must be"},
	{"a_resource_id_elsewhere", "resource_id /providers/x\n", "resource_id must be"},
	{"a_resource_id_with_dots", "resource_id /subscriptions/../x\n", "resource_id must be"},
	{"a_resource_id_with_a_query", "resource_id /subscriptions/x?y\n", "resource_id must be"},
	{"a_resource_id_with_a_blank", "resource_id /subscriptions/x y\n", "resource_id must be"},
	{"imds_without_a_scheme", "imds 169.254.169.254\n", "imds must be"},
	{"himds_by_name", "himds http://localhost:40342\n", "himds must be"},
	{"himds_on_another_machine", "himds http://169.254.169.254:80\n", "himds must be"},
	{"himds_behind_imds", "imds http://169.254.169.254\nhimds http://127.0.0.1:40342\n", "himds stands beside imds"},
	{"himds_before_imds", "himds http://127.0.0.1:40342\nimds http://169.254.169.254\n", "imds stands beside himds"},
	{"imds_with_another_scheme", "imds ftp://169.254.169.254\n", "imds must be"},
	{"a_domain_in_capitals", "user_domains Contoso.com\n", "user_domains must be"},
	{"a_range_turned_round", "uid_range 90000-70000\n", "uid_range must be"},
	{"a_template_without_name", "home_template /home\n", "home_template must be"},
	{"a_relative_shell", "shell bash\n", "shell must be"},
	{"a_shell_with_dots", "shell /bin/../bin/sh\n", "shell must be"},
	{"an_unknown_backend", "role_backend pas\n", "role_backend must be arm, checkaccess, pdp or static"},
	{"no_backend_by_name", "role_backend none\n", "role_backend must be"},
	{"a_pdp_without_tls", "pdp http://westeurope.authorization.azure.net\n", "pdp must be"},
	{"a_pdp_with_a_path", "pdp https://westeurope.authorization.azure.net/x\n", "pdp must be"},
	{"a_pdp_with_a_user", "pdp https://u@westeurope.authorization.azure.net\n", "pdp must be"},
	{"a_pdp_without_a_region", "pdp https://.authorization.azure.net\n", "pdp must be"},
	{"a_pdp_of_one_label", "pdp https://westeurope\n", "pdp must be"},
	{"a_pdp_of_a_region_alone", "pdp https://westeurope.\n", "pdp must be"},
	{"a_pdp_with_two_dots", "pdp https://westeurope..azure.net\n", "pdp must be"},
	{"a_relative_roles_file", "roles_file roles\n", "roles_file must be"},
	{"a_keys_file_with_dots", "keys_file /etc/../x\n", "keys_file must be"},
	{"a_relative_bundle", "ca_bundle ca.pem\n", "ca_bundle must be"},
	{"another_word_for_keys", "authorized_keys yes\n", "authorized_keys must be none or keep"},
	{"a_local_admin_group", "admin_group sudo\n", "admin_group must be"},
	{"a_grace_over_a_day", "offline_grace 86401\n", "offline_grace must be"},
	{"a_grace_that_is_no_number", "offline_grace 1h\n", "offline_grace must be"},
	{"an_unknown_level", "log_level loud\n", "log_level must be"},
	{"another_word_for_metrics", "metrics yes\n", "metrics must be on or off"},
	{"a_proxy_with_a_blank", "proxy http://a b\n", "proxy must be"},
	{"a_socks_proxy", "proxy socks5://a\n", "proxy must be"},
};

static const struct range {
	const char *name, *text;
	uint32_t first, last; /* 0: refused */
} ranges[] = {
	{"the_default_range", "10000000-99999999", 10000000, 99999999},
	{"the_widest_range", "65536-2147483647", 65536, 2147483647},
	{"the_smallest_range", "65536-66559", 65536, 66559},
	{"one_id_too_few", "65536-66558", 0, 0},
	{"an_id_of_the_system", "65535-99999", 0, 0},
	{"an_id_too_high", "65536-2147483648", 0, 0},
	{"no_dash", "65536", 0, 0},
	{"no_first", "-99999", 0, 0},
	{"no_last", "65536-", 0, 0},
	{"two_dashes", "65536--99999", 0, 0},
	{"blanks_around_the_dash", "65536 - 99999", 0, 0},
	{"no_range", "", 0, 0},
};
/* clang-format on */

static void is_refused_with_its_line(void **state)
{
	const struct bad *row = *state;
	AUTO_CONF conf = {0};
	struct err err = {0};

	assert_int_equal(conf_parse(span_of(row->text), "conf", &conf, &err), -EINVAL);
	if (!strstr(err.msg, row->message))
		fail_msg("\"%s\" lacks \"%s\"", err.msg, row->message);
}

static void range(void **state)
{
	const struct range *row = *state;
	uint32_t first = 0, last = 0;

	assert_int_equal(conf_uid_range(span_of(row->text), &first, &last), row->first != 0);
	assert_int_equal(first, row->first);
	assert_int_equal(last, row->last);
}

static void a_NUL_is_refused(void **state)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_parse(SPAN_LIT("shell /bin/sh\0x\n"), "conf", &conf, &err), -EINVAL);
	assert_int_equal(conf_parse(SPAN_LIT("she\0l /bin/sh\n"), "conf", &conf, &err), -EINVAL);
}

static void the_longest_line_is_taken_and_one_more_byte_is_not(void **state)
{
	char text[CONF_LINE_MAX + 3] = "no_proxy ";
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)state;
	memset(text + strlen(text), 'x', CONF_LINE_MAX + 1 - strlen(text));
	text[CONF_LINE_MAX + 1] = '\n';
	assert_int_equal(conf_parse(span_of(text), "conf", &conf, &err), -EINVAL);
	text[CONF_LINE_MAX] = '\n';
	text[CONF_LINE_MAX + 1] = '\0';
	assert_int_equal(conf_parse(span_of(text), "conf", &conf, &err), 0);
}

static void a_secret_is_in_no_message(void **state)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(conf_parse(SPAN_LIT("proxy ftp://u:hunter2@b\n"), "s", &conf, &err),
			 -EINVAL);
	assert_null(strstr(err.msg, "hunter2"));
}

/* Settings come from outside: a value must not become a line of its own. */
static void a_value_that_would_be_refused_is_not_written(void **state)
{
	static char two_lines[] = "a\nroles_file /tmp/roles", broken[] = "http://a\nshell",
		    padded[] = "/bin/sh ", relative[] = "sh", none[] = "";
	struct conf wrong[] = {
		{.no_proxy = two_lines}, {.proxy = broken},  {.shell = padded},
		{.shell = relative},     {.no_proxy = none},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		AUTO_BUF text = {0};
		struct err err = {0};

		assert_int_equal(conf_format(&wrong[i], &text, &err), -EINVAL);
	}
}

static void tenants_are_the_own_and_the_allowed(void **state)
{
	AUTO_CONF conf = parsed("tenant " TENANT "\nallowed_tenants " OTHER " " THIRD "\n");
	AUTO_CONF none = {0};

	(void)state;
	assert_true(conf_tenant_allowed(&conf, TENANT));
	assert_true(conf_tenant_allowed(&conf, OTHER));
	assert_true(conf_tenant_allowed(&conf, THIRD));
	assert_false(conf_tenant_allowed(&conf, "00000000-0000-0000-0000-000000000000"));
	assert_false(conf_tenant_allowed(&conf, ""));
	assert_false(conf_tenant_allowed(&none, TENANT));
	assert_false(conf_tenant_allowed(&none, ""));
}

static void lines_are_read_one_by_one(void **state)
{
	struct span text = SPAN_LIT("# x\na  b c \n\nd\n"), keyword, value;

	(void)state;
	assert_true(conf_next(&text, &keyword, &value));
	assert_true(span_is(keyword, "a"));
	assert_true(span_is(value, "b c"));
	assert_true(conf_next(&text, &keyword, &value));
	assert_true(span_is(keyword, "d"));
	assert_int_equal(value.len, 0);
	assert_false(conf_next(&text, &keyword, &value));
}

/* Each allocation in turn fails; see -Wl,--wrap=malloc. */
static int allocations_left = -1;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return __real_malloc(size);
}

static void a_failed_allocation_is_told(void **state)
{
	int failures = 0, r = -ENOMEM;

	(void)state;
	for (int n = 0; r == -ENOMEM; n++) {
		AUTO_CONF conf = {0};
		struct err err = {0};

		allocations_left = n;
		r = conf_parse(span_of(whole), "conf", &conf, &err);
		if (r == 0) {
			free(conf.shell);
			conf.shell = NULL;
			allocations_left = 0;
			assert_int_equal(conf_defaults(&conf, &err), -ENOMEM);
		}
		allocations_left = -1;
		failures += r == -ENOMEM;
	}
	assert_int_equal(r, 0);
	assert_int_equal(failures, 18); /* a string each */
}

#define ROWS(rows, test, tests, n)                                                                 \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)                                               \
		(tests)[(n)++] = (struct CMUnitTest)                                               \
		{                                                                                  \
			.name = (rows)[i].name, .test_func = (test),                               \
			.initial_state = (void *)(uintptr_t) & (rows)[i]                           \
		}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_keyword_is_taken),
		cmocka_unit_test(what_is_written_is_what_was_read),
		cmocka_unit_test(defaults_fill_only_what_is_not_set),
		cmocka_unit_test(the_defaults_are_a_file_too),
		cmocka_unit_test(each_backend_has_its_name),
		cmocka_unit_test(a_second_file_replaces_values),
		cmocka_unit_test(the_service_that_was_named_last_is_the_one),
		cmocka_unit_test(a_proxy_with_a_user_is_not_written),
		cmocka_unit_test(blank_lines_comments_and_odd_spacing_are_passed),
		cmocka_unit_test(a_NUL_is_refused),
		cmocka_unit_test(the_longest_line_is_taken_and_one_more_byte_is_not),
		cmocka_unit_test(a_secret_is_in_no_message),
		cmocka_unit_test(a_value_that_would_be_refused_is_not_written),
		cmocka_unit_test(tenants_are_the_own_and_the_allowed),
		cmocka_unit_test(lines_are_read_one_by_one),
		cmocka_unit_test(a_failed_allocation_is_told),
	};
	struct CMUnitTest rows[ARRAY_LEN(bad) + ARRAY_LEN(ranges)] = {{.name = NULL}};
	size_t n = 0;

	ROWS(bad, is_refused_with_its_line, rows, n);
	ROWS(ranges, range, rows, n);
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", rows, NULL, NULL);
}
