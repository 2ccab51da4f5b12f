/* SPDX-License-Identifier: MIT */
/*
 * Which of the machine's own accounts let somebody in past Entra: those of /etc/passwd that have a
 * password or an authorized key, and a shell that sshd starts.  The setting approvedLocalAccounts
 * names those that are meant; without it nothing is looked at.
 *
 * What counts is what sshd would do, by the settings that `sshd -T -C user=NAME` shows for each
 * account: PubkeyAuthentication, AuthorizedKeysFile, PasswordAuthentication,
 * KbdInteractiveAuthentication, PermitRootLogin, ChrootDirectory, the lists of users and groups,
 * and what is left to an account whose shell refuses (forwarding, sftp inside of sshd).  A password
 * counts for the console too, which Azure offers as a serial one.
 *
 * What does not count: file modes (StrictModes), which an account can change; the options of a
 * key, AuthenticationMethods, host keys and Kerberos; accounts of other sources than /etc/passwd.
 * AuthorizedKeysCommand and TrustedUserCAKeys are named, and not looked into.
 */
#ifndef HANDLER_LOCALACCOUNTS_H
#define HANDLER_LOCALACCOUNTS_H

#include "handler/localkeys.h"
#include "lib/core/localuser.h"
#include "lib/steps/step.h"

#define LOCALACCOUNTS_MAX 256 /* that are looked at; more are counted in unseen */

enum localaccount_way {
	WAY_PASSWORD = 1, /* sshd takes it, and so does the console */
	WAY_CONSOLE = 2, /* a password that only the console takes */
	WAY_EMPTY = 4, /* the password is empty */
	WAY_KEYS = 8,
	WAY_UNSEEN = 16, /* it could not be seen whether there are keys */
	WAY_NO_SHELL = 32, /* beside another: its shell refuses, forwarding or sftp do not */
};

struct localaccount {
	char *name; /* owned */
	uint32_t uid;
	unsigned ways; /* never 0 */
	bool approved;
	struct localkeys keys;
};

/* What was seen.  The accounts stand in the order of /etc/passwd, approved ones too. */
struct localaccounts {
	struct localaccount *list;
	size_t count;
	struct buf unseen; /* what could not be looked at, and why: a line each */
};

#define AUTO_LOCALACCOUNTS __attribute__((cleanup(localaccounts_done))) struct localaccounts
void localaccounts_done(struct localaccounts *accounts);

/*
 * Look.  It takes at most 20 seconds, and never longer than the deadline of m->sys.
 * approved  names separated by blanks
 * The failures of fs_read for /etc/passwd and /etc/shadow; -ENOMEM.
 */
int localaccounts_look(struct machine *m, const char *approved, struct localaccounts *ret,
		       struct err *err);

enum localaccounts_finding {
	FINDING_ACCOUNTS, /* that are not approved: "bob (uid 1001): password, 2 keys" */
	/*
	 * Keys of kinds that Azure does not support, of any account that can sign in:
	 * "/root/.ssh/authorized_keys, line 2: ECDSA of 256 bits, SHA256:..."
	 */
	FINDING_KEYS,
	FINDING_UNSEEN, /* "bob: /home/bob/.ssh/authorized_keys: too large" */
};

/* Add what was found, a line each.  Returns how many; memory: see buf_ok. */
size_t localaccounts_list(const struct localaccounts *accounts, enum localaccounts_finding finding,
			  struct buf *ret);

#endif
