/* SPDX-License-Identifier: MIT */
/* Resource Manager and the metadata service's tokens for the machine of fakelogin.h. */
#ifndef TEST_FAKEARM_H
#define TEST_FAKEARM_H

#include "lib/core/reason.h"
#include "payload/login/backend.h"
#include "test/unit/fakelogin.h"

#define FAKEARM_ADMIN "1c0163c0-47e6-4577-8991-ea5c82e286e4"
#define FAKEARM_USER "fb879df8-f326-4884-b1cf-06f3ad86be52"

/* Everybody is denied to administer. */
#define FAKEARM_DENY_ADMIN                                                                         \
	"{\"value\":[{\"id\":\"/d/1\",\"properties\":{\"scope\":\"" FAKELOGIN_RESOURCE "\","       \
	"\"doNotApplyToChildScopes\":false,\"permissions\":[{\"actions\":[],\"notActions\":[],"    \
	"\"dataActions\":[\"Microsoft.Compute/virtualMachines/loginAsAdmin/action\"],"             \
	"\"notDataActions\":[]}],\"principals\":[{\"id\":\"00000000-0000-0000-0000-"               \
	"000000000000\","                                                                          \
	"\"type\":\"SystemDefined\"}],\"excludePrincipals\":[]}}]}"

extern const char fakearm_admin_definition[];

/* A token, no assignments, the definitions of the two roles. */
void fakearm_usual(struct fakelogin *fake);

/* 200 with this body. */
void fakearm_reply(struct fakelogin *fake, const char *url, const char *body);

/* Alice has this role at the machine; its assignment is on the page with that text in its URL. */
void fakearm_assign(struct fakelogin *fake, const char *role);
void fakearm_assign_at(struct fakelogin *fake, const char *url, const char *role);

/* Ask the backend of the configuration about the account of certmake.h; as the backend returns. */
int fakearm_ask(struct fakelogin *fake, struct decision *ret, struct err *err);

/* It fails and decides nothing: why. */
enum reason fakearm_refused(struct fakelogin *fake);

/* It decides, and this. */
void fakearm_expect(struct fakelogin *fake, enum verdict_kind login, enum verdict_kind admin);

#endif
