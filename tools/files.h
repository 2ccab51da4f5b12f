/* SPDX-License-Identifier: MIT */
/* The files below a folder, in an order that is the same everywhere. */
#ifndef TOOLS_FILES_H
#define TOOLS_FILES_H

#include <stddef.h>

struct files {
	char **names; /* as the folder was named, with "/" and what is below it */
	size_t count;
};

/*
 * Sorted by their bytes.  -1 after it has said on standard error, behind the tool's name, what is
 * not a regular file or cannot be read.  Not for two threads at once.
 */
int files_find(const char *tool, const char *folder, struct files *ret);

void files_done(struct files *files);

/* For qsort, of an array of strings. */
int files_compare(const void *a, const void *b);

#endif
