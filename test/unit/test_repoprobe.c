/* SPDX-License-Identifier: MIT */
/* Every way in which a repository can fail to be there, against an HTTP that is only pretended. */
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

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/pgpkey.h"
#include "lib/sys/http.h"
#include "lib/sys/repoprobe.h"

#define URL "https://r.example/apt"
#define PROXY "http://someone:hunter2@p.example:3128"
#define RELEASE "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n"
#define REPOMD "<?xml version=\"1.0\"?>\n<repomd>\n"
/* A key packet of six bytes: version, time, algorithm. */
#define KEY                                                                                        \
	"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmAYEYAAAABY=\n-----END PGP PUBLIC KEY "           \
	"BLOCK-----\n"

static struct {
	int error, status, proxy_status;
	const char *body;
	size_t body_len;
	char url[256], login[64], proxy[128], no_proxy[64];
	size_t body_max;
} http;

static int pretend(struct sys *sys, const struct http_request *requests, size_t count,
		   struct http_response *ret, struct err *err)
{
	(void)sys;
	assert_int_equal(count, 1);
	*ret = (struct http_response)HTTP_RESPONSE_INIT;
	(void)snprintf(http.url, sizeof(http.url), "%s", requests->url);
	(void)snprintf(http.login, sizeof(http.login), "%s", requests->login ?: "");
	(void)snprintf(http.proxy, sizeof(http.proxy), "%s", requests->proxy ?: "");
	(void)snprintf(http.no_proxy, sizeof(http.no_proxy), "%s", requests->no_proxy ?: "");
	http.body_max = requests->body_max;
	ret->proxy_status = http.proxy_status;
	if (http.error == ENOMEM)
		return err_oom(err);
	if (http.error) {
		ret->error = http.error;
		(void)snprintf(ret->cause, sizeof(ret->cause), "curl's words");
		return err_set(err, http.error, "%s: curl's words", requests->url);
	}
	ret->status = http.status;
	buf_add(&ret->body, http.body, http.body_len);
	return 0;
}

static int64_t no_time(struct sys *sys)
{
	(void)sys;
	return 0;
}

static const struct sys_ops ops = {.http = pretend, .boottime_ns = no_time};
static struct sys machine = {.rootfd = -1, .ops = &ops};

static int setup(void **state)
{
	(void)state;
	memset(&http, 0, sizeof(http));
	return 0;
}

static void answer(const char *body)
{
	http.status = 200;
	http.body = body;
	http.body_len = strlen(body);
}

/* clang-format off */
static const struct row {
	const char *name;
	int error, status, proxy_status;
	int r;
	const char *cause, *remedy; /* parts of them */
} rows[] = {
	{"no_dns", ENOENT, 0, 0, -EHOSTUNREACH, "a name is not resolved: curl's words", "DNS"},
	{"no_connection", ECONNREFUSED, 0, 0, -ECONNREFUSED, "no connection: curl's words", "firewall"},
	{"no_tls", EPROTO, 0, 0, -EPROTO, "TLS fails: curl's words", "certificate"},
	{"no_answer", ETIMEDOUT, 0, 0, -ETIMEDOUT, "no answer in time", "firewall"},
	{"too_long", EMSGSIZE, 0, 0, -EMSGSIZE, "the answer is too long", "check the URL"},
	{"cut_short", EIO, 0, 0, -EREMOTEIO, "the transfer fails: curl's words", "try again"},
	{"unauthorized", 0, 401, 0, -EACCES, "(401)", "set repositoryToken"},
	{"forbidden", 0, 403, 0, -EACCES, "it is forbidden (403)", "this machine's address"},
	{"not_found", 0, 404, 0, -EREMOTEIO, "it is not there (404)", "published there"},
	{"moved", 0, 301, 0, -EREMOTEIO, "it leads elsewhere", "set the URL that it leads to"},
	{"broken", 0, 503, 200, -EREMOTEIO, "it is not handed out (503)", "server"},
	{"an_empty_success", 0, 204, 0, -EREMOTEIO, "it is not handed out (204)", "server"},
	{"a_proxy_that_asks_who", EIO, 0, 407, -EACCES, "the proxy wants to know who asks (407)", "protected settings"},
	{"a_proxy_that_forbids", EIO, 0, 403, -EACCES, "it is forbidden (403)", ""},
	{"a_proxy_that_fails", EIO, 0, 502, -EREMOTEIO, "it is not handed out (502 by the proxy)", "server"},
};
/* clang-format on */

static void is_told_apart(void **state)
{
	const struct row *row = *state;
	const struct repo repo = {.url = URL, .proxy = PROXY, .token = "s3cret"};
	struct err err = {0};
	AUTO_BUF key = {0};

	http.error = row->error;
	http.status = row->status;
	http.proxy_status = row->proxy_status;
	assert_int_equal(repoprobe_metadata(&machine, &repo, "deb", &err), row->r);
	assert_int_equal(err.outcome, EXIT_REPOSITORY);
	if (!strstr(err.msg, row->cause) || !strstr(err.remedy, row->remedy))
		fail_msg("%s / %s", err.msg, err.remedy);
	assert_non_null(strstr(err.msg, "the repository's metadata, " URL "/InRelease, through "
					"the proxy http://p.example:3128: "));
	assert_null(strstr(err.msg, "hunter2"));
	assert_null(strstr(err.msg, "s3cret"));
	assert_int_equal(repoprobe_key(&machine, &repo, URL "/key", &key, &err), row->r);
	assert_non_null(strstr(err.msg, "the repository's key, " URL "/key, "));
	assert_int_equal(key.len, 0);
}

static void no_memory_is_no_repositorys_fault(void **state)
{
	const struct repo repo = {.url = URL};
	struct err err = {0};

	(void)state;
	http.error = ENOMEM;
	assert_int_equal(repoprobe_metadata(&machine, &repo, "deb", &err), -ENOMEM);
	assert_int_equal(err.outcome, 0);
}

static void the_metadata_is_asked_for_and_never_the_folder(void **state)
{
	static const struct {
		const char *url, *suite, *type, *body, *asked;
	} cases[] = {
		{URL, NULL, "deb", RELEASE, URL "/InRelease"},
		{URL "//", "", "deb", RELEASE, URL "/InRelease"},
		{URL "/", "bookworm", "deb", RELEASE, URL "/dists/bookworm/InRelease"},
		{URL, NULL, "rpm", REPOMD, URL "/repodata/repomd.xml"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct repo repo = {.url = cases[i].url,
					  .suite = cases[i].suite,
					  .proxy = PROXY,
					  .no_proxy = ".internal",
					  .token = "s3cret"};
		struct err err = {0};

		answer(cases[i].body);
		if (repoprobe_metadata(&machine, &repo, cases[i].type, &err) < 0)
			fail_msg("%s", err.msg);
		assert_string_equal(http.url, cases[i].asked);
		assert_string_equal(http.login, REPO_TOKEN_USER ":s3cret");
		assert_string_equal(http.proxy, PROXY);
		assert_string_equal(http.no_proxy, ".internal");
		assert_true(http.body_max > 0);
	}
}

static void a_page_is_no_metadata(void **state)
{
	const struct repo repo = {.url = URL};
	struct err err = {0};

	(void)state;
	answer("<html>log in first</html>");
	assert_int_equal(repoprobe_metadata(&machine, &repo, "deb", &err), -EBADMSG);
	assert_int_equal(err.outcome, EXIT_REPOSITORY);
	assert_int_equal(repoprobe_metadata(&machine, &repo, "rpm", &err), -EBADMSG);
	answer(RELEASE);
	http.body_len++; /* the NUL */
	assert_int_equal(repoprobe_metadata(&machine, &repo, "deb", &err), -EBADMSG);
}

static void the_key_comes_as_it_is_published(void **state)
{
	const struct repo repo = {.url = URL};
	struct err err = {0};
	AUTO_BUF key = {0};

	(void)state;
	answer(KEY);
	assert_int_equal(repoprobe_key(&machine, &repo, URL "/k.asc", &key, &err), 0);
	assert_string_equal(buf_text(&key), KEY);
	assert_int_equal(http.body_max, PGPKEY_MAX);
}

static void something_else_than_a_key_is_refused(void **state)
{
	static const char *const bodies[] = {"", "<html>",
					     "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
					     "\x94\x06\x04\x60"
					     "aaaa"};
	const struct repo repo = {.url = URL};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct err err = {0};
		AUTO_BUF key = {0};

		answer(bodies[i]);
		assert_int_equal(repoprobe_key(&machine, &repo, URL "/k.asc", &key, &err),
				 -EBADMSG);
		assert_int_equal(err.outcome, EXIT_REPOSITORY);
		assert_int_equal(key.len, 0);
		assert_non_null(strstr(err.msg, "the repository's key, " URL "/k.asc: "));
	}
}

static void the_token_goes_to_the_repositorys_own_host_alone(void **state)
{
	const struct repo repo = {.url = URL, .token = "me:s3cret"};
	struct err err = {0};
	AUTO_BUF key = {0};

	(void)state;
	answer(KEY);
	assert_int_equal(repoprobe_key(&machine, &repo, "https://R.example:443/k", &key, &err), 0);
	assert_string_equal(http.login, "me:s3cret");
	buf_done(&key);
	assert_int_equal(repoprobe_key(&machine, &repo, "https://keys.example/k", &key, &err), 0);
	assert_string_equal(http.login, "");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest plain[] = {
		CASE(no_memory_is_no_repositorys_fault),
		CASE(the_metadata_is_asked_for_and_never_the_folder),
		CASE(a_page_is_no_metadata),
		CASE(the_key_comes_as_it_is_published),
		CASE(something_else_than_a_key_is_refused),
		CASE(the_token_goes_to_the_repositorys_own_host_alone),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){.name = rows[i].name,
					      .test_func = is_told_apart,
					      .setup_func = setup,
					      .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(plain, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
