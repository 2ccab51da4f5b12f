/* SPDX-License-Identifier: MIT */
/* A package file: every path that comes out is absolute and leads where it says. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handler/packed.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int check(const struct packed_file *file, void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	if (file->path[0] != '/' || strstr(file->path, "/../") || strstr(file->path, "//") ||
	    !(S_ISREG(file->mode) || S_ISDIR(file->mode) || S_ISLNK(file->mode)) ||
	    file->size > PACKED_BYTES_MAX || S_ISLNK(file->mode) != (file->target[0] != '\0'))
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_CLOSE int fd = memfd_create("packed", MFD_CLOEXEC);
	struct err err = {0};

	if (fd < 0 || fs_write_all(fd, (struct span){data, size}) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	if (packed_read(fd, "it", check, NULL, &err) == 0 && err.code)
		abort();
	return 0;
}
