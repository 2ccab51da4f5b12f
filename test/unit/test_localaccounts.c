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

#include "handler/extension.h"
#include "handler/steps.h"
#include "lib/core/cleanup.h"
#include "lib/steps/run.h"
#include "lib/sys/proc.h"
#include "test/unit/scratch.h"

/* clang-format off */
#define ED25519 "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
#define ECDSA \
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAQEBAQEBAQEBAQEBAQEBAQEBAQE" \
	"BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\n"

#define HASH "$6$salt$0123456789"
#define SSHD \
	"port 22\npermitrootlogin without-password\npubkeyauthentication yes\n" \
	"passwordauthentication yes\nkbdinteractiveauthentication no\n" \
	"allowtcpforwarding yes\nallowstreamlocalforwarding yes\npermittunnel no\n" \
	"subsystem sftp /usr/lib/openssh/sftp-server\n" \
	"authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n"
#define NO_FORWARDING \
	"passwordauthentication yes\nallowtcpforwarding no\nallowstreamlocalforwarding no\n" \
	"permittunnel no\n"
/* clang-format on */

#define NOW_S (20000LL * 86400)

static struct machine_of_test {
	struct scratch scratch;
	struct machine machine;
	struct extension extension;
	struct settings settings;
	const char *sshd; /* what sshd -T shows; NULL: it refuses */
	const char *sshd_for_al; /* NULL: the same */
	unsigned asked;
	uid_t uid; /* of an account whose files are read in a child */
} t;

static int64_t fixed_time(struct sys *sys)
{
	(void)sys;
	return NOW_S * 1000000000LL;
}

static int answer(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
		  struct err *err)
{
	(void)sys;
	(void)err;
	assert_string_equal(spec->argv[0], "/usr/sbin/sshd");
	t.asked++;
	ret->status = t.sshd ? 0 : 255;
	if (t.sshd_for_al && strncmp(spec->argv[3], "user=al,", 8) == 0)
		buf_str(&ret->output, t.sshd_for_al);
	else
		buf_str(&ret->output, t.sshd ? t.sshd : "line 1: bad\n");
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	scratch_open(&t.scratch);
	t.scratch.ops.run = answer;
	t.scratch.ops.realtime_ns = fixed_time;
	t.scratch.ops.confine = NULL;
	t.machine =
		(struct machine){.sys = &t.scratch.sys, .extension = &t.extension, .log_fd = -1};
	t.extension.settings = &t.settings;
	t.sshd = SSHD;
	t.uid = getuid() ? getuid() : 1001; /* root becomes that user, another is it */
	scratch_write(&t.scratch, "/bin/bash", "", 0755);
	scratch_write(&t.scratch, "/bin/sh", "", 0755);
	scratch_write(&t.scratch, "/usr/sbin/nologin", "", 0755);
	scratch_write(&t.scratch, "/etc/notes", "", 0644);
	scratch_mkdir(&t.scratch, "/home/bob/.ssh", 0755);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	localaccounts_done(&t.extension.local);
	free(t.settings.approved_local_accounts);
	scratch_done(&t.scratch);
	return 0;
}

/* bob is the account of the uid, by this shell; what precedes and follows are further lines. */
static void passwd(const char *shell, const char *more)
{
	AUTO_BUF text = {0};

	buf_printf(&text, "bob:x:%u:%u::/home/bob:%s\n%s", t.uid, t.uid, shell, more);
	scratch_write(&t.scratch, "/etc/passwd", buf_text(&text), 0644);
}

/* Another account of the same uid: root alone could become further ones. */
static void add_account(struct buf *ret, const char *name)
{
	buf_printf(ret, "%s:" HASH ":%u:%u::/:/bin/sh\n", name, t.uid, t.uid);
}

static void look(struct buf *accounts, struct buf *keys, struct buf *unseen)
{
	AUTO_LOCALACCOUNTS found = {0};
	struct err err = {0};

	assert_int_equal(localaccounts_look(&t.machine, "al bobby Bob", &found, &err), 0);
	assert_int_equal(err.code, 0);
	(void)localaccounts_list(&found, FINDING_ACCOUNTS, accounts);
	(void)localaccounts_list(&found, FINDING_KEYS, keys);
	(void)localaccounts_list(&found, FINDING_UNSEEN, unseen);
}

/* What is said of bob, without his uid; "" when nothing is. */
static void expect(const char *ways)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0}, wanted = {0};

	look(&accounts, &keys, &unseen);
	if (ways[0])
		buf_printf(&wanted, "bob (uid %u): %s\n", t.uid, ways);
	assert_string_equal(buf_text(&accounts), buf_text(&wanted));
	assert_string_equal(buf_text(&unseen), "");
}

/* clang-format off */
static struct row {
	const char *name;
	const char *shell;
	const char *shadow; /* bob's password, and what follows it */
	const char *keys; /* of authorized_keys, NULL: none */
	const char *sshd;
	const char *ways;
} rows[] = {
	{"a password", "/bin/bash", HASH, NULL, SSHD, "password"},
	{"the shell that is not named is sh", "", HASH, NULL, SSHD, "password"},
	{"a password that is locked", "/bin/bash", "!" HASH, NULL, SSHD, ""},
	{"an account whose day is no number", "/bin/bash", HASH ":1:::::word:", NULL, SSHD, "password"},
	{"an account that has expired", "/bin/bash", HASH ":1:::::20000:", NULL, SSHD, ""},
	{"an account that expires tomorrow", "/bin/bash", HASH ":1:::::20001:", NULL, SSHD, "password"},
	{"a shell that is missing", "/bin/zsh", HASH, ED25519, SSHD, ""},
	{"a shell that is no program", "/etc/notes", HASH, ED25519, SSHD, ""},
	{"a shell that is no path", "bash", HASH, ED25519, SSHD, ""},
	{"a shell in a directory that sshd changes to", "/bin/zsh", HASH, NULL, SSHD "chrootdirectory /srv\n", "password"},
	{"an empty password at the console", "/bin/bash", ":1::::::", NULL, SSHD, "an empty password at the console"},
	{"an empty password that sshd takes", "/bin/bash", ":1::::::", NULL, SSHD "permitemptypasswords yes\n", "an empty password"},
	{"a password where sshd takes none", "/bin/bash", HASH, NULL, "passwordauthentication no\nkbdinteractiveauthentication no\n", "password at the console"},
	{"a password that PAM asks for", "/bin/bash", HASH, NULL, "passwordauthentication no\nkbdinteractiveauthentication yes\n", "password"},
	{"a key", "/bin/bash", "*", ED25519, SSHD, "1 key"},
	{"two keys and a password", "/bin/bash", HASH, ED25519 "# no\n" ECDSA, SSHD, "password, 2 keys"},
	{"a file without a key", "/bin/bash", "*", "# none\n", SSHD, ""},
	{"a key that sshd does not look for", "/bin/bash", "*", ED25519, "authorizedkeysfile /etc/keys/%u\n", ""},
	{"a key by a token", "/bin/bash", "*", ED25519, "authorizedkeysfile %h/.ssh/authorized_keys\n", "1 key"},
	{"a key where sshd takes none", "/bin/bash", "*", ED25519, "pubkeyauthentication no\n", ""},
	{"a refusing shell with a key that forwards", "/usr/sbin/nologin", "*", ED25519, SSHD, "1 key; no shell, but forwarding or sftp"},
	{"a refusing shell with a password that forwards", "/usr/sbin/nologin", HASH, NULL, SSHD, "password; no shell, but forwarding or sftp"},
	{"a refusing shell without forwarding", "/usr/sbin/nologin", HASH, ED25519, NO_FORWARDING, ""},
	{"a refusing shell with sftp inside of sshd", "/usr/sbin/nologin", "*", ED25519, NO_FORWARDING "forcecommand internal-sftp -d /\n", "1 key; no shell, but forwarding or sftp"},
	{"all forwarding is off", "/usr/sbin/nologin", HASH, ED25519, SSHD "disableforwarding yes\n", ""},
	{"a list that does not name it", "/bin/bash", "*", ED25519, SSHD "allowusers al\n", ""},
	{"a list of groups that has it", "/bin/bash", "*", ED25519, SSHD "allowgroups ssh\n", "1 key"},
	{"a list of groups that has it not", "/bin/bash", "*", ED25519, SSHD "allowgroups wheel\n", ""},
	{"who sshd denies has the console", "/bin/bash", HASH, ED25519, SSHD "denyusers bob\n", "password at the console"},
};
/* clang-format on */

static void write_keys(const char *path, const char *text)
{
	scratch_write(&t.scratch, path, text, 0600);
	if (getuid() == 0)
		assert_int_equal(
			fchownat(t.scratch.sys.rootfd, path + 1, t.uid, t.uid, AT_SYMLINK_NOFOLLOW),
			0);
}

static void find_ways(void **state)
{
	const struct row *row = *state;
	AUTO_BUF shadow = {0};

	t.sshd = row->sshd;
	passwd(row->shell, "");
	buf_printf(&shadow, "root:*:1::::::\nbob:%s\n", row->shadow);
	scratch_write(&t.scratch, "/etc/shadow", buf_text(&shadow), 0600);
	scratch_write(&t.scratch, "/etc/group", "wheel:x:10:al\nssh:x:11:al,bob\n", 0644);
	if (row->keys)
		write_keys("/home/bob/.ssh/authorized_keys", row->keys);
	expect(row->ways);
}

static void approved_names_are_whole_and_cased(void **state)
{
	static const char *const names[] = {"al", "Bob", "bobb", "AL"};
	AUTO_BUF more = {0}, accounts = {0}, keys = {0}, unseen = {0}, wanted = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_account(&more, names[i]);
	passwd("/bin/bash", buf_text(&more));
	look(&accounts, &keys, &unseen);
	buf_printf(&wanted, "bobb (uid %u): password\nAL (uid %u): password\n", t.uid, t.uid);
	assert_string_equal(buf_text(&accounts), buf_text(&wanted));
	assert_string_equal(buf_text(&unseen), "");
}

static void root_gets_in_by_what_PermitRootLogin_says(void **state)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	passwd("/bin/zsh", "root:" HASH ":0:0::/root:/bin/sh\ntoor:*:0:0::/toor:/bin/sh\n");
	scratch_write(&t.scratch, "/root/.ssh/authorized_keys", ECDSA, 0600);
	scratch_write(&t.scratch, "/toor/.ssh/authorized_keys2", ED25519 ED25519, 0600);
	look(&accounts, &keys, &unseen);
	assert_string_equal(buf_text(&accounts), "root (uid 0): password at the console, 1 key\n"
						 "toor (uid 0): 2 keys\n");
	t.sshd = "permitrootlogin no\n";
	buf_done(&accounts);
	look(&accounts, &keys, &unseen);
	assert_string_equal(buf_text(&accounts), "root (uid 0): password at the console\n");
	t.sshd = "permitrootlogin yes\n";
	buf_done(&accounts);
	look(&accounts, &keys, &unseen);
	assert_string_equal(buf_text(&accounts), "root (uid 0): password, 1 key\n"
						 "toor (uid 0): 2 keys\n");
	assert_string_equal(buf_text(&unseen), "");
}

static void keys_of_unsupported_kinds_are_named_with_file_and_line(void **state)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	passwd("/bin/bash", "");
	write_keys("/home/bob/.ssh/authorized_keys", ED25519 "\ncert-authority " ECDSA);
	look(&accounts, &keys, &unseen);
	assert_non_null(strstr(buf_text(&keys),
			       "/home/bob/.ssh/authorized_keys, line 3: ECDSA of 256 bits, a "
			       "certificate authority, SHA256:"));
	assert_null(strstr(buf_text(&keys), "AAAA"));
	assert_null(strstr(buf_text(&keys), "line 1"));
}

/* What root would have to trust is not read. */
static void a_link_in_the_place_of_roots_keys_is_not_followed(void **state)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	passwd("/bin/zsh", "root:*:0:0::/root:/bin/sh\n");
	scratch_write(&t.scratch, "/root/keys", ECDSA, 0600);
	scratch_mkdir(&t.scratch, "/root/.ssh", 0700);
	assert_int_equal(symlinkat("../keys", t.scratch.sys.rootfd, "root/.ssh/authorized_keys"),
			 0);
	look(&accounts, &keys, &unseen);
	assert_string_equal(buf_text(&accounts), "root (uid 0): keys that cannot be looked at\n");
	assert_string_equal(buf_text(&keys), "");
	assert_string_equal(buf_text(&unseen), "root: /root/.ssh/authorized_keys\n");
}

/* sshd follows one too, with the rights of the account. */
static void a_link_of_an_account_leads_where_the_account_may_look(void **state)
{
	(void)state;
	passwd("/bin/bash", "");
	write_keys("/home/bob/keys", ED25519);
	assert_int_equal(
		symlinkat("../keys", t.scratch.sys.rootfd, "home/bob/.ssh/authorized_keys"), 0);
	expect("1 key");
	assert_int_equal(unlinkat(t.scratch.sys.rootfd, "home/bob/keys", 0), 0);
	expect("");
	if (getuid())
		return;
	scratch_write(&t.scratch, "/home/bob/keys", ED25519, 0600); /* root's */
	expect("");
}

static void what_is_no_file_lets_nobody_in(void **state)
{
	(void)state;
	passwd("/bin/bash", "");
	assert_int_equal(mkfifoat(t.scratch.sys.rootfd, "home/bob/.ssh/authorized_keys", 0666), 0);
	scratch_mkdir(&t.scratch, "/home/bob/.ssh/authorized_keys2", 0755);
	expect("");
}

static void expect_unseen(const char *why)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0}, wanted = {0};

	look(&accounts, &keys, &unseen);
	buf_printf(&wanted, "bob (uid %u): keys that cannot be looked at\n", t.uid);
	assert_string_equal(buf_text(&accounts), buf_text(&wanted));
	assert_string_equal(buf_text(&unseen), why);
}

static void a_file_that_a_further_group_may_open_counts_and_is_named(void **state)
{
	(void)state;
	if (getuid())
		skip();
	passwd("/bin/bash", "");
	scratch_write(&t.scratch, "/etc/group", "team:x:77:al,bob\n", 0644);
	scratch_write(&t.scratch, "/home/bob/.ssh/authorized_keys", ED25519, 0640); /* root's */
	expect_unseen("bob: /home/bob/.ssh/authorized_keys\n");
	scratch_write(&t.scratch, "/etc/group", "team:x:77:al\n", 0644);
	expect("");
}

static void a_file_that_is_too_large_counts_and_is_named(void **state)
{
	AUTO_BUF text = {0};

	(void)state;
	passwd("/bin/bash", "");
	while (text.len <= AUTHKEYS_MAX)
		buf_str(&text, "# a comment that is of no use at all\n");
	write_keys("/home/bob/.ssh/authorized_keys", buf_text(&text));
	expect_unseen("bob: /home/bob/.ssh/authorized_keys\n");
}

static void a_file_with_a_nul_counts_and_is_named(void **state)
{
	AUTO_CLOSE int fd = -1;

	(void)state;
	passwd("/bin/bash", "");
	write_keys("/home/bob/.ssh/authorized_keys", ED25519);
	fd = openat(t.scratch.sys.rootfd, "home/bob/.ssh/authorized_keys", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "", 1), 1);
	expect_unseen("bob: /home/bob/.ssh/authorized_keys\n");
}

static void more_keys_than_are_listed_count_and_are_named(void **state)
{
	AUTO_BUF text = {0}, accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	passwd("/bin/bash", "");
	for (int i = 0; i <= LOCALKEYS_MAX; i++)
		buf_str(&text, ED25519);
	write_keys("/home/bob/.ssh/authorized_keys", buf_text(&text));
	look(&accounts, &keys, &unseen);
	assert_non_null(strstr(buf_text(&accounts), "1000 keys, keys that cannot be looked at"));
	assert_string_equal(buf_text(&unseen), "bob: /home/bob/.ssh/authorized_keys\n");
}

static void files_beyond_those_that_are_read_count_and_are_named(void **state)
{
	AUTO_BUF setting = {0};

	(void)state;
	passwd("/bin/bash", "");
	buf_str(&setting, "authorizedkeysfile");
	for (int i = 1; i <= 17; i++)
		buf_printf(&setting, " keys%d", i);
	buf_str(&setting, "\n");
	t.sshd = buf_text(&setting);
	write_keys("/home/bob/keys17", ED25519);
	expect_unseen("bob: /home/bob/keys17\n");
}

static void an_sshd_that_does_not_answer_is_named_and_the_usual_places_count(void **state)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	passwd("/bin/bash", "");
	write_keys("/home/bob/.ssh/authorized_keys", ED25519);
	t.sshd = NULL;
	look(&accounts, &keys, &unseen);
	assert_non_null(strstr(buf_text(&accounts), "1 key\n"));
	assert_non_null(strstr(buf_text(&unseen), "bob: sshd refuses its configuration"));
}

#define MAIN "/etc/ssh/sshd_config"
#define INCLUDED "/etc/ssh/sshd_config.d/a.conf"

/* How often sshd is asked about three accounts, and root.
 */
static void ask_as_seldom_as_its_configuration_lets(void **state)
{
	static const struct {
		const char *main, *included;
		unsigned asked;
	} cases[] = {
		{"PermitRootLogin no\n", NULL, 1},
		{"Include /etc/ssh/sshd_config.d/*.conf\n", "Match User *@*\n", 1},
		{"Match User bob\nX11Forwarding no\n", NULL, 2},
		{"Include sshd_config.d/*\n", "Match User bob\nMatch User b*\n", 2},
		{"Match Group wheel\n", NULL, 4},
		{"Match User al,bob Group wheel\n", NULL, 3},
		{"Include /etc/ssh/*/a.conf\n", NULL, 4}, /* what it covers is not known */
		{"Include /etc/ssh/sshd_config.d\n", NULL, 4}, /* no file */
		{NULL, NULL, 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_BUF more = {0}, accounts = {0}, keys = {0}, unseen = {0};
		struct err err = {0};

		add_account(&more, "al");
		add_account(&more, "cy");
		passwd("/bin/bash", buf_text(&more));
		scratch_mkdir(&t.scratch, "/etc/ssh/sshd_config.d", 0755);
		(void)fs_remove(&t.scratch.sys, MAIN, &err);
		(void)fs_remove(&t.scratch.sys, INCLUDED, &err);
		if (cases[i].main)
			scratch_write(&t.scratch, MAIN, cases[i].main, 0644);
		if (cases[i].included)
			scratch_write(&t.scratch, INCLUDED, cases[i].included, 0644);
		t.asked = 0;
		look(&accounts, &keys, &unseen);
		if (t.asked != cases[i].asked)
			fail_msg("case %zu: asked %u times", i, t.asked);
	}
}

static void each_account_goes_by_the_answer_for_its_own_kind(void **state)
{
	AUTO_BUF more = {0}, accounts = {0}, wanted = {0};
	AUTO_LOCALACCOUNTS found = {0};
	struct err err = {0};

	(void)state;
	add_account(&more, "ann");
	add_account(&more, "al");
	add_account(&more, "cy");
	passwd("/bin/zsh", buf_text(&more));
	t.sshd_for_al = "passwordauthentication no\nkbdinteractiveauthentication no\n";
	scratch_write(&t.scratch, MAIN, "Match User a?\nPasswordAuthentication no\n", 0644);
	assert_int_equal(localaccounts_look(&t.machine, "", &found, &err), 0);
	(void)localaccounts_list(&found, FINDING_ACCOUNTS, &accounts);
	buf_printf(&wanted,
		   "ann (uid %u): password\nal (uid %u): password at the console\n"
		   "cy (uid %u): password\n",
		   t.uid, t.uid, t.uid);
	assert_string_equal(buf_text(&accounts), buf_text(&wanted));
	assert_int_equal(t.asked, 2);
}

static void an_account_without_a_name_is_named(void **state)
{
	AUTO_BUF more = {0}, accounts = {0}, keys = {0}, unseen = {0}, wanted = {0};

	(void)state;
	add_account(&more, "");
	passwd("/bin/zsh", buf_text(&more));
	look(&accounts, &keys, &unseen);
	buf_printf(&wanted, "\"\" (uid %u): password\n", t.uid);
	assert_string_equal(buf_text(&accounts), buf_text(&wanted));
}

static void other_ways_of_sshd_are_named(void **state)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	passwd("/bin/bash", "");
	t.sshd = SSHD "trustedusercakeys /etc/ssh/ca.pub\nauthorizedkeyscommand /usr/bin/keys\n";
	look(&accounts, &keys, &unseen);
	assert_string_equal(buf_text(&accounts), "");
	assert_non_null(strstr(buf_text(&unseen), "TrustedUserCAKeys: sshd takes keys from "
						  "/etc/ssh/ca.pub"));
	assert_non_null(strstr(buf_text(&unseen), "AuthorizedKeysCommand: sshd takes keys from "
						  "/usr/bin/keys"));
}

static void accounts_beyond_the_bound_are_counted(void **state)
{
	AUTO_BUF more = {0}, accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	for (unsigned i = 0; i < LOCALACCOUNTS_MAX; i++)
		buf_printf(&more, "u%u:x:%u:%u::/:/bin/zsh\n", i, 2000 + i, 2000 + i);
	passwd("/bin/zsh", buf_text(&more));
	look(&accounts, &keys, &unseen);
	assert_string_equal(buf_text(&unseen), "1 of 257 accounts: there are too many\n");
}

static void what_is_left_when_the_time_is_up_is_counted(void **state)
{
	AUTO_BUF accounts = {0}, keys = {0}, unseen = {0};

	(void)state;
	passwd("/bin/bash", "");
	t.scratch.sys.deadline_ns = 1;
	look(&accounts, &keys, &unseen);
	assert_int_equal(t.scratch.sys.deadline_ns, 1);
	assert_non_null(strstr(buf_text(&unseen), "1 of 1 accounts: the time was up\n"));
}

static void without_accounts_it_fails(void **state)
{
	AUTO_LOCALACCOUNTS found = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(localaccounts_look(&t.machine, "", &found, &err), -ENOENT);
	scratch_write(&t.scratch, "/etc/passwd", "", 0666);
	err = (struct err){0};
	assert_int_equal(localaccounts_look(&t.machine, "", &found, &err), -EPERM);
}

/* ---- the child's answer */

#define PRINT "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* clang-format off */
static struct line_row {
	const char *name;
	const char *line;
	bool taken;
} line_rows[] = {
	{"a line of its form", "15 1 6 65536 1 " PRINT, true},
	{"a file that was not asked for", "16 1 0 1 0 " PRINT, false},
	{"a line zero", "0 0 0 1 0 " PRINT, false},
	{"a kind that there is not", "0 1 7 1 0 " PRINT, false},
	{"too many bits", "0 1 0 65537 0 " PRINT, false},
	{"neither an authority nor none", "0 1 0 1 2 " PRINT, false},
	{"a fingerprint of another form", "0 1 0 1 0 MD5:0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false},
	{"a fingerprint with a control character", "0 1 0 1 0 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\033", false},
	{"a fingerprint that is short", "0 1 0 1 0 SHA256:AAAA", false},
	{"more than that", "0 1 0 1 0 " PRINT " x", false},
	{"less than that", "0 1 0 1 0", false},
};
/* clang-format on */

static void take_line(void **state)
{
	const struct line_row *row = *state;
	struct authkey key = {.line = 7};
	size_t file = 99;
	AUTO_BUF again = {0};

	assert_int_equal(localkeys_take_line(span_of(row->line), &file, &key), row->taken);
	if (!row->taken) {
		assert_int_equal(key.line, 7);
		assert_int_equal(file, 99);
		return;
	}
	localkeys_add_line(file, &key, &again);
	assert_memory_equal(buf_text(&again), row->line, strlen(row->line));
}

/* ---- the steps */

static struct step_result run_step(const struct step *step)
{
	struct step_result result = {.step = NULL};
	struct run run = {.machine = &t.machine, .steps = &step, .count = 1, .results = &result};
	struct err err = {0};

	assert_int_equal(run_apply(&run, &err), 0);
	return result;
}

static void without_the_setting_nothing_is_looked_at(void **state)
{
	(void)state;
	assert_int_equal(run_step(&step_local_accounts).state, STEP_SKIPPED);
	assert_int_equal(run_step(&step_authorized_keys).state, STEP_SKIPPED);
	assert_int_equal(t.asked, 0);
}

static void before_the_enable_that_follows_nothing_is_looked_at(void **state)
{
	(void)state;
	t.settings.approved_local_accounts = strdup("");
	t.extension.enable_follows = true;
	assert_int_equal(run_step(&step_local_accounts).state, STEP_SKIPPED);
}

static void findings_are_notes_with_names_and_time(void **state)
{
	struct step_result result;
	char begin[120];
	AUTO_BUF more = {0};
	unsigned asked;

	(void)state;
	t.settings.approved_local_accounts = strdup("al");
	add_account(&more, "al");
	add_account(&more, "cy");
	passwd("/bin/bash", buf_text(&more));
	write_keys("/home/bob/.ssh/authorized_keys", ECDSA);
	result = run_step(&step_local_accounts);
	assert_int_equal(result.state, STEP_OK);
	assert_int_equal(result.note_count, 1);
	(void)snprintf(begin, sizeof(begin),
		       "2 not in approvedLocalAccounts can sign in, seen 2024-10-04T00:00:00Z: "
		       "bob (uid %u): 1 key; cy (uid %u): password. ",
		       t.uid, t.uid);
	assert_memory_equal(result.notes[0], begin, strlen(begin));
	assert_int_equal(result.gravity, GRAVITY_RISK);
	asked = t.asked;
	result = run_step(&step_authorized_keys);
	assert_int_equal(t.asked, asked); /* one look serves both */
	assert_int_equal(result.note_count, 1);
	assert_non_null(strstr(result.notes[0], "1 keys of kinds that Azure does not support"));
	assert_non_null(strstr(result.notes[0], "authorized_keys, line 1: ECDSA of 256 bits, SHA"));
}

static void a_note_holds_what_fits_and_counts_the_rest(void **state)
{
	struct step_result result;
	AUTO_BUF more = {0};

	(void)state;
	t.settings.approved_local_accounts = strdup("bob");
	for (unsigned i = 0; i < 100; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "account%u", i);
		add_account(&more, name);
	}
	passwd("/bin/bash", buf_text(&more));
	result = run_step(&step_local_accounts);
	assert_int_equal(result.note_count, 1);
	assert_non_null(strstr(result.notes[0], "100 not in approvedLocalAccounts"));
	assert_non_null(strstr(result.notes[0], ": password; and 96 more. "));
	assert_non_null(strstr(result.notes[0], "aadssh-handler check names all"));
}

static void all_approved_is_ok_without_a_note(void **state)
{
	struct step_result result;

	(void)state;
	t.settings.approved_local_accounts = strdup("bob");
	passwd("/bin/bash", "");
	write_keys("/home/bob/.ssh/authorized_keys", ED25519);
	result = run_step(&step_local_accounts);
	assert_int_equal(result.state, STEP_OK);
	assert_int_equal(result.note_count, 0);
}

static void what_cannot_be_looked_at_is_a_note_and_no_failure(void **state)
{
	struct step_result result;

	(void)state;
	t.settings.approved_local_accounts = strdup("bob");
	result = run_step(&step_local_accounts);
	assert_int_equal(result.state, STEP_OK);
	assert_int_equal(result.note_count, 1);
	assert_non_null(strstr(result.notes[0], "the local accounts could not be looked at"));
	assert_int_equal(result.gravity, GRAVITY_RISK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest fixed[] = {
		TEST(approved_names_are_whole_and_cased),
		TEST(root_gets_in_by_what_PermitRootLogin_says),
		TEST(keys_of_unsupported_kinds_are_named_with_file_and_line),
		TEST(a_link_in_the_place_of_roots_keys_is_not_followed),
		TEST(a_link_of_an_account_leads_where_the_account_may_look),
		TEST(what_is_no_file_lets_nobody_in),
		TEST(a_file_that_a_further_group_may_open_counts_and_is_named),
		TEST(a_file_that_is_too_large_counts_and_is_named),
		TEST(a_file_with_a_nul_counts_and_is_named),
		TEST(more_keys_than_are_listed_count_and_are_named),
		TEST(files_beyond_those_that_are_read_count_and_are_named),
		TEST(an_sshd_that_does_not_answer_is_named_and_the_usual_places_count),
		TEST(ask_as_seldom_as_its_configuration_lets),
		TEST(each_account_goes_by_the_answer_for_its_own_kind),
		TEST(an_account_without_a_name_is_named),
		TEST(other_ways_of_sshd_are_named),
		TEST(accounts_beyond_the_bound_are_counted),
		TEST(what_is_left_when_the_time_is_up_is_counted),
		TEST(without_accounts_it_fails),
		TEST(without_the_setting_nothing_is_looked_at),
		TEST(before_the_enable_that_follows_nothing_is_looked_at),
		TEST(findings_are_notes_with_names_and_time),
		TEST(a_note_holds_what_fits_and_counts_the_rest),
		TEST(all_approved_is_ok_without_a_note),
		TEST(what_cannot_be_looked_at_is_a_note_and_no_failure),
	};
	struct CMUnitTest tests[ARRAY_LEN(fixed) + ARRAY_LEN(rows) + ARRAY_LEN(line_rows)];
	size_t count = ARRAY_LEN(fixed);

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[count++] = (struct CMUnitTest){.name = rows[i].name,
						     .test_func = find_ways,
						     .setup_func = set_up,
						     .teardown_func = tear_down,
						     .initial_state = &rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(line_rows); i++)
		tests[count++] = (struct CMUnitTest){.name = line_rows[i].name,
						     .test_func = take_line,
						     .initial_state = &line_rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
