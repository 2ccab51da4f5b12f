/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/http.h"

static struct sys machine = SYS_INIT;

/* A server for one connection: it reads the request's head, writes the reply and closes. */
struct server {
	int listener;
	uint16_t port;
	const char *reply; /* NULL: say nothing until the client gives up */
	char request[2048];
	pthread_t thread;
};

static void *serve(void *arg)
{
	struct server *server = arg;
	int fd = accept(server->listener, NULL, NULL);
	size_t len = 0;
	ssize_t n;

	while (len + 1 < sizeof(server->request) && !strstr(server->request, "\r\n\r\n") &&
	       (n = read(fd, server->request + len, sizeof(server->request) - 1 - len)) > 0)
		len += (size_t)n;
	if (server->reply)
		(void)!write(fd, server->reply, strlen(server->reply));
	else
		(void)!read(fd, server->request, 1);
	(void)close(fd);
	return NULL;
}

static void start(struct server *server, const char *reply)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);

	*server = (struct server){.reply = reply};
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(server->listener, 1), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&addr, &len), 0);
	server->port = ntohs(addr.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void end(struct server *server)
{
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	(void)close(server->listener);
}

static int get(struct server *server, struct http_response *ret, struct err *err)
{
	char url[64];
	struct http_request request = {.url = url,
				       .headers = {"Metadata: true"},
				       .timeout_ms = server->reply ? 20000 : 400,
				       .body_max = 16};

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/x?secret=1", server->port);
	return http_get_ok(&machine, &request, ret, err);
}

struct row {
	const char *name;
	const char *reply;
	int r;
	int status;
	int64_t max_age_s, retry_after_s;
	const char *body, *message;
};

/* clang-format off */
static struct row rows[] = {
	{"success with an age",
	 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: private, Max-Age=60\r\n\r\nhi",
	 0, 200, 60, -1, "hi", ""},
	{"slow down",
	 "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
	 -EREMOTEIO, 429, -1, 7, "", "/x answered 429"},
	{"redirects are not followed",
	 "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\nContent-Length: 0\r\n\r\n",
	 -EREMOTEIO, 302, -1, -1, "", "/x answered 302"},
	{"absurd numbers",
	 "HTTP/1.1 200 OK\r\nCache-Control: max-age=99999999999999999999999\r\n"
	 "Retry-After: -4\r\nContent-Length: 0\r\n\r\n",
	 0, 200, -1, -1, "", ""},
	{"too long",
	 "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n12345678901234567",
	 -EMSGSIZE, 0, -1, -1, NULL, "too long"},
	{"truncated",
	 "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
	 -EIO, 0, -1, -1, NULL, "/x: "},
	{"garbage",
	 "garbage\r\n\r\n", -EIO, 0, -1, -1, NULL, "/x: "},
	{"silence",
	 NULL, -ETIMEDOUT, 0, -1, -1, NULL, "/x: "},
};
/* clang-format on */

static void replies_are_judged(void **state)
{
	const struct row *row = *state;
	struct http_response res = HTTP_RESPONSE_INIT;
	struct server server;
	struct err err = {0};

	start(&server, row->reply);
	assert_int_equal(get(&server, &res, &err), row->r);
	end(&server);
	assert_int_equal(res.status, row->status);
	assert_int_equal(res.max_age_s, row->max_age_s);
	assert_int_equal(res.retry_after_s, row->retry_after_s);
	if (row->body)
		assert_string_equal(buf_text(&res.body), row->body);
	assert_non_null(strstr(err.msg, row->message));
	assert_null(strstr(err.msg, "secret"));
	http_response_done(&res);
}

static void the_servers_clock_is_read(void **state)
{
	static const struct {
		const char *reply;
		int64_t date_s;
	} dates[] = {
		{"HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: "
		 "0\r\n\r\n",
		 1700000000},
		{"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n", 0},
		{"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1000 00:00:00 GMT\r\nContent-Length: "
		 "0\r\n\r\n",
		 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
		struct http_response res = HTTP_RESPONSE_INIT;
		struct server server;
		struct err err = {0};

		start(&server, dates[i].reply);
		assert_int_equal(get(&server, &res, &err), 0);
		end(&server);
		assert_int_equal(res.date_s, dates[i].date_s);
		http_response_done(&res);
	}
}

static void proxies_are_judged_as_libcurl_reads_them(void **state)
{
	static const struct {
		const char *url;
		bool valid;
	} proxies[] = {
		{"http://proxy", true},
		{"https://proxy.contoso.com:3128/", true},
		{"http://me:a:b%2F%40@[2001:db8::1]:3128", true},
		{"http://me:a/b@proxy:3128", false},
		{"http://me:80/b@proxy:3128", false},
		{"http://me:a?b@proxy:3128", false},
		{"http://me:1?b@proxy", false},
		{"http://me:1#b@proxy", false},
		{"http://me:a@b@proxy:3128", false},
		{"http://me:%0a@proxy", false},
		{"http://%00:a@proxy", false},
		{"http://proxy:port", false},
		{"http://proxy:70000", false},
		{"http://proxy/path", false},
		{"http://me:a@", false},
		{"proxy", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
		if (http_proxy_valid(proxies[i].url) != proxies[i].valid)
			fail_msg("%s", proxies[i].url);
}

static void the_environments_proxy_is_not_used(void **state)
{
	struct http_response res = HTTP_RESPONSE_INIT;
	struct server server;
	struct err err = {0};

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	start(&server, rows[0].reply);
	assert_int_equal(get(&server, &res, &err), 0);
	end(&server);
	assert_non_null(strstr(server.request, "Metadata: true"));
	http_response_done(&res);
	(void)unsetenv("http_proxy");
	(void)unsetenv("ALL_PROXY");
}

static void a_closed_port_and_an_unknown_name_are_told_apart(void **state)
{
	struct http_request requests[] = {
		{.url = "http://127.0.0.1:1/", .timeout_ms = 20000},
		{.url = "http://name.invalid/", .timeout_ms = 20000},
		{.url = "file:///etc/passwd", .timeout_ms = 20000},
	};
	struct http_response res[3];
	struct err err = {0};

	(void)state;
	assert_int_equal(http_send(&machine, requests, 3, res, &err), -ECONNREFUSED);
	assert_int_equal(res[0].error, ECONNREFUSED);
	assert_int_equal(res[1].error, ENOENT);
	assert_int_equal(res[2].error, EIO);
	for (size_t i = 0; i < ARRAY_LEN(res); i++)
		http_response_done(&res[i]);
}

static void a_login_is_told_to_the_server_alone(void **state)
{
	struct http_response res = HTTP_RESPONSE_INIT;
	struct server server;
	struct err err = {0};
	char url[64];
	const struct http_request request = {
		.url = url, .timeout_ms = 20000, .login = "token:s3:cret"};

	(void)state;
	start(&server, rows[0].reply);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/x", server.port);
	assert_int_equal(http_get_ok(&machine, &request, &res, &err), 0);
	end(&server);
	assert_non_null(strstr(server.request, "Authorization: Basic dG9rZW46czM6Y3JldA==\r\n"));
	http_response_done(&res);
}

/* The way to https leads through CONNECT, and the status of that is no server's. */
static void a_proxy_that_lets_nobody_through_tells_why(void **state)
{
	struct http_response res = HTTP_RESPONSE_INIT;
	struct server server;
	struct err err = {0};
	char proxy[64];
	const struct http_request request = {.url = "https://r.example/x",
					     .timeout_ms = 20000,
					     .login = "token:s3cret",
					     .proxy = proxy};

	(void)state;
	start(&server, "HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n");
	(void)snprintf(proxy, sizeof(proxy), "http://user:pw@127.0.0.1:%u", server.port);
	assert_true(http_get_ok(&machine, &request, &res, &err) < 0);
	end(&server);
	assert_int_equal(res.status, 0);
	assert_int_equal(res.proxy_status, 407);
	assert_non_null(strstr(server.request, "CONNECT r.example:443"));
	assert_non_null(strstr(server.request, "Proxy-Authorization: Basic"));
	assert_null(strstr(server.request, "\nAuthorization:"));
	assert_null(strstr(err.msg, "pw"));
	http_response_done(&res);
}

/* ---- in a child */

static int tell_the_child(const struct http_request *request, struct http_response *ret,
			  struct err *err)
{
	struct sys apart = machine;

	apart.ops = &sys_ops_apart;
	return http_send(&apart, request, 1, ret, err);
}

static void a_child_reaches_the_port_of_its_request(void **state)
{
	CLEANUP(http_response_done) struct http_response res = HTTP_RESPONSE_INIT;
	struct server server;
	struct err err = {0};
	char url[64];
	const struct http_request request = {.url = url, .timeout_ms = 20000};

	(void)state;
	start(&server, "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n"
		       "Content-Length: 0\r\n\r\n");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/x", server.port);
	assert_int_equal(tell_the_child(&request, &res, &err), 0);
	end(&server);
	assert_int_equal(res.status, 401);
	assert_string_equal(res.www_authenticate, "Basic realm=x");
}

/* As the child writes it, see lib/sys/httpchild.c. */
struct answer {
	struct {
		int code;
		char message[ERR_MSG_MAX];
	} verdict;
	struct {
		int status, proxy_status, error;
		char cause[160];
		int64_t max_age_s, retry_after_s, date_s;
		char www_authenticate[256];
		size_t body_len;
	} reply;
	char body[4];
} __attribute__((packed));

static void spoil_code(struct answer *answer)
{
	answer->verdict.code = -1;
}

static void spoil_code_high(struct answer *answer)
{
	answer->verdict.code = 5000;
}

static void spoil_message(struct answer *answer)
{
	memset(answer->verdict.message, 'x', sizeof(answer->verdict.message));
}

static void spoil_status(struct answer *answer)
{
	answer->reply.status = 1000;
}

static void spoil_proxy_status(struct answer *answer)
{
	answer->reply.proxy_status = -1;
}

static void spoil_error(struct answer *answer)
{
	answer->reply.error = -5;
}

static void spoil_success(struct answer *answer)
{
	answer->reply.error = EIO; /* a reply that failed in a batch that did not */
}

static void spoil_cause(struct answer *answer)
{
	memset(answer->reply.cause, 'x', sizeof(answer->reply.cause));
}

static void spoil_age(struct answer *answer)
{
	answer->reply.max_age_s = INT64_MAX;
}

static void spoil_retry(struct answer *answer)
{
	answer->reply.retry_after_s = -2;
}

static void spoil_date(struct answer *answer)
{
	answer->reply.date_s = -1;
}

static void spoil_authenticate(struct answer *answer)
{
	memset(answer->reply.www_authenticate, 'x', sizeof(answer->reply.www_authenticate));
}

static void spoil_length(struct answer *answer)
{
	answer->reply.body_len = 5; /* more than there is */
}

static void spoil_length_short(struct answer *answer)
{
	answer->reply.body_len = 3; /* a byte is left over */
}

static void spoil_length_huge(struct answer *answer)
{
	answer->reply.body_len = SIZE_MAX;
}

static void spoil_length_over(struct answer *answer)
{
	answer->reply.body_len = 4; /* more than the request takes, see below */
	answer->reply.status = 201;
}

static void (*const spoilers[])(struct answer *answer) = {
	spoil_code,         spoil_code_high,    spoil_message,     spoil_status,
	spoil_proxy_status, spoil_error,        spoil_success,     spoil_cause,
	spoil_age,          spoil_retry,        spoil_date,        spoil_authenticate,
	spoil_length,       spoil_length_short, spoil_length_huge, spoil_length_over,
};

static int read_answer(const struct answer *answer, size_t len, size_t body_max_bytes,
		       struct http_response *ret)
{
	const struct http_request request = {.url = "http://a/", .body_max = body_max_bytes};
	struct span bytes = {(const unsigned char *)answer, len};
	struct err err = {0};

	return http_child_answer(bytes, &request, 1, ret, &err);
}

static void what_the_child_writes_beside_the_form_is_refused(void **state)
{
	struct answer answer = {
		.reply = {.status = 200, .max_age_s = -1, .retry_after_s = -1, .body_len = 4},
		.body = {'a', '\0', 'b', 'c'},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoilers); i++) {
		CLEANUP(http_response_done) struct http_response res = HTTP_RESPONSE_INIT;
		struct answer spoilt = answer;

		spoilers[i](&spoilt);
		if (read_answer(&spoilt, sizeof(spoilt), spoilt.reply.status == 201 ? 3 : 4,
				&res) != -EIO)
			fail_msg("row %zu", i);
	}
	for (size_t len = 0; len < sizeof(answer); len++) {
		CLEANUP(http_response_done) struct http_response res = HTTP_RESPONSE_INIT;

		assert_int_equal(read_answer(&answer, len, 4, &res), -EIO);
	}
}

static void what_the_child_writes_is_as_if_it_had_been_sent_here(void **state)
{
	CLEANUP(http_response_done) struct http_response res = HTTP_RESPONSE_INIT;
	CLEANUP(http_response_done) struct http_response failed = HTTP_RESPONSE_INIT;
	struct answer answer = {
		.reply = {.status = 200, .max_age_s = 60, .retry_after_s = -1, .body_len = 4},
		.body = {'a', '\0', 'b', 'c'},
	};

	(void)state;
	assert_int_equal(read_answer(&answer, sizeof(answer), 4, &res), 0);
	assert_int_equal(res.status, 200);
	assert_int_equal(res.max_age_s, 60);
	assert_int_equal(res.body.len, 4);
	assert_memory_equal(res.body.data, "a\0bc", 4);
	answer.verdict.code = answer.reply.error = ECONNREFUSED;
	assert_int_equal(read_answer(&answer, sizeof(answer), 4, &failed), -ECONNREFUSED);
}

int main(void)
{
	static const struct CMUnitTest apart[] = {
		cmocka_unit_test(a_child_reaches_the_port_of_its_request),
		cmocka_unit_test(what_the_child_writes_beside_the_form_is_refused),
		cmocka_unit_test(what_the_child_writes_is_as_if_it_had_been_sent_here),
	};
	struct CMUnitTest tests[ARRAY_LEN(rows) + 6];
	struct err err = {0};
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = replies_are_judged,
					       .initial_state = &rows[i]};
	tests[ARRAY_LEN(rows)] =
		(struct CMUnitTest)cmocka_unit_test(the_environments_proxy_is_not_used);
	tests[ARRAY_LEN(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(
		a_closed_port_and_an_unknown_name_are_told_apart);
	tests[ARRAY_LEN(rows) + 2] =
		(struct CMUnitTest)cmocka_unit_test(a_login_is_told_to_the_server_alone);
	tests[ARRAY_LEN(rows) + 3] =
		(struct CMUnitTest)cmocka_unit_test(a_proxy_that_lets_nobody_through_tells_why);
	tests[ARRAY_LEN(rows) + 4] = (struct CMUnitTest)cmocka_unit_test(the_servers_clock_is_read);
	tests[ARRAY_LEN(rows) + 5] =
		(struct CMUnitTest)cmocka_unit_test(proxies_are_judged_as_libcurl_reads_them);
	if (sys_open(&machine, &err) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	failed += cmocka_run_group_tests_name("in a child", apart, NULL, NULL);
	machine.ops = &sys_ops_apart;
	failed += cmocka_run_group_tests_name("all of it in a child", tests, NULL, NULL);
	sys_done(&machine);
	return failed;
}
