/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/core/cleanup.h"
#include "lib/core/name.h"
#include "lib/core/reason.h"
#include "lib/core/roles.h"
#include "lib/core/url.h"

/* ---- reading */

static int get_text(const json_t *json, const char *key, const char **ret, struct err *err)
{
	int r = json_get_string(json, key, ret, err);

	if (r < 0)
		return r;
	if (!*ret || !**ret || strnlen(*ret, ROLES_TEXT_MAX + 1) > ROLES_TEXT_MAX)
		return err_set(err, EBADMSG, "%s is missing, empty or over %d bytes long", key,
			       ROLES_TEXT_MAX);
	return 0;
}

static int get_scope(const json_t *properties, const char **ret, struct err *err)
{
	int r = get_text(properties, "scope", ret, err);

	if (r == 0 && **ret != '/')
		return err_set(err, EBADMSG, "scope does not begin with a slash");
	return r;
}

static int copy_guid(const char *text, char ret[GUID_SIZE], struct err *err)
{
	char lower[GUID_SIZE];

	if (!name_lower(text, lower, sizeof(lower)) || !guid_valid(span_of(lower)))
		return err_set(err, EBADMSG, "the identifier of a role is not a GUID");
	memcpy(ret, lower, sizeof(lower));
	return 0;
}

static int get_properties(const json_t *item, json_t **ret, struct err *err)
{
	int r = json_is_object(item) ? json_get_object(item, "properties", ret, err) : 0;

	if (r == 0 && !*ret)
		return err_set(err, EBADMSG, "an element has no properties");
	return r;
}

static bool is_conditional(const json_t *json)
{
	const json_t *condition = json_object_get(json, "condition");

	return condition && !json_is_null(condition);
}

static int parse_assignment(const json_t *item, void *element, struct err *err)
{
	struct role_assignment *ret = element;
	json_t *properties = NULL;
	const char *definition = NULL, *type = NULL;
	int r = get_properties(item, &properties, err);

	if (r == 0)
		r = get_text(item, "id", &ret->id, err);
	if (r == 0)
		r = get_scope(properties, &ret->scope, err);
	if (r == 0)
		r = get_text(properties, "roleDefinitionId", &definition, err);
	if (r == 0)
		r = get_text(properties, "principalId", &ret->principal, err);
	if (r == 0)
		r = json_get_string(properties, "principalType", &type, err);
	if (r < 0)
		return r;
	ret->to_group =
		type && (strcasecmp(type, "Group") == 0 || strcasecmp(type, "ForeignGroup") == 0);
	ret->conditional = is_conditional(properties);
	definition = strrchr(definition, '/');
	return copy_guid(definition ? definition + 1 : "", ret->role, err);
}

/* An array of texts; missing is empty. */
static int check_patterns(const json_t *permission, const char *key, struct err *err)
{
	json_t *list = NULL, *item;
	size_t i;
	int r = json_get_array(permission, key, &list, err);

	if (r < 0)
		return r;
	if (json_array_size(list) > ROLES_PATTERNS_MAX)
		return err_set(err, EMSGSIZE, "over %d %s", ROLES_PATTERNS_MAX, key);
	json_array_foreach(list, i, item)
	{
		if (!json_is_string(item) || json_string_length(item) > ROLES_TEXT_MAX)
			return err_set(err, EBADMSG, "%s holds %s, or a text over %d bytes", key,
				       json_kind(item), ROLES_TEXT_MAX);
	}
	return 0;
}

static int get_permissions(const json_t *properties, const json_t **ret, struct err *err)
{
	json_t *list = NULL, *item;
	size_t i;
	int r = json_get_array(properties, "permissions", &list, err);

	if (r == 0 && !list)
		r = err_set(err, EBADMSG, "there are no permissions");
	json_array_foreach(list, i, item)
	{
		if (!json_is_object(item))
			return err_set(err, EBADMSG, "a permission is %s", json_kind(item));
		if (check_patterns(item, "dataActions", err) < 0 ||
		    check_patterns(item, "notDataActions", err) < 0)
			return -err->code;
	}
	*ret = list;
	return r;
}

static int get_principals(const json_t *properties, const char *key, const json_t **ret,
			  struct err *err)
{
	json_t *list = NULL, *item;
	const char *text;
	size_t i;
	int r = json_get_array(properties, key, &list, err);

	json_array_foreach(list, i, item)
	{
		text = NULL;
		if (!json_is_object(item))
			return err_set(err, EBADMSG, "%s holds %s", key, json_kind(item));
		if (get_text(item, "id", &text, err) < 0 ||
		    json_get_string(item, "type", &text, err) < 0)
			return -err->code;
	}
	*ret = list;
	return r;
}

static int parse_deny(const json_t *item, void *element, struct err *err)
{
	struct deny_assignment *ret = element;
	json_t *properties = NULL;
	int r = get_properties(item, &properties, err);

	if (r == 0)
		r = get_text(item, "id", &ret->id, err);
	if (r == 0)
		r = get_scope(properties, &ret->scope, err);
	if (r == 0)
		r = json_get_bool(properties, "doNotApplyToChildScopes", &ret->this_scope_only,
				  err);
	if (r == 0)
		r = get_permissions(properties, &ret->permissions, err);
	if (r == 0)
		r = get_principals(properties, "principals", &ret->principals, err);
	if (r == 0)
		r = get_principals(properties, "excludePrincipals", &ret->excluded, err);
	return r;
}

/* One more document: parsed, an object, and room for it. */
static int parse_document(const struct roles *roles, struct span text, const char *what,
			  json_t **ret, struct err *err)
{
	AUTO_JSON *json = NULL;
	int r;

	if (text.len > ROLES_PAGE_MAX || roles->page_count == ROLES_PAGES_MAX)
		return err_set(err, EMSGSIZE, "%s is over %zu bytes long, or one of over %d", what,
			       ROLES_PAGE_MAX, ROLES_PAGES_MAX);
	r = json_parse(text, what, &json, err);
	if (r < 0)
		return r;
	if (!json_is_object(json))
		return err_set(err, EBADMSG, "%s is %s, expected an object", what, json_kind(json));
	*ret = steal_ptr(json);
	return 0;
}

/* A list that comes in pages. */
struct list_kind {
	const char *page, *element; /* for messages */
	size_t max, size; /* elements in all pages, bytes of one */
	int (*parse)(const json_t *item, void *element, struct err *err);
};

static const struct list_kind assignment_list = {
	.page = "a page of role assignments",
	.element = "role assignment",
	.max = ROLES_ASSIGNMENTS_MAX,
	.size = sizeof(struct role_assignment),
	.parse = parse_assignment,
};
static const struct list_kind deny_list = {
	.page = "a page of deny assignments",
	.element = "deny assignment",
	.max = ROLES_DENIES_MAX,
	.size = sizeof(struct deny_assignment),
	.parse = parse_deny,
};

struct page {
	json_t *json; /* owned */
	json_t *values;
	const char *next;
};

static void page_done(struct page *page)
{
	json_done(&page->json);
}

static int parse_page(const struct roles *roles, struct span text, const struct list_kind *kind,
		      const char *arm, struct page *ret, struct err *err)
{
	int r = parse_document(roles, text, kind->page, &ret->json, err);

	if (r == 0)
		r = json_get_array(ret->json, "value", &ret->values, err);
	if (r == 0)
		r = json_get_string(ret->json, "nextLink", &ret->next, err);
	if (r < 0)
		return r;
	if (!ret->values)
		return err_set(err, EBADMSG, "%s has no value", kind->page);
	if (ret->next && !*ret->next)
		ret->next = NULL;
	if (ret->next && !url_same_host(ret->next, arm))
		return err_set(err, EBADMSG, "nextLink of %s does not stay on %s", kind->page, arm);
	return 0;
}

/* The elements that were read so far. */
struct elements {
	void *list;
	size_t count;
};

/* Add those of a page behind them.  What was there stays valid if it fails. */
static int parse_elements(const struct list_kind *kind, const json_t *values,
			  struct elements *elements, struct err *err)
{
	size_t more = json_array_size(values), i;
	unsigned char *grown, *next;
	json_t *item;

	if (more > kind->max - elements->count)
		return err_set(err, EMSGSIZE, "too many elements with %s", kind->page);
	grown = realloc(elements->list, (elements->count + more + 1) * kind->size); /* never 0 */
	if (!grown)
		return err_oom(err);
	elements->list = grown;
	next = grown + elements->count * kind->size;
	memset(next, 0, more * kind->size);
	json_array_foreach(values, i, item)
	{
		if (kind->parse(item, next + i * kind->size, err) < 0)
			return err_wrap(err, "%s %zu", kind->element, i);
	}
	elements->count += more;
	return 0;
}

static int add_page(struct roles *roles, const struct list_kind *kind, struct elements *elements,
		    struct span json, const char *arm, const char **ret_next, struct err *err)
{
	CLEANUP(page_done) struct page page = {0};

	if (parse_page(roles, json, kind, arm, &page, err) < 0 ||
	    parse_elements(kind, page.values, elements, err) < 0)
		return reason_malformed(err, REASON_BACKEND_MALFORMED);
	/* Only now does a page's content count. */
	roles->pages[roles->page_count++] = steal_ptr(page.json);
	*ret_next = page.next;
	return 0;
}

int roles_add_assignments(struct roles *roles, struct span json, const char *arm,
			  const char **ret_next, struct err *err)
{
	struct elements elements = {roles->assignments, roles->assignment_count};
	int r = add_page(roles, &assignment_list, &elements, json, arm, ret_next, err);

	roles->assignments = elements.list;
	roles->assignment_count = elements.count;
	return r;
}

int roles_add_denies(struct roles *roles, struct span json, const char *arm, const char **ret_next,
		     struct err *err)
{
	struct elements elements = {roles->denies, roles->deny_count};
	int r = add_page(roles, &deny_list, &elements, json, arm, ret_next, err);

	roles->denies = elements.list;
	roles->deny_count = elements.count;
	return r;
}

static const struct role_definition *find_definition(const struct roles *roles, const char *role)
{
	for (size_t i = 0; i < roles->definition_count; i++)
		if (strcmp(roles->definitions[i].role, role) == 0)
			return &roles->definitions[i];
	return NULL;
}

static int add_definition(struct roles *roles, struct span text, struct err *err)
{
	struct role_definition definition = {.role = ""};
	AUTO_JSON *json = NULL;
	json_t *properties = NULL;
	const char *name = NULL;
	int r = parse_document(roles, text, "a role definition", &json, err);

	if (r == 0)
		r = get_text(json, "name", &name, err);
	if (r == 0)
		r = copy_guid(name, definition.role, err);
	if (r == 0)
		r = get_properties(json, &properties, err);
	if (r == 0)
		r = get_permissions(properties, &definition.permissions, err);
	if (r < 0 || find_definition(roles, definition.role))
		return r;
	if (roles->definition_count == ROLES_DEFINITIONS_MAX)
		return err_set(err, EMSGSIZE, "over %d role definitions", ROLES_DEFINITIONS_MAX);
	roles->definitions[roles->definition_count++] = definition;
	roles->pages[roles->page_count++] = steal_ptr(json);
	return 0;
}

int roles_add_definition(struct roles *roles, struct span json, struct err *err)
{
	return add_definition(roles, json, err) < 0
		       ? reason_malformed(err, REASON_BACKEND_MALFORMED)
		       : 0;
}

void roles_done(struct roles *roles)
{
	for (size_t i = 0; i < roles->page_count; i++)
		json_done(&roles->pages[i]);
	free(roles->assignments);
	free(roles->denies);
	*roles = (struct roles){0};
}

/* ---- deciding */

/* Azure compares actions without letter case, and `*` stands for any text, slashes too. */
static bool matches(const char *pattern, const char *action)
{
	const char *star = NULL, *resume = NULL;

	while (*action) {
		if (*pattern == '*') {
			star = pattern++;
			resume = action;
		} else if (tolower((unsigned char)*pattern) == tolower((unsigned char)*action)) {
			pattern++;
			action++;
		} else if (star) {
			pattern = star + 1;
			action = ++resume;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

static bool any_matches(const json_t *permission, const char *key, const char *action)
{
	const json_t *list = json_object_get(permission, key), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (matches(json_string_value(item), action))
			return true;
	}
	return false;
}

/* Do the permissions hold the action?  Those with a condition only when asked for. */
static bool hold(const json_t *permissions, const char *action, bool conditional_too)
{
	const json_t *item;
	size_t i;

	json_array_foreach(permissions, i, item)
	{
		if ((conditional_too || !is_conditional(item)) &&
		    any_matches(item, "dataActions", action) &&
		    !any_matches(item, "notDataActions", action))
			return true;
	}
	return false;
}

static bool is_management_group(const char *scope)
{
	static const char prefix[] = "/providers/Microsoft.Management/managementGroups/";

	return strncasecmp(scope, prefix, strlen(prefix)) == 0 && scope[strlen(prefix)] &&
	       !strchr(scope + strlen(prefix), '/');
}

/* Is the scope the resource itself (*ret_same), or above it by whole segments? */
static bool covers(const char *scope, const char *resource_id, bool *ret_same)
{
	size_t len = strlen(scope);

	if (len && scope[len - 1] == '/')
		len--; /* "/" is above everything */
	*ret_same = false;
	if (is_management_group(scope))
		return true;
	if (strncasecmp(scope, resource_id, len) != 0)
		return false;
	*ret_same = resource_id[len] == '\0';
	return *ret_same || resource_id[len] == '/';
}

/* Is it about this resource and this account? */
static bool reaches(const struct role_assignment *assignment, const char *resource_id,
		    const char *oid)
{
	bool same;

	return covers(assignment->scope, resource_id, &same) &&
	       (assignment->to_group || strcasecmp(assignment->principal, oid) == 0);
}

/* Invariant 1, as far as it does not depend on the role. */
static bool can_grant(const struct role_assignment *assignment, const char *resource_id,
		      const char *oid)
{
	return !assignment->conditional && reaches(assignment, resource_id, oid);
}

static bool names(const json_t *principals, const char *oid)
{
	const json_t *item;
	size_t i;

	json_array_foreach(principals, i, item)
	{
		if (strcasecmp(json_string_value(json_object_get(item, "id")), oid) == 0)
			return true;
	}
	return false;
}

/* Certainly other accounts: each of them is a single one, and none is this. */
static bool only_others(const json_t *principals, const char *oid)
{
	const json_t *item;
	size_t i;

	json_array_foreach(principals, i, item)
	{
		const char *type = json_string_value(json_object_get(item, "type"));

		if (!type ||
		    (strcasecmp(type, "User") != 0 && strcasecmp(type, "ServicePrincipal") != 0))
			return false;
	}
	return json_array_size(principals) != 0 && !names(principals, oid);
}

static bool applies(const struct deny_assignment *deny, const char *resource_id, const char *oid)
{
	bool same;

	return covers(deny->scope, resource_id, &same) && (same || !deny->this_scope_only) &&
	       !names(deny->excluded, oid) && !only_others(deny->principals, oid);
}

/* Did an earlier assignment ask for the same role? */
static bool asked_before(const struct roles *roles, const char *resource_id, const char *oid,
			 size_t index)
{
	const char *role = roles->assignments[index].role;

	for (size_t i = 0; i < index; i++)
		if (strcmp(roles->assignments[i].role, role) == 0 &&
		    can_grant(&roles->assignments[i], resource_id, oid))
			return true;
	return false;
}

const char *roles_unknown(const struct roles *roles, const char *resource_id, const char *oid,
			  size_t *pos)
{
	while (*pos < roles->assignment_count) {
		size_t i = (*pos)++;
		const struct role_assignment *assignment = &roles->assignments[i];

		if (can_grant(assignment, resource_id, oid) &&
		    !find_definition(roles, assignment->role) &&
		    !asked_before(roles, resource_id, oid, i))
			return assignment->role;
	}
	return NULL;
}

const char *roles_action(const char *resource_id, bool admin)
{
	if (strcasestr(resource_id, "/providers/Microsoft.HybridCompute/machines/"))
		return admin ? "Microsoft.HybridCompute/machines/loginAsAdmin/action"
			     : "Microsoft.HybridCompute/machines/login/action";
	return admin ? "Microsoft.Compute/virtualMachines/loginAsAdmin/action"
		     : "Microsoft.Compute/virtualMachines/login/action";
}

/* No grant: is that for a condition?  Nobody asked for the role of such an assignment. */
static struct role_decision passed_over(const struct roles *roles, const char *resource_id,
					const char *oid, const char *action)
{
	for (size_t i = 0; i < roles->assignment_count; i++) {
		const struct role_assignment *grant = &roles->assignments[i];
		const struct role_definition *role = find_definition(roles, grant->role);

		if (grant->conditional && reaches(grant, resource_id, oid) &&
		    (!role || hold(role->permissions, action, true)))
			return (struct role_decision){.id = grant->id, .scope = grant->scope};
	}
	return (struct role_decision){.granted = false};
}

struct role_decision roles_decide(const struct roles *roles, const char *resource_id,
				  const char *oid, const char *action)
{
	for (size_t i = 0; i < roles->deny_count; i++) {
		const struct deny_assignment *deny = &roles->denies[i];

		if (applies(deny, resource_id, oid) && hold(deny->permissions, action, true))
			return (struct role_decision){
				.denied = true, .id = deny->id, .scope = deny->scope};
	}
	for (size_t i = 0; i < roles->assignment_count; i++) {
		const struct role_assignment *grant = &roles->assignments[i];
		const struct role_definition *role = find_definition(roles, grant->role);

		if (role && can_grant(grant, resource_id, oid) &&
		    hold(role->permissions, action, false))
			return (struct role_decision){
				.granted = true, .id = grant->id, .scope = grant->scope};
	}
	return passed_over(roles, resource_id, oid, action);
}

/* ---- the static backend */

static bool read_role(struct span word, enum static_role *ret)
{
	*ret = span_is(word, "admin")  ? STATIC_ROLE_ADMIN
	       : span_is(word, "user") ? STATIC_ROLE_USER
				       : STATIC_ROLE_NONE;
	return *ret != STATIC_ROLE_NONE;
}

static int refuse_line(struct err *err, size_t line, const char *what)
{
	(void)err_set(err, EINVAL, "the file of roles, line %zu: %s", line, what);
	return reason_add(err, REASON_NOT_CONFIGURED);
}

int roles_static(struct span text, const char *oid, enum static_role *ret, struct err *err)
{
	enum static_role found = STATIC_ROLE_NONE, role;
	struct span line, account, word;

	if (text.len > ROLES_FILE_MAX) {
		(void)err_set(err, EMSGSIZE, "the file of roles is over %zu bytes long",
			      ROLES_FILE_MAX);
		return reason_add(err, REASON_NOT_CONFIGURED);
	}
	for (size_t number = 1; span_line(&text, &line); number++) {
		line = span_trim(line);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		if (!span_word(&line, &account) || !guid_valid(account) ||
		    !span_word(&line, &word) || !read_role(word, &role) || line.len != 0)
			return refuse_line(err, number, "not `OID user` or `OID admin`");
		if (!span_is(account, oid))
			continue;
		if (found != STATIC_ROLE_NONE)
			return refuse_line(err, number, "the account is there already");
		found = role;
	}
	*ret = found;
	return 0;
}
