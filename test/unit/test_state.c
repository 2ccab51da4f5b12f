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

#include "handler/state.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/outcome.h"
#include "test/unit/scratch.h"

#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BOOT "0b8b1c1e-9d3c-4f3b-8f8e-0123456789ab"

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

/* A state as it is after an enable that looked at two files, one of which is not there. */
static void fill(struct state *state)
{
	struct witness witness = {0};

	*state = (struct state){
		.owner = "1.0.0.0",
		.source = "repository",
		.since_s = 1709208000,
		.sequence = 3,
		.settings_hash = HASH,
		.boot_id = BOOT,
		.verb = "enable",
		.code = EXIT_OK,
		.time_s = 1709208060,
		.message = "Sign-in is in force",
		.steps = {{"platform", "ok"}, {"identity", "changed"}},
		.step_count = 2,
	};
	scratch_write(&scratch, "/etc/nsswitch.conf", "passwd: files\n", 0644);
	scratch.sys.witness = &witness;
	(void)fs_exists(&scratch.sys, "/etc/nsswitch.conf");
	(void)fs_exists(&scratch.sys, "/etc/nothing");
	(void)fs_exists(&scratch.sys, "/proc/self");
	(void)fs_exists(&scratch.sys, "/sys/kernel");
	(void)fs_exists(&scratch.sys, "/sysroot");
	(void)fs_exists(&scratch.sys, STATE_DIR);
	scratch.sys.witness = NULL;
	state_take_witness(state, &witness);
	assert_int_equal(witness.count, 0);
}

static bool current(const struct state *state)
{
	return state_current(&scratch.sys, state, "1.0.0.0", HASH, BOOT);
}

static void what_is_written_is_read(void **test)
{
	CLEANUP(state_done) struct state a = {0};
	CLEANUP(state_done) struct state b = {0};
	struct err err = {0};
	struct stat st;

	(void)test;
	fill(&a);
	a.witness.seen[0].ino = UINT64_MAX - 1; /* overlay file systems number like this */
	assert_int_equal(state_write(&scratch.sys, &a, &err), 0);
	assert_int_equal(fs_lstat(&scratch.sys, STATE_PATH, &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(state_read(&scratch.sys, &b, &err), 0);
	assert_string_equal(b.owner, a.owner);
	assert_string_equal(b.source, "repository");
	assert_int_equal(b.since_s, a.since_s);
	assert_int_equal(b.sequence, a.sequence);
	assert_string_equal(b.settings_hash, a.settings_hash);
	assert_string_equal(b.boot_id, a.boot_id);
	assert_string_equal(b.verb, a.verb);
	assert_int_equal(b.code, a.code);
	assert_int_equal(b.time_s, a.time_s);
	assert_string_equal(b.message, a.message);
	assert_int_equal(b.step_count, 2);
	assert_memory_equal(b.steps, a.steps, 2 * sizeof(a.steps[0]));
	assert_int_equal(b.witness.count, a.witness.count);
	for (size_t i = 0; i < a.witness.count; i++) {
		const struct sighting *x = &a.witness.seen[i], *y = &b.witness.seen[i];

		assert_string_equal(y->path, x->path);
		assert_int_equal(y->exists, x->exists);
		assert_true(y->dev == x->dev && y->ino == x->ino && y->size == x->size);
		assert_true(y->mtime_ns == x->mtime_ns && y->ctime_ns == x->ctime_ns);
	}
}

static void the_empty_state_is_written_and_read(void **test)
{
	CLEANUP(state_done) struct state a = {0};
	CLEANUP(state_done) struct state b = {0};
	struct err err = {0};

	(void)test;
	fill(&b);
	assert_int_equal(state_write(&scratch.sys, &a, &err), 0);
	assert_int_equal(state_read(&scratch.sys, &b, &err), 0);
	assert_string_equal(b.owner, "");
	assert_string_equal(b.verb, "");
	assert_int_equal(b.witness.count, 0);
}

static void what_says_nothing_is_not_witnessed(void **test)
{
	CLEANUP(state_done) struct state state = {0};

	(void)test;
	fill(&state);
	assert_int_equal(state.witness.count, 3);
	assert_string_equal(state.witness.seen[0].path, "/etc/nsswitch.conf");
	assert_string_equal(state.witness.seen[1].path, "/etc/nothing");
	assert_string_equal(state.witness.seen[2].path, "/sysroot");
}

static void a_witness_that_failed_concludes_nothing(void **test)
{
	CLEANUP(state_done) struct state state = {0};
	struct witness witness = {0};

	(void)test;
	fill(&state);
	scratch.sys.witness = &witness;
	(void)fs_exists(&scratch.sys, "/etc");
	scratch.sys.witness = NULL;
	witness.failed = true;
	state_take_witness(&state, &witness);
	assert_int_equal(state.witness.count, 0);
	assert_false(current(&state));
}

static void nothing_changed_is_current(void **test)
{
	CLEANUP(state_done) struct state state = {0};

	(void)test;
	fill(&state);
	assert_true(current(&state));
}

/* Each row spoils one thing. */
static void another_owner(struct state *s)
{
	s->owner[0] = '2';
}

static void other_settings(struct state *s)
{
	s->settings_hash[0] = 'f';
}

static void another_boot(struct state *s)
{
	s->boot_id[0] = 'f';
}

static void an_earlier_failure(struct state *s)
{
	s->code = EXIT_SSHD;
}

static void no_witness(struct state *s)
{
	witness_done(&s->witness);
}

static void a_changed_file(struct state *s)
{
	(void)s;
	scratch_write(&scratch, "/etc/nsswitch.conf", "passwd: files \n", 0644);
}

static void a_changed_mode(struct state *s)
{
	char path[128];

	(void)s;
	(void)snprintf(path, sizeof(path), "%s/etc/nsswitch.conf", scratch.dir);
	assert_int_equal(chmod(path, 0600), 0);
}

static void a_file_that_appeared(struct state *s)
{
	(void)s;
	scratch_write(&scratch, "/etc/nothing", "", 0644);
}

static void a_file_that_went(struct state *s)
{
	struct err err = {0};

	(void)s;
	assert_int_equal(fs_remove(&scratch.sys, "/etc/nsswitch.conf", &err), 0);
}

static void any_difference_is_not_current(void **test)
{
	static void (*const spoil[])(struct state *) = {
		another_owner,      other_settings,       another_boot,
		an_earlier_failure, no_witness,           a_changed_file,
		a_changed_mode,     a_file_that_appeared, a_file_that_went,
	};

	(void)test;
	for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
		CLEANUP(state_done) struct state state = {0};
		struct err err = {0};

		assert_int_equal(fs_remove(&scratch.sys, "/etc/nothing", &err), 0);
		fill(&state);
		assert_true(current(&state));
		spoil[i](&state);
		assert_false(current(&state));
	}
}

static void a_boot_that_cannot_be_told_is_not_current(void **test)
{
	CLEANUP(state_done) struct state state = {0};

	(void)test;
	fill(&state);
	state.boot_id[0] = '\0';
	assert_false(state_current(&scratch.sys, &state, "1.0.0.0", HASH, ""));
}

static void the_boot_id_is_the_kernels(void **test)
{
	char id[BOOT_ID_SIZE];

	(void)test;
	boot_id(&scratch.sys, id);
	assert_string_equal(id, "");
	scratch_write(&scratch, "/proc/sys/kernel/random/boot_id", BOOT "\n", 0444);
	boot_id(&scratch.sys, id);
	assert_string_equal(id, BOOT);
}

static void a_corrupt_state_is_refused(void **test)
{
	static const char head[] =
		"{\"schema\":1,\"owner\":\"1.0\",\"since\":1,\"sequenceNumber\":1,"
		"\"settingsHash\":\"\",\"bootId\":\"\"";
	/* clang-format off */
	static const char *const rows[] = {
		"", "null", "[]", "{}",
		"{\"schema\":2,\"owner\":\"\",\"since\":0,\"sequenceNumber\":0,\"settingsHash\":\"\",\"bootId\":\"\"}",
		"{\"schema\":1,\"owner\":\"../x\",\"since\":0,\"sequenceNumber\":0,\"settingsHash\":\"\",\"bootId\":\"\"}",
		"{\"schema\":1,\"owner\":\"111111111111111111111111111111111\",\"since\":0,\"sequenceNumber\":0,\"settingsHash\":\"\",\"bootId\":\"\"}",
		"{\"schema\":1,\"owner\":\"\",\"since\":-1,\"sequenceNumber\":0,\"settingsHash\":\"\",\"bootId\":\"\"}",
		"{\"schema\":1,\"owner\":\"\",\"since\":0,\"sequenceNumber\":\"3\",\"settingsHash\":\"\",\"bootId\":\"\"}",
		"{\"schema\":1,\"owner\":\"\",\"since\":0,\"sequenceNumber\":0,\"bootId\":\"\"}",
	};
	static const char *const tails[] = {
		",\"last\":7", ",\"last\":{}",
		",\"last\":{\"verb\":\"enable\",\"code\":256,\"time\":0,\"message\":\"\"}",
		",\"last\":{\"verb\":\"abcdefghijklmnopqrstuvwxyz\",\"code\":0,\"time\":0,\"message\":\"\"}",
		",\"steps\":{}", ",\"steps\":[7]", ",\"steps\":[{\"name\":\"a\"}]",
		",\"steps\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]",
		",\"witness\":7", ",\"witness\":[7]", ",\"witness\":[[]]", ",\"witness\":[[\"etc\"]]",
		",\"witness\":[[\"/etc\",1]]", ",\"witness\":[[\"/etc\",1,2,3,4,\"5\"]]",
		",\"witness\":[[\"/a\",1,2,3,4,5],[\"/etc\",1,2,3,4,5,6]]",
	};
	/* clang-format on */
	struct state state = {.owner = "untouched"};

	(void)test;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		assert_int_equal(state_parse(span_of(rows[i]), &state, &err), -EBADMSG);
	}
	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		AUTO_BUF text = {0};
		struct err err = {0};

		buf_printf(&text, "%s%s}", head, tails[i]);
		assert_int_equal(state_parse(buf_bytes(&text), &state, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, "is not as it was written"));
	}
	assert_string_equal(state.owner, "untouched");
}

static void a_missing_state_says_so(void **test)
{
	struct state state = {0};
	struct err err = {0};

	(void)test;
	assert_int_equal(state_read(&scratch.sys, &state, &err), -ENOENT);
	scratch_write(&scratch, STATE_PATH, "{}", 0666);
	assert_int_equal(state_read(&scratch.sys, &state, &err), -EPERM);
}

static void versions_are_digits_and_dots(void **test)
{
	(void)test;
	assert_true(version_valid("1.0.0.0"));
	assert_false(version_valid(""));
	assert_false(version_valid("1.0.0-rc1"));
	assert_false(version_valid("1111111111.1111111111.1111111111"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(the_empty_state_is_written_and_read),
		TEST(what_says_nothing_is_not_witnessed),
		TEST(a_witness_that_failed_concludes_nothing),
		TEST(nothing_changed_is_current),
		TEST(any_difference_is_not_current),
		TEST(a_boot_that_cannot_be_told_is_not_current),
		TEST(the_boot_id_is_the_kernels),
		TEST(a_corrupt_state_is_refused),
		TEST(a_missing_state_says_so),
		TEST(versions_are_digits_and_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
