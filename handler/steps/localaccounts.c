/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"

#define LIST_ROOM 130 /* bytes for the first findings in a note */

/* An enable follows an install, and looks. */
static bool applies(const struct machine *m)
{
	return m->extension && m->extension->settings->approved_local_accounts && !m->backend_later;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)m;
	(void)want;
	(void)ret;
	(void)err;
	return 0;
}

/* Once for both steps. */
static int look(struct machine *m, struct err *err)
{
	struct extension *extension = m->extension;
	const char *approved = extension->settings->approved_local_accounts;

	if (!extension->looked && localaccounts_look(m, approved, &extension->local, err) < 0)
		return -err->code;
	extension->looked = true;
	return 0;
}

/* The lines that fit, but always the first, and how many more there are. */
static void digest(struct span lines, size_t count, char ret[LIST_ROOM + 40])
{
	struct span line;
	size_t told = 0, len = 0;

	for (; span_line(&lines, &line) && (told == 0 || len + line.len + 2 < LIST_ROOM); told++) {
		const size_t room = LIST_ROOM - len;

		len += (size_t)snprintf(ret + len, room, "%s%.*s", told ? "; " : "",
					(int)(line.len < room - 1 ? line.len : room - 1),
					(const char *)line.p);
	}
	if (told < count)
		(void)snprintf(ret + len, 40, "; and %zu more", count - told);
}

static void note(struct machine *m, enum localaccounts_finding finding, const char *what,
		 const char *remedy)
{
	char first[LIST_ROOM + 40] = "", time[TIME_TEXT_SIZE];
	AUTO_BUF lines = {0};
	size_t count = localaccounts_list(&m->extension->local, finding, &lines);

	if (count == 0)
		return;
	digest(buf_bytes(&lines), count, first);
	time_text(sys_realtime_s(m->sys), time);
	machine_note(m, "%zu %s, seen %s: %s. %s", count, what, time, first, remedy);
}

/* Whatever is found or cannot be is worth a warning, and never stops anything. */
static int prove(struct machine *m, enum localaccounts_finding finding, const char *what,
		 const char *remedy)
{
	struct err err = {0}, ignored;

	if (look(m, &err) < 0) {
		machine_note(m, "the local accounts could not be looked at: %s", err.msg);
	} else {
		note(m, finding, what, remedy);
		if (finding == FINDING_ACCOUNTS)
			note(m, FINDING_UNSEEN, "could not be looked at",
			     "aadssh-handler check names all");
	}
	(void)fs_sure(m->sys, &ignored);
	return 0;
}

static int prove_accounts(struct machine *m, struct err *err)
{
	(void)err;
	return prove(m, FINDING_ACCOUNTS, "not in approvedLocalAccounts can sign in",
		     "Name them there, or take away what lets them in; aadssh-handler check names "
		     "all");
}

static int prove_keys(struct machine *m, struct err *err)
{
	(void)err;
	return prove(m, FINDING_KEYS, "keys of kinds that Azure does not support",
		     "Replace them by RSA of 2048 bits or more, or Ed25519; aadssh-handler check "
		     "names all");
}

const struct step step_local_accounts = {
	.name = "local-accounts",
	.purpose = "local accounts that let somebody in are approved",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
	.prove = prove_accounts,
	.applies = applies,
};

const struct step step_authorized_keys = {
	.name = "authorized-keys",
	.purpose = "keys of local accounts are of kinds that Azure supports",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
	.prove = prove_keys,
	.applies = applies,
};
