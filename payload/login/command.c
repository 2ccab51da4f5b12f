/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/core/cleanup.h"
#include "payload/login/command.h"

int command_failed(const char *program, const struct err *err)
{
	(void)fprintf(stderr, "%s: %s\n", program, err->msg);
	if (err->remedy[0])
		(void)fprintf(stderr, "%s: %s\n", program, err->remedy);
	return COMMAND_FAILED;
}

static bool asks_for_help(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

int command_usage(int argc, char **argv, const char *usage)
{
	bool asked = asks_for_help(argc, argv);

	(void)fprintf(asked ? stdout : stderr, "usage: %s\n", usage);
	return asked ? COMMAND_OK : COMMAND_USAGE;
}

int command_needs_root(struct err *err)
{
	return geteuid() == 0 ? 0 : err_set(err, EPERM, "only root can do this");
}

bool command_json(int argc, char **argv, bool *ret_json)
{
	*ret_json = argc == 2 && strcmp(argv[1], "--json") == 0;
	return argc == 1 || *ret_json;
}

static int help_command(struct sys *sys, int argc, char **argv);

static int version_command(struct sys *sys, int argc, char **argv)
{
	(void)sys, (void)argc, (void)argv;
	return puts("aadsshlogin " PACKAGE_VERSION) < 0 ? COMMAND_FAILED : COMMAND_OK;
}

/* clang-format off */
static const struct {
	const char *name;
	int (*run)(struct sys *sys, int argc, char **argv);
	const char *usage;
} verbs[] = {
	{"configure", configure_command,
	 "configure [KEYWORD=VALUE]...\n"
	 "        set sshd, PAM, NSS and sudo up; keywords as in aadsshlogin.conf"},
	{"unconfigure", unconfigure_command,
	 "unconfigure\n"
	 "        take our lines out again"},
	{"status", status_command,
	 "status [--json]\n"
	 "        configuration, signing keys, accounts"},
	{"explain", explain_command,
	 "explain USER [--cert FILE|-] [--json]\n"
	 "        how a login of USER would end, why, and what helps"},
	{"users", users_command,
	 "users [--json]\n"
	 "        the Entra users of this machine"},
	{"help", help_command, "help"},
	{"version", version_command, "version"},
};
/* clang-format on */

static int help_command(struct sys *sys, int argc, char **argv)
{
	(void)sys, (void)argc, (void)argv;
	(void)puts("usage: aadsshlogin VERB");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		(void)printf("  %s\n", verbs[i].usage);
	return COMMAND_OK;
}

int aadsshlogin_main(struct sys *sys, int argc, char **argv)
{
	if (asks_for_help(argc, argv))
		return help_command(sys, argc, argv);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(sys, argc - 1, argv + 1);
	return command_usage(argc, argv,
			     "aadsshlogin configure|unconfigure|status|explain|users|help|version");
}
