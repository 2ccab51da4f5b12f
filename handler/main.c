/* SPDX-License-Identifier: MIT */
/* aadssh-handler: the command line, and nothing else. */
#include "config.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler/inspect.h"
#include "handler/state.h"
#include "handler/steps.h"
#include "handler/verbs.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/sys.h"

#define LEVELS_UP 2 /* from the program's folder to the extension's: bin/<architecture> */

/* clang-format off */
static const char usage[] =
	"usage: aadssh-handler VERB [OPTIONS]\n"
	"\n"
	"Verbs of the guest agent:\n"
	"  install | enable | disable | update\n"
	"  uninstall [--purge]   --purge: forget who had which uid and home, too\n"
	"\n"
	"Verbs that only look:\n"
	"  check [--only STEP] [--json]\n"
	"        is all in force? ends with 0: yes, 1: yes, with notes, 2: no\n"
	"  plan [--for install|uninstall] [--only STEP] [--json]\n"
	"        what would be changed\n"
	"  status [--json]\n"
	"        what is in force, and how the last verb ended\n"
	"  platform [--os-release FILE] [--json]\n"
	"        what is known of this distribution\n"
	"  version | help\n";
/* clang-format on */

/* One row per verb: what it runs and which options it takes. */
enum option { JSON = 1, ONLY = 2, PURGE = 4, OS_RELEASE = 8, FOR = 16 };

typedef int inspect_fn(struct sys *sys, const struct command *command, const struct query *query);

static const struct {
	const char *name;
	unsigned options;
	inspect_fn *inspect; /* NULL: one of the agent's */
} verbs[] = {
	{"install", 0, NULL},
	{"enable", 0, NULL},
	{"disable", 0, NULL},
	{"update", 0, NULL},
	{"uninstall", PURGE, NULL},
	{"check", ONLY | JSON, inspect_check},
	{"plan", ONLY | FOR | JSON, inspect_plan},
	{"status", JSON, inspect_status},
	{"platform", OS_RELEASE | JSON, inspect_platform},
};

static const struct {
	const char *name;
	enum option option;
	bool has_value;
} options[] = {
	{"--json", JSON, false},   {"--only", ONLY, true},
	{"--purge", PURGE, false}, {"--os-release", OS_RELEASE, true},
	{"--for", FOR, true},
};

static int misused(const char *what, const char *word)
{
	(void)fprintf(stderr, "aadssh-handler: %s: %.64s\n%s", what, word, usage);
	return EXIT_COMMAND;
}

static int unknown_step(const char *name)
{
	(void)fprintf(stderr, "aadssh-handler: no step is called %.64s; the steps are", name);
	for (size_t i = 0; i < HANDLER_STEPS; i++)
		(void)fprintf(stderr, " %s", handler_steps[i]->name);
	(void)fputc('\n', stderr);
	return EXIT_COMMAND;
}

static bool is_step(const char *name)
{
	for (size_t i = 0; i < HANDLER_STEPS; i++)
		if (strcmp(handler_steps[i]->name, name) == 0)
			return true;
	return false;
}

/* Fill command and query from the words after the verb. */
static int parse_options(char **words, unsigned allowed, struct command *command,
			 struct query *query)
{
	static char os_release[PATH_MAX];

	for (; *words; words++) {
		const char *value = NULL;
		size_t i = 0;

		while (i < ARRAY_LEN(options) && strcmp(options[i].name, *words) != 0)
			i++;
		if (i == ARRAY_LEN(options) || !(allowed & options[i].option))
			return misused("this verb has no such option", *words);
		if (options[i].has_value) {
			value = words[1];
			if (!value)
				return misused("a value is missing after", *words);
			words++;
		}
		switch (options[i].option) {
		case JSON:
			query->json = true;
			break;
		case PURGE:
			command->purge = true;
			break;
		case ONLY:
			if (!is_step(value))
				return unknown_step(value);
			query->only = value;
			break;
		case OS_RELEASE:
			if (!realpath(value, os_release))
				return misused("there is no file", value);
			query->os_release = os_release;
			break;
		case FOR:
			if (strcmp(value, "install") != 0 && strcmp(value, "uninstall") != 0)
				return misused("--for takes install or uninstall, not", value);
			query->want = strcmp(value, "install") == 0 ? WANT_PRESENT : WANT_ABSENT;
			break;
		}
	}
	return EXIT_OK;
}

/* The folder that holds manifest/, at most LEVELS_UP above the program; in a source tree too. */
static const char *find_folder(void)
{
	const char *told = getenv("AZURE_GUEST_AGENT_EXTENSION_PATH");
	static char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[len > 0 ? len : 0] = '\0';
	for (int i = 0; i <= LEVELS_UP && strrchr(path, '/'); i++) {
		char table[PATH_MAX + 32];

		*strrchr(path, '/') = '\0';
		(void)snprintf(table, sizeof(table), "%s/manifest/distros.yaml", path);
		if (access(table, F_OK) == 0)
			return path;
	}
	return told ? told : "";
}

/* The agent names the folder <Publisher.Type>-<version>. */
static const char *find_version(const char *folder)
{
	const char *told = getenv("AZURE_GUEST_AGENT_EXTENSION_VERSION");
	const char *dash = strrchr(folder, '-');

	if (dash && version_valid(dash + 1))
		return dash + 1;
	return told && version_valid(told) ? told : EXTENSION_VERSION;
}

static int run(inspect_fn *inspect, const struct command *command, const struct query *query)
{
	struct sys sys = SYS_INIT;
	struct err err = {0};
	int code;

	if (sys_open(&sys, &err) < 0) {
		(void)fprintf(stderr, "aadssh-handler: %s\n", err.msg);
		return EXIT_DEPENDENCY;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	code = inspect ? inspect(&sys, command, query) : verb_run(&sys, command);
	sys_done(&sys);
	return code;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	struct query query = {.want = WANT_PRESENT};
	struct command command = {
		.verb = verb,
		.sequence = getenv("ConfigSequenceNumber"),
		.instance = getenv("ConfigExtensionName"),
		.new_version = getenv("VERSION"),
		.steps = handler_steps,
		.step_count = HANDLER_STEPS,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
	};

	command.folder = find_folder();
	command.version = find_version(command.folder);
	if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
		return fputs(usage, stdout) < 0;
	if (strcmp(verb, "version") == 0 || strcmp(verb, "--version") == 0)
		return printf("aadssh-handler %s\n", command.version) < 0;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		int code;

		if (strcmp(verbs[i].name, verb) != 0)
			continue;
		code = parse_options(argv + 2, verbs[i].options, &command, &query);
		return code ? code : run(verbs[i].inspect, &command, &query);
	}
	return misused(argc > 1 ? "unknown verb" : "a verb is missing", verb);
}
