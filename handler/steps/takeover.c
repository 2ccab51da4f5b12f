/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "handler/extension.h"
#include "handler/steps/selection.h"
#include "handler/steps/takeover.h"
#include "lib/core/cleanup.h"
#include "lib/core/diff.h"
#include "lib/core/foreign.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdconf.h"
#include "lib/core/sudoers.h"
#include "lib/steps/changes.h"
#include "lib/steps/pamfile.h"
#include "lib/steps/programs.h"
#include "lib/steps/sshd.h"

#define GROUP_PATH "/etc/group"
#define PASSWD_PATH "/etc/passwd"
#define LOCAL_MAX ((size_t)16 << 20)
#define GROUP "aad_admins" /* whatever our own group is called */
#define GROUPDEL "/usr/sbin/groupdel"
#define PAM_AUTH_UPDATE "/usr/sbin/pam-auth-update"
#define TIMEOUT_MS 60000

/* ---- its packages */

/* In the order in which they have to go: the script of the second refuses before the first. */
static const struct {
	const char *name;
	bool ours; /* a package of ours has the name too */
} products[TAKEOVER_PRODUCTS] = {
	{"aadlogin", false},
	{"aadlogin-selinux", false},
	{"aadsshlogin", true},
	{"aadsshlogin-selinux", true},
};

int takeover_find(struct sys *sys, const struct pkg_manager *manager, bool closed,
		  struct foreign_packages *ret, struct err *err)
{
	struct foreign_packages found = {.count = 0};

	for (size_t i = 0; i < TAKEOVER_PRODUCTS; i++) {
		struct foreign_package *package = &found.list[found.count];

		/* One that ours does not replace, without a policy to put it in, harms nobody. */
		if (products[i].ours && (!closed || !selection_wants(sys, products[i].name)))
			continue;
		package->name = products[i].name;
		package->replaced = products[i].ours;
		if (pkg_query(sys, manager, package->name, &package->status, err) < 0)
			return -err->code;
		if (package->status.state != PKG_INSTALLED && package->status.state != PKG_BROKEN)
			continue;
		if (!products[i].ours || foreign_version(package->status.version))
			found.count++;
	}
	*ret = found;
	return 0;
}

int takeover_name(const struct foreign_packages *packages, bool replaced, struct buf *ret,
		  struct err *err)
{
	for (size_t i = 0; i < packages->count; i++)
		if (packages->list[i].replaced == replaced)
			buf_printf(ret, "%s%s %s", ret->len ? ", " : "", packages->list[i].name,
				   packages->list[i].status.version);
	return buf_ok(ret, err);
}

/* ---- what is the owner's in its files */

static int check_rule(struct machine *m, struct err *err)
{
	AUTO_BUF text = {0};
	unsigned line;
	bool exists;
	int r = fs_read_optional(m->sys, SUDOERS_RULE_PATH, 0, FS_CONFIG_MAX, &text, &exists, NULL,
				 err);

	line = r == 0 ? foreign_sudoers_owners(buf_bytes(&text), GROUP) : 0;
	if (!line)
		return r;
	(void)err_set(err, EEXIST, SUDOERS_RULE_PATH ":%u is about others than the group " GROUP,
		      line);
	return err_remedy(err, 0, "move it to a file of its own in " SUDOERS_DIR);
}

/* The next of "a,b,c". */
static bool next_member(struct span *members, struct span *ret)
{
	const unsigned char *comma;

	if (members->len == 0)
		return false;
	comma = memchr(members->p, ',', members->len);
	(void)span_take(members, comma ? (size_t)(comma - members->p) : members->len, ret);
	if (comma) {
		members->p++;
		members->len--;
	}
	return true;
}

/* The third and the fourth field: gid and members of a group, uid and gid of an account. */
static void split(struct span line, struct span *ret_third, struct span *ret_fourth)
{
	struct span fields[4] = {{0}};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const unsigned char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;

		(void)span_take(&line, colon ? (size_t)(colon - line.p) : line.len, &fields[i]);
		line.p += colon ? 1 : 0;
		line.len -= colon ? 1 : 0;
	}
	*ret_third = fields[2];
	*ret_fourth = fields[3];
}

/* A local account that is one of the members or has the gid. */
static bool find_local(struct span passwd, struct span gid, struct span members, struct span *ret)
{
	struct span line;

	while (span_line(&passwd, &line)) {
		const unsigned char *colon = line.len ? memchr(line.p, ':', line.len) : NULL;
		struct span rest = members, member, uid, own;

		if (!colon)
			continue;
		*ret = (struct span){.p = line.p, .len = (size_t)(colon - line.p)};
		split(line, &uid, &own);
		if (span_eq(own, gid))
			return true;
		while (next_member(&rest, &member))
			if (span_eq(member, *ret))
				return true;
	}
	return false;
}

static int check_group(struct machine *m, struct err *err)
{
	AUTO_BUF groups = {0}, passwd = {0};
	struct span line, gid = {0}, members = {0}, name;
	bool exists;
	int r = fs_read_optional(m->sys, GROUP_PATH, FS_FOLLOW, LOCAL_MAX, &groups, &exists, NULL,
				 err);

	if (r == 0)
		r = fs_read(m->sys, PASSWD_PATH, FS_FOLLOW, LOCAL_MAX, &passwd, NULL, err);
	if (r < 0 || !foreign_group_line(buf_bytes(&groups), GROUP, &line))
		return r;
	split(line, &gid, &members);
	if (!find_local(buf_bytes(&passwd), gid, members, &name))
		return 0;
	(void)err_set(err, EEXIST, "the local account %.*s is in the group " GROUP ", which goes",
		      (int)(name.len < 64 ? name.len : 64), (const char *)name.p);
	return err_remedy(err, 0,
			  "give it another group or rule for sudo, and take it out of " GROUP);
}

static int each_service(struct machine *m,
			int (*call)(struct machine *m, const char *path, struct err *err),
			struct err *err)
{
	AUTO_NAMES names = NULL;
	char path[PATH_MAX];
	int r = fs_exists(m->sys, PAM_DIR) ? fs_list(m->sys, PAM_DIR, &names, err) : 0;

	for (char **name = names; r == 0 && name && *name; name++) {
		(void)snprintf(path, sizeof(path), PAM_DIR "/%s", *name);
		r = call(m, path, err);
	}
	return r;
}

static int check_pam_file(struct machine *m, const char *path, struct err *err)
{
	char file[PATH_MAX];
	AUTO_BUF text = {0};
	int r = pamfile_foreign(m, path, file, &text, NULL, err);

	return r < 0 ? r : 0;
}

int takeover_check(struct machine *m, struct err *err)
{
	int r = check_rule(m, err);

	if (r == 0)
		r = check_group(m, err);
	return r < 0 ? r : each_service(m, check_pam_file, err);
}

/* ---- what is kept: /etc/a as TAKEOVER_DIR "/%2Fetc%2Fa" */

static int kept_path(const char *path, struct buf *ret, struct err *err)
{
	AUTO_BUF original = {0};

	if (changes_original_path(path, &original, err) < 0)
		return -err->code;
	buf_printf(ret, TAKEOVER_DIR "/%s", strrchr(buf_text(&original), '/') + 1);
	return buf_ok(ret, err);
}

/* The opposite of kept_path for a name in TAKEOVER_DIR. */
static void original_name(const char *name, char ret[PATH_MAX])
{
	size_t len = 0;

	for (; *name && len < PATH_MAX - 1; name++) {
		unsigned code;

		if (name[0] == '%' && isxdigit((unsigned char)name[1]) &&
		    isxdigit((unsigned char)name[2]) && sscanf(name + 1, "%2x", &code) == 1) {
			ret[len++] = (char)code;
			name += 2;
		} else {
			ret[len++] = *name;
		}
	}
	ret[len] = '\0';
}

struct file {
	const char *path;
	struct buf text;
	struct fs_meta meta;
	bool exists;
};

#define AUTO_FILE __attribute__((cleanup(file_done))) struct file

static void file_done(struct file *file)
{
	buf_done(&file->text);
}

static int file_read(struct machine *m, const char *path, unsigned flags, struct file *ret,
		     struct err *err)
{
	struct stat st = {0};
	int r = fs_read_optional(m->sys, path, flags, FS_CONFIG_MAX, &ret->text, &ret->exists, &st,
				 err);

	ret->path = path;
	ret->meta =
		(struct fs_meta){.mode = st.st_mode & 07777, .uid = st.st_uid, .gid = st.st_gid};
	return r;
}

/* What is not shut yet; so that what a killed run kept and edited stays as that run found it. */
static int keep(struct machine *m, const struct file *file, struct err *err)
{
	AUTO_BUF path = {0};
	int r = kept_path(file->path, &path, err);

	return r < 0 ? r
		     : fs_replace(m->sys, buf_text(&path), buf_bytes(&file->text), &file->meta,
				  err);
}

bool takeover_begun(struct machine *m)
{
	return fs_exists(m->sys, TAKEOVER_DIR);
}

/* ---- shutting */

/* What sshd does with one of its users, before the lines go that ask for the role. */
static int check_shut(struct machine *m, struct err *err)
{
	static const char *const keywords[] = {"AuthorizedKeysCommand", "AuthorizedKeysFile"};
	AUTO_BUF settings = {0};
	char probe[256];
	int r = machine_probe(m, probe, sizeof(probe), err);

	if (r == 0)
		r = sshd_show(m, NULL, probe, &settings, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(keywords); i++) {
		struct span shown = SPAN_LIT("nothing");

		if (sshdconf_shown(buf_bytes(&settings), keywords[i], &shown) &&
		    span_is(shown, "none"))
			continue;
		(void)err_set(err, EBADMSG, "for %s sshd has %s %.*s, which an earlier Match sets",
			      probe, keywords[i], (int)(shown.len < 120 ? shown.len : 120),
			      (const char *)shown.p);
		return err_remedy(err, EXIT_SSHD, "let that Match leave Entra users out");
	}
	return r;
}

static int shut_sshd(struct machine *m, struct err *err)
{
	AUTO_FILE main = {.exists = false};
	AUTO_BUF after = {0};
	struct span candidate;
	int r = file_read(m, SSHD_MAIN_PATH, FS_FOLLOW, &main, err);

	/* Without sshd nobody signs in; the sshd step says that it is missing. */
	if (r < 0 || !main.exists || !fs_exists(m->sys, SSHD_PROGRAM))
		return r;
	r = foreign_sshd_shut(buf_bytes(&main.text), &after, err);
	candidate = buf_bytes(&after);
	if (r == 0)
		r = sshd_test(m, &candidate, err);
	if (r == 0 && !span_eq(candidate, buf_bytes(&main.text)))
		r = keep(m, &main, err);
	if (r == 0 && !span_eq(candidate, buf_bytes(&main.text)))
		r = fs_replace(m->sys, SSHD_MAIN_PATH, candidate, &main.meta, err);
	/* Always: a run that was killed may have edited without telling sshd. */
	if (r == 0)
		r = sshd_reload(m, err);
	return r < 0 ? r : check_shut(m, err);
}

static int shut_sudo(struct machine *m, struct err *err)
{
	AUTO_FILE rule = {.exists = false};
	int r = file_read(m, SUDOERS_RULE_PATH, 0, &rule, err);

	if (r == 0 && rule.exists)
		r = keep(m, &rule, err);
	return r < 0 || !rule.exists ? r : fs_remove(m->sys, SUDOERS_RULE_PATH, err);
}

static int shut_pam_file(struct machine *m, const char *name, struct err *err)
{
	AUTO_FILE file = {.exists = true};
	char path[PATH_MAX];
	AUTO_BUF after = {0};
	int r = pamfile_foreign(m, name, path, &file.text, &file.meta, err);

	if (r <= 0)
		return r;
	file.path = path;
	r = foreign_pam_remove(buf_bytes(&file.text), &after, err);
	if (r < 0) {
		(void)err_wrap(err, "%s", path);
		return err_remedy(err, 0, "take the lines of pam_aad.so out of it by hand");
	}
	r = keep(m, &file, err);
	return r < 0 ? r : fs_replace(m->sys, path, buf_bytes(&after), &file.meta, err);
}

static int shut_pam(struct machine *m, struct err *err)
{
	return each_service(m, shut_pam_file, err);
}

int takeover_shut(struct machine *m, struct err *err)
{
	const struct fs_meta private = machine_meta(m, 0700);
	int r = fs_mkdir(m->sys, STATE_DIR, &private, err);

	if (r == 0)
		r = fs_mkdir(m->sys, TAKEOVER_DIR, &private, err);
	if (r == 0)
		r = shut_sshd(m, err);
	if (r == 0)
		r = shut_sudo(m, err);
	return r < 0 ? r : shut_pam(m, err);
}

/* ---- opening again */

/* Nobody asks for the role where this file does not, so sshd must not be opened behind it. */
static int refuse_changed(const char *path, const char *kept, struct err *err)
{
	(void)err_set(err, ESTALE,
		      "%s was changed since its lines were taken out, so sshd stays shut", path);
	return err_remedy(err, 0,
			  "bring them back from %s, or remove the other product, and try again",
			  kept);
}

/* The file as it is now, but for what shutting did; *ret_shut false: somebody opened it already. */
static int reopen_text(struct span kept, struct span now,
		       int (*shut)(struct span text, struct buf *ret, struct err *err),
		       bool *ret_shut, struct buf *ret, struct err *err)
{
	AUTO_BUF left = {0}, again = {0};
	unsigned swallowed;
	int r = shut(kept, &left, err);

	if (r < 0)
		return r;
	r = shut(now, &again, err);
	*ret_shut = r == 0 && span_eq(now, buf_bytes(&again));
	if (!*ret_shut)
		return r == -ENOMEM ? r : 0;
	/* A block that was written for shutting alone is at the end, where others add lines. */
	if (shut == foreign_sshd_shut && !foreign_sshd_line(kept) &&
	    !span_eq(now, buf_bytes(&left)))
		return foreign_sshd_remove(now, ret, &swallowed, err);
	return diff_apply(buf_bytes(&left), kept, now, ret, err);
}

static int put_text_back(struct machine *m, const struct file *kept, const struct file *now,
			 int (*shut)(struct span text, struct buf *ret, struct err *err),
			 const char *kept_name, struct err *err)
{
	AUTO_BUF after = {0};
	bool is_shut = true;
	int r = -ESTALE;

	if (now->exists)
		r = reopen_text(buf_bytes(&kept->text), buf_bytes(&now->text), shut, &is_shut,
				&after, err);
	if (r == -ESTALE)
		return refuse_changed(now->path, kept_name, err);
	return r < 0 || !is_shut
		       ? r
		       : fs_replace(m->sys, now->path, buf_bytes(&after), &now->meta, err);
}

/* shut: how it was done, NULL when the file was taken away. */
static int put_back(struct machine *m, const char *path,
		    int (*shut)(struct span text, struct buf *ret, struct err *err),
		    struct err *err)
{
	AUTO_FILE kept = {.exists = false};
	AUTO_FILE now = {.exists = false};
	AUTO_BUF name = {0};
	int r = kept_path(path, &name, err);

	if (r == 0)
		r = file_read(m, buf_text(&name), FS_TRUSTED, &kept, err);
	if (r < 0 || !kept.exists)
		return r;
	r = file_read(m, path, shut ? FS_FOLLOW : 0, &now, err);
	if (r < 0 || (now.exists && span_eq(buf_bytes(&now.text), buf_bytes(&kept.text))))
		return r;
	if (shut)
		return put_text_back(m, &kept, &now, shut, buf_text(&name), err);
	if (!now.exists)
		return fs_replace(m->sys, path, buf_bytes(&kept.text), &kept.meta, err);
	machine_note(m, "%s is new since the door was shut, and stays", path);
	return 0;
}

/* All that is kept of PAM, which is all but two files; what a killed run was writing has a dot. */
static int each_pam(struct machine *m,
		    int (*call)(struct machine *m, const char *path, struct err *err),
		    struct err *err)
{
	AUTO_NAMES names = NULL;
	int r = fs_list(m->sys, TAKEOVER_DIR, &names, err);

	for (char **name = names; r == 0 && *name; name++) {
		char path[PATH_MAX];

		original_name(*name, path);
		if (path[0] == '/' && strcmp(path, SSHD_MAIN_PATH) != 0 &&
		    strcmp(path, SUDOERS_RULE_PATH) != 0)
			r = call(m, path, err);
	}
	return r;
}

static int put_pam_back(struct machine *m, const char *path, struct err *err)
{
	return put_back(m, path, foreign_pam_remove, err);
}

/* A package of SELinux's policy alone, which signs nobody in. */
static bool is_policy(const struct foreign_package *package)
{
	return strstr(package->name, "-selinux");
}

/* Are its packages there as they were? */
static int is_installed(struct machine *m, bool *ret, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	struct foreign_packages found = {.count = 0};
	int r = manager ? takeover_find(m->sys, manager, true, &found, err) : 0;

	*ret = found.count > 0;
	for (size_t i = 0; i < found.count; i++)
		*ret = *ret && found.list[i].status.state == PKG_INSTALLED;
	/* One that went alone is a half that works no more. */
	*ret = *ret && found.count && !is_policy(&found.list[0]);
	return r;
}

/* The scripts without which it could not be removed as before. */
static int recall_scripts(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	const char *names[TAKEOVER_PRODUCTS + 1] = {NULL};

	for (size_t i = 0; i < TAKEOVER_PRODUCTS; i++)
		names[i] = products[i].name;
	return manager ? pkg_recall(m->sys, manager, names, err) : 0;
}

int takeover_reopen(struct machine *m, struct err *err)
{
	bool installed = false;
	int r;

	if (!takeover_begun(m))
		return 0;
	r = is_installed(m, &installed, err);
	if (r < 0 || !installed)
		return r;
	r = recall_scripts(m, err);
	if (r == 0)
		r = each_pam(m, put_pam_back, err);
	if (r == 0)
		r = put_back(m, SUDOERS_RULE_PATH, NULL, err);
	if (r == 0)
		r = put_back(m, SSHD_MAIN_PATH, foreign_sshd_shut, err);
	if (r == 0)
		r = sshd_reload(m, err);
	return r < 0 ? r : fs_remove_tree(m->sys, TAKEOVER_DIR, err);
}

/* ---- when its packages are gone */

static bool is_dangling(struct machine *m, const char *path)
{
	AUTO_BUF text = {0};
	struct err err = {0};
	struct stat st;

	return fs_lstat(m->sys, path, &st, &err) == 0 && S_ISLNK(st.st_mode) &&
	       fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, &err) == -ENOENT;
}

/* Without its lines at once, for a module that is gone would let nobody in. */
static int replace_missing(struct machine *m, const char *path, struct err *err)
{
	AUTO_FILE kept = {.exists = false};
	AUTO_BUF name = {0}, after = {0};
	int r = fs_exists(m->sys, path) ? 0 : kept_path(path, &name, err);

	if (r < 0 || fs_exists(m->sys, path))
		return r;
	r = file_read(m, buf_text(&name), FS_TRUSTED, &kept, err);
	if (r < 0 || !kept.exists)
		return r;
	r = foreign_pam_remove(buf_bytes(&kept.text), &after, err);
	return r < 0 ? r : fs_replace(m->sys, path, buf_bytes(&after), &kept.meta, err);
}

/* A file of its own may have been what system-auth is a link to: without it nobody gets in. */
static int mend_links(struct machine *m, struct err *err)
{
	AUTO_NAMES names = NULL;
	char path[PATH_MAX];
	bool dangling = false;
	int r = fs_exists(m->sys, PAM_DIR) ? fs_list(m->sys, PAM_DIR, &names, err) : 0;

	for (char **name = names; r == 0 && name && *name; name++) {
		(void)snprintf(path, sizeof(path), PAM_DIR "/%s", *name);
		dangling = dangling || is_dangling(m, path);
	}
	return r < 0 || !dangling ? r : each_pam(m, replace_missing, err);
}

static int remove_group(struct machine *m, struct err *err)
{
	const char *const argv[] = {GROUPDEL, GROUP, NULL};
	AUTO_BUF groups = {0};
	struct span line;
	bool exists;
	int r = fs_read_optional(m->sys, GROUP_PATH, FS_FOLLOW, LOCAL_MAX, &groups, &exists, NULL,
				 err);

	if (r < 0 || !foreign_group_line(buf_bytes(&groups), GROUP, &line))
		return r;
	r = machine_run(m, argv, TIMEOUT_MS, err);
	return r < 0 ? err_remedy(err, 0, "groupdel " GROUP) : 0;
}

/*
 * Debian's tool remembers which profiles it wrote.  Its profile is gone with its package; the files
 * themselves are right already, so that a failure is none of ours.
 */
static void refresh_profiles(struct machine *m)
{
	const char *const argv[] = {PAM_AUTH_UPDATE, "--package", NULL};
	struct err ignored = {0};

	if (fs_exists(m->sys, PAM_AUTH_UPDATE))
		(void)machine_run(m, argv, TIMEOUT_MS, &ignored);
}

/* The door that was shut and that no later step opened. */
static int clear_sshd(struct machine *m, struct err *err)
{
	AUTO_FILE main = {.exists = false};
	AUTO_BUF after = {0};
	unsigned swallowed;
	int r = file_read(m, SSHD_MAIN_PATH, FS_FOLLOW, &main, err);

	if (r < 0 || !foreign_sshd_line(buf_bytes(&main.text)))
		return r;
	r = foreign_sshd_remove(buf_bytes(&main.text), &after, &swallowed, err);
	if (r == 0)
		r = fs_replace(m->sys, SSHD_MAIN_PATH, buf_bytes(&after), &main.meta, err);
	return r < 0 ? r : sshd_reload(m, err);
}

/* What is left of it may still know its users, and PAM asks nobody for their role any more. */
static int check_gone(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	struct foreign_packages found = {.count = 0};
	int r = manager ? takeover_find(m->sys, manager, true, &found, err) : 0;

	for (size_t i = 0; r == 0 && i < found.count; i++) {
		const struct foreign_package *package = &found.list[i];

		if (is_policy(package))
			continue;
		r = err_set(err, EBUSY, "%s %s is neither whole nor gone, so sshd stays shut to it",
			    package->name, package->status.version);
		(void)err_remedy(err, 0, "install %s again or remove it, and try again",
				 package->name);
	}
	return r;
}

int takeover_give_up(struct machine *m, struct err *err)
{
	int r = takeover_reopen(m, err);

	if (r < 0 || !takeover_begun(m))
		return r;
	r = check_gone(m, err);
	if (r == 0)
		r = clear_sshd(m, err);
	return r < 0 ? r : takeover_finish(m, err);
}

int takeover_finish(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager = pkg_detect(m->sys);
	const char *names[TAKEOVER_PRODUCTS + 1] = {NULL};
	int r;

	for (size_t i = 0; i < TAKEOVER_PRODUCTS; i++)
		names[i] = products[i].name;
	r = mend_links(m, err);
	/* Its scripts may have written it anew. */
	if (r == 0)
		r = shut_pam(m, err);
	if (r == 0)
		r = remove_group(m, err);
	if (r == 0 && manager)
		r = pkg_forget(m->sys, manager, names, err);
	if (r < 0)
		return r;
	refresh_profiles(m);
	r = fs_sure(m->sys, err);
	return r < 0 ? r : fs_remove_tree(m->sys, TAKEOVER_DIR, err);
}
