/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/base64.h"
#include "lib/core/cleanup.h"
#include "lib/core/json.h"
#include "lib/core/jwks.h"
#include "lib/core/reason.h"
#include "lib/core/url.h"

/* Everybody's personal accounts: never a tenant that owns a machine. */
#define CONSUMERS "9188040d-6c67-4c5b-b112-36a304b66dad"

/* "https://host/<tenant>/..." or "https://host/{tenantid}/...", on whatever host. */
static bool issuer_allows(const char *issuer, const char *tenant)
{
	static const char scheme[] = "https://";
	const char *slash;
	struct span part;

	if (strncmp(issuer, scheme, strlen(scheme)) != 0)
		return false;
	slash = strchr(issuer + strlen(scheme), '/');
	if (!slash)
		return false;
	part = (struct span){.p = (const unsigned char *)slash + 1, .len = strcspn(slash + 1, "/")};
	return span_is(part, "{tenantid}") || (span_is(part, tenant) && !span_is(part, CONSUMERS));
}

static void copy_kid(const char *kid, char ret[JWKS_KID_MAX + 1])
{
	if (!kid || strlen(kid) > JWKS_KID_MAX)
		return;
	for (const char *c = kid; *c; c++)
		if (*c <= ' ' || *c > '~')
			return;
	memcpy(ret, kid, strlen(kid) + 1);
}

/* RFC 7518 section 6.3.1: big-endian without leading zero bytes. */
static bool read_number(const char *text, struct buf *ret, struct span *ret_number, struct err *err)
{
	if (!text || base64url_decode(span_of(text), ret, err) < 0)
		return false;
	*ret_number = buf_bytes(ret);
	return ret_number->len != 0 && ret_number->p[0] != 0;
}

static enum jwks_verdict read_numbers(const json_t *json, struct jwks_key *ret, struct err *err)
{
	const char *e_text = NULL, *n_text = NULL;
	AUTO_BUF e = {0};
	AUTO_BUF n = {0};
	AUTO_BUF blob = {0};
	struct sshrsa key;

	if (json_get_string(json, "e", &e_text, err) < 0 ||
	    json_get_string(json, "n", &n_text, err) < 0 || !read_number(e_text, &e, &key.e, err) ||
	    !read_number(n_text, &n, &key.n, err))
		return JWKS_MALFORMED;
	if (!sshrsa_acceptable(&key))
		return JWKS_SIZE;
	sshrsa_format(&key, &blob);
	if (buf_ok(&blob, err) < 0 || blob.len > sizeof(ret->blob))
		return JWKS_MALFORMED;
	memcpy(ret->blob, blob.data, blob.len);
	ret->len = blob.len;
	return JWKS_USED;
}

static enum jwks_verdict read_key(const json_t *json, const char *tenant, const char *cloud,
				  struct jwks_key *ret, struct err *err)
{
	const char *kty = NULL, *use = NULL, *key_cloud = NULL, *issuer = NULL, *kid = NULL;

	if (json_get_string(json, "kty", &kty, err) < 0 ||
	    json_get_string(json, "use", &use, err) < 0 ||
	    json_get_string(json, "cloud_instance_name", &key_cloud, err) < 0 ||
	    json_get_string(json, "issuer", &issuer, err) < 0 ||
	    json_get_string(json, "kid", &kid, err) < 0)
		return JWKS_MALFORMED;
	if (!kty || strcmp(kty, "RSA") != 0)
		return JWKS_KIND;
	if (!use || strcmp(use, "sig") != 0)
		return JWKS_USE;
	if (key_cloud && (!cloud || strcmp(key_cloud, cloud) != 0))
		return JWKS_CLOUD;
	if (issuer && !issuer_allows(issuer, tenant))
		return JWKS_ISSUER;
	copy_kid(kid, ret->kid);
	return read_numbers(json, ret, err);
}

static int parse_document(struct span text, const char *what, json_t **ret, struct err *err)
{
	AUTO_JSON *json = NULL;
	int r;

	if (text.len > JWKS_DOCUMENT_MAX)
		return err_set(err, EMSGSIZE, "%s is over %zu bytes long", what, JWKS_DOCUMENT_MAX);
	r = json_parse(text, what, &json, err);
	if (r < 0)
		return r;
	if (!json_is_object(json))
		return err_set(err, EBADMSG, "%s is %s, expected an object", what, json_kind(json));
	*ret = steal_ptr(json);
	return 0;
}

static int parse_set(struct span text, const char *tenant, const char *cloud, struct jwks *ret,
		     struct err *err)
{
	AUTO_JSON *json = NULL;
	json_t *list = NULL, *item;
	size_t i;
	int r = parse_document(text, "the key set", &json, err);

	if (r == 0)
		r = json_get_array(json, "keys", &list, err);
	if (r < 0)
		return r;
	if (!list)
		return err_set(err, EBADMSG, "the key set has no keys");
	ret->keys = calloc(JWKS_KEYS_MAX, sizeof(*ret->keys));
	if (!ret->keys)
		return err_oom(err);
	json_array_foreach(list, i, item)
	{
		struct jwks_key key = {.kid = ""};
		struct err why = {0};
		enum jwks_verdict verdict = read_key(item, tenant, cloud, &key, &why);

		if (why.code == ENOMEM)
			return err_oom(err);
		if (verdict == JWKS_USED && ret->count == JWKS_KEYS_MAX)
			verdict = JWKS_SURPLUS;
		if (verdict == JWKS_USED)
			ret->keys[ret->count++] = key;
		ret->verdicts[verdict]++;
	}
	return 0;
}

int jwks_parse(struct span json, const char *tenant, const char *cloud, struct jwks *ret,
	       struct err *err)
{
	AUTO_JWKS set = {0};

	if (parse_set(json, tenant, cloud, &set, err) < 0)
		return reason_malformed(err, REASON_KEYS_MALFORMED);
	*ret = set;
	set = (struct jwks){0};
	return 0;
}

const struct jwks_key *jwks_find(const struct jwks *jwks, struct span blob)
{
	for (size_t i = 0; i < jwks->count; i++) {
		struct jwks_key *key = &jwks->keys[i];

		if (span_eq(blob, (struct span){.p = key->blob, .len = key->len}))
			return key;
	}
	return NULL;
}

const char *jwks_verdict_text(enum jwks_verdict verdict)
{
	static const char *const texts[JWKS_VERDICTS] = {
		[JWKS_USED] = "used",
		[JWKS_KIND] = "it is no RSA key",
		[JWKS_USE] = "it is not for signatures",
		[JWKS_CLOUD] = "it belongs to another cloud, or this machine's is not known",
		[JWKS_ISSUER] = "its issuer is another tenant",
		[JWKS_SIZE] = "its size or exponent is not accepted",
		[JWKS_MALFORMED] = "it is malformed",
		[JWKS_SURPLUS] = "there are too many keys",
	};

	return texts[(unsigned)verdict < JWKS_VERDICTS ? verdict : JWKS_MALFORMED];
}

void jwks_done(struct jwks *jwks)
{
	free(jwks->keys);
	*jwks = (struct jwks){0};
}

static int parse_openid(struct span text, const char *tenant, const char *authority,
			struct openid *ret, struct err *err)
{
	const char *issuer = NULL, *uri = NULL, *cloud = NULL;
	AUTO_JSON *json = NULL;
	int r = parse_document(text, "the OpenID configuration", &json, err);

	if (r == 0)
		r = json_get_string(json, "issuer", &issuer, err);
	if (r == 0)
		r = json_get_string(json, "jwks_uri", &uri, err);
	if (r == 0)
		r = json_get_string(json, "cloud_instance_name", &cloud, err);
	if (r < 0)
		return r;
	if (!issuer || !issuer_allows(issuer, tenant))
		return err_set(err, EBADMSG, "the OpenID configuration is not of tenant %s",
			       tenant);
	if (!uri || !url_same_host(uri, authority))
		return err_set(err, EBADMSG, "jwks_uri of the OpenID configuration is not on %s",
			       authority);
	ret->jwks_uri = strdup(uri);
	ret->cloud = cloud ? strdup(cloud) : NULL;
	return ret->jwks_uri && (ret->cloud || !cloud) ? 0 : err_oom(err);
}

int openid_parse(struct span json, const char *tenant, const char *authority, struct openid *ret,
		 struct err *err)
{
	struct openid openid = {NULL, NULL};

	if (parse_openid(json, tenant, authority, &openid, err) < 0) {
		openid_done(&openid);
		return reason_malformed(err, REASON_KEYS_MALFORMED);
	}
	*ret = openid;
	return 0;
}

void openid_done(struct openid *openid)
{
	free(openid->jwks_uri);
	free(openid->cloud);
	*openid = (struct openid){NULL, NULL};
}
