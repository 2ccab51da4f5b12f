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
#include <unistd.h>
#include <cmocka.h>

#include "lib/core/aadindexmake.h"
#include "lib/core/cleanup.h"

#define OID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define OID2 "11111111-93c4-4be1-8f07-2f6c1b7a9e30"
#define ALICE "alice@contoso.com:" OID ":96865231:96865231:Alice A.:/home/a:/bin/zsh\n"
#define BOB "bob@contoso.com:" OID2 ":50320355:50320355::/home/bob:/bin/bash\n"
#define TEXT ALICE "garbage\n" BOB

/* An index in memory of exactly its size, so that a sanitizer sees the first byte too many. */
struct made {
	unsigned char *bytes;
	size_t size;
	struct aadindex_source source;
	struct aadindex_head head;
};

static struct aadindex_mark mark_of(struct span text)
{
	return (struct aadindex_mark){
		.inode = 4711, .size = text.len, .mtime_ns = 17, .ctime_ns = 23};
}

static void made_done(struct made *made)
{
	free(made->bytes);
}

#define AUTO_MADE CLEANUP(made_done) struct made

static void make(const char *text, struct made *ret)
{
	const struct aadindex_mark mark = mark_of(span_of(text));
	AUTO_BUF index = {0};
	struct err err = {0};

	assert_int_equal(aadindex_make(span_of(text), &mark, &index, &err), 0);
	ret->size = index.len;
	ret->bytes = malloc(index.len);
	assert_non_null(ret->bytes);
	memcpy(ret->bytes, index.data, index.len);
	ret->source = aadindex_from_memory(ret->bytes, ret->size);
	assert_int_equal(aadindex_open(&ret->source, &ret->head), 0);
}

/* The line of a name, "-" when there is none, "?" when the index is damaged. */
static const char *by_name(struct made *made, const char *name)
{
	static char text[AADPASSWD_LINE_MAX + 1];
	struct span line;
	int r = aadindex_by_name(&made->source, &made->head, span_of(name), &line);

	if (r < 0)
		return r == -ENOENT ? "-" : "?";
	assert_true(span_copy(line, text, sizeof(text)));
	return text;
}

static const char *by_id(struct made *made, uint32_t id)
{
	static char text[AADPASSWD_LINE_MAX + 1];
	struct span line;
	int r = aadindex_by_id(&made->source, &made->head, id, &line);

	if (r < 0)
		return r == -ENOENT ? "-" : "?";
	assert_true(span_copy(line, text, sizeof(text)));
	return text;
}

static void users_are_found_by_name_and_id(void **state)
{
	AUTO_MADE made = {.bytes = NULL};

	(void)state;
	make(TEXT, &made);
	assert_string_equal(by_name(&made, "alice@contoso.com"), ALICE);
	assert_string_equal(by_name(&made, "bob@contoso.com"), BOB);
	assert_string_equal(by_id(&made, 96865231), ALICE);
	assert_string_equal(by_id(&made, 50320355), BOB);
	assert_string_equal(by_name(&made, "alice@contoso.co"), "-");
	assert_string_equal(by_name(&made, "garbage"), "-");
	assert_string_equal(by_name(&made, ""), "-");
	assert_string_equal(by_id(&made, 96865232), "-");
}

static void an_empty_text_has_nobody(void **state)
{
	AUTO_MADE made = {.bytes = NULL};

	(void)state;
	make("", &made);
	assert_string_equal(by_name(&made, "alice@contoso.com"), "-");
	assert_string_equal(by_id(&made, 0), "-");
}

/* As in the text. */
static void the_first_of_several_lines_wins(void **state)
{
	static const char second_alice[] = "alice@contoso.com:" OID2 ":70000:70000::/h:/s\n";
	static const char second_id[] = "eve@contoso.com:" OID2 ":96865231:96865231::/h:/s\n";
	AUTO_MADE made = {.bytes = NULL};
	char text[1024];

	(void)state;
	(void)snprintf(text, sizeof(text), "%s%s%s", ALICE, second_alice, second_id);
	make(text, &made);
	assert_string_equal(by_name(&made, "alice@contoso.com"), ALICE);
	assert_string_equal(by_id(&made, 96865231), ALICE);
	assert_string_equal(by_id(&made, 70000), second_alice);
	assert_string_equal(by_name(&made, "eve@contoso.com"), second_id);
}

static void a_last_line_that_was_cut_off_is_nobodys(void **state)
{
	AUTO_MADE made = {.bytes = NULL};

	(void)state;
	make(ALICE "bob@contoso.com:" OID2 ":50320355:50320355::/home/bob:/bin/bash", &made);
	assert_string_equal(by_name(&made, "bob@contoso.com"), "-");
	assert_string_equal(by_id(&made, 50320355), "-");
}

#define MANY 10000

static void ten_thousand_are_all_found(void **state)
{
	AUTO_BUF text = {0};
	AUTO_MADE made = {.bytes = NULL};
	char name[64], expected[256];

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		buf_printf(
			&text,
			"user%u@contoso.com:%08x-93c4-4be1-8f07-2f6c1b7a9e30:%u:%u::/home/u:/b\n",
			i, i, 10000100 + i, 10000100 + i);
	make(buf_text(&text), &made);
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "user%u@contoso.com", i);
		(void)snprintf(expected, sizeof(expected),
			       "%s:%08x-93c4-4be1-8f07-2f6c1b7a9e30:%u:%u::/home/u:/b\n", name, i,
			       10000100 + i, 10000100 + i);
		assert_string_equal(by_name(&made, name), expected);
		assert_string_equal(by_id(&made, 10000100 + i), expected);
		name[0] = 'v';
		assert_string_equal(by_name(&made, name), "-");
		assert_string_equal(by_id(&made, 20000000 + i), "-");
	}
}

/* Right, or refused: never another line, never "nobody" instead of somebody. */
static void expect_right_or_refused(struct made *made)
{
	const char *alice = by_name(made, "alice@contoso.com");
	const char *got;

	assert_true(strcmp(alice, ALICE) == 0 || strcmp(alice, "?") == 0);
	got = by_name(made, "bob@contoso.com");
	assert_true(strcmp(got, BOB) == 0 || strcmp(got, "?") == 0);
	got = by_id(made, 96865231);
	assert_true(strcmp(got, ALICE) == 0 || strcmp(got, "?") == 0);
	got = by_id(made, 50320355);
	assert_true(strcmp(got, BOB) == 0 || strcmp(got, "?") == 0);
	got = by_name(made, "eve@contoso.com");
	assert_true(strcmp(got, "-") == 0 || strcmp(got, "?") == 0);
	got = by_id(made, 70000);
	assert_true(strcmp(got, "-") == 0 || strcmp(got, "?") == 0);
}

static void look_again(struct made *made)
{
	made->source = aadindex_from_memory(made->bytes, made->size);
	if (aadindex_open(&made->source, &made->head) == 0)
		expect_right_or_refused(made);
}

static void every_byte_may_be_any_other(void **state)
{
	AUTO_MADE made = {.bytes = NULL};

	(void)state;
	make(TEXT, &made);
	for (size_t i = 0; i < made.size; i++) {
		for (unsigned change = 1; change < 256; change++) {
			made.bytes[i] ^= (unsigned char)change;
			look_again(&made);
			made.bytes[i] ^= (unsigned char)change;
		}
	}
	look_again(&made);
	assert_string_equal(by_name(&made, "alice@contoso.com"), ALICE);
}

/* A head that was read whole, and bytes behind it that change: as when a file is overwritten. */
static void what_changes_behind_the_head_is_noticed(void **state)
{
	static const unsigned char fills[] = {0, 0xff, 'a', '\n', ':'};
	AUTO_MADE made = {.bytes = NULL};

	(void)state;
	make(TEXT, &made);
	for (size_t f = 0; f < sizeof(fills); f++) {
		for (size_t run = 1; run <= 256; run *= 4) {
			for (size_t i = sizeof(struct aadindex_head); i + run <= made.size; i++) {
				unsigned char before[256];

				memcpy(before, made.bytes + i, run);
				memset(made.bytes + i, fills[f], run);
				expect_right_or_refused(&made);
				memcpy(made.bytes + i, before, run);
			}
		}
	}
}

static void slots_that_change_places_are_noticed(void **state)
{
	AUTO_MADE made = {.bytes = NULL};
	struct aadindex_slot *slots;

	(void)state;
	make(TEXT, &made);
	slots = (void *)(made.bytes + sizeof(struct aadindex_head));
	for (size_t i = 0; i < 2 * made.head.slots; i++) {
		for (size_t k = 0; k < i; k++) {
			struct aadindex_slot a = slots[i], b = slots[k];

			slots[i] = b;
			slots[k] = a;
			expect_right_or_refused(&made);
			slots[i] = a;
			slots[k] = b;
		}
	}
}

static void a_part_of_another_index_is_noticed(void **state)
{
	AUTO_MADE made = {.bytes = NULL}, other = {.bytes = NULL};

	(void)state;
	make(TEXT, &made);
	make("eve@contoso.com:" OID2 ":70000:70000:Eve with a long name, so that the length is the"
	     " same as the one:/home/eve:/bin/shell/shell\n",
	     &other);
	assert_int_equal(made.head.slots, other.head.slots);
	memcpy(made.bytes + sizeof(struct aadindex_head),
	       other.bytes + sizeof(struct aadindex_head),
	       2 * made.head.slots * sizeof(struct aadindex_slot));
	expect_right_or_refused(&made);
	assert_string_equal(by_name(&made, "eve@contoso.com"), "?");
}

static void a_table_without_an_empty_slot_ends(void **state)
{
	AUTO_MADE made = {.bytes = NULL};
	struct aadindex_slot *slots;

	(void)state;
	make(TEXT, &made);
	slots = (void *)(made.bytes + sizeof(struct aadindex_head));
	for (uint32_t i = 0; i < made.head.slots; i++) {
		slots[i] = (struct aadindex_slot){.offset = 0, .key = 1};
		slots[i].check = aadindex_slot_check(made.head.seed, AADINDEX_NAMES, i, &slots[i]);
	}
	assert_string_equal(by_name(&made, "alice@contoso.com"), "?");
	assert_string_equal(by_id(&made, 96865231), ALICE);
}

static void an_offset_beside_the_text_is_refused(void **state)
{
	AUTO_MADE made = {.bytes = NULL};
	struct aadindex_slot *slots;

	(void)state;
	make(TEXT, &made);
	slots = (void *)(made.bytes + sizeof(struct aadindex_head));
	for (uint32_t i = 0; i < made.head.slots; i++) {
		slots[i] = (struct aadindex_slot){
			.offset = (uint32_t)sizeof(TEXT) - 1 + i,
			.key = aadindex_hash(made.head.seed, SPAN_LIT("alice@contoso.com"))};
		slots[i].check = aadindex_slot_check(made.head.seed, AADINDEX_NAMES, i, &slots[i]);
	}
	assert_string_equal(by_name(&made, "alice@contoso.com"), "?");
}

static void an_index_of_any_other_length_is_refused(void **state)
{
	AUTO_MADE made = {.bytes = NULL};
	struct aadindex_head head;

	(void)state;
	make(TEXT, &made);
	for (size_t len = 0; len < made.size; len++) {
		struct aadindex_source source = aadindex_from_memory(made.bytes, len);

		assert_int_equal(aadindex_open(&source, &head), -EBADMSG);
	}
}

/* clang-format off */
static const struct head_row {
	const char *name;
	struct aadindex_head change; /* what is not 0 replaces what was */
	int r;
} head_rows[] = {
	{"the_head_as_it_was_is_taken", {.magic = AADINDEX_MAGIC}, 0},
	{"another_magic_is_refused", {.magic = 0x41414442}, -EBADMSG},
	{"another_version_is_refused", {.version = 2}, -EBADMSG},
	{"slots_that_are_no_power_of_two_are_refused", {.slots = 17}, -EBADMSG},
	{"too_many_slots_are_refused", {.slots = 1u << 31}, -EBADMSG},
	{"too_long_a_text_is_refused", {.text = {.size = UINT64_MAX}}, -EBADMSG},
};
/* clang-format on */

static void head_is_judged(void **state)
{
	const struct head_row *row = *state;
	AUTO_MADE made = {.bytes = NULL};
	struct aadindex_head head;

	make(TEXT, &made);
	head = made.head;
	head.magic = row->change.magic ? row->change.magic : head.magic;
	head.version = row->change.version ? row->change.version : head.version;
	head.slots = row->change.slots ? row->change.slots : head.slots;
	head.text.size = row->change.text.size ? row->change.text.size : head.text.size;
	head.check = aadindex_head_check(&head);
	memcpy(made.bytes, &head, sizeof(head));
	assert_int_equal(aadindex_open(&made.source, &head), row->r);
}

static void an_index_without_slots_is_refused(void **state)
{
	struct aadindex_head head = {.magic = AADINDEX_MAGIC, .version = AADINDEX_VERSION};
	struct aadindex_source source = aadindex_from_memory(&head, sizeof(head));

	(void)state;
	head.check = aadindex_head_check(&head);
	assert_int_equal(aadindex_open(&source, &head), -EBADMSG);
}

static void a_file_is_read_piece_by_piece(void **state)
{
	unsigned char buffer[AADINDEX_FETCH_MAX];
	char path[] = "/tmp/test_aadindex.XXXXXX";
	AUTO_MADE made = {.bytes = NULL};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	make(TEXT, &made);
	assert_int_equal(write(fd, made.bytes, made.size), made.size);
	made.source = aadindex_from_file(fd, made.size, buffer);
	assert_int_equal(aadindex_open(&made.source, &made.head), 0);
	assert_string_equal(by_name(&made, "bob@contoso.com"), BOB);
	assert_string_equal(by_id(&made, 96865231), ALICE);
	assert_string_equal(by_id(&made, 1), "-");
	/* Cut off meanwhile, at every length. */
	for (size_t len = made.size; len-- > 0;) {
		assert_int_equal(ftruncate(fd, (off_t)len), 0);
		expect_right_or_refused(&made);
	}
	assert_string_equal(by_name(&made, "bob@contoso.com"), "?");
	(void)close(fd);
}

static void a_mark_tells_every_change(void **state)
{
	const struct aadindex_mark mark = {1, 2, 3, 4};
	const struct aadindex_mark others[] = {
		{0, 2, 3, 4}, {1, 0, 3, 4}, {1, 2, 0, 4}, {1, 2, 3, 0}};
	const struct stat st = {
		.st_ino = 1, .st_size = 2, .st_mtim = {.tv_nsec = 3}, .st_ctim = {.tv_nsec = 4}};
	struct aadindex_mark of_stat = aadindex_mark_of(&st);

	(void)state;
	assert_true(aadindex_mark_same(&mark, &of_stat));
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(aadindex_mark_same(&mark, &others[i]));
}

static void a_text_that_changed_meanwhile_gets_no_index(void **state)
{
	struct aadindex_mark mark = mark_of(SPAN_LIT(TEXT));
	AUTO_BUF index = {0};
	struct err err = {0};

	(void)state;
	mark.size++;
	assert_int_equal(aadindex_make(SPAN_LIT(TEXT), &mark, &index, &err), -EINVAL);
	assert_int_equal(index.len, 0);
}

static void a_text_over_the_maximum_gets_no_index(void **state)
{
	const size_t len = AADPASSWD_MAX + 1;
	AUTO_FREE char *text = calloc(1, len);
	const struct span bytes = {(unsigned char *)text, len};
	const struct aadindex_mark mark = mark_of(bytes);
	AUTO_BUF index = {0};
	struct err err = {0};

	(void)state;
	assert_non_null(text);
	assert_int_equal(aadindex_make(bytes, &mark, &index, &err), -EMSGSIZE);
}

static void missing_memory_is_told(void **state)
{
	const struct aadindex_mark mark = mark_of(SPAN_LIT(TEXT));
	AUTO_BUF index = {.failed = true}; /* as after a malloc that failed */
	struct err err = {0};

	(void)state;
	assert_int_equal(aadindex_make(SPAN_LIT(TEXT), &mark, &index, &err), -ENOMEM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_found_by_name_and_id),
		cmocka_unit_test(an_empty_text_has_nobody),
		cmocka_unit_test(the_first_of_several_lines_wins),
		cmocka_unit_test(a_last_line_that_was_cut_off_is_nobodys),
		cmocka_unit_test(ten_thousand_are_all_found),
		cmocka_unit_test(every_byte_may_be_any_other),
		cmocka_unit_test(what_changes_behind_the_head_is_noticed),
		cmocka_unit_test(slots_that_change_places_are_noticed),
		cmocka_unit_test(a_part_of_another_index_is_noticed),
		cmocka_unit_test(a_table_without_an_empty_slot_ends),
		cmocka_unit_test(an_offset_beside_the_text_is_refused),
		cmocka_unit_test(an_index_of_any_other_length_is_refused),
		cmocka_unit_test(an_index_without_slots_is_refused),
		cmocka_unit_test(a_file_is_read_piece_by_piece),
		cmocka_unit_test(a_mark_tells_every_change),
		cmocka_unit_test(a_text_that_changed_meanwhile_gets_no_index),
		cmocka_unit_test(a_text_over_the_maximum_gets_no_index),
		cmocka_unit_test(missing_memory_is_told),
	};
	struct CMUnitTest rows[ARRAY_LEN(head_rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(head_rows); i++)
		rows[i] = (struct CMUnitTest){.name = head_rows[i].name,
					      .test_func = head_is_judged,
					      .initial_state = (void *)(uintptr_t)&head_rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("heads", rows, NULL, NULL);
}
