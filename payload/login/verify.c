/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/reason.h"
#include "payload/login/keys.h"
#include "payload/login/verify.h"

/* Is it a certificate of an account that may come at all?  Pure. */
static int check_claims(const struct conf *conf, int64_t now_s, struct verified *ret,
			struct err *err)
{
	int r = cert_fingerprint(ret->cert.ca, ret->ca, err);

	if (r == 0)
		r = cert_check_time(&ret->cert, now_s, err);
	if (r == 0)
		r = cert_identify(&ret->cert, &ret->identity, err);
	if (r < 0)
		return r;
	if (!conf_tenant_allowed(conf, ret->identity.tid))
		return reason_refuse(err, REASON_TENANT_NOT_ALLOWED,
				     "the account's tenant is %s, this machine's is %s",
				     ret->identity.tid, conf->tenant ? conf->tenant : "not set");
	return 0;
}

static int check_name(const char *name, struct span recorded_oid,
		      const struct cert_identity *identity, struct err *err)
{
	if (!cert_principal_is(identity, name))
		return reason_refuse(err, REASON_PRINCIPAL_MISMATCH,
				     "the certificate is for %s, not for %s", identity->principal,
				     name);
	if (recorded_oid.len && !span_is(recorded_oid, identity->oid))
		return reason_refuse(err, REASON_OID_MISMATCH,
				     "%s has the object id %.*s on this machine, not %s", name,
				     (int)recorded_oid.len, (const char *)recorded_oid.p,
				     identity->oid);
	return 0;
}

int verify_certificate(struct sys *sys, const struct conf *conf, const char *name,
		       struct span recorded_oid, struct span blob, struct verified *ret,
		       struct err *err)
{
	int r;

	*ret = (struct verified){0};
	r = cert_parse(blob, &ret->cert, err);
	if (r == 0)
		r = check_claims(conf, sys->ops->realtime_s(sys), ret, err);
	if (r == 0)
		r = cert_verify(&ret->cert, err);
	if (r == 0)
		r = keys_check(sys, conf, ret->identity.tid, ret->cert.ca, err);
	if (r == 0)
		r = check_name(name, recorded_oid, &ret->identity, err);
	return r;
}
