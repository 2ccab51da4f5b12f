/* SPDX-License-Identifier: MIT */
/* What the metadata service answers, to both questions. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/sys/http.h"
#include "lib/sys/imds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span answer;

static int http(struct sys *sys, const struct http_request *requests, size_t count,
		struct http_response *ret, struct err *err)
{
	(void)sys;
	(void)requests;
	(void)count;
	*ret = (struct http_response)HTTP_RESPONSE_INIT;
	ret->status = 200;
	buf_span(&ret->body, answer);
	return buf_ok(&ret->body, err);
}

static int64_t no_time(struct sys *sys)
{
	(void)sys;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sys_ops ops = {.http = http, .boottime_ns = no_time};
	static const struct imds imds = {.base_url = "http://imds"};
	CLEANUP(imds_token_done) struct imds_token token = {0};
	struct sys sys = {.rootfd = -1, .ops = &ops};
	struct imds_instance instance;
	struct err err = {0};

	answer = (struct span){data, size};
	if (imds_instance(&sys, &imds, &instance, &err) == 0 &&
	    strncmp(instance.resource_id, "/subscriptions/", 15) != 0)
		abort();
	if (imds_token(&sys, &imds, "audience", &token, &err) == 0 && !token.text)
		abort();
	return 0;
}
