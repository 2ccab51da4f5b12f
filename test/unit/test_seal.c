/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "handler/seal.h"
#include "lib/core/cleanup.h"
#include "test/unit/scratch.h"

#define VERSION_TEXT "1.0.0.0"
#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BOOT "0b8b1c1e-9d3c-4f3b-8f8e-0123456789ab"
#define BOOT_PATH "/proc/sys/kernel/random/boot_id"

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch_mkdir(&scratch, STATE_DIR, 0700);
	scratch_write(&scratch, BOOT_PATH, BOOT "\n", 0444);
	scratch_write(&scratch, "/etc/nsswitch.conf", "passwd: files\n", 0644);
	scratch_mkdir(&scratch, "/usr/lib", 0755);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static struct seal this_seal(void)
{
	return seal_of(&scratch.sys, VERSION_TEXT, HASH);
}

/* A look at a file, at one that is not there, at a directory, and at what says nothing. */
static void look(struct witness *ret)
{
	scratch.sys.witness = ret;
	(void)fs_exists(&scratch.sys, "/etc/nsswitch.conf");
	(void)fs_exists(&scratch.sys, "/etc/nothing");
	(void)fs_exists(&scratch.sys, "/usr/lib");
	(void)fs_exists(&scratch.sys, "/proc/self");
	(void)fs_exists(&scratch.sys, "/sys/kernel");
	(void)fs_exists(&scratch.sys, "/sysroot");
	(void)fs_exists(&scratch.sys, STATE_DIR);
	scratch.sys.witness = NULL;
}

static void make(void)
{
	CLEANUP(witness_done) struct witness witness = {0};
	const struct seal seal = this_seal();
	struct err err = {0};

	look(&witness);
	assert_int_equal(seal_make(&scratch.sys, &seal, &witness, &err), 0);
}

static bool holds(void)
{
	const struct seal seal = this_seal();
	bool told = false;
	AUTO_BUF said = {0};

	return seal_holds(&scratch.sys, &seal, &told, &said) && told;
}

static void nothing_changed_holds(void **test)
{
	struct err err = {0};
	struct stat st;

	(void)test;
	make();
	assert_true(holds());
	assert_int_equal(fs_lstat(&scratch.sys, SEAL_PATH, &st, &err), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_broken_seal_does_not_hold(void **test)
{
	struct err err = {0};

	(void)test;
	assert_false(holds());
	make();
	assert_int_equal(seal_break(&scratch.sys, &err), 0);
	assert_false(holds());
	assert_int_equal(seal_break(&scratch.sys, &err), 0);
}

static void what_says_nothing_is_left_out(void **test)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	(void)test;
	make();
	assert_int_equal(fs_read(&scratch.sys, SEAL_PATH, 0, SEAL_MAX, &text, NULL, &err), 0);
	assert_non_null(strstr(buf_text(&text), " /etc/nsswitch.conf\n"));
	assert_non_null(strstr(buf_text(&text), "absent /etc/nothing\n"));
	assert_non_null(strstr(buf_text(&text), "shallow 16877 "));
	assert_non_null(strstr(buf_text(&text), "absent /sysroot\n"));
	assert_null(strstr(buf_text(&text), "/proc"));
	assert_null(strstr(buf_text(&text), "/sys/"));
	assert_null(strstr(buf_text(&text), STATE_DIR));
}

/* Each row spoils one thing. */
static void a_changed_file(void)
{
	scratch_write(&scratch, "/etc/nsswitch.conf", "passwd: files \n", 0644);
}

static void a_changed_mode(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/etc/nsswitch.conf", scratch.dir);
	assert_int_equal(chmod(path, 0600), 0);
}

static void a_changed_mode_of_a_directory(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/usr/lib", scratch.dir);
	assert_int_equal(chmod(path, 0777), 0);
}

static void a_file_that_appeared(void)
{
	scratch_write(&scratch, "/etc/nothing", "", 0644);
}

static void a_file_that_went(void)
{
	struct err err = {0};

	assert_int_equal(fs_remove(&scratch.sys, "/etc/nsswitch.conf", &err), 0);
}

static void another_boot(void)
{
	scratch_write(&scratch, BOOT_PATH, "ffffffff-9d3c-4f3b-8f8e-0123456789ab\n", 0444);
}

static void a_boot_that_cannot_be_told(void)
{
	struct err err = {0};

	assert_int_equal(fs_remove(&scratch.sys, BOOT_PATH, &err), 0);
}

static void a_boot_id_that_is_too_long(void)
{
	scratch_write(&scratch, BOOT_PATH, BOOT "0\n", 0444);
}

static void a_seal_that_others_can_write(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s" SEAL_PATH, scratch.dir);
	assert_int_equal(chmod(path, 0666), 0);
}

static void any_difference_breaks_it(void **test)
{
	make();
	assert_true(holds());
	((void (*)(void))(uintptr_t)*test)();
	assert_false(holds());
}

static void it_is_known_what_it_was_made_for(void **test)
{
	const struct seal mine = this_seal();
	const struct seal other = seal_of(&scratch.sys, VERSION_TEXT, "f" HASH);

	(void)test;
	assert_false(seal_made_for(&scratch.sys, &mine));
	make();
	a_changed_file();
	assert_false(holds());
	assert_true(seal_made_for(&scratch.sys, &mine));
	assert_false(seal_made_for(&scratch.sys, &other));
	another_boot();
	assert_false(seal_made_for(&scratch.sys,
				   &(struct seal){.version = VERSION_TEXT, .settings_hash = HASH}));
}

static void it_holds_for_one_version_and_one_text_of_settings(void **test)
{
	const struct seal newer = seal_of(&scratch.sys, "2.0.0.0", HASH);
	const struct seal other = seal_of(&scratch.sys, VERSION_TEXT, "f" HASH);
	AUTO_BUF said = {0};
	bool told;

	(void)test;
	make();
	assert_false(seal_holds(&scratch.sys, &newer, &told, &said));
	assert_false(seal_holds(&scratch.sys, &other, &told, &said));
}

static bool holds_and(const char *first, const char *second, bool *ret_told)
{
	struct seal seal = this_seal();
	AUTO_BUF said = {0};

	seal.told[0] = first;
	seal.told[1] = second;
	return seal_holds(&scratch.sys, &seal, ret_told, &said);
}

static void who_was_told_need_not_be_told_again(void **test)
{
	bool told = false;

	(void)test;
	make();
	assert_true(holds_and("/etc/nsswitch.conf", "/usr/lib", &told));
	assert_true(told);
	/* Of one the seal knows nothing, the other is not there. */
	assert_true(holds_and("/etc/nsswitch.conf", "/etc/other", &told));
	assert_false(told);
	assert_true(holds_and("/etc/nsswitch.conf", "/etc/nothing", &told));
	assert_false(told);
}

static void it_holds_although_another_wrote_what_is_told(void **test)
{
	bool told = true;

	(void)test;
	make();
	a_changed_file();
	assert_true(holds_and("/etc/nsswitch.conf", "/usr/lib", &told));
	assert_false(told);
	assert_false(holds_and("/usr/lib", NULL, &told));
}

static void what_the_steps_said_comes_back(void **test)
{
	static const struct step step_a = {.name = "a"}, step_b = {.name = "b"},
				 step_c = {.name = "c"}, step_d = {.name = "d"};
	static const struct step_result results[] = {
		{.step = &step_a, .state = STEP_SKIPPED, .note_count = 1, .notes = {"left out"}},
		{.step = &step_a, .state = STEP_OK},
		{.step = &step_b,
		 .state = STEP_OK,
		 .note_count = 2,
		 .notes = {"said x y", "two\nlines, caf\303\251"}},
		{.step = &step_c,
		 .state = STEP_OK,
		 .note_count = 1,
		 .notes = {"nobody"},
		 .gravity = GRAVITY_SHUT},
		{.step = &step_d,
		 .state = STEP_OK,
		 .note_count = 1,
		 .notes = {"some"},
		 .gravity = GRAVITY_RISK},
	};
	static const struct {
		const char *step, *note;
		enum gravity gravity;
	} expected[] = {
		{"a", "", GRAVITY_NOTE},
		{"b", "said x y", GRAVITY_NOTE},
		{"b", "two lines, caf??", GRAVITY_NOTE},
		{"c", "nobody", GRAVITY_SHUT},
		{"d", "some", GRAVITY_RISK},
	};
	CLEANUP(witness_done) struct witness witness = {0};
	struct seal seal = this_seal();
	struct said one;
	struct span rest;
	struct err err = {0};
	AUTO_BUF said = {0};
	bool told = false;

	(void)test;
	seal.results = results;
	seal.count = ARRAY_LEN(results);
	look(&witness);
	assert_int_equal(seal_make(&scratch.sys, &seal, &witness, &err), 0);
	assert_true(seal_holds(&scratch.sys, &seal, &told, &said));
	rest = buf_bytes(&said);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_true(seal_next_said(&rest, &one));
		assert_true(span_is(one.step, expected[i].step));
		assert_true(span_is(one.note, expected[i].note));
		assert_int_equal(one.gravity, expected[i].gravity);
	}
	assert_false(seal_next_said(&rest, &one));
}

static void refuse(const struct witness *witness)
{
	const struct seal seal = this_seal();
	struct err err = {0};

	assert_int_equal(seal_make(&scratch.sys, &seal, witness, &err), -EINVAL);
	assert_false(holds());
}

static void what_proves_nothing_is_not_sealed(void **test)
{
	CLEANUP(witness_done) struct witness witness = {0};
	const struct witness none = {0};
	struct err err = {0};

	(void)test;
	refuse(&none);
	look(&witness);
	witness.failed = true;
	refuse(&witness);
	witness.failed = false;
	assert_int_equal(fs_remove(&scratch.sys, BOOT_PATH, &err), 0);
	refuse(&witness);
}

static void a_path_of_two_lines_is_not_sealed(void **test)
{
	CLEANUP(witness_done) struct witness witness = {0};

	(void)test;
	scratch.sys.witness = &witness;
	(void)fs_exists(&scratch.sys, "/etc/two\nlines");
	scratch.sys.witness = NULL;
	refuse(&witness);
}

static void a_corrupt_seal_does_not_hold(void **test)
{
	const char *tail = *test;
	AUTO_BUF text = {0};

	buf_printf(&text, "aadsshlogin-seal-3 " VERSION_TEXT " " BOOT " " HASH "\nuntil 0\n%s",
		   tail);
	assert_false(text.failed);
	scratch_write(&scratch, SEAL_PATH, buf_text(&text), 0600);
	assert_false(holds());
}

static void a_cut_head_does_not_hold(void **test)
{
	(void)test;
	scratch_write(&scratch, SEAL_PATH, "aadsshlogin-seal-3 " VERSION_TEXT, 0600);
	assert_false(holds());
	scratch_write(&scratch, SEAL_PATH, "", 0600);
	assert_false(holds());
}

static int64_t now_ns;

static int64_t fixed_boottime(struct sys *sys)
{
	(void)sys;
	return now_ns;
}

static void one_with_a_time_holds_so_long_and_while_that_is_told(void **test)
{
	CLEANUP(witness_done) struct witness witness = {0};
	struct seal seal = this_seal();
	struct err err = {0};
	bool told = false;

	(void)test;
	scratch.ops.boottime_ns = fixed_boottime;
	seal.until_ns = 1000;
	look(&witness);
	assert_int_equal(seal_make(&scratch.sys, &seal, &witness, &err), 0);
	now_ns = 999;
	assert_true(holds());
	assert_true(holds_and("/etc/nsswitch.conf", NULL, &told));
	assert_false(holds_and("/etc/nsswitch.conf", "/etc/other", &told));
	now_ns = 1000;
	assert_false(holds());
}

static void one_without_its_time_does_not_hold(void **test)
{
	static const char *const lines[] = {"",           "until\n",
					    "until \n",   "until x\n",
					    "until -1\n", "until 9223372036854775808\n",
					    "since 0\n"};

	(void)test;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		AUTO_BUF text = {0};

		buf_printf(&text,
			   "aadsshlogin-seal-3 " VERSION_TEXT " " BOOT " " HASH
			   "\n%sabsent /etc/nothing\n",
			   lines[i]);
		scratch_write(&scratch, SEAL_PATH, buf_text(&text), 0600);
		assert_false(holds());
	}
	scratch_write(&scratch, SEAL_PATH,
		      "aadsshlogin-seal-3 " VERSION_TEXT " " BOOT " " HASH
		      "\nuntil 0\nabsent /etc/nothing\n",
		      0600);
	assert_true(holds());
}

static void numbers_of_any_size_are_taken_back(void **test)
{
	const struct sighting seen = {.path = (char[]){"/etc/a b"},
				      .exists = true,
				      .mode = UINT32_MAX,
				      .ino = UINT64_MAX, /* overlay file systems number like this */
				      .mtime_ns = -1,
				      .ctime_ns = INT64_MIN};
	struct sighting again;
	char path[PATH_MAX];
	AUTO_BUF text = {0};
	struct span rest, line;

	(void)test;
	seal_add_line(&seen, &text);
	rest = buf_bytes(&text);
	assert_true(span_line(&rest, &line));
	assert_true(seal_take_line(line, path, &again));
	assert_string_equal(again.path, "/etc/a b");
	assert_true(again.mode == seen.mode && again.ino == seen.ino &&
		    again.mtime_ns == seen.mtime_ns && again.ctime_ns == seen.ctime_ns);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define DIFFERENCE(name)                                                                           \
	{                                                                                          \
		"any difference breaks it: " #name, any_difference_breaks_it, set_up, tear_down,   \
			(void *)(uintptr_t)(name)                                                  \
	}
#define CORRUPT(tail)                                                                              \
	{                                                                                          \
		"a corrupt seal does not hold: " tail, a_corrupt_seal_does_not_hold, set_up,       \
			tear_down, (void *)(uintptr_t)(tail)                                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_changed_holds),
		TEST(it_is_known_what_it_was_made_for),
		TEST(one_with_a_time_holds_so_long_and_while_that_is_told),
		TEST(one_without_its_time_does_not_hold),
		TEST(a_broken_seal_does_not_hold),
		TEST(what_says_nothing_is_left_out),
		DIFFERENCE(a_changed_file),
		DIFFERENCE(a_changed_mode),
		DIFFERENCE(a_changed_mode_of_a_directory),
		DIFFERENCE(a_file_that_appeared),
		DIFFERENCE(a_file_that_went),
		DIFFERENCE(another_boot),
		DIFFERENCE(a_boot_that_cannot_be_told),
		DIFFERENCE(a_boot_id_that_is_too_long),
		DIFFERENCE(a_seal_that_others_can_write),
		TEST(it_holds_for_one_version_and_one_text_of_settings),
		TEST(who_was_told_need_not_be_told_again),
		TEST(it_holds_although_another_wrote_what_is_told),
		TEST(what_the_steps_said_comes_back),
		TEST(what_proves_nothing_is_not_sealed),
		TEST(a_path_of_two_lines_is_not_sealed),
		TEST(a_cut_head_does_not_hold),
		TEST(numbers_of_any_size_are_taken_back),
		CORRUPT(""),
		CORRUPT("absent"),
		CORRUPT("absent \n"),
		CORRUPT("absent sysroot"),
		CORRUPT("absent  /sysroot"),
		CORRUPT("gone /sysroot"),
		CORRUPT("said a b\n"),
		CORRUPT("shut a b\n"),
		CORRUPT("grave a b\nabsent /sysroot\n"),
		CORRUPT("absent /sysroot\nsaid a b\n"),
		CORRUPT("said a\nabsent /sysroot\n"),
		CORRUPT("absent /sysroot\n\n"),
		CORRUPT("shallow 1 2 /sysroot"),
		CORRUPT("whole 1 2 3 /sysroot"),
		CORRUPT("shallow 4294967296 0 0 /sysroot"),
		CORRUPT("whole 1 2 3 4 5 6 7 18446744073709551616 /sysroot"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
