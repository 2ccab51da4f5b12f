/* SPDX-License-Identifier: MIT */
/* The support archive of a scratch machine whose files and programs tell secrets. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "handler/collect.h"
#include "lib/core/cleanup.h"
#include "lib/core/lastlogin.h"
#include "lib/core/outcome.h"
#include "lib/sys/fs.h"
#include "lib/sys/metricsfile.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"

#define EXT "/lib/waagent/P.T-1.0.0.0"
#define JWT "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2lnbmF0dXJl"
#define ARCHIVE "/root/a.tar.gz"
#define TOP "aadssh-collect/"
#define NOW 1709208000 /* 2024-02-29T12:00:00Z */

static struct scratch scratch;
static struct query query;
static char out[4096], notes[4096];
static bool hang;
static int runs;
static const char *meanwhile; /* a file that somebody makes, NULL: none */

static int64_t at_noon(struct sys *sys)
{
	(void)sys;
	return NOW * 1000000000LL;
}

/* Every program says who called it, and more than it should. */
static int run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	       struct err *err)
{
	(void)sys;
	runs++;
	if (meanwhile)
		scratch_write(&scratch, meanwhile, "theirs", 0644);
	assert_true(spec->timeout_ms > 0 && spec->output_max <= (size_t)1 << 20);
	if (strstr(spec->argv[0], "journalctl"))
		return err_set(err, ENOENT, "no %s", spec->argv[0]);
	if (hang && strstr(spec->argv[0], "self/exe"))
		return err_set(err, ETIMEDOUT, "%s hangs", spec->argv[0]);
	ret->status = strstr(spec->argv[0], "dpkg") ? 1 : 0;
	for (size_t i = 0; spec->argv[i]; i++)
		buf_printf(&ret->output, "%s ", spec->argv[i]);
	buf_printf(&ret->output, "\x1b[1m alice@contoso.com Bearer " JWT "\n");
	return 0;
}

static int setup(void **state)
{
	(void)state;
	scratch_open(&scratch);
	scratch.ops.run = run;
	scratch.ops.realtime_ns = at_noon;
	hang = false;
	runs = 0;
	meanwhile = NULL;
	query = (struct query){.folder = "/root", .output = ARCHIVE};
	scratch_mkdir(&scratch, "/root", 0700);
	scratch_write(&scratch, EXT "/HandlerEnvironment.json",
		      "[{\"handlerEnvironment\": {\"logFolder\": \"/log\", \"configFolder\": \"" EXT
		      "/config\", \"statusFolder\": \"" EXT "/status\"}}]",
		      0644);
	scratch_write(&scratch, EXT "/config/7.settings",
		      "{\"runtimeSettings\": [{\"handlerSettings\": {\"publicSettings\": "
		      "{\"proxy\": \"http://me:hunter2@proxy:3128\"}, \"protectedSettings\": "
		      "\"c2VjcmV0\", \"protectedSettingsCertThumbprint\": \"AB\"}}]}",
		      0644);
	scratch_write(&scratch, EXT "/status/7.status", "[{\"status\": \"for Alice@contoso.com\"}]",
		      0644);
	scratch_write(&scratch, "/log/handler.log", "token " JWT "\nalice@contoso.com\n", 0644);
	scratch_write(&scratch, "/etc/aadsshlogin.conf", "user_domains contoso.com\n", 0644);
	scratch_write(&scratch, "/etc/aadsshlogin.secret", "proxy http://x:never@y\n", 0600);
	scratch_write(&scratch, LASTLOGIN_ACCEPTED,
		      "aadsshlogin-last-login 1\nuser alice@contoso.com\nrhost 10.0.0.7\n", 0600);
	scratch_write(&scratch, LASTLOGIN_REFUSED, "user dan@contoso.com\nreason role-missing\n",
		      0600);
	scratch_write(&scratch, METRICS_PATH,
		      "aadsshlogin_decisions_total{action=\"login\",outcome=\"accepted\"} 7\n",
		      0644);
	scratch_write(&scratch, "/etc/aadpasswd", "bob@contoso.com:*:1:1::/:/\n", 0644);
	scratch_write(&scratch, "/var/log/waagent.log",
		      "about others: never\nabout AADSSHLoginForLinux\n", 0644);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_done(&scratch);
	return 0;
}

static void path_of(const char *path, char ret[256])
{
	(void)snprintf(ret, 256, "%s%s", scratch.dir, path);
}

static void read_back(FILE *file, char *ret, size_t size)
{
	rewind(file);
	ret[fread(ret, 1, size - 1, file)] = '\0';
	(void)fclose(file);
}

static int collect(void)
{
	FILE *to = tmpfile(), *complaints = tmpfile();
	const struct command command = {
		.verb = "collect",
		.folder = EXT,
		.version = "1.0.0.0",
		.out = fileno(to),
		.err = fileno(complaints),
	};
	int code = inspect_collect(&scratch.sys, &command, &query);

	read_back(to, out, sizeof(out));
	read_back(complaints, notes, sizeof(notes));
	return code;
}

/* The text of one file of the archive, or of all of them, each behind its name. */
static void unpack(const char *path, const char *name, struct buf *ret)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	char host[256];

	path_of(path, host);
	assert_int_equal(archive_read_support_filter_gzip(archive), ARCHIVE_OK);
	assert_int_equal(archive_read_support_format_tar(archive), ARCHIVE_OK);
	assert_int_equal(archive_read_open_filename(archive, host, 65536), ARCHIVE_OK);
	while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
		size_t size = (size_t)archive_entry_size(entry);
		char *to;

		assert_int_equal(archive_entry_mode(entry), S_IFREG | 0600);
		assert_int_equal(archive_entry_mtime(entry), NOW);
		if (name && strcmp(archive_entry_pathname(entry), name) != 0)
			continue;
		if (!name)
			buf_printf(ret, "%s\n", archive_entry_pathname(entry));
		to = buf_room(ret, size);
		assert_non_null(to);
		assert_int_equal(archive_read_data(archive, to, size), size);
		ret->len += size;
		ret->data[ret->len] = '\0';
	}
	assert_int_equal(archive_read_free(archive), ARCHIVE_OK);
}

static void assert_has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in\n%s", words, text);
}

static void no_secret_and_no_name_is_in_the_archive(void **state)
{
	static const char *const secrets[] = {"hunter2", "eyJ", "c2VjcmV0",       "never", "alice",
					      "Alice",   "bob", "contoso.com\n@", "\x1b"};
	AUTO_BUF all = {0};
	struct stat st;
	char host[256];

	(void)state;
	assert_int_equal(collect(), EXIT_OK);
	unpack(ARCHIVE, NULL, &all);
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (strstr(buf_text(&all), secrets[i]))
			fail_msg("\"%s\" is in\n%s", secrets[i], buf_text(&all));
	assert_has(buf_text(&all), "[token-removed]\nperson-1@domain-1\n");
	assert_has(buf_text(&all), "for person-1@domain-1");
	assert_has(buf_text(&all), "http://[password-removed]@proxy:3128");
	assert_has(buf_text(&all), "about AADSSHLoginForLinux");
	path_of(ARCHIVE, host);
	assert_int_equal(stat(host, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* Of who signed in last the archive has how it was decided, and of all how many there were. */
static void the_last_logins_and_the_counts_are_there_without_names(void **state)
{
	AUTO_BUF accepted = {0}, refused = {0}, metrics = {0}, index = {0};

	(void)state;
	assert_int_equal(collect(), EXIT_OK);
	unpack(ARCHIVE, TOP "state/last-accepted", &accepted);
	assert_has(buf_text(&accepted), "\nuser person-1@domain-1\nrhost 10.0.0.7\n");
	unpack(ARCHIVE, TOP "state/last-refused", &refused);
	assert_has(buf_text(&refused), "user person-2@domain-1\nreason role-missing\n");
	unpack(ARCHIVE, TOP "state/metrics.prom", &metrics);
	assert_has(buf_text(&metrics), "{action=\"login\",outcome=\"accepted\"} 7\n");
	unpack(ARCHIVE, TOP "INDEX.txt", &index);
	assert_has(buf_text(&index), "  who was let in last, and by which role\n");
	assert_has(buf_text(&index), "  who was refused last, and why\n");
	assert_has(buf_text(&index), "  what was counted of logins since the boot\n");
}

static void names_are_kept_when_they_shall_and_secrets_are_not(void **state)
{
	AUTO_BUF all = {0};

	(void)state;
	query.keep_names = true;
	assert_int_equal(collect(), EXIT_OK);
	unpack(ARCHIVE, NULL, &all);
	assert_has(buf_text(&all), "[token-removed]\nalice@contoso.com\n");
	assert_has(buf_text(&all), "kept, as asked for by --keep-names");
	assert_null(strstr(buf_text(&all), "hunter2"));
	assert_null(strstr(buf_text(&all), "bob"));
}

static void the_index_tells_what_is_there_and_what_is_not(void **state)
{
	AUTO_BUF index = {0};

	(void)state;
	assert_int_equal(mkfifo((path_of("/log/packages.log", out), out), 0600), 0);
	assert_int_equal(symlink("/etc/aadsshlogin.secret",
				 (path_of("/log/CommandExecution.log", out), out)),
			 0);
	hang = true;
	assert_int_equal(collect(), EXIT_OK);
	assert_has(out, "/root/a.tar.gz: ");
	unpack(ARCHIVE, TOP "INDEX.txt", &index);
	assert_has(buf_text(&index), "by aadssh-handler 1.0.0.0 at 2024-02-29T12:00:00Z");
	assert_has(buf_text(&index), "logs/handler.log ");
	assert_has(buf_text(&index), "what the extension did, step by step");
	assert_has(buf_text(&index), "of number 7; protected ones: some, left out");
	assert_has(buf_text(&index), "it was stopped, it took too long");
	assert_has(buf_text(&index), "it ended with 1");
	assert_has(buf_text(&index), "Left out:\n  logs/packages.log: ");
	assert_has(buf_text(&index), "  logs/CommandExecution.log: ");
	assert_has(buf_text(&index), "Not on this machine:\n");
	assert_has(buf_text(&index), "  logs/journal.txt\n");
}

static void long_and_dirty_logs_are_cut_to_their_end(void **state)
{
	AUTO_BUF log = {0}, text = {0}, index = {0};
	char host[256];
	FILE *file;

	(void)state;
	while (log.len < COLLECT_FILE_MAX)
		buf_str(&log, "an old line\n");
	buf_add(&log, "a NUL \0 and\n\x1b[31mred\n", 21);
	path_of("/log/packages.log", host);
	file = fopen(host, "wbe");
	assert_non_null(file);
	assert_int_equal(fwrite(log.data, 1, log.len, file), log.len);
	(void)fclose(file);
	assert_int_equal(collect(), EXIT_OK);
	unpack(ARCHIVE, TOP "logs/packages.log", &text);
	assert_true(text.len <= COLLECT_FILE_MAX && text.len > COLLECT_FILE_MAX - 64);
	assert_memory_equal(text.data, "an old line\n", 12);
	assert_string_equal(text.data + text.len - 21, "a NUL ? and\n?[31mred\n");
	unpack(ARCHIVE, TOP "INDEX.txt", &index);
	assert_has(buf_text(&index), "what the package manager said; its end");
}

/* What a line was about was in the part of it that is not there. */
static void a_line_that_was_cut_is_not_there_at_all(void **state)
{
	AUTO_BUF log = {0}, text = {0};

	(void)state;
	buf_str(&log, "password=");
	while (log.len < COLLECT_FILE_MAX)
		buf_str(&log, "hunter2/");
	buf_str(&log, "\nlast line\n");
	scratch_write(&scratch, "/log/packages.log", buf_text(&log), 0644);
	assert_int_equal(collect(), EXIT_OK);
	unpack(ARCHIVE, TOP "logs/packages.log", &text);
	assert_string_equal(buf_text(&text), "last line\n");
	log.data[log.len - strlen("\nlast line\n")] = '/';
	log.data[log.len - 1] = '/';
	scratch_write(&scratch, "/log/packages.log", buf_text(&log), 0644);
	query.output = "/root/b.tar.gz";
	text.len = 0;
	assert_int_equal(collect(), EXIT_OK);
	unpack("/root/b.tar.gz", TOP "logs/packages.log", &text);
	assert_string_equal(buf_text(&text), "");
}

static void a_folder_of_many_files_is_cut(void **state)
{
	AUTO_BUF index = {0};

	(void)state;
	for (int i = 0; i < COLLECT_FOLDER_MAX + 3; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/etc/ssh/sshd_config.d/%02d.conf", i);
		scratch_write(&scratch, path, "x\n", 0644);
	}
	assert_int_equal(collect(), EXIT_OK);
	unpack(ARCHIVE, TOP "INDEX.txt", &index);
	assert_has(buf_text(&index), "etc/ssh/sshd_config.d/23.conf");
	assert_null(strstr(buf_text(&index), "24.conf"));
	assert_has(buf_text(&index), "  etc/ssh/sshd_config.d/: more than 24 files\n");
}

static void read_archive(const char *path, struct buf *ret)
{
	char host[256];
	struct err err = {0};
	FILE *file;

	path_of(path, host);
	file = fopen(host, "rbe");
	assert_non_null(file);
	ret->len = fread(buf_room(ret, 1 << 20), 1, 1 << 20, file);
	assert_int_equal(buf_ok(ret, &err), 0);
	(void)fclose(file);
}

static void the_same_machine_gives_the_same_bytes(void **state)
{
	AUTO_BUF first = {0}, second = {0};

	(void)state;
	assert_int_equal(collect(), EXIT_OK);
	read_archive(ARCHIVE, &first);
	query.output = "/root/b.tar.gz";
	assert_int_equal(collect(), EXIT_OK);
	read_archive("/root/b.tar.gz", &second);
	assert_true(first.len > 0 && span_eq(buf_bytes(&first), buf_bytes(&second)));
}

static void it_gets_a_name_of_its_own_in_a_folder(void **state)
{
	struct err err = {0};
	struct stat st;

	(void)state;
	query.output = NULL;
	assert_int_equal(collect(), EXIT_OK);
	assert_int_equal(
		fs_lstat(&scratch.sys, "/root/aadssh-collect-20240229T120000Z.tar.gz", &st, &err),
		0);
	query.output = "/log";
	assert_int_equal(collect(), EXIT_OK);
	assert_int_equal(
		fs_lstat(&scratch.sys, "/log/aadssh-collect-20240229T120000Z.tar.gz", &st, &err),
		0);
}

static void nothing_is_replaced_or_written_through_a_link(void **state)
{
	AUTO_FREE char *text = NULL;
	char host[256];

	(void)state;
	scratch_write(&scratch, ARCHIVE, "mine", 0644);
	assert_int_equal(collect(), EXIT_DEPENDENCY);
	assert_has(notes, "error 52 missing-dependency: /root/a.tar.gz is there already. name a");
	text = scratch_text(&scratch, ARCHIVE);
	assert_string_equal(text, "mine");
	path_of("/root/link", host);
	assert_int_equal(symlink("/nowhere", host), 0);
	query.output = "/root/link";
	assert_int_equal(collect(), EXIT_DEPENDENCY);
	query.output = "/missing/a.tar.gz";
	assert_int_equal(collect(), EXIT_DEPENDENCY);
	assert_has(notes, "by --output");
}

static void what_came_meanwhile_is_not_replaced(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	meanwhile = ARCHIVE;
	assert_int_equal(collect(), EXIT_DEPENDENCY);
	assert_has(notes, "/root/a.tar.gz is there already");
	text = scratch_text(&scratch, ARCHIVE);
	assert_string_equal(text, "theirs");
}

static void a_folder_that_is_missing_is_told_before_anything_is_asked(void **state)
{
	(void)state;
	query.output = "/missing/a.tar.gz";
	assert_int_equal(collect(), EXIT_DEPENDENCY);
	assert_has(notes, "/missing");
	assert_has(notes, "name a file that is not there, in a folder that is, by --output");
	assert_int_equal(runs, 0);
}

static void who_is_not_root_is_told_so(void **state)
{
	(void)state;
	scratch.sys.owner++;
	assert_int_equal(collect(), EXIT_DEPENDENCY);
	scratch.sys.owner--;
	assert_has(notes, "run it as root");
}

/* Where there is no guest agent, what there is is collected all the same. */
static void a_machine_without_an_agent_is_told_of(void **state)
{
	AUTO_BUF index = {0};
	char host[256];

	(void)state;
	path_of(EXT "/HandlerEnvironment.json", host);
	assert_int_equal(unlink(host), 0);
	assert_int_equal(collect(), EXIT_OK);
	unpack(ARCHIVE, TOP "INDEX.txt", &index);
	assert_has(buf_text(&index),
		   "  logs/handler.log: the guest agent's folders are not known\n");
	assert_has(buf_text(&index), "  extension/settings.json: no settings were found\n");
	assert_has(buf_text(&index), "etc/aadsshlogin.conf ");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	static const struct CMUnitTest tests[] = {
		CASE(no_secret_and_no_name_is_in_the_archive),
		CASE(the_last_logins_and_the_counts_are_there_without_names),
		CASE(names_are_kept_when_they_shall_and_secrets_are_not),
		CASE(the_index_tells_what_is_there_and_what_is_not),
		CASE(long_and_dirty_logs_are_cut_to_their_end),
		CASE(a_line_that_was_cut_is_not_there_at_all),
		CASE(a_folder_of_many_files_is_cut),
		CASE(the_same_machine_gives_the_same_bytes),
		CASE(it_gets_a_name_of_its_own_in_a_folder),
		CASE(nothing_is_replaced_or_written_through_a_link),
		CASE(what_came_meanwhile_is_not_replaced),
		CASE(a_folder_that_is_missing_is_told_before_anything_is_asked),
		CASE(who_is_not_root_is_told_so),
		CASE(a_machine_without_an_agent_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
