/* SPDX-License-Identifier: MIT */
/*
 * The programs that the steps ask, for tests: they read the scratch machine's files and answer as
 * the real ones would, as far as the steps look.
 */
#ifndef TEST_FAKEPROGRAMS_H
#define TEST_FAKEPROGRAMS_H

#include <stdbool.h>

#include "lib/core/buf.h"
#include "test/unit/scratch.h"

struct fakeprograms {
	struct buf commands; /* a line each: the arguments without the directory of the program */

	/* sshd */
	bool sshd_missing;
	bool sshd_wants_directory; /* /run/sshd must be there, as on Debian */
	bool sshd_changes_root; /* a candidate shows something else for root */
	bool sshd_overruled; /* somebody else's command wins for our users */
	const char *sshd_penalties; /* its PerSourcePenalties, NULL: a release without it */
	const char *sshd_algorithms; /* what it shows of certificates and signatures */
	const char *sshd_version; /* what -V says */
	const char *pam_service; /* what OpenSSH 10 tells, NULL: it does not */

	const char *sudo; /* what `sudo -V` says */
	const char *sudo_rs; /* what `sudo-rs -V` says */
	const char *visudo; /* what visudo complains of, NULL: nothing */
	const char *getent; /* the line for the probe, NULL: unknown */
	const char *getent_group; /* the line for the group of all users, NULL: unknown */
	const char *key_command; /* what it prints */
	struct buf modules; /* what `semodule -lfull -m` lists; loading and removing change it */
	bool semodule_forgets; /* it reports success and does nothing */
	bool semodule_old; /* before 3.4: it has no hashes */
	const char *wrong_contexts; /* what `restorecon -n -v` says, until it has put them right */
	bool restorecon_forgets, restorecon_fails;
	int semodule_status;
};

extern struct fakeprograms fake;

/* Set usual answers, and the scratch machine to run these programs. */
void fakeprograms_start(struct scratch *scratch);
void fakeprograms_done(void);

/* How many of the commands run so far begin with this text. */
unsigned fakeprograms_count(const char *command);

#endif
