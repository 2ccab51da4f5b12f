/* SPDX-License-Identifier: MIT */
/*
 * The packages: ours, out of the extension's own folder or of a repository, or those of Microsoft's
 * product, which have the same names.
 *
 * Invariants:
 *  1. No package manager sees a file of the zip before SHA256SUMS says that it is as it was packed,
 *     and none of a repository that is not signed by its key.
 *  2. Only packages that this step installed where there were none of ours are ever removed;
 *     PACKAGES_PATH lists them, and is written before they are installed.
 *  3. An update is not taken back when a later step fails: the version before it is gone from the
 *     machine, and its configuration works with the new one.
 *  4. What the package manager was at when a run was killed is finished: UNFINISHED_PATH is written
 *     before each of its runs and goes after it, and lists the packages that were unfinished
 * before.
 *  5. The sign-in of one product is taken off, configuration first and by that product's own steps,
 *     before the other's packages come; and put back when these then fail.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "handler/steps/backups.h"
#include "handler/steps/foretell.h"
#include "handler/steps/microsoft.h"
#include "handler/steps/packages.h"
#include "handler/steps/selection.h"
#include "handler/steps/supply.h"
#include "handler/steps/takeover.h"
#include "handler/sums.h"
#include "lib/core/cleanup.h"
#include "lib/core/foreign.h"
#include "lib/core/outcome.h"
#include "lib/steps/run.h"
#include "lib/sys/lookup.h"
#include "lib/sys/pkg.h"

#define THEIRS "of microsoft" /* the line of PACKAGES_PATH that says whose they are */
#define UNFINISHED_PATH STATE_DIR "/unfinished"
#define INSTALLING "> installing" /* its line when packages were being put there */

/* What PACKAGES_PATH says. */
struct record {
	bool exists;
	bool theirs; /* Microsoft's, not ours */
	bool listed[PACKAGES];
};

static int find_manager(struct machine *m, const struct pkg_manager **ret, struct err *err)
{
	*ret = pkg_detect(m->sys);
	if (*ret)
		return 0;
	(void)err_set(err, EOPNOTSUPP, "there is neither dpkg nor rpm to install packages with");
	return err_remedy(err, EXIT_UNSUPPORTED, "the README lists what is supported");
}

static int check_files(struct machine *m, const struct selection *selection, struct err *err)
{
	const char *needed[PACKAGES + 1] = {NULL};

	for (size_t i = 0; i < selection->count; i++)
		needed[i] = selection->list[i].file;
	if (sums_check(m->sys, m->extension->folder, needed, err) == 0)
		return 0;
	if (err->code == ENODATA)
		return err_remedy(err, EXIT_UNSUPPORTED,
				  "use a build of the extension that has this machine's packages");
	return err_remedy(err, EXIT_PACKAGE, "the extension is damaged: install it again");
}

static int read_record(struct sys *sys, struct record *ret, struct err *err)
{
	struct record record = {.exists = false};
	struct span rest, line;
	AUTO_BUF text = {0};
	int r = fs_read_optional(sys, PACKAGES_PATH, FS_TRUSTED, FS_CONFIG_MAX, &text,
				 &record.exists, NULL, err);

	if (r < 0)
		return r;
	rest = buf_bytes(&text);
	while (span_line(&rest, &line)) {
		record.theirs |= span_is(line, THEIRS);
		for (size_t i = 0; i < PACKAGES; i++)
			record.listed[i] |= span_is(line, package_table[i].name);
	}
	*ret = record;
	return 0;
}

int packages_recorded(struct sys *sys, bool *ret_exists, bool *ret_theirs, struct err *err)
{
	struct record record;
	int r = read_record(sys, &record, err);

	if (r == 0) {
		*ret_exists = record.exists;
		*ret_theirs = record.theirs;
	}
	return r;
}

/* The package that configures the machine, the first of the table. */
static bool has_put_theirs(const struct record *record)
{
	return record->theirs && record->listed[0];
}

int packages_put_theirs(struct sys *sys, bool *ret, struct err *err)
{
	struct record record;
	int r = read_record(sys, &record, err);

	if (r == 0)
		*ret = has_put_theirs(&record);
	return r;
}

/* What is there already stays, whoever installed it; but for what ours take the place of. */
static int add_to_record(struct machine *m, const struct selection *selection, struct err *err)
{
	const struct fs_meta dir_meta = machine_meta(m, 0700), meta = machine_meta(m, 0600);
	struct record record;
	AUTO_BUF text = {0};
	int r = read_record(m->sys, &record, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < selection->count; i++)
		if (selection->list[i].absent || selection->list[i].foreign)
			record.listed[selection->list[i].package - package_table] = true;
	if (selection_theirs(m))
		buf_str(&text, THEIRS "\n");
	for (size_t i = 0; i < PACKAGES; i++)
		if (record.listed[i])
			buf_printf(&text, "%s\n", package_table[i].name);
	r = buf_ok(&text, err);
	if (r == 0)
		r = fs_mkdir(m->sys, STATE_DIR, &dir_meta, err);
	if (r == 0)
		r = fs_replace(m->sys, PACKAGES_PATH, buf_bytes(&text), &meta, err);
	return r;
}

/* A package manager's success is not believed: some end well although a script of the package did
 * not. */
static int check_installed(struct machine *m, const struct pkg_manager *manager, struct err *err)
{
	AUTO_SELECTION left = {.count = 0};
	int r = selection_make(m, manager, false, &left, err);

	if (r == 0 && left.count)
		r = err_set(err, EIO,
			    "the package manager reports success, but one would still have to %s",
			    buf_text(&left.why));
	return r;
}

/* The operands of the package manager, in paths. */
static void name_files(const struct machine *m, const struct selection *selection,
		       char paths[PACKAGES][PATH_MAX], const char *ret[PACKAGES + 1])
{
	for (size_t i = 0; i < selection->count; i++) {
		(void)snprintf(paths[i], PATH_MAX, "%s/%s", m->extension->folder,
			       selection->list[i].file);
		ret[i] = paths[i];
	}
	ret[selection->count] = NULL;
}

static int install_files(struct machine *m, const struct pkg_manager *manager,
			 const struct selection *selection, struct err *err)
{
	char paths[PACKAGES][PATH_MAX];
	const char *files[PACKAGES + 1], *names[PACKAGES + 1] = {NULL};
	int r = check_files(m, selection, err);

	name_files(m, selection, paths, files);
	for (size_t i = 0; i < selection->count; i++)
		names[i] = selection->list[i].package->name;
	if (r < 0)
		return r;
	return takeover_begun(m) ? pkg_install_over(m->sys, manager, files, names, m->log_fd, err)
				 : pkg_install(m->sys, manager, files, m->log_fd, err);
}

/* Ours in exactly the extension's version, so that it is the same wherever it came from. */
static size_t name_wanted(const struct machine *m, const struct selection *selection,
			  char version[PKG_VERSION_MAX], struct repo_package ret[PACKAGES])
{
	(void)snprintf(version, PKG_VERSION_MAX, OUR_EPOCH "%s", m->extension->version);
	for (size_t i = 0; i < selection->count; i++)
		ret[i] = (struct repo_package){.name = selection->list[i].package->name,
					       .version = selection_theirs(m) ? NULL : version};
	return selection->count;
}

static int install_supplied(struct machine *m, const struct selection *selection, struct err *err)
{
	struct repo_package wanted[PACKAGES];
	char version[PKG_VERSION_MAX];
	size_t count = name_wanted(m, selection, version, wanted);
	int r = supply_install(m, wanted, count, err);

	return r < 0 ? r : supply_leave(m, err);
}

/* ---- what a killed run leaves to the package manager */

/*
 * Before the package manager runs; activity: INSTALLING, or NULL.  What a killed run noted stays,
 * since it knew the machine before it.
 */
static int note_unfinished(struct machine *m, const struct pkg_manager *manager,
			   const char *activity, struct err *err)
{
	const struct fs_meta dir_meta = machine_meta(m, 0700), meta = machine_meta(m, 0600);
	AUTO_BUF noted = {0}, text = {0};
	bool exists;
	int r = fs_read_optional(m->sys, UNFINISHED_PATH, FS_TRUSTED, FS_CONFIG_MAX, &noted,
				 &exists, NULL, err);

	if (r < 0 || (exists && (!activity || span_has_line(buf_bytes(&noted), span_of(activity)))))
		return r;
	if (activity)
		buf_printf(&text, "%s\n", activity);
	buf_span(&text, buf_bytes(&noted));
	if (!exists)
		r = pkg_unfinished(m->sys, manager, &text, err);
	if (r == 0)
		r = buf_ok(&text, err);
	if (r == 0)
		r = fs_mkdir(m->sys, STATE_DIR, &dir_meta, err);
	return r < 0 ? r : fs_replace(m->sys, UNFINISHED_PATH, buf_bytes(&text), &meta, err);
}

/* What rpm left where it was killed, of packages that are there by now. */
static int sweep(struct machine *m, const struct pkg_manager *manager,
		 const struct selection *selection, struct err *err)
{
	const char *names[PACKAGES + 1] = {NULL};

	for (size_t i = 0; i < selection->count; i++)
		names[i] = selection->list[i].package->name;
	return pkg_sweep(m->sys, manager, names, err);
}

static bool is_in_table(struct span name)
{
	for (size_t i = 0; i < PACKAGES; i++)
		if (span_is(name, package_table[i].name))
			return true;
	return false;
}

/* Those of others that are unfinished now and were not then, a name a line. */
static int list_new(struct machine *m, const struct pkg_manager *manager, struct span then,
		    struct buf *ret, size_t *ret_count, struct err *err)
{
	AUTO_BUF now = {0};
	struct span rest, line;
	int r = pkg_unfinished(m->sys, manager, &now, err);

	*ret_count = 0;
	rest = buf_bytes(&now);
	while (r == 0 && span_line(&rest, &line)) {
		if (span_has_line(then, line) || is_in_table(line))
			continue;
		buf_span(ret, line);
		buf_str(ret, "\n");
		++*ret_count;
	}
	return r < 0 ? r : buf_ok(ret, err);
}

/* Did the package manager get to it?  Whether it hung is told like a failure. */
static bool was_tried(int r)
{
	return r == 0 || r == -EIO || r == -ENOPKG || r == -ETIMEDOUT;
}

/* One at a time: one may not work.  Returns what came of the last; why: of the last that failed. */
static int finish_each(struct machine *m, const struct pkg_manager *manager, struct span list,
		       struct err *ret_why)
{
	struct span line;
	char name[NAME_MAX];
	int r = 0;

	while (was_tried(r) && r != -ETIMEDOUT && span_line(&list, &line)) {
		const char *const names[] = {name, NULL};
		struct err why = {0};

		if (!span_copy(line, name, sizeof(name)))
			continue;
		r = pkg_finish(m->sys, manager, names, m->log_fd, &why);
		if (r < 0)
			*ret_why = why;
	}
	return r;
}

static void tell_unfinished(struct machine *m, const struct buf *list, const struct err *why)
{
	struct span rest = buf_bytes(list), line;
	AUTO_BUF names = {0};

	while (span_line(&rest, &line)) {
		buf_str(&names, names.len ? ", " : "");
		buf_span(&names, line);
	}
	machine_note(m, "unfinished, since a run was broken off: %.200s; %.200s", buf_text(&names),
		     why->msg);
}

/*
 * They may need each other, and the package manager may be ended again: as long as it helps, and
 * once more.  What it did not get to stays noted for the next run.
 */
static int finish_new(struct machine *m, const struct pkg_manager *manager, struct span then,
		      struct err *err)
{
	struct err why = {0};
	size_t count, least = SIZE_MAX;
	int r = 0;

	for (unsigned in_vain = 0; was_tried(r);) {
		const bool hung = r == -ETIMEDOUT;
		AUTO_BUF list = {0};

		r = list_new(m, manager, then, &list, &count, err);
		if (r < 0 || count == 0)
			return r;
		in_vain = count < least ? 0 : in_vain + 1;
		if (in_vain == 2 || hung) {
			tell_unfinished(m, &list, &why);
			return 0;
		}
		least = count < least ? count : least;
		r = finish_each(m, manager, buf_bytes(&list), &why);
	}
	*err = why;
	return r;
}

/* Was the package manager ended among files that it does not know yet, but for mend()? */
static int is_to_mend(struct machine *m, const struct pkg_manager *manager, struct span noted,
		      bool *ret, struct err *err)
{
	int r = 0;

	*ret = false;
	for (size_t i = 0; r == 0 && i < PACKAGES && span_has_line(noted, span_of(INSTALLING));
	     i++) {
		struct pkg_status status = {.is_halfway = false};

		r = pkg_query(m->sys, manager, package_table[i].name, &status, err);
		*ret |= status.is_halfway;
	}
	return r;
}

/* After the package manager ran, whatever came of it. */
static int finish(struct machine *m, bool has_failed, struct err *err)
{
	const struct pkg_manager *manager;
	AUTO_BUF then = {0};
	bool exists, keep = false;
	int r = find_manager(m, &manager, err);

	if (r == 0)
		r = fs_read_optional(m->sys, UNFINISHED_PATH, FS_TRUSTED, FS_CONFIG_MAX, &then,
				     &exists, NULL, err);
	if (r == 0 && exists)
		r = finish_new(m, manager, buf_bytes(&then), err);
	if (r == 0 && has_failed)
		r = is_to_mend(m, manager, buf_bytes(&then), &keep, err);
	return r < 0 || keep ? r : fs_remove(m->sys, UNFINISHED_PATH, err);
}

/*
 * A failure to finish is told by the run that finds nothing else wrong.  What rpm was ended at it
 * does not know itself: that stays noted for mend().
 */
static int finish_after(struct machine *m, const struct pkg_manager *manager, int r,
			struct err *err)
{
	struct err own = {0};

	if ((r == -EIO || r == -ETIMEDOUT) && manager && !pkg_knows_unfinished(manager))
		return r;
	if (finish(m, r < 0, &own) == 0 || r < 0)
		return r;
	*err = own;
	return -own.code;
}

/* rpm takes a package for installed whose scripts were killed: all of them once more. */
static void select_all(struct machine *m, const struct pkg_manager *manager, struct selection *ret)
{
	struct embedded_package embedded;

	for (size_t i = 0; selection_embedded(m, manager, i, &embedded); i++) {
		struct choice *choice = &ret->list[ret->count];

		if (!package_table[i].is_wanted(m->sys))
			continue;
		choice->package = &package_table[i];
		(void)snprintf(choice->file, sizeof(choice->file), "%s", embedded.file);
		ret->count++;
	}
}

/*
 * rpm calls what it unpacks "NAME;0123abcd" after the second in which it began, and fails where a
 * run that was killed within the same second left a link of that name.
 */
static void let_second_pass(struct machine *m, const struct pkg_manager *manager)
{
	if (!pkg_knows_unfinished(manager))
		m->sys->ops->sleep_ms(m->sys, 1000);
}

/*
 * When a run was killed while packages were being put there, the package manager does not know all
 * of their files, and could not take them away.
 */
static int mend(struct machine *m, const struct pkg_manager *manager, struct err *err)
{
	AUTO_SELECTION selection = {.count = 0};
	AUTO_BUF text = {0};
	bool exists;
	int r = fs_read_optional(m->sys, UNFINISHED_PATH, FS_TRUSTED, FS_CONFIG_MAX, &text, &exists,
				 NULL, err);

	if (r < 0 || selection_theirs(m) || !span_has_line(buf_bytes(&text), span_of(INSTALLING)))
		return r;
	r = selection_make(m, manager, false, &selection, err);
	if (r == 0 && selection.count == 0 && !pkg_knows_unfinished(manager))
		select_all(m, manager, &selection);
	if (r == 0 && selection.count) {
		let_second_pass(m, manager);
		r = install_files(m, manager, &selection, err);
	}
	return r < 0 ? r : sweep(m, manager, &selection, err);
}

/* What cannot be mended is taken away as it is. */
static void mend_before_removal(struct machine *m, const struct pkg_manager *manager)
{
	const int64_t deadline_ns = m->sys->deadline_ns;
	struct err ignored = {0};

	/* What hung may hang again, and half of the time is for taking it away. */
	if (deadline_ns)
		m->sys->deadline_ns -= sys_left_ms(m->sys, INT64_MAX / 1000000) * 1000000 / 2;
	if (mend(m, manager, &ignored) < 0)
		machine_note(m,
			     "an installation that was broken off could not be finished first: "
			     "%.200s",
			     ignored.msg);
	m->sys->deadline_ns = deadline_ns;
}

/* With the packages as they shall be, as far as the package manager can tell. */
static int finish_killed(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager;
	int r = find_manager(m, &manager, err);

	if (r == 0)
		r = mend(m, manager, err);
	if (r == 0)
		r = backups_tidy(m, err);
	return r < 0 ? r : finish(m, false, err);
}

/* ---- on and off */

static int put_on(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager;
	const bool was_killed = fs_exists(m->sys, UNFINISHED_PATH);
	AUTO_SELECTION selection = {.count = 0};
	int r = find_manager(m, &manager, err);

	if (r == 0)
		r = fs_sure(m->sys, err); /* was it killed? */
	if (r == 0)
		r = selection_make(m, manager, false, &selection, err);
	if (r == 0)
		r = add_to_record(m, &selection, err);
	if (r == 0)
		r = backups_save(m, err);
	if (r == 0)
		r = note_unfinished(m, manager, INSTALLING, err);
	if (r < 0)
		return r;
	if (was_killed)
		let_second_pass(m, manager);
	r = selection_source(m) == PACKAGES_EMBEDDED ? install_files(m, manager, &selection, err)
						     : install_supplied(m, &selection, err);
	if (r == 0 && was_killed)
		r = sweep(m, manager, &selection, err);
	if (r == 0 && was_killed)
		r = backups_tidy(m, err);
	r = finish_after(m, manager, r, err);
	if (r == 0)
		r = check_installed(m, manager, err);
	return r == 0 && takeover_begun(m) ? takeover_finish(m, err) : r;
}

/* Those of the list that the package manager still knows. */
static int select_ours(struct machine *m, const struct pkg_manager *manager,
		       const char *ret_names[PACKAGES + 1], size_t *ret_count, struct err *err)
{
	struct record record = {.exists = false};
	int r = read_record(m->sys, &record, err);

	*ret_count = 0;
	for (size_t i = 0; r == 0 && i < PACKAGES; i++) {
		struct pkg_status status;

		if (!record.listed[i])
			continue;
		r = pkg_query(m->sys, manager, package_table[i].name, &status, err);
		/* Of another product: ours were to take its place, and could not. */
		if (r == 0 && !record.theirs && foreign_version(status.version))
			continue;
		if (r == 0 && status.state != PKG_ABSENT)
			ret_names[(*ret_count)++] = package_table[i].name;
	}
	ret_names[*ret_count] = NULL;
	return r;
}

/* What others have to do then, as man-db, can fail when ours are gone already. */
static int remove_ours(struct machine *m, const struct pkg_manager *manager,
		       const char *const *names, struct err *err)
{
	const char *left[PACKAGES + 1];
	struct err own = {0};
	size_t count;
	int r = pkg_remove(m->sys, manager, names, m->log_fd, err);

	if (r != -EIO || !pkg_knows_unfinished(manager) ||
	    select_ours(m, manager, left, &count, &own) < 0 || count)
		return r;
	machine_note(m, "the packages are removed, but %.200s", err->msg);
	*err = (struct err){0};
	return 0;
}

static int take_off(struct machine *m, struct err *err)
{
	const char *names[PACKAGES + 1];
	const struct pkg_manager *manager = NULL;
	const bool was_killed = fs_exists(m->sys, UNFINISHED_PATH);
	struct record record;
	size_t count;
	int r = find_manager(m, &manager, err);

	if (r == 0)
		r = fs_sure(m->sys, err); /* was it killed? */
	if (r == 0)
		r = read_record(m->sys, &record, err);
	if (r == 0 && !record.theirs)
		mend_before_removal(m, manager);
	if (r == 0)
		r = select_ours(m, manager, names, &count, err);
	if (r == 0 && count && has_put_theirs(&record))
		r = microsoft_release(m, err);
	if (r == 0 && count)
		r = note_unfinished(m, manager, NULL, err);
	if (r == 0 && count)
		r = remove_ours(m, manager, names, err);
	r = finish_after(m, manager, r, err);
	if (r == 0 && has_put_theirs(&record))
		r = microsoft_clean(m, err);
	if (r == 0)
		r = backups_restore(m, err);
	if (r == 0 && was_killed)
		r = backups_tidy(m, err);
	if (r == 0)
		r = fs_remove(m->sys, PACKAGES_PATH, err);
	return r;
}

/* Ours did not take another product's place: what was noted for them is of no use. */
static int forget(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager;
	int r = find_manager(m, &manager, err);

	for (size_t i = 0; r == 0 && i < PACKAGES; i++) {
		struct pkg_status status;

		r = pkg_query(m->sys, manager, package_table[i].name, &status, err);
		if (r == 0 && status.state != PKG_ABSENT && status.state != PKG_LEFT_OVER &&
		    !foreign_version(status.version))
			return 0;
	}
	if (r == 0)
		r = backups_restore(m, err);
	return r < 0 ? r : fs_remove(m->sys, PACKAGES_PATH, err);
}

/* ---- from one product to the other */

/* Walk the other product's steps, with the settings as they would be for it. */
static int walk_other(struct machine *m, int (*walk)(struct run *run, struct err *err),
		      struct err *err)
{
	const struct settings *mine = m->extension->settings;
	struct settings other = *mine;
	const struct step_table *table;
	AUTO_FREE struct step_result *results = NULL;
	struct run run = {.machine = m};
	int r;

	/* The packages of ours are in the zip, wherever they came from before. */
	other.package_source = selection_theirs(m) ? PACKAGES_EMBEDDED : PACKAGES_MICROSOFT;
	table = &handler_tables[other.package_source];
	results = calloc(table->count, sizeof(*results));
	if (!results)
		return err_oom(err);
	run.steps = table->steps;
	run.count = table->count;
	run.results = results;
	m->extension->settings = &other;
	r = walk(&run, err);
	m->extension->settings = mine;
	return r;
}

static int remove_other(struct machine *m, struct err *err)
{
	return walk_other(m, run_revert, err);
}

static int put_back_other(struct machine *m, struct err *err)
{
	return walk_other(m, run_apply, err);
}

/* Ours that somebody else put there are not ours to remove, and would be in the way. */
static int refuse_foreign(struct machine *m, const struct pkg_manager *manager, struct err *err)
{
	struct pkg_status status;

	for (size_t i = 0; selection_theirs(m) && i < PACKAGES; i++) {
		int r = pkg_query(m->sys, manager, package_table[i].name, &status, err);

		if (r < 0)
			return r;
		if (status.state == PKG_ABSENT || !status.version[0] ||
		    foreign_version(status.version))
			continue;
		(void)err_set(err, EEXIST, "%s %s is installed, but not by this extension",
			      package_table[i].name, status.version);
		return err_remedy(err, 0, "remove it, or set packageSource to embedded");
	}
	return 0;
}

/* ---- the step */

static int reach(struct machine *m, struct err *err)
{
	const struct pkg_manager *manager;
	AUTO_SELECTION selection = {.count = 0};
	struct repo_package wanted[PACKAGES];
	char version[PKG_VERSION_MAX];
	struct record record;
	int r = find_manager(m, &manager, err);

	if (r == 0)
		r = read_record(m->sys, &record, err);
	if (r == 0)
		r = selection_make(m, manager,
				   record.exists && record.theirs != selection_theirs(m),
				   &selection, err);
	return r < 0 ? r
		     : supply_reach(m, wanted, name_wanted(m, &selection, version, wanted), err);
}

static int plan_reach(struct machine *m, struct changes *ret, struct err *err)
{
	AUTO_BUF what = {0};
	int r;

	buf_printf(&what, "read the repository %s", supply_url(m));
	r = buf_ok(&what, err);
	if (r == 0)
		r = changes_call(ret, buf_text(&what), reach, supply_leave, err);
	return r < 0 || !m->foretells ? r : supply_tell_reach(m, ret, err);
}

/* Its script does that, whose files are not the package's. */
static int note_user(struct machine *m, const struct package *package, bool going, struct err *err)
{
	struct local_user user;
	int r;

	if (!package->user)
		return 0;
	r = lookup_local_user(m->sys, package->user, &user, err);
	if (r < 0 && r != -ENOENT)
		return r;
	*err = (struct err){0};
	if ((r == 0) == going)
		machine_note(m, "the script of %s %s the system user %s and its group",
			     package->name, going ? "removes" : "makes", package->user);
	return 0;
}

/* What put_on would come to, with the change that was added last. */
static int foretell(struct machine *m, const struct pkg_manager *manager,
		    const struct selection *selection, struct changes *ret, struct err *err)
{
	const char *files[PACKAGES + 1], *command[PKG_ARGV_MAX];
	struct repo_package wanted[PACKAGES];
	char paths[PACKAGES][PATH_MAX], version[PKG_VERSION_MAX];
	int r;

	m->packages_come = !selection_theirs(m);
	if (selection_theirs(m))
		machine_note(m,
			     "Microsoft's packages configure sshd, PAM, the name services and sudo "
			     "themselves: what they would write is not known before");
	if (selection_source(m) != PACKAGES_EMBEDDED)
		return supply_tell_install(m, wanted, name_wanted(m, selection, version, wanted),
					   ret, err);
	name_files(m, selection, paths, files);
	r = check_files(m, selection, err);
	if (r == 0)
		r = pkg_install_command(manager, files, command, err);
	if (r == 0)
		r = changes_runs(ret, command, err);
	for (size_t i = 0; r == 0 && i < selection->count; i++)
		r = foretell_installing(m, manager, selection->list[i].package->name, paths[i], ret,
					err);
	for (size_t i = 0; r == 0 && i < selection->count; i++)
		r = note_user(m, selection->list[i].package, false, err);
	return r;
}

static int foretell_removal(struct machine *m, struct changes *ret, struct err *err)
{
	const char *names[PACKAGES + 1], *command[PKG_ARGV_MAX];
	const struct pkg_manager *manager;
	size_t count = 0;
	int r = find_manager(m, &manager, err);

	if (r == 0)
		r = select_ours(m, manager, names, &count, err);
	if (r == 0)
		r = pkg_remove_command(m->sys, manager, names, command, err);
	if (r < 0 || !command[0])
		return r;
	r = changes_runs(ret, command, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = foretell_removing(m, manager, names[i], ret, err);
	for (size_t i = 0; r == 0 && i < PACKAGES; i++)
		for (size_t k = 0; r == 0 && k < count; k++)
			if (strcmp(package_table[i].name, names[k]) == 0)
				r = note_user(m, &package_table[i], true, err);
	return r;
}

static int plan_leave(struct machine *m, struct changes *ret, struct err *err)
{
	if (!supply_is_left(m))
		return 0;
	return changes_call(ret, "take off what a repository left", supply_leave, NULL, err);
}

/* With the packages as they shall be. */
static int plan_rest(struct machine *m, struct changes *ret, struct err *err)
{
	int r = plan_leave(m, ret, err);

	return r < 0 || !fs_exists(m->sys, UNFINISHED_PATH)
		       ? r
		       : changes_call(ret, "finish what the package manager was at", finish_killed,
				      NULL, err);
}

static int plan_present(struct machine *m, struct changes *ret, struct err *err)
{
	const struct pkg_manager *manager;
	AUTO_SELECTION selection = {.count = 0};
	struct record record = {.exists = false};
	bool switching, first = true, foreign = false;
	int r = find_manager(m, &manager, err);

	if (r == 0)
		r = read_record(m->sys, &record, err);
	switching = record.exists && record.theirs != selection_theirs(m);
	if (r == 0 && !switching)
		r = refuse_foreign(m, manager, err);
	if (r == 0)
		r = selection_make(m, manager, switching, &selection, err);
	if (r < 0)
		return r;
	if (selection.count == 0)
		return plan_rest(m, ret, err);
	for (size_t i = 0; i < selection.count; i++) {
		first = first && selection.list[i].absent;
		foreign = foreign || selection.list[i].foreign;
	}
	if (selection_source(m) != PACKAGES_EMBEDDED)
		r = plan_reach(m, ret, err);
	if (r == 0 && switching)
		r = changes_call(ret,
				 record.theirs ? "take off the sign-in of Microsoft's"
					       : "take off the sign-in of this extension's own",
				 remove_other, put_back_other, err);
	if (r == 0)
		r = changes_call(ret, buf_text(&selection.why), put_on,
				 first     ? take_off
				 : foreign ? forget
					   : NULL,
				 err);
	return r < 0 || !m->foretells ? r : foretell(m, manager, &selection, ret, err);
}

static int plan_absent(struct machine *m, struct changes *ret, struct err *err)
{
	int r = plan_leave(m, ret, err);

	if (r == 0)
		r = changes_tidy(m, ret, PACKAGES_PATH, err);
	if (r == 0)
		r = changes_tidy(m, ret, UNFINISHED_PATH, err);
	if (r == 0 && fs_exists(m->sys, PACKAGES_PATH))
		r = changes_call(ret, "remove the packages that the extension installed", take_off,
				 NULL, err);
	return r < 0 || !m->foretells || !fs_exists(m->sys, PACKAGES_PATH)
		       ? r
		       : foretell_removal(m, ret, err);
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	return want == WANT_PRESENT ? plan_present(m, ret, err) : plan_absent(m, ret, err);
}

const struct step step_packages = {
	.name = "packages",
	.purpose = "the sign-in packages, as they shall be and unmodified",
	.exit_code = EXIT_PACKAGE,
	.plan = plan,
};
