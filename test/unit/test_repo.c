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
#include <sys/stat.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "lib/sys/repo.h"
#include "test/unit/answers.h"
#include "test/unit/scratch.h"

#define KEY "\x98\x01x" /* as small as a public key's packet can be */
#define LISTS REPO_DIR "/state/lists/"
#define DOWNLOADS REPO_DIR "/packages/"
#define SECRET "s3sam"

static struct scratch machine;

static const struct repo repo = {
	.url = "https://packages.example/x",
	.key = {(const unsigned char *)KEY, sizeof(KEY) - 1},
	.proxy = "http://u:" SECRET "@proxy",
	.token = SECRET,
};

static int setup(void **state)
{
	(void)state;
	scratch_open(&machine);
	answers_start(&machine, true);
	scratch_mkdir(&machine, "/var/cache", 0755);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	answers_done();
	scratch_done(&machine);
	return 0;
}

static const struct repo_manager *apt(void)
{
	scratch_write(&machine, "/usr/bin/dpkg", "", 0755);
	scratch_write(&machine, "/usr/bin/apt-get", "", 0755);
	scratch_write(&machine, "/var/lib/dpkg/status", "Package: x\n", 0644);
	return repo_detect(&machine.sys, NULL);
}

static void what_is_installed_decides_when_the_table_is_wrong(void **state)
{
	(void)state;
	assert_null(repo_detect(&machine.sys, "apt"));
	assert_string_equal(repo_manager_name(apt()), "apt");
	assert_string_equal(repo_manager_type(apt()), "deb");
	assert_string_equal(repo_manager_name(repo_detect(&machine.sys, "zypper")), "apt");
	scratch_write(&machine, "/var/lib/dpkg/status", "", 0644);
	assert_null(repo_detect(&machine.sys, ""));
	assert_string_equal(repo_manager_name(repo_detect(&machine.sys, "apt")), "apt");
}

/* Every file below a folder that has the secret in it must be root's alone. */
static unsigned count_secrets(const char *folder)
{
	AUTO_NAMES names = NULL;
	struct err err = {0};
	unsigned found = 0;

	assert_int_equal(fs_list(&machine.sys, folder, &names, &err), 0);
	for (size_t i = 0; names[i]; i++) {
		char path[256];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(fs_lstat(&machine.sys, path, &st, &err), 0);
		if (S_ISDIR(st.st_mode)) {
			found += count_secrets(path);
		} else {
			AUTO_FREE char *text = scratch_text(&machine, path);

			if (!strstr(text, SECRET))
				continue;
			assert_int_equal(st.st_mode & 07777, 0600);
			found++;
		}
	}
	return found;
}

static void secrets_are_in_files_of_roots_alone(void **state)
{
	const struct repo_manager *manager = apt();
	struct err err = {0};

	(void)state;
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	assert_int_equal(count_secrets(REPO_DIR), 2);
	assert_string_equal(buf_text(&answers_commands), "");
}

static void nothing_stays_when_it_is_taken_off(void **state)
{
	const struct repo_manager *manager = apt();
	struct err err = {0};

	(void)state;
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	assert_true(fs_exists(&machine.sys, REPO_DIR));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(repo_take_off(&machine.sys, &err), 0);
		assert_false(fs_exists(&machine.sys, REPO_DIR));
	}
}

static void what_cannot_be_told_is_refused_before_anything_is_written(void **state)
{
	const struct repo_manager *manager = apt();
	struct repo other = repo;
	struct err err = {0};

	(void)state;
	other.url = "http://packages.example/";
	assert_int_equal(repo_add(&machine.sys, manager, &other, &err), -EINVAL);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_false(fs_exists(&machine.sys, REPO_DIR));
	other = repo;
	other.key = span_of("<html>");
	assert_int_equal(repo_add(&machine.sys, manager, &other, &err), -EINVAL);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
	const struct repo_manager *manager = apt();
	char path[128];
	struct err err = {0};

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/var/cache", machine.dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), -ENOENT);
}

#define ENVIRON "APT_CONFIG=" REPO_DIR "/apt.conf "

static void apt_reads_downloads_and_dpkg_installs(void **state)
{
	static const struct answer list[] = {
		{0, "Hit:1\n", LISTS "packages.example_x_._InRelease"},
		{0,
		 " a |    1:2 | https://packages.example/x ./ Packages\n"
		 " a |    1:2 | https://packages.example/x ./ Packages\n"
		 " a |    1:1 | https://packages.example/x ./ Packages\n"
		 "N: nonsense\n",
		 NULL},
		{0, "Get:1\n", DOWNLOADS "a_1%3a1_all.deb"},
		{0, "Setting up a\n", NULL},
	};
	const struct repo_package package = {"a", "1:1"};
	const struct repo_manager *manager = apt();
	AUTO_BUF versions = {0};
	struct err err = {0};

	(void)state;
	answers_give(list, ARRAY_LEN(list));
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	assert_int_equal(repo_refresh(&machine.sys, manager, -1, &err), 0);
	assert_int_equal(repo_versions(&machine.sys, manager, "a", &versions, &err), 0);
	assert_string_equal(buf_text(&versions), "1:2\n1:1\n");
	assert_int_equal(repo_install(&machine.sys, manager, &package, 1, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands), ENVIRON
			    "/usr/bin/apt-get --quiet update\n" ENVIRON
			    "/usr/bin/apt-cache --quiet madison a\n" ENVIRON
			    "/usr/bin/apt-get --quiet download a=1:1\n"
			    "DEBIAN_FRONTEND=noninteractive /usr/bin/dpkg --install " DOWNLOADS
			    "a_1%3a1_all.deb\n");
}

static int keep(const char *const *argv, void *arg, struct err *err)
{
	for (size_t i = 0; argv[i]; i++)
		buf_printf(arg, "%s%s", i ? " " : "", argv[i]);
	buf_str(arg, "\n");
	return buf_ok(arg, err);
}

static void commands_are_told_without_being_run(void **state)
{
	const struct repo_package packages[REPO_PACKAGES_MAX + 1] = {{"a", "1:1"}, {"b", NULL}};
	const struct repo_manager *manager = apt();
	AUTO_BUF told = {0};
	struct err err = {0};

	(void)state;
	answers_give(NULL, 0);
	assert_int_equal(repo_tell_refresh(manager, keep, &told, &err), 0);
	assert_int_equal(repo_tell_install(&machine.sys, manager, packages, 2, keep, &told, &err),
			 0);
	assert_string_equal(buf_text(&told),
			    "env " ENVIRON "/usr/bin/apt-get --quiet update\n"
			    "env " ENVIRON "/usr/bin/apt-get --quiet download a=1:1\n"
			    "env " ENVIRON "/usr/bin/apt-get --quiet download b\n"
			    "/usr/bin/dpkg --install " DOWNLOADS "a_*.deb " DOWNLOADS "b_*.deb\n");
	assert_string_equal(buf_text(&answers_commands), "");
	assert_int_equal(repo_tell_install(&machine.sys, manager, packages, ARRAY_LEN(packages),
					   keep, &told, &err),
			 -E2BIG);
}

static const struct repo_manager *on_rpm(const char *name)
{
	char program[64];

	(void)snprintf(program, sizeof(program), "/usr/bin/%s", name);
	scratch_write(&machine, "/usr/bin/rpm", "", 0755);
	scratch_write(&machine, program, "", 0755);
	scratch_write(&machine, "/var/lib/rpm/rpmdb.sqlite", "x", 0644);
	return repo_detect(&machine.sys, name);
}

static void what_installs_sshd_can_be_typed(void **state)
{
	static const struct {
		const char *manager, *command;
	} rows[] = {
		{"dnf", "dnf install -y openssh-server"},
		{"yum", "yum install -y openssh-server"},
		{"zypper", "zypper install -y openssh"},
		{"tdnf", "tdnf install -y openssh-server"},
	};

	(void)state;
	assert_string_equal(repo_sshd_command(apt()), "apt-get install -y openssh-server");
	scratch_write(&machine, "/var/lib/dpkg/status", "", 0644);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(repo_sshd_command(on_rpm(rows[i].manager)), rows[i].command);
}

#define INSTALL "DEBIAN_FRONTEND=noninteractive /usr/bin/rpm --upgrade --replacepkgs --oldpackage "
#define DNF_FETCH                                                                                  \
	"-c " REPO_DIR "/dnf.conf --assumeyes --downloadonly --downloaddir=" REPO_DIR "/packages "
#define ZYPP_ENVIRON "ZYPP_LOGFILE=" REPO_DIR "/log/zypper.log ZYPPTMPDIR=" REPO_DIR "/tmp "
#define ZYPPER                                                                                     \
	ZYPP_ENVIRON "/usr/bin/zypper --root " REPO_DIR "/root --reposd-dir " REPO_DIR             \
		     "/repos --non-interactive "
#define DNF_LIST                                                                                   \
	"Installed Packages\na.noarch  1:1-1  @" REPO_ID "\nAvailable Packages\n"                  \
	"a.noarch  7-1  " REPO_ID "\na.noarch  1:1-1  " REPO_ID "\na.noarch  1:2-1  " REPO_ID      \
	"\na.noarch  1:2-2  " REPO_ID "\na.noarch  3-1  other\n"

/* clang-format off */
/* What each runs, and how its words are read, from the key to the package. */
static const struct reading {
	const char *name;
	struct answer answers[8];
	const char *versions;
	const char *commands;
} readings[] = {
	{"dnf", {{0, "", NULL}, {0, DNF_LIST, NULL},
		 /* A lower version is nothing to do for one verb, and the next one's. */
		 {0, "Nothing to do.\n", DOWNLOADS "b-1-1.noarch.rpm"}, {0, "", DOWNLOADS "a-1-1.noarch.rpm"},
		 {0, "", NULL}},
	 "1:2\n1:1\n0:7\n",
	 "/usr/bin/dnf -c " REPO_DIR "/dnf.conf --assumeyes makecache\n"
	 "/usr/bin/dnf -c " REPO_DIR "/dnf.conf --quiet --showduplicates list a\n"
	 "/usr/bin/dnf " DNF_FETCH "install a-1:1\n"
	 "/usr/bin/dnf " DNF_FETCH "downgrade a-1:1\n"
	 INSTALL DOWNLOADS "a-1-1.noarch.rpm\n"},
	{"yum", {{0, "", NULL}, {0, DNF_LIST, NULL},
		 {0, "", NULL}, {1, "Error: Nothing to do\n", NULL}, {0, "", DOWNLOADS "a-1-1.noarch.rpm"},
		 {0, "", NULL}},
	 "1:2\n1:1\n0:7\n",
	 "/usr/bin/yum -c " REPO_DIR "/dnf.conf --assumeyes makecache\n"
	 "/usr/bin/yum -c " REPO_DIR "/dnf.conf --quiet --showduplicates list a\n"
	 "/usr/bin/yum " DNF_FETCH "install a-1\n"
	 "/usr/bin/yum " DNF_FETCH "downgrade a-1\n"
	 "/usr/bin/yum " DNF_FETCH "reinstall a-1\n"
	 INSTALL DOWNLOADS "a-1-1.noarch.rpm\n"},
	{"zypper", {{0, "", NULL}, {0, "", NULL},
		    {0, "S | Name | Type | Version | Arch | Repository\n--+---+---\n"
			"v | a | package | 1:2-1 | noarch | " REPO_ID "\n"
			"  | a | package | 1:1-1 | noarch | " REPO_ID "\n"
			"i | a | package | 1:0-1 | noarch | (System Packages)\n"
			"  | a | patch | 1:9-1 | noarch | " REPO_ID "\n", NULL},
		    {0, "", REPO_DIR "/root/var/cache/zypp/packages/" REPO_ID "/x/a-1-1.noarch.rpm"},
		    {0, "", NULL}},
	 "1:2\n1:1\n",
	 ZYPP_ENVIRON "/usr/bin/rpm --root " REPO_DIR "/root --import " REPO_DIR
	 "/key.asc\n"
	 ZYPPER "refresh --force\n"
	 ZYPPER "--no-refresh search --details --match-exact --type=package a\n"
	 ZYPPER "--no-refresh download a=1:1\n"
	 INSTALL REPO_DIR "/root/var/cache/zypp/packages/" REPO_ID "/x/a-1-1.noarch.rpm\n"},
	{"tdnf", {{0, "", NULL}, {0, "", NULL}, {0, DNF_LIST, NULL}, {0, "", DOWNLOADS "a-1-1.noarch.rpm"},
		  {0, DOWNLOADS "a-1-1.noarch.rpm: digests signatures OK\n", NULL}, {0, "a\n", NULL},
		  {0, "", NULL}},
	 "1:2\n1:1\n0:7\n",
	 "/usr/bin/rpm --dbpath " REPO_DIR "/keys --import " REPO_DIR "/key.asc\n"
	 "/usr/bin/tdnf -c " REPO_DIR "/tdnf.conf --assumeyes makecache\n"
	 "/usr/bin/tdnf -c " REPO_DIR "/tdnf.conf --quiet --showduplicates list a\n"
	 "/usr/bin/tdnf -c " REPO_DIR "/tdnf.conf --assumeyes --downloadonly --downloaddir=" REPO_DIR
	 "/packages install a=1:1\n"
	 "/usr/bin/rpm --dbpath " REPO_DIR "/keys --define _pkgverify_level all --checksig " DOWNLOADS
	 "a-1-1.noarch.rpm\n"
	 "/usr/bin/rpm --dbpath " REPO_DIR "/keys --query --package --queryformat=%{NAME}\n " DOWNLOADS
	 "a-1-1.noarch.rpm\n"
	 INSTALL DOWNLOADS "a-1-1.noarch.rpm\n"},
};
/* clang-format on */

static void reads_and_downloads(void **state)
{
	const struct reading *row = *state;
	const struct repo_package package = {"a", "1:1"};
	const struct repo_manager *manager;
	AUTO_BUF versions = {0};
	struct err err = {0};

	setup(NULL);
	manager = on_rpm(row->name);
	assert_string_equal(repo_manager_name(manager), row->name);
	assert_string_equal(repo_manager_type(manager), "rpm");
	answers_give(row->answers, ARRAY_LEN(row->answers));
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	assert_int_equal(count_secrets(REPO_DIR), strcmp(row->name, "zypper") == 0 ? 2 : 1);
	assert_int_equal(repo_refresh(&machine.sys, manager, -1, &err), 0);
	assert_int_equal(repo_versions(&machine.sys, manager, "a", &versions, &err), 0);
	assert_string_equal(buf_text(&versions), row->versions);
	assert_int_equal(repo_install(&machine.sys, manager, &package, 1, -1, &err), 0);
	assert_string_equal(buf_text(&answers_commands), row->commands);
	teardown(NULL);
}

/* clang-format off */
static const struct unsigned_package {
	const char *file; /* below DOWNLOADS */
	const char *said; /* behind its name */
	const char *name; /* of the package in it */
} unsigned_packages[] = {
	{"a-1-1.noarch.rpm", ": digests OK\n", "a\n"}, /* not signed at all */
	{"a-1-1.noarch.rpm", ": digests SIGNATURES NOT OK\n", "a\n"},
	{"a-1-1.noarch.rpm", ": sha1 md5 OK\n", "a\n"},
	{"a-1-1.noarch.rpm", ": (SHA256) DSA sha1 md5 (GPG) NOT OK (MISSING KEYS: GPG#1)\n", "a\n"},
	/* The server chooses the file's name. */
	{"a-1 signatures OK.rpm", ": digests OK\n", "a\n"},
	{"a-1 pgp .rpm", ": sha1 md5 OK\n", "a\n"},
	{"a-1\na-1: signatures OK.rpm", ": digests OK\n", "a\n"},
	/* Signed, but another package of the same owner. */
	{"a-1-1.noarch.rpm", ": digests signatures OK\n", "b\n"},
	{"a-1-1.noarch.rpm", ": digests signatures OK\n", "a\nb\n"},
	{"a-1-1.noarch.rpm", "", "a\n"},
};
/* clang-format on */

static void a_package_whose_signature_nobody_checked_must_be_signed(void **state)
{
	const struct repo_package package = {"a", NULL};
	const struct repo_manager *manager = on_rpm("tdnf");
	struct err err = {0};

	(void)state;
	scratch_mkdir(&machine, REPO_DIR, 0755);
	for (size_t i = 0; i < ARRAY_LEN(unsigned_packages); i++) {
		const struct unsigned_package *row = &unsigned_packages[i];
		char path[256], said[512];

		(void)snprintf(path, sizeof(path), DOWNLOADS "%s", row->file);
		(void)snprintf(said, sizeof(said), "%s%s", path, row->said);
		const struct answer list[] = {{0, "", path}, {0, said, NULL}, {0, row->name, NULL}};

		answers_give(list, ARRAY_LEN(list));
		assert_int_equal(repo_install(&machine.sys, manager, &package, 1, -1, &err),
				 -EKEYREJECTED);
		assert_int_equal(err.outcome, EXIT_REPOSITORY);
	}
}

static void a_key_that_cannot_be_imported_is_refused(void **state)
{
	static const struct answer said[] = {{1, "error: key.asc: key 1 import failed.\n", NULL}};
	const struct repo_manager *manager = on_rpm("zypper");
	struct err err = {0};

	(void)state;
	answers_give(said, 1);
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), -EINVAL);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
}

static void what_a_tool_makes_elsewhere_goes_unless_it_was_there(void **state)
{
	static const struct answer good[] = {{0, "", NULL}, {0, "", NULL}, {0, "", NULL}};
	const struct repo_manager *manager = on_rpm("zypper");
	struct err err = {0};

	(void)state;
	scratch_mkdir(&machine, "/var/lib", 0755);
	answers_give(good, ARRAY_LEN(good));
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	scratch_write(&machine, "/var/lib/YaST2/cookies", "", 0600);
	assert_int_equal(repo_take_off(&machine.sys, &err), 0);
	assert_false(fs_exists(&machine.sys, "/var/lib/YaST2"));

	/* Somebody began to use the folder meanwhile. */
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	scratch_write(&machine, "/var/lib/YaST2/cookies", "", 0600);
	scratch_write(&machine, "/var/lib/YaST2/other", "", 0600);
	assert_int_equal(repo_take_off(&machine.sys, &err), 0);
	assert_false(fs_exists(&machine.sys, "/var/lib/YaST2/cookies"));
	assert_true(fs_exists(&machine.sys, "/var/lib/YaST2/other"));

	scratch_write(&machine, "/var/lib/YaST2/cookies", "", 0600);
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	assert_int_equal(repo_take_off(&machine.sys, &err), 0);
	assert_true(fs_exists(&machine.sys, "/var/lib/YaST2/cookies"));
}

static void a_lock_of_yums_is_waited_for_and_named(void **state)
{
	const struct repo_manager *manager = on_rpm("yum");
	struct err err = {0};

	(void)state;
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	scratch_write(&machine, "/run/yum.pid", "77\n", 0644);
	scratch_write(&machine, "/proc/77/cmdline", "yum", 0644);
	machine.sys.deadline_ns = 1;
	assert_int_equal(repo_refresh(&machine.sys, manager, -1, &err), -EBUSY);
	assert_int_equal(err.outcome, EXIT_LOCK);
	assert_string_equal(err.msg, "process 77 (yum) holds /run/yum.pid");
}

/* clang-format off */
static const struct failure {
	const char *name;
	int status;
	const char *output;
	int r, outcome;
	const char *cause;
} failures[] = {
	{"name_not_resolved", 0, "Err:1 https://nonesuch.invalid/deb ./ InRelease\n"
	 "  Could not resolve 'nonesuch.invalid'\nReading package lists...\n"
	 "W: Failed to fetch https://nonesuch.invalid/deb/./InRelease  Could not resolve 'nonesuch.invalid'\n"
	 "W: Some index files failed to download. They have been ignored, or old ones used instead.\n",
	 -EHOSTUNREACH, EXIT_REPOSITORY, "Could not resolve 'nonesuch.invalid'"},
	{"connection_refused", 0, "Err:1 https://localhost:9/deb ./ InRelease\n"
	 "  Could not connect to localhost:9 (127.0.0.1). - connect (111: Connection refused)\n",
	 -ECONNREFUSED, EXIT_REPOSITORY,
	 "Could not connect to localhost:9 (127.0.0.1). - connect (111: Connection refused)"},
	{"certificate_not_trusted", 0, "Err:1 https://localhost:8443/deb ./ InRelease\n"
	 "  Certificate verification failed: The certificate is NOT trusted. The certificate issuer is unknown."
	 "  Could not handshake: Error in the certificate verification. [IP: 127.0.0.1 8443]\n",
	 -EPROTO, EXIT_REPOSITORY, "Certificate verification failed: The certificate is NOT trusted. "
	 "The certificate issuer is unknown.  Could not handshake: Error in the certificate verification. "
	 "[IP: 127.0.0.1 8443]"},
	{"not_authorised", 100, "Err:1 https://localhost:8443/deb ./ InRelease\n"
	 "  401  Unauthorized [IP: 127.0.0.1 8443]\nReading package lists...\n"
	 "E: Failed to fetch https://localhost:8443/deb/./InRelease  401  Unauthorized [IP: 127.0.0.1 8443]\n"
	 "E: The repository 'https://localhost:8443/deb ./ InRelease' is no longer signed.\n",
	 -EACCES, EXIT_REPOSITORY, "401  Unauthorized [IP: 127.0.0.1 8443]"},
	{"not_there", 100, "Ign:1 https://localhost:8443/deb/x ./ InRelease\n"
	 "Err:2 https://localhost:8443/deb/x ./ Release\n  404  File not found [IP: 127.0.0.1 8443]\n"
	 "E: The repository 'https://localhost:8443/deb/x ./ Release' does not have a Release file.\n",
	 -EREMOTEIO, EXIT_REPOSITORY, "404  File not found [IP: 127.0.0.1 8443]"},
	{"signed_by_another_key", 0, "Hit:1 https://localhost:8443/deb ./ InRelease\n"
	 "Err:1 https://localhost:8443/deb ./ InRelease\n"
	 "  The following signatures couldn't be verified because the public key is not available: "
	 "NO_PUBKEY DEBB5BD983634D04\n",
	 -EKEYREJECTED, EXIT_REPOSITORY, "The following signatures couldn't be verified because the public "
	 "key is not available: NO_PUBKEY DEBB5BD983634D04"},
	{"not_signed", 100, "E: The repository 'https://localhost:8443/deb ./ Release' is not signed.\n",
	 -EKEYREJECTED, EXIT_REPOSITORY,
	 "E: The repository 'https://localhost:8443/deb ./ Release' is not signed."},
	{"no_https_in_old_apt", 100, "E: The method driver /usr/lib/apt/methods/https could not be found.\n"
	 "N: Is the package apt-transport-https installed?\n",
	 -ENOSYS, EXIT_DEPENDENCY, "E: The method driver /usr/lib/apt/methods/https could not be found."},
	{"words_that_nobody_knows", 100, "E: first\nE: last\n\n", -EREMOTEIO, EXIT_REPOSITORY, "E: last"},
	{"silence", 0, "", -EREMOTEIO, EXIT_REPOSITORY, "it said nothing"},
	{"ended_by_a_signal", -9, "", -EREMOTEIO, EXIT_REPOSITORY, "it said nothing"},
};
/* clang-format on */

static void tells_why_the_repository_cannot_be_read(void **state)
{
	const struct failure *row = *state;
	const struct answer said = {row->status, row->output, NULL};
	const struct repo_manager *manager;
	char expected[1024];
	struct err err = {0};

	setup(NULL);
	manager = apt();
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	/* What an earlier call downloaded does not count. */
	scratch_write(&machine, LISTS "packages.example_x_._InRelease", "", 0644);
	answers_give(&said, 1);
	assert_int_equal(repo_refresh(&machine.sys, manager, -1, &err), row->r);
	assert_int_equal(err.outcome, row->outcome);
	(void)snprintf(expected, sizeof(expected),
		       "the repository cannot be read: apt (status %d): %s", row->status,
		       row->cause);
	assert_string_equal(err.msg, expected);
	teardown(NULL);
}

static void a_package_that_is_not_there_has_no_versions_and_is_not_installed(void **state)
{
	static const struct answer nothing[] = {{0, "", NULL}};
	static const struct answer missing[] = {{100, "E: Unable to locate package a\n", NULL}};
	static const struct answer other[] = {
		{100, "E: Version '7' for 'a' was not found\n", NULL}};
	static const struct answer none[] = {{0, "", NULL}};
	const struct repo_package package = {"a", "7"};
	const struct repo_manager *manager = apt();
	AUTO_BUF versions = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(repo_add(&machine.sys, manager, &repo, &err), 0);
	answers_give(nothing, 1);
	assert_int_equal(repo_versions(&machine.sys, manager, "a", &versions, &err), 0);
	answers_give(missing, 1);
	assert_int_equal(repo_versions(&machine.sys, manager, "a", &versions, &err), 0);
	assert_int_equal(versions.len, 0);
	answers_give(missing, 1);
	assert_int_equal(repo_install(&machine.sys, manager, &package, 1, -1, &err), -ENODATA);
	assert_int_equal(err.outcome, EXIT_REPOSITORY);
	assert_string_equal(err.msg, "cannot download a=7: apt (status 100): "
				     "E: Unable to locate package a");
	answers_give(other, 1);
	assert_int_equal(repo_install(&machine.sys, manager, &package, 1, -1, &err), -ENODATA);
	answers_give(none, 1);
	assert_int_equal(repo_install(&machine.sys, manager, &package, 1, -1, &err), -EREMOTEIO);
	assert_string_equal(err.msg, "cannot download a=7: apt (status 0): it said nothing");
}

static void versions_that_cannot_be_asked_for_are_an_error(void **state)
{
	static const struct answer broken[] = {{100, "E: The package cache is broken\n", NULL}};
	const struct repo_manager *manager = apt();
	AUTO_BUF versions = {0};
	struct err err = {0};

	(void)state;
	answers_give(broken, 1);
	assert_int_equal(repo_versions(&machine.sys, manager, "a", &versions, &err), -EIO);
	assert_int_equal(err.outcome, EXIT_PACKAGE);
	assert_int_equal(repo_versions(&machine.sys, manager, "a", &versions, &err), -ENOENT);
}

static void none_and_too_many_packages_are_refused(void **state)
{
	static const struct repo_package many[REPO_PACKAGES_MAX + 1];
	const struct repo_manager *manager = apt();
	struct err err = {0};

	(void)state;
	assert_int_equal(repo_install(&machine.sys, manager, many, 0, -1, &err), -E2BIG);
	assert_int_equal(repo_install(&machine.sys, manager, many, ARRAY_LEN(many), -1, &err),
			 -E2BIG);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(what_is_installed_decides_when_the_table_is_wrong),
		CASE(what_installs_sshd_can_be_typed),
		CASE(secrets_are_in_files_of_roots_alone),
		CASE(nothing_stays_when_it_is_taken_off),
		CASE(what_cannot_be_told_is_refused_before_anything_is_written),
		CASE(a_folder_that_cannot_be_made_is_an_error),
		CASE(apt_reads_downloads_and_dpkg_installs),
		CASE(commands_are_told_without_being_run),
		CASE(a_package_that_is_not_there_has_no_versions_and_is_not_installed),
		CASE(versions_that_cannot_be_asked_for_are_an_error),
		CASE(none_and_too_many_packages_are_refused),
		CASE(a_package_whose_signature_nobody_checked_must_be_signed),
		CASE(a_key_that_cannot_be_imported_is_refused),
		CASE(what_a_tool_makes_elsewhere_goes_unless_it_was_there),
		CASE(a_lock_of_yums_is_waited_for_and_named),
	};
	struct CMUnitTest rows[ARRAY_LEN(failures)] = {{.name = NULL}};
	struct CMUnitTest reading_rows[ARRAY_LEN(readings)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(readings); i++)
		reading_rows[i] =
			(struct CMUnitTest){.name = readings[i].name,
					    .test_func = reads_and_downloads,
					    .initial_state = (void *)(uintptr_t)&readings[i]};
	for (size_t i = 0; i < ARRAY_LEN(failures); i++)
		rows[i] = (struct CMUnitTest){.name = failures[i].name,
					      .test_func = tells_why_the_repository_cannot_be_read,
					      .initial_state = (void *)(uintptr_t)&failures[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("readings", reading_rows, NULL, NULL) ||
	       cmocka_run_group_tests_name("failures", rows, NULL, NULL);
}
