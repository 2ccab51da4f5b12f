/* SPDX-License-Identifier: MIT */
/*
 * What other products for the same sign-in leave in files of the machine, as text: the closed
 * product's packages `aadsshlogin` and `aadsshlogin-selinux`, named as ours are, and the older
 * `aadlogin` and `aadlogin-selinux`.  Known of them is what people see on their machines:
 *
 *   sshd_config    at the end, never closed: Match User *@*,????????-????-????-????-????????????
 *                  # Added by aadsshlogin installer, with four lines below it
 *   /etc/pam.d     lines of pam_aad.so of any type, in the service's file or in one that it
 * includes nsswitch.conf  the source `aad`, as ours: see nsswitch.h /etc/group     a line
 * `aad_admins` with the administrators as members /etc/aadpasswd the users: see aadimport.h
 *
 * In what is taken out, no line of the owner's changes what it does.
 */
#ifndef CORE_FOREIGN_H
#define CORE_FOREIGN_H

#include "lib/core/buf.h"

#define OUR_EPOCH                                                                                  \
	"1:" /* of our packages' versions, so that no repository's of the same name replace ours   \
	      */

/* Is this version of a package aadsshlogin or aadsshlogin-selinux the closed product's? */
bool foreign_version(const char *version);

/*
 * ---- sshd_config.  A Match block of theirs has their mark, or asks for keys by their program for
 * names with an `@`.  Blocks of ours are none.
 */

/* The line of the first block of theirs, 0: there is none. */
unsigned foreign_sshd_line(struct span main);

/*
 * Take their blocks out, and what foreign_sshd_close wrote.  Lines of the owner's that ended up in
 * such a block stay in one, without the mark, since they never counted for anybody else;
 * *ret_swallowed is the first such line in main, 0: none.  -ENOMEM.
 */
int foreign_sshd_remove(struct span main, struct buf *ret, unsigned *ret_swallowed,
			struct err *err);

/*
 * Shut the door: nobody whose name has an `@` signs in by any key.  Lines of theirs are replaced in
 * their blocks, which stay theirs; where there is none, one is written at the end.  A text that is
 * shut comes back as it is.  -ENOMEM.
 */
int foreign_sshd_shut(struct span main, struct buf *ret, struct err *err);

/*
 * Close a block of theirs that runs to the end, so that lines which are added later count for
 * everybody: "Match all" as the last line.  A text without such a block comes back as it is.
 * -ENOMEM.
 */
int foreign_sshd_close(struct span main, struct buf *ret, struct err *err);

/*
 * Take out what foreign_sshd_close wrote, and leave their block; but for an end with lines behind
 * it, which would count for their users alone then.  -ENOMEM.
 */
int foreign_sshd_unclose(struct span main, struct buf *ret, struct err *err);

/*
 * ---- PAM: the lines of pam_aad.so, of any type, that are not ours byte for byte.
 */
bool foreign_pam_has(struct span text);

/*
 * Take them out.  A number in the control of an earlier line, which jumps over lines, goes on
 * meaning the same lines.  -ENOTSUP when it cannot be told which they are, since a line between
 * stands for another file's; -ENOMEM.
 */
int foreign_pam_remove(struct span text, struct buf *ret, struct err *err);

/*
 * ---- The rule for administrators: the line of the file that is about somebody else than the group
 * of that name, and so the owner's; 0: there is none.
 */
unsigned foreign_sudoers_owners(struct span text, const char *group);

/* ---- /etc/group: its line of the local group of that name.  *ret borrows. */
bool foreign_group_line(struct span text, const char *group, struct span *ret);

#endif
