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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "payload/login/audit.h"
#include "test/unit/scratch.h"

/* The line that is logged, without its time and process. */
static void logged(enum log_level level, const struct audit *audit, const struct err *err,
		   struct buf *ret)
{
	char bytes[4096];
	int ends[2];
	const char *line;
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	audit_line(&(struct log){.fd = ends[1], .level = level}, audit, err);
	assert_int_equal(close(ends[1]), 0);
	n = read(ends[0], bytes, sizeof(bytes) - 1);
	assert_true(n >= 0);
	bytes[n] = '\0';
	line = strstr(bytes, "] ");
	if (line)
		buf_str(ret, line + 2);
	assert_int_equal(close(ends[0]), 0);
}

static void an_accepted_certificate_is_one_line(void **state)
{
	const struct verified verified = {.cert = {.key_id = SPAN_LIT("o@t")},
					  .identity = {.oid = "o", .tid = "t"},
					  .ca = "SHA256:x"};
	struct audit audit = {.user = "a@b.c", .action = "key", .ms = 4};
	AUTO_BUF line = {0};

	(void)state;
	audit_certificate(&audit, &verified);
	logged(LOG_LEVEL_INFO, &audit, NULL, &line);
	assert_string_equal(buf_text(&line),
			    "info decision=accept action=\"key\" user=\"a@b.c\" oid=\"o\" "
			    "tenant=\"t\" key_id=\"o@t\" ca=\"SHA256:x\" ms=4\n");
}

static void a_refusal_says_why(void **state)
{
	const struct audit audit = {.user = "a@b.c",
				    .action = "login",
				    .oid = "",
				    .service = "sshd",
				    .rhost = "::1",
				    .assignment = "a1",
				    .scope = "/s",
				    .ms = 12};
	struct err err = {0};
	AUTO_BUF line = {0};

	(void)state;
	(void)reason_refuse(&err, REASON_ROLE_MISSING, "no assignment");
	logged(LOG_LEVEL_INFO, &audit, &err, &line);
	assert_string_equal(buf_text(&line),
			    "warning decision=refuse action=\"login\" user=\"a@b.c\" "
			    "service=\"sshd\" rhost=\"::1\" assignment=\"a1\" scope=\"/s\" "
			    "reason=\"role-missing\" "
			    "message=\"no assignment\" remedy=\"Ask for Virtual Machine User "
			    "Login or Virtual Machine Administrator Login.\" ms=12\n");
}

static void no_value_passes_for_another_field(void **state)
{
	const struct audit audit = {
		.action = "key", .key_id = SPAN_LIT("x\" decision=accept \\\n\xff"), .ms = 0};
	AUTO_BUF line = {0};
	struct err err = {0};

	(void)state;
	(void)err_set(&err, EIO, "bad");
	logged(LOG_LEVEL_INFO, &audit, &err, &line);
	assert_non_null(strstr(buf_text(&line), "key_id=\"x\\\" decision=accept \\\\??\" reason"));
}

static void a_value_has_an_end(void **state)
{
	char text[4000];
	const struct audit audit = {.user = text, .action = "key"};
	AUTO_BUF line = {0};

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	logged(LOG_LEVEL_INFO, &audit, NULL, &line);
	assert_true(line.len < 500);
	assert_non_null(strstr(buf_text(&line), " ms=0\n"));
}

static void a_quiet_log_still_tells_refusals(void **state)
{
	const struct audit audit = {.action = "key"};
	struct err err = {0};
	AUTO_BUF line = {0};

	(void)state;
	logged(LOG_LEVEL_WARNING, &audit, NULL, &line);
	assert_int_equal(line.len, 0);
	(void)err_set(&err, EIO, "bad");
	logged(LOG_LEVEL_WARNING, &audit, &err, &line);
	assert_true(line.len > 0);
}

/* ---- the journal */

static void the_journal_gets_an_event_with_its_fields(void **state)
{
	char expected[256];
	AUTO_BUF entry = {0};

	(void)state;
	log_journal_entry("aad_authorize", LOG_LEVEL_WARNING, "decision=refuse", "AADSSH_OID=o\n",
			  &entry);
	(void)snprintf(expected, sizeof(expected),
		       "PRIORITY=4\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=aad_authorize\n"
		       "SYSLOG_PID=%d\nMESSAGE=decision=refuse\nAADSSH_OID=o\n",
		       (int)getpid());
	assert_string_equal(buf_text(&entry), expected);
}

/* ---- the socket of a log service */

static int open_service(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(span_copy(span_of(path), address.sun_path, sizeof(address.sun_path)));
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Until there is no room; how many lines that took. */
static int fill(const char *path)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = 0;

	assert_true(span_copy(span_of(path), address.sun_path, sizeof(address.sun_path)));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	while (send(fd, "line", 4, 0) == 4)
		n++;
	return n;
}

static int count_lines(int fd)
{
	char line[16];
	int n = 0;

	while (recv(fd, line, sizeof(line), 0) == 4 && memcmp(line, "line", 4) == 0)
		n++;
	return n;
}

static void a_full_log_is_not_waited_for(void **state)
{
	struct timespec before, after;
	struct scratch scratch;
	AUTO_CLOSE int fd = -1;
	char path[96];
	int queued;

	(void)state;
	scratch_open(&scratch);
	(void)snprintf(path, sizeof(path), "%s/log", scratch.dir);
	fd = open_service(path);
	assert_true(log_send(path, SPAN_LIT("line")));
	assert_int_equal(count_lines(fd), 1);
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	queued = fill(path);
	assert_true(queued > 0);
	assert_true(log_send(path, SPAN_LIT("line")));
	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	assert_true(after.tv_sec - before.tv_sec < 3);
	assert_int_equal(count_lines(fd), queued);
	assert_true(log_send(path, SPAN_LIT("line")));
	assert_int_equal(count_lines(fd), 1);
	assert_int_equal(unlink(path), 0);
	assert_false(log_send(path, SPAN_LIT("line"))); /* nobody listens */
	scratch_done(&scratch);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_accepted_certificate_is_one_line),
		cmocka_unit_test(a_refusal_says_why),
		cmocka_unit_test(no_value_passes_for_another_field),
		cmocka_unit_test(a_value_has_an_end),
		cmocka_unit_test(a_quiet_log_still_tells_refusals),
		cmocka_unit_test(the_journal_gets_an_event_with_its_fields),
		cmocka_unit_test(a_full_log_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
