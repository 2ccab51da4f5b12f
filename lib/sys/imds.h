/* SPDX-License-Identifier: MIT */
/*
 * The instance metadata service of an Azure VM: who this machine is, and tokens of its identity.
 * Source: the service's documentation; which answers are asked again is from there too.
 *
 * MUST: no request here goes through a proxy, and no message holds a token.
 */
#ifndef SYS_IMDS_H
#define SYS_IMDS_H

#include "lib/core/claims.h"
#include "lib/core/path.h"
#include "lib/sys/sys.h"

#define IMDS_URL "http://169.254.169.254"

struct imds {
	const char *base_url; /* without a slash at the end */
	int64_t patience_ms; /* how long 404, 410, 429, 5xx and silence are asked again */
	int64_t identity_wait_ms; /* how long "identity not found" is asked again */
};

struct imds_instance {
	char environment[32]; /* azEnvironment, as AzurePublicCloud */
	char resource_id[PATH_BYTES_MAX + 1]; /* begins with /subscriptions/ */
	char vm_id[GUID_SIZE];
	char region[32]; /* location in lower case, as westeurope; "" when it is no plain name */
};

struct imds_token {
	char *text; /* owned, secret */
	struct claims claims;
};

/*
 * Errors of both: -EHOSTUNREACH no answer, or only answers that are asked again, until the patience
 * or the deadline of struct sys ended; -EREMOTEIO another status; -EBADMSG not what is documented;
 * -EMSGSIZE over 256 KiB; -ENOMEM.  The token's further: -ENOENT the machine has no identity.
 */
int imds_instance(struct sys *sys, const struct imds *imds, struct imds_instance *ret,
		  struct err *err);

/* A token for the audience (an application's id or URL, written into the query as it is escaped).
 */
int imds_token(struct sys *sys, const struct imds *imds, const char *audience,
	       struct imds_token *ret, struct err *err);

/* Wipes the text. */
void imds_token_done(struct imds_token *token);

#endif
