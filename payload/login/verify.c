/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/reason.h"
#include "payload/login/verify.h"

/* One certificate on its way through the checks. */
struct question {
	struct sys *sys;
	const struct conf *conf;
	const char *name;
	struct span recorded_oid, blob;
	bool offline;
	struct verified *verified;
};

static int check_form(const struct question *question, struct err *err)
{
	struct verified *verified = question->verified;
	int r = cert_parse(question->blob, &verified->cert, err);

	return r < 0 ? r : cert_fingerprint(verified->cert.ca, verified->ca, err);
}

static int check_validity(const struct question *question, struct err *err)
{
	struct sys *sys = question->sys;

	return cert_check_time(&question->verified->cert, sys_realtime_s(sys), err);
}

static int check_identity(const struct question *question, struct err *err)
{
	struct verified *verified = question->verified;

	return cert_identify(&verified->cert, &verified->identity, err);
}

static int check_tenant(const struct question *question, struct err *err)
{
	const struct conf *conf = question->conf;
	const char *tid = question->verified->identity.tid;

	if (conf_tenant_allowed(conf, tid))
		return 0;
	return reason_refuse(err, REASON_TENANT_NOT_ALLOWED,
			     "the account's tenant is %s, this machine's is %s", tid,
			     conf->tenant ? conf->tenant : "not set");
}

/* With the keys at hand no TLS follows, and OpenSSL need not get ready for it. */
static int check_signature(const struct question *question, struct err *err)
{
	const struct verified *verified = question->verified;

	if (!question->offline &&
	    keys_at_hand(question->sys, question->conf, verified->identity.tid, verified->cert.ca))
		cert_start_bare();
	return cert_verify(&verified->cert, err);
}

static int check_signing_key(const struct question *question, struct err *err)
{
	struct verified *verified = question->verified;
	const char *tid = verified->identity.tid;
	struct span ca = verified->cert.ca;

	return question->offline ? keys_check_offline(question->sys, question->conf, tid, ca,
						      &verified->keys, err)
				 : keys_check(question->sys, question->conf, tid, ca, err);
}

static int check_principal(const struct question *question, struct err *err)
{
	const struct cert_identity *identity = &question->verified->identity;

	if (cert_principal_is(identity, question->name))
		return 0;
	return reason_refuse(err, REASON_PRINCIPAL_MISMATCH,
			     "the certificate is for %s, not for %s", identity->principal,
			     question->name);
}

static int check_object_id(const struct question *question, struct err *err)
{
	const struct cert_identity *identity = &question->verified->identity;
	struct span oid = question->recorded_oid;

	if (oid.len == 0 || span_is(oid, identity->oid))
		return 0;
	return reason_refuse(err, REASON_OID_MISMATCH,
			     "%s has the object id %.*s on this machine, not %s", question->name,
			     (int)oid.len, (const char *)oid.p, identity->oid);
}

/* clang-format off */
static const struct {
	const char *name;
	int (*check)(const struct question *question, struct err *err);
} checks[VERIFY_CHECKS] = {
	[VERIFY_CERTIFICATE] = {"certificate", check_form},
	[VERIFY_VALIDITY] = {"validity", check_validity},
	[VERIFY_IDENTITY] = {"identity", check_identity},
	[VERIFY_TENANT] = {"tenant", check_tenant},
	[VERIFY_SIGNATURE] = {"signature", check_signature},
	[VERIFY_SIGNING_KEY] = {"signing-key", check_signing_key},
	[VERIFY_PRINCIPAL] = {"principal", check_principal},
	[VERIFY_OBJECT_ID] = {"object-id", check_object_id},
};
/* clang-format on */

const char *verify_check_name(enum verify_check check)
{
	return checks[check].name;
}

static int run_checks(const struct question *question, verify_observer *observer, void *arg,
		      struct err *err)
{
	int r = 0;

	*question->verified = (struct verified){0};
	for (unsigned i = 0; r == 0 && i < VERIFY_CHECKS; i++) {
		r = checks[i].check(question, err);
		if (observer)
			observer(arg, (enum verify_check)i, question->verified, r < 0 ? err : NULL);
	}
	return r;
}

int verify_certificate(struct sys *sys, const struct conf *conf, const char *name,
		       struct span recorded_oid, struct span blob, struct verified *ret,
		       struct err *err)
{
	const struct question question = {.sys = sys,
					  .conf = conf,
					  .name = name,
					  .recorded_oid = recorded_oid,
					  .blob = blob,
					  .verified = ret};

	return run_checks(&question, NULL, NULL, err);
}

int verify_offline(struct sys *sys, const struct conf *conf, const char *name,
		   struct span recorded_oid, struct span blob, verify_observer *observer, void *arg,
		   struct verified *ret, struct err *err)
{
	const struct question question = {.sys = sys,
					  .conf = conf,
					  .name = name,
					  .recorded_oid = recorded_oid,
					  .blob = blob,
					  .offline = true,
					  .verified = ret};

	return run_checks(&question, observer, arg, err);
}
