/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/sys/fs.h"
#include "lib/sys/userindex.h"
#include "test/unit/scratch.h"

#define OID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define ALICE "alice@contoso.com:" OID ":96865231:96865231::/home/a:/bin/zsh\n"
#define BOB "bob@contoso.com:" OID ":50320355:50320355::/home/b:/bin/zsh\n"

static struct scratch scratch;
static char index_path[128], text_path[128];

static int open_scratch(void **state)
{
	(void)state;
	scratch_open(&scratch);
	(void)snprintf(index_path, sizeof(index_path), "%s" AADINDEX_PATH, scratch.dir);
	(void)snprintf(text_path, sizeof(text_path), "%s" AADPASSWD_PATH, scratch.dir);
	scratch_write(&scratch, AADPASSWD_PATH, ALICE, 0644);
	return 0;
}

static int done_scratch(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static int publish(void)
{
	struct err err = {0};

	return userindex_publish(&scratch.sys, &err);
}

static int find(const char *name)
{
	unsigned char buffer[AADINDEX_FETCH_MAX];
	struct aad_user user;
	int r = userindex_find(&scratch.sys, name, buffer, &user);

	if (r == 0)
		assert_true(span_is(user.name, name));
	return r;
}

static void the_index_is_of_the_text_and_says_who_is_in_it(void **state)
{
	struct stat st;

	(void)state;
	assert_false(userindex_is_current(&scratch.sys));
	assert_int_equal(find("alice@contoso.com"), -ESTALE);
	assert_int_equal(publish(), 0);
	assert_true(userindex_is_current(&scratch.sys));
	assert_int_equal(find("alice@contoso.com"), 0);
	assert_int_equal(find("bob@contoso.com"), -ENOENT);
	assert_int_equal(stat(index_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void a_second_publication_writes_nothing(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(publish(), 0);
	assert_int_equal(stat(index_path, &before), 0);
	assert_int_equal(publish(), 0);
	assert_int_equal(stat(index_path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
}

static void a_text_that_was_replaced_is_another(void **state)
{
	struct err err = {0};
	const struct fs_meta meta = {0644, getuid(), getgid()};

	(void)state;
	assert_int_equal(publish(), 0);
	assert_int_equal(fs_replace(&scratch.sys, AADPASSWD_PATH, SPAN_LIT(BOB), &meta, &err), 0);
	assert_false(userindex_is_current(&scratch.sys));
	assert_int_equal(find("alice@contoso.com"), -ESTALE);
	assert_int_equal(publish(), 0);
	assert_int_equal(find("alice@contoso.com"), -ENOENT);
	assert_int_equal(find("bob@contoso.com"), 0);
}

static void an_index_goes_with_its_text(void **state)
{
	(void)state;
	assert_int_equal(publish(), 0);
	assert_int_equal(unlink(text_path), 0);
	assert_false(userindex_is_current(&scratch.sys));
	assert_int_equal(find("alice@contoso.com"), -ESTALE);
	assert_int_equal(publish(), 0);
	assert_int_equal(access(index_path, F_OK), -1);
	assert_int_equal(publish(), 0); /* and there is nothing to be done any more */
}

static void it_is_removed_once(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(publish(), 0);
	assert_int_equal(userindex_remove(&scratch.sys, &err), 0);
	assert_int_equal(access(index_path, F_OK), -1);
	assert_int_equal(userindex_remove(&scratch.sys, &err), 0);
}

static void a_text_that_others_can_write_gets_none(void **state)
{
	(void)state;
	assert_int_equal(chmod(text_path, 0666), 0);
	assert_int_equal(publish(), -EPERM);
	assert_int_equal(access(index_path, F_OK), -1);
}

/* The bits that it lacks: nobody learns by the index what the text would not tell. */
static void the_index_of_a_private_text_is_private(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(chmod(text_path, 0600), 0);
	assert_int_equal(publish(), 0);
	assert_int_equal(stat(index_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* How an index is spoilt, after which it is of no use, and the next publication mends it. */
static void others_can_write_it(void)
{
	assert_int_equal(chmod(index_path, 0666), 0);
}

static void cut_it(void)
{
	assert_int_equal(truncate(index_path, 100), 0);
}

static void empty_it(void)
{
	assert_int_equal(truncate(index_path, 0), 0);
}

static void lengthen_it(void)
{
	assert_int_equal(truncate(index_path, 100000), 0);
}

static void overwrite_its_head(void)
{
	int fd = open(index_path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "x", 1, 20), 1);
	(void)close(fd);
}

static void remove_it(void)
{
	assert_int_equal(unlink(index_path), 0);
}

static void touch_the_text(void)
{
	assert_int_equal(chmod(text_path, 0640), 0);
	assert_int_equal(chmod(text_path, 0644), 0);
}

/* clang-format off */
static const struct spoilt {
	const char *name;
	void (*spoil)(void);
} spoilts[] = {
	{"an_index_that_others_can_write_is_made_anew", others_can_write_it},
	{"an_index_that_was_cut_is_made_anew", cut_it},
	{"an_empty_index_is_made_anew", empty_it},
	{"too_long_an_index_is_made_anew", lengthen_it},
	{"an_index_with_a_damaged_head_is_made_anew", overwrite_its_head},
	{"a_missing_index_is_made_anew", remove_it},
	{"a_text_whose_status_changed_gets_a_new_index", touch_the_text},
};
/* clang-format on */

static void is_mended(void **state)
{
	const struct spoilt *row = *state;

	assert_int_equal(publish(), 0);
	usleep(12000); /* longer than a tick of the clock */
	row->spoil();
	assert_false(userindex_is_current(&scratch.sys));
	assert_int_equal(find("alice@contoso.com"), -ESTALE);
	assert_int_equal(publish(), 0);
	assert_true(userindex_is_current(&scratch.sys));
	assert_int_equal(find("alice@contoso.com"), 0);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	char other[160];

	(void)state;
	assert_int_equal(publish(), 0);
	(void)snprintf(other, sizeof(other), "%s.other", index_path);
	assert_int_equal(rename(index_path, other), 0);
	assert_int_equal(symlink(other, index_path), 0);
	assert_int_equal(find("alice@contoso.com"), -ESTALE);
	assert_int_equal(publish(), -ELOOP);
}

static void a_damaged_line_is_not_believed(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(publish(), 0);
	assert_int_equal(stat(index_path, &st), 0);
	fd = open(index_path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "!", 1, st.st_size - 3), 1);
	(void)close(fd);
	assert_int_equal(find("alice@contoso.com"), -ESTALE);
}

/* The runtime rewrites it at any time: no fast path of enable may end with that. */
static void no_witness_notes_it(void **state)
{
	struct witness witness = {0};

	(void)state;
	scratch.sys.witness = &witness;
	assert_int_equal(publish(), 0);
	assert_true(userindex_is_current(&scratch.sys));
	for (size_t i = 0; i < witness.count; i++)
		assert_true(witness.seen[i].shallow);
	witness_done(&witness);
	scratch.sys.witness = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, done_scratch)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(the_index_is_of_the_text_and_says_who_is_in_it),
		TEST(a_second_publication_writes_nothing),
		TEST(a_text_that_was_replaced_is_another),
		TEST(an_index_goes_with_its_text),
		TEST(it_is_removed_once),
		TEST(a_text_that_others_can_write_gets_none),
		TEST(the_index_of_a_private_text_is_private),
		TEST(a_link_in_its_place_is_not_followed),
		TEST(a_damaged_line_is_not_believed),
		TEST(no_witness_notes_it),
	};
	struct CMUnitTest rows[ARRAY_LEN(spoilts)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(spoilts); i++)
		rows[i] = (struct CMUnitTest){.name = spoilts[i].name,
					      .test_func = is_mended,
					      .setup_func = open_scratch,
					      .teardown_func = done_scratch,
					      .initial_state = (void *)(uintptr_t)&spoilts[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("spoilt", rows, NULL, NULL);
}
