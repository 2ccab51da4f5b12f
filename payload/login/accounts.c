/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <unistd.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/lock.h"
#include "lib/sys/proc.h"
#include "lib/sys/userindex.h"
#include "payload/login/accounts.h"
#include "payload/login/places.h"

#define LOCK_WAIT_MS 12000 /* many first logins at once; a deadline shortens it */
#define NSCD_TIMEOUT_MS 2000

static int take_lock(struct sys *sys, int wait_ms, struct err *err)
{
	const struct fs_meta meta = {.mode = 0755, .uid = sys->owner, .gid = getegid()};

	/* The package's boot-time directories are not there yet while an image is being built. */
	if (!fs_exists(sys, RUN_DIR) && fs_mkdir(sys, RUN_DIR, &meta, err) < 0)
		return -err->code;
	return lock_take(sys, ACCOUNTS_LOCK, "a change of the accounts", wait_ms, err);
}

int accounts_lock(struct sys *sys, struct err *err)
{
	return take_lock(sys, LOCK_WAIT_MS, err);
}

void accounts_index(struct sys *sys)
{
	AUTO_CLOSE int lock = -1;
	struct err ignored = {0};

	if (userindex_is_current(sys))
		return;
	lock = take_lock(sys, 0, &ignored);
	if (lock >= 0)
		(void)userindex_publish(sys, &ignored);
}

void accounts_changed(struct sys *sys)
{
	static const char *const tables[] = {"passwd", "group"};

	if (!fs_exists(sys, "/run/nscd/socket") && !fs_exists(sys, "/var/run/nscd/socket"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		const char *const argv[] = {"/usr/sbin/nscd", "-i", tables[i], NULL};
		const struct proc_spec spec = {.argv = argv, .timeout_ms = NSCD_TIMEOUT_MS};
		AUTO_PROC result = PROC_RESULT_INIT;
		struct err ignored = {0};

		(void)proc_run(sys, &spec, &result, &ignored);
	}
}
