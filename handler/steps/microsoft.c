/* SPDX-License-Identifier: MIT */
/*
 * Packages of Microsoft's product configure sshd, PAM, NSS and sudo themselves.  These steps see
 * that they did, and that what they did cannot hurt: their Match block at the end of sshd_config
 * gets its end.  Source of what they do: lib/core/foreign.h.
 *
 * Invariants:
 *  1. Nothing that their packages should have written is written here.
 *  2. When they go, sshd and PAM stop asking for their programs before these are gone: a stack that
 *     asks a module which is missing lets nobody in.  But for files that pam-auth-update keeps,
 *     which refuses all further work on what others edited, and which their packages bring up to
 *     date before they remove the module.
 *  3. What their packages leave behind goes after them, when nothing of that name is installed.
 *  4. Packages that somebody else installed stay, with all that they wrote: of these the end of
 *     their block alone is taken back.
 *  5. As long as sshd takes keys of their program, PAM asks for the role.  What sshd read last
 *     counts, not its file alone: a run may have been killed, or failed, before sshd read it again.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "handler/steps.h"
#include "handler/steps/microsoft.h"
#include "handler/steps/packages.h"
#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/foreign.h"
#include "lib/core/nsswitch.h"
#include "lib/core/outcome.h"
#include "lib/core/pamstack.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/authselect.h"
#include "lib/steps/changes.h"
#include "lib/steps/pamfile.h"
#include "lib/steps/programs.h"
#include "lib/steps/selinux.h"
#include "lib/steps/sshd.h"
#include "lib/sys/pkg.h"
#include "lib/sys/proc.h"

#define PACKAGE "aadsshlogin"
#define NSSWITCH_PATH "/etc/nsswitch.conf"
#define PAM_VENDOR_DIR "/usr/lib/pam.d"
#define PAM_DEPTH_MAX 8
#define SUDOERS_PATH "/etc/sudoers.d/aad_admins"
#define ADMINS "%aad_admins"
#define KEY_PROGRAM "/aad_certhandler"
#define VISUDO_MS 20000
#define OUTPUT_MAX ((size_t)1 << 20)

static int missing(struct err *err, const char *what)
{
	(void)err_set(err, ENOENT, "Microsoft's packages are installed, but %s", what);
	return err_remedy(err, EXIT_VERIFY,
			  "read packages.log, install the package " PACKAGE
			  " again, or set packageSource to embedded");
}

static int nothing(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)m;
	(void)want;
	(void)ret;
	(void)err;
	return 0;
}

static bool is_installed(struct machine *m)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	struct pkg_status status = {.state = PKG_INSTALLED};
	struct err ignored = {0};

	if (manager && pkg_query(m->sys, manager, PACKAGE, &status, &ignored) < 0)
		return true;
	return !manager || status.state == PKG_INSTALLED || status.state == PKG_BROKEN;
}

static int read_main(struct machine *m, struct buf *ret, bool *ret_exists, struct err *err)
{
	return fs_read_optional(m->sys, SSHD_MAIN_PATH, FS_FOLLOW, FS_CONFIG_MAX, ret, ret_exists,
				NULL, err);
}

/* ---- the name services */

static int prove_accounts(struct machine *m, struct err *err)
{
	AUTO_BUF text = {0};
	int r = fs_read(m->sys, NSSWITCH_PATH, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, err);

	if (r == 0 && !nsswitch_has(buf_bytes(&text)))
		r = missing(err, "the passwd line of " NSSWITCH_PATH " does not name aad");
	return r;
}

const struct step step_their_accounts = {
	.name = "accounts",
	.purpose = "glibc asks Microsoft's product for users",
	.exit_code = EXIT_VERIFY,
	.plan = nothing,
	.prove = prove_accounts,
};

/* ---- PAM */

/* The file that stands in place of an include: "@include X", "account include X". */
static bool find_included(const struct pam_entry *entry, char *ret, size_t size)
{
	struct span bytes = entry->bytes, rest, word;

	if (!span_line(&bytes, &rest) || !span_word(&rest, &word))
		return false;
	if (word.len && word.p[0] != '@' && !span_word(&rest, &word))
		return false;
	return span_word(&rest, &word) && span_copy(word, ret, size) && !strchr(ret, '/');
}

static int read_service(struct machine *m, const char *name, struct buf *ret, struct err *err)
{
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), PAM_DIR "/%s", name);
	r = fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, err);
	if (r != -ENOENT)
		return r;
	*err = (struct err){0};
	(void)snprintf(path, sizeof(path), PAM_VENDOR_DIR "/%s", name);
	return fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, err);
}

/* Does the account stack of a service ask pam_aad.so, itself or in a file that it includes? */
static int asks(struct machine *m, const char *name, unsigned depth, bool *ret, struct err *err)
{
	char included[NAME_MAX];
	struct pam_entry entry;
	struct span rest;
	AUTO_BUF text = {0};
	int r = depth < PAM_DEPTH_MAX ? read_service(m, name, &text, err) : 0;

	rest = buf_bytes(&text);
	while (r == 0 && !*ret && pamstack_next(&rest, &entry)) {
		if (entry.type != PAM_TYPE_ACCOUNT && entry.type != PAM_TYPE_ANY)
			continue;
		if (entry.aad)
			*ret = true;
		else if (entry.includes && find_included(&entry, included, sizeof(included)))
			r = asks(m, included, depth + 1, ret, err);
	}
	return r;
}

static int prove_pam(struct machine *m, struct err *err)
{
	bool found = false;
	int r = asks(m, "sshd", 0, &found, err);

	if (r == 0 && !found)
		r = missing(err, "the account stack of " PAM_DIR "/sshd does not ask pam_aad.so");
	return r;
}

static int take_out(struct machine *m, const char *name, bool managed_too, struct changes *ret,
		    struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	char path[PATH_MAX], file[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), PAM_DIR "/%s", name);
	r = pamfile_foreign(m, path, file, &before, NULL, err);
	if (r <= 0 || (!managed_too && strstr(buf_text(&before), "pam-auth-update")))
		return r < 0 ? r : 0;
	if (foreign_pam_remove(buf_bytes(&before), &after, err) < 0)
		return err_wrap(err, "%s", file);
	return changes_edit(m, ret, file, buf_bytes(&after), err);
}

/* The first failure is told, and the other files are done. */
static int take_all_out(struct machine *m, bool managed_too, struct changes *ret, struct err *err)
{
	AUTO_NAMES names = NULL;
	struct err ignored = {0};

	if (fs_list(m->sys, PAM_DIR, &names, &ignored) < 0)
		return 0;
	for (char **name = names; *name; name++) {
		struct err own = {0};

		if (take_out(m, *name, managed_too, ret, &own) < 0 && err->code == 0)
			*err = own;
	}
	return -err->code;
}

/* Invariant 5, after sshd's own step. */
static int check_keys_are_off(struct machine *m, struct err *err)
{
	AUTO_BUF text = {0};
	unsigned line;
	bool exists;
	int r = is_installed(m) ? read_main(m, &text, &exists, err) : 0;

	if (r < 0)
		return r;
	line = foreign_sshd_line(buf_bytes(&text));
	if (line == 0)
		return 0;
	(void)err_set(err, EBUSY,
		      SSHD_MAIN_PATH
		      ":%u still lets Entra users in, so PAM goes on asking for roles",
		      line);
	return err_remedy(err, 0, "take that Match block out, reload sshd, and try again");
}

/* In one, since the runner goes on behind a change that fails. */
static int stop_asking(struct machine *m, struct err *err)
{
	AUTO_CHANGES changes = {0};
	int r = check_keys_are_off(m, err);

	if (r == 0)
		r = sshd_reload(m, err);
	if (r == 0)
		r = take_all_out(m, false, &changes, err);
	for (size_t i = 0; r == 0 && i < changes.count; i++)
		r = change_make(m, &changes.list[i], false, err);
	return r;
}

static int plan_question_out(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_CHANGES wanted = {0};
	AUTO_BUF what = {0};
	int r = check_keys_are_off(m, err);

	if (r < 0 || !is_installed(m))
		return r < 0 ? r : take_all_out(m, false, ret, err);
	r = take_all_out(m, false, &wanted, err);
	if (r < 0 || wanted.count == 0)
		return r;
	buf_str(&what, "reload sshd");
	for (size_t i = 0; i < wanted.count; i++)
		buf_printf(&what, ", %s", wanted.list[i].what);
	return buf_ok(&what, err) < 0 ? -err->code
				      : changes_call(ret, buf_text(&what), stop_asking, NULL, err);
}

static int plan_pam(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	bool ours = false;

	if (want == WANT_PRESENT)
		return 0;
	if (packages_put_theirs(m->sys, &ours, err) < 0)
		return -err->code;
	return ours ? plan_question_out(m, ret, err) : 0;
}

const struct step step_their_pam = {
	.name = "pam",
	.purpose = "sign-in asks Microsoft's product for permission",
	.exit_code = EXIT_VERIFY,
	.plan = plan_pam,
	.prove = prove_pam,
};

/* ---- sudo */

static int prove_sudo(struct machine *m, struct err *err)
{
	static const char *const argv[] = {VISUDO_PROGRAM, "-c", NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.timeout_ms = VISUDO_MS,
		.output_max = OUTPUT_MAX,
		.merge_stderr = true,
	};
	AUTO_PROC res = PROC_RESULT_INIT;

	if (!fs_exists(m->sys, VISUDO_PROGRAM)) {
		machine_note(m, "sudo is not installed: administrators have nothing to use");
		return 0;
	}
	if (!fs_exists(m->sys, SUDOERS_PATH))
		return missing(err, "there is no " SUDOERS_PATH);
	return proc_must(m->sys, &spec, &res, err);
}

const struct step step_their_sudo = {
	.name = "sudo",
	.purpose = "sudo lets administrators of Microsoft's product",
	.exit_code = EXIT_VERIFY,
	.plan = nothing,
	.prove = prove_sudo,
};

/* ---- SELinux */

static int prove_selinux(struct machine *m, struct err *err)
{
	bool loaded = false;

	if (!selinux_is_on(m->sys))
		return 0;
	if (selinux_has_vendors(m, &loaded, err) < 0)
		return -err->code;
	return loaded ? 0
		      : missing(err, "SELinux is on and its module " SELINUX_VENDOR_MODULE
				     " is not loaded");
}

const struct step step_their_selinux = {
	.name = "selinux",
	.purpose = "where SELinux is on, the policy of Microsoft's product",
	.exit_code = EXIT_VERIFY,
	.plan = nothing,
	.prove = prove_selinux,
};

/* ---- sshd */

static int edit_main(struct machine *m, struct span after, struct changes *ret, struct err *err)
{
	size_t before = ret->count;
	int r = changes_edit(m, ret, SSHD_MAIN_PATH, after, err);

	if (r < 0 || ret->count == before)
		return r;
	return sshd_plan_reload(m, ret, err);
}

/* What stood behind their block counts for their users alone, and goes on doing so. */
static int close_block(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, after = {0}, without = {0};
	unsigned swallowed = 0;
	bool exists;
	int r = read_main(m, &before, &exists, err);

	if (r < 0 || !exists)
		return r;
	if (foreign_sshd_close(buf_bytes(&before), &after, err) < 0 ||
	    foreign_sshd_remove(buf_bytes(&before), &without, &swallowed, err) < 0)
		return -err->code;
	if (swallowed)
		machine_note(m,
			     SSHD_MAIN_PATH ":%u stands in the Match block of Microsoft's packages "
					    "and counts for Entra users alone",
			     swallowed);
	return edit_main(m, buf_bytes(&after), ret, err);
}

static int remove_block(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	unsigned swallowed = 0;
	bool exists;
	int r = read_main(m, &before, &exists, err);

	if (r == 0 && exists)
		r = foreign_sshd_remove(buf_bytes(&before), &after, &swallowed, err);
	if (r == 0 && exists)
		r = edit_main(m, buf_bytes(&after), ret, err);
	return r;
}

static int open_block(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	bool exists;
	int r = read_main(m, &before, &exists, err);

	if (r == 0 && exists)
		r = foreign_sshd_unclose(buf_bytes(&before), &after, err);
	return r < 0 || !exists ? r : edit_main(m, buf_bytes(&after), ret, err);
}

static int plan_sshd(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	bool ours = false;

	if (want == WANT_PRESENT)
		return close_block(m, ret, err);
	if (packages_put_theirs(m->sys, &ours, err) < 0)
		return -err->code;
	return ours ? remove_block(m, ret, err) : open_block(m, ret, err);
}

static bool is_their_command(struct span shown)
{
	struct span program;

	return span_word(&shown, &program) && program.len > strlen(KEY_PROGRAM) &&
	       memcmp(program.p + program.len - strlen(KEY_PROGRAM), KEY_PROGRAM,
		      strlen(KEY_PROGRAM)) == 0;
}

static int prove_sshd(struct machine *m, struct err *err)
{
	AUTO_BUF settings = {0};
	struct span shown;
	char probe[256];
	int r = machine_probe(m, probe, sizeof(probe), err);

	if (r == 0)
		r = sshd_show(m, NULL, probe, &settings, err);
	if (r < 0)
		return r;
	if (!sshdconf_shown(buf_bytes(&settings), "UsePAM", &shown) || !span_is(shown, "yes"))
		return missing(err, "sshd does not use PAM: set UsePAM yes in " SSHD_MAIN_PATH);
	if (!sshdconf_shown(buf_bytes(&settings), "AuthorizedKeysCommand", &shown) ||
	    !is_their_command(shown))
		return missing(err, "sshd does not ask aad_certhandler for keys of Entra users");
	return 0;
}

const struct step step_their_sshd = {
	.name = "sshd",
	.purpose = "sshd asks Microsoft's product for keys, and their block has an end",
	.exit_code = EXIT_VERIFY,
	.plan = plan_sshd,
	.prove = prove_sshd,
};

/* ---- what they leave */

static int plan_nsswitch(struct machine *m, struct changes *ret, struct err *err)
{
	const char *path = authselect_owns(m) ? AUTHSELECT_NSSWITCH_PATH : NSSWITCH_PATH;
	AUTO_BUF before = {0}, after = {0};
	bool exists;
	int r = fs_read_optional(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &before, &exists, NULL,
				 err);

	if (r == 0 && exists)
		r = nsswitch_remove(buf_bytes(&before), &after, err);
	if (r == 0 && exists)
		r = changes_edit(m, ret, path, buf_bytes(&after), err);
	return r;
}

/* A file of rules for their group and nobody else. */
static int plan_sudoers(struct machine *m, struct changes *ret, struct err *err)
{
	struct span rest, line, word;
	AUTO_BUF text = {0};
	struct err ignored = {0};

	if (fs_read(m->sys, SUDOERS_PATH, 0, FS_CONFIG_MAX, &text, NULL, &ignored) < 0)
		return 0;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line))
		if (span_word(&line, &word) && word.p[0] != '#' && !span_is(word, ADMINS))
			return 0;
	return changes_remove(m, ret, SUDOERS_PATH, err);
}

/* Who has a uid and perhaps a home by it keeps them, for whatever signs people in next. */
static int plan_users(struct machine *m, struct changes *ret, struct err *err)
{
	struct span rest, line;
	AUTO_BUF text = {0};
	struct err ignored = {0};

	if (fs_read(m->sys, AADPASSWD_PATH, 0, AADPASSWD_MAX, &text, NULL, &ignored) < 0)
		return 0;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line))
		if (span_trim(line).len)
			return 0;
	return changes_remove(m, ret, AADPASSWD_PATH, err);
}

static int plan_pam_files(struct machine *m, struct changes *ret, struct err *err)
{
	return take_all_out(m, true, ret, err);
}

static int plan_leftovers(struct machine *m, struct changes *ret, struct err *err)
{
	static int (*const plans[])(struct machine * m, struct changes * ret, struct err * err) = {
		remove_block, plan_pam_files, plan_sudoers, plan_nsswitch, plan_users};

	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		struct err own = {0};

		if (plans[i](m, ret, &own) < 0 && err->code == 0)
			*err = own;
	}
	return -err->code;
}

/* Invariant 2: what cannot be taken out keeps the packages, with which it works. */
int microsoft_release(struct machine *m, struct err *err)
{
	AUTO_CHANGES changes = {0};
	int r = is_installed(m) ? remove_block(m, &changes, err) : 0;

	for (size_t i = 0; r == 0 && i < changes.count; i++)
		r = change_make(m, &changes.list[i], false, err);
	return r == 0 && is_installed(m) ? stop_asking(m, err) : r;
}

/* The first failure is told, and the rest is done. */
int microsoft_clean(struct machine *m, struct err *err)
{
	AUTO_CHANGES changes = {0};

	if (is_installed(m))
		return 0;
	(void)plan_leftovers(m, &changes, err);
	for (size_t i = 0; i < changes.count; i++) {
		struct err own = {0};

		if (change_make(m, &changes.list[i], false, &own) < 0 && err->code == 0)
			*err = own;
	}
	return -err->code;
}
