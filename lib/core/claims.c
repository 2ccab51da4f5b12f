/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/core/base64.h"
#include "lib/core/claims.h"
#include "lib/core/json.h"
#include "lib/core/reason.h"

/* The middle one of three parts between dots, none of them empty. */
static bool split(struct span token, struct span *ret_payload)
{
	const unsigned char *first = token.len ? memchr(token.p, '.', token.len) : NULL;
	const unsigned char *end = token.p + token.len;
	const unsigned char *second =
		first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

	if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
		return false;
	*ret_payload = (struct span){.p = first + 1, .len = (size_t)(second - first - 1)};
	return first != token.p && ret_payload->len != 0 && second + 1 != end;
}

static int get_text(const json_t *json, const char *key, char *ret, size_t size, struct err *err)
{
	const char *text = NULL;
	int r = json_get_string(json, key, &text, err);

	if (r < 0)
		return r;
	if (!text || !*text || !span_copy(span_of(text), ret, size))
		return err_set(err, EBADMSG, "%s is missing, empty or over %zu bytes long", key,
			       size - 1);
	return 0;
}

static int get_guid(const json_t *json, const char *key, char ret[GUID_SIZE], struct err *err)
{
	int r = get_text(json, key, ret, GUID_SIZE, err);

	if (r == 0 && !guid_valid(span_of(ret)))
		return err_set(err, EBADMSG, "%s is not a lower-case GUID", key);
	return r;
}

static int parse(struct span token, struct claims *ret, struct err *err)
{
	AUTO_BUF text = {0};
	AUTO_JSON *json = NULL;
	json_int_t exp = -1;
	struct span payload;
	int r;

	if (token.len > CLAIMS_TOKEN_MAX)
		return err_set(err, EMSGSIZE, "over %d bytes long", CLAIMS_TOKEN_MAX);
	if (!split(token, &payload))
		return err_set(err, EBADMSG, "not three parts between dots");
	r = base64url_decode(payload, &text, err);
	/* The words of json_parse would quote the token. */
	if (r == 0 && json_parse(buf_bytes(&text), "the payload", &json, err) < 0)
		r = err_set(err, EBADMSG, "the payload is not valid JSON");
	if (r == 0)
		r = get_guid(json, "tid", ret->tid, err);
	if (r == 0)
		r = get_guid(json, "oid", ret->oid, err);
	if (r == 0)
		r = get_text(json, "aud", ret->aud, sizeof(ret->aud), err);
	if (r == 0)
		r = json_get_int(json, "exp", &exp, err);
	if (r == 0 && exp < 0)
		r = err_set(err, EBADMSG, "exp is missing or negative");
	ret->exp_s = exp;
	return r;
}

int claims_parse(struct span token, struct claims *ret, struct err *err)
{
	struct claims claims = {.tid = ""};

	if (parse(token, &claims, err) < 0) {
		(void)err_wrap(err, "the token of the machine's identity");
		return reason_malformed(err, REASON_TOKEN_UNAVAILABLE);
	}
	*ret = claims;
	return 0;
}
