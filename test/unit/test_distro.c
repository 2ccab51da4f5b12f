/* SPDX-License-Identifier: MIT */
/* The real table against os-release files as the distributions ship them (test/data/osrelease). */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/core/distro.h"
#include "lib/core/outcome.h"
#include "test/unit/source.h"

static struct yaml_node table;

static int read_table(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)state;
	source_read("manifest/distros.yaml", &text);
	if (yaml_parse(buf_bytes(&text), "distros.yaml", &table, &err) < 0)
		fail_msg("%s", err.msg);
	return 0;
}

static int drop_table(void **state)
{
	(void)state;
	yaml_done(&table);
	return 0;
}

enum { NO = SUPPORT_NO, YES = SUPPORT_YES, CAN = SUPPORT_BY_CAPABILITY };

/* clang-format off */
static const struct row {
	const char *file;
	const char *by; /* id of the row of the table that decides, "" for none */
	int supported;
	const char *manager, *type, *service;
	const char *reason; /* part of it */
} rows[] = {
	{"debian-8", "debian", NO, "apt", "deb", "ssh", "debian 8 is too old: 9 is the first"},
	{"debian-9", "debian", YES, "apt", "deb", "ssh", "debian 9 is supported"},
	{"debian-10", "debian", YES, "apt", "deb", "ssh", "supported"},
	{"debian-11", "debian", YES, "apt", "deb", "ssh", "supported"},
	{"debian-12", "debian", YES, "apt", "deb", "ssh", "supported"},
	{"debian-13", "debian", YES, "apt", "deb", "ssh", "supported"},
	{"debian-sid", "debian", CAN, "apt", "deb", "ssh", "debian names no version"},
	{"ubuntu-14.04", "ubuntu", NO, "apt", "deb", "ssh", "too old"},
	{"ubuntu-16.04", "ubuntu", YES, "apt", "deb", "ssh", "supported"},
	{"ubuntu-18.04", "ubuntu", YES, "apt", "deb", "ssh", "supported"},
	{"ubuntu-20.04", "ubuntu", YES, "apt", "deb", "ssh", "supported"},
	{"ubuntu-22.04", "ubuntu", YES, "apt", "deb", "ssh", "supported"},
	{"ubuntu-24.04", "ubuntu", YES, "apt", "deb", "ssh", "supported"},
	{"ubuntu-25.10", "ubuntu", YES, "apt", "deb", "ssh", "supported"},
	{"ubuntu-26.04", "ubuntu", YES, "apt", "deb", "ssh", "supported"},
	{"linuxmint-22", "ubuntu", CAN, "apt", "deb", "ssh", "linuxmint is not in the table, but like ubuntu"},
	{"kali-2025.2", "debian", CAN, "apt", "deb", "ssh", "like debian"},
	{"rhel-7.2", "rhel", NO, "yum", "rpm", "sshd", "rhel 7.2 is too old: 7.4 is the first"},
	{"rhel-7.9", "rhel", YES, "yum", "rpm", "sshd", "supported"},
	{"rhel-8.1", "rhel", CAN, "dnf", "rpm", "sshd", "rhel 8.1 is not in the table"},
	{"rhel-8.3", "rhel", YES, "dnf", "rpm", "sshd", "supported"},
	{"rhel-9.6", "rhel", YES, "dnf", "rpm", "sshd", "supported"},
	{"rhel-10.0", "rhel", YES, "dnf", "rpm", "sshd", "supported"},
	{"centos-7", "centos", YES, "yum", "rpm", "sshd", "supported"},
	{"centos-8", "centos", YES, "dnf", "rpm", "sshd", "supported"},
	{"centos-9", "centos", YES, "dnf", "rpm", "sshd", "supported"},
	{"centos-10", "centos", YES, "dnf", "rpm", "sshd", "supported"},
	{"amzn-2", "centos", CAN, "dnf", "rpm", "sshd", "like centos"},
	{"amzn-2023", "fedora", CAN, "dnf", "rpm", "sshd", "like fedora"},
	{"almalinux-8.3", "almalinux", YES, "dnf", "rpm", "sshd", "supported"},
	{"almalinux-9.6", "almalinux", YES, "dnf", "rpm", "sshd", "supported"},
	{"almalinux-10.0", "almalinux", YES, "dnf", "rpm", "sshd", "supported"},
	{"rocky-9.3", "rocky", YES, "dnf", "rpm", "sshd", "supported"},
	{"rocky-8.10", "rocky", YES, "dnf", "rpm", "sshd", "supported"},
	{"rocky-10.0", "rocky", YES, "dnf", "rpm", "sshd", "supported"},
	{"ol-7.9", "ol", YES, "yum", "rpm", "sshd", "supported"},
	{"ol-8.10", "ol", YES, "dnf", "rpm", "sshd", "supported"},
	{"ol-9.6", "ol", YES, "dnf", "rpm", "sshd", "supported"},
	{"ol-10.0", "ol", YES, "dnf", "rpm", "sshd", "supported"},
	{"fedora-42", "fedora", CAN, "dnf", "rpm", "sshd", "fedora 42 is not in the table"},
	{"sles-12.5", "sles", YES, "zypper", "rpm", "sshd", "supported"},
	{"sles-15", "sles", CAN, "zypper", "rpm", "sshd", "sles 15 is not in the table"},
	{"sles-15.7", "sles", YES, "zypper", "rpm", "sshd", "supported"},
	{"sles-16.0", "sles", CAN, "zypper", "rpm", "sshd", "sles 16.0 is not in the table"},
	{"sle-hpc-15.5", "suse", CAN, "zypper", "rpm", "sshd", "like suse"},
	{"opensuse-42.3", "opensuse", YES, "zypper", "rpm", "sshd", "supported"},
	{"opensuse-leap-15.6", "opensuse-leap", YES, "zypper", "rpm", "sshd", "supported"},
	{"opensuse-leap-16.0", "opensuse-leap", CAN, "zypper", "rpm", "sshd", "not in the table"},
	{"opensuse-tumbleweed", "opensuse", CAN, "zypper", "rpm", "sshd", "like opensuse"},
	{"mariner-1.0", "mariner", YES, "tdnf", "rpm", "sshd", "supported"},
	{"mariner-2.0", "mariner", YES, "tdnf", "rpm", "sshd", "supported"},
	{"azurelinux-3.0", "azurelinux", YES, "tdnf", "rpm", "sshd", "supported"},
	{"photon-4.0", "photon", CAN, "tdnf", "rpm", "sshd", "not in the table"},
	{"openeuler-20.03", "", CAN, "", "", "", "openeuler is not in the table, nor like anything in it"},
	{"openwrt-22.03", "", CAN, "", "", "", "nor like anything"},
	{"arch-rolling", "", CAN, "", "", "", "nor like anything"},
	{"flatcar-2705.0.0", "flatcar", NO, "", "", "", "read-only and it has no package manager"},
	{"coreos-766.3.0", "coreos", NO, "", "", "", "read-only"},
	{"rhcos-4.13", "rhcos", NO, "", "", "", "read-only"},
	{"suse-microos-5.1", "suse-microos", NO, "", "", "", "read-only"},
	{"opensuse-microos", "opensuse-microos", NO, "", "", "", "read-only"},
	{"sle-micro-5.5", "sle-micro", NO, "", "", "", "read-only"},
	{"sl-micro-6.1", "sl-micro", NO, "", "", "", "read-only"},
	{"ubuntu-core-20", "ubuntu-core", NO, "", "", "", "snaps"},
	{"alpine-3.22", "alpine", NO, "", "", "", "musl"},
};
/* clang-format on */

static void is_decided_from_its_os_release(void **state)
{
	const struct row *row = *state;
	char path[128];
	AUTO_BUF text = {0};
	struct osrelease os;
	struct platform p = {.id = ""};
	struct err err = {0};

	(void)snprintf(path, sizeof(path), "test/data/osrelease/%s", row->file);
	source_read(path, &text);
	if (osrelease_parse(buf_bytes(&text), &os, &err) < 0 ||
	    distro_decide(&table, &os, &p, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(p.id, os.id);
	assert_string_equal(p.version, os.version_id);
	assert_int_equal(p.supported, row->supported);
	assert_string_equal(p.package_manager, row->manager);
	assert_string_equal(p.package_type, row->type);
	assert_string_equal(p.ssh_service, row->service);
	if (!strstr(p.reason, row->reason))
		fail_msg("\"%s\" lacks \"%s\"", p.reason, row->reason);
}

static void every_row_of_the_table_is_tried(void **state)
{
	const struct yaml_node *list = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(yaml_get_list(&table, "distributions", &list, &err), 0);
	for (size_t i = 0; i < list->count; i++) {
		const char *id = yaml_get(&list->items[i], "id")->text;
		size_t k = 0;

		while (k < ARRAY_LEN(rows) && strcmp(rows[k].by, id) != 0)
			k++;
		if (k == ARRAY_LEN(rows))
			fail_msg("no os-release is decided by the row of %s", id);
	}
}

/* ---- the closed product's repositories */

/* clang-format off */
static const struct place_row {
	const char *file, *arch;
	const char *suite;
	const char *paths[DISTRO_PLACES_MAX]; /* none: the table has no repository */
} place_rows[] = {
	{"debian-9", "x86_64", "stretch", {"/repos/microsoft-debian-stretch-prod"}},
	{"debian-12", "aarch64", "bookworm", {"/repos/microsoft-debian-bookworm-prod"}},
	{"debian-sid", "x86_64", NULL, {NULL}},
	{"ubuntu-16.04", "x86_64", "xenial", {"/repos/microsoft-ubuntu-xenial-prod"}},
	{"ubuntu-18.04", "x86_64", "bionic", {"/repos/microsoft-ubuntu-bionic-prod"}},
	{"ubuntu-18.04", "aarch64", "bionic", {"/repos/microsoft-ubuntu-bionic-multiarch-prod"}},
	{"ubuntu-24.04", "aarch64", "noble", {"/repos/microsoft-ubuntu-noble-prod"}},
	{"linuxmint-22", "x86_64", NULL, {NULL}},
	{"rhel-7.9", "x86_64", "", {"/rhel/7/prod"}},
	{"rhel-9.6", "x86_64", "", {"/rhel/9/prod"}},
	{"centos-8", "x86_64", "", {"/centos/8/prod"}},
	{"centos-9", "x86_64", "", {"/rhel/9/prod"}},
	{"almalinux-10.0", "x86_64", "", {"/almalinux/10/prod", "/rhel/10/prod"}},
	{"rocky-9.3", "x86_64", "", {"/rocky/9/prod", "/rhel/9/prod"}},
	{"ol-7.9", "x86_64", "", {"/ol/7/prod", "/rhel/7/prod"}},
	{"sles-12.5", "x86_64", "", {"/sles/12/prod"}},
	{"sles-15.7", "x86_64", "", {"/sles/15/prod"}},
	{"opensuse-leap-15.6", "x86_64", "", {"/sles/15/prod"}},
	{"opensuse-42.3", "x86_64", "", {"/sles/12/prod"}},
	{"mariner-1.0", "x86_64", "", {"/cbl-mariner/1.0/prod/extras/x86_64/rpms"}},
	{"mariner-2.0", "aarch64", "", {"/cbl-mariner/2.0/prod/extras/aarch64"}},
	{"azurelinux-3.0", "x86_64", "", {"/azurelinux/3.0/prod/ms-non-oss/x86_64"}},
	{"fedora-42", "x86_64", NULL, {NULL}},
	{"openwrt-22.03", "x86_64", NULL, {NULL}},
	{"alpine-3.22", "x86_64", NULL, {NULL}},
};
/* clang-format on */

static void has_its_packages_there(void **state)
{
	const struct place_row *row = *state;
	struct distro_places places = {.suite = "untouched"};
	char path[128];
	AUTO_BUF text = {0};
	struct osrelease os;
	struct err err = {0};
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "test/data/osrelease/%s", row->file);
	source_read(path, &text);
	assert_int_equal(osrelease_parse(buf_bytes(&text), &os, &err), 0);
	while (count < DISTRO_PLACES_MAX && row->paths[count])
		count++;
	if (count == 0) {
		assert_int_equal(distro_microsoft(&table, &os, row->arch, &places, &err), -ENODATA);
		assert_int_equal(err.outcome, EXIT_SETTINGS);
		assert_string_equal(places.suite, "untouched");
		return;
	}
	if (distro_microsoft(&table, &os, row->arch, &places, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(places.count, count);
	assert_string_equal(places.suite, row->suite);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(places.paths[i], row->paths[i]);
}

static int decide(const char *yaml, const struct osrelease *os, struct platform *ret,
		  struct err *err)
{
	AUTO_YAML own = {0};
	int r = yaml_parse(span_of(yaml), "t.yaml", &own, err);

	assert_int_equal(r, 0);
	return distro_decide(&own, os, ret, err);
}

#define HEAD "distributions:\n- {id: x, packageType: deb, sshService: ssh, packageManager: "

/* clang-format off */
static const struct wrong {
	const char *name, *yaml, *message;
} wrong[] = {
	{"a_table_that_is_a_list", "- x\n", "t.yaml:1:1: a list, expected a map"},
	{"a_table_of_something_else", "clouds: []\n", "t.yaml:1:1: unknown key clouds"},
	{"a_table_without_a_list", "{}\n", "t.yaml:1:1: there is no list of distributions"},
	{"a_row_without_an_id", "distributions:\n- {versions: [1]}\n", "t.yaml:2:3: a distribution needs an id"},
	{"a_row_with_an_unknown_key", HEAD "apt, verions: [1]}\n", "t.yaml:2:67: unknown key verions"},
	{"an_unknown_package_manager", HEAD "apk}\n", "t.yaml:2:46: packageManager cannot be apk"},
	{"no_package_manager", "distributions:\n- {id: x}\n", "x needs packageManager, packageType and sshService"},
	{"versions_that_are_text", HEAD "apt, versions: 1}\n", "versions is text, expected a list"},
	{"a_range_without_an_end", HEAD "apt, versions: [1-]}\n", "not a range of versions"},
	{"a_range_of_words", HEAD "apt, versions: [a-b]}\n", "not a range of versions"},
	{"a_range_of_too_many_parts", HEAD "apt, versions: [1.2.3.4.5]}\n", "not a range of versions"},
	{"a_range_that_is_a_list", HEAD "apt, versions: [[1]]}\n", "not a range of versions"},
	{"an_oldest_that_is_no_version", HEAD "apt, oldest: 1-2}\n", "t.yaml:2:67: not a version"},
	{"a_quirk_without_versions", HEAD "apt, quirks: [{packageManager: dnf}]}\n", "a quirk needs versions"},
	{"a_quirk_of_something_unknown", HEAD "apt, quirks: [{versions: 1, sshd: x}]}\n", "unknown key sshd"},
	{"a_quirk_with_a_wrong_manager", HEAD "apt, quirks: [{versions: 1, packageManager: x}]}\n", "packageManager cannot be x"},
	{"a_quirk_of_an_unknown_architecture", HEAD "apt, quirks: [{versions: 1, architecture: arm}]}\n", "architecture cannot be arm"},
	{"a_repository_that_is_no_list", HEAD "apt, microsoft: /x}\n", "microsoft is text, expected a list"},
	{"no_repository_in_the_list", HEAD "apt, microsoft: []}\n", "from one to 4 paths can be here"},
	{"too_many_repositories", HEAD "apt, microsoft: [/a, /b, /c, /d, /e]}\n", "from one to 4 paths can be here"},
	{"a_repository_of_another_host", HEAD "apt, microsoft: ['https://x']}\n", "not a path of plain characters"},
	{"a_repository_without_a_slash", HEAD "apt, microsoft: [x]}\n", "not a path of plain characters"},
	{"a_repository_of_an_unknown_word", HEAD "apt, microsoft: ['/{minor}']}\n", "not a path of plain characters"},
	{"a_quirk_with_a_wrong_repository", HEAD "apt, quirks: [{versions: 1, microsoft: ['/a b']}]}\n", "not a path of plain characters"},
	{"a_wrong_row_after_the_one_that_decides",
	 HEAD "apt}\n- {id: y, packageManager: apk}\n", "t.yaml:3:11: packageManager cannot be apk"},
};
/* clang-format on */

static void is_refused_with_its_place(void **state)
{
	const struct wrong *row = *state;
	const struct osrelease os = {.id = "x", .version_id = "1"};
	struct platform p = {.id = "untouched"};
	struct err err = {0};

	assert_int_equal(decide(row->yaml, &os, &p, &err), -EINVAL);
	assert_string_equal(p.id, "untouched");
	if (!strstr(err.msg, row->message))
		fail_msg("\"%s\" lacks \"%s\"", err.msg, row->message);
}

static void versions_compare_by_the_parts_of_the_bound(void **state)
{
	static const struct {
		const char *version;
		int supported;
	} cases[] = {
		{"7.3", CAN}, {"7.4", YES}, {"7.10", YES},  {"7.10.2009", YES}, {"7.11", CAN},
		{"8", CAN},   {"9", YES},   {"9.99", YES},  {"10", CAN},        {"6.9", NO},
		{"", CAN},    {"9.", CAN},  {"9-SP1", CAN}, {"9.1.2.3.4", CAN}, {"4294967296", CAN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct osrelease os = {.id = "x"};
		struct platform p;
		struct err err = {0};

		(void)snprintf(os.version_id, sizeof(os.version_id), "%s", cases[i].version);
		assert_int_equal(
			decide(HEAD "apt, oldest: 7, versions: [7.4-7.10, 9]}\n", &os, &p, &err),
			0);
		if ((int)p.supported != cases[i].supported)
			fail_msg("%s: %s", cases[i].version, p.reason);
	}
}

static void the_first_word_of_id_like_with_a_row_counts(void **state)
{
	static const char yaml[] =
		HEAD "apt}\n"
		     "- {id: y, packageManager: dnf, packageType: rpm, sshService: sshd}\n"
		     "- {id: z, unsupported: it is an image}\n";
	struct osrelease os = {.id = "other", .id_like = "unknown y x"};
	struct platform p;
	struct err err = {0};

	(void)state;
	assert_int_equal(decide(yaml, &os, &p, &err), 0);
	assert_string_equal(p.package_manager, "dnf");
	assert_int_equal(p.supported, CAN);
	(void)strcpy(os.id_like, "z x");
	assert_int_equal(decide(yaml, &os, &p, &err), 0);
	assert_int_equal(p.supported, NO);
	assert_string_equal(p.reason, "other cannot be supported: it is an image");
}

static void add(struct CMUnitTest *test, const char *name, CMUnitTestFunction function,
		const void *state)
{
	test->name = name;
	test->test_func = function;
	test->initial_state = (void *)(uintptr_t)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_is_tried),
		cmocka_unit_test(versions_compare_by_the_parts_of_the_bound),
		cmocka_unit_test(the_first_word_of_id_like_with_a_row_counts),
	};
	struct CMUnitTest list[ARRAY_LEN(rows) + ARRAY_LEN(place_rows) + ARRAY_LEN(wrong)] = {
		{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		add(&list[n++], rows[i].file, is_decided_from_its_os_release, &rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(place_rows); i++)
		add(&list[n++], place_rows[i].file, has_its_packages_there, &place_rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		add(&list[n++], wrong[i].name, is_refused_with_its_place, &wrong[i]);
	return cmocka_run_group_tests(tests, read_table, drop_table) ||
	       cmocka_run_group_tests_name("rows", list, read_table, drop_table);
}
