/* SPDX-License-Identifier: MIT */
/* What the machine itself does, beside the steps. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "handler/check.h"
#include "handler/inventory.h"
#include "handler/presence.h"
#include "handler/resource.h"
#include "handler/state.h"
#include "handler/steps/platform.h"
#include "handler/steps/takeover.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/programs.h"
#include "lib/steps/sshd.h"
#include "lib/sys/confine.h"
#include "lib/sys/lookup.h"
#include "lib/sys/pkg.h"
#include "lib/sys/proc.h"

#define OLD_NAME "AADLoginForLinux"
#define OLD_FOLDER "Microsoft.Azure.ActiveDirectory.LinuxSSH.AADLoginForLinux-"
#define LIB_DIR "/var/lib/waagent"

int look_disk(struct check *check, struct check_result *ret, struct err *err)
{
	struct platform_facts facts = {.loader = false};
	int r = platform_volumes(check->session.sys, &facts, err);

	check_see(ret, "free: %llu MiB on /usr, %llu MiB on /var, %llu MiB on /etc",
		  (unsigned long long)facts.usr.free_bytes >> 20,
		  (unsigned long long)facts.var.free_bytes >> 20,
		  (unsigned long long)facts.etc.free_bytes >> 20);
	return r;
}

/* Is the old product there as an extension, which the agent would install again? */
static bool has_old_extension(struct sys *sys)
{
	struct err ignored = {0};
	AUTO_NAMES names = NULL;

	if (fs_list(sys, LIB_DIR, &names, &ignored) < 0)
		return false;
	for (char **name = names; *name; name++)
		if (strncmp(*name, OLD_FOLDER, sizeof(OLD_FOLDER) - 1) == 0)
			return true;
	return false;
}

static void advise_extension(const struct check *check, struct check_result *ret)
{
	const struct resource it = resource_parse(check->instance.resource_id);
	char group[CHECK_WORD_MAX], name[CHECK_WORD_MAX];

	if (!it.name.len) {
		check_command(ret, "az vm extension delete --resource-group GROUP --vm-name VM "
				   "--name " OLD_NAME);
		return;
	}
	check_command(ret,
		      "az %s extension delete --resource-group %s --%s-name %s --name " OLD_NAME,
		      it.group, check_word(it.resource_group, group),
		      strcmp(it.group, "connectedmachine") == 0 ? "machine" : it.group,
		      check_word(it.name, name));
}

/* Did somebody want it gone, and it is still there, as dpkg remembers? */
static bool is_unwanted(struct sys *sys, const char *name)
{
	const char *const argv[] = {"/usr/bin/dpkg-query", "-W", "-f=${db:Status-Want}", name,
				    NULL};
	const struct proc_spec spec = {
		.argv = argv, .timeout_ms = 5000, .output_max = 64, .looks_only = true};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err ignored = {0};

	return proc_run(sys, &spec, &res, &ignored) == 0 && res.status == 0 &&
	       !span_is(buf_bytes(&res.output), "install");
}

/* The script that runs before it goes fails while its users are signed in: then it is not run. */
static void advise_packages(const struct check *check, struct check_result *ret, struct err *err)
{
	struct sys *sys = check->session.sys;
	const struct pkg_manager *manager = pkg_detect(sys);
	struct foreign_packages found = {.count = 0};
	struct err ignored = {0};
	AUTO_BUF names = {0}, scripts = {0};
	bool stuck = false, rpm;

	if (!manager || takeover_find(sys, manager, false, &found, &ignored) < 0)
		return;
	rpm = strcmp(pkg_type(manager), "rpm") == 0;
	for (size_t i = 0; i < found.count; i++) {
		const char *name = found.list[i].name;

		stuck = stuck || found.list[i].status.state == PKG_BROKEN ||
			(!rpm && is_unwanted(sys, name));
		buf_printf(&names, " %s", name);
		buf_printf(&scripts, " /var/lib/dpkg/info/%s.prerm", name);
	}
	if (stuck)
		(void)err_wrap(err, "its removal is stuck");
	if (rpm)
		check_command(ret, "rpm -e%s%s", stuck ? " --noscripts" : "", buf_text(&names));
	else if (stuck)
		check_command(ret, "rm -f%s && dpkg --purge%s", buf_text(&scripts),
			      buf_text(&names));
	else
		check_command(ret, "dpkg --purge%s", buf_text(&names));
}

int look_legacy(struct check *check, struct check_result *ret, struct err *err)
{
	AUTO_BUF users = {0};
	struct err ignored = {0};
	int r = check_step(check, "legacy", err);

	if (r == 0 || err->outcome != EXIT_LEGACY)
		return r;
	if (has_old_extension(check->session.sys))
		advise_extension(check, ret);
	else
		advise_packages(check, ret, err);
	if (presence_names(check->session.sys, 1, UINT32_MAX, &users, &ignored) == 0 && users.len)
		machine_note(&check->session.machine,
			     "its removal fails while its users are signed in: %.200s; "
			     "migrateLegacy does not need them gone",
			     buf_text(&users));
	return -err->code;
}

/* What keeps it from being installed is told by a link of its own. */
static int judge_absent(struct check *check, const struct state *state, struct check_result *ret,
			struct err *err)
{
	static const enum check_id causes[] = {LINK_AGENT, LINK_DISK,     LINK_PLATFORM,
					       LINK_IMDS,  LINK_IDENTITY, LINK_LEGACY};

	for (size_t i = 0; i < ARRAY_LEN(causes); i++)
		if (check->results[causes[i]].state == CHECK_FAILED) {
			ret->state = CHECK_SKIPPED;
			ret->needs = causes[i];
			return 0;
		}
	if (state->verb[0])
		return err_set(err, ENOENT, "nothing is in force: %s ended with %d %s: %s",
			       state->verb, state->code, outcome_find(state->code)->name,
			       state->message);
	return err_set(err, ENOENT, "nothing is in force: it was never installed, or removed");
}

static void judge_last_run(struct check *check, const struct state *state)
{
	struct machine *m = &check->session.machine;
	char time[TIME_TEXT_SIZE];

	time_text(state->time_s, time);
	if (strcmp(state->owner, check->command->version) != 0)
		machine_note(m, "version %s is in force, and this is %s", state->owner,
			     check->command->version);
	if (state->code)
		machine_note(m, "%s ended with %d %s at %s: %.200s", state->verb, state->code,
			     outcome_find(state->code)->name, time, state->message);
}

int look_installed(struct check *check, struct check_result *ret, struct err *err)
{
	struct state state = {0};
	char time[TIME_TEXT_SIZE];
	int r = state_read(check->session.sys, &state, err);

	if (r == -EACCES)
		return err_remedy(err, 0, "run it as root");
	if (r < 0 && r != -ENOENT && !check->in_force.tenant)
		return err_remedy(err, 0, "enable writes it anew");
	if (r < 0 && r != -ENOENT) {
		check_see(ret, "the product is installed, and its record is damaged");
		machine_note(&check->session.machine, "%s; enable writes it anew", err->msg);
	}
	*err = (struct err){0};
	/* It was installed by hand, with the package's own tool; or the record is damaged. */
	if (r < 0 && check->in_force.tenant)
		return 0;
	if (!state.owner[0])
		return judge_absent(check, &state, ret, err);
	if (state.partly_removed)
		return err_set(err, ESTALE, "version %s was removed in part only", state.owner);
	judge_last_run(check, &state);
	time_text(state.since_s, time);
	check_see(ret, "version %s since %s", state.owner, time);
	return 0;
}

int look_extension(struct check *check, struct check_result *ret, struct err *err)
{
	AUTO_INVENTORY inventory = {.count = 0};
	const struct part *folder = &inventory.parts[0];
	const char *root = check->command->folder, *path;
	int r = inventory_take_folder(&check->session.machine, &inventory, err);

	if (r < 0)
		return r;
	if (check->no_agent) {
		check_see(ret, "the guest agent did not unpack this: there is nothing to compare");
		return 0;
	}
	check_see(ret, "%zu files are as they were packed", folder->files);
	if (folder->count == 0)
		return 0;
	check_command(ret, "%s/bin/aadssh-shim verify", root);
	path = folder->findings[0].path;
	if (strncmp(path, root, strlen(root)) == 0 && path[strlen(root)] == '/')
		path += strlen(root) + 1;
	(void)err_set(err, EBADMSG, "%s %s%s, in %s", path, folder->findings[0].what,
		      folder->count > 1 ? ", and more" : "", root);
	return err_remedy(err, 0, "%s", folder->remedy);
}

int look_sshd_files(struct check *check, struct check_result *ret, struct err *err)
{
	struct machine *m = &check->session.machine;
	unsigned release = 0;
	struct err ignored = {0};
	int r;

	if (check->results[LINK_PLATFORM].state == CHECK_FAILED &&
	    !fs_exists(m->sys, SSHD_PROGRAM)) {
		ret->state = CHECK_SKIPPED;
		ret->needs = LINK_PLATFORM;
		return 0;
	}
	r = sshd_test(m, NULL, err);
	if (r == 0 && sshd_release(m, &release, &ignored) == 0)
		check_see(ret, "OpenSSH %u.%u takes its configuration", release / 100,
			  release % 100);
	return r;
}

static int add_reload(const char *const *argv, void *arg, struct err *err)
{
	struct buf *command = arg;

	buf_str(command, " &&");
	for (; *argv; argv++) {
		buf_str(command, " ");
		shell_text(span_of(*argv), command);
	}
	return buf_ok(command, err);
}

/* A running sshd goes by what it has read. */
static void advise_edit(struct machine *m, struct check_result *ret)
{
	struct err ignored = {0};
	AUTO_BUF command = {0};

	buf_str(&command, m->command);
	(void)sshd_tell_reload(m, add_reload, &command, &ignored);
	check_command(ret, "%s", buf_text(&command));
}

int look_sshd(struct check *check, struct check_result *ret, struct err *err)
{
	struct machine *m = &check->session.machine;
	int r = check_step(check, "sshd", err);

	if (r < 0 && r != -ESTALE && m->command[0])
		advise_edit(m, ret);
	else if (r < 0 && r != -ESTALE)
		check_command(ret, "grep -rnE 'Match|AuthorizedKeys|UsePAM' " SSHD_DIR);
	return r;
}

/* Whoever is not of Entra must not meet our lines. */
static int look_at_user(struct machine *m, const char *name, struct buf *seen, struct err *err)
{
	struct span keys = SPAN_LIT("none"), command = SPAN_LIT("none");
	AUTO_BUF settings = {0};
	int r = sshd_show(m, NULL, name, &settings, err);

	if (r < 0)
		return r;
	(void)sshdconf_shown(buf_bytes(&settings), "AuthorizedKeysFile", &keys);
	(void)sshdconf_shown(buf_bytes(&settings), "AuthorizedKeysCommand", &command);
	if (command.len >= sizeof(KEY_COMMAND) - 1 &&
	    memcmp(command.p, KEY_COMMAND, sizeof(KEY_COMMAND) - 1) == 0) {
		(void)err_set(err, EBADMSG,
			      "sshd asks the key command for %s, who is no Entra user", name);
		return err_remedy(err, 0,
				  "find the line of AuthorizedKeysCommand that is not in a Match");
	}
	buf_printf(seen, "%s%s: keys in %.*s", seen->len ? "; " : "", name, (int)keys.len,
		   (const char *)keys.p);
	return buf_ok(seen, err);
}

int look_local_users(struct check *check, struct check_result *ret, struct err *err)
{
	struct machine *m = &check->session.machine;
	struct err ignored = {0};
	struct local_user person;
	AUTO_BUF seen = {0};
	int r = look_at_user(m, "root", &seen, err);

	if (r == 0 && lookup_local_person(m->sys, &person, &ignored) == 0)
		r = look_at_user(m, person.name, &seen, err);
	check_see(ret, "%s", buf_text(&seen));
	if (r < 0)
		check_command(ret, "grep -rn AuthorizedKeysCommand " SSHD_DIR);
	return r;
}

int look_users(struct check *check, struct check_result *ret, struct err *err)
{
	const struct conf *conf = &check->session.machine.conf;
	AUTO_BUF names = {0};
	int r = presence_names(check->session.sys, conf->uid_first, conf->uid_last, &names, err);

	if (r == 0 && names.len)
		check_see(ret, "signed in: %s", buf_text(&names));
	return r;
}

int look_confinement(struct check *check, struct check_result *ret, struct err *err)
{
	int layers = confine_probe(check->session.sys, err);
	AUTO_BUF text = {0};

	if (layers < 0) {
		*err = (struct err){0};
		layers = 0;
	}
	buf_str(&text, "who talks to the network is kept to its user");
	if (layers)
		buf_str(&text, ", ");
	confine_tell((unsigned)layers, &text);
	if (CONFINE_ALL & ~(unsigned)layers) {
		buf_str(&text, "; not in force on this kernel: ");
		confine_tell(CONFINE_ALL & ~(unsigned)layers, &text);
	}
	check_see(ret, "%s", buf_text(&text));
	return buf_ok(&text, err);
}
