/* SPDX-License-Identifier: MIT */
/* A file per role: `fetched <seconds since 1970>`, then the document as it came. */
#include "config.h"

#include <stdio.h>

#include "lib/core/pairs.h"
#include "lib/sys/lock.h"
#include "payload/login/definitions.h"
#include "payload/login/exchange.h"
#include "payload/login/ownfile.h"
#include "payload/login/places.h"

#define DEFINITION_MAX ((size_t)256 << 10)
#define DEFINITION_PATH_SIZE 128
#define LOCK_PATH CACHE_DIR "/role.lock"

static void definition_path(const char *role, char ret[DEFINITION_PATH_SIZE])
{
	(void)snprintf(ret, DEFINITION_PATH_SIZE, CACHE_DIR "/role-%s", role);
}

bool definitions_load(struct sys *sys, const char *role, struct roles *roles)
{
	int64_t fetched_s, now_s = sys_realtime_s(sys);
	size_t before = roles->definition_count;
	char path[DEFINITION_PATH_SIZE];
	struct err ignored = {0};
	AUTO_BUF text = {0};
	struct span rest;

	definition_path(role, path);
	if (ownfile_read(sys, path, DEFINITION_MAX, &text, &ignored) < 0)
		return false;
	rest = buf_bytes(&text);
	return pairs_number(&rest, "fetched", &fetched_s) && fetched_s <= now_s &&
	       now_s - fetched_s < DEFINITIONS_AGE_MAX_S &&
	       roles_add_definition(roles, rest, &ignored) == 0 && roles->definition_count > before;
}

int definitions_lock(struct sys *sys, bool (*known)(void *arg), void *arg)
{
	int64_t wait_ms = sys_left_ms(sys, DEFINITIONS_WAIT_MS + EXCHANGE_RESERVE_MS);
	struct err ignored = {0};
	int lock;

	wait_ms = wait_ms > EXCHANGE_RESERVE_MS ? wait_ms - EXCHANGE_RESERVE_MS : 0;
	lock = lock_take_unless(sys, LOCK_PATH, "a request for role definitions", (int)wait_ms,
				known, arg, &ignored);
	return lock < 0 ? -1 : lock;
}

void definitions_store(struct sys *sys, const char *role, struct span json)
{
	char path[DEFINITION_PATH_SIZE];
	struct err ignored = {0};
	AUTO_BUF text = {0};

	definition_path(role, path);
	buf_printf(&text, "fetched %lld\n", (long long)sys_realtime_s(sys));
	buf_span(&text, json);
	if (!text.failed)
		(void)ownfile_write(sys, path, buf_bytes(&text), &ignored);
}
