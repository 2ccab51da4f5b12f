/* SPDX-License-Identifier: MIT */
/*
 * Secrets on lines of their own, between lines of any bytes: none is in what is left, redacting it
 * again changes nothing of them, and the same name has the same pseudonym.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/redact.h"

#define CORE                                                                                       \
	"s3cr3tC0re" /* none of it may be left; what the input itself has of it does not count */
#define RANDOM "Vn1kR0pTq5lZ8wE3xYb2Jc7" CORE "hG4mU9dQ0a"

static const char *const secrets[] = {
	"-----BEGIN PRIVATE KEY-----\n" RANDOM "\n" CORE "==\n-----END PRIVATE KEY-----",
	"{\"k\":\"-----BEGIN CERTIFICATE-----\\n" CORE "\\n-----END CERTIFICATE-----\\n\"}",
	"eyJhbGciOiJSUzI1NiJ9." CORE "." CORE,
	"Authorization: Bearer " CORE,
	"Proxy-Authorization: Basic " CORE "==",
	"retrying with Bearer " CORE,
	"proxy http://user:" CORE "@proxy.contoso.com:3128/",
	"https://" CORE ":p@ss/w:rd@proxy",
	"https_proxy=user:" CORE "@proxy:3128",
	"{\"repositoryToken\": \"a b \\\" " CORE "\"}",
	"\"{\\\"proxyPassword\\\": \\\"" CORE "\\\"}\"",
	"db_password=x;" CORE,
	"client_secret: " CORE,
	"x --client-secret " CORE " -v",
	"bindpw=" CORE,
	"{\"password\": [\"a\", {\"b\": \"x " CORE "\"}]}",
	"{\"secrets\": {\n  \"x\": \"" CORE "\",\n  \"y\": 1\n}}",
	"\"{\\\"protectedSettings\\\": {\\\"a\\\": \\\"x " CORE "\\\"}}\"",
	"\\u0022password\\u0022:\\u0022x " CORE "\\u0022",
	"<UserPassword>x " CORE "</UserPassword>",
	"curl -u user:" CORE " https://x",
	"--proxy-user user:" CORE " https://x",
	"['x', '--password', 'x " CORE "', 'y']",
	"sshpass -p " CORE " ssh x",
	"--header \"Authorization: Digest " CORE "\" https://x",
	"url=https%3A%2F%2Fx%3Fsig%3D" CORE,
	"abc8Q~" CORE ".abcdefghijklmnopqrstuvwxyz",
	"https://a.blob.core.windows.net/c?sv=1&sig=" CORE "%3D",
	"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7" RANDOM " comment",
	"{\"protectedSettings\": \"" CORE "\"}",
	"root:$6$saltsalt$" CORE ":19000",
	"alice." CORE "@contoso.com",
	"user=ALICE." CORE "@CONTOSO.COM;",
	"o'hara_" CORE "#EXT#@contoso.onmicrosoft.com",
	"login_hint=alice" CORE "%40contoso.com",
	"/home/x@" CORE ".com",
	"\\nalice." CORE "\\u0040contoso.com\\n",
	"alice%2B" CORE "%2540contoso.com",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(redact_done) struct redact redact = {.keep_names = false};
	const struct span input = {.p = data, .len = size};
	AUTO_BUF text = {0}, out = {0}, again = {0};
	size_t people;

	if (span_has(input, CORE))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		size_t piece = size / ARRAY_LEN(secrets),
		       rest = i == 0 ? size % ARRAY_LEN(secrets) : 0;

		buf_add(&text, data, piece + rest);
		data += piece + rest;
		buf_printf(&text, "\n%s\n", secrets[i]);
	}
	redact_text(&redact, buf_bytes(&text), &out);
	people = redact.people.len;
	if (span_has(buf_bytes(&out), CORE))
		abort();
	redact_text(&redact, buf_bytes(&text), &again);
	if (redact.people.len != people || !span_eq(buf_bytes(&out), buf_bytes(&again)))
		abort();
	return 0;
}
