/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/name.h"
#include "lib/core/sudoers.h"

int sudoers_format(const char *admin_group, struct buf *ret, struct err *err)
{
	AUTO_BUF out = {0};

	if (!name_admin_group_valid(span_of(admin_group)))
		return err_set(err, EINVAL, "%.64s cannot be the administrators' group",
			       admin_group);
	buf_printf(&out,
		   "# Written by aadsshlogin.  PAM asks Entra each time, whoever is in the group.\n"
		   "%%%s ALL=(ALL) NOPASSWD:ALL\n",
		   admin_group);
	if (buf_ok(&out, err) < 0)
		return -err->code;
	buf_move(ret, &out);
	return 0;
}

bool sudoers_includes_dir(struct span text)
{
	struct span line, word;

	while (span_line(&text, &line)) {
		if (!span_word(&line, &word) ||
		    (!span_is(word, "@includedir") && !span_is(word, "#includedir")))
			continue;
		line = span_trim(line);
		if (line.len > 1 && line.p[0] == '"' && line.p[line.len - 1] == '"')
			line = (struct span){.p = line.p + 1, .len = line.len - 2};
		if (line.len && line.p[line.len - 1] == '/')
			line.len--;
		if (span_is(line, SUDOERS_DIR))
			return true;
	}
	return false;
}

/* Is the line "PREFIX value"?  *ret is the value then. */
static bool take_prefix(struct span line, const char *prefix, struct span *ret)
{
	struct span start;

	if (!span_take(&line, strlen(prefix), &start) || !span_is(start, prefix))
		return false;
	*ret = span_trim(line);
	return true;
}

/* The releases that have the setting pam_acct_mgmt name it in their output unless it is off. */
static bool can_skip_account(struct span version)
{
	unsigned major = 0, minor = 0, patch = 0;
	char text[32];

	if (!span_copy(version, text, sizeof(text)) ||
	    sscanf(text, "%u.%u.%u", &major, &minor, &patch) < 2)
		return false;
	return major > 1 || (major == 1 && (minor > 8 || (minor == 8 && patch >= 28)));
}

struct sudo_facts sudoers_facts(struct span output)
{
	struct sudo_facts facts = {.main_path = SPAN_LIT("/etc/sudoers"),
				   .service = SPAN_LIT("sudo")};
	bool tells_defaults = false, names_account = false;
	struct span line, version = {0};

	while (span_line(&output, &line)) {
		(void)take_prefix(line, "Sudoers policy plugin version ", &version);
		(void)take_prefix(line, "Sudoers path: ", &facts.main_path);
		(void)take_prefix(
			line, "PAM service name to use for login shells: ", &facts.login_service);
		if (take_prefix(line, "PAM service name to use: ", &facts.service))
			tells_defaults = true;
		if (span_is(span_trim(line), "Perform PAM account validation management"))
			names_account = true;
	}
	if (facts.login_service.len == 0)
		facts.login_service = tells_defaults ? facts.service : SPAN_LIT("sudo-i");
	facts.asks_account = names_account || !tells_defaults || !can_skip_account(version);
	return facts;
}
