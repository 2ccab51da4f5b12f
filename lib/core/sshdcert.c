/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "lib/core/cleanup.h"
#include "lib/core/num.h"
#include "lib/core/sshdcert.h"
#include "lib/core/sshdtree.h"

#define ACCEPTED "PubkeyAcceptedAlgorithms"
#define ACCEPTED_OLD "PubkeyAcceptedKeyTypes"
#define SIZE "RequiredRSASize"
#define SIZE_REDHAT "RSAMinSize"
#define SHA1_NAME "ssh-rsa-cert-v01@openssh.com"
#define SHA2_NAMES "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com"
#define CA_LIST "CASignatureAlgorithms"
#define CA_NAME "rsa-sha2-256"

static const struct span sha2_names[] = {
	SPAN_LIT("rsa-sha2-512-cert-v01@openssh.com"),
	SPAN_LIT("rsa-sha2-256-cert-v01@openssh.com"),
};

/* What sshd accepts of users; everything where it has no such option. */
static struct span accepted(struct span settings)
{
	struct span list;

	if (sshdconf_shown(settings, ACCEPTED, &list) ||
	    sshdconf_shown(settings, ACCEPTED_OLD, &list))
		return list;
	return SPAN_LIT("*");
}

/* A pattern of the list can cover a name that this sshd does not know; one that stands there it
 * knows, or it would not start. */
static bool knows_sha2(struct span settings, struct span list)
{
	struct span shown;

	if (sshdconf_shown(settings, CA_LIST, &shown))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(sha2_names); i++)
		if (list.len && memmem(list.p, list.len, sha2_names[i].p, sha2_names[i].len))
			return true;
	return false;
}

static bool accepts_sha2(struct span settings, struct span list)
{
	if (!knows_sha2(settings, list))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(sha2_names); i++)
		if (sshdtree_match(list, sha2_names[i]) > 0)
			return true;
	return false;
}

unsigned sshdcert_bits(struct span settings)
{
	struct span shown;
	uint64_t bits;

	if (!sshdconf_shown(settings, SIZE, &shown) &&
	    !sshdconf_shown(settings, SIZE_REDHAT, &shown))
		return 0;
	return num_parse(shown, UINT_MAX, &bits) ? (unsigned)bits : UINT_MAX;
}

bool sshdcert_lacks(struct span settings, struct sshdcert_lack *ret)
{
	struct span list = accepted(settings), shown;
	const bool is_old = !sshdconf_shown(settings, ACCEPTED, &shown);

	const bool sha1 = sshdtree_match(list, SPAN_LIT(SHA1_NAME)) > 0;
	const bool knows = knows_sha2(settings, list);

	/* Clients give a newer sshd no proof by SHA-1, whatever they are told to add. */
	if (knows ? !accepts_sha2(settings, list) : !sha1) {
		*ret = (struct sshdcert_lack){
			.why = sha1 ? "it accepts RSA certificates with SHA-1 only"
				    : "it accepts no RSA certificates",
			.keyword = is_old ? ACCEPTED_OLD : ACCEPTED,
			.other = is_old ? NULL : ACCEPTED_OLD,
			.value = knows ? "+" SHA2_NAMES : "+" SHA1_NAME,
		};
		return true;
	}
	if (sshdconf_shown(settings, CA_LIST, &shown) &&
	    sshdtree_match(shown, SPAN_LIT(CA_NAME)) <= 0) {
		*ret = (struct sshdcert_lack){
			.why = "it accepts none that is signed with " CA_NAME,
			.keyword = CA_LIST,
			.value = "+" CA_NAME,
		};
		return true;
	}
	if (sshdcert_bits(settings) > SSHDCERT_USER_BITS) {
		*ret = (struct sshdcert_lack){
			.why = "it refuses the keys of 3072 bits that az makes",
			.keyword = sshdconf_shown(settings, SIZE, &shown) ? SIZE : SIZE_REDHAT,
			.other = SIZE_REDHAT,
			.value = "3072",
		};
		return true;
	}
	return false;
}

enum sshdcert_proof sshdcert_proof(struct span settings)
{
	return accepts_sha2(settings, accepted(settings)) ? SSHDCERT_SHA2 : SSHDCERT_SHA1_ONLY;
}
