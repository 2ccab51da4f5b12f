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
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/sys/fs.h"
#include "payload/login/places.h"
#include "payload/login/record.h"
#include "test/unit/fakelogin.h"

#define RECORD HANDOFF_DIR "/4711"

static const struct span cert = {(const unsigned char *)"certificate", 11};

static int write_record(struct fakelogin *fake, void *arg)
{
	struct err err = {0};

	(void)arg;
	return record_write(fakelogin_sys(fake), FAKELOGIN_PARENT, FAKELOGIN_NAME, cert, &err);
}

static void leave(struct fakelogin *fake)
{
	assert_int_equal(fakelogin_as_service(fake, write_record, NULL), 0);
}

/* The reason for which there is no record to be had, REASON_NONE when it was taken. */
static enum reason take(struct fakelogin *fake)
{
	AUTO_HANDOFF record = {0};
	struct err err = {0};

	if (record_take(fakelogin_sys(fake), FAKELOGIN_PARENT, &record, &err) < 0) {
		assert_null(record.cert.data);
		return reason_of(&err);
	}
	assert_string_equal(record.name, FAKELOGIN_NAME);
	assert_true(span_eq(buf_bytes(&record.cert), cert));
	return REASON_NONE;
}

static bool left(struct fakelogin *fake)
{
	AUTO_FREE char *text = fakelogin_text(fake, RECORD);

	return text[0] != '\0';
}

static void a_record_serves_once(void **state)
{
	struct fakelogin *fake = *state;

	leave(fake);
	assert_int_equal(take(fake), REASON_NONE);
	assert_int_equal(take(fake), REASON_RECORD_MISSING);
}

static void the_last_record_counts(void **state)
{
	struct fakelogin *fake = *state;

	leave(fake);
	leave(fake);
	assert_int_equal(take(fake), REASON_NONE);
}

static void records_that_nobody_will_take_are_swept_away(void **state)
{
	static const char *const paths[] = {
		HANDOFF_DIR "/2147483647", /* no process has that id */
		HANDOFF_DIR "/1",
		HANDOFF_DIR "/0",
		HANDOFF_DIR "/note",
	};
	struct fakelogin *fake = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		scratch_write(&fake->scratch, paths[i], "x", 0600);
		fakelogin_own(fake, paths[i], fake->service_uid, fake->service_gid);
	}
	leave(fake);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_int_equal(fs_exists(fakelogin_sys(fake), paths[i]), i > 0);
}

static void records_do_not_fill_the_machine(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};
	char path[64];

	for (int i = 0; i < RECORDS_MAX; i++) {
		(void)snprintf(path, sizeof(path), HANDOFF_DIR "/n%d", i);
		scratch_write(&fake->scratch, path, "", 0600);
	}
	assert_int_equal(fakelogin_as_service(fake, write_record, NULL), -ENOSPC);
	assert_int_equal(fs_remove(fakelogin_sys(fake), path, &err), 0);
	leave(fake);
}

static void removing_what_is_not_there_is_success(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	leave(fake);
	assert_int_equal(record_remove(fakelogin_sys(fake), FAKELOGIN_PARENT, &err), 0);
	assert_int_equal(record_remove(fakelogin_sys(fake), FAKELOGIN_PARENT, &err), 0);
	assert_int_equal(take(fake), REASON_RECORD_MISSING);
}

static void a_record_of_an_earlier_process_is_stale(void **state)
{
	struct fakelogin *fake = *state;

	fake->shared->boottime_ns = 1000ll * 1000000000 - 1;
	leave(fake);
	fake->shared->boottime_ns = FAKELOGIN_BOOT_NS;
	assert_int_equal(take(fake), REASON_RECORD_STALE);
	assert_false(left(fake));
}

static void a_record_of_the_first_tick_counts(void **state)
{
	struct fakelogin *fake = *state;

	fake->shared->boottime_ns = 1000ll * 1000000000;
	leave(fake);
	fake->shared->boottime_ns = FAKELOGIN_BOOT_NS;
	assert_int_equal(take(fake), REASON_NONE);
}

static void a_record_from_the_future_is_stale(void **state)
{
	struct fakelogin *fake = *state;

	leave(fake);
	fake->shared->boottime_ns--;
	assert_int_equal(take(fake), REASON_RECORD_STALE);
}

static void a_process_that_cannot_be_looked_up_has_no_record(void **state)
{
	struct fakelogin *fake = *state;

	leave(fake);
	scratch_write(&fake->scratch, "/proc/4711/stat", "4711 (sshd) S 1\n", 0444);
	assert_int_equal(take(fake), REASON_INTERNAL);
	assert_false(left(fake));
}

static void link_to(struct fakelogin *fake, const char *path)
{
	char from[256], to[256];

	(void)snprintf(from, sizeof(from), "%s%s", fake->scratch.dir, path);
	(void)snprintf(to, sizeof(to), "%s" RECORD, fake->scratch.dir);
	assert_int_equal(symlink(from, to), 0);
}

static void a_link_is_refused_and_removed(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, "/etc/secret", "x", 0600);
	link_to(fake, "/etc/secret");
	assert_int_equal(take(fake), REASON_RECORD_MALFORMED);
	assert_int_equal(take(fake), REASON_RECORD_MISSING);
}

static void a_second_name_of_the_file_is_refused(void **state)
{
	struct fakelogin *fake = *state;
	char from[256], to[256];

	leave(fake);
	(void)snprintf(from, sizeof(from), "%s" RECORD, fake->scratch.dir);
	(void)snprintf(to, sizeof(to), "%s/run/kept", fake->scratch.dir);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(take(fake), REASON_RECORD_MALFORMED);
}

static void another_owner_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	if (geteuid() != 0)
		skip();
	leave(fake);
	fakelogin_own(fake, RECORD, 0, 0);
	assert_int_equal(take(fake), REASON_RECORD_MALFORMED);
	leave(fake);
	fakelogin_own(fake, RECORD, 1234, 1234);
	assert_int_equal(take(fake), REASON_RECORD_MALFORMED);
}

static void no_more_than_the_maximum_is_read(void **state)
{
	struct fakelogin *fake = *state;
	AUTO_BUF text = {0};

	while (text.len <= HANDOFF_MAX)
		buf_str(&text, "aadsshlogin-handoff 1\n");
	scratch_write(&fake->scratch, RECORD, buf_text(&text), 0600);
	fakelogin_own(fake, RECORD, fake->service_uid, fake->service_gid);
	assert_int_equal(take(fake), REASON_RECORD_MALFORMED);
	assert_false(left(fake));
}

static void other_bytes_are_refused(void **state)
{
	struct fakelogin *fake = *state;

	scratch_write(&fake->scratch, RECORD, "aadsshlogin-handoff 1\n", 0600);
	fakelogin_own(fake, RECORD, fake->service_uid, fake->service_gid);
	assert_int_equal(take(fake), REASON_RECORD_MALFORMED);
}

static void what_cannot_be_removed_is_refused(void **state)
{
	struct fakelogin *fake = *state;

	scratch_mkdir(&fake->scratch, RECORD, 0700);
	assert_int_equal(take(fake), REASON_INTERNAL);
}

static void without_the_service_user_nothing_is_read(void **state)
{
	struct fakelogin *fake = *state;

	leave(fake);
	scratch_write(&fake->scratch, "/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0644);
	assert_int_equal(take(fake), REASON_NOT_CONFIGURED);
	leave(fake);
	scratch_write(&fake->scratch, "/etc/passwd", SERVICE_USER ":x:0:0::/:/bin/sh\n", 0644);
	assert_int_equal(take(fake), REASON_NOT_CONFIGURED);
}

static void a_name_beside_the_form_is_not_written(void **state)
{
	struct fakelogin *fake = *state;
	struct err err = {0};

	assert_int_equal(record_write(fakelogin_sys(fake), FAKELOGIN_PARENT, "a\nb", cert, &err),
			 -EINVAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fakelogin_setup, fakelogin_teardown)
	static const struct CMUnitTest tests[] = {
		T(a_record_serves_once),
		T(the_last_record_counts),
		T(records_that_nobody_will_take_are_swept_away),
		T(records_do_not_fill_the_machine),
		T(removing_what_is_not_there_is_success),
		T(a_record_of_an_earlier_process_is_stale),
		T(a_record_of_the_first_tick_counts),
		T(a_record_from_the_future_is_stale),
		T(a_process_that_cannot_be_looked_up_has_no_record),
		T(a_link_is_refused_and_removed),
		T(a_second_name_of_the_file_is_refused),
		T(another_owner_is_refused),
		T(no_more_than_the_maximum_is_read),
		T(other_bytes_are_refused),
		T(what_cannot_be_removed_is_refused),
		T(without_the_service_user_nothing_is_read),
		T(a_name_beside_the_form_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
