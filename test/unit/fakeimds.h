/* SPDX-License-Identifier: MIT */
/* A metadata service for tests: it answers what a script says, and time passes only in pauses. */
#ifndef TEST_FAKEIMDS_H
#define TEST_FAKEIMDS_H

#include "lib/core/buf.h"
#include "lib/sys/sys.h"
#include "test/unit/scratch.h"

#define FAKE_TENANT "11111111-2222-3333-4444-555555555555"
#define FAKE_OID "66666666-7777-8888-9999-aaaaaaaaaaaa"
#define FAKE_RESOURCE                                                                              \
	"/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/virtualMachines/vm1"
#define FAKE_ARC_RESOURCE                                                                          \
	"/subscriptions/s/resourceGroups/rg1/providers/Microsoft.HybridCompute/machines/m1"
#define FAKE_ARC_INSTANCE                                                                          \
	"{\"compute\":{\"azEnvironment\":\"AzurePublicCloud\",\"resourceId\":\"" FAKE_ARC_RESOURCE \
	"\",\"vmId\":\"bbbbbbbb-2222-3333-4444-555555555555\"}}"
#define FAKE_INSTANCE                                                                              \
	"{\"compute\":{\"azEnvironment\":\"AzurePublicCloud\",\"resourceId\":\"" FAKE_RESOURCE     \
	"\",\"vmId\":\"bbbbbbbb-2222-3333-4444-555555555555\"}}"
#define FAKE_NO_IDENTITY                                                                           \
	"{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}"

/* One answer, for a number of requests. */
struct fake_answer {
	int status; /* 0: there is none */
	const char *body; /* NULL: a token */
	int times; /* 0: for ever */
	int64_t retry_after_s; /* 0: does not say */
};

struct fake_imds {
	const struct fake_answer *instance; /* what is answered about the instance, in turn */
	const struct fake_answer *token;
	int instance_requests, token_requests;
	const char *challenge; /* what is asked back of who shows no key; NULL: nothing */
	int challenges;
	char last_authorization[128]; /* "" when none was sent */
	int64_t now_ms;
	char last_url[512];
};

extern struct fake_imds fake_imds;

/* Put it, and its clock, into ops. */
void fake_imds_install(struct sys_ops *ops);

/* Make the tree that of an Arc machine whose agent listens and has asked for a key. */
#define FAKE_KEY "a2V5"
#define FAKE_CHALLENGE "Basic realm=/var/opt/azcmagent/tokens/fake.key"
void fake_imds_arc(struct scratch *scratch);

/* An answer with a token of FAKE_TENANT and FAKE_OID. */
void fake_imds_token_body(struct buf *ret);

#endif
