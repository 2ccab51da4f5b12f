/* SPDX-License-Identifier: MIT */
/*
 * The pure part of the role backends: what Resource Manager answered, and what follows from it.
 * Source: Microsoft.Authorization, API version 2022-04-01.
 *
 * Invariants (not sure means no):
 *  1. A role assignment grants only when its scope is the resource or above it, it is to the
 *     account itself or to a group, and neither it nor the permission has a condition.
 *  2. A deny assignment at or above the resource wins over every grant, whatever its conditions,
 *     unless it names the account as excluded, or names single accounts only and not this one.
 *  3. One malformed element makes its whole page a failure.
 *
 * The requests ask with `assignedTo`, so groups are expanded by the service, and management
 * groups that it names are above the resource.
 *
 * Failures but -ENOMEM carry the reason backend-malformed, see reason.h.
 */
#ifndef CORE_ROLES_H
#define CORE_ROLES_H

#include "lib/core/guid.h"
#include "lib/core/json.h"

#define ROLES_PAGE_MAX ((size_t)4 << 20) /* bytes of one document */
#define ROLES_PAGES_MAX 256 /* documents in one decision, definitions included */
#define ROLES_ASSIGNMENTS_MAX 4096
#define ROLES_DENIES_MAX 1024
#define ROLES_DEFINITIONS_MAX 128
#define ROLES_PATTERNS_MAX 1024 /* action patterns of one list */
#define ROLES_TEXT_MAX 2048 /* bytes of one identifier, scope or pattern */

struct role_assignment {
	const char *id;
	const char *scope;
	char role[GUID_SIZE]; /* of its definition, lower-case */
	const char *principal; /* object id of the account or group */
	bool to_group;
	bool conditional;
};

struct role_definition {
	char role[GUID_SIZE]; /* lower-case */
	const json_t *permissions;
};

struct deny_assignment {
	const char *id;
	const char *scope;
	bool this_scope_only; /* doNotApplyToChildScopes */
	const json_t *permissions;
	const json_t *principals;
	const json_t *excluded; /* NULL: nobody */
};

/* All that was answered; texts live as long as the struct.  The zero value grants nothing. */
struct roles {
	json_t *pages[ROLES_PAGES_MAX];
	size_t page_count;
	struct role_assignment *assignments;
	size_t assignment_count;
	struct role_definition definitions[ROLES_DEFINITIONS_MAX];
	size_t definition_count;
	struct deny_assignment *denies;
	size_t deny_count;
};

#define AUTO_ROLES __attribute__((cleanup(roles_done))) struct roles

/*
 * Add one page of roleAssignments or denyAssignments.  arm is the https URL of Resource
 * Manager; *ret_next is the next page's URL, borrowed from *roles, NULL after the last.
 * -EMSGSIZE (any of the maxima above), -EBADMSG (no JSON, a member missing or of the wrong kind, a
 * nextLink that leaves the host of arm), -ENOMEM.  Nothing of a page that fails is added.
 */
int roles_add_assignments(struct roles *roles, struct span json, const char *arm,
			  const char **ret_next, struct err *err);
int roles_add_denies(struct roles *roles, struct span json, const char *arm, const char **ret_next,
		     struct err *err);

/* Add one roleDefinition.  Errors as above.  One that is there already is not added again. */
int roles_add_definition(struct roles *roles, struct span json, struct err *err);

/*
 * The roles whose definitions must still be asked for: the next one, from assignment *pos on, that
 * could grant this account something on the resource; each once.  *pos starts at 0.  NULL when
 * none is left.
 */
const char *roles_unknown(const struct roles *roles, const char *resource_id, const char *oid,
			  size_t *pos);

/* The data action that logging in to this resource needs, as a user or as an administrator. */
const char *roles_action(const char *resource_id, bool admin);

struct role_decision {
	bool granted;
	bool denied; /* a deny assignment applies; never together with granted */
	/*
	 * Of the assignment that decided, or of one that its condition keeps from it;
	 * borrowed; NULL: there is none.
	 */
	const char *id;
	const char *scope; /* of that assignment */
};

/*
 * May the account oid (lower-case GUID) do the data action on the resource?  Every page must have
 * been added before: what is missing cannot deny.
 */
struct role_decision roles_decide(const struct roles *roles, const char *resource_id,
				  const char *oid, const char *action);

void roles_done(struct roles *roles);

/* ---- the static backend: lines `<oid> user` or `<oid> admin`, # starts a comment line */

#define ROLES_FILE_MAX ((size_t)256 << 10)

enum static_role { STATIC_ROLE_NONE, STATIC_ROLE_USER, STATIC_ROLE_ADMIN };

/*
 * The account's role in the file's text.  The whole file is checked: -EINVAL with the line number
 * for a line of another form, or a second line for this oid; -EMSGSIZE over ROLES_FILE_MAX.
 * Reason: not-configured.
 */
int roles_static(struct span text, const char *oid, enum static_role *ret, struct err *err);

#endif
