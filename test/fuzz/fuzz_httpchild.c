/* SPDX-License-Identifier: MIT */
/*
 * What the child that talks to the network writes to the handler, which is root: one response, or
 * with an odd first byte two.  What is taken is within its bounds, whoever took the child over.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/sys/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 64

static void check(const struct http_response *response)
{
	if (response->status < 0 || response->status > 999 || response->body.len > BODY_MAX ||
	    response->max_age_s < -1 || response->max_age_s > HTTP_AGE_MAX_S ||
	    response->retry_after_s < -1 || response->retry_after_s > HTTP_AGE_MAX_S ||
	    response->date_s < 0 || response->date_s > HTTP_DATE_MAX_S ||
	    !memchr(response->cause, '\0', sizeof(response->cause)) ||
	    !memchr(response->www_authenticate, '\0', sizeof(response->www_authenticate)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct http_request requests[] = {{.url = "http://a/", .body_max = BODY_MAX},
						       {.url = "http://b/", .body_max = BODY_MAX}};
	struct http_response responses[] = {HTTP_RESPONSE_INIT, HTTP_RESPONSE_INIT};
	size_t count = size && data[0] & 1 ? 2 : 1;
	struct err err = {0};
	int r;

	if (size == 0)
		return 0;
	r = http_child_answer((struct span){data + 1, size - 1}, requests, count, responses, &err);
	if (r == 0)
		for (size_t i = 0; i < count; i++)
			check(&responses[i]);
	if (r < 0 && err.code != -r)
		abort();
	for (size_t i = 0; i < count; i++)
		http_response_done(&responses[i]);
	return 0;
}
