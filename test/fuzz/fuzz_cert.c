/* SPDX-License-Identifier: MIT */
/* The certificate that a client offers: the wire bytes, whole. */
#include "config.h"

#include <stdlib.h>

#include "lib/core/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct span blob = {data, size};
	char fingerprint[CERT_FINGERPRINT_SIZE];
	struct cert_identity identity;
	struct err err = {0};
	struct cert cert;

	if (cert_parse(blob, &cert, &err) < 0)
		return 0;
	if (cert.signed_bytes.p != data || cert.signed_bytes.len >= size)
		abort();
	(void)cert_verify(&cert, &err);
	(void)cert_check_time(&cert, 1767312000, &err);
	if (cert_fingerprint(cert.ca, fingerprint, &err) < 0)
		abort();
	if (cert_identify(&cert, &identity, &err) == 0 &&
	    (!guid_valid(span_of(identity.oid)) || !guid_valid(span_of(identity.tid)) ||
	     !cert_principal_is(&identity, identity.principal)))
		abort();
	return 0;
}
