/* SPDX-License-Identifier: MIT */
/*
 * Other products for the same sign-in, which would fight over sshd, PAM and sudo.  The older one,
 * aadlogin, is refused, or removed when that is asked for: its users and their homes stay, and who
 * is signed in stays so.  From the closed product, whose packages have our names, the next step
 * takes over by installing ours.  Neither is brought back later: its packages are not ours.
 *
 * The script that aadlogin's package runs before it goes deletes its users, and fails while one of
 * them is signed in, so where it has users it is not run: what it did is taken back by us.
 */
#include "config.h"

#include <errno.h>

#include "handler/extension.h"
#include "handler/presence.h"
#include "handler/steps.h"
#include "handler/steps/packages.h"
#include "handler/steps/takeover.h"
#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/steps/accounts.h"

static bool has_users(struct machine *m)
{
	struct err ignored = {0};
	AUTO_BUF text = {0};
	struct span rest, line;

	if (fs_read(m->sys, AADPASSWD_PATH, 0, AADPASSWD_MAX, &text, NULL, &ignored) < 0)
		return false;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line))
		if (line.len && line.p[0] != '#')
			return true;
	return false;
}

static int remove_one(struct machine *m, const struct pkg_manager *manager, const char *name,
		      bool bare, struct err *err)
{
	const char *const names[] = {name, NULL};

	return bare ? pkg_remove_bare(m->sys, manager, names, m->log_fd, err)
		    : pkg_remove_anyway(m->sys, manager, names, m->log_fd, err);
}

static int remove_old(struct machine *m, const struct pkg_manager *manager,
		      const struct foreign_packages *old, struct err *err)
{
	struct foreign_packages left;
	const bool bare = has_users(m);
	int r = 0;

	for (size_t i = 0; r == 0 && i < old->count; i++)
		r = remove_one(m, manager, old->list[i].name, bare, err);
	if (r == 0)
		r = takeover_find(m->sys, manager, false, &left, err);
	if (r == 0 && left.count)
		r = err_set(err, EEXIST, "it is still installed");
	return r;
}

static int migrate(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	struct foreign_packages old = {.count = 0};
	AUTO_BUF what = {0};
	int r = takeover_find(m->sys, manager, false, &old, err);

	if (r == 0)
		r = takeover_name(&old, false, &what, err);
	if (r == 0)
		r = remove_old(m, manager, &old, err);
	if (r == 0)
		return takeover_finish(m, err);
	(void)err_wrap(err, "cannot remove the old product (%s)", buf_text(&what));
	return err->outcome ? r : err_remedy(err, EXIT_LEGACY, "remove its packages by hand");
}

/* They keep what they have; only their next sudo is ours. */
static int note_users(struct machine *m, struct err *err)
{
	AUTO_BUF names = {0};
	int r = presence_names(m->sys, 1, UINT32_MAX, &names, err);

	if (r == 0 && names.len)
		machine_note(m, "still signed in from before: %s; their sessions go on",
			     buf_text(&names));
	return r;
}

static int refuse_old(const char *what, struct err *err)
{
	(void)err_set(err, EEXIST, "the old product is installed: %s", what);
	return err_remedy(err, EXIT_LEGACY,
			  "remove the extension AADLoginForLinux and the package aadlogin, or set "
			  "migrateLegacy to true");
}

static int plan_shutting(struct machine *m, const char *old, const char *closed,
			 struct changes *ret, struct err *err)
{
	AUTO_BUF words = {0};
	int r = takeover_check(m, err);

	if (r < 0)
		return r;
	buf_printf(&words, "close the door of %s%s%s: its lines in sshd, sudo and PAM", old,
		   old[0] && closed[0] ? ", " : "", closed);
	r = buf_ok(&words, err);
	if (r == 0)
		r = note_users(m, err);
	if (r == 0)
		r = accounts_keep_foreign(m, ret, err);
	return r < 0 ? r : changes_call(ret, buf_text(&words), takeover_shut, takeover_reopen, err);
}

/* A program each: remove_one. */
static int foretell_removal(struct machine *m, const struct foreign_packages *old,
			    struct changes *ret, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	const bool bare = has_users(m);
	int r = 0;

	for (size_t i = 0; r == 0 && i < old->count; i++) {
		const char *const names[] = {old->list[i].name, NULL};
		const char *argv[PKG_ARGV_MAX];

		if (old->list[i].replaced)
			continue;
		r = bare ? pkg_remove_bare_command(manager, names, argv, err)
			 : pkg_remove_command(m->sys, manager, names, argv, err);
		if (r == 0 && argv[0])
			r = changes_runs(ret, argv, err);
	}
	return r;
}

static int plan_removal(struct machine *m, const struct foreign_packages *found, const char *old,
			struct changes *ret, struct err *err)
{
	AUTO_BUF words = {0};
	int r;

	buf_printf(&words, "remove %s", old);
	r = buf_ok(&words, err);
	if (r == 0)
		r = changes_call(ret, buf_text(&words), migrate, NULL, err);
	return r < 0 || !m->foretells ? r : foretell_removal(m, found, ret, err);
}

static int plan_present(struct machine *m, struct changes *ret, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	const struct settings *settings = m->extension->settings;
	struct foreign_packages found = {.count = 0};
	bool recorded = false, theirs = false;
	AUTO_BUF old = {0}, closed = {0};
	int r = packages_recorded(m->sys, &recorded, &theirs, err);

	/* What the extension itself put there, the next step knows how to take off. */
	theirs = theirs || settings->package_source == PACKAGES_MICROSOFT;
	if (r == 0 && manager)
		r = takeover_find(m->sys, manager, !theirs, &found, err);
	if (r == 0)
		r = takeover_name(&found, false, &old, err);
	if (r == 0)
		r = takeover_name(&found, true, &closed, err);
	if (r == 0 && old.len && !settings->migrate_legacy)
		return refuse_old(buf_text(&old), err);
	if (r == 0 && found.count)
		r = plan_shutting(m, buf_text(&old), buf_text(&closed), ret, err);
	if (r == 0 && old.len)
		r = plan_removal(m, &found, buf_text(&old), ret, err);
	if (r == 0 && !found.count && takeover_begun(m))
		r = changes_call(ret, "finish what an earlier run began to take over",
				 takeover_finish, NULL, err);
	return r;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	if (want == WANT_PRESENT)
		return plan_present(m, ret, err);
	return takeover_begun(m) ? changes_call(ret, "undo what an earlier run began to take over",
						takeover_give_up, NULL, err)
				 : 0;
}

const struct step step_legacy = {
	.name = "legacy",
	.purpose = "no other product signs Entra users in",
	.exit_code = EXIT_LEGACY,
	.plan = plan,
};
