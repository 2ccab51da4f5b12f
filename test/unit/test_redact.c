/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/redact.h"

#define JWT "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2lnbmF0dXJl-_x"
#define GUID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BLOB "AAAAB3NzaC1yc2EAAAADAQABAAABgQC7Vn1kR0pTq5lZ8wE3xYb2"
#define PEM "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\nabc=\n-----END PRIVATE KEY-----\n"

/* clang-format off */
static struct row {
	const char *label, *text, *redacted; /* NULL: stays as it is */
} rows[] = {
	{"nothing", "", NULL},
	{"a sentence", "cannot get a token: connection refused\n", NULL},

	{"PEM", "a\n" PEM "b\n", "a\n[key-removed]\nb\n"},
	{"PEM in JSON", "{\"k\": \"-----BEGIN X-----\\nabc\\n-----END X-----\\n\"}", "{\"k\": \"[key-removed]\\n\"}"},
	{"PEM without its end", "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nabc\ndef=\n(then)\n", "[key-removed](then)\n"},
	{"PEM cut off", "-----BEGIN X-----\nabc", "[key-removed]"},
	{"PEM without its beginning", "log: x\nabcd\nef==\n-----END X-----\ny\n", "log: x\n[key-removed]\ny\n"},
	{"an end cut off", "abcd\n-----END X", "[key-removed]"},
	{"two of PEM", PEM "and\n" PEM, "[key-removed]\nand\n[key-removed]\n"},

	{"a token", "got " JWT " x", "got [token-removed] x"},
	{"a token in base64 of the other alphabet", "got eyJhbGciOiJSUzI1NiJ9/abc", "got [token-removed]/abc"},
	{"a token that was cut", "\"eyJhbGciOi\"", "\"[token-removed]\""},
	{"no token", "eyJ reyJab EyJab", NULL},
	{"a header", "Authorization: Digest a=\"b\", c\nnext", "Authorization: [token-removed]\nnext"},
	{"a header in JSON", "{\"authorization\": \"Basic a b\", \"c\": 1}", "{\"authorization\": \"[token-removed]\", \"c\": 1}"},
	{"a cookie", "Set-Cookie: a=b; c", "Set-Cookie: [token-removed]"},
	{"a scheme", "sent Bearer Ab1.opaque, sent basic dXNlcjpwdw==", "sent Bearer [token-removed] sent basic [token-removed]"},
	{"words that are no scheme", "bearer tokens; basic authentication; bearer", NULL},

	{"a password in a URL", "proxy http://me:pw@proxy:3128/x", "proxy http://[password-removed]@proxy:3128/x"},
	{"a token in a URL", "https://t0ken@host/", "https://[password-removed]@host/"},
	{"a password with signs and slashes", "'http://me:p@s/w:rd@proxy:3128'", "'http://[password-removed]@proxy:3128'"},
	{"a path with a sign", "http://me:pw@proxy/a@b", "http://[password-removed]@b"},
	{"a port and a sign", "https://host:443/a@b", NULL},
	{"URLs without", "https://management.azure.com/x?api-version=2 http://127.0.0.1:40342/", NULL},
	{"a proxy without a scheme", "http_proxy=me:p$w@proxy:3128", "http_proxy=me:[password-removed]@proxy:3128"},
	{"a dotted proxy without a scheme", "x=me:pw@proxy.contoso.com:3128", "x=me:[password-removed]@proxy.contoso.com:3128"},

	{"a password", "password=hunter2,;& x", "password=[password-removed] x"},
	{"a short name", "bindpw=hunter2 db_pass = \"a b\"", "bindpw=[password-removed] db_pass = \"[password-removed]\""},
	{"a short name in a log", "PASS: it works, compass=", NULL},
	{"an option", "x --proxy-password hunter2 -v", "x --proxy-password [password-removed] -v"},
	{"an option in quotes", "x --token 'a b' c", "x --token '[token-removed]' c"},
	{"an option in JSON", "{\"x\": \"x --client_secret hunter2\"}", "{\"x\": \"x --client_secret [secret-removed]\"}"},
	{"options without a value", "x --password --token\n-- password x, -password y", NULL},
	{"an option with a sign", "--password=hunter2 x", "--password=[password-removed] x"},
	{"a password in a log", "Password: hunter x", "Password: [password-removed] x"},
	{"a password in quotes", "passphrase = 'a \\' b' x", "passphrase = '[password-removed]' x"},
	{"a password in JSON", "{\"proxyPassword\":\"a \\\" b\",\"c\":1}", "{\"proxyPassword\":\"[password-removed]\",\"c\":1}"},
	{"a password in JSON in JSON", "\"{\\\"password\\\":\\\"a b\\\",\\\"c\\\":1}\"", "\"{\\\"password\\\":\\\"[password-removed]\\\",\\\"c\\\":1}\""},
	{"a quote that does not end", "secret=\"a b\nc", "secret=\"[secret-removed]\nc"},
	{"protected settings", "\"protectedSettings\": \"MIIB\"", "\"protectedSettings\": \"[secret-removed]\""},
	{"none", "\"protectedSettings\": \"\", \"token\": null", NULL},
	{"a secret in a log", "client_secret: s3cr3tcore x", "client_secret: [secret-removed] x"},
	{"a file of that name", "/etc/x.secret: Permission denied, secret: no", NULL},
	{"an error of a service", "token: AADSTS50011: no", NULL},
	{"a token by its name", "token: 0123456789abcdef access_token=x", "token: [token-removed] access_token=[token-removed]"},
	{"a signature in a URL", "?sv=1&sig=a%2Bb%3D&se=2", "?sv=1&sig=[secret-removed]"},
	{"sources of nsswitch.conf", "passwd:         files aad\n", NULL},
	{"a tag of sudoers", "x ALL=(ALL) NOPASSWD: ALL\n", NULL},
	{"options of sshd", "passwordauthentication yes\ntokens 3\npermitemptypasswords no\n", NULL},
	{"stacks of PAM", "password required pam_unix.so sha512\n", NULL},
	{"a hash", "root:$6$saltsalt$Abc./def:19000:", "root:[password-removed]:19000:"},
	{"variables of a shell", "$x$y ${HOME} $1", NULL},

	{"a key of SSH", "ssh-rsa " BLOB " me", "ssh-rsa [encoded-removed] me"},
	{"padding", BLOB "==", "[encoded-removed]"},
	{"base64 with slashes", "Vn1kR0pT/q5lZ8wE3xYb2+Vn1kR0pTq5lZ", "[encoded-removed]"},
	{"a hash in hexadecimal", HASH "  bin/x\n", NULL},
	{"a fingerprint", "RSA SHA256:" "Vn1kR0pTq5lZ8wE3xYb2Vn1kR0pTq5lZ8wE3xYb2Abc", NULL},
	{"a longer one is none", "SHA256:Vn1kR0pTq5lZ8wE3xYb2Vn1kR0pTq5lZ8wE3xYb2Abcd", "SHA256:[encoded-removed]"},
	{"a resource", "/subscriptions/" GUID "/resourceGroups/G1/providers/Microsoft.Compute/virtualMachines/vm1", NULL},
	{"UUIDs", GUID " " GUID "/1C0163C0-47E6-4577-8991-EA5C82E286E4", NULL},
	{"a path", "/var/lib/waagent/Microsoft.Azure.ActiveDirectory.AADSSHLoginForLinux-1.0.0.0/config/0.settings", NULL},
	{"long words", "PubkeyAcceptedAlgorithmsPubkeyAcceptedKeyTypes casignaturealgorithms", NULL},

	{"a name", "user alice@contoso.com: refused", "user person-1@domain-1: refused"},
	{"a name in any case", "alice@contoso.com Alice@CONTOSO.com", "person-1@domain-1 person-1@domain-1"},
	{"names of a domain", "a@x.com b@x.com a@y.com a@x.com", "person-1@domain-1 person-2@domain-1 person-3@domain-2 person-1@domain-1"},
	{"a name in quotes, a sentence", "'alice@contoso.com' is alice@contoso.com.", "'person-1@domain-1' is person-1@domain-1."},
	{"a home", "/home/alice@contoso.com/.ssh", "/home/person-1@domain-1/.ssh"},
	{"a guest", "x=pat_o'hara.de#EXT#@contoso.onmicrosoft.com,", "x=person-1@domain-1,"},
	{"a name in a URL", "u=alice%40contoso.com&x alice@contoso.com", "u=person-1@domain-1&x person-1@domain-1"},
	{"bytes above ASCII", "\xc3\xa4nne@x\xc3\xa4.de", "person-1@domain-1"},
	{"many signs", "a@b@contoso.com", "person-1@domain-1"},
	{"a sign behind it", "a@contoso.com@ a@contoso.com@vm1", "person-1@domain-1@ person-1@domain-1@vm1"},
	{"a name after a colon", "user:alice@contoso.com", "user:person-1@domain-1"},
	{"a domain alone", "Match User *@contoso.com,@contoso.com", NULL},
	{"a machine", "root@vm1 a@", NULL},
	{"algorithms", "ssh-rsa-cert-v01@openssh.com,+chacha20-poly1305@openssh.com,curve25519-sha256@libssh.org", NULL},
	{"units", "user@1000.service getty@tty1.service", NULL},
};
/* clang-format on */

static void check(const struct row *row, bool keep_names, const char *expected)
{
	CLEANUP(redact_done) struct redact redact = {.keep_names = keep_names};
	AUTO_BUF out = {0}, again = {0};
	struct err err = {0};

	redact_text(&redact, span_of(row->text), &out);
	assert_int_equal(buf_ok(&out, &err), 0);
	assert_string_equal(buf_text(&out), expected);
	redact_text(&redact, buf_bytes(&out), &again);
	assert_string_equal(buf_text(&again), expected);
}

static void redacts(void **state)
{
	const struct row *row = *state;

	check(row, false, row->redacted ? row->redacted : row->text);
}

static void names_stay_when_they_shall_and_nothing_else(void **state)
{
	static const struct row row = {.text = "alice@contoso.com " JWT};
	static const struct row proxy = {.text = "http://alice:pw@contoso.com"};

	(void)state;
	check(&row, true, "alice@contoso.com [token-removed]");
	check(&proxy, true, "http://[password-removed]@contoso.com");
}

static void a_name_has_one_pseudonym_in_all_texts(void **state)
{
	CLEANUP(redact_done) struct redact redact = {0};
	AUTO_BUF out = {0};

	(void)state;
	redact_text(&redact, span_of("a@x.com b@x.com;"), &out);
	redact_text(&redact, span_of("B@x.com"), &out);
	assert_string_equal(buf_text(&out),
			    "person-1@domain-1 person-2@domain-1;person-2@domain-1");
	assert_int_equal(redact.counts[REDACT_NAME], 3);
	assert_int_equal(redact.counts[REDACT_TOKEN], 0);
}

/* As many tries as a hostile log can cause: it takes a second at most. */
static void hostile_text_takes_time_in_proportion(void **state)
{
	static const char *const texts[] = {"-----BEGIN ", "://",         "a:", "a@",
					    "-----END ",   "passwd:",     "$a", "a@b.",
					    "token: ",     "\"token\":\""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(redact_done) struct redact redact = {0};
		AUTO_BUF in = {0}, out = {0};

		while (in.len < (size_t)256 << 10)
			buf_str(&in, texts[i]);
		redact_text(&redact, buf_bytes(&in), &out);
		assert_true(out.len <= 8 * in.len);
	}
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + 3] = {
		cmocka_unit_test(names_stay_when_they_shall_and_nothing_else),
		cmocka_unit_test(a_name_has_one_pseudonym_in_all_texts),
		cmocka_unit_test(hostile_text_takes_time_in_proportion),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[i + 3] = (struct CMUnitTest){
			.name = rows[i].label, .test_func = redacts, .initial_state = &rows[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
