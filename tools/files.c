/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/files.h"

/* nftw has no argument for its callback. */
static struct files found;
static char *strange; /* what is no regular file */

static int collect(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char **grown;

	(void)at;
	if (type == FTW_D)
		return 0;
	if (type != FTW_F || !S_ISREG(st->st_mode)) {
		strange = strdup(path);
		return -1;
	}
	grown = reallocarray(found.names, found.count + 1, sizeof(*grown));
	if (!grown)
		return -1;
	found.names = grown;
	grown[found.count] = strdup(path);
	return grown[found.count++] ? 0 : -1;
}

int files_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int files_find(const char *tool, const char *folder, struct files *ret)
{
	found = (struct files){.count = 0};
	strange = NULL;
	if (nftw(folder, collect, 16, FTW_PHYS) != 0) {
		fprintf(stderr, "%s: %s %s\n", tool, strange ? strange : folder,
			strange ? "is not a regular file" : strerror(errno));
		free(strange);
		files_done(&found);
		return -1;
	}
	qsort(found.names, found.count, sizeof(*found.names), files_compare);
	*ret = found;
	return 0;
}

void files_done(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->names[i]);
	free(files->names);
	*files = (struct files){.count = 0};
}
