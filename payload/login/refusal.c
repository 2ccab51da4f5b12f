/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "lib/core/reason.h"
#include "lib/core/roles.h"
#include "payload/login/refusal.h"

enum detail {
	DETAIL_NONE, /* for the log alone.  The zero value. */
	DETAIL_FACTS, /* what this login showed */
	DETAIL_ROLE, /* what would have to be granted to whom */
};

/* A reason without a row is our own failure. */
/* clang-format off */
static const struct {
	enum answer_code code;
	enum detail detail;
} rows[REASON_COUNT] = {
	[REASON_NOT_CONFIGURED] = {ANSWER_CONFIG, DETAIL_NONE},
	[REASON_PAM_LINE_MISSING] = {ANSWER_CONFIG, DETAIL_FACTS},
	[REASON_DEADLINE] = {ANSWER_UNAVAILABLE, DETAIL_NONE},
	[REASON_NAME_NOT_OURS] = {ANSWER_CONFIG, DETAIL_NONE},
	[REASON_NAME_UNRESOLVED] = {ANSWER_CONFIG, DETAIL_NONE},
	[REASON_SHELL_MISSING] = {ANSWER_ACCOUNT, DETAIL_NONE},
	[REASON_SSHD_NOT_ASKING] = {ANSWER_CONFIG, DETAIL_NONE},
	[REASON_SSHD_ACCESS] = {ANSWER_CONFIG, DETAIL_NONE},
	[REASON_RECORD_MISSING] = {ANSWER_IDENTITY, DETAIL_NONE},
	[REASON_RECORD_STALE] = {ANSWER_IDENTITY, DETAIL_NONE},
	[REASON_RECORD_MALFORMED] = {ANSWER_IDENTITY, DETAIL_NONE},
	[REASON_CERT_MALFORMED] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_TYPE] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_OPTION] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_IDENTITY] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_PRINCIPAL] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_WINDOW] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_WEAK] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_NOT_YET_VALID] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CERT_EXPIRED] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CA_TYPE] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_CA_NOT_TRUSTED] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_SIGNATURE_INVALID] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_TENANT_NOT_ALLOWED] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_PRINCIPAL_MISMATCH] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_OID_MISMATCH] = {ANSWER_IDENTITY, DETAIL_FACTS},
	[REASON_UID_MISMATCH] = {ANSWER_RETRY, DETAIL_NONE},
	[REASON_ACCOUNT_RENAMED] = {ANSWER_RETRY, DETAIL_FACTS},
	[REASON_LOCAL_ACCOUNT] = {ANSWER_ACCOUNT, DETAIL_FACTS},
	[REASON_UID_SHARED] = {ANSWER_ACCOUNT, DETAIL_FACTS},
	[REASON_KEYS_UNREACHABLE] = {ANSWER_UNAVAILABLE, DETAIL_FACTS},
	[REASON_KEYS_MALFORMED] = {ANSWER_UNAVAILABLE, DETAIL_FACTS},
	[REASON_IDENTITY_MISSING] = {ANSWER_UNAVAILABLE, DETAIL_NONE},
	[REASON_TOKEN_UNAVAILABLE] = {ANSWER_UNAVAILABLE, DETAIL_FACTS},
	[REASON_BACKEND_UNREACHABLE] = {ANSWER_UNAVAILABLE, DETAIL_FACTS},
	[REASON_BACKEND_REFUSED] = {ANSWER_UNAVAILABLE, DETAIL_FACTS},
	[REASON_BACKEND_MALFORMED] = {ANSWER_UNAVAILABLE, DETAIL_FACTS},
	[REASON_ROLE_MISSING] = {ANSWER_ROLE, DETAIL_ROLE},
	[REASON_ADMIN_ROLE_MISSING] = {ANSWER_ROLE, DETAIL_ROLE},
	[REASON_ROLE_DENIED] = {ANSWER_ROLE, DETAIL_ROLE},
	[REASON_HOME_OWNED] = {ANSWER_ACCOUNT, DETAIL_FACTS},
	[REASON_PROVISION_FAILED] = {ANSWER_ACCOUNT, DETAIL_FACTS},
};
/* clang-format on */

enum answer_code refusal_code(const struct err *err)
{
	return rows[reason_of(err)].code;
}

static void add_role(const struct conf *conf, const struct authorize_request *request,
		     const struct authorize_result *result, struct buf *ret)
{
	const struct verdict *verdict =
		request->admin ? &result->decision.admin : &result->decision.login;

	if (conf->resource_id) {
		buf_printf(ret, "Action: %s\n", roles_action(conf->resource_id, request->admin));
		buf_printf(ret, "Scope: %s\n", conf->resource_id);
	}
	buf_printf(ret, "Object id: %s\n", result->oid);
	if (verdict->kind == VERDICT_DENIED)
		buf_printf(ret, "Deny assignment: %s\n", verdict->id);
	else if (verdict->id[0])
		buf_printf(ret, "Has a condition, and does not count: %s\n", verdict->id);
}

void refusal_text(const struct err *err, const struct conf *conf,
		  const struct authorize_request *request, const struct authorize_result *result,
		  struct buf *ret)
{
	const struct reason_text *text = reason_text(reason_of(err));

	buf_printf(ret, "Entra sign-in refused (%s): %s\n", text->id, text->cause);
	switch (rows[reason_of(err)].detail) {
	case DETAIL_ROLE:
		add_role(conf, request, result, ret);
		break;
	case DETAIL_FACTS:
		buf_printf(ret, "%s\n", err->msg);
		break;
	case DETAIL_NONE:
		break;
	}
	buf_printf(ret, "%s\n", text->remedy);
}
