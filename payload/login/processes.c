/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>

#include "lib/core/num.h"
#include "lib/sys/fs.h"
#include "payload/login/processes.h"

#define STATUS_MAX 65536

/* The line "KEY:\tvalue" of /proc/PID/status. */
static bool find_line(struct span text, const char *key, struct span *ret)
{
	struct span line, word;

	while (span_line(&text, &line)) {
		if (!span_word(&line, &word) || !span_is(word, key))
			continue;
		*ret = span_trim(line);
		return true;
	}
	return false;
}

static bool runs_as(struct span status, uint32_t uid)
{
	struct span ids, word;
	uint64_t id;

	if (!find_line(status, "Uid:", &ids))
		return false;
	while (span_word(&ids, &word))
		if (num_parse(word, UINT32_MAX, &id) && id == uid)
			return true;
	return false;
}

static void add_process(const char *pid, struct span status, struct buf *ret)
{
	struct span name = {0};

	(void)find_line(status, "Name:", &name);
	buf_printf(ret, "%s%s (%.*s)", ret->len ? ", " : "", pid, (int)name.len,
		   name.p ? (const char *)name.p : "");
}

int processes_of(struct sys *sys, uint32_t uid, size_t *ret_count, struct buf *ret, struct err *err)
{
	AUTO_NAMES names = NULL;
	size_t count = 0;
	uint64_t pid;
	int r = fs_list(sys, "/proc", &names, err);

	if (r < 0)
		return r;
	for (size_t i = 0; names[i]; i++) {
		struct err ignored = {0};
		AUTO_BUF status = {0};
		char path[64];

		if (!num_parse(span_of(names[i]), INT32_MAX, &pid))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%s/status", names[i]);
		/* One that cannot be read has ended. */
		if (fs_read(sys, path, 0, STATUS_MAX, &status, NULL, &ignored) < 0 ||
		    !runs_as(buf_bytes(&status), uid))
			continue;
		if (count++ < PROCESSES_NAMED_MAX)
			add_process(names[i], buf_bytes(&status), ret);
	}
	*ret_count = count;
	return buf_ok(ret, err);
}
