/* SPDX-License-Identifier: MIT */
/*
 * Stands in for the fuzzing engine: runs a fuzzer's entry point over its committed corpus,
 * $srcdir/test/data/fuzz/NAME for the program fuzz_NAME, and over every prefix of each input.
 */
#include "config.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)1 << 20)
#define PREFIX_MAX 600 /* every prefix is tried up to here; longer inputs are tried whole */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each try gets memory of exactly its size, so that a sanitizer sees the first byte too many. */
static int try_input(const unsigned char *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	if (!copy)
		return 1;
	memcpy(copy, bytes, len);
	r = LLVMFuzzerTestOneInput(copy, len);
	free(copy);
	return r;
}

static int replay(const char *path)
{
	static unsigned char bytes[INPUT_MAX];
	FILE *file = fopen(path, "rbe");
	size_t len;

	if (!file)
		return 1;
	len = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	for (size_t part = 0; part < len && part < PREFIX_MAX; part++)
		if (try_input(bytes, part))
			return 1;
	return try_input(bytes, len);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strstr(argv[0], "fuzz_");
	char dir[1024], path[2048];
	struct dirent *entry;
	int inputs = 0;
	DIR *corpus;

	(void)argc;
	while (name && strstr(name + 1, "fuzz_"))
		name = strstr(name + 1, "fuzz_");
	if (!name)
		return 1;
	(void)snprintf(dir, sizeof(dir), "%s/test/data/fuzz/%s", srcdir ? srcdir : ".",
		       name + strlen("fuzz_"));
	corpus = opendir(dir);
	if (!corpus) {
		perror(dir);
		return 1;
	}
	while ((entry = readdir(corpus))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (replay(path)) {
			fprintf(stderr, "%s failed\n", path);
			return 1;
		}
		inputs++;
	}
	(void)closedir(corpus);
	printf("%d inputs of %s replayed\n", inputs, dir);
	return inputs == 0;
}
