/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/foreign.h"
#include "lib/core/outcome.h"
#include "lib/steps/programs.h"
#include "lib/sys/proc.h"

#define TIMEOUT_MS 20000
#define GROUP_PATH "/etc/group"
#define GROUP_MAX ((size_t)16 << 20)

/* A wrong file in SUDOERS_DIR breaks sudo for everybody, so it is judged before it gets there. */
static int check_candidate(struct machine *m, const char *visudo, struct span text, struct err *err)
{
	const char *const argv[] = {visudo, "-c", "-f", "/dev/stdin", NULL};
	const struct proc_spec spec = {
		.argv = argv,
		.input = text,
		.timeout_ms = TIMEOUT_MS,
		.output_max = 4096,
		.merge_stderr = true,
		.looks_only = true,
		.log_fd = m->log_fd,
	};
	AUTO_PROC res = PROC_RESULT_INIT;
	int r = proc_must(m->sys, &spec, &res, err);

	if (r == -ENOENT)
		return err_remedy(err, EXIT_DEPENDENCY, "install the package sudo again");
	return r < 0 ? err_wrap(err, "the rule for administrators") : 0;
}

static int check_included(struct machine *m, struct span main_path, struct err *err)
{
	AUTO_BUF text = {0};
	char path[256];
	int r;

	if (!span_copy(main_path, path, sizeof(path)))
		return err_set(err, ENAMETOOLONG, "sudo's main file");
	r = fs_read(m->sys, path, FS_FOLLOW, FS_CONFIG_MAX, &text, NULL, err);
	if (r < 0)
		return r;
	if (sudoers_includes_dir(buf_bytes(&text)))
		return 0;
	(void)err_set(err, EINVAL, "%s does not read " SUDOERS_DIR, path);
	return err_remedy(err, 0, "add the line \"#includedir " SUDOERS_DIR "\" to %s", path);
}

/*
 * The rule asks for no password, and PAM asks Entra only for users of ours: to the members of a
 * local group of that name, named there or by their gid in /etc/passwd, it would give root.
 */
static int refuse_local_group(struct machine *m, struct err *err)
{
	const char *group = m->conf.admin_group;
	AUTO_BUF text = {0};
	struct span line;
	bool exists;
	int r = fs_read_optional(m->sys, GROUP_PATH, FS_FOLLOW, GROUP_MAX, &text, &exists, NULL,
				 err);

	if (r < 0 || !foreign_group_line(buf_bytes(&text), group, &line))
		return r;
	(void)err_set(err, EEXIST,
		      GROUP_PATH " has the line \"%.*s\": the rule for administrators would give "
				 "root to the members of that local group",
		      (int)(line.len < 320 ? line.len : 320), (const char *)line.p);
	return err_remedy(err, 0,
			  "remove or rename the local group (groupdel %s), or set adminGroup to "
			  "another name",
			  group);
}

/*
 * The first sudo that is there reads the rule; NULL: there is none.  *ret_edit is false when one of
 * them would let its user edit files without asking PAM.
 */
static int find_sudo(struct machine *m, const struct sudo_program **ret, bool *ret_edit,
		     struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < SUDO_PROGRAMS; i++) {
		const struct sudo_program *program = &sudo_programs[i];
		AUTO_BUF output = {0};
		struct sudo_facts facts;
		bool present;

		r = sudo_ask(m, program, &present, &output, &facts, err);
		if (r < 0 || !present)
			continue;
		if (!*ret)
			r = check_included(m, facts.main_path, err);
		if (!*ret)
			*ret = program;
		if (!facts.edits_unasked)
			continue;
		*ret_edit = false;
		machine_note(m,
			     "%s does not ask for permission before sudoedit, which the rule for "
			     "administrators leaves out: update sudo-rs to 0.2.14 or newer",
			     program->path);
	}
	return r;
}

static int plan_present(struct machine *m, struct changes *ret, struct err *err)
{
	const struct fs_meta meta = machine_meta(m, 0440);
	const struct sudo_program *program = NULL;
	AUTO_BUF rule = {0};
	bool edit = true;
	int r = find_sudo(m, &program, &edit, err);

	if (r < 0)
		return r;
	if (!program) {
		machine_note(m, "sudo is not installed: there is nothing to configure");
		return 0;
	}
	r = refuse_local_group(m, err);
	if (r == 0)
		r = sudoers_format(m->conf.admin_group, edit, &rule, err);
	if (r == 0)
		r = changes_write(m, ret, SUDOERS_RULE_PATH, buf_bytes(&rule), &meta, err);
	if (r == 0 && ret->count)
		r = check_candidate(m, program->visudo, buf_bytes(&rule), err);
	return r;
}

static int plan(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	if (want == WANT_ABSENT)
		return changes_remove(m, ret, SUDOERS_RULE_PATH, err);
	return plan_present(m, ret, err);
}

const struct step step_sudo = {
	.name = "sudo",
	.purpose = "the rule for administrators",
	.exit_code = EXIT_VERIFY,
	.plan = plan,
};
