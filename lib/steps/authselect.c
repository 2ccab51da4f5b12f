/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/core/authselect.h"
#include "lib/core/cleanup.h"
#include "lib/core/nsswitch.h"
#include "lib/steps/authselect.h"
#include "lib/sys/proc.h"

#define TOOL "/usr/bin/authselect"
#define CONF_DIR "/etc/authselect"
#define COPY_DIR "/var/lib/authselect" /* releases before 1.3 compare with what is there */
#define CONF_NAME "authselect.conf"
#define NSSWITCH_NAME "nsswitch.conf"
#define TARGET_PATH AUTHSELECT_NSSWITCH_PATH
#define USER_PATH CONF_DIR "/user-nsswitch.conf"
#define CUSTOM_DIR CONF_DIR "/custom"
#define OUR_NAME "aadsshlogin"
#define OUR_PROFILE "custom/" OUR_NAME
#define OUR_DIR CUSTOM_DIR "/" OUR_NAME
#define OUR_TEMPLATE OUR_DIR "/" NSSWITCH_NAME
#define KEPT_DIR STATE_DIR "/authselect"
#define BASE_PATH KEPT_DIR "/base"
#define WRITING_PATH KEPT_DIR "/writing" /* is there while authselect writes */
#define TIMEOUT_MS 60000
#define STATUS_MODIFIED 3 /* what `authselect check` ends with */
#define PROFILE_MAX 256

/* What authselect writes when a profile is selected, and what leads to it. */
static const struct file {
	const char *name, *path;
	const char *link; /* NULL: none */
} generated[] = {
#define GENERATED(name, link)                                                                      \
	{                                                                                          \
		name, CONF_DIR "/" name, link                                                      \
	}
	GENERATED(CONF_NAME, NULL),
	GENERATED(NSSWITCH_NAME, "/etc/nsswitch.conf"),
	GENERATED("system-auth", "/etc/pam.d/system-auth"),
	GENERATED("password-auth", "/etc/pam.d/password-auth"),
	GENERATED("fingerprint-auth", "/etc/pam.d/fingerprint-auth"),
	GENERATED("smartcard-auth", "/etc/pam.d/smartcard-auth"),
	GENERATED("switchable-auth", "/etc/pam.d/switchable-auth"),
	GENERATED("postlogin", "/etc/pam.d/postlogin"),
	GENERATED("dconf-db", "/etc/dconf/db/distro.d/20-authselect"),
	GENERATED("dconf-locks", "/etc/dconf/db/distro.d/locks/20-authselect"),
#undef GENERATED
};

struct facts {
	struct buf target; /* the generated nsswitch.conf */
	bool exists; /* ... if there is one */
	struct authselect_choice choice; /* empty when authselect.conf cannot be understood */
	char base[PROFILE_MAX]; /* what our profile was made from, "" when there is none of ours */
	bool selected; /* ours is */
	bool in_force; /* the target names us where it must */
};

static void facts_done(struct facts *f)
{
	buf_done(&f->target);
}

#define AUTO_FACTS CLEANUP(facts_done) struct facts

const char *authselect_target(struct machine *m, const char *path)
{
	struct err ignored = {0};
	char to[PATH_MAX];

	if (fs_readlink(m->sys, path, to, sizeof(to), &ignored) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(generated); i++)
		if (generated[i].link && strcmp(generated[i].link, path) == 0 &&
		    strcmp(generated[i].path, to) == 0)
			return generated[i].path;
	return NULL;
}

bool authselect_owns(struct machine *m)
{
	struct err ignored = {0};
	char to[PATH_MAX];

	/* authselect takes a link away before it makes it again. */
	if (!fs_exists(m->sys, "/etc/nsswitch.conf"))
		return fs_exists(m->sys, WRITING_PATH);
	return fs_readlink(m->sys, "/etc/nsswitch.conf", to, sizeof(to), &ignored) == 0 &&
	       (strcmp(to, TARGET_PATH) == 0 || strcmp(to, TARGET_PATH + sizeof("/etc")) == 0);
}

static bool is_in_force(struct span text)
{
	AUTO_BUF after = {0};
	struct err ignored = {0};

	return nsswitch_add(text, &after, &ignored) == 0 && span_eq(text, buf_bytes(&after));
}

/* Is our word in a file, or a part of one, that need not exist? */
static bool names_us(struct span text)
{
	AUTO_BUF without = {0};
	struct err ignored = {0};

	return nsswitch_remove(text, &without, &ignored) == 0 &&
	       !span_eq(text, buf_bytes(&without));
}

static void read_choice(struct machine *m, const char *path, struct authselect_choice *ret)
{
	struct err ignored = {0};
	AUTO_BUF text = {0};

	if (fs_read(m->sys, path, FS_TRUSTED, FS_CONFIG_MAX, &text, NULL, &ignored) == 0)
		(void)authselect_parse(buf_bytes(&text), ret, &ignored);
}

static int look(struct machine *m, struct facts *ret, struct err *err)
{
	struct authselect_choice base = {.count = 0};
	int r = fs_read_optional(m->sys, TARGET_PATH, 0, FS_CONFIG_MAX, &ret->target, &ret->exists,
				 NULL, err);

	if (r < 0)
		return r;
	read_choice(m, CONF_DIR "/" CONF_NAME, &ret->choice);
	read_choice(m, BASE_PATH, &base);
	if (base.count)
		(void)span_copy(span_of(base.words[0]), ret->base, sizeof(ret->base));
	ret->selected = ret->choice.count && strcmp(ret->choice.words[0], OUR_PROFILE) == 0;
	ret->in_force = is_in_force(buf_bytes(&ret->target));
	return 0;
}

/* ---- profiles */

/* Where a profile's templates are, found as authselect finds them. */
static void profile_dir(struct machine *m, const char *profile, char ret[PATH_MAX])
{
	static const char *const packaged[] = {"/usr/share/authselect/vendor",
					       "/usr/share/authselect/default"};

	(void)snprintf(ret, PATH_MAX, CONF_DIR "/%s", profile);
	for (size_t i = 0; strchr(profile, '/') == NULL && i < ARRAY_LEN(packaged); i++) {
		(void)snprintf(ret, PATH_MAX, "%s/%s", packaged[i], profile);
		if (fs_exists(m->sys, ret))
			return;
	}
}

/* The profile's nsswitch.conf with our word.  -ENOENT when there is no such profile. */
static int derive(struct machine *m, const char *profile, struct buf *ret, struct err *err)
{
	char dir[PATH_MAX], path[PATH_MAX + sizeof(NSSWITCH_NAME)];
	AUTO_BUF text = {0};
	bool exists;
	int r;

	profile_dir(m, profile, dir);
	if (!fs_exists(m->sys, dir))
		return err_set(err, ENOENT, "authselect has no profile %s", profile);
	(void)snprintf(path, sizeof(path), "%s/" NSSWITCH_NAME, dir);
	r = fs_read_optional(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, &exists, NULL, err);
	return r < 0 ? r : nsswitch_add_part(buf_bytes(&text), ret, err);
}

/* Does our profile have what it needs of the one that it is made from, and its template our word?
 */
static bool is_current(struct machine *m, const char *base, struct span template)
{
	static const char *const needed[] = {"README", "system-auth", "password-auth"};
	char dir[PATH_MAX], theirs[PATH_MAX + 16], ours[PATH_MAX];
	struct err ignored = {0};
	AUTO_BUF text = {0};

	if (fs_read(m->sys, OUR_TEMPLATE, 0, FS_CONFIG_MAX, &text, NULL, &ignored) < 0 ||
	    !span_eq(buf_bytes(&text), template))
		return false;
	profile_dir(m, base, dir);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		(void)snprintf(theirs, sizeof(theirs), "%s/%s", dir, needed[i]);
		(void)snprintf(ours, sizeof(ours), OUR_DIR "/%s", needed[i]);
		if (fs_exists(m->sys, theirs) && !fs_exists(m->sys, ours))
			return false;
	}
	return true;
}

/* ---- authselect's program */

static int run_tool(struct machine *m, const char *const *argv, struct proc_result *ret,
		    struct err *err)
{
	const struct proc_spec spec = {.argv = argv,
				       .timeout_ms = TIMEOUT_MS,
				       .output_max = 4096,
				       .merge_stderr = true,
				       .log_fd = m->log_fd};

	return proc_run(m->sys, &spec, ret, err);
}

/* The exit status of `authselect check`, -1 when it cannot be run. */
static int ask_check(struct machine *m)
{
	static const char *const argv[] = {TOOL, "check", NULL};
	AUTO_PROC res = PROC_RESULT_INIT;
	struct err ignored = {0};

	return run_tool(m, argv, &res, &ignored) == 0 ? res.status : -1;
}

/* Run what must end with 0; authselect says last what to do about a refusal. */
static int must_run(struct machine *m, const char *const *argv, struct err *err)
{
	AUTO_PROC res = PROC_RESULT_INIT;
	struct span text, line, last = {0};
	int r = run_tool(m, argv, &res, err);

	if (r < 0 || res.status == 0)
		return r;
	text = buf_bytes(&res.output);
	while (span_line(&text, &line))
		if (span_trim(line).len)
			last = span_trim(line);
	(void)err_set(err, EIO, "%s %s %s ended with %d: %.*s", TOOL, argv[1], argv[2] ?: "",
		      res.status, (int)(last.len < 160 ? last.len : 160),
		      last.len ? (const char *)last.p : "");
	return err_remedy(err, 0, "see what authselect check says");
}

/* As must_run, for what writes authselect's files, which a run that is killed may leave half done.
 */
static int must_write(struct machine *m, const char *const *argv, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0600);
	int r = fs_replace(m->sys, WRITING_PATH, (struct span){0}, &meta, err);

	if (r == 0)
		r = must_run(m, argv, err);
	return r < 0 ? r : fs_remove(m->sys, WRITING_PATH, err);
}

static void select_command(const char *profile, const struct authselect_choice *choice,
			   const char *ret[AUTHSELECT_WORDS_MAX + 4])
{
	size_t n = 0;

	ret[n++] = TOOL;
	ret[n++] = "select";
	ret[n++] = profile;
	for (size_t i = 1; i < choice->count; i++)
		ret[n++] = choice->words[i];
	ret[n++] = "--quiet";
	ret[n] = NULL;
}

/* Select a profile with the features that are in force. */
static int select_profile(struct machine *m, const char *profile,
			  const struct authselect_choice *choice, struct err *err)
{
	const char *argv[AUTHSELECT_WORDS_MAX + 4];

	select_command(profile, choice, argv);
	return must_write(m, argv, err);
}

static const char *const apply_command[] = {TOOL, "apply-changes", NULL};

static int apply_changes(struct machine *m, struct err *err)
{
	return must_write(m, apply_command, err);
}

/* Put back the links that a run which was killed left out: PAM cannot do without. */
static int mend_links(struct machine *m, struct err *err)
{
	int r = 0;

	if (!fs_exists(m->sys, WRITING_PATH))
		return 0;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(generated); i++) {
		const struct file *file = &generated[i];

		if (file->link && !fs_exists(m->sys, file->link) && fs_exists(m->sys, file->path))
			r = fs_symlink(m->sys, file->path, file->link, err);
	}
	return r;
}

#define CREATE(base)                                                                               \
	{                                                                                          \
		TOOL, "create-profile", OUR_NAME, "--base-on", base, "--symlink-meta",             \
			"--symlink-pam", "--symlink-dconf", NULL                                   \
	}

static int create_profile(struct machine *m, const char *base, struct err *err)
{
	const char *const argv[] = CREATE(base);
	const struct fs_meta meta = machine_meta(m, 0644);
	AUTO_BUF template = {0};
	int r = derive(m, base, &template, err);

	if (r == 0)
		r = fs_remove_tree(m->sys, OUR_DIR, err);
	if (r == 0)
		r = must_run(m, argv, err);
	return r < 0 ? r : fs_replace(m->sys, OUR_TEMPLATE, buf_bytes(&template), &meta, err);
}

/* ---- what authselect had written before */

static bool same_choice(struct span a, struct span b)
{
	struct authselect_choice x, y;
	struct err ignored = {0};

	if (authselect_parse(a, &x, &ignored) < 0 || authselect_parse(b, &y, &ignored) < 0 ||
	    x.count != y.count)
		return false;
	for (size_t i = 0; i < x.count; i++)
		if (strcmp(x.words[i], y.words[i]) != 0)
			return false;
	return true;
}

/* Invariant 3. */
static bool is_same(const char *name, struct span now, struct span kept)
{
	AUTO_BUF without = {0};
	struct err ignored = {0};

	if (strcmp(name, CONF_NAME) == 0)
		return same_choice(now, kept);
	if (strcmp(name, NSSWITCH_NAME) != 0)
		return authselect_same(now, kept);
	return nsswitch_remove(now, &without, &ignored) == 0 &&
	       authselect_same(buf_bytes(&without), kept);
}

static int keep_one(struct machine *m, const char *name, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0600);
	char from[PATH_MAX], to[PATH_MAX];
	AUTO_BUF text = {0};
	bool exists;
	int r;

	(void)snprintf(from, sizeof(from), CONF_DIR "/%s", name);
	(void)snprintf(to, sizeof(to), KEPT_DIR "/%s", name);
	r = fs_read_optional(m->sys, from, 0, FS_CONFIG_MAX, &text, &exists, NULL, err);
	if (r < 0)
		return r;
	return exists ? fs_replace(m->sys, to, buf_bytes(&text), &meta, err)
		      : fs_remove(m->sys, to, err);
}

static int keep(struct machine *m, struct err *err)
{
	const struct fs_meta private = machine_meta(m, 0700);
	int r = fs_mkdir(m->sys, STATE_DIR, &private, err);

	if (r == 0)
		r = fs_mkdir(m->sys, KEPT_DIR, &private, err);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(generated); i++)
		r = keep_one(m, generated[i].name, err);
	return r;
}

static int restore_one(struct machine *m, const char *dir, const char *name, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	AUTO_BUF kept = {0}, now = {0};
	bool kept_exists, now_exists;
	struct fs_meta meta;
	struct stat st;
	int r;

	(void)snprintf(from, sizeof(from), KEPT_DIR "/%s", name);
	(void)snprintf(to, sizeof(to), "%s/%s", dir, name);
	r = fs_read_optional(m->sys, from, FS_TRUSTED, FS_CONFIG_MAX, &kept, &kept_exists, NULL,
			     err);
	if (r == 0)
		r = fs_read_optional(m->sys, to, FS_TRUSTED, FS_CONFIG_MAX, &now, &now_exists, &st,
				     err);
	if (r < 0 || !kept_exists || !now_exists || span_eq(buf_bytes(&now), buf_bytes(&kept)) ||
	    !is_same(name, buf_bytes(&now), buf_bytes(&kept)))
		return r;
	meta = (struct fs_meta){st.st_mode & 07777, st.st_uid, st.st_gid};
	return fs_replace(m->sys, to, buf_bytes(&kept), &meta, err);
}

static int restore(struct machine *m, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(generated); i++) {
		r = restore_one(m, COPY_DIR, generated[i].name, err);
		if (r == 0)
			r = restore_one(m, CONF_DIR, generated[i].name, err);
	}
	return r;
}

/* Are the files as they were kept, with no changes of the owner's since? */
static bool is_restored(struct machine *m)
{
	struct err ignored = {0};
	bool same = true;

	for (size_t i = 0; same && i < ARRAY_LEN(generated); i++) {
		char then[PATH_MAX], now[PATH_MAX];
		AUTO_BUF a = {0}, b = {0};

		(void)snprintf(then, sizeof(then), KEPT_DIR "/%s", generated[i].name);
		(void)snprintf(now, sizeof(now), CONF_DIR "/%s", generated[i].name);
		same = !fs_exists(m->sys, then) ||
		       (fs_read(m->sys, then, FS_TRUSTED, FS_CONFIG_MAX, &a, NULL, &ignored) == 0 &&
			fs_read(m->sys, now, FS_TRUSTED, FS_CONFIG_MAX, &b, NULL, &ignored) == 0 &&
			span_eq(buf_bytes(&a), buf_bytes(&b)));
	}
	return same;
}

/* ---- in and out */

/* Edit a file of authselect's when it does not do so itself; one that is gone needs no edit. */
static int replace_text(struct machine *m, const char *path,
			int (*edit)(struct span text, const void *arg, struct buf *ret,
				    struct err *err),
			const void *arg, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	struct fs_meta meta;
	struct stat st;
	bool exists;
	int r = fs_read_optional(m->sys, path, FS_TRUSTED, FS_CONFIG_MAX, &before, &exists, &st,
				 err);

	if (r == 0 && !exists)
		return 0;
	if (r == 0)
		r = edit(buf_bytes(&before), arg, &after, err);
	if (r < 0 || span_eq(buf_bytes(&before), buf_bytes(&after)))
		return r;
	meta = (struct fs_meta){st.st_mode & 07777, st.st_uid, st.st_gid};
	return fs_replace(m->sys, path, buf_bytes(&after), &meta, err);
}

static int remove_word(struct span text, const void *arg, struct buf *ret, struct err *err)
{
	(void)arg;
	return nsswitch_remove(text, ret, err);
}

static int edit_profile(struct span text, const void *arg, struct buf *ret, struct err *err)
{
	return authselect_rename(text, arg, ret, err);
}

static int add_word(struct span text, const void *arg, struct buf *ret, struct err *err)
{
	(void)arg;
	return nsswitch_add(text, ret, err);
}

static int check_in_force(struct machine *m, struct err *err)
{
	AUTO_FACTS f = {.selected = false};

	if (look(m, &f, err) < 0)
		return -err->code;
	if (f.in_force)
		return 0;
	(void)err_set(err, EIO, TARGET_PATH " does not name aad although authselect wrote it anew");
	return err_remedy(err, 0, "see which lines of passwd and group the profile has");
}

static int drop_profile(struct machine *m, bool ours, struct err *err)
{
	int r = fs_sure(m->sys, err);

	if (r == 0 && ours)
		r = fs_remove_tree(m->sys, OUR_DIR, err);
	return r < 0 ? r : fs_remove_tree(m->sys, KEPT_DIR, err);
}

static int record(struct machine *m, const char *base, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0600);
	AUTO_BUF line = {0};
	int r = keep(m, err);

	buf_printf(&line, "%s\n", base);
	if (r == 0)
		r = buf_ok(&line, err);
	return r < 0 ? r : fs_replace(m->sys, BASE_PATH, buf_bytes(&line), &meta, err);
}

/* The plan found no changes of the owner's, unless a run was killed: then its half goes first. */
static int put_in_first(struct machine *m, const struct facts *f, struct err *err)
{
	const char *base = f->choice.words[0];
	int r = f->base[0] ? restore(m, err) : 0;

	if (r == 0 && f->base[0] && ask_check(m) != 0) {
		r = replace_text(m, TARGET_PATH, add_word, NULL, err);
		return r < 0 ? r : drop_profile(m, true, err);
	}
	if (r == 0)
		r = record(m, base, err);
	if (r == 0)
		r = create_profile(m, base, err);
	return r < 0 ? r : select_profile(m, OUR_PROFILE, &f->choice, err);
}

/* A profile that was taken away is found changed before, one that is behind is so afterwards. */
static int put_in_again(struct machine *m, const struct facts *f, struct err *err)
{
	bool clean = ask_check(m) == 0;
	int r = create_profile(m, f->base, err);

	if (r < 0)
		return r;
	return clean || ask_check(m) == 0 ? select_profile(m, OUR_PROFILE, &f->choice, err)
					  : replace_text(m, TARGET_PATH, add_word, NULL, err);
}

/* Make our profile from the one that is selected, or that ours was made from, and select it. */
static int put_in(struct machine *m, struct err *err)
{
	AUTO_FACTS f = {.selected = false};
	int r = mend_links(m, err);

	if (r == 0)
		r = look(m, &f, err);
	if (r < 0)
		return r;
	if (f.choice.count == 0 || (f.selected && !f.base[0]))
		return err_set(err, ESTALE, CONF_DIR "/" CONF_NAME " has changed meanwhile");
	r = f.selected ? put_in_again(m, &f, err) : put_in_first(m, &f, err);
	if (r == 0)
		r = check_in_force(m, err);
	return r < 0 ? r : fs_remove(m->sys, WRITING_PATH, err);
}

/* What a killed run left half done is as it was again, but for what the owner changed since. */
static int undo_half(struct machine *m, struct err *err)
{
	int r = mend_links(m, err);

	return r < 0 ? r : restore(m, err);
}

/* user-nsswitch.conf alone decides. */
static int regenerate(struct machine *m, struct err *err)
{
	const bool killed = fs_exists(m->sys, WRITING_PATH);
	int r = killed ? undo_half(m, err) : keep(m, err);

	if (r == 0 && killed && !is_restored(m)) {
		r = replace_text(m, TARGET_PATH, add_word, NULL, err);
		return r < 0 ? r : drop_profile(m, false, err);
	}
	if (r == 0)
		r = apply_changes(m, err);
	return r < 0 ? r : check_in_force(m, err);
}

/* Back to the profile of before, whatever became of the features. */
static int leave(struct machine *m, const struct facts *f, struct err *err)
{
	struct err refusal = {0};
	int r;

	if (!f->base[0]) {
		if (replace_text(m, TARGET_PATH, remove_word, NULL, err) < 0)
			return -err->code;
		(void)err_set(err, ENOENT,
			      "which profile was selected before " OUR_PROFILE " is not known");
		return err_remedy(err, 0, "authselect select PROFILE, then remove " OUR_DIR);
	}
	if (ask_check(m) == 0 && select_profile(m, f->base, &f->choice, &refusal) == 0)
		return 0;
	r = mend_links(m, err);
	if (r == 0)
		r = replace_text(m, TARGET_PATH, remove_word, NULL, err);
	return r < 0 ? r : replace_text(m, CONF_DIR "/" CONF_NAME, edit_profile, f->base, err);
}

static int take_out(struct machine *m, struct err *err)
{
	AUTO_FACTS f = {.selected = false};
	int r = mend_links(m, err);

	if (r == 0)
		r = look(m, &f, err);
	if (r == 0)
		r = f.selected ? leave(m, &f, err)
			       : replace_text(m, TARGET_PATH, remove_word, NULL, err);
	if (r == 0)
		r = restore(m, err);
	return r < 0 ? r : drop_profile(m, f.base[0], err);
}

/* The owner's user-nsswitch.conf is without us again.  What authselect leaves undone is done here.
 */
static int regenerate_without(struct machine *m, struct err *err)
{
	struct err ignored = {0};

	(void)apply_changes(m, &ignored);
	return take_out(m, err);
}

/* ---- plans */

/* Why the generated file itself has to be edited, NULL: it need not. */
static const char *reason_against(struct machine *m, const struct facts *f)
{
	AUTO_BUF template = {0};
	struct err ignored = {0};

	if (!fs_exists(m->sys, TOOL))
		return "authselect's program is missing";
	if (f->choice.count == 0)
		return CONF_NAME " is not understood";
	if (!f->base[0] && fs_exists(m->sys, OUR_DIR))
		return "the profile " OUR_PROFILE " is somebody else's";
	if (derive(m, f->choice.words[0], &template, &ignored) < 0)
		return "its profile is gone, or has no place for the source";
	if (!f->base[0] && ask_check(m) != 0)
		return "authselect check finds local changes";
	return NULL;
}

static int plan_user_file(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	bool exists;
	int r = fs_read_optional(m->sys, USER_PATH, FS_FOLLOW, FS_CONFIG_MAX, &before, &exists,
				 NULL, err);

	if (r < 0 || !exists)
		return r;
	r = want == WANT_PRESENT ? nsswitch_add_part(buf_bytes(&before), &after, err)
				 : nsswitch_remove(buf_bytes(&before), &after, err);
	return r < 0 ? r : changes_edit(m, ret, USER_PATH, buf_bytes(&after), err);
}

static bool lacks_us(struct span text)
{
	AUTO_BUF after = {0};
	struct err ignored = {0};

	return nsswitch_add_part(text, &after, &ignored) < 0 || !span_eq(text, buf_bytes(&after));
}

static int plan_regenerate(struct machine *m, struct changes *ret, struct err *err)
{
	int r = plan_user_file(m, WANT_PRESENT, ret, err);

	if (r == 0)
		r = changes_call(ret, "authselect apply-changes", regenerate, regenerate_without,
				 err);
	return r < 0 ? r : changes_runs(ret, apply_command, err);
}

/* What put_in runs where nobody was killed and nothing is the owner's. */
static int tell_put_in(const struct facts *f, struct changes *ret, struct err *err)
{
	const char *const create[] = CREATE(f->selected ? f->base : f->choice.words[0]);
	const char *select[AUTHSELECT_WORDS_MAX + 4];

	select_command(OUR_PROFILE, &f->choice, select);
	return changes_runs(ret, create, err) < 0 ? -err->code : changes_runs(ret, select, err);
}

static int tell_take_out(const struct facts *f, struct changes *ret, struct err *err)
{
	const char *select[AUTHSELECT_WORDS_MAX + 4];

	if (!f->selected || !f->base[0])
		return 0;
	select_command(f->base, &f->choice, select);
	return changes_runs(ret, select, err);
}

static int plan_profile(struct machine *m, const struct facts *f, struct changes *ret,
			struct err *err)
{
	struct span profile, user;
	AUTO_BUF what = {0};
	int r = 0;

	authselect_split(buf_bytes(&f->target), &profile, &user);
	if (!f->base[0] && !lacks_us(profile))
		return plan_regenerate(m, ret, err);
	if (lacks_us(user))
		r = plan_user_file(m, WANT_PRESENT, ret, err);
	if (r < 0)
		return r;
	buf_printf(&what, "authselect select " OUR_PROFILE " (%s with the source aad)",
		   f->selected ? f->base : f->choice.words[0]);
	r = changes_call(ret, buf_text(&what), put_in, f->selected ? put_in : take_out, err);
	return r < 0 ? r : tell_put_in(f, ret, err);
}

static int plan_edit(struct machine *m, const struct facts *f, const char *why, struct changes *ret,
		     struct err *err)
{
	AUTO_BUF after = {0};
	int r = nsswitch_add(buf_bytes(&f->target), &after, err);

	if (r < 0)
		return r;
	machine_note(m,
		     TARGET_PATH " is edited itself, since %s: authselect check reports it as "
				 "modified, and authselect select takes the source out "
				 "until the next enable",
		     why);
	return changes_edit(m, ret, TARGET_PATH, buf_bytes(&after), err);
}

/* In force without a profile of ours: by our edit, or by the owner. */
static void note_edited(struct machine *m)
{
	if (fs_exists(m->sys, TOOL) && ask_check(m) == STATUS_MODIFIED)
		machine_note(m, "authselect check reports " TARGET_PATH
				" or another of its files as modified: authselect select takes our "
				"source out, and the next enable puts it back");
}

/* Ours is selected.  It follows the profile that it is made from. */
static int plan_follow(struct machine *m, const struct facts *f, struct changes *ret,
		       struct err *err)
{
	AUTO_BUF template = {0};
	struct err why = {0};

	if (derive(m, f->base, &template, &why) < 0) {
		machine_note(m,
			     "%s: " OUR_PROFILE " is made from it and cannot follow it any more; "
			     "select another one, and the next enable makes ours from that",
			     why.msg);
		return f->in_force ? 0 : plan_edit(m, f, why.msg, ret, err);
	}
	if (f->in_force && is_current(m, f->base, buf_bytes(&template)) &&
	    !fs_exists(m->sys, WRITING_PATH))
		return 0;
	return fs_exists(m->sys, TOOL)
		       ? plan_profile(m, f, ret, err)
		       : plan_edit(m, f, "authselect's program is missing", ret, err);
}

static int plan_present(struct machine *m, const struct facts *f, struct changes *ret,
			struct err *err)
{
	AUTO_BUF after = {0};
	const char *why;

	if (!f->exists) {
		(void)err_set(err, ENOENT,
			      "/etc/nsswitch.conf points to " TARGET_PATH ", which is missing");
		return err_remedy(err, 0, "authselect apply-changes, or put a regular file there");
	}
	if (nsswitch_add(buf_bytes(&f->target), &after, err) < 0)
		return -err->code;
	if (f->selected && f->base[0])
		return plan_follow(m, f, ret, err);
	/* A killed run of authselect's may have left links out, without which PAM lets nobody in.
	 */
	if (!f->base[0] && fs_exists(m->sys, WRITING_PATH))
		return plan_regenerate(m, ret, err);
	if (f->in_force && !f->base[0]) {
		note_edited(m);
		return 0;
	}
	why = reason_against(m, f);
	return why ? plan_edit(m, f, why, ret, err) : plan_profile(m, f, ret, err);
}

/* The profile that the owner selected names us by itself: it is his. */
static bool profile_names_us(struct machine *m, const struct facts *f)
{
	char path[PATH_MAX + sizeof(NSSWITCH_NAME)];
	AUTO_BUF text = {0};
	struct err ignored = {0};

	if (f->choice.count == 0)
		return false;
	profile_dir(m, f->choice.words[0], path);
	(void)strcat(path, "/" NSSWITCH_NAME);
	return fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, &ignored) == 0 &&
	       names_us(buf_bytes(&text));
}

static int plan_absent(struct machine *m, const struct facts *f, struct changes *ret,
		       struct err *err)
{
	bool clean = !f->base[0] && fs_exists(m->sys, KEPT_DIR) && ask_check(m) == 0;
	AUTO_BUF after = {0};
	int r = plan_user_file(m, WANT_ABSENT, ret, err);

	if (r < 0)
		return r;
	if (fs_exists(m->sys, KEPT_DIR) && !f->base[0] && clean)
		return changes_call(ret, "authselect apply-changes", regenerate_without, NULL,
				    err) < 0
			       ? -err->code
			       : changes_runs(ret, apply_command, err);
	if (f->selected || fs_exists(m->sys, KEPT_DIR))
		return changes_call(ret, "authselect without " OUR_PROFILE, take_out, NULL, err) < 0
			       ? -err->code
			       : tell_take_out(f, ret, err);
	if (!f->exists)
		return 0;
	if (profile_names_us(m, f)) {
		machine_note(
			m,
			"the profile %s names the source aad: take it out of its " NSSWITCH_NAME
			", and authselect apply-changes",
			f->choice.words[0]);
		return 0;
	}
	r = nsswitch_remove(buf_bytes(&f->target), &after, err);
	return r < 0 ? r : changes_edit(m, ret, TARGET_PATH, buf_bytes(&after), err);
}

int authselect_plan_forget(struct machine *m, struct changes *ret, struct err *err)
{
	return fs_exists(m->sys, KEPT_DIR)
		       ? changes_call(ret, "authselect without " OUR_PROFILE, take_out, NULL, err)
		       : 0;
}

int authselect_plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	AUTO_FACTS f = {.selected = false};
	int r = look(m, &f, err);

	if (r < 0)
		return r;
	return want == WANT_PRESENT ? plan_present(m, &f, ret, err) : plan_absent(m, &f, ret, err);
}
