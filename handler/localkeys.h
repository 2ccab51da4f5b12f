/* SPDX-License-Identifier: MIT */
/*
 * A look into files of authorized keys, which may be anybody's.
 *
 * MUST:
 *  1. A file is opened as sshd opens it: with the rights of the account, in a child that has no
 *     others and no way out (jail.h).  So a link leads nowhere that its owner could not look, and a
 *     pipe, a device or a dead file server costs time that is bounded.
 *  2. Of an account with uid 0 a file is read by root only where nobody else could have written it.
 *  3. No key leaves the child, only what kind it is, and its fingerprint.
 */
#ifndef HANDLER_LOCALKEYS_H
#define HANDLER_LOCALKEYS_H

#include "lib/core/authkeys.h"
#include "lib/core/buf.h"
#include "lib/sys/sys.h"

#define LOCALKEYS_MAX 1000 /* of one account */

struct localkey {
	char *path; /* owned */
	struct authkey key;
};

struct localkeys {
	struct localkey *list;
	size_t count;
	struct buf unseen; /* files that sshd may take keys from and this could not, a line each */
};

#define AUTO_LOCALKEYS __attribute__((cleanup(localkeys_done))) struct localkeys
void localkeys_done(struct localkeys *keys);

struct localkeys_account {
	uid_t uid;
	gid_t gid;
	bool more_groups; /* it has some, which sshd gives it, and the child does not */
};

/*
 * files  paths, a line each; those after the first 16 are unseen
 * What is no regular file, and what the account itself cannot open, holds no keys for sshd either;
 * what the child may not open is unseen when a further group of the account could.
 * Failures are lines of unseen, with the cause; -ENOMEM alone is returned.
 */
int localkeys_read(struct sys *sys, const struct localkeys_account *account, struct span files,
		   struct localkeys *ret, struct err *err);

/* The form in which the child answers; what is taken is strictly that, *ret unchanged otherwise. */
void localkeys_add_line(size_t file, const struct authkey *key, struct buf *ret);
bool localkeys_take_line(struct span line, size_t *ret_file, struct authkey *ret);

#endif
