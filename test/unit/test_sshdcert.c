/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/buf.h"
#include "lib/core/cleanup.h"
#include "lib/core/sshdcert.h"
#include "test/unit/source.h"

#define SHA1 "ssh-rsa-cert-v01@openssh.com"
#define SHA2_256 "rsa-sha2-256-cert-v01@openssh.com"
#define SHA2_512 "rsa-sha2-512-cert-v01@openssh.com"
#define BOTH "+" SHA2_512 "," SHA2_256
#define CA "casignaturealgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256\n"

/* clang-format off */
static struct row {
	const char *name;
	const char *file; /* test/data/sshdshow: debian-* recorded, composed-* after the release's source */
	const char *settings; /* before the file's, so that they win */
	const char *keyword, *value; /* what is lacking, NULL: nothing is */
	enum sshdcert_proof proof;
	unsigned bits;
} rows[] = {
	{"7.4 has SHA-1 alone", "composed-7.4", "", NULL, NULL, SSHDCERT_SHA1_ONLY, 0},
	{"7.4 without RSA certificates", NULL, "pubkeyacceptedkeytypes ssh-ed25519,ssh-rsa\n", "PubkeyAcceptedKeyTypes", "+" SHA1, SSHDCERT_SHA1_ONLY, 0},
	{"a pattern does not teach an old sshd new names", NULL, "pubkeyacceptedkeytypes *-cert-v01@openssh.com\n", NULL, NULL, SSHDCERT_SHA1_ONLY, 0},
	{"before 7.0 there is no such option", NULL, "port 22\n", NULL, NULL, SSHDCERT_SHA1_ONLY, 0},
	{"7.8 has no option for signatures", NULL, "pubkeyacceptedkeytypes " SHA2_256 "," SHA1 "\n", NULL, NULL, SSHDCERT_SHA2, 0},
	{"8.4", "debian-8.4", "", NULL, NULL, SSHDCERT_SHA2, 0},
	{"9.2", "debian-9.2", "", NULL, NULL, SSHDCERT_SHA2, 1024},
	{"10.0", "debian-10.0", "", NULL, NULL, SSHDCERT_SHA2, 1024},
	{"10.6, which writes keywords in another way", "debian-10.6", "", NULL, NULL, SSHDCERT_SHA2, 1024},
	{"one of both suffices", "debian-9.2", "pubkeyacceptedalgorithms " SHA2_512 "\n", NULL, NULL, SSHDCERT_SHA2, 1024},
	{"a pattern covers", NULL, CA "pubkeyacceptedalgorithms rsa-*\n", NULL, NULL, SSHDCERT_SHA2, 0},
	{"an exclusion wins", NULL, CA "pubkeyacceptedalgorithms !rsa-*,*\n", "PubkeyAcceptedAlgorithms", BOTH, SSHDCERT_SHA1_ONLY, 0},
	{"a new sshd with SHA-1 alone", "debian-9.2", "pubkeyacceptedalgorithms " SHA1 "\n", "PubkeyAcceptedAlgorithms", BOTH, SSHDCERT_SHA1_ONLY, 1024},
	{"plain keys alone", "debian-9.2", "pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-512\n", "PubkeyAcceptedAlgorithms", BOTH, SSHDCERT_SHA1_ONLY, 1024},
	{"plain keys alone, by the old name", "debian-8.4", "pubkeyacceptedkeytypes ssh-ed25519,rsa-sha2-512\n", "PubkeyAcceptedKeyTypes", BOTH, SSHDCERT_SHA1_ONLY, 0},
	{"no RSA signatures", "debian-9.2", "casignaturealgorithms ssh-ed25519\n", "CASignatureAlgorithms", "+rsa-sha2-256", SSHDCERT_SHA2, 1024},
	{"signatures of another length", "debian-8.4", "casignaturealgorithms ssh-ed25519,rsa-sha2-512\n", "CASignatureAlgorithms", "+rsa-sha2-256", SSHDCERT_SHA2, 0},
	{"keys of today", "debian-9.2", "requiredrsasize 3072\n", NULL, NULL, SSHDCERT_SHA2, 3072},
	{"larger keys than anybody makes", "debian-9.2", "requiredrsasize 3073\n", "RequiredRSASize", "3072", SSHDCERT_SHA2, 3073},
	{"the same in Red Hat's words", "debian-8.4", "rsaminsize 4096\n", "RSAMinSize", "3072", SSHDCERT_SHA2, 4096},
	{"a size that is no number", "debian-9.2", "requiredrsasize many\n", "RequiredRSASize", "3072", SSHDCERT_SHA2, UINT_MAX},
};
/* clang-format on */

static void judge(void **state)
{
	const struct row *row = *state;
	struct sshdcert_lack lack = {.keyword = NULL};
	AUTO_BUF text = {0}, file = {0};
	char path[64];

	buf_str(&text, row->settings);
	if (row->file) {
		(void)snprintf(path, sizeof(path), "test/data/sshdshow/%s", row->file);
		source_read(path, &file);
		buf_span(&text, buf_bytes(&file));
	}
	assert_int_equal(sshdcert_lacks(buf_bytes(&text), &lack), row->keyword != NULL);
	if (row->keyword) {
		assert_string_equal(lack.keyword, row->keyword);
		assert_string_equal(lack.value, row->value);
		assert_non_null(lack.why);
	} else {
		assert_null(lack.keyword);
	}
	assert_int_equal(sshdcert_proof(buf_bytes(&text)), row->proof);
	assert_int_equal(sshdcert_bits(buf_bytes(&text)), row->bits);
}

int main(void)
{
	struct CMUnitTest list[ARRAY_LEN(rows)] = {{.name = NULL}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = judge, .initial_state = &rows[i]};
	return cmocka_run_group_tests_name("sshdcert", list, NULL, NULL);
}
