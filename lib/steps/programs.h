/* SPDX-License-Identifier: MIT */
/* What sshd and sudo say of themselves, for the steps. */
#ifndef STEPS_PROGRAMS_H
#define STEPS_PROGRAMS_H

#include "lib/core/sudoers.h"
#include "lib/steps/step.h"

#define SSHD_PROGRAM "/usr/sbin/sshd"
#define VISUDO_PROGRAM "/usr/sbin/visudo"

/* What somebody may call to act as root; the first that is there is the one called sudo. */
struct sudo_program {
	const char *path, *visudo;
};

#define SUDO_PROGRAMS 3
extern const struct sudo_program sudo_programs[SUDO_PROGRAMS];

/*
 * Every question to sshd ends with outcome EXIT_DEPENDENCY when there is no sshd, and with
 * EXIT_SSHD and sshd's own words when it refuses (-EINVAL).
 *
 * sshd_test: check a configuration; candidate NULL is the one in force.
 * sshd_show: all settings as they are for a user who comes from this machine, a line each.  It
 *            refuses what sshd_test refuses: sshd checks all before it shows anything.
 */
int sshd_test(struct machine *m, const struct span *candidate, struct err *err);
int sshd_show(struct machine *m, const struct span *candidate, const char *user, struct buf *ret,
	      struct err *err);

/*
 * Which OpenSSH it is: 7.4 is 704.  Asked once, since no step puts another there.  -EBADMSG when
 * it does not say; the errors of proc_run.
 */
int sshd_release(struct machine *m, unsigned *ret, struct err *err);

/* The name to ask with: of ours, and nobody's. */
int machine_probe(const struct machine *m, char *ret, size_t size, struct err *err);

/*
 * Ask `sudo -V`, and read all files of sudoers: the answer holds for root, and they may say
 * otherwise for some.  *ret_present false: it is not there, or is sudo-rs without a main file,
 * which lets nobody do anything.  output holds what facts borrows. -EPERM, with the file and the
 * line, when somewhere sudo is told not to ask PAM for us, or in a file that cannot be told from
 * its name; -E2BIG for too many files.  A file that is not there is passed over, as by sudo.
 */
int sudo_ask(struct machine *m, const struct sudo_program *program, bool *ret_present,
	     struct buf *output, struct sudo_facts *ret, struct err *err);

#endif
