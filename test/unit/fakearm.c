/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "test/unit/fakearm.h"
#include "test/unit/fakeimds.h"

#define DEFINITION(role, actions)                                                                  \
	"{\"id\":\"/providers/Microsoft.Authorization/roleDefinitions/" role "\","                 \
	"\"name\":\"" role "\",\"properties\":{\"permissions\":[{\"actions\":[],"                  \
	"\"notActions\":[],\"dataActions\":[" actions "],\"notDataActions\":[]}]}}"

const char fakearm_admin_definition[] =
	DEFINITION(FAKEARM_ADMIN, "\"Microsoft.Compute/virtualMachines/login/action\","
				  "\"Microsoft.Compute/virtualMachines/loginAsAdmin/action\"");
static const char user_definition[] =
	DEFINITION(FAKEARM_USER, "\"Microsoft.Compute/virtualMachines/login/action\"");

void fakearm_reply(struct fakelogin *fake, const char *url, const char *body)
{
	fakelogin_rule(fake, (struct fake_rule){url, 200, 0, body, -1, -1, 0});
}

void fakearm_usual(struct fakelogin *fake)
{
	static char token[1024];
	struct buf body = {0};

	fake_imds_token_body(&body);
	assert_true(body.len < sizeof(token));
	memcpy(token, buf_text(&body), body.len + 1);
	buf_done(&body);
	fakearm_reply(fake, "/oauth2/token", token);
	fakearm_reply(fake, "/roleAssignments", "{\"value\":[]}");
	fakearm_reply(fake, "/denyAssignments", "{\"value\":[]}");
	fakearm_reply(fake, "/roleDefinitions/" FAKEARM_ADMIN, fakearm_admin_definition);
	fakearm_reply(fake, "/roleDefinitions/" FAKEARM_USER, user_definition);
}

void fakearm_assign_at(struct fakelogin *fake, const char *url, const char *role)
{
	static char body[2048];
	int n = snprintf(
		body, sizeof(body),
		"{\"value\":[{\"id\":\"" FAKELOGIN_RESOURCE
		"/providers/Microsoft.Authorization/roleAssignments/1\",\"properties\":{"
		"\"roleDefinitionId\":\"/subscriptions/s/providers/Microsoft.Authorization/"
		"roleDefinitions/%s\",\"principalId\":\"" CERTMAKE_OID
		"\",\"principalType\":\"User\",\"scope\":\"" FAKELOGIN_RESOURCE
		"\",\"condition\":null}}]}",
		role);

	assert_true(n > 0 && (size_t)n < sizeof(body));
	fakearm_reply(fake, url, body);
}

void fakearm_assign(struct fakelogin *fake, const char *role)
{
	fakearm_assign_at(fake, "/roleAssignments", role);
}

int fakearm_ask(struct fakelogin *fake, struct decision *ret, struct err *err)
{
	AUTO_CONF conf = {0};

	fakelogin_load(fake, &conf);
	return backend_find(conf.role_backend)
		->ask(fakelogin_sys(fake), &conf, CERTMAKE_OID, ret, err);
}

enum reason fakearm_refused(struct fakelogin *fake)
{
	struct decision decision = {.boottime_ns = 5};
	struct err err = {0};

	assert_true(fakearm_ask(fake, &decision, &err) < 0);
	assert_int_equal(decision.boottime_ns, 5);
	return reason_of(&err);
}

void fakearm_expect(struct fakelogin *fake, enum verdict_kind login, enum verdict_kind admin)
{
	struct decision decision;
	struct err err = {0};

	if (fakearm_ask(fake, &decision, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(decision.login.kind, login);
	assert_int_equal(decision.admin.kind, admin);
	assert_int_equal(decision.boottime_ns, FAKELOGIN_BOOT_NS);
}
