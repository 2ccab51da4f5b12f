/* SPDX-License-Identifier: MIT */
/*
 * libnss_aad.so.2 with an index, over a scratch tree as in test_nss.c.  What a process keeps is its
 * own, so each test is a process of its own.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/aadindexmake.h"
#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"
#include "payload/nss/caller.h"
#include "payload/nss/copy.h"
#include "payload/nss/libnss_aad.h"
#include "test/unit/scratch.h"

#define OID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define ALICE "alice@contoso.com"
#define ALICE_ID 96865231
#define ALICE_LINE ALICE ":" OID ":96865231:96865231:Alice A.:/home/" ALICE ":/bin/zsh\n"
#define BOB "bob@contoso.com"
#define BOB_ID 50320355 /* by his name; his line has another */
#define BOB_LINE BOB ":" OID ":50320999:50320999::/home/" BOB ":/bin/bash\n"
#define EVE_LINE "eve@b.example:" OID ":70000:70000::/home/eve@b.example:/bin/bash\n"
#define ENOUGH 64 /* lookups after which there is a copy, if there is to be one */
#define PATH(path) MODULE_ROOT path

static struct scratch scratch;
static bool privileged, caching;

bool caller_privileged(void)
{
	return privileged;
}

bool caller_caches(void)
{
	return caching;
}

/* ---- what the module calls, counted, refused, or held up: see -Wl,--wrap */

static int opened;
static bool no_memory;
static bool hold_open, hold_lstat; /* the next caller stays there for ever */
static bool held;

static void hold(bool *which)
{
	if (!*which)
		return;
	*which = false;
	__atomic_store_n(&held, true, __ATOMIC_RELEASE);
	for (;;)
		(void)pause();
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __real_lstat(const char *path, struct stat *ret);
int __wrap_lstat(const char *path, struct stat *ret);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset);

int __wrap_open(const char *path, int flags, ...)
{
	__atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
	hold(&hold_open);
	return __real_open(path, flags, 0600);
}

int __wrap___open_2(const char *path, int flags)
{
	return __wrap_open(path, flags);
}

int __wrap_lstat(const char *path, struct stat *ret)
{
	hold(&hold_lstat);
	return __real_lstat(path, ret);
}

/* What lstat was until glibc 2.33. */
#if defined(__GLIBC__) && !__GLIBC_PREREQ(2, 33)
int __real___lxstat(int version, const char *path, struct stat *ret);
int __wrap___lxstat(int version, const char *path, struct stat *ret);

int __wrap___lxstat(int version, const char *path, struct stat *ret)
{
	hold(&hold_lstat);
	return __real___lxstat(version, path, ret);
}
#endif

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
	assert_int_equal(fd, -1); /* no file is ever mapped */
	return no_memory ? MAP_FAILED : __real_mmap(at, len, prot, flags, fd, offset);
}

/* ---- a test is a child process */

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static pid_t start(void (*body)(void))
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(60); /* whoever hangs dies */
		body();
		_exit(0);
	}
	return pid;
}

static bool ends_well(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void write_text(const char *text)
{
	scratch_write(&scratch, AADPASSWD_PATH ".new", text, 0644);
	CHECK(rename(PATH("/etc/aadpasswd.new"), PATH("/etc/aadpasswd")) == 0);
}

static void publish(const char *text)
{
	struct err err = {0};

	write_text(text);
	CHECK(userindex_publish(&scratch.sys, &err) == 0);
}

static int open_scratch(void **state)
{
	(void)state;
	scratch_open(&scratch);
	(void)unlink(MODULE_ROOT);
	scratch_write(&scratch, "/etc/aadsshlogin.conf", "user_domains contoso.com\n", 0644);
	scratch_write(&scratch, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n", 0644);
	scratch_write(&scratch, "/etc/group", "root:x:0:\n", 0644);
	if (symlink(scratch.dir, MODULE_ROOT) < 0)
		return -1;
	publish(ALICE_LINE EVE_LINE);
	return 0;
}

static int done_scratch(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return unlink(MODULE_ROOT);
}

static void wait_for_check(void)
{
	(void)usleep((COPY_CHECK_MS + 50) * 1000);
}

/* ---- looking up */

static _Thread_local enum nss_status last;

/* The uid of a name, 0 when it has none. */
static uid_t uid_of(const char *name)
{
	char buffer[1024];
	struct passwd pw;
	int error;
	enum nss_status status = _nss_aad_getpwnam_r(name, &pw, buffer, sizeof(buffer), &error);

	last = status;
	return status == NSS_STATUS_SUCCESS ? pw.pw_uid : 0;
}

static bool is_alice_by_uid(void)
{
	char buffer[1024];
	struct passwd pw;
	int error;

	return _nss_aad_getpwuid_r(ALICE_ID, &pw, buffer, sizeof(buffer), &error) ==
		       NSS_STATUS_SUCCESS &&
	       strcmp(pw.pw_name, ALICE) == 0 && strcmp(pw.pw_gecos, "Alice A.") == 0 &&
	       strcmp(pw.pw_dir, "/home/" ALICE) == 0 && strcmp(pw.pw_shell, "/bin/zsh") == 0 &&
	       pw.pw_uid == ALICE_ID && pw.pw_gid == ALICE_ID;
}

static enum nss_status group(const char *name, gid_t *ret)
{
	char buffer[1024] __attribute__((aligned));
	struct group gr;
	int error;
	enum nss_status status = _nss_aad_getgrnam_r(name, &gr, buffer, sizeof(buffer), &error);

	*ret = status == NSS_STATUS_SUCCESS ? gr.gr_gid : 0;
	return status;
}

static enum nss_status group_of(gid_t gid)
{
	char buffer[1024] __attribute__((aligned));
	struct group gr;
	int error;

	return _nss_aad_getgrgid_r(gid, &gr, buffer, sizeof(buffer), &error);
}

static void ask_often(void)
{
	for (int i = 0; i < ENOUGH; i++)
		CHECK(uid_of(ALICE) == ALICE_ID);
}

/* Does a lookup of Alice open files? */
static bool asks_files(void)
{
	int before = opened;

	CHECK(uid_of(ALICE) == ALICE_ID);
	return opened != before;
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

/* ---- the tests */

static void who_asks_seldom_reads_the_index(void)
{
	CHECK(asks_files());
	CHECK(is_alice_by_uid());
	CHECK(uid_of("eve@b.example") == 70000);
	CHECK(uid_of("nobody@contoso.com") == 0 && last == NSS_STATUS_NOTFOUND);
	CHECK(asks_files());
}

static void who_asks_often_opens_nothing_any_more(void)
{
	gid_t gid;
	int before;

	ask_often();
	before = opened;
	for (int i = 0; i < 1000; i++) {
		CHECK(uid_of("Alice@Contoso.com") == ALICE_ID);
		CHECK(uid_of("nobody@contoso.com") == 0 && last == NSS_STATUS_NOTFOUND);
		CHECK(uid_of("nobody@b.example") == 0 && last == NSS_STATUS_NOTFOUND);
		CHECK(is_alice_by_uid());
		CHECK(group(ALICE, &gid) == NSS_STATUS_SUCCESS && gid == ALICE_ID);
		CHECK(group("x@contoso.com", &gid) == NSS_STATUS_NOTFOUND);
		CHECK(group("aad_users", &gid) == NSS_STATUS_SUCCESS && gid == 10000000);
		CHECK(group("aad_others", &gid) == NSS_STATUS_NOTFOUND);
		CHECK(group_of(ALICE_ID) == NSS_STATUS_SUCCESS);
		CHECK(group_of(ALICE_ID + 1) == NSS_STATUS_NOTFOUND);
		CHECK(group_of(10000000) == NSS_STATUS_SUCCESS);
	}
	CHECK(opened == before);
}

static void errno_stays_and_no_descriptor(void)
{
	int before = open_descriptors();

	errno = 4711;
	ask_often();
	(void)uid_of("nobody@contoso.com");
	CHECK(errno == 4711);
	CHECK(open_descriptors() == before);
}

static void nscd_always_asks_the_files(void)
{
	caching = true;
	ask_often();
	CHECK(asks_files());
	publish(EVE_LINE);
	CHECK(uid_of(ALICE) == 0 && last == NSS_STATUS_NOTFOUND);
	publish(EVE_LINE ALICE_LINE);
	CHECK(uid_of(ALICE) == ALICE_ID);
}

static void a_change_is_seen_soon(void)
{
	ask_often();
	publish(EVE_LINE BOB_LINE);
	wait_for_check();
	CHECK(uid_of(ALICE) == 0 && last == NSS_STATUS_NOTFOUND);
	CHECK(uid_of(BOB) == 50320999);
	publish(ALICE_LINE);
	ask_often(); /* and who asks often has a copy again */
	CHECK(!asks_files());
}

static void a_text_newer_than_its_index_answers(void)
{
	ask_often();
	write_text(BOB_LINE ALICE_LINE);
	wait_for_check();
	CHECK(uid_of(BOB) == 50320999);
	CHECK(uid_of("eve@b.example") == 0 && last == NSS_STATUS_NOTFOUND);
	CHECK(asks_files());
}

static void a_text_that_went_takes_its_users_along(void)
{
	ask_often();
	CHECK(unlink(PATH("/etc/aadpasswd")) == 0);
	wait_for_check();
	CHECK(uid_of(ALICE) == 0 && last == NSS_STATUS_NOTFOUND);
}

static void a_text_that_others_can_write_is_believed_no_longer(void)
{
	ask_often();
	CHECK(chmod(PATH("/etc/aadpasswd"), 0666) == 0);
	wait_for_check();
	CHECK(uid_of(ALICE) == 0 && last == NSS_STATUS_UNAVAIL);
}

static void changed_settings_are_seen_soon(void)
{
	gid_t gid;

	ask_often();
	scratch_write(&scratch, "/etc/aadsshlogin.conf",
		      "uid_range 65536-66559\nadmin_group aad_ops\n", 0644);
	wait_for_check();
	CHECK(group("aad_users", &gid) == NSS_STATUS_SUCCESS && gid == 65536);
	CHECK(group("aad_ops", &gid) == NSS_STATUS_SUCCESS && gid == 65537);
	ask_often();
	CHECK(unlink(PATH("/etc/aadsshlogin.conf")) == 0);
	wait_for_check();
	CHECK(group("aad_users", &gid) == NSS_STATUS_NOTFOUND);
	ask_often();
	CHECK(!asks_files()); /* that there are none can be kept too */
	scratch_write(&scratch, "/etc/aadsshlogin.conf", "user_domains *\n", 0644);
	wait_for_check();
	CHECK(group("aad_users", &gid) == NSS_STATUS_SUCCESS && gid == 10000000);
}

static void root_is_told_of_new_users_from_the_files(void)
{
	ask_often();
	CHECK(uid_of(BOB) == 0 && last == NSS_STATUS_NOTFOUND);
	privileged = true;
	CHECK(uid_of(BOB) == BOB_ID);
	/* The line wins at once, however old the copy is. */
	publish(ALICE_LINE BOB_LINE);
	CHECK(uid_of(BOB) == 50320999);
	scratch_write(&scratch, "/etc/aadsshlogin.conf",
		      "user_domains contoso.com\nuid_range 65536-66559\n", 0644);
	CHECK(uid_of("new@contoso.com") < 66560 && last == NSS_STATUS_SUCCESS);
}

static void reserved_ids_are_nobodys(void)
{
	publish(ALICE_LINE "eve@contoso.com:" OID ":10000001:10000001::/h:/s\n");
	for (int i = 0; i < 2; i++) {
		char buffer[256];
		struct passwd pw;
		int error;

		CHECK(uid_of("eve@contoso.com") == 0 && last == NSS_STATUS_NOTFOUND);
		CHECK(_nss_aad_getpwuid_r(10000001, &pw, buffer, sizeof(buffer), &error) ==
		      NSS_STATUS_NOTFOUND);
		ask_often();
	}
}

static void a_short_buffer_is_told_at_every_size(void)
{
	size_t need = strlen(ALICE) + strlen("*") + strlen("Alice A.") + strlen("/home/" ALICE) +
		      strlen("/bin/zsh") + 5;

	ask_often();
	for (size_t size = 0; size <= need; size++) {
		char *buffer = malloc(size ? size : 1); /* a sanitizer sees one byte too many */
		struct passwd pw;
		int error = 0;
		enum nss_status status;

		CHECK(buffer);
		status = _nss_aad_getpwnam_r(ALICE, &pw, buffer, size, &error);
		CHECK(size < need ? status == NSS_STATUS_TRYAGAIN && error == ERANGE
				  : status == NSS_STATUS_SUCCESS);
		free(buffer);
	}
}

static void without_memory_the_files_serve(void)
{
	no_memory = true;
	ask_often();
	CHECK(asks_files());
	no_memory = false;
	ask_often();
	CHECK(!asks_files());
}

static void a_large_index_is_not_copied(void)
{
	AUTO_BUF text = {0};
	struct stat st;

	buf_str(&text, ALICE_LINE);
	for (unsigned i = 0; i < 100000; i++)
		buf_printf(&text,
			   "u%u@contoso.com:%08x-47e6-4577-8991-ea5c82e286e4:%u:%u::/home/"
			   "u%u%050u:/bin/bash\n",
			   i, i, 10000100 + i, 10000100 + i, i, 0);
	publish(buf_text(&text));
	CHECK(stat(PATH("/etc/aadpasswd.db"), &st) == 0 && st.st_size > (off_t)COPY_MAX);
	ask_often();
	CHECK(asks_files());
	CHECK(uid_of("u99999@contoso.com") == 10000100 + 99999);
}

/* Bytes that say something else than the text, as if they were its index. */
static void publish_lie(void)
{
	static const char lie[] = ALICE ":" OID ":70001:70001:Alice A.:/home/" ALICE ":/bin/zsh\n";
	char padded[sizeof(ALICE_LINE EVE_LINE)];
	const struct fs_meta meta = {0644, getuid(), getgid()};
	struct aadindex_mark mark;
	AUTO_BUF index = {0};
	struct err err = {0};
	struct stat st;

	memset(padded, '\n', sizeof(padded));
	memcpy(padded, lie, sizeof(lie) - 1);
	CHECK(lstat(PATH("/etc/aadpasswd"), &st) == 0);
	mark = aadindex_mark_of(&st);
	CHECK(aadindex_make((struct span){(unsigned char *)padded, sizeof(padded) - 1}, &mark,
			    &index, &err) == 0);
	CHECK(fs_replace(&scratch.sys, AADINDEX_PATH, buf_bytes(&index), &meta, &err) == 0);
}

static void only_an_index_that_root_alone_writes_is_believed(void)
{
	publish_lie();
	caching = true; /* pread alone */
	CHECK(uid_of(ALICE) == 70001); /* so it is read */
	CHECK(chmod(PATH("/etc/aadpasswd.db"), 0664) == 0);
	CHECK(uid_of(ALICE) == ALICE_ID);
	CHECK(chmod(PATH("/etc/aadpasswd.db"), 0646) == 0);
	CHECK(uid_of(ALICE) == ALICE_ID);
	CHECK(chmod(PATH("/etc/aadpasswd.db"), 0644) == 0);
	CHECK(rename(PATH("/etc/aadpasswd.db"), PATH("/etc/other")) == 0);
	CHECK(symlink("other", PATH("/etc/aadpasswd.db")) == 0);
	CHECK(uid_of(ALICE) == ALICE_ID);
	caching = false;
	ask_often();
	CHECK(asks_files());
}

/* Whatever byte of the index is another, the answers are those of the text. */
static unsigned char *bytes;
static size_t bytes_len;

static void write_bytes(size_t len)
{
	int fd = __real_open(PATH("/etc/aadpasswd.db"), O_WRONLY | O_TRUNC);

	CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	(void)close(fd);
}

static void read_bytes(void)
{
	int fd = __real_open(PATH("/etc/aadpasswd.db"), O_RDONLY);
	struct stat st;

	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	bytes_len = (size_t)st.st_size;
	bytes = malloc(bytes_len);
	CHECK(bytes && read(fd, bytes, bytes_len) == st.st_size);
	(void)close(fd);
}

static void all_are_right(void)
{
	CHECK(uid_of(ALICE) == ALICE_ID && is_alice_by_uid());
	CHECK(uid_of("eve@b.example") == 70000);
	CHECK(uid_of("nobody@contoso.com") == 0 && last == NSS_STATUS_NOTFOUND);
	CHECK(group_of(ALICE_ID + 1) == NSS_STATUS_NOTFOUND);
}

static void all_are_right_often(void)
{
	for (int i = 0; i < 2 * COPY_OFTEN; i++)
		all_are_right();
}

static void every_damaged_byte_leaves_the_answers_right(void)
{
	read_bytes();
	for (size_t i = 0; i < bytes_len; i++) {
		bytes[i] ^= (unsigned char)(1u << i % 8);
		write_bytes(bytes_len);
		/* The file, and in a process of its own the copy. */
		caching = true;
		all_are_right();
		caching = false;
		CHECK(ends_well(start(all_are_right_often)));
		bytes[i] ^= (unsigned char)(1u << i % 8);
	}
}

static void every_length_leaves_the_answers_right(void)
{
	read_bytes();
	caching = true;
	for (size_t len = 0; len <= bytes_len; len++) {
		write_bytes(len);
		all_are_right();
	}
}

/* ---- while others look */

static bool stop;

static void look_until_killed(void)
{
	for (;;) {
		CHECK(uid_of(ALICE) == ALICE_ID);
		CHECK(is_alice_by_uid());
	}
}

static void one_who_looks_survives_whatever_becomes_of_the_index(void)
{
	static const char *const texts[] = {ALICE_LINE BOB_LINE, EVE_LINE ALICE_LINE};
	pid_t pid = start(look_until_killed);
	int status;

	read_bytes();
	for (int i = 0; i < 100; i++) {
		publish(texts[i % 2]);
		CHECK(truncate(PATH("/etc/aadpasswd.db"), i % 900) == 0);
		(void)usleep(1000);
		CHECK(truncate(PATH("/etc/aadpasswd.db"), 0) == 0);
		write_bytes(bytes_len); /* of a text long gone */
		(void)usleep(1000);
		CHECK(unlink(PATH("/etc/aadpasswd.db")) == 0);
		publish(texts[i % 2]);
		(void)usleep(1000);
	}
	CHECK(waitpid(pid, &status, WNOHANG) == 0); /* it looks still */
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
}

static void *look_until_stopped(void *arg)
{
	size_t *looks = arg;

	for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); ++*looks) {
		CHECK(uid_of(ALICE) == ALICE_ID);
		CHECK(is_alice_by_uid());
	}
	return NULL;
}

#define THREADS 8

static void start_threads(pthread_t threads[THREADS], size_t looks[THREADS])
{
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, look_until_stopped, &looks[i]) == 0);
}

static void stop_threads(pthread_t threads[THREADS])
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
}

static void threads_see_whole_entries_while_a_writer_replaces_both(void)
{
	static const char *const texts[] = {ALICE_LINE BOB_LINE, EVE_LINE ALICE_LINE};
	size_t looks[THREADS] = {0};
	pthread_t threads[THREADS];

	start_threads(threads, looks);
	for (int i = 0; i < 30; i++) {
		publish(texts[i % 2]);
		(void)usleep(i % 3 ? 2000 : 120000); /* at times a copy lives, at times none */
	}
	stop_threads(threads);
	for (size_t i = 0; i < THREADS; i++)
		CHECK(looks[i] > 0);
}

static void look_in_a_child(void)
{
	for (int i = 0; i < 300; i++)
		all_are_right();
}

static void children_of_a_threaded_process_look_too(void)
{
	size_t looks[THREADS] = {0};
	pthread_t threads[THREADS];

	start_threads(threads, looks);
	for (int i = 0; i < 40; i++) {
		CHECK(ends_well(start(look_in_a_child)));
		if (i % 10 == 0)
			publish(ALICE_LINE EVE_LINE);
	}
	stop_threads(threads);
}

static void *look_once(void *arg)
{
	(void)arg;
	(void)uid_of(ALICE);
	return NULL;
}

static void *look_often(void *arg)
{
	(void)arg;
	ask_often();
	return NULL;
}

static void hold_a_thread(void *(*body)(void *))
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, body, NULL) == 0);
	while (!__atomic_load_n(&held, __ATOMIC_ACQUIRE))
		(void)usleep(1000);
}

/* After the other thread's change of the text no copy is left that serves. */
static void needs_a_copy_of_its_own(void)
{
	publish(ALICE_LINE BOB_LINE);
	wait_for_check();
	CHECK(uid_of(BOB) == 50320999);
	ask_often();
	CHECK(!asks_files());
}

static void a_reader_that_a_fork_left_behind_is_no_hindrance(void)
{
	ask_often();
	wait_for_check();
	hold_lstat = true; /* in the check of the copy */
	hold_a_thread(look_once);
	CHECK(ends_well(start(needs_a_copy_of_its_own)));
	/* In this process the thread reads it still, so that it is not renewed, but nobody waits.
	 */
	publish(ALICE_LINE BOB_LINE EVE_LINE);
	wait_for_check();
	ask_often();
	CHECK(asks_files());
	CHECK(uid_of(BOB) == 50320999);
}

static void a_writer_that_a_fork_left_behind_is_no_hindrance(void)
{
	hold_open = false;
	for (int i = 0; i < COPY_OFTEN - 1; i++)
		CHECK(uid_of(ALICE) == ALICE_ID);
	hold_open = true; /* the next lookup makes the copy */
	hold_a_thread(look_once);
	CHECK(ends_well(start(needs_a_copy_of_its_own)));
	ask_often();
	CHECK(asks_files());
}

/* Sanitizers need more than that. */
static void the_smallest_stack_of_a_thread_is_enough(void)
{
#ifndef __SANITIZE_ADDRESS__
	pthread_attr_t attr;
	pthread_t thread;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN)) == 0);
	CHECK(pthread_create(&thread, &attr, look_often, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(!asks_files());
#else
	(void)look_often;
#endif
}

/* clang-format off */
static const struct row {
	const char *name;
	void (*body)(void);
} rows[] = {
#define ROW(name) {#name, name}
	ROW(who_asks_seldom_reads_the_index),
	ROW(who_asks_often_opens_nothing_any_more),
	ROW(errno_stays_and_no_descriptor),
	ROW(nscd_always_asks_the_files),
	ROW(a_change_is_seen_soon),
	ROW(a_text_newer_than_its_index_answers),
	ROW(a_text_that_went_takes_its_users_along),
	ROW(a_text_that_others_can_write_is_believed_no_longer),
	ROW(changed_settings_are_seen_soon),
	ROW(root_is_told_of_new_users_from_the_files),
	ROW(reserved_ids_are_nobodys),
	ROW(a_short_buffer_is_told_at_every_size),
	ROW(without_memory_the_files_serve),
	ROW(a_large_index_is_not_copied),
	ROW(only_an_index_that_root_alone_writes_is_believed),
	ROW(every_damaged_byte_leaves_the_answers_right),
	ROW(every_length_leaves_the_answers_right),
	ROW(one_who_looks_survives_whatever_becomes_of_the_index),
	ROW(threads_see_whole_entries_while_a_writer_replaces_both),
	ROW(children_of_a_threaded_process_look_too),
	ROW(a_reader_that_a_fork_left_behind_is_no_hindrance),
	ROW(a_writer_that_a_fork_left_behind_is_no_hindrance),
	ROW(the_smallest_stack_of_a_thread_is_enough),
};
/* clang-format on */

static void runs(void **state)
{
	const struct row *row = *state;

	assert_true(ends_well(start(row->body)));
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = runs,
					       .setup_func = open_scratch,
					       .teardown_func = done_scratch,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
