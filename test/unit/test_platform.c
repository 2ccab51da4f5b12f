/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/extension.h"
#include "handler/steps.h"
#include "handler/steps/platform.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

#define GIB ((uint64_t)1 << 30)

/* clang-format off */
static const struct platform_facts good = {
	.platform = {.id = "debian", .version = "12", .supported = SUPPORT_YES, .reason = "r"},
	.loader = true, .package_manager = true, .sshd = true, .pam = true, .getent = true,
	.sshd_version = 902, .memory_kb = 4 << 20,
	.usr = {.free_bytes = GIB}, .var = {.free_bytes = GIB}, .etc = {.free_bytes = GIB},
};
/* clang-format on */

static void nothing(struct platform_facts *f)
{
	(void)f;
}

static void refused_by_table(struct platform_facts *f)
{
	f->platform.supported = SUPPORT_NO;
	(void)strcpy(f->platform.reason, "debian 8 is too old");
}

static void unknown(struct platform_facts *f)
{
	f->platform = (struct platform){.supported = SUPPORT_NO};
}

static void no_loader(struct platform_facts *f)
{
	f->loader = false;
}

static void usr_read_only(struct platform_facts *f)
{
	f->usr.read_only = true;
}

static void no_manager(struct platform_facts *f)
{
	f->package_manager = false;
}

static void cluster(struct platform_facts *f)
{
	f->cluster_node = true;
}

static void sshd_6_8(struct platform_facts *f)
{
	f->sshd_version = 608;
}

static void sshd_6_9(struct platform_facts *f)
{
	f->sshd_version = 609;
}

static void sshd_silent(struct platform_facts *f)
{
	f->sshd_version = 0;
}

static void var_read_only(struct platform_facts *f)
{
	f->var.read_only = true;
}

static void etc_read_only(struct platform_facts *f)
{
	f->etc.read_only = true;
}

static void etc_full(struct platform_facts *f)
{
	f->etc.free_bytes = ((uint64_t)1 << 20) - 1;
}

static void var_full(struct platform_facts *f)
{
	f->var.free_bytes = ((uint64_t)64 << 20) - 1;
}

static void usr_full(struct platform_facts *f)
{
	f->usr.free_bytes = 0;
}

static void etc_without_inodes(struct platform_facts *f)
{
	f->etc.no_inodes = true;
}

static void no_sshd(struct platform_facts *f)
{
	f->sshd = false;
}

static void no_pam(struct platform_facts *f)
{
	f->pam = false;
}

static void no_getent(struct platform_facts *f)
{
	f->getent = false;
}

static void no_manager_and_no_sshd(struct platform_facts *f)
{
	no_manager(f);
	no_sshd(f);
}

/* clang-format off */
static const struct judgement {
	const char *name;
	void (*change)(struct platform_facts *f); /* of the good ones */
	int outcome;
	const char *cause;
} judgements[] = {
	{"a_whole_machine", nothing, 0, ""},
	{"a_machine_that_does_not_say_what_it_is", unknown, 0, ""},
	{"the_oldest_sshd", sshd_6_9, 0, ""},
	{"an_sshd_that_does_not_tell_its_version", sshd_silent, 0, ""},
	{"a_version_that_the_table_refuses", refused_by_table, EXIT_UNSUPPORTED, "debian 8 is too old"},
	{"no_glibc", no_loader, EXIT_UNSUPPORTED, "there is no glibc (/lib"},
	{"an_image_based_system", usr_read_only, EXIT_UNSUPPORTED, "/usr is read-only"},
	{"no_package_manager", no_manager, EXIT_UNSUPPORTED, "no package manager that is known"},
	{"what_cannot_be_helped_comes_first", no_manager_and_no_sshd, EXIT_UNSUPPORTED, "package manager"},
	{"a_cluster_node", cluster, EXIT_UNSUPPORTED, "node of the Azure Kubernetes Service"},
	{"an_sshd_too_old", sshd_6_8, EXIT_UNSUPPORTED, "older than OpenSSH 6.9"},
	{"var_read_only", var_read_only, EXIT_DEPENDENCY, "/var is read-only"},
	{"etc_read_only", etc_read_only, EXIT_DEPENDENCY, "/etc is read-only"},
	{"var_full", var_full, EXIT_DEPENDENCY, "less than 64 MiB are free"},
	{"etc_full", etc_full, EXIT_DEPENDENCY, "less than 1 MiB is free on /etc"},
	{"usr_full", usr_full, EXIT_DEPENDENCY, "less than 64 MiB are free"},
	{"no_inodes", etc_without_inodes, EXIT_DEPENDENCY, "the inodes are used up"},
	{"no_sshd", no_sshd, EXIT_DEPENDENCY, "there is no /usr/sbin/sshd"},
	{"no_pam", no_pam, EXIT_DEPENDENCY, "there is no /etc/pam.d"},
	{"no_getent", no_getent, EXIT_DEPENDENCY, "there is no /usr/bin/getent"},
};
/* clang-format on */

static void is_judged(void **state)
{
	const struct judgement *row = *state;
	struct platform_facts facts = good;
	struct err err = {0};
	int r;

	row->change(&facts);
	r = platform_judge(&facts, &err);
	assert_int_equal(r, row->outcome == 0                  ? 0
			    : row->outcome == EXIT_UNSUPPORTED ? -EOPNOTSUPP
							       : -ENOPKG);
	assert_int_equal(err.outcome, row->outcome);
	assert_int_equal(err.remedy[0] != '\0', row->outcome != 0);
	if (!strstr(err.msg, row->cause))
		fail_msg("\"%s\" lacks \"%s\"", err.msg, row->cause);
}

static struct scratch scratch;
static struct settings settings;
static struct extension extension;
static struct machine machine;
static const char *sshd_says;

static int fake_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		    struct err *err)
{
	(void)sys;
	(void)err;
	assert_string_equal(spec->argv[0], "/usr/sbin/sshd");
	assert_true(spec->merge_stderr);
	ret->status = 1;
	buf_str(&ret->output, sshd_says);
	return 0;
}

#if defined(__x86_64__)
#define LOADER "/lib64/ld-linux-x86-64.so.2"
#else
#define LOADER "/lib/ld-linux-aarch64.so.1"
#endif

/* A Debian machine on which all is well. */
static int setup(void **state)
{
	AUTO_BUF table = {0}, os = {0};

	(void)state;
	scratch_open(&scratch);
	scratch.ops.run = fake_run;
	sshd_says = "OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025\n";
	extension =
		(struct extension){.folder = "/ext", .version = "1.0.0.0", .settings = &settings};
	machine = (struct machine){.sys = &scratch.sys, .extension = &extension, .log_fd = -1};
	source_read("manifest/distros.yaml", &table);
	source_read("test/data/osrelease/debian-12", &os);
	scratch_write(&scratch, "/ext/manifest/distros.yaml", buf_text(&table), 0644);
	scratch_write(&scratch, "/etc/os-release", buf_text(&os), 0644);
	scratch_write(&scratch, LOADER, "", 0755);
	scratch_write(&scratch, "/usr/bin/dpkg", "", 0755);
	scratch_write(&scratch, "/var/lib/dpkg/status", "x", 0644);
	scratch_write(&scratch, "/usr/sbin/sshd", "", 0755);
	scratch_write(&scratch, "/usr/bin/getent", "", 0755);
	scratch_write(&scratch, "/proc/meminfo", "MemTotal:       4022180 kB\nMemFree: 1 kB\n",
		      0444);
	scratch_mkdir(&scratch, "/etc/pam.d", 0755);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static int plan(struct err *err)
{
	AUTO_CHANGES changes = {0};
	int r;

	machine.note_count = 0;
	machine.command[0] = '\0';
	r = step_platform.plan(&machine, WANT_PRESENT, &changes, err);
	assert_int_equal(changes.count, 0);
	return r;
}

static void remove_file(const char *path)
{
	char whole[256];

	(void)snprintf(whole, sizeof(whole), "%s%s", scratch.dir, path);
	assert_int_equal(unlink(whole), 0);
}

static void a_machine_on_which_all_is_well_passes_without_a_word(void **state)
{
	struct err err = {0};

	(void)state;
	if (plan(&err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(machine.note_count, 0);
}

static void what_installs_sshd_is_told_where_it_alone_is_the_cause(void **state)
{
	struct err err = {0};

	(void)state;
	remove_file("/usr/sbin/sshd");
	assert_int_equal(plan(&err), -ENOPKG);
	assert_string_equal(machine.command, ""); /* nobody knows by what */
	scratch_write(&scratch, "/usr/bin/apt-get", "", 0755);
	assert_int_equal(plan(&err), -ENOPKG);
	assert_string_equal(machine.command, "apt-get install -y openssh-server");
	remove_file("/usr/bin/dpkg");
	assert_int_equal(plan(&err), -EOPNOTSUPP);
	assert_string_equal(machine.command, "");
	scratch_write(&scratch, "/usr/bin/dpkg", "", 0755);
	scratch_write(&scratch, "/usr/sbin/sshd", "", 0755);
	remove_file("/usr/bin/getent");
	assert_int_equal(plan(&err), -ENOPKG);
	assert_string_equal(machine.command, "");
}

static void removing_asks_nothing(void **state)
{
	AUTO_CHANGES changes = {0};
	struct err err = {0};

	(void)state;
	remove_file("/ext/manifest/distros.yaml");
	assert_int_equal(step_platform.plan(&machine, WANT_ABSENT, &changes, &err), 0);
	assert_int_equal(changes.count, 0);
}

static void what_is_missing_is_seen(void **state)
{
	static const struct {
		const char *path;
		int outcome;
	} rows[] = {
		{LOADER, EXIT_UNSUPPORTED},
		{"/usr/bin/dpkg", EXIT_UNSUPPORTED},
		{"/usr/sbin/sshd", EXIT_DEPENDENCY},
		{"/usr/bin/getent", EXIT_DEPENDENCY},
		{"/ext/manifest/distros.yaml", EXIT_DEPENDENCY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		remove_file(rows[i].path);
		assert_true(plan(&err) < 0);
		assert_int_equal(err.outcome, rows[i].outcome);
		teardown(NULL);
		setup(NULL);
	}
}

static void a_system_unknown_to_the_table_is_decided_by_what_it_can_do(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/os-release", "ID=newcomer\n", 0644);
	assert_int_equal(plan(&err), 0);
	assert_int_equal(machine.note_count, 1);
	assert_non_null(strstr(machine.notes[0], "newcomer is not in the table"));
}

static void a_system_that_is_known_not_to_work_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/os-release", "ID=debian\nVERSION_ID=8\n", 0644);
	assert_int_equal(plan(&err), -EOPNOTSUPP);
	assert_int_equal(err.outcome, EXIT_UNSUPPORTED);
}

static void an_os_release_that_cannot_be_read_is_noted_only(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/os-release", "ID=a/b\n", 0644);
	assert_int_equal(plan(&err), 0);
	assert_int_equal(machine.note_count, 1);
	assert_string_equal(machine.notes[0],
			    "cannot tell the distribution: os-release, line 1: ID cannot be a/b");
	remove_file("/etc/os-release");
	assert_int_equal(plan(&err), 0);
	assert_int_equal(machine.note_count, 1);
}

static void the_vendors_os_release_serves_where_there_is_no_other(void **state)
{
	struct err err = {0};

	(void)state;
	remove_file("/etc/os-release");
	scratch_write(&scratch, "/usr/lib/os-release", "ID=debian\nVERSION_ID=8\n", 0644);
	assert_int_equal(plan(&err), -EOPNOTSUPP);
}

static void a_damaged_table_is_told_as_damage(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/ext/manifest/distros.yaml", "distributions:\n- {id: [x]}\n",
		      0644);
	assert_int_equal(plan(&err), -EINVAL);
	assert_int_equal(err.outcome, EXIT_DEPENDENCY);
	assert_non_null(strstr(err.msg, "manifest/distros.yaml:2:4: id is a list"));
}

static void little_memory_is_noted(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/proc/meminfo", "MemTotal: 500000 kB\n", 0444);
	assert_int_equal(plan(&err), 0);
	assert_int_equal(machine.note_count, 1);
	assert_non_null(strstr(machine.notes[0], "less than 1 GB of memory"));
}

static void a_cluster_node_is_known_by_its_kubelet(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/kubernetes/azure.json", "{}", 0600);
	assert_int_equal(plan(&err), 0);
	scratch_write(&scratch, "/etc/default/kubelet",
		      "KUBELET_NODE_LABELS=agentpool=np1,kubernetes.azure.com/cluster=MC_x\n",
		      0644);
	assert_int_equal(plan(&err), -EOPNOTSUPP);
	assert_non_null(strstr(err.msg, "Kubernetes"));
}

static void the_version_of_sshd_is_read_from_what_it_says(void **state)
{
	static const struct {
		const char *text;
		int r;
	} rows[] = {
		{"unknown option -- V\nOpenSSH_7.4p1, OpenSSL 1.0.2k-fips\nusage: sshd\n", 0},
		{"OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.1\n", 0},
		{"sshd: illegal option -- V\nOpenSSH_6.6.1p1, OpenSSL 1.0.1e\n", -EOPNOTSUPP},
		{"OpenSSH_6.10", 0},
		{"OpenSSH_6", 0},
		{"OpenSSH_x.y", 0},
		{"", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		sshd_says = rows[i].text;
		machine.sshd_release = 0;
		assert_int_equal(plan(&err), rows[i].r);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(a_machine_on_which_all_is_well_passes_without_a_word),
		CASE(what_installs_sshd_is_told_where_it_alone_is_the_cause),
		CASE(removing_asks_nothing),
		CASE(what_is_missing_is_seen),
		CASE(a_system_unknown_to_the_table_is_decided_by_what_it_can_do),
		CASE(a_system_that_is_known_not_to_work_is_refused),
		CASE(an_os_release_that_cannot_be_read_is_noted_only),
		CASE(the_vendors_os_release_serves_where_there_is_no_other),
		CASE(a_damaged_table_is_told_as_damage),
		CASE(little_memory_is_noted),
		CASE(a_cluster_node_is_known_by_its_kubelet),
		CASE(the_version_of_sshd_is_read_from_what_it_says),
	};
	struct CMUnitTest rows[ARRAY_LEN(judgements)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(judgements); i++)
		rows[i] = (struct CMUnitTest){.name = judgements[i].name,
					      .test_func = is_judged,
					      .initial_state = (void *)(uintptr_t)&judgements[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("judgements", rows, NULL, NULL);
}
