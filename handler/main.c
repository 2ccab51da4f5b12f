/* SPDX-License-Identifier: MIT */
/* aadssh-handler: the command line, and nothing else. */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler/check.h"
#include "handler/collect.h"
#include "handler/inspect.h"
#include "handler/progress.h"
#include "handler/state.h"
#include "handler/steps.h"
#include "handler/verbs.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/sys.h"
#include "lib/sys/terminal.h"

#define VERSION_PARTS 4
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
	"  check [--only LINK] [--json]\n"
	"        what keeps people from signing in? ends with 0: nothing, 1: nothing,\n"
	"        with notes, 2: what failed\n"
	"  plan [--for install|update|uninstall] [--only STEP] [--json]\n"
	"        what would be changed: diffs of every file, the programs that would run\n"
	"  status [--json]\n"
	"        what is in force, how the last verb ended, and who signed in last\n"
	"  verify [--json]\n"
	"        are the extension's folder and the packages as they were packed?\n"
	"  platform [--os-release FILE] [--json]\n"
	"        what is known of this distribution\n"
	"  collect [--output FILE] [--keep-names]\n"
	"        make an archive for who helps, without secrets, and names unless kept\n"
	"  version | help";
/* clang-format on */

/* One row per verb: what it runs and which options it takes. */
enum option {
	JSON = 1,
	ONLY = 2,
	PURGE = 4,
	OS_RELEASE = 8,
	FOR = 16,
	OUTPUT = 32,
	KEEP_NAMES = 64
};

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
	{"verify", JSON, inspect_verify},
	{"platform", OS_RELEASE | JSON, inspect_platform},
	{"collect", OUTPUT | KEEP_NAMES, inspect_collect},
};

static const struct {
	const char *name;
	enum option option;
	bool has_value;
} options[] = {
	{"--json", JSON, false},
	{"--only", ONLY, true},
	{"--purge", PURGE, false},
	{"--os-release", OS_RELEASE, true},
	{"--for", FOR, true},
	{"--output", OUTPUT, true},
	{"--keep-names", KEEP_NAMES, false},
};

/* What there is no status for yet, or for which there is no way to one. */
static int complain(const struct err *err)
{
	(void)fprintf(stderr, "error %d %s: %s. %s\n", err->outcome,
		      outcome_find(err->outcome)->name, err->msg, err->remedy);
	return err->outcome;
}

static int misused(const char *what, const char *word)
{
	(void)fprintf(stderr, "aadssh-handler: %s: %.64s\n%s\n", what, word, usage);
	return EXIT_COMMAND;
}

/* To standard output, which may be full or closed. */
static int say(const char *before, const char *text)
{
	if (printf("%s%s\n", before, text) >= 0 && fflush(stdout) == 0)
		return EXIT_OK;
	perror("aadssh-handler: standard output");
	return EXIT_DEPENDENCY;
}

static bool is_in(const struct step_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->steps[i]->name, name) == 0)
			return true;
	return false;
}

/* Of any source's table: which one counts, the settings say later. */
static bool is_step(const char *name)
{
	for (size_t i = 0; i < PACKAGE_SOURCES; i++)
		if (is_in(&handler_tables[i], name))
			return true;
	return false;
}

static int unknown_link(const char *name)
{
	(void)fprintf(stderr, "aadssh-handler: no link is called %.64s; the links are", name);
	for (int i = 0; i < CHECK_LINKS; i++)
		(void)fprintf(stderr, " %s", check_links[i].id);
	(void)fputc('\n', stderr);
	return EXIT_COMMAND;
}

static int unknown_step(const char *name)
{
	const struct step_table *table = &handler_tables[PACKAGES_EMBEDDED];

	(void)fprintf(stderr, "aadssh-handler: no step is called %.64s; the steps are", name);
	for (size_t i = 0; i < table->count; i++)
		(void)fprintf(stderr, " %s", table->steps[i]->name);
	(void)fputc('\n', stderr);
	return EXIT_COMMAND;
}

/* The file is opened here, where relative names and /dev/stdin mean what the caller means. */
static int open_os_release(const char *name, struct query *query)
{
	struct err err = {0};

	query->os_release = name;
	query->os_release_fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (query->os_release_fd >= 0)
		return EXIT_OK;
	(void)err_sys(&err, "%s", name);
	(void)err_remedy(&err, EXIT_DEPENDENCY, "name an os-release that can be read");
	return complain(&err);
}

/* Where the caller is, who means relative names so. */
static const char *find_working_folder(void)
{
	static char path[PATH_MAX];

	return getcwd(path, sizeof(path)) && path[0] == '/' ? path : "/";
}

static int set_output(const char *name, struct query *query)
{
	static char path[PATH_MAX];
	bool whole = name[0] == '/';

	if (!name[0] || snprintf(path, sizeof(path), "%s%s%s", whole ? "" : query->folder,
				 whole ? "" : "/", name) >= PATH_MAX)
		return misused("--output takes a name, not", name);
	query->output = path;
	return EXIT_OK;
}

static int set_option(enum option option, const char *value, struct command *command,
		      struct query *query)
{
	switch (option) {
	case JSON:
		query->json = true;
		break;
	case PURGE:
		command->purge = true;
		break;
	case ONLY:
		if (strcmp(command->verb, "check") == 0 && check_find(value) == CHECK_LINKS)
			return unknown_link(value);
		if (strcmp(command->verb, "check") != 0 && !is_step(value))
			return unknown_step(value);
		query->only = value;
		break;
	case OS_RELEASE:
		return open_os_release(value, query);
	case OUTPUT:
		return set_output(value, query);
	case KEEP_NAMES:
		query->keep_names = true;
		break;
	case FOR:
		if (!inspect_plan_for(value, &query->plan_for))
			return misused("--for takes install, update or uninstall, not", value);
		break;
	}
	return EXIT_OK;
}

/* Fill command and query from the words after the verb: --NAME, --NAME VALUE or --NAME=VALUE. */
static int parse_options(char **words, unsigned allowed, struct command *command,
			 struct query *query)
{
	int code = EXIT_OK;

	for (; *words && code == EXIT_OK; words++) {
		const char *word = *words, *equals = strchr(word, '=');
		size_t len = equals ? (size_t)(equals - word) : strlen(word);
		const char *value = equals ? equals + 1 : NULL;
		size_t i = 0;

		while (i < ARRAY_LEN(options) &&
		       (strncmp(options[i].name, word, len) != 0 || options[i].name[len] != '\0'))
			i++;
		if (i == ARRAY_LEN(options) || !(allowed & options[i].option))
			return misused("this verb has no such option", word);
		if (value && !options[i].has_value)
			return misused("this option takes no value", word);
		if (!value && options[i].has_value)
			value = *++words;
		if (!value && options[i].has_value)
			return misused("a value is missing after", word);
		code = set_option(options[i].option, value, command, query);
	}
	return code;
}

static bool holds(const char *folder, const char *name)
{
	char path[PATH_MAX + 32];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

/*
 * The extension's folder: the one that the agent names, or, when people run the program, the one
 * with manifest/ at most LEVELS_UP above it; in a source tree too.
 */
static const char *find_folder(void)
{
	const char *told = getenv("AZURE_GUEST_AGENT_EXTENSION_PATH");
	static char path[PATH_MAX];
	ssize_t len;

	if (told && told[0] == '/' &&
	    (holds(told, "HandlerEnvironment.json") || holds(told, "manifest")))
		return told;
	len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	for (int i = 0; i <= LEVELS_UP && strrchr(path, '/'); i++) {
		*strrchr(path, '/') = '\0';
		if (holds(path, "manifest/distros.yaml"))
			return path;
	}
	return told ? told : "";
}

static bool has_all_parts(const char *version)
{
	for (int i = 0; i < VERSION_PARTS; i++) {
		size_t digits = strspn(version, "0123456789");

		if (digits == 0 || version[digits] != (i + 1 < VERSION_PARTS ? '.' : '\0'))
			return false;
		version += digits + 1;
	}
	return true;
}

/* The agent names the folder <Publisher.Type>-<version>. */
static const char *find_version(const char *folder)
{
	const char *told = getenv("AZURE_GUEST_AGENT_EXTENSION_VERSION");
	const char *dash = strrchr(folder, '-');

	if (dash && version_valid(dash + 1) && has_all_parts(dash + 1))
		return dash + 1;
	return told && version_valid(told) ? told : EXTENSION_VERSION;
}

static int run(inspect_fn *inspect, const struct command *command, const struct query *query)
{
	struct sys sys = SYS_INIT;
	struct progress progress;
	struct err err = {0};
	int code;

	if (sys_open(&sys, &err) < 0)
		return complain(&err);
	sys.ops = &sys_ops_apart;
	progress_watch(&progress, &sys, STDERR_FILENO);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Who starts us may ignore it, and then no child's end would be seen. */
	(void)signal(SIGCHLD, SIG_DFL);
	code = inspect ? inspect(&sys, command, query) : verb_run(&sys, command);
	sys_done(&sys);
	return code;
}

/* Of the program or of a verb: the page is the same, and no verb runs. */
static bool asks_for_help(char **words)
{
	for (; *words; words++)
		if (strcmp(*words, "--help") == 0 || strcmp(*words, "-h") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	struct query query = {
		.screen = terminal_screen(STDOUT_FILENO),
		.folder = find_working_folder(),
	};
	struct command command = {
		.verb = verb,
		.sequence = getenv("ConfigSequenceNumber"),
		.instance = getenv("ConfigExtensionName"),
		.new_version = getenv("VERSION"),
		.tables = handler_tables,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
	};

	command.folder = find_folder();
	command.version = find_version(command.folder);
	if (strcmp(verb, "help") == 0 || asks_for_help(argv + (argc > 0)))
		return say("", usage);
	if (strcmp(verb, "version") == 0 || strcmp(verb, "--version") == 0)
		return say("aadssh-handler ", command.version);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		int code;

		if (strcmp(verbs[i].name, verb) != 0)
			continue;
		code = parse_options(argv + 2, verbs[i].options, &command, &query);
		return code ? code : run(verbs[i].inspect, &command, &query);
	}
	return misused(argc > 1 ? "unknown verb" : "a verb is missing", verb);
}
