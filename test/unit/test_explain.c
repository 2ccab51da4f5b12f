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

#include "lib/core/aadpasswd.h"
#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/sshdconf.h"
#include "lib/core/uid.h"
#include "lib/sys/fs.h"
#include "lib/sys/proc.h"
#include "payload/login/decision.h"
#include "payload/login/explain.h"
#include "payload/login/keys.h"
#include "payload/login/places.h"
#include "test/unit/fakelogin.h"

#define OTHER_GUID "11111111-93c4-4be1-8f07-2f6c1b7a9e30"
#define HOME "/home/" FAKELOGIN_NAME
/* As long as they are. */
#define GROUP_SCOPE                                                                                \
	"/subscriptions/" OTHER_GUID "/resourceGroups/"                                            \
	"a-resource-group-with-a-name-of-sixty-four-bytes-which-are-not-few"
#define SCOPE GROUP_SCOPE "/providers/Microsoft.Compute/virtualMachines/machine-0001"
#define ASSIGNED "roleAssignments/" OTHER_GUID
#define ASSIGNMENT SCOPE "/providers/Microsoft.Authorization/" ASSIGNED
#define SKIPPED 77 /* automake's: homes and decisions are root's */

static const struct uid_range range = {10000000, 10001039};

/* ---- what getent and sshd say; "" is not found, and a failure */

static char passwd_entry[512], settings[2048];
static const char *group_names[3]; /* of the gids 1, 2 and 3 */

static void say(struct proc_result *ret, const char *text)
{
	ret->status = text[0] ? 0 : 2;
	buf_str(&ret->output, text);
}

static int run(struct sys *sys, const struct proc_spec *spec, struct proc_result *ret,
	       struct err *err)
{
	const char *const *argv = spec->argv;
	char line[128] = "";

	(void)sys, (void)err;
	if (strcmp(argv[0], "/usr/sbin/sshd") == 0) {
		assert_non_null(strstr(argv[3], "user=" FAKELOGIN_NAME ","));
		say(ret, settings);
	} else if (strcmp(argv[1], "passwd") == 0) {
		say(ret, passwd_entry);
	} else if (strcmp(argv[1], "initgroups") == 0) {
		say(ret, FAKELOGIN_NAME "   1 2 3\n");
	} else if (strlen(argv[2]) == 1 && group_names[argv[2][0] - '1']) {
		(void)snprintf(line, sizeof(line), "%s:x:%s:\n", group_names[argv[2][0] - '1'],
			       argv[2]);
		say(ret, line);
	} else {
		say(ret, "");
	}
	return 0;
}

static void write_entry(uint32_t uid, const char *shell)
{
	(void)snprintf(passwd_entry, sizeof(passwd_entry), FAKELOGIN_NAME ":*:%u:%u::" HOME ":%s\n",
		       uid, uid, shell);
}

static void write_settings(const char *more)
{
	const struct sshd_setting *setting;
	struct conf conf = {.authorized_keys = AUTHORIZED_KEYS_NONE};
	size_t count = sshdconf_settings(&conf, &setting);

	(void)snprintf(settings, sizeof(settings), "usepam yes\n%s", more);
	for (; count; count--, setting++)
		(void)snprintf(settings + strlen(settings), sizeof(settings) - strlen(settings),
			       "%s %s\n", setting->keyword, setting->value);
}

/* ---- a machine on which alice would get in */

struct machine_parts {
	struct fakelogin *fake;
	struct certmake shape;
};

static uint32_t wanted(void)
{
	return uid_of_name(FAKELOGIN_NAME, range);
}

static int fill_cache(struct fakelogin *fake, void *arg)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	(void)arg;
	fakelogin_load(fake, &conf);
	return keys_check(fakelogin_sys(fake), &conf, CERTMAKE_TID, buf_bytes(&fake->ca_blob),
			  &err);
}

static void keep(struct fakelogin *fake, const struct decision *decision)
{
	AUTO_CONF conf = {0};
	struct err err = {0};

	fakelogin_load(fake, &conf);
	assert_int_equal(decision_store(fakelogin_sys(fake), &conf, CERTMAKE_OID, decision, &err),
			 0);
}

static void decide(struct fakelogin *fake, enum verdict_kind login, enum verdict_kind admin)
{
	struct decision decision = {.boottime_ns = FAKELOGIN_BOOT_NS,
				    .life_ms = DECISION_LIFE_MS,
				    .login = {.kind = login},
				    .admin = {.kind = admin}};

	if (login != VERDICT_MISSING)
		decision.login = (struct verdict){login, ASSIGNMENT, SCOPE};
	if (admin == VERDICT_GRANTED)
		decision.admin = decision.login;
	keep(fake, &decision);
}

static struct fakelogin *open_machine(void)
{
	struct fakelogin *fake = fakelogin_new();

	fake->scratch.ops.run = run;
	fakelogin_entra(fake);
	assert_int_equal(fakelogin_as_service(fake, fill_cache, NULL), 0);
	fake->shared->requests = 0;
	scratch_write(&fake->scratch, "/etc/nsswitch.conf", "passwd: files aad\ngroup: files aad\n",
		      0644);
	scratch_write(&fake->scratch, "/bin/bash", "", 0755);
	write_entry(wanted(), "/bin/bash");
	write_settings("");
	memset(group_names, 0, sizeof(group_names));
	decide(fake, VERDICT_GRANTED, VERDICT_GRANTED);
	return fake;
}

static const struct explain_row *row_of(const struct explanation *explanation, const char *check)
{
	for (size_t i = 0; i < explanation->count; i++)
		if (strcmp(explanation->rows[i].check, check) == 0)
			return &explanation->rows[i];
	fail_msg("no row %s", check);
	return explanation->rows;
}

static void expect_row(const struct explanation *explanation, const char *check,
		       enum explain_state state, const char *words)
{
	const struct explain_row *row = row_of(explanation, check);

	if (row->state != state || !strstr(row->seen, words))
		fail_msg("%s: %s, %s", check, explain_state_name(row->state), row->seen);
}

static void expect_accepted(const struct explanation *explanation)
{
	if (explanation->refusal)
		fail_msg("%s: %s", explanation->refusal->check, explanation->refusal->seen);
}

static void print_file(struct fakelogin *fake, const struct certmake *shape, struct buf *ret)
{
	buf_str(ret, "ssh-rsa-cert-v01@openssh.com ");
	fakelogin_certificate(fake, shape, ret);
	buf_str(ret, " alice\n");
}

static void ask(struct fakelogin *fake, const char *user, const struct buf *cert,
		struct explanation *ret)
{
	const struct explain_question question = {
		.user = user,
		.has_cert = cert,
		.cert = cert ? buf_bytes(cert) : (struct span){0},
	};

	explain(fakelogin_sys(fake), &question, ret);
	/* Nothing of it ever asks the network. */
	assert_int_equal(fake->shared->requests, 0);
}

/* ---- refusals, a row each */

static void no_conf(struct machine_parts *parts)
{
	struct err err = {0};

	assert_int_equal(fs_remove(fakelogin_sys(parts->fake), CONF_PATH, &err), 0);
}

static void no_resource(struct machine_parts *parts)
{
	scratch_write(&parts->fake->scratch, CONF_PATH,
		      "tenant " CERTMAKE_TID "\nauthority " FAKELOGIN_AUTHORITY "\n", 0644);
}

static void other_domain(struct machine_parts *parts)
{
	fakelogin_conf(parts->fake, "user_domains fabrikam.com\n");
}

static void no_nsswitch(struct machine_parts *parts)
{
	scratch_write(&parts->fake->scratch, "/etc/nsswitch.conf",
		      "passwd: files aad\ngroup: files\n", 0644);
}

static void loose_accounts(struct machine_parts *parts)
{
	scratch_write(&parts->fake->scratch, AADPASSWD_PATH, "", 0666);
}

static void no_entry(struct machine_parts *parts)
{
	(void)parts;
	passwd_entry[0] = '\0';
}

static void entry_of_others(struct machine_parts *parts)
{
	(void)parts;
	write_entry(1000, "/bin/bash");
}

static void reserved_entry(struct machine_parts *parts)
{
	(void)parts;
	write_entry(range.first + 1, "/bin/bash");
}

static void no_shell(struct machine_parts *parts)
{
	(void)parts;
	write_entry(wanted(), "/bin/zsh");
}

static void shell_without_mode(struct machine_parts *parts)
{
	scratch_write(&parts->fake->scratch, "/bin/bash", "", 0644);
}

static void no_pam(struct machine_parts *parts)
{
	(void)parts;
	memcpy(settings, "usepam no \n", 11);
}

static void rival(struct machine_parts *parts)
{
	(void)parts;
	write_settings("authorizedkeyscommand /usr/bin/rival\n");
}

static void deny_user(struct machine_parts *parts)
{
	(void)parts;
	write_settings("denyusers alice*\n");
}

static void other_groups(struct machine_parts *parts)
{
	(void)parts;
	write_settings("allowgroups wheel\n");
	group_names[0] = "aad_users";
}

static void expired(struct machine_parts *parts)
{
	parts->shape.after = (uint64_t)FAKELOGIN_NOW_S - 3900;
	parts->shape.before = (uint64_t)FAKELOGIN_NOW_S;
}

static void two_principals(struct machine_parts *parts)
{
	parts->shape.principals[1] = "root";
}

static void bobs(struct machine_parts *parts)
{
	parts->shape.principals[0] = "bob@contoso.com";
}

static void sha1(struct machine_parts *parts)
{
	parts->shape.signature_type = "ssh-rsa";
	parts->shape.digest = EVP_sha1();
}

static void allowed_elsewhere(struct machine_parts *parts)
{
	scratch_write(&parts->fake->scratch, CONF_PATH,
		      "tenant " OTHER_GUID "\nauthority " FAKELOGIN_AUTHORITY
		      "\nresource_manager " FAKELOGIN_ARM "\nresource_id " FAKELOGIN_RESOURCE
		      "\nuid_range " FAKELOGIN_UID_RANGE "\n",
		      0644);
}

static void other_ca(struct machine_parts *parts)
{
	static struct buf blob;

	buf_done(&blob);
	parts->shape.signer = certmake_key(2048, &blob);
	parts->shape.ca = buf_bytes(&blob);
}

static void local_account(struct machine_parts *parts)
{
	AUTO_FREE char *before = fakelogin_text(parts->fake, "/etc/passwd");
	AUTO_BUF text = {0};

	buf_printf(&text, "%s" FAKELOGIN_NAME ":x:1000:1000::/:/bin/sh\n", before);
	scratch_write(&parts->fake->scratch, "/etc/passwd", buf_text(&text), 0644);
}

static void no_module(struct machine_parts *parts)
{
	struct err err = {0};

	assert_int_equal(
		fs_remove(fakelogin_sys(parts->fake), "/usr/lib64/security/pam_aad.so", &err), 0);
}

static void no_sshd_line(struct machine_parts *parts)
{
	scratch_write(&parts->fake->scratch, "/etc/pam.d/sshd", "@include common-account\n", 0644);
}

static void no_sudo_line(struct machine_parts *parts)
{
	scratch_write(&parts->fake->scratch, "/etc/pam.d/sudo", "@include common-account\n", 0644);
}

static void write_line(struct fakelogin *fake, const char *path, const char *name, const char *oid,
		       uint32_t id, const char *home)
{
	AUTO_BUF text = {0};

	buf_printf(&text, "%s:%s:%u:%u::%s:/bin/bash\n", name, oid, id, id, home);
	scratch_write(&fake->scratch, path, buf_text(&text), 0600);
}

static void namesake(struct machine_parts *parts)
{
	write_line(parts->fake, AADPASSWD_PATH, FAKELOGIN_NAME, OTHER_GUID, wanted(), HOME);
}

static void remembered_namesake(struct machine_parts *parts)
{
	write_line(parts->fake, LEDGER_PATH, FAKELOGIN_NAME, OTHER_GUID, wanted(), HOME);
}

static void shared_id(struct machine_parts *parts)
{
	AUTO_BUF group = {0};

	write_line(parts->fake, AADPASSWD_PATH, FAKELOGIN_NAME, CERTMAKE_OID, wanted(), HOME);
	buf_printf(&group, "crew:x:%u:\n", wanted());
	scratch_write(&parts->fake->scratch, "/etc/group", buf_text(&group), 0644);
}

static void renamed(struct machine_parts *parts)
{
	write_line(parts->fake, AADPASSWD_PATH, "bob@contoso.com", CERTMAKE_OID, 10000777,
		   "/home/bob@contoso.com");
}

static void no_role(struct machine_parts *parts)
{
	decide(parts->fake, VERDICT_MISSING, VERDICT_MISSING);
}

static void a_role_under_a_condition(struct machine_parts *parts)
{
	const struct decision decision = {.boottime_ns = FAKELOGIN_BOOT_NS,
					  .life_ms = DECISION_LIFE_MS,
					  .login = {VERDICT_MISSING, ASSIGNMENT, SCOPE}};

	keep(parts->fake, &decision);
}

static void denied(struct machine_parts *parts)
{
	decide(parts->fake, VERDICT_DENIED, VERDICT_MISSING);
}

static void no_roles_file(struct machine_parts *parts)
{
	fakelogin_conf(parts->fake, "role_backend static\nroles_file /etc/roles\n");
}

static void foreign_home(struct machine_parts *parts)
{
	scratch_mkdir(&parts->fake->scratch, HOME, 0700);
	fakelogin_own(parts->fake, HOME, 1000, 1000);
}

struct row {
	const char *name;
	void (*spoil)(struct machine_parts *parts);
	const char *check; /* the first that refuses */
	enum reason reason;
	const char *words; /* in what was seen */
};

/* clang-format off */
static struct row rows[] = {
	{"a missing configuration", no_conf, "configuration", REASON_NOT_CONFIGURED, CONF_PATH},
	{"a configuration without the resource", no_resource, "configuration", REASON_NOT_CONFIGURED, "resource_id"},
	{"a domain that is not ours", other_domain, "domain", REASON_NAME_NOT_OURS, "fabrikam.com"},
	{"a name service that is not asked", no_nsswitch, "nsswitch", REASON_NAME_UNRESOLVED, "aad"},
	{"accounts that others can write", loose_accounts, "accounts", REASON_INTERNAL, AADPASSWD_PATH},
	{"a name that does not resolve", no_entry, "entry", REASON_NAME_UNRESOLVED, "passwd"},
	{"an entry of another source", entry_of_others, "entry", REASON_LOCAL_ACCOUNT, "uid 1000"},
	{"an entry with a reserved uid", reserved_entry, "entry", REASON_LOCAL_ACCOUNT, "uid 10000001"},
	{"a shell that is missing", no_shell, "shell", REASON_SHELL_MISSING, "/bin/zsh"},
	{"a shell that is no program", shell_without_mode, "shell", REASON_SHELL_MISSING, "/bin/bash"},
	{"an sshd without PAM", no_pam, "sshd", REASON_SSHD_NOT_ASKING, "PAM"},
	{"another key command", rival, "sshd", REASON_SSHD_NOT_ASKING, "/usr/bin/rival"},
	{"a user whom sshd denies", deny_user, "sshd-access", REASON_SSHD_ACCESS, "DenyUsers alice*"},
	{"a user in no group that sshd allows", other_groups, "sshd-access", REASON_SSHD_ACCESS, "AllowGroups"},
	{"an expired certificate", expired, "validity", REASON_CERT_EXPIRED, ""},
	{"two principals", two_principals, "identity", REASON_CERT_PRINCIPAL, ""},
	{"a tenant that is not allowed", allowed_elsewhere, "tenant", REASON_TENANT_NOT_ALLOWED, CERTMAKE_TID},
	{"a weak signature", sha1, "signature", REASON_CERT_WEAK, ""},
	{"another CA", other_ca, "signing-key", REASON_CA_NOT_TRUSTED, CERTMAKE_TID},
	{"somebody else's certificate", bobs, "principal", REASON_PRINCIPAL_MISMATCH, "bob@contoso.com"},
	{"a name of another account", namesake, "object-id", REASON_OID_MISMATCH, OTHER_GUID},
	{"a local account of the name", local_account, "local-account", REASON_LOCAL_ACCOUNT, FAKELOGIN_NAME},
	{"a missing module", no_module, "pam-module", REASON_NOT_CONFIGURED, "PAM module"},
	{"a missing line for sshd", no_sshd_line, "pam-sshd", REASON_PAM_LINE_MISSING, "/etc/pam.d/sshd"},
	{"a missing line for sudo", no_sudo_line, "pam-sudo", REASON_PAM_LINE_MISSING, "/etc/pam.d/sudo"},
	{"a name that is remembered for another account", remembered_namesake, "ledger", REASON_OID_MISMATCH, OTHER_GUID},
	{"an id that a local group has too", shared_id, "ledger", REASON_UID_SHARED, "crew"},
	{"an account with another name", renamed, "ledger", REASON_ACCOUNT_RENAMED, "bob@contoso.com"},
	{"no role", no_role, "role", REASON_ROLE_MISSING, "login: no role grants it; administer"},
	{"a role under a condition", a_role_under_a_condition, "role", REASON_ROLE_MISSING,
	 "login: no role grants it; under a condition, which counts for nothing: " },
	{"a deny assignment", denied, "role", REASON_ROLE_DENIED, ASSIGNED},
	{"a file of roles that is missing", no_roles_file, "role", REASON_NOT_CONFIGURED, "/etc/roles"},
	{"a home of somebody else", foreign_home, "home", REASON_HOME_OWNED, HOME},
};
/* clang-format on */

static void is_refused(void **state)
{
	const struct row *row = *state;
	struct fakelogin *fake = open_machine();
	struct machine_parts parts = {.fake = fake, .shape = fakelogin_shape(fake)};
	EVP_PKEY *ours = parts.shape.signer;
	struct explanation explanation;
	AUTO_BUF cert = {0};

	row->spoil(&parts);
	print_file(fake, &parts.shape, &cert);
	ask(fake, FAKELOGIN_NAME, &cert, &explanation);
	assert_non_null(explanation.refusal);
	if (strcmp(explanation.refusal->check, row->check) != 0 ||
	    explanation.refusal->reason != row->reason ||
	    !strstr(explanation.refusal->seen, row->words))
		fail_msg("%s: %s, %s", explanation.refusal->check,
			 reason_text(explanation.refusal->reason)->id, explanation.refusal->seen);
	if (parts.shape.signer != ours)
		EVP_PKEY_free(parts.shape.signer);
	fakelogin_free(fake);
}

static void what_gives_a_missing_role_can_be_typed(void **state)
{
	struct fakelogin *fake = open_machine();
	struct machine_parts parts = {.fake = fake, .shape = fakelogin_shape(fake)};
	struct explanation explanation;
	AUTO_BUF cert = {0};

	(void)state;
	no_role(&parts);
	print_file(fake, &parts.shape, &cert);
	ask(fake, FAKELOGIN_NAME, &cert, &explanation);
	assert_string_equal(explanation.command,
			    "az role assignment create --assignee-object-id " CERTMAKE_OID
			    " --assignee-principal-type User --role 'Virtual Machine User Login' "
			    "--scope '" FAKELOGIN_RESOURCE "'");
	denied(&parts);
	ask(fake, FAKELOGIN_NAME, &cert, &explanation);
	assert_string_equal(explanation.command, "");
	fakelogin_free(fake);
}

/* ---- what is told when nothing refuses */

static void a_good_login_is_told_check_by_check(void **state)
{
	static const char *const order[] = {
		"name",      "configuration", "domain",        "nsswitch",    "accounts",
		"entry",     "shell",         "sshd",          "sshd-access", "certificate",
		"validity",  "identity",      "tenant",        "signature",   "signing-key",
		"principal", "object-id",     "local-account", "pam-module",  "pam-sshd",
		"pam-sudo",  "ledger",        "role",          "home",        "administrator"};
	struct fakelogin *fake = open_machine();
	struct explanation explanation;
	AUTO_BUF cert = {0};

	(void)state;
	fake->shared->realtime_s += 600;
	fake->shared->boottime_ns += 40ll * 1000000000;
	print_file(fake, NULL, &cert);
	ask(fake, "ALICE@contoso.com", &cert, &explanation);
	expect_accepted(&explanation);
	assert_int_equal(explanation.count, ARRAY_LEN(order));
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		assert_string_equal(explanation.rows[i].check, order[i]);
	expect_row(&explanation, "name", EXPLAIN_OK, FAKELOGIN_NAME);
	expect_row(&explanation, "entry", EXPLAIN_OK, "as the name gives it");
	expect_row(&explanation, "validity", EXPLAIN_OK, "2026-01-02T00:00:00Z to ");
	expect_row(&explanation, "validity", EXPLAIN_OK, "45 min left");
	expect_row(&explanation, "signing-key", EXPLAIN_OK,
		   "one of 1 cached keys, fetched 10 min ago");
	expect_row(&explanation, "ledger", EXPLAIN_OK, "the first login sets it up");
	expect_row(&explanation, "role", EXPLAIN_OK,
		   "40 s ago; login: granted by " ASSIGNED " at " SCOPE
		   "; administer: granted by " ASSIGNED " at " SCOPE);
	expect_row(&explanation, "home", EXPLAIN_OK, "will be made");
	expect_row(&explanation, "administrator", EXPLAIN_NOTE, "not in aad_admins");
	fakelogin_free(fake);
}

static void who_is_set_up_is_told_from_the_line(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;

	(void)state;
	write_line(fake, AADPASSWD_PATH, FAKELOGIN_NAME, CERTMAKE_OID, 1234567, "/home/old");
	write_entry(1234567, "/bin/bash");
	scratch_mkdir(&fake->scratch, "/home/old", 0700);
	fakelogin_own(fake, "/home/old", 1234567, 1234567);
	scratch_write(&fake->scratch, AADADMINS_PATH, FAKELOGIN_NAME "\n", 0644);
	fake->shared->boottime_ns += 3600ll * 1000000000;
	ask(fake, FAKELOGIN_NAME, NULL, &explanation);
	expect_accepted(&explanation);
	expect_row(&explanation, "entry", EXPLAIN_OK, "probed away, renamed or taken over");
	expect_row(&explanation, "certificate", EXPLAIN_SKIPPED, "no certificate was given");
	expect_row(&explanation, "object-id", EXPLAIN_SKIPPED, "no certificate was given");
	expect_row(&explanation, "ledger", EXPLAIN_OK,
		   CERTMAKE_OID ", uid 1234567, home /home/old");
	expect_row(&explanation, "ledger", EXPLAIN_OK, "not the name's");
	expect_row(&explanation, "role", EXPLAIN_NOTE, "60 min ago");
	expect_row(&explanation, "home", EXPLAIN_OK, "/home/old is the account's");
	expect_row(&explanation, "administrator", EXPLAIN_NOTE, "a member of aad_admins");
	fakelogin_free(fake);
}

static void a_uid_that_was_probed_away_is_told(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;
	char words[32];

	(void)state;
	write_entry(wanted() == range.last ? wanted() - 1 : wanted() + 1, "/bin/bash");
	ask(fake, FAKELOGIN_NAME, NULL, &explanation);
	(void)snprintf(words, sizeof(words), "since %u", wanted());
	expect_row(&explanation, "entry", EXPLAIN_OK, words);
	fakelogin_free(fake);
}

static void a_uid_that_changed_is_a_mismatch(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;

	(void)state;
	write_line(fake, AADPASSWD_PATH, FAKELOGIN_NAME, CERTMAKE_OID, 1234567, "/home/old");
	ask(fake, FAKELOGIN_NAME, NULL, &explanation);
	assert_int_equal(row_of(&explanation, "ledger")->reason, REASON_UID_MISMATCH);
	fakelogin_free(fake);
}

/* Neither home nor line of an account that is no Entra account's is the login's. */
static void expect_somebody_elses(struct fakelogin *fake, const char *check)
{
	struct explanation explanation;

	ask(fake, FAKELOGIN_NAME, NULL, &explanation);
	assert_string_equal(explanation.refusal->check, check);
	assert_int_equal(explanation.refusal->reason, REASON_LOCAL_ACCOUNT);
	expect_row(&explanation, "ledger", EXPLAIN_OK, "not known");
	assert_null(strstr(row_of(&explanation, "ledger")->seen, "sets it up"));
	expect_row(&explanation, "home", EXPLAIN_SKIPPED, "somebody else's");
}

static void nothing_will_be_made_for_an_entry_that_is_not_ours(void **state)
{
	struct fakelogin *fake = open_machine();

	(void)state;
	(void)snprintf(passwd_entry, sizeof(passwd_entry),
		       FAKELOGIN_NAME ":x:1000:1000::/:/bin/bash\n");
	expect_somebody_elses(fake, "entry");
	fakelogin_free(fake);
}

static void nothing_will_be_made_for_a_local_account_within_the_range(void **state)
{
	struct fakelogin *fake = open_machine();
	struct machine_parts parts = {.fake = fake};

	(void)state;
	local_account(&parts);
	expect_somebody_elses(fake, "local-account");
	fakelogin_free(fake);
}

static void a_remembered_home_is_told_though_the_entry_is_not_ours(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;

	(void)state;
	write_line(fake, LEDGER_PATH, FAKELOGIN_NAME, CERTMAKE_OID, wanted(), HOME);
	write_entry(1000, "/bin/bash");
	ask(fake, FAKELOGIN_NAME, NULL, &explanation);
	assert_string_equal(explanation.refusal->check, "entry");
	expect_row(&explanation, "ledger", EXPLAIN_OK, "remembered");
	expect_row(&explanation, "home", EXPLAIN_SKIPPED, "somebody else's");
	fakelogin_free(fake);
}

static void groups_and_hosts_are_looked_at(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;

	(void)state;
	write_settings("allowgroups aad_users\nallowusers *@10.0.0.0/8\n");
	group_names[2] = "aad_users";
	ask(fake, FAKELOGIN_NAME, NULL, &explanation);
	expect_row(&explanation, "sshd-access", EXPLAIN_NOTE, "*@10.0.0.0/8");
	expect_accepted(&explanation);
	fakelogin_free(fake);
}

static void what_cannot_be_told_offline_is_skipped(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;
	struct err err = {0};
	AUTO_BUF cert = {0};

	(void)state;
	assert_int_equal(fs_remove_tree(fakelogin_sys(fake), DECISIONS_DIR, &err), 0);
	assert_int_equal(fs_remove(fakelogin_sys(fake), CACHE_DIR "/keys-" CERTMAKE_TID, &err), 0);
	print_file(fake, NULL, &cert);
	ask(fake, FAKELOGIN_NAME, &cert, &explanation);
	expect_accepted(&explanation);
	expect_row(&explanation, "signing-key", EXPLAIN_SKIPPED, "no keys are cached");
	expect_row(&explanation, "principal", EXPLAIN_OK, "Alice@contoso.com");
	expect_row(&explanation, "role", EXPLAIN_SKIPPED, "offline");
	ask(fake, FAKELOGIN_NAME, NULL, &explanation);
	expect_row(&explanation, "role", EXPLAIN_SKIPPED, "the object id is not known");
	fakelogin_free(fake);
}

static void a_file_of_roles_is_read(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;
	AUTO_BUF cert = {0};

	(void)state;
	fakelogin_conf(fake, "role_backend static\nroles_file /etc/roles\n");
	scratch_write(&fake->scratch, "/etc/roles", CERTMAKE_OID " admin\n", 0644);
	print_file(fake, NULL, &cert);
	ask(fake, FAKELOGIN_NAME, &cert, &explanation);
	expect_accepted(&explanation);
	expect_row(&explanation, "role", EXPLAIN_OK, "by the file; login: granted at /etc/roles");
	fakelogin_free(fake);
}

static void a_name_that_is_not_ours_ends_it(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;

	(void)state;
	ask(fake, "root", NULL, &explanation);
	assert_string_equal(explanation.refusal->check, "name");
	assert_int_equal(explanation.refusal->reason, REASON_NAME_NOT_OURS);
	for (size_t i = 1; i < explanation.count; i++)
		assert_int_equal(explanation.rows[i].state, EXPLAIN_SKIPPED);
	fakelogin_free(fake);
}

/* ---- files that hold no certificate of ours */

static struct file_row {
	const char *name, *text;
	enum reason reason;
	const char *words;
} files[] = {
	{"an empty file", "", REASON_CERT_MALFORMED, "holds nothing"},
	{"a comment alone", "# nothing\n\n", REASON_CERT_MALFORMED, "holds nothing"},
	{"a plain key", "ssh-ed25519 AAAAC3Nz me\n", REASON_RECORD_MISSING, "a ssh-ed25519"},
	{"a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", REASON_RECORD_MISSING,
	 "-----BEGIN"},
	{"what is no base64", "ssh-rsa-cert-v01@openssh.com !!! me\n", REASON_CERT_MALFORMED, ""},
	{"base64 of nothing", "AAAA\n", REASON_CERT_MALFORMED, ""},
	{"control characters", "\x1b[31mx\x80 AAAA\n", REASON_RECORD_MISSING, "?[31mx?,"},
};

static void file_is_refused(void **state)
{
	const struct file_row *row = *state;
	struct fakelogin *fake = open_machine();
	struct explanation explanation;
	AUTO_BUF text = {0};

	buf_str(&text, row->text);
	ask(fake, FAKELOGIN_NAME, &text, &explanation);
	expect_row(&explanation, "certificate", EXPLAIN_REFUSED, row->words);
	assert_int_equal(row_of(&explanation, "certificate")->reason, row->reason);
	expect_row(&explanation, "object-id", EXPLAIN_SKIPPED, "not reached");
	fakelogin_free(fake);
}

static void a_certificates_body_is_not_told(void **state)
{
	struct fakelogin *fake = open_machine();
	struct explanation explanation;
	AUTO_BUF cert = {0};
	char middle[33];

	(void)state;
	print_file(fake, NULL, &cert);
	memcpy(middle, buf_text(&cert) + cert.len / 2, 32);
	middle[32] = '\0';
	ask(fake, FAKELOGIN_NAME, &cert, &explanation);
	for (size_t i = 0; i < explanation.count; i++)
		assert_null(strstr(explanation.rows[i].seen, middle));
	fakelogin_free(fake);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_login_is_told_check_by_check),
		cmocka_unit_test(who_is_set_up_is_told_from_the_line),
		cmocka_unit_test(a_uid_that_was_probed_away_is_told),
		cmocka_unit_test(a_uid_that_changed_is_a_mismatch),
		cmocka_unit_test(nothing_will_be_made_for_an_entry_that_is_not_ours),
		cmocka_unit_test(nothing_will_be_made_for_a_local_account_within_the_range),
		cmocka_unit_test(a_remembered_home_is_told_though_the_entry_is_not_ours),
		cmocka_unit_test(groups_and_hosts_are_looked_at),
		cmocka_unit_test(what_cannot_be_told_offline_is_skipped),
		cmocka_unit_test(a_file_of_roles_is_read),
		cmocka_unit_test(what_gives_a_missing_role_can_be_typed),
		cmocka_unit_test(a_name_that_is_not_ours_ends_it),
		cmocka_unit_test(a_certificates_body_is_not_told),
	};
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};
	struct CMUnitTest file_list[ARRAY_LEN(files)] = {{.name = NULL}};

	if (geteuid() != 0)
		return SKIPPED;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = is_refused, .initial_state = &rows[i]};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		file_list[i] = (struct CMUnitTest){.name = files[i].name,
						   .test_func = file_is_refused,
						   .initial_state = &files[i]};
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("refusals", list, NULL, NULL) ||
	       cmocka_run_group_tests_name("files", file_list, NULL, NULL);
}
