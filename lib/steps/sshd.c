/* SPDX-License-Identifier: MIT */
/*
 * sshd asks our program for the keys of our users.
 *
 * Invariants:
 *  1. Nothing is published that sshd has not taken as a candidate, and no running sshd reads what
 *     `sshd -t` refuses: sshd would end, and nobody could sign in.
 *  2. Whatever held for root and for local users holds afterwards.
 *  3. Nothing of the owner's is edited but for our block, and that of a product before us; what
 *     keeps our users out is named.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/core/foreign.h"
#include "lib/core/matchuser.h"
#include "lib/core/outcome.h"
#include "lib/core/sshdcert.h"
#include "lib/core/sshdtree.h"
#include "lib/steps/programs.h"
#include "lib/steps/sshd.h"
#include "lib/sys/lookup.h"
#include "lib/sys/proc.h"
#include "lib/sys/service.h"

#define VENDOR_MAIN_PATH                                                                           \
	"/usr/etc/ssh/sshd_config" /* SUSE: read where SSHD_MAIN_PATH is missing                   \
				    */
#define SSHD_OLDEST 702
#define PID_FILE_SIZE 256
#define FILES_MAX 256 /* of the configuration, that are looked at for messages */
#define PASSWD_PATH "/etc/passwd"
#define PASSWD_MAX ((size_t)16 << 20)
#define GROUP_PATH "/etc/group"
#define GROUP_MAX ((size_t)16 << 20)

/* The texts as they shall be. */
struct wanted {
	const char *main_path;
	struct buf main;
	struct buf dropin;
	struct buf spared; /* see matchuser_spare */
	bool by_dropin; /* otherwise by a block in the main file */
};

static void wanted_done(struct wanted *wanted)
{
	buf_done(&wanted->main);
	buf_done(&wanted->dropin);
	buf_done(&wanted->spared);
}

#define AUTO_WANTED __attribute__((cleanup(wanted_done))) struct wanted

/* ---- what shall be */

static int read_main(struct machine *m, const char **ret_path, struct buf *ret, struct err *err)
{
	struct err vendor = {0};
	int r = fs_read(m->sys, SSHD_MAIN_PATH, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, err);

	*ret_path = SSHD_MAIN_PATH;
	if (r != -ENOENT ||
	    fs_read(m->sys, VENDOR_MAIN_PATH, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, &vendor) < 0)
		return r;
	*ret_path = VENDOR_MAIN_PATH;
	*err = (struct err){0};
	return 0;
}

/* The owner's main file, without the block of a product before us. */
static int read_cleaned(struct machine *m, const char **ret_path, struct buf *ret, struct err *err)
{
	AUTO_BUF text = {0};
	unsigned swallowed = 0;
	int r = read_main(m, ret_path, &text, err);

	/* What is left of a block of ours without its beginning would be taken for theirs. */
	if (r == 0 && !sshdconf_block_line(buf_bytes(&text)))
		r = sshdconf_remove(buf_bytes(&text), &text, err);
	if (r == 0)
		r = foreign_sshd_remove(buf_bytes(&text), ret, &swallowed, err);
	if (r == 0 && swallowed)
		machine_note(m,
			     "%s:%u stands in a Match block of another product, so it counts for "
			     "Entra users alone, as before: move it up if it was meant for all",
			     *ret_path, swallowed);
	return r;
}

/* Accounts of the machine's own keep what held for them, whatever their names are like. */
static int spare_locals(struct machine *m, struct buf *ret, struct err *err)
{
	AUTO_BUF passwd = {0};
	int r = fs_read(m->sys, PASSWD_PATH, FS_TRUSTED, PASSWD_MAX, &passwd, NULL, err);

	if (r < 0)
		return r;
	matchuser_spare(span_of(m->conf.user_domains), buf_bytes(&passwd), ret);
	return buf_ok(ret, err);
}

static int want_texts(struct machine *m, struct wanted *ret, struct err *err)
{
	AUTO_BUF now = {0};
	int r = read_cleaned(m, &ret->main_path, &now, err);

	if (r == 0)
		r = sshdconf_remove(buf_bytes(&now), &ret->main, err);
	if (r == 0)
		r = spare_locals(m, &ret->spared, err);
	if (r == 0)
		r = sshdconf_dropin(&m->conf, buf_bytes(&ret->spared), &ret->dropin, err);
	if (r < 0)
		return r;
	ret->by_dropin = sshdconf_includes_dropin(buf_bytes(&ret->main)) &&
			 fs_exists(m->sys, SSHD_DROPIN_DIR);
	return ret->by_dropin ? 0
			      : sshdconf_insert(buf_bytes(&now), &m->conf, buf_bytes(&ret->spared),
						&ret->main, err);
}

static int plan_files(struct machine *m, const struct wanted *wanted, struct changes *ret,
		      struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0644);
	int r;

	if (!wanted->by_dropin && strcmp(wanted->main_path, SSHD_MAIN_PATH) != 0) {
		(void)err_set(err, ENOENT, "%s does not include " SSHD_DROPIN_DIR,
			      wanted->main_path);
		return err_remedy(err, EXIT_SSHD, "copy it to " SSHD_MAIN_PATH);
	}
	r = changes_edit(m, ret, wanted->main_path, buf_bytes(&wanted->main), err);
	if (r < 0)
		return r;
	if (!wanted->by_dropin)
		return changes_remove(m, ret, SSHD_DROPIN_PATH, err);
	return changes_write(m, ret, SSHD_DROPIN_PATH, buf_bytes(&wanted->dropin), &meta, err);
}

/* ---- the whole configuration, for messages; wanted NULL: as it is */

static int load_text(struct machine *m, const struct wanted *wanted, const char *path,
		     struct buf *ret, struct err *err)
{
	if (!wanted || strcmp(path, SSHD_DROPIN_PATH) != 0)
		return fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, ret, NULL, err);
	buf_span(ret, buf_bytes(&wanted->dropin));
	return buf_ok(ret, err);
}

static bool is_loaded(const struct sshdtree *tree, const char *path)
{
	for (size_t i = 0; i < tree->count; i++)
		if (strcmp(tree->files[i].path, path) == 0)
			return true;
	return false;
}

/* Files that cannot be read are passed over here: sshd itself has judged them. */
static int load_file(struct machine *m, const struct wanted *wanted, const char *path,
		     struct sshdtree *tree, struct err *err)
{
	AUTO_BUF text = {0};
	struct err ignored = {0};

	if (is_loaded(tree, path))
		return 0;
	if (tree->count == FILES_MAX || load_text(m, wanted, path, &text, &ignored) < 0) {
		tree->partial = true;
		return 0;
	}
	return sshdtree_add(tree, path, &text, err);
}

/* The files of one pattern.  Wildcards in the directory's part are not followed. */
static int load_pattern(struct machine *m, const struct wanted *wanted, struct span pattern,
			struct sshdtree *tree, struct err *err)
{
	AUTO_NAMES names = NULL;
	struct err ignored = {0};
	char dir[512], path[1024];
	char *slash;
	int n = snprintf(dir, sizeof(dir), "%s%.*s",
			 pattern.len && pattern.p[0] == '/' ? "" : SSHD_DIR "/", (int)pattern.len,
			 (const char *)pattern.p);
	int r = 0;

	if (n < 0 || (size_t)n >= sizeof(dir)) {
		tree->partial = true;
		return 0;
	}
	slash = strrchr(dir, '/');
	*slash = '\0';
	tree->partial |= dir[strcspn(dir, "*?[\\\"'")] || strpbrk(slash + 1, "\\\"'");
	r = fs_list(m->sys, dir[0] ? dir : "/", &names, &ignored);
	tree->partial |= r < 0 && r != -ENOENT;
	if (r < 0)
		return 0;
	for (char **name = names; r == 0 && *name; name++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, *name);
		if (sshdconf_pattern_covers(pattern, path))
			r = load_file(m, wanted, path, tree, err);
	}
	/* Ours may not be there yet. */
	if (r == 0 && wanted && wanted->by_dropin &&
	    sshdconf_pattern_covers(pattern, SSHD_DROPIN_PATH))
		r = load_file(m, wanted, SSHD_DROPIN_PATH, tree, err);
	return r;
}

/* main, which is emptied, and what it includes. */
static int load_from(struct machine *m, const struct wanted *wanted, const char *path,
		     struct buf *main, struct sshdtree *tree, struct err *err)
{
	struct sshd_directive directive;
	int r = sshdtree_add(tree, path, main, err);

	for (size_t i = 0; r == 0 && i < tree->count; i++) {
		/* The text stays where it is when the tree grows. */
		struct span text = buf_bytes(&tree->files[i].text), pattern;
		unsigned line = 0;

		while (r == 0 && sshdconf_next(&text, &line, &directive))
			while (r == 0 && sshdconf_is(&directive, "Include") &&
			       sshdconf_arg(&directive.args, &pattern))
				r = load_pattern(m, wanted, pattern, tree, err);
	}
	return r;
}

static int load_tree(struct machine *m, const struct wanted *wanted, struct sshdtree *tree,
		     struct err *err)
{
	AUTO_BUF main = {0};
	int r;

	buf_span(&main, buf_bytes(&wanted->main));
	r = buf_ok(&main, err);
	return r < 0 ? r : load_from(m, wanted, wanted->main_path, &main, tree, err);
}

int sshd_load(struct machine *m, struct sshdtree *ret, struct err *err)
{
	const char *path = NULL;
	AUTO_BUF main = {0};
	int r = read_main(m, &path, &main, err);

	return r < 0 ? r : load_from(m, NULL, path, &main, ret, err);
}

/* With sed, for names that a shell takes as they are. */
static void advise_edit(struct machine *m, const char *path, const char *edit)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789+,-./:=@_";

	if (edit[0] && !strchr(edit, '\'') && path[strspn(path, plain)] == '\0')
		machine_command(m, "sed -i '%s' %s", edit, path);
}

static void advise_change(struct machine *m, const struct sshd_place *place, const char *keyword,
			  const char *value)
{
	char edit[256];

	(void)snprintf(edit, sizeof(edit), "%uc\\%s %s", place->directive.line, keyword, value);
	advise_edit(m, place->path, edit);
}

static void advise_first(struct machine *m, const char *keyword, const char *value)
{
	char edit[256];

	(void)snprintf(edit, sizeof(edit), "1i\\%s %s", keyword, value);
	advise_edit(m, SSHD_MAIN_PATH, edit);
}

/* Lists that keep all of our users out end the work: the status must not say that they get in. */
static int check_access(struct machine *m, const struct sshdtree *tree, struct err *err)
{
	struct sshd_bar bars[SSHD_BARS_MAX];
	AUTO_BUF groups = {0};
	bool exists;
	size_t count;
	int r = fs_read_optional(m->sys, GROUP_PATH, FS_FOLLOW, GROUP_MAX, &groups, &exists, NULL,
				 err);

	if (r < 0)
		return r;
	count = sshdtree_bars(tree, &m->conf, buf_bytes(&groups), bars);
	for (size_t i = 0; i < count; i++) {
		const struct sshd_bar *bar = &bars[i];
		const unsigned line = bar->place.directive.line;

		if (!bar->all) {
			machine_warn(m, GRAVITY_RISK, "%s:%u: %s keeps Entra users out; %s",
				     bar->place.path, line, bar->list, bar->help);
		} else if (err->code == 0) {
			(void)err_set(err, EACCES, "%s:%u: %s keeps all Entra users out",
				      bar->place.path, line, bar->list);
			(void)err_remedy(err, EXIT_SSHD, "%s", bar->help);
			advise_edit(m, bar->place.path, bar->edit);
		}
	}
	return -err->code;
}

static int refuse_rival(const struct sshd_place *rival, struct err *err)
{
	const struct sshd_directive *directive = &rival->directive;

	(void)err_set(err, EEXIST, "%s:%u: %.*s in an earlier Match wins over ours", rival->path,
		      directive->line, (int)directive->keyword.len,
		      (const char *)directive->keyword.p);
	return err_remedy(err, EXIT_SSHD,
			  "let that Match leave Entra users out: Match User !*@*,!????????"
			  "-*,*");
}

/* ---- what sshd says */

static bool same_value(struct span shown, const char *wanted)
{
	return shown.len == strlen(wanted) &&
	       strncasecmp((const char *)shown.p, wanted, shown.len) == 0;
}

/* The configuration as it shall be, for messages: what cannot be read is not in it. */
static void load_for_message(struct machine *m, struct sshdtree *ret)
{
	AUTO_WANTED wanted = {.by_dropin = false};
	struct err ignored = {0};

	if (want_texts(m, &wanted, &ignored) == 0)
		(void)load_tree(m, &wanted, ret, &ignored);
}

static int check_use_pam(struct machine *m, struct span settings, struct err *err)
{
	AUTO_SSHDTREE tree = {0};
	struct sshd_place place;
	struct span shown;
	bool in_match;

	if (sshdconf_shown(settings, "UsePAM", &shown) && same_value(shown, "yes"))
		return 0;
	load_for_message(m, &tree);
	if (!sshdtree_setter(&tree, &m->conf, "UsePAM", NULL, &place, &in_match)) {
		(void)err_set(err, EPERM, "sshd does not use PAM: roles would not be asked for");
		advise_first(m, "UsePAM", "yes");
		return err_remedy(err, EXIT_SSHD,
				  "write at the top of " SSHD_MAIN_PATH ": UsePAM yes");
	}
	(void)err_set(err, EPERM,
		      "%s:%u: sshd is told not to use PAM: roles would not be asked for",
		      place.path, place.directive.line);
	advise_change(m, &place, "UsePAM", "yes");
	return err_remedy(err, EXIT_SSHD, "change %s:%u to: UsePAM yes", place.path,
			  place.directive.line);
}

/* The line to write, and where: the first global one wins, before it one in a Match. */
static int advise_line(struct machine *m, const struct sshdcert_lack *lack, struct err *err)
{
	AUTO_SSHDTREE tree = {0};
	struct sshd_place place;
	bool in_match = false;

	load_for_message(m, &tree);
	advise_first(m, lack->keyword, lack->value);
	if (!sshdtree_setter(&tree, &m->conf, lack->keyword, lack->other, &place, &in_match))
		return err_remedy(err, EXIT_SSHD, "write at the top of " SSHD_MAIN_PATH ": %s %s",
				  lack->keyword, lack->value);
	if (in_match) {
		advise_change(m, &place, lack->keyword, lack->value);
		return err_remedy(err, EXIT_SSHD, "change %s:%u to: %s %s", place.path,
				  place.directive.line, lack->keyword, lack->value);
	}
	return err_remedy(err, EXIT_SSHD, "write at the top of %s, as %s:%u decides now: %s %s",
			  SSHD_MAIN_PATH, place.path, place.directive.line, lack->keyword,
			  lack->value);
}

/* No login could succeed, and sshd would not say why but in its log. */
static int check_certificates(struct machine *m, struct span settings, struct err *err)
{
	struct sshdcert_lack lack;

	if (!sshdcert_lacks(settings, &lack))
		return 0;
	(void)err_set(err, EBADMSG, "sshd would refuse every Entra user: %s (%s)", lack.why,
		      lack.keyword);
	return advise_line(m, &lack, err);
}

static int check_settings(struct machine *m, struct span settings, const char *probe,
			  struct err *err)
{
	const struct sshd_setting *setting;
	size_t count = sshdconf_settings(&m->conf, &setting);

	for (; count; count--, setting++) {
		struct span shown = SPAN_LIT("nothing");

		if (sshdconf_shown(settings, setting->keyword, &shown) &&
		    same_value(shown, setting->value))
			continue;
		(void)err_set(err, EBADMSG, "for %s sshd has %s %.*s instead of %s", probe,
			      setting->keyword, (int)(shown.len < 120 ? shown.len : 120),
			      (const char *)shown.p, setting->value);
		return err_remedy(err, EXIT_SSHD, "find the line that sets %s in an earlier Match",
				  setting->keyword);
	}
	return 0;
}

int sshd_check_user(struct machine *m, const char *user, struct buf *ret, struct err *err)
{
	int r = sshd_show(m, NULL, user, ret, err);

	if (r == 0)
		r = check_use_pam(m, buf_bytes(ret), err);
	if (r == 0)
		r = check_certificates(m, buf_bytes(ret), err);
	return r < 0 ? r : check_settings(m, buf_bytes(ret), user, err);
}

/* Does the configuration in force do what it shall? */
static int check_in_force(struct machine *m, struct buf *ret_settings, struct err *err)
{
	char probe[256];
	int r = machine_probe(m, probe, sizeof(probe), err);

	return r < 0 ? r : sshd_check_user(m, probe, ret_settings, err);
}

/* What it says is kept for the reload that follows, and for the proof after that. */
static int prove_change(struct machine *m, struct err *err)
{
	AUTO_BUF settings = {0};
	int r = check_in_force(m, &settings, err);

	buf_done(&m->sshd_proof);
	if (r == 0)
		buf_move(&m->sshd_proof, &settings);
	return r;
}

/* Since OpenSSH 9.8, where the owner did not switch it off. */
static void note_penalties(struct machine *m, struct span settings)
{
	struct span shown;

	if (sshdconf_shown(settings, "PerSourcePenalties", &shown) && !same_value(shown, "no"))
		machine_note(m, "sshd shuts an address out for a while after refused logins "
				"(PerSourcePenalties): people behind one address share that; "
				"PerSourcePenaltyExemptList spares addresses");
}

/* What not every client can do. */
static void note_certificates(struct machine *m, struct span settings)
{
	if (sshdcert_proof(settings) == SSHDCERT_SHA1_ONLY)
		machine_note(m,
			     "sshd takes RSA certificates with SHA-1 only: ssh of OpenSSH 8.8 and "
			     "later needs -o PubkeyAcceptedKeyTypes=+ssh-rsa-cert-v01@openssh.com");
	if (sshdcert_bits(settings) > SSHDCERT_USER_BITS_OLD)
		machine_note(m,
			     "sshd refuses RSA keys below %u bits: az makes keys of 2048 where "
			     "ssh-keygen is older than OpenSSH 8.0",
			     sshdcert_bits(settings));
}

/* Whether it asks for our users nobody here can say, nor when it ends. */
static void note_others(struct machine *m)
{
	struct err ignored = {0};
	AUTO_BUF others = {0};

	if (service_other_sshd(m->sys, &others, &ignored) < 0 || others.len == 0)
		return;
	witness_doubt(m->sys);
	machine_note(m,
		     "sshd, process %.160s, reads another configuration than "
		     "%s: it was not told of ours, and Entra users get in there "
		     "only if that one includes it",
		     buf_text(&others), SSHD_MAIN_PATH);
}

static int prove(struct machine *m, struct err *err)
{
	AUTO_BUF settings = {0};
	int r = 0;

	buf_move(&settings, &m->sshd_proof);
	if (settings.len == 0)
		r = check_in_force(m, &settings, err);
	if (r == 0) {
		note_penalties(m, buf_bytes(&settings));
		note_certificates(m, buf_bytes(&settings));
		note_others(m);
	}
	return r;
}

/* Through what sshd said before and says of the candidate: invariant 2. */
static int check_same(struct machine *m, struct span candidate, const char *user, struct err *err)
{
	AUTO_BUF before = {0}, after = {0};
	int r = sshd_show(m, NULL, user, &before, err);

	if (r == 0)
		r = sshd_show(m, &candidate, user, &after, err);
	if (r == 0 && !span_eq(buf_bytes(&before), buf_bytes(&after)))
		r = err_set(err, EBADMSG, "our lines would change what sshd does for %s", user);
	return r;
}

/* The signature in a certificate, rsa-sha2-256, is known since OpenSSH 7.2. */
static int check_release(struct machine *m, struct err *err)
{
	unsigned release;

	if (sshd_release(m, &release, err) < 0)
		return -err->code;
	if (release >= SSHD_OLDEST)
		return 0;
	(void)err_set(err, ENOTSUP, "OpenSSH %u.%u is too old", release / 100, release % 100);
	return err_remedy(err, EXIT_UNSUPPORTED, "OpenSSH 7.2 or later is needed");
}

static int check_ours(struct machine *m, struct span candidate, struct err *err)
{
	char probe[256];
	AUTO_BUF settings = {0};
	int r = machine_probe(m, probe, sizeof(probe), err);

	if (r == 0)
		r = sshd_show(m, &candidate, probe, &settings, err);
	if (r == 0)
		r = check_use_pam(m, buf_bytes(&settings), err);
	return r < 0 ? r : check_certificates(m, buf_bytes(&settings), err);
}

static int check_others(struct machine *m, struct span candidate, struct err *err)
{
	struct local_user person;
	struct err nobody = {0};
	int r = check_same(m, candidate, "root", err);

	if (r < 0 || lookup_local_person(m->sys, &person, &nobody) < 0)
		return r;
	return check_same(m, candidate, person.name, err);
}

/*
 * The candidate goes to sshd by its standard input: the owner's main file, with our block at its
 * end in either case, since Include would take the drop-in from where it is not yet.  What is as it
 * was for others is asked first: so an error of the owner's is known from one of ours.
 */
static int check_candidate(struct machine *m, const struct wanted *wanted, struct err *err)
{
	AUTO_BUF text = {0};
	int r = sshdconf_insert(buf_bytes(&wanted->main), &m->conf, buf_bytes(&wanted->spared),
				&text, err);

	if (r == 0)
		r = check_others(m, buf_bytes(&text), err);
	if (r == 0)
		r = check_release(m, err);
	return r < 0 ? r : check_ours(m, buf_bytes(&text), err);
}

static void find_pid_file(struct span settings, char ret[PID_FILE_SIZE])
{
	struct span shown;

	ret[0] = '\0';
	if (sshdconf_shown(settings, "PidFile", &shown))
		(void)span_copy(shown, ret, PID_FILE_SIZE);
}

static int reload(struct machine *m, struct span settings, struct err *err)
{
	char pid_file[PID_FILE_SIZE];

	find_pid_file(settings, pid_file);
	return service_reload_sshd(m->sys, pid_file, err) < 0
		       ? err_remedy(err, EXIT_SSHD, "reload sshd by hand and read its log")
		       : 0;
}

int sshd_tell_reload(struct machine *m, service_teller *tell, void *arg, struct err *err)
{
	char pid_file[PID_FILE_SIZE];
	AUTO_BUF settings = {0};

	if (!fs_exists(m->sys, SSHD_PROGRAM))
		return 0;
	if (sshd_show(m, NULL, "root", &settings, err) < 0)
		return -err->code;
	find_pid_file(buf_bytes(&settings), pid_file);
	return service_tell_sshd(m->sys, pid_file, tell, arg, err);
}

static int tell(const char *const *argv, void *arg, struct err *err)
{
	return changes_runs(arg, argv, err);
}

/* What cannot be told is no reason against the change. */
static int add_reload(struct machine *m, struct changes *ret,
		      int (*call)(struct machine *m, struct err *err), struct err *err)
{
	struct err ignored = {0};
	int r = changes_call(ret, "reload sshd", call, sshd_reload, err);

	if (r == 0 && m->foretells)
		(void)sshd_tell_reload(m, tell, ret, &ignored);
	return r;
}

int sshd_plan_reload(struct machine *m, struct changes *ret, struct err *err)
{
	return add_reload(m, ret, sshd_reload, err);
}

/* Right after prove_change, which asked sshd what this one asks. */
static int reload_proved(struct machine *m, struct err *err)
{
	return reload(m, buf_bytes(&m->sshd_proof), err);
}

int sshd_reload(struct machine *m, struct err *err)
{
	AUTO_BUF settings = {0};
	int r;

	buf_done(&m->sshd_proof);
	if (!fs_exists(m->sys, SSHD_PROGRAM))
		return 0;
	r = sshd_show(m, NULL, "root", &settings, err);
	return r < 0 ? r : reload(m, buf_bytes(&settings), err);
}

/* ---- the step */

static int plan_present(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_SSHDTREE tree = {0};
	AUTO_WANTED wanted = {.by_dropin = false};
	struct sshd_place rival;
	int r = want_texts(m, &wanted, err);

	if (r == 0)
		r = load_tree(m, &wanted, &tree, err);
	/* A file that was not seen can change unseen. */
	if (r == 0 && tree.partial)
		witness_doubt(m->sys);
	if (r == 0 && sshdtree_rival(&tree, &m->conf, &rival))
		r = refuse_rival(&rival, err);
	if (r == 0)
		r = check_access(m, &tree, err);
	if (r == 0)
		r = plan_files(m, &wanted, ret, err);
	if (r < 0 || ret->count == 0)
		return r;
	r = check_candidate(m, &wanted, err);
	if (r == 0)
		r = changes_call(ret, "ask sshd what it makes of it", prove_change, NULL, err);
	return r < 0 ? r : add_reload(m, ret, reload_proved, err);
}

static int take_block_out(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_BUF now = {0}, after = {0};
	bool exists;
	int r = fs_read_optional(m->sys, SSHD_MAIN_PATH, FS_FOLLOW, FS_CONFIG_MAX, &now, &exists,
				 NULL, err);

	if (r == 0 && exists)
		r = sshdconf_remove(buf_bytes(&now), &after, err);
	if (r == 0 && exists)
		r = changes_edit(m, ret, SSHD_MAIN_PATH, buf_bytes(&after), err);
	return r;
}

/* One file that cannot be changed must not keep ours in force in the other. */
static int plan_absent(struct machine *m, struct changes *ret, struct err *err)
{
	struct err own = {0};
	int r = take_block_out(m, ret, err);

	if (changes_remove(m, ret, SSHD_DROPIN_PATH, &own) < 0 && r == 0) {
		*err = own;
		r = -own.code;
	}
	own = (struct err){0};
	if (ret->count && sshd_plan_reload(m, ret, &own) < 0 && r == 0) {
		*err = own;
		r = -own.code;
	}
	return r;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	return want == WANT_PRESENT ? plan_present(m, ret, err) : plan_absent(m, ret, err);
}

const struct step step_sshd = {
	.name = "sshd",
	.purpose = "sshd asks for the keys of our users",
	.exit_code = EXIT_SSHD,
	.plan = plan,
	.prove = prove,
};
