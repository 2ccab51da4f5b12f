/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/core/challenge.h"

/* Take text off the front; letters count whatever their case. */
static bool take(struct span *in, const char *text)
{
	struct span rest = *in, front;

	if (!span_take(&rest, strlen(text), &front) ||
	    strncasecmp((const char *)front.p, text, front.len) != 0)
		return false;
	*in = rest;
	return true;
}

/* Without a slash there is no way out of the directory, and none into another. */
static bool is_key_name(struct span name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-";
	static const struct span suffix = SPAN_LIT(".key");

	for (size_t i = 0; i < name.len; i++)
		if (!memchr(plain, name.p[i], sizeof(plain) - 1))
			return false;
	return name.len > suffix.len && name.p[0] != '.' &&
	       memcmp(name.p + name.len - suffix.len, suffix.p, suffix.len) == 0;
}

int challenge_parse(struct span header, char ret[CHALLENGE_NAME_SIZE], struct err *err)
{
	static const struct span dir = SPAN_LIT(CHALLENGE_DIR "/");
	struct span realm = span_trim(header), front, name;
	bool basic = take(&realm, "Basic ");

	realm = span_trim(realm);
	if (!basic || !take(&realm, "realm="))
		return err_set(err, EBADMSG, "the challenge is not Basic with a realm");
	name = realm;
	if (!span_take(&name, dir.len, &front) || !span_eq(front, dir) || !is_key_name(name) ||
	    !span_copy(name, ret, CHALLENGE_NAME_SIZE))
		return err_set(err, EBADMSG,
			       "the challenge names %.*s, which is no key of " CHALLENGE_DIR,
			       (int)(realm.len < 160 ? realm.len : 160), (const char *)realm.p);
	return 0;
}
