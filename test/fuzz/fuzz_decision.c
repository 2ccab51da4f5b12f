/* SPDX-License-Identifier: MIT */
/* What the unprivileged child says was decided: what is read can be written, and is read as the
 * same. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "payload/login/decision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct verdict *a, const struct verdict *b)
{
	return a->kind == b->kind && strcmp(a->id, b->id) == 0 && strcmp(a->scope, b->scope) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decision decision, again;
	AUTO_BUF text = {0};
	struct err err = {0};

	if (decision_parse((struct span){data, size}, &decision, &err) < 0)
		return 0;
	if (decision_format(&decision, &text, &err) < 0 ||
	    decision_parse(buf_bytes(&text), &again, &err) < 0 ||
	    again.boottime_ns != decision.boottime_ns || again.life_ms != decision.life_ms ||
	    decision.life_ms > DECISION_LIFE_MS || !same(&again.login, &decision.login) ||
	    !same(&again.admin, &decision.admin))
		abort();
	return 0;
}
