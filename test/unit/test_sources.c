/* SPDX-License-Identifier: MIT */
/*
 * The step packages with each source of packages, in the real runner; dpkg, apt and HTTP are only
 * pretended, and what they are asked for is written down in order.
 */
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
#include "handler/steps/packages.h"
#include "lib/core/cleanup.h"
#include "lib/core/outcome.h"
#include "lib/steps/run.h"
#include "lib/sys/http.h"
#include "lib/sys/proc.h"
#include "lib/sys/repo.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

#if defined(__x86_64__)
#define ARCH "amd64"
#else
#define ARCH "arm64"
#endif

#define DEB "packages/aadsshlogin_1.0.0.0_" ARCH ".deb"
#define OUR_VERSION "1:1.0.0.0"
#define THEIR_VERSION "1.0.033220001"
#define URL "https://r.example/apt"
#define RELEASE "-----BEGIN PGP SIGNED MESSAGE-----\n"
/* A key packet of six bytes: version, time, algorithm. */
#define KEY                                                                                        \
	"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmAYEYAAAABY=\n-----END PGP PUBLIC KEY "           \
	"BLOCK-----\n"
#define TOKEN "s3cret"

static struct scratch scratch;
static struct settings settings;
static struct extension extension;
static struct machine machine;
static struct buf events;

static struct {
	char version[32]; /* of aadsshlogin, "" for absent */
	const char *offers; /* what the repository has, newest first; NULL: nothing */
	int status; /* of HTTP, 0: no connection */
	const char *only; /* the one path that is there, NULL: all */
	int install_status;
	char login[64], proxy[128]; /* of the last request */
} world;

/* ---- HTTP */

static int pretended_http(struct sys *sys, const struct http_request *requests, size_t count,
			  struct http_response *ret, struct err *err)
{
	bool key = strstr(requests->url, ".asc");

	(void)sys;
	assert_int_equal(count, 1);
	*ret = (struct http_response)HTTP_RESPONSE_INIT;
	(void)snprintf(world.login, sizeof(world.login), "%s", requests->login ?: "");
	(void)snprintf(world.proxy, sizeof(world.proxy), "%s", requests->proxy ?: "");
	buf_printf(&events, "GET %s\n", requests->url);
	if (world.status == 0) {
		ret->error = ECONNREFUSED;
		return err_set(err, ECONNREFUSED, "no connection");
	}
	ret->status = world.status;
	if (!key && world.only && !strstr(requests->url, world.only))
		ret->status = 403;
	buf_str(&ret->body, key ? KEY : RELEASE);
	return 0;
}

/* ---- apt and dpkg */

static void run_apt(const char *const *argv, size_t last, struct proc_result *ret)
{
	struct span rest = span_of(world.offers ?: ""), version;

	if (strcmp(argv[2], "update") == 0) {
		buf_str(&events, "update\n");
		scratch_write(&scratch, REPO_DIR "/state/lists/x_InRelease", "", 0644);
	} else if (strcmp(argv[2], "madison") == 0) {
		while (span_word(&rest, &version))
			buf_printf(&ret->output, " aadsshlogin | %.*s | " URL " Packages\n",
				   (int)version.len, (const char *)version.p);
	} else {
		assert_string_equal(argv[2], "download");
		buf_printf(&events, "download %s\n", argv[last]);
		scratch_write(&scratch, REPO_DIR "/packages/aadsshlogin_x_" ARCH ".deb", "x", 0644);
	}
}

/* Our packages bring a user and its group, which go with them, and Microsoft's do not. */
static void set_version(const char *version)
{
	const bool ours = strcmp(version, OUR_VERSION) == 0;

	(void)snprintf(world.version, sizeof(world.version), "%s", version);
	scratch_write(&scratch, "/etc/passwd",
		      ours ? "root:x:0:0::/root:/bin/sh\naadsshlogin:x:990:990::/:/bin/false\n"
			   : "root:x:0:0::/root:/bin/sh\n",
		      0644);
	scratch_write(&scratch, "/etc/group",
		      ours ? "root:x:0:\naadsshlogin:x:990:\n" : "root:x:0:\n", 0644);
}

static void run_install(const char *file, struct proc_result *ret)
{
	bool fetched = strncmp(file, REPO_DIR, strlen(REPO_DIR)) == 0;

	buf_printf(&events, "install %s\n", fetched ? "what was downloaded" : file);
	ret->status = world.install_status;
	if (world.install_status)
		buf_str(&ret->output, "dpkg: error: no\n");
	else if (fetched && settings.package_source == PACKAGES_MICROSOFT)
		set_version(THEIR_VERSION);
	else
		set_version(OUR_VERSION);
}

static int pretended_run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
			 struct err *err)
{
	const char *const *argv = spec->argv;
	size_t last = 0;

	(void)sys;
	(void)err;
	while (argv[last + 1])
		last++;
	for (size_t i = 0; i <= last; i++)
		assert_null(strstr(argv[i], TOKEN));
	ret->status = 0;
	if (strstr(argv[0], "/apt-")) {
		run_apt(argv, last, ret);
	} else if (strcmp(argv[1], "--show") == 0 && last == 2) { /* of all packages */
		buf_printf(&ret->output, "ii %s\n", world.version[0] ? "aadsshlogin" : "libc6");
	} else if (strcmp(argv[1], "--show") == 0) {
		if (strcmp(argv[last], "aadsshlogin") == 0 && world.version[0])
			buf_printf(&ret->output, "ii %s\n", world.version);
		else
			ret->status = 1;
	} else if (strcmp(argv[1], "--install") == 0) {
		run_install(argv[last], ret);
	} else if (strcmp(argv[1], "--force-remove-reinstreq") == 0) {
		buf_printf(&events, "purge %s\n", argv[last]);
		set_version("");
	}
	return 0;
}

/* ---- the machine */

static int setup(void **state)
{
	AUTO_BUF table = {0}, sums = {0};

	(void)state;
	memset(&world, 0, sizeof(world));
	world.status = 200;
	scratch_open(&scratch);
	scratch.ops.run = pretended_run;
	scratch.ops.http = pretended_http;
	settings = (struct settings)SETTINGS_INIT;
	extension = (struct extension){.folder = "/ext",
				       .version = "1.0.0.0",
				       .settings = &settings,
				       .microsoft = "https://packages.microsoft.com"};
	machine = (struct machine){.sys = &scratch.sys, .extension = &extension, .log_fd = -1};
	source_read("manifest/distros.yaml", &table);
	scratch_write(&scratch, "/ext/manifest/distros.yaml", buf_text(&table), 0644);
	scratch_write(&scratch, "/etc/os-release",
		      "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n", 0644);
	scratch_write(&scratch, "/usr/bin/dpkg", "", 0755);
	scratch_write(&scratch, "/usr/bin/apt-get", "", 0755);
	scratch_write(&scratch, "/var/lib/dpkg/status", "x", 0644);
	scratch_mkdir(&scratch, "/var/cache", 0755);
	scratch_write(&scratch, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0644);
	scratch_write(&scratch, "/etc/group", "root:x:0:\n", 0644);
	scratch_write(&scratch, "/ext/" DEB, "deb", 0644);
	scratch_add_sum(&sums, DEB, "deb");
	scratch_write(&scratch, "/ext/SHA256SUMS", buf_text(&sums), 0644);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_done(&events);
	scratch_done(&scratch);
	return 0;
}

static void from_repository(const char *offers)
{
	settings.package_source = PACKAGES_REPOSITORY;
	settings.repository_url = (char *)(uintptr_t)URL;
	world.offers = offers;
}

static void from_microsoft(const char *offers)
{
	settings.package_source = PACKAGES_MICROSOFT;
	settings.repository_url = NULL;
	world.offers = offers;
}

static int plan_failure(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)m;
	(void)ret;
	return want == WANT_PRESENT ? err_set(err, EIO, "a later step failed") : 0;
}

static const struct step failing = {
	.name = "failing", .exit_code = EXIT_VERIFY, .plan = plan_failure};
static const struct step *const steps[] = {&step_packages, &failing};

static int apply(size_t count, struct err *err)
{
	struct step_result results[2];
	struct run run = {.machine = &machine, .steps = steps, .count = count, .results = results};

	*err = (struct err){0};
	return run_apply(&run, err);
}

static int install(struct err *err)
{
	return apply(1, err);
}

static int uninstall(struct err *err)
{
	struct step_result results[1];
	struct run run = {.machine = &machine, .steps = steps, .count = 1, .results = results};

	*err = (struct err){0};
	return run_revert(&run, err);
}

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

/* All that was asked for since the last time, in order. */
static void assert_events(const char *expected)
{
	assert_string_equal(buf_text(&events), expected);
	buf_done(&events);
}

static void assert_record(const char *expected)
{
	AUTO_FREE char *text = scratch_text(&scratch, PACKAGES_PATH);

	assert_string_equal(text ?: "", expected);
}

static void assert_nothing_is_left(void)
{
	assert_false(fs_exists(&scratch.sys, REPO_DIR));
}

#define ASK_REPOSITORY "GET " URL "/InRelease\nGET " URL "/aadsshlogin.asc\nupdate\n"
#define DOWNLOAD "download aadsshlogin=" OUR_VERSION "\ninstall what was downloaded\n"
#define PLACE "https://packages.microsoft.com/repos/microsoft-debian-bookworm-prod"
#define ASK_MICROSOFT                                                                              \
	"GET " PLACE "/dists/bookworm/InRelease\n"                                                 \
	"GET https://packages.microsoft.com/keys/microsoft.asc\nupdate\n"
#define DOWNLOAD_THEIRS "download aadsshlogin\ninstall what was downloaded\n"

/* ---- a repository of our packages */

static void a_repository_serves_this_version_and_is_gone_again(void **state)
{
	struct err err;

	(void)state;
	from_repository("1:2.0.0.0 " OUR_VERSION);
	must(install(&err), &err);
	assert_events(ASK_REPOSITORY DOWNLOAD);
	assert_record("aadsshlogin\n");
	assert_nothing_is_left();
	must(install(&err), &err);
	assert_events("");
	must(uninstall(&err), &err);
	assert_events("purge aadsshlogin\n");
	assert_record("");
}

static void what_a_repository_must_have_is_this_version(void **state)
{
	/* clang-format off */
	static const struct {
		const char *offers, *message;
	} rows[] = {
		{NULL, URL " does not offer aadsshlogin"},
		{"1:0.9.0.0 1:0.8.0.0", URL " offers aadsshlogin up to 1:0.9.0.0, but not " OUR_VERSION},
		{"1.0.0.0", URL " offers aadsshlogin up to 1.0.0.0, but not " OUR_VERSION},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err;

		from_repository(rows[i].offers);
		assert_int_equal(install(&err), -ENODATA);
		assert_int_equal(err.outcome, EXIT_REPOSITORY);
		assert_string_equal(err.msg, rows[i].message);
		assert_events(ASK_REPOSITORY);
		assert_nothing_is_left();
		assert_record("");
	}
}

static void no_package_manager_runs_before_the_repository_answers(void **state)
{
	struct err err;

	(void)state;
	from_repository(OUR_VERSION);
	world.status = 404;
	assert_int_equal(install(&err), -EREMOTEIO);
	assert_int_equal(err.outcome, EXIT_REPOSITORY);
	assert_events("GET " URL "/InRelease\n");
	assert_nothing_is_left();
}

static void the_owners_key_proxy_and_token_count(void **state)
{
	struct err err;

	(void)state;
	from_repository(OUR_VERSION);
	settings.repository_url = (char *)(uintptr_t)URL "//";
	settings.repository_key_url = (char *)(uintptr_t) "https://keys.example/k.asc";
	settings.proxy = (char *)(uintptr_t) "http://p.example:1";
	settings.proxy_secret = (char *)(uintptr_t) "http://u:" TOKEN "@p.example:1";
	settings.repository_token = (char *)(uintptr_t)TOKEN;
	must(install(&err), &err);
	assert_events("GET " URL "/InRelease\nGET https://keys.example/k.asc\nupdate\n" DOWNLOAD);
	assert_string_equal(world.proxy, "http://u:" TOKEN "@p.example:1");
	assert_string_equal(world.login, ""); /* the key is on another host */
}

static void what_a_killed_run_left_is_taken_off_by_the_next(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&events);
	scratch_write(&scratch, REPO_DIR "/auth.conf", TOKEN, 0600);
	must(install(&err), &err);
	assert_events("");
	assert_nothing_is_left();
	scratch_write(&scratch, REPO_DIR "/auth.conf", TOKEN, 0600);
	must(uninstall(&err), &err);
	assert_nothing_is_left();
}

static void a_later_failure_takes_everything_back(void **state)
{
	struct err err;

	(void)state;
	from_repository(OUR_VERSION);
	assert_int_equal(apply(2, &err), -EIO);
	assert_string_equal(err.msg, "a later step failed");
	assert_events(ASK_REPOSITORY DOWNLOAD "purge aadsshlogin\n");
	assert_nothing_is_left();
	assert_record("");
}

static void a_package_that_does_not_install_leaves_no_repository(void **state)
{
	struct err err;

	(void)state;
	from_repository(OUR_VERSION);
	world.install_status = 1;
	assert_true(install(&err) < 0);
	assert_nothing_is_left();
	assert_record("");
}

static void without_a_program_that_reads_repositories_one_is_named(void **state)
{
	char path[128];
	struct err err;

	(void)state;
	from_repository(OUR_VERSION);
	(void)snprintf(path, sizeof(path), "%s/usr/bin/apt-get", scratch.dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(install(&err), -ENOPKG);
	assert_int_equal(err.outcome, EXIT_DEPENDENCY);
}

/* ---- Microsoft's */

static void microsofts_packages_come_from_where_the_tables_say(void **state)
{
	struct err err;

	(void)state;
	from_microsoft(THEIR_VERSION " 1.0.02");
	settings.repository_token = (char *)(uintptr_t)TOKEN;
	must(install(&err), &err);
	assert_events(ASK_MICROSOFT DOWNLOAD_THEIRS);
	assert_record("of microsoft\naadsshlogin\n");
	assert_string_equal(world.login, "");
	assert_nothing_is_left();
	set_version("1.0.099"); /* the owner's own update */
	must(install(&err), &err);
	assert_events("");
	must(uninstall(&err), &err);
	assert_events("purge aadsshlogin\n");
}

static void the_first_place_that_is_there_is_used(void **state)
{
	struct err err;

	(void)state;
	scratch_write(&scratch, "/etc/os-release", "ID=ol\nVERSION_ID=\"9.5\"\n", 0644);
	from_microsoft(THEIR_VERSION);
	world.only = "/rhel/9/prod";
	must(install(&err), &err);
	assert_events("GET https://packages.microsoft.com/ol/9/prod/InRelease\n"
		      "GET https://packages.microsoft.com/rhel/9/prod/InRelease\n"
		      "GET https://packages.microsoft.com/keys/microsoft.asc\n"
		      "update\n" DOWNLOAD_THEIRS);
}

static void where_no_place_is_there_the_first_is_named(void **state)
{
	struct err err;

	(void)state;
	scratch_write(&scratch, "/etc/os-release", "ID=ol\nVERSION_ID=\"9.5\"\n", 0644);
	from_microsoft(THEIR_VERSION);
	world.status = 403;
	assert_int_equal(install(&err), -EACCES);
	assert_non_null(strstr(err.msg, "/ol/9/prod/"));
	assert_int_equal(err.outcome, EXIT_REPOSITORY);
	buf_done(&events);
	/* Nobody there is nobody anywhere. */
	world.status = 0;
	assert_int_equal(install(&err), -ECONNREFUSED);
	assert_events("GET https://packages.microsoft.com/ol/9/prod/InRelease\n");
}

static void a_mirror_takes_the_place_of_microsofts_host(void **state)
{
	struct err err;

	(void)state;
	from_microsoft(THEIR_VERSION);
	settings.repository_url = (char *)(uintptr_t) "https://mirror.example/ms";
	settings.repository_token = (char *)(uintptr_t)TOKEN;
	must(install(&err), &err);
	assert_events("GET https://mirror.example/ms/repos/microsoft-debian-bookworm-prod/dists/"
		      "bookworm/InRelease\nGET https://mirror.example/ms/keys/microsoft.asc\n"
		      "update\n" DOWNLOAD_THEIRS);
	assert_string_equal(world.login, "token:" TOKEN);
}

static void a_distribution_without_a_place_is_told_so(void **state)
{
	struct err err;

	(void)state;
	scratch_write(&scratch, "/etc/os-release", "ID=linuxmint\nID_LIKE=ubuntu\n", 0644);
	from_microsoft(THEIR_VERSION);
	assert_int_equal(install(&err), -ENODATA);
	assert_int_equal(err.outcome, EXIT_SETTINGS);
	assert_events("");
}

static void their_packages_that_were_there_are_left_alone(void **state)
{
	struct err err;

	(void)state;
	from_microsoft(THEIR_VERSION);
	set_version("1.0.02");
	must(install(&err), &err);
	must(uninstall(&err), &err);
	assert_events("");
}

/* PAM lets nobody in, administrators neither, when it asks a module that is gone. */
static void their_packages_stay_while_pam_asks_them(void **state)
{
	struct err err;

	(void)state;
	from_microsoft(THEIR_VERSION);
	must(install(&err), &err);
	buf_done(&events);
	scratch_write(&scratch, "/etc/pam.d/sshd", "account required pam_aad.so\n", 0666);
	assert_int_equal(uninstall(&err), -EPERM);
	assert_non_null(strstr(err.msg, "/etc/pam.d/sshd"));
	assert_events("");
	assert_record("of microsoft\naadsshlogin\n");
	scratch_write(&scratch, "/etc/pam.d/sshd", "account required pam_aad.so\n", 0644);
	must(uninstall(&err), &err);
	assert_events("purge aadsshlogin\n");
	assert_record("");
}

static void ours_that_somebody_else_installed_are_in_the_way(void **state)
{
	struct err err;

	(void)state;
	from_microsoft(THEIR_VERSION);
	set_version(OUR_VERSION);
	assert_int_equal(install(&err), -EEXIST);
	assert_int_equal(err.outcome, EXIT_PACKAGE);
	assert_events("");
}

/* ---- from one to the other */

static void ours_go_once_microsofts_are_known_to_be_there(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&events);
	from_microsoft(THEIR_VERSION);
	must(install(&err), &err);
	assert_events(ASK_MICROSOFT "purge aadsshlogin\n" DOWNLOAD_THEIRS);
	assert_record("of microsoft\naadsshlogin\n");
	assert_string_equal(world.version, THEIR_VERSION);
	assert_nothing_is_left();
}

static void ours_stay_when_microsofts_cannot_be_had(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&events);
	from_microsoft(NULL);
	assert_int_equal(install(&err), -ENODATA);
	assert_events(ASK_MICROSOFT);
	assert_record("aadsshlogin\n");
	assert_string_equal(world.version, OUR_VERSION);
	assert_nothing_is_left();
}

static void microsofts_go_before_ours_come(void **state)
{
	struct err err;

	(void)state;
	from_microsoft(THEIR_VERSION);
	must(install(&err), &err);
	buf_done(&events);
	settings.package_source = PACKAGES_EMBEDDED;
	must(install(&err), &err);
	assert_events("purge aadsshlogin\ninstall /ext/" DEB "\n");
	assert_record("aadsshlogin\n");
	assert_string_equal(world.version, OUR_VERSION);
}

static void a_switch_that_was_killed_goes_on(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&events);
	/* Ours are gone, and what says so not yet. */
	set_version("");
	from_microsoft(THEIR_VERSION);
	must(install(&err), &err);
	assert_events(ASK_MICROSOFT DOWNLOAD_THEIRS);
	assert_record("of microsoft\naadsshlogin\n");
	/* Theirs are written down, and not there yet. */
	set_version("");
	must(install(&err), &err);
	assert_events(ASK_MICROSOFT DOWNLOAD_THEIRS);
}

static void a_repository_and_the_zip_are_the_same_product(void **state)
{
	struct err err;

	(void)state;
	must(install(&err), &err);
	buf_done(&events);
	from_repository(OUR_VERSION);
	must(install(&err), &err);
	assert_events("");
	(void)strcpy(world.version, "1:0.9.0.0");
	must(install(&err), &err);
	assert_events(ASK_REPOSITORY DOWNLOAD);
	settings.package_source = PACKAGES_EMBEDDED;
	must(install(&err), &err);
	assert_events("");
}

static void what_was_put_there_decides_how_it_goes(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(handler_source(&scratch.sys, &settings, WANT_ABSENT), PACKAGES_EMBEDDED);
	from_microsoft(THEIR_VERSION);
	assert_int_equal(handler_source(&scratch.sys, &settings, WANT_ABSENT), PACKAGES_MICROSOFT);
	must(install(&err), &err);
	settings.package_source = PACKAGES_EMBEDDED;
	assert_int_equal(handler_source(&scratch.sys, &settings, WANT_ABSENT), PACKAGES_MICROSOFT);
	assert_int_equal(handler_source(&scratch.sys, &settings, WANT_PRESENT), PACKAGES_EMBEDDED);
	must(install(&err), &err);
	settings.package_source = PACKAGES_MICROSOFT;
	assert_int_equal(handler_source(&scratch.sys, &settings, WANT_ABSENT), PACKAGES_EMBEDDED);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(a_repository_serves_this_version_and_is_gone_again),
		CASE(what_a_repository_must_have_is_this_version),
		CASE(no_package_manager_runs_before_the_repository_answers),
		CASE(the_owners_key_proxy_and_token_count),
		CASE(what_a_killed_run_left_is_taken_off_by_the_next),
		CASE(a_later_failure_takes_everything_back),
		CASE(a_package_that_does_not_install_leaves_no_repository),
		CASE(without_a_program_that_reads_repositories_one_is_named),
		CASE(microsofts_packages_come_from_where_the_tables_say),
		CASE(the_first_place_that_is_there_is_used),
		CASE(where_no_place_is_there_the_first_is_named),
		CASE(a_mirror_takes_the_place_of_microsofts_host),
		CASE(a_distribution_without_a_place_is_told_so),
		CASE(their_packages_that_were_there_are_left_alone),
		CASE(their_packages_stay_while_pam_asks_them),
		CASE(ours_that_somebody_else_installed_are_in_the_way),
		CASE(ours_go_once_microsofts_are_known_to_be_there),
		CASE(ours_stay_when_microsofts_cannot_be_had),
		CASE(microsofts_go_before_ours_come),
		CASE(a_switch_that_was_killed_goes_on),
		CASE(a_repository_and_the_zip_are_the_same_product),
		CASE(what_was_put_there_decides_how_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
