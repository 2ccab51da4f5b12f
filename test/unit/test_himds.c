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

#include "lib/core/challenge.h"
#include "lib/core/cleanup.h"
#include "lib/sys/himds.h"
#include "test/unit/scratch.h"

#define KEY CHALLENGE_DIR "/k.key"
#define CHALLENGE "Basic realm=" KEY
#define AGENT 986 /* uid and gid of himds */
#define TCP "/proc/self/net/tcp"
#define TCP6 "/proc/self/net/tcp6"

static struct scratch scratch;

static int set_up(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch_write(&scratch, "/etc/passwd",
		      "root:x:0:0::/root:/bin/sh\nhimds:x:986:986::/:/bin/false\n", 0644);
	scratch_write(&scratch, KEY, "c2VjcmV0", 0640);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static const char *whole(const char *path)
{
	static char text[512];

	(void)snprintf(text, sizeof(text), "%s%s", scratch.dir, path);
	return text;
}

/* ---- is it here? */

static void the_agent_is_found_in_both_places(void **state)
{
	(void)state;
	assert_false(himds_installed(&scratch.sys));
	scratch_write(&scratch, "/opt/azcmagent/bin/himds", "", 0755);
	assert_true(himds_installed(&scratch.sys));
	assert_int_equal(unlink(whole("/opt/azcmagent/bin/himds")), 0);
	scratch_write(&scratch, "/var/opt/azcmagent/bin/himds", "", 0755);
	assert_true(himds_installed(&scratch.sys));
}

/* ---- who listens? */

#define HEADING                                                                                    \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define SOCKET(local, state, uid)                                                                  \
	"   0: " local " 00000000:0000 " state " 00000000:00000000 00:00000000 00000000 " uid      \
	"        0 4711 1 0000000000000000 100 0 0 10 0\n"
#define HERE "0100007F:9D96"
#define EVERYWHERE "00000000:9D96"
#define EVERYWHERE6 "00000000000000000000000000000000:9D96"
#define MAPPED "0000000000000000FFFF00000100007F:9D96"

/* clang-format off */
static struct listen_row {
	const char *title;
	const char *tcp, *tcp6; /* NULL: there is no such file */
	int r;
} listen_rows[] = {
	{"the_agent", HEADING SOCKET(HERE, "0A", "986"), HEADING, 0},
	{"root", HEADING SOCKET(HERE, "0A", "0"), HEADING, 0},
	{"the_agent_behind_others", HEADING SOCKET("0100007F:0016", "0A", "1000") SOCKET(HERE, "0A", "986"), HEADING, 0},
	{"the_agent_at_every_address", HEADING SOCKET(EVERYWHERE, "0A", "986"), HEADING, 0},
	{"the_agent_at_every_address_of_both_families", HEADING, HEADING SOCKET(EVERYWHERE6, "0A", "986"), 0},
	{"a_kernel_without_ipv6", HEADING SOCKET(HERE, "0A", "986"), NULL, 0},
	{"a_stranger_on_another_port", HEADING SOCKET(HERE, "0A", "986") SOCKET("0100007F:9D97", "0A", "1000"), HEADING, 0},
	{"a_stranger_on_another_address", HEADING SOCKET(HERE, "0A", "986") SOCKET("0200007F:9D96", "0A", "1000"), HEADING, 0},
	{"a_stranger_on_the_other_loopback", HEADING SOCKET(HERE, "0A", "986"),
	 HEADING SOCKET("00000000000000000000000001000000:9D96", "0A", "1000"), 0},
	{"a_strangers_connection", HEADING SOCKET(HERE, "0A", "986") SOCKET(HERE, "01", "1000"), HEADING, 0},
	{"the_agent_behind_a_half_open_connection",
	 HEADING SOCKET("0100007F:0016", "03", "0") SOCKET(HERE, "0A", "986"), HEADING, 0},
	{"a_stranger_behind_a_half_open_connection",
	 HEADING SOCKET(EVERYWHERE, "0A", "986") SOCKET(EVERYWHERE, "03", "986") SOCKET(HERE, "0A", "1000"), HEADING, -EACCES},
	{"nobody", HEADING, HEADING, -ECONNREFUSED},
	{"a_connection_alone", HEADING SOCKET(HERE, "01", "986"), HEADING, -ECONNREFUSED},
	{"a_stranger", HEADING SOCKET(HERE, "0A", "1000"), HEADING, -EACCES},
	{"a_stranger_beside_the_agent", HEADING SOCKET(EVERYWHERE, "0A", "986") SOCKET(HERE, "0A", "1000"), HEADING, -EACCES},
	{"a_stranger_at_every_address", HEADING SOCKET(EVERYWHERE, "0A", "1000"), HEADING, -EACCES},
	{"a_stranger_at_every_address_of_both_families", HEADING, HEADING SOCKET(EVERYWHERE6, "0A", "1000"), -EACCES},
	{"a_stranger_at_the_mapped_address", HEADING, HEADING SOCKET(MAPPED, "0A", "1000"), -EACCES},
	{"no_list", NULL, HEADING, -EACCES},
	{"an_empty_list", "", HEADING, -EACCES},
	{"a_list_of_another_form", HEADING "   0: " HERE " 00000000:0000 0A\n", HEADING, -EACCES},
	{"an_owner_that_is_no_number", HEADING SOCKET(HERE, "0A", "himds"), HEADING, -EACCES},
};
/* clang-format on */

static void who_listens_is_looked_at(void **state)
{
	const struct listen_row *row = *state;
	struct err err = {0};

	if (geteuid() == 1000) /* who is trusted here, and a stranger in the rows */
		skip();
	if (row->tcp)
		scratch_write(&scratch, TCP, row->tcp, 0444);
	if (row->tcp6)
		scratch_write(&scratch, TCP6, row->tcp6, 0444);
	assert_int_equal(himds_check(&scratch.sys, HIMDS_URL, &err), row->r);
	assert_true(row->r == 0 || strstr(err.msg, HIMDS_URL));
}

static void another_machine_is_not_looked_at(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(himds_check(&scratch.sys, "http://10.0.0.1:40342", &err), -EINVAL);
}

static void without_the_agents_user_root_alone_is_trusted(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n", 0644);
	scratch_write(&scratch, TCP, HEADING SOCKET(HERE, "0A", "0"), 0444);
	assert_int_equal(himds_check(&scratch.sys, HIMDS_URL, &err), 0);
	scratch_write(&scratch, TCP, HEADING SOCKET(HERE, "0A", "986"), 0444);
	assert_int_equal(himds_check(&scratch.sys, HIMDS_URL, &err), -EACCES);
}

static void whose_passwd_cannot_be_read_is_told_nothing(void **state)
{
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, TCP, HEADING SOCKET(HERE, "0A", "0"), 0444);
	assert_int_equal(unlink(whole("/etc/passwd")), 0);
	scratch_mkdir(&scratch, "/etc/passwd", 0755);
	assert_int_equal(himds_check(&scratch.sys, HIMDS_URL, &err), -EACCES);
}

/* ---- the key */

static int authorize(const char *challenge, char ret[HIMDS_AUTHORIZATION_SIZE], struct err *err)
{
	int r;

	memset(ret, 'x', HIMDS_AUTHORIZATION_SIZE);
	r = himds_authorize(&scratch.sys, challenge, ret, err);
	assert_true(r == 0 || ret[0] == 'x'); /* written only on success */
	assert_null(strstr(err->msg, "c2VjcmV0"));
	return r;
}

static void the_key_becomes_a_header(void **state)
{
	char header[HIMDS_AUTHORIZATION_SIZE];
	struct err err = {0};

	(void)state;
	assert_int_equal(authorize(CHALLENGE, header, &err), 0);
	assert_string_equal(header, "Authorization: Basic c2VjcmV0");
}

static void the_longest_key_fits(void **state)
{
	char header[HIMDS_AUTHORIZATION_SIZE], key[HIMDS_KEY_MAX + 1] = "";
	struct err err = {0};

	(void)state;
	memset(key, 'k', HIMDS_KEY_MAX);
	scratch_write(&scratch, KEY, key, 0640);
	assert_int_equal(authorize(CHALLENGE, header, &err), 0);
	assert_int_equal(strlen(header), strlen(HIMDS_AUTHORIZATION) + HIMDS_KEY_MAX);
}

static void the_agents_own_key_is_read(void **state)
{
	char header[HIMDS_AUTHORIZATION_SIZE];
	struct err err = {0};

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(whole(KEY), AGENT, AGENT), 0);
	assert_int_equal(chmod(whole(KEY), 0660), 0);
	assert_int_equal(chown(whole(CHALLENGE_DIR), AGENT, AGENT), 0);
	assert_int_equal(chmod(whole(CHALLENGE_DIR), 0770), 0);
	assert_int_equal(authorize(CHALLENGE, header, &err), 0);
}

/* Each breaks the key in one way. */

static void remove_it(void)
{
	assert_int_equal(unlink(whole(KEY)), 0);
}

static void link_it(void)
{
	char target[512];

	remove_it();
	scratch_write(&scratch, "/etc/target", "c2VjcmV0", 0600);
	(void)snprintf(target, sizeof(target), "%s", whole("/etc/target"));
	assert_int_equal(symlink(target, whole(KEY)), 0);
}

static void link_it_in_the_same_directory(void)
{
	remove_it();
	scratch_write(&scratch, CHALLENGE_DIR "/other.key", "c2VjcmV0", 0640);
	assert_int_equal(symlink("other.key", whole(KEY)), 0);
}

static void link_it_twice(void)
{
	char first[512];

	(void)snprintf(first, sizeof(first), "%s", whole(KEY));
	assert_int_equal(link(first, whole(CHALLENGE_DIR "/second.key")), 0);
}

static void make_it_a_fifo(void)
{
	remove_it();
	assert_int_equal(mkfifo(whole(KEY), 0640), 0);
}

static void make_it_a_directory(void)
{
	remove_it();
	assert_int_equal(mkdir(whole(KEY), 0750), 0);
}

static void make_it_long(void)
{
	char key[HIMDS_KEY_MAX + 2] = "";

	memset(key, 'k', HIMDS_KEY_MAX + 1);
	scratch_write(&scratch, KEY, key, 0640);
}

static void let_everybody_write_it(void)
{
	assert_int_equal(chmod(whole(KEY), 0646), 0);
}

static void give_it_to_a_stranger(void)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(whole(KEY), 1000, 0), 0);
}

static void let_a_strange_group_write_it(void)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(whole(KEY), 0, 1000), 0);
	assert_int_equal(chmod(whole(KEY), 0660), 0);
}

static void let_everybody_write_its_directory(void)
{
	assert_int_equal(chmod(whole(CHALLENGE_DIR), 0777), 0);
}

static void let_everybody_write_a_directory_above(void)
{
	assert_int_equal(chmod(whole("/var/opt"), 01777), 0);
}

static void give_a_directory_above_to_a_stranger(void)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(whole("/var/opt/azcmagent"), 1000, 1000), 0);
}

static void link_the_directory(void)
{
	char moved[512];

	(void)snprintf(moved, sizeof(moved), "%s", whole("/var/opt/azcmagent/moved"));
	assert_int_equal(rename(whole(CHALLENGE_DIR), moved), 0);
	assert_int_equal(symlink("moved", whole(CHALLENGE_DIR)), 0);
}

static void remove_the_directory(void)
{
	remove_it();
	assert_int_equal(rmdir(whole(CHALLENGE_DIR)), 0);
}

static void empty_it(void)
{
	scratch_write(&scratch, KEY, "", 0640);
}

static void fill_it_with_blanks(void)
{
	scratch_write(&scratch, KEY, " \r\n", 0640);
}

static void write_two_lines(void)
{
	scratch_write(&scratch, KEY, "c2VjcmV0\nX-Header: y\n", 0640);
}

static void write_other_bytes(void)
{
	scratch_write(&scratch, KEY, "c2VjcmV0\x80", 0640);
}

static void write_a_nul(void)
{
	FILE *file = fopen(whole(KEY), "we");

	assert_non_null(file);
	assert_int_equal(fwrite("a\0b", 1, 3, file), 3);
	assert_int_equal(fclose(file), 0);
}

static void break_passwd(void)
{
	assert_int_equal(chmod(whole("/etc/passwd"), 0666), 0);
}

/* clang-format off */
static struct break_row {
	const char *title;
	void (*break_it)(void);
	const char *word;
} break_rows[] = {
	{"gone", remove_it, KEY},
	{"a_link", link_it, KEY},
	{"a_link_in_the_same_directory", link_it_in_the_same_directory, KEY},
	{"two_links", link_it_twice, "one link"},
	{"a_fifo", make_it_a_fifo, "not a regular file"},
	{"a_directory", make_it_a_directory, "not a regular file"},
	{"too_long", make_it_long, "4096"},
	{"writable_by_everybody", let_everybody_write_it, "can be changed"},
	{"a_strangers", give_it_to_a_stranger, "can be changed"},
	{"writable_by_a_strange_group", let_a_strange_group_write_it, "can be changed"},
	{"in_a_directory_that_everybody_can_write", let_everybody_write_its_directory, CHALLENGE_DIR " can be changed"},
	{"below_a_sticky_directory", let_everybody_write_a_directory_above, "/var/opt can be changed"},
	{"below_a_strangers_directory", give_a_directory_above_to_a_stranger, "/var/opt/azcmagent can be changed"},
	{"in_a_linked_directory", link_the_directory, CHALLENGE_DIR},
	{"without_its_directory", remove_the_directory, CHALLENGE_DIR},
	{"empty", empty_it, "visible"},
	{"blank", fill_it_with_blanks, "visible"},
	{"two_lines", write_two_lines, "visible"},
	{"not_ascii", write_other_bytes, "visible"},
	{"a_nul", write_a_nul, "visible"},
	{"an_agent_that_cannot_be_told", break_passwd, "/etc/passwd"},
};
/* clang-format on */

static void a_key_that_is_not_right_is_refused(void **state)
{
	const struct break_row *row = *state;
	char header[HIMDS_AUTHORIZATION_SIZE];
	struct err err = {0};

	row->break_it();
	assert_int_equal(authorize(CHALLENGE, header, &err), -EACCES);
	assert_int_equal(err.code, EACCES);
	if (!strstr(err.msg, row->word))
		fail_msg("%s", err.msg);
}

static void a_newline_at_the_end_is_not_part_of_the_key(void **state)
{
	char header[HIMDS_AUTHORIZATION_SIZE];
	struct err err = {0};

	(void)state;
	scratch_write(&scratch, KEY, "c2VjcmV0\r\n", 0640);
	assert_int_equal(authorize(CHALLENGE, header, &err), 0);
	assert_string_equal(header, "Authorization: Basic c2VjcmV0");
}

static void a_challenge_that_names_no_key_is_refused(void **state)
{
	char header[HIMDS_AUTHORIZATION_SIZE];
	struct err err = {0};

	(void)state;
	assert_int_equal(authorize("", header, &err), -EBADMSG);
	assert_int_equal(authorize("Basic realm=/etc/target.key", header, &err), -EBADMSG);
}

static struct CMUnitTest row_test(const char *title, CMUnitTestFunction function, void *row)
{
	return (struct CMUnitTest){.name = title,
				   .test_func = function,
				   .setup_func = set_up,
				   .teardown_func = tear_down,
				   .initial_state = row};
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_agent_is_found_in_both_places),
		TEST(another_machine_is_not_looked_at),
		TEST(without_the_agents_user_root_alone_is_trusted),
		TEST(whose_passwd_cannot_be_read_is_told_nothing),
		TEST(the_key_becomes_a_header),
		TEST(the_longest_key_fits),
		TEST(the_agents_own_key_is_read),
		TEST(a_newline_at_the_end_is_not_part_of_the_key),
		TEST(a_challenge_that_names_no_key_is_refused),
	};
	struct CMUnitTest rows[ARRAY_LEN(listen_rows) + ARRAY_LEN(break_rows)] = {{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(listen_rows); i++)
		rows[n++] =
			row_test(listen_rows[i].title, who_listens_is_looked_at, &listen_rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(break_rows); i++)
		rows[n++] = row_test(break_rows[i].title, a_key_that_is_not_right_is_refused,
				     &break_rows[i]);
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", rows, NULL, NULL);
}
