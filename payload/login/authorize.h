/* SPDX-License-Identifier: MIT */
/*
 * The program behind the PAM module: may this account log in here, may it administer?  Its answer
 * goes to the module by the protocol of payload/pam/answer.h.
 *
 * MUST:
 *  1. only root asks, about a name of ours, with the uid that is in force for it;
 *  2. who logs in is what the certificate of this very login says, verified here once more; without
 * one nobody gets in but a user who is set up here, where authorized keys are kept;
 *  3. every byte from the network and from a certificate is parsed by a child without privileges;
 *  4. deny wins, an error denies, and an earlier grant outlives an error only as configured;
 *  5. nothing is set up for an account before its login is granted.
 */
#ifndef LOGIN_AUTHORIZE_H
#define LOGIN_AUTHORIZE_H

#include <stdint.h>

#include "lib/core/cert.h"
#include "lib/core/conf.h"
#include "lib/core/reason.h"
#include "lib/sys/sys.h"
#include "payload/login/decision.h"

struct authorize_request {
	bool admin; /* administer, otherwise log in */
	const char *name; /* lower-case */
	uint32_t uid; /* of the passwd entry in force */
	const char *service, *rhost;
	pid_t parent; /* runs the account phase */
};

/* Who it was found to be and what was decided, as far as it came, for the log and the user. */
struct authorize_result {
	char oid[GUID_SIZE], tenant[GUID_SIZE]; /* "" not known */
	char ca[CERT_FINGERPRINT_SIZE]; /* of the key that signed the certificate, "" without one */
	enum reason backend_error; /* why the role backend was asked in vain; REASON_NONE */
	struct decision decision;
};

/* 0: granted, and set up.  Otherwise a refusal with its reason. */
int authorize(struct sys *sys, const struct conf *conf, const struct authorize_request *request,
	      struct authorize_result *ret, struct err *err);

/* aad_authorize login|admin NAME UID SERVICE RHOST: the exit status says nothing. */
int authorize_main(struct sys *sys, int argc, char **argv);

#endif
