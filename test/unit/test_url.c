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

/* clang-format off */
static const struct port_row {
	const char *url;
	uint16_t fallback;
	uint16_t port; /* 0: none can be told */
} port_rows[] = {
	{"https://a", 0, 443},
	{"https://a/b:80", 0, 443},
	{"HTTPS://a:8443/b", 0, 8443},
	{"http://a", 0, 80},
	{"http://a", 1080, 1080},
	{"https://a", 1080, 443},
	{"http://user:1234@a", 1080, 1080},
	{"http://user:1234@a:3128", 1080, 3128},
	{"http://u:p@w@a:3128/", 1080, 3128},
	{"a:3128", 1080, 3128},
	{"a", 1080, 1080},
	{"a", 0, 0},
	{"socks5h://a:1081?x@y:2", 1080, 1081},
	{"http://[fe80::1]", 0, 80},
	{"http://[fe80::1]:81", 0, 81},
	{"http://[fe80::1", 0, 80},
	{"http://a:", 0, 0},
	{"http://a:0", 0, 0},
	{"http://a:65536", 0, 0},
	{"http://a:8o", 0, 0},
	{"", 0, 0},
};
/* clang-format on */

static void tells_the_port(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(port_rows); i++) {
		const struct port_row *row = &port_rows[i];
		uint16_t port = 0;
		bool told = url_port(row->url, row->fallback, &port);

		if (told != (row->port != 0) || (told && port != row->port))
			fail_msg("%s: %d %u", row->url, told, port);
	}
}

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

/* clang-format off */
static const struct loopback_row {
	const char *url;
	unsigned port; /* 0: refused */
} loopback_rows[] = {
	{"http://127.0.0.1:40342", 40342},
	{"http://127.255.0.9:1", 1},
	{"http://127.0.0.1:65535", 65535},
	{"http://127.0.0.1:65536", 0},
	{"http://127.0.0.1:0", 0},
	{"http://127.0.0.1:", 0},
	{"http://127.0.0.1:-1", 0},
	{"http://127.0.0.1", 0},
	{"http://127.0.0.1:40342/", 0},
	{"http://127.0.0.1:40342@evil.example", 0},
	{"http://127.0.0.1.evil.example:40342", 0},
	{"http://127.1:40342", 0},
	{"http://2130706433:40342", 0},
	{"http://0127.0.0.1:40342", 0},
	{"http://0.0.0.0:40342", 0},
	{"http://169.254.169.254:80", 0},
	{"http://128.0.0.1:40342", 0},
	{"http://localhost:40342", 0},
	{"http://[::1]:40342", 0},
	{"https://127.0.0.1:40342", 0},
	{"HTTP://127.0.0.1:40342", 0},
	{"http://u@127.0.0.1:40342", 0},
	{"http://:40342", 0},
	{"127.0.0.1:40342", 0},
	{"http://", 0},
	{"", 0},
};
/* clang-format on */

static void an_address_of_this_machine_alone_is_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(loopback_rows); i++) {
		uint32_t address = 7;
		uint16_t port = 0;

		if (url_loopback(span_of(loopback_rows[i].url), &address, &port) !=
			    (loopback_rows[i].port != 0) ||
		    port != loopback_rows[i].port)
			fail_msg("row %zu: %s", i, loopback_rows[i].url);
	}
}

static void its_address_is_in_the_order_of_the_network(void **state)
{
	static const unsigned char expected[] = {127, 0, 0, 1};
	uint32_t address;
	uint16_t port;

	(void)state;
	assert_true(url_loopback(SPAN_LIT("http://127.0.0.1:80"), &address, &port));
	assert_memory_equal(&address, expected, sizeof(expected));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_port),
		cmocka_unit_test(leads_back_or_not),
		cmocka_unit_test(a_long_url_is_not_followed),
		cmocka_unit_test(a_path_is_escaped_for_a_url),
		cmocka_unit_test(an_address_of_this_machine_alone_is_one),
		cmocka_unit_test(its_address_is_in_the_order_of_the_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
