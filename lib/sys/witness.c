/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/sys/fs.h"

/* False when it cannot be told what is there, or whether anything is. */
static bool look(struct sys *sys, const char *path, struct sighting *ret)
{
	struct sighting seen = {0};
	struct stat st;

	*ret = seen;
	/* A path below a link is looked at as the reader followed it: relative to the root. */
	if (fstatat(sys->rootfd, path[1] ? path + 1 : ".", &st, 0) < 0)
		return fs_says_absent(errno);
	seen.exists = true;
	seen.mode = st.st_mode;
	seen.uid = st.st_uid;
	seen.gid = st.st_gid;
	seen.dev = st.st_dev;
	seen.ino = st.st_ino;
	seen.size = (uint64_t)st.st_size;
	seen.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	seen.ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
	*ret = seen;
	return true;
}

void witness_add(struct sys *sys, const char *path, bool shallow)
{
	struct witness *witness = sys->witness;
	struct sighting seen, *grown;

	if (!witness || witness->failed)
		return;
	for (size_t i = 0; i < witness->count; i++) {
		if (strcmp(witness->seen[i].path, path) == 0) {
			witness->seen[i].shallow = witness->seen[i].shallow && shallow;
			return;
		}
	}
	if (!look(sys, path, &seen)) {
		witness->failed = true;
		return;
	}
	/* A live file that comes into being is the runtime's doing. */
	if (shallow && !seen.exists)
		return;
	grown = reallocarray(witness->seen, witness->count + 1, sizeof(*grown));
	if (grown)
		witness->seen = grown;
	seen.shallow = shallow;
	seen.path = grown ? strdup(path) : NULL;
	if (!seen.path) {
		witness->failed = true;
		return;
	}
	witness->seen[witness->count++] = seen;
}

bool witness_same(struct sys *sys, const struct sighting *seen)
{
	struct sighting now;

	if (!look(sys, seen->path, &now) || now.exists != seen->exists || now.mode != seen->mode ||
	    now.uid != seen->uid || now.gid != seen->gid)
		return false;
	return seen->shallow ||
	       (now.dev == seen->dev && now.ino == seen->ino && now.size == seen->size &&
		now.mtime_ns == seen->mtime_ns && now.ctime_ns == seen->ctime_ns);
}

void witness_doubt(struct sys *sys)
{
	if (sys->witness)
		sys->witness->failed = true;
}

void witness_done(struct witness *witness)
{
	for (size_t i = 0; i < witness->count; i++)
		free(witness->seen[i].path);
	free(witness->seen);
	*witness = (struct witness){0};
}
