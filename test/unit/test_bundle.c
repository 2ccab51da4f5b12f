/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "handler/bundle.h"
#include "lib/core/cleanup.h"

#define AUTO_BUNDLE CLEANUP(bundle_done) struct bundle

static void put(struct bundle *bundle, const char *name, const char *content, const char *note)
{
	AUTO_BUF text = {0};

	buf_str(&text, content);
	bundle_keep(bundle, name, "what it is", &text, note);
}

static const char *index_of(struct bundle *bundle)
{
	AUTO_BUF archive = {0};
	struct err err = {0};

	assert_int_equal(bundle_pack(bundle, "1.2.3.4", 1709208000, &archive, &err), 0);
	assert_true(archive.len > 0);
	return buf_text(&bundle->files[0].text);
}

static void assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in\n%s", words, text);
}

static void texts_names_and_reasons_are_redacted(void **state)
{
	AUTO_BUNDLE bundle = BUNDLE_INIT;
	struct err gone = {.code = ENOENT}, broken = {.code = EIO, .msg = "token=hunter2"};
	const char *index;

	(void)state;
	put(&bundle, "a/alice@contoso.com", "password=hunter2\r\n", "cut");
	bundle_miss(&bundle, "b/alice@contoso.com", &gone);
	bundle_miss(&bundle, "c/alice@contoso.com", &broken);
	bundle_leave_out(&bundle, "d", "%s",
			 "\x1b"
			 "alice@contoso.com");
	index = index_of(&bundle);
	assert_null(strstr(index, "alice"));
	assert_null(strstr(index, "hunter2"));
	assert_has(index, "by aadssh-handler 1.2.3.4 at 2024-02-29T12:00:00Z");
	assert_has(index, "Replaced: token 1, password 1, name 4.\n");
	assert_has(index, "\na/person-1@domain-1                     28  what it is; cut\n");
	assert_has(index, "\nLeft out:\n  c/person-1@domain-1: token=[token-removed]\n"
			  "  d: ?person-1@domain-1\n");
	assert_has(index, "\nNot on this machine:\n  b/person-1@domain-1\n");
	assert_string_equal(bundle.files[1].name, BUNDLE_TOP "/a/person-1@domain-1");
	assert_string_equal(buf_text(&bundle.files[1].text), "password=[password-removed]\n");
}

static void where_nothing_is_missing_nothing_is_told_of_it(void **state)
{
	AUTO_BUNDLE bundle = BUNDLE_INIT;
	const char *index;

	(void)state;
	put(&bundle, "a", "", "");
	index = index_of(&bundle);
	assert_has(index, "Replaced: nothing.\n");
	assert_null(strstr(index, "Left out:"));
	assert_null(strstr(index, "Not on this machine:"));
}

static void one_file_too_many_is_left_out(void **state)
{
	AUTO_BUNDLE bundle = BUNDLE_INIT;
	const char *index;

	(void)state;
	for (int i = 1; i <= BUNDLE_FILES_MAX; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "file-%d", i);
		put(&bundle, name, "x", "");
	}
	index = index_of(&bundle);
	assert_has(index, "\nfile-127 ");
	assert_has(index, "\nLeft out:\n  file-128: too many files");
}

static void a_name_that_no_tar_takes_is_left_out(void **state)
{
	AUTO_BUNDLE bundle = BUNDLE_INIT;
	char name[TARBALL_NAME_MAX];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - sizeof(BUNDLE_TOP "/")] = '\0';
	put(&bundle, name, "x", "");
	assert_int_equal(bundle.count, 2);
	assert_int_equal(strlen(bundle.files[1].name), TARBALL_NAME_MAX - 1);
	name[sizeof(name) - sizeof(BUNDLE_TOP "/")] = 'x';
	name[sizeof(name) - 1] = '\0';
	put(&bundle, name, "x", "");
	assert_int_equal(bundle.count, 2);
	assert_has(index_of(&bundle), "too long a name");
}

static void without_memory_there_is_no_archive(void **state)
{
	AUTO_BUNDLE bundle = BUNDLE_INIT;
	AUTO_BUF archive = {0};
	struct err err = {0};

	(void)state;
	bundle.left_out.failed = true;
	assert_int_equal(bundle_pack(&bundle, "1", 0, &archive, &err), -ENOMEM);
	assert_int_equal(archive.len, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_names_and_reasons_are_redacted),
		cmocka_unit_test(where_nothing_is_missing_nothing_is_told_of_it),
		cmocka_unit_test(one_file_too_many_is_left_out),
		cmocka_unit_test(a_name_that_no_tar_takes_is_left_out),
		cmocka_unit_test(without_memory_there_is_no_archive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
