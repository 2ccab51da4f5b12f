/* SPDX-License-Identifier: MIT */
/* Who gets in past Entra: see localaccounts.h.  Each finding is a note. */
#include "config.h"

#include <stdio.h>

#include "handler/check.h"
#include "handler/steps/localaccounts.h"
#include "lib/core/outcome.h"

static int look(struct check *check, enum localaccounts_finding finding, const char *what,
		const char *remedy, struct check_result *ret, struct err *err)
{
	const struct localaccounts *local = NULL;
	size_t count;

	if (localaccounts_once(&check->session.machine, &local, err) < 0)
		return err_remedy(err, 0, "mend that, and check again");
	count = localaccounts_list(local, finding, &ret->findings);
	if (count) {
		check_see(ret, "%zu %s", count, what);
		(void)snprintf(ret->remedy, sizeof(ret->remedy), "%s", remedy);
	}
	if (finding == FINDING_ACCOUNTS)
		count += localaccounts_list(local, FINDING_UNSEEN, &ret->findings);
	if (count)
		ret->state = CHECK_NOTE;
	return buf_ok(&ret->findings, err);
}

int look_local_accounts(struct check *check, struct check_result *ret, struct err *err)
{
	return look(check, FINDING_ACCOUNTS, LOCALACCOUNTS_FOUND, LOCALACCOUNTS_REMEDY, ret, err);
}

int look_authorized_keys(struct check *check, struct check_result *ret, struct err *err)
{
	return look(check, FINDING_KEYS, LOCALKEYS_FOUND, LOCALKEYS_REMEDY, ret, err);
}
