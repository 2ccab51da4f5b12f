/* SPDX-License-Identifier: MIT */
/* The chain of check, on a scratch machine with steps, programs and a network that a row breaks. */
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
#include <unistd.h>
#include <cmocka.h>

#include "handler/check.h"
#include "handler/state.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/keycache.h"
#include "lib/core/outcome.h"
#include "test/unit/certmake.h"
#include "test/unit/fakeimds.h"
#include "test/unit/fakeprograms.h"
#include "test/unit/scratch.h"
#include "test/unit/source.h"

#define EXT "/lib/waagent/P.T-1.0.0.0"
#define NOW 1700000000
#define OLD_TENANT "99999999-2222-3333-4444-555555555555"
#define ENABLE EXT "/bin/aadssh-shim enable"
#define STATE(owner, removed, code)                                                                \
	"{\"schema\":1,\"owner\":\"" owner "\",\"since\":0,\"partlyRemoved\":" removed             \
	",\"sequenceNumber\":0,\"last\":{\"verb\":\"install\",\"code\":" code                      \
	",\"time\":0,\"message\":\"no luck\"},\"steps\":[]}"
#define SET(settings)                                                                              \
	"{\"runtimeSettings\":[{\"handlerSettings\":{\"publicSettings\":" settings "}}]}"

/* What the network does; every member's zero is that all is well. */
static struct network {
	int imds_error, skew_s;
	bool no_date;
	int entra_error, entra_status, arm_error, arm_status, proxy_status;
	int64_t hang_ms; /* each request takes so long */
} network;

/* What the steps say. */
static struct {
	bool no_identity, drifted, slow, barred;
} steps_say;

static struct scratch scratch;
static int64_t clock_ms;
static char out[16384], notes[2048];

/* ---- the machine */

static int plan_identity(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)want;
	(void)ret;
	if (steps_say.no_identity) {
		(void)err_set(err, ENOENT, "the VM has no identity");
		return err_remedy(err, EXIT_IDENTITY, "az vm identity assign --name vm1");
	}
	m->conf.tenant = strdup(FAKE_TENANT);
	m->conf.authority = strdup("https://entra.invalid");
	m->conf.resource_manager = strdup("https://arm.invalid");
	m->conf.resource_id = strdup(FAKE_RESOURCE);
	return 0;
}

static int plan_pam(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	const struct fs_meta meta = {.mode = 0644, .uid = m->sys->owner, .gid = getegid()};

	(void)want;
	if (strcmp(m->conf.log_level, "debug") == 0)
		machine_note(m, "debugging\x1b[2J\xc2\x9b");
	if (steps_say.slow)
		clock_ms += CHECK_DEADLINE_S * 1000;
	return changes_write(m, ret, "/etc/pam", span_of("ours\n"), &meta, err);
}

static int plan_nothing(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)m;
	(void)want;
	(void)ret;
	(void)err;
	return 0;
}

static int plan_sshd(struct machine *m, enum want want, struct changes *ret, struct err *err)
{
	(void)want;
	(void)ret;
	if (!steps_say.barred)
		return 0;
	machine_command(m, "sed -i '2d' /etc/ssh/sshd_config");
	return err_set(err, EPERM, "DenyUsers keeps everybody out");
}

static const struct step identity = {"identity",    "who we are", EXIT_IDENTITY,
				     plan_identity, NULL,         NULL};
static const struct step pam = {"pam", "a line", EXIT_VERIFY, plan_pam, NULL, NULL};
static const struct step verify = {"verify", "it works", EXIT_VERIFY, plan_nothing, NULL, NULL};
static const struct step packages = {"packages",   "they are", EXIT_PACKAGE,
				     plan_nothing, NULL,       NULL};
static const struct step sshd = {"sshd", "it asks", EXIT_SSHD, plan_sshd, NULL, NULL};
static const struct step *const steps[] = {&identity, &packages, &pam, &verify, &sshd};
static const struct step_table tables[PACKAGE_SOURCES] = {
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
	{steps, ARRAY_LEN(steps)},
};

static int64_t boottime_ns(struct sys *sys)
{
	(void)sys;
	return clock_ms * 1000000;
}

static int64_t realtime_ns(struct sys *sys)
{
	(void)sys;
	return NOW * 1000000000LL;
}

static void sleep_ms(struct sys *sys, int64_t ms)
{
	(void)sys;
	clock_ms += ms;
}

static int no_answer(struct http_response *ret, int error, struct err *err)
{
	ret->error = error;
	(void)snprintf(ret->cause, sizeof(ret->cause), "it broke");
	return err_set(err, error, "it broke");
}

static int answer_imds(const char *url, struct http_response *ret, struct err *err)
{
	if (network.imds_error)
		return no_answer(ret, network.imds_error, err);
	ret->status = 200;
	ret->date_s = network.no_date ? 0 : NOW + network.skew_s;
	if (strstr(url, "/oauth2/token"))
		fake_imds_token_body(&ret->body);
	else
		buf_str(&ret->body, FAKE_INSTANCE);
	return 0;
}

static int answer(const char *url, struct http_response *ret, struct err *err)
{
	bool entra = strncmp(url, "https://entra.invalid/", 22) == 0;
	int error = entra ? network.entra_error : network.arm_error;
	int status = entra ? network.entra_status : network.arm_status;

	if (strncmp(url, "http://169.254.169.254/", 23) == 0)
		return answer_imds(url, ret, err);
	ret->proxy_status = network.proxy_status;
	if (error)
		return no_answer(ret, error, err);
	ret->status = status ? status : 200;
	return 0;
}

static int http(struct sys *sys, const struct http_request *requests, size_t count,
		struct http_response *ret, struct err *err)
{
	int64_t limit_ms = sys_left_ms(sys, requests->timeout_ms);

	assert_int_equal(count, 1);
	*ret = (struct http_response)HTTP_RESPONSE_INIT;
	if (network.hang_ms > limit_ms) {
		clock_ms += limit_ms;
		return no_answer(ret, ETIMEDOUT, err);
	}
	return answer(requests->url, ret, err);
}

static int set_up(void **state)
{
	AUTO_BUF clouds = {0}, sums = {0};

	(void)state;
	scratch_open(&scratch);
	fakeprograms_start(&scratch);
	memset(&network, 0, sizeof(network));
	memset(&steps_say, 0, sizeof(steps_say));
	clock_ms = 1000;
	scratch.ops.http = http;
	scratch.ops.boottime_ns = boottime_ns;
	scratch.ops.realtime_ns = realtime_ns;
	scratch.ops.sleep_ms = sleep_ms;
	source_read("manifest/clouds.yaml", &clouds);
	scratch_write(&scratch, EXT "/manifest/clouds.yaml", buf_text(&clouds), 0744);
	scratch_add_sum(&sums, "manifest/clouds.yaml", buf_text(&clouds));
	scratch_write(&scratch, EXT "/SHA256SUMS", buf_text(&sums), 0744);
	scratch_write(&scratch, EXT "/HandlerEnvironment.json",
		      "[{\"handlerEnvironment\":{\"logFolder\":\"/log\",\"configFolder\":\"" EXT
		      "/config\",\"statusFolder\":\"" EXT "/status\"}}]",
		      0600);
	scratch_write(&scratch, EXT "/config/0.settings", "", 0600);
	scratch_write(&scratch, "/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n", 0644);
	scratch_write(&scratch, "/etc/group", "ann:x:1000:\n", 0644);
	scratch_write(&scratch, "/etc/pam", "ours\n", 0644);
	scratch_write(&scratch, STATE_PATH, STATE("1.0.0.0", "false", "0"), 0600);
	scratch_write(&scratch, CONF_PATH, "tenant " FAKE_TENANT "\n", 0644);
	scratch_mkdir(&scratch, "/usr/sbin", 0755);
	scratch_mkdir(&scratch, "/var", 0755);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fakeprograms_done();
	scratch_done(&scratch);
	return 0;
}

static void read_all(int fd, char *ret, size_t size)
{
	ssize_t n = pread(fd, ret, size - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	(void)close(fd);
}

static int ask(struct query query)
{
	struct command command = {
		.verb = "check",
		.folder = EXT,
		.version = "1.0.0.0",
		.tables = tables,
		.out = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
		.err = open(scratch.dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600),
	};
	int code = inspect_check(&scratch.sys, &command, &query);

	read_all(command.out, out, sizeof(out));
	read_all(command.err, notes, sizeof(notes));
	return code;
}

static json_t *ask_json(int code)
{
	json_t *json = NULL;
	struct err err = {0};

	assert_int_equal(ask((struct query){.json = true}), code);
	if (json_parse(span_of(out), "what was printed", &json, &err) < 0)
		fail_msg("%s", err.msg);
	return json;
}

static const char *text_of(const json_t *link, const char *key)
{
	const char *text = json_string_value(json_object_get(link, key));

	return text ? text : "";
}

static const json_t *find(const json_t *json, const char *id)
{
	size_t i;
	json_t *link;

	json_array_foreach(json_object_get(json, "links"), i,
			   link) if (strcmp(text_of(link, "id"), id) == 0) return link;
	return NULL;
}

static void assert_said(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- the chain */

static void a_machine_on_which_all_is_well_ends_with_0(void **state)
{
	AUTO_JSON *json = ask_json(0);
	const json_t *machine = json_object_get(json, "machine");

	(void)state;
	assert_string_equal(text_of(json, "result"), "ok");
	assert_string_equal(text_of(machine, "resourceId"), FAKE_RESOURCE);
	assert_string_equal(text_of(machine, "principalId"), FAKE_OID);
	assert_string_equal(text_of(find(json, "imds"), "seen"), "vm1 in rg1, AzurePublicCloud");
	assert_null(find(json, "sudo")); /* this table has no such step */
}

/* A row breaks one thing: one link fails, or has a note, and no other. */
static const struct row {
	const char *name;
	const char *settings; /* NULL: none */
	const char *path, *text; /* a file that is written, NULL: none */
	struct network network;
	bool no_identity;
	const char *link, *state, *seen, *command;
	const char *skipped; /* a link that stands on it, NULL: none is looked for */
} rows[] = {
	/* clang-format off */
	{"settings that are wrong", "garbage", NULL, NULL, {0}, false,
	 "agent", "failed", "not valid JSON", "--publisher P --name T", "keys"},
	{"an uninstall that was broken off", NULL, STATE_PATH,
	 STATE("1.0.0.0", "true", "21"), {0}, false,
	 "installed", "failed", "removed in part only", ENABLE, NULL},
	{"a run that failed", NULL, STATE_PATH, STATE("1.0.0.0", "false", "22"), {0}, false,
	 "installed", "note", "since 1970", "", NULL},
	{"another version in force", NULL, STATE_PATH, STATE("1.0.1.0", "false", "0"), {0}, false,
	 "installed", "note", "version 1.0.1.0 since", "", NULL},
	{"a record that is no JSON", NULL, STATE_PATH, "{", {0}, false,
	 "installed", "note", "its record is damaged", "", NULL},
	{"an installation that failed", NULL, STATE_PATH, STATE("", "false", "24"), {0}, false,
	 "installed", "failed", "install ended with 24 package-failed: no luck", ENABLE, "pam"},
	{"an installation that failed for want of an identity", NULL, STATE_PATH, STATE("", "false", "22"), {0}, true,
	 "identity", "failed", "no identity", "az vm identity assign", "installed"},
	{"IMDS is blocked", NULL, NULL, NULL, {.imds_error = ECONNREFUSED}, false,
	 "imds", "failed", "does not answer", "curl -m 5 --noproxy '*' 'http://169.254.169.254/", "roles"},
	{"a clock that is an hour ahead", NULL, NULL, NULL, {.skew_s = -3600}, false,
	 "clock", "failed", "3600 s ahead", "timedatectl set-ntp true", NULL},
	{"a clock that is ten minutes behind", NULL, "/usr/bin/chronyc", "", {.skew_s = 600}, false,
	 "clock", "failed", "600 s behind", "chronyc makestep", NULL},
	{"a clock that is a minute behind", NULL, NULL, NULL, {.skew_s = 60}, false,
	 "clock", "note", "60 s beside", "timedatectl", NULL},
	{"a metadata service without a date", NULL, NULL, NULL, {.no_date = true}, false,
	 "clock", "unknown", "does not say", "", NULL},
	{"no identity", NULL, NULL, NULL, {0}, true,
	 "identity", "failed", "no identity", "az vm identity assign --name vm1", "tenant"},
	{"another tenant than is configured", NULL, CONF_PATH, "tenant " OLD_TENANT "\n", {0}, false,
	 "tenant", "failed", "people of " OLD_TENANT " are let in", ENABLE, NULL},
	{"a proxy that nobody listens at", SET("{\"proxy\":\"http://proxy.invalid:3128\"}"), NULL, NULL,
	 {.entra_error = ECONNREFUSED}, false,
	 "proxy", "failed", "proxy.invalid:3128: it broke", "curl -m 5 -x proxy.invalid:3128", "keys"},
	{"a proxy that refuses", SET("{\"proxy\":\"http://proxy.invalid:3128\"}"), NULL, NULL,
	 {.entra_error = EIO, .proxy_status = 407}, false,
	 "proxy", "failed", "answers 407", "curl", "dns"},
	{"a proxy that leads to a wrong certificate", SET("{\"proxy\":\"http://proxy.invalid:3128\"}"), NULL, NULL,
	 {.entra_error = EPROTO, .proxy_status = 200}, false,
	 "keys", "failed", "nobody can sign in", "curl -m 5 -x PROXY", NULL},
	{"names that are not resolved", NULL, NULL, NULL, {.entra_error = ENOENT}, false,
	 "dns", "failed", "entra.invalid cannot be resolved", "getent ahosts entra.invalid", "keys"},
	{"Entra behind a firewall", NULL, NULL, NULL, {.entra_error = ETIMEDOUT}, false,
	 "keys", "failed", "signing keys: none", "curl -m 5 -sSI https://entra.invalid/" FAKE_TENANT, NULL},
	{"Entra that fails", NULL, NULL, NULL, {.entra_status = 503}, false,
	 "keys", "failed", "answers 503", "curl", NULL},
	{"an identity that may not read roles", NULL, NULL, NULL, {.arm_status = 403}, false,
	 "roles", "failed", FAKE_OID " may read role assignments", "az role assignment create --assignee-object-id " FAKE_OID, NULL},
	{"Resource Manager behind a firewall", NULL, NULL, NULL, {.arm_error = ETIMEDOUT}, false,
	 "roles", "failed", "could not be asked", "", NULL},
	{"roles of a file that is not there", SET("{\"roleBackend\":\"static\"}"), NULL, NULL, {0}, false,
	 "roles", "failed", "/etc/aadsshlogin.roles is missing", "", NULL},
	{"a file in the folder that nobody packed", NULL, EXT "/bin/more", "", {0}, false,
	 "extension", "failed", "bin", EXT "/bin/aadssh-shim verify", NULL},
	{"a file that drifted", NULL, "/etc/pam", "theirs\n", {0}, false,
	 "pam", "failed", "not in force: write /etc/pam", ENABLE, NULL},
	{"a step with a note", SET("{\"logLevel\":\"debug\"}"), NULL, NULL, {0}, false,
	 "pam", "note", "first of all", "", NULL},
	/* clang-format on */
};

static void one_cause_is_told_once(void **state)
{
	const struct row *row = *state;
	const json_t *broken, *link;
	AUTO_JSON *json = NULL;
	size_t i;

	network = row->network;
	steps_say.no_identity = row->no_identity;
	if (row->settings)
		scratch_write(&scratch, EXT "/config/0.settings", row->settings, 0600);
	if (row->path)
		scratch_write(&scratch, row->path, row->text, 0644);
	json = ask_json(strcmp(row->state, "failed") == 0 ? 2 : 1);
	broken = find(json, row->link);
	assert_non_null(broken);
	assert_string_equal(text_of(broken, "state"), row->state);
	assert_said(text_of(broken, "seen"), row->seen);
	assert_said(text_of(broken, "command"), row->command);
	json_array_foreach(json_object_get(json, "links"), i,
			   link) if (link != broken && strcmp(text_of(link, "state"), "ok") != 0)
	{
		assert_string_equal(text_of(link, "state"), "skipped");
		assert_string_equal(text_of(link, "needs"), row->link);
	}
	if (row->skipped)
		assert_string_equal(text_of(find(json, row->skipped), "state"), "skipped");
}

static int set_up_row(void **state)
{
	return set_up(state);
}

static void write_cache(int64_t fetched_s, int64_t expires_s)
{
	const struct conf conf = {.authority = (char[]){"https://entra.invalid"}};
	AUTO_BUF blob = {0}, text = {0};
	EVP_PKEY *pkey = certmake_usual_key(&blob);
	struct jwks_key key = {.len = blob.len};
	const struct keycache cache = {fetched_s, expires_s, {.keys = &key, .count = 1}};
	struct err err = {0};

	memcpy(key.blob, blob.data, blob.len);
	assert_int_equal(keycache_format(&cache, &conf, FAKE_TENANT, &text, &err), 0);
	scratch_write(&scratch, "/var/cache/aadsshlogin/keys-" FAKE_TENANT, buf_text(&text), 0600);
	EVP_PKEY_free(pkey);
}

static void keys_that_are_there_serve_for_a_while(void **state)
{
	static const struct {
		int64_t fetched_s, expires_s;
		const char *seen;
	} ages[] = {
		{NOW - 3600, NOW + 60, "(signing keys: 1 fetched 60 min ago)"},
		{NOW - 90000, NOW - 3600,
		 "from 2023-11-15T21:13:20Z on (signing keys: 1 fetched 25 h ago)"},
		{NOW - 900000, NOW - 813600, "nobody can sign in (signing keys: too old)"},
	};
	const struct query query = {.only = "keys", .screen = {.columns = 500}};

	(void)state;
	network.entra_error = ETIMEDOUT;
	for (size_t i = 0; i < ARRAY_LEN(ages); i++) {
		write_cache(ages[i].fetched_s, ages[i].expires_s);
		assert_int_equal(ask(query), 2);
		assert_said(out, ages[i].seen);
	}
	network.entra_error = 0;
	assert_int_equal(ask(query), 0);
	assert_said(out, "too old: the next login fetches them anew");
}

static void of_an_arc_machine_the_agent_is_asked(void **state)
{
	(void)state;
	fake_imds_arc(&scratch);
	network.imds_error = ECONNREFUSED;
	assert_int_equal(ask((struct query){.only = "imds", .screen = {.columns = 500}}), 2);
	assert_said(out, "do: the agent's himdsd must run, and nothing else listen at http://");
	assert_said(out, "$ azcmagent show\n");
}

static void pinned_keys_are_looked_for(void **state)
{
	const struct query query = {.only = "keys", .screen = {.columns = 500}};

	(void)state;
	network.entra_status = 503;
	scratch_write(&scratch, CONF_PATH, "keys_file /etc/keys.json\n", 0644);
	assert_int_equal(ask(query), 2);
	assert_said(out, "nobody can sign in: /etc/keys.json is missing");
	scratch_write(&scratch, "/etc/keys.json", "{}", 0644);
	assert_int_equal(ask(query), 0);
	assert_said(out, "those of /etc/keys.json");
}

static void a_proxy_that_others_know_is_pointed_at(void **state)
{
	static const struct {
		const char *path, *text, *said;
	} hints[] = {
		{"/etc/waagent.conf", "HttpProxy.Host=None\n", "let the machine reach it"},
		{"/etc/environment", "https_proxy=http://u:secret@p:1\n",
		 "/etc/environment names one"},
		{"/etc/waagent.conf", "HttpProxy.Host=p\n", "/etc/waagent.conf names one"},
	};

	(void)state;
	network.entra_error = ETIMEDOUT;
	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		scratch_write(&scratch, hints[i].path, hints[i].text, 0644);
		assert_int_equal(ask((struct query){.only = "keys", .screen = {.columns = 500}}),
				 2);
		assert_said(out, hints[i].said);
		assert_null(strstr(out, "secret"));
	}
}

static void only_what_was_asked_for_is_told(void **state)
{
	(void)state;
	assert_int_equal(ask((struct query){.only = "pam"}), 0);
	assert_string_equal(out, "ok      pam         PAM asks for permission, first of all\nok\n");
	assert_int_equal(ask((struct query){.only = "verify"}), 0); /* a step of two links */
	assert_said(out, "ok      roles");
	assert_said(out, "ok      names");
}

static void the_cause_is_told_to_who_asked_for_another_link(void **state)
{
	(void)state;
	network.imds_error = ETIMEDOUT;
	assert_int_equal(ask((struct query){.only = "tenant"}), 2);
	assert_said(out, "failed  imds ");
	assert_said(out, "skipped tenant      not looked at: needs imds\n");
	assert_null(strstr(out, "pam"));
}

static void whatever_hangs_it_ends_in_time(void **state)
{
	const int64_t start_ms = clock_ms;

	(void)state;
	network.hang_ms = INT64_MAX;
	assert_int_equal(ask((struct query){.json = false}), 2);
	assert_true(clock_ms - start_ms <= CHECK_DEADLINE_S * 1000);
	assert_said(out, "ok      pam "); /* what asks no network is told all the same */
}

static void what_was_not_reached_in_time_is_not_known(void **state)
{
	(void)state;
	steps_say.slow = true;
	assert_int_equal(ask((struct query){.json = false}), 1);
	assert_said(out, "unknown users       not looked at: the time was up");
}

static void without_an_agent_the_defaults_count(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(fs_remove(&scratch.sys, EXT "/HandlerEnvironment.json", &err), 0);
	scratch_write(&scratch, "/etc/pam", "theirs\n", 0644);
	assert_int_equal(ask((struct query){.json = false}), 2);
	assert_said(out, "note    agent ");
	assert_said(out, "$ aadsshlogin configure\n");
}

static void who_may_not_read_is_told_so(void **state)
{
	(void)state;
	scratch.sys.owner = geteuid() + 1;
	assert_int_equal(ask((struct query){.json = true}), EXIT_DEPENDENCY);
	assert_said(notes, "check reads files that are root's alone. run it as root");
	scratch.sys.owner = geteuid();
}

static void nothing_of_the_machine_is_changed(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	scratch_write(&scratch, "/etc/pam", "theirs\n", 0644);
	assert_int_equal(ask((struct query){.json = false}), 2);
	text = scratch_text(&scratch, "/etc/pam");
	assert_string_equal(text, "theirs\n");
}

static void what_mends_sshd_ends_with_the_reload_of_this_machine(void **state)
{
	(void)state;
	steps_say.barred = true;
	scratch_write(&scratch, "/usr/sbin/sshd", "", 0755);
	assert_int_equal(ask((struct query){.only = "sshd"}), 2);
	assert_said(out, "$ sed -i '2d' /etc/ssh/sshd_config\n");
	scratch_write(&scratch, "/run/sshd.pid", "77\n", 0644);
	scratch_mkdir(&scratch, "/proc/77", 0755);
	assert_int_equal(symlinkat("/usr/sbin/sshd", scratch.sys.rootfd, "proc/77/exe"), 0);
	assert_int_equal(ask((struct query){.only = "sshd"}), 2);
	assert_said(out, "$ sed -i '2d' /etc/ssh/sshd_config && kill -HUP 77\n");
}

static void a_password_of_the_proxy_is_not_told(void **state)
{
	(void)state;
	network.entra_error = ECONNREFUSED;
	scratch_write(&scratch, EXT "/config/0.settings",
		      SET("{\"proxy\":\"http://proxy.invalid:3128\"}"), 0600);
	assert_int_equal(ask((struct query){.json = true}), 2);
	assert_null(strstr(out, "http://proxy"));
}

static void a_host_is_told_without_who_asks_there(void **state)
{
	static const struct {
		const char *url, *host;
	} urls[] = {
		{"http://proxy:3128", "proxy:3128"},
		{"https://me:pw@proxy:3128/x", "proxy:3128"},
		{"http://me:p/w@proxy:3128/", "proxy:3128"},
		{"http://me:p@s/w?d@proxy", "proxy"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(urls); i++)
		if (!span_is(check_host(urls[i].url), urls[i].host))
			fail_msg("%s", urls[i].url);
}

static void what_others_say_cannot_paint_the_terminal(void **state)
{
	(void)state;
	scratch_write(&scratch, EXT "/config/0.settings", SET("{\"logLevel\":\"debug\"}"), 0600);
	assert_int_equal(ask((struct query){.only = "pam"}), 1);
	assert_said(out, "note: debugging?[2J??\n");
	assert_null(strchr(out, 0x1b));
	assert_int_equal(ask((struct query){.only = "pam", .screen = {.colours = true}}), 1);
	assert_said(out, "\x1b[33mnote    \x1b[0mpam ");
}

static void links_are_found_by_id_and_by_step(void **state)
{
	(void)state;
	for (int i = 0; i < CHECK_LINKS; i++)
		assert_int_equal(check_find(check_links[i].id), i);
	assert_int_equal(check_find("verify"), LINK_ROLES);
	assert_int_equal(check_find("nonsense"), CHECK_LINKS);
}

/* Of a list of the published schema. */
static void assert_listed(const json_t *list, const char *word)
{
	size_t i;
	json_t *entry;

	json_array_foreach(list, i, entry) if (strcmp(json_string_value(entry), word) == 0) return;
	fail_msg("the schema does not list %s", word);
}

static void the_schema_lists_every_id_and_state(void **state)
{
	const json_t *link, *ids, *states;
	struct err err = {0};
	AUTO_JSON *schema = NULL;
	AUTO_BUF text = {0};

	(void)state;
	source_read("manifest/check.schema.json", &text);
	assert_int_equal(json_parse(buf_bytes(&text), "the schema", &schema, &err), 0);
	link = json_object_get(json_object_get(json_object_get(schema, "$defs"), "link"),
			       "properties");
	ids = json_object_get(json_object_get(link, "id"), "enum");
	states = json_object_get(json_object_get(link, "state"), "enum");
	assert_int_equal(json_array_size(ids), CHECK_LINKS);
	for (int i = 0; i < CHECK_LINKS; i++)
		assert_string_equal(json_string_value(json_array_get(ids, (size_t)i)),
				    check_links[i].id);
	for (int i = CHECK_OK; i <= CHECK_UNKNOWN; i++)
		assert_listed(states, check_state_name((enum check_state)i));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_machine_on_which_all_is_well_ends_with_0),
		TEST(keys_that_are_there_serve_for_a_while),
		TEST(of_an_arc_machine_the_agent_is_asked),
		TEST(pinned_keys_are_looked_for),
		TEST(a_proxy_that_others_know_is_pointed_at),
		TEST(only_what_was_asked_for_is_told),
		TEST(the_cause_is_told_to_who_asked_for_another_link),
		TEST(whatever_hangs_it_ends_in_time),
		TEST(what_was_not_reached_in_time_is_not_known),
		TEST(without_an_agent_the_defaults_count),
		TEST(who_may_not_read_is_told_so),
		TEST(nothing_of_the_machine_is_changed),
		TEST(what_mends_sshd_ends_with_the_reload_of_this_machine),
		TEST(a_password_of_the_proxy_is_not_told),
		TEST(a_host_is_told_without_who_asks_there),
		TEST(what_others_say_cannot_paint_the_terminal),
		TEST(links_are_found_by_id_and_by_step),
		TEST(the_schema_lists_every_id_and_state),
	};
	struct CMUnitTest row_tests[ARRAY_LEN(rows)];
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		row_tests[i] = (struct CMUnitTest){
			.name = rows[i].name,
			.test_func = one_cause_is_told_once,
			.setup_func = set_up_row,
			.teardown_func = tear_down,
			.initial_state = (void *)(uintptr_t)&rows[i],
		};
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return cmocka_run_group_tests_name("rows", row_tests, NULL, NULL) + failed;
}
