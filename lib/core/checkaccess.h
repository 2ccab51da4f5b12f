/* SPDX-License-Identifier: MIT */
/*
 * The pure part of the backends that leave the decision to a service: one question about both data
 * actions, and what was answered.
 * Sources: Microsoft.Authorization checkaccess, API version 2018-09-01-preview, whose reply is an
 * array; checkAccess, 2021-06-01-preview, whose reply is {"value": [...], "nextLink": ...}.
 *
 * Invariants (not sure means no):
 *  1. Only the decision `Allowed` grants, and only the data action that it names; a word that is
 *     not known does not.
 *  2. An answer is whole when each of the two data actions that were asked about was answered once
 *     over all its pages.  A second answer, one about anything else, and a grant beside a deny
 *     assignment make it a failure.
 *  3. One malformed element makes its whole page a failure.
 *
 * Groups and conditions are the service's matter: it is asked to expand the account's groups.
 *
 * Failures of reading, but -ENOMEM, carry the reason backend-malformed, see reason.h.
 */
#ifndef CORE_CHECKACCESS_H
#define CORE_CHECKACCESS_H

#include <stdint.h>

#include "lib/core/conf.h"
#include "lib/core/json.h"
#include "lib/core/roles.h"
#include "lib/core/url.h"

#define CHECKACCESS_REPLY_MAX ((size_t)256 << 10) /* bytes of one page */
#define CHECKACCESS_PAGES_MAX 4

/* The service that the configured backend asks. */
struct checkaccess_service {
	const char *base; /* borrowed from the configuration */
	struct buf url; /* to post the question to */
	struct buf audience; /* of the token */
};

#define AUTO_CHECKACCESS_SERVICE                                                                   \
	__attribute__((cleanup(checkaccess_service_done))) struct checkaccess_service

/*
 * For checkaccess Resource Manager at the machine's own scope; for pdp the region's service, whose
 * audience is its URL without the region.  -ENODATA another backend, or one that lacks its URL or
 * the resource id (reason not-configured); -ENOMEM.
 */
int checkaccess_service(const struct conf *conf, struct checkaccess_service *ret, struct err *err);
void checkaccess_service_done(struct checkaccess_service *service);

/* Add the question's JSON.  -EINVAL for a resource id that is no UTF-8 (not-configured); -ENOMEM.
 */
int checkaccess_question(const char *resource_id, const char *oid, struct buf *ret,
			 struct err *err);

enum access {
	ACCESS_UNANSWERED, /* The zero value. */
	ACCESS_MISSING,
	ACCESS_GRANTED,
	ACCESS_DENIED, /* by a deny assignment */
};

struct access_answer {
	enum access access;
	char id[ROLES_TEXT_MAX + 1]; /* of the assignment that decided, "" when it was not named */
	char scope[ROLES_TEXT_MAX + 1]; /* of it */
};

/* What was answered so far.  Owns nothing; the zero value is no answer. */
struct checkaccess {
	struct access_answer login, admin;
	int64_t life_ms; /* the least that was said; counts only if life_said */
	bool life_said;
	size_t page_count;
	char next[URL_MAX + 1]; /* of the page to come, "" after the last */
};

/*
 * Add one page of the answer about a resource.  base is the https URL of the service that gave it.
 * -EMSGSIZE (over CHECKACCESS_REPLY_MAX or CHECKACCESS_PAGES_MAX), -EBADMSG (no JSON, neither
 * shape, a member missing or of the wrong kind, a control character or more than ROLES_TEXT_MAX
 * bytes in a name, a negative life, a nextLink that leaves the host of base, invariant 2), -ENOMEM.
 * *answer is written only on success.
 */
int checkaccess_add(struct checkaccess *answer, struct span json, const char *resource_id,
		    const char *base, struct err *err);

/* After the last page: 0, or -EBADMSG when a data action was not answered. */
int checkaccess_whole(const struct checkaccess *answer, struct err *err);

#endif
