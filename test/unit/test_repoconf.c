/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/repoconf.h"

#define URL "https://packages.example:8443/repos/x"

/* clang-format off */
static const struct check {
	const char *name;
	struct repo repo;
	const char *field; /* that is refused, NULL: none */
} checks[] = {
	{"address_alone", {.url = URL}, NULL},
	{"everything", {.url = "https://[::1]/", .suite = "bookworm", .component = "main",
			.proxy = "http://u:p%40@proxy:3128/", .no_proxy = "a,.b", .token = "u:p"}, NULL},
	{"address_missing", {.url = NULL}, "address"},
	{"address_without_tls", {.url = "http://packages.example/"}, "address"},
	{"address_without_a_host", {.url = "https:///x"}, "address"},
	{"address_with_a_user", {.url = "https://u:p@packages.example/"}, "address"},
	{"address_with_a_query", {.url = "https://packages.example/?x=1"}, "address"},
	{"address_with_a_blank", {.url = "https://packages.example/a b"}, "address"},
	{"address_with_a_variable", {.url = "https://packages.example/$releasever"}, "address"},
	{"address_with_a_new_line", {.url = "https://packages.example/\ngpgcheck=0"}, "address"},
	{"address_with_a_quote", {.url = "https://packages.example/\""}, "address"},
	{"address_with_an_end_of_sentence", {.url = "https://packages.example/;x"}, "address"},
	{"address_with_a_letter_beyond_ascii", {.url = "https://packages.example/\xc3\xa4"}, "address"},
	{"address_with_garbage_after_the_host", {.url = "https://[::1]x/"}, "address"},
	{"suite_with_a_blank", {.url = URL, .suite = "a b"}, "suite"},
	{"component_with_a_new_line", {.url = URL, .component = "a\nb"}, "component"},
	{"proxy_without_a_host", {.url = URL, .proxy = "http://u@"}, "proxy"},
	{"proxy_with_a_path", {.url = URL, .proxy = "http://proxy/x"}, "proxy"},
	{"proxy_of_another_kind", {.url = URL, .proxy = "socks5://proxy"}, "proxy"},
	{"proxy_with_a_quote", {.url = URL, .proxy = "http://u:\"@proxy"}, "proxy"},
	{"proxy_with_an_escaped_new_line", {.url = URL, .proxy = "http://u:%0a@proxy"}, "proxy"},
	{"list_with_a_new_line", {.url = URL, .no_proxy = "a\nb"}, "list of hosts without a proxy"},
	{"token_with_a_new_line", {.url = URL, .token = "a\nb"}, "token"},
	{"token_with_a_hash", {.url = URL, .token = "#a"}, "token"},
	{"token_without_a_user", {.url = URL, .token = ":a"}, "token"},
};

static const struct proxied {
	const char *name;
	const char *url, *no_proxy, *proxy;
} proxies[] = {
	{"no_exceptions", "https://a.b.c/", NULL, "http://p"},
	{"all_hosts", "https://a.b.c/", "*", ""},
	{"this_host", "https://a.b.c/", "x, a.b.c", ""},
	{"this_host_in_other_case", "https://A.b.c/", "a.B.C", ""},
	{"its_domain", "https://a.b.c/", "b.c", ""},
	{"its_domain_with_a_dot", "https://a.b.c:8443/x", ".b.c,", ""},
	{"another_host_with_that_end", "https://xb.c/", "b.c", "http://p"},
	{"another_host", "https://a.b.c/", "a.b,,c.b.a", "http://p"},
	{"an_address", "https://[::1]:1/", "[::1]", ""},
};
/* clang-format on */

static void is_checked(void **state)
{
	const struct check *row = *state;
	struct err err = {0};

	assert_int_equal(repoconf_check(&row->repo, &err), row->field ? -EINVAL : 0);
	if (row->field)
		assert_non_null(strstr(err.msg, row->field));
}

static void is_reached(void **state)
{
	const struct proxied *row = *state;
	const struct repo repo = {.url = row->url, .proxy = "http://p", .no_proxy = row->no_proxy};

	assert_string_equal(repoconf_proxy(&repo), row->proxy);
}

static void apt_is_told_one_repository_and_one_key(void **state)
{
	static const struct {
		struct repo repo;
		const char *line;
	} rows[] = {
		{{.url = URL}, URL "/ ./\n"},
		{{.url = URL "/", .suite = "bookworm"}, URL "/ bookworm main\n"},
		{{.url = URL, .suite = "sid", .component = "x"}, URL "/ sid x\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_BUF text = {0};
		const char *begin = "deb [signed-by=" REPO_DIR "/key.gpg] ";

		repoconf_apt_sources(&rows[i].repo, &text);
		assert_memory_equal(buf_text(&text), begin, strlen(begin));
		assert_string_equal(buf_text(&text) + strlen(begin), rows[i].line);
	}
}

static void apt_gets_the_proxy_and_nothing_of_the_owners(void **state)
{
	const struct repo direct = {.url = URL}, proxied = {.url = URL, .proxy = "http://u:p@h:1"};
	AUTO_BUF text = {0}, other = {0};

	(void)state;
	repoconf_apt(&direct, &text);
	assert_non_null(strstr(buf_text(&text), "Acquire::https::Proxy \"DIRECT\";\n"));
	assert_non_null(strstr(buf_text(&text), "Dir::Etc::parts \"/dev/null\";\n"));
	assert_non_null(strstr(buf_text(&text), "Dir::Etc::main \"/dev/null\";\n"));
	assert_non_null(strstr(buf_text(&text), "AllowInsecureRepositories \"false\";\n"));
	repoconf_apt(&proxied, &other);
	assert_non_null(strstr(buf_text(&other), "Acquire::https::Proxy \"http://u:p@h:1\";\n"));
}

static void a_token_is_for_the_repositorys_host_alone(void **state)
{
	static const struct {
		const char *token, *login;
	} rows[] = {
		{NULL, ""},
		{"", ""},
		{"s3sam", "machine packages.example:8443 login token password s3sam\n"},
		{"u:p:q", "machine packages.example:8443 login u password p:q\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct repo repo = {.url = URL, .token = rows[i].token};
		AUTO_BUF text = {0};

		repoconf_apt_login(&repo, &text);
		assert_string_equal(buf_text(&text), rows[i].login);
	}
}

static void a_proxys_login_is_told_as_each_tool_reads_it(void **state)
{
	const struct repo repo = {
		.url = URL, .proxy = "http://bo%62:p%40%26=%zz@[::1]:3128/", .token = "u:p:q"};
	const struct repo plain = {.url = URL, .proxy = "http://proxy"};
	AUTO_BUF dnf = {0}, zypper = {0}, login = {0}, plain_dnf = {0}, plain_zypper = {0};

	(void)state;
	repoconf_dnf_repo(&repo, &dnf);
	assert_non_null(strstr(buf_text(&dnf), "baseurl=" URL "\n"));
	assert_non_null(strstr(buf_text(&dnf), "proxy=http://[::1]:3128\nproxy_username=bob\n"
					       "proxy_password=p@&=%zz\n"));
	assert_non_null(strstr(buf_text(&dnf), "\nusername=u\npassword=p:q\n"));
	repoconf_zypper_repo(&repo, &zypper);
	assert_non_null(strstr(buf_text(&zypper),
			       "baseurl=" URL "?credentials=" REPO_ID "&proxy=[::1]&proxyport=3128"
			       "&proxyuser=bob&proxypass=p%40%26%3D%25zz\n"));
	repoconf_zypper_login(&repo, &login);
	assert_string_equal(buf_text(&login), "username=u\npassword=p:q\n");
	repoconf_dnf_repo(&plain, &plain_dnf);
	assert_non_null(strstr(buf_text(&plain_dnf), "proxy=http://proxy\n"));
	assert_null(strstr(buf_text(&plain_dnf), "username"));
	repoconf_zypper_repo(&plain, &plain_zypper);
	assert_non_null(strstr(buf_text(&plain_zypper), "baseurl=" URL "?proxy=proxy\n"));
}

static void metadata_must_be_signed_wherever_a_tool_can_look(void **state)
{
	const struct repo repo = {.url = URL};
	AUTO_BUF dnf = {0}, zypper = {0};

	(void)state;
	repoconf_dnf_repo(&repo, &dnf);
	assert_non_null(strstr(buf_text(&dnf), "\nrepo_gpgcheck=1\n"));
	repoconf_zypper_repo(&repo, &zypper);
	assert_non_null(strstr(buf_text(&zypper), "\nrepo_gpgcheck=1\n"));
	assert_non_null(strstr(buf_text(&zypper), "\ngpgcheck=1\n"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(apt_is_told_one_repository_and_one_key),
		cmocka_unit_test(apt_gets_the_proxy_and_nothing_of_the_owners),
		cmocka_unit_test(a_token_is_for_the_repositorys_host_alone),
		cmocka_unit_test(a_proxys_login_is_told_as_each_tool_reads_it),
		cmocka_unit_test(metadata_must_be_signed_wherever_a_tool_can_look),
	};
	struct CMUnitTest check_rows[ARRAY_LEN(checks)] = {{.name = NULL}};
	struct CMUnitTest proxy_rows[ARRAY_LEN(proxies)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		check_rows[i] = (struct CMUnitTest){.name = checks[i].name,
						    .test_func = is_checked,
						    .initial_state = (void *)(uintptr_t)&checks[i]};
	for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
		proxy_rows[i] =
			(struct CMUnitTest){.name = proxies[i].name,
					    .test_func = is_reached,
					    .initial_state = (void *)(uintptr_t)&proxies[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("checks", check_rows, NULL, NULL) ||
	       cmocka_run_group_tests_name("proxies", proxy_rows, NULL, NULL);
}
