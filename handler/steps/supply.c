/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "handler/extension.h"
#include "handler/steps/platform.h"
#include "handler/steps/supply.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/repoprobe.h"

#define OWN_KEY "/aadsshlogin.asc" /* below repositoryUrl, when repositoryKeyUrl is not given */
#define MICROSOFT_KEY "/keys/microsoft.asc"
#define MICROSOFT_COMPONENT "main"

/* As manifest/distros.yaml names it. */
#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#endif

/* A repository, and how this machine reads it. */
struct supply {
	const struct repo_manager *manager;
	struct repo repo; /* borrows from the settings and from here */
	struct distro_places places; /* below base; count 0: base itself */
	struct buf base, url, key_url, key;
};

static void supply_done(struct supply *supply)
{
	buf_done(&supply->base);
	buf_done(&supply->url);
	buf_done(&supply->key_url);
	buf_done(&supply->key);
}

#define AUTO_SUPPLY CLEANUP(supply_done) struct supply

static bool is_microsoft(const struct machine *m)
{
	return m->extension->settings->package_source == PACKAGES_MICROSOFT;
}

const char *supply_url(const struct machine *m)
{
	const struct settings *settings = m->extension->settings;

	if (settings->repository_url)
		return settings->repository_url;
	return is_microsoft(m) ? m->extension->microsoft : "";
}

/* Which program reads repositories here, and for Microsoft's the places where they may be. */
static int learn_platform(struct machine *m, struct supply *supply, struct err *err)
{
	struct platform platform = {.id = ""};
	struct osrelease os = {.id = ""};
	AUTO_YAML table = {0};
	struct err why = {0};
	int r = extension_table(m->sys, m->extension->folder, "manifest/distros.yaml", FS_TRUSTED,
				&table, err);

	/* A machine that does not say what it is has its package manager all the same. */
	if (r == 0 && platform_os_release(m->sys, &os, &why) < 0 && is_microsoft(m)) {
		*err = why;
		r = -why.code;
	}
	if (r == 0 && os.id[0])
		r = distro_decide(&table, &os, &platform, err);
	if (r == 0 && is_microsoft(m))
		r = distro_microsoft(&table, &os, ARCH, &supply->places, err);
	if (r < 0)
		return r;
	supply->manager = repo_detect(m->sys, platform.package_manager);
	if (supply->manager)
		return 0;
	(void)err_set(err, ENOPKG, "there is no program that reads repositories of packages");
	return err_remedy(
		err, EXIT_DEPENDENCY,
		"install apt, dnf, yum, zypper or tdnf, or set packageSource to embedded");
}

static const char *filled(const char *text)
{
	return text && text[0] ? text : NULL;
}

/* The repository as far as the settings say it. */
static int describe(struct machine *m, struct supply *supply, struct err *err)
{
	const struct settings *settings = m->extension->settings;
	const char *base = supply_url(m);
	size_t len = strlen(base);

	while (len && base[len - 1] == '/')
		len--;
	if (len == 0)
		return err_set(err, EINVAL, "it is not known where the repository is");
	buf_add(&supply->base, base, len);
	if (settings->repository_key_url)
		buf_str(&supply->key_url, settings->repository_key_url);
	else
		buf_printf(&supply->key_url, "%s%s", buf_text(&supply->base),
			   is_microsoft(m) ? MICROSOFT_KEY : OWN_KEY);
	supply->repo = (struct repo){
		.url = buf_text(&supply->base),
		.suite = filled(supply->places.suite),
		.component = filled(supply->places.suite) ? MICROSOFT_COMPONENT : NULL,
		.proxy = settings->proxy_secret ? settings->proxy_secret : settings->proxy,
		.no_proxy = settings->no_proxy,
		/* A token of one's own mirror is none of Microsoft's business. */
		.token = settings->repository_url ? settings->repository_token : NULL,
	};
	if (buf_ok(&supply->base, err) < 0 || buf_ok(&supply->key_url, err) < 0)
		return -err->code;
	return 0;
}

/* Of several places the first that is there; when none is, what the first said counts. */
static int find_metadata(struct machine *m, struct supply *supply, struct err *err)
{
	const char *type = repo_manager_type(supply->manager);
	struct err first = {0};

	if (supply->places.count == 0)
		return repoprobe_metadata(m->sys, &supply->repo, type, err);
	for (size_t i = 0; i < supply->places.count; i++) {
		struct err own = {0};
		int r;

		buf_done(&supply->url);
		buf_printf(&supply->url, "%s%s", buf_text(&supply->base), supply->places.paths[i]);
		if (buf_ok(&supply->url, err) < 0)
			return -err->code;
		supply->repo.url = buf_text(&supply->url);
		r = repoprobe_metadata(m->sys, &supply->repo, type, &own);
		if (r == 0)
			return 0;
		if (i == 0)
			first = own;
		if (r != -EREMOTEIO && r != -EACCES)
			break;
	}
	*err = first;
	return -first.code;
}

static bool has_line(struct span text, const char *wanted)
{
	struct span line;

	while (span_line(&text, &line))
		if (!wanted || span_is(line, wanted))
			return true;
	return false;
}

static int check_offer(struct machine *m, const struct supply *supply,
		       const struct repo_package *wanted, struct err *err)
{
	AUTO_BUF versions = {0};
	struct span rest, newest = {0};
	int r = repo_versions(m->sys, supply->manager, wanted->name, &versions, err);

	if (r < 0 || has_line(buf_bytes(&versions), wanted->version))
		return r;
	rest = buf_bytes(&versions);
	if (!span_line(&rest, &newest))
		(void)err_set(err, ENODATA, "%s does not offer %s", supply->repo.url, wanted->name);
	else
		(void)err_set(err, ENODATA, "%s offers %s up to %.*s, but not %s", supply->repo.url,
			      wanted->name, (int)(newest.len < 64 ? newest.len : 64),
			      (const char *)newest.p, wanted->version);
	return err_remedy(
		err, EXIT_REPOSITORY,
		wanted->version ? "put the packages of this version of the extension there, or set "
				  "packageSource to embedded"
				: "it has no packages for this distribution and architecture: set "
				  "packageSource to embedded");
}

int supply_reach(struct machine *m, const struct repo_package *wanted, size_t count,
		 struct err *err)
{
	AUTO_SUPPLY supply = {.manager = NULL};
	int r = learn_platform(m, &supply, err);

	if (r == 0)
		r = describe(m, &supply, err);
	if (r == 0)
		r = find_metadata(m, &supply, err);
	if (r == 0)
		r = repoprobe_key(m->sys, &supply.repo, buf_text(&supply.key_url), &supply.key,
				  err);
	if (r == 0) {
		supply.repo.key = buf_bytes(&supply.key);
		m->extension->reached = true;
		r = repo_add(m->sys, supply.manager, &supply.repo, err);
	}
	if (r == 0)
		r = repo_refresh(m->sys, supply.manager, m->log_fd, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_offer(m, &supply, &wanted[i], err);
	return r;
}

int supply_install(struct machine *m, const struct repo_package *wanted, size_t count,
		   struct err *err)
{
	AUTO_SUPPLY supply = {.manager = NULL};
	int r = learn_platform(m, &supply, err);

	return r < 0 ? r : repo_install(m->sys, supply.manager, wanted, count, m->log_fd, err);
}

static int tell(const char *const *argv, void *arg, struct err *err)
{
	return changes_runs(arg, argv, err);
}

int supply_tell_reach(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_SUPPLY supply = {.manager = NULL};
	int r = learn_platform(m, &supply, err);

	return r < 0 ? r : repo_tell_refresh(supply.manager, tell, ret, err);
}

int supply_tell_install(struct machine *m, const struct repo_package *wanted, size_t count,
			struct changes *ret, struct err *err)
{
	AUTO_SUPPLY supply = {.manager = NULL};
	int r = learn_platform(m, &supply, err);

	return r < 0 ? r
		     : repo_tell_install(m->sys, supply.manager, wanted, count, tell, ret, err);
}

bool supply_is_left(struct machine *m)
{
	return !m->extension->reached && fs_exists(m->sys, REPO_DIR);
}

int supply_leave(struct machine *m, struct err *err)
{
	m->extension->reached = false;
	return repo_take_off(m->sys, err);
}
