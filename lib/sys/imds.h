/* SPDX-License-Identifier: MIT */
/*
 * The metadata service: who this machine is, and tokens of its identity.  Of an Azure VM it is
 * IMDS, of an Arc machine HIMDS, which answers in the same form but wants to see first that the
 * caller may have a token, see himds.h. Source: the services' documentation; which answers are
 * asked again is from there too.
 *
 * MUST:
 *  1. no request here goes through a proxy, and no message holds a token or a key;
 *  2. HIMDS is asked only while root or the agent listens there, and believed only if that is
 *     still so after its answer.
 */
#ifndef SYS_IMDS_H
#define SYS_IMDS_H

#include "lib/core/claims.h"
#include "lib/core/conf.h"
#include "lib/core/path.h"
#include "lib/sys/sys.h"

enum imds_kind { IMDS_VM, IMDS_ARC };

struct imds {
	enum imds_kind kind;
	const char *base_url; /* without a slash at the end */
	int64_t patience_ms; /* how long 404, 410, 429, 5xx and silence are asked again */
	int64_t identity_wait_ms; /* how long "identity not found" is asked again */
};

/* The service that the configuration names; nothing waits for an identity. */
struct imds imds_of(const struct conf *conf, int64_t patience_ms);

struct imds_instance {
	char environment[32]; /* azEnvironment, as AzurePublicCloud */
	char resource_id[PATH_BYTES_MAX + 1]; /* begins with /subscriptions/; of Arc: a machine's */
	char vm_id[GUID_SIZE];
	char scale_set[96]; /* vmScaleSetName, the one that it is an instance of; "" for none */
	char region[32]; /* location in lower case, as westeurope; "" when it is no plain name */
	int64_t date_s; /* of the answer by the service's clock, since 1970; 0: it does not say */
};

struct imds_token {
	char *text; /* owned, secret */
	struct claims claims;
};

/*
 * Errors of both: -EHOSTUNREACH no answer, or only answers that are asked again, until the patience
 * or the deadline of struct sys ended; -EREMOTEIO another status; -EBADMSG not what is documented,
 * the challenge too; -EMSGSIZE over 256 KiB; -ENOMEM; of HIMDS -EACCES: a stranger answers, the key
 * that it asks for cannot be had (see himds_authorize), or it refuses the key.  The token's
 * further, of a VM alone: -ENOENT the machine has no identity.
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
