/* SPDX-License-Identifier: MIT */
/* A certificate's file, as it is given to explain: text of any kind. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/core/reason.h"
#include "payload/login/certfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	AUTO_BUF blob = {0};
	int r = certfile_decode((struct span){data, size}, &blob, &err);

	/* Base64 grows, and a refusal says why. */
	if (r == 0 ? blob.len > CERTFILE_MAX : err.reason == REASON_NONE && err.code != ENOMEM)
		abort();
	return 0;
}
