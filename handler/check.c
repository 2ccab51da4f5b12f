/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handler/check.h"
#include "handler/text.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"

#define NS_PER_MS 1000000LL
#define ENABLE "enable" /* repairs what drifted */

#define OUTSIDE (LINK_BIT(LINK_IMDS) | LINK_BIT(LINK_IDENTITY))
/* What an installation can fail for. */
#define CAUSES                                                                                     \
	(LINK_BIT(LINK_AGENT) | LINK_BIT(LINK_DISK) | LINK_BIT(LINK_PLATFORM) |                    \
	 LINK_BIT(LINK_LEGACY))
#define NET_MS 8000 /* of a link that asks the network */

/* clang-format off */
const struct check_link check_links[CHECK_LINKS] = {
	[LINK_AGENT] = {.id = "agent", .title = "the guest agent's folders, and settings that are valid", .look = look_agent,
		.after = LINK_BIT(LINK_IMDS),
		.remedy = "mend the settings, or install the extension again"},
	[LINK_DISK] = {.id = "disk", .title = "space on /usr, /var and /etc, and they can be written", .look = look_disk,
		.command = "df -h /usr /var /etc; df -i /usr /var /etc"},
	[LINK_PLATFORM] = {.id = "platform", .title = "the machine has what the product needs", .step = "platform",
		.needs = LINK_BIT(LINK_DISK)},
	[LINK_CLOCK] = {.id = "clock", .title = "the clock is right", .look = look_clock, .after = LINK_BIT(LINK_IMDS),
		.remedy = "set the clock, and let a service keep it"},
	[LINK_PROXY] = {.id = "proxy", .title = "the proxy, where one is set, leads to the outside", .look = look_proxy,
		.needs = LINK_BIT(LINK_AGENT), .after = OUTSIDE, .budget_ms = NET_MS,
		.remedy = "mend the setting proxy, or the proxy"},
	[LINK_DNS] = {.id = "dns", .title = "names of the outside are resolved", .look = look_dns,
		.needs = LINK_BIT(LINK_AGENT) | LINK_BIT(LINK_PROXY), .after = OUTSIDE, .budget_ms = NET_MS,
		.remedy = "mend the name servers of /etc/resolv.conf, or the name in the settings"},
	[LINK_IMDS] = {.id = "imds", .title = "the machine's metadata service answers", .look = look_imds, .budget_ms = NET_MS,
		.remedy = "look for a firewall rule or a route: every local user must reach it, without a proxy"},
	[LINK_IDENTITY] = {.id = "identity", .title = "the machine has an identity in Entra", .step = "identity",
		.look = look_identity, .needs = LINK_BIT(LINK_IMDS), .budget_ms = NET_MS},
	[LINK_TENANT] = {.id = "tenant", .title = "people of the identity's tenant are let in", .look = look_tenant,
		.needs = LINK_BIT(LINK_IDENTITY) | LINK_BIT(LINK_AGENT), .command = ENABLE},
	[LINK_KEYS] = {.id = "keys", .title = "Entra's signing keys can be had", .look = look_keys,
		.needs = LINK_BIT(LINK_AGENT) | LINK_BIT(LINK_DNS), .after = OUTSIDE, .budget_ms = NET_MS,
		.remedy = "let the machine reach it, or set proxy"},
	[LINK_ROLES] = {.id = "roles", .title = "the identity may ask for roles", .look = look_roles, .step = "verify",
		.needs = LINK_BIT(LINK_IDENTITY) | LINK_BIT(LINK_KEYS), .budget_ms = NET_MS},
	[LINK_LEGACY] = {.id = "legacy", .title = "no other product signs Entra users in", .look = look_legacy, .step = "legacy",
		.needs = LINK_BIT(LINK_AGENT), .after = OUTSIDE},
	[LINK_INSTALLED] = {.id = "installed", .title = "the product is installed", .look = look_installed,
		.after = OUTSIDE | CAUSES, .command = ENABLE},
	[LINK_EXTENSION] = {.id = "extension", .title = "the extension's folder is as it was packed", .look = look_extension},
	[LINK_PACKAGES] = {.id = "packages", .title = "the packages are as they were packed",
		.step = "packages", .needs = LINK_BIT(LINK_AGENT) | LINK_BIT(LINK_LEGACY) | LINK_BIT(LINK_INSTALLED),
		.command = ENABLE},
	[LINK_CONFIG] = {.id = "config", .title = "the configuration says what the settings say", .step = "config",
		.needs = LINK_BIT(LINK_TENANT) | LINK_BIT(LINK_PACKAGES)},
	[LINK_SSHD_FILES] = {.id = "sshd-files", .title = "sshd takes its configuration", .look = look_sshd_files,
		.after = LINK_BIT(LINK_PLATFORM), .command = "/usr/sbin/sshd -t"},
	[LINK_SSHD] = {.id = "sshd", .title = "sshd asks for the keys of Entra users", .step = "sshd",
		.look = look_sshd, .needs = LINK_BIT(LINK_PACKAGES) | LINK_BIT(LINK_SSHD_FILES)},
	[LINK_LOCAL_USERS] = {.id = "local-users", .title = "root and local users sign in as without the product",
		.look = look_local_users, .needs = LINK_BIT(LINK_SSHD_FILES)},
	[LINK_LOCAL_ACCOUNTS] = {.id = "local-accounts", .title = "local accounts that let somebody in are approved",
		.step = "local-accounts", .look = look_local_accounts, .needs = LINK_BIT(LINK_AGENT) | LINK_BIT(LINK_SSHD_FILES)},
	[LINK_AUTHORIZED_KEYS] = {.id = "authorized-keys", .title = "keys of local accounts are of kinds that Azure supports",
		.step = "authorized-keys", .look = look_authorized_keys, .needs = LINK_BIT(LINK_AGENT) | LINK_BIT(LINK_SSHD_FILES)},
	[LINK_ACCOUNTS] = {.id = "accounts", .title = "the name service asks for Entra users", .step = "accounts",
		.needs = LINK_BIT(LINK_PACKAGES)},
	[LINK_NAMES] = {.id = "names", .title = "a name resolves, the key command answers",
		.step = "verify", .needs = LINK_BIT(LINK_ACCOUNTS) | LINK_BIT(LINK_CONFIG)},
	[LINK_PAM] = {.id = "pam", .title = "PAM asks for permission, first of all", .step = "pam",
		.needs = LINK_BIT(LINK_PACKAGES) | LINK_BIT(LINK_SSHD_FILES)},
	[LINK_SUDO] = {.id = "sudo", .title = "sudo knows the administrators", .step = "sudo",
		.needs = LINK_BIT(LINK_PACKAGES) | LINK_BIT(LINK_PAM)},
	[LINK_SELINUX] = {.id = "selinux", .title = "SELinux, where it has a policy, lets sign-in work", .step = "selinux",
		.needs = LINK_BIT(LINK_PACKAGES)},
	[LINK_USERS] = {.id = "users", .title = "no Entra user is signed in", .look = look_users},
	[LINK_CONFINEMENT] = {.id = "confinement", .title = "who talks to the network gives up what it does not need", .look = look_confinement},
};
/* clang-format on */

static const char *const states[] = {
	[CHECK_UNSEEN] = "unseen", [CHECK_OK] = "ok",           [CHECK_NOTE] = "note",
	[CHECK_FAILED] = "failed", [CHECK_SKIPPED] = "skipped", [CHECK_UNKNOWN] = "unknown",
};

const char *check_state_name(enum check_state state)
{
	return states[state];
}

enum check_id check_find(const char *name)
{
	for (int by_step = 0; by_step < 2; by_step++)
		for (int i = 0; i < CHECK_LINKS; i++) {
			const char *known = by_step ? check_links[i].step : check_links[i].id;

			if (known && strcmp(known, name) == 0)
				return (enum check_id)i;
		}
	return CHECK_LINKS;
}

int check_verdict(const struct check_result *results)
{
	int verdict = 0;

	for (int i = 0; i < CHECK_LINKS; i++) {
		if (results[i].state == CHECK_FAILED)
			return 2;
		if (results[i].state == CHECK_NOTE || results[i].state == CHECK_UNKNOWN)
			verdict = 1;
	}
	return verdict;
}

/* What others said must not paint somebody's terminal: some take two bytes of UTF-8 for ESC [. */
static void tame(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void say(char *to, size_t size, const char *fmt, va_list ap)
{
	(void)vsnprintf(to, size, fmt, ap);
	tame(to);
}

void check_see(struct check_result *result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(result->seen, sizeof(result->seen), fmt, ap);
	va_end(ap);
}

void check_command(struct check_result *result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(result->command, sizeof(result->command), fmt, ap);
	va_end(ap);
}

const char *check_word(struct span word, char ret[CHECK_WORD_MAX])
{
	AUTO_BUF quoted = {0};

	shell_text(word, &quoted);
	if (quoted.failed || !span_copy(buf_bytes(&quoted), ret, CHECK_WORD_MAX))
		(void)snprintf(ret, CHECK_WORD_MAX, "NAME");
	return ret;
}

static const struct step *find_step(const struct check *check, const char *name)
{
	for (size_t i = 0; i < check->table->count; i++)
		if (strcmp(check->table->steps[i]->name, name) == 0)
			return check->table->steps[i];
	return NULL;
}

int check_step(struct check *check, const char *name, struct err *err)
{
	const struct step *step = find_step(check, name);
	struct step_result result = {.state = STEP_SKIPPED};
	struct run run = {
		.machine = &check->session.machine,
		.steps = &step,
		.count = 1,
		.results = &result,
	};

	return run_check(&run, err);
}

/* ---- the walk */

static int64_t now_ns(const struct check *check)
{
	struct sys *sys = check->session.sys;

	return sys->ops->boottime_ns(sys);
}

/* A configuration that cannot be read is told by the steps that write it. */
static void read_in_force(struct check *check)
{
	struct err ignored = {0};
	AUTO_BUF text = {0};

	if (fs_read(check->session.sys, CONF_PATH, FS_TRUSTED, CONF_MAX, &text, NULL, &ignored) < 0)
		return;
	if (conf_parse(buf_bytes(&text), CONF_PATH, &check->in_force, &ignored) < 0)
		conf_done(&check->in_force);
}

/* What enable repairs, enable is to type; the agent's way to run it where the agent knows us. */
static void add_command(const struct check *check, const struct check_link *link, bool drifted,
			struct check_result *ret)
{
	const char *own = check->session.machine.command;
	const char *command = drifted ? ENABLE : own[0] ? own : link->command;

	if (ret->command[0] || !command)
		return;
	if (strcmp(command, ENABLE) != 0)
		check_command(ret, "%s", command);
	else if (check->no_agent)
		check_command(ret, "aadsshlogin configure");
	else
		check_command(ret, "%s/bin/aadssh-shim enable", check->command->folder);
}

static void skip(struct check_result *ret)
{
	ret->state = CHECK_SKIPPED;
	check_see(ret, "not looked at: needs %s", check_links[ret->needs].id);
}

static void judge(const struct check *check, const struct check_link *link, int r,
		  const struct err *err, struct check_result *ret)
{
	const struct machine *m = &check->session.machine;
	const char *remedy = err->remedy;

	ret->note_count = m->note_count;
	memcpy(ret->notes, m->notes, sizeof(ret->notes));
	for (size_t i = 0; i < ret->note_count; i++)
		tame(ret->notes[i]);
	if (r == 0 && ret->state == CHECK_SKIPPED) {
		skip(ret);
		return;
	}
	if (r == 0) {
		if (ret->state == CHECK_UNSEEN)
			ret->state = ret->note_count ? CHECK_NOTE : CHECK_OK;
		if (!ret->seen[0])
			check_see(ret, "%s", link->title);
		return;
	}
	ret->state = err->outcome == EXIT_DEADLINE || r == -ENOMEM ? CHECK_UNKNOWN : CHECK_FAILED;
	check_see(ret, "%s", err->msg);
	if (!remedy[0] && r == -ESTALE)
		remedy = "enable puts it back";
	if (!remedy[0] && link->remedy)
		remedy = link->remedy;
	if (!remedy[0])
		remedy = outcome_find(err->outcome)->remedy;
	(void)snprintf(ret->remedy, sizeof(ret->remedy), "%s", remedy);
	tame(ret->remedy);
	add_command(check, link, r == -ESTALE, ret);
}

static int look(struct check *check, const struct check_link *link, struct check_result *ret,
		struct err *err)
{
	struct sys *sys = check->session.sys;
	const int64_t whole_ns = sys->deadline_ns;
	const int64_t own_ns = now_ns(check) + link->budget_ms * NS_PER_MS;
	int r;

	if (sys_left_ms(sys, 1) == 0) {
		(void)err_set(err, ETIMEDOUT, "not looked at: the time was up");
		return err_remedy(err, EXIT_DEADLINE, "mend what took so long, and check again");
	}
	if (link->budget_ms && own_ns < whole_ns)
		sys->deadline_ns = own_ns;
	r = link->look ? link->look(check, ret, err) : check_step(check, link->step, err);
	sys->deadline_ns = whole_ns;
	return r;
}

/* Is it there on this machine?  Microsoft's packages configure themselves: some steps are not. */
static bool belongs(const struct check *check, const struct check_link *link)
{
	const struct step *step = link->step ? find_step(check, link->step) : NULL;

	return !link->step || (step && step_applies(step, &check->session.machine));
}

static void visit(struct check *check, enum check_id id);

/* The cause: what broke the link that breaks this one. */
static bool is_broken(struct check *check, const struct check_link *link, enum check_id *ret)
{
	for (int i = 0; i < CHECK_LINKS; i++) {
		const struct check_result *other = &check->results[i];

		if (!(link->needs & LINK_BIT(i)))
			continue;
		visit(check, (enum check_id)i);
		*ret = other->state == CHECK_SKIPPED ? other->needs : (enum check_id)i;
		if (other->state == CHECK_SKIPPED || other->state == CHECK_FAILED ||
		    other->state == CHECK_UNKNOWN)
			return true;
	}
	return false;
}

static void visit(struct check *check, enum check_id id)
{
	const struct check_link *link = &check_links[id];
	struct check_result *result = &check->results[id];
	const int64_t start_ns = now_ns(check);
	struct err err = {0};
	int r;

	if (result->state != CHECK_UNSEEN || !belongs(check, link))
		return;
	for (int i = 0; i < CHECK_LINKS; i++)
		if (link->after & LINK_BIT(i))
			visit(check, (enum check_id)i);
	if (is_broken(check, link, &result->needs)) {
		skip(result);
		return;
	}
	check->session.machine.note_count = 0;
	check->session.machine.command[0] = '\0';
	r = look(check, link, result, &err);
	judge(check, link, r, &err, result);
	result->ms = (now_ns(check) - start_ns) / NS_PER_MS;
}

static bool is_asked(const struct check_link *link, const char *only)
{
	return !only || strcmp(link->id, only) == 0 ||
	       (link->step && strcmp(link->step, only) == 0);
}

/* What those that were asked for stand on is looked at, and told where it is broken. */
static void forget_others(struct check *check, const char *only)
{
	unsigned causes = 0;

	for (int i = 0; i < CHECK_LINKS; i++)
		if (is_asked(&check_links[i], only) && check->results[i].state == CHECK_SKIPPED)
			causes |= LINK_BIT(check->results[i].needs);
	for (int i = 0; i < CHECK_LINKS; i++)
		if (!is_asked(&check_links[i], only) && !(causes & LINK_BIT(i)))
			check->results[i].state = CHECK_UNSEEN;
}

/* ---- the verb */

/* Somebody may look at a machine without a guest agent: then the default settings are what counts.
 */
static int begin(struct check *check, const struct command *command, struct err *err)
{
	struct session *session = &check->session;
	struct sys *sys = session->sys;
	int r;

	sys->deadline_ns = sys->ops->boottime_ns(sys) + CHECK_DEADLINE_S * 1000 * NS_PER_MS;
	r = session_find(session, command->folder, command->sequence, &check->no_settings);
	check->no_agent = r == -ENOENT;
	if (r == 0)
		r = session_parse(session, &check->no_settings);
	if (r < 0) {
		settings_done(&session->settings);
		session->settings = (struct settings)SETTINGS_INIT;
	}
	session->settings.identity_wait = 0; /* people want to know how it is now */
	session->machine.backend_later = true; /* a link of its own asks it */
	read_in_force(check);
	check->command = command;
	check->table = &command->tables[handler_source(sys, &session->settings, WANT_PRESENT)];
	return session_start(session, command->folder, command->version, err);
}

static void check_done(struct check *check)
{
	buf_done(&check->url);
	http_response_done(&check->discovery);
	conf_done(&check->in_force);
	for (int i = 0; i < CHECK_LINKS; i++)
		buf_done(&check->results[i].findings);
	session_done(&check->session);
}

/* Half of the chain would be blamed for what others may not read. */
static int refuse_stranger(struct err *err)
{
	(void)err_set(err, EPERM, "check reads files that are root's alone");
	return err_remedy(err, EXIT_DEPENDENCY, "run it as root");
}

int inspect_check(struct sys *sys, const struct command *command, const struct query *query)
{
	CLEANUP(check_done)
	struct check check = {
		.session = SESSION_INIT(sys),
		.discovery = HTTP_RESPONSE_INIT,
	};
	struct err err = {0};
	AUTO_BUF text = {0};
	int r = geteuid() == sys->owner ? begin(&check, command, &err) : refuse_stranger(&err);

	if (r < 0)
		return inspect_fail(command, query, &err, EXIT_VERIFY);
	for (int i = 0; i < CHECK_LINKS; i++)
		if (is_asked(&check_links[i], query->only))
			visit(&check, (enum check_id)i);
	forget_others(&check, query->only);
	if (!query->json)
		check_text(&check, &query->screen, &text);
	r = inspect_print(command, query->json ? NULL : &text,
			  query->json ? check_json(&check) : NULL);
	return r ? r : check_verdict(check.results);
}
