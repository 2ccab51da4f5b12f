/* SPDX-License-Identifier: MIT */
/* A key set and an OpenID configuration: the same bytes are tried as both. */
#include "config.h"

#include <stdlib.h>

#include "lib/core/jwks.h"
#include "lib/core/url.h"

#define TENANT "0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44"
#define AUTHORITY "https://login.microsoftonline.com"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span text = {data, size};
	AUTO_JWKS set = {0};
	struct err err = {0};
	struct sshrsa key;
	struct openid openid;

	if (jwks_parse(text, TENANT, "microsoftonline.com", &set, &err) == 0) {
		for (size_t i = 0; i < set.count; i++) {
			struct span blob = {set.keys[i].blob, set.keys[i].len};

			if (!sshrsa_parse(blob, &key) || !sshrsa_acceptable(&key) ||
			    !jwks_find(&set, blob))
				abort();
		}
	}
	if (openid_parse(text, TENANT, AUTHORITY, &openid, &err) == 0) {
		if (!url_same_host(openid.jwks_uri, AUTHORITY))
			abort();
		openid_done(&openid);
	}
	return 0;
}
