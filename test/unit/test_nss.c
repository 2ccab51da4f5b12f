/* SPDX-License-Identifier: MIT */
/*
 * The sources of libnss_aad.so.2 over a scratch tree: MODULE_ROOT is a link to it.  Whether the
 * caller is privileged is this test's to say.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/aadpasswd.h"
#include "lib/core/cleanup.h"
#include "lib/core/uid.h"
#include "payload/nss/caller.h"
#include "payload/nss/libnss_aad.h"
#include "test/unit/scratch.h"

#define OID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define ALICE "alice@contoso.com"
#define ALICE_ID 96865231
#define BOB "bob@contoso.com"
#define BOB_ID 50320355
#define ALICE_LINE ALICE ":" OID ":96865231:96865231:Alice A.:/home/" ALICE ":/bin/zsh\n"
#define BOB_LINE BOB ":" OID ":50320355:50320355::/home/" BOB ":/bin/bash\n"
#define EVE_LINE "eve@b.example:" OID ":70000:70000::/home/eve@b.example:/bin/bash\n"
#define UNTOUCHED 0x5a

static struct scratch scratch;
static bool privileged;

bool caller_privileged(void)
{
	return privileged;
}

/* As nscd does. */
static bool caching;

bool caller_caches(void)
{
	return caching;
}

/* Counted, to show what happens without any I/O: see -Wl,--wrap; FORTIFY calls the second. */
static int opened;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);

int __wrap_open(const char *path, int flags, ...)
{
	opened++;
	return __real_open(path, flags, 0600); /* the mode counts for new files only */
}

int __wrap___open_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

/* The configured machine with Alice's line, seen by root. */
static int open_scratch(void **state)
{
	(void)state;
	scratch_open(&scratch);
	(void)unlink(MODULE_ROOT);
	privileged = true;
	scratch_write(&scratch, "/etc/aadsshlogin.conf", "user_domains contoso.com\n", 0644);
	scratch_write(&scratch, "/etc/aadpasswd", ALICE_LINE, 0644);
	scratch_write(&scratch, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n", 0644);
	scratch_write(&scratch, "/etc/group", "root:x:0:\n", 0644);
	return symlink(scratch.dir, MODULE_ROOT);
}

static int done_scratch(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return unlink(MODULE_ROOT);
}

static void file(const char *path, const char *text)
{
	scratch_write(&scratch, path, text, 0644);
}

/* A query with its result, in a buffer that is large enough. */
struct answer {
	enum nss_status status;
	int error;
	struct passwd pw;
	struct group gr;
	char buffer[1024] __attribute__((aligned));
};

static const char *groups_of(const char *user);

static const struct answer *by_name(const char *name)
{
	static struct answer answer;

	answer = (struct answer){.status = NSS_STATUS_SUCCESS};
	answer.status = _nss_aad_getpwnam_r(name, &answer.pw, answer.buffer, sizeof(answer.buffer),
					    &answer.error);
	return &answer;
}

static const struct answer *by_uid(uid_t uid)
{
	static struct answer answer;

	answer = (struct answer){.status = NSS_STATUS_SUCCESS};
	answer.status = _nss_aad_getpwuid_r(uid, &answer.pw, answer.buffer, sizeof(answer.buffer),
					    &answer.error);
	return &answer;
}

static const struct answer *group_by_name(const char *name)
{
	static struct answer answer;

	answer = (struct answer){.status = NSS_STATUS_SUCCESS};
	answer.status = _nss_aad_getgrnam_r(name, &answer.gr, answer.buffer, sizeof(answer.buffer),
					    &answer.error);
	return &answer;
}

static const struct answer *group_by_gid(gid_t gid)
{
	static struct answer answer;

	answer = (struct answer){.status = NSS_STATUS_SUCCESS};
	answer.status = _nss_aad_getgrgid_r(gid, &answer.gr, answer.buffer, sizeof(answer.buffer),
					    &answer.error);
	return &answer;
}

/* An entry as a line of passwd. */
static void assert_entry(const struct answer *answer, const char *expected)
{
	const struct passwd *pw = &answer->pw;
	char line[1024];

	assert_int_equal(answer->status, NSS_STATUS_SUCCESS);
	(void)snprintf(line, sizeof(line), "%s:%s:%u:%u:%s:%s:%s", pw->pw_name, pw->pw_passwd,
		       pw->pw_uid, pw->pw_gid, pw->pw_gecos, pw->pw_dir, pw->pw_shell);
	assert_string_equal(line, expected);
}

static void assert_group(const struct answer *answer, const char *expected)
{
	const struct group *gr = &answer->gr;
	char line[1024];

	assert_int_equal(answer->status, NSS_STATUS_SUCCESS);
	(void)snprintf(line, sizeof(line), "%s:%s:%u:", gr->gr_name, gr->gr_passwd, gr->gr_gid);
	for (char **member = gr->gr_mem; *member; member++)
		(void)snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s%s",
			       member == gr->gr_mem ? "" : ",", *member);
	assert_string_equal(line, expected);
}

/* `!`: an sshd without PAM refuses it, pam_unix does not. */
static const char alice_entry[] = ALICE ":!:96865231:96865231:Alice A.:/home/" ALICE ":/bin/zsh";
static const char bob_entry[] = BOB ":!:50320355:50320355::/home/" BOB ":/bin/bash";

static const struct answer *next_user(size_t size)
{
	static struct answer answer;

	answer = (struct answer){.status = NSS_STATUS_SUCCESS};
	answer.status = _nss_aad_getpwent_r(&answer.pw, answer.buffer, size, &answer.error);
	return &answer;
}

static const struct answer *next_group(size_t size)
{
	static struct answer answer;

	answer = (struct answer){.status = NSS_STATUS_SUCCESS};
	answer.status = _nss_aad_getgrent_r(&answer.gr, answer.buffer, size, &answer.error);
	return &answer;
}

static void a_user_with_a_line_is_known_to_everybody(void **state)
{
	(void)state;
	privileged = false;
	assert_entry(by_name(ALICE), alice_entry);
	assert_entry(by_uid(ALICE_ID), alice_entry);
}

static void an_id_of_another_product_is_answered_outside_the_range(void **state)
{
	(void)state;
	file("/etc/aadpasswd", "ann@contoso.com:" OID ":1234567:1234567::/home/Ann:/bin/zsh\n");
	assert_entry(by_name("Ann@contoso.com"),
		     "ann@contoso.com:!:1234567:1234567::/home/Ann:/bin/zsh");
	assert_entry(by_uid(1234567), "ann@contoso.com:!:1234567:1234567::/home/Ann:/bin/zsh");
	assert_group(group_by_gid(1234567), "ann@contoso.com:*:1234567:");
}

static void names_are_found_in_any_case_and_answered_in_lower(void **state)
{
	(void)state;
	assert_entry(by_name("Alice@Contoso.COM"), alice_entry);
	assert_entry(by_name("BOB@contoso.com"), bob_entry);
}

static void root_is_told_of_a_user_whom_nobody_has_seen(void **state)
{
	(void)state;
	assert_entry(by_name(BOB), bob_entry);
	privileged = false;
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_NOTFOUND);
}

/* No home can have the name, see name.h; a line says where else it is. */
static void a_name_of_256_bytes_needs_a_line(void **state)
{
	char name[NAME_SIZE], text[1024];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + NAME_MAX_BYTES - strlen("@contoso.com"), "@contoso.com", 13);
	assert_int_equal(strlen(name), 256);
	assert_int_equal(by_name(name)->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(by_name(name + 1)->status, NSS_STATUS_SUCCESS);
	(void)snprintf(text, sizeof(text), "%s:" OID ":70000:70000::/home/x:/bin/sh\n", name);
	file("/etc/aadpasswd", text);
	assert_int_equal(by_name(name)->pw.pw_uid, 70000);
	assert_string_equal(by_uid(70000)->pw.pw_name, name);
	assert_string_equal(groups_of(name), "10000000 ");
}

static void a_service_principal_is_a_user_too(void **state)
{
	(void)state;
	assert_entry(by_name(OID), OID ":!:35800929:35800929::/home/" OID ":/bin/bash");
}

static void the_provisional_entry_is_the_line_that_will_be_written(void **state)
{
	char home[HOME_SIZE], line[AADPASSWD_LINE_MAX + 1];
	struct aad_user user;
	struct answer before;

	(void)state;
	before = *by_name(BOB);
	assert_int_equal(before.status, NSS_STATUS_SUCCESS);
	assert_true(aadpasswd_new(BOB, before.pw.pw_uid, SPAN_LIT("/home/%u"),
				  SPAN_LIT("/bin/bash"), home, &user));
	user.oid = SPAN_LIT(OID);
	assert_true(aadpasswd_format(&user, line, sizeof(line)));
	file("/etc/aadpasswd", line);
	assert_memory_equal(by_name(BOB)->buffer, before.buffer, sizeof(before.buffer));
}

static void settings_shape_the_provisional_entry(void **state)
{
	(void)state;
	file("/etc/aadsshlogin.conf",
	     "uid_range 65536-66559\nhome_template /srv/%u/h\nshell /bin/sh\n");
	assert_entry(by_name(BOB), BOB ":!:66051:66051::/srv/" BOB "/h:/bin/sh");
}

/* clang-format off */
static const struct taken {
	const char *name, *path, *text;
	int uid;
} takens[] = {
	{"the_uid_of_one_of_our_users", "/etc/aadpasswd",
	 "x@y.z:" OID ":50320355:50320355::/h:/s\n", BOB_ID + 1},
	{"the_uids_of_two_of_our_users", "/etc/aadpasswd",
	 "x@y.z:" OID ":50320356:50320356::/h:/s\nu@y.z:" OID ":50320355:50320355::/h:/s\n", BOB_ID + 2},
	{"the_uid_of_a_local_account", "/etc/passwd", "joe:x:50320355:100::/h:/s\n", BOB_ID + 1},
	{"the_gid_of_a_local_account", "/etc/passwd", "joe:x:1000:50320355::/h:/s\n", BOB_ID + 1},
	{"the_gid_of_a_local_group", "/etc/group", "staff:x:50320355:joe\n", BOB_ID + 1},
	{"a_uid_beside_it", "/etc/passwd", "joe:x:50320356:50320354::/h:/s\n", BOB_ID},
	{"odd_lines_of_passwd", "/etc/passwd", "+\n-joe::::::\n\nx:x:\n:::\nx:x:y:z\n", BOB_ID},
};
/* clang-format on */

static void is_passed(void **state)
{
	const struct taken *row = *state;

	file(row->path, row->text);
	assert_int_equal(by_name(BOB)->pw.pw_uid, row->uid);
}

static void when_all_candidates_are_taken_there_is_no_entry(void **state)
{
	char text[8192] = "";

	(void)state;
	for (unsigned i = 0; i < UID_PROBES; i++)
		(void)snprintf(text + strlen(text), 40, "g%u:x:%u:\n", i, BOB_ID + i);
	file("/etc/group", text);
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_NOTFOUND);
}

static void a_local_account_of_that_name_wins(void **state)
{
	(void)state;
	file("/etc/passwd", BOB ":x:1000:1000::/home/bob:/bin/bash\n");
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(by_name("Bob@contoso.com")->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(by_name("ob@contoso.com")->status, NSS_STATUS_SUCCESS);
}

static void other_domains_are_not_ours(void **state)
{
	(void)state;
	assert_int_equal(by_name("eve@b.example")->status, NSS_STATUS_NOTFOUND);
	file("/etc/aadpasswd", EVE_LINE); /* signed in before the setting was changed */
	assert_int_equal(by_name("eve@b.example")->status, NSS_STATUS_SUCCESS);
}

static void an_unconfigured_machine_knows_only_the_users_it_has(void **state)
{
	static const char *const wrong[] = {"uid_range 0-99999\n", "user_domains CONTOSO\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		file("/etc/aadsshlogin.conf", wrong[i]);
		assert_int_equal(by_name(BOB)->status, NSS_STATUS_NOTFOUND);
		assert_entry(by_name(ALICE), alice_entry);
	}
	scratch_write(&scratch, "/etc/aadsshlogin.conf", "", 0666);
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(unlink(MODULE_ROOT "/etc/aadsshlogin.conf"), 0);
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(group_by_name("aad_users")->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(group_by_name("aad_admins")->status, NSS_STATUS_NOTFOUND);
	assert_entry(by_name(ALICE), alice_entry);
}

static void the_first_user_of_all_needs_no_file(void **state)
{
	(void)state;
	assert_int_equal(unlink(MODULE_ROOT "/etc/aadpasswd"), 0);
	assert_int_equal(unlink(MODULE_ROOT "/etc/passwd"), 0);
	assert_int_equal(unlink(MODULE_ROOT "/etc/group"), 0);
	assert_entry(by_name(BOB), bob_entry);
	assert_int_equal(by_uid(BOB_ID)->status, NSS_STATUS_NOTFOUND);
}

/* A provisional entry could differ from a line that cannot be seen. */
static void nobody_is_answered_for_from_a_file_that_cannot_be_trusted(void **state)
{
	(void)state;
	scratch_write(&scratch, "/etc/aadpasswd", ALICE_LINE, 0666);
	assert_int_equal(by_name(ALICE)->status, NSS_STATUS_UNAVAIL);
	assert_int_equal(by_name(ALICE)->error, EPERM);
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_UNAVAIL);
	assert_int_equal(by_uid(ALICE_ID)->status, NSS_STATUS_UNAVAIL);
	assert_int_equal(group_by_name(ALICE)->status, NSS_STATUS_UNAVAIL);
	assert_int_equal(unlink(MODULE_ROOT "/etc/aadpasswd"), 0);
	assert_int_equal(mkfifo(MODULE_ROOT "/etc/aadpasswd", 0644), 0);
	assert_int_equal(by_name(ALICE)->status, NSS_STATUS_UNAVAIL);
}

static void a_passwd_file_that_cannot_be_read_gives_no_provisional_entry(void **state)
{
	(void)state;
	assert_int_equal(unlink(MODULE_ROOT "/etc/group"), 0);
	assert_int_equal(mkdir(MODULE_ROOT "/etc/group", 0755), 0);
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_UNAVAIL);
	assert_entry(by_name(ALICE), alice_entry);
	assert_int_equal(unlink(MODULE_ROOT "/etc/passwd"), 0);
	assert_int_equal(mkdir(MODULE_ROOT "/etc/passwd", 0755), 0);
	assert_int_equal(by_name(BOB)->status, NSS_STATUS_UNAVAIL);
}

/* It would make its user an administrator by the primary group. */
static void a_line_with_a_reserved_id_is_not_used(void **state)
{
	(void)state;
	file("/etc/aadpasswd", "eve@contoso.com:" OID ":10000001:10000001::/h:/s\n" ALICE_LINE);
	assert_int_equal(by_name("eve@contoso.com")->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(by_uid(10000001)->status, NSS_STATUS_NOTFOUND);
	assert_group(group_by_gid(10000001), "aad_admins:*:10000001:");
	(void)_nss_aad_setpwent(0);
	assert_entry(next_user(1024), alice_entry);
	(void)_nss_aad_endpwent();
}

static void names_and_ids_of_others_end_before_any_io(void **state)
{
	static const char *const names[] = {"root",
					    "",
					    "joe",
					    "adm",
					    "+",
					    "joe@corp",
					    "aad_users2@",
					    "-x@contoso.com",
					    "a:b@contoso.com",
					    "x@y.z\n"};
	static const uint32_t ids[] = {0, 1000, 65534, 65535, 2147483648, UINT32_MAX};
	gid_t *gids = NULL;
	long start = 0, size = 0;

	(void)state;
	opened = 0;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int error;

		assert_int_equal(by_name(names[i])->status, NSS_STATUS_NOTFOUND);
		assert_int_equal(group_by_name(names[i])->status, NSS_STATUS_NOTFOUND);
		assert_int_equal(
			_nss_aad_initgroups_dyn(names[i], 0, &start, &size, &gids, 0, &error),
			NSS_STATUS_NOTFOUND);
	}
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		assert_int_equal(by_uid(ids[i])->status, NSS_STATUS_NOTFOUND);
		assert_int_equal(group_by_gid(ids[i])->status, NSS_STATUS_NOTFOUND);
	}
	assert_int_equal(opened, 0);
	(void)by_name(ALICE);
	assert_int_equal(opened, 3); /* settings, the index that is not there, the text */
}

/* Every size that is too small says so and leaves the bytes behind the buffer alone. */
static void a_short_passwd_buffer_is_told_at_every_size(void **state)
{
	size_t need = strlen(ALICE) + strlen("!") + strlen("Alice A.") + strlen("/home/" ALICE) +
		      strlen("/bin/zsh") + 5;

	(void)state;
	for (size_t size = 0; size <= need; size++) {
		char buffer[256];
		struct passwd pw = {.pw_uid = 7};
		enum nss_status status;
		int error = 0;

		memset(buffer, UNTOUCHED, sizeof(buffer));
		status = _nss_aad_getpwnam_r(ALICE, &pw, buffer, size, &error);
		assert_int_equal(status, size < need ? NSS_STATUS_TRYAGAIN : NSS_STATUS_SUCCESS);
		assert_int_equal(error, size < need ? ERANGE : 0);
		assert_int_equal(pw.pw_uid, size < need ? 7 : ALICE_ID);
		for (size_t i = size; i < sizeof(buffer); i++)
			assert_int_equal(buffer[i], UNTOUCHED);
	}
}

static void a_short_group_buffer_is_told_at_every_size_and_alignment(void **state)
{
	static const char expected[] = "aad_admins:*:10000001:" BOB "," ALICE;

	(void)state;
	file("/etc/aadadmins", ALICE "\n" BOB "\n");
	for (size_t odd = 0; odd < sizeof(char *); odd++) {
		bool fits = false;

		for (size_t size = 0; size < 128; size++) {
			char space[256] __attribute__((aligned));
			struct answer answer = {.error = 0};

			memset(space, UNTOUCHED, sizeof(space));
			answer.status = _nss_aad_getgrnam_r("aad_admins", &answer.gr, space + odd,
							    size, &answer.error);
			for (size_t i = 0; i < sizeof(space); i++)
				if (i < odd || i >= odd + size)
					assert_int_equal(space[i], UNTOUCHED);
			if (answer.status != NSS_STATUS_SUCCESS) {
				assert_int_equal(answer.status, NSS_STATUS_TRYAGAIN);
				assert_int_equal(answer.error, ERANGE);
				assert_false(fits);
				continue;
			}
			fits = true;
			assert_int_equal((uintptr_t)answer.gr.gr_mem % _Alignof(char *), 0);
			assert_group(&answer, expected);
		}
		assert_true(fits);
	}
}

static void errno_is_kept(void **state)
{
	(void)state;
	errno = 4711;
	(void)by_name(ALICE);
	(void)by_name(BOB);
	(void)by_name("nobody@b.example");
	(void)by_uid(70000);
	(void)group_by_name("aad_admins"); /* there is no list yet */
	assert_int_equal(errno, 4711);
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static void no_descriptor_stays_open(void **state)
{
	int before = open_descriptors();
	struct answer answer;

	(void)state;
	file("/etc/aadadmins", ALICE "\n");
	(void)by_name(ALICE);
	(void)by_name(BOB);
	(void)by_name("nobody@b.example");
	(void)by_uid(ALICE_ID);
	(void)group_by_name("aad_admins");
	(void)_nss_aad_setpwent(1);
	(void)_nss_aad_getpwent_r(&answer.pw, answer.buffer, sizeof(answer.buffer), &answer.error);
	(void)_nss_aad_getpwent_r(&answer.pw, answer.buffer, 1, &answer.error);
	(void)_nss_aad_setgrent(1);
	(void)_nss_aad_getgrent_r(&answer.gr, answer.buffer, sizeof(answer.buffer), &answer.error);
	scratch_write(&scratch, "/etc/aadpasswd", ALICE_LINE, 0666);
	(void)by_name(ALICE);
	assert_int_equal(open_descriptors(), before);
}

static void users_are_listed_and_short_buffers_lose_none(void **state)
{
	(void)state;
	file("/etc/aadpasswd", "garbage\n" ALICE_LINE "\nx:y\n" BOB_LINE "cut@contoso.com:" OID);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(_nss_aad_setpwent(0), NSS_STATUS_SUCCESS);
		assert_int_equal(next_user(20)->status, NSS_STATUS_TRYAGAIN);
		assert_entry(next_user(1024), alice_entry);
		assert_int_equal(next_user(0)->error, ERANGE);
		assert_entry(next_user(1024), bob_entry);
		assert_int_equal(next_user(1024)->status, NSS_STATUS_NOTFOUND);
		assert_int_equal(next_user(1024)->status, NSS_STATUS_NOTFOUND);
	}
	assert_int_equal(_nss_aad_endpwent(), NSS_STATUS_SUCCESS);
	assert_entry(next_user(1024), alice_entry);
	(void)_nss_aad_endpwent();
}

/* Never half a line, wherever the new file has its lines. */
static void a_listing_goes_on_in_a_file_that_was_replaced(void **state)
{
	(void)state;
	file("/etc/aadpasswd", EVE_LINE BOB_LINE);
	(void)_nss_aad_setpwent(0);
	assert_int_equal(next_user(1024)->pw.pw_uid, 70000);
	file("/etc/aadpasswd", EVE_LINE ALICE_LINE BOB_LINE);
	assert_entry(next_user(1024), alice_entry);
	file("/etc/aadpasswd", "zz@y.z:" OID ":70001:70001::/h:/s\n" EVE_LINE ALICE_LINE BOB_LINE);
	assert_entry(next_user(1024), bob_entry);
	file("/etc/aadpasswd", "");
	assert_int_equal(next_user(1024)->status, NSS_STATUS_NOTFOUND);
	file("/etc/aadpasswd", EVE_LINE ALICE_LINE);
	(void)_nss_aad_setpwent(0);
	assert_int_equal(next_user(1024)->pw.pw_uid, 70000);
	/* One byte less before Alice: what is left of her line would be somebody else's. */
	file("/etc/aadpasswd", "ve@b.example:" OID
			       ":70000:70000::/home/eve@b.example:/bin/bash\n" ALICE_LINE BOB_LINE);
	assert_entry(next_user(1024), bob_entry);
	(void)_nss_aad_endpwent();
}

static void groups_are_listed(void **state)
{
	(void)state;
	file("/etc/aadadmins", ALICE "\n");
	(void)_nss_aad_setgrent(0);
	assert_int_equal(next_group(3)->error, ERANGE);
	assert_group(next_group(1024), "aad_users:*:10000000:");
	assert_int_equal(next_group(16)->error, ERANGE);
	assert_group(next_group(1024), "aad_admins:*:10000001:" ALICE);
	assert_int_equal(next_group(3)->error, ERANGE);
	assert_group(next_group(1024), ALICE ":*:96865231:");
	assert_int_equal(next_group(1024)->status, NSS_STATUS_NOTFOUND);
	(void)_nss_aad_endgrent();
	assert_group(next_group(1024), "aad_users:*:10000000:");
	(void)_nss_aad_endgrent();
}

static void groups_are_found_by_name_and_id(void **state)
{
	(void)state;
	assert_group(group_by_name("aad_users"), "aad_users:*:10000000:");
	assert_group(group_by_gid(10000000), "aad_users:*:10000000:");
	assert_group(group_by_name("aad_admins"), "aad_admins:*:10000001:");
	assert_group(group_by_gid(10000001), "aad_admins:*:10000001:");
	assert_group(group_by_name(ALICE), ALICE ":*:96865231:");
	assert_group(group_by_gid(ALICE_ID), ALICE ":*:96865231:");
	assert_group(group_by_name(BOB), BOB ":*:50320355:");
	assert_int_equal(group_by_gid(BOB_ID)->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(group_by_gid(10000002)->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(group_by_name("aad_others")->status, NSS_STATUS_NOTFOUND);
	privileged = false;
	assert_int_equal(group_by_name(BOB)->status, NSS_STATUS_NOTFOUND);
}

static void groups_follow_the_settings(void **state)
{
	(void)state;
	file("/etc/aadsshlogin.conf", "uid_range 65536-66559\nadmin_group aad_ops\n");
	file("/etc/aadadmins", ALICE "\n");
	assert_group(group_by_name("aad_users"), "aad_users:*:65536:");
	assert_group(group_by_name("aad_ops"), "aad_ops:*:65537:" ALICE);
	assert_group(group_by_gid(65537), "aad_ops:*:65537:" ALICE);
	assert_int_equal(group_by_name("aad_admins")->status, NSS_STATUS_NOTFOUND);
	assert_int_equal(group_by_gid(10000001)->status, NSS_STATUS_NOTFOUND);
}

static void only_whole_names_are_administrators(void **state)
{
	(void)state;
	file("/etc/aadadmins", "root\n\n" ALICE "\nA@b.c\n" BOB);
	assert_group(group_by_name("aad_admins"), "aad_admins:*:10000001:" ALICE);
	scratch_write(&scratch, "/etc/aadadmins", ALICE "\n", 0666);
	assert_int_equal(group_by_name("aad_admins")->status, NSS_STATUS_UNAVAIL);
}

/* The supplementary groups as text, "-" when the user is not found. */
static const char *groups_besides(const char *user, gid_t primary)
{
	static char text[128];
	long start = 1, size = 1;
	gid_t *gids = malloc(sizeof(*gids));
	int error = 0;
	enum nss_status status;

	assert_non_null(gids);
	gids[0] = primary; /* glibc has put it there */
	status = _nss_aad_initgroups_dyn(user, primary, &start, &size, &gids, 0, &error);
	assert_int_equal(gids[0], primary);
	assert_true(start <= size);
	text[0] = '\0';
	for (long i = 1; i < start; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", gids[i]);
	if (status == NSS_STATUS_NOTFOUND)
		(void)snprintf(text, sizeof(text), "-");
	else if (status != NSS_STATUS_SUCCESS)
		(void)snprintf(text, sizeof(text), "error %d", error);
	free(gids);
	return text;
}

/* With the primary group of the user's own entry. */
static const char *groups_of(const char *user)
{
	const struct answer *answer = by_name(user);

	return groups_besides(user, answer->status == NSS_STATUS_SUCCESS ? answer->pw.pw_gid : 100);
}

static void every_user_is_in_the_group_of_all_users(void **state)
{
	(void)state;
	assert_string_equal(groups_of(ALICE), "10000000 ");
	assert_string_equal(groups_of(BOB), "10000000 ");
	privileged = false;
	assert_string_equal(groups_of(ALICE), "10000000 ");
	assert_string_equal(groups_of(BOB), "-");
}

static void administrators_are_in_their_group_before_the_first_login_too(void **state)
{
	(void)state;
	file("/etc/aadadmins", BOB "\n" ALICE "\n");
	assert_string_equal(groups_of(ALICE), "10000000 10000001 ");
	assert_string_equal(groups_of("Alice@Contoso.com"), "10000000 10000001 ");
	assert_string_equal(groups_of(BOB), "10000000 10000001 ");
	assert_string_equal(groups_of("lice@contoso.com"), "10000000 ");
}

static void a_local_account_gets_none_of_our_groups(void **state)
{
	(void)state;
	file("/etc/aadadmins", ALICE "\n");
	file("/etc/passwd", ALICE ":x:1000:1000::/home/alice:/bin/bash\n");
	assert_string_equal(groups_of(ALICE), "-");
	file("/etc/passwd", "Alice@Contoso.com:x:1000:1000::/home/alice:/bin/bash\n");
	assert_string_equal(groups_of("Alice@Contoso.com"), "-");
	assert_string_equal(groups_of(ALICE), "10000000 10000001 ");
}

static void another_sources_account_gets_none_of_our_groups(void **state)
{
	(void)state;
	file("/etc/aadadmins", ALICE "\n");
	assert_string_equal(groups_besides(ALICE, 5000), "-");
	assert_string_equal(groups_besides(ALICE, 0), "-");
	assert_string_equal(groups_besides(ALICE, ALICE_ID), "10000000 10000001 ");
}

static void nscd_asks_without_a_primary_group(void **state)
{
	(void)state;
	assert_string_equal(groups_besides(ALICE, (gid_t)-1), "10000000 ");
}

static void a_user_of_another_domain_gets_no_groups(void **state)
{
	(void)state;
	file("/etc/aadpasswd", EVE_LINE);
	file("/etc/aadadmins", "eve@b.example\n");
	assert_string_equal(groups_of("eve@b.example"), "-");
	assert_int_equal(unlink(MODULE_ROOT "/etc/aadsshlogin.conf"), 0);
	assert_string_equal(groups_of("eve@b.example"), "-");
}

static void groups_are_unknown_when_a_file_is_not_trusted(void **state)
{
	(void)state;
	scratch_write(&scratch, "/etc/aadadmins", ALICE "\n", 0666);
	assert_string_equal(groups_of(ALICE), "error 1");
}

static void groups_stop_at_the_limit(void **state)
{
	long start = 1, size = 1;
	gid_t *gids = calloc(1, sizeof(*gids));
	int error = 0;

	(void)state;
	file("/etc/aadadmins", ALICE "\n");
	assert_int_equal(_nss_aad_initgroups_dyn(ALICE, ALICE_ID, &start, &size, &gids, 2, &error),
			 NSS_STATUS_SUCCESS);
	assert_int_equal(start, 2);
	assert_int_equal(size, 2);
	assert_int_equal(gids[1], 10000000);
	free(gids);
}

/* See -Wl,--wrap=realloc. */
static bool no_memory;

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_realloc(void *old, size_t size)
{
	return no_memory ? NULL : __real_realloc(old, size);
}

static void missing_memory_for_groups_is_told(void **state)
{
	(void)state;
	no_memory = true;
	assert_string_equal(groups_of(ALICE), "error 12");
	no_memory = false;
}

/* Whatever is left of a file, an entry is the whole one or none. */
static void a_file_cut_anywhere_gives_whole_entries_only(void **state)
{
	static const char text[] = ALICE_LINE BOB_LINE;

	(void)state;
	privileged = false;
	for (size_t len = 0; len < sizeof(text); len++) {
		char cut[sizeof(text)];
		bool alice = len >= sizeof(ALICE_LINE) - 1, bob = len == sizeof(text) - 1;

		memcpy(cut, text, len);
		cut[len] = '\0';
		file("/etc/aadpasswd", cut);
		if (alice)
			assert_entry(by_name(ALICE), alice_entry);
		else
			assert_int_equal(by_name(ALICE)->status, NSS_STATUS_NOTFOUND);
		assert_int_equal(by_uid(BOB_ID)->status,
				 bob ? NSS_STATUS_SUCCESS : NSS_STATUS_NOTFOUND);
	}
}

/* While the file is replaced over and over, eight threads only ever see Alice as she is. */
static volatile bool stop;

static void *look_her_up(void *arg)
{
	size_t *wrong = arg;
	char buffer[512];

	while (!stop) {
		struct passwd pw;
		int error;

		if (_nss_aad_getpwnam_r(ALICE, &pw, buffer, sizeof(buffer), &error) !=
			    NSS_STATUS_SUCCESS ||
		    pw.pw_uid != ALICE_ID || strcmp(pw.pw_gecos, "Alice A.") != 0)
			++*wrong;
		if (_nss_aad_getpwuid_r(ALICE_ID, &pw, buffer, sizeof(buffer), &error) !=
			    NSS_STATUS_SUCCESS ||
		    strcmp(pw.pw_name, ALICE) != 0)
			++*wrong;
	}
	return NULL;
}

static void threads_see_whole_entries_while_the_file_is_replaced(void **state)
{
	static const char *const texts[] = {ALICE_LINE BOB_LINE, EVE_LINE ALICE_LINE};
	size_t wrong[8] = {0};
	pthread_t threads[8];

	(void)state;
	stop = false;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_her_up, &wrong[i]), 0);
	for (int i = 0; i < 500; i++) {
		scratch_write(&scratch, "/etc/aadpasswd.new", texts[i % 2], 0644);
		assert_int_equal(
			rename(MODULE_ROOT "/etc/aadpasswd.new", MODULE_ROOT "/etc/aadpasswd"), 0);
	}
	stop = true;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(wrong[i], 0);
	}
}

/* Sanitizers need more than that. */
#ifndef __SANITIZE_ADDRESS__
static void the_smallest_stack_of_a_thread_is_enough(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;
	size_t wrong = 0;

	(void)state;
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN)),
			 0);
	stop = false;
	assert_int_equal(pthread_create(&thread, &attr, look_her_up, &wrong), 0);
	(void)usleep(20000);
	stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(wrong, 0);
	(void)pthread_attr_destroy(&attr);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, done_scratch)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_user_with_a_line_is_known_to_everybody),
		TEST(an_id_of_another_product_is_answered_outside_the_range),
		TEST(names_are_found_in_any_case_and_answered_in_lower),
		TEST(root_is_told_of_a_user_whom_nobody_has_seen),
		TEST(a_name_of_256_bytes_needs_a_line),
		TEST(a_service_principal_is_a_user_too),
		TEST(the_provisional_entry_is_the_line_that_will_be_written),
		TEST(settings_shape_the_provisional_entry),
		TEST(when_all_candidates_are_taken_there_is_no_entry),
		TEST(a_local_account_of_that_name_wins),
		TEST(other_domains_are_not_ours),
		TEST(an_unconfigured_machine_knows_only_the_users_it_has),
		TEST(the_first_user_of_all_needs_no_file),
		TEST(nobody_is_answered_for_from_a_file_that_cannot_be_trusted),
		TEST(a_passwd_file_that_cannot_be_read_gives_no_provisional_entry),
		TEST(a_line_with_a_reserved_id_is_not_used),
		TEST(names_and_ids_of_others_end_before_any_io),
		TEST(a_short_passwd_buffer_is_told_at_every_size),
		TEST(a_short_group_buffer_is_told_at_every_size_and_alignment),
		TEST(errno_is_kept),
		TEST(no_descriptor_stays_open),
		TEST(users_are_listed_and_short_buffers_lose_none),
		TEST(a_listing_goes_on_in_a_file_that_was_replaced),
		TEST(groups_are_listed),
		TEST(groups_are_found_by_name_and_id),
		TEST(groups_follow_the_settings),
		TEST(only_whole_names_are_administrators),
		TEST(every_user_is_in_the_group_of_all_users),
		TEST(administrators_are_in_their_group_before_the_first_login_too),
		TEST(a_local_account_gets_none_of_our_groups),
		TEST(another_sources_account_gets_none_of_our_groups),
		TEST(nscd_asks_without_a_primary_group),
		TEST(a_user_of_another_domain_gets_no_groups),
		TEST(groups_are_unknown_when_a_file_is_not_trusted),
		TEST(groups_stop_at_the_limit),
		TEST(missing_memory_for_groups_is_told),
		TEST(a_file_cut_anywhere_gives_whole_entries_only),
		TEST(threads_see_whole_entries_while_the_file_is_replaced),
#ifndef __SANITIZE_ADDRESS__
		TEST(the_smallest_stack_of_a_thread_is_enough),
#endif
	};
	struct CMUnitTest rows[ARRAY_LEN(takens)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(takens); i++)
		rows[i] = (struct CMUnitTest){.name = takens[i].name,
					      .test_func = is_passed,
					      .setup_func = open_scratch,
					      .teardown_func = done_scratch,
					      .initial_state = (void *)(uintptr_t)&takens[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("ids that are somebody's", rows, NULL, NULL);
}
