/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"

/* clang-format off */
static const struct outcome outcomes[] = {
	{EXIT_OK, "success", "done", ""},
	{EXIT_COMMAND, "unknown-command", "the command line is not understood",
	 "run aadssh-handler help"},
	{EXIT_REPOSITORY, "repository-unreachable", "the package repository cannot be used",
	 "check repositoryUrl, proxy and firewall, or use packageSource embedded"},
	{EXIT_VERIFY, "verification-failed", "the machine is not configured as it must be",
	 "run aadssh-handler check"},
	{EXIT_IDENTITY, "identity-missing", "the VM has no system-assigned managed identity",
	 "az vm identity assign --resource-group GROUP --name VM"},
	{EXIT_LEGACY, "legacy-present", "the old AADLoginForLinux product is installed",
	 "remove the extension AADLoginForLinux, or set migrateLegacy to true"},
	{EXIT_PACKAGE, "package-failed", "the package manager failed",
	 "read packages.log in the extension's log folder"},
	{EXIT_SSHD, "sshd-refused", "sshd refuses the configuration",
	 "run sshd -t and mend what it names"},
	{EXIT_LOCK, "lock-held", "another process holds a lock for too long",
	 "wait for the process that is named, or end it, and try again"},
	{EXIT_DEADLINE, "deadline", "the work did not finish in the time that the agent allows",
	 "read the log for the step that was slow, and try again"},
	{EXIT_UNSUPPORTED, "unsupported", "this machine cannot be supported",
	 "the README lists what is supported"},
	{EXIT_DEPENDENCY, "missing-dependency", "something that must be on the machine is missing",
	 "install what is named, and try again"},
	{EXIT_SETTINGS, "settings-invalid", "the settings are wrong",
	 "mend the setting that is named; the README lists them all"},
};
/* clang-format on */

const struct outcome *outcome_table(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(outcomes);
	return outcomes;
}

const struct outcome *outcome_find(int code)
{
	const struct outcome *fallback = NULL;

	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
		if (outcomes[i].code == code)
			return &outcomes[i];
		if (outcomes[i].code == EXIT_VERIFY)
			fallback = &outcomes[i];
	}
	return fallback;
}
