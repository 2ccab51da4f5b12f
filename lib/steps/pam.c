/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/foreign.h"
#include "lib/core/outcome.h"
#include "lib/core/pamstack.h"
#include "lib/core/sshdconf.h"
#include "lib/steps/pamfile.h"
#include "lib/steps/programs.h"

#define PAM_VENDOR_DIR "/usr/lib/pam.d" /* for what is not in PAM_DIR (seen on libpam 1.4, 1.7) */

/* Before OpenSSH 10 its name, and so the service's.  The key command looks at these two files. */
#define SERVICE_SSHD "sshd"
#define SERVICE_SUDO "sudo"

/* A service's name becomes the name of a file. */
static int service_path(struct span service, char ret[PATH_MAX], struct err *err)
{
	if (service.len == 0 || service.len > NAME_MAX || service.p[0] == '.' ||
	    memchr(service.p, '/', service.len))
		return err_set(err, EINVAL, "\"%.*s\" cannot be a PAM service",
			       (int)(service.len < 64 ? service.len : 64), (const char *)service.p);
	(void)snprintf(ret, PATH_MAX, PAM_DIR "/%.*s", (int)service.len, (const char *)service.p);
	return 0;
}

/* Two programs may share a service. */
static bool is_planned(const struct changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->count; i++)
		if (strcmp(changes->list[i].path, path) == 0)
			return true;
	return false;
}

/* path: of a file of PAM_DIR */
static int read_vendors(struct machine *m, const char *path, struct buf *ret, struct err *err)
{
	char vendors[PATH_MAX];

	(void)snprintf(vendors, sizeof(vendors), PAM_VENDOR_DIR "%s", strrchr(path, '/'));
	return fs_read(m->sys, vendors, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, err);
}

/*
 * The service is the vendor's.  A copy, not lines that include it: when the vendor's file goes, a
 * service that cannot be read would lock everybody out.
 */
static int plan_copy(struct machine *m, const char *path, enum pam_question question,
		     struct changes *ret, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0644);
	AUTO_BUF before = {0}, stack = {0}, after = {0};
	int r = read_vendors(m, path, &before, err);

	if (r == -ENOENT) {
		/* PAM would take the service `other`, and nothing of ours would be asked. */
		(void)err_set(err, ENOENT, "%s is missing", path);
		return err_remedy(err, 0, "put back the file that its package brings");
	}
	if (r == 0)
		r = pamstack_insert(buf_bytes(&before), question, &stack, err);
	if (r < 0)
		return r;
	buf_str(&after, PAMSTACK_COPIED);
	buf_span(&after, buf_bytes(&stack));
	return buf_ok(&after, err) < 0 ? -err->code
				       : changes_write(m, ret, path, buf_bytes(&after), &meta, err);
}

static bool is_marked(struct span text)
{
	struct span first;

	return span_line(&text, &first) && first.len + 1 == sizeof(PAMSTACK_COPIED) - 1 &&
	       memcmp(first.p, PAMSTACK_COPIED, first.len) == 0;
}

/* Is it our copy of a vendor's file, as it is without our line? */
static bool is_copy(struct machine *m, const char *path, struct span before, struct span after)
{
	AUTO_BUF vendors = {0};
	struct err ignored = {0};

	return is_marked(before) && read_vendors(m, path, &vendors, &ignored) == 0 &&
	       span_eq(buf_bytes(&vendors), after);
}

/* The copy hides what the vendor's package mends.  It may be the owner's work by now, so it stays.
 */
static void note_outdated(struct machine *m, const char *path, struct span text)
{
	AUTO_BUF without = {0}, vendors = {0};
	struct err ignored = {0};

	if (!is_marked(text) || pamstack_remove(text, &without, &ignored) < 0 ||
	    read_vendors(m, path, &vendors, &ignored) < 0 ||
	    span_eq(buf_bytes(&vendors), buf_bytes(&without)))
		return;
	machine_note(m,
		     "%s is a copy of ours, and differs from " PAM_VENDOR_DIR
		     "%s by now: compare them; without the copy the next run makes another",
		     path, strrchr(path, '/'));
}

/* Without the lines of a product before us, which would call a module of ours with their words. */
static int clean(const char *path, struct span text, struct buf *ret, struct err *err)
{
	int r = foreign_pam_remove(text, ret, err);

	if (r == 0 || r == -ENOMEM)
		return r;
	(void)err_wrap(err, "%s", path);
	return err_remedy(err, 0, "take the lines of pam_aad.so out of it by hand");
}

static int plan_service(struct machine *m, struct span service, enum pam_question question,
			struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, cleaned = {0}, after = {0};
	char path[PATH_MAX];
	int r = service_path(service, path, err);

	if (r == 0 && is_planned(ret, path))
		return 0;
	if (r == 0)
		r = fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &before, NULL, err);
	if (r == -ENOENT)
		return plan_copy(m, path, question, ret, err);
	if (r == 0)
		note_outdated(m, path, buf_bytes(&before));
	if (r == 0)
		r = clean(path, buf_bytes(&before), &cleaned, err);
	if (r == 0)
		r = pamstack_insert(buf_bytes(&cleaned), question, &after, err);
	if (r == -ENOENT) {
		(void)err_wrap(err, "%s", path);
		return err_remedy(err, 0, "write \"account required pam_unix.so\" into %s", path);
	}
	if (r == 0 && span_eq(buf_bytes(&before), buf_bytes(&after)))
		r = changes_trust(m, path, err);
	return r < 0 ? r : changes_edit(m, ret, path, buf_bytes(&after), err);
}

static int plan_sshd(struct machine *m, struct changes *ret, struct err *err)
{
	struct span service = SPAN_LIT(SERVICE_SSHD);
	AUTO_BUF settings = {0};
	char probe[256];

	if (machine_probe(m, probe, sizeof(probe), err) < 0 ||
	    sshd_show(m, NULL, probe, &settings, err) < 0)
		return -err->code;
	(void)sshdconf_shown(buf_bytes(&settings), "PAMServiceName", &service);
	if (plan_service(m, service, PAM_LOGIN, ret, err) < 0)
		return -err->code;
	return span_is(service, SERVICE_SSHD)
		       ? 0
		       : plan_service(m, SPAN_LIT(SERVICE_SSHD), PAM_LOGIN, ret, err);
}

/* What sudo says of itself covers settings that stand in no file, as in a directory's. */
static int check_asks(const struct sudo_facts *facts, struct err *err)
{
	if (!facts->asks_account) {
		(void)err_set(err, EPERM, "sudo is told not to ask PAM: Defaults !pam_acct_mgmt");
		return err_remedy(err, 0,
				  "take !pam_acct_mgmt out of the sudoers file that has it");
	}
	if (!facts->names_user) {
		(void)err_set(err, EPERM,
			      "sudo is told not to name its user to PAM: Defaults !pam_ruser");
		return err_remedy(err, 0, "take !pam_ruser out of the sudoers file that has it");
	}
	return 0;
}

/*
 * What sudo tells holds for root, who asks, and may have been set for root alone: the usual
 * services are the others' then.
 */
static int plan_usual_services(struct machine *m, const struct sudo_facts *facts,
			       struct changes *ret, struct err *err)
{
	static const char *const usual[] = {SERVICE_SUDO, SERVICE_SUDO "-i"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(usual); i++) {
		struct span service = span_of(usual[i]);
		char path[PATH_MAX], vendors[PATH_MAX];

		(void)snprintf(path, sizeof(path), PAM_DIR "/%s", usual[i]);
		(void)snprintf(vendors, sizeof(vendors), PAM_VENDOR_DIR "/%s", usual[i]);
		if (!sudoers_covers(facts, service) &&
		    (fs_exists(m->sys, path) || fs_exists(m->sys, vendors)))
			r = plan_service(m, service, PAM_ADMIN, ret, err);
	}
	return r;
}

static int plan_sudo_services(struct machine *m, const struct sudo_facts *facts,
			      struct changes *ret, struct err *err)
{
	const struct span services[] = {facts->service, facts->login_service,
					facts->askpass_service};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(services); i++)
		r = plan_service(m, services[i], PAM_ADMIN, ret, err);
	return r < 0 ? r : plan_usual_services(m, facts, ret, err);
}

static int plan_sudo(struct machine *m, const struct sudo_program *program, bool *ret_present,
		     struct changes *ret, struct err *err)
{
	struct sudo_facts facts;
	AUTO_BUF output = {0};
	int r = sudo_ask(m, program, ret_present, &output, &facts, err);

	if (r < 0 || !*ret_present)
		return r;
	r = check_asks(&facts, err);
	return r < 0 ? r : plan_sudo_services(m, &facts, ret, err);
}

static int plan_sudos(struct machine *m, struct changes *ret, struct err *err)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < SUDO_PROGRAMS; i++) {
		bool present;

		r = plan_sudo(m, &sudo_programs[i], &present, ret, err);
		any = any || (r == 0 && present);
	}
	if (r == 0 && !any)
		machine_note(m, "sudo is not installed: administrators have nothing to use");
	return r;
}

static int take_out(struct machine *m, const char *path, struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	int r = fs_read(m->sys, path, 0, FS_CONFIG_MAX, &before, NULL, err);
	if (pamfile_is_none(r)) {
		*err = (struct err){0};
		return 0;
	}
	if (r == 0)
		r = pamstack_remove(buf_bytes(&before), &after, err);
	if (r < 0)
		return r;
	return is_copy(m, path, buf_bytes(&before), buf_bytes(&after))
		       ? changes_remove(m, ret, path, err)
		       : changes_edit(m, ret, path, buf_bytes(&after), err);
}

/* Files that other services include, and services of which nothing is asked. */
static int plan_other(struct machine *m, const char *path, struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	char file[PATH_MAX];
	int r = is_planned(ret, path) ? 0 : pamfile_foreign(m, path, file, &before, NULL, err);

	if (r <= 0)
		return r;
	r = clean(file, buf_bytes(&before), &after, err);
	return r < 0 ? r : changes_edit(m, ret, file, buf_bytes(&after), err);
}

static int plan_others(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_NAMES names = NULL;
	char path[PATH_MAX];
	int r = fs_list(m->sys, PAM_DIR, &names, err);

	for (char **name = names; r == 0 && *name; name++) {
		(void)snprintf(path, sizeof(path), PAM_DIR "/%s", *name);
		if (!fs_is_left_over(*name))
			r = plan_other(m, path, ret, err);
	}
	return r;
}

/*
 * Every file is looked at: neither sshd nor sudo need be there any more, and a line for a module
 * that is gone is wanted nowhere.  The first failure is told, and the other files are done.
 */
static int plan_absent(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_NAMES names = NULL;
	char path[PATH_MAX];
	int r = fs_list(m->sys, PAM_DIR, &names, err);

	if (r == -ENOENT || r == -ENOTDIR) {
		*err = (struct err){0};
		return 0;
	}
	for (char **name = names; name && *name; name++) {
		struct err own = {0};

		(void)snprintf(path, sizeof(path), PAM_DIR "/%s", *name);
		r = fs_is_left_over(*name) ? changes_tidy(m, ret, path, &own)
					   : take_out(m, path, ret, &own);
		if (r < 0 && err->code == 0)
			*err = own;
	}
	return -err->code;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	int r;

	if (want == WANT_ABSENT)
		return plan_absent(m, ret, err);
	r = plan_sshd(m, ret, err);
	if (r == 0)
		r = plan_sudos(m, ret, err);
	return r < 0 ? r : plan_others(m, ret, err);
}

const struct step step_pam = {
	.name = "pam",
	.purpose = "sign-in and sudo ask for permission",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
};
