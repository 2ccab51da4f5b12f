/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/redact.h"

#define JWT "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2lnbmF0dXJl-_x"
#define GUID "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BLOB "AAAAB3NzaC1yc2EAAAADAQABAAABgQC7Vn1kR0pTq5lZ8wE3xYb2"
#define LONG "this line is long enough to have been wrapped, as it has 60 bytes or more: "
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
	{"a token behind an escape", "x\\neyJhbGci.eyJh.c2ln #012eyJhbGci.eyJh.c2ln %20eyJhbGci.eyJh.c2ln", "x\\n[token-removed] #012[token-removed] %20[token-removed]"},
	{"a header", "Authorization: Digest a=\"b\", c\nnext", "Authorization: [token-removed]\nnext"},
	{"a header in JSON", "{\"authorization\": \"Basic a b\", \"c\": 1}", "{\"authorization\": \"[token-removed]\", \"c\": 1}"},
	{"a cookie", "Set-Cookie: a=b; c", "Set-Cookie: [token-removed]"},
	{"a scheme", "sent Bearer Ab1.opaque, sent basic dXNlcjpwdw==", "sent Bearer [token-removed] sent basic [token-removed]"},
	{"a header in quotes", "x -H 'Cookie: a=b; c' --header \"Authorization: Basic a\" x", "x -H 'Cookie: [token-removed]' --header \"Authorization: [token-removed]\" x"},
	{"a header in quotes in JSON", "{\"x\": \"x -H \\\"Cookie: a=b; c\\\" x\"}", "{\"x\": \"x -H \\\"Cookie: [token-removed]\\\" x\"}"},
	{"a header in quotes that do not end", "x -H 'Cookie: a=b; c\nnext", "x -H 'Cookie: [token-removed]\nnext"},
	{"headers of services", "Ocp-Apim-Subscription-Key: 0123abcd\nx-functions-key: 0123abcd\nX-Auth-Token: abcd1234\n'X-Api-Key: a'",
	 "Ocp-Apim-Subscription-Key: [secret-removed]\nx-functions-key: [secret-removed]\nX-Auth-Token: [token-removed]\n'X-Api-Key: [secret-removed]'"},
	{"challenges", "WWW-Authenticate: Basic realm=/var/opt/azcmagent/tokens/1.key, Bearer authorization_uri=\"https://login.microsoftonline.com/x\"", NULL},
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
	{"an option in a list", "['x', '--password', 'hunter2', 'y']", "['x', '--password', '[password-removed]', 'y']"},
	{"an option in a list of many lines", "[\n \"--password\",\n \"hunter2\"\n]", "[\n \"--password\",\n \"[password-removed]\"\n]"},
	{"an option that is a value", "{\"x\": \"--password\", \"y\": \"z\"}", NULL},
	{"an option with another spelling", "x --account-key hunter2 --account_key=hunter2 --accountkey hunter2", "x --account-key [secret-removed] --account_key=[secret-removed] --accountkey [secret-removed]"},
	{"a login of curl", "/usr/bin/curl -sSu me:hunter2 -U me:hunter2 --cert c:hunter2 x", "/usr/bin/curl -sSu [password-removed] -U [password-removed] --cert [password-removed] x"},
	{"a login without a blank", "curl -ume:hunter2 -ba=b x", "curl -u[password-removed] -b[token-removed] x"},
	{"a login in a list", "['curl', '-u', 'me:hunter2', 'x']", "['curl', '-u', '[password-removed]', 'x']"},
	{"a login in the next line", "curl \\\n -u me:hunter2\nx -u me:other", "curl \\\n -u [password-removed]\nx -u me:other"},
	{"a login of a person", "curl -u alice@contoso.com:hunter2 x", "curl -u [password-removed] x"},
	{"a login of any program", "x --user me:hunter2 --user=me:hunter2 --proxy-user 'me:a b' y", "x --user [password-removed] --user=[password-removed] --proxy-user '[password-removed]' y"},
	{"users", "podman run --user 1000:1000 --user=root x; systemctl --user status x:y; curl --user-agent x:y -u me", NULL},
	{"options of others", "curl -b cookies.txt -o a:b x\nsort -u a:b; ssh -p 22 x; mkdir -p /x", NULL},
	{"passwords of programs", "sshpass -p hunter2 ssh x; sshpass -phunter2 ssh x; ldapsearch -xw hunter2 -b x; az login -u x -p hunter2",
	 "sshpass -p [password-removed] ssh x; sshpass -p[password-removed] ssh x; ldapsearch -xw [password-removed] -b x; az login -u x -p [password-removed]"},
	{"an argument in quotes behind its option", "sshpass -p'a b' ssh x; ssh-keygen -N\"a b\" -f x", "sshpass -p'[password-removed]' ssh x; ssh-keygen -N\"[password-removed]\" -f x"},
	{"an option at the end of a list", "['sshpass', '-p'], ['x']", NULL},
	{"passwords of openssl and samba", "openssl x -passin pass:hunter2 -passout file:/x; net ads join -U me%hunter2", "openssl x -passin [password-removed] -passout file:/x; net ads join -U [password-removed]"},
	{"passwords that end as their option, or begin with a sign", "sshpass -phump ssh x; sshpass -p$ump ssh x", "sshpass -p[password-removed] ssh x; sshpass -p[password-removed] ssh x"},
	{"an attached argument in a list", "['sshpass', '-phunter2', 'x']", "['sshpass', '-p[password-removed]', 'x']"},
	{"passwords of mysql and its kin", "mysql -uroot -phunter2 db; /usr/bin/mysqldump -h x -p'a b' db\nmariadb -p$ecret x; mariadb-dump -pump", "mysql -uroot -p[password-removed] db; /usr/bin/mysqldump -h x -p'[password-removed]' db\nmariadb -p[password-removed] x; mariadb-dump -p[password-removed]"},
	{"a password of mysql in a list", "['mysql', '-phunter2', 'x'] [\"mysql\", \"-phunter2\"]", "['mysql', '-p[password-removed]', 'x'] [\"mysql\", \"-p[password-removed]\"]"},
	{"mysql asks for the password", "mysql -u root -p db; mysqldump -P 3306 -p db; ['mysql', '-p', 'db']; mysql -p", NULL},
	{"-p of others", "mkdir -p/x/mysql\nssh -p22 mysql1\ninstall -p22", NULL},
	{"netrc", "machine x.com login me password hunter2\ndefault login a password b c", "machine x.com login me password [password-removed]\ndefault login a password [password-removed] c"},
	{"netrc in lines", "machine x.com\n\tlogin me\n\tpassword hunter2\n\nmachine y\nlogin z\npasswd -x\n", "machine x.com\n\tlogin me\n\tpassword [password-removed]\n\nmachine y\nlogin z\npasswd [password-removed]\n"},
	{"netrc in another order", "machine x password hunter2 login me machine y login a account b password \"c d\" x", "machine x password [password-removed] login me machine y login a account b password \"[password-removed]\" x"},
	{"netrc of a person", "machine x login alice@contoso.com password hunter2", "machine x login person-1@domain-1 password [password-removed]"},
	{"no netrc", "the login of x password is wrong, login me password prompt\nthis machine wants a password now\npassword x machine y login z passwords a", NULL},
	{"wget", "wget --password=hunter2 --http-password hunter2 x", "wget --password=[password-removed] --http-password [password-removed] x"},
	{"a password in a log", "Password: hunter x", "Password: [password-removed] x"},
	{"a password in quotes", "passphrase = 'a \\' b' x", "passphrase = '[password-removed]' x"},
	{"a password in JSON", "{\"proxyPassword\":\"a \\\" b\",\"c\":1}", "{\"proxyPassword\":\"[password-removed]\",\"c\":1}"},
	{"a password in JSON in JSON", "\"{\\\"password\\\":\\\"a b\\\",\\\"c\\\":1}\"", "\"{\\\"password\\\":\\\"[password-removed]\\\",\\\"c\\\":1}\""},
	{"quotes of other languages", "\\u0022password\\u0022:\\u0022a b\\u0022,x &quot;password&quot;:&quot;a b&quot;,x %22password%22%3A%22a%22,x",
	 "\\u0022password\\u0022:\\u0022[password-removed]\\u0022,x &quot;password&quot;:&quot;[password-removed]&quot;,x %22password%22%3A%22[password-removed]%22,x"},
	{"an array", "{\"password\": [\"a\", \"b]\"], \"c\": 1}", "{\"password\": \"[password-removed]\", \"c\": 1}"},
	{"an object", "{\"secrets\": {\"x\": \"y\", \"z\": {\"a\": [1, 2]}}, \"c\": 1}", "{\"secrets\": \"[secret-removed]\", \"c\": 1}"},
	{"an object of many lines", "{\n \"credentials\": {\n  \"x\": \"y\",\n  \"z\": 1\n },\n \"c\": 1\n}", "{\n \"credentials\": \"[secret-removed]\",\n \"c\": 1\n}"},
	{"an array in JSON in JSON", "{\"x\": \"{\\\"password\\\": [\\\"a b\\\"], \\\"c\\\": 1}\"}", "{\"x\": \"{\\\"password\\\": \\\"[password-removed]\\\", \\\"c\\\": 1}\"}"},
	{"an array in JSON that was cut off", "{\"x\": \"{\\\"password\\\": [\\\"a b\", \"c\": 1}\nnext", "{\"x\": \"{\\\"password\\\": \\\"[password-removed]\\\"\nnext"},
	{"an object of Python", "{'password': ['a', \"b\"], 'token': None}", "{'password': '[password-removed]', 'token': None}"},
	{"an array that was cut off", "x {\"secrets\": [\"a\", \"b\nnext line", "x {\"secrets\": \"[secret-removed]\"\nnext line"},
	{"an object that was cut off", "x {\"secrets\": {\"a\": \"b\",\n2024-01-01 next [line] {x}", "x {\"secrets\": \"[secret-removed]\"\n2024-01-01 next [line] {x}"},
	{"an array to the end", "\"passwords\": [\"a\"", "\"passwords\": \"[password-removed]\""},
	{"brackets without quotes", "password=[a, b] x, cookies: {\"a\": \"b\"} x", "password=[password-removed] x, cookies: [token-removed] x"},
	{"words in brackets", "token: [invalid] (x), secrets: {none}, password required [x=1]", NULL},
	{"numbers", "{\"password\":1234,\"pw\":-1e3}", "{\"password\":\"[password-removed]\",\"pw\":\"[password-removed]\"}"},
	{"no secrets", "{\"password\":true,\"protectedSettings\":null,\"tokens\":17,\"credentials\": None, \"hasPassword\": 1, \"secrets\": [ ]}, max_tokens=4096", NULL},
	{"other signs", "password => 'a b', token:=abc1 secret == abc1", "password => '[password-removed]', token:=[token-removed] secret == [secret-removed]"},
	{"names of code", "HTTP::Cookies::x Password::new", NULL},
	{"more than one", "tokens=a1,b2 passwords: \"a b\"", "tokens=[token-removed] passwords: \"[password-removed]\""},
	{"elements", "<UserPassword>hunter2</UserPassword><wa:AdminPassword>a b</wa:AdminPassword>", "<UserPassword>[password-removed]</UserPassword><wa:AdminPassword>[password-removed]</wa:AdminPassword>"},
	{"no elements", "usage: chpasswd <user>:<password> [-x] a->password> b</c", NULL},
	{"working folders", "sudo: root : PWD=/root ; COMMAND=/bin/x, OLDPWD='/x' DB_PWD=hunter2", "sudo: root : PWD=/root ; COMMAND=/bin/x, OLDPWD='/x' DB_PWD=[password-removed]"},
	{"a quote that does not end", "secret=\"a b\nc", "secret=\"[secret-removed]\nc"},
	{"protected settings", "\"protectedSettings\": \"MIIB\"", "\"protectedSettings\": \"[secret-removed]\""},
	{"none", "\"protectedSettings\": \"\", \"token\": null", NULL},
	{"a secret in a log", "client_secret: s3cr3tcore x", "client_secret: [secret-removed] x"},
	{"a file of that name", "/etc/x.secret: Permission denied, secret: no", NULL},
	{"an error of a service", "token: AADSTS50011: no", NULL},
	{"a token by its name", "token: 0123456789abcdef access_token=x", "token: [token-removed] access_token=[token-removed]"},
	{"a signature in a URL", "?sv=1&sig=a%2Bb%3D&se=2", "?sv=1&sig=[secret-removed]"},
	{"a signature in a URL in a URL", "url=https%3A%2F%2Fx%2Fc%3Fsv%3D1%26sig%3Da%252Bb%253D x", "url=https%3A%2F%2Fx%2Fc%3Fsv%3D1%26sig%3D[secret-removed] x"},
	{"a client secret", "it is aBc8Q~abcdefg.hijklm_nopqrs-tuvwxyzabcd", "it is [secret-removed]"},
	{"no client secret", "FAQ~ 8Q~x a8Q~abcdefg.hijklm_nopqrs-tuvwxyzabcd", NULL},
	{"sources of nsswitch.conf", "passwd:         files aad\n", NULL},
	{"a tag of sudoers", "x ALL=(ALL) NOPASSWD: ALL\n", NULL},
	{"options of sshd", "passwordauthentication yes\ntokens 3\npermitemptypasswords no\n", NULL},
	{"stacks of PAM", "password required pam_unix.so sha512\n", NULL},
	{"a hash", "root:$6$saltsalt$Abc./def:19000:", "root:[password-removed]:19000:"},
	{"variables of a shell", "$x$y ${HOME} $1", NULL},

	{"a key of SSH", "ssh-rsa " BLOB " me", "ssh-rsa [encoded-removed] me"},
	{"padding", BLOB "==", "[encoded-removed]"},
	{"base64 with slashes", "Vn1kR0pT/q5lZ8wE3xYb2+Vn1kR0pTq5lZ", "[encoded-removed]"},
	{"base64 in a URL", "x=Vn1kR0pT%2Fq5lZ8wE3xYb2%2BVn1kR0pTq5lZ%3D&y", "x=[encoded-removed]%3D&y"},
	{"base64 behind an escape", "a\\nVn1kR0pT/q5lZ8wE3xYb2+Vn1kR0pTq5lZ\\nb", "a\\n[encoded-removed]\\nb"},
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
	{"a name with a plus", "alice+x@contoso.com alice%2Bx%40contoso.com alice\\u002bx\\u0040contoso.com", "person-1@domain-1 person-1@domain-1 person-1@domain-1"},
	{"a guest in a URL", "u=pat_x.de%23EXT%23%40contoso.onmicrosoft.com&x", "u=person-1@domain-1&x"},
	{"a name in a URL in a URL", "alice%2540contoso.com", "person-1@domain-1"},
	{"a name in JSON of .NET", "\\u0027o\\u0027hara@contoso.com\\u0027 \\u003co'hara@contoso.com\\u003e", "\\u0027person-1@domain-1\\u0027 \\u003cperson-1@domain-1\\u003e"},
	{"a name in JSON in JSON", "{\\\\nalice\\\\u0040contoso.com\\\\n", "{\\\\nperson-1@domain-1\\\\n"},
	{"a name in HTML", "&lt;alice&#64;contoso.com&gt; alice&#x40;contoso.com", "&lt;person-1@domain-1&gt; person-1@domain-1"},
	{"names of sshd and rsyslog", "\\303\\244nne@contoso.com x#012alice@contoso.com#012alice@contoso.com", "person-1@domain-1 x#012person-2@domain-1#012person-2@domain-1"},
	{"a name in a unit", "home-alice\\x40contoso.com.mount", "person-1@domain-1"},
	{"a name that was wrapped", LONG "alice@conto\n  so.com, x\n" LONG "alice@\ncontoso.com", LONG "person-1@domain-1, x\n" LONG "person-1@domain-1"},
	{"lines that were not wrapped", "root@vm1\nfile.txt\n" LONG "root@vm1\nfile.txt=1\n" LONG "root@vm1\nnext", NULL},
	{"bytes above ASCII", "\xc3\xa4nne@x\xc3\xa4.de", "person-1@domain-1"},
	{"many signs", "a@b@contoso.com", "person-1@domain-1"},
	{"a sign behind it", "a@contoso.com@ a@contoso.com@vm1", "person-1@domain-1@ person-1@domain-1@vm1"},
	{"a name after a colon", "user:alice@contoso.com", "user:person-1@domain-1"},
	{"accounts of a Windows domain", "CONTOSO\\alice : TTY, CONTOSO\\\\alice contoso\\alice CONTOSO\\\\\\\\Mia.x. 'NET-1\\alice'(", "person-1@domain-1 : TTY, person-1@domain-1 contoso\\alice person-2@domain-1. 'person-3@domain-2'("},
	{"accounts that begin as an escape", "for CONTOSO\\\\bob from, user=CONTOSO\\tom x, for user CONTOSO\\nina(uid=0), Match User CONTOSO\\\\ron", "for person-1@domain-1 from, user=person-2@domain-1 x, for user person-3@domain-1(uid=0), Match User person-4@domain-1"},
	{"an account beside a name", "CONTOSO\\alice@contoso.com CONTOSO\\alice alice@contoso.com", "CONTOSO\\person-1@domain-1 person-2@domain-2 person-1@domain-1"},
	{"paths of Windows", "C:\\USERS\\alice \\\\SERVER\\share D:\\X\\LOGS\\file.txt HKLM\\Software\\x SHARE\\dir\\file", NULL},
	{"accounts that are nobody's", "NT AUTHORITY\\SYSTEM BUILTIN\\Administrators CONTOSO\\VM1$", NULL},
	{"escapes", "{\"x\": \"ERROR\\nTraceback WARNING\\tfile\"} \"ERROR\\\\nTraceback\" BOOT\\x2dlabel DATA\\040disk X\\u0041bc FOO\\babc", NULL},
	{"regular expressions", "^[A-Z]+\\\\d+$ ID\\s+ ROOT\\w* ERR\\S{3} [A-Z0-9]\\abc FOO\\.bar AB\\wcd* AB\\d", NULL},
	{"escapes of sudoers and sshd", "x ALL=/bin/ls /home/VM\\ x, /bin/cat A\\:B, C\\=D, E\\,F %GROUP\\ one ALL\nMatch User *\\?x\n", NULL},
	{"a domain alone", "Match User *@contoso.com,@contoso.com", NULL},
	{"a machine", "root@vm1 a@", NULL},
	{"algorithms", "ssh-rsa-cert-v01@openssh.com,+chacha20-poly1305@openssh.com,curve25519-sha256@libssh.org", NULL},
	{"units", "user@1000.service getty@tty1.service", NULL},
};
/* clang-format on */

/* Who reads the archive by a program can go on doing so. */
static void assert_json_stays_json(const char *before, const char *after)
{
	AUTO_JSON *json = NULL, *redacted = NULL;
	struct err err = {0};

	if (json_parse(span_of(before), "", &json, &err) == 0 &&
	    json_parse(span_of(after), "", &redacted, &err) < 0)
		fail_msg("%s: %s", after, err.msg);
}

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
	assert_json_stays_json(row->text, expected);
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
	static const struct row account = {.text = "CONTOSO\\alice"};

	(void)state;
	check(&row, true, "alice@contoso.com [token-removed]");
	check(&proxy, true, "http://[password-removed]@contoso.com");
	check(&account, true, "CONTOSO\\alice");
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

/* As many tries as a hostile log can cause: it takes half a second, or a minute where it is looked
 * at again and again. */
#define SECONDS_MAX 10
static void hostile_text_takes_time_in_proportion(void **state)
{
	static const char *const texts[] = {
		"-----BEGIN ",
		"://",
		"a:",
		"a@",
		"-----END ",
		"passwd:",
		"$a",
		"a@b.",
		"token: ",
		"\"token\":\"",
		"\\",
		"%",
		"%2B",
		"&#",
		"a%3D",
		"a@b%40",
		"\"token\":[",
		"B",
		"secret: [a ",
		"--user=",
		"curl -u ",
		"\"--token\",",
		"'cookie:",
		"abc8Q~",
		"<password>",
		"'token:[\"",
		"\"token\":{\n",
		"&quot;pw&quot;:",
		"AB\\",
		"A-",
		"machine a password ",
		"login a password ",
		"password\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		CLEANUP(redact_done) struct redact redact = {0};
		AUTO_BUF in = {0}, out = {0};
		const clock_t begin = clock();

		while (in.len < (size_t)256 << 10)
			buf_str(&in, texts[i]);
		redact_text(&redact, buf_bytes(&in), &out);
		assert_true(out.len <= 8 * in.len);
		if (clock() - begin > SECONDS_MAX * CLOCKS_PER_SEC)
			fail_msg("%s", texts[i]);
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
