/* SPDX-License-Identifier: MIT */
/* A token, or, since no engine guesses base64, the payload alone. */
#include "config.h"

#include <stdlib.h>

#include "lib/core/base64.h"
#include "lib/core/claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_token(struct span token)
{
	struct claims claims;
	struct err err = {0};

	if (claims_parse(token, &claims, &err) == 0 &&
	    (!guid_valid(span_of(claims.tid)) || !guid_valid(span_of(claims.oid)) ||
	     !claims.aud[0] || claims.exp_s < 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF token = {0};

	try_token((struct span){data, size});
	buf_str(&token, "e30.");
	base64_encode((struct span){data, size}, &token);
	buf_str(&token, ".c2ln");
	for (size_t i = 0; i < token.len; i++) {
		char c = token.data[i];

		token.data[i] = c == '+' ? '-' : c == '/' ? '_' : c;
	}
	try_token(buf_bytes(&token));
	return 0;
}
