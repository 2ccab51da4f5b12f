/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "handler/extension.h"
#include "handler/steps/selection.h"
#include "lib/core/cleanup.h"
#include "lib/core/foreign.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/selinux.h"
#include "lib/sys/lookup.h"

#if defined(__x86_64__)
#define DEB_ARCH "amd64"
#define RPM_ARCH "x86_64"
#elif defined(__aarch64__)
#define DEB_ARCH "arm64"
#define RPM_ARCH "aarch64"
#endif

static bool always(struct sys *sys)
{
	(void)sys;
	return true;
}

const struct package package_table[PACKAGES] = {
	{"aadsshlogin", DEB_ARCH, RPM_ARCH, KEY_COMMAND_USER, always},
	{"aadsshlogin-selinux", "all", "noarch", NULL, selinux_has_policy},
};

bool selection_wants(struct sys *sys, const char *name)
{
	for (size_t i = 0; i < PACKAGES; i++)
		if (strcmp(package_table[i].name, name) == 0)
			return package_table[i].is_wanted(sys);
	return false;
}

void selection_done(struct selection *selection)
{
	buf_done(&selection->why);
}

/* What is not as the package left it, a clause that stays empty when all is. */
static int find_damage(struct machine *m, const struct pkg_manager *manager,
		       const struct package *package, struct buf *ret, struct err *err)
{
	struct local_user user;
	AUTO_BUF modified = {0};
	int r = pkg_verify(m->sys, manager, package->name, &modified, err);

	if (r < 0)
		return r;
	if (modified.len) {
		buf_printf(ret, "%s was modified", buf_text(&modified));
	} else if (package->user) {
		const char *missing = "user";

		r = lookup_local_user(m->sys, package->user, &user, err);
		if (r == 0) {
			missing = "group";
			r = lookup_local_gid(m->sys, user.gid, err);
		}
		if (r < 0 && r != -ENOENT)
			return r;
		if (r == -ENOENT)
			buf_printf(ret, "its %s %s is missing", missing, package->user);
		*err = (struct err){0};
	}
	return buf_ok(ret, err);
}

enum package_source selection_source(const struct machine *m)
{
	return m->extension->settings->package_source;
}

bool selection_theirs(const struct machine *m)
{
	return selection_source(m) == PACKAGES_MICROSOFT;
}

/* Of theirs every version is right, and a changed file is told and left: their updates are the
 * owner's affair. */
static int judge_theirs(struct machine *m, const struct pkg_manager *manager,
			const struct package *package, const struct pkg_status *status,
			struct buf *why, struct err *err)
{
	AUTO_BUF modified = {0};

	if (status->state == PKG_BROKEN)
		buf_printf(why, "%sinstall %s of Microsoft's, which is half installed",
			   why->len ? ", " : "", package->name);
	else if (pkg_verify(m->sys, manager, package->name, &modified, err) < 0)
		return -err->code;
	else if (modified.len)
		machine_note(m, "%s of Microsoft's %s was modified", buf_text(&modified),
			     package->name);
	return buf_ok(&modified, err);
}

/*
 * Add the reason why a package must be installed; nothing when all is well with it.  switching:
 * what is there will be gone by then.
 */
static int judge(struct machine *m, const struct pkg_manager *manager,
		 const struct package *package, bool switching, struct choice *choice,
		 struct buf *why, struct err *err)
{
	const char *comma = why->len ? ", " : "", *name = package->name;
	char wanted[PKG_VERSION_MAX];
	struct pkg_status status;
	AUTO_BUF damage = {0};
	int r = pkg_query(m->sys, manager, name, &status, err);

	if (r < 0)
		return r;
	(void)snprintf(wanted, sizeof(wanted), OUR_EPOCH "%s", m->extension->version);
	choice->absent = switching || status.state == PKG_ABSENT || status.state == PKG_LEFT_OVER;
	choice->foreign =
		!choice->absent && !selection_theirs(m) && foreign_version(status.version);
	if (choice->absent && selection_theirs(m)) {
		buf_printf(why, "%sinstall %s of Microsoft's", comma, name);
	} else if (selection_theirs(m)) {
		r = judge_theirs(m, manager, package, &status, why, err);
	} else if (choice->absent) {
		buf_printf(why, "%sinstall %s %s", comma, name, wanted);
	} else if (status.state == PKG_BROKEN) {
		buf_printf(why, "%sinstall %s %s, which is half installed", comma, name, wanted);
	} else if (strcmp(status.version, wanted) != 0) {
		buf_printf(why, "%sinstall %s %s in place of %s", comma, name, wanted,
			   status.version);
	} else {
		r = find_damage(m, manager, package, &damage, err);
		if (damage.len)
			buf_printf(why, "%sinstall %s %s again, as %s", comma, name, wanted,
				   buf_text(&damage));
	}
	return r;
}

static void name_file(const struct machine *m, const struct pkg_manager *manager,
		      const struct package *package, char *ret, size_t size)
{
	const char *version = m->extension->version;

	if (strcmp(pkg_type(manager), "deb") == 0)
		(void)snprintf(ret, size, "packages/%s_%s_%s.deb", package->name, version,
			       package->deb_arch);
	else
		(void)snprintf(ret, size, "packages/%s-%s-1.%s.rpm", package->name, version,
			       package->rpm_arch);
}

bool selection_embedded(const struct machine *m, const struct pkg_manager *manager, size_t index,
			struct embedded_package *ret)
{
	if (index >= PACKAGES)
		return false;
	*ret = (struct embedded_package){.name = package_table[index].name};
	(void)snprintf(ret->version, sizeof(ret->version), OUR_EPOCH "%s", m->extension->version);
	name_file(m, manager, &package_table[index], ret->file, sizeof(ret->file));
	return true;
}

int selection_make(struct machine *m, const struct pkg_manager *manager, bool switching,
		   struct selection *ret, struct err *err)
{
	for (size_t i = 0; i < PACKAGES; i++) {
		struct choice *choice = &ret->list[ret->count];
		const struct package *package = &package_table[i];
		size_t before = ret->why.len;

		if (!package->is_wanted(m->sys))
			continue;
		if (judge(m, manager, package, switching, choice, &ret->why, err) < 0)
			return -err->code;
		if (ret->why.len == before)
			continue;
		choice->package = package;
		name_file(m, manager, package, choice->file, sizeof(choice->file));
		ret->count++;
	}
	return buf_ok(&ret->why, err);
}
