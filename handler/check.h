/* SPDX-License-Identifier: MIT */
/*
 * `aadssh-handler check`: the chain that a login hangs on, link by link.  A link that stands on a
 * broken one is not looked at, so that one cause is told once.  What a step configures, its link
 * learns from the step itself.
 *
 * MUST:
 *  1. nothing on the machine changes;
 *  2. it ends within CHECK_DEADLINE_S, whatever hangs: what was not reached by then is not known;
 *  3. no link prints a token, a key, or a proxy's password.
 */
#ifndef HANDLER_CHECK_H
#define HANDLER_CHECK_H

#include "handler/inspect.h"
#include "handler/session.h"
#include "lib/core/guid.h"
#include "lib/core/screen.h"
#include "lib/steps/run.h"
#include "lib/sys/http.h"
#include "lib/sys/imds.h"

#define CHECK_DEADLINE_S 30
#define CHECK_COMMAND_MAX (MACHINE_COMMAND_MAX + 64)

enum check_state {
	CHECK_UNSEEN, /* not asked for, or not of this machine: it is not printed */
	CHECK_OK,
	CHECK_NOTE, /* it works, and there is something to know */
	CHECK_FAILED,
	CHECK_SKIPPED, /* it stands on a link that failed */
	CHECK_UNKNOWN, /* it could not be told */
};

/* In the order in which they are printed. */
enum check_id {
	LINK_AGENT,
	LINK_DISK,
	LINK_PLATFORM,
	LINK_CLOCK,
	LINK_PROXY,
	LINK_DNS,
	LINK_IMDS,
	LINK_IDENTITY,
	LINK_TENANT,
	LINK_KEYS,
	LINK_ROLES,
	LINK_LEGACY,
	LINK_INSTALLED,
	LINK_EXTENSION,
	LINK_PACKAGES,
	LINK_CONFIG,
	LINK_SSHD_FILES,
	LINK_SSHD,
	LINK_LOCAL_USERS,
	LINK_LOCAL_ACCOUNTS,
	LINK_AUTHORIZED_KEYS,
	LINK_ACCOUNTS,
	LINK_NAMES,
	LINK_PAM,
	LINK_SUDO,
	LINK_SELINUX,
	LINK_USERS,
	LINK_CONFINEMENT,
	CHECK_LINKS,
};

#define LINK_BIT(id) (1u << (id))

struct check_result {
	enum check_state state;
	enum check_id needs; /* of a skipped one: the link that failed */
	char seen[ERR_MSG_MAX];
	char remedy[ERR_REMEDY_MAX]; /* "" where there is nothing to do */
	char command[CHECK_COMMAND_MAX]; /* one line for a shell; "" where none helps */
	size_t note_count;
	char notes[NOTES_MAX][NOTE_MAX];
	struct buf findings; /* more notes, however many, a line each */
	int64_t ms;
};

/* What links tell each other. */
struct check {
	struct session session;
	const struct command *command;
	const struct step_table *table;
	struct err no_settings; /* why the agent's part could not be read; code 0: it was */
	bool no_agent; /* nobody unpacked this extension: default settings */
	struct conf in_force; /* what CONF_PATH says; all NULL when it cannot be read */
	struct imds_instance instance; /* resource_id is "" until IMDS told it */
	char oid[GUID_SIZE]; /* of the machine's identity, "" until the role backend was asked */
	struct buf url; /* of the tenant's discovery document, once it was asked for */
	struct http_response discovery;
	struct err unreached; /* why there was no answer */
	struct check_result results[CHECK_LINKS];
};

/*
 * Look.  Returns 0, and may have said what was seen by check_see; or a failure in err, with a
 * remedy where the link has none of its own.  Notes go to the session's machine.
 */
typedef int check_look(struct check *check, struct check_result *ret, struct err *err);

struct check_link {
	const char *id; /* stable: scripts read it */
	const char *title; /* what is so when it is ok: a clause */
	const char *step; /* it is this step's, or belongs to it for --only; NULL: none's */
	unsigned needs; /* LINK_BITs: skipped when one of these failed or was skipped */
	unsigned after; /* looked at after these, whatever becomes of them */
	int budget_ms; /* of the whole time, 0: all that is left */
	check_look *look; /* NULL: the step's plan and proof */
	const char *remedy, *command; /* when the failure does not say better */
};

extern const struct check_link check_links[CHECK_LINKS];

/* The link by its id, or the first that belongs to the step of that name; CHECK_LINKS: none. */
enum check_id check_find(const char *name);

const char *check_state_name(enum check_state state);

/* 0: all well; 1: a note, or something unknown; 2: something failed. */
int check_verdict(const struct check_result *results);

/* Say what was seen, or which command helps. */
void check_see(struct check_result *result, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void check_command(struct check_result *result, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A word as a shell takes it: other people named the resources that commands name. */
#define CHECK_WORD_MAX 512
const char *check_word(struct span word, char ret[CHECK_WORD_MAX]);

/*
 * Ask the tenant's authority for its discovery document, once for all links that want to know what
 * becomes of it: url, discovery, and unreached when there is no answer.  A failure is that it is
 * not known whom to ask.
 */
int check_probe(struct check *check, struct err *err);

/* Host and port of a URL, without its user information. */
struct span check_host(const char *url);

/* The proxy that is set, with its password; NULL: none. */
const char *check_proxy(const struct check *check);

/* Plan and prove the step of that name; -ESTALE: it drifted.  Its notes stay with the machine. */
int check_step(struct check *check, const char *name, struct err *err);

/* check/outside.c */
check_look look_agent, look_clock, look_imds, look_identity, look_proxy, look_dns;
/* check/decides.c */
check_look look_tenant, look_keys, look_roles;
/* check/machine.c */
check_look look_disk, look_legacy, look_installed, look_extension, look_sshd_files, look_sshd,
	look_local_users, look_users, look_confinement;
/* check/local.c */
check_look look_local_accounts, look_authorized_keys;

/* The chain as people read it, and as scripts do: manifest/check.schema.json. */
void check_text(const struct check *check, const struct screen *screen, struct buf *ret);
json_t *check_json(const struct check *check);

#endif
