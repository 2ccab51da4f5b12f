/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "handler/steps/localaccounts.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"

#define LIST_ROOM 130 /* bytes for the first findings in a note */

static bool applies(const struct machine *m)
{
	return m->extension && m->extension->settings->approved_local_accounts &&
	       !m->extension->enable_follows;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)m;
	(void)want;
	(void)ret;
	(void)err;
	return 0;
}

int localaccounts_once(struct machine *m, const struct localaccounts **ret, struct err *err)
{
	struct extension *extension = m->extension;
	const char *approved = extension->settings->approved_local_accounts;

	if (!extension->looked && localaccounts_look(m, approved, &extension->local, err) < 0)
		return -err->code;
	extension->looked = true;
	*ret = &extension->local;
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

static void note(struct machine *m, const struct localaccounts *local,
		 enum localaccounts_finding finding, const char *what, const char *remedy)
{
	char first[LIST_ROOM + 40] = "", time[TIME_TEXT_SIZE];
	AUTO_BUF lines = {0};
	size_t count = localaccounts_list(local, finding, &lines);

	if (count == 0)
		return;
	digest(buf_bytes(&lines), count, first);
	time_text(sys_realtime_s(m->sys), time);
	machine_warn(m, GRAVITY_RISK, "%zu %s, seen %s: %s. %saadssh-handler check names all",
		     count, what, time, first, remedy);
}

/* Whatever is found or cannot be is worth a warning, and never stops anything. */
static int prove(struct machine *m, enum localaccounts_finding finding, const char *what,
		 const char *remedy)
{
	const struct localaccounts *local = NULL;
	struct err err = {0}, ignored;

	if (localaccounts_once(m, &local, &err) < 0) {
		machine_warn(m, GRAVITY_RISK, "the local accounts could not be looked at: %s",
			     err.msg);
	} else {
		note(m, local, finding, what, remedy);
		if (finding == FINDING_ACCOUNTS)
			note(m, local, FINDING_UNSEEN, "could not be looked at", "");
	}
	(void)fs_sure(m->sys, &ignored);
	return 0;
}

static int prove_accounts(struct machine *m, struct err *err)
{
	(void)err;
	return prove(m, FINDING_ACCOUNTS, LOCALACCOUNTS_FOUND, LOCALACCOUNTS_REMEDY "; ");
}

static int prove_keys(struct machine *m, struct err *err)
{
	(void)err;
	return prove(m, FINDING_KEYS, LOCALKEYS_FOUND, LOCALKEYS_REMEDY "; ");
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
