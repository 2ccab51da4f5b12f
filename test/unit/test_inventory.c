/* SPDX-License-Identifier: MIT */
/* verify: an unpacked zip and an installed package of a scratch machine, each row one thing wrong
 * with them. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/extension.h"
#include "handler/inventory.h"
#include "handler/report.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

#if defined(__x86_64__)
#define ARCH "amd64"
#else
#define ARCH "arm64"
#endif

#define EXT "/var/lib/waagent/P.T-1.0.0.0"
#define DEB "packages/aadsshlogin_1.0.0.0_" ARCH ".deb"
#define PROGRAM "/usr/sbin/small"
#define LINK "/usr/share/small/link"
#define COPYRIGHT "/usr/share/doc/small/copyright"
#define UNPACKED "is not as it was packed"

static struct scratch scratch;
static struct settings settings;
static struct extension extension;
static struct machine machine;
static struct {
	const char *status; /* what dpkg-query shows of the main package, NULL: it is unknown */
	int broken; /* status of dpkg-query when it cannot say */
	const char *verify; /* what dpkg --verify prints */
} dpkg;

static int run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	       struct err *err)
{
	const char *name = spec->argv[2];
	bool main;

	(void)sys;
	(void)err;
	for (size_t i = 2; spec->argv[i]; i++)
		name = spec->argv[i];
	main = strcmp(name, "aadsshlogin") == 0;
	ret->status = 0;
	if (strcmp(spec->argv[1], "--show") == 0) {
		ret->status = dpkg.broken ? dpkg.broken : main && dpkg.status ? 0 : 1;
		if (ret->status == 0)
			buf_str(&ret->output, dpkg.status);
	} else if (strcmp(spec->argv[1], "--verify") == 0) {
		buf_str(&ret->output, dpkg.verify);
	} else {
		assert_string_equal(spec->argv[1], "--listfiles");
	}
	return 0;
}

static void write_bytes(const char *path, struct span bytes, mode_t mode)
{
	const struct fs_meta meta = {.mode = mode, .uid = getuid(), .gid = getgid()};
	struct err err = {0};

	scratch_write(&scratch, path, "", mode); /* with the directories above */
	assert_int_equal(fs_replace(&scratch.sys, path, bytes, &meta, &err), 0);
}

static void must(int r)
{
	assert_int_equal(r, 0);
}

static void add_sum(struct buf *sums, const char *name)
{
	char path[256], hash[SUM_HEX_SIZE];
	struct err err = {0};
	AUTO_CLOSE int fd = -1;

	(void)snprintf(path, sizeof(path), EXT "/%s", name);
	fd = fs_open(&scratch.sys, path, O_RDONLY, 0, &err);
	must(sums_hash(fd, path, hash, &err));
	buf_printf(sums, "%s  %s\n", hash, name);
}

static void write_sums(void)
{
	AUTO_BUF sums = {0};

	add_sum(&sums, "bin/x86_64/aadssh-handler");
	add_sum(&sums, "manifest/distros.yaml");
	add_sum(&sums, DEB);
	write_bytes(EXT "/" SUMS_NAME, buf_bytes(&sums), 0744);
}

static void write_folder(void)
{
	AUTO_BUF deb = {0};

	source_read("test/data/packed/small.deb", &deb);
	write_bytes(EXT "/" DEB, buf_bytes(&deb), 0744);
	scratch_write(&scratch, EXT "/bin/x86_64/aadssh-handler", "program", 0744);
	scratch_write(&scratch, EXT "/manifest/distros.yaml", "rows:\n", 0744);
	write_sums();
	/* The agent's, and the handler's own. */
	scratch_write(&scratch, EXT "/HandlerEnvironment.json", "[]", 0600);
	scratch_write(&scratch, EXT "/config/0.settings", "{}", 0600);
	scratch_write(&scratch, EXT "/config/HandlerState", "Enabled", 0600);
	scratch_write(&scratch, EXT "/status/0.status", "[]", 0600);
	scratch_write(&scratch, EXT "/mrseq", "0", 0600);
}

static void write_package(void)
{
	scratch_write(&scratch, "/usr/bin/dpkg", "", 0755);
	scratch_write(&scratch, "/var/lib/dpkg/status", "Package: x\n", 0644);
	scratch_write(&scratch, PROGRAM, "#!/bin/sh\nexit 0\n", 0755);
	scratch_write(&scratch, "/usr/share/small/empty", "", 0644);
	scratch_write(&scratch, COPYRIGHT, "MIT\n", 0644);
	must(symlinkat("../../sbin/small", scratch.sys.rootfd, LINK + 1));
}

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch.ops.run = run;
	dpkg.status = "ii 1:1.0.0.0\n";
	dpkg.broken = 0;
	dpkg.verify = "";
	settings = (struct settings)SETTINGS_INIT;
	extension = (struct extension){.folder = EXT, .version = "1.0.0.0", .settings = &settings};
	machine = (struct machine){.sys = &scratch.sys, .extension = &extension, .log_fd = -1};
	write_folder();
	write_package();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

/* ---- what can be wrong */

static void nothing(void)
{
}

static void extra_file(void)
{
	scratch_write(&scratch, EXT "/bin/x86_64/other", "x", 0744);
}

static void extra_setting(void)
{
	scratch_write(&scratch, EXT "/config/deep/0.settings", "x", 0600);
}

static void extra_link(void)
{
	must(symlinkat("/etc", scratch.sys.rootfd, &EXT "/config/etc"[1]));
}

static void other_manifest(void)
{
	scratch_write(&scratch, EXT "/manifest/distros.yaml", "row:\n", 0744);
}

static void no_manifest(void)
{
	must(unlinkat(scratch.sys.rootfd, &EXT "/manifest/distros.yaml"[1], 0));
}

static void linked_manifest(void)
{
	no_manifest();
	must(symlinkat("/dev/null", scratch.sys.rootfd, &EXT "/manifest/distros.yaml"[1]));
}

static void writable_manifest(void)
{
	must(fchmodat(scratch.sys.rootfd, &EXT "/manifest/distros.yaml"[1], 0766, 0));
}

static void no_sums(void)
{
	must(unlinkat(scratch.sys.rootfd, &EXT "/" SUMS_NAME[1], 0));
}

static void wrong_sums(void)
{
	scratch_write(&scratch, EXT "/" SUMS_NAME, "x\n", 0744);
}

static void damaged_deb(void)
{
	scratch_write(&scratch, EXT "/" DEB, "x", 0744);
}

static void listed_garbage(void)
{
	damaged_deb();
	write_sums();
}

static void other_program(void)
{
	scratch_write(&scratch, PROGRAM, "#!/bin/sh\nexit 1\n", 0755);
}

static void no_program(void)
{
	must(unlinkat(scratch.sys.rootfd, PROGRAM + 1, 0));
}

static void setuid_program(void)
{
	must(fchmodat(scratch.sys.rootfd, PROGRAM + 1, 04755, 0));
}

static void open_directory(void)
{
	must(fchmodat(scratch.sys.rootfd, "usr/sbin", 0777, 0));
}

static void other_link(void)
{
	must(unlinkat(scratch.sys.rootfd, LINK + 1, 0));
	must(symlinkat("/tmp/small", scratch.sys.rootfd, LINK + 1));
}

static void file_for_link(void)
{
	must(unlinkat(scratch.sys.rootfd, LINK + 1, 0));
	scratch_write(&scratch, LINK, "", 0644);
}

static void no_link(void)
{
	must(unlinkat(scratch.sys.rootfd, LINK + 1, 0));
}

static void no_documentation(void)
{
	must(unlinkat(scratch.sys.rootfd, COPYRIGHT + 1, 0));
}

static void other_documentation(void)
{
	scratch_write(&scratch, COPYRIGHT, "GPL\n", 0644);
}

static void record_differs(void)
{
	dpkg.verify = "??5??????   /usr/share/small/empty\n";
}

static void both_differ(void)
{
	other_program();
	dpkg.verify = "??5??????   " PROGRAM "\n";
}

static void other_version(void)
{
	dpkg.status = "ii 1.0.0.0\n";
}

static void other_source(void)
{
	other_version();
	settings.package_source = PACKAGES_MICROSOFT;
}

static void other_source_changed(void)
{
	other_source();
	record_differs();
}

static void half_installed(void)
{
	dpkg.status = "iU 1:1.0.0.0\n";
}

static void not_installed(void)
{
	dpkg.status = NULL;
	no_program();
}

static void no_manager(void)
{
	must(unlinkat(scratch.sys.rootfd, "usr/bin/dpkg", 0));
}

/* clang-format off */
static struct row {
	const char *name;
	void (*spoil)(void);
	size_t part; /* 0 the folder, 1 the package */
	const char *path, *what; /* NULL: nothing is wrong */
} rows[] = {
	{"all as packed", nothing, 0, NULL, NULL},
	{"a file more", extra_file, 0, EXT "/bin/x86_64/other", "is not of the zip"},
	{"a file where the agent has some, but deeper", extra_setting, 0, EXT "/config/deep/0.settings", "is not of the zip"},
	{"a link more, which is not followed", extra_link, 0, EXT "/config/etc", "is not of the zip"},
	{"a file changed", other_manifest, 0, EXT "/manifest/distros.yaml", UNPACKED},
	{"a file missing", no_manifest, 0, EXT "/manifest/distros.yaml", "is missing"},
	{"a link for a file", linked_manifest, 0, EXT "/manifest/distros.yaml", "is no regular file"},
	{"a file that others can change", writable_manifest, 0, EXT "/manifest/distros.yaml", "can be changed by others than root"},
	{"no list", no_sums, 0, EXT "/" SUMS_NAME, "is missing"},
	{"a list that is none", wrong_sums, 0, EXT "/" SUMS_NAME, "has a line that is none"},
	{"a package of the zip changed", damaged_deb, 1, EXT "/" DEB, "is damaged itself, so nothing can be compared with it"},
	{"a package of the zip that is none", listed_garbage, 1, EXT "/" DEB, "cannot be read as a package"},
	{"a program changed, and the record with it", other_program, 1, PROGRAM, UNPACKED},
	{"a program missing", no_program, 1, PROGRAM, "is missing"},
	{"a program with another mode", setuid_program, 1, PROGRAM, "has another mode than it was packed with"},
	{"a directory that others can change", open_directory, 1, PROGRAM, "can be changed by others than root"},
	{"a link to elsewhere", other_link, 1, LINK, "is a link to elsewhere"},
	{"a file for a link", file_for_link, 1, LINK, "is no link"},
	{"a link missing", no_link, 1, LINK, "is missing"},
	{"an image without documentation", no_documentation, 1, NULL, NULL},
	{"documentation changed", other_documentation, 1, COPYRIGHT, UNPACKED},
	{"the record says otherwise", record_differs, 1, "/usr/share/small/empty", "is not as the package manager's record has it"},
	{"both say so, and once is enough", both_differ, 1, PROGRAM, UNPACKED},
	{"another version", other_version, 1, "aadsshlogin", "is not the version of the zip"},
	{"another source's package", other_source, 1, NULL, NULL},
	{"another source's package, changed", other_source_changed, 1, "/usr/share/small/empty", "is not as the package manager's record has it"},
	{"half installed", half_installed, 1, "aadsshlogin", "is half installed"},
	{"not installed", not_installed, 1, NULL, NULL},
	{"no package manager", no_manager, 0, NULL, NULL},
};
/* clang-format on */

static size_t count_others(const struct inventory *inventory, const struct row *row)
{
	size_t count = 0;

	for (size_t i = 0; i < inventory->count; i++)
		for (size_t k = 0; k < inventory->parts[i].count; k++)
			count += i != row->part ||
				 strcmp(inventory->parts[i].findings[k].path, row->path) != 0;
	return count;
}

static void one_thing_wrong(void **state)
{
	const struct row *row = *state;
	AUTO_INVENTORY inventory = {.count = 0};
	const struct part *part = &inventory.parts[row->part];
	struct err err = {0};

	(void)set_up(NULL);
	row->spoil();
	assert_int_equal(inventory_take(&machine, &inventory, &err), 0);
	if (!row->path) {
		for (size_t i = 0; i < inventory.count; i++)
			for (size_t k = 0; k < inventory.parts[i].count; k++)
				fail_msg("%s %s", inventory.parts[i].findings[k].path,
					 inventory.parts[i].findings[k].what);
	} else {
		assert_int_equal(part->count, 1);
		assert_string_equal(part->findings[0].path, row->path);
		assert_string_equal(part->findings[0].what, row->what);
		assert_true(part->remedy[0]);
		/* The damaged package and whatever a missing list lists show in the folder as well.
		 */
		if (row->spoil != damaged_deb && row->spoil != no_sums &&
		    row->spoil != wrong_sums && row->spoil != linked_manifest)
			assert_int_equal(count_others(&inventory, row), 0);
	}
	(void)tear_down(NULL);
}

static void what_was_compared_is_counted(void **state)
{
	AUTO_INVENTORY inventory = {.count = 0};
	struct err err = {0};

	(void)state;
	assert_int_equal(inventory_take(&machine, &inventory, &err), 0);
	assert_int_equal(inventory.count, 3);
	assert_int_equal(inventory.parts[0].files, 3);
	assert_int_equal(inventory.parts[1].files, 3);
	assert_string_equal(inventory.parts[1].version, "1:1.0.0.0");
	assert_string_equal(inventory.parts[2].version, "");
	assert_int_equal(strlen(inventory.sums), SUM_HEX_SIZE - 1);
}

static void what_dpkg_cannot_say_is_an_error(void **state)
{
	AUTO_INVENTORY inventory = {.count = 0};
	struct err err = {0};

	(void)state;
	dpkg.broken = 2;
	assert_int_equal(inventory_take(&machine, &inventory, &err), -EIO);
}

static void a_folder_without_end_is_looked_at_in_part(void **state)
{
	AUTO_INVENTORY inventory = {.count = 0};
	struct err err = {0};
	char path[128];

	(void)state;
	scratch_mkdir(&scratch, EXT "/many", 0700);
	for (unsigned i = 0; i < INVENTORY_FILES_MAX; i++) {
		(void)snprintf(path, sizeof(path), EXT "/many/%u", i);
		must(symlinkat("x", scratch.sys.rootfd, path + 1));
	}
	assert_int_equal(inventory_take(&machine, &inventory, &err), 0);
	assert_true(inventory.parts[0].count < INVENTORY_FILES_MAX);
	assert_string_equal(inventory.parts[0].findings[inventory.parts[0].count - 1].what,
			    "holds more than is looked at");
}

static void the_report_names_what_was_found_in_visible_characters(void **state)
{
	AUTO_INVENTORY inventory = {.count = 0};
	AUTO_JSON *json = NULL;
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, EXT "/bad\033name", "x", 0600);
	assert_int_equal(inventory_take(&machine, &inventory, &err), 0);
	report_inventory_text(&inventory, &text);
	assert_non_null(strstr(buf_text(&text), "extension            1.0.0.0 MODIFIED, 3 files "
						"compared\n    " EXT "/bad?name is not of the zip\n"
						"    remedy: remove the extension"));
	assert_non_null(strstr(buf_text(&text), "aadsshlogin          1:1.0.0.0 ok, 3 files "));
	assert_non_null(strstr(buf_text(&text), "aadsshlogin-selinux  not installed\n"));
	assert_non_null(strstr(buf_text(&text), inventory.sums));
	json = report_inventory_json(&inventory);
	assert_string_equal(json_string_value(json_object_get(json, "result")), "modified");
	assert_string_equal(json_string_value(json_object_get(json, "sums")), inventory.sums);
	assert_int_equal(json_array_size(json_object_get(json, "parts")), 3);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		CASE(what_was_compared_is_counted),
		CASE(what_dpkg_cannot_say_is_an_error),
		CASE(a_folder_without_end_is_looked_at_in_part),
		CASE(the_report_names_what_was_found_in_visible_characters),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){.name = rows[i].name,
					      .test_func = one_thing_wrong,
					      .initial_state = &rows[i]};
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("one thing wrong", list, NULL, NULL);
}
