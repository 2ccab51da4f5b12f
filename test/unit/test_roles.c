/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/core/cleanup.h"
#include "lib/core/reason.h"
#include "lib/core/roles.h"
#include "test/unit/source.h"

#define ARM "https://management.azure.com"
#define OID "6d1f0a52-93c4-4be1-8f07-2f6c1b7a9e30"
#define OTHER "20a1b7de-4c11-4e5e-8a0f-6a0c4a6f7f10"
#define GROUP "c2b50d2a-7f63-4d0b-a5c6-9a7d60f4f9b4"
#define SUB "/subscriptions/6f2a1d0c-3b58-4c1e-9d77-5a0e8f4b2c31"
#define RG SUB "/resourceGroups/web"
#define VM RG "/providers/Microsoft.Compute/virtualMachines/web-1"
#define MG "/providers/Microsoft.Management/managementGroups/"
#define ROLE "fb879df8-f326-4884-b1cf-06f3ad86be52"
#define LOGIN "Microsoft.Compute/virtualMachines/login/action"
#define LOGIN_AS_ADMIN "Microsoft.Compute/virtualMachines/loginAsAdmin/action"

/* ---- documents in the shape of the service */

static void add_file(struct roles *roles, const char *name,
		     int (*add)(struct roles *roles, struct span json, const char *arm,
				const char **ret_next, struct err *err),
		     const char **ret_next)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	source_read(name, &text);
	assert_int_equal(add(roles, buf_bytes(&text), ARM, ret_next, &err), 0);
}

static void add_definition_file(struct roles *roles, const char *name)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	source_read(name, &text);
	assert_int_equal(roles_add_definition(roles, buf_bytes(&text), &err), 0);
}

static void a_login_is_decided_from_whole_documents(void **state)
{
	AUTO_ROLES roles = {0};
	struct role_decision decision;
	const char *next = NULL;
	size_t pos = 0;

	(void)state;
	add_file(&roles, "test/data/roles/assignments-1.json", roles_add_assignments, &next);
	assert_non_null(next);
	assert_non_null(strstr(next, "$skipToken=eyJvZmZzZXQiOjF9"));
	add_file(&roles, "test/data/roles/assignments-2.json", roles_add_assignments, &next);
	assert_null(next);
	add_file(&roles, "test/data/roles/denies.json", roles_add_denies, &next);
	assert_null(next);
	assert_int_equal(roles.assignment_count, 3);

	/* The administrator's role is for another machine, and is not asked for. */
	assert_string_equal(roles_unknown(&roles, VM, OID, &pos),
			    "b24988ac-6180-42a0-ab88-20f7382dd24c");
	assert_string_equal(roles_unknown(&roles, VM, OID, &pos), ROLE);
	assert_null(roles_unknown(&roles, VM, OID, &pos));
	add_definition_file(&roles, "test/data/roles/definition-user.json");
	add_definition_file(&roles, "test/data/roles/definition-contributor.json");
	pos = 0;
	assert_null(roles_unknown(&roles, VM, OID, &pos));

	decision = roles_decide(&roles, VM, OID, LOGIN);
	assert_true(decision.granted);
	assert_false(decision.denied);
	assert_non_null(strstr(decision.id, "54a4c9de-0f0c-4c8e-8c2e-8d1b6b5f7a02"));
	assert_string_equal(decision.scope, SUB "/resourceGroups/Web");

	decision = roles_decide(&roles, VM, OID, LOGIN_AS_ADMIN);
	assert_false(decision.granted);
	assert_true(decision.denied);
	assert_non_null(strstr(decision.id, "7a0c5f8e-2f37-4f55-8f41-6f3de6a1c904"));
	assert_string_equal(decision.scope, RG);

	decision =
		roles_decide(&roles, VM, OTHER, LOGIN_AS_ADMIN); /* is excluded from the denial */
	assert_false(decision.granted);
	assert_false(decision.denied);
	assert_null(decision.id);
}

static void nothing_known_grants_nothing(void **state)
{
	const struct roles roles = {0};
	struct role_decision decision = roles_decide(&roles, VM, OID, LOGIN);

	(void)state;
	assert_false(decision.granted);
	assert_false(decision.denied);
}

/* ---- rows of one assignment, one role, perhaps one denial */

#define ASSIGNED(scope, principal, more)                                                           \
	"{\"id\":\"/a\",\"properties\":{\"scope\":\"" scope "\",\"principalId\":\"" principal      \
	"\",\"roleDefinitionId\":\"/x/roleDefinitions/" ROLE "\"" more "}}"
#define USER ",\"principalType\":\"User\""
#define DATA(actions) "[{\"dataActions\":[" actions "]}]"
#define DENIED(scope, permissions, more)                                                           \
	"{\"id\":\"/d\",\"properties\":{\"scope\":\"" scope "\",\"permissions\":" permissions more \
	"}}"
#define MINE ASSIGNED(VM, OID, USER)
#define MAY DATA("\"" LOGIN "\"")

enum { NO, GRANT, DENY, PASSED /* over, since it has a condition */ };

/* clang-format off */
static struct row {
	const char *name;
	const char *assignment, *permissions, *denial;
	int result;
} rows[] = {
	/* scope */
	{"resource", MINE, MAY, NULL, GRANT},
	{"resource in other case", ASSIGNED(SUB "/RESOURCEGROUPS/Web/Providers/microsoft.compute/VirtualMachines/WEB-1", OID, USER), MAY, NULL, GRANT},
	{"resource with a slash", ASSIGNED(VM "/", OID, USER), MAY, NULL, GRANT},
	{"resource group", ASSIGNED(RG, OID, USER), MAY, NULL, GRANT},
	{"subscription", ASSIGNED(SUB, OID, USER), MAY, NULL, GRANT},
	{"root", ASSIGNED("/", OID, USER), MAY, NULL, GRANT},
	{"management group", ASSIGNED(MG "corp", OID, USER), MAY, NULL, GRANT},
	{"below a management group", ASSIGNED(MG "corp/subscriptions/x", OID, USER), MAY, NULL, NO},
	{"management group without a name", ASSIGNED(MG, OID, USER), MAY, NULL, NO},
	{"another machine with a longer name", ASSIGNED(VM "0", OID, USER), MAY, NULL, NO},
	{"another machine with a shorter name", ASSIGNED(RG "/providers/Microsoft.Compute/virtualMachines/web-", OID, USER), MAY, NULL, NO},
	{"another group with a shorter name", ASSIGNED(SUB "/resourceGroups/we", OID, USER), MAY, NULL, NO},
	{"below the machine", ASSIGNED(VM "/extensions/x", OID, USER), MAY, NULL, NO},
	{"another subscription", ASSIGNED("/subscriptions/00000000-3b58-4c1e-9d77-5a0e8f4b2c31", OID, USER), MAY, NULL, NO},
	{"two slashes", ASSIGNED("//", OID, USER), MAY, NULL, NO},
	/* principal */
	{"service principal itself", ASSIGNED(VM, OID, ",\"principalType\":\"ServicePrincipal\""), MAY, NULL, GRANT},
	{"itself without a type", ASSIGNED(VM, OID, ""), MAY, NULL, GRANT},
	{"itself in capitals", ASSIGNED(VM, "6D1F0A52-93C4-4BE1-8F07-2F6C1B7A9E30", USER), MAY, NULL, GRANT},
	{"group", ASSIGNED(VM, GROUP, ",\"principalType\":\"Group\""), MAY, NULL, GRANT},
	{"group of another tenant", ASSIGNED(VM, GROUP, ",\"principalType\":\"ForeignGroup\""), MAY, NULL, GRANT},
	{"another user", ASSIGNED(VM, OTHER, USER), MAY, NULL, NO},
	{"another service principal", ASSIGNED(VM, OTHER, ",\"principalType\":\"ServicePrincipal\""), MAY, NULL, NO},
	{"another without a type", ASSIGNED(VM, OTHER, ""), MAY, NULL, NO},
	{"another of an unknown type", ASSIGNED(VM, OTHER, ",\"principalType\":\"Device\""), MAY, NULL, NO},
	/* conditions */
	{"condition null", ASSIGNED(VM, OID, USER ",\"condition\":null"), MAY, NULL, GRANT},
	{"condition", ASSIGNED(VM, OID, USER ",\"condition\":\"true\""), MAY, NULL, PASSED},
	{"condition empty", ASSIGNED(VM, OID, USER ",\"condition\":\"\""), MAY, NULL, PASSED},
	{"condition of another kind", ASSIGNED(VM, OID, USER ",\"condition\":false"), MAY, NULL, PASSED},
	{"condition, of another's", ASSIGNED(VM, OTHER, USER ",\"condition\":\"true\""), MAY, NULL, NO},
	{"condition, elsewhere", ASSIGNED(VM "0", OID, USER ",\"condition\":\"true\""), MAY, NULL, NO},
	{"condition, of a role that does not hold the action", ASSIGNED(VM, OID, USER ",\"condition\":\"true\""), "[]", NULL, NO},
	{"condition and denial", ASSIGNED(VM, OID, USER ",\"condition\":\"true\""), MAY, DENIED(VM, MAY, ""), DENY},
	{"permission with a condition", MINE, "[{\"condition\":\"true\",\"dataActions\":[\"*\"]}]", NULL, NO},
	/* actions */
	{"no permissions", MINE, "[]", NULL, NO},
	{"permission of nothing", MINE, "[{}]", NULL, NO},
	{"control plane action", MINE, "[{\"actions\":[\"*\"]}]", NULL, NO},
	{"administrator's action", MINE, DATA("\"" LOGIN_AS_ADMIN "\""), NULL, NO},
	{"other case", MINE, DATA("\"MICROSOFT.compute/VIRTUALMACHINES/Login/ACTION\""), NULL, GRANT},
	{"star", MINE, DATA("\"*\""), NULL, GRANT},
	{"star over segments", MINE, DATA("\"Microsoft.Compute/*\""), NULL, GRANT},
	{"star before", MINE, DATA("\"*/action\""), NULL, GRANT},
	{"stars between", MINE, DATA("\"*.Compute/*Machines/*/act*n\""), NULL, GRANT},
	{"star for nothing", MINE, DATA("\"" LOGIN "*\""), NULL, GRANT},
	{"star in the middle fails", MINE, DATA("\"Microsoft.*/read\""), NULL, NO},
	{"star that tries again", MINE, DATA("\"*action*action\""), NULL, NO},
	{"longer", MINE, DATA("\"" LOGIN "s\""), NULL, NO},
	{"shorter", MINE, DATA("\"Microsoft.Compute/virtualMachines/login/actio\""), NULL, NO},
	{"empty", MINE, DATA("\"\""), NULL, NO},
	{"second of the list", MINE, DATA("\"x\",\"" LOGIN "\""), NULL, GRANT},
	{"second permission", MINE, "[{\"dataActions\":[\"x\"]},{\"dataActions\":[\"*\"]}]", NULL, GRANT},
	{"taken out", MINE, "[{\"dataActions\":[\"*\"],\"notDataActions\":[\"*/LOGIN/*\"]}]", NULL, NO},
	{"taken out of another permission", MINE, "[{\"dataActions\":[\"*\"],\"notDataActions\":[\"*\"]},{\"dataActions\":[\"*\"]}]", NULL, GRANT},
	{"other action taken out", MINE, "[{\"dataActions\":[\"*\"],\"notDataActions\":[\"*/loginAsAdmin/*\"]}]", NULL, GRANT},
	/* denials */
	{"denied", MINE, MAY, DENIED(VM, MAY, ""), DENY},
	{"denied without a grant", ASSIGNED(VM "0", OID, USER), MAY, DENIED(VM, MAY, ""), DENY},
	{"denied above", MINE, MAY, DENIED(SUB, DATA("\"*\""), ""), DENY},
	{"denied by a management group", MINE, MAY, DENIED(MG "corp", DATA("\"*\""), ""), DENY},
	{"denied elsewhere", MINE, MAY, DENIED(VM "0", MAY, ""), GRANT},
	{"denied below", MINE, MAY, DENIED(VM "/extensions/x", MAY, ""), GRANT},
	{"another action denied", MINE, MAY, DENIED(VM, DATA("\"" LOGIN_AS_ADMIN "\""), ""), GRANT},
	{"control plane denied", MINE, MAY, DENIED(VM, "[{\"actions\":[\"*\"]}]", ""), GRANT},
	{"not taken out of the denial", MINE, MAY, DENIED(VM, "[{\"dataActions\":[\"*\"],\"notDataActions\":[\"*/read\"]}]", ""), DENY},
	{"taken out of the denial", MINE, MAY, DENIED(VM, "[{\"dataActions\":[\"*\"],\"notDataActions\":[\"*/login/*\"]}]", ""), GRANT},
	{"above, not for children", MINE, MAY, DENIED(RG, MAY, ",\"doNotApplyToChildScopes\":true"), GRANT},
	{"here, not for children", MINE, MAY, DENIED(VM, MAY, ",\"doNotApplyToChildScopes\":true"), DENY},
	{"denial with a condition", MINE, MAY, DENIED(VM, MAY, ",\"condition\":\"false\""), DENY},
	{"denied permission with a condition", MINE, MAY, DENIED(VM, "[{\"condition\":\"false\",\"dataActions\":[\"*\"]}]", ""), DENY},
	{"everybody denied", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"00000000-0000-0000-0000-000000000000\",\"type\":\"SystemDefined\"}]"), DENY},
	{"nobody denied by name", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[]"), DENY},
	{"a group denied", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"" GROUP "\",\"type\":\"Group\"}]"), DENY},
	{"somebody of no type denied", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"" OTHER "\"}]"), DENY},
	{"another user denied", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"" OTHER "\",\"type\":\"User\"}]"), GRANT},
	{"he himself denied too", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"" OTHER "\",\"type\":\"User\"},{\"id\":\"" OID "\",\"type\":\"User\"}]"), DENY},
	{"excluded", MINE, MAY, DENIED(VM, MAY, ",\"excludePrincipals\":[{\"id\":\"" OID "\",\"type\":\"User\"}]"), GRANT},
	{"everybody denied but him", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"00000000-0000-0000-0000-000000000000\",\"type\":\"SystemDefined\"}],\"excludePrincipals\":[{\"id\":\"" OID "\",\"type\":\"User\"}]"), GRANT},
	{"everybody denied but another", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"00000000-0000-0000-0000-000000000000\",\"type\":\"SystemDefined\"}],\"excludePrincipals\":[{\"id\":\"" OTHER "\",\"type\":\"User\"}]"), DENY},
	{"denied in other case of the resource", MINE, MAY, DENIED(SUB "/RESOURCEGROUPS/WEB", MAY, ""), DENY},
	{"denied here in other case, not for children", MINE, MAY, DENIED(SUB "/resourceGroups/WEB/providers/microsoft.compute/virtualmachines/Web-1", MAY, ",\"doNotApplyToChildScopes\":true"), DENY},
	{"denied by a group whose member is excluded by name", MINE, MAY, DENIED(VM, MAY, ",\"principals\":[{\"id\":\"" GROUP "\",\"type\":\"Group\"}],\"excludePrincipals\":[{\"id\":\"" OID "\",\"type\":\"User\"}]"), GRANT},
	{"taken out in one of two denied permissions", MINE, MAY, DENIED(VM, "[{\"dataActions\":[\"*\"],\"notDataActions\":[\"*\"]},{\"dataActions\":[\"*/login/*\"]}]", ""), DENY},
	{"excluded in capitals", MINE, MAY, DENIED(VM, MAY, ",\"excludePrincipals\":[{\"id\":\"6D1F0A52-93C4-4BE1-8F07-2F6C1B7A9E30\",\"type\":\"User\"}]"), GRANT},
	{"a group excluded", MINE, MAY, DENIED(VM, MAY, ",\"excludePrincipals\":[{\"id\":\"" GROUP "\",\"type\":\"Group\"}]"), DENY},
};
/* clang-format on */

static void add_page(struct roles *roles, const char *element, bool denial)
{
	AUTO_BUF text = {0};
	struct err err = {0};
	const char *next = "";

	buf_printf(&text, "{\"value\":[%s]}", element);
	if ((denial ? roles_add_denies : roles_add_assignments)(roles, buf_bytes(&text), ARM, &next,
								&err) < 0)
		fail_msg("%s", err.msg);
	assert_null(next);
}

static void add_role(struct roles *roles, const char *role, const char *permissions)
{
	AUTO_BUF text = {0};
	struct err err = {0};

	buf_printf(&text, "{\"name\":\"%s\",\"properties\":{\"permissions\":%s}}", role,
		   permissions);
	if (roles_add_definition(roles, buf_bytes(&text), &err) < 0)
		fail_msg("%s", err.msg);
}

static void is_decided(void **state)
{
	const struct row *row = *state;
	AUTO_ROLES roles = {0};
	struct role_decision decision;

	add_page(&roles, row->assignment, false);
	if (row->denial)
		add_page(&roles, row->denial, true);
	add_role(&roles, ROLE, row->permissions);
	decision = roles_decide(&roles, VM, OID, LOGIN);
	assert_int_equal(decision.granted, row->result == GRANT);
	assert_int_equal(decision.denied, row->result == DENY);
	if (row->result == NO)
		assert_null(decision.id);
	else
		assert_string_equal(decision.id, row->result == DENY ? "/d" : "/a");
}

static void an_unknown_role_grants_nothing(void **state)
{
	AUTO_ROLES roles = {0};

	(void)state;
	add_page(&roles, MINE, false);
	add_role(&roles, "00000000-f326-4884-b1cf-06f3ad86be52", DATA("\"*\""));
	assert_false(roles_decide(&roles, VM, OID, LOGIN).granted);
}

static void the_first_definition_of_a_role_stands(void **state)
{
	AUTO_ROLES roles = {0};

	(void)state;
	add_page(&roles, MINE, false);
	add_role(&roles, "FB879DF8-F326-4884-B1CF-06F3AD86BE52", "[]");
	add_role(&roles, ROLE, DATA("\"*\""));
	assert_int_equal(roles.definition_count, 1);
	assert_false(roles_decide(&roles, VM, OID, LOGIN).granted);
}

static void a_role_is_asked_for_once_and_only_if_it_can_grant(void **state)
{
	AUTO_ROLES roles = {0};
	size_t pos = 0;

	(void)state;
	add_page(&roles, ASSIGNED(VM "0", OID, USER) "," ASSIGNED(VM, OTHER, USER), false);
	assert_null(roles_unknown(&roles, VM, OID, &pos));
	add_page(&roles, ASSIGNED(VM, OID, USER ",\"condition\":\"x\""), false);
	assert_null(roles_unknown(&roles, VM, OID, &pos));
	add_page(&roles, MINE "," ASSIGNED(RG, OID, USER), false);
	assert_string_equal(roles_unknown(&roles, VM, OID, &pos), ROLE);
	assert_null(roles_unknown(&roles, VM, OID, &pos));
}

static void the_action_follows_from_the_resource(void **state)
{
	static const char arc[] = RG "/providers/microsoft.hybridcompute/MACHINES/m";

	(void)state;
	assert_string_equal(roles_action(VM, false), LOGIN);
	assert_string_equal(roles_action(VM, true), LOGIN_AS_ADMIN);
	assert_string_equal(roles_action(arc, false),
			    "Microsoft.HybridCompute/machines/login/action");
	assert_string_equal(roles_action(arc, true),
			    "Microsoft.HybridCompute/machines/loginAsAdmin/action");
}

/* ---- pages of other forms */

typedef int adder(struct roles *roles, struct span json, const char *arm, const char **ret_next,
		  struct err *err);

static int add_definition(struct roles *roles, struct span json, const char *arm,
			  const char **ret_next, struct err *err)
{
	(void)arm;
	(void)ret_next;
	return roles_add_definition(roles, json, err);
}

#define PAGE(elements) "{\"value\":[" elements "]}"
#define NEXT(url) "{\"value\":[],\"nextLink\":" url "}"
#define TEN "[[[[[[[[[["
#define MANY TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define TEXTS ",\"roleDefinitionId\":\"/x/" ROLE "\""

/* clang-format off */
static struct wrong {
	const char *name;
	adder *add;
	const char *text;
} wrong[] = {
	{"empty", roles_add_assignments, ""},
	{"no JSON", roles_add_assignments, "<html>"},
	{"an array", roles_add_assignments, "[]"},
	{"no value", roles_add_assignments, "{}"},
	{"value an object", roles_add_assignments, "{\"value\":{}}"},
	{"value twice", roles_add_assignments, "{\"value\":[],\"value\":[]}"},
	{"nextLink to another host", roles_add_assignments, NEXT("\"https://evil.example/x\"")},
	{"nextLink without TLS", roles_add_assignments, NEXT("\"http://management.azure.com/x\"")},
	{"nextLink with a user", roles_add_assignments, NEXT("\"https://management.azure.com@evil.example/x\"")},
	{"nextLink with a user before the host", roles_add_assignments, NEXT("\"https://u:p@management.azure.com/x\"")},
	{"nextLink to another port", roles_add_assignments, NEXT("\"https://management.azure.com:8443/x\"")},
	{"nextLink to a longer host", roles_add_assignments, NEXT("\"https://management.azure.com.evil.example/x\"")},
	{"nextLink without a host", roles_add_assignments, NEXT("\"/x\"")},
	{"nextLink of denials to another host", roles_add_denies, NEXT("\"https://evil.example/x\"")},
	{"nextLink a number", roles_add_assignments, NEXT("7")},
	{"truncated", roles_add_assignments, "{\"value\":[" MINE},
	{"truncated denials", roles_add_denies, "{\"value\":["},
	{"deep nesting", roles_add_assignments, "{\"value\":" MANY},
	{"deep nesting of denials", roles_add_denies, "{\"value\":[{\"properties\":{\"permissions\":" MANY},
	{"deep nesting of a definition", add_definition, "{\"properties\":" MANY},
	{"element null", roles_add_assignments, PAGE("null")},
	{"no properties", roles_add_assignments, PAGE("{\"id\":\"/a\"}")},
	{"no id", roles_add_assignments, PAGE("{\"properties\":{\"scope\":\"/\",\"principalId\":\"x\"" TEXTS "}}")},
	{"no scope", roles_add_assignments, PAGE("{\"id\":\"/a\",\"properties\":{\"principalId\":\"x\"" TEXTS "}}")},
	{"scope empty", roles_add_assignments, PAGE(ASSIGNED("", OID, USER))},
	{"scope without a slash", roles_add_assignments, PAGE(ASSIGNED("subscriptions/x", OID, USER))},
	{"no principal", roles_add_assignments, PAGE("{\"id\":\"/a\",\"properties\":{\"scope\":\"/\"" TEXTS "}}")},
	{"principalType a number", roles_add_assignments, PAGE(ASSIGNED(VM, OID, ",\"principalType\":7"))},
	{"no role", roles_add_assignments, PAGE("{\"id\":\"/a\",\"properties\":{\"scope\":\"/\",\"principalId\":\"x\"}}")},
	{"role without a slash", roles_add_assignments, PAGE("{\"id\":\"/a\",\"properties\":{\"scope\":\"/\",\"principalId\":\"x\",\"roleDefinitionId\":\"" ROLE "\"}}")},
	{"role no GUID", roles_add_assignments, PAGE("{\"id\":\"/a\",\"properties\":{\"scope\":\"/\",\"principalId\":\"x\",\"roleDefinitionId\":\"/x/owner\"}}")},
	{"good before bad", roles_add_assignments, PAGE(MINE ",7")},
	{"denial null", roles_add_denies, PAGE("null")},
	{"denial without an id", roles_add_denies, PAGE("{\"properties\":{\"scope\":\"/\",\"permissions\":[]}}")},
	{"denial without a scope", roles_add_denies, PAGE("{\"id\":\"/d\",\"properties\":{\"permissions\":[]}}")},
	{"denial without permissions", roles_add_denies, PAGE("{\"id\":\"/d\",\"properties\":{\"scope\":\"/\"}}")},
	{"denial of a permission that is text", roles_add_denies, PAGE(DENIED("/", "[\"*\"]", ""))},
	{"denial of an action that is a number", roles_add_denies, PAGE(DENIED("/", DATA("7"), ""))},
	{"denial of actions that are text", roles_add_denies, PAGE(DENIED("/", "[{\"dataActions\":\"*\"}]", ""))},
	{"denial but for a number", roles_add_denies, PAGE(DENIED("/", "[{\"notDataActions\":[7]}]", ""))},
	{"children a text", roles_add_denies, PAGE(DENIED("/", "[]", ",\"doNotApplyToChildScopes\":\"yes\""))},
	{"principals an object", roles_add_denies, PAGE(DENIED("/", "[]", ",\"principals\":{}"))},
	{"principal a text", roles_add_denies, PAGE(DENIED("/", "[]", ",\"principals\":[\"" OID "\"]"))},
	{"principal without an id", roles_add_denies, PAGE(DENIED("/", "[]", ",\"principals\":[{\"type\":\"User\"}]"))},
	{"principal of a type that is a number", roles_add_denies, PAGE(DENIED("/", "[]", ",\"principals\":[{\"id\":\"x\",\"type\":7}]"))},
	{"excluded without an id", roles_add_denies, PAGE(DENIED("/", "[]", ",\"excludePrincipals\":[{}]"))},
	{"definition an array", add_definition, "[]"},
	{"definition without a name", add_definition, "{\"properties\":{\"permissions\":[]}}"},
	{"definition's name no GUID", add_definition, "{\"name\":\"x\",\"properties\":{\"permissions\":[]}}"},
	{"definition without properties", add_definition, "{\"name\":\"" ROLE "\"}"},
	{"definition without permissions", add_definition, "{\"name\":\"" ROLE "\",\"properties\":{}}"},
	{"definition with an action that is null", add_definition, "{\"name\":\"" ROLE "\",\"properties\":{\"permissions\":" DATA("null") "}}"},
};
/* clang-format on */

static void is_refused_whole(void **state)
{
	const struct wrong *row = *state;
	AUTO_ROLES roles = {0};
	const char *next = "untouched";
	struct err err = {0};

	assert_int_equal(row->add(&roles, span_of(row->text), ARM, &next, &err), -EBADMSG);
	assert_int_equal(err.reason, REASON_BACKEND_MALFORMED);
	assert_string_equal(next, "untouched");
	assert_int_equal(roles.page_count + roles.assignment_count + roles.deny_count +
				 roles.definition_count,
			 0);
}

static void an_empty_next_link_is_the_end(void **state)
{
	static const char *const texts[] = {NEXT("null"), NEXT("\"\"")};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO_ROLES roles = {0};
		const char *next = "";
		struct err err = {0};

		assert_int_equal(roles_add_denies(&roles, span_of(texts[i]), ARM, &next, &err), 0);
		assert_null(next);
	}
}

/* ---- maxima */

static int add_many(adder *add, const char *element, size_t count)
{
	AUTO_ROLES roles = {0};
	AUTO_BUF text = {0};
	const char *next;
	struct err err = {0};
	int r;

	buf_str(&text, "{\"value\":[");
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? "," : "", element);
	buf_str(&text, "]}");
	r = add(&roles, buf_bytes(&text), ARM, &next, &err);
	assert_int_equal(roles.assignment_count + roles.deny_count, r ? 0 : count);
	return r;
}

static void only_so_many_elements_are_read(void **state)
{
	(void)state;
	assert_int_equal(add_many(roles_add_assignments, MINE, ROLES_ASSIGNMENTS_MAX), 0);
	assert_int_equal(add_many(roles_add_assignments, MINE, ROLES_ASSIGNMENTS_MAX + 1),
			 -EMSGSIZE);
	assert_int_equal(add_many(roles_add_denies, DENIED("/", "[]", ""), ROLES_DENIES_MAX), 0);
	assert_int_equal(add_many(roles_add_denies, DENIED("/", "[]", ""), ROLES_DENIES_MAX + 1),
			 -EMSGSIZE);
}

static void elements_count_over_all_pages(void **state)
{
	AUTO_ROLES roles = {0};
	const char *next;
	struct err err = {0};

	(void)state;
	add_page(&roles, MINE, false);
	roles.assignment_count = ROLES_ASSIGNMENTS_MAX; /* as if they had come */
	assert_int_equal(roles_add_assignments(&roles, SPAN_LIT(PAGE(MINE)), ARM, &next, &err),
			 -EMSGSIZE);
	roles.assignment_count = 1;
}

static void only_so_many_pages_are_read(void **state)
{
	AUTO_ROLES roles = {0};
	const char *next;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ROLES_PAGES_MAX; i++)
		assert_int_equal(
			roles_add_denies(&roles, SPAN_LIT("{\"value\":[]}"), ARM, &next, &err), 0);
	assert_int_equal(roles_add_denies(&roles, SPAN_LIT("{\"value\":[]}"), ARM, &next, &err),
			 -EMSGSIZE);
	assert_int_equal(err.reason, REASON_BACKEND_MALFORMED);
}

static void only_so_many_definitions_are_read(void **state)
{
	AUTO_ROLES roles = {0};
	struct err err = {0};
	char role[GUID_SIZE];
	AUTO_BUF text = {0};

	(void)state;
	for (unsigned i = 0; i < ROLES_DEFINITIONS_MAX; i++) {
		(void)snprintf(role, sizeof(role), "%08x-f326-4884-b1cf-06f3ad86be52", i);
		add_role(&roles, role, "[]");
	}
	buf_str(&text, "{\"name\":\"" ROLE "\",\"properties\":{\"permissions\":[]}}");
	assert_int_equal(roles_add_definition(&roles, buf_bytes(&text), &err), -EMSGSIZE);
}

static void long_texts_and_lists_are_refused(void **state)
{
	AUTO_BUF element = {0};
	AUTO_BUF long_text = {0};

	(void)state;
	while (long_text.len < ROLES_TEXT_MAX)
		buf_str(&long_text, "a");
	buf_printf(&element, DENIED("/%s", "[]", ""), buf_text(&long_text));
	assert_int_equal(add_many(roles_add_denies, buf_text(&element), 1), -EBADMSG);
	element.len = 0;
	buf_printf(&element, DENIED("/", DATA("\"%sa\""), ""), buf_text(&long_text));
	assert_int_equal(add_many(roles_add_denies, buf_text(&element), 1), -EBADMSG);
	element.len = 0;
	buf_str(&element, "{\"id\":\"/d\",\"properties\":{\"scope\":\"/"
			  "\",\"permissions\":[{\"dataActions\":[\"*\"");
	for (size_t i = 0; i < ROLES_PATTERNS_MAX; i++)
		buf_str(&element, ",\"*\"");
	buf_str(&element, "]}]}}");
	assert_int_equal(add_many(roles_add_denies, buf_text(&element), 1), -EMSGSIZE);
}

static void a_long_page_is_refused(void **state)
{
	AUTO_FREE char *text = malloc(ROLES_PAGE_MAX + 1);
	struct span whole = {(unsigned char *)text, ROLES_PAGE_MAX + 1};
	AUTO_ROLES roles = {0};
	const char *next;
	struct err err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, ' ', ROLES_PAGE_MAX + 1);
	memcpy(text, "{\"value\":[]}", strlen("{\"value\":[]}"));
	assert_int_equal(roles_add_denies(&roles, whole, ARM, &next, &err), -EMSGSIZE);
	whole.len--;
	assert_int_equal(roles_add_denies(&roles, whole, ARM, &next, &err), 0);
}

/* ---- the static backend */

/* clang-format off */
static struct file {
	const char *name, *text;
	int r;
	enum static_role role;
} files[] = {
	{"file: empty", "", 0, STATIC_ROLE_NONE},
	{"file: user", OID " user\n", 0, STATIC_ROLE_USER},
	{"file: admin", OTHER " user\n" OID " admin\n", 0, STATIC_ROLE_ADMIN},
	{"file: blanks and comments", "# who\n\n \t" OID "\tadmin \r\n# end", 0, STATIC_ROLE_ADMIN},
	{"file: no final newline", OID " user", 0, STATIC_ROLE_USER},
	{"file: another", OTHER " admin\n", 0, STATIC_ROLE_NONE},
	{"file: commented out", "#" OID " admin\n", 0, STATIC_ROLE_NONE},
	{"file: twice", OID " user\n" OID " admin\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: no role", OID "\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: unknown role", OID " root\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: role in capitals", OID " Admin\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: three words", OID " user admin\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: comment behind", OID " user # me\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: no GUID", "alice@contoso.com user\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: capitals", "6D1F0A52-93C4-4BE1-8F07-2F6C1B7A9E30 user\n", -EINVAL, STATIC_ROLE_NONE},
	{"file: bad line behind", OID " user\nx\n", -EINVAL, STATIC_ROLE_NONE},
};
/* clang-format on */

static void tells_the_role(void **state)
{
	const struct file *row = *state;
	enum static_role role = STATIC_ROLE_NONE;
	struct err err = {0};

	assert_int_equal(roles_static(span_of(row->text), OID, &role, &err), row->r);
	assert_int_equal(role, row->role);
	assert_int_equal(err.reason, row->r ? REASON_NOT_CONFIGURED : REASON_NONE);
}

static void a_bad_line_is_named(void **state)
{
	enum static_role role;
	struct err err = {0};

	(void)state;
	assert_int_equal(roles_static(SPAN_LIT("#\n\nx y\n"), OID, &role, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "line 3:"));
}

static void a_long_file_is_refused(void **state)
{
	AUTO_FREE char *text = malloc(ROLES_FILE_MAX + 1);
	enum static_role role = STATIC_ROLE_USER;
	struct err err = {0};

	(void)state;
	assert_non_null(text);
	memset(text, '\n', ROLES_FILE_MAX + 1);
	assert_int_equal(roles_static((struct span){(unsigned char *)text, ROLES_FILE_MAX + 1}, OID,
				      &role, &err),
			 -EMSGSIZE);
	assert_int_equal(role, STATIC_ROLE_USER);
	assert_int_equal(roles_static((struct span){(unsigned char *)text, ROLES_FILE_MAX}, OID,
				      &role, &err),
			 0);
	assert_int_equal(role, STATIC_ROLE_NONE);
}

static struct CMUnitTest row_test(const char *name, CMUnitTestFunction test, void *row)
{
	return (struct CMUnitTest){.name = name, .test_func = test, .initial_state = row};
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_is_decided_from_whole_documents),
		cmocka_unit_test(nothing_known_grants_nothing),
		cmocka_unit_test(an_unknown_role_grants_nothing),
		cmocka_unit_test(the_first_definition_of_a_role_stands),
		cmocka_unit_test(a_role_is_asked_for_once_and_only_if_it_can_grant),
		cmocka_unit_test(the_action_follows_from_the_resource),
		cmocka_unit_test(an_empty_next_link_is_the_end),
		cmocka_unit_test(only_so_many_elements_are_read),
		cmocka_unit_test(elements_count_over_all_pages),
		cmocka_unit_test(only_so_many_pages_are_read),
		cmocka_unit_test(only_so_many_definitions_are_read),
		cmocka_unit_test(long_texts_and_lists_are_refused),
		cmocka_unit_test(a_long_page_is_refused),
		cmocka_unit_test(a_bad_line_is_named),
		cmocka_unit_test(a_long_file_is_refused),
	};
	struct CMUnitTest list[ARRAY_LEN(rows) + ARRAY_LEN(wrong) + ARRAY_LEN(files)] = {
		{.name = NULL}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		list[n++] = row_test(rows[i].name, is_decided, &rows[i]);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		list[n++] = row_test(wrong[i].name, is_refused_whole, &wrong[i]);
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		list[n++] = row_test(files[i].name, tells_the_role, &files[i]);
	return cmocka_run_group_tests(tests, NULL, NULL) ||
	       cmocka_run_group_tests_name("rows", list, NULL, NULL);
}
