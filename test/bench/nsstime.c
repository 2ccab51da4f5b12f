/* SPDX-License-Identifier: MIT */
/*
 * nsstime SOURCE RUNS passwd|uid|group|initgroups KEY...: look keys up by the C library, which in
 * this process asks SOURCE alone.  After a first lookup and some more, each run looks up BATCH keys,
 * in turn, or one where that takes long; a key of initgroups is NAME:GID, with the primary group.
 * Prints "first NANOSECONDS FOUND" for the very first lookup, then "NANOSECONDS FOUND" a run:
 * how long one lookup took on the average of the run, and how many of them found something.  Last
 * "peak KB" of this process.
 */
#include "config.h"

#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "test/bench/child.h"

#define BATCH 16
#define WARM 32 /* lookups after the first and before the runs: who asks often gets a copy of ours */
#define SHORT_NS 20000 /* what takes longer is measured one by one */
#define BUFFER_SIZE (1 << 20)
#define GROUPS_MAX 64
#define NAME_SIZE 256

static char buffer[BUFFER_SIZE];

static bool by_name(const char *key)
{
	struct passwd pw, *found = NULL;

	return getpwnam_r(key, &pw, buffer, sizeof(buffer), &found) == 0 && found;
}

static bool by_uid(const char *key)
{
	struct passwd pw, *found = NULL;

	return getpwuid_r((uid_t)strtoul(key, NULL, 10), &pw, buffer, sizeof(buffer), &found) ==
		       0 &&
	       found;
}

static bool by_group(const char *key)
{
	struct group group, *found = NULL;

	return getgrnam_r(key, &group, buffer, sizeof(buffer), &found) == 0 && found;
}

/* NAME:GID; the primary group is always there. */
static bool by_member(const char *key)
{
	size_t len = strcspn(key, ":");
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	char name[NAME_SIZE];

	if (len >= sizeof(name) || !key[len])
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)len, key);
	return getgrouplist(name, (gid_t)strtoul(key + len + 1, NULL, 10), groups, &count) > 1;
}

/* clang-format off */
static const struct {
	const char *name;
	bool (*look_up)(const char *key);
} kinds[] = {
	{"passwd", by_name},
	{"uid", by_uid},
	{"group", by_group},
	{"initgroups", by_member},
};
/* clang-format on */

static void measure(bool (*look_up)(const char *key), int runs, char **keys, int count)
{
	int64_t start_ns = clock_ns();
	bool found = look_up(keys[0]);
	int at = 0, batch;

	(void)printf("first %lld %d\n", (long long)(clock_ns() - start_ns), found);
	for (int i = 0; i < WARM; i++)
		(void)look_up(keys[i % count]);
	start_ns = clock_ns();
	(void)look_up(keys[0]);
	batch = clock_ns() - start_ns < SHORT_NS ? BATCH : 1;
	for (int run = 0; run < runs; run++) {
		int hits = 0;

		start_ns = clock_ns();
		for (int i = 0; i < batch; i++, at = (at + 1) % count)
			hits += look_up(keys[at]);
		(void)printf("%.1f %d\n", (double)(clock_ns() - start_ns) / batch, hits);
	}
}

int main(int argc, char **argv)
{
	static const char *const databases[] = {"passwd", "group", "initgroups"};
	struct rusage usage;

	if (argc < 5)
		return 2;
	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		if (__nss_configure_lookup(databases[i], argv[1]) != 0)
			return EXIT_FAILURE;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(argv[3], kinds[i].name) == 0)
			measure(kinds[i].look_up, atoi(argv[2]), argv + 4, argc - 4);
	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return EXIT_FAILURE;
	(void)printf("peak %ld\n", usage.ru_maxrss);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
