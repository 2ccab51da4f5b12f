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

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/sys/http.h"
#include "test/unit/fakeimds.h"

struct fake_imds fake_imds;

static void base64url(const char *text, struct buf *ret)
{
	AUTO_BUF standard = {0};

	base64_encode(span_of(text), &standard);
	for (const char *c = buf_text(&standard); *c && *c != '='; c++)
		buf_add(ret, *c == '+' ? "-" : *c == '/' ? "_" : c, 1);
}

void fake_imds_token_body(struct buf *ret)
{
	buf_str(ret, "{\"access_token\":\"");
	base64url("{\"alg\":\"RS256\",\"typ\":\"JWT\"}", ret);
	buf_str(ret, ".");
	base64url("{\"aud\":\"ce6ff14a-7fdc-4685-bbe0-f6afdfcfa8e0\",\"exp\":1900000000,"
		  "\"tid\":\"" FAKE_TENANT "\",\"oid\":\"" FAKE_OID "\"}",
		  ret);
	buf_str(ret, ".c2lnbmF0dXJl\",\"expires_on\":\"1900000000\"}");
}

/* The answer for the n-th request, from 0. */
static const struct fake_answer *pick(const struct fake_answer *answer, int n)
{
	for (; answer->times && n >= answer->times; answer++)
		n -= answer->times;
	return answer;
}

static int no_answer(struct http_response *ret, struct err *err)
{
	ret->error = ECONNREFUSED;
	return err_set(err, ECONNREFUSED, "Couldn't connect to server");
}

static int http(struct sys *sys, const struct http_request *requests, size_t count,
		struct http_response *ret, struct err *err)
{
	bool token = strstr(requests->url, "/oauth2/token");
	const struct fake_answer *answer;

	(void)sys;
	assert_int_equal(count, 1);
	assert_string_equal(requests->headers[0], "Metadata: true");
	assert_null(requests->proxy);
	(void)snprintf(fake_imds.last_url, sizeof(fake_imds.last_url), "%s", requests->url);
	(void)snprintf(fake_imds.last_authorization, sizeof(fake_imds.last_authorization), "%s",
		       requests->headers[1] ? requests->headers[1] : "");
	*ret = (struct http_response)HTTP_RESPONSE_INIT;
	if (token && fake_imds.challenge && !requests->headers[1]) {
		fake_imds.challenges++;
		ret->status = 401;
		(void)snprintf(ret->www_authenticate, sizeof(ret->www_authenticate), "%s",
			       fake_imds.challenge);
		return 0;
	}
	answer = token ? pick(fake_imds.token, fake_imds.token_requests++)
		       : pick(fake_imds.instance, fake_imds.instance_requests++);
	if (answer->status == 0)
		return no_answer(ret, err);
	ret->status = answer->status;
	if (answer->retry_after_s)
		ret->retry_after_s = answer->retry_after_s;
	if (answer->body)
		buf_str(&ret->body, answer->body);
	else
		fake_imds_token_body(&ret->body);
	return 0;
}

void fake_imds_arc(struct scratch *scratch)
{
	scratch_write(scratch, "/opt/azcmagent/bin/himds", "", 0755);
	scratch_write(scratch, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0644);
	scratch_write(scratch, "/var/opt/azcmagent/tokens/fake.key", FAKE_KEY, 0640);
	scratch_write(scratch, "/proc/self/net/tcp",
		      "  sl  local_address rem_address   st ...\n"
		      "   0: 0100007F:9D96 00000000:0000 0A 0:0 00:0 0 0 0 1\n",
		      0444);
	fake_imds.challenge = FAKE_CHALLENGE;
}

static int64_t boottime_ns(struct sys *sys)
{
	(void)sys;
	return fake_imds.now_ms * 1000000;
}

static void sleep_ms(struct sys *sys, int64_t ms)
{
	(void)sys;
	fake_imds.now_ms += ms;
}

void fake_imds_install(struct sys_ops *ops)
{
	fake_imds = (struct fake_imds){.now_ms = 1000};
	ops->http = http;
	ops->boottime_ns = boottime_ns;
	ops->sleep_ms = sleep_ms;
}
