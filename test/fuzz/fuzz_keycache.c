/* SPDX-License-Identifier: MIT */
/* The cache of signing keys: what is read can be written, and is read as the same keys. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/keycache.h"

#define TENANT "0b9c7c11-5f3e-4d52-a6b8-7e9d3c2f1a44"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct jwks *a, const struct jwks *b)
{
	if (a->count != b->count || a->count == 0)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!span_eq((struct span){a->keys[i].blob, a->keys[i].len},
			     (struct span){b->keys[i].blob, b->keys[i].len}))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char authority[] = "https://login.example";
	const struct conf conf = {.authority = authority};
	AUTO_KEYCACHE cache = {0};
	AUTO_KEYCACHE again = {0};
	AUTO_BUF text = {0};
	struct err err = {0};

	if (keycache_parse((struct span){data, size}, &conf, TENANT, &cache, &err) < 0)
		return 0;
	if (keycache_format(&cache, &conf, TENANT, &text, &err) < 0 ||
	    keycache_parse(buf_bytes(&text), &conf, TENANT, &again, &err) < 0 ||
	    again.fetched_s != cache.fetched_s || again.expires_s != cache.expires_s ||
	    !same(&again.keys, &cache.keys))
		abort();
	return 0;
}
