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
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/service.h"
#include "test/unit/fakelogin.h"

static const struct conf no_conf;

static int tell_who(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	gid_t groups[8];

	(void)sys, (void)arg, (void)err;
	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return -errno;
	buf_printf(ret, "%u %u %u %u %u %u %d", ruid, euid, suid, rgid, egid, sgid,
		   geteuid() == 990 ? getgroups(8, groups) : 0);
	return 0;
}

static int tell_groups(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	gid_t groups[8];
	int n = getgroups(8, groups);

	(void)sys, (void)arg, (void)err;
	for (int i = 0; i < n; i++)
		buf_printf(ret, "%u ", groups[i]);
	return 0;
}

static void it_keeps_the_group_that_its_caller_names(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};
	struct err err = {0};

	if (geteuid() != 0)
		skip();
	scratch_write(&fake->scratch, "/etc/group", "root:x:0:\nhimds:x:987:\nx:x:5:\n", 0644);
	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, "himds", tell_groups, NULL, &text, &err),
		0);
	assert_string_equal(buf_text(&text), "987 ");
}

static void a_group_that_is_missing_or_roots_runs_nothing(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};
	struct err err = {0};

	scratch_write(&fake->scratch, "/etc/group", "root:x:0:\nwheel:x:0:\n", 0644);
	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, "himds", tell_who, NULL, &text, &err),
		-ENOENT);
	assert_int_equal(reason_of(&err), REASON_NOT_CONFIGURED);
	err = (struct err){0};
	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, "wheel", tell_who, NULL, &text, &err),
		-EPERM);
	assert_int_equal(reason_of(&err), REASON_NOT_CONFIGURED);
	assert_int_equal(text.len, 0);
}

static void the_child_is_the_service_user_and_nothing_else(void **state)
{
	struct fakelogin *fake = *state;
	unsigned uid = fake->service_uid, gid = fake->service_gid;
	char expected[128];
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, NULL, tell_who, NULL, &text, &err), 0);
	(void)snprintf(expected, sizeof(expected), "%u %u %u %u %u %u 0", uid, uid, uid, gid, gid,
		       gid);
	assert_string_equal(buf_text(&text), expected);
}

static int tell_privileges(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)sys, (void)arg, (void)err;
	buf_printf(ret, "%d %d %d %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
		   geteuid() == 0 || setuid(0) == 0, access("/etc/shadow", R_OK) == 0,
		   fcntl(0, F_GETFD) < 0);
	return 0;
}

static void it_cannot_get_privileges_back(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(service_run(fakelogin_sys(*state), &no_conf, NULL, tell_privileges, NULL,
				     &text, &err),
			 0);
	assert_string_equal(buf_text(&text), "1 0 0 0");
}

static int count_descriptors(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)sys, (void)arg, (void)err;
	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			buf_printf(ret, "%d ", fd);
	return 0;
}

static void it_inherits_no_descriptor_but_the_root(void **state)
{
	int extra = open("/dev/null", O_RDONLY); /* without close-on-exec */
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_true(extra >= 0);
	assert_int_equal(service_run(fakelogin_sys(*state), &no_conf, NULL, count_descriptors, NULL,
				     &text, &err),
			 0);
	assert_string_equal(buf_text(&text), "0 1 2 3 ");
	assert_int_equal(close(extra), 0);
}

static int read_root(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	return fs_read(sys, arg, 0, 4096, ret, NULL, err);
}

static void it_sees_the_machine(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};
	struct err err = {0};

	scratch_write(&fake->scratch, "/etc/file", "text", 0644);
	assert_int_equal(service_run(fakelogin_sys(fake), &no_conf, NULL, read_root, "/etc/file",
				     &text, &err),
			 0);
	assert_string_equal(buf_text(&text), "text");
}

static int give_up(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)sys;
	buf_str(ret, "not told");
	(void)err_set(err, ENOENT, "%s", (const char *)arg);
	return reason_add(err, REASON_CERT_EXPIRED);
}

static void its_failure_comes_with_its_reason(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(
		service_run(fakelogin_sys(*state), &no_conf, NULL, give_up, "no\nok", &text, &err),
		-ENOENT);
	assert_string_equal(err.msg, "no?ok");
	assert_int_equal(reason_of(&err), REASON_CERT_EXPIRED);
	assert_true(err.remedy[0]);
	assert_int_equal(text.len, 0);
}

/* A child that was taken over writes what it likes. */
static int write_raw(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	const struct span *raw = arg;

	(void)sys, (void)ret, (void)err;
	(void)!write(1, raw->p, raw->len);
	_exit(0);
}

/* clang-format off */
static struct span answers[] = {
	{NULL, 0},
	SPAN_LIT("o"),
	SPAN_LIT("OK\n"),
	SPAN_LIT("ok\na\0b"),
	SPAN_LIT("failed \n\n"),
	SPAN_LIT("failed 0 cert-expired\nx\n"),
	SPAN_LIT("failed 99999 cert-expired\nx\n"),
	SPAN_LIT("failed 2 cert-expired"),
	SPAN_LIT("failed 2\nx\n"),
};
/* clang-format on */

static void an_answer_beside_the_form_is_a_failure(void **state)
{
	struct fakelogin *fake = fakelogin_new();
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, NULL, write_raw, *state, &text, &err),
		-EIO);
	assert_int_equal(reason_of(&err), REASON_INTERNAL);
	assert_int_equal(text.len, 0);
	fakelogin_free(fake);
}

static int flood(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)sys, (void)arg, (void)err;
	for (size_t i = 0; i < SERVICE_ANSWER_MAX + 1; i++)
		buf_str(ret, "x");
	return 0;
}

static void no_more_than_the_maximum_is_taken(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(
		service_run(fakelogin_sys(*state), &no_conf, NULL, flood, NULL, &text, &err),
		-EMSGSIZE);
	assert_int_equal(text.len, 0);
}

static int hang(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)sys, (void)arg, (void)ret, (void)err;
	return pause();
}

static int64_t real_boottime(struct sys *sys)
{
	struct timespec now;

	(void)sys;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void a_child_that_hangs_is_ended(void **state)
{
	struct fakelogin *fake = *state;
	struct sys *sys = fakelogin_sys(fake);
	AUTO_BUF text = {0};
	struct err err = {0};

	fake->scratch.ops.boottime_ns = real_boottime;
	sys->deadline_ns = real_boottime(sys) + 50 * 1000000;
	assert_int_equal(service_run(sys, &no_conf, NULL, hang, NULL, &text, &err), -ETIMEDOUT);
	assert_int_equal(reason_of(&err), REASON_DEADLINE);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int crash(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	(void)sys, (void)arg, (void)ret, (void)err;
	(void)raise(SIGKILL);
	return 0;
}

static void a_child_that_dies_is_a_failure(void **state)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	assert_int_equal(
		service_run(fakelogin_sys(*state), &no_conf, NULL, crash, NULL, &text, &err), -EIO);
}

static void a_service_user_who_is_root_runs_nothing(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};
	struct err err = {0};

	scratch_write(&fake->scratch, "/etc/passwd", "aadsshlogin:x:0:5::/:/bin/sh\n", 0644);
	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, NULL, tell_who, NULL, &text, &err),
		-EPERM);
	scratch_write(&fake->scratch, "/etc/passwd", "aadsshlogin:x:990:0::/:/bin/sh\n", 0644);
	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, NULL, tell_who, NULL, &text, &err),
		-EPERM);
	scratch_write(&fake->scratch, "/etc/passwd", "", 0644);
	assert_int_equal(
		service_run(fakelogin_sys(fake), &no_conf, NULL, tell_who, NULL, &text, &err),
		-ENOENT);
	assert_int_equal(text.len, 0);
}

static int run_program(struct sys *sys, const void *arg, struct buf *ret, struct err *err)
{
	char *const argv[] = {(char *)(uintptr_t)arg, NULL};
	int null = -1;

	(void)sys, (void)err;
	(void)execv(arg, argv);
	buf_printf(ret, "%d", errno == ENOSYS);
	null = open("/tmp/test_jail", O_WRONLY | O_CREAT, 0600);
	buf_printf(ret, " %s", null < 0 ? "no file" : "a file");
	return 0;
}

static void it_runs_no_program_and_writes_nowhere_else(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};
	struct err err = {0};
	int layers = confine_probe(fakelogin_sys(fake), &err);

	if ((layers & (CONFINE_CALLS | CONFINE_FILES)) != (CONFINE_CALLS | CONFINE_FILES))
		skip();
	assert_int_equal(service_run(fakelogin_sys(fake), &no_conf, NULL, run_program, "/bin/true",
				     &text, &err),
			 0);
	assert_string_equal(buf_text(&text), "1 no file");
}

static int setup(void **state)
{
	struct fakelogin *fake = fakelogin_new();

	fake->scratch.ops.confine = confine_self_real;
	*state = fake;
	return 0;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(the_child_is_the_service_user_and_nothing_else),
		T(it_keeps_the_group_that_its_caller_names),
		T(a_group_that_is_missing_or_roots_runs_nothing),
		T(it_cannot_get_privileges_back),
		T(it_runs_no_program_and_writes_nowhere_else),
		T(it_inherits_no_descriptor_but_the_root),
		T(it_sees_the_machine),
		T(its_failure_comes_with_its_reason),
		T(no_more_than_the_maximum_is_taken),
		T(a_child_that_hangs_is_ended),
		T(a_child_that_dies_is_a_failure),
		T(a_service_user_who_is_root_runs_nothing),
	};
	struct CMUnitTest list[ARRAY_LEN(answers)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		list[i] = (struct CMUnitTest){.name = "an_answer_beside_the_form_is_a_failure",
					      .test_func = an_answer_beside_the_form_is_a_failure,
					      .initial_state = &answers[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("answers", list, NULL, NULL);
}
