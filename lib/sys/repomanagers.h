/* SPDX-License-Identifier: MIT */
/* What differs between the tools that read repositories: a row each.  For repo.c alone. */
#ifndef SYS_REPOMANAGERS_H
#define SYS_REPOMANAGERS_H

#include <stdbool.h>

#include "lib/core/buf.h"
#include "lib/core/repoconf.h"
#include "lib/sys/holder.h"

#define REPO_DOWNLOADS REPO_DIR "/packages"

/* A file that the tool is told by. */
struct repo_file {
	const char *path;
	void (*write)(const struct repo *repo, struct buf *ret);
};

/* Words in what a tool says, and what they mean; the first row that is found counts. */
struct repo_sign {
	const char *words; /* NULL ends a list */
	int code; /* errno value */
};

/* Lists end with NULL.  Commands have an absolute program first. */
struct repo_manager {
	const char *name, *type;
	const char *program;
	const char *sshd; /* what people type for the package that has it */
	struct repo_file files[4];
	const char *key; /* where the key is */
	bool armored;
	const char *folders[8]; /* below REPO_DIR */
	const char *strays[3]; /* what the tool makes outside whatever it is told, a folder's
				  contents first */
	const char *environ[4];
	struct holder_lock locks[2]; /* that reading waits for */

	const char
		*learn[7]; /* make the key known where only this repository looks; may be empty */
	const char *refresh[10];
	const char *versions[12]; /* the package's name follows */
	bool (*parse)(struct span line, struct span *ret); /* the version in a line of that, with or
							      without its release */
	bool ascending; /* lines of it: the oldest first */
	/* A verb and a package follow; verbs are tried until the package was downloaded, since some
	 * have one for each way between versions. */
	const char *fetch[11];
	const char *verbs[4];
	char separator; /* between name and version */
	bool without_epoch;
	const char *downloads; /* the folder, and those below, where packages are then */

	const char *lists; /* where metadata is kept; removed before it is read anew */
	const char *list_suffix; /* of a file that is there when that went well; NULL: the status
				    tells */
	bool checks_package; /* repo.c must check its signature: the tool checks no metadata */
	const struct repo_sign *signs;
};

extern const struct repo_manager repo_managers[];
extern const size_t repo_manager_count;

#endif
