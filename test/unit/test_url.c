/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/url.h"

#define BASE "https://management.azure.com"

/* clang-format off */
static const struct row {
	const char *url;
	const char *base;
	bool same;
} rows[] = {
	{BASE, BASE, true},
	{BASE "/a?$skiptoken=x%20y#z", BASE, true},
	{BASE "?a", BASE "/", true},
	{"HTTPS://Management.Azure.COM/a", BASE, true},
	{BASE ":443/a", BASE, true},
	{BASE "/a", BASE ":443", true},
	{"https://127.0.0.1:8443/a", "https://127.0.0.1:8443", true},
	{BASE ":4430/a", BASE, false},
	{BASE ":8443/a", BASE, false},
	{"http://management.azure.com/a", BASE, false},
	{BASE "/a", "http://management.azure.com", false},
	{"//management.azure.com/a", BASE, false},
	{"/a", BASE, false},
	{"", BASE, false},
	{"https://", BASE, false},
	{"https://", "https://", false},
	{"https:///a", "https:///a", false},
	{BASE ".evil.example/a", BASE, false},
	{"https://evil.example/" BASE, BASE, false},
	{BASE "@evil.example/a", BASE, false},
	{"https://user@management.azure.com/a", BASE, false},
	{"https://user:pw@management.azure.com/a", BASE, false},
	{BASE "\\@evil.example/a", BASE, false},
	{BASE "/a\\b", BASE, false},
	{BASE "/a b", BASE, false},
	{BASE "/a\r\nHost: evil.example", BASE, false},
	{BASE "/\x80", BASE, false},
	{" " BASE, BASE, false},
	{"https://management.azure.com%2f/a", BASE, false},
	{"https://management.azure.co/a", BASE, false},
	{"https://anagement.azure.com/a", BASE, false},
};
/* clang-format on */

static void leads_back_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (url_same_host(rows[i].url, rows[i].base) != rows[i].same)
			fail_msg("row %zu: %s", i, rows[i].url);
}

static void a_long_url_is_not_followed(void **state)
{
	char url[URL_MAX + 2];

	(void)state;
	memset(url, 'a', sizeof(url) - 1);
	memcpy(url, BASE "/", strlen(BASE "/"));
	url[URL_MAX + 1] = '\0';
	assert_false(url_same_host(url, BASE));
	url[URL_MAX] = '\0';
	assert_true(url_same_host(url, BASE));
}

static void a_path_is_escaped_for_a_url(void **state)
{
	AUTO_BUF url = {0};

	(void)state;
	url_add_path(&url, "/resourceGroups/a(b)_\xc3\xa9 '&?#%/x");
	assert_string_equal(buf_text(&url), "/resourceGroups/a(b)_%C3%A9%20%27%26%3F%23%25/x");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_back_or_not),
		cmocka_unit_test(a_long_url_is_not_followed),
		cmocka_unit_test(a_path_is_escaped_for_a_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
