/* SPDX-License-Identifier: MIT */
/* sudo: the rule for administrators, and what sudo says of itself.  Source: sudoers(5), sudo(8). */
#ifndef CORE_SUDOERS_H
#define CORE_SUDOERS_H

#include "lib/core/buf.h"

#define SUDOERS_DIR "/etc/sudoers.d"
#define SUDOERS_RULE_PATH SUDOERS_DIR "/aad_admins"

/*
 * The text of SUDOERS_RULE_PATH; edit: with sudoedit.  -EINVAL unless name_admin_group_valid
 * (name.h): such names have no character that sudoers wants escaped.  -ENOMEM.
 */
int sudoers_format(const char *admin_group, bool edit, struct buf *ret, struct err *err);

/* Does the text of the main file read SUDOERS_DIR, by `@includedir` or `#includedir`? */
bool sudoers_includes_dir(struct span text);

/* What `sudo -V` says to root.  Borrowed from its output; what it leaves out has the usual value.
 */
struct sudo_facts {
	struct span main_path; /* /etc/sudoers; a list with colons as sudo says it */
	struct span service; /* PAM service, sudo */
	struct span login_service; /* of `sudo -i`; like service where it is not told */
	struct span askpass_service; /* of `sudo -A`; likewise */
	bool asks_account; /* the account phase is run: no `Defaults !pam_acct_mgmt` */
	bool names_user; /* PAM is told who runs sudo: no `Defaults !pam_ruser` */
	bool is_rs; /* it is sudo-rs, to which all settings of PAM's in sudoers are unknown */
	bool edits_unasked; /* sudoedit goes without the account phase */
};

/*
 * A flag is told while it is on, so the version says whether a missing line means off: the account
 * phase can be left out from 1.8.28 on, the user from 1.9.0 on (sudoers(5)).  Older releases, and
 * sudo-rs, which tells nothing but its version, count as doing both.  sudo-rs takes the service
 * `sudo`, and for `-i`, as it was built, `sudo-i` or `sudo` (seen on 0.2.15 and on 0.2.5); from
 * 0.2.8 to 0.2.13 it edits unasked (its changelog).
 */
struct sudo_facts sudoers_facts(struct span output);

/* Is it one of the three services that sudo told of? */
bool sudoers_covers(const struct sudo_facts *facts, struct span service);

/*
 * `sudo -V` tells what holds for root, who asks.  What holds for some users, hosts, commands or
 * targets (`Defaults:bob`) stands in the text alone, so the text is searched, whatever the scope,
 * for the settings that decide whether PAM asks us.  When in doubt a setting counts: this may find
 * more than sudo would, never less.
 */
enum sudoers_kind {
	SUDOERS_OFF, /* !name: pam_acct_mgmt or pam_ruser */
	SUDOERS_SERVICE, /* name=value: a service of PAM */
	SUDOERS_FILE, /* name is a file to read too, as it is written */
	SUDOERS_DIRECTORY, /* name is a directory, likewise: see sudoers_skips */
};

struct sudoers_item {
	enum sudoers_kind kind;
	unsigned line; /* from 1 */
	struct span name, value; /* borrowed from the text, without quotes; escapes stay */
};

struct sudoers_reader {
	struct span rest; /* the text, to begin with; the other fields are 0 then */
	unsigned line;
	bool in_defaults;
};

/* The next item.  False at the end of the text. */
bool sudoers_next(struct sudoers_reader *in, struct sudoers_item *ret);

/* Does sudo pass over a file of that name in a directory that it reads? */
bool sudoers_skips(const char *name);

#endif
