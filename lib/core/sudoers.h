/* SPDX-License-Identifier: MIT */
/* sudo: the rule for administrators, and what sudo says of itself.  Source: sudoers(5), sudo(8). */
#ifndef CORE_SUDOERS_H
#define CORE_SUDOERS_H

#include "lib/core/buf.h"

#define SUDOERS_DIR "/etc/sudoers.d"
#define SUDOERS_RULE_PATH SUDOERS_DIR "/aad_admins"

/*
 * The text of SUDOERS_RULE_PATH.  -EINVAL unless name_admin_group_valid (name.h): such names have
 * no character that sudoers wants escaped.  -ENOMEM.
 */
int sudoers_format(const char *admin_group, struct buf *ret, struct err *err);

/* Does the text of the main file read SUDOERS_DIR, by `@includedir` or `#includedir`? */
bool sudoers_includes_dir(struct span text);

/* What `sudo -V` says to root.  Borrowed from its output; what it leaves out has the usual value.
 */
struct sudo_facts {
	struct span main_path; /* /etc/sudoers */
	struct span service; /* PAM service, sudo */
	struct span login_service; /* of `sudo -i`; like service where it is not told */
	bool asks_account; /* the account phase is run: no `Defaults !pam_acct_mgmt` */
};

/*
 * Releases before 1.8.28 cannot leave the account phase out, and sudo-rs tells nothing but its
 * version: both count as asking.
 */
struct sudo_facts sudoers_facts(struct span output);

#endif
