/* SPDX-License-Identifier: MIT */
/*
 * spawn RUNS UID GID [NAME=VALUE...] COMMAND [ARGUMENT...]: run a command one time after the other.
 * Prints "NANOSECONDS PEAK_KB STATUS" a run, an empty line, and what the last run printed.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/bench/child.h"

int main(int argc, char **argv)
{
	static struct child child;

	if (argc < 5)
		return 2;
	for (long left = atol(argv[1]); left > 0; left--) {
		if (child_run((uid_t)atol(argv[2]), (gid_t)atol(argv[3]), argv + 4, &child) < 0)
			return EXIT_FAILURE;
		(void)printf("%lld %ld %d\n", (long long)child.ns, child.peak_kb, child.status);
	}
	(void)printf("\n%.*s", (int)child.len, child.output);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
