/* SPDX-License-Identifier: MIT */
/*
 * Who our users are: /etc/aadpasswd, and the ledger of all that ever were and whose homes may still
 * be there, so that nobody gets the home of a namesake.  The login runtime writes both.  The ledger
 * stays when everything else goes, and fills a new /etc/aadpasswd; it never adds to one that is in
 * force, since an account that was deleted stays in it.
 *
 * /etc/aadadmins is ours alone, and the mark that /etc/aadpasswd is too: without it, one that is
 * there was somebody else's (but see recognise), is kept as an original, and comes back at the end.
 * Its users stay with their uids, homes and shells.  Where there is none the mark is made first,
 * otherwise when what was there is in our form, so that a run that is killed is gone on with.  The
 * index beside it is made after the text and goes before it.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/aadimport.h"
#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/conf.h"
#include "lib/core/nsswitch.h"
#include "lib/core/outcome.h"
#include "lib/core/uid.h"
#include "lib/steps/accounts.h"
#include "lib/steps/authselect.h"
#include "lib/steps/changes.h"
#include "lib/sys/proc.h"
#include "lib/sys/userindex.h"

#define NSSWITCH_PATH "/etc/nsswitch.conf"
#define VENDOR_NSSWITCH_PATH "/usr/etc/nsswitch.conf" /* SUSE: read where the other is missing */
#define LEDGER_PATH STATE_DIR "/users"
#define SSSD_CONF_PATH "/etc/sssd/sssd.conf"
#define NSCD_PROGRAM "/usr/sbin/nscd"
#define NSCD_SOCKET "/run/nscd/socket"
#define NSCD_TIMEOUT_MS 10000

/* ---- the accounts */

struct text {
	struct buf bytes;
	bool exists;
	bool loose; /* others than root may have written it */
	struct fs_meta meta;
};

static void text_done(struct text *text)
{
	buf_done(&text->bytes);
}

#define AUTO_TEXT CLEANUP(text_done) struct text

static bool is_root(struct machine *m, uid_t uid)
{
	return uid == 0 || uid == m->sys->owner;
}

static int read_text(struct machine *m, const char *path, unsigned flags, struct text *ret,
		     struct err *err)
{
	struct stat st;
	int r = fs_read_optional(m->sys, path, flags | FS_LIVE, AADPASSWD_MAX, &ret->bytes,
				 &ret->exists, &st, err);

	if (r == 0 && ret->exists) {
		ret->meta = (struct fs_meta){st.st_mode & 07777, st.st_uid, st.st_gid};
		ret->loose = !is_root(m, st.st_uid) || (st.st_mode & (S_IWGRP | S_IWOTH));
	}
	return r;
}

/* A file of ours, in order to put its mode right too. */
static int read_own(struct machine *m, const char *path, struct text *ret, struct err *err)
{
	int r = read_text(m, path, FS_PLACE, ret, err);

	if (r == 0 && ret->exists && !is_root(m, ret->meta.uid)) {
		(void)err_set(err, EPERM, "%s does not belong to root", path);
		return err_remedy(err, 0, "see who wrote it, then remove it");
	}
	return r;
}

/* Write what is not so already.  The runtime writes these files too: see FS_LIVE. */
static int write_text(struct machine *m, const char *path, const struct text *now,
		      struct span after, struct changes *ret, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0644);

	if (now->exists && span_eq(buf_bytes(&now->bytes), after) && now->meta.mode == meta.mode &&
	    now->meta.uid == meta.uid && now->meta.gid == meta.gid)
		return 0;
	return changes_write(m, ret, path, after, &meta, err);
}

static int by_name(const void *a, const void *b)
{
	const struct span x = ((const struct aad_user *)a)->name;
	const struct span y = ((const struct aad_user *)b)->name;
	int order = memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* All users of a text, sorted by name.  NULL without memory. */
static struct aad_user *sort_users(struct span text, size_t *ret_count)
{
	struct span rest = text;
	struct aad_user user, *users;
	size_t count = 0;

	while (aadpasswd_next(&rest, &user))
		count++;
	users = calloc(count + 1, sizeof(*users));
	for (*ret_count = 0; users && aadpasswd_next(&text, &user);)
		users[(*ret_count)++] = user;
	if (users)
		qsort(users, *ret_count, sizeof(*users), by_name);
	return users;
}

/* Does the user's home still exist?  Asked of those who go into the ledger. */
static bool has_home(struct machine *m, const struct aad_user *user)
{
	char path[PATH_BYTES_MAX + 1];

	return span_copy(user->home, path, sizeof(path)) && fs_exists(m->sys, path);
}

static void add_user(struct buf *out, const struct aad_user *user)
{
	char line[AADPASSWD_LINE_MAX + 1];

	if (aadpasswd_format(user, line, sizeof(line)))
		buf_str(out, line);
}

/* Add the users of text whose name is not in known. */
static int add_unknown(struct machine *m, struct span text, struct span known, bool with_home,
		       struct buf *out, struct err *err)
{
	AUTO_FREE struct aad_user *users = NULL;
	struct aad_user user;
	size_t count;

	if (text.len == 0)
		return 0;
	users = sort_users(known, &count);
	if (!users)
		return err_oom(err);
	while (aadpasswd_next(&text, &user))
		if (!bsearch(&user, users, count, sizeof(*users), by_name) &&
		    (!with_home || has_home(m, &user)))
			add_user(out, &user);
	return buf_ok(out, err);
}

/* Add, for each user of text that the ledger knows with the same oid and id, the ledger's line. */
static int add_known(struct span text, struct span ledger, struct buf *out, struct err *err)
{
	AUTO_FREE struct aad_user *users = NULL;
	struct aad_user user;
	size_t count;

	users = sort_users(ledger, &count);
	if (!users)
		return err_oom(err);
	while (aadpasswd_next(&text, &user)) {
		const struct aad_user *known =
			bsearch(&user, users, count, sizeof(*users), by_name);

		if (known && span_eq(known->oid, user.oid) && known->id == user.id)
			add_user(out, known);
	}
	return buf_ok(out, err);
}

static int original_path(struct buf *ret, struct err *err)
{
	return changes_original_path(AADPASSWD_PATH, ret, err);
}

static int keep_original(struct machine *m, const struct text *accounts, struct changes *ret,
			 struct err *err)
{
	const struct fs_meta private = machine_meta(m, 0700);
	AUTO_BUF path = {0};
	int r;

	if (!accounts->exists)
		return 0;
	r = original_path(&path, err);
	if (r < 0 || fs_exists(m->sys, buf_text(&path)))
		return r;
	r = changes_mkdir(m, ret, STATE_DIR, &private, err);
	if (r == 0)
		r = changes_mkdir(m, ret, ORIGINAL_DIR, &private, err);
	return r < 0 ? r
		     : changes_write(m, ret, buf_text(&path), buf_bytes(&accounts->bytes),
				     &accounts->meta, err);
}

int accounts_keep_foreign(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_TEXT accounts = {.exists = false};
	int r;

	if (fs_exists(m->sys, AADADMINS_PATH))
		return 0;
	r = read_text(m, AADPASSWD_PATH, 0, &accounts, err);
	return r < 0 ? r : keep_original(m, &accounts, ret, err);
}

/*
 * Is /etc/aadpasswd ours although our mark is gone?  It is when glibc is told to ask us and all its
 * lines are the ledger's, which provisioning writes first.
 */
static int recognise(struct machine *m, const struct text *accounts, const struct text *ledger,
		     bool *ret, struct err *err)
{
	AUTO_BUF nsswitch = {0}, without = {0}, known = {0};
	bool exists;
	int r = fs_read_optional(m->sys, NSSWITCH_PATH, FS_FOLLOW, FS_CONFIG_MAX, &nsswitch,
				 &exists, NULL, err);

	if (r == 0)
		r = nsswitch_remove(buf_bytes(&nsswitch), &without, err);
	if (r == 0)
		r = add_known(buf_bytes(&accounts->bytes), buf_bytes(&ledger->bytes), &known, err);
	if (r == 0)
		*ret = accounts->exists && !span_eq(buf_bytes(&nsswitch), buf_bytes(&without)) &&
		       span_eq(buf_bytes(&accounts->bytes), buf_bytes(&known));
	return r;
}

/* NSS and PAM know nobody by the groups' ids, so that nobody can be in a group by being it. */
static void note_reserved(struct machine *m, struct span text)
{
	const struct uid_range range = {.first = m->conf.uid_first, .last = m->conf.uid_last};
	struct aad_user user;

	while (aadpasswd_next(&text, &user))
		if (uid_is_reserved(range, user.id))
			machine_note(m,
				     "%.*s has the uid %u, which is a group's, and cannot sign in: "
				     "set uidRange to another range",
				     (int)user.name.len, (const char *)user.name.p, user.id);
}

/* What stands in a file that another product wrote, in our form. */
static int import(struct machine *m, const struct text *accounts, struct buf *ret, struct err *err)
{
	struct aadimport_odd odd;
	int r = aadimport(buf_bytes(&accounts->bytes), ret, &odd, err);

	if (r < 0)
		return r;
	if (odd.count)
		machine_note(m,
			     "%zu lines of " AADPASSWD_PATH " are no user's, the first is line %u",
			     odd.count, odd.first);
	note_reserved(m, buf_bytes(ret));
	return 0;
}

/*
 * Add the users of the original who are not in the file any more: the product that wrote it can
 * delete them while its packages go.
 */
static int add_original(struct machine *m, struct buf *users, struct err *err)
{
	AUTO_BUF path = {0}, imported = {0}, missing = {0};
	AUTO_TEXT original = {.exists = false};
	struct aadimport_odd odd;
	int r = original_path(&path, err);

	if (r == 0)
		r = read_text(m, buf_text(&path), FS_TRUSTED, &original, err);
	if (r == 0)
		r = aadimport(buf_bytes(&original.bytes), &imported, &odd, err);
	if (r == 0)
		r = add_unknown(m, buf_bytes(&imported), buf_bytes(users), false, &missing, err);
	if (r == 0)
		buf_span(users, buf_bytes(&missing));
	return r < 0 ? r : buf_ok(users, err);
}

/* A new /etc/aadpasswd: what stood there already, and the accounts of the ledger. */
static int fill_accounts(struct machine *m, const struct text *accounts, const struct text *ledger,
			 struct changes *ret, struct err *err)
{
	AUTO_BUF imported = {0}, after = {0};
	int r = import(m, accounts, &imported, err);

	if (r == 0)
		r = add_original(m, &imported, err);
	buf_span(&after, buf_bytes(&imported));
	if (r == 0)
		r = add_unknown(m, buf_bytes(&ledger->bytes), buf_bytes(&imported), false, &after,
				err);
	if (r == 0)
		r = write_text(m, AADPASSWD_PATH, accounts, buf_bytes(&after), ret, err);
	return r;
}

/*
 * Ours as it is.  What others may have written is not believed: of such a file the users stay whom
 * the ledger knows too, which root alone could write all the time.
 */
static int keep_accounts(struct machine *m, const struct text *accounts, const struct text *ledger,
			 struct changes *ret, struct err *err)
{
	AUTO_BUF known = {0};

	if (!accounts->loose)
		return write_text(m, AADPASSWD_PATH, accounts, buf_bytes(&accounts->bytes), ret,
				  err);
	if (add_known(buf_bytes(&accounts->bytes), buf_bytes(&ledger->bytes), &known, err) < 0)
		return -err->code;
	machine_note(m, AADPASSWD_PATH
		     " could be written by others than root: only users of the ledger stay");
	return write_text(m, AADPASSWD_PATH, accounts, buf_bytes(&known), ret, err);
}

/* A list that others may have written is emptied: the next decision of each user fills it again. */
static int keep_admins(struct machine *m, const struct text *admins, struct changes *ret,
		       struct err *err)
{
	const struct span after = admins->loose ? (struct span){0} : buf_bytes(&admins->bytes);

	if (admins->loose)
		machine_note(m, AADADMINS_PATH " could be written by others than root: "
					       "administrators have to sign in again");
	return write_text(m, AADADMINS_PATH, admins, after, ret, err);
}

static int refuse_loose(struct err *err)
{
	(void)err_set(err, EPERM,
		      AADPASSWD_PATH " is not ours and can be written by others than root");
	return err_remedy(err, 0, "look at its lines, then chmod 644 " AADPASSWD_PATH);
}

/* Without an index the text serves, so a failure is none of the step's. */
static int publish_index(struct machine *m, struct err *err)
{
	struct err ignored = {0};

	(void)err;
	(void)userindex_publish(m->sys, &ignored);
	return 0;
}

static int remove_index(struct machine *m, struct err *err)
{
	return userindex_remove(m->sys, err);
}

/* Not noted by the witness: each first login writes another. */
static bool has_index(struct machine *m)
{
	struct witness *witness = m->sys->witness;
	bool exists;

	m->sys->witness = NULL;
	exists = fs_exists(m->sys, AADINDEX_PATH);
	m->sys->witness = witness;
	return exists;
}

/*
 * The index is made with the accounts.  That it is behind them, as after an edit by hand, is no
 * fault of the machine: the next login mends it.  Without one a run was killed before it was made.
 */
static int plan_index(struct machine *m, struct changes *ret, struct err *err)
{
	if (ret->count == 0 && has_index(m))
		return 0;
	if (changes_call(ret, "index " AADPASSWD_PATH, publish_index, publish_index, err) < 0)
		return -err->code;
	return changes_brings(ret, has_index(m) ? "changed" : "new", 0644, "", AADINDEX_PATH, err);
}

static int plan_no_index(struct changes *ret, struct err *err)
{
	int r = changes_call(ret, "remove " AADINDEX_PATH, remove_index, publish_index, err);

	return r < 0 ? r : changes_brings(ret, "gone", 0644, "", AADINDEX_PATH, err);
}

static int plan_accounts(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_TEXT accounts = {.exists = false}, admins = {.exists = false};
	AUTO_TEXT ledger = {.exists = false};
	bool ours, foreign;
	int r = read_own(m, AADPASSWD_PATH, &accounts, err);

	if (r == 0)
		r = read_own(m, AADADMINS_PATH, &admins, err);
	if (r == 0)
		r = read_text(m, LEDGER_PATH, FS_TRUSTED, &ledger, err);
	ours = admins.exists;
	if (r == 0 && !ours)
		r = recognise(m, &accounts, &ledger, &ours, err);
	if (r == 0 && !ours && accounts.loose)
		r = refuse_loose(err);
	foreign = !ours && accounts.exists;
	if (r == 0 && foreign)
		r = keep_original(m, &accounts, ret, err);
	if (r == 0 && !foreign)
		r = keep_admins(m, &admins, ret, err);
	if (r < 0)
		return r;
	r = ours && accounts.exists ? keep_accounts(m, &accounts, &ledger, ret, err)
				    : fill_accounts(m, &accounts, &ledger, ret, err);
	if (r == 0 && foreign)
		r = keep_admins(m, &admins, ret, err);
	return r < 0 ? r : plan_index(m, ret, err);
}

static int plan_ledger(struct machine *m, const struct text *accounts, const struct text *ledger,
		       struct changes *ret, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0600), private = machine_meta(m, 0700);
	/* Provisioning told the ledger of everybody first; others' lines must not get there. */
	struct span users = accounts->loose ? (struct span){0} : buf_bytes(&accounts->bytes);
	AUTO_BUF after = {0};
	int r = add_unknown(m, users, (struct span){0}, true, &after, err);

	if (r == 0)
		r = add_unknown(m, buf_bytes(&ledger->bytes), users, true, &after, err);
	if (r < 0)
		return r;
	if (after.len == 0)
		return changes_remove(m, ret, LEDGER_PATH, err);
	r = changes_mkdir(m, ret, STATE_DIR, &private, err);
	return r < 0 ? r : changes_write(m, ret, LEDGER_PATH, buf_bytes(&after), &meta, err);
}

/* Without our mark and the original the next run could not tell what is ours and what was before.
 */
static int remove_held(struct machine *m, struct changes *ret, const char *path, struct err *err)
{
	const size_t count = ret->count;
	int r = changes_remove(m, ret, path, err);

	if (ret->count > count)
		changes_hold(ret);
	return r;
}

/* Of a run that was killed before there was a mark, too. */
static int plan_no_left_overs(struct machine *m, struct changes *ret, struct err *err)
{
	static const char *const paths[] = {AADADMINS_PATH, AADPASSWD_PATH, AADINDEX_PATH,
					    LEDGER_PATH};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(paths); i++)
		r = changes_tidy(m, ret, paths[i], err);
	return r;
}

/* Whoever can write our files by now, they go. */
static int plan_no_accounts(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_TEXT accounts = {.exists = false}, original = {.exists = false};
	AUTO_TEXT ledger = {.exists = false};
	AUTO_BUF path = {0};
	bool ours = fs_exists(m->sys, AADADMINS_PATH);
	int r = read_text(m, AADPASSWD_PATH, 0, &accounts, err);

	if (r == 0)
		r = read_text(m, LEDGER_PATH, FS_TRUSTED, &ledger, err);
	if (r == 0 && !ours)
		r = recognise(m, &accounts, &ledger, &ours, err);
	/* Without our mark the file is not ours to take. */
	if (r < 0 || !ours)
		return r < 0 ? r : plan_no_left_overs(m, ret, err);
	/* Before the mark goes: a killed run's successor still knows it for ours. */
	if (fs_exists(m->sys, AADINDEX_PATH))
		r = plan_no_index(ret, err);
	if (r == 0)
		r = original_path(&path, err);
	if (r == 0)
		r = read_text(m, buf_text(&path), FS_TRUSTED, &original, err);
	if (r == 0)
		r = plan_ledger(m, &accounts, &ledger, ret, err);
	if (r < 0)
		return r;
	if (original.exists)
		r = changes_write(m, ret, AADPASSWD_PATH, buf_bytes(&original.bytes),
				  &original.meta, err);
	else
		r = changes_remove(m, ret, AADPASSWD_PATH, err);
	if (r == 0)
		r = remove_held(m, ret, AADADMINS_PATH, err);
	if (r == 0)
		r = remove_held(m, ret, buf_text(&path), err);
	return r < 0 ? r : plan_no_left_overs(m, ret, err);
}

/* ---- the name services */

static int refuse_link(struct err *err)
{
	(void)err_set(err, EPERM, NSSWITCH_PATH " is a symbolic link, and not authselect's");
	return err_remedy(err, 0, "put a regular file in its place");
}

/* The text in force, and which file has it; -ENOENT when there is none. */
static int read_nsswitch(struct machine *m, const char **ret_path, struct buf *ret, struct err *err)
{
	struct err vendor = {0};
	int r = fs_read(m->sys, NSSWITCH_PATH, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, err);

	*ret_path = NSSWITCH_PATH;
	if (r != -ENOENT ||
	    fs_read(m->sys, VENDOR_NSSWITCH_PATH, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, &vendor) < 0)
		return r;
	*ret_path = VENDOR_NSSWITCH_PATH;
	*err = (struct err){0};
	return 0;
}

/* Two sources with `@` names would answer for each other's people. */
static int refuse_directory(struct machine *m, const char *path, struct span nsswitch,
			    struct err *err)
{
	struct span source;

	if (strcmp(m->conf.user_domains, USER_DOMAINS_DEFAULT) != 0 ||
	    !nsswitch_directory(nsswitch, &source))
		return 0;
	/* RHEL's images name it without a configuration, so that it knows nobody. */
	if (span_is(source, "sss") && !fs_exists(m->sys, SSSD_CONF_PATH))
		return 0;
	(void)err_set(err, EINVAL,
		      "%s names %.*s for passwd, whose people may have names with @ as ours do",
		      path, (int)source.len, (const char *)source.p);
	return err_remedy(err, EXIT_SETTINGS, "set userDomains to the domains of your Entra users");
}

/* The file is the vendor's, which the vendor's package writes anew: ours is a copy of it. */
static int plan_copy(struct machine *m, struct span vendors, struct changes *ret, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0644);
	AUTO_BUF with_us = {0}, after = {0};
	int r = nsswitch_add(vendors, &with_us, err);

	if (r < 0)
		return r;
	buf_str(&after, NSSWITCH_COPIED);
	buf_span(&after, buf_bytes(&with_us));
	r = buf_ok(&after, err);
	return r < 0 ? r : changes_write(m, ret, NSSWITCH_PATH, buf_bytes(&after), &meta, err);
}

/* Is this text of NSSWITCH_PATH, which is `without` without us, a copy of ours?  *ret_same: and the
 * vendor's file is as it was then. */
static bool is_copy(struct machine *m, struct span text, struct span without, bool *ret_same)
{
	AUTO_BUF vendors = {0};
	struct err ignored = {0};

	if (text.len < strlen(NSSWITCH_COPIED) ||
	    memcmp(text.p, NSSWITCH_COPIED, strlen(NSSWITCH_COPIED)) != 0 ||
	    fs_read(m->sys, VENDOR_NSSWITCH_PATH, FS_FOLLOW, FS_CONFIG_MAX, &vendors, NULL,
		    &ignored) < 0)
		return false;
	*ret_same = span_eq(buf_bytes(&vendors), without);
	return true;
}

static int plan_file_present(struct machine *m, struct span before, struct buf *ret_after,
			     struct err *err)
{
	AUTO_BUF without = {0};
	bool same;
	int r = nsswitch_add(before, ret_after, err);

	if (r == 0)
		r = nsswitch_remove(before, &without, err);
	if (r == 0 && is_copy(m, before, buf_bytes(&without), &same) && !same)
		machine_note(m, NSSWITCH_PATH
			     " is a copy of ours, and differs from " VENDOR_NSSWITCH_PATH
			     " by now: compare them; without the copy the next run makes another");
	return r == 0 && span_eq(before, buf_bytes(ret_after))
		       ? changes_trust(m, NSSWITCH_PATH, err)
		       : r;
}

static int plan_plain(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	const char *path = NULL;
	bool same = false;
	struct stat st;
	int r = read_nsswitch(m, &path, &before, err);

	if (want == WANT_ABSENT && (r == -ENOENT || strcmp(path, NSSWITCH_PATH) != 0)) {
		*err = (struct err){0};
		return changes_tidy(m, ret, NSSWITCH_PATH, err);
	}
	if (r < 0)
		return r;
	if (strcmp(path, NSSWITCH_PATH) != 0)
		return plan_copy(m, buf_bytes(&before), ret, err);
	r = want == WANT_PRESENT ? plan_file_present(m, buf_bytes(&before), &after, err)
				 : nsswitch_remove(buf_bytes(&before), &after, err);
	if (r < 0 || span_eq(buf_bytes(&before), buf_bytes(&after)))
		return r < 0 ? r : changes_tidy(m, ret, NSSWITCH_PATH, err);
	if (fs_lstat(m->sys, NSSWITCH_PATH, &st, err) == 0 && S_ISLNK(st.st_mode))
		return refuse_link(err);
	if (want == WANT_ABSENT && is_copy(m, buf_bytes(&before), buf_bytes(&after), &same) && same)
		return changes_remove(m, ret, NSSWITCH_PATH, err);
	return changes_edit(m, ret, NSSWITCH_PATH, buf_bytes(&after), err);
}

static int plan_nsswitch(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	const char *path = NULL;
	AUTO_BUF text = {0};
	int r = read_nsswitch(m, &path, &text, err);

	if (r == -ENOENT) {
		*err = (struct err){0};
		r = 0;
	}
	if (r == 0 && want == WANT_PRESENT)
		r = refuse_directory(m, path, buf_bytes(&text), err);
	if (r < 0)
		return r;
	if (authselect_owns(m))
		return authselect_plan(m, want, ret, err);
	r = plan_plain(m, want, ret, err);
	return r < 0 || want == WANT_PRESENT ? r : authselect_plan_forget(m, ret, err);
}

static const char *const nscd_databases[] = {"passwd", "group"};

/* nscd reads nsswitch.conf and the accounts again.  One that has just ended needs no telling. */
static int invalidate_nscd(struct machine *m, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(nscd_databases); i++) {
		const char *const argv[] = {NSCD_PROGRAM, "-i", nscd_databases[i], NULL};
		const struct proc_spec spec = {.argv = argv, .timeout_ms = NSCD_TIMEOUT_MS};
		AUTO_PROC res = PROC_RESULT_INIT;

		r = proc_run(m->sys, &spec, &res, err);
	}
	return r;
}

static int plan_nscd(struct machine *m, struct changes *ret, struct err *err)
{
	int r;

	if (ret->count == 0 || !fs_exists(m->sys, NSCD_SOCKET))
		return 0;
	r = changes_call(ret, "nscd -i passwd, nscd -i group", invalidate_nscd, invalidate_nscd,
			 err);
	for (size_t i = 0; r == 0 && m->foretells && i < ARRAY_LEN(nscd_databases); i++)
		r = changes_runs(ret,
				 (const char *const[]){NSCD_PROGRAM, "-i", nscd_databases[i], NULL},
				 err);
	return r;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	struct err own = {0};
	int r = want == WANT_PRESENT ? plan_accounts(m, ret, err) : plan_no_accounts(m, ret, err);

	if (r < 0 && want == WANT_PRESENT)
		return r;
	/* On the way out our word goes whatever the accounts' files are like. */
	if (plan_nsswitch(m, want, ret, &own) == 0)
		(void)plan_nscd(m, ret, &own);
	if (r == 0 && own.code) {
		*err = own;
		r = -own.code;
	}
	return r;
}

const struct step step_accounts = {
	.name = "accounts",
	.purpose = "the name services know our users",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
};
